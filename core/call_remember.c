/* CLIENT TRACKING: what a client has read it is told of when it changes. */
#include "core/call.h"

#include "core/command.h"

static void remember(void *context, struct key_position position)
{
    struct call *call = context;
    struct str name = call->argv[position.index];
    struct tracking_reader reader = {.id = call->session_id, .home = (uint16_t)(call->tracked_by - 1)};
    uint64_t most = call->core->config.tracking_table_max_keys;

    if (position.flags & KEY_NOT_KEY)
        return;
    if (most > 0) /* each shard has its share */
        most = (most + (uint64_t)call->core->count - 1) / (uint64_t)call->core->count;
    keyspace_remember(call_keyspace(call, name), key_of(name), reader, most);
}

/* Scripts are not asked for all keys that they name: what each of their commands reads is remembered by itself. */
void call_remember(struct call *call)
{
    const struct command *command = call->command;

    if (!(command->flags & CMD_READONLY) || command->acl & ACL_SCRIPTING)
        return;

    bool fits = command_each_key(command, call->argv, call->argc, remember, call);
    (void)fits;
}
