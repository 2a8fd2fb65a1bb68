#include <criterion/criterion.h>

#include "core/memory.h"
#include "core/session.h"

static struct memory memory;
static struct sessions sessions;

static void begin(void)
{
    memory = (struct memory){0};
    sessions_init(&sessions, &memory);
    session_restart_ids();
}

TestSuite(session, .init = begin);

Test(session, ids_rise_and_order_is_oldest_first)
{
    struct session list[3] = {0};

    for (int i = 0; i < 3; i++)
        session_begin(&sessions, &list[i], 1000 + i);
    cr_assert_eq(sessions.count, 3);
    cr_assert_eq(sessions.oldest, &list[0]);
    cr_assert_eq(list[0].next, &list[1]);
    cr_assert_eq(list[2].previous, &list[1]);
    cr_assert_eq(sessions.newest, &list[2]);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(list[i].id, (uint64_t)i + 1);
    cr_assert_eq(list[1].created_ms, 1001);
    cr_assert_eq(list[1].protocol, 2);
}

Test(session, ending_unlinks_and_frees)
{
    struct session list[3] = {0};
    char wish; /* its address stands for a completion */

    list[1].attention = (struct completion *)&wish;
    for (int i = 0; i < 3; i++) {
        session_begin(&sessions, &list[i], 0);
        session_set_text(&list[i], &list[i].name, STR("worker"));
        session_set_text(&list[i], &list[i].library_name, STR("lib"));
    }
    session_kill(&sessions, &list[1]);
    session_end(&sessions, &list[1]);
    cr_assert_eq(list[0].next, &list[2]);
    cr_assert_eq(list[2].previous, &list[0]);
    cr_assert_null(sessions_take_attention(&sessions));
    session_end(&sessions, &list[0]);
    session_end(&sessions, &list[2]);
    cr_assert_null(sessions.oldest);
    cr_assert_null(sessions.newest);
    cr_assert_eq(sessions.count, 0);
    cr_assert_eq(memory.used_bytes, 0);
}

Test(session, one_that_goes_on_elsewhere_is_the_same_and_in_the_order_of_ids)
{
    struct sessions others;
    struct memory memory_of_others = {0};
    struct session list[3] = {0}, here[2] = {0};

    sessions_init(&others, &memory_of_others);
    for (int i = 0; i < 3; i++)
        session_begin(i == 1 ? &sessions : &others, i == 1 ? &here[0] : &list[i], 1000);
    session_set_text(&here[0], &here[0].name, STR("worker"));
    here[0].db = 3;
    here[0].protocol = 3;
    here[0].reply_mode = SESSION_REPLY_SKIP;
    here[0].authenticated = here[0].no_evict = true;
    session_note_bytes(&sessions, &here[0], 100);
    session_continue(&others, &list[1], &here[0]);
    session_leave(&sessions, &here[0]);
    cr_assert_eq(sessions.count + sessions.total_bytes, 0);
    session_forget(&here[0]);
    cr_assert_eq(memory.used_bytes, 0);
    cr_assert_eq(list[1].id, 2);
    cr_assert_str_eq(list[1].name, "worker");
    cr_assert(list[1].db == 3 && list[1].protocol == 3 && list[1].reply_mode == SESSION_REPLY_SKIP);
    cr_assert(list[1].authenticated && list[1].no_evict && !list[1].no_touch);
    cr_assert_eq(list[1].created_ms, 1000);
    cr_assert_eq(list[0].next, &list[1]);
    cr_assert_eq(list[2].previous, &list[1]);
    cr_assert_eq(others.newest, &list[2]);
    cr_assert_eq(sessions_find(&others, 2), &list[1]);
    cr_assert_null(sessions_find(&sessions, 2));
    for (int i = 0; i < 3; i++)
        session_end(&others, &list[i]);
    cr_assert_eq(memory_of_others.used_bytes, 0);
}

Test(session, attention_is_handed_out_once_for_each)
{
    struct session list[4] = {0};
    char wishes[4]; /* the addresses stand for completions */
    int seen = 0;

    for (int i = 0; i < 4; i++) {
        list[i].attention = i == 2 ? NULL : (struct completion *)&wishes[i];
        session_begin(&sessions, &list[i], 0);
    }
    session_kill(&sessions, &list[1]);
    session_kill(&sessions, &list[1]);
    cr_assert_eq(sessions_take_attention(&sessions), (struct completion *)&wishes[1]);
    cr_assert_null(sessions_take_attention(&sessions));
    cr_assert(list[1].killed);

    sessions_set_pause(&sessions, SESSION_PAUSE_ALL, 77);
    cr_assert_eq(sessions.pause_until_ms, 77);
    for (struct completion *wish; (wish = sessions_take_attention(&sessions));)
        seen |= 1 << ((char *)wish - wishes);
    cr_assert_eq(seen, 1 | 2 | 8, "the session without a wish is passed over");
}

