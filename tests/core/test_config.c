#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/config.h"
#include "core/resp_write.h"

static struct config config;
static struct memory memory;
static struct reply reply;

static void begin(void)
{
    config_init(&config);
    reply_init(&reply, &memory, NULL, 0, 2);
}

static void end(void)
{
    buffer_deinit(&reply.buffer);
    config_deinit(&config);
}

TestSuite(config, .init = begin, .fini = end);

/* Terminated, and gone with the next call. */
static const char *answer(void)
{
    static char text[1 << 16];

    cr_assert_lt(reply.buffer.length, sizeof text);
    memcpy(text, reply.buffer.bytes, reply.buffer.length);
    text[reply.buffer.length] = '\0';
    reply.buffer.length = 0;
    return text;
}

static const char *set(const char *name, const char *value)
{
    struct str pair[] = {str_from(name), str_from(value)};

    config_set(&config, pair, 1, &reply);
    return answer();
}

/* The one value that GET answers for a name. */
static const char *get(const char *name)
{
    struct str pattern = str_from(name);

    config_get(&config, &pattern, 1, &reply);
    const char *text = answer();
    cr_assert_eq(strncmp(text, "*2\r\n", 4), 0, "%s: %s", name, text);
    for (int lines = 0; lines < 4; lines++)
        text = strstr(text, "\r\n") + 2;
    static char value[4096];
    snprintf(value, sizeof value, "%.*s", (int)strcspn(text, "\r"), text);
    return value;
}

static void refuses(const char *name, const char *value, const char *problem)
{
    char expected[512], before[4096];

    snprintf(before, sizeof before, "%s", get(name));
    snprintf(expected, sizeof expected, "-ERR CONFIG SET failed (possibly related to argument '%s') - %s\r\n", name,
             problem);
    cr_assert_str_eq(set(name, value), expected);
    cr_assert_str_eq(get(name), before);
}

static void accepts(const char *name, const char *value, const char *shown)
{
    cr_assert_str_eq(set(name, value), "+OK\r\n", "%s %s", name, value);
    cr_assert_str_eq(get(name), shown);
}

Test(config, defaults_are_those_of_redis)
{
    cr_assert_eq(config.port, 6379);
    cr_assert_eq(config.databases, 16);
    cr_assert_eq(config.bind_count, 2);
    cr_assert_str_eq(config.bind[1], "-::*");
    cr_assert_eq(config.proto_max_bulk_len, 512 << 20);
    cr_assert_eq(config.client_query_buffer_limit, 1u << 30);
    cr_assert_eq(config.output_limits[CLIENT_CLASS_PUBSUB].soft_seconds, 60);
    cr_assert_eq(config.output_limits[CLIENT_CLASS_REPLICA].hard_bytes, 256u << 20);
    cr_assert_eq(config.maxmemory_policy, CONFIG_POLICY_NOEVICTION);
    cr_assert(config.protected_mode);
    cr_assert_eq(config.shards, 0);
    cr_assert_str_eq(config.requirepass, "");
    cr_assert_str_eq(config_maxmemory_policy_name(&config), "noeviction");
    cr_assert_str_eq(get("save"), "3600 1 300 100 60 10000");
    cr_assert_str_eq(get("appendonly"), "no");
    cr_assert_str_eq(get("auto-aof-rewrite-min-size"), "67108864");
    cr_assert_str_eq(get("bind"), "* -::*");
    cr_assert_str_eq(get("client-output-buffer-limit"),
                     "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60");
}

