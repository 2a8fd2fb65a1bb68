#include "core/client_tracking.h"

#include "core/command.h"
#include "core/memory.h"
#include "core/resp_write.h"
#include "core/session.h"
#include "core/transaction.h"

/* Prefixes */

static int compare(struct str a, struct str b)
{
    size_t shorter = a.length < b.length ? a.length : b.length;
    int order = shorter > 0 ? memcmp(a.bytes, b.bytes, shorter) : 0;

    return order != 0 ? order : (a.length > b.length) - (a.length < b.length);
}

static struct str copy_name(struct memory *memory, struct str name)
{
    char *copy = memory_alloc(memory, name.length + 1);

    str_copy(copy, name);
    return (struct str){copy, name.length};
}

static void add_prefix(struct memory *memory, struct tracking_prefixes *prefixes, struct str name)
{
    int at = 0;

    while (at < prefixes->count && compare(prefixes->names[at], name) < 0)
        at++;
    if (at < prefixes->count && compare(prefixes->names[at], name) == 0)
        return;
    prefixes->names = memory_resize(memory, prefixes->names, (size_t)(prefixes->count + 1) * sizeof *prefixes->names);
    memmove(&prefixes->names[at + 1], &prefixes->names[at], (size_t)(prefixes->count - at) * sizeof *prefixes->names);
    prefixes->names[at] = copy_name(memory, name);
    prefixes->count++;
}

static void free_prefixes(struct memory *memory, struct tracking_prefixes *prefixes)
{
    for (int i = 0; i < prefixes->count; i++)
        memory_free(memory, (char *)(uintptr_t)prefixes->names[i].bytes);
    memory_free(memory, prefixes->names);
    *prefixes = (struct tracking_prefixes){0};
}

/* Orders */

struct str tracking_order_next(const char **at)
{
    struct str name;

    memcpy(&name.length, *at, sizeof name.length);
    name.bytes = *at + sizeof name.length;
    *at = name.bytes + name.length;
    return name;
}

static size_t names_bytes(const struct tracking_prefixes *prefixes)
{
    size_t bytes = 0;

    for (int i = 0; i < prefixes->count; i++)
        bytes += sizeof prefixes->names[i].length + prefixes->names[i].length;
    return bytes;
}

static char *write_names(char *end, const struct tracking_prefixes *prefixes)
{
    for (int i = 0; i < prefixes->count; i++) {
        memcpy(end, &prefixes->names[i].length, sizeof prefixes->names[i].length);
        end += sizeof prefixes->names[i].length;
        str_copy(end, prefixes->names[i]);
        end += prefixes->names[i].length;
    }
    return end;
}

struct tracking_order *tracking_order_create(struct memory *memory, struct session *session, int home,
                                             const struct tracking_options *options,
                                             const struct tracking_prefixes *wanted)
{
    struct client_tracking *tracking = &session->tracking;
    size_t bytes = sizeof(struct tracking_order) + names_bytes(&tracking->prefixes) + names_bytes(wanted);
    struct tracking_order *order = memory_alloc(memory, bytes);

    tracking->home = (uint16_t)home;
    *order = (struct tracking_order){
        .reader = {session->id, (uint16_t)home, ++tracking->generation},
        .options = *options,
        .count = tracking->prefixes.count + wanted->count,
        .kept = tracking->prefixes.count,
        .bytes = bytes,
    };
    write_names(write_names((char *)(order + 1), &tracking->prefixes), wanted);
    return order;
}

void tracking_order_undo(const struct tracking_order *order, struct broadcasts *broadcasts)
{
    const char *names = (const char *)(order + 1);

    for (int i = 0; i < order->count; i++)
        broadcasts_remove(broadcasts, tracking_order_next(&names), order->reader);
}

