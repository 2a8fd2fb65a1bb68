/* Events as commands bring them. Which they are Redis decides: tests/e2e compares with it. */
#include "core/change.h"

#include <criterion/criterion.h>

#include "tests/support/command_run.h"

static struct command_run run;

static void setup(void)
{
    command_run_init(&run, 1);
    command_run(&run, "CONFIG SET notify-keyspace-events AKEnm");
}

static void setup_two(void)
{
    command_run_init(&run, 2);
    run.at = 1;
    for (int i = 0; i < 2; i++)
        changes_set_events(keyspace_changes(run.keyspaces[i]), EVENTS_OF_DATA | EVENT_OF_NAME);
}

static void teardown(void)
{
    command_run_deinit(&run);
}

TestSuite(change, .init = setup, .fini = teardown);
TestSuite(change_shards, .init = setup_two, .fini = teardown);

Test(change, strings_tell_what_was_done_to_them)
{
    command_expect_events(&run, "SET k 1 EX 9", "new 0:k, set 0:k, expire 0:k");
    command_expect_events(&run, "SET k 1 KEEPTTL", "set 0:k");
    command_expect_events(&run, "SET k 1 NX", "");
    command_expect_events(&run, "INCR k", "incrby 0:k");
    command_expect_events(&run, "INCRBYFLOAT k 1", "incrbyfloat 0:k");
    command_expect_events(&run, "APPEND k 1", "append 0:k");
    command_expect_events(&run, "SETRANGE k 0 1", "setrange 0:k");
    command_expect_events(&run, "MSET k 1 l 2", "set 0:k, new 0:l, set 0:l");
    command_expect_events(&run, "GETEX k PX 5", "expire 0:k");
    command_expect_events(&run, "GETEX k PERSIST", "persist 0:k");
    command_expect_events(&run, "GETEX k EXAT 1", "del 0:k");
    command_expect_events(&run, "GETDEL l", "del 0:l");
    command_expect_events(&run, "PSETEX k 5 v", "new 0:k, set 0:k, expire 0:k");
}

Test(change, keys_tell_where_they_went)
{
    command_run(&run, "MSET a 1 b 2");
    command_expect_events(&run, "RENAME a b", "new 0:b, rename_from 0:a, rename_to 0:b");
    command_expect_events(&run, "RENAME b b", "");
    command_expect_events(&run, "MOVE b 3", "new 3:b, move_from 0:b, move_to 3:b");
    command_run(&run, "SELECT 3");
    command_expect_events(&run, "COPY b c", "new 3:c, copy_to 3:c");
    command_expect_events(&run, "EXPIRE b 100", "expire 3:b");
    command_expect_events(&run, "PERSIST b", "persist 3:b");
    command_expect_events(&run, "PERSIST b", "");
    command_expect_events(&run, "EXPIREAT b 1", "del 3:b");
    command_expect_events(&run, "DEL b c b", "del 3:c");
}

Test(change, a_key_whose_time_is_over_says_so_before_anything_else)
{
    command_run(&run, "SET k v PX 5");
    run.now_ms += 5;
    command_expect_events(&run, "SETNX k v", "expired 0:k, new 0:k, set 0:k");
    command_run(&run, "PEXPIRE k 5");
    run.now_ms += 5;
    command_expect_events(&run, "DEL k", "expired 0:k");
}

Test(change, only_the_classes_that_were_asked_for_come)
{
    command_run(&run, "CONFIG SET notify-keyspace-events Kg");
    command_expect_events(&run, "SET k 1 EX 9", "expire 0:k");
    command_run(&run, "CONFIG SET notify-keyspace-events g$");
    command_expect_events(&run, "SET k 1 EX 9", "");
}

Test(change_shards, a_gathers_events_come_in_its_order_from_its_executor)
{
    command_expect_events(&run, "MSET k0 1 k1 2 k2 3", "set 0:k0, set 0:k1, set 0:k2");
    command_expect_events(&run, "RENAME k0 k1", "rename_from 0:k0, rename_to 0:k1");
    cr_assert_not(changes_has_events(keyspace_changes(run.keyspaces[0])));
}
