/* CLIENT TRACKING, CACHING, GETREDIR and TRACKINGINFO.
 *
 * TRACKING is checked, and most often done, where the client is. Where the shards have to
 * know of prefixes, or it has to be found out which of them has the client that is to be told instead, an order goes to
 * all of them, as a part that each runs; and when all have, tracking begins. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "core/args.h"
#include "core/assert.h"
#include "core/call.h"
#include "core/client_tracking.h"
#include "core/command.h"
#include "core/handlers.h"
#include "core/merge.h"
#include "core/number.h"

static const char no_such_client[] = "ERR The client ID you want redirect to does not exist";

struct plan {
    bool on;
    int64_t redirect;
    struct tracking_options options;
    struct tracking_prefixes prefixes; /* the array is the plan's, the names are arguments */
};

static bool refuse(struct call *call, const char *text)
{
    reply_error(call->reply, text);
    return false;
}

/* What is asked for. */

static bool *flag_named(struct tracking_options *options, struct str word)
{
    if (arg_is(word, "bcast"))
        return &options->broadcast;
    if (arg_is(word, "optin"))
        return &options->opt_in;
    if (arg_is(word, "optout"))
        return &options->opt_out;
    return arg_is(word, "noloop") ? &options->no_loop : NULL;
}

static bool parse_redirect(struct call *call, struct str text, struct plan *plan)
{
    if (plan->redirect != 0)
        return refuse(call, "ERR A client can only redirect to a single other client");
    if (!args_integer(call->reply, text, &plan->redirect))
        return false;
    plan->options.redirect = (uint64_t)plan->redirect;
    return plan->redirect > 0 || refuse(call, no_such_client);
}

static bool parse_option(struct call *call, int *at, struct plan *plan)
{
    struct str word = call->argv[*at];
    bool *flag = flag_named(&plan->options, word), followed = *at + 1 < call->argc;

    if (flag)
        return *flag = true;
    if (arg_is(word, "redirect") && followed)
        return parse_redirect(call, call->argv[++*at], plan);
    if (arg_is(word, "prefix") && followed) {
        plan->prefixes.names[plan->prefixes.count++] = call->argv[++*at];
        return true;
    }
    args_syntax_error(call->reply);
    return false;
}

static bool parse(struct call *call, struct plan *plan)
{
    for (int at = 3; at < call->argc; at++)
        if (!parse_option(call, &at, plan))
            return false;
    plan->on = arg_is(call->argv[2], "on");
    if (plan->on || arg_is(call->argv[2], "off"))
        return true;
    args_syntax_error(call->reply);
    return false;
}

static bool overlap(struct str a, struct str b)
{
    size_t shorter = a.length < b.length ? a.length : b.length;

    return shorter == 0 || memcmp(a.bytes, b.bytes, shorter) == 0;
}

/* Whether the prefix overlaps with any of these; that has been answered. */
static bool overlaps(struct call *call, struct str prefix, const struct str *others, int count, const char *which)
{
    for (int i = 0; i < count; i++)
        if (overlap(prefix, others[i])) {
            reply_error_format(call->reply,
                               "ERR Prefix '%.*s' overlaps with %s prefix '%.*s'. Prefixes for a single client must "
                               "not overlap.",
                               str_shown_length(prefix), prefix.bytes, which, str_shown_length(others[i]),
                               others[i].bytes);
            return true;
        }
    return false;
}

struct placed_prefix {
    struct str name;
    int place; /* among those that are wanted; INT_MAX: the client has it */
};

static int by_name(const void *a, const void *b)
{
    return str_compare(((const struct placed_prefix *)a)->name, ((const struct placed_prefix *)b)->name);
}

/* The first place of one that overlaps with another; INT_MAX: there is none. In their order all that begin with a
 * prefix follow it, so that only the last which overlapped with none before it needs to be looked at. */
static int first_overlap(struct placed_prefix *prefixes, int count)
{
    const struct placed_prefix *shortest = prefixes;
    int first = INT_MAX;

    qsort(prefixes, (size_t)count, sizeof *prefixes, by_name);
    for (int i = 1; i < count; i++) {
        const struct placed_prefix *prefix = &prefixes[i];

        if (!overlap(shortest->name, prefix->name)) {
            shortest = prefix;
            continue;
        }
        first = prefix->place < first ? prefix->place : first;
        first = shortest->place < first ? shortest->place : first;
    }
    return first;
}

