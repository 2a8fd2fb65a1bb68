#include "persist/check_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "persist/check.h"
#include "persist/file_window.h"

enum { COPY_BYTES = 256 * 1024 };

bool check_file_open(struct check_file *file, struct check *check, const char *path, uint64_t end)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe is not waited for */
    struct stat about;

    bool is_open = descriptor >= 0 && fstat(descriptor, &about) == 0;
    if (is_open && !S_ISREG(about.st_mode))
        errno = EINVAL;
    if (!is_open || !S_ISREG(about.st_mode)) {
        check_failure(check, path);
        if (descriptor >= 0)
            close(descriptor);
        return false;
    }
    uint64_t size = (uint64_t)about.st_size;
    *file = (struct check_file){path, descriptor, size, end < size ? end : size};
    return true;
}

void check_file_close(struct check_file *file)
{
    close(file->descriptor);
}

static ssize_t read_at(const struct check_file *file, char *to, size_t bytes, uint64_t at)
{
    ssize_t got;

    do
        got = pread(file->descriptor, to, bytes, (off_t)at);
    while (got < 0 && errno == EINTR);
    return got;
}

bool check_file_feed(const struct check_file *file, struct check *check, struct file_window *window)
{
    size_t room;
    char *to = file_window_room(window, &room);
    uint64_t at = window->offset + window->bytes.length, left = file->end - at;
    ssize_t got = read_at(file, to, room < left ? room : (size_t)left, at);

    if (got < 0) {
        check_failure(check, file->path);
        return false;
    }
    file_window_filled(window, (size_t)got);
    if (got == 0)
        file_window_filled_all(window); /* it has become shorter */
    check_show_progress(check, file->path, at + (uint64_t)got, file->end);
    return true;
}

bool check_file_begins(const struct check_file *file, struct str bytes)
{
    char begin[16];
    ssize_t got = read_at(file, begin, bytes.length, 0);

    return got == (ssize_t)bytes.length && memcmp(begin, bytes.bytes, bytes.length) == 0;
}

bool check_file_write(int descriptor, struct str bytes)
{
    while (bytes.length > 0) {
        ssize_t wrote = write(descriptor, bytes.bytes, bytes.length);

        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return false;
        bytes.bytes += wrote;
        bytes.length -= (size_t)wrote;
    }
    return true;
}

const char *check_file_copy(const struct check_file *file, uint64_t from, uint64_t to, int descriptor, const char *path,
                            void (*add)(void *context, struct str bytes), void *context)
{
    static char bytes[COPY_BYTES];

    while (from < to) {
        size_t piece = to - from < COPY_BYTES ? (size_t)(to - from) : COPY_BYTES;
        ssize_t got = read_at(file, bytes, piece, from);

        if (got <= 0) {
            errno = got < 0 ? errno : EIO;
            return file->path;
        }
        if (!check_file_write(descriptor, (struct str){bytes, (size_t)got}))
            return path;
        if (add)
            add(context, (struct str){bytes, (size_t)got});
        from += (uint64_t)got;
    }
    return NULL;
}
