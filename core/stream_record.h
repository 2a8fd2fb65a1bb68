/* What stream commands have done, for the journal, in words of theirs that depend on no clock, and on no block's
 * length. Each does nothing where the key's keyspace is not journaled. */
#ifndef CORE_STREAM_RECORD_H
#define CORE_STREAM_RECORD_H

#include "core/call.h"
#include "core/stream_trim_args.h"
#include "core/stream_value.h"

/* XADD has added the entry of args->id, and trimmed `removed` others away. */
void stream_record_added(struct call *call, const struct stream *stream, const struct stream_trim_args *args,
                         uint64_t removed);
/* XTRIM has. */
void stream_record_trimmed(struct call *call, const struct stream *stream, const struct stream_trim *trim);

/* Of the stream under this key: the group has a new consumer, what is pending is as it is now, or no longer, the group
 * has read up to where it says. */
void stream_record_consumer(struct call *call, struct str key, const struct stream_group *group,
                            const struct stream_consumer *consumer);
void stream_record_pending(struct call *call, struct str key, const struct stream_group *group,
                           const struct stream_pending *pending);
void stream_record_forgotten(struct call *call, struct str key, const struct stream_group *group, struct stream_id id);
void stream_record_position(struct call *call, struct str key, const struct stream_group *group);

#endif
