/* Effects as the bytes of an AOF segment, in commit groups: see aof_format.h.
 *
 * It does no I/O: whoever takes the bytes writes them behind those that were taken
 * before. Belongs to its shard's thread. */
#ifndef PERSIST_AOF_WRITER_H
#define PERSIST_AOF_WRITER_H

#include <stdint.h>

#include "core/buffer.h"

struct aof_writer {
    struct buffer block; /* what was not yet taken */
    size_t group_at;     /* where the group begins in it */
    bool in_group;
};

void aof_writer_init(struct aof_writer *writer, struct memory *memory);
void aof_writer_deinit(struct aof_writer *writer);

/* What comes between the two is whole in the segment, or not there. A group without a body
 * leaves nothing. */
void aof_writer_begin_group(struct aof_writer *writer);
void aof_writer_end_group(struct aof_writer *writer, uint64_t stamp);

/* A group's first line, if it is there: up to which offset of the file all is known to be on the disk. */
void aof_writer_synced(struct aof_writer *writer, uint64_t offset);
void aof_writer_command(struct aof_writer *writer, const struct str *argv, int argc);
/* name: capital letters; the text has no line end, and both fit in a line. */
void aof_writer_annotate(struct aof_writer *writer, const char *name, const char *format, ...) PRINTF_LIKE(3, 4);

/* The bytes so far, now the caller's: buffer_deinit. No group is open. */
struct buffer aof_writer_take(struct aof_writer *writer);

#endif
