/* How the hash commands come to a hash and leave it.
 *
 *     if (!hash_open_write(call, &access))
 *         return;                             another type, answered
 *     hash_begin(call, &access);              where the key is to be made
 *     hash_set(&access.hash, …);
 *     hash_close(call, &access, "hset", changes);
 *
 * Between opening and closing the entry may point to what the value was before; after closing the hash may: a small
 * one has gone into its entry. */
#ifndef CORE_HASH_ACCESS_H
#define CORE_HASH_ACCESS_H

#include "core/call.h"
#include "core/hash_value.h"

struct hash_access {
    struct entry *entry; /* NULL: there is no such key */
    struct hash hash;    /* of the entry, or what hash_begin has made */
    int64_t indexed_ms;  /* the earliest deadline, as the keyspace knows it */
};

/* Each of the key argv[1]. False: it holds another type, and that has been answered. */
MUST_USE bool hash_open_read(struct call *call, struct hash_access *access);
MUST_USE bool hash_open_write(struct call *call, struct hash_access *access);
/* Makes an empty hash where there is no key. It has to be closed. */
void hash_begin(struct call *call, struct hash_access *access);
/* Puts back what was written, deletes the key where nothing is left, counts the changes; where there are any, they are
 * told by these events, of which the second may be NULL. */
void hash_close_with(struct call *call, struct hash_access *access, const char *event, const char *second,
                     uint64_t changes);
static inline void hash_close(struct call *call, struct hash_access *access, const char *event, uint64_t changes)
{
    hash_close_with(call, access, event, NULL, changes);
}

/* The field of argv[1] has got this deadline, -1: none is left; the command is journaled as that. One that has come has
 * taken it away. */
void hash_record_deadline(const struct call *call, struct str field, int64_t deadline_ms);

/* A field where there is a key. False: there is none. */
MUST_USE static inline bool hash_access_get(const struct hash_access *access, struct str field, struct hash_item *item)
{
    return access->entry != NULL && hash_get(&access->hash, field, item);
}

static inline void hash_reply_value(struct reply *reply, struct listpack_value value)
{
    if (value.bytes != NULL)
        reply_bulk(reply, (struct str){value.bytes, value.length});
    else
        reply_bulk_integer(reply, value.integer);
}

#endif
