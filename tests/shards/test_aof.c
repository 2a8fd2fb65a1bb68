/* The append-only files of a group of shards: when what is written to them, and when answers may leave. */
#include "shards/aof.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "persist/aof_format.h"
#include "persist/aof_reader.h"
#include "shards/shard.h"
#include "tests/support/shards/group_run.h"

static struct group_run run;
static struct group_client *client; /* of shard 0 */
static char paths[2][2][32];        /* of each shard's segments */

static int make_file(int shard, int number)
{
    snprintf(paths[shard][number], sizeof paths[shard][number], "/tmp/shoal-aof-XXXXXX");
    return mkstemp(paths[shard][number]);
}

/* As if the manifest named the segments. */
static void begin_folder(int shards)
{
    struct aof_manifest manifest;

    aof_manifest_init(&manifest, &run.group.memory);
    aof_folder_init(&run.group.aof_folder, &run.group.memory, &run.group.shards[0]->core.config, shards, &manifest);
    atomic_store(&run.group.aof_folder.is_complete, true);
}

/* No connection keeps an answer back here. */
static void send_nothing(struct completion *completion)
{
}

static void begin(int shards, int fsync)
{
    static struct completion durable[2] = {{.done = send_nothing}, {.done = send_nothing}};

    group_run_init(&run, shards, NULL);
    begin_folder(shards);
    for (int i = 0; i < shards; i++) {
        run.group.shards[i]->durable = &durable[i];
        run.group.shards[i]->core.config.appendonly = true;
        run.group.shards[i]->core.config.appendfsync = fsync;
        run.group.shards[i]->aof.disk.room.next = UINT64_MAX; /* none is made beforehand: test_aof_room.c */
        aof_begin(run.group.shards[i], make_file(i, 0), 0);
    }
    client = group_connect(&run, 0);
}

static void end(void)
{
    uint64_t newest = durable_newest(&run.group.durable);

    for (int i = 0; i < run.group.count; i++) {
        while (fake_loop_end_file(&run.loops[i], 0))
            ;
        durable_reach(&run.group.durable, i, newest);
    }
    for (int i = 0; i < run.group.count; i++) {
        run.group.shards[i]->core.config.appendonly = false; /* else it would begin again */
        cr_assert_eq(aof_end(run.group.shards[i]), 0);
    }
    for (int i = 0; i < 2; i++)
        for (int number = 0; number < 2; number++)
            if (paths[i][number][0])
                unlink(paths[i][number]);
    group_run_deinit(&run);
}

static size_t file_bytes(int shard, int number)
{
    struct stat facts;

    cr_assert_eq(stat(paths[shard][number], &facts), 0);
    return (size_t)facts.st_size;
}

static void add_command(struct buffer *text, const struct aof_unit *unit)
{
    for (int i = 0; i < unit->argc; i++)
        buffer_append_format(text, "%s%.*s", i > 0 ? " " : "", (int)unit->argv[i].length, unit->argv[i].bytes);
    buffer_append_str(text, STR("; "));
}

/* The commands that a segment holds, in whole groups. */
static const char *contents(int shard, int number)
{
    static char text[4096];
    struct memory memory = {0};
    struct aof_reader reader;
    struct aof_unit group, unit;
    struct buffer commands;
    size_t room, bytes = file_bytes(shard, number);
    FILE *file = fopen(paths[shard][number], "r");

    buffer_init(&commands, &memory, NULL, 0);
    aof_reader_init(&reader, &memory, paths[shard][number], bytes);
    while (bytes > 0) {
        char *to = file_window_room(&reader.window, &room);
        size_t got = fread(to, 1, room < bytes ? room : bytes, file);

        file_window_filled(&reader.window, got);
        bytes -= got;
    }
    file_window_filled_all(&reader.window);
    while (aof_reader_next(&reader, &group) == AOF_NEXT) {
        struct aof_body body;

        cr_assert_eq(group.kind, AOF_UNIT_GROUP);
        aof_body_init(&body, &memory, group.body);
        while (aof_body_next(&body, &unit) == AOF_NEXT)
            if (unit.kind == AOF_UNIT_COMMAND)
                add_command(&commands, &unit);
        aof_body_deinit(&body);
    }
    snprintf(text, sizeof text, "%.*s", (int)commands.length, commands.bytes);
    aof_reader_deinit(&reader);
    buffer_deinit(&commands);
    fclose(file);
    return text;
}

