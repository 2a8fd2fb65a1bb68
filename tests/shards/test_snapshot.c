/* Snapshots on a disk that fails: after each of the steps there is the old file or the new one, and nothing beside it.
 */
#include "shards/snapshot.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/config_table.h"
#include "core/keyspace.h"
#include "shards/pace.h"
#include "shards/shard.h"
#include "tests/support/shards/group_run.h"

enum { SHARDS = 2, ELEMENTS = 1200, STEPS_MOST = 1000 };

static struct group_run run;
static struct group_client *client;
static char folder[] = "/tmp/shoal-snapshot-XXXXXX";

static void begin(void)
{
    strcpy(folder + sizeof folder - 7, "XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    group_run_init(&run, SHARDS, NULL);
    for (int i = 0; i < SHARDS; i++) {
        struct config *config = &run.group.shards[i]->core.config;

        config_replace(config, &config->dir, str_from(folder));
        config->rdbcompression = false;
        run.loops[i].tick_us = 20; /* the walk is cut into slices */
    }
    client = group_connect(&run, 0);
    for (int i = 0; i < 2 * ELEMENTS; i++) {
        char line[512];

        snprintf(line, sizeof line, "RPUSH %s element-%d-%0*d", group_key(&run, i % SHARDS, 0), i, 300, i);
        group_command(client, line);
    }
}

static const char *path_of(const char *name)
{
    static char path[128];

    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static bool exists(const char *name)
{
    return access(path_of(name), F_OK) == 0;
}

static void end(void)
{
    unlink(path_of("dump.rdb"));
    cr_assert_eq(rmdir(folder), 0, "something was left behind");
    group_run_deinit(&run);
}

/* Turns until it is over; the operation with that number on any file fails. Returns how many there were. */
static int finish(int fails_at)
{
    int count = 0;

    for (int i = 0; save_state_running(&run.group.saves) != SAVE_NOTHING; i++) {
        cr_assert_lt(i, STEPS_MOST);
        group_turns(&run);
        for (int shard = 0; shard < SHARDS; shard++)
            if (run.loops[shard].files.first && fake_loop_end_file(&run.loops[shard], count == fails_at ? EIO : 0))
                count++;
    }
    return count;
}

static void expect_file(void)
{
    FILE *file = fopen(path_of("dump.rdb"), "r");
    char head[10] = "";

    cr_assert_not_null(file);
    cr_assert_eq(fread(head, 1, 9, file), 9);
    cr_assert_str_eq(head, "REDIS0010");
    fseek(file, 0, SEEK_END);
    cr_assert_gt(ftell(file), 2 * ELEMENTS * 300);
    fclose(file);
}

TestSuite(snapshot, .timeout = 120);

Test(snapshot, whatever_fails_the_next_one_is_whole)
{
    int count = 1;

    for (int fails_at = 0; fails_at < count; fails_at++) {
        begin();
        group_expect(client, "BGSAVE", "+Background saving started ");
        count = finish(fails_at) + 1;
        bool failed = run.group.saves.failed;
        cr_assert(failed == (fails_at < count - 1));
        cr_assert(!failed || run.group.shards[0]->core.save_failed);
        cr_assert(!exists("temp-0.rdb"));
        for (int i = 0; i < SHARDS; i++)
            cr_assert(!snapshot_is_under_way(run.group.shards[i]) && !run.group.shards[i]->core.is_walking);
        group_expect(client, "BGSAVE", "+Background saving started ");
        finish(-1);
        cr_assert_not(run.group.saves.failed || run.group.shards[1]->core.save_failed);
        expect_file();
        end();
    }
    cr_assert_gt(count, 10);
}

Test(snapshot, one_that_is_cancelled_leaves_nothing)
{
    begin();
    group_expect(client, "BGSAVE", "+Background saving started ");
    group_expect(client, "BGSAVE CANCEL", "+Background saving cancelled ");
    finish(-1);
    cr_assert(!exists("dump.rdb") && !run.group.saves.failed);
    end();
}

enum { LOOK_US = 20, KEYS = 20000, KEYS_A_LOOK = 8 };

/* A snapshot of many keys by one shard that is asked for something before each of so many turns, or left alone: how
 * many keys of it are done after that, and how much time has passed. */
static uint64_t done_in_turns(int turns, bool is_asked, int64_t *passed_us)
{
    struct shard *shard;

    strcpy(folder + sizeof folder - 7, "XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    group_run_init(&run, 1, NULL);
    shard = run.group.shards[0];
    config_replace(&shard->core.config, &shard->core.config.dir, str_from(folder));
    client = group_connect(&run, 0);
    for (int i = 0; i < KEYS; i++)
        group_ask_format(client, "SET key:%d value", i);
    group_settle(&run);
    group_expect(client, "BGSAVE", "+Background saving started ");
    run.loops[0].tick_us = LOOK_US;
    uint64_t before = atomic_load(&run.group.saves.keys_done);
    int64_t began_us = run.loops[0].time_us;
    for (int i = 0; i < turns; i++) {
        if (is_asked)
            group_ask(client, "GET key:1");
        group_turns(&run);
    }
    *passed_us = run.loops[0].time_us - began_us;
    uint64_t done = atomic_load(&run.group.saves.keys_done) - before;
    group_forget(client);
    finish(-1);
    end();
    return done;
}

Test(snapshot, those_who_wait_go_first_and_it_has_its_share_all_the_same)
{
    int64_t busy_us, idle_us;
    uint64_t busy_keys = done_in_turns(100, true, &busy_us), idle_keys = done_in_turns(100, false, &idle_us);
    uint64_t looks = (uint64_t)busy_us / PACE_SHARE / LOOK_US;

    cr_assert_leq(busy_keys, (looks + 2) * KEYS_A_LOOK);
    cr_assert_geq(busy_keys, looks / 2 * KEYS_A_LOOK / 2, "%llu keys, %llu looks", (unsigned long long)busy_keys,
                  (unsigned long long)looks);
    cr_assert_gt(idle_keys, busy_keys);
}
