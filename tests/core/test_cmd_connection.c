#include <criterion/criterion.h>
#include <stdio.h>

#include "tests/support/command_run.h"

static struct command_run run;

static void begin(void)
{
    session_restart_ids();
    command_run_init(&run, 1);
}

static void end(void)
{
    command_run_deinit(&run);
}

/* As CONFIG SET requirepass, and a connection made after it. */
static void require_password(const char *password)
{
    struct str pair[2] = {STR("requirepass"), str_from(password)};
    struct reply reply;

    reply_init(&reply, &run.memory, NULL, 0, 2);
    cr_assert(config_set(&run.cores[0].config, pair, 1, &reply));
    buffer_deinit(&reply.buffer);
    run.session.authenticated = password[0] == '\0';
}

TestSuite(cmd_connection, .init = begin, .fini = end);

Test(cmd_connection, ping_answers_pong_or_its_argument)
{
    command_expect(&run, "PING", "+PONG ");
    command_expect(&run, "ping hello", "$5 hello ");
    command_expect(&run, "PING \"\"", "$0  ");
    command_expect(&run, "PING a b", "-ERR wrong number of arguments for 'ping' command ");
}

Test(cmd_connection, echo_repeats_any_bytes)
{
    cr_assert(str_equal(command_run(&run, "ECHO \"a\\x00b\""), STR("$3\r\na\0b\r\n")));
    command_expect(&run, "ECHO", "-ERR wrong number of arguments for 'echo' command ");
}

Test(cmd_connection, quit_answers_and_closes)
{
    command_expect(&run, "QUIT", "+OK ");
    cr_assert(run.session.close_after_reply);
    cr_assert_not(run.session.killed);
}

Test(cmd_connection, select_changes_the_database_within_bounds)
{
    command_expect(&run, "SELECT 15", "+OK ");
    cr_assert_eq(run.session.db, 15);
    command_expect(&run, "SELECT 16", "-ERR DB index is out of range ");
    command_expect(&run, "SELECT -1", "-ERR DB index is out of range ");
    command_expect(&run, "SELECT two", "-ERR value is not an integer or out of range ");
    command_expect(&run, "SELECT 99999999999999999999", "-ERR value is not an integer or out of range ");
    command_expect(&run, "SELECT 2147483648",
                   "-ERR value is out of range, value must between -2147483648 and 2147483647 ");
    cr_assert_eq(run.session.db, 15);
}

Test(cmd_connection, auth_without_a_password_set_accepts_the_default_user_only)
{
    command_expect(&run, "AUTH x",
                   "-ERR AUTH <password> called without any password configured for the default user. "
                   "Are you sure your configuration is correct? ");
    command_expect(&run, "AUTH default anything", "+OK ");
    command_expect(&run, "AUTH other x", "-WRONGPASS invalid username-password pair or user is disabled. ");
    command_expect(&run, "AUTH a b c", "-ERR syntax error ");
}

Test(cmd_connection, auth_accepts_the_exact_password_and_nothing_near_it)
{
    static const char *const wrong[] = {"\"\"",   "s",      "secre",  "secret!",        "secretsecret",
                                        "Secret", "xecret", "secrex", "\"secret\\x00\""};
    char line[64];

    require_password("secret");
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        snprintf(line, sizeof(line), "AUTH %s", wrong[i]);
        command_expect(&run, line, "-WRONGPASS invalid username-password pair or user is disabled. ");
        cr_assert_not(run.session.authenticated);
    }
    command_expect(&run, "AUTH other secret", "-WRONGPASS invalid username-password pair or user is disabled. ");
    command_expect(&run, "AUTH Default secret", "-WRONGPASS invalid username-password pair or user is disabled. ");
    command_expect(&run, "PING", "-NOAUTH Authentication required. ");
    command_expect(&run, "AUTH secret", "+OK ");
    command_expect(&run, "PING", "+PONG ");
    command_expect(&run, "AUTH default secret", "+OK ");
    command_expect(&run, "AUTH wrong", "-WRONGPASS invalid username-password pair or user is disabled. ");
    command_expect(&run, "PING", "+PONG ");
}

static const char hello_2[] = "*14 $6 server $5 redis $7 version $5 7.4.2 $5 proto :2 $2 id :1 $4 mode $10 standalone "
                              "$4 role $6 master $7 modules *0 ";
static const char hello_3[] = "%7 $6 server $5 redis $7 version $5 7.4.2 $5 proto :3 $2 id :1 $4 mode $10 standalone "
                              "$4 role $6 master $7 modules *0 ";

Test(cmd_connection, hello_describes_the_server_in_the_protocol_it_chose)
{
    command_expect(&run, "HELLO", hello_2);
    command_expect(&run, "HELLO 3", hello_3);
    cr_assert_eq(run.session.protocol, 3);
    command_expect(&run, "HELLO", hello_3);
    command_expect(&run, "HELLO 2", hello_2);
    cr_assert_eq(run.session.protocol, 2);
}

Test(cmd_connection, hello_refuses_what_it_does_not_know)
{
    command_expect(&run, "HELLO 4", "-NOPROTO unsupported protocol version ");
    command_expect(&run, "HELLO 1", "-NOPROTO unsupported protocol version ");
    command_expect(&run, "HELLO x", "-ERR Protocol version is not an integer or out of range ");
    command_expect(&run, "HELLO 3 foo", "-ERR Syntax error in HELLO option 'foo' ");
    command_expect(&run, "HELLO 3 AUTH default", "-ERR Syntax error in HELLO option 'AUTH' ");
    command_expect(&run, "HELLO 3 setname", "-ERR Syntax error in HELLO option 'setname' ");
    command_expect(&run, "HELLO 3 SETNAME \"a b\"",
                   "-ERR Client names cannot contain spaces, newlines or special characters. ");
    cr_assert_eq(run.session.protocol, 2);
    cr_assert_null(run.session.name);
}

Test(cmd_connection, hello_authenticates_and_names_in_one_step_or_not_at_all)
{
    require_password("secret");
    command_expect(&run, "HELLO 3",
                   "-NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> "
                   "AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol "
                   "version at the same time ");
    command_expect(&run, "HELLO 3 SETNAME worker AUTH default wrong",
                   "-WRONGPASS invalid username-password pair or user is disabled. ");
    cr_assert_null(run.session.name);
    cr_assert_eq(run.session.protocol, 2);
    command_expect(&run, "HELLO 3 SETNAME worker AUTH default secret", hello_3);
    cr_assert_str_eq(run.session.name, "worker");
    cr_assert(run.session.authenticated);
}

Test(cmd_connection, reset_forgets_all_but_the_id)
{
    command_run(&run, "HELLO 3 SETNAME worker");
    command_run(&run, "SELECT 3");
    command_expect(&run, "RESET", "+RESET ");
    cr_assert_eq(run.session.protocol, 2);
    cr_assert_eq(run.session.db, 0);
    cr_assert_null(run.session.name);
    cr_assert(run.session.authenticated);
    require_password("secret");
    command_run(&run, "AUTH secret");
    command_expect(&run, "RESET", "+RESET ");
    cr_assert_not(run.session.authenticated);
}
