/* What one shard counts of the commands that it runs: how often, how long, with
 * which errors. For INFO commandstats, latencystats and errorstats, and for
 * LATENCY HISTOGRAM.
 *
 * Every call is counted, but reading the clock twice costs as much as half a GET.
 * So of a command that is steady (it takes about as long each time: CMD_FAST, O(1), or that for each key) and
 * short, one call in some hundred is timed, at random distances, and stands for those
 * since the last one. All others are timed: the first calls of each command, whatever took longer than a
 * microsecond last time, whatever has many or large arguments or a large answer, all commands whose time
 * depends on the data, and everything while the slow log asks for times of less than a millisecond.
 *
 * Times are the shard's: its core is lent a clock. Without one nothing is timed. */
#ifndef CORE_COMMAND_STATS_H
#define CORE_COMMAND_STATS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/command.h"
#include "core/error_stats.h"
#include "core/histogram.h"

struct buffer;
struct config;
struct memory;

enum { STEADY_ARGUMENTS = 16, STEADY_ARGUMENT_BYTES = 4096, STEADY_REPLY_BYTES = 4096 };

struct command_count {
    uint64_t calls;
    uint64_t timed_next; /* the next call that is timed in any case */
    uint64_t covered;    /* calls whose time is in spent_ns and the histogram, or that stand for themselves */
    uint64_t spent_ns;
    int64_t last_ns; /* of the last call that was timed in its turn */
    bool awaited;    /* such a call is under way */
    uint64_t rejected, failed;
    struct histogram *histogram;
};

/* The shard's clock, in ns from any beginning. */
struct command_clock {
    int64_t (*now_ns)(void *context);
    void *context;
};

struct command_stats {
    struct memory *memory;
    struct command_count *counts; /* by the command's number */
    struct error_stats errors;
    struct command_clock clock;
    int64_t known_ns;   /* a reading not long before the next command */
    int64_t slow_ns;    /* commands that take so long are for the slow log; INT64_MAX: none */
    int64_t latency_ns; /* and for the latency monitor */
    bool exact;         /* each call is timed */
    bool histograms;    /* latency-tracking */
};

void command_stats_init(struct command_stats *stats, struct memory *memory);
void command_stats_deinit(struct command_stats *stats);
/* The settings have changed. */
void command_stats_configure(struct command_stats *stats, const struct config *config);
/* CONFIG RESETSTAT */
void command_stats_reset(struct command_stats *stats);

static inline int64_t command_stats_now_ns(const struct command_stats *stats)
{
    return stats->clock.now_ns ? stats->clock.now_ns(stats->clock.context) : 0;
}

static inline struct command_count *command_stats_of(const struct command_stats *stats, const struct command *command)
{
    return &stats->counts[command->number];
}

static inline bool command_stats_is_short(const struct str *argv, int argc)
{
    return argc <= STEADY_ARGUMENTS && argv[argc - 1].length <= STEADY_ARGUMENT_BYTES;
}

/* Whether a call's time can be told from that of others like it. */
static inline bool command_stats_is_like_others(const struct command_stats *stats, const struct command *command,
                                                const struct str *argv, int argc)
{
    const struct command_count *count = command_stats_of(stats, command);

    return count->calls < count->timed_next && command_stats_is_short(argv, argc);
}

/* The same for a call that is counted only when others have begun: they do not all have the one turn. */
bool command_stats_is_like_awaited(struct command_stats *stats, const struct command *command, const struct str *argv,
                                   int argc);

/* One call more, which took so long. */
void command_stats_add(struct command_stats *stats, const struct command *command, int64_t ns);
/* Time spent on parts of a call that is counted elsewhere, or on its earlier attempts. */
static inline void command_stats_spend(struct command_stats *stats, const struct command *command, int64_t ns)
{
    command_stats_of(stats, command)->spent_ns += (uint64_t)ns;
}

/* An error has been answered; reply: "-ERR text". By a command that ran (failed), or refused to one (rejected; NULL: to
 * none that exists). */
void command_stats_failed(struct command_stats *stats, const struct command *command, struct str reply);
void command_stats_rejected(struct command_stats *stats, const struct command *command, struct str reply);

/* The counts as bytes, to be added to those of another shard in this process. */
void command_stats_export(struct command_stats *stats, struct buffer *bytes);
void command_stats_import(struct command_stats *stats, struct str bytes);

#endif
