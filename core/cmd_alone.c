/* What a server answers that is neither a replica nor in a cluster, and has no replicas and no modules. */
#include "core/handlers.h"

#include "core/args.h"
#include "core/call.h"

void cmd_cluster_disabled(struct call *call)
{
    reply_error(call->reply, "ERR This instance has cluster support disabled");
}

void cmd_module_help(struct call *call)
{
    static const char *const lines[] = {"LIST", "    Return a list of loaded modules.", NULL};

    args_help(call, lines);
}

void cmd_module_list(struct call *call)
{
    reply_array(call->reply, 0);
}

/* Its offset in the stream of changes that replicas would follow. */
void cmd_role(struct call *call)
{
    reply_array(call->reply, 3);
    reply_bulk(call->reply, STR("master"));
    reply_integer(call->reply, 0);
    reply_array(call->reply, 0);
}

/* To be nobody's replica is what it can do. */
void cmd_replicaof(struct call *call)
{
    int64_t port;

    if (arg_is(call->argv[1], "no") && arg_is(call->argv[2], "one"))
        reply_ok(call->reply);
    else if (args_integer_in(call->reply, call->argv[2], 0, UINT16_MAX, "ERR Invalid master port", &port))
        reply_error(call->reply, "ERR This server can not be a replica");
}

/* FAILOVER's options, which must be right, though there is no replica to fail over to. */
struct failover {
    bool timeout, to, force; /* have been given */
};

static bool is_timeout(struct call *call, struct str text)
{
    int64_t timeout_ms;

    if (!args_integer(call->reply, text, &timeout_ms))
        return false;
    if (timeout_ms <= 0)
        reply_error(call->reply, "ERR FAILOVER timeout must be greater than 0");
    return timeout_ms > 0;
}

/* Where the next option is; -1: answered. */
static int take_option(struct call *call, int at, struct failover *given)
{
    const struct str *option = &call->argv[at];
    int left = call->argc - at - 1;
    int64_t port;

    if (arg_is(*option, "timeout") && left >= 1 && !given->timeout) {
        given->timeout = true;
        return is_timeout(call, option[1]) ? at + 2 : -1;
    }
    if (arg_is(*option, "to") && left >= 2 && !given->to) {
        given->to = true;
        return args_integer(call->reply, option[2], &port) ? at + 3 : -1;
    }
    if (arg_is(*option, "force") && !given->force) {
        given->force = true;
        return at + 1;
    }
    args_syntax_error(call->reply);
    return -1;
}

void cmd_failover(struct call *call)
{
    struct failover given = {0};

    if (call->argc == 2 && arg_is(call->argv[1], "abort")) {
        reply_error(call->reply, "ERR No failover in progress.");
        return;
    }
    for (int at = 1; at < call->argc;)
        if ((at = take_option(call, at, &given)) < 0)
            return;
    reply_error(call->reply, "ERR FAILOVER requires connected replicas.");
}
