#include "core/table_segment.h"

#include <assert.h>
#include <string.h>

#include "core/assert.h"
#include "core/memory.h"

/* A bucket's `lent` and `spilled` tell where else to look for items of that
 * home; both are counts, so that the last one to leave clears the hint. */

static_assert(sizeof(struct table_bucket) == 128, "two cache lines, none wasted");
static_assert(sizeof(struct table_segment) == 16, "a header leaves room to align in its unit");
static_assert(TABLE_POSITION_BITS + TABLE_POSITION_SHIFT + TABLE_POINTER_BITS == 64, "tag and pointer fill a word");

enum { EMPTY = 0, SPILLED_MOST = UINT8_MAX };

static uint32_t next_units(uint32_t units)
{
    uint32_t step = (1u << (31 - __builtin_clz(units))) / 4;

    return units + (step > 0 ? step : 1);
}

static uint32_t stashes_of(uint32_t units)
{
    return 1 + units / 32;
}

static uint32_t units_of(const struct table_segment *segment)
{
    uint32_t units = TABLE_UNITS_LEAST;

    while (units - 1 - stashes_of(units) < segment->homes)
        units = next_units(units);
    return units;
}

static uint32_t slots_of(const struct table_segment *segment)
{
    return table_segment_buckets(segment) * TABLE_BUCKET_SLOTS;
}

/* The least size that `count` items fill to no more than seven eighths. */
static uint32_t units_for(uint32_t count)
{
    uint32_t units = TABLE_UNITS_LEAST;

    while (units < TABLE_UNITS_MOST && (units - 1) * TABLE_BUCKET_SLOTS * 7 / 8 < count)
        units = next_units(units);
    return units;
}

/* The allocator aligns to 16 and would waste a size class on more; so the
 * header moves within its unit until the buckets lie right. */
static struct table_segment *create(struct memory *memory, uint32_t homes, uint32_t stashes, uint32_t depth)
{
    size_t unit = sizeof(struct table_bucket), bytes = (1 + homes + (size_t)stashes) * unit;
    char *block = memory_alloc(memory, bytes);
    size_t lead = -((uintptr_t)block + sizeof(struct table_segment)) % unit;
    struct table_segment *segment = (void *)(block + lead);

    ASSERT(lead + sizeof *segment <= unit);
    memset(segment, 0, bytes - lead);
    segment->homes = (uint16_t)homes;
    segment->stashes = stashes;
    segment->depth = (uint8_t)depth;
    segment->lead = (uint8_t)lead;
    return segment;
}

static struct table_segment *create_of_units(struct memory *memory, uint32_t units, uint32_t depth)
{
    uint32_t stashes = stashes_of(units);

    return create(memory, units - 1 - stashes, stashes, depth);
}

struct table_segment *table_segment_create(struct memory *memory, uint32_t count, uint32_t depth)
{
    return create_of_units(memory, units_for(count), depth);
}

void table_segment_destroy(struct memory *memory, struct table_segment *segment)
{
    memory_free(memory, (char *)segment - segment->lead);
}

size_t table_segment_bytes(const struct table_segment *segment)
{
    return memory_block_bytes((const char *)segment - segment->lead);
}

static uint32_t home_of(const struct table_segment *segment, uint64_t word)
{
    return table_home(word >> TABLE_POINTER_BITS, segment->homes);
}

static bool bucket_put(struct table_bucket *bucket, uint64_t word, uint8_t fingerprint)
{
    uint32_t free_slots = table_matches(bucket, EMPTY);

    if (free_slots == 0)
        return false;
    uint32_t slot = (uint32_t)__builtin_ctz(free_slots);
    bucket->fingerprints[slot] = fingerprint;
    bucket->items[slot] = word;
    return true;
}

/* The slot of an item in `bucket` whose home is `home`, or -1. */
static int slot_of_home(const struct table_segment *segment, uint32_t bucket, uint32_t home)
{
    const struct table_bucket *in = &segment->buckets[bucket];

    for (int slot = 0; slot < TABLE_BUCKET_SLOTS; slot++)
        if (in->fingerprints[slot] != EMPTY && home_of(segment, in->items[slot]) == home)
            return slot;
    return -1;
}

/* Takes an item from `bucket`, to which it is native, into the bucket after. */
static bool make_room(struct table_segment *segment, uint32_t bucket)
{
    struct table_bucket *full = &segment->buckets[bucket];

    if (bucket >= segment->homes || table_matches(full + 1, EMPTY) == 0)
        return false;
    int slot = slot_of_home(segment, bucket, bucket);
    if (slot < 0)
        return false;
    bucket_put(full + 1, full->items[slot], full->fingerprints[slot]);
    full->lent++;
    full->fingerprints[slot] = EMPTY;
    return true;
}

static bool put_in_stash(struct table_segment *segment, uint32_t home, uint64_t word, uint8_t fingerprint)
{
    uint8_t *spilled = &segment->buckets[home].spilled;

    for (uint32_t bucket = segment->homes; bucket < table_segment_buckets(segment); bucket++) {
        if (!bucket_put(&segment->buckets[bucket], word, fingerprint))
            continue;
        *spilled += *spilled < SPILLED_MOST;
        return true;
    }
    return false;
}

