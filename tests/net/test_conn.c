/* One client's socket on a shard of its own, which the test steps: a socket
 * pair, a real loop on each backend. The client's end is driven by plain system
 * calls from the same thread. */
#include "net/conn.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/command.h"
#include "core/hash.h"
#include "core/keyspace.h"
#include "core/log.h"
#include "net/conn_limits.h"
#include "net/net.h"

enum { TURNS_MOST = 20000, ANSWER_MOST = 1 << 22 };

/* Defines the claim's body, and the two tests that call it. */
#define ON_BOTH_BACKENDS(claim)                                                                                        \
    static void claim(void);                                                                                           \
    Test(conn_uring, claim, .timeout = 30)                                                                             \
    {                                                                                                                  \
        start(LOOP_URING);                                                                                             \
        claim();                                                                                                       \
        stop();                                                                                                        \
    }                                                                                                                  \
    Test(conn_epoll, claim, .timeout = 30)                                                                             \
    {                                                                                                                  \
        start(LOOP_EPOLL);                                                                                             \
        claim();                                                                                                       \
        stop();                                                                                                        \
    }                                                                                                                  \
    static void claim(void)

static struct server_facts facts = {.shard_count = 1};
static struct shard_group group;
static struct net net;
static struct memory memory;
static struct shard *shard;
static int client;
static char answer[ANSWER_MOST];
static size_t answer_bytes;
static bool closed;

/* --- Support --- */

static void init_process(void)
{
    static const uint8_t secret[32] = "a secret that every test run has";

    log_set_level(LOG_NOTHING);
    if (!hash_is_seeded())
        keyspace_hash_seed(secret);
    command_table_init();
}

static void start(enum loop_backend backend)
{
    struct config config;
    const char *wrong, *why;
    int error_code;

    init_process();
    config_init(&config);
    config.save[0] = '\0'; /* nothing is saved by itself */
    cr_assert(shard_group_init(&group, &config, &facts, 1, &wrong));
    config_deinit(&config);
    net_init(&net, &memory, &group, NULL, 0);
    shard = group.shards[0];

    struct loop *loop = loop_open(backend, &shard->core.memory, &why, &error_code);

    if (!loop && backend == LOOP_URING)
        cr_skip_test("this machine refuses io_uring: %s", strerror(error_code));
    cr_assert_not_null(loop);
    cr_assert(shard_open(shard, loop));
    shard->started->done(shard->started);
}

/* A turn that does not sleep. */
static void turn(void)
{
    loop_wake(NULL, shard->loop);
    shard_turn(shard);
}

static void turns(int count)
{
    while (count-- > 0)
        turn();
}

static int connect_another(void)
{
    int fds[2];

    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    fcntl(fds[1], F_SETFL, O_NONBLOCK);
    net_count_in(&net, 0);
    conn_open(&net.shards[0], fds[0], false, "127.0.0.1:1", "127.0.0.1:2");
    return fds[1];
}

static void connect_client(void)
{
    client = connect_another();
}

static struct conn *conn(void)
{
    return conn_of_session(shard->core.sessions.oldest);
}

static size_t connections(void)
{
    return shard->core.sessions.count;
}

static void stop(void)
{
    shard->stopping->done(shard->stopping);
    for (int i = 0; connections() > 0; i++) {
        cr_assert_lt(i, TURNS_MOST, "a connection does not end");
        turn();
    }
    cr_assert_eq(atomic_load(&net.load[0].connections), 0);
    cr_assert_eq(atomic_load(&net.connections), 0);
    cr_assert_eq(shard->requests.live, 0);
    net_deinit(&net);
    shard_close(shard);
    shard_group_deinit(&group);
    cr_assert_eq(memory.used_bytes, 0);
    close(client);
}

static void write_bytes(const char *bytes, size_t length)
{
    while (length > 0) {
        ssize_t sent = send(client, bytes, length, MSG_NOSIGNAL);

        if (sent < 0) {
            cr_assert_eq(errno, EAGAIN, "%s", strerror(errno));
            turn();
            continue;
        }
        bytes += sent;
        length -= (size_t)sent;
    }
}

