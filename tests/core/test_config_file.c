#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/command.h"
#include "core/config.h"

static struct config config;
static char folder[64], error[512];

static void begin(void)
{
    strcpy(folder, "/tmp/shoal-config-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    cr_assert_eq(chdir(folder), 0);
    config_init(&config);
    error[0] = '\0';
}

static void end(void)
{
    char command[96];

    config_deinit(&config);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    cr_assert_eq(system(command), 0);
}

TestSuite(config_file, .init = begin, .fini = end);

static void write_file(const char *name, const char *bytes, size_t length)
{
    FILE *file = fopen(name, "w");

    cr_assert_not_null(file);
    cr_assert_eq(fwrite(bytes, 1, length, file), length);
    fclose(file);
}

static bool load(const char *text)
{
    write_file("shoal.conf", text, strlen(text));
    return config_load_file(&config, "shoal.conf", error, sizeof error);
}

static void fails(const char *text, const char *expected)
{
    cr_assert_not(load(text), "%s", text);
    cr_assert_str_eq(error, expected);
}

enum { OPTIONS_MAX = 16 };

/* Options parted by '|'. */
static bool load_options(const char *text)
{
    char copy[512];
    char *argv[OPTIONS_MAX];
    int argc = 0;

    snprintf(copy, sizeof copy, "%s", text);
    for (char *rest = copy; rest && argc < OPTIONS_MAX;)
        argv[argc++] = strsep(&rest, "|");
    return config_load_options(&config, argc, argv, error, sizeof error);
}

static void option_fails(const char *text, const char *expected)
{
    cr_assert_not(load_options(text), "%s", text);
    cr_assert_str_eq(error, expected);
}

Test(config_file, blanks_comments_and_case_do_not_matter)
{
    cr_assert(load("# comment\r\n\n  PORT 6380\t\r\n\t# port 1\nlogfile 'a b'"), "%s", error);
    cr_assert_eq(config.port, 6380);
    cr_assert_str_eq(config.logfile, "a b");
}

Test(config_file, values_reach_their_fields)
{
    cr_assert(load("port 6380\nbind 127.0.0.1 ::1\nrequirepass \"a \\\"b\\x21\"\nlogfile ''\nmaxmemory 1gb\r\n"
                   "client-output-buffer-limit pubsub 1mb 2mb 3\nunixsocketperm 770\nnet-backend epoll\n"
                   "affinity \"bull:*:\"\naffinity asynq:{*}: x*\naffinity-preset rq celery\nshards 4\nshard-cpus 0-3\nsave 60 1\nsave 300 10"),
              "%s", error);
    cr_assert_eq(config.port, 6380);
    cr_assert_eq(config.bind_count, 2);
    cr_assert_str_eq(config.bind[1], "::1");
    cr_assert_str_eq(config.requirepass, "a \"b!");
    cr_assert_eq(config.maxmemory, 1u << 30);
    cr_assert_eq(config.output_limits[CLIENT_CLASS_PUBSUB].soft_bytes, 2 << 20);
    cr_assert_eq(config.output_limits[CLIENT_CLASS_REPLICA].hard_bytes, 256u << 20);
    cr_assert_eq(config.unixsocketperm, 0770);
    cr_assert_eq(config.net_backend, CONFIG_BACKEND_EPOLL);
    cr_assert_eq(config.affinity_count, 3);
    cr_assert_str_eq(config.affinity[2], "x*");
    cr_assert_eq(config.affinity_presets, 1 << 4 | 1 << 3);
    cr_assert_eq(config.shards, 4);
    cr_assert_str_eq(config.shard_cpus, "0-3");
}

Test(config_file, presets_add_up_and_none_takes_them_away)
{
    cr_assert_eq(config.affinity_presets, 1 << 1, "bullmq, if nobody says anything");
    cr_assert(load("affinity-preset celery\naffinity-preset rq"), "%s", error);
    cr_assert_eq(config.affinity_presets, 1 << 3 | 1 << 4);
    cr_assert(load("affinity-preset none"), "%s", error);
    cr_assert_eq(config.affinity_presets, 0);
    cr_assert(load("affinity-preset rq\naffinity-preset none sidekiq"), "%s", error);
    cr_assert_eq(config.affinity_presets, 1 << 6);
    cr_assert(load("affinity-preset \"\""), "%s", error);
    cr_assert_eq(config.affinity_presets, 0);
}

Test(config_file, dir_becomes_absolute)
{
    char expected[128];

    cr_assert_eq(mkdir("data", 0755), 0);
    cr_assert(load("dir ./data/../data"), "%s", error);
    snprintf(expected, sizeof expected, "%s/data", folder);
    cr_assert_str_eq(config.dir, expected);
    fails("dir nowhere", "shoal.conf:1: 'dir nowhere': No such file or directory");
}

Test(config_file, a_quoted_list_is_a_list)
{
    cr_assert(load("bind \"10.0.0.1 -::1\""), "%s", error);
    cr_assert_eq(config.bind_count, 2);
    cr_assert(load("bind"), "%s", error);
    cr_assert_eq(config.bind_count, 0);
}

Test(config_file, errors_name_place_line_and_reason)
{
    fails("port 1\n# x\nmaxmemry 1gb", "shoal.conf:3: unknown directive 'maxmemry', did you mean 'maxmemory'?");
    fails("slave-priorty 1", "shoal.conf:1: unknown directive 'slave-priorty', did you mean 'slave-priority'?");
    fails("prot 6379", "shoal.conf:1: unknown directive 'prot', did you mean 'port'?");
    fails("mxamemroy 1", "shoal.conf:1: unknown directive 'mxamemroy', did you mean 'maxmemory'?");
    fails("frobnicate yes", "shoal.conf:1: unknown directive 'frobnicate'");
    fails("\nport 70000", "shoal.conf:2: 'port 70000': argument must be between 0 and 65535 inclusive");
    fails("port", "shoal.conf:1: 'port': wrong number of arguments");
    fails("timeout 5 # five", "shoal.conf:1: 'timeout 5 # five': wrong number of arguments");
    fails("port \"6379", "shoal.conf:1: 'port \"6379': unbalanced quotes");
    fails("shards 0", "shoal.conf:1: 'shards 0': argument must be between 1 and 256 inclusive");
    fails("shards 10000", "shoal.conf:1: 'shards 10000': argument must be between 1 and 256 inclusive");
    fails("shard-cpus 3-1", "shoal.conf:1: 'shard-cpus 3-1': argument must be 'off' or a list of CPUs such as '0-3,8'");
    fails("affinity-preset rq resque",
          "shoal.conf:1: 'affinity-preset rq resque': argument(s) must be one of the following: none, bullmq, "
          "bee-queue, celery, rq, asynq, sidekiq");
    fails("affinity bull",
          "shoal.conf:1: 'affinity bull': an affinity pattern is text without blanks around exactly one '*'");
    fails("databases 0", "shoal.conf:1: 'databases 0': argument must be between 1 and 65536 inclusive");
    fails("rename-command", "shoal.conf:1: 'rename-command': wrong number of arguments");
    fails("rename-command GET", "shoal.conf:1: 'rename-command GET': wrong number of arguments");
    fails("rename-command GET a b", "shoal.conf:1: 'rename-command GET a b': wrong number of arguments");
    fails("unixsocketperm 99999",
          "shoal.conf:1: 'unixsocketperm 99999': argument couldn't be parsed as an octal number");
    fails("unixsocketperm 10000", "shoal.conf:1: 'unixsocketperm 10000': argument must be between 0 and 777 inclusive");
    fails("slaveof a x", "shoal.conf:1: 'slaveof a x': Invalid master port");
}

Test(config_file, what_would_guard_a_server_is_not_passed_over)
{
    static const char users[] = "this version knows no users; 'requirepass' sets a password for everybody";
    char expected[256];

    snprintf(expected, sizeof expected, "shoal.conf:2: 'user ...': %s", users);
    fails("port 1\nuser default off\n", expected);
    fails("port 1\nuser\n", expected);
    snprintf(expected, sizeof expected, "shoal.conf:1: 'aclfile /etc/users.acl': %s", users);
    fails("aclfile /etc/users.acl\n", expected);
    fails("loadmodule /x/y.so a b\n", "shoal.conf:1: 'loadmodule /x/y.so a b': this version cannot load modules");
}

static bool is_there(const char *called)
{
    return command_find_by_name(str_from(called)) != NULL;
}

Test(config_file, commands_are_renamed_when_everything_is_read_in_the_order_that_was_given)
{
    struct config copy;

    command_table_init();
    cr_assert(load("rename-command GET aside\nRENAME-COMMAND flushall \"\"\nrename-command set \"the \\\"get\\\"\"\n"),
              "%s", error);
    cr_assert(load_options("--rename-command|aside|fetch|--rename-command|MSET|"), "%s", error);
    config_copy(&copy, &config);
    cr_assert(is_there("get") && is_there("flushall"));
    cr_assert(config_rename_commands(&copy, error, sizeof error), "%s", error);
    cr_assert(is_there("fetch") && is_there("the \"get\"") && is_there("mget"));
    cr_assert_not(is_there("get") || is_there("aside") || is_there("flushall") || is_there("set") || is_there("mset"));
    config_deinit(&copy);
}

Test(config_file, a_command_that_cannot_be_renamed_is_named)
{
    command_table_init();
    cr_assert(load("rename-command GET fetch\nrename-command get x\n"), "%s", error);
    cr_assert_not(config_rename_commands(&config, error, sizeof error));
    cr_assert_str_eq(error, "'rename-command \"get\" \"x\"': No such command in rename-command");
}

Test(config_file, secrets_and_control_bytes_stay_out_of_errors)
{
    fails("requirepass hush hush", "shoal.conf:1: 'requirepass ...': wrong number of arguments");
    fails("requirepass \"hush", "shoal.conf:1: 'requirepass ...': unbalanced quotes");
    fails("port \"\\x1b[31m\"", "shoal.conf:1: 'port ?[31m': argument couldn't be parsed into an integer");
}

Test(config_file, hostile_files_are_refused)
{
    char *line = malloc(200000);

    write_file("zero.conf", "port 1\0\n", 8);
    cr_assert_not(config_load_file(&config, "zero.conf", error, sizeof error));
    cr_assert_str_eq(error, "zero.conf:1: 'port 1?': the line holds a zero byte");
    fails("requirepass \"a\\x00b\"", "shoal.conf:1: 'requirepass ...': argument must not contain a zero byte");
    memset(line, 'a', 200000);
    write_file("long.conf", line, 200000);
    cr_assert_not(config_load_file(&config, "long.conf", error, sizeof error));
    cr_assert(strstr(error, "the line is too long"));
    cr_assert_lt(strlen(error), 200);
    memcpy(line, "bind ", 5);
    for (int i = 5; i < 60000; i += 2)
        memcpy(line + i, " x", 2);
    write_file("wide.conf", line, 60000);
    cr_assert_not(config_load_file(&config, "wide.conf", error, sizeof error));
    cr_assert(strstr(error, "too many words"));
    cr_assert_not(config_load_file(&config, "/dev/zero", error, sizeof error));
    cr_assert(strstr(error, "is larger than"), "%s", error);
    cr_assert_not(config_load_file(&config, "/", error, sizeof error));
    cr_assert_str_eq(error, "can't read '/': Is a directory");
    cr_assert_not(config_load_file(&config, "none.conf", error, sizeof error));
    cr_assert_str_eq(error, "can't open 'none.conf': No such file or directory");
    free(line);
}

Test(config_file, include_takes_patterns_and_later_lines_win)
{
    write_file("10.inc", "timeout 1\nport 1111\n", 20);
    write_file("20.inc", "timeout 2\n", 10);
    cr_assert(load("include *.inc\nport 2222\ninclude none-*.inc\n"), "%s", error);
    cr_assert_eq(config.timeout_s, 2);
    cr_assert_eq(config.port, 2222);
    write_file("bad.inc", "\nport x\n", 8);
    fails("include bad.inc", "bad.inc:2: 'port x': argument couldn't be parsed into an integer");
    fails("\ninclude gone.inc", "shoal.conf:2: 'include gone.inc': No such file or directory");
    fails("include a b", "shoal.conf:1: 'include a b': wrong number of arguments");
}

Test(config_file, include_loops_end)
{
    fails("include shoal.conf", "shoal.conf:1: 'include shoal.conf': files include each other too deeply");
    write_file("a.inc", "include b.inc\ninclude b.inc\n", 28);
    write_file("c.inc", "", 0);
    char text[16 * 1100] = "";
    for (int i = 0; i < 1100; i++)
        strcat(text, "include c.inc\n");
    cr_assert_not(load(text));
    cr_assert(strstr(error, "too many files are included"), "%s", error);
}

Test(config_file, save_lines_replace_the_default_and_add_up)
{
    char *text = NULL;
    size_t room = 0;

    cr_assert(load("save 60 1\nsave 300 10 900 5"), "%s", error);
    cr_assert(load_options("--save|20 2"), "%s", error);
    cr_assert(config_rewrite(&config, "out.conf", error, sizeof error), "%s", error);
    FILE *file = fopen("out.conf", "r");
    cr_assert_gt(getdelim(&text, &room, 0, file), 0);
    cr_assert(strstr(text, "save 60 1\nsave 300 10\nsave 900 5\nsave 20 2\n"), "%s", text);
    fclose(file);
    free(text);
}

Test(config_file, options_read_as_on_redis_servers_command_line)
{
    cr_assert(load_options("--port|6380|--bind|127.0.0.1|::1|--requirepass|--strange|--timeout 5|--save||--HZ|20"),
              "%s", error);
    cr_assert_eq(config.port, 6380);
    cr_assert_eq(config.bind_count, 2);
    cr_assert_str_eq(config.requirepass, "--strange");
    cr_assert_eq(config.timeout_s, 5);
    cr_assert_eq(config.hz, 20);
    cr_assert(load_options("--save|--port|7000"), "%s", error);
    cr_assert_eq(config.port, 7000);
    cr_assert(load_options("--port|7001|--save"), "%s", error);
    cr_assert(load_options("--requirepass|a \"b\\"), "%s", error);
    cr_assert_str_eq(config.requirepass, "a \"b\\", "values are taken as they are");
    cr_assert(config_load_options(&config, 0, NULL, error, sizeof error));
}

Test(config_file, wrong_options_say_which_and_why)
{
    option_fails("--prot|6380", "unknown option '--prot', did you mean '--port'?");
    option_fails("--port", "option '--port': wrong number of arguments");
    option_fails("--port|x", "option '--port x': argument couldn't be parsed into an integer");
    option_fails("--port|1|2", "option '--port 1 2': wrong number of arguments");
    option_fails("--shards|0", "option '--shards 0': argument must be between 1 and 256 inclusive");
    option_fails("-p|1", "'-p' is not an option; options look like '--port 6380'");
    option_fails("port|1", "'port' is not an option; options look like '--port 6380'");
    option_fails("--", "'--' is not an option; options look like '--port 6380'");
    option_fails("--requirepass|a|b", "option '--requirepass ...': wrong number of arguments");
    option_fails("--port=6380", "unknown option '--port=6380', did you mean '--port'?");
}

Test(config_file, standard_input_is_read_before_the_options)
{
    write_file("input", "port 1234\ntimeout 9\n", 20);
    cr_assert_not_null(freopen("input", "r", stdin));
    cr_assert(load_options("--port|4321|-"), "%s", error);
    cr_assert_eq(config.port, 4321);
    cr_assert_eq(config.timeout_s, 9);
    write_file("input", "\nport x\n", 8);
    cr_assert_not_null(freopen("input", "r", stdin));
    option_fails("-|--port|4321", "standard input:2: 'port x': argument couldn't be parsed into an integer");
}

Test(config_file, the_stock_redis_conf_loads)
{
    cr_assert(load("daemonize no\nsupervised auto\nreplicaof 10.0.0.1 6379\nmasterauth x\naclfile \"\"\n"
                   "rename-command CONFIG \"\"\nappendonly yes\nappendfsync always\n"
                   "io-threads 4\nlua-time-limit 5000\nhash-max-ziplist-entries 512\ncluster-enabled yes\n"
                   "oom-score-adj-values 0 200 800\nslowlog-max-len 128\ntls-port 0\n"),
              "%s", error);
}
