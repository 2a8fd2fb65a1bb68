/* Walks over the command table, and lookup and key positions beside slow models. */
#include "core/command.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "tests/support/dice.h"

TestSuite(command, .init = command_table_init);

/* Calls check for every row, subcommands included. */
static void walk(void (*check)(const struct command *row))
{
    for (const struct command *row = command_table; row->name; row++) {
        check(row);
        for (const struct command *sub = row->subcommands; sub && sub->name; sub++)
            check(sub);
    }
}

static int least_argc(const struct command *row)
{
    return abs(row->arity);
}

static void check_sorted(const struct command *rows)
{
    for (const struct command *row = rows; row->name && row[1].name; row++)
        cr_assert_lt(strcmp(row->name, row[1].name), 0, "%s before %s", row->name, row[1].name);
}

Test(command, names_are_sorted_and_unique)
{
    check_sorted(command_table);
    for (const struct command *row = command_table; row->name; row++) {
        if (row->subcommands)
            check_sorted(row->subcommands);
    }
}

static void check_complete(const struct command *row)
{
    cr_assert(row->run || row->subcommands, "%s", row->name);
    cr_assert(row->summary && row->since && row->group, "%s", row->name);
    cr_assert_eq(row->summary[strlen(row->summary) - 1], '.', "%s", row->name);
    cr_assert_neq(row->arity, 0, "%s", row->name);
    cr_assert_eq(!row->deprecated_since, !(row->flags & CMD_DEPRECATED), "%s", row->name);
    cr_assert_eq(!row->deprecated_since, !row->replaced_by, "%s", row->name);
    for (const char *byte = row->name; *byte; byte++)
        cr_assert(strchr("abcdefghijklmnopqrstuvwxyz0123456789-_", *byte), "%s", row->name);
}

Test(command, every_row_has_a_handler_and_documentation)
{
    walk(check_complete);
}

static void check_parent(const struct command *row)
{
    for (const struct command *sub = row->subcommands; sub && sub->name; sub++)
        cr_assert_eq(sub->parent, row, "%s|%s", row->name, sub->name);
    cr_assert(!row->parent || row->parent->subcommands, "%s", row->name);
    cr_assert(!row->parent || least_argc(row) >= 2, "%s", row->name);
}

Test(command, subcommands_know_their_container)
{
    walk(check_parent);
}

static void check_keys(const struct command *row)
{
    for (int i = 0; i < COMMAND_KEY_SPECS && row->keys[i].begin == KEY_BEGIN_INDEX; i++) {
        const struct key_spec *spec = &row->keys[i];
        bool may_be_none = (i > 0 || spec->flags & KEY_NOT_KEY) && spec->find == KEY_FIND_RANGE &&
                           spec->last == -1; /* PFMERGE's sources, SUNSUBSCRIBE's channels */

        cr_assert(spec->index > 0 && spec->index < least_argc(row) + may_be_none, "%s", row->name);
        cr_assert_geq(spec->step, 1, "%s", row->name);
        if (spec->find == KEY_FIND_RANGE && spec->last >= 0)
            cr_assert_lt(spec->index + spec->last, least_argc(row), "%s", row->name);
        if (!(spec->flags & KEY_NOT_KEY)) /* a channel */
            cr_assert_eq(__builtin_popcount(spec->flags & (KEY_RO | KEY_RW | KEY_OW | KEY_RM)), 1, "%s", row->name);
    }
}

Test(command, keys_fit_the_arity_and_say_what_happens_to_them)
{
    walk(check_keys);
}

static void check_access(const struct command *row)
{
    bool reads = row->flags & CMD_READONLY, writes = row->flags & CMD_WRITE;
    bool caches = row->flags & CMD_MAY_REPLICATE; /* PFCOUNT keeps what it has found in the key */

    cr_assert(!(reads && writes), "%s", row->name);
    for (int i = 0; i < COMMAND_KEY_SPECS && row->keys[i].begin != KEY_BEGIN_NONE; i++)
        cr_assert(writes || caches || row->keys[i].flags & (KEY_RO | KEY_NOT_KEY), "%s changes keys", row->name);
    cr_assert(!(row->flags & CMD_DENYOOM) || writes, "%s", row->name);
}

