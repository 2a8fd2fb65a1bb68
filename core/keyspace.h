/* One shard's keys: `databases` numbered databases, each a table of entries
 * and an index of them by deadline.
 *
 * Exact expiry: a key whose deadline has come reads as absent at once
 * (keyspace_find removes it), and keyspace_expire removes what nobody reads,
 * in order of deadline, in bounded slices. now_ms is always an argument.
 * Belongs to its shard's thread, or to the executor of a gather while the
 * shard is parked. */
#ifndef CORE_KEYSPACE_H
#define CORE_KEYSPACE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/access.h"
#include "core/changes.h"
#include "core/entry.h"
#include "core/str.h"

struct journal;
struct memory;
struct keyspace;
struct table;
struct tracking;
struct waits;
struct watch;
struct watcher;

/* Counters since start or CONFIG RESETSTAT. */
struct keyspace_stats {
    uint64_t hits, misses, expired, evicted;
    uint64_t expired_items; /* of values: fields of hashes */
    uint64_t freed_later; /* keys and large values, by keyspace_reclaim */
    uint64_t dirty; /* changes to the data set */
};

/* Key bytes to hash, keyed by a random secret of the process against flooding.
 * keyspace_hash_seed is called once, before any thread starts and before the first keyspace_create. */
void keyspace_hash_seed(const uint8_t secret[static 32]);
uint64_t keyspace_hash(struct str key);
/* Of `count` keys, each `step` arguments behind the one before. */
void keyspace_hash_each(const struct str *keys, int step, int count, uint64_t *hashes);

struct keyspace *keyspace_create(struct memory *memory, int databases);
void keyspace_destroy(struct keyspace *keyspace);
int keyspace_database_count(const struct keyspace *keyspace);
struct keyspace_stats *keyspace_stats(struct keyspace *keyspace);
struct memory *keyspace_memory(struct keyspace *keyspace);

/* A key with its hash, so that what routing computed is not computed again. */
struct key {
    struct str name;
    uint64_t hash;
};
static inline struct key key_of(struct str name)
{
    return (struct key){name, keyspace_hash(name)};
}

/* NULL: absent, or expired (and then removed and counted). */
struct entry *keyspace_find_hashed(struct keyspace *keyspace, int db, struct str name, uint64_t hash, int64_t now_ms);
/* Apart, a key's parts travel in registers. */
static inline struct entry *keyspace_find(struct keyspace *keyspace, int db, struct key key, int64_t now_ms)
{
    return keyspace_find_hashed(keyspace, db, key.name, key.hash, now_ms);
}

/* Each of these returns the entry at its new address, which replaces the old
 * one. A new key has no expiry; an existing one keeps it unless said. All
 * count one change in stats.dirty. The value bytes are copied; they may lie in
 * the entry that is replaced. An integer-looking value of at most 20 bytes is
 * stored as an integer; keyspace_set_bytes never does that (INCRBYFLOAT). */
struct entry *keyspace_set_string(struct keyspace *keyspace, int db, struct key key, struct str value, int64_t expiry_ms /* -1: none */);
struct entry *keyspace_set_string_keep_expiry(struct keyspace *keyspace, int db, struct key key, struct str value);
struct entry *keyspace_set_integer(struct keyspace *keyspace, int db, struct key key, int64_t value); /* keeps the expiry */
struct entry *keyspace_set_bytes(struct keyspace *keyspace, int db, struct key key, struct str value); /* keeps the expiry */
/* A raw string of `length` bytes to write into; what was there before stays, the
 * rest is zero. entry may be NULL (absent). Keeps the expiry. The result's bytes are at *bytes. */
struct entry *keyspace_resize_raw(struct keyspace *keyspace, int db, struct key key, struct entry *entry, size_t length, char **bytes);

/* Values of the other types. The keyspace owns what it is given, which was
 * allocated under keyspace_memory. How many changes a command makes only it
 * knows: these count none, keyspace_changed does. */

/* Under a key that is absent: it was looked for. No expiry. */
struct entry *keyspace_add_value(struct keyspace *keyspace, int db, struct key key, enum value_type type, enum value_encoding encoding, void *value);
/* In place of what is there, if anything; its expiry goes. */
struct entry *keyspace_set_value(struct keyspace *keyspace, int db, struct key key, enum value_type type, enum value_encoding encoding, void *value);
/* The value of an entry that lies in line, or is to if it is short (see entry_holds_value), has changed, or another
 * takes its place. Its items had no deadlines; those that they have now are noted. */
