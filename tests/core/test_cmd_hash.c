/* The hash commands, through the same steps as a request. */
#include "core/handlers.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "core/listpack.h"
#include "tests/support/command_run.h"

static struct command_run run;

static void begin(void)
{
    command_run_init(&run, 1);
}

static void end(void)
{
    command_run_deinit(&run);
}

TestSuite(cmd_hash, .init = begin, .fini = end);

static void expect(const char *line, const char *reply)
{
    command_expect(&run, line, reply);
}

static struct keyspace *keyspace(void)
{
    return run.cores[0].keyspace;
}

static uint64_t dirty(void)
{
    return keyspace_stats(keyspace())->dirty;
}

/* What the shard's loop does when time has come. */
static size_t pass(int64_t ms)
{
    run.now_ms += ms;
    return keyspace_expire(keyspace(), run.now_ms, 1000);
}

Test(cmd_hash, fields_are_set_and_read)
{
    expect("HSET h a 1 b two", ":2 ");
    expect("HSET h a 3 c \"\"", ":1 ");
    expect("HGET h a", "$1 3 ");
    expect("HGET h none", "$-1 ");
    expect("HMGET h a none c", "*3 $1 3 $-1 $0  ");
    expect("HGETALL h", "*6 $1 a $1 3 $1 b $3 two $1 c $0  ");
    expect("HKEYS h", "*3 $1 a $1 b $1 c ");
    expect("HVALS h", "*3 $1 3 $3 two $0  ");
    expect("HLEN h", ":3 ");
    expect("HEXISTS h b", ":1 ");
    expect("HSTRLEN h b", ":3 ");
    expect("HMSET h d 4", "+OK ");
    expect("HSETNX h d 5", ":0 ");
    expect("HSETNX h e 5", ":1 ");
    cr_assert_eq(dirty(), 2 + 2 + 1 + 1);
}

Test(cmd_hash, absent_key_is_an_empty_hash)
{
    expect("HGET h a", "$-1 ");
    expect("HMGET h a b", "*2 $-1 $-1 ");
    expect("HGETALL h", "*0 ");
    expect("HLEN h", ":0 ");
    expect("HDEL h a", ":0 ");
    expect("HSTRLEN h a", ":0 ");
    expect("HRANDFIELD h", "$-1 ");
    expect("HRANDFIELD h 5", "*0 ");
    expect("HSCAN h 0 nonsense", "*2 $1 0 *0 ");
    run.session.protocol = 3;
    expect("HGETALL h", "%0 ");
    expect("HGET h a", "_ ");
}

Test(cmd_hash, key_goes_with_its_last_field)
{
    expect("HSET h a 1 b 2", ":2 ");
    expect("HDEL h a none a", ":1 ");
    expect("EXISTS h", ":1 ");
    expect("HDEL h b c", ":1 ");
    expect("EXISTS h", ":0 ");
    cr_assert_eq(dirty(), 4);
}

Test(cmd_hash, another_type_is_refused)
{
    expect("SET s x", "+OK ");
    expect("HSET s a 1", "-WRONGTYPE Operation against a key holding the wrong kind of value ");
    expect("HGET s a", "-WRONGTYPE Operation against a key holding the wrong kind of value ");
    expect("HSCAN s 0", "-WRONGTYPE Operation against a key holding the wrong kind of value ");
    expect("HSET s a", "-ERR wrong number of arguments for 'hset' command ");
    expect("HMSET s a 1 b", "-ERR wrong number of arguments for 'hmset' command ");
    expect("HSET h a 1", ":1 ");
    expect("GET h", "-WRONGTYPE Operation against a key holding the wrong kind of value ");
}

Test(cmd_hash, numbers_are_counted)
{
    expect("HINCRBY h n 5", ":5 ");
    expect("HINCRBY h n -7", ":-2 ");
    expect("HINCRBYFLOAT h n 0.5", "$4 -1.5 ");
    expect("HINCRBY h n 1", "-ERR hash value is not an integer ");
    expect("HSET h m 9223372036854775807 t text", ":2 ");
    expect("HINCRBY h m 1", "-ERR increment or decrement would overflow ");
    expect("HINCRBYFLOAT h t 1", "-ERR hash value is not a float ");
    expect("HINCRBYFLOAT h t x", "-ERR value is not a valid float ");
    expect("HINCRBYFLOAT none f inf", "-ERR value is NaN or Infinity ");
    expect("HINCRBY h n x", "-ERR value is not an integer or out of range ");
    expect("EXISTS none", ":0 ");
}

