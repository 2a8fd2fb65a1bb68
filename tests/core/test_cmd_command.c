/* COMMAND's replies, byte for byte. CRLF is written as a space. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "core/command.h"
#include "tests/support/command_run.h"

static struct command_run run;

static void begin(void)
{
    command_run_init(&run, 1);
}

static void end(void)
{
    command_run_deinit(&run);
}

TestSuite(cmd_command, .init = begin, .fini = end);

#define GET_INFO_2                                                                                                     \
    "*10 $3 get :2 *2 +readonly +fast :1 :1 :1 *3 +@read +@string +@fast *0 *1 *6 $5 flags *2 +RO +access "            \
    "$12 begin_search *4 $4 type $5 index $4 spec *2 $5 index :1 $9 find_keys *4 $4 type $5 range $4 spec *6 "         \
    "$7 lastkey :0 $7 keystep :1 $5 limit :0 *0 "
#define GET_INFO_3                                                                                                     \
    "*10 $3 get :2 ~2 +readonly +fast :1 :1 :1 ~3 +@read +@string +@fast ~0 ~1 %3 $5 flags ~2 +RO +access "            \
    "$12 begin_search %2 $4 type $5 index $4 spec %1 $5 index :1 $9 find_keys %2 $4 type $5 range $4 spec %3 "         \
    "$7 lastkey :0 $7 keystep :1 $5 limit :0 ~0 "

Test(cmd_command, info_has_ten_elements_and_null_for_what_is_not_there)
{
    command_expect(&run, "COMMAND INFO get nosuch config|nosuch", "*3 " GET_INFO_2 "$-1 $-1 ");
    run.session.protocol = 3;
    command_expect(&run, "COMMAND INFO get nosuch config|nosuch", "*3 " GET_INFO_3 "_ _ ");
}

Test(cmd_command, info_shows_tips_and_the_range_of_all_specifications)
{
    command_expect(&run, "COMMAND INFO rename",
                   "*1 *10 $6 rename :3 *1 +write :1 :2 :1 *3 +@keyspace +@write +@slow *0 *2 *6 $5 flags *3 +RW "
                   "+access +delete $12 begin_search *4 $4 type $5 index $4 spec *2 $5 index :1 $9 find_keys *4 $4 "
                   "type $5 range $4 spec *6 $7 lastkey :0 $7 keystep :1 $5 limit :0 *6 $5 flags *2 +OW +update $12 "
                   "begin_search *4 $4 type $5 index $4 spec *2 $5 index :2 $9 find_keys *4 $4 type $5 range $4 spec "
                   "*6 $7 lastkey :0 $7 keystep :1 $5 limit :0 *0 ");
    command_expect(&run, "COMMAND INFO dbsize",
                   "*1 *10 $6 dbsize :1 *2 +readonly +fast :0 :0 :0 *3 +@keyspace +@read +@fast *2 $25 "
                   "request_policy:all_shards $23 response_policy:agg_sum *0 *0 ");
}

Test(cmd_command, info_tells_that_counted_keys_move)
{
    command_expect(&run, "COMMAND INFO msetex",
                   "*1 *10 $6 msetex :-4 *3 +write +denyoom +movablekeys :0 :0 :0 *3 +@write +@string +@slow *0 *1 *6 "
                   "$5 flags *2 +OW +update $12 begin_search *4 $4 type $5 index $4 spec *2 $5 index :1 $9 find_keys "
                   "*4 $4 type $6 keynum $4 spec *6 $9 keynumidx :0 $8 firstkey :1 $7 keystep :2 *0 ");
}

Test(cmd_command, info_has_notes_where_the_flags_need_them)
{
    struct str reply = command_run(&run, "COMMAND INFO eval");
    static const char begins[] = "*8\r\n$5\r\nnotes\r\n$53\r\nNobody knows what the script will do: the most it can";

    cr_assert(memmem(reply.bytes, reply.length, begins, strlen(begins)) != NULL);
}

Test(cmd_command, debug_is_one_command_without_subcommands)
{
    run.session.protocol = 3;
    command_expect(&run, "COMMAND INFO debug",
                   "*1 *10 $5 debug :-2 ~4 +admin +noscript +loading +stale :0 :0 :0 ~3 +@admin +@slow +@dangerous ~0 "
                   "~0 ~0 ");
    command_expect(&run, "COMMAND LIST FILTERBY PATTERN debug*", "*1 $5 debug ");
    command_expect(&run, "COMMAND GETKEYS debug object k", "-ERR The command has no key arguments ");
}

Test(cmd_command, no_subcommand_and_no_name_mean_every_command)
{
    char expected[32];

    snprintf(expected, sizeof expected, "*%zu\r\n", command_count());
    cr_assert_eq(strncmp(command_run(&run, "COMMAND").bytes, expected, strlen(expected)), 0);
    cr_assert_eq(strncmp(command_run(&run, "COMMAND INFO").bytes, expected, strlen(expected)), 0);
    command_expect_integer(&run, "COMMAND COUNT", (int64_t)command_count());
    run.session.protocol = 3;
    expected[0] = '%';
    cr_assert_eq(strncmp(command_run(&run, "COMMAND DOCS").bytes, expected, strlen(expected)), 0);
}

Test(cmd_command, every_reply_about_all_commands_is_one_value)
{
    const char *const lines[] = {"COMMAND", "COMMAND DOCS", "COMMAND LIST", "COMMAND HELP"};

    for (int protocol = 2; protocol <= 3; protocol++) {
        run.session.protocol = protocol;
        for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
            struct str reply = command_run(&run, lines[i]);

            cr_assert_eq(resp_value_length(reply), reply.length, "%s", lines[i]);
        }
    }
}

Test(cmd_command, docs_are_maps_and_leave_out_what_is_not_there)
{
    run.session.protocol = 3;
    command_expect(&run, "COMMAND DOCS nosuch", "%0 ");
    command_expect(&run, "COMMAND DOCS nosuch substr",
                   "%1 $6 substr %8 $7 summary $36 Reads a part of the string at a key. "
                   "$5 since $5 1.0.0 $5 group $6 string $10 complexity $45 O(N), where N is the number of bytes "
                   "returned $9 doc_flags ~1 +deprecated $16 deprecated_since $5 2.0.0 $11 replaced_by $10 `GETRANGE` "
                   "$9 arguments *3 %4 $4 name $3 key $4 type $3 key $12 display_text $3 key $14 key_spec_index :0 "
                   "%3 $4 name $5 start $4 type $7 integer $12 display_text $5 start "
                   "%3 $4 name $3 end $4 type $7 integer $12 display_text $3 end ");
}

Test(cmd_command, docs_show_groups_tokens_and_subcommands)
{
    command_expect(&run, "COMMAND DOCS command|list",
                   "*2 $12 command|list *10 $7 summary $28 Lists the names of commands. $5 since $5 7.0.0 "
                   "$5 group $6 server $10 complexity $39 O(N), where N is the number of commands $9 arguments *1 *10 "
                   "$4 name $8 filterby $4 type $5 oneof $5 token $8 FILTERBY $5 flags *1 +optional $9 arguments *3 "
                   "*8 $4 name $11 module-name $4 type $6 string $12 display_text $11 module-name $5 token $6 MODULE "
                   "*8 $4 name $8 category $4 type $6 string $12 display_text $8 category $5 token $6 ACLCAT "
                   "*8 $4 name $7 pattern $4 type $7 pattern $12 display_text $7 pattern $5 token $7 PATTERN ");
    cr_assert_not_null(strstr(command_run(&run, "COMMAND DOCS object").bytes, "$11\r\nsubcommands\r\n*10\r\n"));
}

Test(cmd_command, list_filters_by_pattern_and_category)
{
    command_expect(&run, "COMMAND LIST FILTERBY PATTERN CONFIG|re*", "*2 $16 config|resetstat $14 config|rewrite ");
    command_expect(&run, "command list filterby aclcat nosuch", "*0 ");
    command_expect(&run, "command list filterby module any", "*0 ");
    command_expect(&run, "command list filterby aclcat @string", "*0 ");
    cr_assert_eq(strncmp(command_run(&run, "command list filterby aclcat STRING").bytes, "*25\r\n", 5), 0);
}

Test(cmd_command, list_refuses_other_filters)
{
    command_expect(&run, "command list filterby", "-ERR syntax error ");
    command_expect(&run, "command list filterby foo bar", "-ERR syntax error ");
    command_expect(&run, "command list foo pattern x", "-ERR syntax error ");
    command_expect(&run, "command list filterby pattern x y", "-ERR syntax error ");
}

Test(cmd_command, getkeys_lists_keys)
{
    command_expect(&run, "COMMAND GETKEYS mset a 1 b 2", "*2 $1 a $1 b ");
    command_expect(&run, "COMMAND GETKEYS object freq k", "*1 $1 k ");
    command_expect(&run, "COMMAND GETKEYS mset a 1 b", "*2 $1 a $1 b ");
}

Test(cmd_command, getkeysandflags_tells_what_set_does)
{
    command_expect(&run, "COMMAND GETKEYSANDFLAGS set a b", "*1 *2 $1 a *2 +OW +update ");
    command_expect(&run, "COMMAND GETKEYSANDFLAGS set a b get", "*1 *2 $1 a *3 +RW +access +update ");
    run.session.protocol = 3;
    command_expect(&run, "COMMAND GETKEYSANDFLAGS copy a b", "*2 *2 $1 a ~2 +RO +access *2 $1 b ~2 +OW +update ");
}

Test(cmd_command, getkeys_says_why_there_are_none)
{
    command_expect(&run, "COMMAND GETKEYS nosuch a", "-ERR Invalid command specified ");
    command_expect(&run, "COMMAND GETKEYS object nosuch k", "-ERR Invalid command specified ");
    command_expect(&run, "COMMAND GETKEYS ping", "-ERR The command has no key arguments ");
    command_expect(&run, "COMMAND GETKEYS get a b", "-ERR Invalid number of arguments specified for command ");
    command_expect(&run, "COMMAND GETKEYS msetex 9 a b", "-ERR Invalid arguments specified for command ");
}
