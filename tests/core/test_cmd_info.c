#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/info.h"
#include "core/keyspace.h"
#include "tests/support/command_scatter.h"

static struct command_run run;

static void begin(void)
{
    command_run_init(&run, 2);
    snprintf(run.facts.run_id, sizeof(run.facts.run_id), "0123456789abcdef0123456789abcdef01234567");
    snprintf(run.facts.version, sizeof(run.facts.version), "0.1.0");
    run.facts.port = 6379;
    run.facts.process_id = 4711;
    run.facts.start_ms = run.now_ms - 90061000;
    run.cores[0].net_backend = run.cores[1].net_backend = "io_uring";
}

static void end(void)
{
    command_run_deinit(&run);
}

TestSuite(cmd_info, .init = begin, .fini = end);

static bool contains(struct str reply, const char *text)
{
    return memmem(reply.bytes, reply.length, text, strlen(text)) != NULL;
}

static void expect_lines(const char *command, const char *const *lines)
{
    struct str reply = command_scatter(&run, command);

    for (; *lines; lines++) {
        char line[256];

        snprintf(line, sizeof(line), "\n%s\r\n", *lines);
        cr_assert(contains(reply, line), "%s lacks %s:\n%.*s", command, *lines, (int)reply.length, reply.bytes);
    }
}

/* The number after "name:", -1 when there is none. */
static long long number_of(struct str reply, const char *name)
{
    char start[128];
    const char *at;

    snprintf(start, sizeof(start), "\n%s:", name);
    at = memmem(reply.bytes, reply.length, start, strlen(start));
    return at ? atoll(at + strlen(start)) : -1;
}

/* The headings of a reply, each followed by a space. */
static const char *headings_of(struct str reply)
{
    static char text[512];
    size_t length = 0;

    text[0] = '\0';
    for (const char *at = reply.bytes; at + 2 < reply.bytes + reply.length; at++)
        if (memcmp(at, "# ", 2) == 0)
            length +=
                (size_t)snprintf(text + length, sizeof(text) - length, "%.*s ", (int)strcspn(at + 2, "\r"), at + 2);
    return text;
}

static void expect_headings(const char *command, const char *headings)
{
    const char *seen = headings_of(command_scatter(&run, command));

    cr_assert_str_eq(seen, headings, "%s: %s", command, seen);
}

#define DEFAULT_HEADINGS                                                                                               \
    "Server Clients Memory Persistence Stats Replication CPU Modules Errorstats Cluster Keyspace Shoal "
#define ALL_HEADINGS                                                                                                   \
    "Server Clients Memory Persistence Stats Replication CPU Modules Commandstats Errorstats Latencystats Cluster "    \
    "Keyspace Shoal "

Test(cmd_info, sections_are_chosen_as_redis_does)
{
    expect_headings("INFO", DEFAULT_HEADINGS);
    expect_headings("INFO default", DEFAULT_HEADINGS);
    expect_headings("INFO all", ALL_HEADINGS);
    expect_headings("INFO everything", ALL_HEADINGS);
    expect_headings("INFO keyspace SERVER", "Server Keyspace ");
    expect_headings("INFO default commandstats", "Server Clients Memory Persistence Stats Replication CPU Modules "
                                                 "Commandstats Errorstats Cluster Keyspace Shoal ");
    expect_headings("INFO cluster cluster nothing", "Cluster ");
    command_scatter_expect(&run, "INFO nothing", "$0  ");
}

Test(cmd_info, sections_stand_apart_by_an_empty_line)
{
    command_scatter_expect(&run, "INFO modules cluster", "$43 # Modules  # Cluster cluster_enabled:0  ");
    command_scatter_expect(&run, "INFO modules", "$11 # Modules  ");
    run.session.protocol = 3;
    command_scatter_expect(&run, "INFO modules", "=15 txt:# Modules  ");
    command_scatter_expect(&run, "INFO nothing", "=4 txt: ");
}

Test(cmd_info, server_shows_what_clients_look_at)
{
    static const char *const lines[] = {
        "redis_version:7.4.2",
        "shoal_version:0.1.0",
        "redis_mode:standalone",
        "redis_git_sha1:00000000",
        "multiplexing_api:io_uring",
        "process_id:4711",
        "run_id:0123456789abcdef0123456789abcdef01234567",
        "tcp_port:6379",
        "uptime_in_seconds:90061",
        "uptime_in_days:1",
        "hz:10",
        "server_time_usec:1700000000000000",
        "lru_clock:5501184",
        "config_file:",
        NULL,
    };

    expect_lines("INFO", lines);
}

