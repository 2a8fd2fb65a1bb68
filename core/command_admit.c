/* Refusals in Redis's words and order: unknown, arity, protected, not authenticated, no memory, a disk that fails,
 * subscribed, loading. Then the pause. */
#include "core/command_admit.h"

#include <stdio.h>
#include <string.h>

#include "core/command.h"
#include "core/core.h"
#include "core/resp_write.h"
#include "core/transaction.h"

/* The arguments are quoted up to as many bytes as the name, all together. */
static void refuse_unknown(const struct str *argv, int argc, struct reply *reply)
{
    char arguments[STR_QUOTED_MAX + 4] = "";
    int length = 0;

    for (int i = 1; i < argc && length < STR_QUOTED_MAX; i++) {
        int room = STR_QUOTED_MAX - length, quoted = str_quoted_length(argv[i]);

        length += snprintf(arguments + length, sizeof arguments - (size_t)length, "'%.*s' ",
                           quoted < room ? quoted : room, argv[i].bytes);
    }
    reply_error_format(reply, "ERR unknown command '%.*s', with args beginning with: %s", str_quoted_length(argv[0]),
                       argv[0].bytes, arguments);
}

static void refuse_unknown_subcommand(const struct str *argv, struct reply *reply)
{
    char name[COMMAND_CALLED_BYTES];

    reply_error_format(reply, "ERR unknown subcommand '%.*s'. Try %s HELP.", str_quoted_length(argv[1]), argv[1].bytes,
                       command_capitals(argv[0], name));
}

/* MSET: each key comes with its value. Where only the last key's shard would
 * miss one, the others would already have written. */
bool command_values_complete(const struct command *command, int argc)
{
    const struct key_spec *spec = &command->keys[0];

    if (spec->begin != KEY_BEGIN_INDEX || spec->find != KEY_FIND_RANGE || spec->last != -1 || spec->step <= 1)
        return true;
    return (argc - spec->index) % spec->step == 0;
}

static bool is_local(const struct session *session)
{
    return session->unix_socket || strncmp(session->peer, "127.", 4) == 0 || strncmp(session->peer, "[::1]:", 6) == 0 ||
           strncmp(session->peer, "::1:", 4) == 0;
}

static bool may_run_protected(const struct config *config, const struct session *session)
{
    if (config->enable_debug_command == CONFIG_ACCESS_LOCAL)
        return is_local(session);
    return config->enable_debug_command == CONFIG_ACCESS_YES;
}

static void refuse_protected(struct reply *reply)
{
    reply_error(reply, "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you can "
                       "run it from a local connection, otherwise you need to set this option in the configuration "
                       "file, and then restart the server.");
}

void command_refuse_arity(const struct command *command, struct reply *reply)
{
    char name[64];

    reply_error_format(reply, "ERR wrong number of arguments for '%s' command", command_full_name(command, name));
}

static const char EXEC_REFUSED[] = "EXECABORT Transaction discarded because of: ";

/* EXEC says itself what is wrong, for then it ends the transaction. */
static bool may_have(const struct session *session, const struct command *command, int argc)
{
    if (command->flags & CMD_EXECUTES)
        return true;
    return command_arity_fits(command, argc) && (command_values_complete(command, argc) || session_is_queuing(session));
}

static bool ends_transaction(const struct command *command)
{
    return command->flags & CMD_EXECUTES;
}

static void refuse_unauthenticated(const struct command *command, struct reply *reply)
{
    reply_error_format(reply, "%sNOAUTH Authentication required.", ends_transaction(command) ? EXEC_REFUSED : "");
}

static void refuse_subscribed(const struct command *command, struct reply *reply)
{
    char name[64];

    reply_error_format(reply,
                       "%sCan't execute '%s': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed "
                       "in this context",
                       ends_transaction(command) ? EXEC_REFUSED : "ERR ", command_full_name(command, name));
}

bool command_is_http(struct str name)
{
    return str_equal_nocase(name, "post") || str_equal_nocase(name, "host:");
}

bool command_may_write(const struct session *session, const struct command *command)
{
    uint32_t flags = session_flags_with(session, command);
    bool is_script = command->acl & ACL_SCRIPTING || command->flags & CMD_EXECUTES;

    return flags & CMD_WRITE || (flags & CMD_MAY_REPLICATE && is_script);
}

/* A script is refused its first write. But under always its answer would have to wait until the disk is well: it does
 * not begin. */
static bool needs_disk(const struct core *core, const struct command *command)
{
    bool is_script = command->acl & ACL_SCRIPTING && command->flags & CMD_MAY_REPLICATE;

    return command->flags & CMD_WRITE || command->fails_as_writes || (is_script && core_holds_writers(core));
}

/* EXEC says itself that it can't, for then it ends the transaction. */
static bool refuse_for_disk(const struct core *core, const struct command *command, struct reply *reply)
{
    char text[CORE_REFUSAL_BYTES];
    const char *refusal;

    if (!needs_disk(core, command))
        return false;
    refusal = core_write_refusal(core, text);
    if (refusal)
        reply_error(reply, refusal);
    return refusal != NULL;
}

/* Other commands are looked at where they are executed, when it is known what there is then. A queue takes memory
 * whatever is in it, and only what ends it is let through; and a command in parts is executed by all shards or
 * refused. */
static bool lacks_memory(const struct core *core, const struct session *session, const struct command *command)
{
    if (!core->out_of_memory)
        return false;
    return session_queues(session, command) || (session_is_queuing(session) && command->precedes_queue) ||
           (command->route == ROUTE_SCATTER && command->flags & CMD_DENYOOM && core->count > 1);
}

const struct command *command_admit(const struct core *core, const struct session *session, const struct str *argv,
                                    int argc, struct reply *reply)
{
    const struct command *container;
    const struct command *command = command_find(argv, argc, &container);

    if (container)
        refuse_unknown_subcommand(argv, reply);
    else if (!command)
        refuse_unknown(argv, argc, reply);
    else if (!may_have(session, command, argc))
        command_refuse_arity(command, reply);
    else if (command->flags & CMD_PROTECTED && !may_run_protected(&core->config, session))
        refuse_protected(reply);
    else if (!session->authenticated && !(command->flags & CMD_NO_AUTH) && core->config.requirepass[0] != '\0')
        refuse_unauthenticated(command, reply);
    else if (__builtin_expect(lacks_memory(core, session, command), 0))
        reply_error(reply, CORE_OUT_OF_MEMORY);
    else if (core_refuses_writes(core) && refuse_for_disk(core, command, reply))
        return NULL;
    else if (session_takes_messages_only(session) && !(command->pubsub & PUBSUB_ALLOWED))
        refuse_subscribed(command, reply);
    else if (core->loading && !(command->flags & CMD_LOADING))
        reply_error(reply, "LOADING Redis is loading the dataset in memory");
    else if (session->monitoring && command->flags & (CMD_WRITE | CMD_READONLY | CMD_MAY_REPLICATE))
        reply_error(reply, "ERR Replica can't interact with the keyspace");
    else if (session_is_queuing(session) && command->flags & CMD_NO_MULTI)
        reply_error(reply, "ERR Command not allowed inside a transaction");
    else
        return command;
    return NULL;
}

bool command_is_paused(uint32_t flags, const struct sessions *sessions, int64_t now_ms)
{
    if (!sessions_paused(sessions, now_ms))
        return false;
    return sessions->pause == SESSION_PAUSE_ALL || flags & (CMD_WRITE | CMD_MAY_REPLICATE);
}