Test(cmd_hash, encodings_follow_the_thresholds)
{
    run.cores[0].config.hash_max_listpack_entries = 2;
    expect("HSET h a 1 b 2", ":2 ");
    expect("OBJECT ENCODING h", "$8 listpack ");
    expect("HSET h c 3", ":1 ");
    expect("OBJECT ENCODING h", "$9 hashtable ");
    expect("HSET i a 1", ":1 ");
    expect("HEXPIRE i 10 FIELDS 1 a", "*1 :1 ");
    expect("OBJECT ENCODING i", "$10 listpackex ");
    expect("HPERSIST i FIELDS 1 a", "*1 :1 ");
    expect("OBJECT ENCODING i", "$10 listpackex ");
}

static struct entry *entry_of(const char *key)
{
    return keyspace_find(keyspace(), 0, key_of(str_from(key)), run.now_ms);
}

Test(cmd_hash, a_small_hash_lies_in_its_entry_and_grows_out_of_it)
{
    char line[100];

    expect("HSET h f0 v0 f1 v1 f2 v2", ":3 ");
    expect("PEXPIRE h 5000", ":1 ");
    cr_assert(entry_holds_value(entry_of("h")));
    for (int i = 3; i < 40; i++) {
        snprintf(line, sizeof line, "HSET h f%d v%d", i, i);
        expect(line, ":1 ");
        cr_assert_eq(entry_holds_value(entry_of("h")), listpack_bytes(entry_value(entry_of("h"))) <= 192);
        expect("PTTL h", ":5000 ");
        command_expect_integer(&run, "HINCRBY h n 1000", 1000 * (i - 2));
    }
    cr_assert_not(entry_holds_value(entry_of("h")));
    for (int i = 0; i < 40; i++) {
        snprintf(line, sizeof line, "HDEL h f%d", i);
        expect(line, ":1 ");
    }
    cr_assert(entry_holds_value(entry_of("h")));
    expect("HGETALL h", "*2 $1 n $5 37000 ");
    expect("OBJECT ENCODING h", "$8 listpack ");
    cr_assert_eq(pass(5000), 1);
    expect("EXISTS h", ":0 ");
}

Test(cmd_hash, a_hash_in_line_gets_deadlines_beside_that_of_its_key)
{
    expect("HSET h a 1 b 2", ":2 ");
    expect("PEXPIRE h 5000", ":1 ");
    expect("HPEXPIRE h 1000 FIELDS 1 a", "*1 :1 ");
    cr_assert_not(entry_holds_value(entry_of("h")));
    cr_assert_eq(pass(1000), 1);
    expect("HKEYS h", "*1 $1 b ");
    cr_assert_eq(pass(4000), 1);
    expect("EXISTS h", ":0 ");
}

Test(cmd_hash, draws_have_the_shapes_of_the_protocol)
{
    expect("HSET h a 1", ":1 ");
    expect("HRANDFIELD h", "$1 a ");
    expect("HRANDFIELD h 3", "*1 $1 a ");
    expect("HRANDFIELD h -3", "*3 $1 a $1 a $1 a ");
    expect("HRANDFIELD h 1 WITHVALUES", "*2 $1 a $1 1 ");
    expect("HRANDFIELD h 0", "*0 ");
    run.session.protocol = 3;
    expect("HRANDFIELD h -2 withvalues", "*2 *2 $1 a $1 1 *2 $1 a $1 1 ");
}

Test(cmd_hash, hostile_counts_are_refused)
{
    expect("HSET h a 1", ":1 ");
    expect("HRANDFIELD h -9223372036854775808",
           "-ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807 ");
    expect("HRANDFIELD h 9223372036854775807 WITHVALUES", "-ERR value is out of range ");
    expect("HRANDFIELD h -9223372036854775807", "-ERR value is out of range ");
    expect("HRANDFIELD h 9223372036854775807", "*1 $1 a ");
    expect("HRANDFIELD h x", "-ERR value is not an integer or out of range ");
    expect("HRANDFIELD h 1 WITHVALUES x", "-ERR syntax error ");
}

