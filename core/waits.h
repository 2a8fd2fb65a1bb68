/* Which keys of a keyspace are waited for, and by whom.
 *
 * A ticket stands in the queue of one key for one waiter, first come first;
 * a waiter for several keys has a ticket for each. When something happens to a key
 * that its waiters may want, the key is signalled, and whoever executed the
 * command afterwards takes the signalled keys in the order of their signals and
 * sees whom it can serve. The waiter itself is nothing to this module.
 * Belongs to the keyspace, and to whom that belongs to. */
#ifndef CORE_WAITS_H
#define CORE_WAITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/named_key.h"

struct memory;

struct waits_ticket {
    struct waits_ticket *previous, *next; /* in the key's queue */
    struct waits_key *key;
    void *waiter;
    uint64_t tried;  /* the key's last change after which the waiter found nothing: it need not look again */
    bool any_change; /* wants to know of the key's end, too */
};

struct waits_key {
    struct named_key named;
    struct waits_ticket *first, *last;
    struct waits_key *next_signalled;
    uint64_t changes;     /* how often it was signalled */
    uint32_t any_changes; /* tickets that want to know of its end */
    bool signalled;       /* and not taken yet */
    bool taken;           /* by who serves it: stays although nobody waits any more */
    char name[];
};

struct waits {
    struct memory *memory;
    struct table keys;
    size_t any_changes; /* keys with tickets that want to know of their end */
    struct waits_key *signalled, *last_signalled;
};

void waits_init(struct waits *waits, struct memory *memory);
/* There are no tickets left. */
void waits_deinit(struct waits *waits);

static inline bool waits_is_empty(const struct waits *waits)
{
    return waits->keys.count == 0;
}

/* A ticket at the end of the key's queue. NULL: this waiter's stands there already, for the same command. hash: the
 * key's in the keyspace. */
struct waits_ticket *waits_add(struct waits *waits, int db, struct str name, uint64_t hash, void *waiter,
                               bool any_change);
void waits_remove(struct waits *waits, struct waits_ticket *ticket);

/* Nothing where nobody waits for the key. */
void waits_signal(struct waits *waits, int db, struct str name, uint64_t hash);
/* All keys of one database that are waited for. */
void waits_signal_all(struct waits *waits, int db);

/* Has the key taken again, though nothing has changed: who was not tried yet is to have his turn. */
void waits_resume(struct waits *waits, struct waits_key *key);

/* The next signalled key, NULL: none. Tickets may come and go until it is released, which has to be
 * done before the next is taken. */
struct waits_key *waits_take(struct waits *waits);
void waits_release(struct waits *waits, struct waits_key *key);

#endif
