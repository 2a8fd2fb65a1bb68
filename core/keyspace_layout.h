/* What the files of keyspace share: the structs, and the way from an entry to
 * the expiry index. */
#ifndef CORE_KEYSPACE_LAYOUT_H
#define CORE_KEYSPACE_LAYOUT_H

#include "core/assert.h"
#include "core/entry_layout.h"
#include "core/expiry.h"
#include "core/journal.h"
#include "core/keyspace.h"
#include "core/reclaim.h"
#include "core/snapshot_walk.h"
#include "core/table.h"
#include "core/tracking.h"
#include "core/undo.h"
#include "core/waits.h"
#include "core/watch.h"

/* How far a snapshot's walk has come. */
struct database_walk {
    uint64_t cursor;
    int db;      /* its number at the instant */
    bool is_due; /* not all of it has been looked at */
};

struct database {
    struct table table;
    struct expiry expiry;
    struct database_walk walk;
};

struct keyspace {
    struct changes changes; /* first, see keyspace_changes */
    struct memory *memory;
    struct keyspace_stats stats;
    struct reclaim reclaim;
    struct waits waits;
    struct watches watches;
    struct undo *undo;          /* of the script that is running here, NULL: none, or it will not be taken back */
    struct snapshot_walk *walk; /* NULL: none is under way */
    uint8_t saved_flag;         /* ENTRY_SAVED or 0: what it is in entries that need not be saved */
    struct tracking tracking;
    struct journal journal;
    uint64_t random;
    enum access_policy access_policy;
    uint32_t fresh_access;
    bool active_expiry;
    int64_t next_expiry_ms; /* the earliest deadline of all databases, INT64_MAX: none */
    int next_expiry_db;     /* one that has it */
    int database_count;
    struct database databases[];
};

static_assert(offsetof(struct keyspace, changes) == 0, "keyspace_changes says so");

static inline struct database *database_of(const struct keyspace *keyspace, int db)
{
    ASSERT(db >= 0 && db < keyspace->database_count);
    return (struct database *)&keyspace->databases[db];
}

void keyspace_init_database(struct database *database, struct memory *memory);

/* Those keys of `db` that are there, or in the other one: before the first is emptied (other_db: itself), or becomes
 * the second. */
void keyspace_touch_watched(struct keyspace *keyspace, int db, int other_db);
/* Puts an entry that is nowhere yet under its key, in place of what is there. */
void keyspace_put_entry(struct keyspace *keyspace, int db, struct key key, struct entry *entry);

/* The time of a key, or of items of its value, has come: for listeners; and what takes it away, for the journal. */
void keyspace_tell_expired(struct keyspace *keyspace, int db, struct str name);
void keyspace_journal_gone(struct keyspace *keyspace, int db, const struct str *argv, int argc);
/* Removes what has expired, and counts it so. */
void keyspace_expire_entry(struct keyspace *keyspace, int db, struct entry *entry);

static inline bool has_expired(const struct entry *entry, int64_t now_ms)
{
    return (entry->flags & ENTRY_HAS_EXPIRY) && (int64_t)entry->words[0] <= now_ms;
}

static inline void keyspace_mark_saved(const struct keyspace *keyspace, struct entry *entry)
{
    entry->flags = (uint8_t)((entry->flags & ~ENTRY_SAVED) | keyspace->saved_flag);
}

/* -1: no item of its value has a deadline. */
static inline int64_t keyspace_items_deadline(const struct entry *entry)
{
    if (!entry_has_value_inline(entry) || entry_kind(entry)->next_deadline_ms == NULL)
        return -1;
    return entry_kind(entry)->next_deadline_ms(entry_owned(entry));
}

static inline struct expiry_item keyspace_expiry_item(const struct entry *entry)
{
    return (struct expiry_item){entry_expiry_inline(entry), entry, keyspace_items_deadline(entry)};
}

/* Which of all databases has the earliest deadline. */
void keyspace_find_next_expiry(struct keyspace *keyspace);
void keyspace_change_index(struct keyspace *keyspace, int db, struct expiry_item old, struct expiry_item now);

/* The index knows `old` and shall know `now`: the entry has moved, or has another deadline, or both. */
static inline void keyspace_reindex(struct keyspace *keyspace, int db, struct expiry_item old, struct expiry_item now)
{
    if (expiry_item_is_indexed(old) || expiry_item_is_indexed(now))
        keyspace_change_index(keyspace, db, old, now);
}

#endif
