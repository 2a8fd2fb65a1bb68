/* CLIENT: what a client says of itself, and how clients are paused. The
 * commands on other clients are in cmd_client_list.c and cmd_client_kill.c.
 *
 * PAUSE, UNPAUSE and UNBLOCK run on every shard, over that shard's sessions. */
#include "core/handlers.h"

#include "core/args.h"
#include "core/call.h"
#include "core/client_line.h"
#include "core/client_text.h"

void cmd_client_id(struct call *call)
{
    reply_integer(call->reply, (int64_t)call->session->id);
}

void cmd_client_info(struct call *call)
{
    char storage[512];
    struct buffer line;

    buffer_init(&line, &call->core->memory, storage, sizeof(storage));
    client_line_append(&line, call->session, call->now_ms);
    reply_verbatim(call->reply, buffer_str(&line), "txt");
    buffer_deinit(&line);
}

void cmd_client_getname(struct call *call)
{
    if (call->session->name)
        reply_bulk(call->reply, str_from(call->session->name));
    else
        reply_null(call->reply);
}

void cmd_client_setname(struct call *call)
{
    if (!client_text_accepted(call->reply, call->argv[2], STR("Client names")))
        return;
    session_set_text(call->session, &call->session->name, call->argv[2]);
    reply_ok(call->reply);
}

void cmd_client_setinfo(struct call *call)
{
    struct str attribute = call->argv[2];
    char **text;

    if (arg_is(attribute, "lib-name")) {
        text = &call->session->library_name;
    } else if (arg_is(attribute, "lib-ver")) {
        text = &call->session->library_version;
    } else {
        reply_error_format(call->reply, "ERR Unrecognized option '%.*s'", str_quoted_length(attribute),
                           attribute.bytes);
        return;
    }
    if (!client_text_accepted(call->reply, call->argv[3], attribute))
        return;
    session_set_text(call->session, text, call->argv[3]);
    reply_ok(call->reply);
}

/* ON ends OFF and SKIP, but not a SKIP before it in one transaction, which is for what follows that. The other two are
 * not answered themselves; net asks the session's mode before it sends a reply. */
void cmd_client_reply(struct call *call)
{
    struct session *session = call->session;
    struct str mode = call->argv[2];

    if (arg_is(mode, "on")) {
        if (session->reply_mode != SESSION_REPLY_SKIP_NEXT)
            session->reply_mode = SESSION_REPLY_ON;
        reply_ok(call->reply);
    } else if (arg_is(mode, "off")) {
        session->reply_mode = SESSION_REPLY_OFF;
    } else if (arg_is(mode, "skip")) {
        if (session->reply_mode != SESSION_REPLY_OFF)
            session->reply_mode = SESSION_REPLY_SKIP_NEXT;
    } else {
        args_syntax_error(call->reply);
    }
}

static void switch_setting(struct call *call, bool *setting)
{
    bool on = arg_is(call->argv[2], "on");

    if (!on && !arg_is(call->argv[2], "off")) {
        args_syntax_error(call->reply);
        return;
    }
    *setting = on;
    reply_ok(call->reply);
}

void cmd_client_no_evict(struct call *call)
{
    switch_setting(call, &call->session->no_evict);
}

void cmd_client_no_touch(struct call *call)
{
    switch_setting(call, &call->session->no_touch);
    call->no_touch = call->session->no_touch;
}

static void too_many_arguments(struct call *call)
{
    reply_error_format(call->reply, "ERR unknown subcommand or wrong number of arguments for '%.*s'. Try CLIENT HELP.",
                       str_quoted_length(call->argv[1]), call->argv[1].bytes);
}

static bool parse_pause(struct call *call, enum session_pause *pause, int64_t *until_ms)
{
    int64_t timeout_ms;

    *pause = SESSION_PAUSE_ALL;
    if (call->argc == 4 && arg_is(call->argv[3], "write")) {
        *pause = SESSION_PAUSE_WRITE;
    } else if (call->argc == 4 && !arg_is(call->argv[3], "all")) {
        reply_error(call->reply, "ERR CLIENT PAUSE mode must be WRITE or ALL");
        return false;
    }
    if (!args_integer_in(call->reply, call->argv[2], INT64_MIN, INT64_MAX,
                         "ERR timeout is not an integer or out of range", &timeout_ms))
        return false;
    if (timeout_ms < 0) {
        reply_error(call->reply, "ERR timeout is negative");
        return false;
    }
    if (__builtin_add_overflow(call->now_ms, timeout_ms, until_ms)) {
        reply_error(call->reply, "ERR timeout is out of range");
        return false;
    }
    return true;
}