Test(config, more_clients_than_the_system_can_have_are_refused)
{
    static const char *const start = "-ERR CONFIG SET failed (possibly related to argument 'maxclients') - The "
                                     "operating system is not able to handle the specified number of clients, "
                                     "try with ";
    char tried[32], name[] = "--maxclients", highest[] = "4294967295", *options[] = {name, highest}, error[256];
    const char *refusal = set("maxclients", "4294967295");

    cr_assert_eq(strncmp(refusal, start, strlen(start)), 0, "%s", refusal);
    snprintf(tried, sizeof tried, "%d", atoi(refusal + strlen(start)));
    cr_assert_str_eq(get("maxclients"), "10000");
    accepts("maxclients", tried, tried);
    snprintf(tried, sizeof tried, "%d", atoi(tried) + 1);
    cr_assert_eq(strncmp(set("maxclients", tried), start, strlen(start)), 0);
    cr_assert(config_load_options(&config, 2, options, error, sizeof error));
    cr_assert_str_eq(get("maxclients"), "2147483647");
}

Test(config, get_answers_aliases_patterns_and_names_as_spelled)
{
    struct str patterns[] = {STR("MaxMemory"), STR("maxmem*cy"), STR("MAXMEMORY"), STR("nosuch"), STR("[ab")};

    config_get(&config, patterns, 5, &reply);
    cr_assert_str_eq(answer(), "*4\r\n$9\r\nMaxMemory\r\n$1\r\n0\r\n$16\r\nmaxmemory-policy\r\n$10\r\nnoeviction\r\n");
    struct str both = STR("*-priority");
    config_get(&config, &both, 1, &reply);
    cr_assert_str_eq(answer(), "*4\r\n$16\r\nreplica-priority\r\n$3\r\n100\r\n$14\r\nslave-priority\r\n$3\r\n100\r\n");
    struct str line = STR("user");
    config_get(&config, &line, 1, &reply);
    cr_assert_str_eq(answer(), "*0\r\n");
    reply.protocol = 3;
    config_get(&config, patterns, 1, &reply);
    cr_assert_str_eq(answer(), "%1\r\n$9\r\nMaxMemory\r\n$1\r\n0\r\n");
}

Test(config, values_are_checked_by_their_kind)
{
    accepts("maxmemory", "100mb", "104857600");
    accepts("maxmemory", "18446744073709551615", "18446744073709551615");
    refuses("maxmemory", "-1", "argument must be a memory value");
    refuses("maxmemory", "100%", "argument must be a memory value");
    refuses("client-query-buffer-limit", "1", "argument must be between 1048576 and 9223372036854775807 inclusive");
    accepts("timeout", "5", "5");
    refuses("timeout", "5kb", "argument couldn't be parsed into an integer");
    refuses("timeout", " 5", "argument couldn't be parsed into an integer");
    refuses("tcp-keepalive", "9999999999", "argument must be between 0 and 2147483647 inclusive");
    refuses("slowlog-log-slower-than", "-2", "argument must be between -1 and 9223372036854775807 inclusive");
    accepts("appendonly", "YES", "yes");
    refuses("appendonly", "maybe", "argument must be 'yes' or 'no'");
    accepts("loglevel", "Warning", "warning");
    refuses("appendfsync", "often", "argument(s) must be one of the following: everysec, always, no");
    accepts("maxmemory-clients", "10%", "10%");
    accepts("maxmemory-clients", "1kb", "1024");
    refuses("maxmemory-clients", "101%", "percentage argument must be less or equal to 100");
    accepts("hz", "1000", "500");
    accepts("hz", "0", "1");
    accepts("maxclients", "100", "100");
    refuses("maxclients", "0", "argument must be between 1 and 4294967295 inclusive");
    accepts("repl-backlog-size", "1", "16384");
    refuses("proc-title-template", "{foo}", "template format is invalid or contains unknown variables");
    accepts("proc-title-template", "{title} x {port}", "{title} x {port}");
    refuses("cluster-announce-hostname", "a b", "Hostnames may only contain alphanumeric characters, hyphens or dots");
    accepts("requirepass", "a b", "a b");
    cr_assert_str_eq(config.requirepass, "a b");
}

