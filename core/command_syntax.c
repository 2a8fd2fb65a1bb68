/* Recursive descent over the notation; arguments lie in one array and are
 * linked by index. A repetition "x y [x y ...]" is recognized by its text: what
 * stands in the brackets must stand right before them as well. */
#include "core/command_syntax.h"

#include <ctype.h>

#include "core/assert.h"

struct syntax_parser {
    struct command_syntax *syntax;
    const char *begin, *at;
};

/* Siblings; indexes, -1 when empty. */
struct chain {
    int first, last;
};

static struct chain parse_alternatives(struct syntax_parser *parser);

static struct syntax_argument *argument_at(struct syntax_parser *parser, int index)
{
    return &parser->syntax->arguments[index];
}

static int add_argument(struct syntax_parser *parser, enum syntax_type type, struct str name)
{
    int index = parser->syntax->count++;

    ASSERT(index < SYNTAX_ARGUMENTS_MAX);
    *argument_at(parser, index) = (struct syntax_argument){
        .name = name, .token = STR(""), .type = type, .first_child = -1, .next = -1, .source = parser->at};
    return index;
}

static void chain_append(struct syntax_parser *parser, struct chain *chain, int index)
{
    if (chain->first < 0)
        chain->first = index;
    else
        argument_at(parser, chain->last)->next = index;
    chain->last = index;
}

static void append_text(struct command_syntax *syntax, struct str text, bool lower_case)
{
    ASSERT(syntax->text_length + text.length <= SYNTAX_TEXT_BYTES);
    for (size_t i = 0; i < text.length; i++)
        syntax->text[syntax->text_length++] =
            (char)(lower_case ? tolower((unsigned char)text.bytes[i]) : text.bytes[i]);
}

static struct str lower_case_name(struct command_syntax *syntax, struct str token)
{
    const char *name = syntax->text + syntax->text_length;

    append_text(syntax, token, true);
    return (struct str){name, token.length};
}

/* "key_value": the names of a chain's members, joined. */
static struct str joined_name(struct syntax_parser *parser, struct chain chain)
{
    struct command_syntax *syntax = parser->syntax;
    size_t begin = syntax->text_length;

    for (int i = chain.first; i >= 0; i = argument_at(parser, i)->next) {
        if (i != chain.first)
            append_text(syntax, STR("_"), false);
        append_text(syntax, argument_at(parser, i)->name, false);
    }
    return (struct str){syntax->text + begin, syntax->text_length - begin};
}

/* One argument for a chain: itself when it has one member, else a group of it. */
static int group(struct syntax_parser *parser, enum syntax_type type, struct chain chain)
{
    int index;

    ASSERT(chain.first >= 0);
    if (chain.first == chain.last)
        return chain.first;
    index = add_argument(parser, type, joined_name(parser, chain));
    argument_at(parser, index)->first_child = chain.first;
    argument_at(parser, index)->source = argument_at(parser, chain.first)->source;
    return index;
}

static bool is_word_byte(char byte)
{
    return byte != '\0' && !strchr(" []<>|", byte);
}

static struct str take_word(struct syntax_parser *parser)
{
    struct str word = {parser->at, 0};

    while (is_word_byte(*parser->at))
        parser->at++;
    word.length = (size_t)(parser->at - word.bytes);
    ASSERT(word.length > 0);
    return word;
}

static void skip_spaces(struct syntax_parser *parser)
{
    while (*parser->at == ' ')
        parser->at++;
}

static void expect(struct syntax_parser *parser, char byte)
{
    skip_spaces(parser);
    ASSERT(*parser->at == byte);
    parser->at++;
}

static const char *const type_names[] = {
    [SYNTAX_STRING] = "string",         [SYNTAX_INTEGER] = "integer",
    [SYNTAX_DOUBLE] = "double",         [SYNTAX_KEY] = "key",
    [SYNTAX_PATTERN] = "pattern",       [SYNTAX_UNIX_TIME] = "unix-time",
    [SYNTAX_PURE_TOKEN] = "pure-token", [SYNTAX_ONEOF] = "oneof",
    [SYNTAX_BLOCK] = "block",
};

const char *syntax_type_name(enum syntax_type type)
{
    return type_names[type];
}

