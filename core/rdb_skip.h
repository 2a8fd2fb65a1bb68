/* Passes over values without making them: where a file's next record begins is
 * known before anybody has to read this one. core/rdb_format.h has the layout. */
#ifndef CORE_RDB_SKIP_H
#define CORE_RDB_SKIP_H

#include "core/rdb_read.h"

/* A module's name and version in one number; the name has nine letters. */
enum { RDB_MODULE_NAME_MAX = 9 };
void rdb_module_name(uint64_t module, char name[static RDB_MODULE_NAME_MAX + 1]);

/* Whether a value of that type can be passed over. */
bool rdb_skip_knows(uint8_t type);
/* As the functions that read: false, where the bytes do not hold such a value or are too few. What it does not look at
 * is left to whoever reads it. The type is known. */
MUST_USE bool rdb_skip_value(struct rdb_reader *reader, uint8_t type);

#endif
