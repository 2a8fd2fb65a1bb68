/* One table says which word belongs to which group and who takes it. */
#include "core/string_options.h"

#include "core/args.h"
#include "core/call.h"
#include "core/string_value.h"

enum option_group { GROUP_CONDITION, GROUP_EXPIRY, GROUP_GET };

static const struct option {
    const char *word;
    uint8_t group;
    uint8_t choice; /* of the group's enum */
    uint8_t commands;
    bool operand; /* the next argument belongs to it */
} option_table[] = {
    {"ex", GROUP_EXPIRY, STRING_EXPIRY_SECONDS, STRING_SET | STRING_GETEX | STRING_MSETEX, true},
    {"px", GROUP_EXPIRY, STRING_EXPIRY_MILLISECONDS, STRING_SET | STRING_GETEX | STRING_MSETEX, true},
    {"nx", GROUP_CONDITION, STRING_ABSENT, STRING_SET | STRING_MSETEX, false},
    {"xx", GROUP_CONDITION, STRING_PRESENT, STRING_SET | STRING_MSETEX, false},
    {"get", GROUP_GET, 0, STRING_SET, false},
    {"keepttl", GROUP_EXPIRY, STRING_EXPIRY_KEEP, STRING_SET | STRING_MSETEX, false},
    {"persist", GROUP_EXPIRY, STRING_EXPIRY_PERSIST, STRING_GETEX, false},
    {"exat", GROUP_EXPIRY, STRING_EXPIRY_AT_SECONDS, STRING_SET | STRING_GETEX | STRING_MSETEX, true},
    {"pxat", GROUP_EXPIRY, STRING_EXPIRY_AT_MILLISECONDS, STRING_SET | STRING_GETEX | STRING_MSETEX, true},
    {"ifeq", GROUP_CONDITION, STRING_EQUAL, STRING_SET, true},
    {"ifne", GROUP_CONDITION, STRING_NOT_EQUAL, STRING_SET, true},
    {"ifdeq", GROUP_CONDITION, STRING_DIGEST_EQUAL, STRING_SET, true},
    {"ifdne", GROUP_CONDITION, STRING_DIGEST_NOT_EQUAL, STRING_SET, true},
};

static const struct option *option_find(struct str word)
{
    for (size_t i = 0; i < sizeof(option_table) / sizeof(option_table[0]); i++)
        if (arg_is(word, option_table[i].word))
            return &option_table[i];
    return NULL;
}

/* False: an option of the same group was named before. */
static bool option_apply(struct string_options *options, const struct option *option, struct str operand)
{
    struct string_condition *condition = &options->condition;

    switch ((enum option_group)option->group) {
    case GROUP_GET:
        options->get = true;
        return true;
    case GROUP_CONDITION:
        if (condition->when != STRING_ALWAYS && condition->when != option->choice)
            return false;
        *condition = (struct string_condition){option->choice, operand};
        return true;
    case GROUP_EXPIRY:
        if (options->expiry != STRING_EXPIRY_NONE && options->expiry != option->choice)
            return false;
        options->expiry = option->choice;
        options->expiry_text = operand;
        return true;
    }
    return false;
}

bool string_options_parse(struct call *call, int first, enum string_command command, struct string_options *options)
{
    *options = (struct string_options){0};
    for (int i = first; i < call->argc; i++) {
        const struct option *option = option_find(call->argv[i]);
        struct str operand = {0};

        if (option == NULL || !(option->commands & command) || (option->operand && i + 1 == call->argc)) {
            args_syntax_error(call->reply);
            return false;
        }
        if (option->operand)
            operand = call->argv[++i];
        if (!option_apply(options, option, operand)) {
            args_syntax_error(call->reply);
            return false;
        }
    }
    return string_condition_check(call->reply, &options->condition);
}

bool string_options_expiry(struct call *call, const struct string_options *options, int64_t *expiry_ms)
{
    bool seconds = options->expiry == STRING_EXPIRY_SECONDS || options->expiry == STRING_EXPIRY_AT_SECONDS;

    *expiry_ms = -1;
    if (options->expiry_text.bytes == NULL)
        return true;
    return args_expiry(call, options->expiry_text, seconds ? ARGS_SECONDS : ARGS_MILLISECONDS,
                       string_options_expire_at(options), false, expiry_ms);
}

enum string_when string_condition_named(struct str word)
{
    const struct option *option = option_find(word);

    if (option == NULL || option->group != GROUP_CONDITION || option->choice < STRING_EQUAL)
        return STRING_ALWAYS;
    return option->choice;
}

bool string_condition_check(struct reply *reply, const struct string_condition *condition)
{
    bool digest = condition->when == STRING_DIGEST_EQUAL || condition->when == STRING_DIGEST_NOT_EQUAL;

    if (!digest || condition->operand.length == STRING_DIGEST_LENGTH)
        return true;
    reply_error(reply, "ERR must be exactly 16 hexadecimal characters");
    return false;
}

static bool value_equal(const struct entry *entry, struct str operand)
{
    return entry != NULL && string_equal(entry, operand);
}

static bool digest_equal(const struct entry *entry, struct str operand)
{
    char text[STRING_DIGEST_LENGTH + 1];

    if (entry == NULL)
        return false;
    string_digest(entry, text);
    text[STRING_DIGEST_LENGTH] = '\0';
    return str_equal_nocase(operand, text);
}

bool string_condition_holds(const struct string_condition *condition, const struct entry *entry)
{
    switch (condition->when) {
    case STRING_ALWAYS:
        return true;
    case STRING_ABSENT:
        return entry == NULL;
    case STRING_PRESENT:
        return entry != NULL;
    case STRING_EQUAL:
        return value_equal(entry, condition->operand);
    case STRING_NOT_EQUAL:
        return !value_equal(entry, condition->operand);
    case STRING_DIGEST_EQUAL:
        return digest_equal(entry, condition->operand);
    case STRING_DIGEST_NOT_EQUAL:
        return !digest_equal(entry, condition->operand);
    }
    return false;
}
