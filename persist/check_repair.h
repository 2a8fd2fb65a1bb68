/* What shoal-check --repair does. Nothing is lost by it: what is cut is kept in a file of its own, and an RDB
 * file stays as it is. */
#ifndef PERSIST_CHECK_REPAIR_H
#define PERSIST_CHECK_REPAIR_H

#include <stdbool.h>

struct check;
struct check_aof;
struct check_file;
struct check_rdb;

/* Cuts the file to what is sound, and keeps the rest in FILE.cut-SECONDS. Whether that has been done. */
bool check_repair_aof(struct check *check, const struct check_file *file, const struct check_aof *aof);
/* Writes what is sound to FILE.repaired. */
void check_repair_rdb(struct check *check, const struct check_file *file, const struct check_rdb *rdb);

#endif
