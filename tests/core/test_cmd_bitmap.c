/* The bitmap commands, and the string commands on sparse bitmaps. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/bits.h"
#include "core/entry.h"
#include "tests/support/command_run.h"
#include "tests/support/dice.h"

static struct command_run run;

static void begin(void)
{
    command_run_init(&run, 2);
}

static void end(void)
{
    command_run_deinit(&run);
}

TestSuite(cmd_bitmap, .init = begin, .fini = end);

static void expect(const char *line, const char *reply)
{
    command_expect(&run, line, reply);
}

static uint64_t changes(void)
{
    return keyspace_stats(run.keyspaces[0])->dirty + keyspace_stats(run.keyspaces[1])->dirty;
}

static const struct entry *find(const char *name)
{
    for (int i = 0; i < 2; i++) {
        struct entry *entry = keyspace_find(run.keyspaces[i], 0, key_of(str_from(name)), run.now_ms);

        if (entry != NULL)
            return entry;
    }
    return NULL;
}

static bool is_sparse(const char *name)
{
    const struct entry *entry = find(name);

    return entry != NULL && entry_is_sparse_bitmap(entry);
}

static int64_t integer(const char *line)
{
    struct str reply = command_run(&run, line);

    cr_assert_eq(reply.bytes[0], ':', "%.*s", (int)reply.length, reply.bytes);
    return strtoll(reply.bytes + 1, NULL, 10);
}

/* A string of 20,001 bytes, all zeros but for bit 2 and the last. */
static void make_sparse(const char *name)
{
    char line[64];

    snprintf(line, sizeof line, "SETBIT %s 160007 1", name);
    expect(line, ":0 ");
    snprintf(line, sizeof line, "SETBIT %s 2 1", name);
    expect(line, ":0 ");
    cr_assert(is_sparse(name));
}

Test(cmd_bitmap, setbit_and_getbit)
{
    expect("SETBIT k 7 1", ":0 ");
    expect("SETBIT k 7 0", ":1 ");
    expect("SETBIT k 9 1", ":0 ");
    expect("GETBIT k 9", ":1 ");
    expect("GETBIT k 8", ":0 ");
    expect("GETBIT k 4294967295", ":0 ");
    expect("GETBIT missing 0", ":0 ");
    expect("STRLEN k", ":2 ");
    expect("SET k 1", "+OK ");
    expect("GETBIT k 2", ":1 ");
    expect("SETBIT k 6 1", ":0 ");
    expect("GET k", "$1 3 ");
    expect("OBJECT ENCODING k", "$3 raw ");
}

Test(cmd_bitmap, offsets_and_bits_out_of_range_are_refused)
{
    static const char *const offsets[] = {"-1", "4294967296", "9223372036854775807", "x", "1.0", "#1"};
    char line[64];

    for (size_t i = 0; i < sizeof offsets / sizeof offsets[0]; i++) {
        snprintf(line, sizeof line, "SETBIT k %s 1", offsets[i]);
        expect(line, "-ERR bit offset is not an integer or out of range ");
        snprintf(line, sizeof line, "GETBIT k %s", offsets[i]);
        expect(line, "-ERR bit offset is not an integer or out of range ");
    }
    expect("SETBIT k 1 2", "-ERR bit is not an integer or out of range ");
    expect("SETBIT k 1 x", "-ERR bit is not an integer or out of range ");
    expect("BITFIELD k GET u8 #536870912", "-ERR bit offset is not an integer or out of range ");
    expect("BITFIELD k GET u8 #9223372036854775807", "-ERR bit offset is not an integer or out of range ");
    expect("EXISTS k", ":0 ");
}

Test(cmd_bitmap, the_most_distant_bit_costs_less_than_a_kilobyte)
{
    size_t before = run.cores[1].data.used_bytes;

    expect("SETBIT k1 4294967295 1", ":0 ");
    cr_assert(run.cores[1].data.used_bytes < before + 1000);
    expect("STRLEN k1", ":536870912 ");
    expect("GETBIT k1 4294967295", ":1 ");
    expect("BITCOUNT k1", ":1 ");
    expect("BITPOS k1 1", ":4294967295 ");
    expect("BITPOS k1 0", ":0 ");
    expect("GETRANGE k1 -1 -1", "$1 \x01 ");
    expect("OBJECT ENCODING k1", "$3 raw ");
    expect("TYPE k1", "+string ");
    expect("BITOP OR k0 k1 k1", ":536870912 ");
    expect("BITOP NOT k0 k1", ":536870912 ");
    expect("BITCOUNT k0", ":4294967295 ");
    expect("COPY k1 k2", ":1 ");
    expect("APPEND missing x", ":1 ");
    cr_assert(is_sparse("k0") && is_sparse("k1") && is_sparse("k2"));
    cr_assert(integer("MEMORY USAGE k2") < 10000);
}

