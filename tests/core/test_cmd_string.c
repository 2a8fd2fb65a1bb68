/* The string commands, through the same steps as a request. */
#include "core/handlers.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

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

TestSuite(cmd_string, .init = begin, .fini = end);

static void expect(const char *line, const char *reply)
{
    command_expect(&run, line, reply);
}

Test(cmd_string, set_and_get_round_trip)
{
    expect("GET k", "$-1 ");
    expect("SET k hello", "+OK ");
    expect("GET k", "$5 hello ");
    expect("SET k \"\"", "+OK ");
    expect("GET k", "$0  ");
    expect("SET k 12345", "+OK ");
    expect("GET k", "$5 12345 ");
    run.session.protocol = 3;
    expect("GET absent", "_ ");
}

Test(cmd_string, plain_set_takes_the_expiry_off)
{
    expect("SET k v EX 10", "+OK ");
    expect("SET k w", "+OK ");
    expect("TTL k", ":-1 ");
}

Test(cmd_string, set_keepttl_keeps_it)
{
    expect("SET k v PX 12000", "+OK ");
    expect("SET k w KEEPTTL", "+OK ");
    expect("PTTL k", ":12000 ");
    run.now_ms += 12000;
    expect("SET k x KEEPTTL", "+OK ");
    expect("TTL k", ":-1 ");
    expect("SET fresh x KEEPTTL", "+OK ");
    expect("TTL fresh", ":-1 ");
}

Test(cmd_string, set_sets_every_kind_of_expiry)
{
    expect("SET k v EX 100", "+OK ");
    expect("PTTL k", ":100000 ");
    expect("SET k v px 100", "+OK ");
    expect("PTTL k", ":100 ");
    expect("SET k v EXAT 1700000009", "+OK ");
    expect("PTTL k", ":9000 ");
    expect("SET k v PXAT 1700000000007", "+OK ");
    expect("PTTL k", ":7 ");
    run.now_ms += 7;
    expect("GET k", "$-1 ");
}

Test(cmd_string, set_in_the_past_reads_as_absent)
{
    expect("SET k v PXAT 1", "+OK ");
    expect("GET k", "$-1 ");
}

Test(cmd_string, set_refuses_bad_expiries)
{
    static const char *const lines[] = {"SET k v EX 0",
                                        "SET k v PX -1",
                                        "SET k v EX 9223372036854775807",
                                        "SET k v EXAT 0",
                                        "SET k v EX 9223372036854775",
                                        "SET k v PX 9223372036854775807"};

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        expect(lines[i], "-ERR invalid expire time in 'set' command ");
    expect("SET k v EX 1.5", "-ERR value is not an integer or out of range ");
    expect("SETEX k 0 v", "-ERR invalid expire time in 'setex' command ");
    expect("PSETEX k -5 v", "-ERR invalid expire time in 'psetex' command ");
    expect("EXISTS k", ":0 ");
}

Test(cmd_string, set_refuses_options_that_do_not_go_together)
{
    static const char *const lines[] = {"SET k v NX XX",        "SET k v EX 1 PX 1",   "SET k v EX 1 KEEPTTL",
                                        "SET k v KEEPTTL EX 1", "SET k v PERSIST",     "SET k v EX",
                                        "SET k v bogus",        "SET k v NX IFEQ x",   "SET k v IFEQ a IFNE b",
                                        "SET k v EX 1 EXAT 1",  "SET k v PXAT 1 EX 1", "SET k v IFEQ"};

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        expect(lines[i], "-ERR syntax error ");
    expect("SET k v NX NX", "+OK ");
    expect("SET k v EX 1 EX 2", "+OK ");
    expect("TTL k", ":2 ");
}

Test(cmd_string, set_nx_and_xx_look_at_presence)
{
    expect("SET k v XX", "$-1 ");
    expect("SET k v NX", "+OK ");
    expect("SET k w NX", "$-1 ");
    expect("SET k w XX", "+OK ");
    expect("GET k", "$1 w ");
    expect("SETNX k x", ":0 ");
    expect("SETNX l x", ":1 ");
}

