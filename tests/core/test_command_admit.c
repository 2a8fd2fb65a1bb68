/* Redis's refusals, word for word. */
#include "core/command_admit.h"

#include <criterion/criterion.h>
#include <errno.h>

#include "core/command.h"
#include "core/core.h"
#include "core/resp_write.h"
#include "tests/support/dice.h"

static struct core core;
static struct session session;
static struct reply reply;
static char no_password[] = "", password[] = "secret";

static void begin(void)
{
    command_table_init();
    core = (struct core){.config.requirepass = no_password};
    session = (struct session){.authenticated = true, .peer = "10.0.0.1:4711"};
    reply_init(&reply, &core.memory, NULL, 0, 2);
}

static void end(void)
{
    buffer_deinit(&reply.buffer);
}

TestSuite(command_admit, .init = begin, .fini = end);

static const struct command *admit(const struct str *argv, int argc)
{
    reply.buffer.length = 0;
    return command_admit(&core, &session, argv, argc, &reply);
}

static const struct command *admit_words(const char *first, const char *second, const char *third, const char *fourth)
{
    const char *words[] = {first, second, third, fourth};
    struct str argv[4];
    int argc = 0;

    for (; argc < 4 && words[argc]; argc++)
        argv[argc] = str_from(words[argc]);
    return admit(argv, argc);
}

static void expect_refused(const struct command *command, const char *text)
{
    cr_assert_null(command);
    buffer_append(&reply.buffer, "", 1);
    cr_assert_str_eq(reply.buffer.bytes, text);
}

static void expect_admitted(const struct command *command, const char *name)
{
    cr_assert_not_null(command);
    cr_assert_str_eq(command->name, name);
    cr_assert_eq(reply.buffer.length, 0);
}

Test(command_admit, what_fits_is_let_in)
{
    expect_admitted(admit_words("GET", "a", NULL, NULL), "get");
    expect_admitted(admit_words("config", "GET", "port", NULL), "get");
    expect_admitted(admit_words("command", NULL, NULL, NULL), "command");
}

Test(command_admit, an_unknown_command_is_quoted_with_its_arguments)
{
    expect_refused(admit_words("nosuch", NULL, NULL, NULL),
                   "-ERR unknown command 'nosuch', with args beginning with: \r\n");
    expect_refused(admit_words("NoSuch", "a", "b\r\nc", NULL),
                   "-ERR unknown command 'NoSuch', with args beginning with: 'a' 'b  c' \r\n");
}

Test(command_admit, a_quote_ends_at_128_bytes)
{
    enum { NAME_BYTES = 300 };
    struct str argv[101] = {STR("nosuch")};
    char letters[NAME_BYTES], expected[600];

    memset(letters, 'x', sizeof letters);
    argv[1] = (struct str){letters, sizeof letters};
    snprintf(expected, sizeof expected, "-ERR unknown command 'nosuch', with args beginning with: '%.128s' \r\n",
             letters);
    expect_refused(admit(argv, 2), expected);
    argv[2] = STR("never seen");
    expect_refused(admit(argv, 3), expected);
    snprintf(expected, sizeof expected, "-ERR unknown command '%.128s', with args beginning with: \r\n", letters);
    expect_refused(admit(argv + 1, 1), expected);
    argv[1].length = argv[2].length = 100;
    argv[2].bytes = letters;
    snprintf(expected, sizeof expected,
             "-ERR unknown command 'nosuch', with args beginning with: '%.100s' '%.25s' \r\n", letters, letters);
    expect_refused(admit(argv, 3), expected);
    for (int i = 1; i <= 100; i++)
        argv[i] = STR("12");
    cr_assert_null(admit(argv, 101));
    cr_assert_eq(reply.buffer.length, strlen("-ERR unknown command 'nosuch', with args beginning with: ") + 26 * 5 + 2);
}

