/* What the commands on the deadlines of fields share of their arguments. Each
 * function that returns false has answered with Redis's error. */
#ifndef CORE_HASH_OPTIONS_H
#define CORE_HASH_OPTIONS_H

#include "core/args.h"

/* A time as given, made absolute; one that has passed is none to refuse. */
MUST_USE bool hash_deadline_parse(struct call *call, struct str text, enum args_expiry_unit unit, bool absolute,
                                  int64_t *deadline_ms);

/* EX, PX, EXAT or PXAT; false: another word, nothing answered. */
struct hash_time {
    enum args_expiry_unit unit;
    bool absolute;
};
MUST_USE bool hash_time_named(struct str word, struct hash_time *time);

/* FIELDS numfields field …, which begins at argv[at] and ends the command. The fields are from argv[at + 2] on.
 * count_error: where numfields is not a number above 0. */
MUST_USE bool hash_fields_parse(struct call *call, int at, const char *count_error);

extern const char hash_fields_not_positive[];

#endif
