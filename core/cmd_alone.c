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