Test(cmd_bitmap, changes_are_counted_where_a_bit_or_the_length_changes)
{
    make_sparse("s0");
    expect("SETBIT k 7 0", ":0 ");
    uint64_t before = changes();
    expect("SETBIT k 7 0", ":0 ");
    expect("SETBIT s0 160007 1", ":1 ");
    expect("BITFIELD k GET u8 0 SET u8 0 0 OVERFLOW FAIL INCRBY u2 0 9", "*3 :0 :0 $-1 ");
    cr_assert_eq(changes(), before);
    expect("SETBIT k 7 1", ":0 ");
    expect("SETBIT s0 160008 0", ":0 ");
    expect("BITFIELD k SET u8 0 7 INCRBY u8 0 1", "*2 :1 :8 ");
    expect("BITOP AND k k k", ":1 ");
    cr_assert_eq(changes(), before + 5);
}

Test(cmd_bitmap, a_wrong_type_is_refused)
{
    expect("SET k abc", "+OK ");
    expect("BITOP AND d k", ":3 ");
    expect("BITOP NOT d k missing", "-ERR BITOP NOT must be called with a single source key. ");
    expect("BITOP NAND d k", "-ERR syntax error ");
    expect("BITOP DIFF d k", "-ERR BITOP DIFF must be called with at least two source keys. ");
    expect("BITOP diff1 d k", "-ERR BITOP DIFF1 must be called with at least two source keys. ");
    expect("BITOP ANDOR d k", "-ERR BITOP ANDOR must be called with at least two source keys. ");
}

Test(cmd_bitmap, bitcount_takes_ranges_of_bytes_and_bits)
{
    expect("SET k foobar", "+OK ");
    expect("BITCOUNT k", ":26 ");
    expect("BITCOUNT k 0 0", ":4 ");
    expect("BITCOUNT k 1 1 byte", ":6 ");
    expect("BITCOUNT k 5 30 BIT", ":17 ");
    expect("BITCOUNT k -2 -1", ":7 ");
    expect("BITCOUNT k -1 -2", ":0 ");
    expect("BITCOUNT k 5 -9223372036854775808", ":0 ");
    expect("BITCOUNT k 0 9223372036854775807 BIT", ":26 ");
    expect("BITCOUNT k 0", "-ERR syntax error ");
    expect("BITCOUNT k 0 1 BITS", "-ERR syntax error ");
    expect("BITCOUNT k 0 1 BIT 1", "-ERR syntax error ");
    expect("BITCOUNT k 0 x BITS", "-ERR value is not an integer or out of range ");
    expect("BITCOUNT k a 1", "-ERR value is not an integer or out of range ");
    expect("BITCOUNT missing a 1", "-ERR value is not an integer or out of range ");
    expect("BITCOUNT missing", ":0 ");
    expect("SET k 12", "+OK ");
    expect("BITCOUNT k", ":6 ");
}

Test(cmd_bitmap, bitpos_takes_ranges_and_sees_zeros_behind_the_string)
{
    expect("SET k \"\\xff\\xf0\\x00\"", "+OK ");
    expect("BITPOS k 0", ":12 ");
    expect("BITPOS k 1 2", ":-1 ");
    expect("BITPOS k 0 0 0", ":-1 ");
    expect("BITPOS k 0 7 9 BIT", ":-1 ");
    expect("BITPOS k 1 3 -1 BIT", ":3 ");
    expect("SET k \"\\xff\\xff\"", "+OK ");
    expect("BITPOS k 0", ":16 ");
    expect("BITPOS k 0 1", ":16 ");
    expect("BITPOS k 0 0 -1", ":-1 ");
    expect("BITPOS k 0 5", ":-1 ");
    expect("BITPOS k 1 1 0", ":-1 ");
    expect("BITPOS missing 1", ":-1 ");
    expect("BITPOS missing 0", ":0 ");
    expect("BITPOS missing 0 x", "-ERR value is not an integer or out of range ");
    expect("BITPOS k 2", "-ERR The bit argument must be 1 or 0. ");
    expect("BITPOS k 1 0 1 BITS", "-ERR syntax error ");
}

