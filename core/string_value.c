#include "core/string_value.h"

#include "core/hash.h"
#include "core/sparse_bitmap.h"

void string_reply_range(struct reply *reply, const struct entry *entry, size_t from, size_t count)
{
    char digits[32];

    if (entry_is_sparse_bitmap(entry))
        sparse_bitmap_read(entry_value(entry), from, count, reply_bulk_space(reply, count));
    else
        reply_bulk(reply, (struct str){entry_string(entry, digits).bytes + from, count});
}

void string_read(const struct entry *entry, size_t from, size_t count, char *bytes)
{
    char digits[32];

    if (entry_is_sparse_bitmap(entry))
        sparse_bitmap_read(entry_value(entry), from, count, bytes);
    else
        memcpy(bytes, entry_string(entry, digits).bytes + from, count);
}

bool string_equal(const struct entry *entry, struct str bytes)
{
    char digits[32];

    return entry_string_length(entry) == bytes.length && str_equal(entry_string(entry, digits), bytes);
}

void string_digest(const struct entry *entry, char text[static STRING_DIGEST_LENGTH])
{
    char digits[32];
    uint64_t digest = hash_digest(entry_string(entry, digits));

    for (int i = 0; i < STRING_DIGEST_LENGTH; i++)
        text[i] = "0123456789abcdef"[digest >> (60 - 4 * i) & 15];
}
