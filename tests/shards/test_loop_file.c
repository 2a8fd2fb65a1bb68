/* Files through a loop: whole writes, what fails, no waiting for a disk, and nothing dropped at the end. */
#include "shards/loop.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/shards/loop_probe.h"

static char folder[] = "/tmp/shoal-loop-file-XXXXXX";
static char path[100], other_path[100];

static void make_folder(void)
{
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/one", folder);
    snprintf(other_path, sizeof other_path, "%s/two", folder);
}

static void remove_folder(void)
{
    unlink(path);
    unlink(other_path);
    rmdir(folder);
}

TestSuite(loop_uring_file, .init = make_folder, .fini = remove_folder, .timeout = 60);
TestSuite(loop_epoll_file, .init = make_folder, .fini = remove_folder, .timeout = 60);

/* As ON_BOTH_BACKENDS, with a folder. */
#define FILES_ON_BOTH(claim)                                                                                           \
    static void claim(enum loop_backend backend);                                                                      \
    Test(loop_uring_file, claim)                                                                                       \
    {                                                                                                                  \
        claim(LOOP_URING);                                                                                             \
    }                                                                                                                  \
    Test(loop_epoll_file, claim)                                                                                       \
    {                                                                                                                  \
        claim(LOOP_EPOLL);                                                                                             \
    }                                                                                                                  \
    static void claim(enum loop_backend backend)

/* --- One operation, and its result --- */

static int open_file(struct loop *loop, const char *name, int flags)
{
    struct probe probe = probe_of(probe_done, 0);

    loop_file_open(loop, &probe.completion, name, flags, 0640);
    cr_assert_eq(probe.calls, 0, "done was called from the call that starts");
    wait_for_end(loop, &probe);
    return probe.last_result;
}

static int write_at(struct loop *loop, int fd, const void *bytes, size_t length, uint64_t offset)
{
    struct probe probe = probe_of(probe_done, 0);
    struct iovec vector = {(void *)bytes, length};

    loop_file_write(loop, &probe.completion, fd, &vector, 1, offset);
    cr_assert_eq(probe.calls, 0);
    wait_for_end(loop, &probe);
    return probe.last_result;
}

static int read_at(struct loop *loop, int fd, void *bytes, size_t length, uint64_t offset)
{
    struct probe probe = probe_of(probe_done, 0);

    loop_file_read(loop, &probe.completion, fd, bytes, length, offset);
    wait_for_end(loop, &probe);
    return probe.last_result;
}

static int sync_file(struct loop *loop, int fd, bool data_only)
{
    struct probe probe = probe_of(probe_done, 0);

    loop_file_sync(loop, &probe.completion, fd, data_only);
    wait_for_end(loop, &probe);
    return probe.last_result;
}

static int truncate_file(struct loop *loop, int fd, uint64_t bytes)
{
    struct probe probe = probe_of(probe_done, 0);

    loop_file_truncate(loop, &probe.completion, fd, bytes);
    wait_for_end(loop, &probe);
    return probe.last_result;
}

static int close_file(struct loop *loop, int fd)
{
    struct probe probe = probe_of(probe_done, 0);

    loop_file_close(loop, &probe.completion, fd);
    wait_for_end(loop, &probe);
    return probe.last_result;
}

static int rename_file(struct loop *loop, const char *from, const char *to)
{
    struct probe probe = probe_of(probe_done, 0);

    loop_file_rename(loop, &probe.completion, from, to);
    wait_for_end(loop, &probe);
    return probe.last_result;
}

static int remove_file(struct loop *loop, const char *name)
{
    struct probe probe = probe_of(probe_done, 0);

    loop_file_remove(loop, &probe.completion, name);
    wait_for_end(loop, &probe);
    return probe.last_result;
}

/* --- Tests --- */

