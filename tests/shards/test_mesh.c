/* The rings of several shards, whose ports one thread steps: which message is
 * due when, and in which order. stress_mesh.c has a thread for each port. */
#include "shards/mesh.h"

#include <criterion/criterion.h>

#include "core/memory.h"
#include "shards/message.h"
#include "tests/support/dice.h"
#include "tests/support/shards/fake_loop.h"

enum { PORTS_MOST = 5, RING_SLOTS = 1024, LETTERS = 8192 };

/* A message that a test can tell from all others. */
struct letter {
    struct message message;
    int number;
};

static struct memory memory;
static struct mesh mesh;
static struct mesh_port ports[PORTS_MOST];
static struct fake_loop loops[PORTS_MOST];
static struct letter letters[LETTERS];
static int64_t now_ms = 0; /* Unix time as the publishing shard reads it */

static void open_mesh(int count)
{
    mesh_init(&mesh, &memory, count);
    for (int i = 0; i < count; i++) {
        mesh_port_init(&ports[i], &mesh, &memory, i);
        fake_loop_init(&loops[i]);
        mesh.sleepers[i].loop = &loops[i].loop;
    }
    for (int i = 0; i < LETTERS; i++)
        letters[i].number = i;
}

static void close_mesh(void)
{
    for (int i = 0; i < mesh.count; i++)
        mesh_port_deinit(&ports[i]);
    mesh_deinit(&mesh);
    cr_assert_eq(memory.used_bytes, 0, "%zu bytes left", memory.used_bytes);
}

static void stage(int from, int to, int letter)
{
    cr_assert(mesh_room(&ports[from], to));
    mesh_stage(&ports[from], to, &letters[letter].message);
}

static void publish(int from)
{
    mesh_publish(&ports[from], &loops[from].loop, now_ms);
}

static int number_of(const struct message *message)
{
    return message ? ((const struct letter *)message)->number : -1;
}

static void expect_next(int port, int letter)
{
    int number = number_of(mesh_next(&ports[port]));

    cr_assert_eq(number, letter, "letter %d came instead of %d", number, letter);
}

static const struct message *ahead(int port, uint32_t places)
{
    struct mesh_window window = mesh_ahead(&ports[port]);

    return mesh_window_at(&window, places);
}

/* A turn without a batch: everything published before is due. */
static void collect(int port)
{
    publish(port);
    mesh_collect(&ports[port]);
}

/* Stamps and gates. */

Test(mesh, what_is_staged_arrives_only_when_published)
{
    open_mesh(2);
    stage(0, 1, 4);
    collect(1);
    expect_next(1, -1);
    publish(0);
    collect(1);
    expect_next(1, 4);
    expect_next(1, -1);
    close_mesh();
}

Test(mesh, a_batch_whose_gate_is_closed_has_not_arrived)
{
    open_mesh(2);
    stage(0, 1, 4);
    publish(0);
    atomic_store(&mesh.gates[0].lowest, ports[0].bound);
    collect(1);
    expect_next(1, -1);
    atomic_store(&mesh.gates[0].lowest, STAMP_GATE_OPEN);
    collect(1);
    expect_next(1, 4);
    close_mesh();
}

Test(mesh, what_is_stamped_after_the_bound_waits_for_the_next_turn)
{
    open_mesh(2);
    publish(1);
    stage(0, 1, 4);
    publish(0);
    mesh_collect(&ports[1]);
    expect_next(1, -1);
    collect(1);
    expect_next(1, 4);
    close_mesh();
}

Test(mesh, the_own_batch_comes_last)
{
    open_mesh(2);
    stage(1, 1, 0);
    stage(0, 1, 4);
    publish(0);
    publish(1);
    mesh_collect(&ports[1]);
    expect_next(1, 4);
    expect_next(1, 0);
    expect_next(1, -1);
    close_mesh();
}

Test(mesh, an_own_batch_that_was_not_executed_goes_by_its_stamp)
{
    open_mesh(2);
    stage(1, 1, 0);
    publish(1);
    stage(0, 1, 4);
    publish(0);
    collect(1);
    expect_next(1, 0);
    expect_next(1, 4);
    close_mesh();
}

