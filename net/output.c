#include "net/output.h"

#include "core/assert.h"
#include "core/memory.h"

enum { POOL_MOST = 64 };

void output_pool_init(struct output_pool *pool, struct memory *memory)
{
    *pool = (struct output_pool){.memory = memory};
}

void output_pool_deinit(struct output_pool *pool)
{
    while (pool->free) {
        struct output_chunk *chunk = pool->free;

        pool->free = chunk->next;
        memory_free(pool->memory, chunk);
    }
}

/* A chunk with storage for small replies. */
static struct output_chunk *chunk_take(struct output_pool *pool)
{
    struct output_chunk *chunk = pool->free;

    if (chunk) {
        pool->free = chunk->next;
        pool->free_count--;
    } else {
        chunk = memory_alloc(pool->memory, sizeof *chunk + OUTPUT_CHUNK_BYTES);
    }
    buffer_init(&chunk->buffer, pool->memory, chunk->storage, OUTPUT_CHUNK_BYTES);
    return chunk;
}

static void chunk_give_back(struct output_pool *pool, struct output_chunk *chunk)
{
    bool has_storage = !chunk->buffer.heap;

    buffer_deinit(&chunk->buffer);
    if (!has_storage || pool->free_count == POOL_MOST) {
        memory_free(pool->memory, chunk);
        return;
    }
    chunk->next = pool->free;
    pool->free = chunk;
    pool->free_count++;
}

void output_init(struct output *output, struct output_pool *pool)
{
    *output = (struct output){.pool = pool};
}

static void drop_first(struct output *output)
{
    struct output_chunk *chunk = output->first;

    output->bytes -= chunk->buffer.length;
    output->chunks--;
    output->leaving -= output->leaving > 0;
    output->sealed -= output->sealed > 0;
    output->first = chunk->next;
    if (!output->first)
        output->last = NULL;
    chunk_give_back(output->pool, chunk);
}

void output_deinit(struct output *output)
{
    while (output->first)
        drop_first(output);
}

static void add_chunk(struct output *output, struct output_chunk *chunk)
{
    chunk->next = NULL;
    if (output->last)
        output->last->next = chunk;
    else
        output->first = chunk;
    output->last = chunk;
    output->chunks++;
}

static void take_block(struct output *output, struct buffer *reply)
{
    struct output_chunk *chunk = memory_alloc(output->pool->memory, sizeof *chunk);

    ASSERT(reply->memory == output->pool->memory);
    chunk->buffer = *reply;
    *reply = (struct buffer){.memory = reply->memory};
    add_chunk(output, chunk);
}

/* The last chunk, if it may not be sent yet and can take the bytes: what is let leave does not grow. */
static bool fits_last(const struct output *output, size_t bytes)
{
    const struct output_chunk *last = output->last;

    return last && output->chunks > output->leaving && output->chunks > output->sealed && !last->buffer.heap &&
           last->buffer.capacity - last->buffer.length >= bytes;
}

static void copy_to_last(struct output *output, struct str bytes)
{
    struct buffer *last = &output->last->buffer;

    str_copy(last->bytes + last->length, bytes); /* it fits */
    last->length += bytes.length;
}

void output_append(struct output *output, struct buffer *reply)
{
    if (reply->length == 0)
        return;
    output->bytes += reply->length;
    if (reply->heap && reply->length >= OUTPUT_TAKE_BYTES) {
        take_block(output, reply);
        return;
    }
    ASSERT(reply->length <= OUTPUT_CHUNK_BYTES);
    if (!fits_last(output, reply->length))
        add_chunk(output, chunk_take(output->pool));
    copy_to_last(output, buffer_str(reply));
}

void output_append_push(struct output *output, struct buffer *push)
{
    output->bytes += push->length;
    if (push->length < OUTPUT_TAKE_BYTES && fits_last(output, push->length))
        copy_to_last(output, buffer_str(push));
    else
        take_block(output, push);
}

int output_start_send(struct output *output, struct iovec vectors[static OUTPUT_VECTORS])
{
    struct output_chunk *chunk = output->first;

    ASSERT(output->sending == 0);
    for (; chunk && output->sending < OUTPUT_VECTORS && output->sending < output->leaving; chunk = chunk->next)
        vectors[output->sending++] = (struct iovec){chunk->buffer.bytes, chunk->buffer.length};
    return output->sending;
}

void output_sent(struct output *output)
{
    for (; output->sending > 0; output->sending--)
        drop_first(output);
}
