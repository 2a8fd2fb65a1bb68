/* Commands to the server itself: its time, its end, its picture. */
#include "core/handlers.h"

#include "core/args.h"
#include "core/call.h"
#include "core/redis_version.h"

/* The turn's clock ticks in milliseconds. */
void cmd_time(struct call *call)
{
    reply_array(call->reply, 2);
    reply_bulk_integer(call->reply, call->now_us / 1000000);
    reply_bulk_integer(call->reply, call->now_us % 1000000);
}

struct shutdown {
    bool save, no_save, now, force, abort;
};

static bool *shutdown_option(struct shutdown *shutdown, struct str word)
{
    if (arg_is(word, "save"))
        return &shutdown->save;
    if (arg_is(word, "nosave"))
        return &shutdown->no_save;
    if (arg_is(word, "now"))
        return &shutdown->now;
    if (arg_is(word, "force"))
        return &shutdown->force;
    if (arg_is(word, "abort"))
        return &shutdown->abort;
    return NULL;
}

static bool parse_shutdown(struct call *call, struct shutdown *shutdown)
{
    bool others;

    for (int i = 1; i < call->argc; i++) {
        bool *option = shutdown_option(shutdown, call->argv[i]);

        if (!option)
            return false;
        *option = true;
    }
    others = shutdown->save || shutdown->no_save || shutdown->now || shutdown->force;
    return !(shutdown->abort && others) && !(shutdown->save && shutdown->no_save);
}

/* A busy script might have written half of what it will: only what is not to be saved ends it. */
static bool shutdown_refused(struct call *call, const struct shutdown *shutdown)
{
    const struct script_watch *watch = &call->core->script_watch;

    return !shutdown->no_save && watch->refuses && watch->refuses(watch->context, call->reply);
}

static int flags_of(const struct shutdown *shutdown)
{
    return SHUTDOWN_ASKED | (shutdown->save ? SHUTDOWN_SAVE : 0) | (shutdown->no_save ? SHUTDOWN_NO_SAVE : 0) |
           (shutdown->force ? SHUTDOWN_FORCE : 0) | (shutdown->abort ? SHUTDOWN_ABORT : 0);
}

/* Not answered where all goes well: the connection ends with the server. NOW would not wait for replicas. */
void cmd_shutdown(struct call *call)
{
    struct shutdown shutdown = {0};

    if (!parse_shutdown(call, &shutdown))
        args_syntax_error(call->reply);
    else if (shutdown.abort || !shutdown_refused(call, &shutdown))
        call->core->shutdown_asked = flags_of(&shutdown);
}

static const char picture[] = "        o\n"
                              "     o      ><>            ><((('>\n"
                              "   o     ><>    ><>    ><>\n"
                              "  ,-.       ><>    ><>     ><>\n"
                              " ( o >  ><>    ><>     ><>    ><>\n"
                              "  `-'       ><>    ><>     ><>\n"
                              "         ><>    ><>    ><>\n"
                              "~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~\n";

/* The number after VERSION chooses among pictures; there is this one. */
void cmd_lolwut(struct call *call)
{
    int64_t version;
    struct buffer text;

    if (call->argc >= 3 && arg_is(call->argv[1], "version") && !args_integer(call->reply, call->argv[2], &version))
        return;
    buffer_init(&text, &call->core->memory, NULL, 0);
    buffer_append_format(&text, "%s\nRedis ver. %s\n", picture, REDIS_VERSION);
    reply_verbatim(call->reply, buffer_str(&text), "txt");
    buffer_deinit(&text);
}

/* On every shard; what a session is to see it sees from this instant on. */
void cmd_monitor(struct call *call)
{
    struct session *session = sessions_find(&call->core->sessions, call->session_id);

    if (call->transaction) {
        reply_error(call->reply, "ERR MONITOR isn't allowed for DENY BLOCKING client");
        return;
    }
    if (session)
        session->monitoring = session->stays = true;
    monitors_add(&call->core->monitors, call->session_id, call->home);
    reply_ok(call->reply);
}