static void write_text(const char *text)
{
    write_bytes(text, strlen(text));
}

static void read_some(void)
{
    ssize_t got = recv(client, answer + answer_bytes, sizeof answer - 1 - answer_bytes, 0);

    if (got > 0)
        answer_bytes += (size_t)got;
    else if (got == 0 || errno != EAGAIN)
        closed = true;
    answer[answer_bytes] = '\0';
}

/* Takes turns until so much has been answered. */
static void read_answer(size_t length)
{
    answer_bytes = 0;
    for (int i = 0; i < TURNS_MOST && answer_bytes < length && !closed; i++) {
        turn();
        read_some();
    }
    cr_assert_eq(answer_bytes, length, "%zu bytes instead of %zu: %.200s", answer_bytes, length, answer);
}

static void expect(const char *expected)
{
    read_answer(strlen(expected));
    cr_assert_str_eq(answer, expected);
}

static void expect_silence(void)
{
    answer_bytes = 0;
    turns(5);
    read_some();
    cr_assert_eq(answer_bytes, 0, "%s", answer);
}

static void expect_closed(void)
{
    answer_bytes = 0;
    for (int i = 0; i < TURNS_MOST && !closed; i++) {
        turn();
        read_some();
    }
    cr_assert(closed, "still open");
    cr_assert_eq(answer_bytes, 0, "%.200s", answer);
    turns(3);
    cr_assert_eq(connections(), 0);
}

/* --- Requests --- */

ON_BOTH_BACKENDS(a_request_is_answered)
{
    connect_client();
    write_text("*1\r\n$4\r\nPING\r\n");
    expect("+PONG\r\n");
}

ON_BOTH_BACKENDS(inline_requests_are_answered)
{
    connect_client();
    write_text("SET a 'x y'\r\nGET a\n\r\n\r\nPING\r\n");
    expect("+OK\r\n$3\r\nx y\r\n+PONG\r\n");
}

ON_BOTH_BACKENDS(a_request_may_come_byte_by_byte)
{
    const char *text = "*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\nva\r\nl\r\n";

    connect_client();
    for (const char *byte = text; *byte; byte++) {
        cr_assert_eq(conn()->pipeline.count, 0);
        write_bytes(byte, 1);
        turns(2);
    }
    expect("+OK\r\n");
    write_text("GET key\r\n");
    expect("$5\r\nva\r\nl\r\n");
}

/* Wherever a pipeline is cut, its answers are the same. */
ON_BOTH_BACKENDS(a_pipeline_may_be_cut_anywhere)
{
    const char *text = "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$3\r\nabc\r\nAPPEND k de\r\n*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"
                       "*2\r\n$3\r\nDEL\r\n$1\r\nk\r\n";

    connect_client();
    for (size_t cut = 1; cut < strlen(text); cut++) {
        write_bytes(text, cut);
        turns(2);
        write_text(text + cut);
        expect("+OK\r\n:5\r\n$5\r\nabcde\r\n:1\r\n");
    }
}

/* Far more than may be in flight; many receives in one turn, whose requests lie in buffers that are reused. */
ON_BOTH_BACKENDS(a_long_pipeline_is_answered_in_order)
{
    enum { COUNT = 20000 };
    static char requests[COUNT * 16], expected[COUNT * 16];
    size_t length = 0, expected_length = 0, used;

    for (int i = 0; i < COUNT; i++) {
        length += (size_t)sprintf(requests + length, "INCRBY n %d\r\n", i);
        expected_length += (size_t)sprintf(expected + expected_length, ":%d\r\n", i * (i + 1) / 2);
    }
    connect_client();
    used = shard->core.memory.used_bytes;
    write_bytes(requests, length);
    expect(expected);
    cr_assert_lt(shard->core.memory.peak_bytes - used,
                 2 * CONN_IN_FLIGHT_MOST * sizeof(struct request) + 2 * sizeof requests);
}

