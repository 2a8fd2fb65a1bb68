/* Writing whole strings: SET with its options, and its older relatives, each of
 * which is one combination of them; and what compares before it acts. */
#include "core/handlers.h"

#include "core/args.h"
#include "core/call.h"
#include "core/change.h"
#include "core/effects.h"
#include "core/number.h"
#include "core/string_options.h"
#include "core/string_value.h"

/* In line, as a frame of its own would be for the last lines alone. */
static inline __attribute__((always_inline)) void set_string(struct call *call, struct str value, int64_t expiry_ms)
{
    keyspace_set_string(call_keyspace(call, call->argv[1]), call->db, call_key(call, call->argv[1]), value, expiry_ms);
    call_changed(call, EVENT_STRING, "set", call->argv[1]);
}

/* What SET with options, and its relatives, have done. */
static void record_set(const struct call *call, struct str value, int64_t expiry_ms)
{
    char digits[NUMBER_TEXT_MAX];
    struct str name = call->argv[1];

    if (!call_is_journaled(call, name))
        return;
    if (expiry_ms < 0)
        CALL_RECORD(call, name, STR("SET"), name, value);
    else
        CALL_RECORD(call, name, STR("SET"), name, value, STR("PXAT"),
                    {digits, number_format_integer(digits, expiry_ms)});
}

/* What is at the key, as far as the options care. False: answered. */
static bool set_find_old(struct call *call, const struct string_options *options, struct entry **entry)
{
    if (options->get)
        return call_find_read(call, call->argv[1], VALUE_STRING, entry);
    if (string_condition_compares(&options->condition))
        return call_find_write(call, call->argv[1], VALUE_STRING, entry);
    *entry = call_find_any(call, call->argv[1], false);
    return true;
}

static __attribute__((noinline)) void set_with_options(struct call *call)
{
    struct string_options options;
    struct entry *old;
    int64_t expiry_ms;

    if (!string_options_parse(call, 3, STRING_SET, &options) || !string_options_expiry(call, &options, &expiry_ms))
        return;
    if (!set_find_old(call, &options, &old))
        return;
    if (options.get)
        string_reply(call->reply, old);
    if (!string_condition_holds(&options.condition, old)) {
        if (!options.get)
            reply_null(call->reply);
        return;
    }
    bool expires = expiry_ms >= 0;
    if (options.expiry == STRING_EXPIRY_KEEP && old != NULL)
        expiry_ms = entry_expiry_ms(old);
    set_string(call, call->argv[2], expiry_ms);
    record_set(call, call->argv[2], expiry_ms);
    if (expires)
        call_event(call, EVENT_GENERIC, "expire", call->argv[1]);
    if (!options.get)
        reply_ok(call->reply);
}

void cmd_set(struct call *call)
{
    if (call->argc > 3) {
        set_with_options(call);
        return;
    }
    set_string(call, call->argv[2], -1);
    reply_ok(call->reply);
}

void cmd_setnx(struct call *call)
{
    bool absent = call_find_any(call, call->argv[1], false) == NULL;

    if (absent)
        set_string(call, call->argv[2], -1);
    reply_integer(call->reply, absent);
}

static void set_expiring(struct call *call, enum args_expiry_unit unit)
{
    int64_t expiry_ms;

    if (!args_expiry(call, call->argv[2], unit, false, false, &expiry_ms))
        return;
    set_string(call, call->argv[3], expiry_ms);
    record_set(call, call->argv[3], expiry_ms);
    call_event(call, EVENT_GENERIC, "expire", call->argv[1]);
    reply_ok(call->reply);
}

void cmd_setex(struct call *call)
{
    set_expiring(call, ARGS_SECONDS);
}

void cmd_psetex(struct call *call)
{
    set_expiring(call, ARGS_MILLISECONDS);
}

void cmd_getset(struct call *call)
{
    struct entry *old;

    if (!call_find_read(call, call->argv[1], VALUE_STRING, &old))
        return;
    string_reply(call->reply, old);
    set_string(call, call->argv[2], -1);
}

void cmd_digest(struct call *call)
{
    struct entry *entry;
    char text[STRING_DIGEST_LENGTH];

    if (!call_find_read(call, call->argv[1], VALUE_STRING, &entry))
        return;
    if (entry == NULL) {
        reply_null(call->reply);
        return;
    }
    string_digest(entry, text);
    reply_bulk(call->reply, (struct str){text, sizeof(text)});
}

/* DELEX's condition, if it is one. False: answered. */
static bool delex_condition(struct call *call, struct string_condition *condition)
{
    if (call->argc != 4) {
        reply_error(call->reply, "ERR wrong number of arguments for 'delex' command");
        return false;
    }
    *condition = (struct string_condition){string_condition_named(call->argv[2]), call->argv[3]};
    if (condition->when == STRING_ALWAYS) {
        reply_error(call->reply, "ERR Invalid condition. Use IFEQ, IFNE, IFDEQ, or IFDNE");
        return false;
    }
    return string_condition_check(call->reply, condition);
}

/* An absent key is never removed, so IFNE and IFDNE hold only for one that is there. */
void cmd_delex(struct call *call)
{
    struct string_condition condition;
    struct entry *entry;

    if (call->argc == 2) {
        reply_integer(call->reply, call_delete_recorded(call, call->argv[1]));
        return;
    }
    if (!delex_condition(call, &condition) || !call_find_write(call, call->argv[1], VALUE_STRING, &entry))
        return;
    bool remove = entry != NULL && string_condition_holds(&condition, entry);
    if (remove)
        call_delete_recorded(call, call->argv[1]);
    reply_integer(call->reply, remove);
}
