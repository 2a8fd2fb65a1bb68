/* What shoal-check finds in a segment of an AOF: its groups, commands and transactions, and up to where it is
 * sound. */
#ifndef PERSIST_CHECK_AOF_H
#define PERSIST_CHECK_AOF_H

#include <stdbool.h>
#include <stdint.h>

#include "core/str.h"

struct check;
struct check_file;

struct check_aof {
    uint64_t sound; /* in the file: what lies behind it is to be cut, */
    bool is_late;   /* as it is later than what is wanted; */
    bool is_cut;    /* if there is something behind it, */
    bool is_filled; /* but room for groups, made beforehand */
    int problems;   /* of the check's, that were there before that */
    uint64_t groups, commands, transactions;
};

/* From that byte on. Problems are the check's. False: the file can't be read. */
MUST_USE bool check_aof_read(struct check_aof *aof, struct check *check, const struct check_file *file, uint64_t from);
/* Says what is in it. */
void check_aof_report(const struct check_aof *aof, struct check *check, const struct check_file *file);

/* How many whole commands seem to lie in this part of the file, whether it is sound or not. False: it can't be read. */
MUST_USE bool check_aof_count(struct check *check, const struct check_file *file, uint64_t from, uint64_t *count);

#endif