/* What the groups of shard 0 say of their syncing, those that do. */
static const char *synced_marks(void)
{
    static char file[4096], text[200];
    FILE *stream = fopen(paths[0][0], "r");
    size_t bytes = fread(file, 1, sizeof file - 1, stream), length = 0;

    fclose(stream);
    file[bytes] = text[0] = '\0';
    for (const char *at = file; (at = strstr(at, AOF_SYNCED_NAME)); at++)
        length +=
            (size_t)snprintf(text + length, sizeof text - length, "%llu; ", strtoull(at + AOF_SYNCED_AT, NULL, 16));
    return text;
}

static struct fake_loop *loop(int shard)
{
    return &run.loops[shard];
}

Test(aof, what_a_turn_has_done_is_one_group)
{
    begin(1, CONFIG_FSYNC_NO);
    group_ask(client, "SET a 1");
    group_ask(client, "INCR a");
    group_ask(client, "GET a");
    group_settle(&run);
    cr_assert_eq(file_bytes(0, 0), 0, "nobody has waited for the disk");
    cr_assert(fake_loop_end_file(loop(0), 0));
    cr_assert_str_eq(contents(0, 0), "select 0; SET a 1; INCR a; ");
    cr_assert_not(fake_loop_end_file(loop(0), 0), "nothing is synced, and nothing more was written");
    group_forget(client);
    end();
}

Test(aof, what_nobody_asks_to_be_synced_does_not_pile_up)
{
    static char line[60000];
    struct shard *shard;

    begin(1, CONFIG_FSYNC_NO);
    shard = run.group.shards[0];
    memset(line, 'x', sizeof line - 1);
    memcpy(line, "SET a ", 6);
    for (int i = 0; i < 400; i++) {
        group_ask(client, line);
        group_settle(&run);
        group_forget(client);
        while (fake_loop_end_file(loop(0), 0))
            group_turns(&run);
        cr_assert_leq(shard->aof.disk.pending_bytes, 17 << 20);
    }
    end();
}

Test(aof, what_comes_while_a_group_is_written_waits_for_the_next)
{
    begin(1, CONFIG_FSYNC_NO);
    group_command(client, "SET a 1");
    group_command(client, "SET b 1");
    group_command(client, "SET c 1");
    cr_assert(fake_loop_end_file(loop(0), 0));
    cr_assert_str_eq(contents(0, 0), "select 0; SET a 1; ");
    group_turns(&run);
    cr_assert(fake_loop_end_file(loop(0), 0));
    cr_assert_str_eq(contents(0, 0), "select 0; SET a 1; SET b 1; SET c 1; ");
    end();
}

Test(aof, a_sync_says_nothing_of_what_came_while_it_was_under_way)
{
    struct shard *shard;

    begin(1, CONFIG_FSYNC_EVERYSEC);
    shard = run.group.shards[0];
    group_command(client, "SET a 1");
    cr_assert(fake_loop_end_file(loop(0), 0)); /* written */
    group_turns(&run);
    group_command(client, "SET b 1");
    cr_assert(fake_loop_end_file(loop(0), 0)); /* the first one's sync */
    cr_assert_not(aof_disk_is_clean(&shard->aof.disk));
    group_turns(&run);
    cr_assert(fake_loop_end_file(loop(0), 0));
    cr_assert_str_eq(contents(0, 0), "select 0; SET a 1; SET b 1; ");
    end();
}

