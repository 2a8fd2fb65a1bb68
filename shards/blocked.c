#include "shards/blocked.h"

#include <stdatomic.h>
#include <string.h>

#include "core/assert.h"
#include "core/call.h"
#include "core/command.h"
#include "core/memory.h"
#include "core/waits.h"
#include "shards/errand.h"
#include "shards/push.h"
#include "shards/shard.h"

enum { CLAIMED_RETRY_MS = 1 };

/* The claim. */

static bool claim(struct waiter *waiter)
{
    bool claimed = false;

    simulate_step();
    /* Acquire: sees what the one before us did to the request; pairs with give_back. */
    return atomic_compare_exchange_strong_explicit(&waiter->claimed, &claimed, true, memory_order_acq_rel,
                                                   memory_order_relaxed) ||
           simulate_fault(FAULT_NO_CLAIM);
}

/* From here on the waiter may be another thread's. */
static void give_back(struct waiter *waiter)
{
    simulate_step();
    atomic_store_explicit(&waiter->claimed, false, memory_order_release);
}

/* Nothing is taken for a client once home knows that it has gone. Relaxed: what is to come after that knowledge has had
 * it by a message. */
static bool has_gone(const struct waiter *waiter)
{
    simulate_step();
    return atomic_load_explicit(&waiter->gone, memory_order_relaxed) && !simulate_fault(FAULT_SERVE_GONE);
}

/* What travels with a waiter is charged to nobody. */

static void free_uncharged(struct shard *shard, void *block)
{
    if (!block)
        return;
    memory_recharge(NULL, &shard->core.memory, block);
    memory_free(&shard->core.memory, block);
}

static void *alloc_uncharged(struct shard *shard, size_t bytes)
{
    void *block = memory_alloc(&shard->core.memory, bytes);

    memory_recharge(&shard->core.memory, NULL, block);
    return block;
}

/* Home: sending the request round. */

static void set_timer(struct shard *shard, struct waiter *waiter)
{
    int64_t next_ms = waiter->again_ms < waiter->deadline_ms ? waiter->again_ms : waiter->deadline_ms;

    if (next_ms != INT64_MAX)
        timer_arm(&shard->timers, &waiter->timer, next_ms);
}

/* What home wants may have to wait a moment: the waiter is being served, or is on its way. */
static void attempt(struct shard *shard, struct waiter *waiter)
{
    if (waiter->wanted == WAITER_RUNS && !waiter->ready)
        return;
    if (!claim(waiter)) {
        timer_arm(&shard->timers, &waiter->timer, shard_now_ms(shard) + CLAIMED_RETRY_MS);
        return;
    }
    waiter->end = waiter->wanted;
    waiter->ready = false;
    if (waiter->end == WAITER_RUNS)
        set_timer(shard, waiter);
    router_resubmit(shard, waiter->request);
}

/* Home: who waits for the disk. */

static struct waiter *first_safe_waiter(const struct shard *shard)
{
    struct bptree_place place = bptree_first(&shard->safe_waiters);
    const struct bptree_item *item = bptree_get(&place);

    return item ? (struct waiter *)(uintptr_t)item->payload : NULL;
}

static void tell_aof(struct shard *shard)
{
    const struct waiter *first = first_safe_waiter(shard);

    aof_await(shard, first ? first->awaited : 0);
}

static void await_nothing(struct shard *shard, struct waiter *waiter)
{
    uint64_t payload = (uintptr_t)waiter;

    if (waiter->awaited == 0)
        return;
    if (!bptree_remove(&shard->safe_waiters, waiter->awaited, &payload))
        ASSERT(false);
    waiter->awaited = 0;
    tell_aof(shard);
}

static void await_safe(struct shard *shard, struct waiter *waiter, uint64_t awaited)
{
    uint64_t payload = (uintptr_t)waiter;

    if (waiter->awaited > 0)
        return;
    waiter->awaited = awaited;
    if (!bptree_insert(&shard->safe_waiters, (struct bptree_item){awaited, payload}, &payload))
        ASSERT(false);
    tell_aof(shard);
}

void blocked_serve_safe(struct shard *shard, uint64_t safe)
{
    struct waiter *waiter;

    while ((waiter = first_safe_waiter(shard)) != NULL && waiter->awaited - 1 <= safe) {
        await_nothing(shard, waiter);
        waiter->ready = true;
        attempt(shard, waiter);
    }
}

static void look(struct completion *completion)
{
    struct waiter *waiter = (struct waiter *)((char *)completion - offsetof(struct waiter, look));

    int64_t now_ms = shard_now_ms(waiter->home);

    if (waiter->wanted == WAITER_RUNS && waiter->deadline_ms <= now_ms)
        waiter->wanted = WAITER_TIMED_OUT;
    if (waiter->again_ms <= now_ms) {
        waiter->again_ms = INT64_MAX;
        waiter->ready = true;
    }
    attempt(waiter->home, waiter);
}