static int first_overlap_of(struct memory *memory, const struct tracking_prefixes *had,
                            const struct tracking_prefixes *wanted)
{
    int count = had->count + wanted->count, first;
    struct placed_prefix *prefixes = memory_alloc(memory, (size_t)count * sizeof *prefixes);

    for (int i = 0; i < count; i++)
        prefixes[i] = i < wanted->count ? (struct placed_prefix){wanted->names[i], i}
                                        : (struct placed_prefix){had->names[i - wanted->count], INT_MAX};
    first = first_overlap(prefixes, count);
    memory_free(memory, prefixes);
    return first;
}

static bool check_prefixes(struct call *call, const struct tracking_prefixes *had,
                           const struct tracking_prefixes *wanted)
{
    int first = wanted->count > 0 ? first_overlap_of(&call->core->memory, had, wanted) : INT_MAX;

    if (first == INT_MAX)
        return true;
    bool is_answered =
        overlaps(call, wanted->names[first], had->names, had->count, "an existing") ||
        overlaps(call, wanted->names[first], wanted->names + first + 1, wanted->count - first - 1, "another provided");
    ASSERT(is_answered);
    return false;
}

/* Whether the options go together, and with what the client has chosen before. */
static bool check(struct call *call, const struct client_tracking *now, const struct plan *plan)
{
    const struct tracking_options *options = &plan->options;

    if (plan->prefixes.count > 0 && !options->broadcast)
        return refuse(call, "ERR PREFIX option requires BCAST mode to be enabled");
    if (now->on && now->options.broadcast != options->broadcast)
        return refuse(call,
                      "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then "
                      "re-enabling it with a different mode.");
    if (options->broadcast && (options->opt_in || options->opt_out))
        return refuse(call, "ERR OPTIN and OPTOUT are not compatible with BCAST");
    if (options->opt_in && options->opt_out)
        return refuse(call, "ERR You can't specify both OPTIN mode and OPTOUT mode");
    if ((options->opt_in && now->options.opt_out) || (options->opt_out && now->options.opt_in))
        return refuse(call,
                      "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then "
                      "re-enabling it with a different mode.");
    return check_prefixes(call, &now->prefixes, &plan->prefixes);
}

/* The order to all shards. */

/* Its bytes lie wherever an argument does. */
static const char *read_order(const struct str *argv, struct tracking_order *order)
{
    memcpy(order, argv[1].bytes, sizeof *order);
    return argv[1].bytes + sizeof *order;
}

/* The client is to be told instead of another, whose shard learns here where: 1 + that shard; 0: it is not here. If its
 * connection is moving it arrives at a later stamp, and says there that it stays. */
static int64_t home_of_redirect(struct core *core, uint64_t id)
{
    struct session *session = id ? sessions_find(&core->sessions, id) : NULL;

    if (!session)
        return 0;
    session->stays = true;
    return session->moves_to ? session->moves_to : 1 + core->index;
}

/* Each shard takes the prefixes in and says where the client is that is to be told instead, if it has it. */
static void run_order(struct call *call)
{
    struct broadcasts *broadcasts = &call->core->broadcasts;
    struct tracking_order order;
    const char *names = read_order(call->argv, &order);

    for (int i = 0; i < order.count; i++)
        broadcasts_add(broadcasts, tracking_order_next(&names), order.reader);
    core_heed_broadcasts(call->core);
    reply_integer(call->reply, home_of_redirect(call->core, order.options.redirect));
}

/* The shard that has the client; -1: none. */
static int redirect_home(const struct merge *merge)
{
    for (int i = 0; i < merge->part_count; i++) {
        struct str part = merge->parts[i];
        int64_t home;

        if (number_parse_integer((struct str){part.bytes + 1, part.length - strlen(":\r\n")}, &home) && home > 0)
            return (int)home - 1;
    }
    return -1;
}

static void merge_order(struct merge *merge)
{
    struct sessions *sessions = &merge->core->sessions;
    struct tracking_order order;
    const char *names = read_order(merge->argv, &order);
    struct session *session = sessions_find(sessions, order.reader.id);
    int home = redirect_home(merge);

    if (order.options.redirect != 0 && home < 0) {
        client_tracking_refuse_prefixes(sessions, session, &order, names);
        reply_error(merge->reply, no_such_client);
        return;
    }
    client_tracking_begin(sessions, session, &order.options, home < 0 ? 0 : home);
    client_tracking_take_prefixes(session, &order, names);
    reply_ok(merge->reply);
}

static const struct command order_command = {
    .name = "client|tracking", .run = run_order, .merge = merge_order, .route = ROUTE_SCATTER, .flags = CMD_FENCE};

bool client_tracking_reaches_all(const struct str *argv, int argc)
{
    return true;
}

