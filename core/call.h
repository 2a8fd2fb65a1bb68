/* One command's run: what a handler gets.
 *
 * A handler knows this and nothing of sockets, shards or files, so clients,
 * transactions, scripts and replay share it. Filled by the shard, on its stack. */
#ifndef CORE_CALL_H
#define CORE_CALL_H

#include <stdint.h>

#include "core/core.h"
#include "core/entry.h"
#include "core/keyspace.h"
#include "core/resp_write.h"

struct call;
struct command;
struct transaction;
struct watched_keys;
struct slow_command;

/* The way to another shard's key: present in gathers, and where a script has to be told what is out of its reach. */
struct reach {
    struct keyspace *(*keyspace_of)(const struct reach *reach, struct str key); /* which has it */
    /* Whether the key's shard is one of those in reach. */
    bool (*has)(const struct reach *reach, struct str key);
    /* Runs the call's handler once on each shard, on that shard's own thread and over its core, and returns when all
     * have: for what is not the keyspace's alone (sessions, settings, counters). replies[i] is the caller's to free;
     * it is charged to call->core. Where there is no key out of reach; else NULL. */
    void (*each_shard)(const struct reach *reach, const struct call *call, struct reply *replies);
    /* All keyspaces, by shard, where there is no key out of reach: for commands without keys (RANDOMKEY). */
    struct keyspace *const *keyspaces;
    struct scripts *const *scripts; /* and all shards' scripts */
    struct functions *const *functions;
    int keyspace_count;
    bool everywhere; /* no key is out of reach */
};

/* What a blocking command says when it finds nothing. */
struct call_wait {
    bool again;              /* set before: it has waited, */
    bool over;               /* and its time is over: it answers with what there is. Only where it has no keys */
    bool wanted;             /* the handler wants to wait: it has written no reply */
    enum value_type type;    /* it runs again when one of its keys comes to hold this type */
    bool any_change;         /* also when one of its keys is deleted or comes to hold another type (XREADGROUP) */
    int64_t again_ms;        /* it runs again then, too (XREADGROUP CLAIM); INT64_MAX: no */
    int64_t deadline_ms;     /* Unix time; INT64_MAX: none */
    uint64_t stamp;          /* the handler's, from run to run */
    bool for_disk;           /* it runs again, too, when everything up to that stamp is safe on disk (WAITAOF) */
    struct buffer rewritten; /* see call_rewrite: index and length as two uint32_t, then the bytes, one after another */
};

/* A part of a scatter is counted with the whole, where its parts come together. Home says whether the whole's time
 * can be told from that of others like it: then no part is timed, but for one with a large answer. */
enum call_part { CALL_WHOLE, CALL_PART, CALL_PART_LIKE_OTHERS };

struct call {
    const struct command *command;
    const struct str *argv; /* borrowed for the call */
    int argc;
    uint16_t db;            /* SELECT in a transaction or a script changes it */
    bool no_touch;          /* CLIENT NO-TOUCH: reads leave the access clock alone; likewise */
    int64_t now_ms, now_us; /* Unix time */
    struct reply *reply;
    struct core *core;         /* of the shard whose thread this is */
    const struct reach *reach; /* NULL: every key of the command is in core->keyspace */
    struct session *session;   /* local commands, and transactions that contain some; else NULL */
    uint64_t session_id;
    uint16_t home;    /* the shard of the session */
    const char *peer; /* its address, while somebody monitors; NULL: a script */
    bool reached_all;  /* a nested command that no key names looked at all shards */
    bool out_of_reach; /* a script has met a key that is, or is new and would have to be told to shards that are; no
                          reply has been written, and what it did before is done */
    struct transaction *transaction; /* EXEC's, else NULL */
    struct watched_keys *watched;    /* of WATCH, and of what ends watches, else NULL */
    int tracked_by; /* CLIENT TRACKING: 1 + the shard of the client that is told when what it reads changes; 0: none */
    struct call_wait *wait;          /* NULL: it cannot wait (a transaction, a script), and answers at once */
    /* For call_count: */
    bool inner_failed;          /* a command within it, or a part of its answer: what error it has is counted */
    uint8_t part;               /* enum call_part */
    int64_t *spent_ns;          /* takes the time of a part, and of all runs, where they are timed; NULL: of a nested call */
    struct slow_command **slow; /* takes what is for the slow log, newest first; NULL: nobody does */
    struct key routed_key;      /* hash of the first key, where routing computed it; name.bytes NULL otherwise */
    const uint64_t *key_hashes; /* of all keys, in their order, see call_route_key; NULL: not known */
};

