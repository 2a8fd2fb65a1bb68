/* CLIENT TRACKING as a session knows it: what the client is to be told, and
 * whether what its next command reads is to be remembered.
 *
 * The other shards know a client by what it has read (tracking.h) and by its
 * prefixes (broadcasts.h): these come to them with an order, and leave them by one. */
#ifndef CORE_CLIENT_TRACKING_H
#define CORE_CLIENT_TRACKING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/broadcasts.h"
#include "core/str.h"

struct command;
struct memory;
struct reply;
struct session;
struct sessions;

/* In the order of their bytes. */
struct tracking_prefixes {
    struct str *names;
    int count;
};

struct tracking_options {
    bool broadcast, opt_in, opt_out, no_loop;
    uint64_t redirect; /* the client that is told instead, 0: none */
};

/* In a session. */
struct client_tracking {
    bool on;
    struct tracking_options options;
    uint16_t home, redirect_home; /* the shards of this client, where it has given an order, and of that one */
    bool redirect_broken;         /* it has gone */
    bool caching;                 /* CLIENT CACHING was given, for the next command or transaction */
    const struct command *caching_container; /* CLIENT: its commands do not count as the next */
    uint32_t generation;                     /* how many orders to all shards there were */
    struct tracking_prefixes prefixes;       /* owned */
};

/* As clients are told it: -1 without tracking. */
static inline int64_t client_tracking_redirect(const struct client_tracking *tracking)
{
    return tracking->on ? (int64_t)tracking->options.redirect : -1;
}

/* What goes to all shards: that these prefixes are the client's from now on, or are so no longer. The names lie behind
 * it, each its length, a size_t, then its bytes. */
struct tracking_order {
    struct tracking_order *next;
    struct tracking_reader reader;
    struct tracking_options options;
    int count, kept; /* prefixes; of them those that the client had before, which come first */
    size_t bytes;    /* with the names */
};

/* The next name; *at begins behind the order. */
struct str tracking_order_next(const char **at);
/* The client's prefixes and these new ones, by a new generation. */
struct tracking_order *tracking_order_create(struct memory *memory, struct session *session, int home,
                                             const struct tracking_options *options,
                                             const struct tracking_prefixes *wanted);

void client_tracking_begin(struct sessions *sessions, struct session *session, const struct tracking_options *options,
                           int redirect_home);
/* The order's new prefixes are the client's; or do not become so after all, which all shards are told. */
void client_tracking_take_prefixes(struct session *session, const struct tracking_order *order, const char *names);
void client_tracking_refuse_prefixes(struct sessions *sessions, struct session *session,
                                     const struct tracking_order *order, const char *names);
/* No more tracking, if there was any; all shards are told of prefixes that are left. */
void client_tracking_end(struct sessions *sessions, struct session *session);

/* The next order by which prefixes are left, charged to nobody; NULL: none. */
struct tracking_order *sessions_take_left(struct sessions *sessions);
/* The shard forgets them. */
void tracking_order_undo(const struct tracking_order *order, struct broadcasts *broadcasts);

/* In a transaction CLIENT TRACKING may have to give an order. */
bool client_tracking_reaches_all(const struct str *argv, int argc);

/* CLIENT CACHING, and its end with the command or transaction that it was given for or in. */
void client_tracking_set_caching(struct session *session, const struct command *command);
void client_tracking_note_command(struct session *session, const struct command *command);
void client_tracking_end_caching(struct session *session);

/* What a client is told: keys that have changed, as RESP bulk strings; count -1: all. as_message: to RESP2, where
 * nothing else can be told. */
void tracking_write_invalidation(struct reply *reply, bool as_message, int64_t count, struct str bulks);
/* That the client which was told instead has gone, to RESP3 alone. */
void tracking_write_broken(struct reply *reply, uint64_t redirect);

#endif