FILES_ON_BOTH(a_file_lives_from_its_creation_to_its_removal)
{
    struct loop *loop = open_or_skip(backend);
    int fd = open_file(loop, path, O_RDWR | O_CREAT | O_TRUNC), folder_fd;
    struct stat status;
    char back[20];

    cr_assert_geq(fd, 0, "%s", strerror(-fd));
    cr_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    cr_assert_eq(write_at(loop, fd, "hello world", 11, 3), 11);
    cr_assert_eq(sync_file(loop, fd, true), 0);
    cr_assert_eq(sync_file(loop, fd, false), 0);
    cr_assert_eq(read_at(loop, fd, back, sizeof back, 8), 6);
    cr_assert_arr_eq(back, " world", 6);
    cr_assert_eq(read_at(loop, fd, back, sizeof back, 14), 0);
    cr_assert_eq(truncate_file(loop, fd, 5), 0);
    cr_assert_eq(read_at(loop, fd, back, sizeof back, 0), 5);
    cr_assert_arr_eq(back, "\0\0\0he", 5);
    cr_assert_eq(close_file(loop, fd), 0);
    cr_assert_eq(fcntl(fd, F_GETFD), -1);
    cr_assert_eq(rename_file(loop, path, other_path), 0);
    cr_assert(stat(path, &status) < 0 && stat(other_path, &status) == 0 && status.st_size == 5);
    cr_assert_eq(status.st_mode & 0777, 0640);
    folder_fd = open_file(loop, folder, O_RDONLY | O_DIRECTORY);
    cr_assert_eq(sync_file(loop, folder_fd, false), 0);
    cr_assert_eq(close_file(loop, folder_fd), 0);
    cr_assert_eq(remove_file(loop, other_path), 0);
    cr_assert_lt(stat(other_path, &status), 0);
    close_all(loop);
}

FILES_ON_BOTH(what_fails_says_why)
{
    struct loop *loop = open_or_skip(backend);
    int full = open_file(loop, "/dev/full", O_WRONLY), closed = dup(full);

    close(closed);
    cr_assert_eq(open_file(loop, path, O_RDONLY), -ENOENT);
    cr_assert_eq(open_file(loop, folder, O_WRONLY), -EISDIR);
    cr_assert_eq(write_at(loop, full, "x", 1, 0), -ENOSPC);
    cr_assert_eq(write_at(loop, closed, "x", 1, 0), -EBADF);
    cr_assert_eq(sync_file(loop, full, true), -EINVAL);
    cr_assert_eq(sync_file(loop, closed, true), -EBADF);
    cr_assert_eq(truncate_file(loop, closed, 0), -EBADF);
    cr_assert_eq(close_file(loop, closed), -EBADF);
    cr_assert_eq(rename_file(loop, path, other_path), -ENOENT);
    cr_assert_eq(remove_file(loop, path), -ENOENT);
    cr_assert_eq(close_file(loop, full), 0);
    close_all(loop);
}

FILES_ON_BOTH(a_write_of_nothing_is_done)
{
    struct loop *loop = open_or_skip(backend);
    int fd = open_file(loop, path, O_WRONLY | O_CREAT);

    cr_assert_eq(write_at(loop, fd, "", 0, 0), 0);
    cr_assert_eq(close_file(loop, fd), 0);
    close_all(loop);
}

static void expect_pattern_in_file(int fd, size_t length, unsigned stream)
{
    char *bytes = malloc(length + 1);

    cr_assert_eq(pread(fd, bytes, length + 1, 0), (ssize_t)length);
    assert_pattern(bytes, length, stream, 0);
    free(bytes);
}

FILES_ON_BOTH(a_large_write_in_many_vectors_is_whole)
{
    enum { BYTES = 20 << 20, VECTORS = 5000 };
    struct loop *loop = open_or_skip(backend);
    struct probe probe = probe_of(probe_done, 0);
    struct iovec *vectors = malloc(sizeof *vectors * VECTORS);
    int fd = open_file(loop, path, O_RDWR | O_CREAT);
    char *bytes = malloc(BYTES);
    size_t cut = 0;

    fill_pattern(bytes, BYTES, 7, 0);
    for (int i = 0; i < VECTORS; i++) {
        size_t piece = i + 1 < VECTORS ? (size_t)(rand() % 8000) : BYTES - cut;

        vectors[i] = (struct iovec){bytes + cut, piece};
        cut += piece;
    }
    loop_file_write(loop, &probe.completion, fd, vectors, VECTORS, 0);
    wait_for_end(loop, &probe);
    cr_assert_eq(probe.last_result, BYTES);
    expect_pattern_in_file(fd, BYTES, 7);
    cr_assert_eq(close_file(loop, fd), 0);
    close_all(loop);
    free(vectors);
    free(bytes);
}

/* The first system call writes what the limit allows, the second nothing. */
FILES_ON_BOTH(what_is_written_in_part_fails_in_the_end)
{
    enum { BYTES = 100000, LIMIT = 65536 };
    struct loop *loop = open_or_skip(backend);
    int fd = open_file(loop, path, O_RDWR | O_CREAT);
    char *bytes = malloc(BYTES);

    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &(struct rlimit){LIMIT, LIMIT});
    fill_pattern(bytes, BYTES, 3, 0);
    cr_assert_eq(write_at(loop, fd, bytes, BYTES, 0), -EFBIG);
    expect_pattern_in_file(fd, LIMIT, 3);
    cr_assert_eq(close_file(loop, fd), 0);
    close_all(loop);
    free(bytes);
}

