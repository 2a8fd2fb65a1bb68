/* What LATENCY DOCTOR says: each event with its figures, then what to do about it. */
#include "core/latency.h"

#include "core/buffer.h"

struct figures {
    double average_ms, deviation_ms, period_s;
};

static struct figures figures_of(const struct latency_series *series)
{
    const struct latency_sample *samples = series->samples;
    struct figures figures = {0};
    double distance = 0;

    for (int i = 0; i < series->count; i++)
        figures.average_ms += (double)samples[i].ms / series->count;
    for (int i = 0; i < series->count; i++) {
        double off = (double)samples[i].ms - figures.average_ms;

        distance += off < 0 ? -off : off;
    }
    figures.deviation_ms = distance / series->count;
    if (series->count > 1)
        figures.period_s = (double)(samples[series->count - 1].time_s - samples[0].time_s) / (series->count - 1);
    return figures;
}

static void append_event(struct buffer *text, int number, const char *name, const struct latency_series *series)
{
    struct figures figures = figures_of(series);

    buffer_append_format(text,
                         "%d. %s: %d latency spikes (average %.0fms, mean deviation %.0fms, period %.2f sec). "
                         "Worst all time event %lldms.\n",
                         number, name, series->count, figures.average_ms, figures.deviation_ms, figures.period_s,
                         (long long)series->worst_ms);
}

static int append_events(const struct latency *latency, struct buffer *text)
{
    int count = 0;

    for (int i = 0; i < LATENCY_EVENTS; i++) {
        if (latency->events[i].count == 0)
            continue;
        if (count == 0)
            buffer_append_str(text, STR("These events took longer than the threshold:\n\n"));
        append_event(text, ++count, latency_event_name((enum latency_event)i), &latency->events[i]);
    }
    return count;
}

static void advise_on_commands(const struct latency *latency, const struct latency_settings *settings,
                               struct buffer *text)
{
    bool by_commands = latency->events[LATENCY_COMMAND].count > 0;
    bool by_fast = latency->events[LATENCY_FAST_COMMAND].count > 0;

    if (by_commands && (settings->slow_us < 0 || settings->slow_us > settings->threshold_ms * 1000))
        buffer_append_format(text,
                             "- The slow log leaves out commands that were late by this measure: "
                             "CONFIG SET slowlog-log-slower-than %lld has it show them.\n",
                             (long long)settings->threshold_ms * 1000);
    else if (by_commands)
        buffer_append_str(text, STR("- SLOWLOG GET shows which commands they were, and of which clients.\n"));
    if (by_commands)
        buffer_append_str(text, STR("- A command on all elements of a large value holds up what else its shard has to "
                                    "do; SCAN and its kin, or several smaller values, do not.\n"));
    if (by_fast)
        buffer_append_str(text, STR("- Commands that should always be fast were late: the machine may have had no "
                                    "processor for the shard, or be swapping.\n"));
}

void latency_diagnose(const struct latency *latency, const struct latency_settings *settings, struct buffer *text)
{
    if (settings->threshold_ms == 0) {
        buffer_append_str(text, STR("Latency is not monitored: CONFIG SET latency-monitor-threshold <milliseconds> "
                                    "turns that on.\n"));
        return;
    }
    if (append_events(latency, text) == 0) {
        buffer_append_str(text, STR("Nothing has taken longer than the threshold so far.\n"));
        return;
    }
    buffer_append_str(text, STR("\n"));
    advise_on_commands(latency, settings, text);
    if (latency->events[LATENCY_EXPIRE_CYCLE].count > 0)
        buffer_append_str(text, STR("- Many keys have one deadline: an arbitrary part added to each spreads them.\n"));
    if (latency->events[LATENCY_EVICTION_CYCLE].count > 0)
        buffer_append_str(text, STR("- Making room for what comes takes long at a time: a lower "
                                    "maxmemory-eviction-tenacity spreads it over more turns.\n"));
}