void blocked_prepare(struct shard *shard, struct request *request, struct session *session)
{
    struct waiter *waiter = memory_alloc_zeroed(&shard->core.memory, sizeof *waiter);
    uint64_t payload = (uintptr_t)waiter;

    waiter->home = shard;
    waiter->request = request;
    waiter->session = session;
    waiter->serial = shard->waiter_serial++;
    waiter->look.done = look;
    waiter->timer.completion = &waiter->look;
    waiter->deadline_ms = waiter->again_ms = INT64_MAX;
    atomic_init(&waiter->claimed, true);
    atomic_init(&waiter->gone, false);
    request->waiter = waiter;
    request->blocking = true;
    session->waiter = waiter;
    request_own_arguments(&shard->requests, request);
    if (!bptree_insert(&shard->waiters, (struct bptree_item){waiter->serial, payload}, &payload))
        ASSERT(false);
}

void blocked_forget(struct shard *shard, struct request *request)
{
    struct waiter *waiter = request->waiter;
    uint64_t payload = (uintptr_t)waiter;
    bool removed = bptree_remove(&shard->waiters, waiter->serial, &payload);

    ASSERT(removed && !waiter->waits);
    timer_disarm(&shard->timers, &waiter->timer);
    await_nothing(shard, waiter);
    session_set_blocked(&shard->core.sessions, waiter->session, false);
    waiter->session->waiter = NULL;
    request->blocking = false;
    free_uncharged(shard, waiter->rewritten);
    memory_free(&shard->core.memory, waiter);
}

void blocked_end(struct shard *shard, struct session *session, enum waiter_end end)
{
    struct waiter *waiter = session->waiter;

    if (!waiter || waiter->wanted == WAITER_GONE)
        return;
    waiter->wanted = end;
    if (end == WAITER_GONE)
        atomic_store_explicit(&waiter->gone, true, memory_order_relaxed);
    attempt(shard, waiter);
}

/* Notices to home. */

struct notice {
    struct errand errand;
    struct shard *home;
    uint64_t serial;     /* the waiter's, which may have been served meanwhile */
    int64_t deadline_ms; /* it waits, until then; INT64_MAX: for ever, or as was said before */
    int64_t again_ms;
    uint64_t awaited; /* it is tried again when the stamp below it is safe, too; 0: no */
    bool ready;       /* instead: a key of it is ready */
};

static void heed(struct shard *shard, struct waiter *waiter, const struct notice *notice)
{
    if (notice->ready) {
        waiter->ready = true;
        attempt(shard, waiter);
        return;
    }
    if (!waiter->session->blocked) { /* else CLIENT UNBLOCK may have been asked for it already */
        session_set_blocked(&shard->core.sessions, waiter->session, true);
        push_release(shard, waiter->session);
    }
    if (notice->deadline_ms < waiter->deadline_ms)
        waiter->deadline_ms = notice->deadline_ms;
    waiter->again_ms = notice->again_ms;
    if (notice->awaited > 0)
        await_safe(shard, waiter, notice->awaited);
    if (waiter->wanted == WAITER_RUNS && !waiter->ready) /* else the timer is the next attempt's */
        set_timer(shard, waiter);
}

static void take_notice(struct completion *completion)
{
    struct notice *notice = (struct notice *)((char *)completion - offsetof(struct notice, errand.completion));
    struct shard *shard = notice->home;
    struct bptree_place place = bptree_seek(&shard->waiters, notice->serial, NULL);
    const struct bptree_item *item = bptree_get(&place);

    if (item && item->order == notice->serial)
        heed(shard, (struct waiter *)(uintptr_t)item->payload, notice);
    free_uncharged(shard, notice);
}

static void notify(struct shard *shard, struct waiter *waiter, struct notice here)
{
    struct notice *notice;

    if (waiter->home == shard) {
        heed(shard, waiter, &here);
        return;
    }
    notice = alloc_uncharged(shard, sizeof *notice);
    here.home = waiter->home;
    here.serial = waiter->serial;
    here.errand.completion.done = take_notice;
    *notice = here;
    errand_send(shard, waiter->home->index, &notice->errand);
}

/* Tickets. */

static struct waits *waits_of(const struct shard *shard, int owner)
{
    return keyspace_waits(shard->group->shards[owner]->core.keyspace);
}

struct stand_in_line {
    struct shard *shard;
    struct waiter *waiter;
    bool any_change;
};

