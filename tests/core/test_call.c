/* What finding a key on behalf of a command does besides. */
#include "core/call.h"

#include <criterion/criterion.h>

#include "core/command.h"
#include "core/hash.h"

enum { NOW_MS = 1700000000 };

static struct core core, other;
static struct memory memory;
static struct reply reply;
static struct call call;
static struct keyspace *keyspaces[2];

static void open_core(struct core *opened)
{
    *opened = (struct core){.config.maxmemory_policy = CONFIG_POLICY_NOEVICTION, .config.lfu_decay_time = 1};
    opened->keyspace = keyspace_create(&opened->data, 2);
    keyspace_set_access(opened->keyspace, ACCESS_LRU, NOW_MS);
}

static void begin(void)
{
    static const uint8_t secret[32] = "secret";

    command_table_init();
    if (!hash_is_seeded())
        keyspace_hash_seed(secret);
    open_core(&core);
    open_core(&other);
    reply_init(&reply, &memory, NULL, 0, 2);
    call = (struct call){
        .command = command_find_by_name(STR("get")), .now_ms = NOW_MS + 60000, .reply = &reply, .core = &core};
    keyspace_set_string(core.keyspace, 0, key_of(STR("here")), STR("value"), -1);
}

static void end(void)
{
    keyspace_destroy(core.keyspace);
    keyspace_destroy(other.keyspace);
    buffer_deinit(&reply.buffer);
}

TestSuite(call, .init = begin, .fini = end);

static int64_t idle_seconds(const struct entry *entry)
{
    return access_idle_seconds(entry_access(entry), call.now_ms);
}

static void expect_counts(uint64_t hits, uint64_t misses)
{
    cr_assert_eq(keyspace_stats(core.keyspace)->hits, hits);
    cr_assert_eq(keyspace_stats(core.keyspace)->misses, misses);
}

Test(call, a_read_counts_and_notes_the_access)
{
    struct entry *entry;

    cr_assert(call_find_read(&call, STR("here"), VALUE_STRING, &entry));
    cr_assert_eq(idle_seconds(entry), 0);
    expect_counts(1, 0);
    cr_assert(call_find_read(&call, STR("absent"), VALUE_STRING, &entry));
    cr_assert_null(entry);
    expect_counts(1, 1);
    cr_assert_eq(reply.buffer.length, 0);
}

Test(call, a_write_notes_the_access_only)
{
    struct entry *entry;

    cr_assert(call_find_write(&call, STR("here"), VALUE_STRING, &entry));
    cr_assert_eq(idle_seconds(entry), 0);
    cr_assert(call_find_write(&call, STR("absent"), VALUE_STRING, &entry));
    expect_counts(0, 0);
}

Test(call, another_type_is_answered)
{
    struct entry *entry;

    cr_assert_not(call_find_read(&call, STR("here"), VALUE_LIST, &entry));
    cr_assert(str_equal(buffer_str(&reply.buffer),
                        STR("-WRONGTYPE Operation against a key holding the wrong kind of value\r\n")));
    reply.buffer.length = 0;
    cr_assert_not(call_find_write(&call, STR("here"), VALUE_HASH, &entry));
    cr_assert(reply.error);
}

Test(call, any_type_counts_for_commands_that_only_read)
{
    struct entry *entry = call_find_any(&call, STR("here"), false);

    cr_assert_eq(idle_seconds(entry), 60);
    expect_counts(1, 0);
    call.command = command_find_by_name(STR("rename"));
    cr_assert_eq(call_find_any(&call, STR("here"), true), entry);
    cr_assert_eq(idle_seconds(entry), 0);
    expect_counts(1, 0);
}

Test(call, no_touch_leaves_the_access_clock_alone)
{
    struct entry *entry;

    call.no_touch = true;
    cr_assert(call_find_read(&call, STR("here"), VALUE_STRING, &entry));
    cr_assert_eq(idle_seconds(entry), 60);
    cr_assert_eq(call_find_any(&call, STR("here"), true), entry);
    cr_assert_eq(idle_seconds(entry), 60);
    expect_counts(2, 0);
}

Test(call, a_frequency_is_kept_where_the_policy_asks_for_it)
{
    struct entry *entry;
    uint32_t before;

    core.config.maxmemory_policy = CONFIG_POLICY_ALLKEYS_LFU;
    keyspace_set_access(core.keyspace, ACCESS_LFU, NOW_MS);
    keyspace_set_string(core.keyspace, 0, key_of(STR("new")), STR("value"), -1);
    entry = keyspace_find(core.keyspace, 0, key_of(STR("new")), NOW_MS);
    before = access_frequency(entry_access(entry), NOW_MS, 1);
    call.now_ms = NOW_MS;
    for (int i = 0; i < 10; i++)
        cr_assert(call_find_read(&call, STR("new"), VALUE_STRING, &entry));
    cr_assert_gt(access_frequency(entry_access(entry), NOW_MS, 1), before);
}

Test(call, the_database_is_the_calls_own)
{
    struct entry *entry;

    call.db = 1;
    cr_assert(call_find_read(&call, STR("here"), VALUE_STRING, &entry));
    cr_assert_null(entry);
}

static struct keyspace *second_keyspace(const struct reach *reach, struct str key)
{
    return reach->keyspaces[key.bytes[0] == 'o'];
}

Test(call, a_gather_looks_where_its_reach_says)
{
    struct reach reach = {.keyspace_of = second_keyspace, .keyspaces = keyspaces, .keyspace_count = 2};
    struct entry *entry;

    keyspaces[0] = core.keyspace;
    keyspaces[1] = other.keyspace;
    keyspace_set_string(other.keyspace, 0, key_of(STR("over there")), STR("x"), -1);
    call.reach = &reach;
    cr_assert(call_find_read(&call, STR("over there"), VALUE_STRING, &entry));
    cr_assert_not_null(entry);
    cr_assert_eq(keyspace_stats(other.keyspace)->hits, 1);
    expect_counts(0, 0);
}

Test(call, a_routed_key_is_used_for_the_very_same_bytes_only)
{
    static const char bytes[] = "here";
    struct str name = {bytes, 4}, shorter = {bytes, 3};

    call.routed_key = key_of(name);
    cr_assert_eq(call_key(&call, name).hash, call.routed_key.hash);
    cr_assert_eq(call_key(&call, shorter).hash, keyspace_hash(shorter));
}

Test(call, run_hands_the_call_to_its_handler)
{
    call.command = command_find_by_name(STR("command|count"));
    call_run(&call);
    cr_assert_eq(reply.buffer.bytes[0], ':');
}
