/* Keys of any type: whether they are there, and their removal. */
#include "core/handlers.h"

#include "core/call.h"
#include "core/change.h"

static void delete_keys(struct call *call)
{
    int64_t deleted = 0;

    for (int i = 1; i < call->argc; i++)
        deleted += call_delete(call, call->argv[i]);
    reply_integer(call->reply, deleted);
}

void cmd_del(struct call *call)
{
    delete_keys(call);
}

/* Large values are freed later in either case, so there is nothing to do differently. */
void cmd_unlink(struct call *call)
{
    delete_keys(call);
}

static void count_keys(struct call *call, bool note_access)
{
    int64_t count = 0;

    for (int i = 1; i < call->argc; i++)
        count += call_find_any(call, call->argv[i], note_access) != NULL;
    reply_integer(call->reply, count);
}

void cmd_exists(struct call *call)
{
    count_keys(call, false);
}

/* The one read whose purpose is the access clock: CLIENT NO-TOUCH does not hold for it. */
void cmd_touch(struct call *call)
{
    call->no_touch = false;
    count_keys(call, true);
}

void cmd_type(struct call *call)
{
    const struct entry *entry = call_find_any(call, call->argv[1], false);

    reply_simple(call->reply, entry ? value_type_name(entry_type(entry)) : "none");
}

/* RANDOMKEY draws a keyspace with a chance in proportion to its keys, then one of these. */

/* NULL: no keyspace in reach has keys. */
static struct keyspace *draw_keyspace(struct call *call)
{
    struct keyspaces all = call_keyspaces(call);
    uint64_t total = 0, drawn;
    int at = 0;

    for (int i = 0; i < all.count; i++)
        total += keyspace_count(all.items[i], call->db);
    if (total == 0)
        return NULL;
    drawn = keyspace_random_bits(call->core->keyspace) % total;
    while (drawn >= keyspace_count(all.items[at], call->db))
        drawn -= keyspace_count(all.items[at++], call->db);
    return all.items[at];
}

/* A keyspace whose last keys have just expired gives none, and then counts none. */
void cmd_randomkey(struct call *call)
{
    struct keyspace *keyspace;

    while ((keyspace = draw_keyspace(call)) != NULL) {
        const struct entry *entry = keyspace_random(keyspace, call->db, call->now_ms);

        if (entry != NULL) {
            reply_bulk(call->reply, entry_key(entry));
            return;
        }
    }
    reply_null(call->reply);
}
