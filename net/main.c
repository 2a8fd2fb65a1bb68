/* shoal-server: settings, sockets, shards, signals, stop. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/command.h"
#include "core/config.h"
#include "core/keyspace.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/process.h"
#include "net/listener.h"
#include "net/net.h"
#include "net/placement.h"
#include "net/version.h"
#include "shards/loading.h"
#include "shards/shard.h"

static void print_usage(FILE *to)
{
    fputs("Usage: shoal-server [/path/to/redis.conf] [options] [-]\n"
          "       shoal-server - (read the configuration from standard input)\n"
          "       shoal-server -v or --version\n"
          "       shoal-server -h or --help\n"
          "\n"
          "Any directive of redis.conf may be given as an option, and these of Shoal's own:\n"
          "  --shards N                 threads, each with its slice of the keys (default: one per CPU)\n"
          "  --shard-cpus LIST|off      CPUs to pin them to, such as 0-3,8 (default: the first usable ones)\n"
          "  --net-backend WHICH        auto, io_uring or epoll (default: auto)\n"
          "  --affinity PATTERN         keys such as 'jobs:*:' are placed by what the * matches; repeatable\n"
          "  --affinity-preset NAME     the patterns of bullmq (default), bee-queue, celery, rq, asynq, sidekiq; or "
          "none\n"
          "  --spin-us N                longest wait for another shard before sleeping (default: 10)\n"
          "\n"
          "Examples:\n"
          "       shoal-server (with the defaults)\n"
          "       shoal-server /etc/shoal/broker.conf\n"
          "       shoal-server --port 7777 --shards 4\n"
          "       shoal-server /etc/redis/redis.conf --loglevel verbose\n",
          to);
}

static int fail(const char *error)
{
    fflush(stdout);
    fprintf(stderr, "%s\n", error);
    return 1;
}

/* Settings. */

static bool is_option(const char *argument)
{
    return strncmp(argument, "--", 2) == 0;
}

static bool load(struct config *config, struct server_facts *facts, int argc, char **argv, char *error,
                 size_t error_bytes)
{
    int first_option = 1;

    if (argc > 1 && !is_option(argv[1]) && strcmp(argv[1], "-") != 0) {
        first_option = 2;
        if (!realpath(argv[1], facts->config_file)) {
            snprintf(error, error_bytes, "Can't open config file '%s': %s", argv[1], strerror(errno));
            return false;
        }
        if (!config_load_file(config, argv[1], error, error_bytes))
            return false;
    }
    return config_load_options(config, argc - first_option, argv + first_option, error, error_bytes) &&
           config_validate(config, error, error_bytes);
}

/* access() would not do: it tells root that every folder can be written, even /proc. */
static bool can_make_files(void)
{
    char name[] = "shoal-probe-XXXXXX";
    int fd = mkostemp(name, O_CLOEXEC);

    if (fd < 0)
        return false;
    close(fd);
    unlink(name);
    return true;
}

static bool enter_data_folder(const struct config *config, char *error, size_t error_bytes)
{
    if (chdir(config->dir) != 0) {
        snprintf(error, error_bytes, "Can't chdir to '%s': %s", config->dir, strerror(errno));
        return false;
    }
    if (!can_make_files()) {
        snprintf(error, error_bytes, "The data folder '%s' can't be written: %s", config->dir, strerror(errno));
        return false;
    }
    return true;
}

static void fit_clients(struct config *config)
{
    int room = process_make_room(config->maxclients);

    if (room >= config->maxclients)
        return;
    config->maxclients = room;
    log_write(LOG_WARNING, "The limit of open files leaves room for no more clients: maxclients has been lowered to %d",
              room);
}

static void gather_facts(struct server_facts *facts, const struct config *config, const struct placement *placement)
{
    uint8_t random[20 + 32];
    struct timespec now;

    process_random(random, sizeof random);
    str_write_hex(facts->run_id, random, 40);
    keyspace_hash_seed(random + 20);
    clock_gettime(CLOCK_REALTIME, &now);
    facts->start_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    snprintf(facts->version, sizeof facts->version, "%s", SHOAL_VERSION);
    snprintf(facts->git_sha, sizeof facts->git_sha, "%s", version_git_sha());
    if (readlink("/proc/self/exe", facts->executable, sizeof facts->executable - 1) < 0)
        facts->executable[0] = '\0';
    facts->port = config->port;
    facts->process_id = (int)getpid();
    facts->shard_count = placement->shards;
}

