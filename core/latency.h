/* What took longer than latency-monitor-threshold, by kind of event: the newest
 * samples of each, at most one for a second.
 *
 * Each shard has its own; LATENCY's merge puts them together. */
#ifndef CORE_LATENCY_H
#define CORE_LATENCY_H

#include <stdbool.h>
#include <stdint.h>

#include "core/str.h"

struct buffer;

enum { LATENCY_SAMPLES = 160 };

/* What Shoal can be late with. The names are Redis's. */
enum latency_event {
    LATENCY_COMMAND,
    LATENCY_FAST_COMMAND,
    LATENCY_EXPIRE_CYCLE,
    LATENCY_EVICTION_CYCLE, /* a turn's part of it */
    LATENCY_EVICTION_DEL,   /* one key, from the choice of it to its end */
    LATENCY_EVENTS
};

struct latency_sample {
    int64_t time_s;
    int64_t ms;
};

struct latency_series {
    int count;
    int64_t worst_ms;                               /* since the last reset */
    struct latency_sample samples[LATENCY_SAMPLES]; /* oldest first, by rising seconds */
};

struct latency {
    struct latency_series events[LATENCY_EVENTS];
};

const char *latency_event_name(enum latency_event event);
/* False: there is no such event. */
MUST_USE bool latency_event_find(struct str name, enum latency_event *event);

void latency_add(struct latency *latency, enum latency_event event, int64_t time_s, int64_t ms);
/* Adds another's samples; of one second the longer stays. */
void latency_merge(struct latency_series *to, const struct latency_series *from);
/* The shortest and the longest of the samples, of which there are some. */
struct latency_bounds {
    int64_t least_ms, most_ms;
};
struct latency_bounds latency_bounds(const struct latency_series *series);

/* The picture that LATENCY GRAPH shows. */
void latency_graph(const struct latency_series *series, const char *title, int64_t now_s, struct buffer *text);
/* LATENCY DOCTOR's report on all events. */
struct latency_settings {
    int64_t threshold_ms, slow_us;
};
void latency_diagnose(const struct latency *latency, const struct latency_settings *settings, struct buffer *text);

#endif
