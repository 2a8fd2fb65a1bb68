#include "shards/spsc.h"

#include "core/memory.h"

struct spsc *spsc_create(struct memory *memory, uint32_t slots)
{
    ASSERT(slots != 0 && (slots & (slots - 1)) == 0);
    struct spsc *ring = memory_alloc_aligned(memory, sizeof *ring + slots * sizeof ring->slots[0], CACHE_LINE);

    atomic_init(&ring->pushed, 0);
    atomic_init(&ring->popped, 0);
    ring->mask = slots - 1;
    return ring;
}
