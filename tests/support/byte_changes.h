/* Changes to bytes that were right, as a fuzzer says them: three bytes each, two
 * that say where, and one to put there, or to add or to drop one. */
#ifndef TESTS_SUPPORT_BYTE_CHANGES_H
#define TESTS_SUPPORT_BYTE_CHANGES_H

#include <stdint.h>
#include <stdlib.h>

#include "core/str.h"

enum { BYTE_CHANGES_MAX = 16 };

/* Changes one byte, or how many there are. */
static inline size_t byte_change(char *bytes, size_t length, const uint8_t at[static 3])
{
    size_t place = length > 0 ? (at[0] & 0x0f) * 256u + at[1] : 0;

    if (place >= length)
        place = length - (length > 0);
    if (at[0] < 0x40 && length > 1) {
        memmove(bytes + place, bytes + place + 1, length - place - 1);
        return length - 1;
    }
    if (at[0] < 0x80) {
        memmove(bytes + place + 1, bytes + place, length - place);
        length++;
    }
    bytes[place] = (char)at[2];
    return length;
}

/* A changed copy, in a block of its own size, so that a sanitizer sees a read outside; the caller frees it. */
static inline struct str byte_changes_apply(struct str from, const uint8_t *changes, size_t size)
{
    char *bytes = malloc(from.length + BYTE_CHANGES_MAX + 1);
    size_t length = from.length;

    str_copy(bytes, from);
    for (size_t at = 0; at + 3 <= size && at < 3 * BYTE_CHANGES_MAX; at += 3)
        length = byte_change(bytes, length, changes + at);
    char *exact = malloc(length + (length == 0));
    str_copy(exact, (struct str){bytes, length});
    free(bytes);
    return (struct str){exact, length};
}

#endif
