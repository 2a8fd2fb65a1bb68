/* A column for each sample, four lines high: each line has three heights, drawn
 * as '_', 'o' and '#', and '|' below those. Under it stands, from top to
 * bottom, how long ago the sample was. Wide pictures are cut into rows of 80. */
#include "core/latency.h"

#include <stdio.h>
#include <string.h>

#include "core/buffer.h"

enum { COLUMNS = 80, LINES = 4, HEIGHTS = 3, LABEL_BYTES = 16 };

static const char marks[HEIGHTS + 1] = "_o#";

/* What all columns are drawn by. */
struct scale {
    int64_t least_ms, span_ms;
};

static void append_age(char label[LABEL_BYTES], int64_t age_s)
{
    if (age_s < 60)
        snprintf(label, LABEL_BYTES, "%ds", (int)age_s);
    else if (age_s < 60 * 60)
        snprintf(label, LABEL_BYTES, "%dm", (int)(age_s / 60));
    else if (age_s < 24 * 60 * 60)
        snprintf(label, LABEL_BYTES, "%dh", (int)(age_s / (60 * 60)));
    else
        snprintf(label, LABEL_BYTES, "%dd", (int)(age_s / (24 * 60 * 60)));
}

static int height_of(const struct scale *scale, int64_t ms)
{
    int most = LINES * HEIGHTS, height = (int)((double)(ms - scale->least_ms) * most / (double)scale->span_ms);

    return height < most ? height : most - 1;
}

static char mark_of(int height, int line)
{
    int within = height - (LINES - 1 - line) * HEIGHTS;

    if (within < 0)
        return ' ';
    return within < HEIGHTS ? marks[within] : '|';
}

static void append_bars(struct buffer *text, const struct latency_sample *samples, int count, const struct scale *scale)
{
    for (int line = 0; line < LINES; line++) {
        for (int i = 0; i < count; i++)
            buffer_append(text, (char[]){mark_of(height_of(scale, samples[i].ms), line)}, 1);
        buffer_append(text, "\n", 1);
    }
}

/* False: no label is so long. */
static bool append_label_line(struct buffer *text, char (*labels)[LABEL_BYTES], int count, size_t line)
{
    size_t start = text->length;
    bool any = false;

    for (int i = 0; i < count; i++) {
        bool has = strlen(labels[i]) > line;

        buffer_append(text, has ? &labels[i][line] : " ", 1);
        any |= has;
    }
    if (any)
        buffer_append(text, "\n", 1);
    else
        text->length = start;
    return any;
}

static void append_row(struct buffer *text, const struct latency_sample *samples, int count, const struct scale *scale,
                       int64_t now_s)
{
    char labels[COLUMNS][LABEL_BYTES];

    append_bars(text, samples, count, scale);
    buffer_append_format(text, "%*s\n", count, "");
    for (int i = 0; i < count; i++)
        append_age(labels[i], now_s - samples[i].time_s);
    for (size_t line = 0; append_label_line(text, labels, count, line); line++)
        continue;
}

void latency_graph(const struct latency_series *series, const char *title, int64_t now_s, struct buffer *text)
{
    struct latency_bounds bounds = latency_bounds(series);
    struct scale scale = {bounds.least_ms, bounds.most_ms - bounds.least_ms};

    if (scale.span_ms == 0)
        scale.span_ms = 1;
    buffer_append_format(text, "%s - high %lld ms, low %lld ms (all time high %lld ms)\n", title,
                         (long long)bounds.most_ms, (long long)bounds.least_ms, (long long)series->worst_ms);
    for (int i = 0; i < COLUMNS; i++)
        buffer_append(text, "-", 1);
    buffer_append(text, "\n", 1);
    for (int at = 0; at < series->count; at += COLUMNS) {
        int count = series->count - at < COLUMNS ? series->count - at : COLUMNS;

        if (at > 0)
            buffer_append(text, "\n", 1);
        append_row(text, &series->samples[at], count, &scale, now_s);
    }
}
