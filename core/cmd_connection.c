/* Commands about the connection itself: who is asking, in which protocol and
 * database. They change the session in the order of its pipeline. */
#include "core/handlers.h"

#include "core/args.h"
#include "core/call.h"
#include "core/client_text.h"
#include "core/redis_version.h"
#include "core/transaction.h"

/* A RESP2 client with subscriptions takes arrays only. */
static void pong_as_message(struct call *call)
{
    reply_array(call->reply, 2);
    reply_bulk(call->reply, STR("pong"));
    reply_bulk(call->reply, call->argc == 2 ? call->argv[1] : STR(""));
}

void cmd_ping(struct call *call)
{
    if (call->argc > 2)
        reply_error(call->reply, "ERR wrong number of arguments for 'ping' command");
    else if (call->session && session_takes_messages_only(call->session))
        pong_as_message(call);
    else if (call->argc == 2)
        reply_bulk(call->reply, call->argv[1]);
    else
        reply_simple(call->reply, "PONG");
}

void cmd_echo(struct call *call)
{
    reply_bulk(call->reply, call->argv[1]);
}

void cmd_quit(struct call *call)
{
    call->session->close_after_reply = true;
    reply_ok(call->reply);
}

void cmd_select(struct call *call)
{
    int64_t db;

    if (!args_integer_in(call->reply, call->argv[1], INT32_MIN, INT32_MAX, NULL, &db))
        return;
    if (db < 0 || db >= call->core->config.databases) {
        reply_error(call->reply, "ERR DB index is out of range");
        return;
    }
    call->db = (uint16_t)db;
    if (call->session) /* a script's choice ends with it */
        call->session->db = (int)db;
    reply_ok(call->reply);
}

/* Takes as long for any given text of one length, so that time tells nothing of
 * how much of a guess was right. */
static bool same_secret(struct str given, const char *expected)
{
    size_t length = strlen(expected);
    unsigned difference = given.length != length;

    for (size_t i = 0; i < given.length; i++)
        difference |= (unsigned char)given.bytes[i] ^ (unsigned char)expected[length > 0 ? i % length : 0];
    return difference == 0;
}

static bool password_needed(const struct call *call)
{
    return call->core->config.requirepass[0] != '\0';
}

/* There is one user. False: answered. */
static bool authenticate(struct call *call, struct str user, struct str password)
{
    bool known = str_equal(user, STR("default"));
    bool right = !password_needed(call) || same_secret(password, call->core->config.requirepass);

    if (!known || !right) {
        call->core->stats.passwords_refused++;
        reply_error(call->reply, "WRONGPASS invalid username-password pair or user is disabled.");
        return false;
    }
    call->session->authenticated = true;
    return true;
}

bool hides_auth(const struct str *argv, int argc, int index)
{
    return index > 0;
}

void cmd_auth(struct call *call)
{
    if (call->argc > 3) {
        args_syntax_error(call->reply);
        return;
    }
    if (call->argc == 2 && !password_needed(call)) {
        reply_error(call->reply, "ERR AUTH <password> called without any password configured for the default user. "
                                 "Are you sure your configuration is correct?");
        return;
    }
    if (authenticate(call, call->argc == 3 ? call->argv[1] : STR("default"), call->argv[call->argc - 1]))
        reply_ok(call->reply);
}

/* What HELLO asks for; bytes NULL: not mentioned. */
struct hello {
    int64_t protocol;
    struct str user, password, name;
};

static bool parse_protocol(struct call *call, struct hello *hello)
{
    if (call->argc < 2)
        return true;
    if (!args_integer_in(call->reply, call->argv[1], INT64_MIN, INT64_MAX,
                         "ERR Protocol version is not an integer or out of range", &hello->protocol))
        return false;
    if (hello->protocol == 2 || hello->protocol == 3)
        return true;
    reply_error(call->reply, "NOPROTO unsupported protocol version");
    return false;
}

static bool parse_hello(struct call *call, struct hello *hello)
{
    if (!parse_protocol(call, hello))
        return false;
    for (int i = 2; i < call->argc; i++) {
        struct str option = call->argv[i];
        int left = call->argc - 1 - i;

        if (arg_is(option, "auth") && left >= 2) {
            hello->user = call->argv[++i];
            hello->password = call->argv[++i];
        } else if (arg_is(option, "setname") && left >= 1) {
            hello->name = call->argv[++i];
            if (!client_text_accepted(call->reply, hello->name, STR("Client names")))
                return false;
        } else {
            reply_error_format(call->reply, "ERR Syntax error in HELLO option '%.*s'", str_quoted_length(option),
                               option.bytes);
            return false;
        }
    }
    return true;
}

static void reply_hello(struct call *call)
{
    struct reply *reply = call->reply;

    reply_map(reply, 7);
    reply_bulk(reply, STR("server"));
    reply_bulk(reply, STR("redis"));
    reply_bulk(reply, STR("version"));
    reply_bulk(reply, STR(REDIS_VERSION));
    reply_bulk(reply, STR("proto"));
    reply_integer(reply, call->session->protocol);
    reply_bulk(reply, STR("id"));
    reply_integer(reply, (int64_t)call->session->id);
    reply_bulk(reply, STR("mode"));
    reply_bulk(reply, STR("standalone"));
    reply_bulk(reply, STR("role"));
    reply_bulk(reply, STR("master"));
    reply_bulk(reply, STR("modules"));
    reply_array(reply, 0);
}

bool hides_hello(const struct str *argv, int argc, int index)
{
    for (int at = 2; at < index; at += arg_is(argv[at], "auth") ? 3 : 2)
        if (arg_is(argv[at], "auth") && index <= at + 2)
            return true;
    return false;
}

void cmd_hello(struct call *call)
{
    struct session *session = call->session;
    struct hello hello = {.protocol = session->protocol};

    if (!parse_hello(call, &hello))
        return;
    if (hello.user.bytes && !authenticate(call, hello.user, hello.password))
        return;
    if (!session->authenticated && password_needed(call)) {
        reply_error(call->reply, "NOAUTH HELLO must be called with the client already authenticated, otherwise the "
                                 "HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and "
                                 "select the RESP protocol version at the same time");
        return;
    }
    if (hello.name.bytes)
        session_set_text(session, &session->name, hello.name);
    session->protocol = call->reply->protocol = (int)hello.protocol;
    reply_hello(call);
}

void cmd_reset(struct call *call)
{
    transaction_leave(call->session);
    client_tracking_end(&call->core->sessions, call->session);
    session_reset(call->session, !password_needed(call));
    call->db = call->session->db;
    call->reply->protocol = call->session->protocol;
    reply_simple(call->reply, "RESET");
}
