/* CLIENT KILL: every shard closes those of its own sessions that fit, and
 * answers with their number; the merge adds up and spells the two forms' replies.
 *
 * The caller's own connection still gets its reply: it closes after that. */
#include "core/handlers.h"

#include "core/args.h"
#include "core/call.h"
#include "core/client_type.h"
#include "core/merge.h"

/* What all has to fit. Texts with bytes NULL, ages and ids of 0: anything does. */
struct kill_filter {
    uint64_t id;
    struct str peer, local;
    int64_t age_ms;
    bool of_type; /* a TYPE was named */
    enum client_type type;
    bool spare_caller;
};

static bool is_old_form(int argc)
{
    return argc == 3;
}

static bool parse_id(struct call *call, struct str text, struct kill_filter *filter)
{
    int64_t id;

    if (!args_integer_in(call->reply, text, 1, INT64_MAX, "ERR client-id should be greater than 0", &id))
        return false;
    filter->id = (uint64_t)id;
    return true;
}

static bool parse_age(struct call *call, struct str text, struct kill_filter *filter)
{
    int64_t age_s;

    if (!args_integer_in(call->reply, text, INT64_MIN, INT64_MAX, "ERR maxage is not an integer or out of range",
                         &age_s))
        return false;
    if (age_s <= 0) {
        reply_error(call->reply, "ERR maxage should be greater than 0");
        return false;
    }
    filter->age_ms = age_s > INT64_MAX / 1000 ? INT64_MAX : age_s * 1000;
    return true;
}

static bool parse_type(struct call *call, struct str text, struct kill_filter *filter)
{
    filter->of_type = true;
    return client_type_parse(call->reply, text, &filter->type);
}

/* There is one user, and all sessions are that user's. */
static bool parse_user(struct call *call, struct str text)
{
    if (str_equal(text, STR("default")))
        return true;
    reply_error_format(call->reply, "ERR No such user '%.*s'", str_quoted_length(text), text.bytes);
    return false;
}

static bool parse_skipme(struct call *call, struct str text, struct kill_filter *filter)
{
    filter->spare_caller = arg_is(text, "yes");
    if (filter->spare_caller || arg_is(text, "no"))
        return true;
    args_syntax_error(call->reply);
    return false;
}

static bool parse_option(struct call *call, struct str option, struct str value, struct kill_filter *filter)
{
    if (arg_is(option, "id"))
        return parse_id(call, value, filter);
    if (arg_is(option, "maxage"))
        return parse_age(call, value, filter);
    if (arg_is(option, "type"))
        return parse_type(call, value, filter);
    if (arg_is(option, "user"))
        return parse_user(call, value);
    if (arg_is(option, "skipme"))
        return parse_skipme(call, value, filter);
    if (arg_is(option, "addr")) {
        filter->peer = value;
    } else if (arg_is(option, "laddr")) {
        filter->local = value;
    } else {
        args_syntax_error(call->reply);
        return false;
    }
    return true;
}

static bool parse_filter(struct call *call, struct kill_filter *filter)
{
    if (is_old_form(call->argc)) {
        filter->peer = call->argv[2];
        return true;
    }
    filter->spare_caller = true;
    for (int i = 2; i < call->argc; i += 2) {
        if (i + 1 == call->argc) {
            args_syntax_error(call->reply);
            return false;
        }
        if (!parse_option(call, call->argv[i], call->argv[i + 1], filter))
            return false;
    }
    return true;
}

static bool text_fits(struct str wanted, const char *text)
{
    return !wanted.bytes || str_equal(wanted, str_from(text));
}

static bool fits(const struct call *call, const struct kill_filter *filter, const struct session *session)
{
    if (session->killed || (filter->of_type && client_type_of(session) != filter->type))
        return false;
    if (filter->spare_caller && session->id == call->session_id)
        return false;
    if (filter->id != 0 && filter->id != session->id)
        return false;
    if (filter->age_ms != 0 && call->now_ms - session->created_ms < filter->age_ms)
        return false;
    return text_fits(filter->peer, session->peer) && text_fits(filter->local, session->local);
}

static void kill_session(struct call *call, struct session *session)
{
    if (session->id == call->session_id)
        session->close_after_reply = true;
    else
        session_kill(&call->core->sessions, session);
}

void cmd_client_kill(struct call *call)
{
    struct kill_filter filter = {0};
    int64_t killed = 0;

    if (!parse_filter(call, &filter))
        return;
    for (struct session *session = call->core->sessions.oldest; session; session = session->next) {
        if (!fits(call, &filter, session))
            continue;
        kill_session(call, session);
        killed++;
    }
    reply_integer(call->reply, killed);
}

static bool none_was_killed(const struct merge *merge)
{
    for (int i = 0; i < merge->part_count; i++)
        if (!str_equal(merge->parts[i], STR(":0\r\n")))
            return false;
    return true;
}

void merge_client_kill(struct merge *merge)
{
    if (!is_old_form(merge->argc))
        merge_sum(merge);
    else if (none_was_killed(merge))
        reply_error(merge->reply, "ERR No such client");
    else
        reply_ok(merge->reply);
}
