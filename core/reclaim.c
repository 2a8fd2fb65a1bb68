#include "core/reclaim.h"

#include "core/assert.h"
#include "core/entry_build.h"
#include "core/expiry.h"
#include "core/memory.h"
#include "core/table.h"

enum {
    LARGE_BYTES = 1024 * 1024, /* from here on, returning the pages takes longer than a command */
    BYTES_A_KEY = 16 * 1024,   /* returned to the system in the time that one key takes */
};

struct detached {
    struct detached *next;
    struct table table;
    struct expiry expiry;
    uint64_t cursor;
};

struct doomed {
    struct doomed *next;
};

/* The table of a detached database never changes, so its walk meets each entry
 * once and has no reason to ask for the hash of one that is freed already. */
static uint64_t no_hash(const void *item)
{
    ASSERT(!"the walk asked for a hash");
    return 0;
}

void reclaim_take_database(struct reclaim *reclaim, struct table *table, struct expiry *expiry)
{
    struct detached *detached = memory_alloc(reclaim->memory, sizeof(*detached));

    *detached = (struct detached){.next = reclaim->databases, .table = *table, .expiry = *expiry};
    detached->table.hash_of = no_hash;
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

static void free_first_database(struct reclaim *reclaim)
{
    struct detached *detached = reclaim->databases;

    reclaim->databases = detached->next;
    table_deinit(&detached->table);
    expiry_deinit(&detached->expiry);
    memory_free(reclaim->memory, detached);
}

static void walk_first_database(struct slice *slice)
{
    struct detached *detached = slice->reclaim->databases;

    while (slice->done < slice->most) {
        slice->done++; /* an empty bucket takes its time too */
        detached->cursor = table_scan(&detached->table, detached->cursor, free_item, slice);
        if (detached->cursor != 0)
            continue;
        free_first_database(slice->reclaim);
        return;
    }
}

size_t reclaim_step(struct reclaim *reclaim, size_t most)
{
    struct slice slice = {.reclaim = reclaim, .most = most};

    while (slice.done < most && (reclaim->blocks || reclaim->databases)) {
        if (reclaim->blocks)
            free_block(&slice);
        else
            walk_first_database(&slice);
    }
    return reclaim->left + (reclaim->databases != NULL);
}
