#include "core/string_value.h"

#include "core/hash.h"

void string_digest(const struct entry *entry, char text[static STRING_DIGEST_LENGTH])
{
    char digits[32];
    uint64_t digest = hash_digest(entry_string(entry, digits));

    for (int i = 0; i < STRING_DIGEST_LENGTH; i++)
        text[i] = "0123456789abcdef"[digest >> (60 - 4 * i) & 15];
}