Test(cmd_string, set_get_answers_the_old_value_written_or_not)
{
    expect("SET k v GET", "$-1 ");
    expect("SET k w GET", "$1 v ");
    expect("SET k x NX GET", "$1 w ");
    expect("SET k x XX GET", "$1 w ");
    expect("SET new x XX GET", "$-1 ");
    expect("EXISTS new", ":0 ");
    expect("GETSET k y", "$1 x ");
    expect("GETSET other y", "$-1 ");
}

Test(cmd_string, set_compares_before_it_writes)
{
    expect("SET k v IFEQ x", "$-1 ");
    expect("SET k v IFNE x", "+OK ");
    expect("SET k w IFEQ x", "$-1 ");
    expect("SET k w IFEQ v", "+OK ");
    expect("SET k x IFNE w", "$-1 ");
    expect("SET k x IFNE v GET", "$1 w ");
    expect("SET k y IFEQ other GET", "$1 x ");
    expect("GET k", "$1 x ");
    expect("SET k 10", "+OK ");
    expect("SET k 11 IFEQ 10", "+OK ");
}

Test(cmd_string, digests_are_those_of_xxh3)
{
    expect("DIGEST k", "$-1 ");
    expect("SET k \"\"", "+OK ");
    expect("DIGEST k", "$16 2d06800538d394c2 ");
    expect("SET k v IFDEQ 2D06800538D394C2", "+OK ");
    expect("SET k w IFDEQ 2d06800538d394c2", "$-1 ");
    expect("SET k w IFDNE 2d06800538d394c2", "+OK ");
    expect("SET k x IFDEQ 2d06", "-ERR must be exactly 16 hexadecimal characters ");
    expect("GET k", "$1 w ");
}

Test(cmd_string, delex_removes_what_compares)
{
    expect("SET k v", "+OK ");
    expect("DELEX k IFEQ w", ":0 ");
    expect("DELEX k IFNE v", ":0 ");
    expect("DELEX k IFDNE 2d06800538d394c2", ":1 ");
    expect("DELEX k IFNE v", ":0 ");
    expect("SET k v", "+OK ");
    expect("DELEX k IFEQ v", ":1 ");
    expect("SET k v", "+OK ");
    expect("DELEX k", ":1 ");
    expect("DELEX k IFEQ", "-ERR wrong number of arguments for 'delex' command ");
    expect("DELEX k NX v", "-ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE ");
    expect("DELEX k IFDEQ v", "-ERR must be exactly 16 hexadecimal characters ");
}

Test(cmd_string, getdel_reads_and_removes)
{
    expect("SET k v", "+OK ");
    expect("GETDEL k", "$1 v ");
    expect("GETDEL k", "$-1 ");
}

Test(cmd_string, getex_changes_only_the_expiry)
{
    expect("GETEX k EX 0", "$-1 ");
    expect("SET k v", "+OK ");
    expect("GETEX k EX 0", "-ERR invalid expire time in 'getex' command ");
    expect("GETEX k EX 10", "$1 v ");
    expect("PTTL k", ":10000 ");
    expect("GETEX k", "$1 v ");
    expect("PTTL k", ":10000 ");
    expect("GETEX k PERSIST", "$1 v ");
    expect("PTTL k", ":-1 ");
    expect("GETEX k PXAT 1700000000123", "$1 v ");
    expect("PTTL k", ":123 ");
    expect("GETEX k EXAT 1", "$1 v ");
    expect("DBSIZE", ":0 ");
    expect("GETEX k KEEPTTL", "-ERR syntax error ");
    expect("GETEX k NX", "-ERR syntax error ");
    expect("GETEX k PERSIST EX 1", "-ERR syntax error ");
}

