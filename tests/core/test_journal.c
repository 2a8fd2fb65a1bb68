/* The journal: what it says of single commands, and that random ones, executed again from it, make the same data; as do
 * the commands that a value is said in (core/value_commands). */
#include "core/journal.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "core/effects.h"
#include "core/hash_value.h"
#include "core/resp_command.h"
#include "core/stream_value.h"
#include "core/undo.h"
#include "core/value_commands.h"
#include "tests/support/command_run.h"
#include "tests/support/dice.h"
#include "tests/support/journal_text.h"
#include "tests/support/random_commands.h"

static struct command_run run;

static void begin(int shards)
{
    command_run_init(&run, shards);
    for (int i = 0; i < shards; i++)
        keyspace_set_journaled(run.keyspaces[i], true);
}

static void end(void)
{
    command_run_deinit(&run);
}

/* The journal of each shard: what has been added since the last look, "|" between records and "||" between shards. */
static void expect_records(const char *line, const char *expected)
{
    struct buffer seen;
    struct memory memory = {0};

    buffer_init(&seen, &memory, NULL, 0);
    for (int i = 0; i < run.count; i++) {
        struct journal *journal = keyspace_journal(run.keyspaces[i]);

        if (i > 0)
            buffer_append_str(&seen, STR(" || "));
        journal_text(buffer_str(&journal->records), &seen);
        journal_clear(journal);
    }
    buffer_append(&seen, "", 1);
    cr_assert_str_eq(seen.bytes, expected, "%s\n  is recorded as %s\n  instead of %s", line, seen.bytes, expected);
    buffer_deinit(&seen);
}

static void expect(const char *line, const char *expected)
{
    command_run(&run, line);
    expect_records(line, expected);
}

Test(journal, a_command_is_recorded_as_it_was_called_and_in_its_database)
{
    begin(1);
    expect("set k v", "select 0|set k v");
    expect("APPEND k w", "APPEND k w");
    expect("SELECT 3", "");
    expect("LPUSH l \"\" \"a b\"", "select 3|LPUSH l  a b");
    expect("SELECT 0", "");
    expect("MOVE k 3", "select 0|MOVE k 3");
    end();
}

Test(journal, what_changes_nothing_leaves_nothing)
{
    begin(1);
    command_run(&run, "SET k v");
    command_run(&run, "SADD s m");
    expect("GET k", "select 0|SET k v|SADD s m");
    expect("SETNX k w", "");
    expect("DEL absent", "");
    expect("LPUSH k w", "");
    expect("INCR k", "");
    expect("SADD s m", "");
    expect("SREM s absent", "");
    expect("PERSIST k", "");
    expect("EXPIRE absent 10", "");
    expect("SET k w NX", "");
    expect("RENAME k k", "");
    expect("SWAPDB 1 1", "");
    end();
}

static bool says_whole(int shard)
{
    return keyspace_journal(run.keyspaces[shard])->whole;
}

Test(journal, what_is_about_whole_databases_is_in_the_journals_of_all_shards_which_say_so)
{
    begin(2);
    command_run(&run, "SET k0 v");
    cr_assert(!says_whole(0));
    command_run(&run, "EVAL \"redis.call('FLUSHDB')\" 0");
    cr_assert(says_whole(0) && says_whole(1));
    expect_records("flushing", "select 0|SET k0 v|FLUSHDB || select 0|FLUSHDB");
    cr_assert(!says_whole(0) && !says_whole(1));
    expect("EVAL \"redis.call('FLUSHALL')\" 0", "FLUSHALL || FLUSHALL");
    command_run(&run, "EVAL \"redis.call('SWAPDB', '0', '1')\" 0");
    cr_assert(says_whole(0) && says_whole(1));
    expect_records("swapping", "SWAPDB 0 1 || SWAPDB 0 1");
    end();
}

Test(journal, what_is_taken_back_of_a_unit_says_nothing_of_whole_databases)
{
    begin(1);
    command_run(&run, "FLUSHALL");
    journal_add(keyspace_journal(run.keyspaces[0]), 0, (const struct str[]){STR("FLUSHDB")}, 1);
    journal_take_back_unit(keyspace_journal(run.keyspaces[0]));
    cr_assert(says_whole(0));
    expect_records("all", "FLUSHALL");
    journal_add(keyspace_journal(run.keyspaces[0]), 0, (const struct str[]){STR("FLUSHDB")}, 1);
    journal_note_whole(keyspace_journal(run.keyspaces[0]));
    journal_take_back_unit(keyspace_journal(run.keyspaces[0]));
    cr_assert(!says_whole(0));
    end();
}

