/* What clients see of a string entry. */
#ifndef CORE_STRING_VALUE_H
#define CORE_STRING_VALUE_H

#include "core/entry.h"
#include "core/resp_write.h"

/* The value, or null where entry is NULL. */
static inline void string_reply(struct reply *reply, const struct entry *entry)
{
    char digits[32];

    if (entry == NULL)
        reply_null(reply);
    else
        reply_bulk(reply, entry_string(entry, digits));
}

/* DIGEST: XXH3 of the value as 16 hexadecimal digits. */
enum { STRING_DIGEST_LENGTH = 16 };
void string_digest(const struct entry *entry, char text[static STRING_DIGEST_LENGTH]);

#endif
