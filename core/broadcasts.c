#include "core/broadcasts.h"

#include <stdlib.h>

#include "core/assert.h"
#include "core/hash.h"
#include "core/memory.h"
#include "core/resp_write.h"

enum { KEPT_BYTES = 512 }; /* for the next keys of a prefix */

void broadcasts_init(struct broadcasts *broadcasts, struct memory *memory)
{
    *broadcasts = (struct broadcasts){.memory = memory};
    named_keys_init(&broadcasts->prefixes, memory);
}

static struct broadcast *find(const struct broadcasts *broadcasts, struct str prefix)
{
    return named_keys_find(&broadcasts->prefixes, 0, prefix, hash_keyed(prefix));
}

/* Lengths of prefixes. */

/* Where this length is, or would be. */
static size_t length_place(const struct broadcasts *broadcasts, size_t length)
{
    size_t at = 0;

    while (at < broadcasts->length_count && broadcasts->lengths[at].length < length)
        at++;
    return at;
}

static void add_length(struct broadcasts *broadcasts, size_t length)
{
    size_t at = length_place(broadcasts, length), count = broadcasts->length_count;

    if (at < count && broadcasts->lengths[at].length == length) {
        broadcasts->lengths[at].prefixes++;
        return;
    }
    if (count == broadcasts->length_capacity) {
        broadcasts->length_capacity = count ? 2 * count : 8;
        broadcasts->lengths = memory_resize(broadcasts->memory, broadcasts->lengths,
                                            broadcasts->length_capacity * sizeof *broadcasts->lengths);
    }
    memmove(&broadcasts->lengths[at + 1], &broadcasts->lengths[at], (count - at) * sizeof *broadcasts->lengths);
    broadcasts->lengths[at] = (struct broadcast_length){length, 1};
    broadcasts->length_count++;
}

static void remove_length(struct broadcasts *broadcasts, size_t length)
{
    size_t at = length_place(broadcasts, length);

    if (--broadcasts->lengths[at].prefixes > 0)
        return;
    broadcasts->length_count--;
    memmove(&broadcasts->lengths[at], &broadcasts->lengths[at + 1],
            (broadcasts->length_count - at) * sizeof *broadcasts->lengths);
}

/* Prefixes. */

static struct broadcast *create(struct broadcasts *broadcasts, struct str prefix)
{
    struct broadcast *broadcast = memory_alloc_zeroed(broadcasts->memory, sizeof *broadcast + prefix.length);

    broadcast->prefix = (struct named_key){{broadcast->bytes, prefix.length}, hash_keyed(prefix), 0};
    str_copy(broadcast->bytes, prefix);
    buffer_init(&broadcast->keys, broadcasts->memory, NULL, 0);
    named_keys_add(&broadcasts->prefixes, &broadcast->prefix);
    add_length(broadcasts, prefix.length);
    return broadcast;
}

static void free_broadcast(void *context, void *item)
{
    struct memory *memory = context;
    struct broadcast *broadcast = item;

    buffer_deinit(&broadcast->keys);
    memory_free(memory, broadcast->readers);
    memory_free(memory, broadcast);
}

static void destroy(struct broadcasts *broadcasts, struct broadcast *broadcast)
{
    remove_length(broadcasts, broadcast->prefix.name.length);
    named_keys_remove(&broadcasts->prefixes, &broadcast->prefix);
    free_broadcast(broadcasts->memory, broadcast);
}

void broadcasts_deinit(struct broadcasts *broadcasts)
{
    uint64_t cursor = 0;

    do
        cursor = table_drain(&broadcasts->prefixes, cursor, free_broadcast, broadcasts->memory);
    while (cursor);
    memory_free(broadcasts->memory, broadcasts->lengths);
    memory_free(broadcasts->memory, broadcasts->collected);
}

/* Readers. */

static bool is_before(struct tracking_reader a, struct tracking_reader b)
{
    return a.home != b.home ? a.home < b.home : a.id < b.id;
}

