/* Room that is made in a segment before its groups come: when, and what is written into it. */
#include "shards/aof_room.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "persist/aof_reader.h"
#include "shards/aof.h"
#include "shards/shard.h"
#include "tests/support/shards/group_run.h"

enum { FILE_BYTES_MOST = 16 << 20 };

static struct group_run run;
static struct group_client *client;
static struct shard *shard;
static char path[32];

static void send_nothing(struct completion *completion)
{
}

static void begin(int fsync)
{
    static struct completion durable = {.done = send_nothing};
    struct aof_manifest manifest;

    group_run_init(&run, 1, NULL);
    shard = run.group.shards[0];
    aof_manifest_init(&manifest, &run.group.memory);
    aof_folder_init(&run.group.aof_folder, &run.group.memory, &shard->core.config, 1, &manifest);
    atomic_store(&run.group.aof_folder.is_complete, true);
    shard->durable = &durable;
    shard->core.config.appendonly = true;
    shard->core.config.appendfsync = fsync;
    strcpy(path, "/tmp/shoal-room-XXXXXX");
    aof_begin(shard, mkstemp(path), 0);
    client = group_connect(&run, 0);
}

static size_t file_bytes(void)
{
    struct stat facts;

    cr_assert_eq(stat(path, &facts), 0);
    return (size_t)facts.st_size;
}

static void end(void)
{
    while (fake_loop_end_file(&run.loops[0], 0))
        ;
    shard->core.config.appendonly = false;
    durable_reach(&run.group.durable, 0, durable_newest(&run.group.durable));
    cr_assert_eq(aof_end(shard), 0);
    unlink(path);
    group_run_deinit(&run);
}

/* The next operation under way is of that kind, and ends so. */
static void end_next(enum loop_operation operation, int error)
{
    cr_assert_not_null(run.loops[0].files.first);
    cr_assert_eq(run.loops[0].files.first->operation, operation);
    cr_assert(fake_loop_end_file(&run.loops[0], error));
    group_turns(&run);
}

static void end_group(void)
{
    end_next(LOOP_FILE_WRITE, 0);
    end_next(LOOP_FILE_SYNC, 0);
    cr_assert(aof_disk_is_clean(&shard->aof.disk));
}

/* The first group is on disk, and room is behind it. */
static void make_room(void)
{
    group_command(client, "SET a 1");
    end_next(LOOP_FILE_WRITE, 0); /* the group */
    end_next(LOOP_FILE_WRITE, 0); /* the room */
    end_next(LOOP_FILE_SYNC, 0);
    cr_assert_null(run.loops[0].files.first);
}

/* Groups, and behind them, to a multiple of the step, room: how many groups. */
static int groups_in_file(void)
{
    static char bytes[FILE_BYTES_MOST];
    struct memory memory = {0};
    struct aof_reader reader;
    struct aof_unit unit;
    enum aof_status status;
    int count = 0, fd = open(path, O_RDONLY);
    size_t length = file_bytes(), given = 0, room;

    cr_assert_eq(read(fd, bytes, sizeof bytes), (ssize_t)length);
    close(fd);
    aof_reader_init(&reader, &memory, path, length);
    while ((status = aof_reader_next(&reader, &unit)) == AOF_NEXT || status == AOF_HUNGRY) {
        if (status == AOF_HUNGRY) {
            char *to = file_window_room(&reader.window, &room);

            room = room < length - given ? room : length - given;
            memcpy(to, bytes + given, room);
            file_window_filled(&reader.window, room);
            given += room;
        } else {
            cr_assert_eq(unit.kind, AOF_UNIT_GROUP);
            count++;
        }
    }
    cr_assert_eq(status, AOF_END);
    size_t sound = (size_t)aof_reader_sound(&reader);
    if (aof_disk_is_clean(&shard->aof.disk))
        cr_assert_eq(sound, shard->aof.disk.segment->bytes);
    cr_assert_eq(aof_fill_length((struct str){bytes + sound, length - sound}), length - sound);
    aof_reader_deinit(&reader);
    return count;
}