/* The second receive of a turn completes requests in the query buffer, the third moves what is there. */
ON_BOTH_BACKENDS(requests_outlive_the_buffer_they_came_in)
{
    enum { COUNT = 2000, LENGTH = 113 };
    static char requests[COUNT * LENGTH + 1], expected[COUNT * 16];
    size_t expected_length = 0;
    int sum = 0;

    for (int i = 0; i < COUNT; i++) {
        sum += 1000 + i;
        cr_assert_eq(
            sprintf(requests + (size_t)i * LENGTH, "*3\r\n$6\r\nINCRBY\r\n$80\r\n%080d\r\n$4\r\n%d\r\n", 0, 1000 + i),
            LENGTH);
        expected_length += (size_t)sprintf(expected + expected_length, ":%d\r\n", sum);
    }
    connect_client();
    write_bytes(requests, sizeof requests - 1);
    expect(expected);
}

ON_BOTH_BACKENDS(a_large_value_goes_in_and_out)
{
    enum { LENGTH = 1000000 };
    static char value[LENGTH];
    char header[64];

    connect_client();
    for (int i = 0; i < LENGTH; i++)
        value[i] = (char)('a' + i % 26);
    sprintf(header, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%d\r\n", LENGTH);
    write_text(header);
    write_bytes(value, LENGTH);
    write_text("\r\n");
    expect("+OK\r\n");
    write_text("GET k\r\n");
    read_answer(10 + LENGTH + 2);
    cr_assert_eq(memcmp(answer, "$1000000\r\n", 10), 0);
    cr_assert_eq(memcmp(answer + 10, value, LENGTH), 0);
}

ON_BOTH_BACKENDS(connections_are_apart)
{
    int other;

    connect_client();
    other = client;
    connect_client();
    write_text("CLIENT SETNAME one\r\nSELECT 1\r\nSET k v\r\n");
    expect("+OK\r\n+OK\r\n+OK\r\n");
    close(client);
    client = other;
    write_text("CLIENT GETNAME\r\nGET k\r\n");
    expect("$-1\r\n$-1\r\n");
    cr_assert_eq(connections(), 1);
}

ON_BOTH_BACKENDS(it_is_counted)
{
    struct session *session;

    connect_client();
    write_text("PING\r\nNOSUCH\r\n");
    expect("+PONG\r\n-ERR unknown command 'NOSUCH', with args beginning with: \r\n");
    turns(2);
    session = &conn()->session;
    cr_assert_eq(session->commands, 2);
    cr_assert_eq(session->received_bytes, 14);
    cr_assert_eq(session->sent_bytes, answer_bytes);
    cr_assert_eq(shard->core.stats.received_bytes, 14);
    cr_assert_eq(shard->core.stats.sent_bytes, answer_bytes);
    cr_assert_eq(shard->core.stats.connections_accepted, 1);
}

/* --- Ends --- */

ON_BOTH_BACKENDS(a_protocol_error_is_answered_after_what_came_before_and_closes)
{
    connect_client();
    write_text("PING\r\n*1\r\n$x\r\nPING\r\nPING\r\n");
    expect("+PONG\r\n-ERR Protocol error: invalid bulk length\r\n");
    expect_closed();
    cr_assert_eq(shard->core.stats.protocol_errors, 1);
}

ON_BOTH_BACKENDS(quit_answers_and_closes_and_reads_no_more)
{
    connect_client();
    write_text("SET a 1\r\nQUIT\r\nSET a 2\r\n");
    expect("+OK\r\n+OK\r\n");
    expect_closed();
    closed = false;
    connect_client();
    write_text("GET a\r\n");
    expect("$1\r\n1\r\n");
}

ON_BOTH_BACKENDS(who_closes_only_his_side_gets_all_answers)
{
    enum { COUNT = 5000 }; /* more than may be in flight at once */
    static char expected[COUNT * 7];
    size_t length = 0;

    connect_client();
    for (int i = 1; i <= COUNT; i++) {
        write_text("INCR n\r\n");
        length += (size_t)sprintf(expected + length, ":%d\r\n", i);
    }
    shutdown(client, SHUT_WR);
    expect(expected);
    expect_closed();
}

ON_BOTH_BACKENDS(half_a_request_ends_with_its_connection)
{
    connect_client();
    write_text("*2\r\n$3\r\nGET\r\n$100\r\nabc");
    turns(3);
    shutdown(client, SHUT_WR);
    expect_closed();
}

ON_BOTH_BACKENDS(who_leaves_without_reading_is_forgotten)
{
    connect_client();
    write_text("SETRANGE k 900000 x\r\n");
    expect(":900001\r\n");
    write_text("GET k\r\nGET k\r\nGET k\r\n");
    turns(3);
    close(client);
    for (int i = 0; i < TURNS_MOST && connections() > 0; i++)
        turn();
    cr_assert_eq(connections(), 0);
    cr_assert_eq(shard->requests.live, 0);
}

ON_BOTH_BACKENDS(a_killed_client_is_closed)
{
    int other;

    connect_client();
    other = connect_another();
    write_text("CLIENT KILL TYPE normal SKIPME yes\r\n");
    expect(":1\r\n");
    turns(5);
    cr_assert_eq(connections(), 1);
    cr_assert_eq(recv(other, answer, 1, 0), 0);
    close(other);
}

/* --- The end of a send --- */

static void take_request_and_begin_answer(const char *text)
{
    write_text(text);
    while (connections() > 0 && !conn()->sending)
        turn();
}

static int timer_calls;

static void count_timer(struct completion *completion)
{
    timer_calls++;
}

/* A turn that sleeps as the shard does, and has a reason to end then. */
static int64_t sleep_us(int most_ms)
{
    struct completion waking = {.done = count_timer};
    struct timer timer = {.completion = &waking};
    int64_t began_us = loop_monotonic_us(shard->loop);

    timer_arm(&shard->timers, &timer, shard_now_ms(shard) + most_ms);
    shard_turn(shard);
    timer_disarm(&shard->timers, &timer);
    return loop_monotonic_us(shard->loop) - began_us;
}

ON_BOTH_BACKENDS(an_answer_leaves_without_a_turn_for_its_end)
{
    connect_client();
    take_request_and_begin_answer("PING\r\n");
    cr_assert_geq(sleep_us(20), 15000);
    answer_bytes = 0;
    read_some();
    cr_assert_str_eq(answer, "+PONG\r\n");
    cr_assert_not(conn()->sending);
}

ON_BOTH_BACKENDS(a_client_is_idle_since_its_answer_left)
{
    connect_client();
    take_request_and_begin_answer("PING\r\n");
    sleep_us(20);
    cr_assert_geq(shard_now_ms(shard) - conn()->session.active_ms, 15);
}

/* Nothing else happens: did the shard not wait for the end, it would sleep for ever. */
ON_BOTH_BACKENDS(who_is_to_go_goes_when_the_answer_has_left)
{
    static const char *const last_words[] = {"QUIT\r\n", "*1\r\n$x\r\n"};

    for (size_t i = 0; i < sizeof last_words / sizeof last_words[0]; i++) {
        connect_client();
        take_request_and_begin_answer(last_words[i]);
        while (connections() > 0)
            shard_turn(shard);
        close(client);
    }
    connect_client();
    shutdown(client, SHUT_WR);
    while (connections() > 0)
        shard_turn(shard);
}

/* There are more answers when the first of them leave. Only behind the last is there nothing to wake up for. */
ON_BOTH_BACKENDS(answers_that_come_while_others_leave_follow_them)
{
    enum { COUNT = 2 * CONN_IN_FLIGHT_MOST + 1, ANSWER = 7 };

    connect_client();
    for (int i = 0; i < COUNT; i++)
        write_text("PING\r\n");
    timer_calls = 0;
    for (answer_bytes = 0; answer_bytes < COUNT * ANSWER; read_some())
        sleep_us(500);
    cr_assert_eq(answer_bytes, COUNT * ANSWER);
    cr_assert_leq(timer_calls, 1);
}

/* --- CLIENT REPLY --- */

ON_BOTH_BACKENDS(reply_off_silences_until_on)
{
    connect_client();
    write_text("CLIENT REPLY OFF\r\nSET a 1\r\nNOSUCH\r\nPING\r\n");
    expect_silence();
    write_text("CLIENT REPLY ON\r\nGET a\r\n");
    expect("+OK\r\n$1\r\n1\r\n");
}

ON_BOTH_BACKENDS(reply_skip_silences_one_command)
{
    connect_client();
    write_text("CLIENT REPLY SKIP\r\nSET a 1\r\nGET a\r\nCLIENT REPLY SKIP\r\nPING\r\nPING x\r\n");
    expect("$1\r\n1\r\n$1\r\nx\r\n");
    write_text("CLIENT REPLY SKIP\r\nNOSUCH\r\nPING\r\n");
    expect("+PONG\r\n");
}

/* --- Limits --- */

ON_BOTH_BACKENDS(a_query_beyond_its_limit_closes)
{
    static char bytes[300000];

    connect_client();
    shard->core.config.client_query_buffer_limit = 200000;
    memset(bytes, 'x', sizeof bytes);
    write_text("*2\r\n$3\r\nGET\r\n$900000\r\n");
    write_bytes(bytes, 100000);
    turns(10);
    cr_assert_eq(connections(), 1);
    send(client, bytes, sizeof bytes, MSG_NOSIGNAL);
    expect_closed();
    cr_assert_eq(shard->core.stats.clients_killed_by_query_limit, 1);
}

ON_BOTH_BACKENDS(an_output_beyond_its_hard_limit_closes)
{
    connect_client();
    shard->core.config.output_limits[CLIENT_CLASS_NORMAL].hard_bytes = 500000;
    write_text("SETRANGE k 99999 x\r\n");
    expect(":100000\r\n");
    for (int i = 0; i < 20; i++)
        write_text("GET k\r\n");
    for (int i = 0; i < TURNS_MOST && connections() > 0; i++)
        turn();
    cr_assert_eq(connections(), 0);
    cr_assert_eq(shard->core.stats.clients_killed_by_output_limit, 1);
}

/* Behind an earlier one that is not there yet, say on another shard. */
ON_BOTH_BACKENDS(ready_answers_count_against_the_hard_limit_before_they_can_be_sent)
{
    connect_client();
    shard->core.config.output_limits[CLIENT_CLASS_NORMAL].hard_bytes = 500000;
    conn()->pipeline.ready_bytes = 500000;
    cr_assert(conn_check_output_limit(conn()));
    conn()->pipeline.ready_bytes++;
    cr_assert_not(conn_check_output_limit(conn()));
    conn()->pipeline.ready_bytes = 0;
    expect_closed();
}

/* Small answers between large ones do not make it forget. */
ON_BOTH_BACKENDS(answers_under_way_are_bounded_whatever_their_order)
{
    enum { LARGE = 400000, SMALL = 1500, ROUNDS = 4, MOST = 2 * CONN_ANSWERS_MOST };
    size_t expected = (size_t)ROUNDS * (SMALL * 7 + 40 * (LARGE + 11)), got = 0, used;
    static char requests[ROUNDS * (SMALL * 7 + 40 * 11) + 1];
    size_t length = 0;

    connect_client();
    write_text("SETRANGE large 399999 x\r\nSET s v\r\nGET large\r\n");
    read_answer(9 + 5 + LARGE + 11);
    used = shard->core.memory.used_bytes;
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < SMALL; i++)
            length += (size_t)sprintf(requests + length, "GET s\r\n");
        for (int i = 0; i < 40; i++)
            length += (size_t)sprintf(requests + length, "GET large\r\n");
    }
    write_bytes(requests, length);
    for (int i = 0; i < TURNS_MOST && got < expected; i++) {
        answer_bytes = 0;
        turn();
        cr_assert_lt(shard->core.memory.used_bytes - used,
                     MOST + CONN_UNREAD_OUTPUT_MOST + CONN_IN_FLIGHT_MOST * sizeof(struct request) + sizeof requests);
        read_some();
        got += answer_bytes;
    }
    cr_assert_eq(got, expected);
}

