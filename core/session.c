#include "core/session.h"

#include <stdatomic.h>
#include <string.h>

#include "core/assert.h"
#include "core/memory.h"

static const int64_t HELD_UNTIL_MS = INT64_MAX / 2;

static _Atomic uint64_t last_id;

void sessions_init(struct sessions *sessions, struct memory *memory)
{
    *sessions = (struct sessions){.memory = memory};
    bptree_init(&sessions->by_id, memory, NULL);
}

void sessions_deinit(struct sessions *sessions)
{
    struct tracking_order *order;

    while ((order = sessions_take_left(sessions)) != NULL) {
        memory_recharge(NULL, sessions->memory, order);
        memory_free(sessions->memory, order);
    }
    bptree_deinit(&sessions->by_id);
}

struct session *sessions_find(const struct sessions *sessions, uint64_t id)
{
    struct bptree_place place = bptree_seek(&sessions->by_id, id, NULL);
    const struct bptree_item *item = bptree_get(&place);

    return item && item->order == id ? (struct session *)(uintptr_t)item->payload : NULL;
}

void session_restart_ids(void)
{
    atomic_store_explicit(&last_id, 0, memory_order_relaxed);
}

/* Sessions are in the order of their ids. NULL: behind all others. */
static void link_before(struct sessions *sessions, struct session *session, struct session *next)
{
    uint64_t address = (uintptr_t)session;

    session->next = next;
    session->previous = next ? next->previous : sessions->newest;
    *(session->previous ? &session->previous->next : &sessions->oldest) = session;
    *(next ? &next->previous : &sessions->newest) = session;
    if (!bptree_insert(&sessions->by_id, (struct bptree_item){session->id, address}, &address))
        ASSERT(false);
    sessions->count++;
}

void session_begin(struct sessions *sessions, struct session *session, int64_t now_ms)
{
    session->memory = sessions->memory;
    session->id = atomic_fetch_add_explicit(&last_id, 1, memory_order_relaxed) + 1;
    session->db = 0;
    session->protocol = 2;
    session->created_ms = session->active_ms = now_ms;
    link_before(sessions, session, NULL);
}

static struct session *first_behind(const struct sessions *sessions, uint64_t id)
{
    struct bptree_place place = bptree_seek(&sessions->by_id, id, NULL);
    const struct bptree_item *item = bptree_get(&place);

    return item ? (struct session *)(uintptr_t)item->payload : NULL;
}

static void copy_text(struct session *session, char **text, const char *old)
{
    session_set_text(session, text, old ? str_from(old) : STR(""));
}

void session_continue(struct sessions *sessions, struct session *session, const struct session *old)
{
    session->memory = sessions->memory;
    session->id = old->id;
    session->db = old->db;
    session->protocol = old->protocol;
    session->reply_mode = old->reply_mode;
    session->authenticated = old->authenticated;
    session->no_evict = old->no_evict;
    session->no_touch = old->no_touch;
    session->created_ms = old->created_ms;
    session->active_ms = old->active_ms;
    session->last_command = old->last_command;
    session->received_bytes = old->received_bytes;
    session->sent_bytes = old->sent_bytes;
    session->commands = old->commands;
    copy_text(session, &session->name, old->name);
    copy_text(session, &session->library_name, old->library_name);
    copy_text(session, &session->library_version, old->library_version);
    link_before(sessions, session, first_behind(sessions, session->id));
}

static void drop_attention(struct sessions *sessions, struct session *session)
{
    struct session **link = &sessions->attention;

    if (!session->attention_pending)
        return;
    while (*link != session)
        link = &(*link)->attention_next;
    *link = session->attention_next;
    session->attention_pending = false;
}

static void drop_pushed(struct sessions *sessions, struct session *session)
{
    struct session **link = &sessions->pushed;

    if (!session->pushed)
        return;
    while (*link != session)
        link = &(*link)->pushed_next;
    *link = session->pushed_next;
    session->pushed = false;
}

void session_leave(struct sessions *sessions, struct session *session)
{
    uint64_t address = (uintptr_t)session;
    bool known = bptree_remove(&sessions->by_id, session->id, &address);

    ASSERT(known && sessions->count > 0);
    drop_attention(sessions, session);
    drop_pushed(sessions, session);
    client_tracking_end(sessions, session);
    *(session->previous ? &session->previous->next : &sessions->oldest) = session->next;
    *(session->next ? &session->next->previous : &sessions->newest) = session->previous;
    session->previous = session->next = NULL;
    sessions->count--;
    session_note_bytes(sessions, session, 0);
}

