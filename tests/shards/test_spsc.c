/* One ring, both of its ends in one thread; stress_spsc.c has two. */
#include "shards/spsc.h"

#include <criterion/criterion.h>

#include "core/memory.h"
#include "shards/message.h"
#include "tests/support/dice.h"

enum { SLOTS = 8, MESSAGES = 64 };

static struct memory memory;
static struct message messages[MESSAGES];
static struct spsc_sender sender;
static struct spsc_receiver receiver;

static void begin(void)
{
    sender = (struct spsc_sender){.ring = spsc_create(&memory, SLOTS)};
    receiver = (struct spsc_receiver){.ring = sender.ring};
}

static void end(void)
{
    memory_free(&memory, sender.ring);
    cr_assert_eq(memory.used_bytes, 0);
}

TestSuite(spsc, .init = begin, .fini = end);

/* As if so many messages had gone through. */
static void start_at(uint32_t count)
{
    atomic_store(&sender.ring->pushed, count);
    atomic_store(&sender.ring->popped, count);
    sender.pushed = sender.staged = sender.popped_seen = count;
    receiver.popped = receiver.released = receiver.pushed_seen = count;
}

static void stage(int first, int count)
{
    for (int i = first; i < first + count; i++) {
        cr_assert(spsc_room(&sender));
        spsc_stage(&sender, &messages[i % MESSAGES]);
    }
}

static void take(int first, int count, uint64_t stamp)
{
    for (int i = first; i < first + count; i++) {
        const struct spsc_slot *slot = spsc_peek(&receiver);

        cr_assert_not_null(slot);
        cr_assert_eq(slot->stamp, stamp);
        cr_assert_eq(spsc_pop(&receiver), &messages[i % MESSAGES]);
    }
}

Test(spsc, a_new_ring_is_empty)
{
    cr_assert_not(spsc_refresh(&receiver));
    cr_assert_null(spsc_peek(&receiver));
    cr_assert(spsc_room(&sender));
}

Test(spsc, both_indexes_and_the_slots_lie_on_lines_of_their_own)
{
    cr_assert_eq((uintptr_t)sender.ring % CACHE_LINE, 0);
    cr_assert_geq(offsetof(struct spsc, popped) - offsetof(struct spsc, pushed), CACHE_LINE);
    cr_assert_geq(offsetof(struct spsc, mask) - offsetof(struct spsc, popped), CACHE_LINE);
}

Test(spsc, what_is_staged_is_invisible_until_published)
{
    stage(0, 3);
    cr_assert_not(spsc_refresh(&receiver));
    cr_assert_null(spsc_peek(&receiver));
    spsc_publish(&sender, 7);
    cr_assert_null(spsc_peek(&receiver), "not looked for yet");
    cr_assert(spsc_refresh(&receiver));
    take(0, 3, 7);
    cr_assert_null(spsc_peek(&receiver));
}

Test(spsc, peeking_takes_nothing)
{
    stage(0, 1);
    spsc_publish(&sender, 1);
    spsc_refresh(&receiver);
    cr_assert_eq(spsc_peek(&receiver), spsc_peek(&receiver));
    take(0, 1, 1);
}

Test(spsc, each_batch_has_its_stamp)
{
    stage(0, 2);
    spsc_publish(&sender, 5);
    stage(2, 3);
    spsc_publish(&sender, 9);
    spsc_refresh(&receiver);
    take(0, 2, 5);
    take(2, 3, 9);
}

Test(spsc, an_empty_batch_publishes_nothing)
{
    spsc_publish(&sender, 3);
    cr_assert_not(spsc_refresh(&receiver));
}

Test(spsc, staged_messages_count_as_room_taken)
{
    stage(0, SLOTS);
    cr_assert_not(spsc_room(&sender));
}

Test(spsc, there_is_room_again_only_after_a_release)
{
    stage(0, SLOTS);
    spsc_publish(&sender, 1);
    spsc_refresh(&receiver);
    take(0, 3, 1);
    cr_assert_not(spsc_room(&sender), "popped messages are still being executed");
    spsc_release(&receiver);
    stage(SLOTS, 3);
    cr_assert_not(spsc_room(&sender));
}

Test(spsc, releasing_twice_frees_nothing_more)
{
    stage(0, SLOTS);
    spsc_publish(&sender, 1);
    spsc_refresh(&receiver);
    take(0, 1, 1);
    spsc_release(&receiver);
    spsc_release(&receiver);
    stage(SLOTS, 1);
    cr_assert_not(spsc_room(&sender));
}

/* Random steps of both sides beside running counts, across the place where the indexes wrap. */
Test(spsc, random_steps_agree_with_counts)
{
    uint32_t staged = 0, published = 0, seen = 0, taken = 0, released = 0;

    dice_seed();
    start_at(UINT32_MAX - 1000);
    for (int step = 0; step < 20000; step++) {
        switch (dice_below(5)) {
        case 0:
            cr_assert_eq(spsc_room(&sender), staged - released < SLOTS);
            if (staged - released < SLOTS)
                stage((int)(staged++ % MESSAGES), 1);
            break;
        case 1:
            spsc_publish(&sender, 1);
            published = staged;
            break;
        case 2:
            seen = published;
            cr_assert_eq(spsc_refresh(&receiver), seen != taken);
            break;
        case 3:
            cr_assert_eq(spsc_peek(&receiver) != NULL, seen != taken);
            if (seen != taken)
                take((int)(taken++ % MESSAGES), 1, 1);
            break;
        case 4:
            spsc_release(&receiver);
            released = taken;
            break;
        }
    }
    cr_assert_gt(taken, 1000, "the indexes did not wrap");
}
