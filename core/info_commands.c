/* The sections of INFO on commands: each that was called, refused or has failed,
 * by its full name. */
#include "core/info_sections.h"

#include <stdio.h>
#include <string.h>

#include "core/buffer.h"
#include "core/command.h"
#include "core/core.h"
#include "core/info.h"
#include "core/number.h"

#define WRITE(...) buffer_append_format(report->text, __VA_ARGS__)

typedef void visit_count(const struct info_report *report, const char *name, const struct command_count *count);

static void visit_row(const struct info_report *report, const struct command *row, visit_count *visit)
{
    char name[64];

    visit(report, command_full_name(row, name), command_stats_of(&report->info->commands, row));
}

static void each_command(const struct info_report *report, visit_count *visit)
{
    for (const struct command *row = command_table; row->name; row++) {
        visit_row(report, row, visit);
        for (const struct command *subrow = command_shown_subcommands(row); subrow && subrow->name; subrow++)
            visit_row(report, subrow, visit);
    }
}

static void write_calls(const struct info_report *report, const char *name, const struct command_count *count)
{
    uint64_t us = count->spent_ns / 1000;

    if (count->calls == 0 && count->rejected == 0 && count->failed == 0)
        return;
    WRITE("cmdstat_%s:calls=%llu,usec=%llu,usec_per_call=%.2f,", name, (unsigned long long)count->calls,
          (unsigned long long)us, count->calls ? (double)count->spent_ns / 1000 / (double)count->calls : 0);
    WRITE("rejected_calls=%llu,failed_calls=%llu\r\n", (unsigned long long)count->rejected,
          (unsigned long long)count->failed);
}

void info_write_commandstats(const struct info_report *report)
{
    WRITE("# Commandstats\r\n");
    each_command(report, write_calls);
}

void info_write_errorstats(const struct info_report *report)
{
    WRITE("# Errorstats\r\n");
    error_stats_write(&report->info->commands.errors, report->text);
}

/* "99.9" */
static void write_percentile(const struct info_report *report, struct str number, const struct histogram *histogram)
{
    double percentile;

    if (number_parse_double(number, &percentile))
        WRITE("p%.*s=%.3f", (int)number.length, number.bytes,
              (double)histogram_percentile_ns(histogram, percentile) / 1000);
}

static void write_percentiles(const struct info_report *report, const char *name, const struct command_count *count)
{
    const char *at = report->core->config.latency_tracking_info_percentiles;

    if (!count->histogram)
        return;
    WRITE("latency_percentiles_usec_%s:", name);
    while (*at) {
        size_t length = strcspn(at, " ");

        write_percentile(report, (struct str){at, length}, count->histogram);
        at += length;
        at += strspn(at, " ");
        if (*at)
            WRITE(",");
    }
    WRITE("\r\n");
}

void info_write_latencystats(const struct info_report *report)
{
    WRITE("# Latencystats\r\n");
    each_command(report, write_percentiles);
}
