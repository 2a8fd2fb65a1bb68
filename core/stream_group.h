/* Consumer groups of a stream: what each has read, and what is pending.
 *
 * A pending entry is one allocation, in a tree of its group and in one of its
 * consumer, both by ID. From the first read with CLAIM on, a group keeps its
 * pending entries also by the time of their delivery. Groups of a stream and
 * consumers of a group lie in trees by name.
 * A group has an account of its own, below its stream's: so it can leave it for
 * another stream at once, however much is pending. */
#ifndef CORE_STREAM_GROUP_H
#define CORE_STREAM_GROUP_H

#include "core/bptree.h"
#include "core/memory.h"
#include "core/stream_id.h"

struct stream_block;

struct stream_consumer {
    struct bptree pending; /* of struct stream_pending, by ID */
    int64_t seen_ms;       /* Unix time of its last command */
    int64_t active_ms;     /* and of the last that gave it an entry; -1: none has */
    size_t name_length;
    char name[];
};

struct stream_pending {
    struct stream_id id;
    struct stream_consumer *consumer;
    int64_t delivered_ms; /* Unix time */
    uint64_t deliveries;
};

enum { STREAM_READ_UNKNOWN = -1 };

struct stream_group {
    struct memory memory;
    struct stream_id last_id; /* delivered */
    int64_t entries_read;     /* of all that were ever added; or STREAM_READ_UNKNOWN */
    struct bptree pending;    /* of struct stream_pending, by ID */
    struct bptree by_time;    /* the same by delivery, then ID; empty unless is_timed */
    struct bptree consumers;  /* by name */
    bool is_timed;
    /* Where the entry after last_id lies, if the stream still has this shape. */
    const struct stream_block *block;
    size_t offset;
    uint64_t shape;
    size_t name_length;
    char name[];
};

static inline struct str stream_group_name(const struct stream_group *group)
{
    return (struct str){group->name, group->name_length};
}

static inline struct str stream_consumer_name(const struct stream_consumer *consumer)
{
    return (struct str){consumer->name, consumer->name_length};
}

static inline void *stream_payload(const struct bptree_item *item)
{
    return (void *)(uintptr_t)item->payload;
}

/* A tree of groups, by name. */
void stream_groups_init(struct bptree *groups, struct memory *memory);
struct stream_group *stream_groups_find(const struct bptree *groups, struct str name);
/* There is none of this name. */
struct stream_group *stream_groups_add(struct bptree *groups, struct str name, struct stream_id last_id,
                                       int64_t entries_read);
/* To another stream, which has none of this name. */
void stream_groups_move(struct bptree *from, struct stream_group *group, struct bptree *to);
/* The group goes away with all that it holds, and another takes its place, which has copies of all but one consumer. */
void stream_groups_move_consumer(struct bptree *from, struct stream_group *group,
                                 const struct stream_consumer *consumer, struct bptree *to);
/* Frees about `most` consumers and pending entries of the last group, and at last the group. Returns how many of `most`
 * are left to be freed. Once begun, nothing else may be done with the group. */
size_t stream_groups_drain_last(struct bptree *groups, size_t most);
/* Consumers and pending entries. */
size_t stream_group_items(const struct stream_group *group);
/* to: empty, and another stream's. */
void stream_groups_copy(struct bptree *to, const struct bptree *from);

struct stream_consumer *stream_consumer_find(const struct stream_group *group, struct str name);
/* There is none of this name. */
struct stream_consumer *stream_consumer_add(struct stream_group *group, struct str name, int64_t now_ms);
/* With its pending entries. */
void stream_consumer_remove(struct stream_group *group, struct stream_consumer *consumer);

struct stream_pending *stream_pending_find(const struct stream_group *group, struct stream_id id);
/* There is none of this ID. Delivered once. */
struct stream_pending *stream_pending_add(struct stream_group *group, struct stream_consumer *consumer,
                                          struct stream_id id, int64_t delivered_ms);
void stream_pending_remove(struct stream_group *group, struct stream_pending *pending);
void stream_pending_assign(struct stream_pending *pending, struct stream_consumer *consumer);
void stream_pending_set_time(struct stream_group *group, struct stream_pending *pending, int64_t delivered_ms);
/* From now on by_time is kept. */
void stream_group_keep_times(struct stream_group *group);
/* Of a group that keeps it: the pending entry that was delivered next after this time, or NULL. */
const struct stream_pending *stream_group_next_delivered(const struct stream_group *group, int64_t ms);

/* The first pending entry of a group or consumer that is not below the ID. */
struct bptree_place stream_pending_seek(const struct bptree *pending, struct stream_id id);
/* The one at a place; NULL at the end. */
struct stream_pending *stream_pending_at(const struct bptree_place *place);

#endif