Test(cmd_info, constant_sections_say_what_is_not_here)
{
    static const char *const lines[] = {"loading:0",   "aof_enabled:0",      "rdb_last_bgsave_status:ok",
                                        "role:master", "connected_slaves:0", "cluster_enabled:0",
                                        NULL};

    expect_lines("INFO", lines);
}

Test(cmd_info, counters_of_the_shards_are_added)
{
    static const char *const lines[] = {
        "total_connections_received:12",
        "total_commands_processed:300",
        "total_net_input_bytes:1024",
        "total_net_output_bytes:2048",
        "total_reads_processed:12",
        "total_writes_processed:34",
        "rejected_connections:3",
        "total_error_replies:5",
        "client_query_buffer_limit_disconnections:1",
        "client_output_buffer_limit_disconnections:2",
        "client_recent_max_input_buffer:70",
        "client_recent_max_output_buffer:90",
        "requests_local:10",
        "requests_crossed:20",
        "connections_moved:6",
        "requests_scattered:30",
        "requests_gathered:40",
        "scripts_local:50",
        "scripts_gathered:60",
        "scripts_escalated:4",
        "scripts_restarted:3",
        "wakes_sent:7",
        "ring_full:9",
        "eventloop_cycles:33",
        "acl_access_denied_auth:5",
        NULL,
    };

    run.cores[0].stats = (struct stats){.connections_accepted = 10,
                                        .commands = 100,
                                        .received_bytes = 1000,
                                        .sent_bytes = 2000,
                                        .receives = 10,
                                        .sends = 30,
                                        .error_replies = 5,
                                        .largest_query_bytes = 70,
                                        .largest_output_bytes = 8,
                                        .local = 10,
                                        .scattered = 30,
                                        .scripts_local = 50,
                                        .scripts_restarted = 3,
                                        .wakes_sent = 7,
                                        .turns = 11,
                                        .passwords_refused = 2,
                                        .clients_killed_by_query_limit = 1};
    run.cores[1].stats = (struct stats){.connections_accepted = 2,
                                        .commands = 200,
                                        .received_bytes = 24,
                                        .sent_bytes = 48,
                                        .receives = 2,
                                        .sends = 4,
                                        .connections_rejected = 3,
                                        .largest_query_bytes = 60,
                                        .largest_output_bytes = 90,
                                        .crossed = 20,
                                        .connections_moved = 6,
                                        .gathered = 40,
                                        .scripts_gathered = 60,
                                        .scripts_escalated = 4,
                                        .ring_full = 9,
                                        .turns = 22,
                                        .passwords_refused = 3,
                                        .clients_killed_by_output_limit = 2};
    expect_lines("INFO", lines);
}

Test(cmd_info, rates_are_sampled_when_an_idle_shard_is_asked)
{
    run.cores[0].stats.rate_sampled_ms = run.cores[1].stats.rate_sampled_ms = run.now_ms;
    run.cores[0].stats.commands = 1600;
    run.cores[1].stats.commands = 3200;
    run.cores[1].stats.turns = 320;
    run.now_ms += 100;
    struct str reply = command_scatter(&run, "INFO stats");

    cr_assert_eq(number_of(reply, "instantaneous_ops_per_sec"), 3000, "%.*s", (int)reply.length, reply.bytes);
    cr_assert_eq(number_of(reply, "instantaneous_eventloop_cycles_per_sec"), 200);
}

Test(cmd_info, clients_of_the_shards_are_added)
{
    struct session other = {.total_bytes = 1000};
    static const char *const lines[] = {"connected_clients:2", "maxclients:10000", "blocked_clients:0",
                                        "mem_clients_normal:1500", NULL};

    run.session.total_bytes = 500;
    session_begin(&run.cores[1].sessions, &other, run.now_ms);
    expect_lines("INFO", lines);
    session_end(&run.cores[1].sessions, &other);
}

Test(cmd_info, keyspace_lists_the_databases_that_have_keys)
{
    static const char *const lines[] = {"db0:keys=3,expires=0,avg_ttl=0", "db7:keys=4,expires=3,avg_ttl=20000", NULL};

    command_run(&run, "MSET k0 a k1 b k2 c");
    command_run(&run, "SELECT 7");
    command_run(&run, "SET k0 a PX 10000");
    command_run(&run, "SET k1 a PX 25000");
    command_run(&run, "SET k3 a PX 25000");
    command_run(&run, "SET k5 a");
    expect_lines("INFO keyspace", lines);
    cr_assert_not(contains(command_scatter(&run, "INFO keyspace"), "db1:"));
}

