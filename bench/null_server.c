/* The floor: a server that does the same I/O as Shoal and nothing else.
 *
 * One thread, one loop, no engine. It finds where requests end, skipping the
 * contents of arguments by their lengths, and answers GET with a fixed string of
 * 32 bytes and everything else with OK. As in the real server, the replies of
 * one turn leave in one send per connection, and one send is under way at a
 * time. What the real server needs beyond this is its own cost.
 *
 * Its clients are benchmarks: what is not a request in RESP's array form ends
 * the connection, and replies to a client that does not read are kept without limit. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "core/memory.h"
#include "shards/loop.h"

static const char get_reply[] = "$32\r\n0123456789abcdef0123456789abcdef\r\n";
static const char other_reply[] = "+OK\r\n";

enum { GET_REPLY_BYTES = sizeof(get_reply) - 1, OTHER_REPLY_BYTES = sizeof(other_reply) - 1, NAME_BYTES = 3 };

enum phase { PHASE_STAR, PHASE_COUNT, PHASE_DOLLAR, PHASE_LENGTH, PHASE_CONTENT };

/* Where in a request the bytes so far have ended. */
struct scanner {
    enum phase phase;
    int64_t number;         /* what has been read of a count or length */
    int64_t arguments_left; /* the present one included */
    int64_t skip_bytes;     /* of the present argument, its line end included */
    bool in_name;           /* the present argument is the first */
    int name_length;
    char name[NAME_BYTES];
    bool is_get;
};

struct replies {
    char *bytes;
    size_t length, capacity;
};

struct conn {
    struct completion receive, send, flush;
    struct iovec vector;
    struct scanner scanner;
    struct replies filling, sending;
    bool is_sending, is_ended;
    int fd;
};

static struct loop *loop;

/* --- Requests --- */

static bool is_name_get(const struct scanner *scanner)
{
    return scanner->name_length == NAME_BYTES && (scanner->name[0] | 0x20) == 'g' && (scanner->name[1] | 0x20) == 'e' &&
           (scanner->name[2] | 0x20) == 't';
}

/* Reads a number up to its line's end. Returns where it stopped, at the end of the bytes or after the line. */
static const char *scan_number(struct scanner *scanner, const char *at, const char *end, bool *complete)
{
    *complete = false;
    while (at < end && !*complete) {
        char byte = *at++;

        if (byte >= '0' && byte <= '9')
            scanner->number = scanner->number < 1 << 30 ? scanner->number * 10 + (byte - '0') : scanner->number;
        *complete = byte == '\n';
    }
    return at;
}

static const char *scan_name(struct scanner *scanner, const char *at, size_t count)
{
    for (size_t i = 0; i < count && scanner->name_length < NAME_BYTES; i++)
        scanner->name[scanner->name_length++] = at[i];
    return at + count;
}

static const char *scan_content(struct scanner *scanner, const char *at, const char *end)
{
    int64_t there = end - at;
    int64_t count = there < scanner->skip_bytes ? there : scanner->skip_bytes;

    if (scanner->in_name && scanner->name_length < NAME_BYTES)
        scan_name(scanner, at, (size_t)count);
    scanner->skip_bytes -= count;
    return at + count;
}

static void begin_arguments(struct scanner *scanner)
{
    scanner->arguments_left = scanner->number;
    scanner->phase = scanner->number > 0 ? PHASE_DOLLAR : PHASE_STAR;
    scanner->in_name = true;
    scanner->name_length = 0;
}

static void begin_content(struct scanner *scanner)
{
    scanner->skip_bytes = scanner->number + 2;
    scanner->phase = PHASE_CONTENT;
    scanner->is_get = scanner->in_name ? scanner->number == NAME_BYTES : scanner->is_get;
}

/* True when that was the request's last argument. */
static bool end_content(struct scanner *scanner)
{
    if (scanner->in_name)
        scanner->is_get = scanner->is_get && is_name_get(scanner);
    scanner->in_name = false;
    scanner->phase = --scanner->arguments_left > 0 ? PHASE_DOLLAR : PHASE_STAR;
    return scanner->arguments_left == 0;
}

/* Moves *at behind the next request and returns true, or to the end of the bytes. *broken: it is no request. */
static bool scan_request(struct scanner *scanner, const char **at, const char *end, bool *broken)
{
    bool complete;

    while (*at < end) {
        switch (scanner->phase) {
        case PHASE_STAR:
        case PHASE_DOLLAR:
            *broken = **at != (scanner->phase == PHASE_STAR ? '*' : '$');
            if (*broken)
                return false;
            ++*at;
            scanner->phase++;
            scanner->number = 0;
            break;
        case PHASE_COUNT:
        case PHASE_LENGTH:
            *at = scan_number(scanner, *at, end, &complete);
            if (complete && scanner->phase == PHASE_COUNT)
                begin_arguments(scanner);
            else if (complete)
                begin_content(scanner);
            break;
        case PHASE_CONTENT:
            *at = scan_content(scanner, *at, end);
            if (scanner->skip_bytes == 0 && end_content(scanner))
                return true;
        }
    }
    return false;
}

