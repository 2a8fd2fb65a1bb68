/* Running a command, and finding keys on its behalf.
 *
 * As in Redis a lookup for reading counts a hit or a miss, one for writing does
 * not, and both note the access, unless the client asked that they should not. */
#include "core/call.h"

#include "core/access.h"
#include "core/command.h"
#include "core/snapshot_walk.h"

/* inline: into the shard, by link-time optimization. */
inline void call_run(struct call *call)
{
    if (__builtin_expect(call->core->is_walking, 0))
        snapshot_before_command(call);
    call->command->run(call);
}

static __attribute__((noinline)) void touch_lfu(const struct call *call, struct keyspace *keyspace, struct entry *entry)
{
    const struct config *config = &call->core->config;

    entry_set_access(entry, access_touch_lfu(entry_access(entry), call->now_ms, config->lfu_log_factor,
                                             config->lfu_decay_time, keyspace_random_bits(keyspace)));
}

static inline void touch(const struct call *call, struct keyspace *keyspace, struct entry *entry)
{
    if (__builtin_expect(config_maxmemory_policy_is_lfu(&call->core->config), 0))
        touch_lfu(call, keyspace, entry);
    else
        entry_set_access(entry, access_touch_lru(call->now_ms));
}

/* A copy for each caller, in which `count` and `note_access` are known: 20 instructions less for GET. */
static inline __attribute__((always_inline)) struct entry *find(struct call *call, struct str name, bool count,
                                                                bool note_access)
{
    struct keyspace *keyspace = call_keyspace(call, name);
    struct entry *entry = keyspace_find(keyspace, call->db, call_key(call, name), call->now_ms);

    if (!entry) {
        keyspace_stats(keyspace)->misses += count;
        if (count)
            keyspace_event(keyspace, call->db, EVENT_MISSED, "keymiss", name);
        return NULL;
    }
    keyspace_stats(keyspace)->hits += count;
    if (note_access && !call->no_touch)
        touch(call, keyspace, entry);
    return entry;
}

static inline bool has_type(struct call *call, const struct entry *entry, enum value_type type)
{
    if (!entry || entry_type(entry) == type)
        return true;
    reply_error(call->reply, "WRONGTYPE Operation against a key holding the wrong kind of value");
    return false;
}

const char *call_sparse_refusal(const struct call *call, uint64_t length)
{
    const struct config *config = &call->core->config;

    if (length > (uint64_t)config->proto_max_bulk_len)
        return "ERR string exceeds maximum allowed size (proto-max-bulk-len)";
    if (config->maxmemory > 0 &&
        core_used_bytes(call->core) + call->core->others_used_bytes + length > config->maxmemory)
        return CORE_OUT_OF_MEMORY;
    return NULL;
}

static __attribute__((noinline)) bool allows_sparse(struct call *call, const struct entry *entry)
{
    const char *refusal = call_sparse_refusal(call, entry_string_length(entry));

    if (refusal != NULL)
        reply_error(call->reply, refusal);
    return refusal == NULL;
}

static inline bool allows_bytes(struct call *call, const struct entry *entry)
{
    return !entry || __builtin_expect(entry_encoding(entry) != ENCODING_SPARSE_BITMAP, 1) || allows_sparse(call, entry);
}

bool call_find_read(struct call *call, struct str name, enum value_type type, struct entry **entry)
{
    *entry = find(call, name, true, true);
    return has_type(call, *entry, type) && allows_bytes(call, *entry);
}

bool call_find_write(struct call *call, struct str name, enum value_type type, struct entry **entry)
{
    *entry = find(call, name, false, true);
    return has_type(call, *entry, type) && allows_bytes(call, *entry);
}

bool call_find_bits_read(struct call *call, struct str name, struct entry **entry)
{
    *entry = find(call, name, true, true);
    return has_type(call, *entry, VALUE_STRING);
}

bool call_find_bits_write(struct call *call, struct str name, struct entry **entry)
{
    *entry = find(call, name, false, true);
    return has_type(call, *entry, VALUE_STRING);
}

struct entry *call_find_any(struct call *call, struct str name, bool note_access)
{
    return find(call, name, call->command->flags & CMD_READONLY, note_access);
}

struct entry *call_find_source(struct call *call, struct str name)
{
    return find(call, name, true, true);
}

struct entry *call_find_unnoticed(struct call *call, struct str name)
{
    struct keyspace *keyspace = call_keyspace(call, name);
    struct entry *entry = keyspace_find(keyspace, call->db, call_key(call, name), call->now_ms);

    keyspace_stats(keyspace)->hits += entry != NULL;
    keyspace_stats(keyspace)->misses += entry == NULL;
    return entry;
}

bool call_block(struct call *call, enum value_type type, int64_t timeout_ms)
{
    struct call_wait *wait = call->wait;

    if (!wait || wait->over)
        return false;
    wait->wanted = true;
    wait->type = type;
    wait->again_ms = INT64_MAX;
    if (timeout_ms == 0 || __builtin_add_overflow(call->now_ms, timeout_ms, &wait->deadline_ms))
        wait->deadline_ms = INT64_MAX;
    return true;
}

void call_rewrite(struct call *call, int index, struct str text)
{
    uint32_t header[2] = {(uint32_t)index, (uint32_t)text.length};

    if (!call->wait)
        return;
    buffer_append(&call->wait->rewritten, header, sizeof header);
    buffer_append_str(&call->wait->rewritten, text);
}