Test(cmd_string, getrange_counts_from_both_ends)
{
    expect("SET k \"Hello World\"", "+OK ");
    expect("GETRANGE k 0 4", "$5 Hello ");
    expect("GETRANGE k -5 -1", "$5 World ");
    expect("GETRANGE k 0 -1", "$11 Hello World ");
    expect("GETRANGE k 5 3", "$0  ");
    expect("GETRANGE k -1 -5", "$0  ");
    expect("GETRANGE k -100 -50", "$1 H ");
    expect("GETRANGE k -50 -100", "$0  ");
    expect("GETRANGE k 11 20", "$0  ");
    expect("GETRANGE k 11 11", "$0  ");
    expect("GETRANGE k 6 11", "$5 World ");
    expect("GETRANGE k -9223372036854775808 9223372036854775807", "$11 Hello World ");
    expect("GETRANGE k a 4", "-ERR value is not an integer or out of range ");
    expect("SUBSTR k 0 1", "$2 He ");
    expect("SET k 1234", "+OK ");
    expect("GETRANGE k 1 2", "$2 23 ");
    expect("GETRANGE absent 0 -1", "$0  ");
}

Test(cmd_string, setrange_fills_with_zeros)
{
    expect("SETRANGE k 3 \"\"", ":0 ");
    expect("EXISTS k", ":0 ");
    expect("SETRANGE k 3 abc", ":6 ");
    struct str reply = command_run(&run, "GET k");
    cr_assert(str_equal(reply, STR("$6\r\n\0\0\0abc\r\n")));
    expect("SET k 12345", "+OK ");
    expect("SETRANGE k 1 xy", ":5 ");
    expect("GET k", "$5 1xy45 ");
    expect("SETRANGE k 100 \"\"", ":5 ");
    expect("SETRANGE k -1 x", "-ERR offset is out of range ");
}

Test(cmd_string, strings_end_at_the_largest_bulk)
{
    static const char error[] = "-ERR string exceeds maximum allowed size (proto-max-bulk-len) ";

    run.cores[0].config.proto_max_bulk_len = 16;
    expect("SETRANGE k 16 a", error);
    expect("SETRANGE k 9223372036854775807 a", error);
    expect("SETRANGE k 15 a", ":16 ");
    expect("APPEND k a", error);
    expect("APPEND k \"\"", ":16 ");
    expect("STRLEN k", ":16 ");
}

Test(cmd_string, append_grows_and_keeps_the_expiry)
{
    expect("APPEND k 12", ":2 ");
    expect("OBJECT ENCODING k", "$3 int ");
    expect("APPEND k 34", ":4 ");
    expect("OBJECT ENCODING k", "$3 raw ");
    expect("GET k", "$4 1234 ");
    expect("EXPIRE k 10", ":1 ");
    expect("APPEND k x", ":5 ");
    expect("TTL k", ":10 ");
    expect("STRLEN k", ":5 ");
    expect("STRLEN absent", ":0 ");
}

Test(cmd_string, counters_stop_at_their_bounds)
{
    expect("INCR k", ":1 ");
    expect("INCRBY k 41", ":42 ");
    expect("DECR k", ":41 ");
    expect("DECRBY k 40", ":1 ");
    expect("DECRBY k -9223372036854775808", "-ERR decrement would overflow ");
    expect("INCRBY k 9223372036854775807", "-ERR increment or decrement would overflow ");
    expect("INCRBY k x", "-ERR value is not an integer or out of range ");
    expect("SET k -9223372036854775808", "+OK ");
    expect("DECR k", "-ERR increment or decrement would overflow ");
    expect("SET k 01", "+OK ");
    expect("INCR k", "-ERR value is not an integer or out of range ");
    expect("SET k 5 EX 10", "+OK ");
    expect("INCR k", ":6 ");
    expect("TTL k", ":10 ");
}

Test(cmd_string, incrbyfloat_prints_all_digits)
{
    expect("INCRBYFLOAT k 10.5", "$4 10.5 ");
    expect("INCRBYFLOAT k 0.1", "$4 10.6 ");
    expect("INCRBYFLOAT k -0.6", "$2 10 ");
    expect("OBJECT ENCODING k", "$6 embstr ");
    expect("INCR k", ":11 ");
    expect("INCRBYFLOAT k 5.0e3", "$4 5011 ");
    expect("INCRBYFLOAT k x", "-ERR value is not a valid float ");
    expect("INCRBYFLOAT k inf", "-ERR increment would produce NaN or Infinity ");
    expect("SET k abc", "+OK ");
    expect("INCRBYFLOAT k 1", "-ERR value is not a valid float ");
}