ON_BOTH_BACKENDS(large_answers_are_forgotten_with_time)
{
    connect_client();
    cr_assert_eq(conn()->in_flight_most, CONN_ANSWERS_MOST / CONN_ANSWER_GUESS);
    conn_note_answer(conn(), 1 << 20);
    cr_assert_eq(conn()->in_flight_most, 8);
    conn_note_answer(conn(), 100);
    conn_note_answers(conn(), CONN_IN_FLIGHT_MOST - 1);
    cr_assert_eq(conn()->in_flight_most, 8);
    conn_note_answers(conn(), 1);
    cr_assert_eq(conn()->in_flight_most, 16);
    for (int i = 0; i < 20; i++)
        conn_note_answers(conn(), CONN_IN_FLIGHT_MOST);
    cr_assert_eq(conn()->in_flight_most, CONN_IN_FLIGHT_MOST);
    conn_note_answer(conn(), 512 << 20);
    cr_assert_eq(conn()->in_flight_most, 1);
}

/* Without a limit a client that does not read is not served beyond what it has in flight. */
ON_BOTH_BACKENDS(who_does_not_read_is_held_back_and_loses_nothing)
{
    enum { COUNT = 10000, LENGTH = 2000, ANSWER = LENGTH + 9 };
    size_t expected = (size_t)COUNT * ANSWER, got = 0;

    connect_client();
    write_text("SETRANGE k 1999 x\r\n");
    expect(":2000\r\n");
    for (int i = 0; i < COUNT; i++)
        write_text("GET k\r\n");
    turns(50);
    cr_assert_lt(conn()->output.bytes, CONN_UNREAD_OUTPUT_MOST + CONN_IN_FLIGHT_MOST * ANSWER);
    for (int i = 0; i < TURNS_MOST && got < expected; i++) {
        answer_bytes = 0;
        turn();
        read_some();
        got += answer_bytes;
    }
    cr_assert_eq(got, expected);
}

