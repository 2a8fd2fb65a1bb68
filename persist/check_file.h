/* A file that shoal-check reads, from its beginning to its end, in pieces. */
#ifndef PERSIST_CHECK_FILE_H
#define PERSIST_CHECK_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/str.h"

struct check;
struct file_window;

struct check_file {
    const char *path; /* borrowed */
    int descriptor;
    uint64_t size, end; /* end: what lies behind it is not looked at */
};

/* False: it can't be read, which has been said. end: no more than the file has. */
MUST_USE bool check_file_open(struct check_file *file, struct check *check, const char *path, uint64_t end);
void check_file_close(struct check_file *file);

/* The window's next bytes. False: they can't be read, which has been said. */
MUST_USE bool check_file_feed(const struct check_file *file, struct check *check, struct file_window *window);
/* Whether it begins so. */
bool check_file_begins(const struct check_file *file, struct str bytes);

/* Copies this part of it to the end of another; NULL: it was, else the path of what failed, as errno says.
 * add: what else is done with the bytes, which may be nothing. */
MUST_USE const char *check_file_copy(const struct check_file *file, uint64_t from, uint64_t to, int descriptor,
                                     const char *path, void (*add)(void *context, struct str bytes), void *context);
MUST_USE bool check_file_write(int descriptor, struct str bytes);

#endif
