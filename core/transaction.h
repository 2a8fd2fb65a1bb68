/* What a client has prepared for EXEC: the keys that it watches, and the
 * commands that it has queued since MULTI.
 *
 * Made by the first WATCH or by MULTI. It is the session's until EXEC, DISCARD,
 * UNWATCH, RESET or the connection's end takes it away; from then on it belongs to
 * the request that does what is left, on the shards of its keys: runs the
 * commands, or only ends the watches (session->rest). Home frees it afterwards. */
#ifndef CORE_TRANSACTION_H
#define CORE_TRANSACTION_H

#include "core/session.h"
#include "core/watch.h"

struct command;

struct queued_command {
    struct queued_command *next;
    const struct command *command;
    int argc;
    struct str argv[]; /* then their bytes */
};

struct watched_key {
    struct str name;
    uint64_t hash;
    int shard;           /* its owner: set by who stages WATCH */
    struct watch *watch; /* the owner's; NULL: not yet */
};

/* The keys of one WATCH. */
struct watched_keys {
    struct watched_keys *next; /* of an earlier one */
    struct watcher *watcher;
    int db, count;
    struct watched_key keys[]; /* then their bytes */
};

struct transaction {
    struct memory *memory;
    struct watcher watcher;
    struct watched_keys *watched; /* the latest first */
    int watched_count;
    bool open;                    /* MULTI */
    bool failed;                  /* a command was refused: EXEC will be, too */
    bool for_all_shards;          /* a queued command is */
    bool fences;                  /* nothing may be admitted behind EXEC before it is answered: see transaction.c */
    bool subscribes;              /* or unsubscribes */
    bool publishes;               /* messages, which keep their order with those before and behind */
    const struct command *called; /* EXEC, as it is counted */
    uint32_t flags;               /* of all queued commands together: enum command_flag */
    struct session *session;      /* EXEC has taken it and the session still shows it; else NULL */
    struct queued_command *first, **last;
    int count;
    size_t bytes; /* of the queue and of the names of watched keys */
};

/* Whether MULTI is in force. */
static inline bool session_is_queuing(const struct session *session)
{
    return __builtin_expect(session->transaction != NULL, 0) && session->transaction->open;
}
/* Whether the command is to be queued rather than run. */
bool session_queues(const struct session *session, const struct command *command);

/* The command's flags, those of the queued commands with EXEC's. */
uint32_t session_flags_with(const struct session *session, const struct command *command);

/* The session's transaction, made where there is none. */
struct transaction *transaction_of(struct session *session);
/* Copies the arguments. A transaction that cannot succeed any more keeps nothing. */
void transaction_queue(struct transaction *transaction, const struct command *command, const struct str *argv,
                       int argc);
/* A command was refused while MULTI was in force: then EXEC will be. */
void transaction_fail(struct session *session);
/* WATCH: notes the names, which are the arguments from the second on; session->rest begins the watches. */
void transaction_watch(struct session *session, const struct str *argv, int argc);

/* EXEC: session->rest runs it, and frees it. */
void transaction_execute(struct session *session);
/* The session forgets its transaction, if it has any; session->rest ends the watches, where there are some. */
void transaction_leave(struct session *session);
/* What was taken for EXEC is not to be run after all: the command that ends its watches, NULL where there are none. */
const struct command *transaction_abandon(const struct transaction *transaction);

/* No watch is left. */
void transaction_destroy(struct transaction *transaction);

#endif
