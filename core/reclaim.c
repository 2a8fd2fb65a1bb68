#include "core/reclaim.h"

#include "core/entry_build.h"
#include "core/expiry.h"
#include "core/memory.h"
#include "core/table.h"

enum {
    LARGE_BYTES = 1024 * 1024, /* from here on, returning the pages takes longer than a command */
    BYTES_A_KEY = 16 * 1024,   /* returned to the system in the time that one key takes */
    ITEMS_A_KEY = 16,          /* of the expiry index, freed in that time */
};

struct detached {
    struct detached *next;
    struct table table;
    struct expiry expiry;
    uint64_t cursor;
    bool indexed; /* the expiry index is yet to be freed; it goes first */
};

struct doomed {
    struct doomed *next;
};

void reclaim_take_database(struct reclaim *reclaim, struct table *table, struct expiry *expiry)
{
    struct detached *detached = memory_alloc(reclaim->memory, sizeof(*detached));

    *detached = (struct detached){.next = reclaim->databases, .table = *table, .expiry = *expiry, .indexed = true};
    reclaim->databases = detached;
    reclaim->left += table->count;
}

void reclaim_take_entry(struct reclaim *reclaim, struct entry *entry)
{
    struct doomed *block = (struct doomed *)entry_take_block(entry, LARGE_BYTES);

    entry_destroy(reclaim->memory, entry);
    if (block == NULL)
        return;
    block->next = reclaim->blocks;
    reclaim->blocks = block;
    reclaim->left++;
}

/* One slice: what it is allowed and what it has done, in keys. */
struct slice {
    struct reclaim *reclaim;
    size_t most, done;
};

static void free_block(struct slice *slice)
{
    struct doomed *block = slice->reclaim->blocks;

    slice->reclaim->blocks = block->next;
    slice->reclaim->left--;
    slice->done += 1 + memory_block_bytes(block) / BYTES_A_KEY;
    memory_free(slice->reclaim->memory, block);
}

static void free_item(void *context, void *item)
{
    struct slice *slice = context;

    slice->done++;
    slice->reclaim->left--;
    reclaim_take_entry(slice->reclaim, item);
}

static void drain_index(struct slice *slice, struct detached *detached)
{
    size_t before = expiry_count(&detached->expiry);
    size_t left = expiry_drain(&detached->expiry, (slice->most - slice->done) * ITEMS_A_KEY);

    slice->done += 1 + (before - left) / ITEMS_A_KEY;
    detached->indexed = left > 0;
}

/* One step of the database that is first, which ends with the database itself. */
static void drain_first_database(struct slice *slice)
{
    struct reclaim *reclaim = slice->reclaim;
    struct detached *detached = reclaim->databases;

    if (detached->indexed) {
        drain_index(slice, detached);
        return;
    }
    detached->cursor = table_drain(&detached->table, detached->cursor, free_item, slice);
    slice->done++; /* the segment takes its time too */
    if (detached->cursor != 0)
        return;
    reclaim->databases = detached->next;
    memory_free(reclaim->memory, detached);
}

size_t reclaim_step(struct reclaim *reclaim, size_t most)
{
    struct slice slice = {.reclaim = reclaim, .most = most};

    while (slice.done < most && (reclaim->blocks || reclaim->databases)) {
        if (reclaim->blocks)
            free_block(&slice);
        else
            drain_first_database(&slice);
    }
    return reclaim->left + (reclaim->databases != NULL);
}