Test(cmd_info, keyspace_counters_are_added)
{
    static const char *const lines[] = {"keyspace_hits:2",
                                        "keyspace_misses:1",
                                        "expired_keys:1",
                                        "evicted_keys:0",
                                        "rdb_changes_since_last_save:2",
                                        NULL};

    command_run(&run, "SET k0 a");
    command_run(&run, "SET k1 a PX 5");
    command_run(&run, "GET k0");
    command_run(&run, "GET k1");
    run.now_ms += 10;
    command_run(&run, "GET k1");
    expect_lines("INFO", lines);
}

Test(cmd_info, what_waits_to_be_freed_is_told_and_then_counted)
{
    static const char *const waiting[] = {"lazyfree_pending_objects:4", "lazyfreed_objects:0", NULL};
    static const char *const freed[] = {"lazyfree_pending_objects:0", "lazyfreed_objects:4", NULL};
    static const char *const reset[] = {"lazyfree_pending_objects:0", "lazyfreed_objects:0", NULL};

    for (int i = 0; i < 400; i++) {
        char line[32];

        snprintf(line, sizeof line, "SADD k%d m%d", i % 2, i);
        command_run(&run, line);
    }
    command_run(&run, "UNLINK k0");
    command_run(&run, "SET k0 a");
    command_run(&run, "SET k2 a");
    command_scatter(&run, "FLUSHALL");
    expect_lines("INFO", waiting);
    for (int i = 0; i < run.count; i++)
        keyspace_reclaim_all(run.keyspaces[i]);
    expect_lines("INFO", freed);
    command_scatter(&run, "CONFIG RESETSTAT");
    expect_lines("INFO", reset);
}

Test(cmd_info, an_average_of_the_longest_ttls_does_not_overflow)
{
    command_run(&run, "SET k0 a PXAT 9223372036854775000");
    command_run(&run, "SET k1 a PXAT 9223372036854775000");
    command_run(&run, "SET k3 a PX 1");
    struct str reply = command_scatter(&run, "INFO keyspace");

    cr_assert(contains(reply, "db0:keys=3,expires=3,avg_ttl=6148"), "%.*s", (int)reply.length, reply.bytes);
}