Test(command, only_writes_change_keys)
{
    walk(check_access);
}

static void check_route(const struct command *row)
{
    bool keyed = row->keys[0].begin != KEY_BEGIN_NONE && !(row->keys[0].flags & KEY_NOT_KEY);

    cr_assert(!row->merge || row->route == ROUTE_SCATTER, "%s merges what is not split", row->name);
    cr_assert(row->route != ROUTE_LOCAL || !keyed, "%s has keys", row->name);
    /* Without keys: on the connection's shard, but in the order of its pipeline, as CONFIG GET behind CONFIG SET. Or it
     * may wait there (WAIT). */
    cr_assert(row->route != ROUTE_SINGLE || keyed ||
                  row->flags & (CMD_ADMIN | CMD_NOSCRIPT | CMD_PUBSUB | CMD_BLOCKING),
              "%s has no keys", row->name);
    cr_assert((row->route != ROUTE_GATHER && row->route != ROUTE_CURSOR) || !keyed, "%s has keys", row->name);
    if (row->route == ROUTE_SCATTER && row->flags & CMD_READONLY)
        cr_assert(row->merge, "%s does not say how its parts combine", row->name);
    if (row->route == ROUTE_SCATTER && keyed)
        cr_assert_eq(row->keys[0].last, -1, "%s cannot be split by keys", row->name);
}

Test(command, routes_agree_with_keys_and_merges)
{
    walk(check_route);
}

static void check_categories(const struct command *row)
{
    uint32_t categories = command_categories(row);

    cr_assert_eq(__builtin_popcount(categories & (ACL_FAST | ACL_SLOW)), 1, "%s", row->name);
    cr_assert_eq(!(categories & ACL_WRITE), !(row->flags & CMD_WRITE), "%s", row->name);
    if (!(row->acl & ACL_SCRIPTING))
        cr_assert_eq(!(categories & ACL_READ), !(row->flags & CMD_READONLY), "%s", row->name);
    cr_assert(!(categories & ACL_ADMIN) || categories & ACL_DANGEROUS, "%s", row->name);
}

Test(command, categories_follow_from_flags)
{
    walk(check_categories);
    cr_assert_eq(command_categories(command_find_by_name(STR("get"))), ACL_READ | ACL_STRING | ACL_FAST);
    cr_assert_eq(command_categories(command_find_by_name(STR("client|kill"))),
                 ACL_ADMIN | ACL_SLOW | ACL_DANGEROUS | ACL_CONNECTION);
}

/* The row called so, by looking at every one. */
static const struct command *find_slowly(struct str name)
{
    char text[64];

    if (name.length >= sizeof text || (name.length && memchr(name.bytes, '\0', name.length)))
        return NULL;
    snprintf(text, sizeof text, "%.*s", (int)name.length, name.bytes);
    for (const struct command *row = command_table; row->name; row++) {
        if (strcasecmp(row->name, text) == 0)
            return row;
    }
    return NULL;
}

static void check_lookup(const char *bytes, size_t length)
{
    struct str name = {bytes, length};

    cr_assert_eq(command_find_by_name(name), find_slowly(name), "%.*s", (int)length, bytes);
}

Test(command, lookup_agrees_with_a_search_for_names_changed_at_random)
{
    dice_seed();
    for (int round = 0; round < 20000; round++) {
        const struct command *row = &command_table[dice_bits() % command_count()];
        size_t length = strlen(row->name);
        char *name = malloc(length + 1); /* exactly as long, so that reading past it is seen */

        memcpy(name, row->name, length);
        for (uint64_t changes = dice_bits() % 4; changes > 0; changes--)
            name[dice_bits() % length] ^= (char)(dice_bits() % 4 ? 0x20 : dice_bits());
        check_lookup(name, length);
        check_lookup(name, dice_bits() % (length + 1));
        free(name);
    }
    cr_assert_null(command_find_by_name(STR("")));
}

