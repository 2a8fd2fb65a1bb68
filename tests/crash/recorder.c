/* Records what a server does to files, so that power.py can say what a power loss would have left of them.
 *
 * A library to preload (LD_PRELOAD). What is under the folder SHOAL_RECORDED is recorded, in the file SHOAL_RECORD:
 * records of four numbers and bytes (struct record), appended when the call has succeeded, and before its caller
 * hears of it; of a sync also when it begins, as only what was written before is on the disk when it ends. It has
 * to be the epoll backend, as io_uring calls nothing. After SIGUSR1 the server dies of the next call that would be
 * recorded, after SIGUSR2 of the next that changes names: it has succeeded then, and is not on record. */
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { DESCRIPTORS_MAX = 65536 };

struct record {
    uint64_t kind; /* a letter */
    uint64_t inode, number, bytes;
};

static bool is_recorded[DESCRIPTORS_MAX];
static int record_fd = -1;
static char folder[PATH_MAX];
static size_t folder_length;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static volatile sig_atomic_t deadly; /* 0, or the signal that came */

static void became_deadly(int signal_number)
{
    deadly = signal_number;
}

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("SHOAL_RECORD"), *recorded = getenv("SHOAL_RECORDED");

    unsetenv("LD_PRELOAD"); /* of its children nobody asks */
    if (!path || !recorded || !realpath(recorded, folder))
        return;
    folder_length = strlen(folder);
    signal(SIGUSR1, became_deadly);
    signal(SIGUSR2, became_deadly);
    record_fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
}

static void *next(const char *name)
{
    void *function = dlsym(RTLD_NEXT, name);

    if (!function)
        abort();
    return function;
}

static void record(char kind, uint64_t inode, uint64_t number, const struct iovec *vectors, int count, uint64_t bytes)
{
    struct iovec all[IOV_MAX];
    struct record head = {(uint64_t)kind, inode, number, bytes};
    int used = 1;

    if (deadly == SIGUSR1 || (deadly == SIGUSR2 && strchr("crlum", kind)))
        raise(SIGKILL);
    all[0] = (struct iovec){&head, sizeof head};
    for (int i = 0; i < count && bytes > 0 && used < IOV_MAX; i++) {
        all[used] = vectors[i];
        if (all[used].iov_len > bytes)
            all[used].iov_len = bytes;
        bytes -= all[used++].iov_len;
    }
    pthread_mutex_lock(&mutex);
    if (bytes > 0 || writev(record_fd, all, used) < 0)
        abort();
    pthread_mutex_unlock(&mutex);
}

static void record_text(char kind, uint64_t inode, const char *text)
{
    struct iovec vector = {(void *)text, strlen(text)};

    record(kind, inode, 0, &vector, 1, vector.iov_len);
}

static bool is_under_folder(const char *path)
{
    return strncmp(path, folder, folder_length) == 0 && (path[folder_length] == '/' || path[folder_length] == '\0');
}

/* False: it is nowhere where anything is recorded. */
static bool make_absolute(const char *path, char absolute[2 * PATH_MAX])
{
    char current[PATH_MAX];

    if (record_fd < 0)
        return false;
    if (path[0] == '/')
        snprintf(absolute, 2 * PATH_MAX, "%s", path);
    else
        snprintf(absolute, 2 * PATH_MAX, "%s/%s", getcwd(current, sizeof current), path);
    return is_under_folder(absolute);
}

static bool records(int fd)
{
    return fd >= 0 && fd < DESCRIPTORS_MAX && is_recorded[fd];
}

static uint64_t inode_of(int fd)
{
    struct stat facts;

    return fstat(fd, &facts) == 0 ? facts.st_ino : 0;
}

