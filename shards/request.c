#include "shards/request.h"

#include <stdalign.h>

#include "core/assert.h"
#include "core/call.h"
#include "core/memory.h"
#include "core/slowlog.h"

enum {
    BLOCK_REQUESTS = 64,
    REQUEST_ARGUMENTS_MOST = REQUEST_BYTES - 64, /* the reply keeps room for a short answer */
};

struct request_block {
    struct request_block *next;
    alignas(64) struct request requests[BLOCK_REQUESTS];
};

void request_pool_init(struct request_pool *pool, struct memory *memory, uint16_t home)
{
    *pool = (struct request_pool){.memory = memory, .home = home};
}

void request_pool_deinit(struct request_pool *pool)
{
    while (pool->blocks) {
        struct request_block *block = pool->blocks;

        pool->blocks = block->next;
        memory_free(pool->memory, block);
    }
}

static __attribute__((noinline)) void pool_refill(struct request_pool *pool)
{
    struct request_block *block = memory_alloc_aligned(pool->memory, sizeof *block, 64);

    block->next = pool->blocks;
    pool->blocks = block;
    for (int i = BLOCK_REQUESTS - 1; i >= 0; i--) {
        struct request *request = &block->requests[i];

        request->next = pool->free;
        pool->free = request;
    }
}

/* The next request to be taken may have been on another shard: its lines have to come back before they are written. */
static inline void prefetch_for_writing(const struct request *request)
{
    const char *lines = (const char *)request;

    prefetch_to_write(lines);
    prefetch_to_write(lines + 64);
    prefetch_to_write(lines + 128);
    prefetch_to_write(lines + offsetof(struct request, arguments_owned));
}

/* All but its arguments. The pool has one. */
static inline __attribute__((always_inline)) struct request *take(struct request_pool *pool, int protocol)
{
    struct request *request = pool->free;

    pool->free = request->next;
    pool->live++;
    prefetch_for_writing(pool->free);
    request->message = (struct message){.kind = MESSAGE_REQUEST, .home = pool->home};
    /* In the order of the struct: those that lie together are written together. */
    request->db = 0;
    request->no_touch = false;
    request->part = CALL_WHOLE;
    request->hashed = false;
    request->tracked = false;
    request->key = 0;
    request->trial = 0;
    request->epoch = 0;
    request->session_id = 0;
    request->transaction = NULL;
    request->watched = NULL;
    request->spent_ns = 0;
    request->slow = NULL;
    request->discard_reply = false;
    request->finished = false;
    request->blocking = false;
    request->publishes = false;
    request->publishing = false;
    request->joined = false;
    request->may_flush = false;
    request->place = 0;
    request->next = NULL;
    request->origin = NULL;
    request->session = NULL;
    request->scatter = NULL;
    request->argument_block = NULL;
    /* The executing shard may have to grow the reply: it charges its own counter, see shard_execute. */
    reply_init(&request->reply, pool->memory, request->bytes, REQUEST_BYTES, protocol);
    return request;
}

static __attribute__((noinline)) struct request *refill_and_take(struct request_pool *pool, int argc, int protocol)
{
    pool_refill(pool);
    return request_take(pool, argc, protocol);
}

static __attribute__((noinline)) struct request *with_many_arguments(struct request_pool *pool, struct request *request)
{
    request->argv = memory_alloc(pool->memory, (size_t)request->argc * sizeof(struct str));
    return request;
}

/* What few need is called last, so that no register has to be saved for it. */
struct request *request_take(struct request_pool *pool, int argc, int protocol)
{
    if (__builtin_expect(!pool->free, 0))
        return refill_and_take(pool, argc, protocol);

    struct request *request = take(pool, protocol);

    request->argc = argc;
    request->argv = request->argv_inline;
    request->arguments_owned = false;
    request->arguments_lent = false;
    return __builtin_expect(argc > REQUEST_ARGV_INLINE, 0) ? with_many_arguments(pool, request) : request;
}

struct request *request_take_lent(struct request_pool *pool, struct str *argv, int argc, int protocol)
{
    if (!pool->free)
        pool_refill(pool);

    struct request *request = take(pool, protocol);

    request->argc = argc;
    request->argv = argv;
    request->arguments_owned = true;
    request->arguments_lent = true;
    return request;
}

/* What few requests have: blocks of their own. */
static __attribute__((noinline)) void free_blocks(struct request_pool *pool, struct request *request)
{
    buffer_deinit(&request->reply.buffer);
    if (request->slow)
        slow_commands_free(&request->slow);
    if (request->argument_block)
        memory_free(pool->memory, request->argument_block);
    if (request->argv != request->argv_inline && !request->arguments_lent)
        memory_free(pool->memory, request->argv);
}

static inline bool has_blocks(const struct request *request)
{
    return request->reply.buffer.heap || request->slow || request->argument_block ||
           (request->argv != request->argv_inline && !request->arguments_lent);
}

inline void request_give_back(struct request_pool *pool, struct request *request)
{
    ASSERT(request->message.home == pool->home);
    if (__builtin_expect(has_blocks(request), 0))
        free_blocks(pool, request);
    request->next = pool->free;
    pool->free = request;
    pool->live--;
}

/* Small arguments lie before the reply's first storage, close to it; large ones in a block of their own. */
static char *own_storage(struct request_pool *pool, struct request *request, size_t bytes)
{
    struct buffer *reply = &request->reply.buffer;

    if (bytes > REQUEST_ARGUMENTS_MOST || reply->length > 0 || reply->heap)
        return request->argument_block = memory_alloc(pool->memory, bytes);
    reply->bytes = request->bytes + bytes;
    reply->capacity = REQUEST_BYTES - bytes;
    return request->bytes;
}

static inline size_t joined_bytes(const struct request *request)
{
    const struct str *first = &request->argv[0], *last = &request->argv[request->argc - 1];

    return (size_t)(last->bytes + last->length - first->bytes);
}

static inline bool is_short_and_joined(const struct request *request)
{
    return request->joined && request->argc > 0 && joined_bytes(request) <= REQUEST_ARGUMENTS_MOST;
}

/* With what lies between them: one copy for all. */
static void own_joined(struct request_pool *pool, struct request *request)
{
    size_t bytes = joined_bytes(request);
    const char *from = request->argv[0].bytes;
    char *to = own_storage(pool, request, bytes);

    str_copy(to, (struct str){from, bytes});
    for (int i = 0; i < request->argc; i++)
        request->argv[i].bytes = to + (request->argv[i].bytes - from);
    request->arguments_owned = true;
}

void request_own_arguments(struct request_pool *pool, struct request *request)
{
    size_t bytes = 0;

    if (request->arguments_owned)
        return;
    if (is_short_and_joined(request)) {
        own_joined(pool, request);
        return;
    }
    for (int i = 0; i < request->argc; i++)
        bytes += request->argv[i].length;

    char *to = own_storage(pool, request, bytes);

    for (int i = 0; i < request->argc; i++) {
        struct str *argument = &request->argv[i];

        str_copy(to, *argument);
        argument->bytes = to;
        to += argument->length;
    }
    request->arguments_owned = true;
}