/* For what the command reads: the target of BLMOVE is not waited for. */
static void stand_in_line(void *context, struct key_position key)
{
    const struct stand_in_line *stand = context;
    const struct request *request = stand->waiter->request;
    struct str name = request->argv[key.index];
    int owner = router_owner(&stand->shard->group->router, name);
    struct waits_ticket *ticket;

    if (!(key.flags & KEY_ACCESS))
        return;
    ticket = waits_add(waits_of(stand->shard, owner), request->db, name, keyspace_hash(name), stand->waiter,
                       stand->any_change);
    if (ticket)
        stand->waiter->places[stand->waiter->place_count++] =
            (struct waiter_place){.ticket = ticket, .shard = (uint16_t)owner};
}

/* Takes the tickets back. Those who stood behind it on other shards have their turn. */
static void step_out(struct shard *shard, struct waiter *waiter)
{
    for (int i = 0; i < waiter->place_count; i++) {
        const struct waiter_place *place = &waiter->places[i];
        struct waits *waits = waits_of(shard, place->shard);

        if (waiter->by_home && !simulate_fault(FAULT_NO_NEXT))
            waits_resume(waits, place->ticket->key);
        waits_remove(waits, place->ticket);
    }
    free_uncharged(shard, waiter->places);
    waiter->places = NULL;
    waiter->place_count = 0;
    waiter->waits = false;
}

/* It has found nothing, so those behind it have their turn, and it looks again after the next change. */
static void stay_in_line(struct shard *shard, struct waiter *waiter)
{
    for (int i = 0; i < waiter->place_count; i++) {
        struct waiter_place *place = &waiter->places[i];

        place->notified = false;
        place->ticket->tried = place->ticket->key->changes;
        if (waiter->by_home)
            waits_resume(waits_of(shard, place->shard), place->ticket->key);
    }
}

/* The arguments as the next run is to see them, see call_rewrite. */
static void rewrite(struct shard *shard, struct waiter *waiter, const struct buffer *rewritten)
{
    struct request *request = waiter->request;
    uint32_t header[2];
    char *bytes;

    if (rewritten->length == 0)
        return;
    waiter->rewritten = bytes = alloc_uncharged(shard, rewritten->length);
    memcpy(bytes, rewritten->bytes, rewritten->length);
    for (size_t at = 0; at < rewritten->length; at += sizeof header + header[1]) {
        memcpy(header, bytes + at, sizeof header);
        request->argv[header[0]] = (struct str){bytes + at + sizeof header, header[1]};
    }
}

static void begin_to_wait(struct shard *shard, struct waiter *waiter, const struct call_wait *wait, bool by_home)
{
    struct request *request = waiter->request;
    struct stand_in_line stand = {shard, waiter, wait->any_change};

    waiter->type = wait->type;
    waiter->by_home = by_home;
    waiter->places = alloc_uncharged(shard, (size_t)request->argc * sizeof *waiter->places);
    if (!command_each_key(request->command, request->argv, request->argc, stand_in_line, &stand))
        ASSERT(false);
    rewrite(shard, waiter, &wait->rewritten);
    waiter->waits = true;
}

/* Execution. */

/* What a stream's readers read is there for all; its groups, and all other types, lose what is read. */
static bool takes_away(const struct waits_ticket *ticket)
{
    return ((const struct waiter *)ticket->waiter)->type != VALUE_STREAM || ticket->any_change;
}

/* Whether the key is there, and somebody in front is on his way to it. */
static bool is_promised(const struct shard *shard, const struct waiter_place *place, int64_t now_ms)
{
    const struct waits_ticket *ticket = place->ticket;
    const struct waiter *waiter = ticket->waiter;
    const struct waits_key *key = ticket->key;
    struct key name = {key->named.name, key->named.hash};
    const struct entry *entry =
        keyspace_find(shard->group->shards[place->shard]->core.keyspace, key->named.db, name, now_ms);

    if (!entry || entry_type(entry) != waiter->type || !takes_away(ticket))
        return false;
    while ((ticket = ticket->previous) != NULL) {
        const struct waiter *other = ticket->waiter;

        if (other->by_home && other->type == waiter->type && takes_away(ticket) && ticket->tried != key->changes)
            return true;
    }
    return false;
}

/* One key may have brought it here while another one, which its command would rather take, is not its own yet. */
static bool is_before_its_turn(const struct shard *shard, const struct waiter *waiter, int64_t now_ms)
{
    for (int i = 0; i < waiter->place_count; i++)
        if (is_promised(shard, &waiter->places[i], now_ms))
            return !simulate_fault(FAULT_NO_TURN) && (waiter->by_home || !simulate_fault(FAULT_OVERTAKE));
    return false;
}

/* It goes round once more. Those in front are on their way, so it does not go round for long. */
static void come_again(struct shard *shard, struct waiter *waiter)
{
    for (int i = 0; i < waiter->place_count; i++)
        waiter->places[i].notified = false;
    give_back(waiter);
    notify(shard, waiter, (struct notice){.ready = true}); /* it is still there: what ends it needs our keys first */
}