Test(aof, a_group_says_how_far_the_file_was_synced_when_not_all_of_it_was)
{
    size_t first, second;
    char expected[100];

    begin(1, CONFIG_FSYNC_EVERYSEC);
    group_command(client, "SET a 1");
    cr_assert(fake_loop_end_file(loop(0), 0)); /* written */
    first = file_bytes(0, 0);
    group_turns(&run);
    group_command(client, "SET b 1");
    cr_assert(fake_loop_end_file(loop(0), 0)); /* the first one's sync */
    group_turns(&run);
    cr_assert(fake_loop_end_file(loop(0), 0)); /* the second one is written */
    second = file_bytes(0, 0);
    group_turns(&run);
    cr_assert_str_eq(synced_marks(), "0; ");
    group_command(client, "SET c 1");
    cr_assert(fake_loop_end_file(loop(0), 0));
    snprintf(expected, sizeof expected, "0; %zu; ", first);
    cr_assert_str_eq(synced_marks(), expected);
    cr_assert_lt(first, second);
    loop(0)->time_us += 1001000;
    for (int i = 0; i < 3; i++) {
        group_turns(&run);
        fake_loop_end_file(loop(0), 0);
    }
    group_turns(&run);
    cr_assert(aof_disk_is_clean(&run.group.shards[0]->aof.disk));
    group_command(client, "SET d 1");
    cr_assert(fake_loop_end_file(loop(0), 0));
    cr_assert_str_eq(synced_marks(), expected, "all was synced, and the group says nothing of it");
    end();
}

Test(aof, under_always_answers_wait_for_the_sync)
{
    struct shard *shard;

    begin(1, CONFIG_FSYNC_ALWAYS);
    shard = run.group.shards[0];
    cr_assert_eq(aof_answers_wait_for(shard), 0, "nothing has been written");
    group_command(client, "SET a 1");

    uint64_t stamp = aof_answers_wait_for(shard);

    cr_assert_gt(stamp, 0);
    cr_assert(fake_loop_end_file(loop(0), 0)); /* written */
    group_turns(&run);
    cr_assert_eq(aof_answers_wait_for(shard), stamp);
    cr_assert(fake_loop_end_file(loop(0), 0)); /* synced */
    group_turns(&run);
    cr_assert_geq(aof_safe(shard), stamp);
    cr_assert_eq(aof_answers_wait_for(shard), 0);
    end();
}

static void sync_group(int64_t us)
{
    cr_assert(fake_loop_end_file(loop(0), 0)); /* written */
    group_turns(&run);
    loop(0)->time_us += us;
    group_turns(&run);
    cr_assert(fake_loop_end_file(loop(0), 0));
    group_turns(&run);
}

Test(aof, a_group_waits_a_little_for_those_whom_the_sync_before_it_answered)
{
    struct group_client *other;

    begin(1, CONFIG_FSYNC_ALWAYS);
    other = group_connect(&run, 0);
    group_command(client, "SET a 1");
    group_command(other, "SET b 1"); /* while that is written */
    sync_group(4000);
    cr_assert_null(loop(0)->files.first, "the first one sends again");
    group_command(client, "SET a 2");
    cr_assert_not_null(loop(0)->files.first, "and both are in one group");
    sync_group(4000);
    group_command(client, "SET a 3");
    cr_assert_null(loop(0)->files.first);
    loop(0)->time_us += 500;
    group_turns(&run);
    cr_assert_not_null(loop(0)->files.first, "the other one stays away, and an eighth of the sync's time has gone");
    sync_group(4000);
    loop(0)->time_us += 500;
    group_command(client, "SET a 4");
    cr_assert_not_null(loop(0)->files.first, "nobody is expected any more");
    group_forget(other);
    end();
}

static void set_many(int count)
{
    for (int i = 0; i < count; i++)
        group_ask(client, "SET a 1");
    group_settle(&run);
    group_forget(client);
}

/* It is synced, and another command has come meanwhile. */
static void sync_and_go_on(void)
{
    group_command(client, "SET b 1");
    sync_group(4000);
    cr_assert_null(loop(0)->files.first);
}

static bool is_closed_after(int64_t us)
{
    loop(0)->time_us += us;
    group_turns(&run);
    return loop(0)->files.first != NULL;
}

