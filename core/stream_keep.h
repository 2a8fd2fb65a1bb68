/* What a command takes from a stream or changes in it, kept so that it can be taken back.
 *
 * While a keep is begun, blocks that go are kept instead of freed, a block is
 * copied before it changes, and those that come are noted. */
#ifndef CORE_STREAM_KEEP_H
#define CORE_STREAM_KEEP_H

#include "core/stream_value.h"

enum stream_kept_how { STREAM_KEPT_ADDED, STREAM_KEPT_TAKEN, STREAM_KEPT_CHANGED };

struct stream_kept {
    struct stream_kept *before; /* what was kept before this */
    enum stream_kept_how how;
    struct stream_block *block;
    unsigned char *pack; /* of a block that changes: as it was */
};

struct stream_keep {
    struct stream *stream;
    struct stream_kept *last;
    uint64_t length, added;
    struct stream_id first_id, last_id, max_deleted_id;
};

/* One per command; allocated from the stream's account. */
struct stream_keep *stream_keep_begin(struct stream *stream);
void stream_keep_end(struct stream_keep *keep);

/* After the end, one of these, which frees it: the stream is as it was at the beginning; or stays as it is. */
void stream_keep_back(struct stream_keep *keep);
void stream_keep_release(struct stream_keep *keep);

/* For stream_value.c. */
void stream_keep_note(struct stream *stream, enum stream_kept_how how, struct stream_block *block);

#endif
