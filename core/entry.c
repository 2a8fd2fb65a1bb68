#include "core/entry.h"

#include "core/assert.h"
#include "core/entry_build.h"
#include "core/entry_layout.h"
#include "core/memory.h"
#include "core/number.h"
#include "core/sparse_bitmap.h"

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
    const struct value_kind *kind = entry_kind(entry);

    return kind->name_of ? kind->name_of(entry_owned(entry)) : kind->name;
}

const char *entry_real_encoding_name(const struct entry *entry)
{
    return entry_kind(entry)->real_name;
}

size_t entry_bytes(const struct entry *entry)
{
    const void *owned = entry_owned(entry);

    return memory_block_bytes(entry) + (owned ? entry_kind(entry)->bytes(owned) : 0);
}

bool entry_has_value(const struct entry *entry)
{
    return entry_has_value_inline(entry);
}

void *entry_value(const struct entry *entry)
{
    ASSERT(entry_has_value_inline(entry));
    return entry_holds_value_inline(entry) ? entry_inline(entry) : entry_owned(entry);
}

bool entry_holds_value(const struct entry *entry)
{
    return entry_holds_value_inline(entry);
}

size_t entry_value_room(const struct entry *entry)
{
    size_t room = memory_block_bytes(entry) - (size_t)(entry_inline(entry) - (const char *)entry);

    ASSERT(entry_holds_value_inline(entry));
    return room < ENTRY_INLINE_MAX ? room : ENTRY_INLINE_MAX;
}

void entry_set_value(struct entry *entry, enum value_encoding encoding, void *value)
{
    ASSERT(entry_has_value_inline(entry) && !entry_holds_value_inline(entry));
    ASSERT(encoding > ENCODING_RAW && value != NULL);
    entry->encoding = encoding;
    entry_set_word(entry, (uintptr_t)value);
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
    if (entry->encoding == ENCODING_SPARSE_BITMAP)
        entry_make_raw((struct entry *)entry);
    ASSERT(entry->encoding == ENCODING_RAW);
    return (struct str){entry_block(entry)->bytes, entry_block(entry)->length};
}

size_t entry_string_length(const struct entry *entry)
{
    char digits[NUMBER_TEXT_MAX];

    if (entry->encoding == ENCODING_SPARSE_BITMAP)
        return ((const struct sparse_bitmap *)entry_owned(entry))->length;
    return entry_string(entry, digits).length;
}

bool entry_integer(const struct entry *entry, int64_t *value)
{
    char digits[NUMBER_TEXT_MAX];

    if (entry->encoding == ENCODING_SPARSE_BITMAP)
        return false; /* it is longer than any integer */
    if (entry->encoding != ENCODING_INT)
        return number_parse_integer(entry_string(entry, digits), value);
    ASSERT(entry->type == VALUE_STRING);
    *value = (int64_t)entry_word(entry);
    return true;
}