Test(journal, it_can_be_switched_on_and_off)
{
    begin(1);
    keyspace_set_journaled(run.keyspaces[0], false);
    expect("SET k v", "");
    keyspace_set_journaled(run.keyspaces[0], true);
    expect("SET k v", "select 0|SET k v");
    keyspace_set_journaled(run.keyspaces[0], false);
    expect("SET k v", "");
    end();
}

Test(journal, what_a_large_unit_needed_is_given_back)
{
    static char text[3 << 20];

    begin(1);
    memset(text, 'x', sizeof text);
    command_run_argv(&run, (const struct str[]){STR("SET"), STR("k"), {text, sizeof text}}, 3);
    cr_assert_geq(keyspace_journal(run.keyspaces[0])->records.capacity, sizeof text);
    journal_clear(keyspace_journal(run.keyspaces[0]));
    cr_assert_leq(keyspace_journal(run.keyspaces[0])->records.capacity, 1 << 20);
    end();
}

Test(journal, deadlines_are_absolute)
{
    begin(1);
    expect("SET k v EX 10", "select 0|SET k v PXAT 1700000010000");
    expect("SET k v KEEPTTL GET", "SET k v PXAT 1700000010000");
    expect("SETEX k 5 v", "SET k v PXAT 1700000005000");
    expect("PSETEX k 5 v", "SET k v PXAT 1700000000005");
    expect("SET k v XX", "SET k v");
    expect("EXPIRE k 10", "PEXPIREAT k 1700000010000");
    expect("PEXPIRE k 10", "PEXPIREAT k 1700000000010");
    expect("EXPIREAT k 1700000001", "PEXPIREAT k 1700000001000");
    expect("GETEX k PX 7", "PEXPIREAT k 1700000000007");
    expect("GETEX k", "");
    expect("GETEX k PERSIST", "PERSIST k");
    expect("EXPIRE k -1", "DEL k");
    command_run(&run, "SET k v");
    expect("GETEX k EXAT 1", "SET k v|DEL k");
    expect("MSETEX 2 a 1 b 2 PX 9", "multi|SET a 1 PXAT 1700000000009|SET b 2 PXAT 1700000000009|exec");
    end();
}

Test(journal, what_is_taken_away_is_deleted)
{
    begin(1);
    command_run(&run, "MSET a 1 b 2 c 3");
    expect("GETDEL a", "select 0|MSET a 1 b 2 c 3|DEL a");
    expect("DELEX b IFEQ 2", "DEL b");
    expect("DELEX c", "DEL c");
    command_run(&run, "MSET b 1 c 1");
    expect("DEL b c", "MSET b 1 c 1|DEL b c");
    end();
}

Test(journal, sums_of_floats_are_their_results)
{
    begin(1);
    expect("INCRBYFLOAT k 1.5", "select 0|SET k 1.5 KEEPTTL");
    expect("INCRBY k 1", "");
    end();
}

Test(journal, a_key_whose_time_has_come_is_deleted_before_the_command_that_finds_it)
{
    begin(1);
    command_run(&run, "SET k 5 PX 10");
    command_run(&run, "SET l 5 PX 10");
    command_run(&run, "SET m 5 PX 10");
    run.now_ms += 10;
    expect("INCR k", "select 0|SET k 5 PXAT 1700000000010|SET l 5 PXAT 1700000000010|SET m 5 PXAT 1700000000010|"
                     "multi|DEL k|INCR k|exec");
    expect("GET l", "DEL l");
    keyspace_expire(run.keyspaces[0], run.now_ms, 10);
    expect_records("expiry", "DEL m");
    end();
}

Test(journal, several_keys_whose_time_has_come_are_no_transaction)
{
    begin(1);
    command_run(&run, "SET k 5 PX 10");
    command_run(&run, "SET l 5 PX 11");
    expect("GET k", "select 0|SET k 5 PXAT 1700000000010|SET l 5 PXAT 1700000000011");
    keyspace_expire(run.keyspaces[0], run.now_ms + 20, 10);
    expect_records("expiry", "DEL k|DEL l");
    end();
}

Test(journal, each_shard_gets_what_has_become_of_its_keys)
{
    begin(2);
    expect("SET k0 v PX 10", "select 0|SET k0 v PXAT 1700000000010 || ");
    expect("RENAME k0 k1", "DEL k0 || select 0|SET k1 v PXAT 1700000000010");
    expect("MSET k0 a k1 b k2 c", "multi|SET k0 a|SET k2 c|exec || SET k1 b");
    expect("MSET k0 a k2 c", "MSET k0 a k2 c || ");
    expect("DEL k0 k1", "DEL k0 || DEL k1");
    expect("COPY k2 k4 DB 1", "COPY k2 k4 DB 1 || ");
    expect("COPY k2 k1 DB 1", " || select 1|SET k1 c");
    end();
}

