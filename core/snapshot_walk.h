/* The walk over a keyspace that gives all its keys as they were at one instant,
 * while commands go on changing them.
 *
 * At the instant nothing is copied: every entry has a bit that says whether it has
 * been saved, and the keyspace turns over what the bit is to say. From then on the
 * walk saves entries in small steps, between commands; and whoever is about to
 * change an entry that is not saved yet, or to remove it, has it saved first. New
 * entries are born saved. So each entry of the instant is saved exactly once, as it
 * was then.
 *
 * A large value is saved in parts. It waits for nobody: a command that wants to
 * change it meanwhile has the rest of it saved at once; one that removes it leaves it
 * to the walk, as one that flushes a database leaves that.
 *
 * What runs before a change: for the keys of a command that changes values in place
 * snapshot_before_command, from call_run; for what the keyspace itself does (expire,
 * move, remove, flush) the others, from there. core/undo has the same two places.
 * Belongs to the keyspace, and to whom that belongs to. */
#ifndef CORE_SNAPSHOT_WALK_H
#define CORE_SNAPSHOT_WALK_H

#include <stdbool.h>
#include <stddef.h>

struct call;
struct database;
struct entry;
struct keyspace;
struct snapshot_walk;

/* Who is given the entries, each with the number that its database had at the instant. Whoever executes a command
 * may be the one who calls: see gather.h. The entry has been saved, or it stays as and where it is until the last of
 * it has been given. */
struct snapshot_sink {
    /* All of it, now. */
    void (*save)(struct snapshot_sink *sink, int db, const struct entry *entry);
    /* The walk's next one. Whether more of it is left. */
    bool (*begin)(struct snapshot_sink *sink, int db, const struct entry *entry);
    /* All of that, or some more. Likewise. */
    bool (*go_on)(struct snapshot_sink *sink, bool all);
};

/* The instant. No other walk is under way in this keyspace. */
void snapshot_walk_begin(struct keyspace *keyspace, struct snapshot_sink *sink);
/* One small step. False: everything has been saved. */
bool snapshot_walk_step(struct keyspace *keyspace);
/* Nobody wants the rest: what is still done, in steps as before, is to mark it. */
void snapshot_walk_drop(struct keyspace *keyspace);
/* After the last step. */
void snapshot_walk_end(struct keyspace *keyspace);

bool snapshot_walk_is_under_way(const struct keyspace *keyspace);
/* Keys at the instant, and how many of them are yet to be saved. */
size_t snapshot_walk_total(const struct keyspace *keyspace);
size_t snapshot_walk_left(const struct keyspace *keyspace);

/* Before any command runs, where core.is_walking: saves what it changes in place. */
void snapshot_before_command(struct call *call);

/* From the keyspace: the entry is about to change. */
void snapshot_before_change(struct keyspace *keyspace, int db, struct entry *entry);
/* … it has left the table for good. True: the walk has it, and will free it. */
bool snapshot_take_entry(struct keyspace *keyspace, int db, struct entry *entry);
/* … a database is about to be emptied. True: the walk has its contents, which are left uninitialized. */
bool snapshot_take_database(struct keyspace *keyspace, struct database *database);
/* … it is destroyed. */
void snapshot_walk_abandon(struct keyspace *keyspace);

#endif