Test(mesh, stamps_rise_by_one_with_each_batch_and_not_without)
{
    open_mesh(2);
    uint64_t stamp = atomic_load(&mesh.clock.next);

    publish(0);
    cr_assert_eq(atomic_load(&mesh.clock.next), stamp);
    cr_assert_eq(ports[0].bound, stamp);
    stage(0, 1, 0);
    publish(0);
    cr_assert_eq(atomic_load(&mesh.clock.next), stamp + 1);
    cr_assert_eq(ports[0].bound, stamp);
    cr_assert_eq(atomic_load(&mesh.gates[0].lowest), STAMP_GATE_OPEN);
    close_mesh();
}

/* Time. */

Test(mesh, a_message_is_executed_at_the_time_it_was_stamped)
{
    open_mesh(2);
    now_ms = 5000;
    stage(0, 1, 4);
    publish(0);
    now_ms = 6000;
    stage(1, 1, 0);
    publish(1);
    mesh_collect(&ports[1]);
    expect_next(1, 4);
    cr_assert_eq(mesh_message_ms(&ports[1]), 5000);
    expect_next(1, 0);
    cr_assert_eq(mesh_message_ms(&ports[1]), 6000);
    close_mesh();
}

Test(mesh, a_shard_whose_clock_is_behind_stamps_no_earlier_than_the_others_did)
{
    open_mesh(2);
    now_ms = 5000;
    publish(0);
    now_ms = 4000;
    stage(1, 1, 4);
    publish(1);
    mesh_collect(&ports[1]);
    expect_next(1, 4);
    cr_assert_eq(mesh_message_ms(&ports[1]), 5000);
    close_mesh();
}

Test(mesh, time_settles_at_the_bound_and_below_every_closed_gate)
{
    open_mesh(2);
    now_ms = 5000;
    stage(0, 1, 4);
    publish(0);
    uint64_t stamp = ports[0].bound;

    now_ms = 7000;
    collect(1);
    cr_assert_eq(mesh_settled_ms(&ports[1]), 7000, "nothing staged: the clock was raised and is the bound");
    atomic_store(&mesh.gates[0].lowest, stamp);
    now_ms = 8000;
    collect(1);
    cr_assert_eq(mesh_settled_ms(&ports[1]), 5000, "what the gate may still bring is of this time");
    close_mesh();
}

Test(mesh, the_lowest_stamp_comes_first_whatever_the_shard)
{
    static const int order[] = {3, 1, 4, 0, 3, 0};

    open_mesh(5);
    for (int i = 0; i < 6; i++) {
        stage(order[i], 2, i);
        publish(order[i]);
    }
    collect(2);
    for (int i = 0; i < 6; i++)
        expect_next(2, i);
    expect_next(2, -1);
    close_mesh();
}

Test(mesh, a_batch_is_one_run)
{
    open_mesh(3);
    for (int i = 0; i < 3; i++)
        stage(0, 2, i);
    publish(0);
    stage(1, 2, 3);
    publish(1);
    collect(2);
    for (int i = 0; i < 4; i++) {
        expect_next(2, i);
        cr_assert_eq(ports[2].run_started, i == 0 || i == 3);
        cr_assert_eq(ports[2].run_source, i < 3 ? 0 : 1);
    }
    close_mesh();
}

Test(mesh, two_batches_of_one_shard_are_two_runs)
{
    open_mesh(2);
    stage(0, 1, 0);
    publish(0);
    stage(0, 1, 1);
    publish(0);
    collect(1);
    expect_next(1, 0);
    expect_next(1, 1);
    cr_assert(ports[1].run_started);
    close_mesh();
}

/* So that every slot holds a message that was taken long ago. */
static void fill_ring_once(int from, int to)
{
    for (int i = 0; i < RING_SLOTS; i++)
        stage(from, to, i);
    publish(from);
    collect(to);
    for (int i = 0; i < RING_SLOTS; i++)
        expect_next(to, i);
    mesh_release(&ports[to]);
}