Test(config, lists_are_checked_and_printed_as_redis_does)
{
    accepts("save", "60 1", "60 1");
    refuses("save", "60", "Invalid save parameters");
    refuses("save", "0 1", "Invalid save parameters");
    refuses("save", "60  1", "Invalid save parameters");
    accepts("save", "", "");
    accepts("notify-keyspace-events", "KA", "AK");
    accepts("notify-keyspace-events", "Knm", "nKm");
    accepts("notify-keyspace-events", "AKEnm", "AKEm");
    accepts("notify-keyspace-events", "Kg$lshzxetd", "AK");
    refuses("notify-keyspace-events", "q", "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.");
    accepts("client-output-buffer-limit", "replica 1mb 2kb 3 pubsub 0 0 0",
            "normal 0 0 0 slave 1048576 2048 3 pubsub 0 0 0");
    cr_assert_eq(config.output_limits[CLIENT_CLASS_REPLICA].soft_bytes, 2048);
    accepts("client-output-buffer-limit", "", "normal 0 0 0 slave 1048576 2048 3 pubsub 0 0 0");
    refuses("client-output-buffer-limit", "normal 1 2", "Wrong number of arguments in buffer limit configuration.");
    refuses("client-output-buffer-limit", "master 1 2 3",
            "Invalid client class specified in buffer limit configuration.");
    refuses("client-output-buffer-limit", "normal 5 5 5 normal 1 2 -3",
            "Error in hard, soft or soft_seconds setting in buffer limit configuration.");
    accepts("oom-score-adj-values", "1 2 3", "1 2 3");
    refuses("oom-score-adj-values", "1 2", "wrong number of arguments");
    refuses("oom-score-adj-values", "1 2 3000",
            "Invalid oom-score-adj-values, elements must be between -2000 and 2000.");
    accepts("latency-tracking-info-percentiles", "50 99.90 1e1", "50 99.9 10");
    refuses("latency-tracking-info-percentiles", "101",
            "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]");
    accepts("shutdown-on-sigterm", "now force save", "save now force");
    accepts("shutdown-on-sigterm", "default", "default");
    refuses("shutdown-on-sigterm", "save nosave", "shutdown options SAVE and NOSAVE can't be used simultaneously");
    refuses("shutdown-on-sigterm", "", "argument(s) must be one of the following: default, save, nosave, now, force");
}

Test(config, names_of_set_are_checked_before_any_value)
{
    cr_assert_str_eq(set("a", "b"), "-ERR Unknown option or number of arguments for CONFIG SET - 'a'\r\n");
    cr_assert_str_eq(set("rename-command", "a b"),
                     "-ERR Unknown option or number of arguments for CONFIG SET - 'rename-command'\r\n");
    refuses("unixsocketperm", "700", "can't set immutable config");
    refuses("shards", "2", "can't set immutable config");
    refuses("dir", "/", "can't set protected config");
    config.enable_protected_configs = CONFIG_ACCESS_LOCAL;
    refuses("dir", "/", "can't set protected config");
    config.enable_protected_configs = CONFIG_ACCESS_YES;
    refuses("dir", "/nowhere", "No such file or directory");
    refuses("dir", "/etc/passwd", "Not a directory");
    accepts("dir", "/usr/..", "/");
    refuses("dbfilename", "a/b", "dbfilename can't be a path, just a filename");
}

Test(config, set_changes_all_or_nothing)
{
    struct str wrong[] = {STR("maxmemory"), STR("1mb"), STR("Requirepass"), STR("x"), STR("timeout"), STR("q")};
    struct str twice[] = {STR("maxmemory"), STR("1"), STR("MAXMEMORY"), STR("2")};
    struct str right[] = {STR("maxmemory"), STR("1mb"), STR("requirepass"), STR("x"), STR("timeout"), STR("7")};
    struct str zero[] = {STR("requirepass"), {"a\0b", 3}};

    cr_assert_not(config_set(&config, wrong, 3, &reply));
    cr_assert_str_eq(answer(), "-ERR CONFIG SET failed (possibly related to argument 'timeout') - argument couldn't "
                               "be parsed into an integer\r\n");
    cr_assert_eq(config.maxmemory, 0);
    cr_assert_str_eq(config.requirepass, "");
    cr_assert_not(config_set(&config, twice, 2, &reply));
    cr_assert_str_eq(answer(),
                     "-ERR CONFIG SET failed (possibly related to argument 'MAXMEMORY') - duplicate parameter\r\n");
    cr_assert_not(config_set(&config, zero, 1, &reply));
    answer();
    cr_assert_eq(config.generation, 0);
    cr_assert(config_set(&config, right, 3, &reply));
    cr_assert_str_eq(answer(), "+OK\r\n");
    cr_assert_eq(config.generation, 1);
    cr_assert_eq(config.maxmemory, 1 << 20);
    cr_assert_str_eq(config.requirepass, "x");
    cr_assert_eq(config.timeout_s, 7);
}

