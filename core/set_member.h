/* A set's member, in the forms in which encodings store it: its text, and the
 * integer that the text is the one decimal way to write. Either may be given;
 * the text is borrowed. Any thread. */
#ifndef CORE_SET_MEMBER_H
#define CORE_SET_MEMBER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/listpack.h"
#include "core/number.h"
#include "core/str.h"

struct set_member {
    struct str text; /* bytes NULL: an integer, not written out */
    int64_t integer;
    bool is_integer;
};

/* Is given one member after the other, good until it returns; returns false to have no more. */
typedef bool set_visit(void *context, const struct set_member *member);

static inline struct set_member set_member_of(struct str text)
{
    struct set_member member = {.text = text};

    if (text.length > 0 && (text.bytes[0] <= '9' || text.bytes[0] == '-'))
        member.is_integer = number_parse_integer(text, &member.integer);
    return member;
}

static inline struct set_member set_member_integer(int64_t integer)
{
    return (struct set_member){.integer = integer, .is_integer = true};
}

/* One of those that large sets keep as bits. */
static inline bool set_member_is_id(const struct set_member *member)
{
    return member->is_integer && (uint64_t)member->integer <= UINT32_MAX;
}

/* digits has to live as long as the result is used. */
static inline struct str set_member_text(const struct set_member *member, char digits[static NUMBER_TEXT_MAX])
{
    if (member->text.bytes != NULL)
        return member->text;
    return (struct str){digits, number_format_integer(digits, member->integer)};
}

static inline struct listpack_value set_member_value(const struct set_member *member)
{
    if (member->is_integer)
        return listpack_integer(member->integer);
    return (struct listpack_value){.bytes = member->text.bytes, .length = member->text.length};
}

#endif
