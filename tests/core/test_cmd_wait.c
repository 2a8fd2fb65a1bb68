/* WAIT and WAITAOF, over a disk that is as safe as the test says. */
#include <criterion/criterion.h>

#include "core/command.h"
#include "tests/support/command_run.h"

static struct command_run run;
static uint64_t newest, safe; /* stamps */

static uint64_t tell_newest(void *context)
{
    return newest;
}

static bool tell_safe(void *context, uint64_t stamp)
{
    return safe >= stamp;
}

static void init(void)
{
    command_run_init(&run, 1);
    newest = safe = 0;
    run.cores[0].config.appendonly = true;
    run.cores[0].durability = (struct durability){.newest = tell_newest, .is_safe = tell_safe};
}

static void deinit(void)
{
    command_run_deinit(&run);
}

TestSuite(cmd_wait, .init = init, .fini = deinit);

static void run_with(struct call_wait *wait, const char *name, const struct str *argv, int argc)
{
    struct call call = {.command = command_find_by_name(str_from(name)),
                        .argv = argv,
                        .argc = argc,
                        .now_ms = run.now_ms,
                        .reply = &run.reply,
                        .core = &run.cores[0],
                        .wait = wait};

    run.reply.buffer.length = 0;
    wait->wanted = wait->for_disk = false;
    call_run(&call);
}

static void expect_reply(const char *expected)
{
    command_expect_reply(&run, "the last one", buffer_str(&run.reply.buffer), expected);
}

Test(cmd_wait, who_cannot_wait_is_answered_at_once)
{
    command_expect(&run, "WAIT 5 0", ":0 ");
    command_expect(&run, "WAIT -5 0", ":0 ");
    command_expect(&run, "WAITAOF 1 3 0", "*2 :1 :0 ");
    newest = 7;
    command_expect(&run, "WAITAOF 1 0 0", "*2 :0 :0 ");
    safe = 7;
    command_expect(&run, "WAITAOF 0 0 0", "*2 :1 :0 ");
}

Test(cmd_wait, there_are_no_replicas_to_wait_for)
{
    const struct str argv[] = {STR("WAIT"), STR("1"), STR("50")};
    struct call_wait wait = {0};

    run_with(&wait, "wait", argv, 3);
    cr_assert(wait.wanted && !wait.for_disk);
    cr_assert_eq(wait.deadline_ms, run.now_ms + 50);
    wait.again = wait.over = true;
    run_with(&wait, "wait", argv, 3);
    cr_assert(!wait.wanted);
    expect_reply(":0 ");
}

Test(cmd_wait, what_is_newest_when_it_begins_has_to_be_safe_and_nothing_later)
{
    const struct str argv[] = {STR("WAITAOF"), STR("1"), STR("0"), STR("0")};
    struct call_wait wait = {0};

    newest = 7;
    run_with(&wait, "waitaof", argv, 4);
    cr_assert(wait.wanted && wait.for_disk);
    cr_assert_eq(wait.stamp, 7);
    cr_assert_eq(wait.deadline_ms, INT64_MAX);
    newest = 9;
    safe = 6;
    wait.again = true;
    run_with(&wait, "waitaof", argv, 4);
    cr_assert(wait.wanted && wait.for_disk);
    safe = 7;
    run_with(&wait, "waitaof", argv, 4);
    cr_assert(!wait.wanted);
    expect_reply("*2 :1 :0 ");
}

Test(cmd_wait, who_waits_for_replicas_alone_is_told_what_is_safe_when_his_time_is_over)
{
    const struct str argv[] = {STR("WAITAOF"), STR("0"), STR("1"), STR("50")};
    struct call_wait wait = {0};

    newest = 7;
    run_with(&wait, "waitaof", argv, 4);
    cr_assert(wait.wanted && !wait.for_disk);
    newest = 9;
    safe = 8;
    wait.again = wait.over = true;
    run_with(&wait, "waitaof", argv, 4);
    expect_reply("*2 :1 :0 ");
}

Test(cmd_wait, a_file_that_is_switched_off_meanwhile_is_an_error)
{
    const struct str argv[] = {STR("WAITAOF"), STR("1"), STR("0"), STR("9223372036854775000")};
    struct call_wait wait = {0};

    newest = 7;
    run.now_ms = 1;
    run_with(&wait, "waitaof", argv, 4);
    cr_assert(wait.wanted);
    run.now_ms = 1000000;
    wait.again = true;
    run_with(&wait, "waitaof", argv, 4);
    cr_assert(wait.wanted, "its time has been looked at");
    run.cores[0].config.appendonly = false;
    run_with(&wait, "waitaof", argv, 4);
    cr_assert(!wait.wanted);
    expect_reply("-ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled. ");
}

Test(cmd_wait, what_they_refuse)
{
    command_expect(&run, "WAIT x 0", "-ERR value is not an integer or out of range ");
    command_expect(&run, "WAIT 0 x", "-ERR timeout is not an integer or out of range ");
    command_expect(&run, "WAIT 0 -1", "-ERR timeout is negative ");
    command_expect(&run, "WAIT 0 9223372036854775807", "-ERR timeout is out of range ");
    command_expect(&run, "WAITAOF 2 0 0", "-ERR value is out of range, value must between 0 and 1 ");
    command_expect(&run, "WAITAOF x 0 0", "-ERR value is not an integer or out of range ");
    command_expect(&run, "WAITAOF 0 -1 0", "-ERR value is out of range, must be positive ");
    command_expect(&run, "WAITAOF 0 0 -1", "-ERR timeout is negative ");
}
