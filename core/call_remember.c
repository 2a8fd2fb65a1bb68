/* CLIENT TRACKING: what a client has read it is told of when it changes. */
#include "core/call.h"

#include "core/command.h"

struct remembering {
    const struct call *call;
    struct tracking_reader reader;
    uint64_t most; /* keys that a shard remembers, 0: any number */
};

static void remember(void *context, struct key_position position)
{
    const struct remembering *remembering = context;
    const struct call *call = remembering->call;
    struct str name = call->argv[position.index];

    if (!(position.flags & KEY_NOT_KEY))
        keyspace_remember(call_keyspace(call, name), call_key(call, name), remembering->reader, remembering->most);
}

/* Each shard has its share. */
static uint64_t share(const struct core *core)
{
    uint64_t most = core->config.tracking_table_max_keys, count = (uint64_t)core->count;

    return most / count + (most % count != 0);
}

/* Scripts are not asked for all keys that they name: what each of their commands reads is remembered by itself. */
void call_remember(struct call *call)
{
    const struct command *command = call->command;
    struct remembering remembering = {
        call, {.id = call->session_id, .home = (uint16_t)(call->tracked_by - 1)}, share(call->core)};

    if (!(command->flags & CMD_READONLY) || command->acl & ACL_SCRIPTING)
        return;
    bool fits = command_each_key(command, call->argv, call->argc, remember, &remembering);
    (void)fits;
}
