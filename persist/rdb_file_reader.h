/* Reads a data set in Redis's RDB format, of versions 6 to 12, record by record.
 *
 * The caller fills the window with the bytes as they come from a file or a socket,
 * and is given records: a key with its value as bytes, which whoever shall own
 * the key makes a value of (rdb_record_put), on another thread if need be. What is
 * read is of unknown origin. No length in it sizes anything before so many bytes
 * are there, and one that leads beyond the file's end is refused at once; of
 * what is wrong, a text says where. It does no I/O, and belongs to one thread. */
#ifndef PERSIST_RDB_FILE_READER_H
#define PERSIST_RDB_FILE_READER_H

#include <stdint.h>

#include "persist/file_window.h"
#include "persist/rdb_record.h"

enum rdb_file_status {
    RDB_FILE_RECORD, /* there is one */
    RDB_FILE_HUNGRY, /* more bytes are wanted */
    RDB_FILE_END,    /* that was all */
    RDB_FILE_WRONG,  /* rdb_file_reader_problem says what */
};

struct rdb_file_reader {
    struct file_window window; /* the caller fills it */
    uint64_t wanted;           /* bytes in it before a record is tried again */
    const char *name;          /* of the file, for messages */
    uint64_t checksum;         /* of the file */
    uint64_t covered;          /* up to here */
    bool checks;               /* it, in the end */
    enum rdb_file_status status;
    int version; /* 0: the head has not been read */
    int db;
    struct buffer key, text; /* of the last record, where they were compressed */
    struct buffer problem;
};

/* The name is borrowed. file_bytes: FILE_BYTES_UNKNOWN where that is so; the last records may then come only once the
 * window has been told that there are no more bytes. checks: whether the checksum is looked at, if
 * there is one. */
void rdb_file_reader_init(struct rdb_file_reader *reader, struct memory *memory, const char *name, uint64_t file_bytes,
                          bool checks);
void rdb_file_reader_deinit(struct rdb_file_reader *reader);

/* The next record borrows from the window until that is filled again. Room in the window is asked for when it is
 * hungry, and not before. What the window has behind the end is left there: an AOF goes on. */
MUST_USE enum rdb_file_status rdb_file_reader_next(struct rdb_file_reader *reader, struct rdb_record *record);
/* Of the last record: what was compressed lies in the reader instead, until the next is read. */
static inline bool rdb_file_reader_holds(const struct rdb_file_reader *reader, const struct rdb_record *record)
{
    return (record->name.length > 0 && record->name.bytes == reader->key.bytes) ||
           (record->text.length > 0 && record->text.bytes == reader->text.bytes);
}
/* The record can't be taken: from now on that is what is wrong. */
void rdb_file_reader_refuse(struct rdb_file_reader *reader, const struct rdb_record *record, const char *reason);
/* What that says, until another problem is described, where the reading goes on. */
const char *rdb_file_reader_describe(struct rdb_file_reader *reader, const struct rdb_record *record,
                                     const char *reason);
/* What is wrong, and where, in one line. */
const char *rdb_file_reader_problem(const struct rdb_file_reader *reader);

#endif
