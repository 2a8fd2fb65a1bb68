#include "core/reclaim.h"

#include "core/entry_build.h"
#include "core/expiry.h"
#include "core/memory.h"
#include "core/table.h"
#include "core/value.h"

enum {
    ITEMS_AT_ONCE = 64, /* a value of so many is freed by the command that drops it */
    INDEX_ITEMS = 16,   /* of the expiry index, freed in the time that one key takes */
};

struct detached_database {
    struct detached_database *next;
    struct table table;
    struct expiry expiry;
    uint64_t cursor;
    bool indexed; /* the expiry index is yet to be freed; it goes first */
};

struct detached_value {
    struct detached_value *next;
    const struct value_kind *kind;
    void *value;
    size_t left; /* its items, as counted in reclaim->left */
};

void reclaim_take_database(struct reclaim *reclaim, struct table *table, struct expiry *expiry)
{
    struct detached_database *detached = memory_alloc(reclaim->memory, sizeof(*detached));

    *detached =
        (struct detached_database){.next = reclaim->databases, .table = *table, .expiry = *expiry, .indexed = true};
    reclaim->databases = detached;
    reclaim->left += table->count;
    reclaim->objects += table->count;
}

static void detach_value(struct reclaim *reclaim, const struct value_kind *kind, void *value, size_t items)
{
    struct detached_value *detached = memory_alloc(reclaim->memory, sizeof(*detached));

    *detached = (struct detached_value){reclaim->values, kind, value, items};
    reclaim->values = detached;
    reclaim->left += items;
    reclaim->objects++;
}

/* Returns how many items were freed. */
static size_t take_value(struct reclaim *reclaim, const struct value_kind *kind, void *value, size_t at_once)
{
    size_t items = kind->items(value);

    if (items > at_once) {
        detach_value(reclaim, kind, value, items);
        return 0;
    }
    value_destroy(kind, reclaim->memory, value);
    return items;
}

static size_t take_entry(struct reclaim *reclaim, struct entry *entry, size_t at_once)
{
    const struct value_kind *kind;
    void *value = entry_dismantle(reclaim->memory, entry, &kind);

    return value ? take_value(reclaim, kind, value, at_once) : 0;
}

void reclaim_take_value(struct reclaim *reclaim, const struct value_kind *kind, void *value)
{
    take_value(reclaim, kind, value, ITEMS_AT_ONCE);
}

void reclaim_take_entry(struct reclaim *reclaim, struct entry *entry)
{
    take_entry(reclaim, entry, ITEMS_AT_ONCE);
}

/* One slice: what it is allowed and what it has done, in keys or items. */
struct slice {
    struct reclaim *reclaim;
    size_t most, done;
};

/* One step of the value that is first. Where it had more items than it said, nobody
 * knows how many have gone: the slice ends. */
static void drain_first_value(struct slice *slice)
{
    struct reclaim *reclaim = slice->reclaim;
    struct detached_value *first = reclaim->values;
    size_t before = first->left;

    first->left = first->kind->drain(reclaim->memory, first->value, slice->most - slice->done);
    reclaim->left += first->left - before;
    slice->done += first->left < before ? before - first->left : slice->most;
    if (first->left > 0)
        return;
    reclaim->values = first->next;
    reclaim->objects--;
    memory_free(reclaim->memory, first);
}

/* A step hands over all keys of some buckets, however little is left of the slice: then only their small values are freed. */
static void free_item(void *context, void *item)
{
    struct slice *slice = context;

    slice->reclaim->left--;
    slice->reclaim->objects--;
    slice->done += 1 + take_entry(slice->reclaim, item, slice->done < slice->most ? ITEMS_AT_ONCE : 1);
}

static void drain_index(struct slice *slice, struct detached_database *detached)
{
    size_t before = expiry_count(&detached->expiry) + expiry_count_items(&detached->expiry);
    size_t left = expiry_drain(&detached->expiry, (slice->most - slice->done) * INDEX_ITEMS);

    slice->done += 1 + (before - left) / INDEX_ITEMS;
    detached->indexed = left > 0;
}

/* One step of the database that is first, which ends with the database itself. */
static void drain_first_database(struct slice *slice)
{
    struct reclaim *reclaim = slice->reclaim;
    struct detached_database *detached = reclaim->databases;

    if (detached->indexed) {
        drain_index(slice, detached);
        return;
    }
    detached->cursor = table_drain(&detached->table, detached->cursor, free_item, slice);
    slice->done++; /* empty buckets take their time too */
    if (detached->cursor != 0)
        return;
    reclaim->databases = detached->next;
    memory_free(reclaim->memory, detached);
}

size_t reclaim_step(struct reclaim *reclaim, size_t most)
{
    struct slice slice = {.reclaim = reclaim, .most = most};

    while (slice.done < most && (reclaim->values || reclaim->databases)) {
        if (reclaim->values)
            drain_first_value(&slice);
        else
            drain_first_database(&slice);
    }
    return reclaim->left + (reclaim->databases != NULL);
}
