/* A set under its key, for the handlers: found, changed, put back. */
#ifndef CORE_SET_KEY_H
#define CORE_SET_KEY_H

#include "core/call.h"
#include "core/set_value.h"

struct set_key {
    struct keyspace *keyspace;
    struct str name;
    struct entry *entry; /* NULL: no such key, and the set's value is NULL */
    struct set_value set;
};

/* To be changed. False: it holds another type, and that has been answered. */
MUST_USE bool set_key_open(struct call *call, struct str name, struct set_key *key);
/* The same to be read, where NULL will do for what is absent. */
MUST_USE bool set_key_read(struct call *call, struct str name, struct set_value *set);
/* Makes room for about `expected` members, of which this one is the first: with a new set where there is none. */
void set_key_prepare(struct call *call, struct set_key *key, const struct set_member *first, size_t expected);
/* After changes: stores a new set, deletes the key of one that has become empty, counts the changes, and tells them by
 * this event where there are any. */
void set_key_close(struct call *call, struct set_key *key, const char *event, uint64_t changes);

/* A set_visit whose context is a struct reply: writes each member. */
bool set_reply_member(void *context, const struct set_member *member);

#endif