struct entry *keyspace_put_value(struct keyspace *keyspace, int db, struct entry *entry, enum value_encoding encoding, void *value);
/* Removes a key that is there: a collection that has become empty. */
void keyspace_delete_entry(struct keyspace *keyspace, int db, struct entry *entry);
/* Frees a value that no key holds: what entry_set_value gave back, or what was built in vain. A large one is freed by keyspace_reclaim. */
void keyspace_free_value(struct keyspace *keyspace, enum value_type type, enum value_encoding encoding, void *value);
/* A value whose items have deadlines of their own has changed: what the earliest of them was before, -1: none. Called
 * before anything else is done with the entry, and before it is deleted as empty. */
void keyspace_items_changed(struct keyspace *keyspace, int db, struct entry *entry, int64_t old_items_ms);
static inline void keyspace_changed(struct keyspace *keyspace, uint64_t count)
{
    keyspace_stats(keyspace)->dirty += count;
}

/* expiry_ms -1 removes it. One change. */
struct entry *keyspace_set_expiry(struct keyspace *keyspace, int db, struct entry *entry, int64_t expiry_ms);

/* False: it was not there (or had expired). Else one change. A large value is freed by keyspace_reclaim. */
bool keyspace_delete(struct keyspace *keyspace, int db, struct key key, int64_t now_ms);

/* RENAME, COPY, MOVE: from and to may be keyspaces of two shards (a gather).
 * What is at `to` is replaced; the expiry goes along, and so does the access
 * clock. The source of a move must be there; a move or copy onto itself does
 * nothing. Memory is charged to `to`'s owner, and `to` counts one change. From one
 * keyspace to another a script that may be taken back moves a copy. */
void keyspace_move(struct keyspace *from, int from_db, struct key source, struct keyspace *to, int to_db, struct key target);
void keyspace_copy(struct keyspace *from, int from_db, struct entry *source, struct keyspace *to, int to_db, struct key target);

/* Blocking commands wait in it; see waits.h. Whatever adds a key, replaces its value or removes it, here, signals it. */
struct waits *keyspace_waits(struct keyspace *keyspace);
/* For a change to an existing value that its waiters may want (XADD). */
void keyspace_signal(struct keyspace *keyspace, int db, struct str name);

/* Who hears of changes: a keyspace begins with it. */
static inline struct changes *keyspace_changes(struct keyspace *keyspace)
{
    return (struct changes *)keyspace;
}
/* What is done to its keys goes there from now on, or no longer; see core/effects.h. */
void keyspace_set_journaled(struct keyspace *keyspace, bool journaled);
static inline bool keyspace_is_journaled(struct keyspace *keyspace)
{
    return keyspace_changes(keyspace)->heeded & CHANGES_JOURNALED;
}
struct journal *keyspace_journal(struct keyspace *keyspace);
/* Out of line, what the two below do where somebody listens. */
void keyspace_tell_touch(struct keyspace *keyspace, int db, struct str name, uint64_t by);
/* Likewise, but not for the journal. */
void keyspace_tell_listeners(struct keyspace *keyspace, int db, struct str name, uint64_t by);
/* The key's value has changed, by the client with that session id (0: by itself): for those who watch or cache it. */
static inline void keyspace_touch(struct keyspace *keyspace, int db, struct str name, uint64_t by)
{
    if (__builtin_expect(keyspace_changes(keyspace)->heeded & CHANGES_TOUCHES, 0))
        keyspace_tell_touch(keyspace, db, name, by);
}
/* WATCH: the watcher is told when the key changes, is flushed or swapped, and until it is unwatched. What is there
 * has not expired. */
struct watch *keyspace_watch(struct keyspace *keyspace, int db, struct key key, struct watcher *watcher, int64_t now_ms);
void keyspace_unwatch(struct keyspace *keyspace, struct watch *watch);
/* Keys that are watched, in all databases. */
size_t keyspace_watched_count(const struct keyspace *keyspace);
/* CLIENT TRACKING: the reader has read the key, or that it is absent. Where more than `most` keys of this keyspace are
 * remembered (0: there is no limit), a few are told to have changed. */
void keyspace_remember(struct keyspace *keyspace, struct key key, struct tracking_reader reader, uint64_t most);
/* All that clients have kept is to be forgotten: a database is flushed. */
void keyspace_tell_flush(struct keyspace *keyspace, uint64_t by);
const struct tracking *keyspace_tracking(const struct keyspace *keyspace);
static inline void keyspace_event(struct keyspace *keyspace, int db, uint32_t class, const char *event, struct str name)
{
    if (__builtin_expect(keyspace_changes(keyspace)->heeded & class, 0))
        changes_add_event(keyspace_changes(keyspace), class, event, db, name);
}