Test(command_admit, the_longest_quote_fits_whatever_the_arguments)
{
    struct str argv[64] = {STR("nosuch")};
    char letters[256];

    memset(letters, 'x', sizeof letters);
    dice_seed();
    for (int round = 0; round < 2000; round++) {
        for (int i = 1; i < 64; i++)
            argv[i] = (struct str){letters, dice_bits() % (uint64_t)(round % 200 + 1)};
        cr_assert_null(admit(argv, 64));
    }
}

Test(command_admit, an_unknown_subcommand_names_the_help_of_what_was_called)
{
    expect_refused(admit_words("config", "No", NULL, NULL), "-ERR unknown subcommand 'No'. Try CONFIG HELP.\r\n");
    expect_refused(admit_words("COMMAND", "x", NULL, NULL), "-ERR unknown subcommand 'x'. Try COMMAND HELP.\r\n");
    cr_assert_null(command_rename(STR("config"), STR("gu\nArd")));
    expect_refused(admit_words("Gu\nard", "x", NULL, NULL), "-ERR unknown subcommand 'x'. Try GU ARD HELP.\r\n");
}

Test(command_admit, a_wrong_number_of_arguments_names_the_command)
{
    expect_refused(admit_words("GET", NULL, NULL, NULL), "-ERR wrong number of arguments for 'get' command\r\n");
    expect_refused(admit_words("get", "a", "b", NULL), "-ERR wrong number of arguments for 'get' command\r\n");
    expect_refused(admit_words("Config", "Get", NULL, NULL),
                   "-ERR wrong number of arguments for 'config|get' command\r\n");
    expect_refused(admit_words("config", NULL, NULL, NULL), "-ERR wrong number of arguments for 'config' command\r\n");
}

Test(command_admit, a_key_without_its_value_is_a_wrong_number_of_arguments)
{
    expect_refused(admit_words("mset", "a", "1", "b"), "-ERR wrong number of arguments for 'mset' command\r\n");
    expect_refused(admit_words("msetnx", "a", "1", "b"), "-ERR wrong number of arguments for 'msetnx' command\r\n");
    expect_admitted(admit_words("mset", "a", "1", NULL), "mset");
    expect_admitted(admit_words("mget", "a", "1", "b"), "mget");
}

Test(command_admit, a_password_is_asked_for_before_anything_but_what_gives_it)
{
    session.authenticated = false;
    expect_admitted(admit_words("get", "a", NULL, NULL), "get");
    core.config.requirepass = password;
    expect_refused(admit_words("get", "a", NULL, NULL), "-NOAUTH Authentication required.\r\n");
    expect_admitted(admit_words("auth", "secret", NULL, NULL), "auth");
    expect_admitted(admit_words("hello", NULL, NULL, NULL), "hello");
    expect_refused(admit_words("nosuch", NULL, NULL, NULL),
                   "-ERR unknown command 'nosuch', with args beginning with: \r\n");
    session.authenticated = true;
    expect_admitted(admit_words("get", "a", NULL, NULL), "get");
}

Test(command_admit, what_exec_is_refused_for_ends_the_transaction)
{
    session.protocol = 2;
    session.subscriptions.counts[CHANNEL_PLAIN] = 1;
    expect_refused(admit_words("get", "a", NULL, NULL),
                   "-ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed "
                   "in this context\r\n");
    expect_refused(admit_words("exec", NULL, NULL, NULL),
                   "-EXECABORT Transaction discarded because of: Can't execute 'exec': only (P|S)SUBSCRIBE / "
                   "(P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context\r\n");
    session.protocol = 3;
    expect_admitted(admit_words("exec", NULL, NULL, NULL), "exec");
    session.subscriptions.counts[CHANNEL_PLAIN] = 0;
}

Test(command_admit, http_is_told_by_its_words)
{
    cr_assert(command_is_http(STR("POST")) && command_is_http(STR("post")) && command_is_http(STR("Host:")));
    cr_assert(!command_is_http(STR("Host")) && !command_is_http(STR("GET")) && !command_is_http(STR("")));
}

