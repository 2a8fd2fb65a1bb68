#include "core/sparse_bitmap.h"

#include "core/assert.h"
#include "core/bits.h"
#include "core/idset.h"

_Static_assert(SPARSE_BITMAP_CHUNK * 8 == IDSET_CHUNK_VALUES, "a chunk of one is a chunk of the other");

struct sparse_bitmap *sparse_bitmap_create(struct memory *memory, size_t length)
{
    struct sparse_bitmap *bitmap = (struct sparse_bitmap *)memory_alloc_account(memory, sizeof *bitmap);

    ASSERT(length <= SPARSE_BITMAP_LENGTH_MAX);
    bitmap->set = idset_create(&bitmap->account);
    bitmap->length = length;
    return bitmap;
}

void sparse_bitmap_destroy(struct sparse_bitmap *bitmap)
{
    idset_destroy(bitmap->set);
    memory_free(&bitmap->account, bitmap);
}

bool sparse_bitmap_is_worthwhile(const struct sparse_bitmap *bitmap)
{
    return bitmap->account.used_bytes < bitmap->length;
}

/* --- Bytes --- */

bool sparse_bitmap_read_chunk(const struct sparse_bitmap *bitmap, size_t chunk, char bytes[static SPARSE_BITMAP_CHUNK])
{
    uint64_t words[IDSET_CHUNK_WORDS];

    if (!idset_read_chunk(bitmap->set, (uint16_t)chunk, words))
        return false;
    bits_mirror(words, IDSET_CHUNK_WORDS);
    memcpy(bytes, words, sizeof words);
    return true;
}

void sparse_bitmap_write_chunk(struct sparse_bitmap *bitmap, size_t chunk, const char bytes[static SPARSE_BITMAP_CHUNK])
{
    uint64_t words[IDSET_CHUNK_WORDS];

    memcpy(words, bytes, sizeof words);
    bits_mirror(words, IDSET_CHUNK_WORDS);
    idset_write_chunk(bitmap->set, (uint16_t)chunk, words);
}

/* What bytes from `from` to before `end` have in common with the chunk at `from`: up to the chunk's end. */
static size_t within_chunk(size_t from, size_t end)
{
    size_t most = SPARSE_BITMAP_CHUNK - from % SPARSE_BITMAP_CHUNK;

    return end - from < most ? end - from : most;
}

void sparse_bitmap_read(const struct sparse_bitmap *bitmap, size_t from, size_t count, char *bytes)
{
    char chunk[SPARSE_BITMAP_CHUNK];
    size_t end = from + count;

    ASSERT(from <= bitmap->length && count <= bitmap->length - from);
    while (from < end) {
        size_t piece = within_chunk(from, end);

        if (sparse_bitmap_read_chunk(bitmap, from / SPARSE_BITMAP_CHUNK, chunk))
            memcpy(bytes, chunk + from % SPARSE_BITMAP_CHUNK, piece);
        else
            memset(bytes, 0, piece);
        from += piece;
        bytes += piece;
    }
}

void sparse_bitmap_read_over_zeros(const struct sparse_bitmap *bitmap, char *zeros)
{
    char chunk[SPARSE_BITMAP_CHUNK];

    for (size_t at = 0; at < bitmap->length; at += SPARSE_BITMAP_CHUNK)
        if (sparse_bitmap_read_chunk(bitmap, at / SPARSE_BITMAP_CHUNK, chunk))
            memcpy(zeros + at, chunk, within_chunk(at, bitmap->length));
}

void sparse_bitmap_write(struct sparse_bitmap *bitmap, size_t at, struct str bytes)
{
    char chunk[SPARSE_BITMAP_CHUNK];

    ASSERT(at <= bitmap->length && bytes.length <= bitmap->length - at);
    while (bytes.length > 0) {
        size_t piece = within_chunk(at, at + bytes.length);

        if (!sparse_bitmap_read_chunk(bitmap, at / SPARSE_BITMAP_CHUNK, chunk))
            memset(chunk, 0, sizeof chunk);
        memcpy(chunk + at % SPARSE_BITMAP_CHUNK, bytes.bytes, piece);
        sparse_bitmap_write_chunk(bitmap, at / SPARSE_BITMAP_CHUNK, chunk);
        at += piece;
        bytes = (struct str){bytes.bytes + piece, bytes.length - piece};
    }
}

/* --- A value of the keyspace --- */

static void *copy(struct memory *memory, const void *value)
{
    const struct sparse_bitmap *source = value;
    struct sparse_bitmap *bitmap = (struct sparse_bitmap *)memory_alloc_account(memory, sizeof *bitmap);

    bitmap->set = idset_copy(&bitmap->account, source->set);
    bitmap->length = source->length;
    return bitmap;
}

static size_t items(const void *value)
{
    const struct sparse_bitmap *bitmap = value;

    return 1 + idset_containers(bitmap->set);
}

static size_t drain(struct memory *memory, void *value, size_t most)
{
    struct sparse_bitmap *bitmap = value;
    size_t left = idset_drain(bitmap->set, most);

    if (left == 0)
        memory_free(&bitmap->account, bitmap);
    return left;
}

const struct value_kind sparse_bitmap_kind = {
    .name = "raw",
    .real_name = "sparse-bitmap",
    .copy = copy,
    .bytes = value_account_bytes,
    .items = items,
    .drain = drain,
    .rehome = value_account_rehome,
};