void session_forget(struct session *session)
{
    pushes_clear(&session->pushes, session->memory);
    session_set_text(session, &session->name, STR(""));
    session_set_text(session, &session->library_name, STR(""));
    session_set_text(session, &session->library_version, STR(""));
}

void session_end(struct sessions *sessions, struct session *session)
{
    session_leave(sessions, session);
    session_forget(session);
}

void session_set_text(struct session *session, char **text, struct str value)
{
    char *copy = NULL;

    if (value.length > 0) {
        copy = memory_alloc(session->memory, value.length + 1);
        memcpy(copy, value.bytes, value.length);
        copy[value.length] = '\0';
    }
    memory_free(session->memory, *text);
    *text = copy;
}

/* The library's name stays, for it is still the same library. A reply that was
 * to be skipped is RESET's own, and the mode ends with it. */
void session_reset(struct session *session, bool authenticated)
{
    session->db = 0;
    session->protocol = 2;
    session->authenticated = authenticated;
    session->no_evict = session->no_touch = session->monitoring = false;
    if (session->reply_mode != SESSION_REPLY_SKIP)
        session->reply_mode = SESSION_REPLY_ON;
    session_set_text(session, &session->name, STR(""));
}

static void ask_attention(struct sessions *sessions, struct session *session)
{
    if (session->attention_pending)
        return;
    session->attention_pending = true;
    session->attention_next = sessions->attention;
    sessions->attention = session;
}

void session_note_bytes(struct sessions *sessions, struct session *session, size_t bytes)
{
    if (!session->killed)
        sessions->total_bytes += bytes - session->total_bytes;
    session->total_bytes = bytes;
}

struct session *sessions_largest(const struct sessions *sessions)
{
    struct session *largest = NULL;

    for (struct session *session = sessions->oldest; session; session = session->next)
        if (!session->no_evict && !session->killed && (!largest || session->total_bytes > largest->total_bytes))
            largest = session;
    return largest;
}

void session_kill(struct sessions *sessions, struct session *session)
{
    if (!session->killed)
        sessions->total_bytes -= session->total_bytes;
    session->killed = session->close_after_reply = true;
    ask_attention(sessions, session);
}

void session_set_blocked(struct sessions *sessions, struct session *session, bool blocked)
{
    sessions->blocked += blocked;
    sessions->blocked -= session->blocked;
    session->blocked = blocked;
    session->unblock = SESSION_UNBLOCK_NONE;
}

bool session_unblock(struct sessions *sessions, struct session *session, enum session_unblock how)
{
    if (!session->blocked || session->unblock != SESSION_UNBLOCK_NONE)
        return false;
    session->unblock = how;
    ask_attention(sessions, session);
    return true;
}

/* A pause of all goes on while writes are held. */
static void set_pause(struct sessions *sessions)
{
    const struct session_pausing *asked = &sessions->asked;

    sessions->pause = asked->pause == SESSION_PAUSE_NONE && sessions->holds_writes ? SESSION_PAUSE_WRITE : asked->pause;
    sessions->pause_until_ms = sessions->holds_writes ? HELD_UNTIL_MS : asked->until_ms;
    for (struct session *session = sessions->newest; session; session = session->previous)
        ask_attention(sessions, session);
}

void sessions_set_pause(struct sessions *sessions, enum session_pause pause, int64_t until_ms)
{
    sessions->asked = (struct session_pausing){pause, until_ms};
    set_pause(sessions);
}

void sessions_hold_writes(struct sessions *sessions, bool holds, int64_t now_ms)
{
    sessions->holds_writes = holds;
    if (sessions->asked.until_ms <= now_ms)
        sessions->asked = (struct session_pausing){.pause = SESSION_PAUSE_NONE};
    set_pause(sessions);
}

struct completion *sessions_take_attention(struct sessions *sessions)
{
    struct session *session;

    while ((session = sessions->attention)) {
        sessions->attention = session->attention_next;
        session->attention_pending = false;
        if (session->attention)
            return session->attention;
    }
    return NULL;
}

void session_push(struct sessions *sessions, struct session *session, uint64_t behind, struct str bytes)
{
    pushes_append(&session->pushes, sessions->memory, behind, bytes);
    if (session->pushed || !session->flush)
        return;
    session->pushed = true;
    session->pushed_next = sessions->pushed;
    sessions->pushed = session;
}

struct completion *sessions_take_pushed(struct sessions *sessions)
{
    struct session *session = sessions->pushed;

    if (!session)
        return NULL;
    sessions->pushed = session->pushed_next;
    session->pushed = false;
    return session->flush;
}
