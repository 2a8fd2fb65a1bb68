/* Scripts taken back: random commands of all types, beside all that the keyspace was before. */
#include "core/undo.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "core/hash_value.h"
#include "core/set_value.h"
#include "core/stream_value.h"
#include "core/zset_call.h"
#include "tests/support/bag.h"
#include "tests/support/command_run.h"
#include "tests/support/dice.h"
#include "tests/support/random_commands.h"

enum { DATABASES = 2, LINES_MAX = 64, LINE_BYTES = RANDOM_COMMAND_BYTES };

static struct command_run run, twin;

/* All of the data set as text. */

struct lines {
    char **at;
    size_t count, capacity;
};

static void add_line(struct lines *lines, struct buffer *text)
{
    if (lines->count == lines->capacity) {
        lines->capacity = lines->capacity ? 2 * lines->capacity : 64;
        lines->at = realloc(lines->at, lines->capacity * sizeof *lines->at);
    }
    buffer_append(text, "", 1);
    lines->at[lines->count] = malloc(text->length);
    memcpy(lines->at[lines->count++], text->bytes, text->length);
    text->length = 0;
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort_lines(struct lines *lines)
{
    if (lines->count > 0)
        qsort(lines->at, lines->count, sizeof *lines->at, compare_lines);
}

static void take_lines(struct lines *lines, struct buffer *to)
{
    sort_lines(lines);
    for (size_t i = 0; i < lines->count; i++) {
        buffer_append_format(to, " %s", lines->at[i]);
        free(lines->at[i]);
    }
    free(lines->at);
    *lines = (struct lines){0};
}

struct print {
    struct lines lines;
    struct buffer text;
    struct memory memory;
};

static void append_quoted(struct buffer *text, struct str bytes)
{
    for (size_t i = 0; i < bytes.length; i++)
        if (bytes.bytes[i] > ' ' && bytes.bytes[i] <= '~')
            buffer_append(text, bytes.bytes + i, 1);
        else
            buffer_append_format(text, "\\%02x", (unsigned char)bytes.bytes[i]);
}

static void print_field(void *context, const struct hash_item *item)
{
    struct print *print = context;
    char digits[NUMBER_TEXT_MAX];

    append_quoted(&print->text, listpack_text(item->field, digits));
    buffer_append_format(&print->text, "=");
    append_quoted(&print->text, listpack_text(item->value, digits));
    buffer_append_format(&print->text, "@%lld", (long long)item->deadline_ms);
    add_line(&print->lines, &print->text);
}

static bool print_member(void *context, const struct set_member *member)
{
    struct print *print = context;
    char digits[NUMBER_TEXT_MAX];

    append_quoted(&print->text, set_member_text(member, digits));
    add_line(&print->lines, &print->text);
    return true;
}

static void print_reply(struct command_run *of, struct buffer *to, const char *command, struct str name,
                        const char *rest)
{
    char line[LINE_BYTES];

    snprintf(line, sizeof line, "%s %.*s %s", command, (int)name.length, name.bytes, rest);
    append_quoted(to, command_run(of, line));
}

static void print_value(struct command_run *of, struct buffer *to, const struct entry *entry)
{
    struct print print = {0};
    struct set_value set;
    struct hash hash;

    buffer_init(&print.text, &print.memory, NULL, 0);
    switch (entry_type(entry)) {
    case VALUE_STRING:
        if (!entry_is_sparse_bitmap(entry)) {
            print_reply(of, to, "DIGEST", entry_key(entry), "");
            break;
        }
        print_reply(of, to, "BITCOUNT", entry_key(entry), "");
        print_reply(of, to, "BITPOS", entry_key(entry), "1");
        print_reply(of, to, "STRLEN", entry_key(entry), "");
        break;
    case VALUE_LIST:
        print_reply(of, to, "LRANGE", entry_key(entry), "0 -1");
        break;
    case VALUE_ZSET:
        print_reply(of, to, "ZRANGE", entry_key(entry), "0 -1 WITHSCORES");
        break;
    case VALUE_STREAM:
        print_reply(of, to, "DUMP", entry_key(entry), "");
        break;
    case VALUE_HASH:
        hash = (struct hash){.encoding = entry_encoding(entry), .value = entry_value(entry), .now_ms = of->now_ms};
        hash_each(&hash, print_field, &print);
        break;
    default:
        set = set_value_of(entry);
        set_value_each(&set, print_member, &print);
    }
    take_lines(&print.lines, to);
    buffer_deinit(&print.text);
}

struct shot {
    struct command_run *of;
    struct lines lines;
    struct buffer text;
    struct entry *entries[256];
    size_t count;
};

static void note_entry(void *context, struct entry *entry)
{
    struct shot *shot = context;

    cr_assert_lt(shot->count, 256);
    shot->entries[shot->count++] = entry;
}

static void shoot_database(struct shot *shot, struct keyspace *keyspace, int db)
{
    struct command_run *of = shot->of;

    shot->count = 0;
    of->session.db = (uint16_t)db;
    keyspace_each(keyspace, db, of->now_ms, note_entry, shot);
    for (size_t i = 0; i < shot->count; i++) {
        struct entry *entry = shot->entries[i];
        uint32_t access = entry_access(entry);
        buffer_append_format(&shot->text, "%d %.*s %d %s %lld %u ", db, (int)entry_key(entry).length,
                             entry_key(entry).bytes, entry_type(entry), entry_real_encoding_name(entry),
                             (long long)entry_expiry_ms(entry), access);
        print_value(of, &shot->text, entry);
        entry_set_access(entry, access);
        add_line(&shot->lines, &shot->text);
    }
    buffer_append_format(&shot->text, "%d keys, %zu expire, of %lld", db, keyspace_count_expiring(keyspace, db),
                         (long long)keyspace_average_ttl_ms(keyspace, db, of->now_ms));
    add_line(&shot->lines, &shot->text);
}

/* Printing reads keys: that is not to be seen. */
static void shoot_keyspace(struct shot *shot, struct keyspace *keyspace, struct buffer *all)
{
    struct keyspace_stats before = *keyspace_stats(keyspace);

    for (int db = 0; db < DATABASES; db++)
        shoot_database(shot, keyspace, db);
    shot->of->session.db = 0;
    *keyspace_stats(keyspace) = before;
    buffer_append_format(all, "dirty %llu, hits %llu, next %lld\n", (unsigned long long)before.dirty,
                         (unsigned long long)before.hits, (long long)keyspace_next_expiry_ms(keyspace));
    sort_lines(&shot->lines);
    for (size_t i = 0; i < shot->lines.count; i++) {
        buffer_append_format(all, "%s\n", shot->lines.at[i]);
        free(shot->lines.at[i]);
    }
    free(shot->lines.at);
    shot->lines = (struct lines){0};
}

static char *shoot(struct command_run *of)
{
    struct shot shot = {.of = of};
    struct memory memory = {0};
    struct buffer all;

    buffer_init(&shot.text, &memory, NULL, 0);
    buffer_init(&all, &memory, NULL, 0);
    for (int i = 0; i < of->count; i++)
        shoot_keyspace(&shot, of->keyspaces[i], &all);
    buffer_append(&all, "", 1);
    char *text = strdup(all.bytes);
    buffer_deinit(&shot.text);
    buffer_deinit(&all);
    return text;
}

static void expect_same(char *before, char *after, const char *what)
{
    char *line = before, *other = after;

    while (*line && *line == *other) {
        line++;
        other++;
    }
    if (*line || *other) {
        while (line > before && line[-1] != '\n') {
            line--;
            other--;
        }
        cr_assert_fail("%s\n%.900s\n--- became ---\n%.900s", what, line, other);
    }
    free(before);
    free(after);
}

static void both(const char *line)
{
    command_run(&run, line);
    command_run(&twin, line);
}

static void set_up_shards(int shards)
{
    dice_seed();
    random_commands_seed(dice_bits());
    command_run_init(&run, shards);
    command_run_init(&twin, shards);
    run.session.no_touch = twin.session.no_touch = true; /* a look at a key stays a look */
    random_commands_fill(both, run.now_ms);
}

static void set_up(void)
{
    set_up_shards(1);
}

static void set_up_several(void)
{
    set_up_shards(3);
}

static void tear_down(void)
{
    command_run_deinit(&run);
    command_run_deinit(&twin);
}

static void begin(void)
{
    for (int i = 0; i < run.count; i++)
        undo_begin(&run.cores[i].undo, run.keyspaces[i], &run.cores[i].config);
}

static void commit(void)
{
    for (int i = 0; i < run.count; i++)
        undo_commit(&run.cores[i].undo);
}

static void roll_back(void)
{
    for (int i = 0; i < run.count; i++)
        undo_rollback(&run.cores[i].undo);
}

/* What expires does so at once, whoever looks at it. */
static void advance(void)
{
    run.now_ms += (int64_t)dice_below(1500);
    twin.now_ms = run.now_ms;
    for (int i = 0; i < run.count; i++) {
        keyspace_expire(run.keyspaces[i], run.now_ms, SIZE_MAX);
        keyspace_expire(twin.keyspaces[i], twin.now_ms, SIZE_MAX);
    }
}

TestSuite(undo, .init = set_up, .fini = tear_down);
TestSuite(undo_over_shards, .init = set_up_several, .fini = tear_down, .timeout = 120);

/* A script of some lines; half of them are taken back, the others do what they would do on their own. */
static void try_script(void)
{
    static char lines[LINES_MAX][LINE_BYTES], all[LINES_MAX * 200];
    int count = 1 + (int)dice_below(dice_below(3) ? 4 : 30);
    bool commits = dice_below(2);
    char *before = shoot(&run);

    all[0] = '\0';
    begin();
    for (int i = 0; i < count; i++) {
        do
            random_command(lines[i], run.now_ms);
        while (commits && strncmp(lines[i], "SPOP", 4) == 0); /* a copied set gives other members */
        snprintf(all + strlen(all), sizeof all - strlen(all), "%.150s\n", lines[i]);
        command_run(&run, lines[i]);
    }
    if (!commits) {
        roll_back();
        expect_same(before, shoot(&run), all);
        return;
    }
    commit();
    free(before);
    for (int i = 0; i < count; i++)
        command_run(&twin, lines[i]);
    expect_same(shoot(&twin), shoot(&run), all);
    advance();
}

static void try_scripts(void)
{
    for (int data = 0; data < 8; data++) {
        for (int i = 0; i < 60; i++)
            try_script();
        command_run(&run, "FLUSHALL");
        command_run(&twin, "FLUSHALL");
        random_commands_fill(both, run.now_ms);
    }
}

Test(undo, what_was_taken_back_has_never_been)
{
    try_scripts();
}

Test(undo_over_shards, what_was_taken_back_has_never_been)
{
    try_scripts();
}

Test(undo_over_shards, a_key_that_was_changed_and_then_went_to_another_shard_comes_back_as_it_was)
{
    static const char *const keys[][2] = {{"l1", "l2"}, {"l1", "l0"}, {"h1", "l1"}, {"p2", "h1"}};
    char line[64];

    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        char *before = shoot(&run);

        begin();
        command_run(&run, "RPUSH l1 x");
        command_run(&run, "HSET h1 m1 x");
        command_run(&run, "INCR p2");
        snprintf(line, sizeof line, "RENAME %s %s", keys[i][0], keys[i][1]);
        command_expect(&run, line, "+OK ");
        roll_back();
        expect_same(before, shoot(&run), line);
    }
}

Test(undo, a_key_that_a_script_found_expired_expires_again)
{
    both("SET k v PX 100");
    run.now_ms += 100;
    size_t expiring = keyspace_count_expiring(run.keyspaces[0], 0);
    begin();
    command_expect(&run, "GET k", "$-1 ");
    cr_assert_eq(keyspace_count_expiring(run.keyspaces[0], 0), expiring - 1);
    roll_back();
    cr_assert_eq(keyspace_count_expiring(run.keyspaces[0], 0), expiring);
    uint64_t expired = keyspace_stats(run.keyspaces[0])->expired;
    command_expect(&run, "GET k", "$-1 ");
    cr_assert_eq(keyspace_stats(run.keyspaces[0])->expired, expired + 1);
}

Test(undo, references_that_went_with_their_entries_come_back)
{
    char *before = shoot(&run);

    begin();
    command_expect(&run, "XTRIM x1 MAXLEN 600 DELREF", ":80 ");
    roll_back();
    expect_same(before, shoot(&run), "XTRIM");
}
