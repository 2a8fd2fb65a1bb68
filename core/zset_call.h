/* Sorted sets as commands meet them: found under a key, put back under it,
 * and written to the reply. */
#ifndef CORE_ZSET_CALL_H
#define CORE_ZSET_CALL_H

#include "core/call.h"
#include "core/zset_value.h"

/* From when on a set is no longer a listpack, by the settings. */
struct zset_limits zset_limits(const struct call *call);

/* To be read; entry may be NULL. */
struct zset zset_of_entry(const struct entry *entry);
/* To read. False: it holds another type, and WRONGTYPE has been answered. Its value is NULL where there is no such key.
 */
MUST_USE bool zset_read(struct call *call, struct str name, struct zset *zset);

/* A set that is about to be changed. */
struct zset_key {
    struct str name;
    struct keyspace *keyspace;
    struct entry *entry; /* NULL: the key was absent */
    struct zset zset;    /* without a value then, until zset_key_fill */
};
MUST_USE bool zset_key_open(struct call *call, struct str name, struct zset_key *key);
/* Makes an empty set where there is none. */
void zset_key_fill(struct zset_key *key);
/* The keyspace learns what has become of it: a set that is empty now goes. Counts `changes`, and tells them by this
 * event where there are any. */
void zset_key_close(struct call *call, struct zset_key *key, const char *event, uint64_t changes);

/* An empty set, to gather in what is to be put under this key. */
struct zset zset_result(struct call *call, struct str name);
/* Takes the set and puts it in place of what is there, whatever that is, and tells so by this event; an empty one only
 * removes it. Answers its count. */
void zset_store(struct call *call, struct str name, const char *event, struct zset *zset);

/* As ZRANGE answers: with scores RESP3 has pairs, RESP2 has twice as many elements. */
void zset_reply_header(struct reply *reply, size_t count, bool with_scores);
void zset_reply_element(struct reply *reply, const struct zset_element *element, bool with_scores);
/* Of these ranks, header included. */
void zset_reply_ranks(struct reply *reply, const struct zset *zset, size_t first, size_t count, bool down,
                      bool with_scores);

#endif
