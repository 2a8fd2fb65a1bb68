#include <criterion/criterion.h>

#include "core/command.h"
#include "core/memory.h"
#include "core/resp_write.h"
#include "core/session.h"
#include "core/slowlog.h"

static struct memory memory;
static struct slowlog slow_log;
static struct session session;
static struct slow_command *list;

static void begin(void)
{
    static char name[] = "worker";

    memory = (struct memory){0};
    command_table_init();
    slowlog_init(&slow_log, &memory);
    slowlog_configure(&slow_log, 3);
    session = (struct session){.peer = "127.0.0.1:4711", .name = name};
}

static void end(void)
{
    slow_commands_free(&list);
    slowlog_deinit(&slow_log);
    cr_assert_eq(memory.used_bytes, 0, "%zu bytes left", memory.used_bytes);
}

TestSuite(slowlog, .init = begin, .fini = end);

static void put(const char *name, const struct str *argv, int argc)
{
    const struct command *command = command_find_by_name(str_from(name));

    slow_command_put(&list, slow_command_create(&memory, command, argv, argc, 1700000000123, 12345678));
}

static void expect_reply(const struct slow_command *slow, const char *expected)
{
    struct reply reply;

    reply_init(&reply, &memory, NULL, 0, 2);
    slow_command_reply(slow, &reply);
    cr_assert(str_equal(buffer_str(&reply.buffer), str_from(expected)), "%.*s", (int)reply.buffer.length,
              reply.buffer.bytes);
    buffer_deinit(&reply.buffer);
}

static void take_one(void)
{
    put("get", (struct str[]){STR("get"), STR("k")}, 2);
    slowlog_take(&slow_log, &list, &session);
}

Test(slowlog, an_entry_has_command_time_and_client)
{
    take_one();
    slow_log.newest->id = 7;
    expect_reply(slow_log.newest, "*6\r\n:7\r\n:1700000000\r\n:12345\r\n*2\r\n$3\r\nget\r\n$1\r\nk\r\n"
                                  "$14\r\n127.0.0.1:4711\r\n$6\r\nworker\r\n");
}

Test(slowlog, the_oldest_go)
{
    for (int i = 0; i < 10; i++)
        take_one();
    cr_assert_eq(slow_log.length, 3);
    cr_assert_eq(slow_log.newest->id, slow_log.newest->next->next->id + 2);
    cr_assert_null(slow_log.newest->next->next->next);
    slowlog_configure(&slow_log, 0);
    cr_assert_null(slow_log.newest);
    take_one();
    cr_assert_eq(slow_log.length, 0);
}

Test(slowlog, several_of_one_request_keep_their_order)
{
    put("get", (struct str[]){STR("get"), STR("first")}, 2);
    put("get", (struct str[]){STR("get"), STR("second")}, 2);
    slowlog_take(&slow_log, &list, &session);
    cr_assert_null(list);
    cr_assert(str_equal(slow_log.newest->argv[1], STR("second")));
    cr_assert_eq(slow_log.newest->id, slow_log.newest->next->id + 1);
}

Test(slowlog, what_nobody_takes_is_freed)
{
    put("get", (struct str[]){STR("get"), STR("k")}, 2);
    put("get", (struct str[]){STR("get"), STR("k")}, 2);
    slow_commands_free(&list);
    cr_assert_null(list);
}

Test(slowlog, secrets_and_what_is_long_are_not_kept)
{
    char bytes[1000] = {0};
    struct str argv[40] = {STR("auth"), STR("secret")};

    put("auth", argv, 2);
    cr_assert(str_equal(list->argv[1], STR("(redacted)")));
    for (int i = 0; i < 40; i++)
        argv[i] = (struct str){bytes, sizeof bytes};
    put("del", argv, 40);
    cr_assert_eq(list->argc, 32);
    cr_assert(
        str_equal((struct str){list->argv[0].bytes + 128, list->argv[0].length - 128}, STR("... (872 more bytes)")));
    cr_assert(str_equal(list->argv[31], STR("... (9 more arguments)")));
}