Test(journal, a_restored_value_has_its_deadline)
{
    begin(1);
    command_run(&run, "SET k v");
    struct str dump = command_run(&run, "DUMP k");
    char payload[64];
    size_t length = dump.length - 7;
    cr_assert_eq(dump.bytes[4], '\n');
    memcpy(payload, dump.bytes + 5, length);
    journal_clear(keyspace_journal(run.keyspaces[0]));

    struct str argv[] = {STR("RESTORE"), STR("k"), STR("10"), {payload, length}, STR("REPLACE")};
    command_run_argv(&run, argv, 5);
    struct str records = buffer_str(&keyspace_journal(run.keyspaces[0])->records);
    cr_assert(records.length > 60);
    static const char first[] = "*6\r\n$7\r\nRESTORE\r\n$1\r\nk\r\n$13\r\n1700000000010\r\n";
    cr_assert_eq(memcmp(records.bytes, first, sizeof first - 1), 0);
    cr_assert_eq(memcmp(records.bytes + records.length - 12, "$6\r\nABSTTL\r\n", 12), 0);
    journal_clear(keyspace_journal(run.keyspaces[0]));
    end();
}

Test(journal, what_a_blocking_command_took_is_a_plain_pop)
{
    begin(1);
    command_run(&run, "RPUSH l a b c d e");
    command_run(&run, "ZADD z 1 a 2 b 3 c 4 d");
    expect("BLPOP none l 0", "select 0|RPUSH l a b c d e|ZADD z 1 a 2 b 3 c 4 d|LPOP l 1");
    expect("BLMPOP 0 2 none l RIGHT COUNT 2", "RPOP l 2");
    expect("BLMOVE l m LEFT RIGHT 0", "LMOVE l m LEFT RIGHT");
    expect("BRPOPLPUSH l m 0", "LMOVE l m RIGHT LEFT");
    expect("BZPOPMIN none z 0", "ZPOPMIN z 1");
    expect("BZMPOP 0 2 none z MAX COUNT 2", "ZPOPMAX z 2");
    expect("BLPOP none l 0", "");
    end();
}

Test(journal, what_goes_from_shard_to_shard_is_taken_from_one_and_given_to_the_other)
{
    begin(2);
    command_run(&run, "RPUSH l0 a b");
    command_run(&run, "SADD s0 a b");
    expect("LMOVE l0 l1 LEFT RIGHT", "select 0|RPUSH l0 a b|SADD s0 a b|LPOP l0 || select 0|RPUSH l1 a");
    expect("SMOVE s0 s1 a", "SREM s0 a || SADD s1 a");
    expect("LMOVE l0 l2 LEFT RIGHT", "LMOVE l0 l2 LEFT RIGHT || ");
    end();
}

Test(journal, what_an_error_leaves_behind_is_recorded_as_it_is)
{
    begin(1);
    command_run(&run, "PFADD p a");
    command_run(&run, "SETRANGE p 19 \"\\x00\\x00\""); /* its opcodes end early */
    struct journal *journal = keyspace_journal(run.keyspaces[0]);
    journal_clear(journal);
    command_expect(&run, "PFADD p b c d e f g h", "-INVALIDOBJ Corrupted HLL object detected ");
    static const char first[] = "*3\r\n$3\r\nSET\r\n$1\r\np\r\n";
    cr_assert(journal->records.length > sizeof first);
    cr_assert_eq(memcmp(journal->records.bytes, first, sizeof first - 1), 0, "%.40s", journal->records.bytes);
    journal_clear(journal);
    end();
}

Test(journal, members_drawn_by_lot_are_named)
{
    begin(1);
    command_run(&run, "SADD s a");
    command_run(&run, "SADD t a");
    expect("SPOP s", "select 0|SADD s a|SADD t a|SREM s a");
    expect("SPOP t 9", "DEL t");
    end();
}

