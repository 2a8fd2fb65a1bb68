/* Strings and integers packed one after the other in one block of memory.
 *
 * The bytes are those of Redis's listpack, which DUMP payloads and RDB files
 * carry; integers are little-endian:
 *
 *   total bytes (4) | count (2) | element … | 0xff
 *   element: encoding | data | back length
 *
 *   encoding  0xxxxxxx                  integer 0 to 127
 *             10xxxxxx                  string of up to 63 bytes
 *             110xxxxx xxxxxxxx         integer of 13 bits
 *             1110xxxx xxxxxxxx         string of up to 4095 bytes
 *             11110000 and 4 bytes      string of that length
 *             11110001 … 11110100       integer of 2, 3, 4, 8 bytes
 *
 * The count 65535 says that it must be counted. The back length is the number
 * of bytes before it in its element, read backwards in groups of 7 bits.
 *
 * A pack is a block from memory_alloc whose address changes when it grows:
 * what changes it takes the address of its pointer, and every pointer to an
 * element is good until then. Bytes to be stored may not lie in the pack
 * itself. One that lies within a larger block of its owner's, where there is
 * room for what is to be added, is changed with NULL for the memory, and stays
 * where it is. One thread at a time. */
#ifndef CORE_LISTPACK_H
#define CORE_LISTPACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/number.h"
#include "core/str.h"

struct memory;

enum {
    LISTPACK_HEADER_BYTES = 6,
    LISTPACK_EMPTY_BYTES = 7,
    LISTPACK_COUNT_UNKNOWN = 65535,
    LISTPACK_END = 0xff,
    LISTPACK_BYTES_MAX = 1 << 30,
};

/* What an element holds: bytes, or where there are none an integer. */
struct listpack_value {
    const char *bytes; /* NULL: an integer */
    union {
        size_t length;
        int64_t integer;
    };
};

/* The value that the text is stored as: an integer if it reads as one. It borrows the text. */
struct listpack_value listpack_value_of(struct str text);

static inline struct listpack_value listpack_integer(int64_t integer)
{
    return (struct listpack_value){.bytes = NULL, .integer = integer};
}

/* The text of a value; digits has to live as long as the result is used. */
static inline struct str listpack_text(struct listpack_value value, char digits[static NUMBER_TEXT_MAX])
{
    if (value.bytes != NULL)
        return (struct str){value.bytes, value.length};
    return (struct str){digits, number_format_integer(digits, value.integer)};
}

/* What an element of this value takes. */
size_t listpack_value_bytes(struct listpack_value value);

/* room: bytes to set aside for what will be stored; may be 0. */
unsigned char *listpack_create(struct memory *memory, size_t room);
/* A copy of `bytes`, which have been validated or are a pack; no larger than needed, and with its count where the
 * header has room for it. */
unsigned char *listpack_copy(struct memory *memory, const unsigned char *bytes);
void listpack_free(struct memory *memory, unsigned char *pack);
/* Gives memory back that the elements do not need. */
void listpack_shrink(struct memory *memory, unsigned char **pack);

/* Whether foreign bytes are a pack in which no function below reads outside. */
MUST_USE bool listpack_validate(const void *bytes, size_t length);

/* Bytes of the pack, header and end included. */
static inline size_t listpack_bytes(const unsigned char *pack)
{
    uint32_t bytes;

    memcpy(&bytes, pack, sizeof bytes);
    return bytes;
}

/* Whether this many bytes more are within what a pack may hold. */
static inline bool listpack_would_fit(const unsigned char *pack, size_t additional)
{
    return additional <= LISTPACK_BYTES_MAX - listpack_bytes(pack);
}

/* Walks the pack where it has more elements than the header can say. */
size_t listpack_count(const unsigned char *pack);

static inline bool listpack_is_empty(const unsigned char *pack)
{
    return pack[LISTPACK_HEADER_BYTES] == LISTPACK_END;
}

/* Private to the walk: bytes of an element before its back length, and of that. */
size_t listpack_wide_element_bytes(const unsigned char *element);

static inline size_t listpack_element_body_bytes(const unsigned char *element)
{
    unsigned first = element[0];

    if (first < 0x80)
        return 1;
    if (first < 0xc0)
        return 1 + (first & 0x3f);
    if (first < 0xe0)
        return 2;
    if (first < 0xf0)
        return 2 + ((first & 0x0f) << 8 | element[1]);
    return listpack_wide_element_bytes(element);
}

/* The largest number of each width goes into the next: so does Redis. */
static inline size_t listpack_back_length_bytes(size_t body_bytes)
{
    if (body_bytes < 128)
        return 1;
    return body_bytes < 16383 ? 2 : body_bytes < 2097151 ? 3 : body_bytes < 268435455 ? 4 : 5;
}

