/* Whole values in the RDB format, as its files and DUMP payloads carry them.
 *
 * A value is written in the layout of the lowest version that can hold it, and
 * read in any of the versions 6 to 12. What is read is of unknown origin: it
 * is checked as a whole, and rebuilt through the modules of the types, which
 * choose the encoding by this server's settings. */
#ifndef CORE_RDB_VALUE_H
#define CORE_RDB_VALUE_H

#include "core/keyspace.h"
#include "core/rdb_format.h"
#include "core/rdb_read.h"
#include "core/rdb_write.h"

struct config;
struct memory;

/* The layout that the entry's value is written in, and the first version that knows it. */
enum rdb_type rdb_type_of(const struct entry *entry);
int rdb_version_of(enum rdb_type type);
/* Appends the value, in that layout, without the type. */
void rdb_write_value(struct rdb_writer *writer, const struct entry *entry);

/* The same in parts, for whoever has other work meanwhile. Until the last the entry stays as and where it is. */
struct rdb_value_steps {
    const struct entry *entry;
    enum rdb_type type;
    uint64_t next; /* what comes next: an index, a rank or a cursor, as the type has it */
    bool has_more;
};
void rdb_write_value_begin(struct rdb_writer *writer, struct rdb_value_steps *steps, const struct entry *entry);
/* Appends so many bytes, or a little more. Whether more is left. A string is written as a whole, before; so is each
 * group of a stream. */
bool rdb_write_value_go_on(struct rdb_writer *writer, struct rdb_value_steps *steps, size_t bytes_most);

/* Reads values for one keyspace. */
struct rdb_loader {
    struct rdb_reader reader;
    struct memory *memory; /* of the keyspace */
    const struct config *config;
    struct buffer text, other_text; /* strings that were compressed */
    bool is_empty;                  /* the value that was refused last is well-formed, but has no items */
};

void rdb_loader_init(struct rdb_loader *loader, struct str bytes, struct memory *memory, const struct config *config);
void rdb_loader_deinit(struct rdb_loader *loader);

/* A value that no key holds: for keyspace_set_value, or of a string for keyspace_set_string. */
struct rdb_value {
    enum value_type type;
    enum value_encoding encoding;
    void *value;       /* the caller's; NULL: a string */
    struct str string; /* borrowed until the loader is used again */
};

/* False: it is malformed, or empty, which no value of a key is; nothing is left of it. */
MUST_USE bool rdb_read_value(struct rdb_loader *loader, uint8_t type, struct rdb_value *value);

/* Puts the value under a key that is absent: it was looked for. deadline_ms -1: none. One change. */
struct entry *rdb_put_value(struct keyspace *keyspace, int db, struct key key, const struct rdb_value *value,
                            int64_t deadline_ms);
/* Notes how long ago or how often the key was used, each -1 where that is not known, as far as the policy asks for it.
 */
void rdb_note_use(struct entry *entry, const struct config *config, int64_t now_ms, int64_t idle_seconds,
                  int64_t frequency);
/* Frees what no key is to hold. */
void rdb_free_value(struct keyspace *keyspace, const struct rdb_value *value);

#endif
