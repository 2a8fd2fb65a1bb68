/* The rows of all groups as one table, and the way from a name to its row.
 *
 * Rows are copied out of the groups' constant tables, because a subcommand
 * points to its container, because some columns follow from others, and because
 * a row may be called by another name than its own, or be taken out.
 *
 * Names are found through slots with linear probing, at most a quarter full. A
 * name's words are its first and its last eight bytes with the bit of letter
 * case set: two loads, and equal for names that differ in case only. Equal
 * words and lengths mean equal names where the words cover a name of letters;
 * any other name is compared byte by byte as well. */
#include "core/command.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <strings.h>

#include "core/assert.h"
#include "core/command_rows.h"
#include "core/memory.h"

enum {
    ROWS_MAX = 255,
    SUBROWS_MAX = 255,
    SLOT_BITS = 10,
    SLOTS = 1 << SLOT_BITS,
    NAME_MAX_BYTES = COMMAND_CALLED_BYTES - 1
};

static_assert(4 * ROWS_MAX < SLOTS, "probing is short");

static struct command rows[ROWS_MAX + 1];
static struct command subrows[SUBROWS_MAX + 1];
static struct slot {
    uint64_t first, last; /* words of the name that the row is called by */
    const struct command *row;
    uint32_t length;
    bool exact; /* the words and the length tell the name from every other */
} slots[SLOTS];
static size_t row_count, subrow_count;
static uint16_t last_number;
static struct memory called_memory; /* charged for names that were given later; they stay */

const struct command *const command_table = rows;

static const struct command *const groups[] = {
    command_rows_string,    command_rows_generic,      command_rows_connection, command_rows_server,
    command_rows_list,      command_rows_hash,         command_rows_set,        command_rows_sorted_set,
    command_rows_bitmap,    command_rows_hyperloglog,  command_rows_geo,        command_rows_stream,
    command_rows_scripting, command_rows_transactions, command_rows_pubsub,     command_rows_cluster};

static inline uint64_t load_8(const char *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
}

static inline uint32_t load_4(const char *bytes)
{
    uint32_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
}

/* A name's words and length, as in a slot; the name is not empty. */
static inline struct slot slot_of(struct str name)
{
    const uint64_t lower_case = 0x2020202020202020;
    uint64_t first, last;

    if (name.length >= 8) {
        first = load_8(name.bytes);
        last = load_8(name.bytes + name.length - 8);
    } else if (name.length >= 4) {
        first = load_4(name.bytes);
        last = load_4(name.bytes + name.length - 4);
    } else {
        first = (unsigned char)name.bytes[0];
        last = (unsigned char)name.bytes[name.length / 2] << 8 | (unsigned char)name.bytes[name.length - 1];
    }
    return (struct slot){.first = first | lower_case, .last = last | lower_case, .length = (uint32_t)name.length};
}

/* Where the search for a slot's name begins. */
static inline size_t slot_index(const struct slot *slot)
{
    uint64_t mixed = slot->first ^ (slot->last << 7 | slot->last >> 57) ^ slot->length;

    return (mixed * 0x9e3779b97f4a7c15) >> (64 - SLOT_BITS);
}

static inline bool same_words(const struct slot *slot, const struct slot *wanted)
{
    return slot->first == wanted->first && slot->last == wanted->last && slot->length == wanted->length;
}

static __attribute__((noinline)) const struct command *probe_slots(const struct slot *wanted, struct str name)
{
    for (size_t at = slot_index(wanted); slots[at].row; at = (at + 1) % SLOTS) {
        if (same_words(&slots[at], wanted) && (slots[at].exact || str_equal_nocase(name, slots[at].row->called)))
            return slots[at].row;
    }
    return NULL;
}

/* Nearly always the first slot tells; without the call in the loop, that needs no stack. */
static inline const struct command *find_row(struct str name)
{
    if (name.length == 0 || name.length > NAME_MAX_BYTES)
        return NULL;
    struct slot wanted = slot_of(name);
    const struct slot *home = &slots[slot_index(&wanted)];
    if (home->exact && same_words(home, &wanted))
        return home->row;
    return probe_slots(&wanted, name);
}

static const struct command *find_subrow(const struct command *container, struct str name)
{
    for (const struct command *row = container->subcommands; row->name; row++) {
        if (str_equal_nocase(name, row->name))
            return row;
    }
    return NULL;
}

static __attribute__((noinline)) const struct command *
find_subcommand(const struct command *row, const struct str *argv, int argc, const struct command **container)
{
    const struct command *subrow = find_subrow(row, argv[1]);

    if (row->subcommands->flags & CMD_HIDDEN)
        return subrow && command_arity_fits(subrow, argc) ? subrow : row;
    if (!subrow)
        *container = row;
    return subrow;
}

/* inline: as resp_parse. */
inline const struct command *command_find(const struct str *argv, int argc, const struct command **container)
{
    const struct command *row = find_row(argv[0]);

    *container = NULL;
    if (!row || !row->subcommands || argc < 2)
        return row;
    return find_subcommand(row, argv, argc, container);
}