/* What a command that reads has read is remembered for its client: see tracked_by. */
void call_remember(struct call *call);

/* Checks nothing: arity and authentication were checked when the request was staged. */
void call_run(struct call *call);

/* Runs a command within a transaction or a script: at the same instant, over the same keyspaces, in the outer call's
 * database, which SELECT may change. It does not block. Checks nothing either but that each key of
 * MSET has its value; the command's keys are in reach. */
void call_nested(struct call *outer, const struct command *command, const struct str *argv, int argc,
                 struct reply *reply);
/* The same for one of an append-only file, in its database: counted nowhere and shown to nobody. */
void call_replay(const struct call *outer, const struct command *command, const struct str *argv, int argc, int db,
                 struct reply *reply);
/* Whether all that the command may look at is in reach: its keys, and for a command that is for all shards those. */
MUST_USE bool call_in_reach(const struct call *call, const struct command *command, const struct str *argv, int argc);

/* While a journal is executed no deadline has come, and the time is this: all that happened then is in the journal.
 * Deadlines that have passed meanwhile are kept. */
enum { CALL_REPLAY_MS = 0 };
static inline bool call_is_replayed(const struct call *call)
{
    return call->now_ms == CALL_REPLAY_MS;
}
/* The time of day, which is also that of a call that is replayed: for what is counted from now on. */
static inline int64_t call_clock_ms(const struct call *call)
{
    return call_is_replayed(call) ? call->now_us / 1000 : call->now_ms;
}

static inline struct key call_key(const struct call *call, struct str name)
{
    if (name.bytes == call->routed_key.name.bytes && name.length == call->routed_key.name.length)
        return call->routed_key;
    return key_of(name);
}

/* Before a key of a command with many is looked for. number: its place among them, from 0. */
static inline void call_route_key(struct call *call, struct str name, int number)
{
    if (call->key_hashes)
        call->routed_key = (struct key){name, call->key_hashes[number]};
}

static inline struct keyspace *call_keyspace(const struct call *call, struct str key)
{
    return call->reach ? call->reach->keyspace_of(call->reach, key) : call->core->keyspace;
}

/* The keyspaces that a command without keys covers, by shard: all of them in a gather over all shards, else the own. */
struct keyspaces {
    struct keyspace *const *items;
    int count;
};
static inline struct keyspaces call_keyspaces(const struct call *call)
{
    if (call->reach)
        return (struct keyspaces){call->reach->keyspaces, call->reach->keyspace_count};
    return (struct keyspaces){&call->core->keyspace, 1};
}

/* Finds a key for reading (counts a hit or a miss, touches the access clock) or
 * for writing (touches only). False: it holds another type, and WRONGTYPE has been answered.
 * True with *entry NULL: there is no such key. */
MUST_USE bool call_find_read(struct call *call, struct str name, enum value_type type, struct entry **entry);
MUST_USE bool call_find_write(struct call *call, struct str name, enum value_type type, struct entry **entry);
/* The same for a string of which a sparse bitmap will do as it is. The two above refuse one
 * that is too long to be made plain bytes, which entry_string does. */
MUST_USE bool call_find_bits_read(struct call *call, struct str name, struct entry **entry);
MUST_USE bool call_find_bits_write(struct call *call, struct str name, struct entry **entry);
/* As plain bytes a sparse bitmap may be a million times as large: a client that may not write
 * such a string, or for which there is no memory, shall not get one by reading. NULL: it may have
 * so many bytes; else the error to answer with. */
const char *call_sparse_refusal(const struct call *call, uint64_t length);
/* A blocking command has found nothing in any of its keys: it ends without a
 * reply and runs again, from the beginning, when one of them comes to hold a value
 * of that type, or is answered with a null array when the time is over (timeout_ms 0: never).
 * Waiters of a key are served in the order in which they came. False: it cannot wait, and the handler answers. */
MUST_USE bool call_block(struct call *call, enum value_type type, int64_t timeout_ms);
/* For a command that has called call_block: the argument as the next run is to see it (XREAD's $). Copied. */
void call_rewrite(struct call *call, int index, struct str text);

/* Of any type. Counts a hit or a miss where the command only reads; touches the access clock only where `touch`. */
struct entry *call_find_any(struct call *call, struct str name, bool touch);
/* Of any type, to be read by a command that may write elsewhere: counts and touches as call_find_read. */
struct entry *call_find_source(struct call *call, struct str name);
/* For what asks about a key and not for its value (OBJECT): counts, but is no access, and a miss is no event. */
struct entry *call_find_unnoticed(struct call *call, struct str name);

#endif
