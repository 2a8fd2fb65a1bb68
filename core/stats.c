/* Rates per second from running counts, and the reset of CONFIG RESETSTAT.
 *
 * A sample is the rate over the time since the one before it, at least
 * RATE_INTERVAL_MS ago; what is reported is the mean of the last sixteen. An
 * idle shard takes no samples: the first one after a pause fills in the zeros. */
#include "core/stats.h"

enum { RATE_SAMPLES = 16, RATE_INTERVAL_MS = 100 };

static uint64_t per_second(uint64_t now, uint64_t *seen, int64_t elapsed_ms)
{
    uint64_t rate = (now - *seen) * 1000 / (uint64_t)elapsed_ms;

    *seen = now;
    return rate;
}

static void add_samples(struct stats *stats, uint64_t commands, uint64_t received, uint64_t sent, uint64_t turns)
{
    stats->rate_commands[stats->rate_next] = commands;
    stats->rate_received[stats->rate_next] = received;
    stats->rate_sent[stats->rate_next] = sent;
    stats->rate_turns[stats->rate_next] = turns;
    stats->rate_next = (stats->rate_next + 1) % RATE_SAMPLES;
}

/* Nothing was counted before the last interval of a pause. Returns the length of that. */
static int64_t fill_pause(struct stats *stats, int64_t elapsed_ms)
{
    for (int i = 0; i < RATE_SAMPLES && elapsed_ms >= 2 * RATE_INTERVAL_MS; i++) {
        add_samples(stats, 0, 0, 0, 0);
        elapsed_ms -= RATE_INTERVAL_MS;
    }
    return elapsed_ms < 2 * RATE_INTERVAL_MS ? elapsed_ms : RATE_INTERVAL_MS;
}

void stats_sample_rates(struct stats *stats, int64_t now_ms)
{
    int64_t elapsed_ms = now_ms - stats->rate_sampled_ms;
    uint64_t commands, received, sent, turns;

    if (elapsed_ms >= 0 && elapsed_ms < RATE_INTERVAL_MS)
        return;
    elapsed_ms = elapsed_ms < 0 ? RATE_INTERVAL_MS : fill_pause(stats, elapsed_ms);
    commands = per_second(stats->commands, &stats->rate_commands_seen, elapsed_ms);
    received = per_second(stats->received_bytes, &stats->rate_received_seen, elapsed_ms);
    sent = per_second(stats->sent_bytes, &stats->rate_sent_seen, elapsed_ms);
    turns = per_second(stats->turns, &stats->rate_turns_seen, elapsed_ms);
    add_samples(stats, commands, received, sent, turns);
    stats->rate_sampled_ms = now_ms;
}

uint64_t stats_rate(const uint64_t samples[static 16])
{
    uint64_t sum = 0;

    for (int i = 0; i < RATE_SAMPLES; i++)
        sum += samples[i];
    return sum / RATE_SAMPLES;
}

void stats_reset(struct stats *stats)
{
    int64_t sampled_ms = stats->rate_sampled_ms;

    *stats = (struct stats){.rate_sampled_ms = sampled_ms};
}
