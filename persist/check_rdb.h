/* What shoal-check finds in an RDB file: whether it has all its records, whether each value can be made, and
 * which part of it is sound. */
#ifndef PERSIST_CHECK_RDB_H
#define PERSIST_CHECK_RDB_H

#include <stdbool.h>
#include <stdint.h>

#include "core/buffer.h"
#include "core/value.h"

struct check;
struct check_file;

struct check_range {
    uint64_t from, to;
};

struct check_rdb {
    bool is_whole;      /* it was read to its end */
    bool is_before_aof; /* it says that an AOF may follow */
    uint64_t end;       /* where that is */
    uint64_t sound;     /* the end of the last record that could be read */
    int version;        /* 0: none could be read */
    uint64_t keys, types[VALUE_TYPES], expiring, libraries, modules;
    struct buffer unsound; /* struct check_range: keys before the end that can't be made */
    struct buffer last;    /* the last key that can, for people, with its database */
};

/* Problems are the check's. False: the file can't be read. Either way check_rdb_deinit ends it. */
MUST_USE bool check_rdb_read(struct check_rdb *rdb, struct check *check, const struct check_file *file);
void check_rdb_deinit(struct check_rdb *rdb);

/* Says what is in it. */
void check_rdb_report(const struct check_rdb *rdb, struct check *check, const char *path);

#endif
