/* SORT's arguments: for the handler, and for the router, which has to know
 * whether keys come from patterns. */
#ifndef CORE_SORT_OPTIONS_H
#define CORE_SORT_OPTIONS_H

#include <stdint.h>

#include "core/command.h"
#include "core/str.h"

struct call;

/* What BY or GET names for each element. */
enum sort_source {
    SORT_NOTHING, /* a text without '*' */
    SORT_ELEMENT, /* "#": the element itself */
    SORT_KEY,     /* the string at a key */
    SORT_FIELD,   /* a field of the hash at a key */
};

/* The element takes the place of the '*' between `before` and `after`. */
struct sort_pattern {
    enum sort_source source;
    struct str before, after, field;
};

struct sort_options {
    bool descending, alpha;
    bool unsorted; /* BY a constant */
    bool has_by;   /* … or by a pattern */
    bool stores;   /* STORE, under this name */
    struct str target;
    int64_t first, count; /* LIMIT; a negative count: all */
    struct sort_pattern by;
    int gets; /* how many GETs there are: sort_next_get finds them */
};

/* False: wrong, and that has been answered. */
MUST_USE bool sort_options_parse(struct call *call, bool may_store, struct sort_options *options);
/* The next GET's pattern, searched for in argv[*at] and behind it; at begins with 0. Of arguments that have been
 * parsed, which has another one. */
struct sort_pattern sort_next_get(const struct str *argv, int argc, int *at);

/* For the command table: SORT names one or two keys, SORT_RO one, and BY and GET any others. */
command_find_keys sort_find_keys, sort_ro_find_keys;
command_reaches_all sort_reaches_all;

#endif