/* Which prefixes are left is told to all shards by a block that is charged to nobody. */
static void leave(struct sessions *sessions, struct session *session, const struct tracking_prefixes *prefixes)
{
    struct client_tracking *tracking = &session->tracking;
    struct tracking_order *order;

    if (prefixes->count == 0)
        return;
    order = memory_alloc(sessions->memory, sizeof *order + names_bytes(prefixes));
    memory_recharge(sessions->memory, NULL, order);
    *order = (struct tracking_order){
        .next = sessions->left,
        .reader = {session->id, tracking->home, tracking->generation},
        .count = prefixes->count,
        .bytes = sizeof *order + names_bytes(prefixes),
    };
    write_names((char *)(order + 1), prefixes);
    sessions->left = order;
}

/* The session */

static bool remembers(const struct client_tracking *tracking)
{
    if (!tracking->on || tracking->options.broadcast)
        return false;
    if (tracking->options.opt_in)
        return tracking->caching;
    return !tracking->options.opt_out || !tracking->caching;
}

void client_tracking_begin(struct sessions *sessions, struct session *session, const struct tracking_options *options,
                           int redirect_home)
{
    struct client_tracking *tracking = &session->tracking;

    sessions->tracking += !tracking->on;
    tracking->on = true;
    tracking->options = *options;
    tracking->redirect_home = (uint16_t)redirect_home;
    tracking->redirect_broken = false;
    session->tracks = remembers(tracking);
}

void client_tracking_take_prefixes(struct session *session, const struct tracking_order *order, const char *names)
{
    for (int i = 0; i < order->count; i++)
        add_prefix(session->memory, &session->tracking.prefixes, tracking_order_next(&names));
}

void client_tracking_refuse_prefixes(struct sessions *sessions, struct session *session,
                                     const struct tracking_order *order, const char *names)
{
    struct tracking_prefixes fresh = {0};

    for (int i = 0; i < order->count; i++) {
        struct str name = tracking_order_next(&names);

        if (i >= order->kept)
            add_prefix(sessions->memory, &fresh, name);
    }
    leave(sessions, session, &fresh);
    free_prefixes(sessions->memory, &fresh);
}

void client_tracking_end(struct sessions *sessions, struct session *session)
{
    struct client_tracking *tracking = &session->tracking;

    leave(sessions, session, &tracking->prefixes);
    free_prefixes(session->memory, &tracking->prefixes);
    sessions->tracking -= tracking->on;
    *tracking = (struct client_tracking){.home = tracking->home, .generation = tracking->generation};
    session->tracks = false;
}

struct tracking_order *sessions_take_left(struct sessions *sessions)
{
    struct tracking_order *order = sessions->left;

    if (order)
        sessions->left = order->next;
    return order;
}

void client_tracking_set_caching(struct session *session, const struct command *command)
{
    session->tracking.caching = true;
    session->tracking.caching_container = command->parent;
    session->tracks = remembers(&session->tracking);
}

void client_tracking_note_command(struct session *session, const struct command *command)
{
    bool is_client = command->parent && command->parent == session->tracking.caching_container;

    if (!is_client && (!session_is_queuing(session) || command->flags & CMD_EXECUTES))
        client_tracking_end_caching(session);
}

void client_tracking_end_caching(struct session *session)
{
    session->tracking.caching = false;
    session->tracks = remembers(&session->tracking);
}

/* What is told */

void tracking_write_invalidation(struct reply *reply, bool as_message, int64_t count, struct str bulks)
{
    if (reply->protocol == 2 && !as_message)
        return;
    if (reply->protocol == 3) {
        reply_push(reply, 2);
        reply_bulk(reply, STR("invalidate"));
    } else {
        reply_array(reply, 3);
        reply_bulk(reply, STR("message"));
        reply_bulk(reply, STR("__redis__:invalidate"));
    }
    if (count < 0) {
        reply_null(reply);
        return;
    }
    reply_array(reply, count);
    reply_raw(reply, bulks);
}

void tracking_write_broken(struct reply *reply, uint64_t redirect)
{
    if (reply->protocol == 2)
        return;
    reply_push(reply, 2);
    reply_bulk(reply, STR("tracking-redir-broken"));
    reply_integer(reply, (int64_t)redirect);
}
