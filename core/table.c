#include "core/table.h"

#include <assert.h>

#include "core/assert.h"
#include "core/memory.h"
#include "core/table_segment.h"

/* A segment of depth e is pointed to by the 1 << (depth - e) words of the
 * directory that share its e prefix bits. Two siblings differ in the last of
 * these bits; they merge when together they hold no more than MERGE_MOST, far
 * below what either held when it split, so the same items cannot make the two
 * split and merge in turns. */

enum { MERGE_MOST = 300, DIRECTORY_SLACK = 4, RANDOM_TRIES = 64 };

void table_init(struct table *table, struct memory *memory, table_hash_of *hash_of)
{
    *table = (struct table){.memory = memory, .hash_of = hash_of};
}

static size_t directory_words(const struct table *table)
{
    return (size_t)1 << table->depth;
}

/* From one segment's first word to the next one's. */
static size_t words_of(const struct table *table, const struct table_segment *segment)
{
    return (size_t)1 << (table->depth - segment->depth);
}

void table_deinit(struct table *table)
{
    size_t words = table->directory == NULL ? 0 : directory_words(table);

    for (size_t word = 0; word < words;) {
        struct table_segment *segment = table_pointer(table->directory[word]);

        word += words_of(table, segment);
        table_segment_destroy(table->memory, segment);
    }
    memory_free(table->memory, table->directory);
    table_init(table, table->memory, table->hash_of);
}

/* The segments of a table are counted in and out by these two. */
static void charge(struct table *table, const struct table_segment *segment)
{
    table->bytes += table_segment_bytes(segment);
    table->segments_at[segment->depth]++;
}

static void discharge(struct table *table, const struct table_segment *segment)
{
    table->bytes -= table_segment_bytes(segment);
    table->segments_at[segment->depth]--;
}

/* Lets the words of the segment that holds `hash` lead to it. */
static void point_to(struct table *table, uint64_t hash, const struct table_segment *segment)
{
    size_t words = words_of(table, segment);
    size_t first = table_prefix(hash, segment->depth) * words;

    for (size_t word = first; word < first + words; word++)
        table->directory[word] = table_word(segment->homes, segment);
}

static void note_fullest(struct table *table, const struct table_segment *segment)
{
    if (segment->count > table->fullest)
        table->fullest = segment->count;
}

/* A segment counted in under its (new) address. */
static void attach(struct table *table, uint64_t hash, const struct table_segment *segment)
{
    charge(table, segment);
    point_to(table, hash, segment);
    note_fullest(table, segment);
}

/* A directory of another depth, its words yet to be filled. Returns the old one. */
static uint64_t *replace_directory(struct table *table, uint32_t depth)
{
    uint64_t *old = table->directory;

    if (old != NULL)
        table->bytes -= memory_block_bytes(old);
    table->directory = memory_alloc(table->memory, sizeof(uint64_t) << depth);
    table->depth = depth;
    table->bytes += memory_block_bytes(table->directory);
    return old;
}

static void double_directory(struct table *table)
{
    uint64_t *old = replace_directory(table, table->depth + 1);

    for (size_t word = 0; word < directory_words(table); word++)
        table->directory[word] = old[word / 2];
    memory_free(table->memory, old);
}

static void halve_directory(struct table *table)
{
    uint64_t *old = replace_directory(table, table->depth - 1);

    for (size_t word = 0; word < directory_words(table); word++)
        table->directory[word] = old[word * 2];
    memory_free(table->memory, old);
}

static void start(struct table *table)
{
    replace_directory(table, 0);
    attach(table, 0, table_segment_create(table->memory, 1, 0));
}

/* Where many hashes are alike, splits separate little: then the directory must
 * not double for every one of them. */
static bool may_split(const struct table *table, const struct table_segment *segment)
{
    if (segment->depth < table->depth)
        return true;
    return table->depth < TABLE_DEPTH_MOST && directory_words(table) <= DIRECTORY_SLACK * table_segment_count(table);
}

