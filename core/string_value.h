/* What clients see of a string entry. */
#ifndef CORE_STRING_VALUE_H
#define CORE_STRING_VALUE_H

#include "core/entry.h"
#include "core/resp_write.h"

/* So many bytes of the value from one on, all within it. */
void string_reply_range(struct reply *reply, const struct entry *entry, size_t from, size_t count);

/* Copies so many bytes from one on, all within the value. */
void string_read(const struct entry *entry, size_t from, size_t count, char *bytes);

/* The value, or null where entry is NULL. */
static inline void string_reply(struct reply *reply, const struct entry *entry)
{
    char digits[32];

    if (entry == NULL)
        reply_null(reply);
    else if (__builtin_expect(entry_has_value(entry), 0))
        string_reply_range(reply, entry, 0, entry_string_length(entry));
    else
        reply_bulk(reply, entry_string(entry, digits));
}

/* Whether the value is just these bytes. */
bool string_equal(const struct entry *entry, struct str bytes);

/* DIGEST: XXH3 of the value as 16 hexadecimal digits. */
enum { STRING_DIGEST_LENGTH = 16 };
void string_digest(const struct entry *entry, char text[static STRING_DIGEST_LENGTH]);

#endif
