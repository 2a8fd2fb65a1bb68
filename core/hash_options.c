#include "core/hash_options.h"

#include "core/call.h"
#include "core/command.h"

/* The latest deadline that Redis lets a field have. */
static const int64_t DEADLINE_MS_MAX = (INT64_C(1) << 46) - 1;

const char hash_fields_not_positive[] = "ERR Number of fields must be a positive integer";

bool hash_deadline_parse(struct call *call, struct str text, enum args_expiry_unit unit, bool absolute,
                         int64_t *deadline_ms)
{
    int64_t scale = unit == ARGS_SECONDS ? 1000 : 1, base_ms = absolute ? 0 : call_clock_ms(call), amount;
    char name[64];

    if (!args_integer(call->reply, text, &amount))
        return false;
    if (amount < 0) {
        reply_error(call->reply, "ERR invalid expire time, must be >= 0");
        return false;
    }
    if (amount > DEADLINE_MS_MAX / scale || amount * scale > DEADLINE_MS_MAX - base_ms) {
        reply_error_format(call->reply, "ERR invalid expire time in '%s' command",
                           command_full_name(call->command, name));
        return false;
    }
    *deadline_ms = amount * scale + base_ms;
    return true;
}

bool hash_time_named(struct str word, struct hash_time *time)
{
    static const struct {
        const char *word;
        struct hash_time time;
    } table[] = {
        {"ex", {ARGS_SECONDS, false}},
        {"px", {ARGS_MILLISECONDS, false}},
        {"exat", {ARGS_SECONDS, true}},
        {"pxat", {ARGS_MILLISECONDS, true}},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (!arg_is(word, table[i].word))
            continue;
        *time = table[i].time;
        return true;
    }
    return false;
}

bool hash_fields_parse(struct call *call, int at, const char *count_error)
{
    int64_t count;

    if (at + 1 >= call->argc || !arg_is(call->argv[at], "fields")) {
        reply_error(call->reply, "ERR Mandatory argument FIELDS is missing or not at the right position");
        return false;
    }
    if (!args_integer_in(call->reply, call->argv[at + 1], 1, INT64_MAX, count_error, &count))
        return false;
    if (count == call->argc - at - 2)
        return true;
    reply_error(call->reply, "ERR The `numfields` parameter must match the number of arguments");
    return false;
}
