/* DEBUG RELOAD. What files there are only the shards know. */
#include "core/handlers.h"

#include "core/args.h"
#include "core/call.h"

static bool read_option(struct str option, struct reload_options *options)
{
    if (arg_is(option, "merge"))
        options->replaces = true;
    else if (arg_is(option, "noflush"))
        options->flushes = false;
    else if (arg_is(option, "nosave"))
        options->saves = false;
    else
        return false;
    return true;
}

void cmd_debug_reload(struct call *call)
{
    struct reload_options options = {.saves = true, .flushes = true};

    for (int i = 2; i < call->argc; i++) {
        if (!read_option(call->argv[i], &options)) {
            reply_error(call->reply, "ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.");
            return;
        }
    }
    call->core->reload(call, &options);
}

void cmd_debug_loadaof(struct call *call)
{
    call->core->load_append_only(call);
}
