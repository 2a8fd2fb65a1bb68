/* How a value is kept: OBJECT, and MEMORY USAGE. */
#include "core/handlers.h"

#include <limits.h>

#include "core/args.h"
#include "core/call.h"

/* Redis keeps one object for each of these integers and tells so by its count of references. */
enum { SHARED_INTEGERS = 10000, SHARED_REFERENCES = INT_MAX };

/* Of an index that is almost empty: what it takes anyway is no key's. */
enum { SHARE_MOST_BYTES = 48 };

/* NULL: no such key, and that has been answered. */
static struct entry *find_or_null(struct call *call)
{
    struct entry *entry = call_find_unnoticed(call, call->argv[2]);

    if (entry == NULL)
        reply_null(call->reply);
    return entry;
}

void cmd_object_encoding(struct call *call)
{
    const struct entry *entry = find_or_null(call);

    if (entry != NULL)
        reply_bulk(call->reply, str_from(entry_encoding_name(entry)));
}

void cmd_object_refcount(struct call *call)
{
    const struct entry *entry = find_or_null(call);
    int64_t value;

    if (entry == NULL)
        return;
    bool integer = entry_type(entry) == VALUE_STRING && entry_encoding(entry) == ENCODING_INT;
    bool shared = integer && entry_integer(entry, &value) && value >= 0 && value < SHARED_INTEGERS;
    reply_integer(call->reply, shared ? SHARED_REFERENCES : 1);
}

void cmd_object_idletime(struct call *call)
{
    const struct entry *entry = find_or_null(call);

    if (entry == NULL)
        return;
    if (config_maxmemory_policy_is_lfu(&call->core->config))
        reply_error(call->reply, "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that "
                                 "when switching between policies at runtime LRU and LFU data will take some time to "
                                 "adjust.");
    else
        reply_integer(call->reply, access_idle_seconds(entry_access(entry), call->now_ms));
}

void cmd_object_freq(struct call *call)
{
    const struct entry *entry = find_or_null(call);
    const struct config *config = &call->core->config;

    if (entry == NULL)
        return;
    if (!config_maxmemory_policy_is_lfu(config))
        reply_error(call->reply, "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please "
                                 "note that when switching between policies at runtime LRU and LFU data will take "
                                 "some time to adjust.");
    else
        reply_integer(call->reply, access_frequency(entry_access(entry), call->now_ms, config->lfu_decay_time));
}

void cmd_object_help(struct call *call)
{
    static const char *const lines[] = {
        "ENCODING <key>",
        "    Return the kind of internal representation used in order to store the value",
        "    associated with a <key>.",
        "FREQ <key>",
        "    Return the access frequency index of the <key>. The returned integer is",
        "    proportional to the logarithm of the recent access frequency of the key.",
        "IDLETIME <key>",
        "    Return the idle time of the <key>, that is the approximated number of",
        "    seconds elapsed since the last access to the key.",
        "REFCOUNT <key>",
        "    Return the number of references of the value associated with the specified",
        "    <key>.",
        NULL,
    };

    args_help(call, lines);
}

/* SAMPLES is for who has to guess: here every value knows what it takes. False: answered. */
static bool parse_samples(struct call *call)
{
    for (int i = 3; i < call->argc; i += 2) {
        int64_t samples;

        if (!arg_is(call->argv[i], "samples") || i + 1 == call->argc) {
            args_syntax_error(call->reply);
            return false;
        }
        if (!args_integer(call->reply, call->argv[i + 1], &samples))
            return false;
        if (samples < 0) {
            args_syntax_error(call->reply);
            return false;
        }
    }
    return true;
}

static size_t share_of(size_t bytes, size_t keys)
{
    size_t share = bytes / keys;

    return share < SHARE_MOST_BYTES ? share : SHARE_MOST_BYTES;
}

/* What one key takes of the database's table and, where it has a deadline, of the expiry index. */
static size_t share_of_key(const struct keyspace *keyspace, int db, const struct entry *entry)
{
    size_t of_table = table_bytes(keyspace_table(keyspace, db));
    size_t share = share_of(of_table, keyspace_count(keyspace, db));

    if (entry_expiry_ms(entry) >= 0)
        share += share_of(keyspace_overhead_bytes(keyspace, db) - of_table, keyspace_count_expiring(keyspace, db));
    return share;
}

void cmd_memory_usage(struct call *call)
{
    struct str name = call->argv[2];
    struct keyspace *keyspace = call_keyspace(call, name);

    if (!parse_samples(call))
        return;
    const struct entry *entry = keyspace_find(keyspace, call->db, call_key(call, name), call->now_ms);
    if (entry == NULL) {
        reply_null(call->reply);
        return;
    }
    reply_integer(call->reply, (int64_t)(entry_bytes(entry) + share_of_key(keyspace, call->db, entry)));
}
