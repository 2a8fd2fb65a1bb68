#include "core/change.h"

void call_tell(struct call *call, int db, uint32_t class, const char *event, struct str name)
{
    call_touched_in(call, db, name);
    call_event_in(call, db, class, event, name);
}

bool call_delete(struct call *call, struct str name)
{
    if (!keyspace_delete(call_keyspace(call, name), call->db, call_key(call, name), call->now_ms))
        return false;
    call_changed(call, EVENT_GENERIC, "del", name);
    return true;
}

void call_set_expiry(struct call *call, struct str name, struct entry *entry, int64_t expiry_ms)
{
    keyspace_set_expiry(call_keyspace(call, name), call->db, entry, expiry_ms);
    call_changed(call, EVENT_GENERIC, expiry_ms < 0 ? "persist" : "expire", name);
}

void call_delete_empty(struct call *call, struct str name, struct entry *entry)
{
    keyspace_delete_entry(call_keyspace(call, name), call->db, entry);
    call_event(call, EVENT_GENERIC, "del", name);
}