static void finish(struct shard *shard, struct waiter *waiter)
{
    step_out(shard, waiter);
    shard_answer(shard, waiter->request);
}

/* Where it has been told before that it waits, home is told what is new. */
static void tell_of_wait(struct shard *shard, struct waiter *waiter, const struct call_wait *wait)
{
    struct notice notice = {.deadline_ms = wait->again ? INT64_MAX : wait->deadline_ms,
                            .again_ms = wait->again_ms,
                            .awaited = wait->for_disk ? wait->stamp + 1 : 0};

    waiter->stamp = wait->stamp;
    if (!wait->again || notice.again_ms != INT64_MAX || notice.awaited > 0)
        notify(shard, waiter, notice);
}

/* With the claim. */
static void run(struct shard *shard, struct waiter *waiter, const struct reach *reach, int64_t now_ms)
{
    struct request *request = waiter->request;
    struct call_wait wait = {.again = waiter->waits, .over = waiter->end == WAITER_TIMED_OUT, .stamp = waiter->stamp};

    buffer_init(&wait.rewritten, &shard->core.memory, NULL, 0);
    shard_execute(shard, request, reach, now_ms, &wait);
    if (!wait.wanted || has_gone(waiter)) {
        finish(shard, waiter);
    } else {
        if (!wait.again)
            begin_to_wait(shard, waiter, &wait, reach != NULL);
        tell_of_wait(shard, waiter, &wait);
        stay_in_line(shard, waiter);
        give_back(waiter);
    }
    buffer_deinit(&wait.rewritten);
}

static bool has_keys(const struct waiter *waiter)
{
    return waiter->request->command->keys[0].begin != KEY_BEGIN_NONE;
}

/* With the claim. */
void blocked_run(struct shard *shard, struct request *request, const struct reach *reach, int64_t now_ms)
{
    struct waiter *waiter = request->waiter;

    if (waiter->waits && has_gone(waiter))
        waiter->end = WAITER_GONE;
    if (waiter->end == WAITER_RUNS || (waiter->end == WAITER_TIMED_OUT && !has_keys(waiter))) {
        if (is_before_its_turn(shard, waiter, now_ms))
            come_again(shard, waiter);
        else
            run(shard, waiter, reach, now_ms);
        return;
    }
    if (waiter->end == WAITER_TIMED_OUT)
        reply_null_array(&request->reply);
    if (waiter->end == WAITER_UNBLOCKED)
        reply_error(&request->reply, "UNBLOCKED client unblocked via CLIENT UNBLOCK");
    if (waiter->end != WAITER_GONE)
        shard_count(shard, request, request->spent_ns);
    finish(shard, waiter);
}

static void tell_home(struct shard *shard, const struct waits_ticket *ticket)
{
    struct waiter *waiter = ticket->waiter;

    for (int i = 0; i < waiter->place_count; i++) {
        struct waiter_place *place = &waiter->places[i];

        if (place->ticket != ticket || place->notified)
            continue;
        place->notified = true;
        if (!simulate_fault(FAULT_NO_NOTICE))
            notify(shard, waiter, (struct notice){.ready = true});
        return;
    }
}

/* False: those behind it have nothing to come for. */
static bool serve_ticket(struct shard *shard, const struct waits_key *key, struct waits_ticket *ticket, int64_t now_ms)
{
    struct key name = {key->named.name, key->named.hash};
    const struct entry *entry = keyspace_find(shard->core.keyspace, key->named.db, name, now_ms);
    struct waiter *waiter = ticket->waiter;

    if (!ticket->any_change && (!entry || entry_type(entry) != waiter->type))
        return entry || key->any_changes > 0;
    if (ticket->tried == key->changes)
        return true;
    if (!waiter->by_home && waiter->place_count > 1 && is_before_its_turn(shard, waiter, now_ms))
        waiter->by_home = true; /* else its keys may be other shards', which go on meanwhile */
    if (waiter->by_home) {
        tell_home(shard, ticket);
        return !takes_away(ticket) || simulate_fault(FAULT_OVERTAKE);
    }
    if (!claim(waiter)) { /* home has sent it round, to be tried again or to end */
        waiter->by_home = true;
        return !takes_away(ticket);
    }
    blocked_run(shard, waiter->request, NULL, now_ms);
    return true;
}

void blocked_serve(struct shard *shard, int64_t now_ms)
{
    struct waits *waits = keyspace_waits(shard->core.keyspace);
    struct waits_key *key;

    while ((key = waits_take(waits)) != NULL) {
        struct waits_ticket *ticket = key->first, *next;

        for (; ticket; ticket = next) {
            next = ticket->next; /* a run takes back its own ticket alone */
            if (!serve_ticket(shard, key, ticket, now_ms))
                break;
        }
        waits_release(waits, key);
    }
}
