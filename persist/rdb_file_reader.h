/* Reads a data set in Redis's RDB format, of versions 6 to 12, record by record.
 *
 * The caller brings the bytes in pieces of any size, as they come from a file or a
 * socket, and is given records: a key with its value as bytes, which whoever shall own
 * the key makes a value of (rdb_record_put), on another thread if need be. What is
 * read is of unknown origin. No length in it sizes anything before so many bytes
 * are there, and one that leads beyond the file's end is refused at once; of
 * what is wrong, a text says where. It does no I/O, and belongs to one thread. */
#ifndef PERSIST_RDB_FILE_READER_H
#define PERSIST_RDB_FILE_READER_H

#include <stdint.h>

#include "core/buffer.h"
#include "persist/rdb_record.h"

enum rdb_file_status {
    RDB_FILE_RECORD, /* there is one */
    RDB_FILE_HUNGRY, /* more bytes are wanted */
    RDB_FILE_END,    /* that was all */
    RDB_FILE_WRONG,  /* rdb_file_reader_problem says what */
};

struct rdb_file_reader {
    const char *name;       /* of the file, for messages */
    struct buffer window;   /* bytes of the file */
    uint64_t window_offset; /* where they begin there */
    size_t passed;          /* so many of them have been read, */
    size_t summed;          /* and so many are in the checksum */
    uint64_t checksum;
    uint64_t file_bytes; /* RDB_FILE_BYTES_UNKNOWN: not yet known */
    enum rdb_file_status status;
    bool checks; /* the checksum */
    int version; /* 0: the head has not been read */
    int db;
    struct buffer key, text; /* of the last record, where they were compressed */
    struct buffer problem;
};

#define RDB_FILE_BYTES_UNKNOWN UINT64_MAX

/* The name is borrowed. checks: whether the checksum is looked at, if there is one. */
void rdb_file_reader_init(struct rdb_file_reader *reader, struct memory *memory, const char *name, uint64_t file_bytes,
                          bool checks);
void rdb_file_reader_deinit(struct rdb_file_reader *reader);

/* Where the file's next bytes go, and how many there is room for, at least one. What the last record borrowed is gone.
 */
char *rdb_file_reader_room(struct rdb_file_reader *reader, size_t *bytes);
/* So many have come. */
void rdb_file_reader_filled(struct rdb_file_reader *reader, size_t bytes);
/* There are no more. */
void rdb_file_reader_filled_all(struct rdb_file_reader *reader);

/* The next record borrows from the reader until this is called again. */
MUST_USE enum rdb_file_status rdb_file_reader_next(struct rdb_file_reader *reader, struct rdb_record *record);
/* The record can't be taken: from now on that is what is wrong. */
void rdb_file_reader_refuse(struct rdb_file_reader *reader, const struct rdb_record *record, const char *reason);
/* What is wrong, and where, in one line. */
const char *rdb_file_reader_problem(const struct rdb_file_reader *reader);

/* How far it has read. */
static inline uint64_t rdb_file_reader_offset(const struct rdb_file_reader *reader)
{
    return reader->window_offset + reader->passed;
}
/* What has come of what lies behind the end: an AOF goes on there. */
static inline struct str rdb_file_reader_rest(const struct rdb_file_reader *reader)
{
    return (struct str){reader->window.bytes + reader->passed, reader->window.length - reader->passed};
}

#endif