/* A client that goes on asking meanwhile fills its socket, not the server. */
ON_BOTH_BACKENDS(who_is_held_back_is_not_read_without_end)
{
    static char pings[64 * 1024];
    size_t sent = 0;

    connect_client();
    write_text("SETRANGE k 1999999 x\r\n");
    expect(":2000000\r\n");
    write_text("GET k\r\n");
    turns(3);
    for (size_t i = 0; i + 6 <= sizeof pings; i += 6)
        memcpy(pings + i, "PING\r\n", 6);
    for (int quiet = 0; quiet < 20;) {
        ssize_t now = send(client, pings, sizeof pings, MSG_NOSIGNAL);

        cr_assert_lt(sent, 64 << 20, "it takes everything");
        sent += now > 0 ? (size_t)now : 0;
        quiet = now > 0 ? 0 : quiet + 1;
        turn();
    }
    cr_assert_leq(conn()->query.length, CONN_UNPARSED_MOST + (1 << 20));
}

ON_BOTH_BACKENDS(before_the_password_little_is_read)
{
    static char password[] = "secret";
    char *before = shard->core.config.requirepass;

    shard->core.config.requirepass = password;
    connect_client();
    cr_assert_not(conn()->session.authenticated);
    write_text("GET a\r\n");
    expect("-NOAUTH Authentication required.\r\n");
    write_text("*11\r\n");
    expect("-ERR Protocol error: unauthenticated multibulk length\r\n");
    expect_closed();
    shard->core.config.requirepass = before;
}

