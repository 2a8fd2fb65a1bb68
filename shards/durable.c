#include "shards/durable.h"

#include "core/memory.h"

void durable_init(struct durable *durable, struct memory *memory, int shards)
{
    durable->count = shards;
    durable->marks = memory_alloc_aligned(memory, (size_t)shards * sizeof *durable->marks, CACHE_LINE);
    atomic_init(&durable->safe, 0);
    atomic_init(&durable->said, 0);
    atomic_init(&durable->waiting, 0);
    atomic_init(&durable->awaited, 0);
    atomic_init(&durable->failing, 0);
    atomic_init(&durable->error, 0);
    atomic_init(&durable->behind, 0);
    for (int i = 0; i < shards; i++) {
        atomic_init(&durable->marks[i].until, 0);
        atomic_init(&durable->marks[i].last, 0);
        atomic_init(&durable->marks[i].synced, 0);
        atomic_init(&durable->marks[i].before[0], 0);
        atomic_init(&durable->marks[i].before[1], 0);
        atomic_init(&durable->marks[i].begun, 0);
        atomic_init(&durable->marks[i].kept_until, 0);
        atomic_init(&durable->marks[i].waits, false);
        atomic_init(&durable->marks[i].bytes, 0);
    }
}

void durable_deinit(struct durable *durable, struct memory *memory)
{
    memory_free(memory, durable->marks);
}

void durable_reach(struct durable *durable, int shard, uint64_t until)
{
    struct durable_mark *mark = &durable->marks[shard];

    /* Released: the records up to it are in its last. */
    if (until > atomic_load_explicit(&mark->until, memory_order_relaxed))
        atomic_store_explicit(&mark->until, until, memory_order_release);
}

uint64_t durable_known(const struct durable *durable)
{
    uint64_t known = UINT64_MAX;

    for (int i = 0; i < durable->count; i++) {
        uint64_t until = atomic_load_explicit(&durable->marks[i].until, memory_order_acquire);

        known = until < known ? until : known;
    }
    return known;
}

uint64_t durable_newest(const struct durable *durable)
{
    uint64_t newest = 0;

    for (int i = 0; i < durable->count; i++) {
        uint64_t last = atomic_load_explicit(&durable->marks[i].last, memory_order_acquire);

        newest = last > newest ? last : newest;
    }
    return newest;
}

/* Of what is in segments of that generation and earlier ones. */
static uint64_t until_in(const struct durable_mark *mark, uint64_t generation)
{
    /* Acquired: who has said more since it began anew is seen to have begun. */
    uint64_t until = atomic_load_explicit(&mark->until, memory_order_acquire);

    return atomic_load_explicit(&mark->begun, memory_order_acquire) <= generation
               ? until
               : atomic_load_explicit(&mark->kept_until, memory_order_relaxed);
}

void durable_claim(const struct durable *durable, struct durable_claim *claim, uint64_t generation)
{
    claim->known = UINT64_MAX;
    for (int i = 0; i < durable->count; i++) {
        uint64_t until = until_in(&durable->marks[i], generation);

        claim->known = until < claim->known ? until : claim->known;
    }
    for (int i = 0; i < durable->count; i++)
        claim->last[i] = atomic_load_explicit(&durable->marks[i].last, memory_order_acquire);
}

bool durable_claim_holds(const struct durable *durable, const struct durable_claim *claim)
{
    for (int i = 0; i < durable->count; i++)
        if (atomic_load_explicit(&durable->marks[i].synced, memory_order_acquire) < claim->last[i])
            return false;
    return true;
}

static void raise(_Atomic(uint64_t) *stamp, uint64_t to)
{
    uint64_t now = atomic_load_explicit(stamp, memory_order_relaxed);

    while (now < to &&
           !atomic_compare_exchange_weak_explicit(stamp, &now, to, memory_order_acq_rel, memory_order_relaxed))
        ;
}

void durable_raise(struct durable *durable, uint64_t safe)
{
    raise(&durable->safe, safe);
}

void durable_say(struct durable *durable, uint64_t known)
{
    raise(&durable->said, known);
}

void durable_synced(struct durable *durable, int shard, uint64_t stamp)
{
    atomic_store_explicit(&durable->marks[shard].synced, stamp, memory_order_release);
}

void durable_begin_anew(struct durable *durable, int shard, uint64_t generation)
{
    struct durable_mark *mark = &durable->marks[shard];

    atomic_store_explicit(&mark->kept_until, atomic_load_explicit(&mark->until, memory_order_relaxed),
                          memory_order_relaxed);
    atomic_store_explicit(&mark->begun, generation, memory_order_release);
}

void durable_begin_segment(struct durable *durable, int shard, uint64_t generation, uint64_t before)
{
    atomic_store_explicit(&durable->marks[shard].before[generation % 2], before, memory_order_release);
}

uint64_t durable_last_in_segment(const struct durable *durable, const struct durable_claim *claim, int shard,
                                 uint64_t generation)
{
    const struct durable_mark *mark = &durable->marks[shard];
    uint64_t before = atomic_load_explicit(&mark->before[generation % 2], memory_order_acquire);

    return claim->last[shard] > before ? claim->last[shard] : 0;
}

void durable_wait(struct durable *durable, int shard, bool waits)
{
    struct durable_mark *mark = &durable->marks[shard];

    if (atomic_load_explicit(&mark->waits, memory_order_relaxed) == waits)
        return;
    atomic_store_explicit(&mark->waits, waits, memory_order_relaxed);
    atomic_fetch_add_explicit(&durable->waiting, waits ? 1 : -1, memory_order_relaxed);
    /* Pairs with the fence in durable_each_waiting: we say that we wait, then look; they change marks, then look. */
    atomic_thread_fence(memory_order_seq_cst);
}

void durable_each_waiting(struct durable *durable, void (*visit)(void *context, int shard), void *context)
{
    atomic_thread_fence(memory_order_seq_cst);
    if (atomic_load_explicit(&durable->waiting, memory_order_relaxed) == 0)
        return;
    for (int i = 0; i < durable->count; i++)
        if (atomic_load_explicit(&durable->marks[i].waits, memory_order_relaxed))
            visit(context, i);
}