Test(cmd_bitmap, the_operations_of_redis_8)
{
    expect("SET a0 \"\\xf0\"", "+OK ");
    expect("SET b1 \"\\xcc\\x01\"", "+OK ");
    expect("SET c0 \"\\xaa\"", "+OK ");
    expect("BITOP DIFF d a0 b1 c0", ":2 ");
    expect("BITFIELD d GET u16 0", "*1 :4096 ");
    expect("BITOP DIFF1 d a0 b1 c0", ":2 ");
    expect("BITFIELD d GET u16 0", "*1 :3585 ");
    expect("BITOP ANDOR d a0 b1 c0", ":2 ");
    expect("BITFIELD d GET u16 0", "*1 :57344 ");
    expect("BITOP ONE d a0 b1 c0", ":2 ");
    expect("BITFIELD d GET u16 0", "*1 :5633 ");
}

Test(cmd_bitmap, bitop_replaces_or_removes_its_target)
{
    expect("SET d x EX 100", "+OK ");
    expect("SET a 12", "+OK ");
    expect("BITOP OR d a missing", ":2 ");
    expect("GET d", "$2 12 ");
    expect("TTL d", ":-1 ");
    expect("OBJECT ENCODING d", "$3 raw ");
    expect("BITOP XOR a a a", ":2 ");
    expect("BITCOUNT a", ":0 ");
    expect("BITOP AND d missing", ":0 ");
    expect("EXISTS d", ":0 ");
}

Test(cmd_bitmap, bitfield_overflows_as_told)
{
    expect("BITFIELD k SET u8 0 250 INCRBY u8 0 10", "*2 :0 :4 ");
    expect("BITFIELD k OVERFLOW SAT INCRBY u8 0 1000 INCRBY u8 0 -1000 INCRBY i8 0 -200", "*3 :255 :0 :-128 ");
    expect("BITFIELD k OVERFLOW FAIL INCRBY i8 0 -1 GET i8 0 SET u2 0 4", "*3 $-1 :-128 $-1 ");
    expect("BITFIELD k OVERFLOW WRAP SET u4 #0 -1 GET u4 0", "*2 :8 :15 ");
    expect("BITFIELD k OVERFLOW SAT SET u4 #0 -1 SET i4 #0 -100 GET i4 0", "*3 :15 :-1 :-8 ");
    expect("BITFIELD far OVERFLOW SAT SET i63 0 -8495321738368463487 GET i63 0", "*2 :0 :4611686018427387903 ");
    expect("BITFIELD k SET i64 0 9223372036854775807 INCRBY i64 0 1",
           "*2 :-9223372036854775808 :-9223372036854775808 ");
    expect("BITFIELD k OVERFLOW FAIL SET u63 3 -1", "*1 $-1 ");
    run.session.protocol = 3;
    expect("BITFIELD k OVERFLOW FAIL SET u1 0 2", "*1 _ ");
}

Test(cmd_bitmap, bitfield_refuses_what_it_does_not_know)
{
    static const char type[] =
        "-ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but "
        "i64 is. ";

    expect("BITFIELD k", "*0 ");
    expect("BITFIELD k GET u64 0", type);
    expect("BITFIELD k GET i65 0", type);
    expect("BITFIELD k GET i0 0", type);
    expect("BITFIELD k GET \"\" 0", type);
    expect("BITFIELD k GET i 0", type);
    expect("BITFIELD k GET u8", "-ERR syntax error ");
    expect("BITFIELD k SET u8 0", "-ERR syntax error ");
    expect("BITFIELD k OVERFLOW", "-ERR syntax error ");
    expect("BITFIELD k OVERFLOW x", "-ERR Invalid OVERFLOW type specified ");
    expect("BITFIELD k SET u8 0 x", "-ERR value is not an integer or out of range ");
    expect("BITFIELD_RO k SET u8 0 1", "-ERR BITFIELD_RO only supports the GET subcommand ");
    expect("BITFIELD_RO k GET u8 0 GET i5 #3", "*2 :0 :0 ");
    expect("EXISTS k", ":0 ");
}