Test(aof, a_group_waits_for_many_as_long_as_they_may_take_but_not_when_they_stayed_away)
{
    begin(1, CONFIG_FSYNC_ALWAYS);
    set_many(40);
    sync_and_go_on();
    cr_assert_not(is_closed_after(790), "20 us for each of those who have been answered");
    cr_assert(is_closed_after(20));
    set_many(40); /* while that is written, and then wait an eighth of the sync's time for one */
    sync_group(4000);
    cr_assert(is_closed_after(510));
    sync_and_go_on();
    cr_assert_not(is_closed_after(490), "the forty had stayed away");
    cr_assert(is_closed_after(20), "an eighth again");
    end();
}

Test(aof, what_speaks_for_records_of_before_waits_for_nobody)
{
    begin(1, CONFIG_FSYNC_ALWAYS);
    group_command(client, "SET a 1");
    group_command(client, "SET b 1"); /* while that is written */
    atomic_store(&run.group.aof_folder.named, 1);
    aof_switch(run.group.shards[0], make_file(0, 1), 1, false);
    group_command(client, "SET c 1");
    sync_group(4000);
    loop(0)->time_us += 500;
    group_turns(&run);
    sync_group(4000); /* of b, with which c was counted */
    cr_assert_not_null(loop(0)->files.first, "else nothing would wake the shard");
    end();
}

Test(aof, otherwise_no_answer_waits)
{
    begin(1, CONFIG_FSYNC_EVERYSEC);
    group_command(client, "SET a 1");
    cr_assert_eq(aof_answers_wait_for(run.group.shards[0]), 0);
    end();
}

Test(aof, under_always_a_group_is_closed_when_all_shards_have_executed_what_precedes_it)
{
    begin(2, CONFIG_FSYNC_ALWAYS);
    group_ask_format(client, "SET %s 1", group_key(&run, 0, 0));
    for (int i = 0; i < 3; i++)
        group_turn(&run, 0);
    cr_assert_null(loop(0)->files.first, "shard 1 has not said how far it is");
    group_turn(&run, 1);
    group_turn(&run, 0);
    cr_assert_not_null(loop(0)->files.first);
    group_settle(&run);
    group_forget(client);
    end();
}

Test(aof, who_could_speak_for_what_another_waits_with_does_not_fall_asleep)
{
    begin(2, CONFIG_FSYNC_ALWAYS);
    group_turns(&run);
    cr_assert_not(aof_calls(run.group.shards[1]));
    group_ask_format(client, "SET %s 1", group_key(&run, 0, 0));
    for (int i = 0; i < 3; i++)
        group_turn(&run, 0);
    cr_assert(durable_waits(&run.group.durable, 0));
    cr_assert(aof_calls(run.group.shards[1]));
    group_turn(&run, 1);
    cr_assert_not(aof_calls(run.group.shards[1]));
    group_settle(&run);
    group_forget(client);
    end();
}

static bool wakes(int shard, int other)
{
    _Atomic(bool) *asleep = &run.group.mesh.sleepers[other].asleep;

    atomic_store(asleep, true);
    group_turn(&run, shard);
    return !atomic_exchange(asleep, false);
}

Test(aof, shards_that_wait_for_the_disk_wake_each_other_when_it_has_done_something)
{
    struct group_client *other;

    begin(2, CONFIG_FSYNC_ALWAYS);
    other = group_connect(&run, 1);
    group_ask_format(client, "SET %s 1", group_key(&run, 0, 0));
    group_ask_format(other, "SET %s 1", group_key(&run, 1, 0));
    for (int i = 0; i < 4; i++)
        group_turns(&run);
    for (int i = 0; i < 2; i++)
        aof_keep_answers(run.group.shards[i], aof_answers_wait_for(run.group.shards[i]));
    for (int i = 0; i < 4; i++) {
        loop(0)->time_us += 1000;
        loop(1)->time_us += 1000;
        cr_assert_not(wakes(0, 1), "turn %d", i);
        cr_assert_not(wakes(1, 0), "turn %d", i);
    }
    cr_assert(fake_loop_end_file(loop(0), 0)); /* written */
    cr_assert_not(wakes(0, 1));
    cr_assert(fake_loop_end_file(loop(0), 0)); /* synced */
    cr_assert(wakes(0, 1));
    cr_assert_not(wakes(0, 1));
    for (int i = 0; i < 2; i++)
        aof_keep_answers(run.group.shards[i], 0);
    group_forget(client);
    group_forget(other);
    end();
}