static void prefetch_items(const struct table_bucket *bucket)
{
    for (uint32_t slot = 0; slot < TABLE_BUCKET_SLOTS; slot++)
        prefetch_to_read(table_pointer(bucket->items[slot]));
}

/* Deals the items of one bucket out to the halves by bit `depth` of their hashes. */
static void deal(struct table *table, const struct table_bucket *bucket, struct table_segment *halves[2])
{
    for (uint32_t slot = 0; slot < TABLE_BUCKET_SLOTS; slot++) {
        if (bucket->fingerprints[slot] == 0)
            continue;
        uint64_t word = bucket->items[slot];
        int half = table_prefix(table->hash_of(table_pointer(word)), halves[0]->depth) & 1;
        halves[half] = table_segment_add(table->memory, halves[half], word, bucket->fingerprints[slot]);
    }
}

static void split(struct table *table, uint64_t hash)
{
    struct table_segment *segment = table_segment_of(table, hash), *halves[2];
    uint32_t depth = segment->depth, buckets = table_segment_buckets(segment);

    if (depth == table->depth)
        double_directory(table);
    for (int half = 0; half < 2; half++)
        halves[half] = table_segment_create(table->memory, segment->count / 2, depth + 1);
    prefetch_items(&segment->buckets[0]);
    for (uint32_t bucket = 0; bucket < buckets; bucket++) {
        if (bucket + 1 < buckets)
            prefetch_items(&segment->buckets[bucket + 1]);
        deal(table, &segment->buckets[bucket], halves);
    }
    uint64_t upper = 1ull << (63 - depth);
    for (int half = 0; half < 2; half++)
        attach(table, half ? hash | upper : hash & ~upper, table_segment_fit(table->memory, halves[half]));
    discharge(table, segment);
    table_segment_destroy(table->memory, segment);
}

/* The slow way of an insertion: its segment is full. */
static void insert_growing(struct table *table, uint64_t hash, uint64_t word)
{
    struct table_segment *segment = table_segment_of(table, hash);

    if (table_segment_wants_split(segment) && may_split(table, segment)) {
        split(table, hash);
        segment = table_segment_of(table, hash);
    }
    discharge(table, segment);
    attach(table, hash, table_segment_add(table->memory, segment, word, table_fingerprint(hash)));
}

void table_insert(struct table *table, uint64_t hash, void *item)
{
    uint64_t word = table_word(table_tag(hash), item);

    ASSERT(item != NULL && table_pointer(word) == item);
    if (table->directory == NULL)
        start(table);
    struct table_segment *segment = table_segment_of(table, hash);
    if (table_segment_put(segment, word, table_fingerprint(hash)))
        note_fullest(table, segment);
    else
        insert_growing(table, hash, word);
    table->count++;
}

uint32_t table_stash_next(const struct table_bucket *buckets, uint32_t at)
{
    const struct table_segment *segment =
        (const void *)((const char *)buckets - offsetof(struct table_segment, buckets));
    uint32_t next = at + 1;

    if (next < segment->homes)
        next = segment->homes;
    return next < table_segment_buckets(segment) ? next : 0;
}

/* False when the segment of `hash` has no sibling to merge with. */
static bool merge(struct table *table, uint64_t hash)
{
    struct table_segment *segment = table_segment_of(table, hash);

    if (segment->depth == 0)
        return false;
    struct table_segment *sibling = table_segment_of(table, hash ^ 1ull << (64 - segment->depth));
    if (sibling->depth != segment->depth || segment->count + sibling->count > MERGE_MOST)
        return false;
    discharge(table, segment);
    discharge(table, sibling);
    struct table_segment *more = segment->count > sibling->count ? segment : sibling;
    struct table_segment *less = more == segment ? sibling : segment;
    more = table_segment_add_all(table->memory, more, less);
    more->depth--;
    table_segment_destroy(table->memory, less);
    attach(table, hash, more);
    return true;
}