static size_t reader_place(const struct broadcast *broadcast, struct tracking_reader reader)
{
    size_t low = 0, high = broadcast->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (is_before(broadcast->readers[middle], reader))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool has_reader(const struct broadcast *broadcast, size_t place, struct tracking_reader reader)
{
    return place < broadcast->count && broadcast->readers[place].id == reader.id;
}

static void insert_reader(struct memory *memory, struct broadcast *broadcast, size_t place,
                          struct tracking_reader reader)
{
    if (broadcast->count == broadcast->capacity) {
        broadcast->capacity = broadcast->capacity ? 2 * broadcast->capacity : 4;
        broadcast->readers =
            memory_resize(memory, broadcast->readers, broadcast->capacity * sizeof *broadcast->readers);
    }
    memmove(&broadcast->readers[place + 1], &broadcast->readers[place],
            (broadcast->count - place) * sizeof *broadcast->readers);
    broadcast->readers[place] = reader;
    broadcast->count++;
}

void broadcasts_add(struct broadcasts *broadcasts, struct str prefix, struct tracking_reader reader)
{
    struct broadcast *broadcast = find(broadcasts, prefix);
    size_t place;

    if (!broadcast)
        broadcast = create(broadcasts, prefix);
    place = reader_place(broadcast, reader);
    if (has_reader(broadcast, place, reader))
        broadcast->readers[place].generation = reader.generation;
    else
        insert_reader(broadcasts->memory, broadcast, place, reader);
}

void broadcasts_remove(struct broadcasts *broadcasts, struct str prefix, struct tracking_reader reader)
{
    struct broadcast *broadcast = find(broadcasts, prefix);
    size_t place = broadcast ? reader_place(broadcast, reader) : 0;

    if (!broadcast || !has_reader(broadcast, place, reader) ||
        broadcast->readers[place].generation != reader.generation)
        return;
    broadcast->count--;
    memmove(&broadcast->readers[place], &broadcast->readers[place + 1],
            (broadcast->count - place) * sizeof *broadcast->readers);
    if (broadcast->count == 0)
        destroy(broadcasts, broadcast);
}

/* Keys that have changed. */

static void note_collected(struct broadcasts *broadcasts, struct broadcast *broadcast)
{
    if (broadcasts->collected_count == broadcasts->collected_capacity) {
        broadcasts->collected_capacity = broadcasts->collected_capacity ? 2 * broadcasts->collected_capacity : 4;
        broadcasts->collected = memory_resize(broadcasts->memory, broadcasts->collected,
                                              broadcasts->collected_capacity * sizeof *broadcasts->collected);
    }
    broadcasts->collected[broadcasts->collected_count++] = broadcast;
}

static void append_key(struct buffer *keys, struct str key)
{
    struct reply bulks = {.buffer = *keys, .protocol = 3};

    reply_bulk(&bulks, key);
    *keys = bulks.buffer;
}

static void collect(struct broadcasts *broadcasts, struct broadcast *broadcast, struct str key, uint64_t by)
{
    if (broadcast->key_count == 0) {
        broadcast->by = by;
        note_collected(broadcasts, broadcast);
    }
    broadcast->key_count++;
    append_key(&broadcast->keys, key);
}

bool broadcasts_collect(struct broadcasts *broadcasts, struct str key, uint64_t by)
{
    ASSERT(broadcasts->taken == 0);
    if (broadcasts->collected_count > 0 && broadcasts->collected[0]->by != by)
        return false;
    for (size_t i = 0; i < broadcasts->length_count && broadcasts->lengths[i].length <= key.length; i++) {
        struct broadcast *broadcast = find(broadcasts, (struct str){key.bytes, broadcasts->lengths[i].length});

        if (broadcast)
            collect(broadcasts, broadcast, key, by);
    }
    return true;
}

static int compare_keys(const void *a, const void *b)
{
    return str_compare(*(const struct str *)a, *(const struct str *)b);
}

static int compare_prefixes(const void *a, const void *b)
{
    return str_compare((*(struct broadcast *const *)a)->prefix.name, (*(struct broadcast *const *)b)->prefix.name);
}

static void list_keys(const struct broadcast *broadcast, struct str *keys)
{
    const char *at = broadcast->keys.bytes;
    char *end;

    for (size_t i = 0; i < broadcast->key_count; i++) {
        keys[i].length = strtoul(at + 1, &end, 10);
        keys[i].bytes = end + 2;
        at = keys[i].bytes + keys[i].length + 2;
    }
}

/* Each key once. */
static void sort_keys(struct memory *memory, struct broadcast *broadcast)
{
    struct str *keys = memory_alloc(memory, broadcast->key_count * sizeof *keys);
    size_t count = broadcast->key_count;
    struct buffer sorted;

    list_keys(broadcast, keys);
    qsort(keys, count, sizeof *keys, compare_keys);
    buffer_init(&sorted, memory, NULL, 0);
    broadcast->key_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && str_equal(keys[i], keys[i - 1]))
            continue;
        append_key(&sorted, keys[i]);
        broadcast->key_count++;
    }
    memory_free(memory, keys);
    buffer_deinit(&broadcast->keys);
    broadcast->keys = sorted;
}

struct broadcast *broadcasts_take(struct broadcasts *broadcasts)
{
    struct broadcast *broadcast;

    if (broadcasts->taken == broadcasts->collected_count) {
        broadcasts->taken = broadcasts->collected_count = 0;
        return NULL;
    }
    if (broadcasts->taken == 0 && broadcasts->collected_count > 1)
        qsort(broadcasts->collected, broadcasts->collected_count, sizeof *broadcasts->collected, compare_prefixes);
    broadcast = broadcasts->collected[broadcasts->taken++];
    if (broadcast->key_count > 1)
        sort_keys(broadcasts->memory, broadcast);
    return broadcast;
}

void broadcast_clear(struct broadcast *broadcast)
{
    broadcast->key_count = 0;
    broadcast->keys.length = 0;
    if (broadcast->keys.capacity > KEPT_BYTES)
        buffer_deinit(&broadcast->keys);
}
