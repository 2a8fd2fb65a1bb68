/* Hashes: setting, reading and removing fields. */
#include "core/handlers.h"

#include "core/hash_access.h"

/* HSET and HMSET: key field value … False: answered. */
static bool set_pairs(struct call *call, int64_t *added)
{
    struct hash_access access;

    *added = 0;
    if (call->argc % 2 != 0) {
        reply_error_format(call->reply, "ERR wrong number of arguments for '%s' command", call->command->name);
        return false;
    }
    if (!hash_open_write(call, &access))
        return false;
    hash_begin(call, &access);
    hash_expect(&access.hash, (size_t)(call->argc - 2) / 2);
    for (int i = 2; i < call->argc; i += 2)
        *added += hash_set(&access.hash, call->argv[i], call->argv[i + 1], HASH_NO_DEADLINE);
    hash_close(call, &access, "hset", (uint64_t)(call->argc - 2) / 2);
    return true;
}

void cmd_hset(struct call *call)
{
    int64_t added;

    if (set_pairs(call, &added))
        reply_integer(call->reply, added);
}

void cmd_hmset(struct call *call)
{
    int64_t added;

    if (set_pairs(call, &added))
        reply_ok(call->reply);
}

void cmd_hsetnx(struct call *call)
{
    struct hash_access access;
    struct hash_item item;

    if (!hash_open_write(call, &access))
        return;
    if (hash_access_get(&access, call->argv[2], &item)) {
        reply_integer(call->reply, 0);
        return;
    }
    hash_begin(call, &access);
    hash_set(&access.hash, call->argv[2], call->argv[3], HASH_NO_DEADLINE);
    hash_close(call, &access, "hset", 1);
    reply_integer(call->reply, 1);
}

static inline void reply_field(struct call *call, const struct hash_access *access, struct str field)
{
    struct hash_item item;

    if (hash_access_get(access, field, &item))
        hash_reply_value(call->reply, item.value);
    else
        reply_null(call->reply);
}

void cmd_hget(struct call *call)
{
    struct hash_access access;

    if (hash_open_read(call, &access))
        reply_field(call, &access, call->argv[2]);
}

void cmd_hmget(struct call *call)
{
    struct hash_access access;

    if (!hash_open_read(call, &access))
        return;
    reply_array(call->reply, call->argc - 2);
    for (int i = 2; i < call->argc; i++)
        reply_field(call, &access, call->argv[i]);
}

void cmd_hexists(struct call *call)
{
    struct hash_access access;
    struct hash_item item;

    if (hash_open_read(call, &access))
        reply_integer(call->reply, hash_access_get(&access, call->argv[2], &item));
}

void cmd_hstrlen(struct call *call)
{
    struct hash_access access;
    struct hash_item item;
    char digits[NUMBER_TEXT_MAX];

    if (!hash_open_read(call, &access))
        return;
    bool there = hash_access_get(&access, call->argv[2], &item);
    reply_integer(call->reply, there ? (int64_t)listpack_text(item.value, digits).length : 0);
}

/* Counts expired fields too until they are removed, as Redis does. */
void cmd_hlen(struct call *call)
{
    struct hash_access access;

    if (hash_open_read(call, &access))
        reply_integer(call->reply, access.entry ? (int64_t)hash_length(&access.hash) : 0);
}

void cmd_hdel(struct call *call)
{
    struct hash_access access;
    uint64_t deleted = 0;

    if (!hash_open_write(call, &access))
        return;
    for (int i = 2; access.entry != NULL && i < call->argc && !hash_is_empty(&access.hash); i++)
        deleted += hash_delete(&access.hash, call->argv[i]);
    if (access.entry != NULL)
        hash_close(call, &access, "hdel", deleted);
    reply_integer(call->reply, (int64_t)deleted);
}

/* Whole hashes */

static void reply_item_field(void *reply, const struct hash_item *item)
{
    hash_reply_value(reply, item->field);
}

static void reply_item_value(void *reply, const struct hash_item *item)
{
    hash_reply_value(reply, item->value);
}

static void reply_item(void *reply, const struct hash_item *item)
{
    hash_reply_value(reply, item->field);
    hash_reply_value(reply, item->value);
}

static void reply_all(struct call *call, void (*reply_head)(struct reply *reply, int64_t count), hash_visit *visit)
{
    struct hash_access access;

    if (!hash_open_read(call, &access))
        return;
    reply_head(call->reply, access.entry ? (int64_t)hash_live_length(&access.hash) : 0);
    if (access.entry != NULL)
        hash_each(&access.hash, visit, call->reply);
}

void cmd_hgetall(struct call *call)
{
    reply_all(call, reply_map, reply_item);
}

void cmd_hkeys(struct call *call)
{
    reply_all(call, reply_array, reply_item_field);
}

void cmd_hvals(struct call *call)
{
    reply_all(call, reply_array, reply_item_value);
}
