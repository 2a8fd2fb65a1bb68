/* COMMAND: the command table, told to clients. */
#include "core/args.h"
#include "core/call.h"
#include "core/command.h"
#include "core/command_docs.h"
#include "core/command_info.h"
#include "core/handlers.h"

void cmd_command(struct call *call)
{
    reply_array(call->reply, (int64_t)command_count());
    for (const struct command *row = command_table; row->name; row++)
        command_info(row, call->reply);
}

void cmd_command_count(struct call *call)
{
    reply_integer(call->reply, (int64_t)command_count());
}

void cmd_command_info(struct call *call)
{
    if (call->argc == 2) {
        cmd_command(call);
        return;
    }
    reply_array(call->reply, call->argc - 2);
    for (int i = 2; i < call->argc; i++) {
        const struct command *row = command_find_by_name(call->argv[i]);

        if (row)
            command_info(row, call->reply);
        else
            reply_null(call->reply);
    }
}

static void reply_docs(const struct command *row, struct reply *reply)
{
    char name[64];

    reply_bulk(reply, str_from(command_full_name(row, name)));
    command_docs(row, reply);
}

static void reply_all_docs(struct reply *reply)
{
    reply_map(reply, (int64_t)command_count());
    for (const struct command *row = command_table; row->name; row++)
        reply_docs(row, reply);
}

/* Commands that there are none of are left out. */
void cmd_command_docs(struct call *call)
{
    size_t mark = reply_mark(call->reply);
    int64_t count = 0;

    if (call->argc == 2) {
        reply_all_docs(call->reply);
        return;
    }
    for (int i = 2; i < call->argc; i++) {
        const struct command *row = command_find_by_name(call->argv[i]);

        if (!row)
            continue;
        reply_docs(row, call->reply);
        count++;
    }
    reply_map_at(call->reply, mark, count);
}

/* Which names COMMAND LIST shows; all zero: every one. */
struct list_filter {
    struct str pattern; /* bytes NULL: any */
    uint32_t category;  /* 0: any */
    bool nothing;
};

static bool filter_parse(const struct call *call, struct list_filter *filter)
{
    *filter = (struct list_filter){0};
    if (call->argc == 2)
        return true;
    if (call->argc != 5 || !arg_is(call->argv[2], "filterby"))
        return false;
    if (arg_is(call->argv[3], "module")) {
        filter->nothing = true; /* there are no modules */
    } else if (arg_is(call->argv[3], "aclcat")) {
        filter->category = command_category_named(call->argv[4]);
        filter->nothing = filter->category == 0;
    } else if (arg_is(call->argv[3], "pattern")) {
        filter->pattern = call->argv[4];
    } else {
        return false;
    }
    return true;
}

static bool filter_passes(const struct list_filter *filter, const struct command *row, const char *name)
{
    if (filter->nothing || row->flags & CMD_HIDDEN)
        return false;
    if (filter->category && !(command_categories(row) & filter->category))
        return false;
    return !filter->pattern.bytes || str_glob_match(filter->pattern, str_from(name), true);
}

/* The names of the rows that pass, each followed by those of its subcommands; returns how many. */
static int64_t list_names(const struct list_filter *filter, const struct command *row, struct reply *reply)
{
    int64_t count = 0;
    char name[64];

    for (; row->name; row++) {
        if (filter_passes(filter, row, command_full_name(row, name))) {
            reply_bulk(reply, str_from(name));
            count++;
        }
        if (row->subcommands)
            count += list_names(filter, row->subcommands, reply);
    }
    return count;
}

void cmd_command_list(struct call *call)
{
    size_t mark = reply_mark(call->reply);
    struct list_filter filter;

    if (!filter_parse(call, &filter)) {
        args_syntax_error(call->reply);
        return;
    }
    reply_array_at(call->reply, mark, list_names(&filter, command_table, call->reply));
}

/* Writing the keys of a request as they are found. */
struct key_list {
    struct reply *reply;
    const struct str *argv;
    bool with_flags;
    int64_t count;
};

static void list_key(void *context, struct key_position key)
{
    struct key_list *list = context;

    if (list->with_flags)
        reply_array(list->reply, 2);
    reply_bulk(list->reply, list->argv[key.index]);
    if (list->with_flags)
        command_key_flags(key.flags, list->reply);
    list->count++;
}

/* Channels are stated like keys, and are none. */
static bool has_keys(const struct command *row)
{
    return row->keys[0].begin != KEY_BEGIN_NONE && !(row->keys[0].flags & KEY_NOT_KEY);
}

/* NULL: there is none whose keys could be told, and the error has been written. */
static const struct command *find_keyed_command(struct call *call)
{
    const struct command *container;
    const struct command *row = command_find(call->argv + 2, call->argc - 2, &container);

    if (!row)
        reply_error(call->reply, "ERR Invalid command specified");
    else if (!has_keys(row) || row->flags & CMD_HIDDEN)
        reply_error(call->reply, "ERR The command has no key arguments");
    else if (!command_arity_fits(row, call->argc - 2))
        reply_error(call->reply, "ERR Invalid number of arguments specified for command");
    else
        return row;
    return NULL;
}

/* As in Redis, what the specifications state, also of options that a later one overrides; where they do not fit, what
 * the command finds. False: there are none. */
static bool list_keys(const struct command *row, struct key_list *list, int argc)
{
    size_t mark = reply_mark(list->reply);

    if (command_each_stated_key(row, list->argv, argc, list_key, list))
        return list->count > 0;
    list->reply->buffer.length = mark;
    list->count = 0;
    return command_each_key(row, list->argv, argc, list_key, list) && list->count > 0;
}

static void reply_keys(struct call *call, bool with_flags)
{
    const struct command *row = find_keyed_command(call);
    struct reply *reply = call->reply;
    size_t mark = reply_mark(reply);
    struct key_list list = {reply, call->argv + 2, with_flags, 0};

    if (!row)
        return;
    if (list_keys(row, &list, call->argc - 2)) {
        reply_array_at(reply, mark, list.count);
        return;
    }
    reply->buffer.length = mark;
    if (row->flags & CMD_NO_MANDATORY_KEYS)
        reply_array(reply, 0);
    else
        reply_error(reply, "ERR Invalid arguments specified for command");
}

void cmd_command_getkeys(struct call *call)
{
    reply_keys(call, false);
}

void cmd_command_getkeysandflags(struct call *call)
{
    reply_keys(call, true);
}

void cmd_command_help(struct call *call)
{
    static const char *const lines[] = {
        "(no subcommand)",
        "    Return details about all Redis commands.",
        "COUNT",
        "    Return the total number of commands in this Redis server.",
        "LIST",
        "    Return a list of all commands in this Redis server.",
        "INFO [<command-name> ...]",
        "    Return details about multiple Redis commands.",
        "    If no command names are given, documentation details for all",
        "    commands are returned.",
        "DOCS [<command-name> ...]",
        "    Return documentation details about multiple Redis commands.",
        "    If no command names are given, documentation details for all",
        "    commands are returned.",
        "GETKEYS <full-command>",
        "    Return the keys from a full Redis command.",
        "GETKEYSANDFLAGS <full-command>",
        "    Return the keys and the access flags from a full Redis command.",
        NULL,
    };

    args_help(call, lines);
}
