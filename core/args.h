/* Options and ranges in the arguments of commands, by Redis's rules.
 * Each function that returns false has answered with Redis's error. */
#ifndef CORE_ARGS_H
#define CORE_ARGS_H

#include <stdint.h>

#include "core/str.h"

struct call;
struct reply;

/* "ERR value is not an integer or out of range" */
MUST_USE bool args_integer(struct reply *reply, struct str text, int64_t *value);
/* As above and within [lowest, highest]. error: the text for either failure; NULL: the one above, or "ERR value is
 * out of range, value must between …". */
MUST_USE bool args_integer_in(struct reply *reply, struct str text, int64_t lowest, int64_t highest, const char *error,
                              int64_t *value);

/* error: NULL for "ERR value is not a valid float". */
MUST_USE bool args_double(struct reply *reply, struct str text, const char *error, double *value);

static inline bool arg_is(struct str argument, const char *word)
{
    return str_equal_nocase(argument, word);
}

/* "ERR syntax error" */
void args_syntax_error(struct reply *reply);

enum args_expiry_unit { ARGS_SECONDS, ARGS_MILLISECONDS };

/* A relative or absolute expiry as given, made absolute (Unix ms), with
 * Redis's checks against overflow and, for SET and its kin, against values of
 * 0 and below: "ERR invalid expire time in 'set' command". */
MUST_USE bool args_expiry(struct call *call, struct str text, enum args_expiry_unit unit, bool absolute,
                          bool allow_past, int64_t *expiry_ms);

/* The timeout of a blocking command: seconds with a fraction, made ms; 0: none. "ERR timeout is not a float or out of
 * range", "ERR timeout is negative", "ERR timeout is out of range". */
MUST_USE bool args_timeout(struct call *call, struct str text, int64_t *timeout_ms);

/* A bit's offset in a string, within proto-max-bulk-len; with a width above 0 also "#N", N fields of so many bits.
 * "ERR bit offset is not an integer or out of range" */
MUST_USE bool args_bit_offset(struct call *call, struct str text, unsigned width, uint64_t *offset);

/* What every container's HELP subcommand answers: lines ends with NULL. */
void args_help(struct call *call, const char *const *lines);

#endif
