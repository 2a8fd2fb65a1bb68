/* The digests are those that redis-server 7.0.15 gave of the same keys. */
#include <criterion/criterion.h>

#include "tests/support/command_run.h"

static const char *const filling[] = {
    "SET s 12345",
    "RPUSH l a 1 b",
    "SADD t 3 1 2",
    "ZADD z 1.5 a 2 b inf c",
    "HSET h f v g 7",
    "XADD x 5-1 f v g 7",
    "SET e v EXAT 99999999999",
    "SETBIT b 100000 1",
};

static const char values[] = "*8 +e1cf90774e995ae03de66e8109dc5cb9d9c2dc83 +d5f44352f6226abea9252dad248ef5de0d964396 "
                             "+2a462a3f51a1db89738ebbeef0c47ce1bbc85246 +e92d6b728e330370f3ad224b269045df0d1b132d "
                             "+42e8aee1f7247f7f7997132f31f0ea5085e70d29 +414144c9dddc5580fa696aa4ccaa049f61b627d6 "
                             "+311b17018163335616e089f6b951c82c477335ac +f5e2ac9cbedfc03ac6fc4816791e7b60941f1b57 ";

static struct command_run run;

static void begin(int shards)
{
    command_run_init(&run, shards);
    for (int i = 0; i < shards; i++)
        run.cores[i].config.enable_debug_command = CONFIG_ACCESS_YES;
}

static void fill(int shards)
{
    begin(shards);
    for (size_t i = 0; i < sizeof filling / sizeof filling[0]; i++)
        command_run(&run, filling[i]);
}

Test(digest, each_type_has_that_of_redis_server)
{
    for (int shards = 1; shards <= 3; shards += 2) {
        fill(shards);
        command_expect(&run, "DEBUG DIGEST-VALUE s l t z h x e b", values);
        command_run_deinit(&run);
    }
}

Test(digest, that_of_no_key_is_zero)
{
    begin(1);
    command_expect(&run, "DEBUG DIGEST-VALUE none", "*1 +0000000000000000000000000000000000000000 ");
    command_expect(&run, "DEBUG DIGEST", "+0000000000000000000000000000000000000000 ");
    command_run_deinit(&run);
}

Test(digest, all_databases_have_that_of_redis_server_on_any_number_of_shards)
{
    for (int shards = 1; shards <= COMMAND_RUN_SHARDS_MAX; shards++) {
        fill(shards);
        run.session.db = 3;
        command_run(&run, "SET s 12345");
        command_expect(&run, "DEBUG DIGEST", "+c35656c5aa7eda4c5ba8a7ac836fc3334d7c035e ");
        command_run_deinit(&run);
    }
}

Test(digest, encodings_make_no_difference)
{
    fill(2);
    for (int i = 0; i < run.count; i++) {
        run.cores[i].config.hash_max_listpack_entries = run.cores[i].config.zset_max_listpack_entries = 1;
        run.cores[i].config.set_max_intset_entries = 1;
        run.cores[i].config.list_max_listpack_size = 1;
    }
    command_run(&run, "DEL s l t z h x e b");
    for (size_t i = 0; i < sizeof filling / sizeof filling[0]; i++)
        command_run(&run, filling[i]);
    command_expect(&run, "OBJECT ENCODING z", "$8 skiplist ");
    command_expect(&run, "DEBUG DIGEST-VALUE s l t z h x e b", values);
    command_run_deinit(&run);
}

Test(digest, a_string_of_zeros_stays_sparse)
{
    begin(1);
    command_run(&run, "SETBIT b 40000000 1");
    command_run(&run, "DEBUG DIGEST-VALUE b");
    cr_assert_lt(entry_bytes(keyspace_find(run.cores[0].keyspace, 0, key_of(STR("b")), 0)), 100000);
    command_run_deinit(&run);
}

Test(digest, a_deadline_counts_its_time_does_not)
{
    begin(1);
    command_run(&run, "SET e v EXAT 88888888888");
    command_expect(&run, "DEBUG DIGEST-VALUE e", "*1 +311b17018163335616e089f6b951c82c477335ac ");
    command_run(&run, "PERSIST e");
    cr_assert_neq(memcmp(command_run(&run, "DEBUG DIGEST-VALUE e").bytes + 5, "311b1701", 8), 0);
    command_run_deinit(&run);
}
