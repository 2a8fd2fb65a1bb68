#include "core/broadcasts.h"

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

static void collect(struct broadcasts *broadcasts, struct broadcast *broadcast, struct str key, uint64_t by)
{
    if (broadcast->key_count == 0) {
        broadcast->by = by;
        broadcast->next_collected = broadcasts->collected;
        broadcasts->collected = broadcast;
    }
    broadcast->key_count++;
    struct reply keys = {.buffer = broadcast->keys, .protocol = 3};
    reply_bulk(&keys, key);
    broadcast->keys = keys.buffer;
}

bool broadcasts_collect(struct broadcasts *broadcasts, struct str key, uint64_t by)
{
    if (broadcasts->collected && broadcasts->collected->by != by)
        return false;
    for (size_t i = 0; i < broadcasts->length_count && broadcasts->lengths[i].length <= key.length; i++) {
        struct broadcast *broadcast = find(broadcasts, (struct str){key.bytes, broadcasts->lengths[i].length});

        if (broadcast)
            collect(broadcasts, broadcast, key, by);
    }
    return true;
}

struct broadcast *broadcasts_take(struct broadcasts *broadcasts)
{
    struct broadcast *broadcast = broadcasts->collected;

    if (broadcast)
        broadcasts->collected = broadcast->next_collected;
    return broadcast;
}

void broadcast_clear(struct broadcast *broadcast)
{
    broadcast->key_count = 0;
    broadcast->keys.length = 0;
    if (broadcast->keys.capacity > KEPT_BYTES)
        buffer_deinit(&broadcast->keys);
}
