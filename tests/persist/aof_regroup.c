/* Reads an AOF segment, and writes what it holds to another in commit groups of up to
 * three commands: what test_exchange.py gives to redis-server.
 *
 *     aof_regroup FROM TO */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "persist/aof_reader.h"
#include "persist/aof_writer.h"

enum { GROUP_COMMANDS = 3 };

static struct memory memory;
static struct aof_writer writer;
static int in_group, commands;

static _Noreturn void fail(const char *why)
{
    fprintf(stderr, "%s\n", why);
    exit(1);
}

static FILE *open_file(const char *path, const char *mode)
{
    FILE *file = fopen(path, mode);

    if (!file)
        fail(strerror(errno));
    return file;
}

static void write_command(const struct aof_unit *unit)
{
    commands++;
    if (in_group == 0)
        aof_writer_begin_group(&writer);
    aof_writer_command(&writer, unit->argv, unit->argc);
    aof_writer_annotate(&writer, "TX", "%d", commands);
    if (++in_group == GROUP_COMMANDS) {
        aof_writer_end_group(&writer, (uint64_t)commands);
        in_group = 0;
    }
}

static void copy_group(const struct aof_unit *group)
{
    struct aof_body body;
    struct aof_unit unit;
    enum aof_status status;

    aof_body_init(&body, &memory, group->body);
    while ((status = aof_body_next(&body, &unit)) == AOF_NEXT)
        if (unit.kind == AOF_UNIT_COMMAND)
            write_command(&unit);
    aof_body_deinit(&body);
    if (status != AOF_END)
        fail("a group is malformed");
}

static void read_file(FILE *file, const char *name)
{
    struct aof_reader reader;
    struct aof_unit unit;
    enum aof_status status;

    aof_reader_init(&reader, &memory, name, FILE_BYTES_UNKNOWN);
    while ((status = aof_reader_next(&reader, &unit)) == AOF_NEXT || status == AOF_HUNGRY) {
        if (status == AOF_HUNGRY) {
            size_t room;
            char *to = file_window_room(&reader.window, &room);
            size_t got = fread(to, 1, room, file);

            file_window_filled(&reader.window, got);
            if (got == 0)
                file_window_filled_all(&reader.window);
        } else if (unit.kind == AOF_UNIT_COMMAND) {
            write_command(&unit);
        } else if (unit.kind == AOF_UNIT_GROUP) {
            copy_group(&unit);
        }
    }
    if (status != AOF_END)
        fail(aof_reader_problem(&reader));
    aof_reader_deinit(&reader);
}

int main(int argc, char **argv)
{
    if (argc != 3)
        fail("aof_regroup FROM TO");
    FILE *from = open_file(argv[1], "r"), *to = open_file(argv[2], "w");
    aof_writer_init(&writer, &memory);
    read_file(from, argv[1]);
    if (in_group > 0)
        aof_writer_end_group(&writer, (uint64_t)commands);
    struct buffer block = aof_writer_take(&writer);
    if (fwrite(block.bytes, 1, block.length, to) != block.length || fclose(to) != 0)
        fail(strerror(errno));
    buffer_deinit(&block);
    fclose(from);
    printf("%d commands\n", commands);
    return 0;
}