/* Names that stand for something other than any string. */
static enum syntax_type type_of_name(struct str name)
{
    static const struct {
        const char *name;
        enum syntax_type type;
    } known[] = {
        {"key", SYNTAX_KEY},
        {"key1", SYNTAX_KEY},
        {"key2", SYNTAX_KEY},
        {"source", SYNTAX_KEY},
        {"destination", SYNTAX_KEY},
        {"newkey", SYNTAX_KEY},
        {"pattern", SYNTAX_PATTERN},
        {"seconds", SYNTAX_INTEGER},
        {"milliseconds", SYNTAX_INTEGER},
        {"increment", SYNTAX_INTEGER},
        {"decrement", SYNTAX_INTEGER},
        {"offset", SYNTAX_INTEGER},
        {"start", SYNTAX_INTEGER},
        {"end", SYNTAX_INTEGER},
        {"count", SYNTAX_INTEGER},
        {"cursor", SYNTAX_INTEGER},
        {"db", SYNTAX_INTEGER},
        {"destination-db", SYNTAX_INTEGER},
        {"index", SYNTAX_INTEGER},
        {"index1", SYNTAX_INTEGER},
        {"index2", SYNTAX_INTEGER},
        {"numkeys", SYNTAX_INTEGER},
        {"timeout", SYNTAX_INTEGER},
        {"client-id", SYNTAX_INTEGER},
        {"protover", SYNTAX_INTEGER},
        {"version", SYNTAX_INTEGER},
        {"maxage", SYNTAX_INTEGER},
        {"min-match-len", SYNTAX_INTEGER},
        {"unix-time-seconds", SYNTAX_UNIX_TIME},
        {"unix-time-milliseconds", SYNTAX_UNIX_TIME},
    };

    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (str_equal(name, str_from(known[i].name)))
            return known[i].type;
    }
    return SYNTAX_STRING;
}

/* "increment:double" is cut at the colon, "ip:port" is a name. */
static enum syntax_type take_type(struct str *word)
{
    const char *colon = memchr(word->bytes, ':', word->length);
    struct str type;

    if (!colon)
        return type_of_name(*word);
    type = (struct str){colon + 1, word->length - (size_t)(colon - word->bytes) - 1};
    for (int i = 0; i < SYNTAX_PURE_TOKEN; i++) {
        if (str_equal(type, str_from(type_names[i]))) {
            word->length = (size_t)(colon - word->bytes);
            return (enum syntax_type)i;
        }
    }
    return SYNTAX_STRING;
}

static int parse_value(struct syntax_parser *parser)
{
    const char *source = parser->at;
    struct str name = take_word(parser);
    enum syntax_type type = take_type(&name);
    int index = add_argument(parser, type, name);

    argument_at(parser, index)->source = source;
    if (type == SYNTAX_KEY)
        argument_at(parser, index)->key_number = parser->syntax->key_count++;
    return index;
}

/* The repeated text when "[" begins a repetition of what stands before it, else empty. */
static struct str repetition(const struct syntax_parser *parser)
{
    const char *end = strstr(parser->at, " ...]");
    struct str body;

    if (!end || memchr(parser->at + 1, '[', (size_t)(end - parser->at - 1)))
        return STR("");
    body = (struct str){parser->at + 1, (size_t)(end - parser->at) - 1};
    if ((size_t)(parser->at - parser->begin) < body.length + 1 ||
        memcmp(parser->at - 1 - body.length, body.bytes, body.length) != 0)
        return STR("");
    return body;
}

/* Makes the chain's members from `from` on, which comes after `previous`, one argument that repeats. */
static void fold_repeated(struct syntax_parser *parser, struct chain *chain, int previous, int from)
{
    int index = group(parser, SYNTAX_BLOCK, (struct chain){from, chain->last});
    struct syntax_argument *argument = argument_at(parser, index);

    argument->multiple = true;
    argument->multiple_token = argument->token.length > 0;
    if (previous >= 0)
        argument_at(parser, previous)->next = index;
    else
        chain->first = index;
    chain->last = index;
}

