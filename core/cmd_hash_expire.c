/* When fields die: setting the deadlines of fields, telling them, taking them off. */
#include "core/handlers.h"

#include "core/effects.h"
#include "core/hash_access.h"
#include "core/hash_options.h"

/* What is said of each field. */
enum field_answer {
    FIELD_ABSENT = -2,
    FIELD_WITHOUT_DEADLINE = -1,
    FIELD_UNCHANGED = 0, /* the condition does not hold */
    FIELD_CHANGED = 1,
    FIELD_DELETED = 2, /* the deadline has passed already */
};

enum condition { ALWAYS, WHERE_NONE, WHERE_SOME, WHERE_LATER, WHERE_EARLIER };

static enum condition condition_named(struct str word)
{
    static const char *const words[] = {"nx", "xx", "gt", "lt"};

    for (int i = 0; i < 4; i++)
        if (arg_is(word, words[i]))
            return WHERE_NONE + i;
    return ALWAYS;
}

/* current_ms: -1 where there is no deadline, which counts as the latest. */
static bool condition_holds(enum condition condition, int64_t current_ms, int64_t wanted_ms)
{
    switch (condition) {
    case ALWAYS:
        return true;
    case WHERE_NONE:
        return current_ms < 0;
    case WHERE_SOME:
        return current_ms >= 0;
    case WHERE_LATER:
        return current_ms >= 0 && wanted_ms > current_ms;
    case WHERE_EARLIER:
        return current_ms < 0 || wanted_ms < current_ms;
    }
    return false;
}

void hash_record_deadline(const struct call *call, struct str field, int64_t deadline_ms)
{
    struct str name = call->argv[1];
    char digits[NUMBER_TEXT_MAX];

    if (!call_is_journaled(call, name))
        return;
    if (deadline_ms < 0)
        CALL_RECORD(call, name, STR("HPERSIST"), name, STR("FIELDS"), STR("1"), field);
    else if (deadline_ms <= call->now_ms)
        CALL_RECORD(call, name, STR("HDEL"), name, field);
    else
        CALL_RECORD(call, name, STR("HPEXPIREAT"), name, {digits, number_format_integer(digits, deadline_ms)},
                    STR("FIELDS"), STR("1"), field);
}

static enum field_answer expire_field(struct hash *hash, struct str field, enum condition condition,
                                      int64_t deadline_ms)
{
    struct hash_item item;

    if (!hash_get(hash, field, &item))
        return FIELD_ABSENT;
    if (!condition_holds(condition, item.deadline_ms, deadline_ms))
        return FIELD_UNCHANGED;
    if (deadline_ms > hash->now_ms) {
        hash_set_deadline(hash, field, deadline_ms);
        return FIELD_CHANGED;
    }
    hash_delete(hash, field);
    return FIELD_DELETED;
}

/* The fields of argv from `first` on, of a key that is not there. */
static void reply_absent(struct call *call, int first)
{
    reply_array(call->reply, call->argc - first);
    for (int i = first; i < call->argc; i++)
        reply_integer(call->reply, FIELD_ABSENT);
}

static void expire_fields(struct call *call, struct hash_access *access, int first, enum condition condition,
                          int64_t deadline_ms)
{
    uint64_t changes = 0;

    if (access->entry == NULL) {
        reply_absent(call, first);
        return;
    }
    reply_array(call->reply, call->argc - first);
    for (int i = first; i < call->argc; i++) {
        enum field_answer answer = expire_field(&access->hash, call->argv[i], condition, deadline_ms);

        changes += answer > FIELD_UNCHANGED;
        if (answer > FIELD_UNCHANGED)
            hash_record_deadline(call, call->argv[i], deadline_ms);
        reply_integer(call->reply, answer);
    }
    hash_close(call, access, deadline_ms > call->now_ms ? "hexpire" : "hdel", changes);
}

static void expire(struct call *call, enum args_expiry_unit unit, bool absolute)
{
    struct hash_access access;
    int64_t deadline_ms;

    if (!hash_open_write(call, &access) || !hash_deadline_parse(call, call->argv[2], unit, absolute, &deadline_ms))
        return;
    enum condition condition = condition_named(call->argv[3]);
    int at = condition == ALWAYS ? 3 : 4;
    if (hash_fields_parse(call, at, "ERR Parameter `numFields` should be greater than 0"))
        expire_fields(call, &access, at + 2, condition, deadline_ms);
}

void cmd_hexpire(struct call *call)
{
    expire(call, ARGS_SECONDS, false);
}

void cmd_hpexpire(struct call *call)
{
    expire(call, ARGS_MILLISECONDS, false);
}

void cmd_hexpireat(struct call *call)
{
    expire(call, ARGS_SECONDS, true);
}

void cmd_hpexpireat(struct call *call)
{
    expire(call, ARGS_MILLISECONDS, true);
}

/* Telling */

enum { FIRST_FIELD = 4 }; /* key FIELDS numfields field … */

static int64_t tell_field(const struct hash *hash, struct str field, int64_t since_ms, int64_t unit_ms)
{
    struct hash_item item;

    if (!hash_get(hash, field, &item))
        return FIELD_ABSENT;
    if (item.deadline_ms < 0)
        return FIELD_WITHOUT_DEADLINE;
    return (item.deadline_ms - since_ms + unit_ms - 1) / unit_ms;
}

/* Deadlines less `since_ms`, in units of `unit_ms`, rounded up. */
static void tell(struct call *call, int64_t since_ms, int64_t unit_ms)
{
    struct hash_access access;

    if (!hash_open_read(call, &access) || !hash_fields_parse(call, 2, hash_fields_not_positive))
        return;
    if (access.entry == NULL) {
        reply_absent(call, FIRST_FIELD);
        return;
    }
    reply_array(call->reply, call->argc - FIRST_FIELD);
    for (int i = FIRST_FIELD; i < call->argc; i++)
        reply_integer(call->reply, tell_field(&access.hash, call->argv[i], since_ms, unit_ms));
}

void cmd_httl(struct call *call)
{
    tell(call, call->now_ms, 1000);
}

void cmd_hpttl(struct call *call)
{
    tell(call, call->now_ms, 1);
}

void cmd_hexpiretime(struct call *call)
{
    tell(call, 0, 1000);
}

void cmd_hpexpiretime(struct call *call)
{
    tell(call, 0, 1);
}

/* Taking off */

static enum field_answer persist_field(struct hash *hash, struct str field)
{
    struct hash_item item;

    if (!hash_get(hash, field, &item))
        return FIELD_ABSENT;
    if (item.deadline_ms < 0)
        return FIELD_WITHOUT_DEADLINE;
    hash_set_deadline(hash, field, HASH_NO_DEADLINE);
    return FIELD_CHANGED;
}

void cmd_hpersist(struct call *call)
{
    struct hash_access access;
    uint64_t changes = 0;

    if (!hash_open_write(call, &access) || !hash_fields_parse(call, 2, hash_fields_not_positive))
        return;
    if (access.entry == NULL) {
        reply_absent(call, FIRST_FIELD);
        return;
    }
    reply_array(call->reply, call->argc - FIRST_FIELD);
    for (int i = FIRST_FIELD; i < call->argc; i++) {
        enum field_answer answer = persist_field(&access.hash, call->argv[i]);

        changes += answer == FIELD_CHANGED;
        reply_integer(call->reply, answer);
    }
    hash_close(call, &access, "hpersist", changes);
}
