/* The notation against the trees it stands for, written out as text. */
#include "core/command_syntax.h"

#include <criterion/criterion.h>
#include <limits.h>
#include <stdio.h>

#include "core/command.h"

static struct command_syntax syntax;
static char text[4096];
static size_t length;

static void put(struct str piece)
{
    length += (size_t)snprintf(text + length, sizeof text - length, "%.*s", (int)piece.length, piece.bytes);
}

/* name:type, "=TOKEN", "?" optional, "+" multiple, "*" multiple token, children in parentheses. */
static void put_siblings(int index)
{
    for (; index >= 0; index = syntax.arguments[index].next) {
        const struct syntax_argument *argument = &syntax.arguments[index];

        put(argument->name);
        put(STR(":"));
        put(str_from(syntax_type_name(argument->type)));
        put(argument->token.length > 0 ? STR("=") : STR(""));
        put(argument->token);
        put(str_from(argument->optional ? "?" : ""));
        put(str_from(argument->multiple ? "+" : ""));
        put(str_from(argument->multiple_token ? "*" : ""));
        if (argument->first_child >= 0) {
            put(STR("("));
            put_siblings(argument->first_child);
            put(STR(")"));
        }
        put(str_from(argument->next >= 0 ? " " : ""));
    }
}

static void expect(const char *notation, const char *tree)
{
    command_syntax_parse(&syntax, notation);
    length = 0;
    text[0] = '\0';
    put_siblings(syntax.first);
    cr_assert_str_eq(text, tree, "%s\n gives %s\n and not %s", notation, text, tree);
}

Test(command_syntax, no_notation_is_no_arguments)
{
    expect(NULL, "");
    expect("", "");
}

Test(command_syntax, names_tell_types)
{
    expect("key value", "key:key value:string");
    expect("key seconds unix-time-seconds pattern",
           "key:key seconds:integer unix-time-seconds:unix-time pattern:pattern");
    expect("increment:double ip:port", "increment:double ip:port:string");
}

Test(command_syntax, capitals_are_tokens_and_take_the_values_after_them)
{
    expect("[REPLACE]", "replace:pure-token=REPLACE?");
    expect("[COUNT count]", "count:integer=COUNT?");
    expect("[AUTH username password]", "username_password:block=AUTH?(username:string password:string)");
    expect("[TYPE <A | B>]", "a_b:oneof=TYPE?(a:pure-token=A b:pure-token=B)");
    expect("FROM member BY radius", "member:string=FROM radius:string=BY");
}

Test(command_syntax, brackets_are_optional_and_angles_group)
{
    expect("[username] password", "username:string? password:string");
    expect("<ON | OFF>", "on_off:oneof(on:pure-token=ON off:pure-token=OFF)");
    expect("<x y>", "x_y:block(x:string y:string)");
    expect("[x y]", "x_y:block?(x:string y:string)");
    expect("[x [y]]", "x_y:block?(x:string y:string?)");
}

Test(command_syntax, labels_name_groups)
{
    expect("mode:[WRITE | ALL]", "mode:oneof?(write:pure-token=WRITE all:pure-token=ALL)");
    expect("who:[AUTH username]", "who:string=AUTH?");
}

Test(command_syntax, alternatives_may_be_several_words)
{
    expect("<EX seconds | KEEPTTL>", "seconds_keepttl:oneof(seconds:integer=EX keepttl:pure-token=KEEPTTL)");
    expect("<x | y z>", "x_y_z:oneof(x:string y_z:block(y:string z:string))");
    expect("filter:<x | [ID y] [Q]>", "filter:oneof(x:string y_q:block(y:string=ID? q:pure-token=Q?))");
}

