/* One line, one write: the whole line is built on the stack and handed to the
 * kernel at once, so lines of several threads do not mix and none waits for
 * another. Opening and reopening puts the new file under the old descriptor
 * number, so a thread that is just writing never meets a closed one.
 * A line that cannot be written is lost: there is nowhere to say so. */
#include "core/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { TEXT_MAX = 1024, PREFIX_MAX = 64 };

static _Atomic enum log_level lowest_level = LOG_NOTICE;
static _Atomic int log_fd = STDOUT_FILENO;
/* Those who open and reopen, one thread at a time: */
static int file_fd = -1; /* kept while standard output is in use, to be replaced next time */
static char file_path[PATH_MAX];

static int open_file(const char *path)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);

    if (fd < 0 || file_fd < 0)
        return fd;
    int replaced = dup3(fd, file_fd, O_CLOEXEC);
    close(fd);
    return replaced;
}

bool log_open(const char *path)
{
    if (strlen(path) >= sizeof file_path) {
        errno = ENAMETOOLONG;
        return false;
    }
    if (path[0] != '\0') {
        int fd = open_file(path);
        if (fd < 0)
            return false;
        file_fd = fd;
    }
    if (path != file_path)
        memcpy(file_path, path, strlen(path) + 1);
    atomic_store(&log_fd, path[0] != '\0' ? file_fd : STDOUT_FILENO);
    return true;
}

bool log_reopen(void)
{
    return log_open(file_path);
}

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&lowest_level, level, memory_order_relaxed);
}

enum log_level log_get_level(void)
{
    return atomic_load_explicit(&lowest_level, memory_order_relaxed);
}

/* "4711:M 21 Nov 2026 07:40:00.123 * " */
static size_t format_prefix(char prefix[static PREFIX_MAX], enum log_level level)
{
    struct timespec now;
    struct tm local;
    char date[32];

    clock_gettime(CLOCK_REALTIME, &now);
    localtime_r(&now.tv_sec, &local);
    strftime(date, sizeof date, "%d %b %Y %H:%M:%S", &local);
    return (size_t)snprintf(prefix, PREFIX_MAX, "%d:M %s.%03d %c ", (int)getpid(), date, (int)(now.tv_nsec / 1000000),
                            ".-*#"[level]);
}

void log_write(enum log_level level, const char *format, ...)
{
    char line[PREFIX_MAX + TEXT_MAX];
    int caller_errno = errno;
    va_list arguments;

    if (level < log_get_level() || level >= LOG_NOTHING)
        return;
    size_t length = format_prefix(line, level);
    va_start(arguments, format);
    int wanted = vsnprintf(line + length, TEXT_MAX, format, arguments);
    va_end(arguments);
    if (wanted > 0)
        length += wanted < TEXT_MAX ? (size_t)wanted : TEXT_MAX - 1;
    line[length++] = '\n';
    ssize_t ignored = write(atomic_load(&log_fd), line, length);
    (void)ignored;
    errno = caller_errno;
}
