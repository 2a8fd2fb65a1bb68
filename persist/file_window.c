#include "persist/file_window.h"

#include "core/assert.h"

enum { ROOM_LEAST = 64 * 1024, KEPT_MOST = 1024 * 1024 };

void file_window_init(struct file_window *window, struct memory *memory, uint64_t file_bytes)
{
    *window = (struct file_window){.file_bytes = file_bytes};
    buffer_init(&window->bytes, memory, NULL, 0);
    buffer_reserve(&window->bytes, ROOM_LEAST);
}

void file_window_deinit(struct file_window *window)
{
    buffer_deinit(&window->bytes);
}

/* What a large record needed is given back once there is little left. */
static void shrink(struct buffer *buffer)
{
    struct buffer smaller;

    if (buffer->capacity <= KEPT_MOST || buffer->length > buffer->capacity / 8)
        return;
    buffer_init(&smaller, buffer->memory, NULL, 0);
    buffer_append_str(&smaller, buffer_str(buffer));
    buffer_deinit(buffer);
    *buffer = smaller;
}

char *file_window_room(struct file_window *window, size_t *bytes)
{
    struct buffer *buffer = &window->bytes;

    buffer_consume(buffer, window->passed);
    window->offset += window->passed;
    window->passed = 0;
    shrink(buffer);
    char *room = buffer_reserve(buffer, buffer->length > ROOM_LEAST ? buffer->length : ROOM_LEAST);
    *bytes = buffer->capacity - buffer->length;
    return room;
}

void file_window_filled(struct file_window *window, size_t bytes)
{
    ASSERT(bytes <= window->bytes.capacity - window->bytes.length);
    window->bytes.length += bytes;
}

void file_window_filled_all(struct file_window *window)
{
    window->file_bytes = window->offset + window->bytes.length;
}
