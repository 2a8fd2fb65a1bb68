/* Values in the layouts that Redis 7.0 reads. A pack is written as the bytes
 * that it is; a container element by element, the way the reader's own
 * encodings have no part in.
 *
 * What may be large is written in small steps, each of which says whether more is
 * left; what comes before the first step is for those of that type to begin with. */
#include "core/rdb_value_types.h"

#include "core/assert.h"
#include "core/hash_value.h"
#include "core/intset.h"
#include "core/list_value.h"
#include "core/listpack.h"
#include "core/rdb_write.h"
#include "core/set_value.h"
#include "core/sparse_bitmap.h"
#include "core/zset_value.h"

enum { ITEMS_A_STEP = 64 };

/* Strings and lists */

_Static_assert((int)SPARSE_BITMAP_CHUNK == (int)RDB_PIECE_MAX, "a chunk is a piece");

struct compressed_chunk {
    size_t length;
    char bytes[RDB_PIECE_COMPRESSED_MAX];
};

static void compress(struct str bytes, struct compressed_chunk *chunk)
{
    chunk->length = rdb_compress_piece(bytes, chunk->bytes);
}

/* It stays sparse, as its bytes may be a million times as many. Chunks of zeros are compressed once. */
static void write_sparse_bitmap(struct rdb_writer *writer, const struct sparse_bitmap *bitmap)
{
    static const char zeros[SPARSE_BITMAP_CHUNK];
    struct compressed_chunk empty, other;
    char bytes[SPARSE_BITMAP_CHUNK];
    size_t begun = rdb_write_pieces_begin(writer);

    compress((struct str){zeros, sizeof zeros}, &empty);
    for (size_t at = 0; at < bitmap->length; at += SPARSE_BITMAP_CHUNK) {
        size_t left = bitmap->length - at, length = left < SPARSE_BITMAP_CHUNK ? left : SPARSE_BITMAP_CHUNK;
        bool populated = sparse_bitmap_read_chunk(bitmap, at / SPARSE_BITMAP_CHUNK, bytes);
        bool is_empty = !populated && length == SPARSE_BITMAP_CHUNK;

        if (!is_empty)
            compress((struct str){populated ? bytes : zeros, length}, &other);
        buffer_append(writer->buffer, is_empty ? empty.bytes : other.bytes, is_empty ? empty.length : other.length);
    }
    rdb_write_pieces_end(writer, begun, bitmap->length);
}

static void write_string(struct rdb_writer *writer, const struct entry *entry)
{
    char digits[32];

    if (entry_is_sparse_bitmap(entry))
        return write_sparse_bitmap(writer, entry_value(entry));
    rdb_write_string(writer, entry_string(entry, digits));
}

void rdb_write_pack(struct rdb_writer *writer, const unsigned char *pack)
{
    rdb_write_string(writer, (struct str){(const char *)pack, listpack_bytes(pack)});
}

static void begin_list(struct rdb_writer *writer, const struct entry *entry)
{
    rdb_write_length(writer, list_blocks(entry));
}

static bool step_list(struct rdb_writer *writer, struct rdb_value_steps *steps)
{
    struct deque_block block = list_block_at(steps->entry, steps->next);

    rdb_write_length(writer, block.is_plain ? RDB_NODE_PLAIN : RDB_NODE_PACKED);
    rdb_write_string(writer, block.bytes);
    steps->next += block.count;
    return steps->next < list_count(steps->entry);
}

/* Sets */

static bool write_member(void *writer, const struct set_member *member)
{
    rdb_write_packed(writer, set_member_value(member));
    return true;
}

static void begin_set(struct rdb_writer *writer, const struct entry *entry)
{
    struct set_value set = set_value_of(entry);

    rdb_write_length(writer, set_value_count(&set));
}

static bool step_set(struct rdb_writer *writer, struct rdb_value_steps *steps)
{
    struct set_value set = set_value_of(steps->entry);

    steps->next = set_value_scan(&set, steps->next, ITEMS_A_STEP, write_member, writer);
    return steps->next != 0;
}

/* Sorted sets: the highest score first, as Redis inserts at the lowest in the shortest time. */

static struct zset zset_of(const struct entry *entry)
{
    return (struct zset){.encoding = entry_encoding(entry), .value = entry_value(entry)};
}

static void begin_zset(struct rdb_writer *writer, const struct entry *entry)
{
    struct zset zset = zset_of(entry);

    rdb_write_length(writer, zset_count(&zset));
}

static bool step_zset(struct rdb_writer *writer, struct rdb_value_steps *steps)
{
    struct zset zset = zset_of(steps->entry);
    size_t left = zset_count(&zset) - steps->next, count = left < ITEMS_A_STEP ? left : ITEMS_A_STEP;
    struct zset_element element;
    struct zset_walk walk;

    zset_walk_begin(&walk, &zset, left - count, count, true);
    while (zset_walk_next(&walk, &element)) {
        rdb_write_string(writer, element.member);
        rdb_write_double(writer, element.score);
    }
    steps->next += count;
    return left > count;
}

/* Hashes: at the time 0 no deadline has passed, so that every field is seen. */

static struct hash hash_of(const struct entry *entry)
{
    return (struct hash){.encoding = entry_encoding(entry), .value = entry_value(entry)};
}

struct fields {
    struct rdb_writer *writer;
    int64_t earliest_ms; /* -1: no field has a deadline */
};

