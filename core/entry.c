#include "core/entry.h"

#include "core/assert.h"
#include "core/entry_layout.h"
#include "core/memory.h"
#include "core/number.h"

static_assert(NUMBER_TEXT_MAX == 32, "entry_string's digits hold any integer");

struct str entry_key(const struct entry *entry)
{
    return entry_key_inline(entry);
}

int64_t entry_expiry_ms(const struct entry *entry)
{
    return entry_expiry_inline(entry);
}

enum value_type entry_type(const struct entry *entry)
{
    return (enum value_type)entry->type;
}

enum value_encoding entry_encoding(const struct entry *entry)
{
    return (enum value_encoding)entry->encoding;
}

const char *entry_encoding_name(const struct entry *entry)
{
    static const char *const names[] = {[ENCODING_INT] = "int", [ENCODING_EMBSTR] = "embstr", [ENCODING_RAW] = "raw"};

    return names[entry->encoding];
}

const char *value_type_name(enum value_type type)
{
    static const char *const names[] = {
        [VALUE_STRING] = "string", [VALUE_LIST] = "list", [VALUE_SET] = "set",
        [VALUE_ZSET] = "zset",     [VALUE_HASH] = "hash", [VALUE_STREAM] = "stream",
    };

    return names[type];
}

size_t entry_bytes(const struct entry *entry)
{
    const struct entry_block *block = entry_block(entry);

    return memory_block_bytes(entry) + (block ? memory_block_bytes(block) : 0);
}

uint32_t entry_access(const struct entry *entry)
{
    return entry->access;
}

void entry_set_access(struct entry *entry, uint32_t access)
{
    entry->access = access & 0xffffff;
}

struct str entry_string(const struct entry *entry, char digits[static 32])
{
    ASSERT(entry->type == VALUE_STRING);
    if (!(entry->flags & ENTRY_HAS_WORD))
        return (struct str){entry_inline(entry), entry->inline_length};
    if (entry->encoding == ENCODING_INT)
        return (struct str){digits, number_format_integer(digits, (int64_t)entry_word(entry))};
    return (struct str){entry_block(entry)->bytes, entry_block(entry)->length};
}

size_t entry_string_length(const struct entry *entry)
{
    char digits[NUMBER_TEXT_MAX];

    return entry_string(entry, digits).length;
}

bool entry_integer(const struct entry *entry, int64_t *value)
{
    char digits[NUMBER_TEXT_MAX];

    if (entry->encoding != ENCODING_INT)
        return number_parse_integer(entry_string(entry, digits), value);
    ASSERT(entry->type == VALUE_STRING);
    *value = (int64_t)entry_word(entry);
    return true;
}
