/* What an accepted socket says of its two ends. */
#include "net/address.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/listener.h"

static int listening, client, accepted;

/* A connection over the loopback of a family, its client at the given end. */
static void connect_over(struct sockaddr *address, socklen_t length)
{
    listening = socket(address->sa_family, SOCK_STREAM, 0);
    if (bind(listening, address, length) != 0)
        cr_skip_test("this machine lacks the address");
    cr_assert_eq(listen(listening, 1), 0);
    getsockname(listening, address, &length);
    client = socket(address->sa_family, SOCK_STREAM, 0);
    cr_assert_eq(connect(client, address, length), 0);
    accepted = accept(listening, NULL, NULL);
    cr_assert_geq(accepted, 0);
}

static void connect_v4(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    connect_over((struct sockaddr *)&address, sizeof address);
}

static int port_of(int fd)
{
    struct sockaddr_in6 address;
    socklen_t length = sizeof address;

    getsockname(fd, (struct sockaddr *)&address, &length);
    return ntohs(address.sin6_port); /* at the same place in both families */
}

static void expect_ends(const char *format)
{
    static const struct listener listener = {.fd = -1};
    struct address_pair pair = address_pair_of(accepted, &listener);
    char expected[64];

    snprintf(expected, sizeof expected, format, port_of(client));
    cr_assert_str_eq(pair.peer, expected);
    snprintf(expected, sizeof expected, format, port_of(accepted));
    cr_assert_str_eq(pair.local, expected);
    cr_assert(pair.peer_is_local);
}

Test(address, an_ipv4_end_is_host_and_port)
{
    connect_v4();
    expect_ends("127.0.0.1:%d");
}

Test(address, an_ipv6_end_has_brackets)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};

    connect_over((struct sockaddr *)&address, sizeof address);
    expect_ends("[::1]:%d");
}

Test(address, a_unix_socket_is_its_path_on_both_ends)
{
    struct listener listener = {.unix_socket = true, .path = "/run/shoal.sock"};
    struct address_pair pair = address_pair_of(-1, &listener);

    cr_assert_str_eq(pair.peer, "/run/shoal.sock:0");
    cr_assert_str_eq(pair.local, "/run/shoal.sock:0");
    cr_assert(pair.peer_is_local);
}

Test(address, a_long_path_is_cut)
{
    struct listener listener = {.unix_socket = true};

    memset(listener.path, 'p', sizeof listener.path - 1);
    cr_assert_eq(strlen(address_pair_of(-1, &listener).peer), 62);
}

Test(address, a_socket_without_ends_is_no_local_one)
{
    static const struct listener listener = {.fd = -1};
    struct address_pair pair = address_pair_of(-1, &listener);

    cr_assert_str_eq(pair.peer, "?:0");
    cr_assert_not(pair.peer_is_local);
}

static int option_of(int level, int name)
{
    int value = -1;
    socklen_t length = sizeof value;

    getsockopt(accepted, level, name, &value, &length);
    return value;
}

Test(address, tuning_turns_off_delays_and_probes_silent_clients)
{
    connect_v4();
    address_tune(accepted, 300);
    cr_assert_neq(option_of(IPPROTO_TCP, TCP_NODELAY), 0);
    cr_assert_neq(option_of(SOL_SOCKET, SO_KEEPALIVE), 0);
    cr_assert_eq(option_of(IPPROTO_TCP, TCP_KEEPIDLE), 300);
    cr_assert_eq(option_of(IPPROTO_TCP, TCP_KEEPINTVL), 100);
    cr_assert_eq(option_of(IPPROTO_TCP, TCP_KEEPCNT), 3);
}

Test(address, no_probes_are_sent_where_none_are_wanted)
{
    connect_v4();
    address_tune(accepted, 0);
    cr_assert_neq(option_of(IPPROTO_TCP, TCP_NODELAY), 0);
    cr_assert_eq(option_of(SOL_SOCKET, SO_KEEPALIVE), 0);
}

Test(address, probes_of_a_second_have_an_interval_of_one)
{
    connect_v4();
    address_tune(accepted, 1);
    cr_assert_eq(option_of(IPPROTO_TCP, TCP_KEEPINTVL), 1);
}

Test(address, a_refusal_reaches_the_client)
{
    char text[64] = "";

    connect_v4();
    address_refuse(accepted, "-ERR go away\r\n");
    close(accepted);
    cr_assert_eq(recv(client, text, sizeof text, MSG_WAITALL), 14);
    cr_assert_str_eq(text, "-ERR go away\r\n");
}

Test(address, refusing_who_has_left_is_no_error)
{
    connect_v4();
    close(client);
    address_refuse(accepted, "-ERR go away\r\n");
    address_refuse(accepted, "-ERR go away\r\n"); /* would raise SIGPIPE */
}