/* --- A connection's share of a turn --- */

static int64_t command_ns, clock_now_ns;

/* Each command takes as long as the test says. */
static int64_t test_clock_ns(void *context)
{
    return clock_now_ns += command_ns;
}

static void let_commands_take(int64_t ns)
{
    command_ns = ns;
    shard->core.command_stats.clock = (struct command_clock){test_clock_ns, NULL};
}

/* As one whose answers were all small. */
static void connect_known_client(void)
{
    connect_client();
    for (int i = 0; i < 20; i++)
        conn_note_answers(conn(), CONN_IN_FLIGHT_MOST);
    cr_assert_eq(conn()->in_flight_most, CONN_IN_FLIGHT_MOST);
}

static void write_increments(int count)
{
    for (int i = 0; i < count; i++)
        write_text("INCR n\r\n");
}

/* How many have been executed when another's request is, which came when some had been answered. */
static int seen_by_another(int other)
{
    char reply[64] = "";

    cr_assert_eq(send(other, "GET n\r\n", 7, MSG_NOSIGNAL), 7);
    for (int i = 0; i < TURNS_MOST; i++) {
        int length, seen;

        turn();
        if (recv(other, reply, sizeof reply - 1, 0) > 0 && sscanf(reply, "$%d %d", &length, &seen) == 2)
            return seen;
    }
    cr_assert(false, "no answer: %s", reply);
    return 0;
}

