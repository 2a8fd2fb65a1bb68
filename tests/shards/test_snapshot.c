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
