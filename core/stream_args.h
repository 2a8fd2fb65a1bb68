/* Arguments and replies that the stream commands share. Each function that
 * returns false has answered with Redis's error. */
#ifndef CORE_STREAM_ARGS_H
#define CORE_STREAM_ARGS_H

#include "core/stream_value.h"

struct call;
struct entry;
struct reply;

MUST_USE bool stream_args_id(struct reply *reply, struct str text, uint64_t missing_sequence, struct stream_id *id);
/* Whether the arguments from `first` to the last are IDs. */
MUST_USE bool stream_args_are_ids(struct call *call, int first);
/* The ends of a range: an ID, "-", "+", or "(" and an ID, which itself is not in the range. */
MUST_USE bool stream_args_range_first(struct reply *reply, struct str text, struct stream_id *id);
MUST_USE bool stream_args_range_last(struct reply *reply, struct str text, struct stream_id *id);

/* KEEPREF, DELREF or ACKED; UNSAID: another word. */
enum stream_references stream_args_references(struct str word);

/* "XGROUP": of a subcommand whose arguments do not fit. */
void stream_args_refuse_subcommand(struct call *call, const char *container);

/* The stream at argv[index], NULL where there is none: as call_find_read and call_find_write. */
MUST_USE bool stream_find_read(struct call *call, int index, struct stream **stream);
MUST_USE bool stream_find_write(struct call *call, int index, struct stream **stream);
/* The group of argv[2] in the stream of argv[1], which may be NULL; NULL: there is none, and NOGROUP has been answered.
 */
struct stream_group *stream_find_group(struct call *call, struct stream *stream);
/* An empty stream at argv[index], where there is nothing. */
struct stream *stream_add(struct call *call, int index);
/* Counts changes to the stream at argv[1]. */
void stream_changed(struct call *call, uint64_t count);

void reply_stream_id(struct reply *reply, struct stream_id id);
/* An array of the ID and an array of names and values. */
void reply_stream_entry(struct reply *reply, const struct stream_entry *entry);
/* The same without the array around. */
void reply_stream_entry_parts(struct reply *reply, const struct stream_entry *entry);
/* Up to `count` entries, 0: all, in an array. */
void reply_stream_range(struct reply *reply, struct stream_range *range, uint64_t count);

#endif
