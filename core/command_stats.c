#include "core/command_stats.h"

#include <stddef.h>

#include "core/assert.h"
#include "core/buffer.h"
#include "core/config.h"
#include "core/log.h"
#include "core/memory.h"

enum {
    SHORT_NS = 1024,      /* below that the clock's part is worth saving */
    FIRST_CALLS = 64,     /* which are all timed */
    SKIPPED_LEAST = 64,   /* calls from one that is timed to the next */
    SKIPPED_SPREAD = 64,  /* a power of two: so many more at most, or a pipeline's beat would be all that is seen */
    EXACT_BELOW_US = 1000 /* a slow log of such times wants to know each */
};

void command_stats_init(struct command_stats *stats, struct memory *memory)
{
    *stats = (struct command_stats){.memory = memory, .slow_ns = INT64_MAX, .latency_ns = INT64_MAX};
    stats->counts = memory_alloc_zeroed(memory, command_numbers() * sizeof *stats->counts);
}

static void forget_calls(struct command_stats *stats)
{
    for (size_t i = 0; i < command_numbers(); i++) {
        struct command_count *count = &stats->counts[i];

        if (count->histogram)
            histogram_deinit(count->histogram, stats->memory);
        memory_free(stats->memory, count->histogram);
        *count = (struct command_count){0};
    }
}

void command_stats_deinit(struct command_stats *stats)
{
    forget_calls(stats);
    error_stats_deinit(&stats->errors, stats->memory);
    memory_free(stats->memory, stats->counts);
}

void command_stats_reset(struct command_stats *stats)
{
    forget_calls(stats);
    error_stats_deinit(&stats->errors, stats->memory);
}

static int64_t threshold_ns(int64_t units, int64_t unit_ns)
{
    int64_t ns;

    return __builtin_mul_overflow(units, unit_ns, &ns) ? INT64_MAX : ns;
}

void command_stats_configure(struct command_stats *stats, const struct config *config)
{
    int64_t slow_us = config->slowlog_log_slower_than, latency_ms = config->latency_monitor_threshold;

    stats->slow_ns = slow_us >= 0 ? threshold_ns(slow_us, 1000) : INT64_MAX;
    stats->latency_ns = latency_ms > 0 ? threshold_ns(latency_ms, 1000000) : INT64_MAX;
    stats->exact = slow_us >= 0 && slow_us < EXACT_BELOW_US;
    stats->histograms = config->latency_tracking;
    for (size_t i = 0; i < command_numbers() && stats->exact; i++) {
        stats->counts[i].timed_next = 0;
        stats->counts[i].awaited = false;
    }
}

/* Counting. */

static void count_time(struct command_stats *stats, struct command_count *count, int64_t ns, uint64_t times)
{
    count->spent_ns += (uint64_t)ns * times;
    count->covered += times;
    if (!stats->histograms)
        return;
    if (!count->histogram)
        count->histogram = memory_alloc_zeroed(stats->memory, sizeof *count->histogram);
    histogram_add(count->histogram, stats->memory, ns, times);
}

static bool may_skip(const struct command_stats *stats, const struct command *command,
                     const struct command_count *count, int64_t ns)
{
    return command->steady && ns < SHORT_NS && count->calls >= FIRST_CALLS && !stats->exact;
}

bool command_stats_is_like_awaited(struct command_stats *stats, const struct command *command, const struct str *argv,
                                   int argc)
{
    struct command_count *count = command_stats_of(stats, command);

    if (!command_stats_is_short(argv, argc))
        return false;
    if (count->calls < count->timed_next || count->awaited)
        return true;
    count->awaited = may_skip(stats, command, count, count->last_ns);
    return false;
}

/* A call that is timed before its turn has something about it: it stands for itself alone. */
void command_stats_add(struct command_stats *stats, const struct command *command, int64_t ns)
{
    struct command_count *count = command_stats_of(stats, command);
    bool in_turn = count->calls >= count->timed_next;

    count->calls++;
    count_time(stats, count, ns, in_turn ? count->calls - count->covered : 1);
    if (!in_turn)
        return;
    count->awaited = false;
    count->last_ns = ns;
    if (may_skip(stats, command, count, ns))
        count->timed_next = count->calls + SKIPPED_LEAST + (uint64_t)(stats->known_ns & (SKIPPED_SPREAD - 1));
}

/* Calls since the last one that was timed: they are like it. */
static void cover_all(struct command_stats *stats, struct command_count *count)
{
    if (count->calls > count->covered)
        count_time(stats, count, count->last_ns, count->calls - count->covered);
}

/* Errors. */

