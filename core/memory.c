/* mimalloc, and an account beside it.
 *
 * The charge of a block is its usable size, which the allocator can tell again
 * when the block is freed, so no header of ours lies in front of it.
 * A sanitizer has to see every block, so its builds take libc's allocator,
 * which it has replaced. No other file includes an allocator. */
#include "core/memory.h"

#include <stdint.h>
#include <stdlib.h>

#include "core/assert.h"
#include "core/log.h"

#ifndef __has_feature
#define __has_feature(feature) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || __has_feature(address_sanitizer) ||               \
    __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)

#include <malloc.h>

#define heap_alloc malloc
#define heap_alloc_zeroed(bytes) calloc(1, bytes)
#define heap_alloc_aligned(bytes, aligned) memalign(aligned, bytes)
#define heap_resize realloc
#define heap_free free
#define heap_block_bytes(block) malloc_usable_size((void *)(block))
#define heap_purge()                                                                                                   \
    ((void)0) /* malloc_trim() would set up libc's own heap, unused so far, from several threads at once */
#define heap_prepare() ((void)0)
#define free_at_once(on) ((void)(on))
#define heap_name "libc"
#define heap_report(print, context) print("no report under a sanitizer\n", context)

#else

#include <mimalloc.h>
#include <stdatomic.h>

#define heap_alloc mi_malloc
#define heap_alloc_zeroed mi_zalloc
#define heap_alloc_aligned mi_malloc_aligned
#define heap_resize mi_realloc
#define heap_free mi_free
#define heap_block_bytes mi_usable_size
#define heap_purge() mi_collect(true)
#define heap_prepare prepare_mimalloc
#define heap_name "mimalloc"
#define heap_report(print, context) mi_stats_print_out(print, context)

/* A page that is free goes back to the system after some milliseconds, and a segment at once. By default each page that
 * is freed puts off the others of its segment, so that a mass deletion gave back a quarter of what it freed: the rest
 * waits for a free in the same segment, which does not come. No delay at all would cost large values twice their time,
 * as their pages are used again at once: so that is for times when much is freed. What the environment says goes before
 * this. */
enum { PAGE_DELAY_MS = 4 };

#if MI_MALLOC_VERSION >= 210
static const mi_option_t page_delay = mi_option_purge_delay, put_off = mi_option_purge_extend_delay;
#else
static const mi_option_t page_delay = mi_option_decommit_delay, put_off = mi_option_decommit_extend_delay;
#endif

static void prepare_mimalloc(void)
{
    mi_option_set_default(page_delay, PAGE_DELAY_MS);
    mi_option_set_default(put_off, 0);
#if MI_MALLOC_VERSION < 210
    mi_option_set_default(mi_option_segment_decommit_delay, 0);
#endif
}

/* How many ask for it. The option is the process's; one who sets it late is set right by the next. */
static _Atomic(int) askers;

static void free_at_once(bool on)
{
    int before = atomic_fetch_add(&askers, on ? 1 : -1);

    mi_option_set_default(page_delay, on || before > 1 ? 0 : PAGE_DELAY_MS);
}

#endif

enum { ALIGNED_MAX = 4096 };

static _Noreturn __attribute__((cold, noinline)) void out_of_memory(size_t bytes)
{
    log_write(LOG_WARNING, "Out Of Memory allocating %zu bytes!", bytes);
    abort();
}

static inline void charge(struct memory *memory, size_t bytes)
{
    for (; memory->parent; memory = memory->parent)
        memory->used_bytes += bytes;
    memory->used_bytes += bytes;
    if (memory->used_bytes > memory->peak_bytes)
        memory->peak_bytes = memory->used_bytes;
}

static inline void discharge(struct memory *memory, size_t bytes)
{
    do {
        ASSERT(memory->used_bytes >= bytes);
        memory->used_bytes -= bytes;
        memory = memory->parent;
    } while (memory);
}

void memory_init(struct memory *memory, struct memory *parent)
{
    *memory = (struct memory){.parent = parent};
}

void memory_move_account(struct memory *memory, struct memory *parent)
{
    if (memory->parent)
        discharge(memory->parent, memory->used_bytes);
    memory->parent = parent;
    if (parent)
        charge(parent, memory->used_bytes);
}

static inline void *charge_block(struct memory *memory, void *block, size_t bytes)
{
    if (__builtin_expect(!block, 0))
        out_of_memory(bytes);
    charge(memory, heap_block_bytes(block));
    return block;
}

/* Larger requests cannot be met; refused here, they also raise no sanitizer's alarm. */
static inline void refuse_absurd(size_t bytes)
{
    if (__builtin_expect(bytes > PTRDIFF_MAX / 2, 0))
        out_of_memory(bytes);
}

void *memory_alloc(struct memory *memory, size_t bytes)
{
    refuse_absurd(bytes);
    return charge_block(memory, heap_alloc(bytes), bytes);
}

void *memory_alloc_zeroed(struct memory *memory, size_t bytes)
{
    refuse_absurd(bytes);
    return charge_block(memory, heap_alloc_zeroed(bytes), bytes);
}

void *memory_alloc_aligned(struct memory *memory, size_t bytes, size_t aligned)
{
    ASSERT(aligned > 0 && aligned <= ALIGNED_MAX && (aligned & (aligned - 1)) == 0);
    refuse_absurd(bytes);
    return charge_block(memory, heap_alloc_aligned(bytes, aligned), bytes);
}

void *memory_resize(struct memory *memory, void *block, size_t bytes)
{
    refuse_absurd(bytes);
    if (block)
        discharge(memory, heap_block_bytes(block));
    /* A size of 0 is a block too; realloc would free it. */
    return charge_block(memory, heap_resize(block, bytes ? bytes : 1), bytes);
}

void memory_free(struct memory *memory, void *block)
{
    if (!block)
        return;
    discharge(memory, heap_block_bytes(block));
    heap_free(block);
}

size_t memory_block_bytes(const void *block)
{
    return heap_block_bytes(block);
}

struct memory *memory_alloc_account(struct memory *parent, size_t bytes)
{
    struct memory *account = memory_alloc_zeroed(parent, bytes);

    ASSERT(bytes >= sizeof(*account));
    account->parent = parent;
    account->used_bytes = heap_block_bytes(account);
    return account;
}

void memory_recharge(struct memory *from, struct memory *to, const void *block)
{
    size_t bytes = heap_block_bytes(block);

    if (from)
        discharge(from, bytes);
    if (to)
        charge(to, bytes);
}

void memory_prepare(void)
{
    heap_prepare();
}

void memory_free_at_once(bool on)
{
    free_at_once(on);
}

void memory_purge(void)
{
    heap_purge();
}

const char *memory_allocator_name(void)
{
    return heap_name;
}

void memory_report(void (*print)(const char *text, void *context), void *context)
{
    heap_report(print, context);
}