static void write_field(void *context, const struct hash_item *item)
{
    const struct fields *fields = context;

    if (fields->earliest_ms >= 0)
        rdb_write_length(fields->writer, item->deadline_ms < 0 ? 0 : item->deadline_ms - fields->earliest_ms + 1);
    rdb_write_packed(fields->writer, item->field);
    rdb_write_packed(fields->writer, item->value);
}

static void begin_hash(struct rdb_writer *writer, const struct entry *entry)
{
    struct hash hash = hash_of(entry);
    int64_t earliest_ms = hash_next_deadline_ms(&hash);

    if (earliest_ms >= 0)
        rdb_write_time_ms(writer, earliest_ms);
    rdb_write_length(writer, hash_length(&hash));
}

static bool step_hash(struct rdb_writer *writer, struct rdb_value_steps *steps)
{
    struct hash hash = hash_of(steps->entry);
    struct fields fields = {writer, hash_next_deadline_ms(&hash)};

    steps->next = hash_scan(&hash, steps->next, write_field, &fields);
    return steps->next != 0;
}

static void write_expiring_pack(struct rdb_writer *writer, const struct entry *entry)
{
    struct hash hash = hash_of(entry);

    rdb_write_time_ms(writer, hash_next_deadline_ms(&hash));
    rdb_write_pack(writer, hash.value);
}

static enum rdb_type hash_type(const struct entry *entry)
{
    struct hash hash = hash_of(entry);
    bool expires = hash_next_deadline_ms(&hash) >= 0;

    if (hash.encoding == ENCODING_LISTPACK)
        return RDB_HASH_LISTPACK;
    if (hash.encoding == ENCODING_LISTPACK_EX)
        return expires ? RDB_HASH_LISTPACK_EXPIRING : RDB_HASH;
    return expires ? RDB_HASH_EXPIRING : RDB_HASH;
}

enum rdb_type rdb_type_of(const struct entry *entry)
{
    enum value_encoding encoding = entry_encoding(entry);

    switch (entry_type(entry)) {
    case VALUE_LIST:
        return RDB_LIST_QUICKLIST_2;
    case VALUE_SET:
        return encoding == ENCODING_INTSET ? RDB_SET_INTSET : RDB_SET;
    case VALUE_ZSET:
        return encoding == ENCODING_LISTPACK ? RDB_ZSET_LISTPACK : RDB_ZSET;
    case VALUE_HASH:
        return hash_type(entry);
    case VALUE_STREAM:
        return RDB_STREAM_2;
    default:
        return RDB_STRING;
    }
}

int rdb_version_of(enum rdb_type type)
{
    return type >= RDB_HASH_EXPIRING_EARLY ? RDB_VERSION_EXPIRING : RDB_VERSION_LEAST;
}

/* What is written at once: strings and packs. */
static void write_whole(struct rdb_writer *writer, const struct entry *entry, enum rdb_type type)
{
    switch (type) {
    case RDB_STRING:
        return write_string(writer, entry);
    case RDB_SET_INTSET:
        return rdb_write_string(writer, intset_str(entry_value(entry)));
    case RDB_ZSET_LISTPACK:
    case RDB_HASH_LISTPACK:
        return rdb_write_pack(writer, entry_value(entry));
    case RDB_HASH_LISTPACK_EXPIRING:
        return write_expiring_pack(writer, entry);
    default:
        ASSERT(false); /* rdb_type_of gives no other */
    }
}

void rdb_write_value_begin(struct rdb_writer *writer, struct rdb_value_steps *steps, const struct entry *entry)
{
    *steps = (struct rdb_value_steps){.entry = entry, .type = rdb_type_of(entry), .has_more = true};
    switch (steps->type) {
    case RDB_LIST_QUICKLIST_2:
        return begin_list(writer, entry);
    case RDB_SET:
        return begin_set(writer, entry);
    case RDB_ZSET:
        return begin_zset(writer, entry);
    case RDB_HASH:
    case RDB_HASH_EXPIRING:
        return begin_hash(writer, entry);
    case RDB_STREAM_2:
        return rdb_begin_stream(writer, entry);
    default:
        steps->has_more = false;
        write_whole(writer, entry, steps->type);
    }
}

static bool step(struct rdb_writer *writer, struct rdb_value_steps *steps)
{
    switch (steps->type) {
    case RDB_LIST_QUICKLIST_2:
        return step_list(writer, steps);
    case RDB_SET:
        return step_set(writer, steps);
    case RDB_ZSET:
        return step_zset(writer, steps);
    case RDB_STREAM_2:
        return rdb_step_stream(writer, steps);
    default:
        return step_hash(writer, steps);
    }
}

bool rdb_write_value_go_on(struct rdb_writer *writer, struct rdb_value_steps *steps, size_t bytes_most)
{
    size_t begin = writer->buffer->length;

    while (steps->has_more && writer->buffer->length - begin < bytes_most)
        steps->has_more = step(writer, steps);
    return steps->has_more;
}

void rdb_write_value(struct rdb_writer *writer, const struct entry *entry)
{
    struct rdb_value_steps steps;

    rdb_write_value_begin(writer, &steps, entry);
    bool has_more = rdb_write_value_go_on(writer, &steps, SIZE_MAX);
    ASSERT(!has_more);
}
