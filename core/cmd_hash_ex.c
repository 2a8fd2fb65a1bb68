/* Fields read or written together with their deadlines: HGETDEL, HGETEX, HSETEX. */
#include "core/handlers.h"

#include "core/effects.h"
#include "core/hash_access.h"
#include "core/hash_options.h"
#include "core/memory.h"

static void reply_nulls(struct call *call, int first)
{
    reply_array(call->reply, call->argc - first);
    for (int i = first; i < call->argc; i++)
        reply_null(call->reply);
}

/* A field's value, or null. True: it is there. */
static bool reply_field(struct call *call, const struct hash *hash, struct str field, struct hash_item *item)
{
    bool there = hash_get(hash, field, item);

    if (there)
        hash_reply_value(call->reply, item->value);
    else
        reply_null(call->reply);
    return there;
}

/* Redis has HGETDEL since 8.0. */
static bool getdel_field(struct call *call, struct hash *hash, struct str field)
{
    CALL_RECORD(call, call->argv[1], STR("HDEL"), call->argv[1], field);
    return hash_delete(hash, field);
}

void cmd_hgetdel(struct call *call)
{
    enum { FIRST_FIELD = 4 };
    struct hash_access access;
    struct hash_item item;
    uint64_t deleted = 0;

    if (!hash_open_write(call, &access) || !hash_fields_parse(call, 2, hash_fields_not_positive))
        return;
    if (access.entry == NULL) {
        reply_nulls(call, FIRST_FIELD);
        return;
    }
    reply_array(call->reply, call->argc - FIRST_FIELD);
    for (int i = FIRST_FIELD; i < call->argc; i++)
        if (reply_field(call, &access.hash, call->argv[i], &item))
            deleted += getdel_field(call, &access.hash, call->argv[i]);
    hash_close(call, &access, "hdel", deleted);
}

/* HGETEX */

/* What becomes of the deadline; HASH_KEEP_DEADLINE: nothing. *at: where FIELDS has to be. False: answered. */
static bool getex_parse(struct call *call, int *at, int64_t *deadline_ms)
{
    struct hash_time time;

    *at = 2;
    *deadline_ms = HASH_KEEP_DEADLINE;
    if (arg_is(call->argv[2], "persist")) {
        *at = 3;
        *deadline_ms = HASH_NO_DEADLINE;
        return true;
    }
    if (!hash_time_named(call->argv[2], &time))
        return true;
    *at = 4;
    return hash_deadline_parse(call, call->argv[3], time.unit, time.absolute, deadline_ms);
}

static bool has_passed(const struct hash *hash, int64_t deadline_ms)
{
    return deadline_ms >= 0 && deadline_ms <= hash->now_ms;
}

static const char *getex_event(const struct hash *hash, int64_t deadline_ms)
{
    if (deadline_ms == HASH_NO_DEADLINE)
        return "hpersist";
    return has_passed(hash, deadline_ms) ? "hdel" : "hexpire";
}

/* Returns whether that changes anything. */
static bool getex_apply(struct call *call, struct hash *hash, struct str field, int64_t old_ms, int64_t deadline_ms)
{
    if (deadline_ms == HASH_KEEP_DEADLINE || (deadline_ms == HASH_NO_DEADLINE && old_ms < 0))
        return false;
    if (!has_passed(hash, deadline_ms))
        hash_set_deadline(hash, field, deadline_ms);
    else
        hash_delete(hash, field);
    hash_record_deadline(call, field, deadline_ms);
    return true;
}

void cmd_hgetex(struct call *call)
{
    struct hash_access access;
    struct hash_item item;
    int64_t deadline_ms;
    uint64_t changes = 0;
    int at;

    if (!hash_open_write(call, &access) || !getex_parse(call, &at, &deadline_ms) ||
        !hash_fields_parse(call, at, hash_fields_not_positive))
        return;
    if (access.entry == NULL) {
        reply_nulls(call, at + 2);
        return;
    }
    reply_array(call->reply, call->argc - at - 2);
    for (int i = at + 2; i < call->argc; i++)
        if (reply_field(call, &access.hash, call->argv[i], &item))
            changes += getex_apply(call, &access.hash, call->argv[i], item.deadline_ms, deadline_ms);
    hash_close(call, &access, getex_event(&access.hash, deadline_ms), changes);
}

/* HSETEX */

enum setex_condition { SETEX_ALWAYS, SETEX_NONE_THERE, SETEX_ALL_THERE };

struct setex {
    enum setex_condition condition;
    bool timed;          /* an option of those on deadlines was named */
    int64_t deadline_ms; /* or HASH_NO_DEADLINE, HASH_KEEP_DEADLINE */
    int first;           /* the first of the fields and values, which go on to the end */
};

static bool setex_wrong_arity(struct call *call)
{
    reply_error(call->reply, "ERR wrong number of arguments for 'hsetex' command");
    return false;
}

static bool setex_parse_condition(struct call *call, enum setex_condition condition, struct setex *setex)
{
    if (setex->condition != SETEX_ALWAYS) {
        reply_error(call->reply, "ERR Only one of FXX or FNX arguments can be specified");
        return false;
    }
    setex->condition = condition;
    return true;
}