Test(cmd_string, mset_and_mget_take_several)
{
    expect("MSET a 1 b 2 a 3", "+OK ");
    expect("MGET a b c", "*3 $1 3 $1 2 $-1 ");
    expect("MSET a 1 b", "-ERR wrong number of arguments for 'mset' command ");
    expect("MSETNX c 1 a 2", ":0 ");
    expect("EXISTS c", ":0 ");
    expect("MSETNX c 1 d 2 c 3", ":1 ");
    expect("GET c", "$1 3 ");
    expect("MSETNX c", "-ERR wrong number of arguments for 'msetnx' command ");
}

Test(cmd_string, msetex_writes_all_or_none)
{
    expect("MSETEX 2 a 1 b 2 EX 10", ":1 ");
    expect("TTL b", ":10 ");
    expect("MSETEX 2 b 3 c 3 NX", ":0 ");
    expect("MSETEX 2 b 3 c 3 XX", ":0 ");
    expect("MSETEX 2 a 3 b 3 XX KEEPTTL", ":1 ");
    expect("MGET a b c", "*3 $1 3 $1 3 $-1 ");
    expect("TTL a", ":10 ");
    expect("MSETEX 1 a 4", ":1 ");
    expect("TTL a", ":-1 ");
    expect("MSETEX 0 a 1", "-ERR invalid numkeys value ");
    expect("MSETEX x a 1", "-ERR invalid numkeys value ");
    expect("MSETEX 2 a 1 b", "-ERR wrong number of key-value pairs ");
    expect("MSETEX 1 a 1 GET", "-ERR syntax error ");
    expect("MSETEX 1 a 1 EX 0", "-ERR invalid expire time in 'msetex' command ");
    expect("MSETEX 1 a 1 b 2", "-ERR syntax error ");
}

/* LCS beside the table in full */

static int table_length(const char *a, const char *b)
{
    int table[32][32] = {0};

    for (int i = 1; a[i - 1] != '\0'; i++)
        for (int j = 1; b[j - 1] != '\0'; j++) {
            int longer = table[i - 1][j] > table[i][j - 1] ? table[i - 1][j] : table[i][j - 1];
            table[i][j] = a[i - 1] == b[j - 1] ? table[i - 1][j - 1] + 1 : longer;
        }
    return table[strlen(a)][strlen(b)];
}

static bool is_subsequence(struct str of, const char *text)
{
    size_t found = 0;

    for (; *text != '\0' && found < of.length; text++)
        found += *text == of.bytes[found];
    return found == of.length;
}

static void random_word(char *word)
{
    int length = rand() % 30;

    for (int i = 0; i < length; i++)
        word[i] = (char)('a' + rand() % 3);
    word[length] = '\0';
}

Test(cmd_string, lcs_is_common_and_the_longest)
{
    for (unsigned seed = 1; seed <= 300; seed++) {
        char a[32], b[32], line[128];

        srand(seed);
        random_word(a);
        random_word(b);
        snprintf(line, sizeof(line), "MSET a \"%s\" b \"%s\"", a, b);
        expect(line, "+OK ");
        command_expect_integer(&run, "LCS a b LEN", table_length(a, b));
        struct str reply = command_run(&run, "LCS a b");
        long length = strtol(reply.bytes + 1, NULL, 10);
        struct str common = {memchr(reply.bytes, '\n', reply.length), (size_t)length};
        common.bytes++;
        cr_assert_eq(length, table_length(a, b), "seed %u", seed);
        cr_assert(is_subsequence(common, a) && is_subsequence(common, b), "seed %u", seed);
    }
}

