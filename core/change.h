/* How a handler tells what it has done to a key.
 *
 * Each change of a key's value is told once, when it has been made: the key has been touched,
 * for those who watch or cache it, and an event has come about, named and classed as Redis does.
 * Where nobody listens, that is one branch. */
#ifndef CORE_CHANGE_H
#define CORE_CHANGE_H

#include "core/call.h"
#include "core/changes.h"

/* The key has changed, without an event. */
static inline void call_touched_in(struct call *call, int db, struct str name)
{
    keyspace_touch(call_keyspace(call, name), db, name, call->session_id);
}

/* An event, without a change that would matter to those who have read the key. */
static inline void call_event_in(struct call *call, int db, uint32_t class, const char *event, struct str name)
{
    keyspace_event(call_keyspace(call, name), db, class, event, name);
}

/* Out of line, what happens where somebody listens. */
void call_tell(struct call *call, int db, uint32_t class, const char *event, struct str name);

static inline void call_changed_in(struct call *call, int db, uint32_t class, const char *event, struct str name)
{
    if (__builtin_expect(keyspace_changes(call_keyspace(call, name))->heeded != 0, 0))
        call_tell(call, db, class, event, name);
}

/* The same in the database of the call. */
static inline void call_touched(struct call *call, struct str name)
{
    call_touched_in(call, call->db, name);
}

static inline void call_event(struct call *call, uint32_t class, const char *event, struct str name)
{
    call_event_in(call, call->db, class, event, name);
}

static inline void call_changed(struct call *call, uint32_t class, const char *event, struct str name)
{
    call_changed_in(call, call->db, class, event, name);
}

/* Removes the key, and says so. False: it was not there. */
bool call_delete(struct call *call, struct str name);
/* The same where the command is not called so: what is journaled is a deletion. */
bool call_delete_recorded(struct call *call, struct str name);
/* Removes a collection that a change, told already, has left empty, and says so. */
void call_delete_empty(struct call *call, struct str name, struct entry *entry);
/* Gives the entry of that name a deadline, or takes it away (-1), and says so; that is what is journaled. */
void call_set_expiry(struct call *call, struct str name, struct entry *entry, int64_t expiry_ms);

#endif
