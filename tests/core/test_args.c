/* Numbers and expiries from arguments, with Redis's errors. */
#include "core/args.h"

#include <criterion/criterion.h>

#include "core/call.h"
#include "core/command.h"

enum { NOW_MS = 1000000 };

static struct memory memory;
static struct reply reply;
static struct call call;
static int64_t value;

static void begin(void)
{
    command_table_init();
    reply_init(&reply, &memory, NULL, 0, 2);
    call = (struct call){.command = command_find_by_name(STR("set")), .now_ms = NOW_MS, .reply = &reply};
}

static void end(void)
{
    buffer_deinit(&reply.buffer);
}

TestSuite(args, .init = begin, .fini = end);

static void expect_error(bool accepted, const char *text)
{
    cr_assert_not(accepted);
    buffer_append(&reply.buffer, "", 1);
    cr_assert_str_eq(reply.buffer.bytes, text);
    reply.buffer.length = 0;
}

static void expect_value(bool accepted, int64_t expected)
{
    cr_assert(accepted);
    cr_assert_eq(value, expected);
    cr_assert_eq(reply.buffer.length, 0);
}

Test(args, integers_are_strict)
{
    expect_value(args_integer(&reply, STR("-9223372036854775808"), &value), INT64_MIN);
    for (const char *const *text =
             (const char *const[]){"", " 1", "1 ", "01", "+1", "1.0", "9223372036854775808", NULL};
         *text; text++)
        expect_error(args_integer(&reply, str_from(*text), &value), "-ERR value is not an integer or out of range\r\n");
}

Test(args, integers_outside_the_bounds_are_told_the_bounds)
{
    expect_value(args_integer_in(&reply, STR("5"), 0, 5, NULL, &value), 5);
    expect_value(args_integer_in(&reply, STR("0"), 0, 5, NULL, &value), 0);
    expect_error(args_integer_in(&reply, STR("6"), 0, 5, NULL, &value),
                 "-ERR value is out of range, value must between 0 and 5\r\n");
    expect_error(args_integer_in(&reply, STR("-1"), 0, 5, NULL, &value),
                 "-ERR value is out of range, value must between 0 and 5\r\n");
    expect_error(args_integer_in(&reply, STR("x"), 0, 5, NULL, &value),
                 "-ERR value is not an integer or out of range\r\n");
}

Test(args, an_error_of_the_command_replaces_both_texts)
{
    expect_error(args_integer_in(&reply, STR("6"), 0, 5, "ERR no such thing", &value), "-ERR no such thing\r\n");
    expect_error(args_integer_in(&reply, STR("x"), 0, 5, "ERR no such thing", &value), "-ERR no such thing\r\n");
}

static bool expiry(const char *text, enum args_expiry_unit unit, bool absolute, bool allow_past)
{
    return args_expiry(&call, str_from(text), unit, absolute, allow_past, &value);
}

Test(args, expiries_become_absolute_milliseconds)
{
    expect_value(expiry("5", ARGS_SECONDS, false, false), NOW_MS + 5000);
    expect_value(expiry("5", ARGS_MILLISECONDS, false, false), NOW_MS + 5);
    expect_value(expiry("5", ARGS_SECONDS, true, false), 5000);
    expect_value(expiry("5", ARGS_MILLISECONDS, true, false), 5);
    expect_value(expiry("9223372036854775807", ARGS_MILLISECONDS, true, false), INT64_MAX);
}

Test(args, expiries_in_the_past_are_for_the_expire_family_only)
{
    static const char error[] = "-ERR invalid expire time in 'set' command\r\n";

    expect_error(expiry("0", ARGS_SECONDS, false, false), error);
    expect_error(expiry("-1", ARGS_MILLISECONDS, true, false), error);
    expect_value(expiry("-1", ARGS_SECONDS, false, true), NOW_MS - 1000);
    expect_value(expiry("-9223372036854775808", ARGS_MILLISECONDS, false, true), INT64_MIN + NOW_MS);
}

Test(args, expiries_that_overflow_are_refused)
{
    static const char error[] = "-ERR invalid expire time in 'set' command\r\n";

    expect_error(expiry("9223372036854775", ARGS_SECONDS, false, false), error);
    expect_value(expiry("9223372036854775", ARGS_SECONDS, true, false), 9223372036854775000);
    expect_error(expiry("9223372036854776", ARGS_SECONDS, true, true), error);
    expect_error(expiry("-9223372036854776", ARGS_SECONDS, true, true), error);
    expect_error(expiry("9223372036854775807", ARGS_MILLISECONDS, false, true), error);
    expect_error(expiry("x", ARGS_SECONDS, false, true), "-ERR value is not an integer or out of range\r\n");
}

Test(args, an_expiry_error_names_the_subcommand_in_full)
{
    call.command = command_find_by_name(STR("object|freq"));
    expect_error(expiry("0", ARGS_SECONDS, false, false), "-ERR invalid expire time in 'object|freq' command\r\n");
}

Test(args, help_is_framed_by_the_containers_name_as_called_and_help_itself)
{
    static const char *const lines[] = {"GET <x>", "    Gets it.", NULL};

    call.command = command_find_by_name(STR("config|help"));
    call.argv = (struct str[]){STR("Config"), STR("help")};
    args_help(&call, lines);
    expect_error(false, "*5\r\n+CONFIG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:\r\n+GET <x>\r\n"
                        "+    Gets it.\r\n+HELP\r\n+    Prints this help.\r\n");
}

Test(args, options_ignore_case)
{
    cr_assert(arg_is(STR("KeepTTL"), "keepttl"));
    cr_assert_not(arg_is(STR("keepttls"), "keepttl"));
}