Test(command_syntax, dots_repeat)
{
    expect("key [key ...]", "key:key+");
    expect("key value [key value ...]", "key_value:block+(key:key value:string)");
    expect("numkeys key [key ...] [X]", "numkeys:integer key:key+ x:pure-token=X?");
    expect("[section [section ...]]", "section:string?+");
    expect("[section ...]", "section:string?+");
    expect("[ID client-id [client-id ...]]", "client-id:integer=ID?+");
    expect("GET pattern [GET pattern ...]", "pattern:pattern=GET+*");
    expect("command [arg [arg ...]]", "command:string arg:string?+");
}

static void expect_row(const char *name, const char *tree)
{
    expect(command_find_by_name(str_from(name))->syntax, tree);
}

Test(command_syntax, rows_read_as_meant, .init = command_table_init)
{
    expect_row("lcs", "key1:key key2:key len:pure-token=LEN? idx:pure-token=IDX? min-match-len:integer=MINMATCHLEN? "
                      "withmatchlen:pure-token=WITHMATCHLEN?");
    expect_row("expire", "key:key seconds:integer condition:oneof?(nx:pure-token=NX xx:pure-token=XX gt:pure-token=GT "
                         "lt:pure-token=LT)");
    expect_row("hello", "arguments:block?(protover:integer username_password:block=AUTH?(username:string "
                        "password:string) clientname:string=SETNAME?)");
    expect_row("command|list", "filterby:oneof=FILTERBY?(module-name:string=MODULE category:string=ACLCAT "
                               "pattern:pattern=PATTERN)");
}

static void check_row(const struct command *row)
{
    int specs = 0;

    /* One that begins nobody knows where is of patterns (SORT), or has an argument that another names already; and
     * a channel is no key. */
    for (int i = 0; i < COMMAND_KEY_SPECS; i++)
        specs += row->keys[i].begin != KEY_BEGIN_NONE && row->keys[i].begin != KEY_BEGIN_UNKNOWN &&
                 !(row->keys[i].flags & KEY_NOT_KEY);
    command_syntax_parse(&syntax, row->syntax);
    cr_assert_eq(syntax.key_count > 0, specs > 0 && !(row->flags & CMD_HIDDEN), "%s", row->name);
    cr_assert_geq(syntax.key_count, row->flags & CMD_HIDDEN ? 0 : specs, "%s", row->name);
}

Test(command_syntax, every_row_parses_and_has_an_argument_for_each_key_specification, .init = command_table_init)
{
    for (const struct command *row = command_table; row->name; row++) {
        check_row(row);
        for (const struct command *sub = row->subcommands; sub && sub->name; sub++)
            check_row(sub);
    }
}

/* How many words a request must have at least, by its tree. */
static int least_words(int index);

/* The shortest of several choices. */
static int least_choice(int index)
{
    int least = INT_MAX;

    for (; index >= 0; index = syntax.arguments[index].next) {
        const struct syntax_argument *choice = &syntax.arguments[index];
        int words = (choice->token.length > 0) + (choice->type == SYNTAX_BLOCK ? least_words(choice->first_child)
                                                                               : choice->type != SYNTAX_PURE_TOKEN);

        least = words < least ? words : least;
    }
    return least;
}

static int least_words(int index)
{
    int words = 0;

    for (; index >= 0; index = syntax.arguments[index].next) {
        const struct syntax_argument *argument = &syntax.arguments[index];
        int own = argument->token.length > 0;

        if (argument->optional)
            continue;
        if (argument->type == SYNTAX_BLOCK)
            own += least_words(argument->first_child);
        else if (argument->type == SYNTAX_ONEOF)
            own += least_choice(argument->first_child);
        else
            own += argument->type != SYNTAX_PURE_TOKEN;
        words += own;
    }
    return words;
}

Test(command_syntax, no_row_asks_for_more_words_than_its_arity, .init = command_table_init)
{
    for (const struct command *row = command_table; row->name; row++) {
        command_syntax_parse(&syntax, row->syntax);
        if (row->arity > 0)
            cr_assert_eq(1 + least_words(syntax.first), row->arity, "%s", row->name);
        else if (!row->subcommands)
            cr_assert_leq(1 + least_words(syntax.first), -row->arity, "%s", row->name);
    }
}
