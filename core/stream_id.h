/* IDs of stream entries: milliseconds and a number within them, written
 * "1526919030474-55". Any thread. */
#ifndef CORE_STREAM_ID_H
#define CORE_STREAM_ID_H

#include <stdint.h>

#include "core/str.h"

struct stream_id {
    uint64_t ms, sequence;
};

enum { STREAM_ID_TEXT_MAX = 48 };

static inline struct stream_id stream_id_greatest(void)
{
    return (struct stream_id){UINT64_MAX, UINT64_MAX};
}

/* Below, equal to, above 0. */
static inline int stream_id_compare(struct stream_id left, struct stream_id right)
{
    if (left.ms != right.ms)
        return left.ms < right.ms ? -1 : 1;
    return (left.sequence > right.sequence) - (left.sequence < right.sequence);
}

static inline bool stream_id_is_zero(struct stream_id id)
{
    return id.ms == 0 && id.sequence == 0;
}

/* To the next one, or the one before. False: there is none, and the ID stays. */
MUST_USE bool stream_id_increment(struct stream_id *id);
MUST_USE bool stream_id_decrement(struct stream_id *id);

/* Returns the length of the text. */
size_t stream_id_format(char text[static STREAM_ID_TEXT_MAX], struct stream_id id);

/* "ms-sequence", or "ms" alone, which means the given sequence. Each number may have what strtoull takes: blanks and
 * a sign before it, zeros. */
MUST_USE bool stream_id_parse(struct str text, uint64_t missing_sequence, struct stream_id *id);
/* The same, and "-" for the least and "+" for the greatest. */
MUST_USE bool stream_id_parse_bound(struct str text, uint64_t missing_sequence, struct stream_id *id);
/* The same as the first, and "ms-*", of which *any_sequence tells. */
MUST_USE bool stream_id_parse_new(struct str text, struct stream_id *id, bool *any_sequence);

#endif