Test(aof, an_answer_waits_for_all_that_its_group_names)
{
    struct group_client *other;

    begin(2, CONFIG_FSYNC_ALWAYS);
    other = group_connect(&run, 1);
    group_ask_format(client, "SET %s 1", group_key(&run, 0, 0));
    group_ask_format(other, "SET %s 1", group_key(&run, 1, 0));
    for (int i = 0; i < 4; i++)
        group_turns(&run);
    for (int i = 0; i < 2; i++) {
        cr_assert(fake_loop_end_file(loop(0), 0));
        group_turns(&run);
    }
    cr_assert_gt(aof_answers_wait_for(run.group.shards[0]), 0, "shard 1 has synced nothing");
    for (int i = 0; i < 2; i++) {
        cr_assert(fake_loop_end_file(loop(1), 0));
        group_turns(&run);
    }
    cr_assert_eq(aof_answers_wait_for(run.group.shards[0]), 0);
    group_forget(client);
    group_forget(other);
    end();
}

Test(aof, what_failed_is_written_once_more_where_it_belongs)
{
    struct core *core;

    begin(1, CONFIG_FSYNC_ALWAYS);
    core = &run.group.shards[0]->core;
    group_command(client, "SET a 1");
    cr_assert(fake_loop_end_file(loop(0), 0));
    group_turns(&run);
    cr_assert(fake_loop_end_file(loop(0), EIO)); /* the sync */
    group_turns(&run);
    cr_assert_eq(core->aof.error, EIO);
    cr_assert_null(loop(0)->files.first, "it rests");
    cr_assert_gt(aof_answers_wait_for(run.group.shards[0]), 0);
    truncate(paths[0][0], 0); /* as a kernel may lose what it could not sync */
    loop(0)->time_us += 1001000;
    for (int i = 0; i < 3; i++) {
        group_turns(&run);
        fake_loop_end_file(loop(0), 0);
    }
    group_turns(&run);
    cr_assert_eq(core->aof.error, 0);
    cr_assert_eq(aof_answers_wait_for(run.group.shards[0]), 0);
    cr_assert_str_eq(contents(0, 0), "select 0; SET a 1; ");
    end();
}

Test(aof, a_sync_from_before_a_failure_does_not_say_that_the_disk_works)
{
    struct core *core;

    begin(1, CONFIG_FSYNC_EVERYSEC);
    core = &run.group.shards[0]->core;
    group_command(client, "SET a 1");
    cr_assert(fake_loop_end_file(loop(0), 0)); /* a is written, and its sync begins */
    group_turns(&run);
    group_command(client, "SET b 1");
    group_turns(&run);
    fake_loop_delay_file(loop(0));
    cr_assert(fake_loop_end_file(loop(0), ENOSPC), "b's write");
    group_turns(&run);
    cr_assert_eq(core->aof.error, ENOSPC);
    cr_assert(fake_loop_end_file(loop(0), 0), "a's sync");
    group_turns(&run);
    cr_assert_eq(core->aof.error, ENOSPC, "b is not there");
    loop(0)->time_us += 1001000;
    for (int i = 0; i < 3; i++) {
        group_turns(&run);
        fake_loop_end_file(loop(0), 0);
    }
    group_turns(&run);
    cr_assert_eq(core->aof.error, 0);
    cr_assert_str_eq(contents(0, 0), "select 0; SET a 1; SET b 1; ");
    end();
}

/* A client may have been told so. */
Test(aof, no_script_is_refused_once_another_shard_knows_that_the_disk_works_again)
{
    begin(2, CONFIG_FSYNC_EVERYSEC);
    group_ask_format(client, "SET %s 1", group_key(&run, 0, 0));
    group_turns(&run);
    cr_assert(fake_loop_end_file(loop(0), ENOSPC));
    group_turns(&run);
    group_turns(&run);
    cr_assert_eq(run.group.shards[1]->core.aof.error, ENOSPC);
    loop(0)->time_us += 1001000;
    while (run.group.shards[0]->core.aof.error != 0) {
        group_turn(&run, 0);
        fake_loop_end_file(loop(0), 0);
    }
    group_expect(client, group_with_keys(&run, "EVAL \"return redis.call('set',KEYS[1],1)\" 1 %1a"), "+OK ");
    group_forget(client);
    end();
}

