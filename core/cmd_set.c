/* Sets: adding, removing, looking up, listing. */
#include "core/handlers.h"

#include "core/effects.h"
#include "core/scan_options.h"
#include "core/set_key.h"

void cmd_sadd(struct call *call)
{
    struct set_member member = set_member_of(call->argv[2]);
    struct set_key key;
    int64_t added = 0;

    if (!set_key_open(call, call->argv[1], &key))
        return;
    set_key_prepare(call, &key, &member, (size_t)call->argc - 2);
    added += set_value_add(&key.set, &member);
    for (int i = 3; i < call->argc; i++) {
        member = set_member_of(call->argv[i]);
        added += set_value_add(&key.set, &member);
    }
    set_key_close(call, &key, "sadd", (uint64_t)added);
    reply_integer(call->reply, added);
}

static int64_t remove_members(struct call *call, struct set_value *set)
{
    int64_t removed = 0;

    for (int i = 2; i < call->argc && set_value_count(set) > 0; i++) {
        struct set_member member = set_member_of(call->argv[i]);

        removed += set_value_remove(set, &member);
    }
    return removed;
}

void cmd_srem(struct call *call)
{
    struct set_key key;
    int64_t removed = 0;

    if (!set_key_open(call, call->argv[1], &key))
        return;
    if (key.entry != NULL) {
        removed = remove_members(call, &key.set);
        set_key_close(call, &key, "srem", (uint64_t)removed);
    }
    reply_integer(call->reply, removed);
}

/* Where the sets are of two keyspaces, each has its part. */
static void record_move(const struct call *call, const struct set_key *from, const struct set_key *to)
{
    if (from->keyspace == to->keyspace || !call_is_journaled(call, from->name))
        return;
    CALL_RECORD(call, from->name, STR("SREM"), from->name, call->argv[3]);
    CALL_RECORD(call, to->name, STR("SADD"), to->name, call->argv[3]);
}

/* Both keys hold sets, not the same one. */
static bool move_member(struct call *call, struct set_key *from, struct set_key *to, const struct set_member *member)
{
    if (!set_value_remove(&from->set, member))
        return false;
    record_move(call, from, to);
    set_key_close(call, from, "srem", 1);
    if (to->entry == NULL)
        set_key_prepare(call, to, member, 1);
    set_key_close(call, to, "sadd", set_value_add(&to->set, member));
    return true;
}

void cmd_smove(struct call *call)
{
    struct set_member member = set_member_of(call->argv[3]);
    struct set_key from, to;
    bool moved = false;

    if (!set_key_open(call, call->argv[1], &from))
        return;
    if (from.entry != NULL) {
        if (!set_key_open(call, call->argv[2], &to))
            return;
        moved =
            from.entry == to.entry ? set_value_contains(&from.set, &member) : move_member(call, &from, &to, &member);
    }
    reply_integer(call->reply, moved);
}

void cmd_scard(struct call *call)
{
    struct set_value set;

    if (set_key_read(call, call->argv[1], &set))
        reply_integer(call->reply, (int64_t)set_value_count(&set));
}

void cmd_sismember(struct call *call)
{
    struct set_member member = set_member_of(call->argv[2]);
    struct set_value set;

    if (set_key_read(call, call->argv[1], &set))
        reply_integer(call->reply, set_value_contains(&set, &member));
}

void cmd_smismember(struct call *call)
{
    struct set_value set;

    if (!set_key_read(call, call->argv[1], &set))
        return;
    reply_array(call->reply, call->argc - 2);
    for (int i = 2; i < call->argc; i++) {
        struct set_member member = set_member_of(call->argv[i]);

        reply_integer(call->reply, set_value_contains(&set, &member));
    }
}

void cmd_smembers(struct call *call)
{
    struct set_value set;

    if (!set_key_read(call, call->argv[1], &set))
        return;
    reply_set(call->reply, (int64_t)set_value_count(&set));
    set_value_each(&set, set_reply_member, call->reply);
}

struct scan {
    const struct scan_options *options;
    struct reply *members;
    int64_t visited, listed;
};

static bool scan_visit(void *context, const struct set_member *member)
{
    struct scan *scan = context;
    char digits[NUMBER_TEXT_MAX];
    struct str text = set_member_text(member, digits);

    scan->visited++;
    if (!scan_matches(scan->options, text))
        return true;
    reply_bulk(scan->members, text);
    scan->listed++;
    return true;
}

static uint64_t scan_walk(const struct set_value *set, struct scan *scan, uint64_t cursor)
{
    int64_t steps = scan_steps(scan->options), count = scan->options->count;

    do
        cursor = set_value_scan(set, cursor, (size_t)(count - scan->visited), scan_visit, scan);
    while (cursor != 0 && --steps > 0 && scan->visited < count);
    return cursor;
}

static void scan_reply(struct call *call, uint64_t cursor, const struct scan *scan)
{
    reply_array(call->reply, 2);
    reply_bulk_integer(call->reply, (int64_t)cursor);
    reply_array(call->reply, scan->listed);
    reply_raw(call->reply, buffer_str(&scan->members->buffer));
}

void cmd_sscan(struct call *call)
{
    struct scan_options options = {.count = 1};
    struct set_value set;
    char storage[2048];
    struct reply members;
    uint64_t cursor;

    if (!scan_cursor_parse(call, call->argv[2], &cursor) || !set_key_read(call, call->argv[1], &set))
        return;
    if (set.value != NULL && !scan_options_parse(call, 3, SCAN_OF_MEMBERS, &options))
        return; /* without a set they are not looked at */
    reply_init(&members, &call->core->memory, storage, sizeof storage, call->reply->protocol);
    struct scan scan = {.options = &options, .members = &members};
    cursor = scan_walk(&set, &scan, cursor);
    scan_reply(call, cursor, &scan);
    buffer_deinit(&members.buffer);
}
