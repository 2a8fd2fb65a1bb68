/* Members drawn by lot: SPOP and SRANDMEMBER. */
#include "core/handlers.h"

#include "core/args.h"
#include "core/change.h"
#include "core/effects.h"
#include "core/set_key.h"
#include "core/set_random.h"

/* A reply of members that repeat is bounded by nothing but the count that the client names. */
static const size_t REPLY_BYTES_MAX = 512u << 20;
enum { BULK_BYTES_LEAST = 6 };

/* SPOP builds a set of those that stay where so many times more go. */
enum { STAYING_SHARE = 5 };

static uint64_t random_bits(void *context)
{
    return keyspace_random_bits(context);
}

static struct set_dice dice_of(struct call *call)
{
    return (struct set_dice){random_bits, call_keyspace(call, call->argv[1])};
}

/* False: answered. */
static bool refuse_more_arguments(struct call *call)
{
    if (call->argc <= 3)
        return true;
    args_syntax_error(call->reply);
    return false;
}

/* SRANDMEMBER */

static void reply_one(struct call *call, const struct set_value *set)
{
    if (set->value == NULL) {
        reply_null(call->reply);
        return;
    }
    struct set_member member = set_random_member(set, dice_of(call));
    set_reply_member(call->reply, &member);
}

static void reply_too_long(struct call *call, size_t mark)
{
    call->reply->buffer.length = mark;
    reply_error(call->reply, "ERR so many members make a reply of more than 512 MB");
}

/* The same member may come again. */
static void reply_repeating(struct call *call, const struct set_value *set, uint64_t count)
{
    size_t mark = reply_mark(call->reply);

    if (count > REPLY_BYTES_MAX / BULK_BYTES_LEAST) {
        reply_too_long(call, mark);
        return;
    }
    reply_array(call->reply, (int64_t)count);
    for (uint64_t i = 0; i < count; i++) {
        reply_one(call, set);
        if (reply_mark(call->reply) - mark > REPLY_BYTES_MAX) {
            reply_too_long(call, mark);
            return;
        }
    }
}

static void reply_different(struct call *call, const struct set_value *set, uint64_t count)
{
    size_t members = set_value_count(set);

    if (count > members)
        count = members;
    reply_array(call->reply, (int64_t)count);
    set_random_choose(set, count, dice_of(call), &call->core->memory, set_reply_member, call->reply);
}

void cmd_srandmember(struct call *call)
{
    struct set_value set;
    int64_t count = 0;

    if (!refuse_more_arguments(call))
        return;
    bool counted = call->argc == 3;
    if (counted && !args_integer_in(call->reply, call->argv[2], -INT64_MAX, INT64_MAX, NULL, &count))
        return;
    if (!set_key_read(call, call->argv[1], &set))
        return;
    if (!counted)
        reply_one(call, &set);
    else if (set.value == NULL || count >= 0)
        reply_different(call, &set, (uint64_t)(set.value != NULL ? count : 0));
    else
        reply_repeating(call, &set, (uint64_t)-count);
}

/* SPOP */

/* Out of the set of argv[1]. */
static bool give_member(void *context, const struct set_member *member)
{
    struct call *call = context;
    char digits[NUMBER_TEXT_MAX];

    if (call_is_journaled(call, call->argv[1]))
        CALL_RECORD(call, call->argv[1], STR("SREM"), call->argv[1], set_member_text(member, digits));
    return set_reply_member(call->reply, member);
}

static void pop_one(struct call *call, struct set_key *key)
{
    struct set_member member = set_random_member(&key->set, dice_of(call));

    give_member(call, &member);
    set_value_remove(&key->set, &member);
}

static void pop_all(struct call *call, struct set_key *key)
{
    uint64_t count = set_value_count(&key->set);

    set_value_each(&key->set, set_reply_member, call->reply);
    keyspace_changed(key->keyspace, count);
    call_changed(call, EVENT_SET, "spop", key->name);
    CALL_RECORD(call, key->name, STR("DEL"), key->name);
    call_delete_empty(call, key->name, key->entry);
}

/* Few stay: they become a new set, and all others are told in one walk. */
static void pop_most(struct call *call, struct set_key *key, uint64_t count)
{
    struct set_value all = key->set;
    enum value_encoding encoding = all.encoding == ENCODING_INTSET ? ENCODING_INTSET : ENCODING_LISTPACK;

    key->set = set_value_create(all.memory, all.config, encoding);
    set_random_split(&all, set_value_count(&all) - count, dice_of(call), &key->set, give_member, call);
    set_key_close(call, key, "spop", count);
    keyspace_free_value(key->keyspace, VALUE_SET, all.encoding, all.value);
}

static void pop_some(struct call *call, struct set_key *key, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        pop_one(call, key);
    set_key_close(call, key, "spop", count);
}

static void pop_many(struct call *call, struct set_key *key, uint64_t count)
{
    uint64_t members = set_value_count(&key->set);

    if (count > members)
        count = members;
    reply_set(call->reply, (int64_t)count);
    if (count == 0)
        return;
    if (count == members)
        pop_all(call, key);
    else if ((members - count) * STAYING_SHARE < count)
        pop_most(call, key, count);
    else
        pop_some(call, key, count);
}

void cmd_spop(struct call *call)
{
    struct set_key key;
    int64_t count = 0;

    if (!refuse_more_arguments(call))
        return;
    bool counted = call->argc == 3;
    if (counted && !args_integer_in(call->reply, call->argv[2], 0, INT64_MAX,
                                    "ERR value is out of range, must be positive", &count))
        return;
    if (!set_key_open(call, call->argv[1], &key))
        return;
    if (counted)
        pop_many(call, &key, (uint64_t)count);
    else if (key.entry == NULL)
        reply_null(call->reply);
    else
        pop_some(call, &key, 1);
}