static bool is_paused(const char *name, enum session_pause pause, int64_t now_ms)
{
    struct sessions sessions = {.pause = pause, .pause_until_ms = pause == SESSION_PAUSE_NONE ? 0 : 1000};

    return command_is_paused(command_find_by_name(str_from(name))->flags, &sessions, now_ms);
}

Test(command_admit, a_pause_holds_back_what_writes_or_everything)
{
    cr_assert_not(is_paused("set", SESSION_PAUSE_NONE, 0));
    cr_assert(is_paused("set", SESSION_PAUSE_WRITE, 999));
    cr_assert_not(is_paused("set", SESSION_PAUSE_WRITE, 1000));
    cr_assert_not(is_paused("get", SESSION_PAUSE_WRITE, 999));
    cr_assert_not(is_paused("client|unpause", SESSION_PAUSE_WRITE, 999));
    cr_assert(is_paused("client|unpause", SESSION_PAUSE_ALL, 999));
    cr_assert(is_paused("get", SESSION_PAUSE_ALL, 999));
    cr_assert_not(is_paused("get", SESSION_PAUSE_ALL, 1000));
}

static void expect_debug(int setting, bool unix_socket, const char *peer, bool allowed)
{
    core.config.enable_debug_command = setting;
    session.unix_socket = unix_socket;
    snprintf(session.peer, sizeof session.peer, "%s", peer);
    cr_assert_eq(admit_words("debug", "sleep", "0", NULL) != NULL, allowed, "%d %s", setting, peer);
    cr_assert_eq(admit_words("debug", "nosuch", NULL, NULL) != NULL, allowed, "%d %s", setting, peer);
}

Test(command_admit, debug_needs_the_setting)
{
    expect_debug(0, true, "/run/shoal.sock:0", false);
    expect_debug(1, false, "10.0.0.1:4711", true);
    expect_debug(2, false, "10.0.0.1:4711", false);
    expect_debug(2, false, "127.0.0.1:4711", true);
    expect_debug(2, false, "[::1]:4711", true);
    expect_debug(2, false, "[::12]:4711", false);
    expect_debug(2, true, "/run/shoal.sock:0", true);
    core.config.enable_debug_command = 0;
    session.unix_socket = false;
    expect_refused(admit_words("debug", "sleep", "0", NULL),
                   "-ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can "
                   "run it from a local connection, otherwise you need to set this option in the configuration file, "
                   "and then restart the server.\r\n");
}

static char save_points[] = "900 1", no_points[] = "";

Test(command_admit, writes_and_ping_are_refused_where_nothing_can_be_saved)
{
    core.save_failed = true;
    core.config.stop_writes_on_bgsave_error = true;
    core.config.save = save_points;
    cr_assert_null(admit_words("SET", "k", "v", NULL));
    cr_assert_eq(strncmp(reply.buffer.bytes, "-MISCONF Redis is configured to save RDB snapshots, but", 55), 0);
    cr_assert_null(admit_words("PING", NULL, NULL, NULL));
    expect_admitted(admit_words("GET", "k", NULL, NULL), "get");
    core.config.stop_writes_on_bgsave_error = false;
    expect_admitted(admit_words("SET", "k", "v", NULL), "set");
    core.config.stop_writes_on_bgsave_error = true;
    core.config.save = no_points;
    expect_admitted(admit_words("SET", "k", "v", NULL), "set");
    core.aof.error = ENOSPC;
    expect_refused(admit_words("SET", "k", "v", NULL),
                   "-MISCONF Errors writing to the AOF file: No space left on device\r\n");
    core.config.appendfsync = CONFIG_FSYNC_EVERYSEC;
    expect_admitted(admit_words("EVAL", "return 1", "0", NULL), "eval");
    core.config.appendfsync = CONFIG_FSYNC_ALWAYS; /* its answer would wait for the disk */
    expect_refused(admit_words("EVAL", "return 1", "0", NULL),
                   "-MISCONF Errors writing to the AOF file: No space left on device\r\n");
    expect_admitted(admit_words("EVAL_RO", "return 1", "0", NULL), "eval_ro");
}