Test(mesh, what_lies_ahead_is_seen_without_being_taken)
{
    open_mesh(2);
    fill_ring_once(0, 1);
    fill_ring_once(0, 0);
    for (int i = 0; i < 3; i++) {
        stage(0, 1, i);
        stage(0, 0, 10 + i);
    }
    publish(0);
    collect(1);
    cr_assert_null(ahead(1, 0), "no run has begun");
    expect_next(1, 0);
    cr_assert_eq(number_of(ahead(1, 0)), 1);
    cr_assert_eq(number_of(ahead(1, 1)), 2);
    cr_assert_null(ahead(1, 2));
    expect_next(1, 1);
    mesh_collect(&ports[0]);
    expect_next(0, 10);
    cr_assert_eq(number_of(ahead(0, 1)), 12);
    cr_assert_null(ahead(0, 2));
    close_mesh();
}

Test(mesh, a_closed_gate_holds_up_what_others_stamped_later_but_not_what_they_stamped_before)
{
    open_mesh(3);
    stage(0, 2, 1);
    publish(0);
    uint64_t closed_at = atomic_load(&mesh.clock.next);

    stage(0, 2, 2);
    publish(0);
    atomic_store(&mesh.gates[1].lowest, closed_at);
    collect(2);
    expect_next(2, 1);
    expect_next(2, -1);
    atomic_store(&mesh.gates[1].lowest, STAMP_GATE_OPEN);
    collect(2);
    expect_next(2, 2);
    close_mesh();
}

/* Random turns of all ports beside a plain list of everything that was staged. */

enum { STAGED, DUE, TAKEN };

struct model_letter {
    int from, to, state;
    uint64_t stamp;
};

static struct model_letter model[LETTERS];
static int model_count;

static void model_stage(int from, int to)
{
    model[model_count] = (struct model_letter){.from = from, .to = to};
    stage(from, to, model_count++);
}

static void model_publish(int from)
{
    publish(from);
    for (int i = 0; i < model_count; i++)
        if (model[i].from == from && model[i].state == STAGED) {
            model[i].state = DUE;
            model[i].stamp = ports[from].bound;
        }
}

/* The due letter to this port with the lowest stamp; of one batch the first staged. */
static int model_next(int to, uint64_t bound)
{
    int best = -1;

    for (int i = 0; i < model_count; i++) {
        bool in_time = model[i].stamp < bound || model[i].from == to;

        if (model[i].to == to && model[i].state == DUE && in_time && (best < 0 || model[i].stamp < model[best].stamp))
            best = i;
    }
    return best;
}

static void model_execute(int port)
{
    int most = dice_below(4) ? LETTERS : (int)dice_below(4); /* a gather may park it in the middle */

    mesh_collect(&ports[port]);
    for (int taken = 0; taken < most; taken++) {
        int expected = model_next(port, ports[port].bound);

        expect_next(port, expected);
        if (expected < 0)
            break;
        model[expected].state = TAKEN;
    }
    mesh_release(&ports[port]);
}

static void random_turns(int count)
{
    open_mesh(count);
    while (model_count < 3000) {
        int port = (int)dice_below((uint64_t)count);

        for (uint64_t left = dice_below(6); left > 0; left--)
            model_stage(port, (int)dice_below((uint64_t)count));
        model_publish(port);
        if (dice_below(3))
            model_execute((int)dice_below((uint64_t)count)); /* its bound may be an old one */
    }
    for (int port = 0; port < count; port++) {
        model_publish(port);
        mesh_collect(&ports[port]);
        for (int expected; (expected = model_next(port, ports[port].bound)) >= 0; model[expected].state = TAKEN)
            expect_next(port, expected);
        expect_next(port, -1);
    }
    close_mesh();
}

Test(mesh, two_ports_merge_as_a_sort_by_stamp_would)
{
    dice_seed();
    random_turns(2);
}

Test(mesh, five_ports_merge_as_a_sort_by_stamp_would)
{
    dice_seed();
    random_turns(5);
}

/* Room. */

Test(mesh, a_full_ring_has_room_again_when_its_messages_are_released)
{
    open_mesh(2);
    for (int i = 0; i < RING_SLOTS; i++)
        stage(0, 1, i);
    cr_assert_not(mesh_room(&ports[0], 1));
    cr_assert(mesh_room(&ports[0], 0), "the own queue is never full");
    publish(0);
    collect(1);
    for (int i = 0; i < RING_SLOTS; i++)
        expect_next(1, i);
    cr_assert_not(mesh_room(&ports[0], 1), "they are still being executed");
    mesh_release(&ports[1]);
    cr_assert(mesh_room(&ports[0], 1));
    close_mesh();
}

