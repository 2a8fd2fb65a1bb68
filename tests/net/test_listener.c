/* Listening sockets, each tried with a real connection. */
#include "net/listener.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/config.h"
#include "core/log.h"

static struct listener listeners[LISTENERS_MAX];
static struct config config;
static char error[512];
static char folder[64], path[96];

/* In the place of the C library's, which may change errno: this one does. */
void freeaddrinfo(struct addrinfo *found)
{
    void (*library_freeaddrinfo)(struct addrinfo *) = dlsym(RTLD_NEXT, "freeaddrinfo");

    library_freeaddrinfo(found);
    errno = EADDRINUSE;
}

static void begin(void)
{
    log_set_level(LOG_NOTHING);
    config_init(&config);
    config.save[0] = '\0'; /* nothing is saved by itself */
    strcpy(folder, "/tmp/shoal-listener-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/shoal.sock", folder);
}

static void end(void)
{
    config_deinit(&config);
    unlink(path);
    rmdir(folder);
}

TestSuite(listener, .init = begin, .fini = end);

static void set(const char *line)
{
    char copy[256], *words[8], text[256];
    int count = 0;

    snprintf(copy, sizeof copy, "%s", line);
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
        words[count++] = word;
    cr_assert(config_load_options(&config, count, words, text, sizeof text), "%s", text);
}

/* A port that nobody has at the moment. */
static int free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    cr_assert_eq(bind(fd, (struct sockaddr *)&address, length), 0);
    getsockname(fd, (struct sockaddr *)&address, &length);
    close(fd);
    return ntohs(address.sin_port);
}

static void set_free_port(void)
{
    char line[32];

    snprintf(line, sizeof line, "--port %d", free_port());
    set(line);
}

static void expect_open(int count)
{
    int opened = listeners_open(listeners, &config, error, sizeof error);

    cr_assert_eq(opened, count, "%d: %s", opened, error);
}

static void expect_refused(const char *text)
{
    cr_assert_eq(listeners_open(listeners, &config, error, sizeof error), -1);
    cr_assert_not_null(strstr(error, text), "%s", error);
}

static bool connects(const char *host)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)config.port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    inet_pton(AF_INET, host, &address.sin_addr);

    bool connected = connect(fd, (struct sockaddr *)&address, sizeof address) == 0;

    close(fd);
    return connected;
}

static bool connects_to_path(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    strcpy(address.sun_path, path);

    bool connected = connect(fd, (struct sockaddr *)&address, sizeof address) == 0;

    close(fd);
    return connected;
}

static bool has_ipv6(void)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_STREAM, 0);
    bool has = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0;

    close(fd);
    return has;
}

Test(listener, listens_on_every_address_and_on_no_other)
{
    set_free_port();
    set("--bind 127.0.0.1 127.0.0.3");
    expect_open(2);
    cr_assert(connects("127.0.0.1"));
    cr_assert(connects("127.0.0.3"));
    cr_assert_not(connects("127.0.0.2"));
    cr_assert_not(listeners[0].unix_socket);
    listeners_close(listeners, 2);
    cr_assert_not(connects("127.0.0.1"));
}

Test(listener, a_star_is_every_address)
{
    char name[32];

    set_free_port();
    set("--bind *");
    expect_open(1);
    cr_assert(connects("127.0.0.2"));
    snprintf(name, sizeof name, "*:%d", config.port);
    cr_assert_str_eq(listeners[0].name, name);
    listeners_close(listeners, 1);
}

Test(listener, both_families_share_a_port)
{
    char name[32];

    if (!has_ipv6())
        cr_skip_test("this machine has no IPv6");
    set_free_port();
    set("--bind * ::*");
    expect_open(2);
    listeners_close(listeners, 2);
    set("--bind 127.0.0.1 ::1");
    expect_open(2);
    snprintf(name, sizeof name, "[::1]:%d", config.port);
    cr_assert_str_eq(listeners[1].name, name);
    listeners_close(listeners, 2);
}

Test(listener, an_optional_address_may_be_missing)
{
    set_free_port();
    set("--bind 127.0.0.1 -203.0.113.7");
    expect_open(1);
    listeners_close(listeners, 1);
}

Test(listener, an_address_that_is_not_ours_is_named)
{
    set_free_port();
    set("--bind 127.0.0.1 203.0.113.7");
    expect_refused("203.0.113.7");
    cr_assert_not_null(strstr(error, "Cannot assign requested address"), "%s", error);
    cr_assert_not(connects("127.0.0.1"), "what was open is closed again");
}

Test(listener, a_name_that_does_not_resolve_is_named)
{
    set_free_port();
    set("--bind no.such.host.invalid");
    expect_refused("no.such.host.invalid");
}

Test(listener, a_port_in_use_is_named)
{
    static struct listener others[LISTENERS_MAX];
    char name[32];

    set_free_port();
    set("--bind 127.0.0.1");
    cr_assert_eq(listeners_open(others, &config, error, sizeof error), 1);
    snprintf(name, sizeof name, "127.0.0.1:%d", config.port);
    expect_refused(name);
    cr_assert_not_null(strstr(error, "Address already in use"), "%s", error);
    listeners_close(others, 1);
    expect_open(1);
    listeners_close(listeners, 1);
}

Test(listener, a_port_in_use_is_an_error_for_optional_addresses_too)
{
    static struct listener others[LISTENERS_MAX];

    set_free_port();
    set("--bind -127.0.0.1");
    cr_assert_eq(listeners_open(others, &config, error, sizeof error), 1);
    expect_refused("Address already in use");
    listeners_close(others, 1);
}

Test(listener, a_unix_socket_has_its_permissions_and_goes_with_the_listener)
{
    char line[160];
    struct stat status;

    snprintf(line, sizeof line, "--port 0 --unixsocket %s --unixsocketperm 710", path);
    set(line);
    expect_open(1);
    cr_assert(listeners[0].unix_socket);
    cr_assert_str_eq(listeners[0].name, path);
    cr_assert_eq(stat(path, &status), 0);
    cr_assert_eq(status.st_mode & 0777, 0710);
    cr_assert(connects_to_path());
    listeners_close(listeners, 1);
    cr_assert_eq(stat(path, &status), -1);
}

Test(listener, a_stale_socket_file_is_replaced)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    char line[160];

    strcpy(address.sun_path, path);
    cr_assert_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(fd); /* as after a crash: the file is there, nobody listens */
    cr_assert_not(connects_to_path());
    snprintf(line, sizeof line, "--port 0 --unixsocket %s", path);
    set(line);
    expect_open(1);
    cr_assert(connects_to_path());
    listeners_close(listeners, 1);
}

Test(listener, tcp_and_unix_go_together)
{
    char line[160];

    set_free_port();
    snprintf(line, sizeof line, "--bind 127.0.0.1 --unixsocket %s", path);
    set(line);
    expect_open(2);
    cr_assert(connects("127.0.0.1"));
    cr_assert(connects_to_path());
    listeners_close(listeners, 2);
}

Test(listener, a_socket_in_a_folder_that_is_not_there_is_named)
{
    set("--port 0 --unixsocket /nonexistent/shoal.sock");
    expect_refused("/nonexistent/shoal.sock: No such file or directory");
}

Test(listener, a_path_that_is_too_long_is_refused)
{
    char line[256];

    snprintf(line, sizeof line, "--port 0 --unixsocket /tmp/%0150d", 1);
    set(line);
    expect_refused("too long");
}

Test(listener, without_anything_to_listen_on_it_says_so)
{
    set("--port 0");
    expect_refused("Configured to not listen anywhere");
}
