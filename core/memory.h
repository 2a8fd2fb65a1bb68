/* Every allocation of the server, over mimalloc, counted for its owner.
 *
 * Whoever allocates or frees names the account that is charged. A shard has a
 * few; a container with many blocks has its own, below the keyspace's, so that
 * what it takes is known at once and it can change the shard without a walk
 * over its blocks. An account belongs to the shard's thread, or to the thread
 * that executes a gather while that shard is parked: never to two at once.
 * A block may be freed by another thread than the one that allocated it.
 * No function returns NULL: when the system has no memory left, the process
 * says so in the log and aborts (limits are refused before, see maxmemory). */
#ifndef CORE_MEMORY_H
#define CORE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* All zeros: an account of nobody else's. */
struct memory {
    size_t used_bytes;     /* usable bytes of all live blocks, allocator's rounding included */
    size_t peak_bytes;     /* kept where there is no parent */
    struct memory *parent; /* charged too for all that is charged here; may be NULL */
};

void memory_init(struct memory *memory, struct memory *parent);
/* The parent is charged no longer for all that is charged here, the new one is. Either may be NULL. */
void memory_move_account(struct memory *memory, struct memory *parent);

void *memory_alloc(struct memory *memory, size_t bytes);
void *memory_alloc_zeroed(struct memory *memory, size_t bytes);
/* aligned: a power of two of at most 4096. Freed by memory_free. */
void *memory_alloc_aligned(struct memory *memory, size_t bytes, size_t aligned);
/* As realloc: block may be NULL, the result owns the bytes. */
void *memory_resize(struct memory *memory, void *block, size_t bytes);
/* NULL is allowed. */
void memory_free(struct memory *memory, void *block);
/* Bytes that the block really holds, at least what was asked for. */
size_t memory_block_bytes(const void *block);

/* A block of zeros that begins with an account of its own, which is charged for
 * the block too: a container's head. memory_free(account, account) ends both. */
struct memory *memory_alloc_account(struct memory *parent, size_t bytes);

/* Moves the charge of a live block from one owner to another. Either may be NULL: a block that travels
 * between shards is charged to nobody meanwhile. */
void memory_recharge(struct memory *from, struct memory *to, const void *block);

/* How soon what is free goes back to the system: once, before any thread starts. */
void memory_prepare(void);
/* Whether it does without delay: while somebody, of whatever thread, has asked for that, as much is freed. */
void memory_free_at_once(bool on);
/* Gives unused pages of the calling thread's heap back to the system. */
void memory_purge(void);

/* The allocator's name, and its own report in pieces of text. */
const char *memory_allocator_name(void);
void memory_report(void (*print)(const char *text, void *context), void *context);

#endif