Test(command, count_is_that_of_the_rows)
{
    size_t count = 0;

    while (command_table[count].name)
        count++;
    cr_assert_eq(command_count(), count);
    cr_assert_gt(count, 60);
}

static const struct command *find_words(const char *first, const char *second, int argc,
                                        const struct command **container)
{
    struct str argv[8] = {str_from(first), str_from(second ? second : ""), STR("x"), STR("x")};

    return command_find(argv, argc, container);
}

Test(command, subcommands_are_resolved)
{
    const struct command *container;
    char name[64];

    cr_assert_str_eq(command_full_name(find_words("CONFIG", "Get", 3, &container), name), "config|get");
    cr_assert_str_eq(command_full_name(find_words("config", NULL, 1, &container), name), "config");
    cr_assert_str_eq(command_full_name(find_words("get", "get", 2, &container), name), "get");
    cr_assert_null(container);
}

Test(command, an_unknown_subcommand_names_its_container)
{
    const struct command *container;

    cr_assert_null(find_words("config", "nosuch", 2, &container));
    cr_assert_str_eq(container->name, "config");
    cr_assert_null(find_words("nosuch", "get", 2, &container));
    cr_assert_null(container);
}

Test(command, hidden_subcommands_are_resolved_when_they_fit_and_never_shown)
{
    const struct command *container;

    cr_assert_str_eq(find_words("debug", "SLEEP", 3, &container)->name, "sleep");
    cr_assert_str_eq(find_words("debug", "sleep", 2, &container)->name, "debug");
    cr_assert_str_eq(find_words("debug", "nosuch", 3, &container)->name, "debug");
    cr_assert_null(container);
    cr_assert_null(command_find_by_name(STR("debug|sleep")));
    cr_assert_not_null(command_find_by_name(STR("Config|GET")));
    cr_assert_null(command_find_by_name(STR("config|")));
    cr_assert_null(command_find_by_name(STR("get|x")));
    cr_assert_null(command_find_by_name(STR("|")));
}

Test(command, capitals_are_one_line_that_fits)
{
    char text[COMMAND_CALLED_BYTES], longer[2 * COMMAND_CALLED_BYTES];

    cr_assert_str_eq(command_capitals(STR("no-Evict"), text), "NO-EVICT");
    cr_assert_str_eq(command_capitals(STR("a\r\nb"), text), "A  B");
    memset(longer, 'x', sizeof longer);
    cr_assert_eq(strlen(command_capitals((struct str){longer, sizeof longer}, text)), COMMAND_CALLED_BYTES - 1);
}

/* Renaming changes the table for good: each test has a process of its own. */
static void rename_to(const char *from, const char *to)
{
    const char *problem = command_rename(str_from(from), str_from(to));

    cr_assert_null(problem, "%s to %s: %s", from, to, problem);
}

static const char *found_by(const char *called)
{
    const struct command *row = command_find_by_name(str_from(called));

    return row ? row->name : "nothing";
}

Test(command, a_renamed_command_is_found_by_the_new_name_alone_and_stays_what_it_was)
{
    size_t count = command_count();
    const struct command *row = command_find_by_name(STR("config"));

    rename_to("CONFIG", "Guarded-1");
    cr_assert_str_eq(found_by("config"), "nothing");
    cr_assert_str_eq(found_by("config|get"), "nothing");
    cr_assert_str_eq(found_by("guarded-1"), "config");
    cr_assert_str_eq(found_by("GUARDED-1|get"), "get");
    cr_assert_str_eq(found_by("guarded-2"), "nothing");
    cr_assert_eq(command_find_by_name(STR("guarded-1")), row);
    cr_assert_eq(command_count(), count);
}

Test(command, names_that_follow_each_other_may_be_swapped)
{
    rename_to("get", "aside");
    rename_to("set", "GET");
    rename_to("aside", "set");
    rename_to("mget", "MGET");
    cr_assert_str_eq(found_by("get"), "set");
    cr_assert_str_eq(found_by("set"), "get");
    cr_assert_str_eq(found_by("mget"), "mget");
    cr_assert_str_eq(found_by("aside"), "nothing");
}

