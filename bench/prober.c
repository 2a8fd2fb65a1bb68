/* Another client, which goes before the load: how long its longest GET takes.
 *
 *   prober PORT
 *
 * Asks for a key half a millisecond after each answer. For each line on its standard input it says how many ms the
 * longest took since the last one; it ends with its input. Its memory is locked and, where that is allowed, it is
 * scheduled before all others, so that what it measures is the server's and the machine's. */
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <time.h>

#include "bench/dial.h"

enum { PAUSE_US = 500, FIRST_REQUESTS = 100 };

static double now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static double ask(int fd)
{
    static const char request[] = "*2\r\n$3\r\nGET\r\n$5\r\nprobe\r\n";
    struct pollfd answer = {.fd = fd, .events = POLLIN};
    char bytes[256];
    double begun = now_ms();

    if (send(fd, request, sizeof request - 1, 0) != (ssize_t)sizeof request - 1)
        fail("send");
    if (poll(&answer, 1, -1) != 1 || recv(fd, bytes, sizeof bytes, 0) <= 0)
        fail("recv");
    return now_ms() - begun;
}

/* Whether a line has come; waits that long for it. */
static bool is_asked(void)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    struct timespec pause = {.tv_nsec = PAUSE_US * 1000};
    char bytes[64];

    if (ppoll(&input, 1, &pause, NULL) <= 0)
        return false;
    if (read(STDIN_FILENO, bytes, sizeof bytes) <= 0)
        exit(0);
    return true;
}

int main(int argc, char **argv)
{
    struct sched_param priority = {.sched_priority = 1};
    double longest = 0;
    int fd;

    if (argc != 2)
        fail("prober PORT");
    mlockall(MCL_CURRENT | MCL_FUTURE);
    sched_setscheduler(0, SCHED_FIFO, &priority); /* else it is one among others */
    fd = dial(atoi(argv[1]));
    for (int i = 0; i < FIRST_REQUESTS; i++)
        ask(fd);
    for (;;) {
        double took = ask(fd);

        longest = took > longest ? took : longest;
        if (is_asked()) {
            printf("%.3f\n", longest);
            fflush(stdout);
            longest = 0;
        }
    }
}