Test(journal, deadlines_of_fields_are_absolute)
{
    begin(1);
    command_run(&run, "HSET h f 1 g 2");
    expect("HEXPIRE h 10 FIELDS 2 f absent", "select 0|HSET h f 1 g 2|HPEXPIREAT h 1700000010000 FIELDS 1 f");
    expect("HINCRBYFLOAT h f 0.5", "multi|HSET h f 1.5|HPEXPIREAT h 1700000010000 FIELDS 1 f|exec");
    expect("HGETEX h PX 5 FIELDS 1 g", "HPEXPIREAT h 1700000000005 FIELDS 1 g");
    expect("HGETEX h PERSIST FIELDS 1 f", "HPERSIST h FIELDS 1 f");
    expect("HSETEX h EX 1 FIELDS 1 i 3", "HSETEX h PXAT 1700000001000 FIELDS 1 i 3");
    run.now_ms += 5;
    expect("HSETNX h g 3", "multi|HDEL h g|HSETNX h g 3|exec");
    expect("HGETDEL h FIELDS 2 f absent", "HDEL h f");
    keyspace_expire(run.keyspaces[0], run.now_ms + 1000, 10);
    expect_records("expiry", "HDEL h i");
    end();
}

Test(journal, a_stream_is_what_its_groups_were_given)
{
    begin(1);
    expect("XADD x * f v", "select 0|XADD x 1700000000000-0 f v");
    expect("XADD x MAXLEN ~ 100 * f w", "XADD x 1700000000000-1 f w");
    expect("XADD x MAXLEN 2 * f x", "XADD x MAXLEN = 2 1700000000000-2 f x");
    expect("XTRIM x MINID 1700000000000-2", "XTRIM x MAXLEN = 1");
    expect("XTRIM x MAXLEN 9", "");
    expect("XGROUP CREATE x g 0", "XGROUP CREATE x g 0");
    expect("XREADGROUP GROUP g c COUNT 1 STREAMS x >",
           "multi|XGROUP CREATECONSUMER x g c|XCLAIM x g c 0 1700000000000-2 TIME 1700000000000 RETRYCOUNT 1 FORCE "
           "JUSTID|XGROUP SETID x g 1700000000000-2 ENTRIESREAD 3|exec");
    expect("XREADGROUP GROUP g c STREAMS x >", "");
    run.now_ms += 7;
    expect("XCLAIM x g c 5 1700000000000-2",
           "XCLAIM x g c 0 1700000000000-2 TIME 1700000000007 RETRYCOUNT 2 FORCE JUSTID");
    expect("XACK x g 1700000000000-2", "XACK x g 1700000000000-2");
    expect("XACK x g 1700000000000-2", "");
    end();
}

Test(journal, a_transaction_is_what_its_commands_did)
{
    begin(1);
    command_run(&run, "MULTI");
    command_run(&run, "SET k v EX 10");
    command_run(&run, "GET k");
    command_run(&run, "SELECT 1");
    command_run(&run, "INCR n");
    expect("EXEC", "multi|select 0|SET k v PXAT 1700000010000|select 1|INCR n|exec");
    command_run(&run, "MULTI");
    command_run(&run, "GET k");
    expect("EXEC", "");
    command_run(&run, "MULTI");
    command_run(&run, "SELECT 0");
    command_run(&run, "DEL k");
    expect("EXEC", "select 0|DEL k");
    end();
}

Test(journal, a_script_is_what_its_commands_did)
{
    begin(2);
    expect("EVAL \"redis.call('SET', 'k0', 1) redis.call('INCR', 'k0') return redis.call('LPUSH', 'l1', 'x')\" 0",
           "multi|select 0|SET k0 1|INCR k0|exec || select 0|LPUSH l1 x");
    expect("EVAL \"return redis.call('GET', 'k0')\" 0", " || ");
    end();
}

Test(journal, what_a_script_did_that_is_taken_back_leaves_nothing)
{
    begin(1);
    command_run(&run, "SELECT 1");
    expect("SET k v PX 5", "select 1|SET k v PXAT 1700000000005");
    run.now_ms += 5;
    command_run(&run, "SELECT 0");
    undo_begin(&run.cores[0].undo, run.keyspaces[0], &run.cores[0].config);
    command_run(&run, "SET l w");
    command_run(&run, "SET m w");
    command_run(&run, "SELECT 1");
    command_run(&run, "GET k");
    undo_rollback(&run.cores[0].undo);
    expect_records("the script", "");
    expect("SET l w", "SET l w");
    expect("GET k", "DEL k");
    undo_begin(&run.cores[0].undo, run.keyspaces[0], &run.cores[0].config);
    command_run(&run, "SET l 1");
    command_run(&run, "SET m 2");
    undo_commit(&run.cores[0].undo);
    journal_end_unit(keyspace_journal(run.keyspaces[0]));
    expect_records("the script", "multi|SET l 1|SET m 2|exec");
    end();
}