Test(cmd_hash, distinct_draws_from_a_table_are_distinct)
{
    char line[64];

    for (int i = 0; i < 1000; i++) {
        snprintf(line, sizeof line, "HSET h f%d x", i);
        expect(line, ":1 ");
    }
    for (int count = 100; count <= 900; count += 400) {
        bool seen[1000] = {false};
        int length = snprintf(line, sizeof line, "HRANDFIELD h %d", count);
        struct str reply = command_run(&run, line);
        int found = 0, number;

        cr_assert_gt(length, 0);
        for (const char *at = reply.bytes; (at = memchr(at, 'f', (size_t)(reply.bytes + reply.length - at))); at++) {
            cr_assert_eq(sscanf(at, "f%d", &number), 1);
            cr_assert_not(seen[number]);
            seen[number] = true;
            found++;
        }
        cr_assert_eq(found, count);
    }
}

Test(cmd_hash, scan_gives_pairs_or_names)
{
    expect("HSET h a 1 b 2 ab 3", ":3 ");
    expect("HSCAN h 0", "*2 $1 0 *6 $1 a $1 1 $1 b $1 2 $2 ab $1 3 ");
    expect("HSCAN h 0 MATCH a* NOVALUES", "*2 $1 0 *2 $1 a $2 ab ");
    expect("HSCAN h x", "-ERR invalid cursor ");
    expect("HSCAN h 0 COUNT 0", "-ERR syntax error ");
}

/* Deadlines of fields */

Test(cmd_hash, fields_get_deadlines_and_lose_them)
{
    expect("HSET h a 1 b 2", ":2 ");
    expect("HEXPIRE h 100 FIELDS 2 a none", "*2 :1 :-2 ");
    expect("HTTL h FIELDS 3 a b none", "*3 :100 :-1 :-2 ");
    expect("HPTTL h FIELDS 1 a", "*1 :100000 ");
    expect("HEXPIRETIME h FIELDS 1 a", "*1 :1700000100 ");
    expect("HPEXPIRETIME h FIELDS 1 a", "*1 :1700000100000 ");
    expect("HPEXPIRE h 1500 FIELDS 1 b", "*1 :1 ");
    expect("HTTL h FIELDS 1 b", "*1 :2 ");
    expect("HEXPIREAT h 1700000009 FIELDS 1 b", "*1 :1 ");
    expect("HPTTL h FIELDS 1 b", "*1 :9000 ");
    expect("HPEXPIREAT h 1700000000007 FIELDS 1 b", "*1 :1 ");
    expect("HPTTL h FIELDS 1 b", "*1 :7 ");
    expect("HPERSIST h FIELDS 3 a a none", "*3 :1 :-1 :-2 ");
    expect("HTTL h FIELDS 1 a", "*1 :-1 ");
    expect("HSET h b 3", ":0 ");
    expect("HTTL h FIELDS 1 b", "*1 :-1 ");
    expect("HTTL absent FIELDS 2 a b", "*2 :-2 :-2 ");
    expect("HEXPIRE absent 10 FIELDS 2 a b", "*2 :-2 :-2 ");
    cr_assert_eq(keyspace_next_expiry_ms(keyspace()), INT64_MAX);
}

Test(cmd_hash, conditions_decide_on_a_deadline)
{
    expect("HSET h a 1", ":1 ");
    expect("HEXPIRE h 100 XX FIELDS 1 a", "*1 :0 ");
    expect("HEXPIRE h 100 GT FIELDS 1 a", "*1 :0 ");
    expect("HEXPIRE h 100 NX FIELDS 1 a", "*1 :1 ");
    expect("HEXPIRE h 200 nx FIELDS 1 a", "*1 :0 ");
    expect("HEXPIRE h 100 GT FIELDS 1 a", "*1 :0 ");
    expect("HEXPIRE h 101 GT FIELDS 1 a", "*1 :1 ");
    expect("HEXPIRE h 102 LT FIELDS 1 a", "*1 :0 ");
    expect("HEXPIRE h 50 LT FIELDS 1 a", "*1 :1 ");
    expect("HEXPIRE h 60 XX FIELDS 1 a", "*1 :1 ");
    expect("HPERSIST h FIELDS 1 a", "*1 :1 ");
    expect("HEXPIRE h 60 LT FIELDS 1 a", "*1 :1 ");
    cr_assert_eq(dirty(), 1 + 6);
}

