/* What one shard counts, and the facts of the process, for INFO. */
#ifndef CORE_STATS_H
#define CORE_STATS_H

#include <stddef.h>
#include <stdint.h>

/* Set once by main before the shards start. */
struct server_facts {
    char run_id[41];
    char version[16];         /* Shoal's own */
    char git_sha[16];
    char executable[512], config_file[512]; /* empty: none */
    int port, process_id, shard_count;
    int64_t start_ms;         /* Unix time */
};

/* Written by the shard's own thread; read by the parts of INFO, which run there. */
struct stats {
    uint64_t connections_accepted, connections_rejected;
    uint64_t connections_moved;          /* to this shard, from others */
    uint64_t commands;                   /* of this shard's connections */
    uint64_t executed;                   /* on this shard: its own, others' and parts */
    uint64_t received_bytes, sent_bytes;
    uint64_t receives, sends;            /* in so many pieces */
    uint64_t clients_killed_by_output_limit, clients_killed_by_query_limit;
    uint64_t clients_evicted;            /* to make room for the others: maxmemory-clients */
    uint64_t protocol_errors, error_replies;
    uint64_t passwords_refused;
    uint64_t turns;                      /* of the loop */
    uint64_t local, crossed, scattered, gathered; /* requests by how they were routed */
    uint64_t scripts_local;     /* ran to their end on the shards of their declared keys */
    uint64_t scripts_gathered;  /* ran over all shards */
    uint64_t scripts_escalated; /* of those, after they had met a key out of reach elsewhere */
    uint64_t scripts_restarted; /* of those, after they had changed something, which was undone */
    uint64_t wakes_sent;
    uint64_t ring_full;                  /* times a request waited for room */
    int64_t memory_exceeded_ms;          /* how long maxmemory was exceeded, before now */
    int64_t memory_exceeded_since_ms;    /* Unix time since which it is; 0: it is not */
    size_t largest_query_bytes, largest_output_bytes;
    /* Operations per second, sampled as Redis does: 16 samples of 100 ms while there is traffic. */
    int64_t rate_sampled_ms;
    uint64_t rate_commands_seen, rate_received_seen, rate_sent_seen, rate_turns_seen;
    uint64_t rate_commands[16], rate_received[16], rate_sent[16], rate_turns[16];
    int rate_next;
};

void stats_sample_rates(struct stats *stats, int64_t now_ms);
uint64_t stats_rate(const uint64_t samples[static 16]);
void stats_reset(struct stats *stats);

#endif