Test(journal, functions_are_in_the_journals_of_all_shards)
{
    begin(2);
    expect("FUNCTION LOAD \"#!lua name=a\\nredis.register_function('f', function() return 1 end)\"",
           "FUNCTION LOAD REPLACE #!lua name=a\nredis.register_function('f', function() return 1 end) || "
           "FUNCTION LOAD REPLACE #!lua name=a\nredis.register_function('f', function() return 1 end)");
    expect("FCALL f 0", " || ");
    end();
}

/* Random commands, and what their journal makes of nothing. */

static struct command_run copies[COMMAND_RUN_SHARDS_MAX];

static void seed(void)
{
    dice_seed();
    random_commands_seed(dice_bits());
}

/* By commands, as they are the same whatever way a value was made. */
static void print_hash_field(void *context, const struct hash_item *item)
{
    struct buffer *text = context;
    char digits[NUMBER_TEXT_MAX];

    buffer_append_str(text, listpack_text(item->field, digits));
    buffer_append_str(text, STR("="));
    buffer_append_str(text, listpack_text(item->value, digits));
    buffer_append_format(text, "@%lld\n", (long long)item->deadline_ms);
}

static void print_group(struct buffer *text, const struct stream_group *group)
{
    struct bptree_place place;
    const struct stream_pending *pending;

    buffer_append_str(text, stream_group_name(group));
    buffer_append_format(text, " %llu-%llu read %lld consumers %zu\n", (unsigned long long)group->last_id.ms,
                         (unsigned long long)group->last_id.sequence, (long long)group->entries_read,
                         (size_t)group->consumers.count);
    for (place = stream_pending_seek(&group->pending, (struct stream_id){0, 0});
         (pending = stream_pending_at(&place)) != NULL; bptree_next(&place)) {
        buffer_append_format(text, "%llu-%llu at %lld %llu times to ", (unsigned long long)pending->id.ms,
                             (unsigned long long)pending->id.sequence, (long long)pending->delivered_ms,
                             (unsigned long long)pending->deliveries);
        buffer_append_str(text, stream_consumer_name(pending->consumer));
        buffer_append_str(text, STR("\n"));
    }
}