Test(cmd_hash, deadline_that_has_passed_deletes_at_once)
{
    expect("HSET h a 1 b 2", ":2 ");
    expect("HPEXPIREAT h 1 FIELDS 1 a", "*1 :2 ");
    expect("HGETALL h", "*2 $1 b $1 2 ");
    expect("HEXPIRE h 0 FIELDS 2 b b", "*2 :2 :-2 ");
    expect("EXISTS h", ":0 ");
}

Test(cmd_hash, expired_field_reads_as_absent_everywhere)
{
    expect("HSET h a 1 b 2", ":2 ");
    expect("HPEXPIRE h 10 FIELDS 1 a", "*1 :1 ");
    run.now_ms += 10;
    expect("HGET h a", "$-1 ");
    expect("HMGET h a b", "*2 $-1 $1 2 ");
    expect("HGETALL h", "*2 $1 b $1 2 ");
    expect("HEXISTS h a", ":0 ");
    expect("HSTRLEN h a", ":0 ");
    expect("HLEN h", ":2 ");
    expect("HRANDFIELD h 5", "*1 $1 b ");
    expect("HSCAN h 0", "*2 $1 0 *2 $1 b $1 2 ");
    expect("HTTL h FIELDS 1 a", "*1 :-2 ");
    expect("HPERSIST h FIELDS 1 a", "*1 :-2 ");
    expect("HGETEX h FIELDS 1 a", "*1 $-1 ");
    expect("HDEL h a", ":0 ");
    expect("HINCRBY h a 1", ":1 ");
    expect("HTTL h FIELDS 1 a", "*1 :-1 ");
}

Test(cmd_hash, expired_fields_are_removed_on_time)
{
    expect("HSET h a 1 b 2 c 3", ":3 ");
    expect("HPEXPIRE h 10 FIELDS 1 a", "*1 :1 ");
    expect("HPEXPIRE h 20 FIELDS 2 b c", "*2 :1 :1 ");
    cr_assert_eq(keyspace_next_expiry_ms(keyspace()), run.now_ms + 10);
    cr_assert_eq(pass(10), 1);
    expect("HLEN h", ":2 ");
    cr_assert_eq(keyspace_next_expiry_ms(keyspace()), run.now_ms + 10);
    cr_assert_eq(pass(10), 2);
    expect("EXISTS h", ":0 ");
    expect("DBSIZE", ":0 ");
    cr_assert_eq(keyspace_next_expiry_ms(keyspace()), INT64_MAX);
    cr_assert_eq(keyspace_stats(keyspace())->expired_items, 3);
}

Test(cmd_hash, removal_is_done_in_slices)
{
    char line[64];

    for (int i = 0; i < 1000; i++) {
        snprintf(line, sizeof line, "HSETEX h PX 10 FIELDS 1 f%d x", i);
        expect(line, ":1 ");
    }
    run.now_ms += 10;
    for (int left = 900; left > 0; left -= 100) {
        cr_assert_eq(keyspace_expire(keyspace(), run.now_ms, 100), 100);
        command_expect_integer(&run, "HLEN h", left);
    }
    cr_assert_eq(keyspace_expire(keyspace(), run.now_ms, 1000), 100);
    expect("EXISTS h", ":0 ");
}

/* Whatever moves, copies or replaces a hash has the index of deadlines follow. */
Test(cmd_hash, deadlines_of_fields_follow_the_key)
{
    expect("HSETEX h PX 50 FIELDS 2 a 1 b 2", ":1 ");
    expect("EXPIRE h 100", ":1 ");
    expect("RENAME h moved", "+OK ");
    expect("COPY moved copied", ":1 ");
    expect("PERSIST moved", ":1 ");
    expect("MOVE copied 1", ":1 ");
    expect("SWAPDB 1 2", "+OK ");
    cr_assert_eq(keyspace_next_expiry_ms(keyspace()), run.now_ms + 50);
    expect("HSETEX replaced PX 5 FIELDS 1 a 1", ":1 ");
    expect("SET replaced text", "+OK ");
    expect("HSETEX deleted PX 5 FIELDS 1 a 1", ":1 ");
    expect("DEL deleted", ":1 ");
    cr_assert_eq(keyspace_next_expiry_ms(keyspace()), run.now_ms + 50);
    cr_assert_eq(pass(50), 4);
    expect("EXISTS moved", ":0 ");
    expect("GET replaced", "$4 text ");
    expect("HSETEX flushed PX 5 FIELDS 1 a 1", ":1 ");
    expect("FLUSHALL", "+OK ");
    cr_assert_eq(keyspace_next_expiry_ms(keyspace()), INT64_MAX);
}