static bool put_anywhere(struct table_segment *segment, uint64_t word, uint8_t fingerprint)
{
    uint32_t home = home_of(segment, word);
    struct table_bucket *bucket = &segment->buckets[home];

    if (bucket_put(bucket, word, fingerprint))
        return true;
    if (bucket_put(bucket + 1, word, fingerprint) ||
        (make_room(segment, home + 1) && bucket_put(bucket + 1, word, fingerprint))) {
        bucket->lent++;
        return true;
    }
    return put_in_stash(segment, home, word, fingerprint);
}

bool table_segment_put(struct table_segment *segment, uint64_t word, uint8_t fingerprint)
{
    if (!put_anywhere(segment, word, fingerprint))
        return false;
    segment->count++;
    return true;
}

/* The items crowd in few homes: more homes would not help, a larger stash does. */
static struct table_segment *with_larger_stash(struct memory *memory, struct table_segment *segment)
{
    uint32_t more = 1 + segment->stashes / 4;
    struct table_segment *larger = create(memory, segment->homes, segment->stashes + more, segment->depth);

    memcpy(larger->buckets, segment->buckets, table_segment_buckets(segment) * sizeof(struct table_bucket));
    larger->count = segment->count;
    table_segment_destroy(memory, segment);
    return larger;
}

static struct table_segment *rebuild(struct memory *memory, struct table_segment *segment, uint32_t units)
{
    struct table_segment *rebuilt = create_of_units(memory, units, segment->depth);

    rebuilt = table_segment_add_all(memory, rebuilt, segment);
    table_segment_destroy(memory, segment);
    return rebuilt;
}

static bool is_half_full(const struct table_segment *segment)
{
    return segment->count >= slots_of(segment) / 2;
}

static struct table_segment *larger(struct memory *memory, struct table_segment *segment)
{
    uint32_t units = units_of(segment);

    if (units == TABLE_UNITS_MOST || !is_half_full(segment))
        return with_larger_stash(memory, segment);
    return rebuild(memory, segment, next_units(units));
}

struct table_segment *table_segment_add(struct memory *memory, struct table_segment *segment, uint64_t word,
                                        uint8_t fingerprint)
{
    while (!table_segment_put(segment, word, fingerprint))
        segment = larger(memory, segment);
    return segment;
}

struct table_segment *table_segment_add_all(struct memory *memory, struct table_segment *segment,
                                            const struct table_segment *from)
{
    for (uint32_t bucket = 0; bucket < table_segment_buckets(from); bucket++) {
        const struct table_bucket *in = &from->buckets[bucket];

        for (uint32_t slot = 0; slot < TABLE_BUCKET_SLOTS; slot++)
            if (in->fingerprints[slot] != EMPTY)
                segment = table_segment_add(memory, segment, in->items[slot], in->fingerprints[slot]);
    }
    return segment;
}

static void clear_slot(struct table_segment *segment, uint32_t bucket, uint32_t slot)
{
    struct table_bucket *in = &segment->buckets[bucket];
    uint32_t home = home_of(segment, in->items[slot]);
    struct table_bucket *at_home = &segment->buckets[home];

    ASSERT(in->fingerprints[slot] != EMPTY);
    in->fingerprints[slot] = EMPTY;
    if (bucket == home + 1)
        at_home->lent--;
    else if (bucket != home)
        at_home->spilled -= at_home->spilled < SPILLED_MOST;
}

/* Moves an item of this home back into it from `bucket`. */
static bool bring_back(struct table_segment *segment, uint32_t home, uint32_t bucket)
{
    struct table_bucket *from = &segment->buckets[bucket];
    int slot = slot_of_home(segment, bucket, home);

    if (slot < 0)
        return false;
    bucket_put(&segment->buckets[home], from->items[slot], from->fingerprints[slot]);
    clear_slot(segment, bucket, (uint32_t)slot);
    return true;
}

static void fill_from_elsewhere(struct table_segment *segment, uint32_t home)
{
    uint32_t bucket = segment->homes;

    if (segment->buckets[home].spilled > 0)
        while (bucket < table_segment_buckets(segment) && !bring_back(segment, home, bucket))
            bucket++;
    else if (segment->buckets[home].lent > 0)
        bring_back(segment, home, home + 1);
}

void table_segment_take(struct table_segment *segment, uint32_t bucket, uint32_t slot)
{
    clear_slot(segment, bucket, slot);
    segment->count--;
    if (bucket < segment->homes)
        fill_from_elsewhere(segment, bucket);
}

bool table_segment_wants_split(const struct table_segment *segment)
{
    return units_of(segment) == TABLE_UNITS_MOST && is_half_full(segment);
}

bool table_segment_is_sparse(const struct table_segment *segment)
{
    return table_segment_buckets(segment) >= TABLE_UNITS_LEAST && segment->count < slots_of(segment) * 3 / 8;
}

struct table_segment *table_segment_fit(struct memory *memory, struct table_segment *segment)
{
    if (!table_segment_is_sparse(segment))
        return segment;
    return rebuild(memory, segment, units_for(segment->count));
}
