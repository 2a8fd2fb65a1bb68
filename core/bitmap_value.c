#include "core/bitmap_value.h"

#include "core/assert.h"
#include "core/bits.h"
#include "core/idset.h"
#include "core/sparse_bitmap.h"

enum {
    ZEROS_WORTHWHILE = 16 * 1024, /* a string that is to grow by more than so many bytes of zeros … */
    BYTES_WORTHWHILE = 16 * 1024, /* … and has no more than so many becomes sparse */
    WORD_BITS = 64,
};

struct bitmap bitmap_of(const struct entry *entry, char digits[static 32])
{
    if (entry == NULL)
        return (struct bitmap){.bytes = digits};
    if (entry_is_sparse_bitmap(entry))
        return (struct bitmap){.sparse = entry_value(entry), .length = entry_string_length(entry)};
    struct str bytes = entry_string(entry, digits);
    return (struct bitmap){.bytes = (char *)bytes.bytes, .length = bytes.length};
}

/* --- Reading --- */

static uint64_t read_sparse(const struct idset *set, uint64_t offset, unsigned width)
{
    uint32_t members[WORD_BITS];
    size_t count = idset_read(set, offset, members, width);
    uint64_t value = 0;

    for (size_t i = 0; i < count && members[i] - offset < width; i++)
        value |= UINT64_C(1) << (width - 1 - (members[i] - offset));
    return value;
}

uint64_t bitmap_read(const struct bitmap *bitmap, uint64_t offset, unsigned width)
{
    uint64_t bits = (uint64_t)bitmap->length * 8;

    if (offset >= bits)
        return 0;
    if (bitmap->sparse)
        return read_sparse(bitmap->sparse->set, offset, width);
    if (width <= bits - offset)
        return bits_read(bitmap->bytes, offset, width);
    unsigned there = (unsigned)(bits - offset);
    return bits_read(bitmap->bytes, offset, there) << (width - there);
}

uint64_t bitmap_count(const struct bitmap *bitmap, uint64_t first, uint64_t last)
{
    ASSERT(last < (uint64_t)bitmap->length * 8);
    if (bitmap->sparse)
        return idset_count_range(bitmap->sparse->set, (uint32_t)first, (uint32_t)last);
    return bits_count_range(bitmap->bytes, first, last);
}

bool bitmap_find(const struct bitmap *bitmap, bool bit, uint64_t first, uint64_t last, uint64_t *at)
{
    uint32_t found;

    ASSERT(last < (uint64_t)bitmap->length * 8);
    if (!bitmap->sparse)
        return bits_find(bitmap->bytes, bit, first, last, at);
    const struct idset *set = bitmap->sparse->set;
    if (bit ? !idset_next_member(set, (uint32_t)first, &found) : !idset_next_gap(set, (uint32_t)first, &found))
        return false;
    *at = found;
    return found <= last;
}

/* --- Writing --- */

static bool is_worthwhile(size_t old_length, size_t length)
{
    return old_length <= BYTES_WORTHWHILE && length - old_length > ZEROS_WORTHWHILE &&
           length <= SPARSE_BITMAP_LENGTH_MAX;
}

/* What the keyspace counted for a step on the way. */
static void take_back(struct keyspace *keyspace, uint64_t changes)
{
    keyspace_stats(keyspace)->dirty -= changes;
}

static struct entry *make_sparse(struct keyspace *keyspace, int db, struct key key, struct entry *entry, size_t length)
{
    struct sparse_bitmap *bitmap = sparse_bitmap_create(keyspace_memory(keyspace), length);
    char digits[32];

    if (entry == NULL)
        return keyspace_add_value(keyspace, db, key, VALUE_STRING, ENCODING_SPARSE_BITMAP, bitmap);
    int64_t expiry_ms = entry_expiry_ms(entry);
    sparse_bitmap_write(bitmap, 0, entry_string(entry, digits));
    entry = keyspace_set_value(keyspace, db, key, VALUE_STRING, ENCODING_SPARSE_BITMAP, bitmap);
    if (expiry_ms < 0)
        return entry;
    take_back(keyspace, 1);
    return keyspace_set_expiry(keyspace, db, entry, expiry_ms);
}

static struct entry *open_plain(struct keyspace *keyspace, int db, struct key key, struct entry *entry, size_t length,
                                struct bitmap *bitmap)
{
    entry = keyspace_resize_raw(keyspace, db, key, entry, length, &bitmap->bytes);
    take_back(keyspace, 1);
    bitmap->sparse = NULL;
    bitmap->length = length;
    return entry;
}

struct entry *bitmap_open(struct keyspace *keyspace, int db, struct key key, struct entry *entry, size_t length,
                          struct bitmap *bitmap)
{
    size_t old_length = entry ? entry_string_length(entry) : 0;

    if (length < old_length)
        length = old_length;
    if (entry == NULL || !entry_is_sparse_bitmap(entry)) {
        if (!is_worthwhile(old_length, length))
            return open_plain(keyspace, db, key, entry, length, bitmap);
        entry = make_sparse(keyspace, db, key, entry, length);
    } else if (length > SPARSE_BITMAP_LENGTH_MAX) {
        return open_plain(keyspace, db, key, entry, length, bitmap);
    }
    *bitmap = (struct bitmap){.sparse = entry_value(entry), .length = length};
    bitmap->sparse->length = length;
    return entry;
}

static void write_sparse(struct idset *set, uint64_t offset, unsigned width, uint64_t value)
{
    for (unsigned i = 0; i < width; i++) {
        if (value >> (width - 1 - i) & 1)
            idset_add(set, (uint32_t)(offset + i));
        else
            idset_remove(set, (uint32_t)(offset + i));
    }
}

void bitmap_write(const struct bitmap *bitmap, uint64_t offset, unsigned width, uint64_t value)
{
    ASSERT(offset + width <= (uint64_t)bitmap->length * 8);
    if (bitmap->sparse)
        write_sparse(bitmap->sparse->set, offset, width, value);
    else
        bits_write(bitmap->bytes, offset, width, value);
}

void bitmap_close(struct entry *entry)
{
    if (entry_is_sparse_bitmap(entry) && !sparse_bitmap_is_worthwhile(entry_value(entry)))
        entry_make_raw(entry);
}