/* All bytes of an element. */
static inline size_t listpack_element_bytes(const unsigned char *element)
{
    size_t body = listpack_element_body_bytes(element);

    return body + listpack_back_length_bytes(body);
}

/* Elements: NULL past either end. */
static inline unsigned char *listpack_first(const unsigned char *pack)
{
    const unsigned char *element = pack + LISTPACK_HEADER_BYTES;

    return *element == LISTPACK_END ? NULL : (unsigned char *)element;
}

static inline unsigned char *listpack_next(const unsigned char *element)
{
    element += listpack_element_bytes(element);
    return *element == LISTPACK_END ? NULL : (unsigned char *)element;
}

unsigned char *listpack_last(const unsigned char *pack);
unsigned char *listpack_previous(const unsigned char *pack, const unsigned char *element);
/* A negative index counts from the end: -1 is the last. */
unsigned char *listpack_seek(const unsigned char *pack, int64_t index);

/* A string's bytes lie in the pack. */
int64_t listpack_wide_integer(const unsigned char *element); /* private to listpack_get */

static inline struct listpack_value listpack_get(const unsigned char *element)
{
    const char *bytes = (const char *)element;
    unsigned first = element[0];

    if (first < 0x80)
        return listpack_integer(first);
    if (first < 0xc0)
        return (struct listpack_value){.bytes = bytes + 1, .length = first & 0x3f};
    if (first >= 0xe0 && first < 0xf0)
        return (struct listpack_value){.bytes = bytes + 2, .length = (first & 0x0f) << 8 | element[1]};
    if (first == 0xf0)
        return (struct listpack_value){.bytes = bytes + 5, .length = listpack_wide_element_bytes(element) - 5};
    return listpack_integer(listpack_wide_integer(element));
}

/* Whether the element's text is this. */
bool listpack_equals(const unsigned char *element, struct str text);
/* The first element from this one on (which may be NULL) with this text, where `skip` elements
 * are passed over after each that is compared: 1 to look at the fields among fields and values. */
unsigned char *listpack_find(const unsigned char *element, struct str text, size_t skip);

/* Each returns where the new element lies. */
unsigned char *listpack_append(struct memory *memory, unsigned char **pack, struct listpack_value value);
unsigned char *listpack_prepend(struct memory *memory, unsigned char **pack, struct listpack_value value);
unsigned char *listpack_insert_before(struct memory *memory, unsigned char **pack, unsigned char *element,
                                      struct listpack_value value);
unsigned char *listpack_insert_after(struct memory *memory, unsigned char **pack, unsigned char *element,
                                     struct listpack_value value);
unsigned char *listpack_replace(struct memory *memory, unsigned char **pack, unsigned char *element,
                                struct listpack_value value);

/* The same where the value takes what the element does: in place, whoever's the pack is. False: nothing has changed. */
MUST_USE bool listpack_overwrite(unsigned char *element, struct listpack_value value);

/* The same as one after the other, with one growth of the memory. */
void listpack_append_many(struct memory *memory, unsigned char **pack, const struct listpack_value *values,
                          size_t count);
/* All elements of another pack. */
void listpack_append_pack(struct memory *memory, unsigned char **pack, const unsigned char *other);
/* Moves this element and all behind it to a new pack. */
unsigned char *listpack_split(struct memory *memory, unsigned char **pack, unsigned char *element);

/* Each returns the element behind the deleted ones, NULL at the end. */
unsigned char *listpack_delete(struct memory *memory, unsigned char **pack, unsigned char *element);
/* Up to `count` elements from this one on. */
unsigned char *listpack_delete_from(struct memory *memory, unsigned char **pack, unsigned char *element, size_t count);
/* The same from an index on, which may be negative; nothing where there is no such element. */
unsigned char *listpack_delete_range(struct memory *memory, unsigned char **pack, int64_t index, size_t count);

/* For a pack that lies within a larger block of its owner's: nothing is allocated, and the header moves.
 * Each returns the new pack; in front of the old there is room for listpack_value_bytes. */
unsigned char *listpack_extend_front(unsigned char *pack, struct listpack_value value);
/* What the first, or the last, element took becomes free. */
unsigned char *listpack_cut_front(unsigned char *pack);
/* There is room for listpack_value_bytes behind the pack. */
void listpack_extend_back(unsigned char *pack, struct listpack_value value);
void listpack_cut_back(unsigned char *pack);
/* Makes an empty pack of LISTPACK_EMPTY_BYTES here. */
void listpack_write_empty(unsigned char *pack);

#endif
