#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/hyperloglog.h"
#include "tests/support/command_run.h"

static struct command_run run;

static void begin(void)
{
    command_run_init(&run, 2);
}

static void end(void)
{
    command_run_deinit(&run);
}

TestSuite(cmd_hyperloglog, .init = begin, .fini = end);

static void expect(const char *line, const char *reply)
{
    command_expect(&run, line, reply);
}

static uint64_t changes(void)
{
    return keyspace_stats(run.keyspaces[0])->dirty + keyspace_stats(run.keyspaces[1])->dirty;
}

static void add_many(const char *key, int first, int last)
{
    char line[64];

    for (int i = first; i <= last; i++) {
        snprintf(line, sizeof line, "PFADD %s element:%d", key, i);
        command_run(&run, line);
    }
}

static int64_t count(const char *line)
{
    struct str reply = command_run(&run, line);

    cr_assert_eq(reply.bytes[0], ':');
    return strtoll(reply.bytes + 1, NULL, 10);
}

Test(cmd_hyperloglog, elements_count_once)
{
    expect("PFADD k", ":1 ");
    expect("PFADD k", ":0 ");
    expect("PFCOUNT k", ":0 ");
    expect("PFADD k a b c a", ":1 ");
    expect("PFADD k c b", ":0 ");
    expect("PFCOUNT k", ":3 ");
    expect("PFCOUNT missing", ":0 ");
    expect("OBJECT ENCODING k", "$3 raw ");
    expect("TYPE k", "+string ");
}

Test(cmd_hyperloglog, a_count_is_kept_in_the_key_and_is_a_change_once)
{
    expect("PFADD k a b c", ":1 ");
    uint64_t before = changes();
    expect("PFCOUNT k", ":3 ");
    cr_assert_eq(changes(), before + 1);
    expect("BITFIELD k GET u8 #8 GET u8 #15", "*2 :3 :0 ");
    expect("PFCOUNT k", ":3 ");
    expect("PFADD k a", ":0 ");
    cr_assert_eq(changes(), before + 1);
    expect("PFADD k d e", ":1 ");
    cr_assert_eq(changes(), before + 3);
}

Test(cmd_hyperloglog, unions_reach_over_shards)
{
    add_many("k0", 1, 1000);
    add_many("k1", 501, 1500);
    int64_t both = count("PFCOUNT k0 k1 missing");
    cr_assert(both > 1450 && both < 1550);
    expect("PFMERGE d k0 k1", "+OK ");
    cr_assert_eq(count("PFCOUNT d"), both);
    expect("PFMERGE k0 k1", "+OK ");
    cr_assert_eq(count("PFCOUNT k0"), both);
    expect("PFMERGE fresh", "+OK ");
    expect("PFCOUNT fresh", ":0 ");
}

Test(cmd_hyperloglog, the_encoding_follows_the_setting)
{
    add_many("k", 1, 200);
    expect("PFDEBUG ENCODING k", "+sparse ");
    run.cores[0].config.hll_sparse_max_bytes = 100;
    expect("PFADD k more", ":1 ");
    expect("PFDEBUG ENCODING k", "+dense ");
    command_expect_integer(&run, "STRLEN k", HYPERLOGLOG_DENSE_BYTES);
    expect("PFDEBUG TODENSE k", ":0 ");
    expect("PFDEBUG DECODE k", "-ERR HLL encoding is not sparse ");
}

Test(cmd_hyperloglog, pfdebug_shows_runs_and_registers)
{
    expect("PFADD k a", ":1 ");
    expect("PFDEBUG decode k", "$20 Z:12711 v:2,1 Z:3672 ");
    expect("PFDEBUG TODENSE k", ":1 ");
    expect("PFDEBUG TODENSE k", ":0 ");
    cr_assert_eq(strncmp(command_run(&run, "PFDEBUG GETREG k").bytes, "*16384\r\n:0\r\n", 12), 0);
    expect("PFCOUNT k", ":1 ");
    expect("PFDEBUG nosuch k", "-ERR Unknown PFDEBUG subcommand 'nosuch' ");
    expect("PFDEBUG ENCODING missing", "-ERR The specified key does not exist ");
}

Test(cmd_hyperloglog, other_strings_are_refused)
{
    static const char *const lines[] = {"PFADD k a", "PFCOUNT k",   "PFCOUNT missing k",
                                        "PFMERGE k", "PFMERGE d k", "PFDEBUG ENCODING k"};
    static const char *const values[] = {"x", "HYLL", "12",
                                         "\"HYLL\\x02\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\"",
                                         "\"HYLL\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\""};
    char line[128];

    for (size_t value = 0; value < sizeof values / sizeof values[0]; value++) {
        snprintf(line, sizeof line, "SET k %s", values[value]);
        expect(line, "+OK ");
        for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
            expect(lines[i], "-WRONGTYPE Key is not a valid HyperLogLog string value. ");
    }
    expect("EXISTS d", ":0 ");
}

Test(cmd_hyperloglog, corrupted_ones_are_told)
{
    static const char *const lines[] = {"PFADD k a",   "PFCOUNT k",         "PFCOUNT missing k", "PFMERGE k",
                                        "PFMERGE d k", "PFDEBUG TODENSE k", "PFDEBUG GETREG k"};

    expect("SET k \"HYLL\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x80\\x00\"", "+OK ");
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        expect(lines[i], "-INVALIDOBJ Corrupted HLL object detected ");
    expect("PFDEBUG DECODE k", "$3 z:1 ");
    expect("EXISTS d", ":0 ");
}

Test(cmd_hyperloglog, no_more_runs_are_shown_than_there_are_registers)
{
    expect("SET k \"HYLL\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x80\\x7f\\xff\\x00\\x80\"", "+OK ");
    expect("PFDEBUG DECODE k", "$17 Z:16384 z:1 v:1,1 ");
    expect("SETRANGE k 500000000 x", ":500000001 ");
    struct str shown = command_run(&run, "PFDEBUG DECODE k");
    cr_assert_lt(shown.length, 16384 * 6 + 30);
}

Test(cmd_hyperloglog, the_self_test_passes)
{
    expect("PFSELFTEST", "+OK ");
}
