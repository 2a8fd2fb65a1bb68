/* The bit: ENTRY_SAVED of an entry equals the keyspace's saved_flag where the entry
 * has been saved, or was born since. Between walks that holds for all entries, so
 * that a walk begins by turning the keyspace's over; hence one that is dropped still
 * goes to its end.
 *
 * A step over the table finds the unsaved entries of one bucket; each is saved in a
 * step of its own. Whatever saves or takes an entry meanwhile strikes it off. */
#include "core/snapshot_walk.h"

#include "core/call.h"
#include "core/command.h"
#include "core/keyspace_layout.h"
#include "core/memory.h"
#include "core/prefetch.h"

enum {
    FOUND_MAX = 256,         /* a bucket with its neighbour and a long stash has fewer */
    LARGE_BYTES = 64 * 1024, /* what is removed and larger is left to the walk */
};

/* Removed before it was saved. */
struct taken_entry {
    struct taken_entry *next;
    struct entry *entry;
    int db;
};

/* Emptied before all of it was walked over. */
struct taken_database {
    struct taken_database *next;
    struct database database;
};

struct snapshot_walk {
    struct snapshot_sink *sink; /* NULL: dropped */
    size_t total, left;
    struct entry *current; /* given in part, marked as saved; NULL: none */
    bool current_taken;    /* and has left the table */
    struct entry *found[FOUND_MAX];
    int found_count, found_db;
    struct taken_entry *entries;
    struct taken_database *databases; /* the first is walked over next */
};

static bool is_saved(const struct keyspace *keyspace, const struct entry *entry)
{
    return (entry->flags & ENTRY_SAVED) == keyspace->saved_flag;
}

static void mark(struct keyspace *keyspace, struct entry *entry)
{
    keyspace_mark_saved(keyspace, entry);
    keyspace->walk->left--;
}

/* Beginning and end */

void snapshot_walk_begin(struct keyspace *keyspace, struct snapshot_sink *sink)
{
    struct snapshot_walk *walk = memory_alloc(keyspace->memory, sizeof *walk);

    ASSERT(keyspace->walk == NULL && keyspace->undo == NULL);
    *walk = (struct snapshot_walk){.sink = sink};
    for (int db = 0; db < keyspace->database_count; db++) {
        struct database *database = &keyspace->databases[db];

        database->walk = (struct database_walk){.db = db, .is_due = database->table.count > 0};
        walk->total += database->table.count;
    }
    walk->left = walk->total;
    keyspace->saved_flag ^= ENTRY_SAVED;
    keyspace->walk = walk;
}

static void release_current(struct keyspace *keyspace)
{
    struct snapshot_walk *walk = keyspace->walk;

    if (walk->current_taken)
        reclaim_take_entry(&keyspace->reclaim, walk->current);
    walk->current = NULL;
    walk->current_taken = false;
}

void snapshot_walk_drop(struct keyspace *keyspace)
{
    struct snapshot_walk *walk = keyspace->walk;

    walk->sink = NULL;
    release_current(keyspace);
}

void snapshot_walk_end(struct keyspace *keyspace)
{
    struct snapshot_walk *walk = keyspace->walk;

    ASSERT(walk->left == 0 && !walk->current && !walk->entries && !walk->databases);
    memory_free(keyspace->memory, walk);
    keyspace->walk = NULL;
}

bool snapshot_walk_is_under_way(const struct keyspace *keyspace)
{
    return keyspace->walk != NULL;
}

size_t snapshot_walk_total(const struct keyspace *keyspace)
{
    return keyspace->walk->total;
}

size_t snapshot_walk_left(const struct keyspace *keyspace)
{
    return keyspace->walk->left;
}

/* The walk */

static void begin(struct keyspace *keyspace, int db, struct entry *entry, bool taken)
{
    struct snapshot_walk *walk = keyspace->walk;

    mark(keyspace, entry);
    walk->current = entry;
    walk->current_taken = taken;
    if (walk->sink == NULL || !walk->sink->begin(walk->sink, db, entry))
        release_current(keyspace);
}

static void go_on(struct keyspace *keyspace, bool all)
{
    struct snapshot_walk *walk = keyspace->walk;

    if (!walk->sink->go_on(walk->sink, all))
        release_current(keyspace);
}

static void begin_taken(struct keyspace *keyspace)
{
    struct taken_entry *first = keyspace->walk->entries, taken = *first;

    keyspace->walk->entries = first->next;
    memory_free(keyspace->memory, first);
    begin(keyspace, taken.db, taken.entry, true);
}

static void save(struct keyspace *keyspace, int db, struct entry *entry)
{
    struct snapshot_walk *walk = keyspace->walk;

    mark(keyspace, entry);
    if (walk->sink)
        walk->sink->save(walk->sink, db, entry);
}

static void save_found(struct keyspace *keyspace)
{
    struct snapshot_walk *walk = keyspace->walk;

    while (walk->found_count > 0) {
        struct entry *entry = walk->found[--walk->found_count];

        if (!is_saved(keyspace, entry))
            save(keyspace, walk->found_db, entry);
    }
}

/* Where there are more than anybody has seen in a bucket, what has been found is looked at. */
static void find_entry(void *context, void *item)
{
    struct keyspace *keyspace = context;
    struct snapshot_walk *walk = keyspace->walk;

    if (walk->found_count == FOUND_MAX)
        save_found(keyspace);
    walk->found[walk->found_count++] = item;
    prefetch_to_read(item);
}

