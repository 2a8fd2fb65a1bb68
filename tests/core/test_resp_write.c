#include <criterion/criterion.h>
#include <math.h>
#include <signal.h>

#include "core/memory.h"
#include "core/resp_write.h"
#include "tests/support/dice.h"

static struct memory memory;
static char storage[64];
static struct reply resp2, resp3;

static void begin(void)
{
    reply_init(&resp2, &memory, storage, sizeof storage, 2);
    reply_init(&resp3, &memory, NULL, 0, 3);
}

static void end(void)
{
    buffer_deinit(&resp2.buffer);
    buffer_deinit(&resp3.buffer);
    cr_assert_eq(memory.used_bytes, 0);
}

TestSuite(resp_write, .init = begin, .fini = end);

static void expect(struct reply *reply, const char *text)
{
    cr_assert(str_equal(buffer_str(&reply->buffer), str_from(text)), "%s\ninstead %.*s", text,
              (int)reply->buffer.length, reply->buffer.bytes);
    buffer_consume(&reply->buffer, reply->buffer.length);
}

/* The same call for both protocols. */
#define BOTH(call, two, three)                                                                                         \
    do {                                                                                                               \
        struct reply *reply = &resp2;                                                                                  \
        call;                                                                                                          \
        expect(reply, two);                                                                                            \
        reply = &resp3;                                                                                                \
        call;                                                                                                          \
        expect(reply, three);                                                                                          \
    } while (0)

Test(resp_write, what_both_protocols_share)
{
    BOTH(reply_ok(reply), "+OK\r\n", "+OK\r\n");
    BOTH(reply_simple(reply, "PONG"), "+PONG\r\n", "+PONG\r\n");
    BOTH(reply_integer(reply, -42), ":-42\r\n", ":-42\r\n");
    BOTH(reply_integer(reply, INT64_MIN), ":-9223372036854775808\r\n", ":-9223372036854775808\r\n");
    BOTH(reply_bulk(reply, STR("a\r\nb")), "$4\r\na\r\nb\r\n", "$4\r\na\r\nb\r\n");
    BOTH(reply_bulk(reply, ((struct str){NULL, 0})), "$0\r\n\r\n", "$0\r\n\r\n");
    BOTH(reply_bulk_integer(reply, -7), "$2\r\n-7\r\n", "$2\r\n-7\r\n");
    BOTH(reply_bulk_format(reply, "%s-%d", "a", 12), "$4\r\na-12\r\n", "$4\r\na-12\r\n");
    BOTH(reply_array(reply, 3), "*3\r\n", "*3\r\n");
    BOTH(reply_raw(reply, STR(":1\r\n")), ":1\r\n", ":1\r\n");
    cr_assert_not(resp2.error);
}

Test(resp_write, what_resp3_has_types_for)
{
    BOTH(reply_null(reply), "$-1\r\n", "_\r\n");
    BOTH(reply_null_array(reply), "*-1\r\n", "_\r\n");
    BOTH(reply_bool(reply, true), ":1\r\n", "#t\r\n");
    BOTH(reply_bool(reply, false), ":0\r\n", "#f\r\n");
    BOTH(reply_double(reply, 3.25), "$4\r\n3.25\r\n", ",3.25\r\n");
    BOTH(reply_double(reply, -INFINITY), "$4\r\n-inf\r\n", ",-inf\r\n");
    BOTH(reply_verbatim(reply, STR("text"), "txt"), "$4\r\ntext\r\n", "=8\r\ntxt:text\r\n");
    BOTH(reply_map(reply, 2), "*4\r\n", "%2\r\n");
    BOTH(reply_set(reply, 2), "*2\r\n", "~2\r\n");
    BOTH(reply_push(reply, 2), "*2\r\n", ">2\r\n");
}

Test(resp_write, errors_are_one_line)
{
    reply_error(&resp2, "ERR syntax error");
    cr_assert(resp2.error);
    expect(&resp2, "-ERR syntax error\r\n");
    reply_error_format(&resp3, "ERR unknown command '%s'", "a\r\nb\n");
    cr_assert(resp3.error);
    expect(&resp3, "-ERR unknown command 'a  b '\r\n");
    reply_error_format(&resp3, "ERR %s", "ends\r\n\n");
    expect(&resp3, "-ERR ends\r\n");
}

