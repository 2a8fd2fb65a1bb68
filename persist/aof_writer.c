#include "persist/aof_writer.h"

#include <stdio.h>

#include "core/assert.h"
#include "core/crc32c.h"
#include "core/resp_command.h"
#include "persist/aof_format.h"

void aof_writer_init(struct aof_writer *writer, struct memory *memory)
{
    *writer = (struct aof_writer){.in_group = false};
    buffer_init(&writer->block, memory, NULL, 0);
}

void aof_writer_deinit(struct aof_writer *writer)
{
    buffer_deinit(&writer->block);
}

/* Groups: the head, whose length is known, is filled in when the body is there. */

void aof_writer_begin_group(struct aof_writer *writer)
{
    ASSERT(!writer->in_group);
    writer->in_group = true;
    writer->group_at = writer->block.length;
    buffer_reserve(&writer->block, AOF_GROUP_HEAD_BYTES);
    writer->block.length += AOF_GROUP_HEAD_BYTES;
}

static void write_head(char *head, size_t body_bytes, uint64_t stamp)
{
    char text[AOF_GROUP_HEAD_BYTES + 1];
    struct str checked = {head + AOF_CHECKED_AT, AOF_GROUP_HEAD_BYTES - AOF_CHECKED_AT + body_bytes};

    snprintf(text, sizeof text, AOF_GROUP_NAME "%08x" AOF_GROUP_FORMAT, 0, (unsigned long long)body_bytes,
             (unsigned long long)stamp);
    memcpy(head, text, AOF_GROUP_HEAD_BYTES);
    snprintf(text, sizeof text, "%08x", crc32c(0, checked));
    memcpy(head + AOF_CHECKSUM_AT, text, AOF_CHECKED_AT - AOF_CHECKSUM_AT);
}

void aof_writer_end_group(struct aof_writer *writer, uint64_t stamp)
{
    size_t body_bytes = writer->block.length - writer->group_at - AOF_GROUP_HEAD_BYTES;

    ASSERT(writer->in_group);
    writer->in_group = false;
    if (body_bytes > 0)
        write_head(writer->block.bytes + writer->group_at, body_bytes, stamp);
    else
        writer->block.length = writer->group_at;
}

/* What is in them */

void aof_writer_synced(struct aof_writer *writer, uint64_t offset)
{
    ASSERT(writer->in_group && writer->block.length == writer->group_at + AOF_GROUP_HEAD_BYTES);
    buffer_append_format(&writer->block, AOF_SYNCED_NAME AOF_SYNCED_FORMAT "\r\n", (unsigned long long)offset);
}

void aof_writer_command(struct aof_writer *writer, const struct str *argv, int argc)
{
    resp_command_append(&writer->block, argv, argc);
}

void aof_writer_annotate(struct aof_writer *writer, const char *name, const char *format, ...)
{
    size_t begin = writer->block.length;
    va_list arguments;

    buffer_append_format(&writer->block, "#%s:", name);
    va_start(arguments, format);
    buffer_append_arguments(&writer->block, format, arguments);
    va_end(arguments);
    buffer_append_str(&writer->block, STR("\r\n"));
    ASSERT(writer->block.length - begin <= AOF_LINE_MAX);
}

struct buffer aof_writer_take(struct aof_writer *writer)
{
    struct buffer block = writer->block;

    ASSERT(!writer->in_group);
    buffer_init(&writer->block, block.memory, NULL, 0);
    return block;
}