int open(const char *path, int flags, ...)
{
    int (*real)(const char *, int, ...) = next("open"), fd;
    char absolute[2 * PATH_MAX];
    struct stat facts;
    va_list arguments;
    mode_t mode = 0;

    va_start(arguments, flags);
    if (flags & (O_CREAT | O_TMPFILE))
        mode = va_arg(arguments, mode_t);
    va_end(arguments);

    bool wanted = make_absolute(path, absolute), was_there = wanted && stat(absolute, &facts) == 0;

    fd = real(path, flags, mode);
    if (fd < 0 || fd >= DESCRIPTORS_MAX)
        return fd;
    is_recorded[fd] = wanted;
    if (wanted && !was_there)
        record_text('c', inode_of(fd), absolute);
    else if (wanted && flags & O_TRUNC)
        record('t', inode_of(fd), 0, NULL, 0, 0);
    return fd;
}

int close(int fd)
{
    int (*real)(int) = next("close");

    if (records(fd))
        is_recorded[fd] = false;
    return real(fd);
}

ssize_t write(int fd, const void *bytes, size_t count)
{
    ssize_t (*real)(int, const void *, size_t) = next("write"), written = real(fd, bytes, count);
    struct iovec vector = {(void *)bytes, count};

    if (records(fd) && written > 0)
        record('w', inode_of(fd), (uint64_t)(lseek(fd, 0, SEEK_CUR) - written), &vector, 1, (uint64_t)written);
    return written;
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset)
{
    ssize_t (*real)(int, const void *, size_t, off_t) = next("pwrite"), written = real(fd, bytes, count, offset);
    struct iovec vector = {(void *)bytes, count};

    if (records(fd) && written > 0)
        record('w', inode_of(fd), (uint64_t)offset, &vector, 1, (uint64_t)written);
    return written;
}

ssize_t pwritev(int fd, const struct iovec *vectors, int count, off_t offset)
{
    ssize_t (*real)(int, const struct iovec *, int, off_t) = next("pwritev"), written = real(fd, vectors, count, offset);

    if (records(fd) && written > 0)
        record('w', inode_of(fd), (uint64_t)offset, vectors, count, (uint64_t)written);
    return written;
}

int ftruncate(int fd, off_t length)
{
    int (*real)(int, off_t) = next("ftruncate"), result = real(fd, length);

    if (records(fd) && result == 0)
        record('t', inode_of(fd), (uint64_t)length, NULL, 0, 0);
    return result;
}

static int sync_recorded(int fd, const char *name)
{
    int (*real)(int) = next(name), result;
    uint64_t thread = (uint64_t)syscall(SYS_gettid);

    if (!records(fd))
        return real(fd);
    record('b', inode_of(fd), thread, NULL, 0, 0);
    result = real(fd);
    if (result == 0)
        record('e', inode_of(fd), thread, NULL, 0, 0);
    return result;
}

int fsync(int fd)
{
    return sync_recorded(fd, "fsync");
}

int fdatasync(int fd)
{
    return sync_recorded(fd, "fdatasync");
}

/* Names: from, a zero byte, and to. */
static void record_names(char kind, const char *from, const char *to)
{
    char absolute[2 * PATH_MAX], other[2 * PATH_MAX];
    bool wanted = make_absolute(from, absolute);
    struct iovec vectors[] = {{absolute, strlen(absolute) + 1}, {other, 0}};
    struct stat facts;

    other[0] = '\0';
    if (!wanted || (to && !make_absolute(to, other)))
        return;
    vectors[1].iov_len = strlen(other);
    record(kind, stat(absolute, &facts) == 0 ? facts.st_ino : 0, 0, vectors, 2, vectors[0].iov_len + vectors[1].iov_len);
}

int rename(const char *from, const char *to)
{
    int (*real)(const char *, const char *) = next("rename"), result = real(from, to);

    if (result == 0)
        record_names('r', from, to);
    return result;
}

int link(const char *from, const char *to)
{
    int (*real)(const char *, const char *) = next("link"), result = real(from, to);

    if (result == 0)
        record_names('l', from, to);
    return result;
}

int unlink(const char *path)
{
    int (*real)(const char *) = next("unlink"), result = real(path);

    if (result == 0)
        record_names('u', path, NULL);
    return result;
}

int mkdir(const char *path, mode_t mode)
{
    int (*real)(const char *, mode_t) = next("mkdir"), result = real(path, mode);

    if (result == 0)
        record_names('m', path, NULL);
    return result;
}