Test(resp_write, header_goes_in_where_it_was_marked)
{
    for (int64_t count = 0; count < 120; count++) {
        char header[32];
        reply_array(&resp3, 2);
        size_t mark = reply_mark(&resp3);
        for (int64_t i = 0; i < 2 * count; i++)
            reply_integer(&resp3, i);
        reply_map_at(&resp3, mark, count);
        int length = snprintf(header, sizeof header, "*2\r\n%%%d\r\n", (int)count);
        cr_assert_eq(memcmp(resp3.buffer.bytes, header, (size_t)length), 0);
        reply_ok(&resp3);
        cr_assert_eq(resp_value_length(buffer_str(&resp3.buffer)), resp3.buffer.length);
        buffer_consume(&resp3.buffer, resp3.buffer.length);
    }
    reply_ok(&resp2);
    reply_set_at(&resp2, 0, 1);
    expect(&resp2, "*1\r\n+OK\r\n");
    reply_ok(&resp2);
    reply_array_at(&resp2, 0, 1);
    expect(&resp2, "*1\r\n+OK\r\n");
    reply_map_at(&resp2, 0, 6);
    expect(&resp2, "*12\r\n");
}

static void append_random_scalar(struct reply *reply)
{
    static char bytes[100];

    switch (dice_below(8)) {
    case 0:
        reply_integer(reply, (int64_t)dice_bits());
        break;
    case 1:
        reply_null(reply);
        break;
    case 2:
        reply_null_array(reply);
        break;
    case 3:
        reply_double(reply, (double)dice_bits() / 7);
        break;
    case 4:
        reply_bool(reply, dice_below(2));
        break;
    case 5:
        reply_verbatim(reply, STR("\r\n$5"), "txt");
        break;
    case 6:
        reply_error(reply, "ERR no");
        break;
    default:
        memset(bytes, '\r', sizeof bytes);
        reply_bulk(reply, (struct str){bytes, dice_below(sizeof bytes)});
    }
}

static void append_random_value(struct reply *reply, int depth)
{
    int64_t count = (int64_t)dice_below(5);
    uint64_t kind = depth > 0 ? dice_below(6) : 0;

    switch (kind) {
    case 1:
        reply_array(reply, count);
        break;
    case 2:
        reply_set(reply, count);
        break;
    case 3:
        reply_push(reply, count);
        break;
    case 4:
        reply_map(reply, count);
        count *= 2;
        break;
    default:
        append_random_scalar(reply);
        return;
    }
    for (int64_t i = 0; i < count; i++)
        append_random_value(reply, depth - 1);
}

Test(resp_write, length_of_a_value_is_what_was_written_for_it)
{
    dice_seed();
    for (int i = 0; i < 20000; i++) {
        struct reply *reply = i % 2 ? &resp2 : &resp3;
        append_random_value(reply, 4);
        size_t length = reply->buffer.length;
        append_random_value(reply, 1);
        cr_assert_eq(resp_value_length(buffer_str(&reply->buffer)), length);
        buffer_consume(&reply->buffer, reply->buffer.length);
    }
}

Test(resp_write, length_of_a_bulk_string_is_right_whatever_its_digits)
{
    char bytes[1200];

    memset(bytes, '7', sizeof bytes);
    for (size_t length = 0; length <= sizeof bytes; length++) {
        reply_bulk(&resp2, (struct str){bytes, length});
        size_t whole = resp2.buffer.length;
        reply_ok(&resp2);
        cr_assert_eq(resp_value_length(buffer_str(&resp2.buffer)), whole, "%zu", length);
        buffer_consume(&resp2.buffer, resp2.buffer.length);
    }
}

/* Only a wrong reader would take these for "$NN": they are nulls, or begin as it does. */
Test(resp_write, what_looks_like_a_short_bulk_string_is_measured_as_it_is)
{
    cr_assert_eq(resp_value_length(STR("$-1\r\n$12\r\n")), 5);
    cr_assert_eq(resp_value_length(STR("$9\r\n123456789\r\n")), 15);
    cr_assert_eq(resp_value_length(STR("*-1\r\n+OK\r\n")), 5);
    cr_assert_eq(resp_value_length(STR(":12\r\n+OK\r\n")), 5);
    cr_assert_eq(resp_value_length(STR("+12\r\n+OK\r\n")), 5);
}

Test(resp_write, length_of_an_attribute_includes_what_it_describes)
{
    cr_assert_eq(resp_value_length(STR("|1\r\n+k\r\n:1\r\n$2\r\nab\r\n+OK\r\n")), 20);
}

Test(resp_write, length_of_deep_nesting_needs_no_stack)
{
    for (int i = 0; i < 1000000; i++)
        reply_array(&resp2, 1);
    reply_ok(&resp2);
    cr_assert_eq(resp_value_length(buffer_str(&resp2.buffer)), resp2.buffer.length);
}

Test(resp_write, a_length_that_is_no_number_is_our_bug, .signal = SIGABRT)
{
    resp_value_length(STR("$1:\r\n12345678901234567890\r\n"));
}

Test(resp_write, a_value_cut_short_is_our_bug, .signal = SIGABRT)
{
    resp_value_length(STR("$10\r\nabc\r\n"));
}
