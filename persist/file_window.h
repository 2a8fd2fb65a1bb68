/* The part of a file that is being read, as its bytes come in pieces of any size.
 *
 * Who has the file asks for room, fills it, and says when that was all; who reads
 * looks at the bytes that are there, and passes over them when it has understood
 * them. The window grows by doubling as long as nobody passes over anything, never
 * to a size that the file names, and shrinks again. Belongs to one thread. */
#ifndef PERSIST_FILE_WINDOW_H
#define PERSIST_FILE_WINDOW_H

#include <stdint.h>

#include "core/buffer.h"

#define FILE_BYTES_UNKNOWN UINT64_MAX

struct file_window {
    struct buffer bytes;
    size_t passed;       /* of those */
    uint64_t offset;     /* where they begin in the file */
    uint64_t file_bytes; /* FILE_BYTES_UNKNOWN until it is known */
};

void file_window_init(struct file_window *window, struct memory *memory, uint64_t file_bytes);
void file_window_deinit(struct file_window *window);

/* Where the file's next bytes go, and how many there is room for, at least one. What was read moves, or goes. */
char *file_window_room(struct file_window *window, size_t *bytes);
/* So many have come. */
void file_window_filled(struct file_window *window, size_t bytes);
/* There are no more. */
void file_window_filled_all(struct file_window *window);

/* What is there to be read. */
static inline struct str file_window_rest(const struct file_window *window)
{
    return (struct str){window->bytes.bytes + window->passed, window->bytes.length - window->passed};
}
static inline void file_window_pass(struct file_window *window, size_t bytes)
{
    window->passed += bytes;
}
/* Where that is in the file. */
static inline uint64_t file_window_offset(const struct file_window *window)
{
    return window->offset + window->passed;
}
/* How many bytes may come behind it. */
static inline uint64_t file_window_to_come(const struct file_window *window)
{
    uint64_t have = window->offset + window->bytes.length;

    return have < window->file_bytes ? window->file_bytes - have : 0;
}

#endif
