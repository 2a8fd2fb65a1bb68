/* What follows from a command's row: whether the arguments fit it, where its
 * keys are, which categories it is in, what it is called in full. */
#include "core/command.h"

#include <ctype.h>
#include <stdio.h>

#include "core/number.h"

bool command_arity_fits(const struct command *command, int argc)
{
    return command->arity >= 0 ? argc == command->arity : argc >= -command->arity;
}

uint32_t command_categories(const struct command *command)
{
    static const struct {
        uint32_t flag, categories;
    } implied[] = {
        {CMD_WRITE, ACL_WRITE},   {CMD_READONLY, ACL_READ}, {CMD_ADMIN, ACL_ADMIN | ACL_DANGEROUS},
        {CMD_PUBSUB, ACL_PUBSUB}, {CMD_FAST, ACL_FAST},     {CMD_BLOCKING, ACL_BLOCKING},
    };
    uint32_t categories = command->acl;

    for (size_t i = 0; i < sizeof implied / sizeof *implied; i++) {
        if (command->flags & implied[i].flag)
            categories |= implied[i].categories;
    }
    if (command->acl & ACL_SCRIPTING) /* what a script does is asked about command by command */
        categories &= ~(uint32_t)ACL_READ;
    return categories & ACL_FAST ? categories : categories | ACL_SLOW;
}

const char *command_full_name(const struct command *command, char text[static 64])
{
    if (command->flags & CMD_HIDDEN)
        snprintf(text, 64, "%s", command->parent->name);
    else if (command->parent)
        snprintf(text, 64, "%s|%s", command->parent->name, command->name);
    else
        snprintf(text, 64, "%s", command->name);
    return text;
}

const char *command_capitals(struct str called, char text[static COMMAND_CALLED_BYTES])
{
    size_t length = 0;

    for (; length < called.length && length < COMMAND_CALLED_BYTES - 1; length++) {
        unsigned char byte = (unsigned char)called.bytes[length];

        text[length] = iscntrl(byte) ? ' ' : (char)toupper(byte);
    }
    text[length] = '\0';
    return text;
}

/* Keys at first, first + step, … up to last, in argv. */
struct key_run {
    int64_t first, last, step;
};

/* The argument that the search begins at; 0 when the keyword is not there. As in Redis, it is not looked for where the
 * search ends: in the last argument, or in the first. */
static int64_t spec_begin(const struct key_spec *spec, const struct str *argv, int argc)
{
    int64_t start = spec->index >= 0 ? spec->index : argc + spec->index;
    int64_t direction = spec->index >= 0 ? 1 : -1, end = spec->index >= 0 ? argc - 1 : 1;

    if (spec->begin == KEY_BEGIN_INDEX)
        return start;
    for (int64_t i = start; i > 0 && i < argc && i != end; i += direction) {
        if (str_equal_nocase(argv[i], spec->keyword))
            return i + 1;
    }
    return 0;
}

static bool spec_counted(const struct key_spec *spec, int64_t begin, const struct str *argv, int argc,
                         struct key_run *run)
{
    int64_t count;

    if (begin + spec->count_at >= argc || !number_parse_integer(argv[begin + spec->count_at], &count))
        return false;
    if (count < 1 || count > argc)
        return false;
    run->first = begin + spec->first_at;
    run->last = run->first + (count - 1) * spec->step;
    return true;
}

static void spec_range(const struct key_spec *spec, int64_t begin, int argc, struct key_run *run)
{
    run->first = begin;
    if (spec->last >= 0)
        run->last = begin + spec->last;
    else if (spec->limit <= 1)
        run->last = argc + spec->last;
    else
        run->last = begin + (argc - begin) / spec->limit + spec->last;
}

/* False: the arguments do not fit. run->step 0: the specification has no keys here. */
static bool spec_resolve(const struct key_spec *spec, const struct str *argv, int argc, struct key_run *run)
{
    int64_t begin;

    *run = (struct key_run){0};
    if (spec->flags & KEY_NOT_KEY)
        return true;
    if (spec->begin == KEY_BEGIN_UNKNOWN || spec->find == KEY_FIND_UNKNOWN)
        return false;
    begin = spec_begin(spec, argv, argc);
    if (begin == 0)
        return true;
    run->step = spec->step;
    if (spec->find == KEY_FIND_RANGE)
        spec_range(spec, begin, argc, run);
    else if (!spec_counted(spec, begin, argv, argc, run))
        return false;
    return run->first > 0 && run->first <= run->last && run->last < argc;
}

bool command_each_key(const struct command *command, const struct str *argv, int argc, command_visit_key *visit,
                      void *context)
{
    if (!command->find_keys)
        return command_each_stated_key(command, argv, argc, visit, context);
    command->find_keys(argv, argc, visit, context);
    return true;
}

bool command_each_stated_key(const struct command *command, const struct str *argv, int argc, command_visit_key *visit,
                             void *context)
{
    for (int i = 0; i < COMMAND_KEY_SPECS && command->keys[i].begin != KEY_BEGIN_NONE; i++) {
        const struct key_spec *spec = &command->keys[i];
        uint16_t flags = spec->flags;
        struct key_run run;

        if (!spec_resolve(spec, argv, argc, &run))
            return false;
        if (flags & KEY_VARIABLE_FLAGS && command->refine)
            flags = command->refine(argv, argc);
        for (int64_t at = run.first; run.step > 0 && at <= run.last; at += run.step)
            visit(context, (struct key_position){(int)at, flags});
    }
    return true;
}
