/* What commands may know of a client.
 *
 * A session is embedded in the connection that it describes and lives on the
 * connection's shard; only that thread touches it. Where the connection moves to another
 * shard, a session of that one goes on from it (session_continue). Local commands (HELLO,
 * SELECT, CLIENT SETNAME …) change it at once, in the order of the pipeline;
 * the parts of CLIENT LIST, KILL and PAUSE run on every shard over its own
 * sessions. A command that runs on another shard gets copies of what it needs
 * in its request, never the session.
 * One counter is shared by the process: the next id, which every shard draws from. */
#ifndef CORE_SESSION_H
#define CORE_SESSION_H

#include <stdint.h>

#include "core/bptree.h"
#include "core/client_tracking.h"
#include "core/pushes.h"
#include "core/str.h"
#include "core/subscriptions.h"

struct memory;
struct command;
struct completion; /* of the loop: only passed through here */

struct waiter; /* of shards/blocked.h: likewise */
struct transaction;
struct watched_keys;

enum session_unblock { SESSION_UNBLOCK_NONE, SESSION_UNBLOCK_TIMEOUT, SESSION_UNBLOCK_ERROR };
enum session_reply_mode { SESSION_REPLY_ON, SESSION_REPLY_OFF, SESSION_REPLY_SKIP_NEXT, SESSION_REPLY_SKIP };

/* What a command of ROUTE_SESSION leaves to be done on the shards of a transaction's keys, or on all; command NULL:
 * nothing. */
struct session_rest {
    const struct command *command; /* a row of its own, see transaction.c */
    struct transaction *transaction; /* freed when it is done; NULL: none */
    struct watched_keys *watched;    /* to be begun with, or, with those that follow, to be ended */
    struct str text;                 /* the command's only argument: a block of the core's memory; bytes NULL: none */
};

struct session {
    struct session *previous, *next; /* in sessions, oldest first */
    struct memory *memory;           /* charged for the three texts below; freed with the session */
    uint64_t id;                     /* unique in the process, rising */
    int db;
    int protocol; /* 2 or 3 */
    enum session_reply_mode reply_mode;
    bool authenticated;
    bool close_after_reply; /* QUIT, CLIENT KILL, protocol error: no further request is read */
    bool closing;           /* nothing is sent any more, and it subscribes to nothing */
    bool killed;            /* CLIENT KILL: the connection closes as soon as it may */
    bool no_evict, no_touch;
    bool monitoring; /* MONITOR */
    bool tracks; /* what its next command reads is to be remembered: see client_tracking.h */
    bool unix_socket;
    bool stays;        /* other shards know by which shard it is to be told something: it stays there */
    uint16_t moves_to; /* 1 + the shard that its connection moves to, as is staged; 0: none */
    char *name; /* NULL when not set; the session's memory */
    char *library_name, *library_version;
    char peer[64], local[64];           /* "127.0.0.1:4711", "/run/shoal.sock:0" */
    int fd;                             /* as CLIENT LIST shows it */
    int64_t created_ms, active_ms;      /* Unix time of the connection and of the last bytes from or to it */
    const struct command *last_command; /* subcommand row where there is one */
    struct transaction *transaction;    /* NULL: neither MULTI nor WATCH */
    struct session_rest rest;           /* of the command that has just run; taken by who staged it */
    /* As net counts them. */
    uint64_t received_bytes, sent_bytes, commands;
    size_t query_buffer_bytes, query_free_bytes, arguments_bytes, output_bytes, output_chunks, total_bytes;
    /* Net's wish to hear that `killed` was set: handed back by sessions_take_attention. */
    struct completion *attention;
    struct pushes pushes;     /* what it is told unasked */
    struct completion *flush; /* net's: sends what is there; handed back by sessions_take_pushed */
    struct session *pushed_next;
    bool pushed; /* in the list of those that have been pushed something in this turn */
    struct subscriptions subscriptions;
    struct client_tracking tracking;
    struct waiter *waiter;        /* the shards': of a command that may block, else NULL */
    bool blocked;                 /* it waits for a key */
    enum session_unblock unblock; /* CLIENT UNBLOCK has said so */
    struct session *attention_next;
    bool attention_pending;
};