static void log_codes(const struct error_stats *errors)
{
    char text[ERROR_CODES_MAX * (ERROR_CODE_BYTES + 2)];
    size_t length = 0;

    for (int i = 0; i < errors->count; i++) {
        const struct error_count *error = &errors->codes[i];

        memcpy(text + length, error->code, error->length);
        length += error->length;
        text[length++] = i + 1 < errors->count ? ' ' : '\n';
    }
    log_write(LOG_WARNING, "Errorstats stopped adding new errors because the number of errors reached the limit (%d).",
              ERROR_CODES_MAX);
    log_write(LOG_WARNING, "Current errors code list: %.*s", (int)(length > 0 ? length - 1 : 0), text);
}

static void count_error(struct command_stats *stats, struct str reply)
{
    struct str code = error_stats_code(reply);

    if (stats->errors.count == ERROR_CODES_MAX && !error_stats_knows(&stats->errors, code))
        log_codes(&stats->errors);
    error_stats_add(&stats->errors, stats->memory, code, 1);
}

void command_stats_failed(struct command_stats *stats, const struct command *command, struct str reply)
{
    command_stats_of(stats, command)->failed++;
    count_error(stats, reply);
}

void command_stats_rejected(struct command_stats *stats, const struct command *command, struct str reply)
{
    if (command)
        command_stats_of(stats, command)->rejected++;
    count_error(stats, reply);
}

/* Between shards: for each command that was called a head and its histogram's buckets, then a head of number 0
 * and the codes of errors. */

struct exported {
    uint64_t calls, spent_ns, rejected, failed;
    uint32_t number;
    uint32_t buckets; /* that follow */
};

struct exported_bucket {
    uint64_t times;
    uint32_t bucket, unused;
};

static uint32_t export_buckets(const struct histogram *histogram, struct buffer *bytes)
{
    uint32_t buckets = 0;

    for (int bucket = 0; histogram && bucket < HISTOGRAM_BUCKETS; bucket++) {
        struct exported_bucket exported = {histogram_count(histogram, bucket), (uint32_t)bucket, 0};

        if (exported.times == 0)
            continue;
        buffer_append(bytes, &exported, sizeof exported);
        buckets++;
    }
    return buckets;
}

static void export_count(const struct command_count *count, uint32_t number, struct buffer *bytes)
{
    struct exported exported = {.number = number,
                                .calls = count->calls,
                                .spent_ns = count->spent_ns,
                                .rejected = count->rejected,
                                .failed = count->failed};
    size_t head = bytes->length;

    buffer_append(bytes, &exported, sizeof exported);
    exported.buckets = export_buckets(count->histogram, bytes);
    memcpy(bytes->bytes + head, &exported, sizeof exported);
}

void command_stats_export(struct command_stats *stats, struct buffer *bytes)
{
    struct exported end = {.number = 0, .failed = stats->errors.disabled, .buckets = (uint32_t)stats->errors.count};

    for (size_t number = 1; number < command_numbers(); number++) {
        struct command_count *count = &stats->counts[number];

        cover_all(stats, count);
        if (count->calls > 0 || count->rejected > 0 || count->spent_ns > 0)
            export_count(count, (uint32_t)number, bytes);
    }
    buffer_append(bytes, &end, sizeof end);
    buffer_append(bytes, stats->errors.codes, (size_t)stats->errors.count * sizeof *stats->errors.codes);
}

static void take(struct str *bytes, void *to, size_t length)
{
    ASSERT(bytes->length >= length);
    memcpy(to, bytes->bytes, length);
    bytes->bytes += length;
    bytes->length -= length;
}

static void import_count(struct command_stats *stats, const struct exported *from, struct str *bytes)
{
    struct command_count *count = &stats->counts[from->number];
    struct exported_bucket bucket;

    ASSERT(from->number < command_numbers());
    count->calls += from->calls;
    count->covered = count->calls;
    count->spent_ns += from->spent_ns;
    count->rejected += from->rejected;
    count->failed += from->failed;
    if (from->buckets > 0 && !count->histogram)
        count->histogram = memory_alloc_zeroed(stats->memory, sizeof *count->histogram);
    for (uint32_t i = 0; i < from->buckets; i++) {
        take(bytes, &bucket, sizeof bucket);
        histogram_add_bucket(count->histogram, stats->memory, (int)bucket.bucket, bucket.times);
    }
}

static void import_errors(struct command_stats *stats, const struct exported *end, struct str *bytes)
{
    struct error_count error;

    for (uint32_t i = 0; i < end->buckets; i++) {
        take(bytes, &error, sizeof error);
        error_stats_add(&stats->errors, stats->memory, (struct str){error.code, error.length}, error.count);
    }
    if (end->failed) {
        error_stats_deinit(&stats->errors, stats->memory);
        stats->errors.disabled = true;
    }
}

void command_stats_import(struct command_stats *stats, struct str bytes)
{
    struct exported exported;

    for (take(&bytes, &exported, sizeof exported); exported.number != 0; take(&bytes, &exported, sizeof exported))
        import_count(stats, &exported, &bytes);
    import_errors(stats, &exported, &bytes);
    ASSERT(bytes.length == 0);
}
