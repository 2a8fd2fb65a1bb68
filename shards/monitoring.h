/* MONITOR between the shards: lines of what is executed here, to the shards whose
 * sessions watch (core/monitor.h). They travel as news, so they come in the order of
 * what caused what, and a client's in the order of its requests. */
#ifndef SHARDS_MONITORING_H
#define SHARDS_MONITORING_H

struct call;
struct request;
struct shard;

/* Around call_run. */
void monitoring_begin(struct call *call, const struct request *request);
void monitoring_end(const struct call *call, const struct request *request);
/* Of a request that is not run as a call, once it has been done. */
void monitoring_note(struct shard *shard, struct request *request);
/* After it: the lines leave. */
void monitoring_send(struct shard *shard);

#endif
