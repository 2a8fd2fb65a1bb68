/* A command's row as documentation: maps whose optional pairs are counted as they are written. */
#include "core/command_docs.h"

#include "core/command.h"
#include "core/command_syntax.h"
#include "core/resp_write.h"

static void reply_argument(const struct command *command, const struct command_syntax *syntax, int index,
                           struct reply *reply);

/* Writes the pair when there is a value; returns how many pairs that are. */
static int pair(struct reply *reply, const char *name, struct str value)
{
    if (value.length == 0)
        return 0;
    reply_bulk(reply, str_from(name));
    reply_bulk(reply, value);
    return 1;
}

static int pair_text(struct reply *reply, const char *name, const char *value)
{
    return value ? pair(reply, name, str_from(value)) : 0;
}

/* The specification that a key argument belongs to: one specification may cover
 * several arguments, and else each argument has its own. */
static int key_spec_index(const struct command *command, int key_number)
{
    int specs = 0;

    while (specs < COMMAND_KEY_SPECS && command->keys[specs].begin != KEY_BEGIN_NONE)
        specs++;
    return key_number < specs ? key_number : specs - 1;
}

static int argument_flags(const struct syntax_argument *argument, struct reply *reply)
{
    int count = argument->optional + argument->multiple + argument->multiple_token;

    if (count == 0)
        return 0;
    reply_bulk(reply, STR("flags"));
    reply_set(reply, count);
    if (argument->optional)
        reply_simple(reply, "optional");
    if (argument->multiple)
        reply_simple(reply, "multiple");
    if (argument->multiple_token)
        reply_simple(reply, "multiple_token");
    return 1;
}

/* "arguments" and the siblings from `first` on. */
static int argument_list(const struct command *command, const struct command_syntax *syntax, int first,
                         struct reply *reply)
{
    size_t mark;
    int count = 0;

    if (first < 0)
        return 0;
    reply_bulk(reply, STR("arguments"));
    mark = reply_mark(reply);
    for (int i = first; i >= 0; i = syntax->arguments[i].next, count++)
        reply_argument(command, syntax, i, reply);
    reply_array_at(reply, mark, count);
    return 1;
}

static int argument_key_spec(const struct command *command, const struct syntax_argument *argument, struct reply *reply)
{
    if (argument->type != SYNTAX_KEY)
        return 0;
    reply_bulk(reply, STR("key_spec_index"));
    reply_integer(reply, key_spec_index(command, argument->key_number));
    return 1;
}

static void reply_argument(const struct command *command, const struct command_syntax *syntax, int index,
                           struct reply *reply)
{
    const struct syntax_argument *argument = &syntax->arguments[index];
    size_t mark = reply_mark(reply);
    int pairs = pair(reply, "name", argument->name);

    pairs += pair_text(reply, "type", syntax_type_name(argument->type));
    if (argument->first_child < 0)
        pairs += pair(reply, "display_text", argument->name);
    pairs += argument_key_spec(command, argument, reply);
    pairs += pair(reply, "token", argument->token);
    pairs += argument_flags(argument, reply);
    pairs += argument_list(command, syntax, argument->first_child, reply);
    reply_map_at(reply, mark, pairs);
}

static int doc_flags(const struct command *command, struct reply *reply)
{
    bool deprecated = command->flags & CMD_DEPRECATED, syscmd = command->flags & CMD_SYSCMD;

    if (!deprecated && !syscmd)
        return 0;
    reply_bulk(reply, STR("doc_flags"));
    reply_set(reply, deprecated + syscmd);
    if (deprecated)
        reply_simple(reply, "deprecated");
    if (syscmd)
        reply_simple(reply, "syscmd");
    return 1;
}

static int arguments(const struct command *command, struct reply *reply)
{
    struct command_syntax syntax;

    command_syntax_parse(&syntax, command->syntax);
    return argument_list(command, &syntax, syntax.first, reply);
}

static int subcommands(const struct command *command, struct reply *reply)
{
    size_t mark;
    int count = 0;
    char name[64];

    if (!command_shown_subcommands(command))
        return 0;
    reply_bulk(reply, STR("subcommands"));
    mark = reply_mark(reply);
    for (const struct command *row = command->subcommands; row->name; row++, count++) {
        reply_bulk(reply, str_from(command_full_name(row, name)));
        command_docs(row, reply);
    }
    reply_map_at(reply, mark, count);
    return 1;
}

void command_docs(const struct command *command, struct reply *reply)
{
    size_t mark = reply_mark(reply);
    int pairs = pair_text(reply, "summary", command->summary);

    pairs += pair_text(reply, "since", command->since);
    pairs += pair_text(reply, "group", command->group);
    pairs += pair_text(reply, "complexity", command->complexity);
    pairs += doc_flags(command, reply);
    pairs += pair_text(reply, "deprecated_since", command->deprecated_since);
    pairs += pair_text(reply, "replaced_by", command->replaced_by);
    pairs += arguments(command, reply);
    pairs += subcommands(command, reply);
    reply_map_at(reply, mark, pairs);
}
