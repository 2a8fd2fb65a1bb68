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

struct command;

/* The way to another shard's key: present in gathers only. */
struct reach {
    struct keyspace *(*keyspace_of)(const struct reach *reach, struct str key);
    /* All keyspaces in reach, for commands without keys (RANDOMKEY). */
    struct keyspace *const *keyspaces;
    int keyspace_count;
};

struct call {
    const struct command *command;
    const struct str *argv; /* borrowed for the call */
    int argc;
    uint16_t db;
    bool no_touch;          /* CLIENT NO-TOUCH: reads leave the access clock alone */
    int64_t now_ms, now_us; /* Unix time */
    struct reply *reply;
    struct core *core;      /* of the shard whose thread this is */
    const struct reach *reach; /* NULL: every key of the command is in core->keyspace */
    struct session *session;   /* local commands only, else NULL */
    uint64_t session_id;
    struct key routed_key;     /* hash of the first key, where routing computed it; name.bytes NULL otherwise */
};

/* Checks nothing: arity and authentication were checked when the request was staged. */
void call_run(struct call *call);

static inline struct key call_key(const struct call *call, struct str name)
{
    if (name.bytes == call->routed_key.name.bytes && name.length == call->routed_key.name.length)
        return call->routed_key;
    return key_of(name);
}

static inline struct keyspace *call_keyspace(const struct call *call, struct str key)
{
    return call->reach ? call->reach->keyspace_of(call->reach, key) : call->core->keyspace;
}

/* Finds a key for reading (counts a hit or a miss, touches the access clock) or
 * for writing (touches only). False: it holds another type, and WRONGTYPE has been answered.
 * True with *entry NULL: there is no such key. */
MUST_USE bool call_find_read(struct call *call, struct str name, enum value_type type, struct entry **entry);
MUST_USE bool call_find_write(struct call *call, struct str name, enum value_type type, struct entry **entry);
/* Of any type. Counts a hit or a miss where the command only reads; touches the access clock only where `touch`. */
struct entry *call_find_any(struct call *call, struct str name, bool touch);

#endif
