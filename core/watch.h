/* WATCH: which keys of a keyspace are watched, and by whom.
 *
 * A watch stands for one client and one key. When the key is touched its
 * client's flag is raised, and stays so until it watches nothing any more.
 * Belongs to the keyspace, and to whom that belongs to; but the flag is read by
 * the client's shard at any time, too, for CLIENT LIST. EXEC looks at it where all
 * watched keyspaces are in one thread's hands. */
#ifndef CORE_WATCH_H
#define CORE_WATCH_H

#include <stdatomic.h>
#include <stdbool.h>

#include "core/named_key.h"

struct watcher {
    _Atomic(bool) touched; /* relaxed: the way a gather's executor takes the keyspaces orders what it decides by */
};

struct watch_key;

struct watch {
    struct watch *previous, *next; /* of the key */
    struct watch_key *key;
    struct watcher *watcher;
};

struct watches {
    struct memory *memory;
    struct table keys;
};

void watches_init(struct watches *watches, struct memory *memory);
/* There are none left. */
void watches_deinit(struct watches *watches);

static inline bool watches_is_empty(const struct watches *watches)
{
    return watches->keys.count == 0;
}

/* hash: the key's in the keyspace. */
struct watch *watches_add(struct watches *watches, int db, struct str name, uint64_t hash, struct watcher *watcher);
void watches_remove(struct watches *watches, struct watch *watch);

void watches_touch(struct watches *watches, int db, struct str name, uint64_t hash);
/* Those keys of the database of which is_touched says so. */
void watches_touch_some(struct watches *watches, int db,
                        bool (*is_touched)(const void *context, const struct named_key *key), const void *context);

static inline bool watcher_is_touched(const struct watcher *watcher)
{
    return atomic_load_explicit(&watcher->touched, memory_order_relaxed);
}

#endif
