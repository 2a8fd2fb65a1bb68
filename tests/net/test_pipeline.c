/* Replies leave in request order. */
#include "net/pipeline.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "core/memory.h"
#include "tests/support/dice.h"

enum { REQUESTS = 500 };

static struct memory memory;
static struct request_pool requests;
static struct output_pool chunks;
static struct output output;
static struct pipeline pipeline;
static struct pushes pushes;

static void begin(void)
{
    request_pool_init(&requests, &memory, 0);
    output_pool_init(&chunks, &memory);
    output_init(&output, &chunks);
    pushes = (struct pushes){0};
    pipeline_init(&pipeline, &pushes);
}

static void end(void)
{
    cr_assert_eq(requests.live, 0);
    output_deinit(&output);
    output_pool_deinit(&chunks);
    request_pool_deinit(&requests);
    pushes_clear(&pushes, &memory);
    cr_assert_eq(memory.used_bytes, 0);
}

TestSuite(pipeline, .init = begin, .fini = end);

static struct request *push(void)
{
    struct request *request = request_take(&requests, 0, 2);

    pipeline_push(&pipeline, request);
    return request;
}

static void finish(struct request *request, int64_t answer)
{
    reply_integer(&request->reply, answer);
    pipeline_finish(&pipeline, request);
}

static int drain(void)
{
    return pipeline_drain(&pipeline, &output, &requests, false);
}

static void expect_output(const char *expected)
{
    struct iovec vectors[OUTPUT_VECTORS];
    size_t length = 0;
    int count;

    output_let_leave(&output);
    count = output_start_send(&output, vectors);

    for (int i = 0; i < count; i++) {
        cr_assert_eq(strncmp(vectors[i].iov_base, expected + length, vectors[i].iov_len), 0);
        length += vectors[i].iov_len;
    }
    cr_assert_eq(length, strlen(expected));
    output_sent(&output);
}

Test(pipeline, an_empty_one_drains_nothing)
{
    cr_assert_eq(drain(), 0);
    expect_output("");
}

Test(pipeline, later_answers_wait_for_earlier_ones)
{
    struct request *first = push(), *second = push(), *third = push();

    finish(third, 3);
    finish(second, 2);
    cr_assert_eq(drain(), 0);
    expect_output("");
    cr_assert_eq(pipeline.count, 3);
    finish(first, 1);
    cr_assert_eq(drain(), 3);
    cr_assert_eq(pipeline.count, 0);
    expect_output(":1\r\n:2\r\n:3\r\n");
}

Test(pipeline, what_is_answered_at_the_head_leaves)
{
    struct request *first = push(), *second = push();

    finish(first, 1);
    cr_assert_eq(drain(), 1);
    expect_output(":1\r\n");
    push();
    finish(second, 2);
    cr_assert_eq(drain(), 1);
    expect_output(":2\r\n");
    finish(pipeline.first, 3);
    cr_assert_eq(drain(), 1);
    expect_output(":3\r\n");
}

Test(pipeline, it_goes_on_after_it_was_empty)
{
    finish(push(), 1);
    drain();
    finish(push(), 2);
    drain();
    expect_output(":1\r\n:2\r\n");
}

Test(pipeline, dropped_answers_hold_their_place_and_send_nothing)
{
    struct request *first = push(), *second = push();

    first->discard_reply = true;
    finish(second, 2);
    cr_assert_eq(drain(), 0);
    finish(first, 1);
    cr_assert_eq(drain(), 2);
    expect_output(":2\r\n");
}

Test(pipeline, ready_answers_are_counted_until_they_are_drained)
{
    struct request *first = push(), *second = push(), *third = push();

    third->discard_reply = true;
    finish(third, 3);
    finish(second, 222);
    cr_assert_eq(pipeline.ready_bytes, 6);
    cr_assert_eq(drain(), 0);
    cr_assert_eq(pipeline.ready_bytes, 6);
    finish(first, 1);
    cr_assert_eq(pipeline.ready_bytes, 10);
    cr_assert_eq(drain(), 3);
    cr_assert_eq(pipeline.ready_bytes, 0);
    expect_output(":1\r\n:222\r\n");
}

Test(pipeline, ready_answers_can_be_dropped_and_keep_their_places)
{
    struct request *first = push(), *large = push();
    static char bytes[100000];

    reply_bulk(&large->reply, (struct str){bytes, sizeof bytes});
    pipeline_finish(&pipeline, large);
    pipeline_drop_answers(&pipeline);
    cr_assert_eq(pipeline.ready_bytes, 0);
    cr_assert_not(large->reply.buffer.heap, "its memory is back already");
    finish(first, 1);
    cr_assert_eq(drain(), 2);
    expect_output(":1\r\n");
}

static void tell(const char *text)
{
    pushes_append(&pushes, &memory, pushes.admitted, str_from(text));
}

Test(pipeline, a_push_waits_for_what_was_admitted_before_it)
{
    struct request *first = push(), *second = push();

    tell("!");
    finish(push(), 3);
    finish(second, 2);
    cr_assert_eq(drain(), 0);
    finish(first, 1);
    cr_assert_eq(drain(), 3);
    expect_output(":1\r\n:2\r\n!:3\r\n");
}

Test(pipeline, a_push_to_an_empty_one_leaves_at_once)
{
    tell("!");
    drain();
    expect_output("!");
}

Test(pipeline, a_push_does_not_wait_for_a_blocked_request)
{
    struct request *first = push(), *blocked = push();

    tell("!");
    pipeline_drain(&pipeline, &output, &requests, true);
    expect_output("");
    finish(first, 1);
    pipeline_drain(&pipeline, &output, &requests, true);
    expect_output(":1\r\n!");
    finish(blocked, 2);
    drain();
    expect_output(":2\r\n");
}

Test(pipeline, unanswered_requests_keep_their_arguments)
{
    char bytes[] = "PING";
    struct request *done = push(), *open = push();

    for (struct request *request = done; request; request = request->next) {
        request->argc = 1;
        request->argv[0] = str_from(bytes);
    }
    finish(done, 1);
    pipeline_own_arguments(&pipeline, &requests);
    cr_assert_not(done->arguments_owned, "nobody needs them any more");
    memset(bytes, '!', 4);
    cr_assert(str_equal(open->argv[0], STR("PING")));
    finish(open, 2);
    drain();
    expect_output(":1\r\n:2\r\n");
}

Test(pipeline, answers_in_any_order_leave_in_order)
{
    static struct request *open[REQUESTS];
    static int numbers[REQUESTS];
    char expected[REQUESTS * 8] = "";
    int count = 0, left = 0, length = 0;

    dice_seed();
    while (count < REQUESTS || left > 0) {
        if (count < REQUESTS && dice_below(2)) {
            numbers[left] = count;
            open[left++] = push();
            length += sprintf(expected + length, ":%d\r\n", count++);
        } else if (left > 0) {
            int which = (int)dice_below((uint64_t)left);

            finish(open[which], numbers[which]);
            open[which] = open[--left];
            numbers[which] = numbers[left];
        }
        drain();
    }
    cr_assert_eq(pipeline.count, 0);
    expect_output(expected);
}