Test(cmd_hash, key_that_expires_first_takes_its_fields_along)
{
    expect("HSETEX h PX 50 FIELDS 1 a 1", ":1 ");
    expect("PEXPIRE h 20", ":1 ");
    cr_assert_eq(keyspace_next_expiry_ms(keyspace()), run.now_ms + 20);
    cr_assert_eq(pass(60), 1);
    expect("EXISTS h", ":0 ");
    cr_assert_eq(keyspace_next_expiry_ms(keyspace()), INT64_MAX);
}

Test(cmd_hash, nothing_is_removed_while_active_expiry_is_off)
{
    keyspace_set_active_expiry(keyspace(), false);
    expect("HSETEX h PX 5 FIELDS 1 a 1", ":1 ");
    cr_assert_eq(pass(5), 0);
    expect("HGETALL h", "*0 ");
    expect("HRANDFIELD h", "$-1 ");
    expect("EXISTS h", ":1 ");
    expect("HSET h a 2", ":1 ");
    expect("HGETALL h", "*2 $1 a $1 2 ");
    keyspace_set_active_expiry(keyspace(), true);
    cr_assert_eq(pass(100), 0);
    expect("HLEN h", ":1 ");
}

Test(cmd_hash, arguments_of_deadlines_are_checked_in_order)
{
    expect("HSET h a 1", ":1 ");
    expect("SET s x", "+OK ");
    expect("HEXPIRE s x FIELDS 1 a", "-WRONGTYPE Operation against a key holding the wrong kind of value ");
    expect("HEXPIRE h x FIELDS 1 a", "-ERR value is not an integer or out of range ");
    expect("HEXPIRE h -1 FIELDS 1 a", "-ERR invalid expire time, must be >= 0 ");
    expect("HPEXPIREAT h 70368744177663 FIELDS 1 none", "*1 :-2 ");
    expect("HPEXPIREAT h 70368744177664 FIELDS 1 a", "-ERR invalid expire time in 'hpexpireat' command ");
    expect("HEXPIRE h 9223372036854775807 FIELDS 1 a", "-ERR invalid expire time in 'hexpire' command ");
    expect("HEXPIRE h 10 NX XX FIELDS 1 a", "-ERR Mandatory argument FIELDS is missing or not at the right position ");
    expect("HEXPIRE h 10 FIELDS 0 a", "-ERR Parameter `numFields` should be greater than 0 ");
    expect("HEXPIRE h 10 FIELDS 2 a", "-ERR The `numfields` parameter must match the number of arguments ");
    expect("HTTL h FIELDS 0 a", "-ERR Number of fields must be a positive integer ");
    expect("HTTL h FELD 1 a", "-ERR Mandatory argument FIELDS is missing or not at the right position ");
    expect("HTTL h FIELDS 1 a b", "-ERR The `numfields` parameter must match the number of arguments ");
}

Test(cmd_hash, counters_keep_the_deadline_of_their_field)
{
    expect("HSETEX h PX 500 FIELDS 2 n 1 f 1.5", ":1 ");
    expect("HINCRBY h n 1", ":2 ");
    expect("HINCRBYFLOAT h f 1", "$3 2.5 ");
    expect("HPTTL h FIELDS 2 n f", "*2 :500 :500 ");
}

Test(cmd_hash, hgetdel_reads_and_removes)
{
    expect("HSET h a 1 b 2", ":2 ");
    expect("HGETDEL h FIELDS 3 a none a", "*3 $1 1 $-1 $-1 ");
    expect("HGETDEL h FIELDS 1 b", "*1 $1 2 ");
    expect("EXISTS h", ":0 ");
    expect("HGETDEL h FIELDS 1 b", "*1 $-1 ");
    expect("HGETDEL h FIELDS 0 b", "-ERR Number of fields must be a positive integer ");
    expect("HGETDEL h XFIELDSX 1 b", "-ERR Mandatory argument FIELDS is missing or not at the right position ");
}

