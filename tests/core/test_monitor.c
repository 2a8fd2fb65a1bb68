#include <criterion/criterion.h>

#include "core/command.h"
#include "core/monitor.h"
#include "tests/support/command_run.h"

static struct command_run run;
static struct call call;

static void begin(void)
{
    command_run_init(&run, 1);
    monitors_add(&run.cores[0].monitors, 7, 0);
    call = (struct call){.core = &run.cores[0], .now_us = 1700000000000042, .db = 3, .peer = "127.0.0.1:4711"};
}

static void end(void)
{
    command_run_deinit(&run);
}

TestSuite(monitor, .init = begin, .fini = end);

static void note(const char *name, const struct str *argv, int argc)
{
    call.command = command_find_by_name(str_from(name));
    call.argv = argv;
    call.argc = argc;
    monitor_note_begin(&call);
    monitor_note_end(&call);
}

static void expect(const char *lines)
{
    struct buffer *seen = &run.cores[0].monitors.lines;

    cr_assert(str_equal(buffer_str(seen), str_from(lines)), "%.*s", (int)seen->length, seen->bytes);
    seen->length = 0;
}

Test(monitor, a_line_has_time_database_client_and_words)
{
    note("set", (struct str[]){STR("SeT"), STR("a b"), STR("")}, 3);
    expect("+1700000000.000042 [3 127.0.0.1:4711] \"SeT\" \"a b\" \"\"\r\n");
}

Test(monitor, bytes_that_are_no_text_are_escaped)
{
    note("echo", (struct str[]){STR("echo"), STR("\n\r\t\a\b\"\\\x01\xff\0~")}, 2);
    expect("+1700000000.000042 [3 127.0.0.1:4711] \"echo\" \"\\n\\r\\t\\a\\b\\\"\\\\\\x01\\xff\\x00~\"\r\n");
}

Test(monitor, scripts_and_unix_sockets_are_named_as_redis_does)
{
    call.peer = NULL;
    note("get", (struct str[]){STR("get"), STR("k")}, 2);
    expect("+1700000000.000042 [3 lua] \"get\" \"k\"\r\n");
    call.peer = "/run/shoal.sock:0";
    note("get", (struct str[]){STR("get"), STR("k")}, 2);
    expect("+1700000000.000042 [3 unix:/run/shoal.sock] \"get\" \"k\"\r\n");
}

Test(monitor, secrets_and_commands_of_administrators_are_not_shown)
{
    note("auth", (struct str[]){STR("AUTH"), STR("secret")}, 2);
    expect("+1700000000.000042 [3 127.0.0.1:4711] \"AUTH\" \"(redacted)\"\r\n");
    note("config|get", (struct str[]){STR("CONFIG"), STR("GET"), STR("port")}, 3);
    expect("");
}

Test(monitor, who_is_removed_late_stays_if_added_again)
{
    struct monitors *monitors = &run.cores[0].monitors;
    uint64_t first = monitors->entries[0].serial;

    monitors_add(monitors, 7, 0);
    monitors_add(monitors, 8, 0);
    cr_assert_eq(monitors->count, 2);
    monitors_remove(monitors, 7, first);
    cr_assert_eq(monitors->count, 2);
    monitors_remove(monitors, 7, monitors->entries[0].serial);
    cr_assert_eq(monitors->count, 1);
    cr_assert_eq(monitors->entries[0].session_id, 8);
    monitors_remove(monitors, 9, 1);
    cr_assert_eq(monitors->count, 1);
}