static void shrink(struct table *table, uint64_t hash)
{
    while (table_segment_of(table, hash)->count <= MERGE_MOST / 2 && merge(table, hash))
        ;
    while (table->depth > 0 && table->segments_at[table->depth] == 0)
        halve_directory(table);
    struct table_segment *segment = table_segment_of(table, hash);
    if (!table_segment_is_sparse(segment))
        return;
    discharge(table, segment);
    attach(table, hash, table_segment_fit(table->memory, segment));
}

void table_probe_remove(struct table *table, struct table_probe *probe)
{
    table_segment_take(table_segment_of(table, probe->hash), probe->at, probe->slot);
    table->count--;
    if (table->count == 0)
        table_deinit(table);
    else
        shrink(table, probe->hash);
}

/* Where a walk stands: every item is visited whose first `depth` bits are
 * below prefix, or equal to it and whose position is below `position`. As
 * segments split and merge, the same place is told in other depths. */
struct place {
    uint32_t depth, position;
    uint64_t prefix;
};

static_assert(5 + TABLE_DEPTH_MOST + TABLE_POSITION_BITS == TABLE_CURSOR_BITS && TABLE_DEPTH_MOST < 32,
              "depth, prefix and position fill a cursor");

static bool place_decode(uint64_t cursor, struct place *place)
{
    place->position = cursor & ((1u << TABLE_POSITION_BITS) - 1);
    place->prefix = cursor >> TABLE_POSITION_BITS & ((1u << TABLE_DEPTH_MOST) - 1);
    cursor >>= TABLE_POSITION_BITS + TABLE_DEPTH_MOST;
    place->depth = (uint32_t)cursor;
    return cursor <= TABLE_DEPTH_MOST && place->prefix >> place->depth == 0;
}

static uint64_t place_encode(struct place place)
{
    if (place.prefix >> place.depth != 0)
        return 0;
    return ((uint64_t)place.depth << TABLE_DEPTH_MOST | place.prefix) << TABLE_POSITION_BITS | place.position;
}

/* Tells the place in the depth of the segment there, if that loses nothing. A
 * place inside what has merged since keeps its depth: the step then takes only
 * items of its prefix. */
static void place_adjust(struct place *place, uint32_t depth)
{
    while (place->position == 0 && place->depth > depth && place->prefix % 2 == 0) {
        place->depth--;
        place->prefix /= 2;
    }
    if (place->depth < depth) {
        place->prefix <<= depth - place->depth;
        place->depth = depth;
    }
}

/* One step of a walk over one home. */
struct step {
    const struct table *table;
    const struct table_segment *segment;
    struct place place;
    uint32_t home;
    void (*visit)(void *context, void *item);
    void *context;
};

static bool step_wants(const struct step *step, uint64_t word)
{
    uint64_t tag = word >> TABLE_POINTER_BITS;

    if (table_home(tag, step->segment->homes) != step->home || tag >> TABLE_POSITION_SHIFT < step->place.position)
        return false;
    if (step->place.depth == step->segment->depth)
        return true;
    return table_prefix(step->table->hash_of(table_pointer(word)), step->place.depth) == step->place.prefix;
}

static void step_visit(const struct step *step, uint32_t bucket)
{
    const struct table_bucket *in = &step->segment->buckets[bucket];

    for (uint32_t slot = 0; slot < TABLE_BUCKET_SLOTS; slot++)
        if (in->fingerprints[slot] != 0 && step_wants(step, in->items[slot]))
            step->visit(step->context, table_pointer(in->items[slot]));
}

static void step_visit_all(const struct step *step)
{
    const struct table_segment *segment = step->segment;
    uint32_t next = step->home + 1;

    step_visit(step, step->home);
    if (segment->buckets[step->home].lent > 0)
        step_visit(step, next);
    if (segment->buckets[step->home].spilled == 0)
        return;
    for (uint32_t bucket = segment->homes; bucket < table_segment_buckets(segment); bucket++)
        if (bucket != next)
            step_visit(step, bucket);
}

