/* One element of a pack: to bytes, and back where the walk of listpack.h is
 * not concerned. Private to listpack.c. */
#ifndef CORE_LISTPACK_ELEMENT_H
#define CORE_LISTPACK_ELEMENT_H

#include "core/listpack.h"

/* The encoding, with the data of an integer; the data of a string. The back length follows from them. */
struct listpack_pieces {
    unsigned char start[9];
    size_t start_bytes;
    struct str string;
};

struct listpack_pieces listpack_pieces_of(struct listpack_value value);
/* Bytes of the whole element. */
size_t listpack_pieces_bytes(const struct listpack_pieces *pieces);
/* Returns the end of the element. */
unsigned char *listpack_write_element(unsigned char *to, const struct listpack_pieces *pieces);

/* Whether the text is stored as an integer, and as which. */
MUST_USE bool listpack_read_integer(struct str text, int64_t *integer);

/* The element that ends here. */
const unsigned char *listpack_element_before(const unsigned char *end);
/* The end of an element of unknown origin; NULL if it has none, or that is not before the end of the pack. */
const unsigned char *listpack_valid_element_end(const unsigned char *element, const unsigned char *end);

static inline void listpack_write_little(unsigned char *to, uint64_t value, size_t bytes)
{
    memcpy(to, &value, bytes);
}

static inline uint64_t listpack_read_little(const unsigned char *from, size_t bytes)
{
    uint64_t value = 0;

    memcpy(&value, from, bytes);
    return value;
}

#endif
