/* A growable run of bytes with one owner.
 *
 * May start on storage that the owner lends (a request's inline bytes, say) and
 * moves to the heap when it outgrows it; buffer_deinit frees only the latter.
 * One thread at a time. */
#ifndef CORE_BUFFER_H
#define CORE_BUFFER_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "core/str.h"

struct memory;

struct buffer {
    char *bytes;
    size_t length;
    size_t capacity;
    struct memory *memory; /* charged for heap bytes */
    bool heap;             /* bytes is ours to free */
};

/* storage may be NULL with capacity 0: then nothing is allocated before the first byte. */
static inline void buffer_init(struct buffer *buffer, struct memory *memory, char *storage, size_t capacity)
{
    *buffer = (struct buffer){.bytes = storage, .capacity = capacity, .memory = memory};
}

void buffer_deinit(struct buffer *buffer);

/* Makes room for at least `extra` more bytes; grows by doubling. */
void buffer_grow(struct buffer *buffer, size_t extra);

/* Room for `bytes` more at the end; the caller fills it and adds to length. */
static inline char *buffer_reserve(struct buffer *buffer, size_t bytes)
{
    if (__builtin_expect(buffer->capacity - buffer->length < bytes, 0))
        buffer_grow(buffer, bytes);
    return buffer->bytes + buffer->length;
}

static inline void buffer_append(struct buffer *buffer, const void *bytes, size_t length)
{
    if (length == 0) /* then bytes may be NULL, which memcpy forbids */
        return;
    memcpy(buffer_reserve(buffer, length), bytes, length);
    buffer->length += length;
}

static inline void buffer_append_str(struct buffer *buffer, struct str str)
{
    buffer_append(buffer, str.bytes, str.length);
}

void buffer_append_format(struct buffer *buffer, const char *format, ...) PRINTF_LIKE(2, 3);
void buffer_append_arguments(struct buffer *buffer, const char *format, va_list arguments) PRINTF_LIKE(2, 0);

/* Drops the first `length` bytes, moving the rest down. */
void buffer_consume(struct buffer *buffer, size_t length);

static inline struct str buffer_str(const struct buffer *buffer)
{
    return (struct str){buffer->bytes, buffer->length};
}

#endif