Test(command, a_name_may_be_as_long_as_a_secret)
{
    char secret[COMMAND_CALLED_BYTES + 1] = "";

    memset(secret, 'a', COMMAND_CALLED_BYTES - 1);
    rename_to("config", secret);
    cr_assert_str_eq(found_by(secret), "config");
    secret[100] = 'b'; /* the same words at both ends */
    cr_assert_str_eq(found_by(secret), "nothing");
    memset(secret, 'c', COMMAND_CALLED_BYTES);
    cr_assert_str_eq(command_rename(STR("get"), str_from(secret)), "The new name is too long");
}

Test(command, a_removed_command_is_gone_and_the_others_stay)
{
    size_t count = command_count();

    rename_to("client", "guarded");
    rename_to("append", "");
    rename_to("guarded", "");
    rename_to("FLUSHALL", "");
    cr_assert_eq(command_count(), count - 3);
    cr_assert_null(find_slowly(STR("append")));
    cr_assert_str_eq(found_by("append"), "nothing");
    cr_assert_str_eq(found_by("client"), "nothing");
    cr_assert_str_eq(found_by("guarded|id"), "nothing");
    cr_assert_str_eq(found_by("flushall"), "nothing");
    check_sorted(command_table);
    walk(check_parent);
    for (const struct command *row = command_table; row->name; row++)
        cr_assert_eq(command_find_by_name(str_from(row->name)), row, "%s", row->name);
}

Test(command, what_cannot_be_renamed_is_said_in_redis_words)
{
    cr_assert_str_eq(command_rename(STR("nosuch"), STR("x")), "No such command in rename-command");
    cr_assert_str_eq(command_rename(STR(""), STR("x")), "No such command in rename-command");
    cr_assert_str_eq(command_rename(STR("config|get"), STR("x")), "No such command in rename-command");
    cr_assert_str_eq(command_rename(STR("get"), STR("MGET")), "Target command name already exists");
    cr_assert_str_eq(found_by("get"), "get");
}

/* The keys of a request as "index flags" pairs. */
struct seen_keys {
    int count;
    struct key_position keys[64];
};

static void see_key(void *context, struct key_position key)
{
    struct seen_keys *seen = context;

    seen->keys[seen->count++] = key;
}

static bool find_keys(const struct command *row, const char *line, struct seen_keys *seen)
{
    char copy[256];
    struct str argv[32];
    int argc = 0;

    snprintf(copy, sizeof copy, "%s", line);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
        argv[argc++] = str_from(word);
    seen->count = 0;
    return command_each_key(row, argv, argc, see_key, seen);
}

static void expect_keys(const struct command *row, const char *line, int count, const int *indexes)
{
    struct seen_keys seen;

    cr_assert(find_keys(row, line, &seen), "%s", line);
    cr_assert_eq(seen.count, count, "%s", line);
    for (int i = 0; i < count; i++)
        cr_assert_eq(seen.keys[i].index, indexes[i], "%s", line);
}

static const struct command *row_of(const char *name)
{
    return command_find_by_name(str_from(name));
}

Test(command, keys_are_found_by_range)
{
    expect_keys(row_of("get"), "get a", 1, (int[]){1});
    expect_keys(row_of("mget"), "mget a b c", 3, (int[]){1, 2, 3});
    expect_keys(row_of("mset"), "mset a 1 b 2", 2, (int[]){1, 3});
    expect_keys(row_of("rename"), "rename a b", 2, (int[]){1, 2});
    expect_keys(row_of("lcs"), "lcs a b IDX", 2, (int[]){1, 2});
    expect_keys(row_of("object|freq"), "object freq a", 1, (int[]){2});
    expect_keys(row_of("ping"), "ping", 0, NULL);
}

