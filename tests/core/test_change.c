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

Test(change, collections_tell_of_their_last_element_twice)
{
    command_expect_events(&run, "RPUSH l a b", "new 0:l, rpush 0:l");
    command_expect_events(&run, "LMOVE l l LEFT RIGHT", "rpush 0:l, lpop 0:l");
    command_expect_events(&run, "LPOP l 2", "lpop 0:l, del 0:l");
    command_expect_events(&run, "SADD s 1 2", "new 0:s, sadd 0:s");
    command_expect_events(&run, "SADD s 1 2", "");
    command_expect_events(&run, "SMOVE s t 1", "srem 0:s, new 0:t, sadd 0:t");
    command_expect_events(&run, "SPOP s", "spop 0:s, del 0:s");
    command_expect_events(&run, "SINTERSTORE t t s", "keymiss 0:s, del 0:t");
    command_expect_events(&run, "ZADD z 1 a", "new 0:z, zadd 0:z");
    command_expect_events(&run, "ZINCRBY z 1 a", "zincr 0:z");
    command_expect_events(&run, "ZRANGESTORE y z 0 -1", "new 0:y, zrangestore 0:y");
    command_expect_events(&run, "ZMPOP 1 z MAX", "zpopmax 0:z, del 0:z");
    command_expect_events(&run, "ZREM y a", "zrem 0:y, del 0:y");
    command_expect_events(&run, "HSET h f 1", "new 0:h, hset 0:h");
    command_expect_events(&run, "HINCRBY h f 1", "hincrby 0:h");
    command_expect_events(&run, "HDEL h f g", "hdel 0:h, del 0:h");
}

Test(change, fields_tell_of_their_deadlines)
{
    command_expect_events(&run, "HSETEX h PX 9 FIELDS 1 f v", "new 0:h, hset 0:h, hexpire 0:h");
    command_expect_events(&run, "HPERSIST h FIELDS 1 f", "hpersist 0:h");
    command_expect_events(&run, "HGETEX h PX 9 FIELDS 1 f", "hexpire 0:h");
    command_expect_events(&run, "HGETEX h PERSIST FIELDS 1 f", "hpersist 0:h");
    command_expect_events(&run, "HSET h g v", "hset 0:h");
    command_expect_events(&run, "HEXPIRE h 0 FIELDS 1 g", "hdel 0:h");
    command_expect_events(&run, "HPEXPIRE h 9 FIELDS 1 f", "hexpire 0:h");
    command_expect_events(&run, "PING", "");
    keyspace_expire(run.keyspaces[0], run.now_ms + 9, 10);
    command_expect_queued(&run, "hexpired 0:h, del 0:h");
}

Test(change, streams_tell_of_entries_groups_and_consumers)
{
    command_expect_events(&run, "XADD x 1-1 f v", "new 0:x, xadd 0:x");
    command_expect_events(&run, "XADD x MAXLEN 1 1-2 f v", "xadd 0:x, xtrim 0:x");
    command_expect_events(&run, "XGROUP CREATE x g 0", "xgroup-create 0:x");
    command_expect_events(&run, "XREADGROUP GROUP g c STREAMS x >", "xgroup-createconsumer 0:x");
    command_expect_events(&run, "XACK x g 1-2", "");
    command_expect_events(&run, "XGROUP DELCONSUMER x g c", "xgroup-delconsumer 0:x");
    command_expect_events(&run, "XGROUP DESTROY x g", "xgroup-destroy 0:x");
    command_expect_events(&run, "XDEL x 1-2 1-3", "xdel 0:x");
    command_expect_events(&run, "XSETID x 9-9", "xsetid 0:x");
}

Test(change, a_string_of_bits_tells_only_of_what_changes)
{
    command_expect_events(&run, "SETBIT b 7 1", "new 0:b, setbit 0:b");
    command_expect_events(&run, "SETBIT b 7 1", "");
    command_expect_events(&run, "BITFIELD b SET u8 0 1", "");
    command_expect_events(&run, "BITOP NOT c b", "new 0:c, set 0:c");
    command_expect_events(&run, "BITOP AND c nosuch", "keymiss 0:nosuch, del 0:c");
    command_expect_events(&run, "PFADD p a", "new 0:p, pfadd 0:p");
    command_expect_events(&run, "PFADD p a", "");
    command_expect_events(&run, "PFCOUNT p", "");
}

Test(change, a_miss_is_an_event_for_who_reads_a_value)
{
    command_expect_events(&run, "GET k", "keymiss 0:k");
    command_expect_events(&run, "COPY k l", "keymiss 0:k");
    command_expect_events(&run, "EXISTS k", "keymiss 0:k");
    command_expect_events(&run, "OBJECT ENCODING k", "");
    command_expect_events(&run, "INCR k", "new 0:k, incrby 0:k");
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
    cr_assert_not(changes_has_some(keyspace_changes(run.keyspaces[0])));
}
