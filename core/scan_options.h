/* The arguments that SCAN, SSCAN, HSCAN and ZSCAN have in common, by Redis's
 * rules. Each function that returns false has answered with Redis's error. */
#ifndef CORE_SCAN_OPTIONS_H
#define CORE_SCAN_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/str.h"

struct call;

/* A step may visit a place where nothing lies; so many for each element asked for, at most. */
enum { SCAN_STEPS_PER_ELEMENT = 10 };

struct scan_options {
    int64_t count;
    struct str pattern; /* bytes NULL: everything */
    struct str type;    /* SCAN's; bytes NULL: every type */
    bool no_values;     /* HSCAN's */
};

/* Which options there are, beside COUNT and MATCH. */
enum scan_of { SCAN_OF_KEYS, SCAN_OF_FIELDS, SCAN_OF_MEMBERS };

/* From argv[first] on. */
MUST_USE bool scan_options_parse(struct call *call, int first, enum scan_of of, struct scan_options *options);
MUST_USE bool scan_cursor_parse(struct call *call, struct str text, uint64_t *cursor);
/* The same without an answer. */
MUST_USE bool scan_cursor_read(struct str text, uint64_t *cursor);

static inline bool scan_matches(const struct scan_options *options, struct str text)
{
    return options->pattern.bytes == NULL || str_glob_match(options->pattern, text, false);
}

/* How many steps a walk may take. */
static inline int64_t scan_steps(const struct scan_options *options)
{
    return options->count > INT64_MAX / SCAN_STEPS_PER_ELEMENT ? INT64_MAX : options->count * SCAN_STEPS_PER_ELEMENT;
}

#endif