static bool pauses(enum session_pause pause, int64_t now_ms)
{
    return sessions.pause == pause && sessions_paused(&sessions, now_ms);
}

Test(session, what_clients_ask_for_does_not_end_that_writes_are_held)
{
    sessions_set_pause(&sessions, SESSION_PAUSE_ALL, 50);
    sessions_hold_writes(&sessions, true, 60);
    cr_assert(pauses(SESSION_PAUSE_WRITE, 1000), "that pause of all had ended");
    sessions_set_pause(&sessions, SESSION_PAUSE_NONE, 0);
    cr_assert(pauses(SESSION_PAUSE_WRITE, 1000));
    sessions_set_pause(&sessions, SESSION_PAUSE_ALL, 2000);
    cr_assert(pauses(SESSION_PAUSE_ALL, 1000));
    sessions_hold_writes(&sessions, false, 1000);
    cr_assert(pauses(SESSION_PAUSE_ALL, 1999));
    cr_assert_not(sessions_paused(&sessions, 2000));
    sessions_set_pause(&sessions, SESSION_PAUSE_NONE, 0);
    cr_assert_not(sessions_paused(&sessions, 0));
}

Test(session, reset_keeps_identity_and_library)
{
    struct session session = {.reply_mode = SESSION_REPLY_OFF, .no_touch = true};

    session_begin(&sessions, &session, 5);
    session.db = 3;
    session.protocol = 3;
    session_set_text(&session, &session.name, STR("n"));
    session_set_text(&session, &session.library_name, STR("lib"));
    session_reset(&session, true);
    cr_assert_eq(session.id, 1);
    cr_assert_eq(session.db, 0);
    cr_assert_eq(session.protocol, 2);
    cr_assert_eq(session.reply_mode, SESSION_REPLY_ON);
    cr_assert(session.authenticated);
    cr_assert_not(session.no_touch);
    cr_assert_null(session.name);
    cr_assert_str_eq(session.library_name, "lib");
    session.reply_mode = SESSION_REPLY_SKIP;
    session_reset(&session, false);
    cr_assert_eq(session.reply_mode, SESSION_REPLY_SKIP);
    session_end(&sessions, &session);
    cr_assert_eq(memory.used_bytes, 0);
}

Test(session, is_found_by_its_id_while_it_lasts)
{
    static struct session some[100];

    for (int i = 0; i < 100; i++)
        session_begin(&sessions, &some[i], 0);
    for (int i = 0; i < 100; i++)
        cr_assert_eq(sessions_find(&sessions, some[i].id), &some[i]);
    cr_assert_null(sessions_find(&sessions, some[99].id + 1));
    for (int i = 0; i < 100; i += 2)
        session_end(&sessions, &some[i]);
    for (int i = 0; i < 100; i++)
        cr_assert_eq(sessions_find(&sessions, some[i].id), i % 2 ? &some[i] : NULL);
    for (int i = 1; i < 100; i += 2)
        session_end(&sessions, &some[i]);
    sessions_deinit(&sessions);
    cr_assert_eq(memory.used_bytes, 0);
}

Test(session, what_clients_take_is_summed_without_those_that_are_killed)
{
    struct session list[3] = {0};

    for (int i = 0; i < 3; i++) {
        session_begin(&sessions, &list[i], 0);
        session_note_bytes(&sessions, &list[i], (size_t)(i + 1) * 1000);
    }
    cr_assert_eq(sessions.total_bytes, 6000);
    cr_assert_eq(sessions_largest(&sessions), &list[2]);
    list[2].no_evict = true;
    cr_assert_eq(sessions_largest(&sessions), &list[1]);
    session_kill(&sessions, &list[1]);
    session_kill(&sessions, &list[1]);
    cr_assert_eq(sessions.total_bytes, 4000);
    cr_assert_eq(sessions_largest(&sessions), &list[0]);
    session_note_bytes(&sessions, &list[1], 50);
    session_note_bytes(&sessions, &list[0], 10);
    cr_assert_eq(sessions.total_bytes, 3010);
    for (int i = 0; i < 3; i++)
        session_end(&sessions, &list[i]);
    cr_assert_eq(sessions.total_bytes, 0);
    cr_assert_null(sessions_largest(&sessions));
}
