/* A group's pending entries, which are read before their consumers: kept by ID
 * until a consumer claims each. For rdb_value_read_stream.c. */
#ifndef CORE_RDB_STREAM_PENDING_H
#define CORE_RDB_STREAM_PENDING_H

#include "core/rdb_read.h"
#include "core/stream_group.h"

enum { RDB_RAW_ID_BYTES = 16 };

struct rdb_pending_entry {
    struct stream_id id;
    int64_t delivered_ms;
    uint64_t deliveries;
};

struct rdb_pending {
    struct memory *memory;
    struct rdb_pending_entry *entries; /* by rising ID */
    size_t count;
};

/* False: malformed; nothing is to be freed. */
MUST_USE bool rdb_pending_read(struct rdb_pending *pending, struct rdb_reader *reader, struct memory *memory);
void rdb_pending_free(struct rdb_pending *pending);
/* Reads an ID and gives that entry to the consumer. False: malformed, there is no such one, or it is taken. */
MUST_USE bool rdb_pending_assign(const struct rdb_pending *pending, struct rdb_reader *reader,
                                 struct stream_group *group, struct stream_consumer *consumer);

#endif