static void mount_small_disk(void)
{
    if (unshare(geteuid() == 0 ? CLONE_NEWNS : CLONE_NEWUSER | CLONE_NEWNS) < 0 ||
        mount("", "/", NULL, MS_PRIVATE | MS_REC, NULL) < 0 || mount("small", folder, "tmpfs", 0, "size=128k") < 0)
        cr_skip_test("this machine allows no mount: %s", strerror(errno));
}

FILES_ON_BOTH(a_full_disk_is_told_and_goes_on_when_there_is_room)
{
    enum { BYTES = 300000 };
    struct loop *loop;
    char *bytes = malloc(BYTES);
    int fd;

    mount_small_disk();
    loop = open_or_skip(backend);
    fd = open_file(loop, path, O_RDWR | O_CREAT);
    fill_pattern(bytes, BYTES, 4, 0);
    cr_assert_eq(write_at(loop, fd, bytes, BYTES, 0), -ENOSPC);
    cr_assert_eq(truncate_file(loop, fd, 0), 0);
    cr_assert_eq(write_at(loop, fd, bytes, 100000, 0), 100000);
    expect_pattern_in_file(fd, 100000, 4);
    cr_assert_eq(close_file(loop, fd), 0);
    close_all(loop);
    umount(folder);
    free(bytes);
}

FILES_ON_BOTH(many_operations_go_on_at_once)
{
    enum { WRITES = 1000, PIECE = 3000 };
    struct loop *loop = open_or_skip(backend);
    struct probe *writes = calloc(WRITES, sizeof *writes), *syncs = calloc(WRITES, sizeof *syncs);
    struct iovec *vectors = calloc(WRITES, sizeof *vectors);
    int fd = open_file(loop, path, O_RDWR | O_CREAT);
    char *bytes = malloc(WRITES * PIECE);

    fill_pattern(bytes, WRITES * PIECE, 6, 0);
    for (int i = 0; i < WRITES; i++) {
        size_t offset = (size_t)(i * 7 % WRITES) * PIECE;

        vectors[i] = (struct iovec){bytes + offset, PIECE};
        writes[i] = syncs[i] = probe_of(probe_done, 0);
        loop_file_write(loop, &writes[i].completion, fd, &vectors[i], 1, offset);
        if (i % 100 == 0)
            loop_file_sync(loop, &syncs[i].completion, fd, true);
    }
    for (int i = 0; i < WRITES; i++) {
        wait_for_end(loop, &writes[i]);
        cr_assert_eq(writes[i].last_result, PIECE);
        cr_assert_eq(writes[i].calls, 1);
        if (i % 100 == 0)
            wait_for_end(loop, &syncs[i]);
        cr_assert_eq(syncs[i].last_result, 0);
    }
    expect_pattern_in_file(fd, WRITES * PIECE, 6);
    cr_assert_eq(close_file(loop, fd), 0);
    close_all(loop);
    free(writes);
    free(syncs);
    free(vectors);
    free(bytes);
}

/* Bytes go to and fro over a socket of the loop. */
static void expect_sockets_to_go_on(struct loop *loop)
{
    struct probe receive = probe_of(receive_done, 1), send = probe_of(probe_done, 1);
    struct pair pair = make_pair();
    struct iovec vector = {(char[]){"reply"}, 5};
    char back[5];

    loop_receive(loop, &receive.completion, pair.near);
    for (int i = 0; i < 20; i++) {
        write_pattern(pair.far, 100, 1, (size_t)i * 100);
        while (receive.received < (size_t)(i + 1) * 100)
            loop_wait(loop, 1000000);
        send.ends = 0;
        loop_send(loop, &send.completion, pair.near, &vector, 1);
        wait_for_end(loop, &send);
        cr_assert_eq(read(pair.far, back, sizeof back), 5);
    }
    cancel_and_wait(loop, &receive);
    loop_close_fd(loop, pair.near);
}

FILES_ON_BOTH(an_open_that_waits_stops_nothing_else)
{
    struct loop *loop = open_or_skip(backend);
    struct probe open_probe = probe_of(probe_done, 0);
    int reader;

    cr_assert_eq(mkfifo(path, 0600), 0);
    loop_file_open(loop, &open_probe.completion, path, O_WRONLY, 0);
    expect_sockets_to_go_on(loop);
    cr_assert_eq(open_probe.calls, 0);
    reader = open(path, O_RDONLY);
    wait_for_end(loop, &open_probe);
    cr_assert_geq(open_probe.last_result, 0);
    cr_assert_eq(close_file(loop, open_probe.last_result), 0);
    close(reader);
    close_all(loop);
}