Test(cmd_bitmap, commands_that_can_do_without_its_bytes_leave_a_bitmap_sparse)
{
    static const char *const lines[] = {"STRLEN s0",        "GETRANGE s0 0 9",    "GETBIT s0 2",
                                        "BITCOUNT s0",      "BITPOS s0 0",        "BITFIELD s0 GET u8 0",
                                        "GET s0",           "MGET s0 s0",         "INCR s0",
                                        "INCRBYFLOAT s0 1", "BITOP AND d s0 s0",  "EXPIRE s0 100",
                                        "PERSIST s0",       "SET s0 x IFEQ y",    "PFADD s0 a",
                                        "PFCOUNT s0",       "COPY s0 s1",         "BITFIELD s0 SET u9 3 0",
                                        "TOUCH s0",         "OBJECT ENCODING s0", "MEMORY USAGE s0",
                                        "DUMP s0"};

    make_sparse("s0");
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        command_run(&run, lines[i]);
        cr_assert(is_sparse("s0"), "%s", lines[i]);
    }
    expect("RENAME s0 s3", "+OK ");
    cr_assert(is_sparse("s1") && is_sparse("s3"));
}

/* The bytes of a bulk string, the caller's. */
static struct str bulk(const char *line)
{
    struct str reply = command_run(&run, line);
    const char *start = (const char *)memchr(reply.bytes, '\n', reply.length) + 1;
    size_t length = reply.length - (size_t)(start - reply.bytes) - 2;
    char *bytes = malloc(length);

    memcpy(bytes, start, length);
    return (struct str){bytes, length};
}

static void expect_restored(struct str dumped, struct str text)
{
    struct str argv[] = {STR("RESTORE"), STR("copy"), STR("0"), dumped, STR("REPLACE")};

    command_expect_reply(&run, "RESTORE", command_run_argv(&run, argv, 5), "+OK ");
    struct str restored = bulk("GET copy");
    cr_assert(str_equal(restored, text));
    free((char *)restored.bytes);
}

/* A chunk that cannot be compressed, and single bits. */
static void fill_sparsely(uint64_t bits)
{
    char line[96];

    for (int i = 0; i < 1100; i++) {
        snprintf(line, sizeof line, "BITFIELD s0 SET i64 %d %" PRIi64, 65536 + i * 64, (int64_t)dice_bits());
        command_run(&run, line);
    }
    for (int i = 0; i < 20; i++) {
        snprintf(line, sizeof line, "SETBIT s0 %" PRIu64 " 1", dice_below(bits));
        command_run(&run, line);
    }
}

Test(cmd_bitmap, a_sparse_bitmap_is_dumped_as_the_string_that_it_is)
{
    char line[96];

    dice_seed();
    for (uint64_t length = 300000; length < 300000 + 8192 * 2; length += 1 + dice_below(4000)) {
        snprintf(line, sizeof line, "SETBIT s0 %" PRIu64 " 0", length * 8);
        command_run(&run, line);
        fill_sparsely(length * 8);
        struct str dumped = bulk("DUMP s0"), text = bulk("GET s0");
        cr_assert(is_sparse("s0"));
        cr_assert_lt(dumped.length, 30000);
        expect_restored(dumped, text);
        free((char *)dumped.bytes);
        free((char *)text.bytes);
        expect("DEL s0", ":1 ");
    }
}

Test(cmd_bitmap, commands_that_want_bytes_get_them)
{
    static const char *const lines[] = {"SETRANGE s0 5 abc", "APPEND s0 abc", "DIGEST s0", "LCS s0 s0 LEN",
                                        "LCS s0 a LEN"};
    static const char *const replies[] = {":20001 ", ":20004 ", NULL,
                                          "-ERR Insufficient memory, transient memory for LCS "
                                          "exceeds proto-max-bulk-len ",
                                          ":0 "};

    expect("SET a xyz", "+OK ");
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        make_sparse("s0");
        if (replies[i])
            expect(lines[i], replies[i]);
        else
            command_run(&run, lines[i]);
        cr_assert_eq(is_sparse("s0"), i == 3, "%s", lines[i]);
        expect("GETBIT s0 2", ":1 ");
        expect("GETBIT s0 160007", ":1 ");
        expect("GETBIT s0 3", ":0 ");
        expect("DEL s0", ":1 ");
    }
}