/* In a transaction all shards are there; otherwise they are asked, behind this. */
static void give_order(struct call *call, struct tracking_order *order)
{
    struct str argv[2] = {STR("client|tracking"), {(const char *)order, order->bytes}};

    if (!call->transaction) {
        call->session->rest = (struct session_rest){.command = &order_command, .text = argv[1]};
        return;
    }
    call_nested(call, &order_command, argv, 2, call->reply);
    memory_free(&call->core->memory, order);
}

/* TRACKING. */

/* One that is moving is found by an order, wherever it is by then. */
static bool keep_redirect_here(struct core *core, const struct plan *plan)
{
    struct session *to = plan->redirect ? sessions_find(&core->sessions, plan->options.redirect) : NULL;

    if (!to || to->moves_to)
        return plan->redirect == 0;
    return to->stays = true;
}

static void turn_on(struct call *call, const struct plan *plan)
{
    struct session *session = call->session;
    bool is_here = keep_redirect_here(call->core, plan);

    if (plan->options.broadcast || !is_here) {
        give_order(call, tracking_order_create(&call->core->memory, session, call->core->index, &plan->options,
                                               &plan->prefixes));
        return;
    }
    client_tracking_begin(&call->core->sessions, session, &plan->options, call->core->index);
    reply_ok(call->reply);
}

static void track(struct call *call, struct plan *plan)
{
    if (!parse(call, plan))
        return;
    if (!plan->on) {
        client_tracking_end(&call->core->sessions, call->session);
        reply_ok(call->reply);
        return;
    }
    if (!check(call, &call->session->tracking, plan))
        return;
    if (plan->options.broadcast && plan->prefixes.count == 0)
        plan->prefixes.names[plan->prefixes.count++] = STR("");
    turn_on(call, plan);
}

/* What a transaction reads next is remembered, or not. */
static void note_in_call(struct call *call)
{
    call->tracked_by = call->session->tracks ? call->core->index + 1 : 0;
}

void cmd_client_tracking(struct call *call)
{
    struct memory *memory = &call->core->memory;
    struct plan plan = {.prefixes.names = memory_alloc(memory, (size_t)call->argc * sizeof(struct str))};

    track(call, &plan);
    memory_free(memory, plan.prefixes.names);
    note_in_call(call);
}

/* CACHING, GETREDIR, TRACKINGINFO. */

static const char *caching_refusal(const struct client_tracking *tracking, bool yes)
{
    if (yes && !tracking->options.opt_in)
        return "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.";
    if (!yes && !tracking->options.opt_out)
        return "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.";
    return NULL;
}

void cmd_client_caching(struct call *call)
{
    bool yes = arg_is(call->argv[2], "yes");
    const char *refusal;

    if (!call->session->tracking.on) {
        reply_error(call->reply, "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN "
                                 "or OPTOUT mode enabled");
        return;
    }
    if (!yes && !arg_is(call->argv[2], "no")) {
        args_syntax_error(call->reply);
        return;
    }
    refusal = caching_refusal(&call->session->tracking, yes);
    if (refusal) {
        reply_error(call->reply, refusal);
        return;
    }
    client_tracking_set_caching(call->session, call->command);
    note_in_call(call);
    reply_ok(call->reply);
}

void cmd_client_getredir(struct call *call)
{
    reply_integer(call->reply, client_tracking_redirect(&call->session->tracking));
}

static void reply_flags(struct reply *reply, const struct client_tracking *tracking)
{
    const struct tracking_options *options = &tracking->options;
    const struct {
        bool is_so;
        const char *name;
    } flags[] = {
        {!tracking->on, "off"},
        {tracking->on, "on"},
        {options->broadcast, "bcast"},
        {options->opt_in, "optin"},
        {options->opt_in && tracking->caching, "caching-yes"},
        {options->opt_out, "optout"},
        {options->opt_out && tracking->caching, "caching-no"},
        {options->no_loop, "noloop"},
        {tracking->redirect_broken, "broken_redirect"},
    };
    size_t mark = reply_mark(reply);
    int64_t count = 0;

    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        if (!flags[i].is_so)
            continue;
        reply_bulk(reply, str_from(flags[i].name));
        count++;
    }
    reply_set_at(reply, mark, count);
}

void cmd_client_trackinginfo(struct call *call)
{
    const struct client_tracking *tracking = &call->session->tracking;
    struct reply *reply = call->reply;

    reply_map(reply, 3);
    reply_bulk(reply, STR("flags"));
    reply_flags(reply, tracking);
    reply_bulk(reply, STR("redirect"));
    reply_integer(reply, client_tracking_redirect(tracking));
    reply_bulk(reply, STR("prefixes"));
    reply_array(reply, tracking->prefixes.count);
    for (int i = 0; i < tracking->prefixes.count; i++)
        reply_bulk(reply, tracking->prefixes.names[i]);
}