static int executed(void)
{
    return (int)shard->core.stats.executed;
}

/* The first of them are told from others by their time; then others wait for two shares at most. */
ON_BOTH_BACKENDS(a_pipeline_of_long_requests_leaves_room_for_others)
{
    enum { COUNT = 1500, SHARE = 10 };
    static char expected[COUNT * 7];
    size_t length = 0;
    int other, before;

    connect_known_client();
    other = connect_another();
    turns(3);
    let_commands_take(CONN_SHARE_NS / SHARE);
    write_increments(COUNT / 2);
    write_increments(COUNT / 2);
    while (executed() == 0)
        turn();
    turns(10);
    for (int i = 0; i < 20; i++) {
        before = executed();
        cr_assert_leq(seen_by_another(other), before + 3 * SHARE);
    }
    cr_assert_lt(executed(), COUNT);
    for (int i = 1; i <= COUNT; i++)
        length += (size_t)sprintf(expected + length, ":%d\r\n", i);
    expect(expected);
    close(other);
}

ON_BOTH_BACKENDS(a_pipeline_of_short_requests_fills_a_turn)
{
    connect_known_client();
    let_commands_take(200);
    for (int i = 0; i < 5; i++) {
        uint64_t before = shard->core.stats.executed;

        answer_bytes = 0;
        write_increments(1000);
        while (shard->core.stats.executed == before)
            turn();
        turn();
        cr_assert_eq(shard->core.stats.executed - before, 1000);
        turn();
        read_some();
    }
}

/* However long they take: their messages then share a send. */
ON_BOTH_BACKENDS(a_pipeline_of_messages_fills_a_turn)
{
    enum { COUNT = 16 };

    connect_known_client();
    let_commands_take(2 * CONN_SHARE_NS);
    for (int i = 0; i < 5; i++) {
        int before = executed();

        answer_bytes = 0;
        for (int message = 0; message < COUNT; message++)
            write_text("PUBLISH channel message\r\n");
        while (executed() == before)
            turn();
        cr_assert_eq(executed() - before, COUNT);
        turn();
        read_some();
    }
}

/* What takes long among what does not is soon forgotten, and a single request always goes. */
ON_BOTH_BACKENDS(long_requests_are_forgotten_with_time)
{
    connect_known_client();
    conn()->spent_ns = 100 * (int64_t)CONN_SHARE_NS;
    conn_note_answers(conn(), 1);
    cr_assert_eq(conn()->in_flight_most, 1);
    for (int i = 0; conn()->request_ns > 0; i++) {
        cr_assert_lt(i, 1000);
        conn_note_answers(conn(), conn()->in_flight_most);
    }
    cr_assert_eq(conn()->in_flight_most, CONN_IN_FLIGHT_MOST);
}