/* Process. */

static void daemonize(void)
{
    int null;

    if (fork() != 0)
        _exit(0);
    setsid();
    null = open("/dev/null", O_RDWR);
    if (null < 0)
        return;
    dup2(null, STDIN_FILENO);
    dup2(null, STDOUT_FILENO);
    dup2(null, STDERR_FILENO);
    if (null > STDERR_FILENO)
        close(null);
}

static const char *pidfile_of(const struct config *config)
{
    if (config->pidfile[0])
        return config->pidfile;
    return config->daemonize ? "/var/run/shoal.pid" : NULL;
}

static void write_pidfile(const struct config *config)
{
    const char *path = pidfile_of(config);
    FILE *file = path ? fopen(path, "w") : NULL;

    if (file) {
        fprintf(file, "%d\n", (int)getpid());
        fclose(file);
    } else if (path) {
        log_write(LOG_WARNING, "Failed to write PID file %s: %s", path, strerror(errno));
    }
}

static void banner(const struct shard_group *group, const struct placement *placement, const struct net *net)
{
    log_write(LOG_NOTICE, "Shoal %s (%s), process %d, %d shard%s %s", SHOAL_VERSION, version_git_sha(), (int)getpid(),
              group->count, group->count == 1 ? "" : "s", placement->text);
    log_write(LOG_NOTICE, "Network: %s", group->shards[0]->loop_why);
    for (int i = 0; i < net->listener_count; i++)
        log_write(LOG_NOTICE, "Listening on %s", net->listeners[i].name);
}

/* Signals: blocked in all threads, taken here. */

static sigset_t stop_signals(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    return set;
}

static void reopen_log(void)
{
    if (log_reopen())
        log_write(LOG_NOTICE, "Log file opened again");
    else
        log_write(LOG_WARNING, "The log file can't be opened again: %s", strerror(errno));
}

/* It takes too long for somebody. The file that is being written is not to stay. */
static void exit_at_once(void)
{
    char temporary[64];

    log_write(LOG_WARNING, "You insist... exiting now.");
    snprintf(temporary, sizeof temporary, "temp-%d.rdb", (int)getpid());
    unlink(temporary);
    exit(1);
}

/* Whether the signal ends the server now: else the shards save first, and stop it then, or not. */
static bool ends(struct shard_group *group, int signal_number)
{
    struct shutdown *shutdown = &group->shutting_down;
    bool interrupts = signal_number == SIGINT;
    int flags = atomic_load_explicit(interrupts ? &shutdown->on_sigint : &shutdown->on_sigterm, memory_order_relaxed);
    int state = atomic_load_explicit(&shutdown->state, memory_order_acquire);

    if (state == SHUTDOWN_STOPS || loading_has_failed(group))
        return true;
    if (state == SHUTDOWN_UNDER_WAY && interrupts)
        exit_at_once();
    log_write(LOG_WARNING, "Received %s scheduling shutdown...", interrupts ? "SIGINT" : "SIGTERM");
    if (flags & SHUTDOWN_NO_SAVE || loading_is_under_way(group))
        return true;
    shutdown_by_signal(group, flags);
    return false;
}

static void wait_for_stop(struct shard_group *group, const sigset_t *signals)
{
    int signal_number = 0;

    for (;;) {
        if (sigwait(signals, &signal_number) != 0)
            continue;
        if (signal_number == SIGHUP)
            reopen_log();
        else if (ends(group, signal_number))
            return;
    }
}

/* The shards have nothing left to do. */
static void end_wait(struct completion *completion)
{
    (void)completion;
    kill(getpid(), SIGTERM);
}

/* Run. */