Test(mesh, the_own_queue_takes_any_number_in_order)
{
    open_mesh(2);
    for (int i = 0; i < 100; i++)
        stage(0, 0, i);
    publish(0);
    mesh_collect(&ports[0]);
    for (int i = 0; i < 50; i++)
        expect_next(0, i); /* so that it grows from the middle */
    for (int i = 100; i < 5000; i++)
        stage(0, 0, i);
    publish(0);
    mesh_collect(&ports[0]);
    for (int i = 50; i < 5000; i++)
        expect_next(0, i);
    expect_next(0, -1);
    close_mesh();
}

static void expect_in_turn(void *context, struct message *message)
{
    int *expected = context;

    cr_assert_eq(number_of(message), (*expected)++);
}

Test(mesh, queued_own_messages_can_be_visited)
{
    int expected = 1;

    open_mesh(1);
    for (int i = 0; i < 3; i++)
        stage(0, 0, i);
    publish(0);
    mesh_collect(&ports[0]);
    expect_next(0, 0);
    stage(0, 0, 3); /* those not yet published too */
    mesh_each_own(&ports[0], expect_in_turn, &expected);
    cr_assert_eq(expected, 4);
    close_mesh();
}

/* Returns. */

/* Takes all that has come back from a port; the first is to be `first`. Returns the number of the one after the last.
 */
static int take_returns(int at, int from, int first)
{
    struct message *message;

    cr_assert(mesh_collect_returns(&ports[at], from));
    while ((message = mesh_next_return(&ports[at], from)) != NULL)
        cr_assert_eq(number_of(message), first++);
    return first;
}

Test(mesh, returns_arrive_when_published)
{
    open_mesh(2);
    mesh_return(&ports[1], 0, &letters[0].message);
    cr_assert_not(mesh_collect_returns(&ports[0], 1));
    mesh_publish_returns(&ports[1], &loops[1].loop);
    cr_assert_eq(take_returns(0, 1, 0), 1);
    cr_assert_not(mesh_collect_returns(&ports[0], 1));
    cr_assert_not(mesh_collect_returns(&ports[0], 0), "nobody returns to itself");
    close_mesh();
}

Test(mesh, returns_that_find_no_room_wait_in_order)
{
    int taken = 0;

    open_mesh(2);
    for (int i = 0; i < 3000; i++)
        mesh_return(&ports[1], 0, &letters[i].message);
    mesh_publish_returns(&ports[1], &loops[1].loop);
    cr_assert_eq(ports[1].overflow_count, 3000 - RING_SLOTS);
    taken = take_returns(0, 1, taken);
    cr_assert_eq(taken, RING_SLOTS);
    for (int i = 3000; i < 3010; i++)
        mesh_return(&ports[1], 0, &letters[i].message); /* behind those, though the ring has room */
    while (taken < 3010) {
        mesh_publish_returns(&ports[1], &loops[1].loop);
        taken = take_returns(0, 1, taken);
    }
    cr_assert_eq(ports[1].overflow_count, 0);
    close_mesh();
}

Test(mesh, returns_that_wait_keep_to_their_destinations)
{
    open_mesh(3);
    for (int i = 0; i < RING_SLOTS; i++)
        mesh_return(&ports[2], 0, &letters[i].message);
    mesh_return(&ports[2], 0, &letters[RING_SLOTS].message);
    mesh_return(&ports[2], 1, &letters[5000].message);
    mesh_publish_returns(&ports[2], &loops[2].loop);
    cr_assert_eq(take_returns(1, 2, 5000), 5001);
    cr_assert_eq(take_returns(0, 2, 0), RING_SLOTS);
    mesh_publish_returns(&ports[2], &loops[2].loop);
    cr_assert_eq(take_returns(0, 2, RING_SLOTS), RING_SLOTS + 1);
    close_mesh();
}

Test(mesh, returns_ahead_are_seen_without_being_taken)
{
    open_mesh(2);
    mesh_return(&ports[1], 0, &letters[0].message);
    mesh_return(&ports[1], 0, &letters[1].message);
    mesh_publish_returns(&ports[1], &loops[1].loop);
    cr_assert(mesh_collect_returns(&ports[0], 1));
    cr_assert_eq(number_of(mesh_return_ahead(&ports[0], 1, 1)), 1);
    cr_assert_null(mesh_return_ahead(&ports[0], 1, 2));
    cr_assert_eq(number_of(mesh_next_return(&ports[0], 1)), 0);
    cr_assert_eq(number_of(mesh_return_ahead(&ports[0], 1, 0)), 1);
    close_mesh();
}

