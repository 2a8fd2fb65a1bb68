/* LATENCY. The parts run on every shard and answer with the raw bytes of their
 * samples, or of their counts of commands; the merge reads them, adds them up and
 * writes what the client sees. */
#include "core/handlers.h"

#include "core/args.h"
#include "core/assert.h"
#include "core/call.h"
#include "core/merge.h"

void cmd_latency_help(struct call *call)
{
    static const char *const lines[] = {
        "DOCTOR",
        "    Return a human readable latency analysis report.",
        "GRAPH <event>",
        "    Return an ASCII latency graph for the <event> class.",
        "HISTORY <event>",
        "    Return time-latency samples for the <event> class.",
        "LATEST",
        "    Return the latest latency samples for all events.",
        "RESET [<event> ...]",
        "    Reset latency data of one or more <event> classes.",
        "    (default: reset all data for all event classes)",
        "HISTOGRAM [COMMAND ...]",
        "    Return a cumulative distribution of latencies in the format of a histogram for the specified command "
        "names.",
        "    If no commands are specified then all histograms are replied.",
        NULL,
    };

    args_help(call, lines);
}

/* Samples */

/* DOCTOR, GRAPH, HISTORY and LATEST. */
void cmd_latency_part(struct call *call)
{
    reply_bulk(call->reply, (struct str){(const char *)&call->core->latency, sizeof call->core->latency});
}

static void read_parts(const struct merge *merge, struct latency *sum)
{
    struct latency part;

    *sum = (struct latency){0};
    for (int i = 0; i < merge->part_count; i++) {
        struct str bytes = merge_bulk(merge, i);

        ASSERT(bytes.length == sizeof part);
        memcpy(&part, bytes.bytes, sizeof part);
        for (int event = 0; event < LATENCY_EVENTS; event++)
            latency_merge(&sum->events[event], &part.events[event]);
    }
}

/* NULL: the argument names no event of which there are samples. */
static const struct latency_series *series_named(const struct merge *merge, const struct latency *sum)
{
    enum latency_event event;

    if (!latency_event_find(merge->argv[2], &event) || sum->events[event].count == 0)
        return NULL;
    return &sum->events[event];
}

void merge_latency_doctor(struct merge *merge)
{
    const struct config *config = &merge->core->config;
    struct latency_settings settings = {config->latency_monitor_threshold, config->slowlog_log_slower_than};
    struct latency sum;
    struct buffer text;

    read_parts(merge, &sum);
    buffer_init(&text, &merge->core->memory, NULL, 0);
    latency_diagnose(&sum, &settings, &text);
    reply_verbatim(merge->reply, buffer_str(&text), "txt");
    buffer_deinit(&text);
}

void merge_latency_graph(struct merge *merge)
{
    const struct latency_series *series;
    enum latency_event event;
    struct latency sum;
    struct buffer text;

    read_parts(merge, &sum);
    series = series_named(merge, &sum);
    if (!series || !latency_event_find(merge->argv[2], &event)) {
        reply_error_format(merge->reply, "ERR No samples available for event '%.*s'", str_quoted_length(merge->argv[2]),
                           merge->argv[2].bytes);
        return;
    }
    buffer_init(&text, &merge->core->memory, NULL, 0);
    latency_graph(series, latency_event_name(event), merge->now_ms / 1000, &text);
    reply_verbatim(merge->reply, buffer_str(&text), "txt");
    buffer_deinit(&text);
}

void merge_latency_history(struct merge *merge)
{
    const struct latency_series *series;
    struct latency sum;

    read_parts(merge, &sum);
    series = series_named(merge, &sum);
    reply_array(merge->reply, series ? series->count : 0);
    for (int i = 0; series && i < series->count; i++) {
        reply_array(merge->reply, 2);
        reply_integer(merge->reply, series->samples[i].time_s);
        reply_integer(merge->reply, series->samples[i].ms);
    }
}

static void reply_latest(struct reply *reply, enum latency_event event, const struct latency_series *series)
{
    const struct latency_sample *latest = &series->samples[series->count - 1];

    reply_array(reply, 4);
    reply_bulk(reply, str_from(latency_event_name(event)));
    reply_integer(reply, latest->time_s);
    reply_integer(reply, latest->ms);
    reply_integer(reply, series->worst_ms);
}