static void print_stream(struct buffer *text, const struct stream *stream)
{
    struct stream_range range = stream_range(stream, (struct stream_id){0, 0}, stream_id_greatest(), false);
    struct stream_entry entry;
    struct bptree_place place;
    const struct bptree_item *item;

    buffer_append_format(text, "%llu of %llu, last %llu-%llu, deleted %llu-%llu\n", (unsigned long long)stream->length,
                         (unsigned long long)stream->added, (unsigned long long)stream->last_id.ms,
                         (unsigned long long)stream->last_id.sequence, (unsigned long long)stream->max_deleted_id.ms,
                         (unsigned long long)stream->max_deleted_id.sequence);
    while (stream_range_next(&range, &entry)) {
        struct stream_fields fields = stream_fields(&entry);
        struct listpack_value name, value;
        char digits[NUMBER_TEXT_MAX];

        buffer_append_format(text, "%llu-%llu", (unsigned long long)entry.id.ms, (unsigned long long)entry.id.sequence);
        while (stream_fields_next(&fields, &name, &value)) {
            buffer_append_str(text, STR(" "));
            buffer_append_str(text, listpack_text(name, digits));
            buffer_append_str(text, STR("="));
            buffer_append_str(text, listpack_text(value, digits));
        }
        buffer_append_str(text, STR("\n"));
    }
    for (place = bptree_first(&stream->groups); (item = bptree_get(&place)) != NULL; bptree_next(&place))
        print_group(text, stream_payload(item));
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Tables give their items in no order. */
static void sort_lines(struct buffer *text)
{
    char **lines = malloc((text->length + 1) * sizeof *lines), *copy = strndup(text->bytes, text->length), *rest = copy;
    size_t count = 0;

    while ((lines[count] = strsep(&rest, "\n")) != NULL)
        count++;
    qsort(lines, count, sizeof *lines, compare_texts);
    text->length = 0;
    for (size_t i = 0; i < count; i++)
        buffer_append_format(text, "%s\n", lines[i]);
    free(lines);
    free(copy);
}

static void print_reply(struct command_run *of, struct buffer *text, const char *command, struct str name,
                        const char *rest)
{
    char line[256];

    snprintf(line, sizeof line, "%s %.*s %s", command, (int)name.length, name.bytes, rest);
    buffer_append_str(text, command_run(of, line));
}

static void print_entry(struct command_run *of, struct buffer *text, struct entry *entry)
{
    struct str name = entry_key(entry);

    buffer_append_format(text, "%s %lld\n", value_type_name(entry_type(entry)), (long long)entry_expiry_ms(entry));
    if (entry_type(entry) == VALUE_HASH) {
        struct hash hash = {.encoding = entry_encoding(entry), .value = entry_value(entry)};

        hash_each(&hash, print_hash_field, text);
        sort_lines(text);
    } else if (entry_type(entry) == VALUE_STREAM) {
        print_stream(text, entry_value(entry));
    } else if (entry_type(entry) == VALUE_SET) {
        print_reply(of, text, "SORT", name, "ALPHA");
    } else if (entry_type(entry) == VALUE_ZSET) {
        print_reply(of, text, "ZRANGE", name, "0 -1 WITHSCORES");
    } else if (entry_type(entry) == VALUE_LIST) {
        print_reply(of, text, "LRANGE", name, "0 -1");
    } else {
        print_reply(of, text, "BITCOUNT", name, ""); /* it may be a large and sparse bitmap */
        print_reply(of, text, "BITPOS", name, "1");
        print_reply(of, text, "STRLEN", name, "");
        print_reply(of, text, "GETRANGE", name, "0 3000");
    }
}

struct comparison {
    struct command_run *copy;
    int db;
    size_t count;
    struct str names[512];
};

static void note_name(void *context, struct entry *entry)
{
    struct comparison *comparison = context;

    comparison->names[comparison->count++] = entry_key(entry);
}

static void expect_same_key(struct command_run *copy, int shard, int db, struct str name, const char *what)
{
    struct entry *was = keyspace_find(run.keyspaces[shard], db, key_of(name), INT64_MIN);
    struct entry *is = keyspace_find(copy->keyspaces[0], db, key_of(name), INT64_MIN);
    int64_t now_ms = run.now_ms;
    struct memory memory = {0};
    struct buffer first, second;

    cr_assert(is != NULL, "%.*s is not there: %s", (int)name.length, name.bytes, what);
    buffer_init(&first, &memory, NULL, 0);
    buffer_init(&second, &memory, NULL, 0);
    run.session.db = copy->session.db = (uint16_t)db;
    run.now_ms = copy->now_ms; /* nothing is to expire while it is looked at */
    print_entry(&run, &first, was);
    print_entry(copy, &second, is);
    buffer_append(&first, "", 1);
    buffer_append(&second, "", 1);
    cr_assert(first.length == second.length && memcmp(first.bytes, second.bytes, first.length) == 0,
              "%.*s in %d: %s\n%.900s\n--- became ---\n%.900s", (int)name.length, name.bytes, db, what, first.bytes,
              second.bytes);
    buffer_deinit(&first);
    buffer_deinit(&second);
    run.session.db = copy->session.db = 0;
    run.now_ms = now_ms;
}

static void expect_same_shard(int shard, const char *what)
{
    for (int db = 0; db < 2; db++) {
        struct comparison comparison = {.db = db};

        keyspace_each(run.keyspaces[shard], db, INT64_MIN, note_name, &comparison);
        for (size_t i = 0; i < comparison.count; i++)
            expect_same_key(&copies[shard], shard, db, comparison.names[i], what);
        cr_assert_eq(keyspace_count(copies[shard].keyspaces[0], db), comparison.count, "%s", what);
    }
}

/* Brings the copies to where the journals are. */
static void follow(const char *what)
{
    for (int i = 0; i < run.count; i++) {
        struct journal *journal = keyspace_journal(run.keyspaces[i]);

        cr_assert_eq(journal->unit_records, 0);
        journal_execute(buffer_str(&journal->records), &copies[i]);
        copies[i].session.db = 0;
        journal_begin_anew(journal);
        expect_same_shard(i, what);
    }
}

static const char *const more_commands[] = {
    "MSETNX k v k v",
    "MSETEX 2 k v k v EX n",
    "GETEX k PERSIST",
    "GETEX k PXAT t",
    "SET k v PXAT t GET",
    "PSETEX k n v",
    "DELEX k",
    "PEXPIRE k n",
    "GET k",
    "DECRBY k n",
    "SWAPDB 0 1",
    "FLUSHDB",
    "MOVE k 1",
    "SET k v",
    "SET k n",
    "BLPOP k k 0",
    "BRPOP k k 0",
    "BLMOVE k k e e 0",
    "BLMPOP 0 2 k k RIGHT COUNT n",
    "RPOPLPUSH k k",
    "HGETEX k PERSIST FIELDS 1 m",
    "HGETEX k PXAT t FIELDS 2 m m",
    "HSETEX k KEEPTTL FIELDS 2 m v m v",
    "HSETEX k PXAT t FIELDS 1 m v",
    "HSETEX k FIELDS 1 m v",
    "HPEXPIRE k n FIELDS 2 m m",
    "HINCRBYFLOAT k m 0.25",
    "HSETNX k m v",
    "HSETNX k m v",
    "BZPOPMIN k k 0",
    "BZPOPMAX k k 0",
    "BZMPOP 0 2 k k MAX COUNT n",
    "ZDIFFSTORE k 2 k k",
    "ZINTERSTORE k 2 k k",
    "GEORADIUS k 15 37 200 km STORE k",
    "PFCOUNT k",
    "BITFIELD k INCRBY u4 n 5",
    "SORT k BY nosort GET k GET # STORE k",
    "HLEN k",
    "XADD k * m v",
    "XADD k * m v",
    "XGROUP CREATE k g 0 MKSTREAM",
    "XREADGROUP GROUP g m COUNT n STREAMS k >",
    "XREADGROUP GROUP g m COUNT n NOACK STREAMS k >",
    "XREADGROUP GROUP g m STREAMS k 0",
    "XREADGROUP GROUP g m COUNT 2 BLOCK 0 STREAMS k k > >",
    "XACK k g x x x",
    "XCLAIM k g m 0 x x RETRYCOUNT 5",
    "XCLAIM k g m 0 x FORCE LASTID x",
    "XAUTOCLAIM k g m 0 0 COUNT n",
    "XAUTOCLAIM k g m 5 - JUSTID",
    "XGROUP SETID k g x",
    "XGROUP DELCONSUMER k g m",
    "XDELEX k DELREF IDS 2 x x",
    "XACKDEL k g ACKED IDS 2 x x",
    "XADD k MAXLEN ~ 5 ACKED * m v",
    "XADD k MINID x ACKED * m v",
};

static void draw(char line[static RANDOM_COMMAND_BYTES])
{
    size_t count = sizeof more_commands / sizeof more_commands[0];

    if (dice_below(5) > 0)
        random_command(line, run.now_ms);
    else
        random_command_of(line, more_commands[dice_below(count)], run.now_ms);
}

/* All of them long ago. */
Test(replay, deadlines_that_have_passed_are_kept)
{
    begin(1);
    run.replays = true;
    command_run(&run, "SET a v PXAT 1600000000000");
    command_run(&run, "SET b v");
    command_expect(&run, "PEXPIREAT b 1600000000000", ":1 ");
    command_run(&run, "HSET h f v g w");
    command_expect(&run, "HPEXPIREAT h 1600000000000 FIELDS 1 f", "*1 :1 ");
    command_run(&run, "HSETEX h PXAT 1600000000000 FIELDS 1 i v");
    command_expect(&run, "MGET a b", "*2 $1 v $1 v ");
    command_expect(&run, "HMGET h f g i", "*3 $1 v $1 w $1 v ");
    cr_assert_eq(keyspace_expire(run.keyspaces[0], CALL_REPLAY_MS, 9), 0);
    expect_records("kept", "select 0|SET a v PXAT 1600000000000|SET b v|PEXPIREAT b 1600000000000|HSET h f v g w|"
                           "HPEXPIREAT h 1600000000000 FIELDS 1 f|HSETEX h PXAT 1600000000000 FIELDS 1 i v");
    run.replays = false;
    command_expect(&run, "MGET a b", "*2 $-1 $-1 ");
    command_expect(&run, "HMGET h f g i", "*3 $-1 $1 w $-1 ");
    end();
}

Test(replay, what_is_relative_is_counted_from_now)
{
    begin(1);
    run.replays = true;
    command_run(&run, "SET a v EX 10");
    command_run(&run, "SET b v");
    command_run(&run, "PEXPIRE b 10");
    command_run(&run, "SET c v");
    command_run(&run, "EXPIRE c -1");
    command_run(&run, "HSET h f v");
    command_run(&run, "HEXPIRE h 10 FIELDS 1 f");
    command_run(&run, "XGROUP CREATE x g 0 MKSTREAM");
    command_run(&run, "XGROUP CREATECONSUMER x g c");
    command_expect(&run, "GET c", "$1 v ");
    run.replays = false;
    command_expect(&run, "PTTL a", ":10000 ");
    command_expect(&run, "PTTL b", ":10 ");
    command_expect(&run, "HPTTL h FIELDS 1 f", "*1 :10000 ");
    command_expect(&run, "XINFO CONSUMERS x g", "*1 *8 $4 name $1 c $7 pending :0 $4 idle :0 $8 inactive :-1 ");
    command_expect(&run, "GET c", "$-1 ");
    journal_clear(keyspace_journal(run.keyspaces[0]));
    end();
}

static void begin_copies(void)
{
    for (int i = 0; i < run.count; i++) {
        command_run_init(&copies[i], 1);
        copies[i].now_ms = CALL_REPLAY_MS;
        (void)keyspace_random_bits(copies[i].keyspaces[0]); /* other dice */
    }
}

static void end_copies(void)
{
    for (int i = 0; i < run.count; i++)
        command_run_deinit(&copies[i]);
}

/* Each value as commands: in one go, or a few at a time. */

static void say_value(void *text, struct entry *entry)
{
    struct value_commands commands;

    value_commands_begin(&commands, entry, dice_below(2));
    while (value_commands_go_on(&commands, text, dice_below(2) ? SIZE_MAX : 1))
        ;
}

static void say_all(struct keyspace *keyspace, struct buffer *text)
{
    for (int db = 0; db < 2; db++) {
        RESP_COMMAND_APPEND(text, STR("SELECT"), db == 0 ? STR("0") : STR("1"));
        keyspace_each(keyspace, db, INT64_MIN, say_value, text);
    }
}

static void expect_same_when_said(void)
{
    struct memory memory = {0};
    struct buffer text;

    for (int i = 0; i < run.count; i++) {
        buffer_init(&text, &memory, NULL, 0);
        say_all(run.keyspaces[i], &text);
        journal_execute(buffer_str(&text), &copies[i]);
        copies[i].session.db = 0;
        expect_same_shard(i, "said as commands");
        buffer_deinit(&text);
    }
}

Test(value_commands, a_value_with_many_items_is_said_in_several)
{
    struct memory memory = {0};
    struct buffer text;

    begin(1);
    for (int i = 0; i < 150; i++) {
        char line[64];

        snprintf(line, sizeof line, "RPUSH list %d", i);
        command_run(&run, line);
    }
    command_run(&run, "PEXPIREAT list 99999999999999");
    buffer_init(&text, &memory, NULL, 0);
    say_value(&text, keyspace_find(run.keyspaces[0], 0, key_of(STR("list")), INT64_MIN));
    cr_assert_not_null(memmem(text.bytes, text.length, "*66\r\n$5\r\nRPUSH\r\n$4\r\nlist\r\n$2\r\n64\r\n", 34));
    cr_assert_not_null(memmem(text.bytes, text.length, "*24\r\n$5\r\nRPUSH\r\n$4\r\nlist\r\n$3\r\n128\r\n", 35));
    buffer_append(&text, "", 1);
    cr_assert_not_null(strstr(text.bytes, "$9\r\nPEXPIREAT\r\n$4\r\nlist\r\n$14\r\n99999999999999\r\n"));
    buffer_deinit(&text);
    journal_clear(keyspace_journal(run.keyspaces[0]));
    end();
}

static void try_commands(int shards)
{
    char line[RANDOM_COMMAND_BYTES];
    bool exact = getenv("EXACT") != NULL; /* which command it was */

    begin(shards);
    begin_copies();
    for (int i = 0; i < 1500; i++) {
        draw(line);
        command_run(&run, line);
        if (dice_below(20) == 0)
            run.now_ms += (int64_t)dice_below(1500);
        if (dice_below(30) == 0)
            for (int shard = 0; shard < shards; shard++)
                keyspace_expire(run.keyspaces[shard], run.now_ms, 2);
        if (dice_below(exact ? 1 : 16) == 0)
            follow(line);
    }
    follow("all");
    end_copies();
    begin_copies();
    expect_same_when_said();
    end_copies();
    end();
}

/* Some lines as a script, which is taken back or not. */
static void try_script(void)
{
    struct undo *undo = &run.cores[0].undo;
    char line[RANDOM_COMMAND_BYTES];

    undo_begin(undo, run.keyspaces[0], &run.cores[0].config);
    for (uint64_t i = dice_below(8); i > 0; i--) {
        random_command(line, run.now_ms);
        command_run(&run, line);
    }
    if (dice_below(2))
        undo_rollback(undo);
    else
        undo_commit(undo);
    journal_end_unit(keyspace_journal(run.keyspaces[0]));
    run.now_ms += (int64_t)dice_below(500);
    if (dice_below(4) == 0)
        follow("a script");
}

Test(journal, executed_again_scripts_do_some_of_which_were_taken_back, .init = seed)
{
    begin(1);
    begin_copies();
    for (int i = 0; i < 1000; i++)
        try_script();
    follow("all scripts");
    end_copies();
    end();
}

Test(journal, executed_again_it_makes_the_same_data, .init = seed)
{
    for (int i = 0; i < 4; i++)
        try_commands(1);
}

Test(journal, executed_again_those_of_several_shards_do, .init = seed)
{
    for (int i = 0; i < 4; i++)
        try_commands(3);
}
