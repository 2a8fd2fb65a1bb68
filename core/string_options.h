/* The options that SET, GETEX and MSETEX share, parsed and checked.
 *
 * An option is of one of three groups: when to write (NX, XX, IFEQ …), what
 * becomes of the expiry (EX, KEEPTTL, PERSIST …), and GET. Of the first two
 * groups only one option may be named; the same one again replaces the first. */
#ifndef CORE_STRING_OPTIONS_H
#define CORE_STRING_OPTIONS_H

#include <stdint.h>

#include "core/str.h"

struct call;
struct entry;
struct reply;

enum string_command { STRING_SET = 1 << 0, STRING_GETEX = 1 << 1, STRING_MSETEX = 1 << 2 };

enum string_when {
    STRING_ALWAYS,
    STRING_ABSENT,
    STRING_PRESENT,
    /* These compare with the value that is there: only strings will do. */
    STRING_EQUAL,
    STRING_NOT_EQUAL,
    STRING_DIGEST_EQUAL,
    STRING_DIGEST_NOT_EQUAL,
};

struct string_condition {
    enum string_when when;
    struct str operand; /* what to compare with */
};

enum string_expiry {
    STRING_EXPIRY_NONE,
    STRING_EXPIRY_SECONDS,
    STRING_EXPIRY_MILLISECONDS,
    STRING_EXPIRY_AT_SECONDS,
    STRING_EXPIRY_AT_MILLISECONDS,
    STRING_EXPIRY_KEEP,
    STRING_EXPIRY_PERSIST,
};

struct string_options {
    struct string_condition condition;
    enum string_expiry expiry;
    struct str expiry_text; /* the time as given */
    bool get;
};

/* Options from argv[first] on, as `command` takes them. False: answered. */
MUST_USE bool string_options_parse(struct call *call, int first, enum string_command command,
                                   struct string_options *options);
/* The time in options as Unix ms, -1 where they name none. False: answered. */
MUST_USE bool string_options_expiry(struct call *call, const struct string_options *options, int64_t *expiry_ms);
static inline bool string_options_expire_at(const struct string_options *options)
{
    return options->expiry == STRING_EXPIRY_AT_SECONDS || options->expiry == STRING_EXPIRY_AT_MILLISECONDS;
}

static inline bool string_condition_compares(const struct string_condition *condition)
{
    return condition->when >= STRING_EQUAL;
}
/* IFEQ, IFNE, IFDEQ or IFDNE by its word; STRING_ALWAYS: none of them. */
enum string_when string_condition_named(struct str word);
/* Whether the operand is of the form that the comparison needs. False: answered. */
MUST_USE bool string_condition_check(struct reply *reply, const struct string_condition *condition);
/* entry: what is at the key, NULL when nothing; a string where the condition compares. */
bool string_condition_holds(const struct string_condition *condition, const struct entry *entry);

#endif
