#include "core/client_tracking.h"

#include <stdlib.h>

#include "core/command.h"
#include "core/memory.h"
#include "core/resp_write.h"
#include "core/session.h"
#include "core/transaction.h"

/* Prefixes */

static struct str copy_name(struct memory *memory, struct str name)
{
    char *copy = memory_alloc(memory, name.length + 1);

    str_copy(copy, name);
    return (struct str){copy, name.length};
}

static int compare(const void *a, const void *b)
{
    return str_compare(*(const struct str *)a, *(const struct str *)b);
}

/* Equal ones lie side by side. */
static void drop_copies(struct memory *memory, struct tracking_prefixes *prefixes)
{
    int kept = 0;

    for (int i = 0; i < prefixes->count; i++) {
        if (kept > 0 && str_equal(prefixes->names[kept - 1], prefixes->names[i]))
            memory_free(memory, (char *)(uintptr_t)prefixes->names[i].bytes);
        else
            prefixes->names[kept++] = prefixes->names[i];
    }
    prefixes->count = kept;
}

/* The next so many of an order. */
static void add_prefixes(struct memory *memory, struct tracking_prefixes *prefixes, const char *names, int count)
{
    if (count == 0)
        return;
    prefixes->names = memory_resize(memory, prefixes->names, (size_t)(prefixes->count + count) * sizeof(struct str));
    for (int i = 0; i < count; i++)
        prefixes->names[prefixes->count++] = copy_name(memory, tracking_order_next(&names));
    qsort(prefixes->names, (size_t)prefixes->count, sizeof(struct str), compare);
    drop_copies(memory, prefixes);
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

/* As `about` says, with these names behind it. */
static struct tracking_order *create_order(struct memory *memory, struct tracking_order about,
                                           const struct tracking_prefixes *kept, const struct tracking_prefixes *wanted)
{
    about.count = kept->count + wanted->count;
    about.kept = kept->count;
    about.bytes = sizeof about + names_bytes(kept) + names_bytes(wanted);
    struct tracking_order *order = memory_alloc(memory, about.bytes);
    *order = about;
    write_names(write_names((char *)(order + 1), kept), wanted);
    return order;
}

struct tracking_order *tracking_order_create(struct memory *memory, struct session *session, int home,
                                             const struct tracking_options *options,
                                             const struct tracking_prefixes *wanted)
{
    struct client_tracking *tracking = &session->tracking;

    session->stays = true;
    tracking->home = (uint16_t)home;
    struct tracking_reader reader = {session->id, (uint16_t)home, ++tracking->generation};
    return create_order(memory, (struct tracking_order){.reader = reader, .options = *options}, &tracking->prefixes,
                        wanted);
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
    const struct client_tracking *tracking = &session->tracking;
    struct tracking_reader reader = {session->id, tracking->home, tracking->generation};

    if (prefixes->count == 0)
        return;
    struct tracking_order about = {.next = sessions->left, .reader = reader};
    sessions->left = create_order(sessions->memory, about, &(struct tracking_prefixes){0}, prefixes);
    memory_recharge(sessions->memory, NULL, sessions->left);
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
    session->stays = tracking->on = true;
    tracking->options = *options;
    tracking->redirect_home = (uint16_t)redirect_home;
    tracking->redirect_broken = false;
    session->tracks = remembers(tracking);
}

void client_tracking_take_prefixes(struct session *session, const struct tracking_order *order, const char *names)
{
    add_prefixes(session->memory, &session->tracking.prefixes, names, order->count);
}

void client_tracking_refuse_prefixes(struct sessions *sessions, struct session *session,
                                     const struct tracking_order *order, const char *names)
{
    struct tracking_prefixes fresh = {0};

    for (int i = 0; i < order->kept; i++)
        tracking_order_next(&names);
    add_prefixes(sessions->memory, &fresh, names, order->count - order->kept);
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
