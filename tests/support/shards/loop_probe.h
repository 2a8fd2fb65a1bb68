/* The far ends of a loop under test, and completions that remember what happened to them.
 *
 * Far ends are driven by plain system calls from the test's thread, so a test
 * says exactly what is where. Streams carry pattern bytes, which depend on the
 * stream and on the position. */
#ifndef TESTS_SUPPORT_LOOP_PROBE_H
#define TESTS_SUPPORT_LOOP_PROBE_H

#include <criterion/criterion.h>
#include <netinet/in.h>

#include "core/memory.h"
#include "shards/loop.h"

/* Defines the claim's body, and the two tests that call it, one in the suite of each backend. */
#define ON_BOTH_BACKENDS(claim)                                                                                        \
    static void claim(enum loop_backend backend);                                                                      \
    Test(loop_uring, claim, .timeout = 60)                                                                             \
    {                                                                                                                  \
        claim(LOOP_URING);                                                                                             \
    }                                                                                                                  \
    Test(loop_epoll, claim, .timeout = 60)                                                                             \
    {                                                                                                                  \
        claim(LOOP_EPOLL);                                                                                             \
    }                                                                                                                  \
    static void claim(enum loop_backend backend)

extern struct memory loop_memory; /* charged for every loop */

/* Skips the test where the machine refuses io_uring. */
struct loop *open_or_skip(enum loop_backend backend);
/* Closes the loop, which is the last one, and asserts that every byte came back. */
void close_all(struct loop *loop);

void fill_pattern(char *bytes, size_t length, unsigned stream, size_t position);
void assert_pattern(const char *bytes, size_t length, unsigned stream, size_t position);
void write_pattern(int fd, size_t length, unsigned stream, size_t position);
/* Reads what is there, checks it, and returns how much it was. */
size_t read_pattern(int fd, unsigned stream, size_t position, size_t most);

struct pair {
    int near, far;
};

struct pair make_pair(void);
/* On a port of the kernel's choice. */
int listen_anywhere(struct sockaddr_in *address);
int connect_to(const struct sockaddr_in *address);

/* A completion that remembers what happened to it. */
struct probe {
    struct completion completion;
    int calls, ends;
    int last_result;
    unsigned stream;
    size_t received;   /* bytes, all of them as the pattern says */
    const char *bytes; /* of the last call */
    int accepted[512];
    int accepted_count;
};

struct probe probe_of(void (*done)(struct completion *), unsigned stream);

/* What a probe's completion may have as `done`: the first counts, the others also look at what came. */
void probe_done(struct completion *completion);
void receive_done(struct completion *completion);
void accept_done(struct completion *completion);

void wait_for_calls(struct loop *loop, const struct probe *probe, int calls);
void wait_for_end(struct loop *loop, const struct probe *probe);
void cancel_and_wait(struct loop *loop, struct probe *probe);

#endif
