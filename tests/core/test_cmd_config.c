#include <criterion/criterion.h>
#include <stdio.h>
#include <unistd.h>

#include "core/keyspace.h"
#include "core/log.h"
#include "tests/support/command_scatter.h"

static struct command_run run;

static void begin(void)
{
    command_run_init(&run, 3);
}

static void end(void)
{
    command_run_deinit(&run);
}

TestSuite(cmd_config, .init = begin, .fini = end);

Test(cmd_config, set_changes_every_shards_copy_and_the_log)
{
    command_scatter_expect(&run, "CONFIG SET maxmemory 1mb loglevel warning", "+OK ");
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(run.cores[i].config.maxmemory, 1 << 20);
        cr_assert_eq(run.cores[i].config.generation, 1);
    }
    cr_assert_eq(log_get_level(), LOG_WARNING);
    command_expect(&run, "CONFIG GET maxmemory", "*2 $9 maxmemory $7 1048576 ");
    command_scatter_expect(&run, "CONFIG SET maxmemory 2mb timeout x",
                           "-ERR CONFIG SET failed (possibly related to argument 'timeout') - argument couldn't be "
                           "parsed into an integer ");
    cr_assert_eq(run.cores[2].config.maxmemory, 1 << 20);
    command_scatter_expect(&run, "CONFIG SET maxmemory 1 timeout", "-ERR syntax error ");
}

Test(cmd_config, resetstat_clears_counters_of_every_shard_but_not_dirty)
{
    for (int i = 0; i < 3; i++) {
        *keyspace_stats(run.cores[i].keyspace) = (struct keyspace_stats){.hits = 5, .expired = 7, .dirty = 9};
        run.cores[i].stats.commands = 11;
    }
    command_scatter_expect(&run, "CONFIG RESETSTAT", "+OK ");
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(keyspace_stats(run.cores[i].keyspace)->hits, 0);
        cr_assert_eq(keyspace_stats(run.cores[i].keyspace)->expired, 0);
        cr_assert_eq(keyspace_stats(run.cores[i].keyspace)->dirty, 9);
        cr_assert_eq(run.cores[i].stats.commands, 0);
    }
}

Test(cmd_config, rewrite_needs_a_file_and_writes_it)
{
    char line[256] = "";

    command_expect(&run, "CONFIG REWRITE", "-ERR The server is running without a config file ");
    snprintf(run.facts.config_file, sizeof run.facts.config_file, "/tmp/shoal-cmd-config-%d.conf", (int)getpid());
    FILE *file = fopen(run.facts.config_file, "w");
    fputs("timeout 1\n", file);
    fclose(file);
    command_scatter_expect(&run, "CONFIG SET timeout 42", "+OK ");
    command_expect(&run, "CONFIG REWRITE", "+OK ");
    file = fopen(run.facts.config_file, "r");
    cr_assert_not_null(fgets(line, sizeof line, file));
    cr_assert_str_eq(line, "timeout 42\n");
    fclose(file);
    unlink(run.facts.config_file);
    strcpy(run.facts.config_file, "/nowhere/shoal.conf");
    command_expect(&run, "CONFIG REWRITE", "-ERR Rewriting config file: No such file or directory ");
}

Test(cmd_config, help_lists_the_subcommands)
{
    command_expect(&run, "CONFIG HELP",
                   "*11 +CONFIG <subcommand> [<arg> [value] [opt] ...]. Subcommands are: +GET <pattern> "
                   "+    Return parameters matching the glob-like <pattern> and their values. "
                   "+SET <directive> <value> +    Set the configuration <directive> to <value>. +RESETSTAT "
                   "+    Reset statistics reported by the INFO command. +REWRITE "
                   "+    Rewrite the configuration file. +HELP +    Prints this help. ");
}
