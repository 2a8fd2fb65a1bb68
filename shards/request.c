#include "shards/request.h"

#include <stdalign.h>

#include "core/assert.h"
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

static void pool_refill(struct request_pool *pool)
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

/* All but its arguments. */
static inline struct request *take(struct request_pool *pool, int protocol)
{
    if (!pool->free)
        pool_refill(pool);

    struct request *request = pool->free;

    pool->free = request->next;
    pool->live++;
    prefetch_for_writing(pool->free);
    request->message = (struct message){.kind = MESSAGE_REQUEST, .home = pool->home};
    request->no_touch = false;
    request->tracked = false;
    request->part = false;
    request->spent_ns = 0;
    request->slow = NULL;
    request->trial = 0;
    request->discard_reply = false;
    request->finished = false;
    request->key = 0;
    request->db = 0;
    request->session_id = 0;
    request->origin = NULL;
    request->session = NULL;
    request->scatter = NULL;
    request->transaction = NULL;
    request->watched = NULL;
    request->blocking = false;
    request->publishes = false;
    request->publishing = false;
    request->place = 0;
    request->next = NULL;
    request->argument_block = NULL;
    /* The executing shard may have to grow the reply: it charges its own counter, see shard_execute. */
    reply_init(&request->reply, pool->memory, request->bytes, REQUEST_BYTES, protocol);
    return request;
}

struct request *request_take(struct request_pool *pool, int argc, int protocol)
{
    struct request *request = take(pool, protocol);

    request->argc = argc;
    request->argv = request->argv_inline;
    if (argc > REQUEST_ARGV_INLINE)
        request->argv = memory_alloc(pool->memory, (size_t)argc * sizeof(struct str));
    request->arguments_owned = false;
    request->arguments_lent = false;
    return request;
}

struct request *request_take_lent(struct request_pool *pool, struct str *argv, int argc, int protocol)
{
    struct request *request = take(pool, protocol);

    request->argc = argc;
    request->argv = argv;
    request->arguments_owned = true;
    request->arguments_lent = true;
    return request;
}

void request_give_back(struct request_pool *pool, struct request *request)
{
    ASSERT(request->message.home == pool->home);
    buffer_deinit(&request->reply.buffer);
    if (__builtin_expect(request->slow != NULL, 0))
        slow_commands_free(&request->slow);
    if (request->argument_block)
        memory_free(pool->memory, request->argument_block);
    if (request->argv != request->argv_inline && !request->arguments_lent)
        memory_free(pool->memory, request->argv);
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

void request_own_arguments(struct request_pool *pool, struct request *request)
{
    size_t bytes = 0;

    if (request->arguments_owned)
        return;
    for (int i = 0; i < request->argc; i++)
        bytes += request->argv[i].length;

    char *to = own_storage(pool, request, bytes);

    for (int i = 0; i < request->argc; i++) {
        struct str *argument = &request->argv[i];

        memcpy(to, argument->bytes, argument->length);
        argument->bytes = to;
        to += argument->length;
    }
    request->arguments_owned = true;
}
