/* What a script has done on one shard, so that it can be taken back.
 *
 * A script that turns out to need a key of another shard has to run again, over all
 * shards, as if it had never begun. Until it commits, each change is preceded by a
 * record of what was there; rollback goes through the records backwards and ends
 * with the very keyspace that the script found: values, encodings, deadlines, the
 * count of changes. (A key that was only looked at has been looked at.) What others were to hear meanwhile
 * (events, touched keys) is held until the commit; the unit of the journal that it has begun goes with it.
 *
 * Small values are copied. Of a large one only what the command changes is kept
 * (see undo_save.h), or, where that is not known, the command gets a copy of the value to
 * work on. What is removed or replaced as a whole is kept instead of freed.
 * Belongs to the keyspace, and to whom that belongs to. A script over several shards
 * has one for each of their keyspaces. */
#ifndef CORE_UNDO_H
#define CORE_UNDO_H

#include "core/buffer.h"
#include "core/keyspace.h"

struct call;
struct config;
struct stream_keep;

/* Keys of which all is kept already: an open table that an increased generation empties. */
struct undo_marks {
    struct undo_mark {
        uint64_t key;
        uint64_t generation;
    } * slots;
    size_t capacity, count;
    uint64_t generation;
};

struct undo {
    struct memory *memory;
    struct keyspace *keyspace; /* NULL: no script is running */
    const struct config *config;
    struct buffer log;  /* records, see undo_log.h */
    size_t last;        /* where the last record begins */
    size_t owned;       /* records that own something */
    size_t held_events; /* where the script's events begin */
    struct undo_marks marks;
    struct keyspace_stats stats; /* as they were, */
    uint64_t random;             /* and so the keyspace's dice */
    struct stream_keep *stream;  /* of the command that is running */
};

void undo_init(struct undo *undo, struct memory *memory);
void undo_deinit(struct undo *undo);

/* From now on the keyspace's changes are recorded; config is borrowed until the end. */
void undo_begin(struct undo *undo, struct keyspace *keyspace, const struct config *config);
/* Whether anything has been changed: if not there is nothing to take back. */
static inline bool undo_has_changes(const struct undo *undo)
{
    return undo->log.length > 0;
}
/* One of these ends it. */
void undo_commit(struct undo *undo);
void undo_rollback(struct undo *undo);

/* Runs a command of the script, after keeping what it is about to change; in all keyspaces that it reaches undo has
 * begun. */
void undo_run(struct call *call);

/* From the keyspace: a key is added that was absent. */
void undo_added(struct undo *undo, int db, const struct entry *entry);
/* … an entry has left the table for good. The undo owns it. */
void undo_removed(struct undo *undo, int db, struct entry *entry);
/* … one has been moved to another name or database of this keyspace, where nothing was. */
void undo_moved(struct undo *undo, int from_db, struct key source, int to_db, struct key target);
/* … items of an entry's value are about to be removed, whatever the command has said. */
void undo_items(struct undo *undo, int db, struct entry *entry);
/* … an entry's deadline is about to change. */
void undo_expiry(struct undo *undo, int db, const struct entry *entry);
/* … a key has been touched. */
void undo_touched(struct undo *undo, int db, struct str name, uint64_t by);

#endif