enum session_pause { SESSION_PAUSE_NONE, SESSION_PAUSE_WRITE, SESSION_PAUSE_ALL };

struct sessions {
    struct memory *memory;
    struct session *oldest, *newest;
    struct bptree by_id; /* the sessions' addresses */
    size_t count;
    size_t blocked;            /* of them */
    size_t tracking;           /* of them: CLIENT TRACKING is on */
    size_t total_bytes;        /* of them all, but those that are killed */
    struct tracking_order *left; /* prefixes that sessions had, of which all shards are to be told */
    enum session_pause pause;  /* requests are held back until pause_until_ms, by one of the two that follow */
    int64_t pause_until_ms;    /* 0 where there is none */
    struct session_pausing {
        enum session_pause pause;
        int64_t until_ms;
    } asked;           /* CLIENT PAUSE */
    bool holds_writes; /* the server is about to end, whatever clients say */
    struct session *attention; /* killed, or the pause changed */
    struct session *pushed;    /* in this turn */
};

void sessions_init(struct sessions *sessions, struct memory *memory);
void sessions_deinit(struct sessions *sessions);
/* NULL: no session of this shard has that id any more. */
struct session *sessions_find(const struct sessions *sessions, uint64_t id);
/* The session's fields are zero, but for what the connection knows; id, db 0, protocol 2 are set here. */
void session_begin(struct sessions *sessions, struct session *session, int64_t now_ms);
void session_end(struct sessions *sessions, struct session *session);
/* The two halves of that: the first alone where another shard's session goes on from it, session_continue on that one.
 * Until the second what it reads of the old one does not change. */
void session_leave(struct sessions *sessions, struct session *session);
void session_forget(struct session *session);
/* As session_begin, but with the id of the old session and all that its client has set. The old one has left its shard,
 * or does so at the same instant of the one order: its thread may be about to. */
void session_continue(struct sessions *sessions, struct session *session, const struct session *old);
/* RESET: back to how it began, but for id and addresses. */
void session_reset(struct session *session, bool authenticated);
/* Replaces one of the session's texts, &session->name say, by a copy; empty text: NULL. */
void session_set_text(struct session *session, char **text, struct str value);
/* How much memory it takes now. */
void session_note_bytes(struct sessions *sessions, struct session *session, size_t bytes);
/* The one that takes most, of those that may be closed to make room (CLIENT NO-EVICT); NULL: there is none. */
struct session *sessions_largest(const struct sessions *sessions);
/* Marks for closing, with no further request, and asks for net's attention. */
void session_kill(struct sessions *sessions, struct session *session);
static inline bool sessions_paused(const struct sessions *sessions, int64_t now_ms)
{
    return sessions->pause_until_ms > now_ms;
}

/* Whether the session waits for a key. */
void session_set_blocked(struct sessions *sessions, struct session *session, bool blocked);
/* CLIENT UNBLOCK; asks for net's attention. False: it is not blocked, or is being unblocked. */
MUST_USE bool session_unblock(struct sessions *sessions, struct session *session, enum session_unblock how);
/* CLIENT PAUSE and UNPAUSE: all connections shall look. */
void sessions_set_pause(struct sessions *sessions, enum session_pause pause, int64_t until_ms);
/* Writes are held back beside that, until it is said that they are not. */
void sessions_hold_writes(struct sessions *sessions, bool holds, int64_t now_ms);
/* Takes the next connection that has to look at its session; NULL when none. */
struct completion *sessions_take_attention(struct sessions *sessions);
/* In RESP2 messages cannot be told from replies, so a client with subscriptions may send little else. */
static inline bool session_takes_messages_only(const struct session *session)
{
    return session->protocol == 2 && subscriptions_total(&session->subscriptions) > 0;
}

/* Pushes bytes, which are copied, behind so many of all the requests that the connection ever had, see pushes.h. */
void session_push(struct sessions *sessions, struct session *session, uint64_t behind, struct str bytes);
/* Takes the next connection that has something to send; NULL when none. */
struct completion *sessions_take_pushed(struct sessions *sessions);
/* The next id is 1 again: for a simulation that has to replay, while no session lives. */
void session_restart_ids(void);

#endif