size_t keyspace_count(const struct keyspace *keyspace, int db);
size_t keyspace_count_expiring(const struct keyspace *keyspace, int db);
int64_t keyspace_average_ttl_ms(const struct keyspace *keyspace, int db, int64_t now_ms);
void keyspace_swap(struct keyspace *keyspace, int first_db, int second_db);
/* Returns how many keys went, each of them a change. They are gone at once; what they
 * held is freed by keyspace_reclaim. */
size_t keyspace_flush(struct keyspace *keyspace, int db);
/* Frees what was flushed and large values that were deleted, about `most` keys' worth.
 * Returns how much is left to do, 0: nothing. Called once a turn, and by whoever is
 * short of memory before anything is evicted. */
size_t keyspace_reclaim(struct keyspace *keyspace, size_t most);
/* All of it, however long that takes: where nobody is served meanwhile. */
void keyspace_reclaim_all(struct keyspace *keyspace);
/* Keys and large values that wait for it. */
size_t keyspace_unfreed_objects(const struct keyspace *keyspace);

/* One step of SCAN: visits the live entries of one bucket. See table_scan. */
uint64_t keyspace_scan(struct keyspace *keyspace, int db, uint64_t cursor, int64_t now_ms, void (*visit)(void *context, struct entry *entry), void *context);
/* Visits every live entry, in no order. visit must not change the keyspace. */
void keyspace_each(struct keyspace *keyspace, int db, int64_t now_ms, void (*visit)(void *context, struct entry *entry), void *context);
/* NULL when the database is empty. */
struct entry *keyspace_random(struct keyspace *keyspace, int db, int64_t now_ms);

/* Removes the items of a key's value whose deadline has come, as keyspace_expire would, and the key with the last.
 * False: it is gone. */
bool keyspace_expire_items(struct keyspace *keyspace, int db, struct entry *entry, int64_t now_ms);
/* Removes at most `most` keys, or items of values, whose deadline is not after now_ms; returns how many. Off while active expiry is disabled (DEBUG SET-ACTIVE-EXPIRE). */
size_t keyspace_expire(struct keyspace *keyspace, int64_t now_ms, size_t most);
/* The earliest deadline of all databases, INT64_MAX when there is none. O(1) in the number of keys. */
int64_t keyspace_next_expiry_ms(const struct keyspace *keyspace);
void keyspace_set_active_expiry(struct keyspace *keyspace, bool active);

/* Eviction: which keys there are to choose from, and that one has been chosen. In keyspace_evict.c. */

/* Whether the database has keys; or keys with a deadline of their own. */
bool keyspace_has_evictable(const struct keyspace *keyspace, int db, bool volatile_only);
/* Up to `most` of them, chosen by chance; at least one if there is any. One may come twice. Returns how many. */
size_t keyspace_sample(struct keyspace *keyspace, int db, bool volatile_only, struct entry **entries, size_t most);
/* The one whose own deadline is the first; NULL: none has one. */
struct entry *keyspace_first_to_expire(const struct keyspace *keyspace, int db);
/* The key with that hash, NULL: there is none. */
struct entry *keyspace_find_by_hash(const struct keyspace *keyspace, int db, uint64_t hash);
/* Removes it and tells so, a unit of the journal; where its deadline has come, as expired. A large value is freed by
 * keyspace_reclaim. */
void keyspace_evict(struct keyspace *keyspace, int db, struct entry *entry, int64_t now_ms);

/* For a batch: the first brings the table's lines for each key, the second, run over the batch after that, brings the
 * entries. False: that entry may lie elsewhere in the table, whose lines have been asked for; the third brings it. */
void keyspace_prefetch(const struct keyspace *keyspace, int db, uint64_t hash);
bool keyspace_prefetch_entry(const struct keyspace *keyspace, int db, uint64_t hash);
void keyspace_prefetch_elsewhere(const struct keyspace *keyspace, int db, uint64_t hash);

/* The access field that new entries start with, and that overwritten ones take
 * where the policy is LRU: set by the shard once a turn. */
void keyspace_set_access(struct keyspace *keyspace, enum access_policy policy, int64_t now_ms);
/* 64 random bits, repeatable for the same seed and calls. */
uint64_t keyspace_random_bits(struct keyspace *keyspace);

/* Bytes of the database's table and expiry index. */
size_t keyspace_overhead_bytes(const struct keyspace *keyspace, int db);
/* To report on. */
const struct table *keyspace_table(const struct keyspace *keyspace, int db);

#endif
