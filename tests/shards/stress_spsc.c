/* One ring between two threads: `stress_spsc [messages]`, exit status 0 when
 * all came, in order, whole and with rising stamps.
 *
 * There are exactly as many messages as slots, and the sender writes one again
 * as soon as there is room: under ThreadSanitizer a missing acquire or release
 * at either index is a reported race. The counts wrap on the way. */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/memory.h"
#include "shards/message.h"
#include "shards/spsc.h"

enum { SLOTS_MOST = 1024, BATCH_MOST = 40, TIMEOUT_S = 120 };

struct parcel {
    struct message message;
    uint64_t number;
};

struct line {
    struct spsc *ring;
    uint32_t first; /* both running counts to begin with */
    uint64_t count;
    struct parcel parcels[SLOTS_MOST];
};

static void fail(const char *what, uint64_t number)
{
    fprintf(stderr, "stress_spsc: %s at message %llu\n", what, (unsigned long long)number);
    exit(1);
}

static void *send_all(void *argument)
{
    struct line *line = argument;
    struct spsc_sender sender = {line->ring, line->first, line->first, line->first};
    uint64_t number = 0;

    for (uint64_t stamp = 1; number < line->count; stamp++) {
        uint64_t end = number + 1 + stamp % BATCH_MOST;

        for (; number < end && number < line->count && spsc_room(&sender); number++) {
            struct parcel *parcel = &line->parcels[number & line->ring->mask];

            parcel->number = number;
            spsc_stage(&sender, &parcel->message);
        }
        spsc_publish(&sender, stamp);
        if (number < end)
            sched_yield();
    }
    return NULL;
}

static void receive_all(struct line *line)
{
    struct spsc_receiver receiver = {line->ring, line->first, line->first, line->first};
    const struct spsc_slot *slot;
    uint64_t number = 0, stamp = 0;

    while (number < line->count) {
        if (!spsc_refresh(&receiver))
            sched_yield();
        for (; (slot = spsc_peek(&receiver)) != NULL; number++) {
            if (slot->stamp < stamp)
                fail("the stamp falls", number);
            stamp = slot->stamp;
            if (((struct parcel *)spsc_pop(&receiver))->number != number)
                fail("another message came", number);
            if (number % 7 == 0)
                spsc_release(&receiver);
        }
        spsc_release(&receiver);
    }
    if (spsc_refresh(&receiver))
        fail("one too many", number);
}

static void run(uint32_t slots, uint64_t count)
{
    static struct line line;
    struct memory memory = {0};
    pthread_t sender;

    line.ring = spsc_create(&memory, slots);
    line.first = (uint32_t) - (int32_t)(count / 2);
    line.count = count;
    atomic_store(&line.ring->pushed, line.first);
    atomic_store(&line.ring->popped, line.first);
    pthread_create(&sender, NULL, send_all, &line);
    receive_all(&line);
    pthread_join(sender, NULL);
    memory_free(&memory, line.ring);
}

int main(int argc, char **argv)
{
    uint64_t count = argc > 1 ? strtoull(argv[1], NULL, 10) : 2000000;

    alarm(TIMEOUT_S);
    run(1, count / 20);
    run(8, count / 4);
    run(SLOTS_MOST, count);
    printf("%llu messages through 1024 slots, and fewer through 8 and 1: all in order\n", (unsigned long long)count);
    return 0;
}
