/* The words are walked over one by one, as what follows one may look like another: "GET store". */
#include "core/sort_options.h"

#include "core/args.h"
#include "core/assert.h"
#include "core/call.h"

enum sort_word { WORD_WRONG, WORD_ASC, WORD_DESC, WORD_ALPHA, WORD_LIMIT, WORD_STORE, WORD_BY, WORD_GET };

static const struct {
    const char *name;
    int operands;
} words[] = {
    [WORD_ASC] = {"asc", 0},     [WORD_DESC] = {"desc", 0}, [WORD_ALPHA] = {"alpha", 0}, [WORD_LIMIT] = {"limit", 2},
    [WORD_STORE] = {"store", 1}, [WORD_BY] = {"by", 1},     [WORD_GET] = {"get", 1},
};

static enum sort_word word_at(const struct str *argv, int argc, int at)
{
    for (enum sort_word word = WORD_ASC; word <= WORD_GET; word++)
        if (arg_is(argv[at], words[word].name) && argc - at > words[word].operands)
            return word;
    return WORD_WRONG;
}

static struct str part(struct str text, size_t from, size_t to)
{
    return (struct str){text.bytes + from, to - from};
}

/* An arrow behind the '*', with a field behind it, names a field. */
static struct sort_pattern parse_pattern(struct str text)
{
    const char *star = text.length > 0 ? memchr(text.bytes, '*', text.length) : NULL;

    if (star == NULL)
        return (struct sort_pattern){.source = str_equal(text, STR("#")) ? SORT_ELEMENT : SORT_NOTHING};
    size_t behind = (size_t)(star - text.bytes) + 1;
    struct sort_pattern pattern = {.source = SORT_KEY, .before = part(text, 0, behind - 1)};
    const char *arrow = memmem(star + 1, text.length - behind, "->", 2);
    size_t end = arrow != NULL ? (size_t)(arrow - text.bytes) : text.length;
    if (arrow != NULL && end + 2 < text.length) {
        pattern.source = SORT_FIELD;
        pattern.field = part(text, end + 2, text.length);
        pattern.after = part(text, behind, end);
    } else {
        pattern.after = part(text, behind, text.length);
    }
    return pattern;
}

static void take_by(struct sort_options *options, struct str text)
{
    struct sort_pattern pattern = parse_pattern(text);

    if (pattern.source < SORT_KEY)
        options->unsorted = true;
    options->has_by = true;
    options->by = pattern;
}

/* One word with its operands. False: answered. */
static bool take_word(struct call *call, enum sort_word word, const struct str *operands, struct sort_options *options)
{
    switch (word) {
    case WORD_ASC:
    case WORD_DESC:
        options->descending = word == WORD_DESC;
        return true;
    case WORD_ALPHA:
        options->alpha = true;
        return true;
    case WORD_LIMIT:
        return args_integer(call->reply, operands[0], &options->first) &&
               args_integer(call->reply, operands[1], &options->count);
    case WORD_STORE:
        options->stores = true;
        options->target = operands[0];
        return true;
    case WORD_BY:
        take_by(options, operands[0]);
        return true;
    case WORD_GET:
        options->gets++;
        return true;
    case WORD_WRONG:
        break;
    }
    args_syntax_error(call->reply);
    return false;
}

bool sort_options_parse(struct call *call, bool may_store, struct sort_options *options)
{
    *options = (struct sort_options){.count = -1};
    for (int at = 2; at < call->argc;) {
        enum sort_word word = word_at(call->argv, call->argc, at);

        if (word == WORD_STORE && !may_store)
            word = WORD_WRONG;
        if (!take_word(call, word, call->argv + at + 1, options))
            return false;
        at += 1 + words[word].operands;
    }
    return true;
}

/* The next `word` in argv[at] and behind it; 0: none, or something wrong before it. */
static int find_word(const struct str *argv, int argc, int at, enum sort_word wanted)
{
    while (at < argc) {
        enum sort_word word = word_at(argv, argc, at);

        if (word == wanted)
            return at;
        if (word == WORD_WRONG)
            return 0;
        at += 1 + words[word].operands;
    }
    return 0;
}

struct sort_pattern sort_next_get(const struct str *argv, int argc, int *at)
{
    int found = find_word(argv, argc, *at > 0 ? *at : 2, WORD_GET);

    ASSERT(found > 0);
    *at = found + 2;
    return parse_pattern(argv[found + 1]);
}

/* For the command table. */

static bool has_pattern(const struct str *argv, int argc, enum sort_word word)
{
    for (int at = 2; (at = find_word(argv, argc, at, word)) > 0; at += 2)
        if (parse_pattern(argv[at + 1]).source >= SORT_KEY)
            return true;
    return false;
}

bool sort_reaches_all(const struct str *argv, int argc)
{
    return has_pattern(argv, argc, WORD_BY) || has_pattern(argv, argc, WORD_GET);
}

void sort_ro_find_keys(const struct str *argv, int argc, command_visit_key *visit, void *context)
{
    visit(context, (struct key_position){1, KEY_RO | KEY_ACCESS});
}

/* The last STORE is the one that holds. */
void sort_find_keys(const struct str *argv, int argc, command_visit_key *visit, void *context)
{
    int last = 0;

    sort_ro_find_keys(argv, argc, visit, context);
    for (int at = 2; (at = find_word(argv, argc, at, WORD_STORE)) > 0; at += 2)
        last = at + 1;
    if (last > 0)
        visit(context, (struct key_position){last, KEY_OW | KEY_UPDATE});
}
