#include "core/buffer.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include "core/assert.h"
#include "core/memory.h"

enum { HEAP_BYTES_MIN = 64 };

void buffer_deinit(struct buffer *buffer)
{
    if (buffer->heap)
        memory_free(buffer->memory, buffer->bytes);
    *buffer = (struct buffer){.memory = buffer->memory};
}

static size_t grown_capacity(const struct buffer *buffer, size_t extra)
{
    ASSERT(extra <= PTRDIFF_MAX / 2 && buffer->capacity <= PTRDIFF_MAX / 2);
    size_t needed = buffer->length + extra;
    size_t doubled = buffer->capacity * 2;

    if (needed < HEAP_BYTES_MIN)
        needed = HEAP_BYTES_MIN;
    return doubled > needed ? doubled : needed;
}

void buffer_grow(struct buffer *buffer, size_t extra)
{
    size_t capacity = grown_capacity(buffer, extra);

    if (buffer->heap) {
        buffer->bytes = memory_resize(buffer->memory, buffer->bytes, capacity);
    } else {
        char *block = memory_alloc(buffer->memory, capacity);
        if (buffer->length > 0)
            memcpy(block, buffer->bytes, buffer->length);
        buffer->bytes = block;
        buffer->heap = true;
    }
    /* The allocator's rounding is ours to use. */
    buffer->capacity = memory_block_bytes(buffer->bytes);
}

void buffer_append_format(struct buffer *buffer, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    buffer_append_arguments(buffer, format, arguments);
    va_end(arguments);
}

void buffer_append_arguments(struct buffer *buffer, const char *format, va_list arguments)
{
    char *end = buffer_reserve(buffer, 1); /* vsnprintf writes a terminator too */
    size_t room = buffer->capacity - buffer->length;
    va_list again;

    va_copy(again, arguments);
    int length = vsnprintf(end, room, format, arguments);
    ASSERT(length >= 0);
    if ((size_t)length >= room) {
        end = buffer_reserve(buffer, (size_t)length + 1);
        vsnprintf(end, (size_t)length + 1, format, again);
    }
    va_end(again);
    buffer->length += (size_t)length;
}

void buffer_consume(struct buffer *buffer, size_t length)
{
    ASSERT(length <= buffer->length);
    buffer->length -= length;
    if (length > 0 && buffer->length > 0)
        memmove(buffer->bytes, buffer->bytes + length, buffer->length);
}
