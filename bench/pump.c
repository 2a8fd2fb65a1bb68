/* Sends batches of requests that were encoded before, and counts what is answered.
 *
 *   pump --port P [--connections N] [--seconds S | --once] [--depth D] [--pause US] FILE...
 *
 * Connection i sends the batches of file i, or of file i modulo their number,
 * round and round until the time is over, or once; D batches of a connection are
 * under way at a time, and one begins US microseconds after the one before at
 * the earliest. A file is batches one after the other, each two numbers of four
 * bytes in the machine's order (how long it is, how many replies it has) and
 * its bytes. It understands as little of the replies as it has to, where each
 * ends and whether it is or holds an error, so that the server is what is measured. */
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <time.h>

#include "bench/dial.h"

enum { READ_BYTES = 1 << 18, LINE_BYTES = 64, WORST_BYTES = 160 };

struct batch {
    const char *bytes;
    uint32_t length, replies;
};

struct script {
    struct batch *batches;
    size_t count;
};

/* Where in the replies the bytes so far have ended. */
struct scanner {
    char line[LINE_BYTES]; /* the beginning of the present one */
    size_t line_length;
    int64_t skip_bytes;    /* of a bulk string, its line end included */
    int64_t elements_left; /* of the present reply */
};

struct conn {
    const struct script *script;
    struct scanner scanner;
    size_t next;      /* batch, as they are sent */
    size_t sent;      /* bytes of that one */
    size_t answering; /* batch, as they are answered */
    uint32_t replies; /* of that one */
    int under_way;
    uint64_t begun_us; /* when the last one was begun */
    int fd;
    bool wants_out;
};

static struct {
    int port, connections, depth;
    double seconds;
    uint64_t pause_us;
    bool once;
} options = {.connections = 1, .depth = 1, .seconds = 1};

static uint64_t replies, errors;
static char first_error[WORST_BYTES];
static uint64_t begin_us;
static size_t finished;

static uint64_t now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* --- Files --- */

static struct script read_script(const char *path)
{
    FILE *file = fopen(path, "rb");
    struct stat status;
    struct script script = {0};

    if (!file || fstat(fileno(file), &status) != 0)
        fail(path);
    char *bytes = malloc((size_t)status.st_size + 1);
    if (!bytes || fread(bytes, 1, (size_t)status.st_size, file) != (size_t)status.st_size)
        fail(path);
    fclose(file);
    for (const char *at = bytes, *end = bytes + status.st_size; at < end;) {
        uint32_t header[2];

        memcpy(header, at, sizeof header);
        script.batches = realloc(script.batches, (script.count + 1) * sizeof *script.batches);
        script.batches[script.count++] = (struct batch){at + sizeof header, header[0], header[1]};
        at += sizeof header + header[0];
    }
    return script;
}

/* --- Replies --- */

static void note_error(const char *line, size_t length)
{
    if (errors++ == 0)
        snprintf(first_error, sizeof first_error, "%.*s", (int)length, line);
}

/* A line has ended: an element, or the length of a bulk string. True where the reply has ended, too. */
static bool end_of_line(struct scanner *scanner)
{
    int64_t number = 0;

    scanner->line[scanner->line_length < LINE_BYTES ? scanner->line_length : LINE_BYTES - 1] = '\0';
    if (scanner->elements_left == 0)
        scanner->elements_left = 1;
    scanner->elements_left--;
    switch (scanner->line[0]) {
    case '-':
        note_error(scanner->line, scanner->line_length);
        break;
    case '*':
        number = strtoll(scanner->line + 1, NULL, 10);
        scanner->elements_left += number > 0 ? number : 0;
        break;
    case '$':
        number = strtoll(scanner->line + 1, NULL, 10);
        scanner->skip_bytes = number >= 0 ? number + 2 : 0;
        break;
    default:
        break;
    }
    scanner->line_length = 0;
    return scanner->elements_left == 0;
}

static uint32_t scan(struct scanner *scanner, const char *bytes, size_t length)
{
    uint32_t ended = 0;

    for (size_t at = 0; at < length;) {
        if (scanner->skip_bytes > 0) {
            size_t skipped = length - at;

            if ((int64_t)skipped > scanner->skip_bytes)
                skipped = (size_t)scanner->skip_bytes;
            scanner->skip_bytes -= (int64_t)skipped;
            at += skipped;
            continue;
        }
        if (bytes[at] == '\n')
            ended += end_of_line(scanner);
        else if (bytes[at] != '\r' && scanner->line_length < LINE_BYTES - 1)
            scanner->line[scanner->line_length++] = bytes[at];
        at++;
    }
    return ended;
}

/* --- Connections --- */

static bool is_out_of_batches(const struct conn *conn)
{
    return options.once && conn->next == conn->script->count;
}

static void count_replies(struct conn *conn, uint32_t ended)
{
    replies += ended;
    conn->replies += ended;
    while (conn->under_way > 0) {
        const struct batch *batch = &conn->script->batches[conn->answering % conn->script->count];

        if (conn->replies < batch->replies)
            return;
        conn->replies -= batch->replies;
        conn->answering++;
        if (--conn->under_way == 0 && is_out_of_batches(conn))
            finished++;
    }
}

static void take_replies(struct conn *conn)
{
    static char bytes[READ_BYTES];
    ssize_t length;

    while ((length = recv(conn->fd, bytes, sizeof bytes, 0)) > 0) {
        count_replies(conn, scan(&conn->scanner, bytes, (size_t)length));
        if ((size_t)length < sizeof bytes)
            return;
    }
    if (length == 0 || errno != EAGAIN)
        fail("the server closed a connection");
}

