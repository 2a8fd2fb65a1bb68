/* When keys die: setting the deadline, telling it, taking it off. */
#include "core/handlers.h"

#include "core/args.h"
#include "core/call.h"
#include "core/change.h"

enum expire_condition {
    EXPIRE_NX = 1 << 0, /* only where there is no expiry yet */
    EXPIRE_XX = 1 << 1,
    EXPIRE_GT = 1 << 2, /* only to a later time; no expiry is the latest */
    EXPIRE_LT = 1 << 3,
};

static unsigned condition_named(struct str word)
{
    static const char *const words[] = {"nx", "xx", "gt", "lt"};

    for (int i = 0; i < 4; i++)
        if (arg_is(word, words[i]))
            return 1u << i;
    return 0;
}

/* False: answered. */
static bool parse_conditions(struct call *call, unsigned *conditions)
{
    *conditions = 0;
    for (int i = 3; i < call->argc; i++) {
        unsigned condition = condition_named(call->argv[i]);

        if (condition == 0) {
            reply_error_format(call->reply, "ERR Unsupported option %.*s", str_quoted_length(call->argv[i]),
                               call->argv[i].bytes);
            return false;
        }
        *conditions |= condition;
    }
    if ((*conditions & EXPIRE_NX) && *conditions != EXPIRE_NX) {
        reply_error(call->reply, "ERR NX and XX, GT or LT options at the same time are not compatible");
        return false;
    }
    if ((*conditions & EXPIRE_GT) && (*conditions & EXPIRE_LT)) {
        reply_error(call->reply, "ERR GT and LT options at the same time are not compatible");
        return false;
    }
    return true;
}

/* current_ms: -1 where the key does not expire. */
static bool conditions_hold(unsigned conditions, int64_t current_ms, int64_t wanted_ms)
{
    bool expires = current_ms >= 0;

    if ((conditions & EXPIRE_NX) && expires)
        return false;
    if ((conditions & EXPIRE_XX) && !expires)
        return false;
    if ((conditions & EXPIRE_GT) && (!expires || wanted_ms <= current_ms))
        return false;
    return !(conditions & EXPIRE_LT) || !expires || wanted_ms < current_ms;
}

/* A deadline that has come removes the key at once. */
static void expire_entry(struct call *call, struct entry *entry, int64_t expiry_ms)
{
    if (expiry_ms <= call->now_ms)
        call_delete_recorded(call, call->argv[1]);
    else
        call_set_expiry(call, call->argv[1], entry, expiry_ms);
}

static void expire(struct call *call, enum args_expiry_unit unit, bool absolute)
{
    unsigned conditions;
    int64_t expiry_ms;

    if (!parse_conditions(call, &conditions) || !args_expiry(call, call->argv[2], unit, absolute, true, &expiry_ms))
        return;
    struct entry *entry = call_find_any(call, call->argv[1], true);
    bool applies = entry != NULL && conditions_hold(conditions, entry_expiry_ms(entry), expiry_ms);
    if (applies)
        expire_entry(call, entry, expiry_ms);
    reply_integer(call->reply, applies);
}

void cmd_expire(struct call *call)
{
    expire(call, ARGS_SECONDS, false);
}

void cmd_pexpire(struct call *call)
{
    expire(call, ARGS_MILLISECONDS, false);
}

void cmd_expireat(struct call *call)
{
    expire(call, ARGS_SECONDS, true);
}

void cmd_pexpireat(struct call *call)
{
    expire(call, ARGS_MILLISECONDS, true);
}

/* Without a sum that the farthest deadlines would overflow. */
static int64_t divide_rounded(int64_t value, int64_t unit)
{
    return value / unit + (value % unit * 2 >= unit);
}

/* What TTL and its relatives say: the deadline less `since_ms`, in units of `unit_ms`. */
static void reply_deadline(struct call *call, int64_t since_ms, int64_t unit_ms)
{
    const struct entry *entry = call_find_any(call, call->argv[1], false);

    if (entry == NULL)
        reply_integer(call->reply, -2);
    else if (entry_expiry_ms(entry) < 0)
        reply_integer(call->reply, -1);
    else
        reply_integer(call->reply, divide_rounded(entry_expiry_ms(entry) - since_ms, unit_ms));
}

void cmd_ttl(struct call *call)
{
    reply_deadline(call, call->now_ms, 1000);
}

void cmd_pttl(struct call *call)
{
    reply_deadline(call, call->now_ms, 1);
}

void cmd_expiretime(struct call *call)
{
    reply_deadline(call, 0, 1000);
}

void cmd_pexpiretime(struct call *call)
{
    reply_deadline(call, 0, 1);
}

void cmd_persist(struct call *call)
{
    struct entry *entry = call_find_any(call, call->argv[1], true);
    bool expires = entry != NULL && entry_expiry_ms(entry) >= 0;

    if (expires)
        call_set_expiry(call, call->argv[1], entry, -1);
    reply_integer(call->reply, expires);
}