void merge_latency_latest(struct merge *merge)
{
    size_t mark = reply_mark(merge->reply);
    struct latency sum;
    int count = 0;

    read_parts(merge, &sum);
    for (int event = 0; event < LATENCY_EVENTS; event++) {
        if (sum.events[event].count == 0)
            continue;
        reply_latest(merge->reply, (enum latency_event)event, &sum.events[event]);
        count++;
    }
    reply_array_at(merge->reply, mark, count);
}

static bool names_event(const struct str *argv, int argc, enum latency_event event)
{
    for (int i = 2; i < argc; i++)
        if (str_equal(argv[i], str_from(latency_event_name(event))))
            return true;
    return argc == 2;
}

/* Which events it had samples of, as bits. */
void cmd_latency_reset(struct call *call)
{
    int64_t had = 0;

    for (int event = 0; event < LATENCY_EVENTS; event++) {
        struct latency_series *series = &call->core->latency.events[event];

        if (series->count == 0 || !names_event(call->argv, call->argc, (enum latency_event)event))
            continue;
        had |= INT64_C(1) << event;
        *series = (struct latency_series){0};
    }
    reply_bulk(call->reply, (struct str){(const char *)&had, sizeof had});
}

void merge_latency_reset(struct merge *merge)
{
    int64_t all = 0, had;

    for (int i = 0; i < merge->part_count; i++) {
        memcpy(&had, merge_bulk(merge, i).bytes, sizeof had);
        all |= had;
    }
    reply_integer(merge->reply, __builtin_popcountll((uint64_t)all));
}

/* HISTOGRAM */

void cmd_latency_histogram(struct call *call)
{
    struct buffer bytes;

    buffer_init(&bytes, &call->core->memory, NULL, 0);
    command_stats_export(&call->core->command_stats, &bytes);
    reply_bulk(call->reply, buffer_str(&bytes));
    buffer_deinit(&bytes);
}

/* For each doubling from 1024 ns on how many calls were not longer, as far as there are more than before. */
static int reply_buckets(struct reply *reply, const struct histogram *histogram)
{
    uint64_t seen = 0;
    int count = 0;

    for (int64_t level_ns = 1024; seen < histogram->total; level_ns *= 2) {
        int bucket = histogram_bucket(level_ns);
        uint64_t up_to = histogram_count_up_to(histogram, bucket);

        if (up_to == seen)
            continue;
        reply_integer(reply, histogram_bucket_end_ns(bucket) / 1000);
        reply_integer(reply, (int64_t)up_to);
        seen = up_to;
        count++;
    }
    return count;
}

struct histograms {
    struct reply *reply;
    const struct command_stats *stats;
    int count;
};

static void show_command(struct histograms *show, const struct command *row)
{
    const struct histogram *histogram = command_stats_of(show->stats, row)->histogram;
    struct reply *reply = show->reply;
    char name[64];
    size_t mark;

    if (!histogram)
        return;
    show->count++;
    reply_bulk(reply, str_from(command_full_name(row, name)));
    reply_map(reply, 2);
    reply_bulk(reply, STR("calls"));
    reply_integer(reply, (int64_t)histogram->total);
    reply_bulk(reply, STR("histogram_usec"));
    mark = reply_mark(reply);
    reply_map_at(reply, mark, reply_buckets(reply, histogram));
}

static void show_row(struct histograms *show, const struct command *row)
{
    show_command(show, row);
    for (const struct command *subrow = command_shown_subcommands(row); subrow && subrow->name; subrow++)
        show_command(show, subrow);
}

void merge_latency_histogram(struct merge *merge)
{
    struct command_stats stats;
    struct histograms show = {merge->reply, &stats, 0};
    size_t mark = reply_mark(merge->reply);

    command_stats_init(&stats, &merge->core->memory);
    for (int i = 0; i < merge->part_count; i++)
        command_stats_import(&stats, merge_bulk(merge, i));
    for (const struct command *row = command_table; merge->argc == 2 && row->name; row++)
        show_row(&show, row);
    for (int i = 2; i < merge->argc; i++) {
        const struct command *row = command_find_by_name(merge->argv[i]);

        if (row)
            show_row(&show, row);
    }
    reply_map_at(merge->reply, mark, show.count);
    command_stats_deinit(&stats);
}
