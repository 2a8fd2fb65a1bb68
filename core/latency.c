#include "core/latency.h"

#include <string.h>

#include "core/assert.h"

static const char *const names[LATENCY_EVENTS] = {"command", "fast-command", "expire-cycle", "eviction-cycle",
                                                  "eviction-del"};

const char *latency_event_name(enum latency_event event)
{
    return names[event];
}

bool latency_event_find(struct str name, enum latency_event *event)
{
    for (int i = 0; i < LATENCY_EVENTS; i++) {
        if (!str_equal(name, str_from(names[i])))
            continue;
        *event = (enum latency_event)i;
        return true;
    }
    return false;
}

static void append(struct latency_series *series, struct latency_sample sample)
{
    if (series->count == LATENCY_SAMPLES)
        memmove(&series->samples[0], &series->samples[1], (size_t)--series->count * sizeof sample);
    series->samples[series->count++] = sample;
}

static void raise_to(int64_t *worst, int64_t value)
{
    if (value > *worst)
        *worst = value;
}

void latency_add(struct latency *latency, enum latency_event event, int64_t time_s, int64_t ms)
{
    struct latency_series *series = &latency->events[event];
    struct latency_sample *last = series->count > 0 ? &series->samples[series->count - 1] : NULL;

    raise_to(&series->worst_ms, ms);
    if (last && last->time_s >= time_s)
        raise_to(&last->ms, ms);
    else
        append(series, (struct latency_sample){time_s, ms});
}

/* The older of the two next samples; both where they are of one second. */
static struct latency_sample take_oldest(const struct latency_series *a, int *at_a, const struct latency_series *b,
                                         int *at_b)
{
    const struct latency_sample *left = *at_a < a->count ? &a->samples[*at_a] : NULL;
    const struct latency_sample *right = *at_b < b->count ? &b->samples[*at_b] : NULL;
    bool from_left = left && (!right || left->time_s <= right->time_s);
    bool from_right = right && (!left || right->time_s <= left->time_s);
    struct latency_sample sample = from_left ? *left : *right;

    if (from_right)
        raise_to(&sample.ms, right->ms);
    *at_a += from_left;
    *at_b += from_right;
    return sample;
}

void latency_merge(struct latency_series *to, const struct latency_series *from)
{
    struct latency_series merged = {.worst_ms = to->worst_ms};
    int at_to = 0, at_from = 0;

    raise_to(&merged.worst_ms, from->worst_ms);
    while (at_to < to->count || at_from < from->count)
        append(&merged, take_oldest(to, &at_to, from, &at_from));
    *to = merged;
}

struct latency_bounds latency_bounds(const struct latency_series *series)
{
    struct latency_bounds bounds = {INT64_MAX, 0};

    ASSERT(series->count > 0);
    for (int i = 0; i < series->count; i++) {
        int64_t ms = series->samples[i].ms;

        if (ms < bounds.least_ms)
            bounds.least_ms = ms;
        raise_to(&bounds.most_ms, ms);
    }
    return bounds;
}
