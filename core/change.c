#include "core/change.h"

#include "core/effects.h"
#include "core/number.h"

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

bool call_delete_recorded(struct call *call, struct str name)
{
    bool deleted = call_delete(call, name);

    if (deleted)
        CALL_RECORD(call, name, STR("DEL"), name);
    return deleted;
}

static void record_expiry(const struct call *call, struct str name, int64_t expiry_ms)
{
    char digits[NUMBER_TEXT_MAX];

    if (expiry_ms < 0)
        CALL_RECORD(call, name, STR("PERSIST"), name);
    else
        CALL_RECORD(call, name, STR("PEXPIREAT"), name, {digits, number_format_integer(digits, expiry_ms)});
}

void call_set_expiry(struct call *call, struct str name, struct entry *entry, int64_t expiry_ms)
{
    keyspace_set_expiry(call_keyspace(call, name), call->db, entry, expiry_ms);
    call_changed(call, EVENT_GENERIC, expiry_ms < 0 ? "persist" : "expire", name);
    if (call_is_journaled(call, name))
        record_expiry(call, name, expiry_ms);
}

void call_delete_empty(struct call *call, struct str name, struct entry *entry)
{
    keyspace_delete_entry(call_keyspace(call, name), call->db, entry);
    call_event(call, EVENT_GENERIC, "del", name);
}