Test(aof, what_was_executed_before_a_switch_stays_in_the_file_before)
{
    begin(1, CONFIG_FSYNC_ALWAYS);
    group_command(client, "SET a 1");
    group_command(client, "SET b 1");
    aof_switch(run.group.shards[0], make_file(0, 1), 0, false);
    group_command(client, "SET c 1");
    for (int i = 0; i < 8; i++) {
        group_turns(&run);
        fake_loop_end_file(loop(0), 0);
    }
    cr_assert_str_eq(contents(0, 0), "select 0; SET a 1; SET b 1; ");
    cr_assert_str_eq(contents(0, 1), "select 0; SET c 1; ");
    end();
}

Test(aof, what_follows_a_switch_is_not_safe_with_the_file_before)
{
    begin(1, CONFIG_FSYNC_ALWAYS);
    group_command(client, "SET a 1");
    group_command(client, "SET c 1"); /* while that is written */
    atomic_store(&run.group.aof_folder.named, 1);
    aof_switch(run.group.shards[0], make_file(0, 1), 1, false);
    group_command(client, "SET b 1");
    for (int i = 0; i < 5; i++) { /* the file before is written and synced, and b written */
        group_turns(&run);
        cr_assert(fake_loop_end_file(loop(0), 0));
    }
    cr_assert_str_eq(contents(0, 0), "select 0; SET a 1; SET c 1; ");
    group_turns(&run);
    cr_assert_gt(aof_answers_wait_for(run.group.shards[0]), 0, "b is not on disk");
    for (int i = 0; i < 3; i++) {
        group_turns(&run);
        fake_loop_end_file(loop(0), 0);
    }
    group_turns(&run);
    cr_assert_eq(aof_answers_wait_for(run.group.shards[0]), 0);
    end();
}

/* Writes and syncs all that it has, as a second has gone. */
static void sync_all(int shard)
{
    while (fake_loop_end_file(loop(shard), 0))
        group_turn(&run, shard);
}

Test(aof, under_everysec_shards_look_at_each_other_while_a_client_waits_for_the_disk)
{
    struct durable *durable;
    uint64_t newest;

    begin(2, CONFIG_FSYNC_EVERYSEC);
    durable = &run.group.durable;
    group_ask_format(client, "SET %s 1", group_key(&run, 0, 0));
    group_ask_format(client, "SET %s 1", group_key(&run, 1, 0));
    group_settle(&run);
    newest = durable_newest(durable);
    for (int i = 0; i < 4; i++) { /* its records, and what says that they are whole */
        sync_all(0);
        group_turns(&run);
        loop(0)->time_us += 1001000;
    }
    cr_assert_not_null(run.group.shards[0]->aof.proof, "shard 1 has synced nothing");
    cr_assert_not(durable_waits(durable, 0));
    aof_await(run.group.shards[1], newest + 1);
    cr_assert(aof_calls(run.group.shards[0]), "it has one more turn before it sleeps");
    group_turns(&run);
    cr_assert(durable_waits(durable, 0));
    aof_await(run.group.shards[1], 0);
    group_turns(&run);
    cr_assert_not(durable_waits(durable, 0));
    group_forget(client);
    end();
}

Test(aof, what_has_ended_is_not_said_to_be_whole_later)
{
    struct shard *shard;

    begin(2, CONFIG_FSYNC_EVERYSEC);
    shard = run.group.shards[0];
    group_command(client, "SET a 1");
    group_command(client, "SET b 1");
    group_command(client, "SET c 1");
    cr_assert(shard->aof.tick.armed);
    for (int i = 0; i < 2; i++) {
        run.group.shards[i]->core.config.appendonly = false;
        aof_stop(run.group.shards[i]);
    }
    for (int i = 0; i < 4; i++) {
        sync_all(0);
        sync_all(1);
        group_turns(&run);
    }
    cr_assert_not(shard->aof.on);
    cr_assert_not(shard->aof.tick.armed);
    cr_assert_null(shard->aof.proof);
    end();
}

