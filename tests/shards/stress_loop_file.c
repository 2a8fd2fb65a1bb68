/* A loop and the thread that does its operations on files, for ThreadSanitizer (which Criterion does not start
 * under): `stress_loop_file [rounds]`, exit status 0 when nothing was lost.
 *
 * In each round a loop is opened; chains of operations go side by side, each link begun by the done of
 * the one before; the loop is closed in the middle, which has to end them all. Once with each backend. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/memory.h"
#include "shards/loop.h"

enum { CHAINS = 20, LINKS = 12, TIMEOUT_S = 120 };

struct chain {
    struct completion completion;
    struct loop *loop;
    struct iovec vector;
    int fd, links;
};

static struct memory memory;
static int ended;

static void fail(const char *what, int error)
{
    fprintf(stderr, "%s: %s\n", what, strerror(error));
    exit(1);
}

static void go_on(struct completion *completion)
{
    struct chain *chain = (struct chain *)completion;

    if (completion->result < 0)
        fail("an operation failed", -completion->result);
    if (chain->links == 0)
        chain->fd = completion->result;
    if (++chain->links == LINKS)
        loop_file_close(chain->loop, completion, chain->fd);
    else if (chain->links > LINKS)
        ended++;
    else if (chain->links % 3 == 0)
        loop_file_truncate(chain->loop, completion, chain->fd, (uint64_t)chain->links);
    else
        loop_file_write(chain->loop, completion, chain->fd, &chain->vector, 1, (uint64_t)chain->links);
}

static void run_round(enum loop_backend backend, const char *path, int round)
{
    static char some[] = "some";
    struct chain chains[CHAINS];
    const char *why;
    int error_code;
    struct loop *loop = loop_open(backend, &memory, &why, &error_code);

    if (!loop)
        fail(why, error_code);
    ended = 0;
    for (int i = 0; i < CHAINS; i++) {
        chains[i] = (struct chain){.completion.done = go_on, .loop = loop, .vector = {some, 4}};
        loop_file_open(loop, &chains[i].completion, path, O_WRONLY | O_CREAT, 0600);
    }
    for (int i = 0; i < round % 50; i++)
        loop_wait(loop, i % 2 ? 0 : 100);
    loop_close(loop);
    if (ended != CHAINS)
        fail("a chain was dropped", 0);
}

int main(int argument_count, char **arguments)
{
    int rounds = argument_count > 1 ? atoi(arguments[1]) : 200;
    char path[] = "/tmp/shoal-stress-file-XXXXXX";
    int fd = mkstemp(path);

    alarm(TIMEOUT_S);
    close(fd);
    for (int i = 0; i < rounds; i++)
        run_round(LOOP_EPOLL, path, i);
    for (int i = 0; i < rounds; i++)
        run_round(LOOP_AUTO, path, i);
    unlink(path);
    printf("%d rounds with each backend, %d chains of %d operations\n", rounds, CHAINS, LINKS);
    return 0;
}
