/* A key with its value, written at once. */
#ifndef TESTS_SUPPORT_RDB_WRITE_KEY_H
#define TESTS_SUPPORT_RDB_WRITE_KEY_H

#include "core/assert.h"
#include "persist/rdb_file_writer.h"

static inline void rdb_write_key(struct rdb_file_writer *writer, int db, const struct entry *entry)
{
    rdb_file_writer_begin_key(writer, db, entry);
    bool has_more = rdb_file_writer_go_on(writer, SIZE_MAX);
    ASSERT(!has_more);
}

#endif