/* Beside a pause that still holds, the stricter and the longer one win. */
void cmd_client_pause(struct call *call)
{
    struct sessions *sessions = &call->core->sessions;
    const struct session_pausing *asked = &sessions->asked;
    enum session_pause pause;
    int64_t until_ms;

    if (call->argc > 4) {
        too_many_arguments(call);
        return;
    }
    if (!parse_pause(call, &pause, &until_ms))
        return;
    if (asked->pause != SESSION_PAUSE_NONE && asked->until_ms > call->now_ms) {
        pause = asked->pause > pause ? asked->pause : pause;
        until_ms = asked->until_ms > until_ms ? asked->until_ms : until_ms;
    }
    sessions_set_pause(sessions, pause, until_ms);
    reply_ok(call->reply);
}

void cmd_client_unpause(struct call *call)
{
    sessions_set_pause(&call->core->sessions, SESSION_PAUSE_NONE, 0);
    reply_ok(call->reply);
}

/* On every shard, of which at most one has the client. */
static int unblock(struct sessions *sessions, int64_t id, enum session_unblock how)
{
    for (struct session *session = sessions->newest; session; session = session->previous)
        if (session->id == (uint64_t)id)
            return session_unblock(sessions, session, how);
    return 0;
}

/* Counts the clients that it freed. */
void cmd_client_unblock(struct call *call)
{
    bool error = call->argc == 4 && arg_is(call->argv[3], "error");
    int64_t id;

    if (call->argc == 4 && !error && !arg_is(call->argv[3], "timeout")) {
        reply_error(call->reply, "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
        return;
    }
    if (call->argc > 4) {
        too_many_arguments(call);
        return;
    }
    if (!args_integer(call->reply, call->argv[2], &id))
        return;
    reply_integer(call->reply,
                  unblock(&call->core->sessions, id, error ? SESSION_UNBLOCK_ERROR : SESSION_UNBLOCK_TIMEOUT));
}

void cmd_client_help(struct call *call)
{
    static const char *const lines[] = {
        "CACHING (YES|NO)",
        "    Enable/disable tracking of the keys for next command in OPTIN/OPTOUT modes.",
        "GETREDIR",
        "    Return the client ID we are redirecting to when tracking is enabled.",
        "GETNAME",
        "    Return the name of the current connection.",
        "ID",
        "    Return the ID of the current connection.",
        "INFO",
        "    Return information about the current client connection.",
        "KILL <ip:port>",
        "    Kill connection made from <ip:port>.",
        "KILL <option> <value> [<option> <value> [...]]",
        "    Kill connections. Options are:",
        "    * ID <client-id>",
        "      Kill the connection with this id.",
        "    * ADDR (<ip:port>|<unixsocket>:0)",
        "      Kill connections made from the specified address",
        "    * LADDR (<ip:port>|<unixsocket>:0)",
        "      Kill connections made to specified local address",
        "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
        "      Kill connections by type.",
        "    * USER <username>",
        "      Kill connections authenticated by <username>.",
        "    * SKIPME (YES|NO)",
        "      Skip killing current connection (default: yes).",
        "    * MAXAGE <seconds>",
        "      Kill connections that are at least this old.",
        "LIST [options ...]",
        "    Return information about client connections. Options:",
        "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
        "      Return clients of specified type.",
        "    * ID <client-id> [<client-id> ...]",
        "      Return clients with these ids.",
        "UNPAUSE",
        "    Stop the current client pause, resuming traffic.",
        "PAUSE <timeout> [WRITE|ALL]",
        "    Suspend all, or just write, clients for <timeout> milliseconds.",
        "REPLY (ON|OFF|SKIP)",
        "    Control the replies sent to the current connection.",
        "SETNAME <name>",
        "    Assign the name <name> to the current connection.",
        "SETINFO <option> <value>",
        "    Say which client library this is. Options are:",
        "    * LIB-NAME <name>",
        "    * LIB-VER <version>",
        "UNBLOCK <clientid> [TIMEOUT|ERROR]",
        "    Unblock the specified blocked client.",
        "TRACKING (ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> [...]]",
        "         [OPTIN] [OPTOUT] [NOLOOP]",
        "    Control server assisted client side caching.",
        "TRACKINGINFO",
        "    Report tracking status for the current connection.",
        "NO-EVICT (ON|OFF)",
        "    Protect current client connection from eviction.",
        "NO-TOUCH (ON|OFF)",
        "    Let this connection's commands leave the access times of keys alone.",
        NULL,
    };

    args_help(call, lines);
}