Test(config, cpu_lists_have_the_names_of_redis_72_and_74)
{
    char new_name[] = "--server-cpulist", old_name[] = "--bio_cpulist", cpus[] = "0-3", cpu[] = "4", error[256];
    char *options[] = {new_name, cpus, old_name, cpu};

    cr_assert(config_load_options(&config, 4, options, error, sizeof error), "%s", error);
    cr_assert_str_eq(get("server-cpulist"), "0-3");
    cr_assert_str_eq(get("server_cpulist"), "0-3");
    cr_assert_str_eq(get("bio-cpulist"), "4");
    cr_assert_str_eq(get("aof-rewrite-cpulist"), "");
    cr_assert_str_eq(get("bgsave-cpulist"), "");
}

Test(config, an_alias_sets_the_same_value)
{
    accepts("slave-priority", "5", "5");
    cr_assert_str_eq(get("replica-priority"), "5");
    refuses("slave-priority", "x", "argument couldn't be parsed into an integer");
    struct str both[] = {STR("slave-priority"), STR("6"), STR("replica-priority"), STR("7")};
    cr_assert(config_set(&config, both, 2, &reply));
    answer();
    cr_assert_str_eq(get("slave-priority"), "7");
}

Test(config, a_copy_shares_nothing)
{
    struct config copy;

    accepts("requirepass", "first", "first");
    accepts("masterauth", "kept", "kept");
    config_copy(&copy, &config);
    accepts("requirepass", "second", "second");
    accepts("masterauth", "", "");
    cr_assert_str_eq(copy.requirepass, "first");
    struct config second;
    config_copy(&second, &copy);
    config_deinit(&copy);
    cr_assert_str_eq(second.requirepass, "first");
    cr_assert_str_eq(second.bind[0], "*");
    config_deinit(&second); /* asserts that nothing is left */
}

Test(config, every_value_that_get_shows_set_takes_back)
{
    struct str all = STR("*");

    config_get(&config, &all, 1, &reply);
    char *text = strdup(answer());
    int settings = 0;
    char *at = strstr(text, "\r\n") + 2;
    while (*at) {
        char *name = strstr(at, "\r\n") + 2, *name_end = strstr(name, "\r\n");
        char *value = strstr(name_end + 2, "\r\n") + 2, *value_end = strstr(value, "\r\n");
        *name_end = *value_end = '\0';
        const char *said = set(name, value);
        if (!strstr(said, "can't set")) {
            cr_assert_str_eq(said, "+OK\r\n", "%s %s: %s", name, value, said);
            cr_assert_str_eq(get(name), value);
        }
        settings++;
        at = value_end + 2;
    }
    cr_assert_gt(settings, 190);
    free(text);
}