Test(cmd_bitmap, a_bitmap_that_may_not_be_so_long_is_refused_as_bytes_and_still_read_as_bits)
{
    make_sparse("s0");
    run.cores[0].config.maxmemory = core_used_bytes(&run.cores[0]) + 20000;
    expect("GET s0", "-OOM command not allowed when used memory > 'maxmemory'. ");
    expect("APPEND s0 x", "-OOM command not allowed when used memory > 'maxmemory'. ");
    expect("BITCOUNT s0", ":2 ");
    run.cores[0].config.maxmemory = 0;
    run.cores[0].config.proto_max_bulk_len = 20000;
    expect("GET s0", "-ERR string exceeds maximum allowed size (proto-max-bulk-len) ");
    expect("STRLEN s0", ":20001 ");
}

/* --- BITOP beside a model, over plain and sparse strings --- */

enum { SOURCES = 4, LENGTH_MAX = 40000 };

static char model[SOURCES][LENGTH_MAX];
static size_t lengths[SOURCES];

static void set_bit(int source, uint64_t offset)
{
    char line[64];

    snprintf(line, sizeof line, "SETBIT s%d %llu 1", source, (unsigned long long)offset);
    command_run(&run, line);
    bits_write(model[source], offset, 1, 1);
    if (offset / 8 + 1 > lengths[source])
        lengths[source] = offset / 8 + 1;
}

static void make_source(int source)
{
    uint64_t limit = dice_below(2) ? LENGTH_MAX * 8 : 3000, bits = dice_below(40);
    char line[64];

    snprintf(line, sizeof line, "DEL s%d", source);
    command_run(&run, line);
    memset(model[source], 0, LENGTH_MAX);
    lengths[source] = 0;
    for (uint64_t i = 0; i < bits; i++)
        set_bit(source, dice_below(3) ? dice_below(limit) : i);
    if (dice_below(4) == 0) {
        snprintf(line, sizeof line, "SETRANGE s%d 0 \"\"", source);
        command_run(&run, line);
    }
}

static bool expected_bit(const char *name, int count, uint64_t at)
{
    int ones = 0;
    bool first = bits_read(model[0], at, 1);

    for (int i = 0; i < count; i++)
        ones += (int)bits_read(model[i], at, 1);
    if (strcmp(name, "AND") == 0)
        return ones == count;
    if (strcmp(name, "OR") == 0)
        return ones > 0;
    if (strcmp(name, "XOR") == 0)
        return ones % 2;
    if (strcmp(name, "NOT") == 0)
        return !first;
    if (strcmp(name, "DIFF") == 0)
        return first && ones == 1;
    if (strcmp(name, "DIFF1") == 0)
        return !first && ones > 0;
    if (strcmp(name, "ANDOR") == 0)
        return first && ones > 1;
    return ones == 1;
}

static void check_operation(const char *name, int count)
{
    char line[128];
    size_t length = 0;

    snprintf(line, sizeof line, "BITOP %s target s0%s%s%s", name, count > 1 ? " s1" : "", count > 2 ? " s2" : "",
             count > 3 ? " s3" : "");
    for (int i = 0; i < count; i++)
        length = lengths[i] > length ? lengths[i] : length;
    cr_assert_eq(integer(line), (int64_t)length);
    if (length == 0)
        return;
    struct str reply = command_run(&run, "GET target");
    const char *bytes = (const char *)memchr(reply.bytes, '\n', reply.length) + 1;
    for (uint64_t at = 0; at < length * 8; at++)
        cr_assert_eq(bits_read(bytes, at, 1), expected_bit(name, count, at), "%s, bit %llu", line,
                     (unsigned long long)at);
}

Test(cmd_bitmap, bitop_agrees_with_a_look_at_every_bit)
{
    static const char *const names[] = {"AND", "OR", "XOR", "DIFF", "DIFF1", "ANDOR", "ONE"};
    int sparse = 0;

    dice_seed();
    for (int round = 0; round < 8; round++) {
        for (int source = 0; source < SOURCES; source++)
            make_source(source);
        check_operation("NOT", 1);
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
            check_operation(names[i], 2 + (int)dice_below(3));
            sparse += is_sparse("target");
        }
    }
    cr_assert(sparse > 5);
}