FILES_ON_BOTH(a_write_that_waits_stops_nothing_else)
{
    enum { BYTES = 1 << 20 };
    struct loop *loop = open_or_skip(backend);
    struct probe write_probe = probe_of(probe_done, 0);
    char *bytes = malloc(BYTES), *back = malloc(BYTES);
    struct iovec vectors[2] = {{bytes, BYTES / 2}, {bytes + BYTES / 2, BYTES / 2}};
    size_t seen = 0;
    int fd, reader;

    cr_assert_eq(mkfifo(path, 0600), 0);
    fd = open(path, O_RDWR);
    reader = open(path, O_RDONLY | O_NONBLOCK);
    fill_pattern(bytes, BYTES, 9, 0);
    loop_file_write(loop, &write_probe.completion, fd, vectors, 2, 0);
    expect_sockets_to_go_on(loop);
    cr_assert_eq(write_probe.calls, 0);
    while (seen < BYTES) {
        ssize_t count = read(reader, back + seen, BYTES - seen);

        seen += count > 0 ? (size_t)count : 0;
        loop_wait(loop, 100);
    }
    assert_pattern(back, BYTES, 9, 0);
    wait_for_end(loop, &write_probe);
    cr_assert_eq(write_probe.last_result, BYTES);
    close(reader);
    cr_assert_eq(close_file(loop, fd), 0);
    close_all(loop);
    free(bytes);
    free(back);
}

/* A write, then a sync and a close, each begun by the done of the one before. */
struct chain {
    struct completion completion;
    struct loop *loop;
    struct iovec vector;
    int fd, steps;
};

static void go_on(struct completion *completion)
{
    struct chain *chain = (struct chain *)completion;

    cr_assert_geq(completion->result, 0, "%s", strerror(-completion->result));
    switch (++chain->steps) {
    case 1:
        loop_file_sync(chain->loop, completion, chain->fd, true);
        break;
    case 2:
        loop_file_truncate(chain->loop, completion, chain->fd, 100);
        break;
    case 3:
        loop_file_close(chain->loop, completion, chain->fd);
        break;
    }
}

FILES_ON_BOTH(closing_the_loop_drops_no_operation)
{
    enum { CHAINS = 30 };
    static char bytes[50000];
    struct loop *loop = open_or_skip(backend);
    struct chain chains[CHAINS];
    struct probe receive = probe_of(receive_done, 0);
    struct pair pair = make_pair();
    struct stat status;

    loop_receive(loop, &receive.completion, pair.near);
    for (int i = 0; i < CHAINS; i++) {
        chains[i] = (struct chain){.completion.done = go_on, .loop = loop, .vector = {bytes, sizeof bytes}};
        chains[i].fd = open(path, O_WRONLY | O_CREAT, 0600);
        loop_file_write(loop, &chains[i].completion, chains[i].fd, &chains[i].vector, 1, 0);
        if (i == CHAINS / 2)
            loop_wait(loop, 0);
    }
    write_pattern(pair.far, 10, 0, 0);
    close_all(loop);
    for (int i = 0; i < CHAINS; i++) {
        cr_assert_eq(chains[i].steps, 4, "step %d of chain %d", chains[i].steps, i);
        cr_assert_eq(fcntl(chains[i].fd, F_GETFD), -1);
    }
    cr_assert_eq(receive.calls, 0, "a socket was heard while the loop closed");
    cr_assert_eq(stat(path, &status), 0);
}

FILES_ON_BOTH(files_and_sockets_of_a_turn_come_together)
{
    enum { TURNS = 300 };
    struct loop *loop = open_or_skip(backend);
    struct probe receive = probe_of(receive_done, 1), file = probe_of(probe_done, 0);
    struct pair pair = make_pair();
    int fd = open_file(loop, path, O_WRONLY | O_CREAT);
    struct iovec vector = {(char[]){"0123456789"}, 10};

    loop_receive(loop, &receive.completion, pair.near);
    for (int i = 0; i < TURNS; i++) {
        int writes = file.calls + 1;

        loop_file_write(loop, &file.completion, fd, &vector, 1, (uint64_t)i * 10);
        write_pattern(pair.far, 10, 1, (size_t)i * 10);
        while (file.calls < writes || receive.received < (size_t)(i + 1) * 10)
            loop_wait(loop, 1000000);
    }
    cr_assert_eq(file.calls, TURNS);
    cancel_and_wait(loop, &receive);
    cr_assert_eq(close_file(loop, fd), 0);
    close_all(loop);
}