const struct command *command_find_by_name(struct str name)
{
    const char *bar = name.length ? memchr(name.bytes, '|', name.length) : NULL;
    const struct command *row, *subrow;

    if (!bar)
        return find_row(name);
    row = find_row((struct str){name.bytes, (size_t)(bar - name.bytes)});
    if (!row || !row->subcommands)
        return NULL;
    subrow = find_subrow(row, (struct str){bar + 1, name.length - (size_t)(bar - name.bytes) - 1});
    return subrow && !(subrow->flags & CMD_HIDDEN) ? subrow : NULL;
}

size_t command_count(void)
{
    return row_count;
}

size_t command_numbers(void)
{
    return (size_t)last_number + 1;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const struct command *)a)->name, ((const struct command *)b)->name);
}

static void collect_rows(void)
{
    for (size_t group = 0; group < sizeof groups / sizeof *groups; group++) {
        for (const struct command *row = groups[group]; row->name; row++) {
            ASSERT(row_count < ROWS_MAX);
            rows[row_count++] = *row;
        }
    }
    qsort(rows, row_count, sizeof *rows, compare_names);
}

/* The columns that follow from the key specifications. */
static void derive_keys(struct command *row)
{
    const struct key_spec *first = &row->keys[0];

    if (first->begin == KEY_BEGIN_INDEX && first->find == KEY_FIND_RANGE && first->last == 0 &&
        row->keys[1].begin == KEY_BEGIN_NONE)
        row->only_key = first->index;
    for (int i = 0; i < COMMAND_KEY_SPECS && row->keys[i].begin != KEY_BEGIN_NONE; i++) {
        if (row->keys[i].begin != KEY_BEGIN_INDEX || row->keys[i].find != KEY_FIND_RANGE)
            row->flags |= CMD_MOVABLE_KEYS;
    }
}

static bool is_steady(const struct command *row)
{
    bool is_by_keys = row->route == ROUTE_SCATTER && row->keys[0].begin == KEY_BEGIN_INDEX;

    return row->flags & CMD_FAST || is_by_keys || (row->complexity && strcmp(row->complexity, "O(1)") == 0);
}

/* Nearly all that is sent. What asks this first does without the other questions. */
static bool is_plain(const struct command *row)
{
    return row->only_key && row->route == ROUTE_SINGLE && row->pubsub == 0 && !row->reaches_all &&
           !(row->flags & (CMD_FENCE | CMD_BLOCKING | CMD_SETTLE | CMD_SESSION | CMD_EXECUTES));
}

static void derive(struct command *row)
{
    row->called = row->name;
    row->number = ++last_number;
    row->steady = is_steady(row);
    derive_keys(row);
    row->plain = is_plain(row);
}

static void adopt_subcommands(struct command *container)
{
    const struct command *from = container->subcommands;

    container->subcommands = &subrows[subrow_count];
    for (; from->name; from++) {
        struct command *row = &subrows[subrow_count++];

        ASSERT(subrow_count < SUBROWS_MAX);
        *row = *from;
        derive(row);
        if (row->flags & CMD_HIDDEN)
            row->number = container->number;
    }
    subrow_count++; /* the end, a row without a name */
}

static void link_subcommands(const struct command *container)
{
    for (struct command *row = &subrows[container->subcommands - subrows]; row->name; row++)
        row->parent = container;
}

static bool is_letters(const char *name)
{
    return name[strspn(name, "abcdefghijklmnopqrstuvwxyz")] == '\0';
}

static void index_row(const struct command *row)
{
    struct slot slot = slot_of(str_from(row->called));
    size_t at = slot_index(&slot);

    ASSERT(slot.length <= NAME_MAX_BYTES);
    slot.row = row;
    slot.exact = slot.length <= 16 && is_letters(row->called);
    for (; slots[at].row; at = (at + 1) % SLOTS)
        ASSERT(strcasecmp(slots[at].row->called, row->called) != 0);
    slots[at] = slot;
}

static void index_rows(void)
{
    memset(slots, 0, sizeof slots);
    for (const struct command *row = rows; row->name; row++) {
        if (row->subcommands)
            link_subcommands(row);
        index_row(row);
    }
}

static char *copy_name(struct str name)
{
    char *copy = memory_alloc(&called_memory, name.length + 1);

    memcpy(copy, name.bytes, name.length);
    copy[name.length] = '\0';
    return copy;
}

void command_table_init(void)
{
    if (row_count > 0)
        return;
    collect_rows();
    for (struct command *row = rows; row->name; row++) {
        derive(row);
        if (row->subcommands)
            adopt_subcommands(row);
    }
    index_rows();
}

static void remove_row(struct command *row)
{
    memmove(row, row + 1, (size_t)(&rows[row_count] - row) * sizeof *row); /* with the end of the table */
    row_count--;
}

const char *command_rename(struct str from, struct str to)
{
    const struct command *found = find_row(from), *other = find_row(to);

    if (!found)
        return "No such command in rename-command";
    if (to.length > NAME_MAX_BYTES)
        return "The new name is too long";
    if (other && other != found)
        return "Target command name already exists";

    struct command *row = &rows[found - rows];

    if (row->called != row->name)
        memory_free(&called_memory, (char *)row->called);
    row->called = row->name;
    if (to.length == 0)
        remove_row(row);
    else
        row->called = copy_name(to);
    index_rows();
    return NULL;
}