uint64_t table_scan(const struct table *table, uint64_t cursor, void (*visit)(void *context, void *item), void *context)
{
    struct step step = {.table = table, .visit = visit, .context = context};
    struct place *place = &step.place;

    if (!place_decode(cursor, place) || table->directory == NULL)
        return 0;
    step.segment = table_segment_of(table, place->prefix << 1 << (63 - place->depth));
    place_adjust(place, step.segment->depth);
    uint32_t homes = step.segment->homes;
    step.home = place->position * homes >> TABLE_POSITION_BITS;
    step_visit_all(&step);
    place->position = (((step.home + 1) << TABLE_POSITION_BITS) + homes - 1) / homes;
    if (step.home + 1 == homes) {
        place->position = 0;
        place->prefix++;
    }
    return place_encode(*place);
}

struct dice {
    uint64_t (*random)(void *context);
    void *context;
};

static uint64_t roll(struct dice dice, uint64_t below)
{
    return (uint64_t)((unsigned __int128)dice.random(dice.context) * below >> 64);
}

static void *random_in(const struct table_segment *segment, struct dice dice)
{
    uint32_t slots = table_segment_buckets(segment) * TABLE_BUCKET_SLOTS;

    for (;;) {
        uint64_t chosen = roll(dice, slots);
        const struct table_bucket *bucket = &segment->buckets[chosen / TABLE_BUCKET_SLOTS];

        if (bucket->fingerprints[chosen % TABLE_BUCKET_SLOTS] != 0)
            return table_pointer(bucket->items[chosen % TABLE_BUCKET_SLOTS]);
    }
}

/* The segment that holds the rank-th item, in directory order. */
static const struct table_segment *segment_at_rank(const struct table *table, uint64_t rank)
{
    const struct table_segment *segment = table_pointer(table->directory[0]);

    for (size_t word = 0; rank >= segment->count;) {
        rank -= segment->count;
        word += words_of(table, segment);
        ASSERT(word < directory_words(table));
        segment = table_pointer(table->directory[word]);
    }
    return segment;
}

/* A segment is chosen in proportion to its count: by a word that is its first
 * and a height below its count; if that fails too often, by an item's rank. */
void *table_random(const struct table *table, uint64_t (*random)(void *context), void *context)
{
    struct dice dice = {random, context};

    if (table->count == 0)
        return NULL;
    for (int tries = 0; tries < RANDOM_TRIES; tries++) {
        size_t word = roll(dice, directory_words(table));
        const struct table_segment *segment = table_pointer(table->directory[word]);

        if (word % words_of(table, segment) == 0 && roll(dice, table->fullest) < segment->count)
            return random_in(segment, dice);
    }
    return random_in(segment_at_rank(table, roll(dice, table->count)), dice);
}

/* The segment of a random word of the directory, or the next that holds anything: there is one. */
static const struct table_segment *segment_with_items(const struct table *table, uint64_t random)
{
    size_t word = table_prefix(random, table->depth);
    const struct table_segment *segment = table_pointer(table->directory[word]);

    while (segment->count == 0) {
        word = (word + 1) & (directory_words(table) - 1);
        segment = table_pointer(table->directory[word]);
    }
    return segment;
}

size_t table_sample(const struct table *table, uint64_t random, void **items, size_t most)
{
    size_t found = 0;

    if (table->count == 0)
        return 0;
    const struct table_segment *segment = segment_with_items(table, random);
    uint32_t slots = table_segment_buckets(segment) * TABLE_BUCKET_SLOTS, slot = (uint32_t)random % slots;
    for (uint32_t looked = 0; looked < slots && found < most; looked++) {
        const struct table_bucket *bucket = &segment->buckets[slot / TABLE_BUCKET_SLOTS];

        if (bucket->fingerprints[slot % TABLE_BUCKET_SLOTS] != 0)
            items[found++] = table_pointer(bucket->items[slot % TABLE_BUCKET_SLOTS]);
        slot = slot + 1 < slots ? slot + 1 : 0;
    }
    return found;
}

size_t table_bytes(const struct table *table)
{
    return table->bytes;
}

size_t table_segment_count(const struct table *table)
{
    size_t segments = 0;

    for (uint32_t depth = 0; depth <= table->depth; depth++)
        segments += table->segments_at[depth];
    return segments;
}
