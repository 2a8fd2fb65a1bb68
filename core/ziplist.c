#include "core/ziplist.h"

#include <assert.h>
#include <stdint.h>

#include "core/listpack.h"

enum {
    HEADER_BYTES = 10,
    COUNT_UNKNOWN = 65535,
    END = 0xff,
    WIDE = 0xfe,                         /* four bytes of length follow */
    BYTES_MOST = LISTPACK_BYTES_MAX / 4, /* no element becomes twice as long */
    STRING_6 = 0x00,
    STRING_14 = 0x40,
    STRING_32 = 0x80,
    STRING_MASK = 0xc0,
    INTEGER_16 = 0xc0,
    INTEGER_32 = 0xd0,
    INTEGER_64 = 0xe0,
    INTEGER_24 = 0xf0,
    INTEGER_8 = 0xfe,
    IMMEDIATE_FIRST = 0xf1,
    IMMEDIATE_LAST = 0xfd,
};

/* What is still to be read, without the end byte. */
struct cursor {
    const unsigned char *at, *end;
};

static bool take(struct cursor *cursor, size_t count, const unsigned char **bytes)
{
    if (count > (size_t)(cursor->end - cursor->at))
        return false;
    *bytes = cursor->at;
    cursor->at += count;
    return true;
}

static uint64_t little(const unsigned char *bytes, size_t count)
{
    uint64_t number = 0;

    memcpy(&number, bytes, count);
    return number;
}

static bool take_string(struct cursor *cursor, size_t length, struct listpack_value *value)
{
    const unsigned char *bytes;

    if (!take(cursor, length, &bytes))
        return false;
    *value = listpack_value_of((struct str){(const char *)bytes, length});
    return true;
}

static bool take_integer(struct cursor *cursor, size_t count, struct listpack_value *value)
{
    const unsigned char *bytes;
    unsigned spare = 64 - 8 * (unsigned)count;

    if (!take(cursor, count, &bytes))
        return false;
    *value = listpack_integer((int64_t)(little(bytes, count) << spare) >> spare);
    return true;
}

/* Ziplists */

static bool take_long_string(struct cursor *cursor, unsigned first, struct listpack_value *value)
{
    const unsigned char *bytes;

    if ((first & STRING_MASK) == STRING_14)
        return take(cursor, 1, &bytes) && take_string(cursor, (size_t)(first & 0x3f) << 8 | bytes[0], value);
    return first == STRING_32 && take(cursor, 4, &bytes) &&
           take_string(cursor, (size_t)bytes[0] << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3], value);
}

static bool take_value(struct cursor *cursor, struct listpack_value *value)
{
    const unsigned char *first;

    if (!take(cursor, 1, &first))
        return false;
    if ((*first & STRING_MASK) == STRING_6)
        return take_string(cursor, *first, value);
    if ((*first & STRING_MASK) != STRING_MASK)
        return take_long_string(cursor, *first, value);
    switch (*first) {
    case INTEGER_8:
        return take_integer(cursor, 1, value);
    case INTEGER_16:
        return take_integer(cursor, 2, value);
    case INTEGER_24:
        return take_integer(cursor, 3, value);
    case INTEGER_32:
        return take_integer(cursor, 4, value);
    case INTEGER_64:
        return take_integer(cursor, 8, value);
    }
    *value = listpack_integer(*first - IMMEDIATE_FIRST);
    return *first >= IMMEDIATE_FIRST && *first <= IMMEDIATE_LAST;
}

/* Of the element before: what it says must be so. */
static bool take_back_length(struct cursor *cursor, size_t expected)
{
    const unsigned char *bytes;

    if (!take(cursor, 1, &bytes))
        return false;
    if (*bytes != WIDE)
        return *bytes == expected;
    return take(cursor, 4, &bytes) && little(bytes, 4) == expected;
}

/* False: malformed. last: the offset of the last element. */
static bool read_elements(struct memory *memory, struct str bytes, unsigned char **pack, size_t *last)
{
    const unsigned char *start = (const unsigned char *)bytes.bytes, *element = start + HEADER_BYTES;
    struct cursor cursor = {element, start + bytes.length - 1};
    struct listpack_value value;
    size_t before = 0;

    while (cursor.at < cursor.end) {
        element = cursor.at;
        if (!take_back_length(&cursor, before) || !take_value(&cursor, &value))
            return false;
        listpack_append(memory, pack, value);
        before = (size_t)(cursor.at - element);
    }
    *last = (size_t)(element - start);
    return true;
}

static bool count_agrees(size_t said, const unsigned char *pack)
{
    return said == COUNT_UNKNOWN || said == listpack_count(pack);
}

unsigned char *ziplist_to_listpack(struct memory *memory, struct str bytes)
{
    const unsigned char *start = (const unsigned char *)bytes.bytes;
    size_t last;

    if (bytes.length <= HEADER_BYTES || bytes.length > BYTES_MOST || little(start, 4) != bytes.length ||
        start[bytes.length - 1] != END)
        return NULL;
    unsigned char *pack = listpack_create(memory, bytes.length);
    if (read_elements(memory, bytes, &pack, &last) && little(start + 4, 4) == last &&
        count_agrees(little(start + 8, 2), pack))
        return pack;
    listpack_free(memory, pack);
    return NULL;
}

/* Zipmaps */

static bool take_length(struct cursor *cursor, size_t *length)
{
    const unsigned char *bytes;

    if (!take(cursor, 1, &bytes) || *bytes == END)
        return false;
    *length = *bytes;
    if (*bytes != WIDE)
        return true;
    if (!take(cursor, 4, &bytes))
        return false;
    *length = little(bytes, 4);
    return true;
}

static bool take_pair(struct cursor *cursor, struct listpack_value pair[static 2])
{
    const unsigned char *unused;
    size_t length;

    if (!take_length(cursor, &length) || !take_string(cursor, length, &pair[0]) || !take_length(cursor, &length) ||
        !take(cursor, 1, &unused))
        return false;
    return take_string(cursor, length, &pair[1]) && take(cursor, *unused, &unused);
}

static bool read_pairs(struct memory *memory, struct cursor cursor, unsigned char **pack)
{
    struct listpack_value pair[2];

    while (cursor.at < cursor.end) {
        if (!take_pair(&cursor, pair))
            return false;
        listpack_append_many(memory, pack, pair, 2);
    }
    return true;
}

unsigned char *zipmap_to_listpack(struct memory *memory, struct str bytes)
{
    const unsigned char *start = (const unsigned char *)bytes.bytes;

    if (bytes.length < 2 || bytes.length > BYTES_MOST || start[bytes.length - 1] != END)
        return NULL;
    unsigned char *pack = listpack_create(memory, bytes.length);
    if (read_pairs(memory, (struct cursor){start + 1, start + bytes.length - 1}, &pack) &&
        (start[0] >= WIDE || start[0] == listpack_count(pack) / 2))
        return pack;
    listpack_free(memory, pack);
    return NULL;
}