Test(aof, one_that_has_not_ended_when_it_is_begun_again_goes_on)
{
    struct shard *shard;

    begin(1, CONFIG_FSYNC_ALWAYS);
    shard = run.group.shards[0];
    group_command(client, "SET a 1");
    aof_stop(shard);
    group_command(client, "SET b 1");
    cr_assert(shard->aof.on, "a is being written");
    atomic_store(&run.group.aof_folder.named, 1);
    aof_switch(shard, make_file(0, 1), 1, false);
    group_command(client, "SET c 1");
    for (int i = 0; i < 8; i++) {
        group_turns(&run);
        fake_loop_end_file(loop(0), 0);
    }
    cr_assert(shard->aof.on && !shard->aof.stops);
    cr_assert_str_eq(contents(0, 0), "select 0; SET a 1; ");
    cr_assert_str_eq(contents(0, 1), "select 0; SET c 1; ");
    end();
}

/* One shard has seen it switched off and on, and another no more than that it is on. */
Test(aof, a_shard_that_ended_alone_has_it_begun_again)
{
    struct save_state *saves;
    struct shard *shard;

    begin(2, CONFIG_FSYNC_EVERYSEC);
    shard = run.group.shards[1];
    saves = shard->core.saves;
    cr_assert(save_state_claim(saves, SAVE_IN_BACKGROUND, shard->now_ms), "nothing is rewritten yet");
    shard->core.config.appendonly = false;
    group_turns(&run);
    group_turns(&run);
    cr_assert_not(shard->aof.on);
    shard->core.config.appendonly = true;
    group_turns(&run);
    cr_assert_not(atomic_load(&saves->rewrite_scheduled), "the first may yet do that");
    loop(1)->time_us += 1001000;
    group_turns(&run);
    cr_assert(atomic_load(&saves->rewrite_scheduled));
    save_state_give_back(saves);
    end();
}

/* It has not been told to stop, as it was switched on again too soon. */
Test(aof, a_shard_that_went_on_does_not_say_that_those_which_stopped_have_recorded_all)
{
    struct shard *shard;
    uint64_t until;

    begin(2, CONFIG_FSYNC_EVERYSEC);
    shard = run.group.shards[1];
    group_ask_format(client, "SET %s 1", group_key(&run, 0, 0));
    group_turns(&run);
    shard->core.config.appendonly = false;
    group_turns(&run);
    group_turns(&run);
    cr_assert_not(shard->aof.on);
    until = atomic_load(&run.group.durable.marks[1].until);
    group_ask_format(client, "SET %s 1", group_key(&run, 1, 0)); /* recorded nowhere */
    group_settle(&run);
    shard->core.config.appendonly = true;
    aof_begin(shard, make_file(1, 1), 1);
    group_ask_format(client, "SET %s 1", group_key(&run, 0, 1));
    for (int i = 0; i < 4; i++) {
        group_turns(&run);
        fake_loop_end_file(loop(0), 0);
    }
    cr_assert_gt(atomic_load(&run.group.durable.marks[1].until), until);
    cr_assert_leq(run.group.shards[0]->aof.spoken, until);
    group_forget(client);
    end();
}

Test(aof, what_was_in_the_file_before_stays_safe_when_another_begins)
{
    uint64_t last[2];
    struct durable_claim claim = {.last = last};
    struct shard *shard;

    begin(2, CONFIG_FSYNC_ALWAYS);
    shard = run.group.shards[0];
    group_ask_format(client, "SET %s 1", group_key(&run, 0, 0));
    group_turns(&run);
    durable_claim(&run.group.durable, &claim, 0); /* as a group of shard 1 that is on its way to the disk */
    cr_assert_gt(last[0], 0);
    shard->core.config.appendonly = false;
    for (int i = 0; i < 8 && shard->aof.on; i++) {
        group_turns(&run);
        fake_loop_end_file(loop(0), 0);
    }
    cr_assert_not(shard->aof.on);
    shard->core.config.appendonly = true;
    aof_begin(shard, make_file(0, 1), 1);
    cr_assert(durable_claim_holds(&run.group.durable, &claim), "else nothing that it says would ever be safe");
    group_forget(client);
    end();
}