Test(aof_room, under_always_groups_are_written_where_room_was_made)
{
    begin(CONFIG_FSYNC_ALWAYS);
    make_room();
    cr_assert_eq(file_bytes(), AOF_FILL_STEP);
    cr_assert_eq(groups_in_file(), 1);
    for (int i = 0; i < 100; i++) {
        char line[100];

        snprintf(line, sizeof line, "SET b %.*s", i + 1,
                 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
        group_command(client, line);
        end_group();
        cr_assert_eq(file_bytes(), AOF_FILL_STEP);
        cr_assert_eq(groups_in_file(), i + 2);
    }
    end();
}

Test(aof_room, there_is_always_more_of_it)
{
    static char line[10000];

    begin(CONFIG_FSYNC_ALWAYS);
    memset(line, 'x', sizeof line - 1);
    memcpy(line, "SET a ", 6);
    make_room();
    for (int i = 0; i < 300; i++) {
        group_command(client, line);
        while (run.loops[0].files.first)
            end_next(run.loops[0].files.first->operation, 0);
        cr_assert_gt(shard->aof.disk.segment->filled, shard->aof.disk.segment->bytes);
        cr_assert_eq(file_bytes(), shard->aof.disk.segment->filled);
        cr_assert_eq(file_bytes() % AOF_FILL_STEP, 0);
    }
    cr_assert_eq(groups_in_file(), 301);
    end();
}

Test(aof_room, a_group_waits_where_room_is_being_made)
{
    begin(CONFIG_FSYNC_ALWAYS);
    group_command(client, "SET a 1");
    end_next(LOOP_FILE_WRITE, 0);
    fake_loop_delay_file(&run.loops[0]);
    end_next(LOOP_FILE_SYNC, 0);
    group_command(client, "SET b 1");
    end_next(LOOP_FILE_WRITE, 0); /* the room */
    cr_assert_eq(groups_in_file(), 1, "the second one has waited");
    end_group();
    cr_assert_eq(groups_in_file(), 2);
    end();
}

Test(aof_room, where_none_can_be_made_the_file_becomes_longer)
{
    begin(CONFIG_FSYNC_ALWAYS);
    group_command(client, "SET a 1");
    end_next(LOOP_FILE_WRITE, 0);
    end_next(LOOP_FILE_WRITE, ENOSPC);
    end_next(LOOP_FILE_SYNC, 0);
    end_next(LOOP_FILE_TRUNCATE, 0);
    cr_assert_eq(shard->core.aof.error, 0, "nobody misses it");
    group_command(client, "SET b 1");
    end_group();
    cr_assert_null(run.loops[0].files.first, "it is not tried with each group");
    cr_assert_eq(groups_in_file(), 2);
    cr_assert_eq(file_bytes(), shard->aof.disk.segment->bytes);
    end();
}

Test(aof_room, what_is_left_of_it_is_cut_off_at_the_end)
{
    struct stat facts;
    uint64_t bytes;
    int fd;

    begin(CONFIG_FSYNC_ALWAYS);
    make_room();
    bytes = shard->aof.disk.segment->bytes;
    fd = open(path, O_RDONLY);
    end();
    cr_assert_eq(fstat(fd, &facts), 0);
    cr_assert_eq((uint64_t)facts.st_size, bytes);
    close(fd);
}

Test(aof_room, none_is_made_where_nobody_waits_for_the_disk)
{
    begin(CONFIG_FSYNC_EVERYSEC);
    group_command(client, "SET a 1");
    end_next(LOOP_FILE_WRITE, 0);
    end_next(LOOP_FILE_SYNC, 0);
    cr_assert_null(run.loops[0].files.first);
    end();
}

/* One group of so many. */
static void set_large(int count)
{
    static char line[60000];

    memset(line, 'x', sizeof line - 1);
    memcpy(line, "SET a ", 6);
    for (int i = 0; i < count; i++)
        group_ask(client, line);
    group_settle(&run);
    group_forget(client);
}

Test(aof_room, large_groups_need_none)
{
    begin(CONFIG_FSYNC_ALWAYS);
    for (int i = 0; i < 20; i++) {
        set_large(2);
        end_group();
    }
    cr_assert_null(run.loops[0].files.first);
    end();
}

Test(aof_room, a_group_that_is_larger_than_the_room_goes_on_behind_it)
{
    begin(CONFIG_FSYNC_ALWAYS);
    make_room();
    set_large(20);
    end_group();
    cr_assert_eq(groups_in_file(), 2);
    cr_assert_eq(file_bytes(), shard->aof.disk.segment->bytes);
    group_command(client, "SET b 1");
    while (run.loops[0].files.first)
        end_next(run.loops[0].files.first->operation, 0);
    cr_assert_eq(groups_in_file(), 3);
    cr_assert_eq(file_bytes() % AOF_FILL_STEP, 0);
    end();
}

Test(aof_room, a_file_that_is_switched_off_ends_when_its_room_is_made)
{
    begin(CONFIG_FSYNC_ALWAYS);
    group_command(client, "SET a 1");
    end_next(LOOP_FILE_WRITE, 0);
    fake_loop_delay_file(&run.loops[0]);
    end_next(LOOP_FILE_SYNC, 0);
    shard->core.config.appendonly = false;
    aof_stop(shard);
    group_turns(&run);
    cr_assert(shard->aof.on);
    end_next(LOOP_FILE_WRITE, 0);
    cr_assert_not(shard->aof.on);
    end();
}