Test(command, keys_are_found_by_their_number)
{
    struct seen_keys seen;
    const struct command *row = row_of("msetex");

    expect_keys(row, "msetex 2 a 1 b 2 EX 5", 2, (int[]){2, 4});
    cr_assert(row->flags & CMD_MOVABLE_KEYS);
    cr_assert_not(find_keys(row, "msetex 0 a 1", &seen));
    cr_assert_not(find_keys(row, "msetex -1 a 1", &seen));
    cr_assert_not(find_keys(row, "msetex -9223372036854775808 a 1", &seen));
    cr_assert_not(find_keys(row, "msetex x a 1", &seen));
    cr_assert_not(find_keys(row, "msetex 3 a 1 b 2", &seen));
    cr_assert_not(find_keys(row, "msetex 9223372036854775807 a 1", &seen));
    cr_assert_not(find_keys(row, "msetex 4611686018427387905 a 1", &seen));
    cr_assert_eq(seen.count, 0);
}

Test(command, keys_are_found_after_a_keyword)
{
    struct command row = {
        .name = "x",
        .keys = {{.flags = KEY_RO, .begin = KEY_BEGIN_INDEX, .index = 1, .step = 1},
                 {.flags = KEY_OW, .begin = KEY_BEGIN_KEYWORD, .keyword = "STORE", .index = 2, .step = 1}}};
    struct seen_keys seen;

    expect_keys(&row, "x a b store c", 2, (int[]){1, 4});
    expect_keys(&row, "x a b", 1, (int[]){1});
    expect_keys(&row, "x a b store", 1, (int[]){1});
    row.keys[1].index = -2;
    expect_keys(&row, "x a b store c", 2, (int[]){1, 4});
    expect_keys(&row, "x a b c store", 1, (int[]){1});
    row.keys[1].last = -1;
    expect_keys(&row, "x a store b c", 3, (int[]){1, 3, 4});
    row.keys[1].find = KEY_FIND_UNKNOWN;
    cr_assert_not(find_keys(&row, "x a store b", &seen));
}

Test(command, a_command_may_find_its_keys_itself)
{
    expect_keys(row_of("xreadgroup"), "xreadgroup COUNT 1 GROUP streams streams STREAMS a b > >", 2, (int[]){7, 8});
    expect_keys(row_of("xread"), "xread COUNT 1 STREAMS streams 0", 1, (int[]){4});
    expect_keys(row_of("xread"), "xread STREAMS a b 0", 0, NULL);
    expect_keys(row_of("georadius"), "georadius k 0 0 1 m STORE a STOREDIST b STORE c", 2, (int[]){1, 11});
    expect_keys(row_of("georadiusbymember"), "georadiusbymember k m 1 m STORE storedist STOREDIST b", 2, (int[]){1, 8});
}

Test(command, a_range_may_stop_at_a_fraction_of_the_arguments)
{
    struct command row = {.name = "x",
                          .keys = {{.begin = KEY_BEGIN_INDEX, .index = 2, .last = -1, .step = 1, .limit = 2}}};

    expect_keys(&row, "x STREAMS a b 0 0", 2, (int[]){2, 3});
}

Test(command, a_range_of_one_key_needs_no_search)
{
    cr_assert_eq(row_of("get")->only_key, 1);
    cr_assert_eq(row_of("object|freq")->only_key, 2);
    cr_assert_eq(row_of("mget")->only_key, 0);
    cr_assert_eq(row_of("rename")->only_key, 0);
    cr_assert_eq(row_of("msetex")->only_key, 0);
    cr_assert_eq(row_of("ping")->only_key, 0);
}

static uint16_t set_flags(const char *line)
{
    struct seen_keys seen;

    cr_assert(find_keys(row_of("set"), line, &seen));
    return seen.keys[0].flags;
}

Test(command, set_reads_its_key_only_to_return_it)
{
    cr_assert_eq(set_flags("set a b"), KEY_OW | KEY_UPDATE);
    cr_assert_eq(set_flags("set get get EX 5"), KEY_OW | KEY_UPDATE);
    cr_assert_eq(set_flags("set a b EX 5 Get"), KEY_RW | KEY_ACCESS | KEY_UPDATE);
}

Test(command, arity_is_exact_or_at_least)
{
    cr_assert(command_arity_fits(row_of("get"), 2));
    cr_assert_not(command_arity_fits(row_of("get"), 3));
    cr_assert_not(command_arity_fits(row_of("mget"), 1));
    cr_assert(command_arity_fits(row_of("mget"), 100));
}