static bool start(struct shard_group *group, const struct placement *placement, char *error, size_t error_bytes)
{
    if (shard_group_start(group, placement->pinned ? placement->cpus : NULL))
        return true;
    for (int i = 0; i < group->count; i++) {
        if (!group->shards[i]->loop_error)
            continue;
        snprintf(error, error_bytes, "Shard %d can't start: %s: %s", i,
                 group->shards[i]->loop_why ? group->shards[i]->loop_why : "loop",
                 strerror(group->shards[i]->loop_error));
        break;
    }
    return false;
}

static enum loop_backend backend_of(const struct config *config)
{
    switch (config->net_backend) {
    case CONFIG_BACKEND_IO_URING:
        return LOOP_URING;
    case CONFIG_BACKEND_EPOLL:
        return LOOP_EPOLL;
    }
    return LOOP_AUTO;
}

static int serve(struct config *config, struct server_facts *facts, const struct placement *placement,
                 struct listener *listeners, int listener_count, const sigset_t *signals)
{
    struct completion shutdown = {.done = end_wait}, load_failed = {.done = end_wait};
    struct memory memory = {0};
    struct shard_group group;
    struct net net;
    const char *wrong;
    char error[512];

    if (!shard_group_init(&group, config, facts, placement->shards, &wrong)) {
        snprintf(error, sizeof error, "affinity '%s': a pattern is text with one '*' and text after it", wrong);
        return fail(error);
    }
    group.backend = backend_of(config);
    group.shutdown = &shutdown;
    net_init(&net, &memory, &group, listeners, listener_count);

    bool prepared = loading_prepare(&group, config, error, sizeof error) &&
                    aof_start_prepare(&group, config, error, sizeof error);
    bool failed = false;
    group.loading->failed = &load_failed;

    bool started = prepared && start(&group, placement, error, sizeof error);

    if (started) {
        banner(&group, placement, &net);
        loading_begin(&group);
        wait_for_stop(&group, signals);
        shard_group_stop(&group);
        failed = loading_has_failed(&group);
        if (!failed)
            log_write(LOG_WARNING, "Shoal is now ready to exit, bye bye...");
    }
    net_deinit(&net);
    shard_group_deinit(&group);
    return started ? failed : fail(error);
}

static int prepare_and_serve(struct config *config, struct server_facts *facts)
{
    struct listener listeners[LISTENERS_MAX];
    struct placement placement;
    char error[512];
    int listener_count, status;
    sigset_t signals = stop_signals();

    if (!placement_choose(&placement, config, error, sizeof error) || !enter_data_folder(config, error, sizeof error))
        return fail(error);
    if (config->daemonize)
        daemonize();
    fit_clients(config);
    gather_facts(facts, config, &placement);
    listener_count = listeners_open(listeners, config, error, sizeof error);
    if (listener_count < 0)
        return fail(error);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error of the write */
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    write_pidfile(config);
    config_log_unused(config);
    status = serve(config, facts, &placement, listeners, listener_count, &signals);
    listeners_close(listeners, listener_count);
    if (pidfile_of(config))
        unlink(pidfile_of(config));
    return status;
}

int main(int argc, char **argv)
{
    struct server_facts facts = {0};
    struct config config;
    char error[512];
    int status;

    if (argc == 2 && (strcmp(argv[1], "-v") == 0 || strcmp(argv[1], "--version") == 0)) {
        printf("Shoal server v=%s sha=%s bits=%d\n", SHOAL_VERSION, version_git_sha(), (int)sizeof(void *) * 8);
        return 0;
    }
    if (argc == 2 && (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0)) {
        print_usage(stdout);
        return 0;
    }
    memory_prepare();
    command_table_init();
    config_init(&config);
    if (!load(&config, &facts, argc, argv, error, sizeof error) ||
        !config_rename_commands(&config, error, sizeof error)) {
        status = fail(error);
    } else if (!log_open(config.logfile)) {
        snprintf(error, sizeof error, "Can't open the log file '%s': %s", config.logfile, strerror(errno));
        status = fail(error);
    } else {
        log_set_level((enum log_level)config.loglevel);
        status = prepare_and_serve(&config, &facts);
    }
    config_deinit(&config);
    return status;
}
