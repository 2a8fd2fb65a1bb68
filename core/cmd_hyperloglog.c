/* Counting different elements. The values are strings whose bytes are Redis's, in raw encoding once a command has
 * been there, as PFCOUNT too writes the count that it has found into the string. */
#include "core/handlers.h"

#include "core/args.h"
#include "core/call.h"
#include "core/change.h"
#include "core/effects.h"
#include "core/hyperloglog.h"
#include "core/string_value.h"

/* Most values that are not dense fit here. */
enum { FRESH_BYTES = 1024 };

/* --- A key's value, to be changed --- */

/* The string lies in `bytes` as long as it does not grow; storage lends room to a new one. */
struct open_value {
    struct keyspace *keyspace;
    struct key key;
    struct entry *entry; /* NULL: there is none yet */
    struct buffer bytes;
    char storage[FRESH_BYTES];
};

/* What the keyspace counted for a step on the way. */
static void take_back_change(struct keyspace *keyspace)
{
    keyspace_stats(keyspace)->dirty--;
}

static char *resize(struct call *call, struct open_value *value, size_t length)
{
    char *bytes;

    value->entry = keyspace_resize_raw(value->keyspace, call->db, value->key, value->entry, length, &bytes);
    take_back_change(value->keyspace);
    return bytes;
}

static void open_value(struct call *call, struct str name, struct entry *entry, struct open_value *value)
{
    struct memory *memory = &call->core->memory;

    value->keyspace = call_keyspace(call, name);
    value->key = call_key(call, name);
    value->entry = entry;
    if (entry == NULL) {
        buffer_init(&value->bytes, memory, value->storage, sizeof value->storage);
        hyperloglog_create(&value->bytes);
        return;
    }
    size_t length = entry_string_length(entry);
    buffer_init(&value->bytes, memory, resize(call, value, length), length);
    value->bytes.length = length;
}

/* Gives the entry what lies elsewhere now, or its new length. */
static void close_value(struct call *call, struct open_value *value)
{
    struct str bytes = buffer_str(&value->bytes);

    if (value->entry == NULL || value->bytes.heap)
        memcpy(resize(call, value, bytes.length), bytes.bytes, bytes.length);
    else if (bytes.length != entry_string_length(value->entry))
        resize(call, value, bytes.length);
    buffer_deinit(&value->bytes);
}

/* --- Checks --- */

static void reply_corrupted(struct call *call)
{
    reply_error(call->reply, HYPERLOGLOG_CORRUPTED);
}

/* What is not one is told by its first bytes and its length. False: answered. */
static bool is_hyperloglog(struct call *call, const struct entry *entry)
{
    char first[HYPERLOGLOG_HEADER_BYTES];
    size_t length = entry_string_length(entry);

    if (length >= sizeof first) {
        string_read(entry, 0, sizeof first, first);
        if (hyperloglog_check((struct str){first, length}))
            return true;
    }
    reply_error(call->reply, HYPERLOGLOG_WRONG_TYPE);
    return false;
}

static bool find_read(struct call *call, struct str name, struct entry **entry)
{
    return call_find_read(call, name, VALUE_STRING, entry) && (*entry == NULL || is_hyperloglog(call, *entry));
}

static bool find_write(struct call *call, struct str name, struct entry **entry)
{
    return call_find_write(call, name, VALUE_STRING, entry) && (*entry == NULL || is_hyperloglog(call, *entry));
}

/* --- PFADD --- */

/* How many elements were new, -1: the value is corrupt. */
static int add_elements(struct call *call, struct buffer *bytes)
{
    int added = 0;

    for (int i = 2; i < call->argc; i++) {
        size_t limit = (size_t)call->core->config.hll_sparse_max_bytes;
        enum hyperloglog_status status = hyperloglog_add(bytes, call->argv[i], limit);

        if (status == HYPERLOGLOG_INVALID)
            return -1;
        added += status == HYPERLOGLOG_CHANGED;
    }
    return added;
}

/* Elements that come before one that shows the value to be corrupt stay in it. */
void cmd_pfadd(struct call *call)
{
    struct open_value value;
    struct entry *entry;

    if (!find_write(call, call->argv[1], &entry))
        return;
    open_value(call, call->argv[1], entry, &value);
    int added = add_elements(call, &value.bytes);
    close_value(call, &value);
    if (added < 0) {
        call_record_state(call, call->db, call->argv[1]); /* done again, it would be an error again */
        reply_corrupted(call);
        return;
    }
    added += entry == NULL;
    keyspace_changed(value.keyspace, (uint64_t)added);
    if (added > 0)
        call_changed(call, EVENT_STRING, "pfadd", call->argv[1]);
    reply_integer(call->reply, added > 0);
}

/* --- PFCOUNT --- */

static void count_one(struct call *call, struct str name)
{
    struct open_value value;
    struct entry *entry;
    uint64_t count = 0;

    if (!find_read(call, name, &entry))
        return;
    if (entry == NULL) {
        reply_integer(call->reply, 0);
        return;
    }
    open_value(call, name, entry, &value);
    enum hyperloglog_status status = hyperloglog_count(&value.bytes, &count);
    keyspace_changed(value.keyspace, status == HYPERLOGLOG_CHANGED);
    close_value(call, &value);
    if (status == HYPERLOGLOG_CHANGED)
        call_touched(call, name);
    if (status == HYPERLOGLOG_INVALID)
        reply_corrupted(call);
    else
        reply_integer(call->reply, (int64_t)count);
}

/* The union of the keys' values from argv[1] on. False: answered. */
static bool unite(struct call *call, struct hyperloglog_union *all)
{
    char digits[32];

    hyperloglog_union_init(all);
    for (int i = 1; i < call->argc; i++) {
        struct entry *entry;

        if (!find_read(call, call->argv[i], &entry))
            return false;
        if (entry == NULL || hyperloglog_union_add(all, entry_string(entry, digits)))
            continue;
        reply_corrupted(call);
        return false;
    }
    return true;
}

void cmd_pfcount(struct call *call)
{
    struct hyperloglog_union all;

    if (call->argc == 2)
        count_one(call, call->argv[1]);
    else if (unite(call, &all))
        reply_integer(call->reply, (int64_t)hyperloglog_union_count(&all));
}

/* --- PFMERGE --- */

void cmd_pfmerge(struct call *call)
{
    struct hyperloglog_union all;
    struct open_value value;
    struct entry *entry;

    if (!unite(call, &all) || !find_write(call, call->argv[1], &entry))
        return;
    open_value(call, call->argv[1], entry, &value);
    enum hyperloglog_status status =
        hyperloglog_union_write(&all, &value.bytes, (size_t)call->core->config.hll_sparse_max_bytes);
    close_value(call, &value);
    keyspace_changed(value.keyspace, 1);
    call_changed(call, EVENT_STRING, "pfadd", call->argv[1]);
    if (status == HYPERLOGLOG_INVALID)
        reply_corrupted(call);
    else
        reply_ok(call->reply);
}