/* Bytes of a batch that was begun; false where the socket takes no more now. */
static bool send_rest(struct conn *conn)
{
    const struct batch *batch = &conn->script->batches[conn->next % conn->script->count];

    while (conn->sent < batch->length) {
        ssize_t length = send(conn->fd, batch->bytes + conn->sent, batch->length - conn->sent, MSG_NOSIGNAL);

        if (length < 0 && errno == EAGAIN)
            return false;
        if (length < 0)
            fail("send");
        conn->sent += (size_t)length;
    }
    conn->next++;
    conn->sent = 0;
    return true;
}

static bool may_begin(struct conn *conn, uint64_t now)
{
    return conn->under_way < options.depth && !is_out_of_batches(conn) && now - conn->begun_us >= options.pause_us;
}

static void watch(int epoll, struct conn *conn, bool wants_out)
{
    struct epoll_event event = {.events = EPOLLIN | (wants_out ? EPOLLOUT : 0), .data.ptr = conn};

    if (conn->wants_out == wants_out)
        return;
    conn->wants_out = wants_out;
    if (epoll_ctl(epoll, EPOLL_CTL_MOD, conn->fd, &event) != 0)
        fail("epoll_ctl");
}

/* With a pause, batches keep to a schedule, and what is missed is not made up for. */
static void begin_batches(int epoll, struct conn *conn)
{
    uint64_t now = options.pause_us ? now_us() : options.pause_us;

    while (conn->sent > 0 || may_begin(conn, now)) {
        if (conn->sent == 0) {
            conn->under_way++;
            conn->begun_us = now - conn->begun_us < 2 * options.pause_us ? conn->begun_us + options.pause_us : now;
        }
        if (!send_rest(conn)) {
            watch(epoll, conn, true);
            return;
        }
    }
    watch(epoll, conn, false);
}

static void open_conn(int epoll, struct conn *conn, const struct script *script)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = conn};

    *conn = (struct conn){.script = script, .fd = dial(options.port)};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, conn->fd, &event) != 0)
        fail("epoll_ctl");
}

/* --- The run --- */

static bool is_over(uint64_t now)
{
    return options.once ? finished == (size_t)options.connections : (double)(now - begin_us) >= options.seconds * 1e6;
}

/* Until a paused connection's next batch is due; a glance at the clock now and then else. */
static struct timespec patience(const struct conn *conns)
{
    uint64_t now = now_us(), wait_us = 20 * 1000;

    for (int i = 0; options.pause_us && i < options.connections; i++) {
        uint64_t due = conns[i].begun_us + options.pause_us;

        if (due <= now)
            wait_us = conns[i].under_way < options.depth ? 0 : wait_us;
        else if (due - now < wait_us)
            wait_us = due - now;
    }
    return (struct timespec){.tv_nsec = (long)wait_us * 1000};
}

static void wait_and_serve(int epoll, const struct conn *conns)
{
    struct epoll_event events[256];
    struct timespec wait = patience(conns);
    int count = epoll_pwait2(epoll, events, 256, &wait, NULL);

    for (int i = 0; i < count; i++) {
        struct conn *conn = events[i].data.ptr;

        if (events[i].events & ~(uint32_t)EPOLLOUT)
            take_replies(conn);
        begin_batches(epoll, conn);
    }
}

static void run(struct conn *conns)
{
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    uint64_t now;

    for (int i = 0; i < options.connections; i++)
        open_conn(epoll, &conns[i], conns[i].script);
    begin_us = now_us();
    for (int i = 0; i < options.connections; i++)
        begin_batches(epoll, &conns[i]);
    while (now = now_us(), !is_over(now)) {
        wait_and_serve(epoll, conns);
        for (int i = 0; options.pause_us && i < options.connections; i++)
            begin_batches(epoll, &conns[i]);
    }
    printf("%llu replies %.6f seconds %llu errors %s\n", (unsigned long long)replies, (double)(now - begin_us) / 1e6,
           (unsigned long long)errors, first_error);
}

static void read_options(int argc, char **argv)
{
    static const struct option known[] = {
        {"port", required_argument, 0, 'p'},
        {"connections", required_argument, 0, 'c'},
        {"depth", required_argument, 0, 'd'},
        {"seconds", required_argument, 0, 's'},
        {"pause", required_argument, 0, 'u'},
        {"once", no_argument, 0, 'o'},
        {0},
    };
    int letter;

    while ((letter = getopt_long(argc, argv, "", known, NULL)) != -1) {
        switch (letter) {
        case 'p':
            options.port = atoi(optarg);
            break;
        case 'c':
            options.connections = atoi(optarg);
            break;
        case 'd':
            options.depth = atoi(optarg);
            break;
        case 's':
            options.seconds = atof(optarg);
            break;
        case 'u':
            options.pause_us = (uint64_t)atoll(optarg);
            break;
        case 'o':
            options.once = true;
            break;
        default:
            exit(1);
        }
    }
}

int main(int argc, char **argv)
{
    read_options(argc, argv);
    if (optind == argc || options.port <= 0 || options.connections <= 0)
        fail("pump: --port and a file are needed");
    allow_connections(options.connections);
    int files = argc - optind;
    struct script *scripts = calloc((size_t)files, sizeof *scripts);
    struct conn *conns = calloc((size_t)options.connections, sizeof *conns);
    for (int i = 0; i < files; i++)
        scripts[i] = read_script(argv[optind + i]);
    for (int i = 0; i < options.connections; i++)
        conns[i].script = &scripts[i % files];
    run(conns);
    return 0;
}