static void keep_unsaved(struct keyspace *keyspace)
{
    struct snapshot_walk *walk = keyspace->walk;
    int count = walk->found_count;

    walk->found_count = 0;
    for (int i = 0; i < count; i++)
        if (!is_saved(keyspace, walk->found[i]))
            walk->found[walk->found_count++] = walk->found[i];
}

static void find_next(struct keyspace *keyspace, struct database *database)
{
    struct database_walk *place = &database->walk;

    keyspace->walk->found_db = place->db;
    place->cursor = table_scan(&database->table, place->cursor, find_entry, keyspace);
    place->is_due = place->cursor != 0;
    keep_unsaved(keyspace);
}

static void release_database(struct keyspace *keyspace)
{
    struct taken_database *first = keyspace->walk->databases;

    keyspace->walk->databases = first->next;
    reclaim_take_database(&keyspace->reclaim, &first->database.table, &first->database.expiry);
    memory_free(keyspace->memory, first);
}

static struct database *due_database(struct keyspace *keyspace)
{
    for (int db = 0; db < keyspace->database_count; db++)
        if (keyspace->databases[db].walk.is_due)
            return &keyspace->databases[db];
    return NULL;
}

/* All that was found has been saved. False: there is nothing left to look at. */
static bool look_on(struct keyspace *keyspace)
{
    struct taken_database *taken = keyspace->walk->databases;
    struct database *database;

    if (taken && !taken->database.walk.is_due) {
        release_database(keyspace);
        return true;
    }
    database = taken ? &taken->database : due_database(keyspace);
    if (!database)
        return false;
    find_next(keyspace, database);
    return true;
}

bool snapshot_walk_step(struct keyspace *keyspace)
{
    struct snapshot_walk *walk = keyspace->walk;

    if (walk->current)
        go_on(keyspace, false);
    else if (walk->found_count > 0)
        begin(keyspace, walk->found_db, walk->found[--walk->found_count], false);
    else if (walk->entries)
        begin_taken(keyspace);
    else
        return look_on(keyspace);
    return true;
}

/* Before a change */

static void strike_off(struct snapshot_walk *walk, const struct entry *entry)
{
    int at = 0;

    while (at < walk->found_count && walk->found[at] != entry)
        at++;
    if (at < walk->found_count)
        walk->found[at] = walk->found[--walk->found_count];
}

void snapshot_before_change(struct keyspace *keyspace, int db, struct entry *entry)
{
    struct snapshot_walk *walk = keyspace->walk;

    if (entry == walk->current) {
        go_on(keyspace, true);
    } else if (!is_saved(keyspace, entry)) {
        strike_off(walk, entry);
        save(keyspace, database_of(keyspace, db)->walk.db, entry);
    }
}

static void take_unsaved(struct keyspace *keyspace, int db, struct entry *entry)
{
    struct snapshot_walk *walk = keyspace->walk;
    struct taken_entry *taken = memory_alloc(keyspace->memory, sizeof *taken);

    strike_off(walk, entry);
    *taken = (struct taken_entry){walk->entries, entry, database_of(keyspace, db)->walk.db};
    walk->entries = taken;
}

/* A script that may be taken back wants the entry for itself. */
bool snapshot_take_entry(struct keyspace *keyspace, int db, struct entry *entry)
{
    struct snapshot_walk *walk = keyspace->walk;
    bool may_take = keyspace->undo == NULL && walk->sink != NULL;

    if (may_take && entry == walk->current) {
        walk->current_taken = true;
        return true;
    }
    if (may_take && !is_saved(keyspace, entry) && entry_owned(entry) && entry_bytes(entry) > LARGE_BYTES) {
        take_unsaved(keyspace, db, entry);
        return true;
    }
    snapshot_before_change(keyspace, db, entry);
    return false;
}

bool snapshot_take_database(struct keyspace *keyspace, struct database *database)
{
    struct snapshot_walk *walk = keyspace->walk;
    struct taken_database *taken;

    if (!database->walk.is_due && walk->found_count == 0 && !walk->current)
        return false;
    taken = memory_alloc(keyspace->memory, sizeof *taken);
    *taken = (struct taken_database){walk->databases, *database};
    walk->databases = taken;
    return true;
}

/* Values that a command changes otherwise than through the keyspace, which sees the rest. */
static bool changes_in_place(const struct command *command, const struct entry *entry)
{
    if (command->save == undo_save_nothing)
        return false;
    return command->save != undo_save_string || entry->type == VALUE_STRING;
}

static void visit_named(const struct call *call, struct key key)
{
    struct keyspace *keyspace = call_keyspace(call, key.name);
    struct entry *entry = keyspace->walk ? keyspace_find(keyspace, call->db, key, call->now_ms) : NULL;

    if (entry && changes_in_place(call->command, entry))
        snapshot_before_change(keyspace, call->db, entry);
}

static void visit_key(void *context, struct key_position key)
{
    const struct call *call = context;

    visit_named(call, key_of(call->argv[key.index]));
}

void snapshot_before_command(struct call *call)
{
    int only = call->command->only_key;

    if (!(call->command->flags & CMD_WRITE))
        return;
    if (only > 0) {
        call->routed_key = call_key(call, call->argv[only]);
        visit_named(call, call->routed_key);
        return;
    }
    bool fits = command_each_key(call->command, call->argv, call->argc, visit_key, call);
    (void)fits; /* the handler says so where they do not */
}

void snapshot_walk_abandon(struct keyspace *keyspace)
{
    struct snapshot_walk *walk = keyspace->walk;

    snapshot_walk_drop(keyspace);
    while (walk->entries)
        begin_taken(keyspace);
    while (walk->databases)
        release_database(keyspace);
    memory_free(keyspace->memory, walk);
    keyspace->walk = NULL;
}