/* Sleep. */

static bool is_asleep(int port)
{
    return atomic_load(&mesh.sleepers[port].asleep);
}

Test(mesh, a_request_wakes_who_sleeps_and_nobody_else)
{
    open_mesh(3);
    cr_assert(mesh_fall_asleep(&ports[1], false));
    cr_assert(mesh_fall_asleep(&ports[2], false));
    stage(0, 1, 0);
    cr_assert_eq(loops[1].wakes, 0);
    publish(0);
    cr_assert_eq(loops[1].wakes, 1);
    cr_assert_eq(loops[2].wakes, 0);
    cr_assert_not(is_asleep(1), "so that nobody else wakes it");
    cr_assert(is_asleep(2));
    cr_assert_eq(ports[0].wakes, 1);
    close_mesh();
}

Test(mesh, a_shard_that_is_awake_is_not_woken)
{
    open_mesh(2);
    stage(0, 1, 0);
    publish(0);
    cr_assert(mesh_fall_asleep(&ports[0], false));
    mesh_awake(&ports[0]);
    mesh_return(&ports[1], 0, &letters[0].message);
    mesh_publish_returns(&ports[1], &loops[1].loop);
    cr_assert_eq(loops[0].wakes + loops[1].wakes, 0);
    close_mesh();
}

Test(mesh, a_return_wakes_who_sleeps)
{
    open_mesh(2);
    cr_assert(mesh_fall_asleep(&ports[0], false));
    mesh_return(&ports[1], 0, &letters[0].message);
    mesh_publish_returns(&ports[1], &loops[1].loop);
    cr_assert_eq(loops[0].wakes, 1);
    close_mesh();
}

Test(mesh, of_several_senders_one_wakes)
{
    open_mesh(3);
    cr_assert(mesh_fall_asleep(&ports[2], false));
    stage(0, 2, 0);
    publish(0);
    stage(1, 2, 1);
    publish(1);
    cr_assert_eq(loops[2].wakes, 1);
    close_mesh();
}

Test(mesh, with_inbound_work_nobody_falls_asleep)
{
    open_mesh(2);
    stage(0, 1, 0);
    publish(0);
    cr_assert_not(mesh_fall_asleep(&ports[1], false));
    cr_assert_not(is_asleep(1));
    collect(1);
    expect_next(1, 0);
    mesh_release(&ports[1]);
    cr_assert(mesh_fall_asleep(&ports[1], false));
    close_mesh();
}

Test(mesh, a_parked_shard_sleeps_over_requests_but_not_over_returns)
{
    open_mesh(2);
    stage(0, 1, 0);
    publish(0);
    cr_assert(mesh_has_inbound(&ports[1], false));
    cr_assert_not(mesh_has_inbound(&ports[1], true));
    cr_assert(mesh_fall_asleep(&ports[1], true));
    mesh_awake(&ports[1]);
    mesh_return(&ports[0], 1, &letters[1].message);
    mesh_publish_returns(&ports[0], &loops[0].loop);
    cr_assert(mesh_has_inbound(&ports[1], true));
    cr_assert_not(mesh_fall_asleep(&ports[1], true));
    close_mesh();
}

/* Shapes. */

Test(mesh, rings_shrink_as_shards_grow)
{
    mesh_init(&mesh, &memory, 256);
    cr_assert_eq(mesh.requests[1]->mask + 1, 64);
    cr_assert_null(mesh.requests[257], "none from a shard to itself");
    mesh_deinit(&mesh);
    cr_assert_eq(memory.used_bytes, 0);
}

Test(mesh, a_shard_alone_executes_its_own)
{
    open_mesh(1);
    stage(0, 0, 0);
    publish(0);
    mesh_collect(&ports[0]);
    expect_next(0, 0);
    expect_next(0, -1);
    mesh_publish_returns(&ports[0], &loops[0].loop);
    cr_assert(mesh_fall_asleep(&ports[0], false));
    close_mesh();
}
