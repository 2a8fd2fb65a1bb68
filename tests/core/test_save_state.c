#include "core/save_state.h"

#include <criterion/criterion.h>

static struct save_state state;
static struct save_point due;
static int64_t next_ms;

enum { START_MS = 1000 * 1000 };

static void begin(void)
{
    save_state_init(&state, START_MS);
}

TestSuite(save_state, .init = begin);

static bool is_due(const char *points, uint64_t changes, int64_t seconds)
{
    return save_state_is_due(&state, points, changes, START_MS + seconds * 1000, &due, &next_ms);
}

Test(save_state, a_point_is_due_when_more_than_its_seconds_have_passed_and_there_are_as_many_changes)
{
    cr_assert_not(is_due("60 10", 10, 60));
    cr_assert_eq(next_ms, START_MS + 61 * 1000);
    cr_assert(is_due("60 10", 10, 61));
    cr_assert(due.seconds == 60 && due.changes == 10);
    cr_assert_not(is_due("60 10", 9, 1000));
    cr_assert_eq(next_ms, INT64_MAX);
}

Test(save_state, whichever_of_the_points_comes_first)
{
    const char *points = "3600 1 300 100 60 10000";

    cr_assert_not(is_due(points, 50, 3000));
    cr_assert_eq(next_ms, START_MS + 3601 * 1000);
    cr_assert_not(is_due(points, 100, 300));
    cr_assert_eq(next_ms, START_MS + 301 * 1000);
    cr_assert(is_due(points, 10000, 61));
    cr_assert_eq(due.seconds, 60);
    cr_assert_not(is_due("", 10000, 100000));
    cr_assert_not(is_due("9223372036854775807 1", 1, 100000));
    cr_assert_eq(next_ms, INT64_MAX);
}

Test(save_state, after_a_failure_it_is_tried_again_in_some_seconds)
{
    cr_assert(save_state_claim(&state, SAVE_IN_BACKGROUND, START_MS + 100 * 1000));
    save_state_note_end(&state, SAVE_IN_BACKGROUND, true, START_MS + 101 * 1000);
    save_state_give_back(&state);
    cr_assert_not(is_due("1 1", 1, 105));
    cr_assert(is_due("1 1", 1, 106));
}

Test(save_state, one_thing_is_saved_at_a_time)
{
    cr_assert(save_state_claim(&state, SAVE_IN_FOREGROUND, START_MS));
    cr_assert_not(save_state_claim(&state, SAVE_IN_BACKGROUND, START_MS));
    cr_assert_eq(save_state_running(&state), SAVE_IN_FOREGROUND);
    save_state_give_back(&state);
    cr_assert(save_state_claim(&state, SAVE_IN_BACKGROUND, START_MS));
}

Test(save_state, only_what_is_running_can_be_cancelled)
{
    cr_assert(save_state_claim(&state, SAVE_IN_BACKGROUND, START_MS));
    cr_assert_not(save_state_is_cancelled(&state));
    save_state_cancel(&state);
    cr_assert(save_state_is_cancelled(&state));
    save_state_give_back(&state);
    save_state_cancel(&state); /* too late */
    cr_assert(save_state_claim(&state, SAVE_IN_BACKGROUND, START_MS));
    cr_assert_not(save_state_is_cancelled(&state));
}

Test(save_state, a_failure_is_remembered_of_what_runs_in_the_background_alone)
{
    cr_assert(save_state_claim(&state, SAVE_IN_FOREGROUND, START_MS));
    save_state_note_end(&state, SAVE_IN_FOREGROUND, true, START_MS);
    cr_assert_not(state.failed);
    save_state_note_end(&state, SAVE_IN_BACKGROUND, true, START_MS);
    cr_assert(state.failed);
    save_state_note_end(&state, SAVE_IN_FOREGROUND, false, START_MS + 5000);
    cr_assert_not(state.failed);
    cr_assert_eq(state.saved_s, START_MS / 1000 + 5);
}