Test(cmd_hash, hgetex_reads_and_sets_deadlines)
{
    expect("HSET h a 1 b 2", ":2 ");
    expect("HGETEX h FIELDS 2 a none", "*2 $1 1 $-1 ");
    expect("HGETEX h EX 100 FIELDS 1 a", "*1 $1 1 ");
    expect("HPTTL h FIELDS 2 a b", "*2 :100000 :-1 ");
    expect("HGETEX h PERSIST FIELDS 2 a b", "*2 $1 1 $1 2 ");
    expect("HPTTL h FIELDS 2 a b", "*2 :-1 :-1 ");
    cr_assert_eq(dirty(), 2 + 1 + 1);
    expect("HGETEX h PXAT 1 FIELDS 2 a b", "*2 $1 1 $1 2 ");
    expect("EXISTS h", ":0 ");
    expect("HGETEX h PX -1 FIELDS 1 a", "-ERR invalid expire time, must be >= 0 ");
    expect("HGETEX h PERSIST 1 FIELDS 1 a", "-ERR Mandatory argument FIELDS is missing or not at the right position ");
}

Test(cmd_hash, hsetex_sets_values_with_a_deadline_on_conditions)
{
    expect("HSETEX h FXX FIELDS 1 a 1", ":0 ");
    expect("EXISTS h", ":0 ");
    expect("HSETEX h FNX EX 10 FIELDS 2 a 1 b 2", ":1 ");
    expect("HSETEX h FNX FIELDS 2 b 3 c 4", ":0 ");
    expect("HSETEX h FXX FIELDS 2 a 3 c 4", ":0 ");
    expect("HSETEX h FXX KEEPTTL FIELDS 1 a 3", ":1 ");
    expect("HTTL h FIELDS 2 a b", "*2 :10 :10 ");
    expect("HSETEX h FIELDS 1 a 4", ":1 ");
    expect("HTTL h FIELDS 2 a b", "*2 :-1 :10 ");
    expect("HSETEX h PXAT 1 FIELDS 2 a 1 b 1", ":1 ");
    expect("EXISTS h", ":0 ");
    expect("HSETEX h PXAT 1 FIELDS 1 a 1", ":1 ");
    expect("EXISTS h", ":0 ");
}

Test(cmd_hash, hsetex_refuses_what_it_does_not_know)
{
    expect("HSETEX h NX FIELDS 1 a 1", "-ERR unknown argument: NX ");
    expect("HSETEX h FNX FXX FIELDS 1 a 1", "-ERR Only one of FXX or FNX arguments can be specified ");
    expect("HSETEX h EX 1 KEEPTTL FIELDS 1 a 1",
           "-ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified ");
    expect("HSETEX h FIELDS 2 a 1", "-ERR wrong number of arguments for 'hsetex' command ");
    expect("HSETEX h FIELDS 1 a 1 b", "-ERR wrong number of arguments for 'hsetex' command ");
    expect("HSETEX h FIELDS 0 a 1", "-ERR invalid number of fields ");
    expect("HSETEX h EX x FIELDS 1 a 1", "-ERR value is not an integer or out of range ");
    expect("HSETEX h FNX EX 5 FIELDS", "-ERR wrong number of arguments for 'hsetex' command ");
    expect("HSETEX h FNX EX 5 EX", "-ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified ");
}

/* The first new field lets the pack move, and the table that the second one wants may get its old address: so it does,
 * sooner or later, where a pack takes as much as a table's head. */
Test(cmd_hash, an_encoding_may_change_while_the_address_does_not)
{
    static const char many[] = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
    char line[512];

    expect("CONFIG SET hash-max-listpack-entries 5", "+OK ");
    for (int i = 0; i < 20000; i++) {
        int key = i % 100, length = i % 61;

        snprintf(line, sizeof line, "DEL h%d", key);
        command_run(&run, line);
        snprintf(line, sizeof line, "HSET h%d a %s b %s c %s d %.*s", key, many, many, many, length + 1, many);
        expect(line, ":4 ");
        snprintf(line, sizeof line, "HSET h%d e %s f g", key, many);
        expect(line, ":2 ");
        snprintf(line, sizeof line, "OBJECT ENCODING h%d", key);
        expect(line, "$9 hashtable ");
    }
}