Test(cmd_string, lcs_answers_where_the_matches_are)
{
    expect("MSET a ohmytext b mynewtext", "+OK ");
    expect("LCS a b", "$6 mytext ");
    expect("LCS a b IDX", "*4 $7 matches *2 *2 *2 :4 :7 *2 :5 :8 *2 *2 :2 :3 *2 :0 :1 $3 len :6 ");
    expect("LCS a b IDX MINMATCHLEN 4 WITHMATCHLEN", "*4 $7 matches *1 *3 *2 :4 :7 *2 :5 :8 :4 $3 len :6 ");
    expect("LCS a b IDX MINMATCHLEN -3 WITHMATCHLEN",
           "*4 $7 matches *2 *3 *2 :4 :7 *2 :5 :8 :4 *3 *2 :2 :3 *2 :0 :1 :2 $3 len :6 ");
    expect("MSET c ab d ba", "+OK ");
    expect("LCS c d IDX", "*4 $7 matches *1 *2 *2 :1 :1 *2 :0 :0 $3 len :1 ");
    run.session.protocol = 3;
    expect("LCS a b IDX MINMATCHLEN 9", "%2 $7 matches *0 $3 len :6 ");
    expect("LCS a absent", "$0  ");
    expect("LCS absent absent IDX", "%2 $7 matches *0 $3 len :0 ");
}

Test(cmd_string, lcs_refuses_what_does_not_fit)
{
    expect("LCS a b LEN IDX", "-ERR If you want both the length and indexes, please just use IDX. ");
    expect("LCS a b MINMATCHLEN", "-ERR syntax error ");
    expect("LCS a b MINMATCHLEN x", "-ERR value is not an integer or out of range ");
    run.cores[0].config.proto_max_bulk_len = 4 * 3 * 4 - 1;
    expect("MSET a xy b xyz", "+OK ");
    expect("LCS a b", "-ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len ");
    run.cores[0].config.proto_max_bulk_len++;
    expect("LCS a b", "$2 xy ");
}

/* Random edits beside plain byte arrays */

struct model {
    char bytes[64];
    int length; /* -1: absent */
};

static void model_expect(const struct model *model, int key, unsigned seed)
{
    char line[32], expected[128];
    int at = snprintf(line, sizeof(line), "GET k%d", key);

    cr_assert(at > 0);
    struct str reply = command_run(&run, line);
    int length = model->length < 0 ? snprintf(expected, sizeof(expected), "$-1\r\n")
                                   : snprintf(expected, sizeof(expected), "$%d\r\n", model->length);
    if (model->length >= 0) {
        memcpy(expected + length, model->bytes, (size_t)model->length);
        memcpy(expected + length + model->length, "\r\n", 2);
        length += model->length + 2;
    }
    cr_assert(str_equal(reply, (struct str){expected, (size_t)length}), "seed %u, k%d", seed, key);
}

static void model_write(struct model *model, int offset, const char *bytes)
{
    int end_at = offset + (int)strlen(bytes);

    if (model->length < 0)
        model->length = 0;
    for (; model->length < end_at; model->length++)
        model->bytes[model->length] = '\0';
    memcpy(model->bytes + offset, bytes, strlen(bytes));
}

static void edit(struct model *model, int key)
{
    static const char *const values[] = {"7", "abc", "-12", "0123456789"};
    const char *value = values[rand() % 4];
    int offset = rand() % 40;
    char line[64];

    switch (rand() % 4) {
    case 0:
        snprintf(line, sizeof(line), "SET k%d %s", key, value);
        model->length = -1;
        model_write(model, 0, value);
        break;
    case 1:
        if (model->length > 40)
            return;
        snprintf(line, sizeof(line), "APPEND k%d %s", key, value);
        model_write(model, model->length < 0 ? 0 : model->length, value);
        break;
    case 2:
        snprintf(line, sizeof(line), "SETRANGE k%d %d %s", key, offset, value);
        model_write(model, offset, value);
        break;
    default:
        snprintf(line, sizeof(line), "DEL k%d", key);
        model->length = -1;
    }
    command_run(&run, line);
    cr_assert_not(run.reply.error, "%s", line);
}

Test(cmd_string, random_edits_leave_what_byte_arrays_hold)
{
    enum { KEYS = 5 };
    struct model models[KEYS] = {{.length = -1}, {.length = -1}, {.length = -1}, {.length = -1}, {.length = -1}};
    unsigned seed = 20261;

    srand(seed);
    for (int i = 0; i < 5000; i++) {
        int key = rand() % KEYS;

        edit(&models[key], key);
        model_expect(&models[key], key, seed);
    }
}
