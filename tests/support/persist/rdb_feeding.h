/* A reader of RDB files whose bytes come in pieces. */
#ifndef TESTS_SUPPORT_PERSIST_RDB_FEEDING_H
#define TESTS_SUPPORT_PERSIST_RDB_FEEDING_H

#include "persist/rdb_file_reader.h"

struct rdb_feeding {
    struct rdb_file_reader reader;
    struct str left;   /* of the file */
    size_t piece_most; /* bytes */
};

/* The file is borrowed. knows_size: whether the reader is told beforehand how long it is. */
void rdb_feeding_init(struct rdb_feeding *feeding, struct memory *memory, struct str file, size_t piece_most,
                      bool knows_size);
void rdb_feeding_deinit(struct rdb_feeding *feeding);
/* Never hungry: where the file has ended, the reader knows. */
MUST_USE enum rdb_file_status rdb_feeding_next(struct rdb_feeding *feeding, struct rdb_record *record);

#endif
