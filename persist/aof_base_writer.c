#include "persist/aof_base_writer.h"

#include "core/assert.h"
#include "core/number.h"
#include "core/resp_command.h"

void aof_base_writer_init(struct aof_base_writer *writer, struct memory *memory, bool compress)
{
    *writer = (struct aof_base_writer){.db = -1, .compress = compress};
    aof_writer_init(&writer->groups, memory);
}

void aof_base_writer_deinit(struct aof_base_writer *writer)
{
    aof_writer_deinit(&writer->groups);
}

/* The group that commands go to. */
static struct buffer *body(struct aof_base_writer *writer)
{
    if (!writer->groups.in_group)
        aof_writer_begin_group(&writer->groups);
    return &writer->groups.block;
}

static void select_database(struct aof_base_writer *writer, int db)
{
    char digits[NUMBER_TEXT_MAX];

    RESP_COMMAND_APPEND(body(writer), STR("SELECT"), {digits, number_format_integer(digits, db)});
    writer->db = db;
}

void aof_base_writer_head(struct aof_base_writer *writer, int64_t now_s)
{
    body(writer);
    if (now_s > 0)
        aof_writer_annotate(&writer->groups, "TS", "%lld", (long long)now_s);
    select_database(writer, 0);
}

void aof_base_writer_function(struct aof_base_writer *writer, struct str code)
{
    RESP_COMMAND_APPEND(body(writer), STR("FUNCTION"), STR("LOAD"), code);
}

void aof_base_writer_begin_key(struct aof_base_writer *writer, int db, const struct entry *entry)
{
    ASSERT(!writer->value.has_more);
    if (db != writer->db)
        select_database(writer, db);
    value_commands_begin(&writer->value, entry, writer->compress);
}

bool aof_base_writer_go_on(struct aof_base_writer *writer, size_t bytes_most)
{
    return value_commands_go_on(&writer->value, body(writer), bytes_most);
}

struct buffer aof_base_writer_take(struct aof_base_writer *writer)
{
    if (writer->groups.in_group)
        aof_writer_end_group(&writer->groups, 0);
    return aof_writer_take(&writer->groups);
}

void aof_base_writer_begin_part(struct aof_base_writer *writer)
{
    ASSERT(writer->groups.block.length == 0);
    writer->db = -1;
    writer->value.has_more = false;
}