/* --- Replies --- */

static void reply(struct replies *replies, const char *bytes, size_t length)
{
    if (replies->capacity - replies->length < length) {
        replies->capacity = replies->capacity > 0 ? replies->capacity * 2 : 4096;
        replies->bytes = realloc(replies->bytes, replies->capacity);
        if (!replies->bytes)
            abort();
    }
    memcpy(replies->bytes + replies->length, bytes, length);
    replies->length += length;
}

/* --- Connections --- */

static void conn_free_if_ended(struct conn *conn)
{
    if (!conn->is_ended || conn->is_sending || conn->flush.deferred)
        return;
    loop_close_fd(loop, conn->fd);
    free(conn->filling.bytes);
    free(conn->sending.bytes);
    free(conn);
}

static void flush_done(struct completion *completion)
{
    struct conn *conn = (struct conn *)((char *)completion - offsetof(struct conn, flush));
    struct replies replies = conn->sending;

    if (conn->filling.length == 0) {
        conn_free_if_ended(conn);
        return;
    }
    conn->sending = conn->filling;
    replies.length = 0;
    conn->filling = replies;
    conn->vector = (struct iovec){conn->sending.bytes, conn->sending.length};
    conn->is_sending = true;
    loop_send_quietly(loop, &conn->send, conn->fd, &conn->vector, 1);
    if (conn->is_ended)
        loop_await_send(loop, &conn->send);
}

static void send_done(struct completion *completion)
{
    struct conn *conn = (struct conn *)((char *)completion - offsetof(struct conn, send));

    conn->is_sending = false;
    if (completion->result < 0)
        conn->filling.length = 0; /* the receive will end as well */
    if (conn->filling.length > 0)
        loop_defer(loop, &conn->flush);
    conn_free_if_ended(conn);
}

static void receive_done(struct completion *completion)
{
    struct conn *conn = (struct conn *)completion;
    const char *at = completion->bytes, *end = at + (completion->result > 0 ? completion->result : 0);
    bool broken = false;

    while (!conn->is_ended && scan_request(&conn->scanner, &at, end, &broken)) {
        if (conn->scanner.is_get)
            reply(&conn->filling, get_reply, GET_REPLY_BYTES);
        else
            reply(&conn->filling, other_reply, OTHER_REPLY_BYTES);
    }
    if (broken && completion->more)
        loop_cancel(loop, completion);
    if (conn->filling.length > 0 && !conn->is_sending)
        loop_defer(loop, &conn->flush);
    conn->is_ended = !completion->more;
    conn_free_if_ended(conn);
}

static void accept_done(struct completion *completion)
{
    struct conn *conn;
    int yes = 1;

    if (completion->result < 0)
        return;
    setsockopt(completion->result, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    conn = calloc(1, sizeof(*conn));
    if (!conn)
        abort();
    conn->receive.done = receive_done;
    conn->send.done = send_done;
    conn->flush.done = flush_done;
    conn->fd = completion->result;
    loop_receive(loop, &conn->receive, conn->fd);
}

/* --- Start --- */

static int listen_on(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;

    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 511) < 0) {
        fprintf(stderr, "null_server: port %d: %s\n", port, strerror(errno));
        exit(1);
    }
    return fd;
}

static _Noreturn void usage(void)
{
    fprintf(stderr, "usage: null_server [--port N] [--net-backend auto|io_uring|epoll]\n");
    exit(1);
}

static enum loop_backend backend_named(const char *name)
{
    if (strcmp(name, "auto") == 0)
        return LOOP_AUTO;
    if (strcmp(name, "io_uring") == 0)
        return LOOP_URING;
    if (strcmp(name, "epoll") == 0)
        return LOOP_EPOLL;
    usage();
}

int main(int argc, char **argv)
{
    struct completion accept = {.done = accept_done};
    enum loop_backend backend = LOOP_AUTO;
    struct memory memory = {0};
    int port = 6400, error_code;
    const char *why;

    for (int i = 1; i < argc; i += 2) {
        if (i + 1 < argc && strcmp(argv[i], "--port") == 0)
            port = atoi(argv[i + 1]);
        else if (i + 1 < argc && strcmp(argv[i], "--net-backend") == 0)
            backend = backend_named(argv[i + 1]);
        else
            usage();
    }
    loop = loop_open(backend, &memory, &why, &error_code);
    if (!loop) {
        fprintf(stderr, "null_server: %s: %s\n", why, strerror(error_code));
        return 1;
    }
    loop_accept(loop, &accept, listen_on(port));
    for (;;)
        loop_wait(loop, -1);
}