Test(config, random_sets_agree_with_a_plain_model)
{
    static const char *const names[] = {"timeout", "maxmemory-samples", "slowlog-max-len", "lfu-log-factor"};
    static const int64_t lowest[] = {0, 1, 0, 0}, highest[] = {INT32_MAX, INT32_MAX, INT64_MAX, INT32_MAX};
    int64_t model[] = {0, 5, 128, 10};
    unsigned seed = (unsigned)time(NULL);

    cr_log_info("seed %u", seed);
    srand(seed);
    for (int round = 0; round < 2000; round++) {
        int first = rand() % 4, second = rand() % 4;
        int64_t values[] = {rand() % 5 == 0 ? -rand() : rand(), rand() % 5 == 0 ? (int64_t)rand() << 20 : rand()};
        char texts[2][32];
        for (int i = 0; i < 2; i++)
            snprintf(texts[i], sizeof texts[i], "%lld", (long long)values[i]);
        struct str pairs[] = {str_from(names[first]), str_from(texts[0]), str_from(names[second]), str_from(texts[1])};
        bool fits = first != second && values[0] >= lowest[first] && values[0] <= highest[first] &&
                    values[1] >= lowest[second] && values[1] <= highest[second];
        cr_assert_eq(config_set(&config, pairs, 2, &reply), fits, "seed %u, round %d", seed, round);
        answer();
        if (fits) {
            model[first] = values[0];
            model[second] = values[1];
        }
        for (int i = 0; i < 4; i++)
            cr_assert_eq(atoll(get(names[i])), model[i], "seed %u, round %d", seed, round);
    }
}

Test(config, cpu_lists_parse_or_say_why)
{
    uint16_t cpus[8];
    char error[128] = "";

    cr_assert_eq(config_cpu_list("", cpus, 8, error, sizeof error), 0);
    cr_assert_eq(config_cpu_list("OFF", cpus, 8, error, sizeof error), 0);
    cr_assert_eq(config_cpu_list("0-3,8", cpus, 8, error, sizeof error), 5);
    cr_assert_eq(cpus[3], 3);
    cr_assert_eq(cpus[4], 8);
    cr_assert_eq(config_cpu_list("5,1", cpus, 8, error, sizeof error), 2);
    cr_assert_eq(cpus[0], 5);
    const char *const wrong[] = {"a", "1,", ",1", "1-", "-1", "3-1", "1 2", "1-2-3", "70000", "99999999999999999999"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        cr_assert_eq(config_cpu_list(wrong[i], cpus, 8, error, sizeof error), -1, "%s", wrong[i]);
        cr_assert(strstr(error, "is not a list of CPUs"), "%s", error);
    }
    cr_assert_eq(config_cpu_list("0-8", cpus, 8, error, sizeof error), -1);
    cr_assert_str_eq(error, "more than 8 CPUs are listed");
    cr_assert_eq(config_cpu_list("1-3,2", cpus, 8, error, sizeof error), -1);
    cr_assert_str_eq(error, "CPU 2 is listed twice");
}

Test(config, settings_that_do_not_go_together_are_refused)
{
    char error[256];
    char *options[] = {(char *)"--port", (char *)"0"};
    char path[200] = "--unixsocket /";

    cr_assert(config_validate(&config, error, sizeof error));
    cr_assert(config_load_options(&config, 2, options, error, sizeof error));
    cr_assert_not(config_validate(&config, error, sizeof error));
    cr_assert_str_eq(error, "there is nothing to listen on: 'port' is 0, and no 'unixsocket' is set");
    char *socket[] = {(char *)"--unixsocket", (char *)"/tmp/s"};
    cr_assert(config_load_options(&config, 2, socket, error, sizeof error));
    cr_assert(config_validate(&config, error, sizeof error));
    memset(path + strlen(path), 'x', 120);
    char *one = path;
    cr_assert(config_load_options(&config, 1, &one, error, sizeof error));
    cr_assert_not(config_validate(&config, error, sizeof error));
}

Test(config, lfu_is_told_from_the_policy)
{
    cr_assert_not(config_maxmemory_policy_is_lfu(&config));
    accepts("maxmemory-policy", "allkeys-lfu", "allkeys-lfu");
    cr_assert(config_maxmemory_policy_is_lfu(&config));
    cr_assert_str_eq(config_maxmemory_policy_name(&config), "allkeys-lfu");
    accepts("maxmemory-policy", "volatile-lru", "volatile-lru");
    cr_assert_not(config_maxmemory_policy_is_lfu(&config));
}