/* no-appendfsync-on-rewrite */

static void put_off(enum save_kind kind)
{
    struct core *core = &run.group.shards[0]->core;

    core->config.no_appendfsync_on_rewrite = true;
    cr_assert(save_state_claim(core->saves, kind, run.group.shards[0]->now_ms));
}

Test(aof, while_something_is_saved_what_is_put_off_is_not_said_to_be_safe)
{
    struct shard *shard;
    uint64_t newest;

    begin(1, CONFIG_FSYNC_EVERYSEC);
    shard = run.group.shards[0];
    group_command(client, "SET a 1");
    cr_assert(fake_loop_end_file(loop(0), 0)); /* written */
    group_turns(&run);
    cr_assert(fake_loop_end_file(loop(0), 0)); /* synced */
    put_off(SAVE_IN_BACKGROUND);
    group_command(client, "SET b 1");
    newest = durable_newest(&run.group.durable);
    cr_assert(fake_loop_end_file(loop(0), 0)); /* written */
    loop(0)->time_us += 1500000;
    for (int i = 0; i < 3; i++)
        group_turns(&run);
    cr_assert_null(loop(0)->files.first, "nothing is synced");
    cr_assert_lt(durable_safe(&run.group.durable), newest);

    save_state_give_back(shard->core.saves);
    group_turns(&run);
    cr_assert(fake_loop_end_file(loop(0), 0)); /* synced */
    group_turns(&run);
    cr_assert_geq(durable_safe(&run.group.durable), newest);
    end();
}

Test(aof, under_always_nothing_is_put_off)
{
    begin(1, CONFIG_FSYNC_ALWAYS);
    put_off(SAVE_IN_BACKGROUND);
    group_command(client, "SET a 1");
    cr_assert_gt(aof_answers_wait_for(run.group.shards[0]), 0);
    cr_assert(fake_loop_end_file(loop(0), 0)); /* written */
    group_turns(&run);
    cr_assert(fake_loop_end_file(loop(0), 0)); /* synced */
    group_turns(&run);
    cr_assert_eq(aof_answers_wait_for(run.group.shards[0]), 0);
    end();
}

Test(aof, what_ends_a_segment_or_is_too_much_is_synced_all_the_same)
{
    begin(1, CONFIG_FSYNC_EVERYSEC);
    put_off(SAVE_AOF_BASE);
    group_command(client, "SET a 1");
    group_command(client, "SET b 1"); /* while that is written */
    aof_switch(run.group.shards[0], make_file(0, 1), 0, false);
    for (int i = 0; i < 6; i++) { /* it is written and synced, without a second's passing */
        fake_loop_end_file(loop(0), 0);
        group_turns(&run);
    }
    cr_assert_null(loop(0)->files.first);
    cr_assert_not(run.group.shards[0]->aof.disk.first->segment->is_closing);
    group_command(client, "SET c 1");
    cr_assert(fake_loop_end_file(loop(0), 0));
    group_turns(&run);
    cr_assert_null(loop(0)->files.first);
    run.group.shards[0]->aof.disk.pending_bytes += 17 << 20;
    loop(0)->time_us += 1500000;
    group_turns(&run);
    cr_assert_not_null(loop(0)->files.first);
    run.group.shards[0]->aof.disk.pending_bytes -= 17 << 20;
    end();
}

Test(aof, saving_in_the_foreground_puts_nothing_off)
{
    begin(1, CONFIG_FSYNC_EVERYSEC);
    put_off(SAVE_BEFORE_SHUTDOWN);
    group_command(client, "SET a 1");
    cr_assert(fake_loop_end_file(loop(0), 0)); /* written */
    loop(0)->time_us += 1500000;
    group_turns(&run);
    cr_assert_not_null(loop(0)->files.first);
    end();
}