/* time NULL: KEEPTTL. */
static bool setex_parse_time(struct call *call, const struct hash_time *time, int *at, struct setex *setex)
{
    if (setex->timed) {
        reply_error(call->reply, "ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified");
        return false;
    }
    setex->timed = true;
    if (time == NULL) {
        setex->deadline_ms = HASH_KEEP_DEADLINE;
        return true;
    }
    if (*at + 1 < call->argc)
        return hash_deadline_parse(call, call->argv[++*at], time->unit, time->absolute, &setex->deadline_ms);
    reply_error(call->reply, "ERR missing expire time");
    return false;
}

static bool setex_parse_fields(struct call *call, int at, struct setex *setex)
{
    int64_t count;

    if (at + 1 >= call->argc)
        return setex_wrong_arity(call);
    if (!args_integer_in(call->reply, call->argv[at + 1], 1, INT64_MAX, "ERR invalid number of fields", &count))
        return false;
    setex->first = at + 2;
    int left = call->argc - setex->first;
    return (left % 2 == 0 && count == left / 2) || setex_wrong_arity(call);
}

/* FIELDS ends the options. */
static bool setex_parse(struct call *call, struct setex *setex)
{
    struct hash_time time;

    *setex = (struct setex){.deadline_ms = HASH_NO_DEADLINE};
    for (int at = 2; at < call->argc; at++) {
        struct str word = call->argv[at];
        bool valid = false;

        if (arg_is(word, "fields"))
            return setex_parse_fields(call, at, setex);
        if (hash_time_named(word, &time))
            valid = setex_parse_time(call, &time, &at, setex);
        else if (arg_is(word, "keepttl"))
            valid = setex_parse_time(call, NULL, &at, setex);
        else if (arg_is(word, "fnx"))
            valid = setex_parse_condition(call, SETEX_NONE_THERE, setex);
        else if (arg_is(word, "fxx"))
            valid = setex_parse_condition(call, SETEX_ALL_THERE, setex);
        else
            reply_error_format(call->reply, "ERR unknown argument: %.*s", str_quoted_length(word), word.bytes);
        if (!valid)
            return false;
    }
    return setex_wrong_arity(call);
}

static bool setex_holds(const struct call *call, const struct hash_access *access, const struct setex *setex)
{
    struct hash_item item;

    if (setex->condition == SETEX_ALWAYS)
        return true;
    for (int i = setex->first; i < call->argc; i += 2)
        if (hash_access_get(access, call->argv[i], &item) != (setex->condition == SETEX_ALL_THERE))
            return false;
    return true;
}

/* A deadline that has passed leaves no field behind. */
static void setex_store(struct hash *hash, const struct setex *setex, struct str field, struct str value)
{
    if (has_passed(hash, setex->deadline_ms))
        hash_delete(hash, field);
    else
        hash_set(hash, field, value, setex->deadline_ms);
}

static void setex_record(struct call *call, const struct setex *setex)
{
    int fields = call->argc - setex->first, count = 0;
    char digits[NUMBER_TEXT_MAX], pairs[NUMBER_TEXT_MAX];
    struct str *argv = memory_alloc(&call->core->memory, (size_t)(fields + 6) * sizeof *argv);

    argv[count++] = setex->deadline_ms == HASH_NO_DEADLINE ? STR("HSET") : STR("HSETEX");
    argv[count++] = call->argv[1];
    if (setex->deadline_ms >= 0) {
        argv[count++] = STR("PXAT");
        argv[count++] = (struct str){digits, number_format_integer(digits, setex->deadline_ms)};
    } else if (setex->deadline_ms == HASH_KEEP_DEADLINE) {
        argv[count++] = STR("KEEPTTL");
    }
    if (setex->deadline_ms != HASH_NO_DEADLINE) {
        argv[count++] = STR("FIELDS");
        argv[count++] = (struct str){pairs, number_format_integer(pairs, fields / 2)};
    }
    memcpy(argv + count, call->argv + setex->first, (size_t)fields * sizeof *argv);
    call_record(call, call->argv[1], argv, count + fields);
    memory_free(&call->core->memory, argv);
}

/* What was written, or what a deadline that had passed took away. */
static void setex_journal(struct call *call, const struct hash *hash, const struct setex *setex)
{
    if (!call_is_journaled(call, call->argv[1]))
        return;
    if (!has_passed(hash, setex->deadline_ms)) {
        setex_record(call, setex);
        return;
    }
    for (int i = setex->first; i < call->argc; i += 2)
        hash_record_deadline(call, call->argv[i], setex->deadline_ms);
}

void cmd_hsetex(struct call *call)
{
    struct hash_access access;
    struct setex setex;

    if (!setex_parse(call, &setex) || !hash_open_write(call, &access))
        return;
    if (!setex_holds(call, &access, &setex)) {
        reply_integer(call->reply, 0);
        return;
    }
    hash_begin(call, &access);
    hash_expect(&access.hash, (size_t)(call->argc - setex.first) / 2);
    for (int i = setex.first; i < call->argc; i += 2)
        setex_store(&access.hash, &setex, call->argv[i], call->argv[i + 1]);
    hash_close_with(call, &access, "hset", setex.deadline_ms < 0 ? NULL : getex_event(&access.hash, setex.deadline_ms),
                    (uint64_t)(call->argc - setex.first) / 2);
    setex_journal(call, &access.hash, &setex);
    reply_integer(call->reply, 1);
}