/* Nothing of it is left lying, whatever stands in between. */
ON_BOTH_BACKENDS(what_is_taken_in_lots_is_taken_to_its_end)
{
    enum { COUNT = 300 };
    static char expected[8 * COUNT];
    size_t length = 0;
    int waiter = 0;

    connect_known_client();
    waiter = client;
    connect_client();
    let_commands_take(CONN_SHARE_NS / 5);

    int other = client;

    client = waiter;
    for (int i = 1; i <= COUNT; i++) {
        write_text("INCR n\r\n");
        length += (size_t)sprintf(expected + length, ":%d\r\n", i);
    }
    expect(expected);
    write_increments(30);
    write_text("BLPOP list 0\r\nCLIENT PAUSE 100000 WRITE\r\n");
    write_increments(30);
    write_text("QUIT\r\nINCR n\r\n");
    turns(200);
    client = other;
    write_text("RPUSH list v\r\n");
    expect(":1\r\n");
    turns(200);
    write_text("GET n\r\nCLIENT UNPAUSE\r\n");
    expect("$3\r\n330\r\n+OK\r\n");
    client = waiter;
    length = 0;
    for (int i = 1; i <= 60; i++) {
        length += (size_t)sprintf(expected + length, ":%d\r\n", COUNT + i);
        if (i == 30)
            length += (size_t)sprintf(expected + length, "*2\r\n$4\r\nlist\r\n$1\r\nv\r\n+OK\r\n");
    }
    sprintf(expected + length, "+OK\r\n");
    for (answer_bytes = 0; !closed; turn())
        read_some();
    cr_assert_str_eq(answer, expected);
    client = other;
    closed = false;
    write_text("GET n\r\n");
    expect("$3\r\n360\r\n");
}

ON_BOTH_BACKENDS(who_closes_his_side_behind_long_requests_gets_all_answers)
{
    enum { COUNT = 1000 };
    static char expected[COUNT * 7];
    size_t length = 0;

    connect_known_client();
    let_commands_take(CONN_SHARE_NS / 3);
    for (int i = 1; i <= COUNT; i++)
        length += (size_t)sprintf(expected + length, ":%d\r\n", i);
    write_increments(COUNT);
    shutdown(client, SHUT_WR);
    expect(expected);
    expect_closed();
}

/* --- CLIENT PAUSE --- */

ON_BOTH_BACKENDS(a_pause_holds_writes_back_and_lets_reads_through)
{
    connect_client();
    write_text("CLIENT PAUSE 100000 WRITE\r\n");
    expect("+OK\r\n");
    write_text("GET a\r\n");
    expect("$-1\r\n");
    write_text("SET a 1\r\nGET a\r\n");
    expect_silence();

    int held = client;

    connect_client();
    write_text("CLIENT UNPAUSE\r\n");
    expect("+OK\r\n");
    close(client);
    client = held;
    expect("+OK\r\n$1\r\n1\r\n");
}

/* The pipeline is full when the pause ends. */
ON_BOTH_BACKENDS(what_a_pause_held_back_goes_on_when_there_is_room)
{
    connect_client();
    write_text("CLIENT PAUSE 100000 WRITE\r\n");
    expect("+OK\r\n");
    write_text("SET a 1\r\nGET a\r\n");
    expect_silence();
    cr_assert(conn()->paused);
    sessions_set_pause(&shard->core.sessions, SESSION_PAUSE_NONE, 0);
    conn()->in_flight_most = 0;
    turns(3);
    conn()->in_flight_most = 1;
    conn()->flush.done(&conn()->flush); /* as when an answer leaves */
    expect("+OK\r\n$1\r\n1\r\n");
}

ON_BOTH_BACKENDS(nothing_is_parsed_behind_a_fence)
{
    connect_client();
    write_text("GET a\r\nCLIENT PAUSE 100000 WRITE\r\nSET a 1\r\nGET a\r\n");
    expect("$-1\r\n+OK\r\n");
    turns(5);
    cr_assert_eq(conn()->pipeline.count, 0);
    cr_assert_not(conn()->fenced);
    cr_assert(conn()->paused);
}

ON_BOTH_BACKENDS(a_pause_ends_by_itself)
{
    connect_client();
    write_text("CLIENT PAUSE 30\r\n");
    expect("+OK\r\n");
    write_text("PING\r\n");
    for (answer_bytes = 0; answer_bytes == 0;) { /* sleeps as the shard does */
        loop_await_sends(shard->loop);
        shard_turn(shard);
        read_some();
    }
    cr_assert_str_eq(answer, "+PONG\r\n");
}