Test(cmd_info, memory_is_the_sum_of_the_shards_accounts)
{
    command_run(&run, "SET k1 xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
    size_t used = 0;
    struct str reply;

    for (int i = 0; i < 2; i++)
        used += core_used_bytes(&run.cores[i]);
    reply = command_scatter(&run, "INFO memory");
    cr_assert_geq(number_of(reply, "used_memory"), (long long)used);
    cr_assert_leq(number_of(reply, "used_memory"), (long long)used + 10000); /* the parts' own buffers */
    cr_assert_geq(number_of(reply, "used_memory_peak"), number_of(reply, "used_memory"));
    cr_assert_gt(number_of(reply, "used_memory_rss"), 0);
    cr_assert_gt(number_of(reply, "total_system_memory"), number_of(reply, "used_memory_rss"));
    cr_assert_eq(number_of(reply, "used_memory_overhead") + number_of(reply, "used_memory_dataset"),
                 number_of(reply, "used_memory"));
    cr_assert(contains(reply, "\nmaxmemory_policy:noeviction\r\n"));
    cr_assert(contains(reply, "\nmaxmemory_human:0B\r\n"));
}

Test(cmd_info, memory_in_use_at_the_start_is_no_data)
{
    struct str reply;

    run.cores[0].startup_bytes = 1000;
    run.cores[1].startup_bytes = 200;
    reply = command_scatter(&run, "INFO memory");
    cr_assert_eq(number_of(reply, "used_memory_startup"), 1200);
    cr_assert_eq(number_of(reply, "used_memory_overhead"), 1200);
    cr_assert_eq(number_of(reply, "used_memory_dataset"), number_of(reply, "used_memory") - 1200);
    cr_assert(contains(reply, "\nused_memory_dataset_perc:100.00%\r\n"));
    cr_assert(contains(command_scatter(&run, "MEMORY STATS"), "startup.allocated\r\n:1200\r\n"));
}

Test(cmd_info, memory_is_told_in_human_units)
{
    run.cores[0].config.maxmemory = 1536;
    cr_assert(contains(command_scatter(&run, "INFO memory"), "\nmaxmemory_human:1.50K\r\n"));
    run.cores[0].config.maxmemory = 1023;
    cr_assert(contains(command_scatter(&run, "INFO memory"), "\nmaxmemory_human:1023B\r\n"));
    run.cores[0].config.maxmemory = 5ULL << 30;
    cr_assert(contains(command_scatter(&run, "INFO memory"), "\nmaxmemory_human:5.00G\r\n"));
    run.cores[0].config.maxmemory = UINT64_MAX;
    cr_assert(contains(command_scatter(&run, "INFO memory"), "\nmaxmemory_human:16.00E\r\n"));
}

Test(cmd_info, shoal_shows_each_shard)
{
    command_run(&run, "MSET k0 a k1 b k3 c");
    run.cores[1].stats.executed = 42;
    struct str reply = command_scatter(&run, "INFO shoal");

    cr_assert(contains(reply, "# Shoal\r\nshards:2\r\nshard0:keys=1,clients=1,commands=0,used_memory="));
    cr_assert(contains(reply, "\nshard1:keys=2,clients=0,commands=42,used_memory="));
}

Test(cmd_info, cpu_times_have_six_decimals)
{
    struct str reply = command_scatter(&run, "INFO cpu");

    cr_assert(contains(reply, "# CPU\r\nused_cpu_sys:"));
    for (const char *at = reply.bytes; (at = memchr(at, '.', (size_t)(reply.bytes + reply.length - at))); at++)
        cr_assert_eq(at[7], '\r');
}

Test(cmd_info, process_figures_are_plausible)
{
    struct process_usage usage;

    process_usage_read(&usage);
    cr_assert_gt(usage.resident_bytes, 100000);
    cr_assert_lt(usage.resident_bytes, usage.machine_bytes);
    cr_assert_geq(usage.own.user_us + usage.own.system_us, usage.thread.user_us + usage.thread.system_us);
}

Test(cmd_info, memory_stats_is_a_map_with_a_map_for_each_database)
{
    command_run(&run, "MSET k0 a k1 b");
    command_run(&run, "SELECT 3");
    command_run(&run, "SET k1 b EX 100");
    struct str reply = command_scatter(&run, "MEMORY STATS");

    cr_assert_eq(memcmp(reply.bytes, "*58\r\n$14\r\npeak.allocated\r\n:", 27), 0);
    cr_assert_eq(resp_value_length(reply), reply.length);
    cr_assert(contains(reply, "$4\r\ndb.0\r\n*6\r\n$23\r\noverhead.hashtable.main\r\n:"));
    cr_assert(contains(reply, "$4\r\ndb.3\r\n*6\r\n"));
    cr_assert(contains(reply, "$10\r\nkeys.count\r\n:3\r\n"));
    run.session.protocol = 3;
    reply = command_scatter(&run, "MEMORY STATS");
    cr_assert_eq(memcmp(reply.bytes, "%29\r\n", 5), 0);
    cr_assert_eq(resp_value_length(reply), reply.length);
    cr_assert(contains(reply, "$18\r\ndataset.percentage\r\n,"));
    cr_assert(contains(reply, "$4\r\ndb.0\r\n%3\r\n"));
}

Test(cmd_info, memory_doctor_names_what_it_finds)
{
    struct process_usage usage;

    command_scatter_expect(&run, "MEMORY DOCTOR", "$54 Too little memory is in use to say anything about it.  ");
    process_usage_read(&usage);
    size_t bytes = 4 * usage.resident_bytes;
    void *much = memory_alloc(&run.cores[1].data, bytes);

    memset(much, 1, bytes);
    cr_assert(contains(command_scatter(&run, "MEMORY DOCTOR"), "No trouble was found"));
    run.session.total_bytes = 1 << 20;
    cr_assert(contains(command_scatter(&run, "MEMORY DOCTOR"), " * Clients: "));
    run.session.total_bytes = 0;
    run.cores[0].data.peak_bytes = 200 << 20;
    cr_assert(contains(command_scatter(&run, "MEMORY DOCTOR"), " * Peak: "));
    memory_free(&run.cores[1].data, much);
}

Test(cmd_info, memory_malloc_stats_and_purge_answer)
{
    struct str reply = command_scatter(&run, "MEMORY MALLOC-STATS");

    cr_assert(contains(reply, "shard 0: "));
    cr_assert(contains(reply, "shard 1: "));
    command_scatter_expect(&run, "MEMORY PURGE", "+OK ");
    cr_assert(contains(command_run(&run, "MEMORY HELP"), "+MEMORY <subcommand> [<arg> [value] [opt] ...]."));
}