/* At a "[": true when it repeated the chain's tail and has been consumed. */
static bool parse_repetition(struct syntax_parser *parser, struct chain *chain)
{
    struct str body = repetition(parser);
    int previous = -1, from = chain->first;

    while (from >= 0 && argument_at(parser, from)->source != parser->at - 1 - body.length) {
        previous = from;
        from = argument_at(parser, from)->next;
    }
    if (body.length == 0 || from < 0)
        return false;
    fold_repeated(parser, chain, previous, from);
    parser->at = body.bytes + body.length + strlen(" ...]");
    return true;
}

/* Between brackets: [ … ] or < … >. */
static int parse_group(struct syntax_parser *parser, struct str label)
{
    const char *source = parser->at;
    bool optional = *parser->at++ == '[', repeated;
    int index = group(parser, SYNTAX_BLOCK, parse_alternatives(parser));

    skip_spaces(parser);
    repeated = strncmp(parser->at, "...", 3) == 0;
    parser->at += repeated ? 3 : 0;
    expect(parser, optional ? ']' : '>');
    argument_at(parser, index)->optional |= optional;
    argument_at(parser, index)->multiple |= repeated;
    argument_at(parser, index)->source = source;
    if (label.length > 0)
        argument_at(parser, index)->name = label;
    return index;
}

/* The values that belong to a token. */
static struct chain parse_token_values(struct syntax_parser *parser)
{
    struct chain values = {-1, -1};

    for (;;) {
        skip_spaces(parser);
        if (*parser->at == '[' && parse_repetition(parser, &values))
            continue;
        if (*parser->at == '<')
            chain_append(parser, &values, parse_group(parser, STR("")));
        else if (islower((unsigned char)*parser->at))
            chain_append(parser, &values, parse_value(parser));
        else
            return values;
    }
}

static int parse_token(struct syntax_parser *parser)
{
    const char *source = parser->at;
    struct str token = take_word(parser);
    struct chain values = parse_token_values(parser);
    int index = values.first < 0 ? add_argument(parser, SYNTAX_PURE_TOKEN, lower_case_name(parser->syntax, token))
                                 : group(parser, SYNTAX_BLOCK, values);

    argument_at(parser, index)->token = token;
    argument_at(parser, index)->source = source;
    return index;
}

/* "name:" right before a bracket; taken. Else empty. */
static struct str take_label(struct syntax_parser *parser)
{
    size_t length = 0;

    while (is_word_byte(parser->at[length]))
        length++;
    if (length < 2 || parser->at[length - 1] != ':')
        return STR("");
    parser->at += length;
    return (struct str){parser->at - length, length - 1};
}

static int parse_item(struct syntax_parser *parser)
{
    struct str label = take_label(parser);

    if (*parser->at == '[' || *parser->at == '<')
        return parse_group(parser, label);
    return isupper((unsigned char)*parser->at) ? parse_token(parser) : parse_value(parser);
}

static struct chain parse_sequence(struct syntax_parser *parser)
{
    struct chain chain = {-1, -1};

    for (;;) {
        skip_spaces(parser);
        if (*parser->at == '\0' || strchr("]>|.", *parser->at))
            return chain;
        if (*parser->at != '[' || !parse_repetition(parser, &chain))
            chain_append(parser, &chain, parse_item(parser));
    }
}

static struct chain parse_alternatives(struct syntax_parser *parser)
{
    struct chain chain = parse_sequence(parser), choices = {-1, -1};
    int choice;

    if (*parser->at != '|')
        return chain;
    chain_append(parser, &choices, group(parser, SYNTAX_BLOCK, chain));
    while (*parser->at == '|') {
        parser->at++;
        chain_append(parser, &choices, group(parser, SYNTAX_BLOCK, parse_sequence(parser)));
    }
    choice = group(parser, SYNTAX_ONEOF, choices);
    return (struct chain){choice, choice};
}

void command_syntax_parse(struct command_syntax *syntax, const char *notation)
{
    struct syntax_parser parser = {syntax, notation, notation};

    syntax->count = syntax->key_count = 0;
    syntax->text_length = 0;
    syntax->first = -1;
    if (!notation)
        return;
    syntax->first = parse_sequence(&parser).first;
    ASSERT(*parser.at == '\0');
}
