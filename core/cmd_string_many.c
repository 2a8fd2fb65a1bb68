/* Several strings at once. MGET and MSET are split among the shards, each part
 * with its own keys; MSETNX and MSETEX look at all keys before they write any,
 * so where these lie on several shards they run in a gather. */
#include "core/handlers.h"

#include <limits.h>

#include "core/args.h"
#include "core/call.h"
#include "core/change.h"
#include "core/effects.h"
#include "core/string_options.h"
#include "core/string_value.h"

void cmd_mget(struct call *call)
{
    reply_array(call->reply, call->argc - 1);
    for (int i = 1; i < call->argc; i++) {
        call_route_key(call, call->argv[i], i - 1);
        const struct entry *entry = call_find_any(call, call->argv[i], true);
        bool string = entry != NULL && entry_type(entry) == VALUE_STRING;

        string_reply(call->reply, string ? entry : NULL);
    }
}

static bool present(struct call *call, struct str name)
{
    return keyspace_find(call_keyspace(call, name), call->db, call_key(call, name), call->now_ms) != NULL;
}

/* Whether the keys of the pairs in argv from `first` to before `end` are all there, or all absent. */
static bool all_keys(struct call *call, int first, int end, bool there)
{
    for (int i = first; i < end; i += 2)
        if (present(call, call->argv[i]) != there)
            return false;
    return true;
}

static void set_pair(struct call *call, int at, int64_t expiry_ms)
{
    struct str name = call->argv[at];

    keyspace_set_string(call_keyspace(call, name), call->db, call_key(call, name), call->argv[at + 1], expiry_ms);
    call_changed(call, EVENT_STRING, "set", name);
}

/* False: a value is missing, and that has been answered. */
static bool pairs_complete(struct call *call, const char *error)
{
    if (call->argc % 2 == 1)
        return true;
    reply_error(call->reply, error);
    return false;
}

void cmd_mset(struct call *call)
{
    if (!pairs_complete(call, "ERR wrong number of arguments for 'mset' command"))
        return;
    for (int i = 1; i < call->argc; i += 2) {
        call_route_key(call, call->argv[i], i / 2);
        set_pair(call, i, -1);
    }
    reply_ok(call->reply);
}

void cmd_msetnx(struct call *call)
{
    if (!pairs_complete(call, "ERR wrong number of arguments for 'msetnx' command"))
        return;
    bool absent = all_keys(call, 1, call->argc, false);
    if (absent)
        for (int i = 1; i < call->argc; i += 2)
            set_pair(call, i, -1);
    reply_integer(call->reply, absent);
}

/* Where the pairs of MSETEX end in argv. False: answered. */
static bool msetex_pairs(struct call *call, int *end)
{
    int64_t count;

    if (!args_integer_in(call->reply, call->argv[1], 1, INT_MAX, "ERR invalid numkeys value", &count))
        return false;
    if (count > (call->argc - 2) / 2) {
        reply_error(call->reply, "ERR wrong number of key-value pairs");
        return false;
    }
    *end = 2 + 2 * (int)count;
    return true;
}

static bool msetex_may_write(struct call *call, enum string_when when, int end)
{
    return when == STRING_ALWAYS || all_keys(call, 2, end, when == STRING_PRESENT);
}

static void msetex_write(struct call *call, int end, bool keep_expiry, int64_t expiry_ms)
{
    for (int i = 2; i < end; i += 2) {
        struct entry *old = keep_expiry ? call_find_any(call, call->argv[i], false) : NULL;

        set_pair(call, i, old ? entry_expiry_ms(old) : expiry_ms);
        call_record_state(call, call->db, call->argv[i]);
        if (expiry_ms >= 0)
            call_event(call, EVENT_GENERIC, "expire", call->argv[i]);
    }
}

void cmd_msetex(struct call *call)
{
    struct string_options options;
    int64_t expiry_ms;
    int end;

    if (!msetex_pairs(call, &end) || !string_options_parse(call, end, STRING_MSETEX, &options) ||
        !string_options_expiry(call, &options, &expiry_ms))
        return;
    bool write = msetex_may_write(call, options.condition.when, end);
    if (write)
        msetex_write(call, end, options.expiry == STRING_EXPIRY_KEEP, expiry_ms);
    reply_integer(call->reply, write);
}
