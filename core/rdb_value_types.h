/* How values of each type are read and written, for rdb_value_*.c alone. Each
 * reader refuses what rdb_read_value refuses. */
#ifndef CORE_RDB_VALUE_TYPES_H
#define CORE_RDB_VALUE_TYPES_H

#include "core/rdb_value.h"

MUST_USE bool rdb_read_list(struct rdb_loader *loader, enum rdb_type type, struct rdb_value *value);
MUST_USE bool rdb_read_set(struct rdb_loader *loader, enum rdb_type type, struct rdb_value *value);
MUST_USE bool rdb_read_zset(struct rdb_loader *loader, enum rdb_type type, struct rdb_value *value);
MUST_USE bool rdb_read_hash(struct rdb_loader *loader, enum rdb_type type, struct rdb_value *value);
MUST_USE bool rdb_read_stream(struct rdb_loader *loader, enum rdb_type type, struct rdb_value *value);

/* A pack that a string holds, as a listpack, which may be empty. It is borrowed from the string where that is a
 * listpack, else it was made. */
struct rdb_pack {
    const unsigned char *pack;
    unsigned char *made;
};
enum rdb_pack_kind { RDB_PACK_LISTPACK, RDB_PACK_ZIPLIST, RDB_PACK_ZIPMAP };
MUST_USE bool rdb_read_pack(struct rdb_loader *loader, enum rdb_pack_kind kind, struct rdb_pack *pack);
void rdb_pack_free(struct rdb_loader *loader, struct rdb_pack *pack);

/* In the layout RDB_STREAM_2. Whether more is left. */
void rdb_begin_stream(struct rdb_writer *writer, const struct entry *entry);
bool rdb_step_stream(struct rdb_writer *writer, struct rdb_value_steps *steps);
/* A listpack, as the string that it is. */
void rdb_write_pack(struct rdb_writer *writer, const unsigned char *pack);

#endif
