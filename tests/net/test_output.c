/* What a connection has to send: the same bytes in the same order, however
 * replies and sends alternate. */
#include "net/output.h"

#include <criterion/criterion.h>
#include <string.h>

#include "core/memory.h"
#include "tests/support/dice.h"

static struct memory memory;
static struct output_pool pool;
static struct output output;
static struct iovec vectors[OUTPUT_VECTORS];

static void begin(void)
{
    output_pool_init(&pool, &memory);
    output_init(&output, &pool);
}

static void end(void)
{
    output_deinit(&output);
    cr_assert_eq(output.bytes, 0);
    cr_assert_eq(output.chunks, 0);
    output_pool_deinit(&pool);
    cr_assert_eq(memory.used_bytes, 0, "%zu bytes left", memory.used_bytes);
}

TestSuite(output, .init = begin, .fini = end);

static char letter(size_t position)
{
    return (char)('a' + position % 23 + position / 1000 % 3);
}

/* The letters from there on, on the heap. */
static struct buffer letters(size_t position, size_t length)
{
    struct buffer bytes;

    buffer_init(&bytes, &memory, NULL, 0);
    buffer_reserve(&bytes, length);
    for (size_t i = 0; i < length; i++)
        bytes.bytes[i] = letter(position + i);
    bytes.length = length;
    return bytes;
}

/* As a reply that outgrew its request. */
static void append(size_t position, size_t length)
{
    struct buffer reply = letters(position, length);

    output_append(&output, &reply);
    buffer_deinit(&reply);
}

static int start_send(void)
{
    output_let_leave(&output);
    return output_start_send(&output, vectors);
}

static void append_push(size_t position, size_t length)
{
    struct buffer push = letters(position, length);

    output_append_push(&output, &push);
    buffer_deinit(&push);
}

static size_t expect_vectors(int count, size_t position)
{
    size_t length = 0;

    for (int i = 0; i < count; i++) {
        const char *bytes = vectors[i].iov_base;

        cr_assert_gt(vectors[i].iov_len, 0, "an empty vector");
        for (size_t j = 0; j < vectors[i].iov_len; j++)
            cr_assert_eq(bytes[j], letter(position + length + j), "byte %zu", position + length + j);
        length += vectors[i].iov_len;
    }
    return length;
}

Test(output, an_empty_output_sends_nothing)
{
    cr_assert_eq(start_send(), 0);
    append(0, 0);
    cr_assert_eq(start_send(), 0);
    cr_assert_eq(output.chunks, 0);
}

Test(output, small_replies_share_a_chunk)
{
    for (size_t i = 0; i < 100; i++)
        append(i * 7, 7);
    cr_assert_eq(output.chunks, 1);
    cr_assert_eq(output.bytes, 700);
    cr_assert_eq(start_send(), 1);
    cr_assert_eq(expect_vectors(1, 0), 700);
    output_sent(&output);
    cr_assert_eq(output.bytes, 0);
}

Test(output, a_reply_that_does_not_fit_begins_a_chunk)
{
    append(0, OUTPUT_CHUNK_BYTES - 5);
    append(OUTPUT_CHUNK_BYTES - 5, 5);
    cr_assert_eq(output.chunks, 1);
    append(OUTPUT_CHUNK_BYTES, 1);
    cr_assert_eq(output.chunks, 2);
    cr_assert_eq(start_send(), 2);
    cr_assert_eq(expect_vectors(2, 0), OUTPUT_CHUNK_BYTES + 1);
    output_sent(&output);
}

Test(output, a_large_reply_is_taken_without_a_copy)
{
    struct buffer reply;

    append(0, 10);
    buffer_init(&reply, &memory, NULL, 0);
    buffer_reserve(&reply, OUTPUT_TAKE_BYTES);
    memset(reply.bytes, 'x', OUTPUT_TAKE_BYTES);
    reply.length = OUTPUT_TAKE_BYTES;

    const char *bytes = reply.bytes;

    output_append(&output, &reply);
    cr_assert_null(reply.bytes, "it is the output's");
    cr_assert_not(reply.heap);
    buffer_deinit(&reply);
    cr_assert_eq(start_send(), 2);
    cr_assert_eq(vectors[1].iov_base, bytes);
    cr_assert_eq(vectors[1].iov_len, OUTPUT_TAKE_BYTES);
    output_sent(&output);
}

Test(output, a_push_with_no_chunk_at_hand_needs_none)
{
    size_t before = memory.used_bytes;

    append_push(0, 100);
    cr_assert_lt(memory.used_bytes - before, 1000);
    cr_assert_eq(start_send(), 1);
    append_push(100, 50); /* what a send names takes no more */
    append(150, 7);
    append_push(157, 50);
    cr_assert_eq(output.chunks, 3, "the last push fits beside the reply");
    expect_vectors(1, 0);
    output_sent(&output);
    cr_assert_eq(output.bytes, 107);
    cr_assert_eq(start_send(), 2);
    expect_vectors(2, 100);
    output_sent(&output);
}

Test(output, a_large_push_is_taken_beside_a_chunk_that_has_room)
{
    append(0, 10);
    append_push(10, OUTPUT_TAKE_BYTES);
    cr_assert_eq(start_send(), 2);
    cr_assert_eq(expect_vectors(2, 0), 10 + OUTPUT_TAKE_BYTES);
    output_sent(&output);
}

Test(output, what_follows_a_large_reply_comes_behind_it)
{
    append(0, 10);
    append(10, 3 * OUTPUT_TAKE_BYTES);
    append(10 + 3 * OUTPUT_TAKE_BYTES, 10);
    cr_assert_eq(output.bytes, 20 + 3 * OUTPUT_TAKE_BYTES);
    cr_assert_eq(start_send(), 3);
    expect_vectors(3, 0);
    output_sent(&output);
}

Test(output, what_is_added_during_a_send_goes_with_the_next)
{
    append(0, 10);
    cr_assert_eq(start_send(), 1);
    append(10, 20);
    cr_assert_eq(vectors[0].iov_len, 10);
    cr_assert_eq(expect_vectors(1, 0), 10);
    cr_assert_eq(output.bytes, 30, "what is being sent counts");
    output_sent(&output);
    cr_assert_eq(output.bytes, 20);
    cr_assert_eq(start_send(), 1);
    cr_assert_eq(expect_vectors(1, 10), 20);
    output_sent(&output);
}

Test(output, a_send_takes_no_more_chunks_than_it_has_vectors)
{
    size_t position = 0;

    for (int i = 0; i < OUTPUT_VECTORS + 10; i++)
        append((size_t)i * OUTPUT_TAKE_BYTES, OUTPUT_TAKE_BYTES);
    cr_assert_eq(start_send(), OUTPUT_VECTORS);
    position = expect_vectors(OUTPUT_VECTORS, 0);
    output_sent(&output);
    cr_assert_eq(start_send(), 10);
    expect_vectors(10, position);
    output_sent(&output);
}

Test(output, sent_chunks_serve_again)
{
    size_t used;

    append(0, 10);
    start_send();
    output_sent(&output);
    used = memory.used_bytes;
    for (size_t i = 0; i < 100; i++) {
        append(0, 100);
        cr_assert_eq(memory.used_bytes, used);
        start_send();
        output_sent(&output);
    }
}

Test(output, spare_chunks_are_bounded)
{
    for (int i = 0; i < 1000; i++)
        append(0, OUTPUT_CHUNK_BYTES - 1);
    cr_assert_eq(output.chunks, 1000);
    while (start_send() > 0)
        output_sent(&output);
    cr_assert_lt(memory.used_bytes, 100 * (OUTPUT_CHUNK_BYTES + 100));
}

Test(output, an_output_may_end_while_it_is_full)
{
    append(0, 10);
    append(10, 5 * OUTPUT_TAKE_BYTES);
    append(10, 10);
}

Test(output, random_replies_and_sends_keep_the_bytes)
{
    size_t appended = 0, sent = 0;
    size_t sending = 0;

    dice_seed();
    for (int i = 0; i < 2000; i++) {
        size_t length = dice_below(20) ? dice_below(2000) : dice_below(3 * OUTPUT_TAKE_BYTES);

        append(appended, length);
        appended += length;
        cr_assert_eq(output.bytes, appended - sent);
        if (dice_below(3))
            continue;
        if (output.sending) {
            output_sent(&output);
            sent += sending;
        } else {
            sending = expect_vectors(start_send(), sent);
        }
    }
    if (output.sending) {
        output_sent(&output);
        sent += sending;
    }
    for (int count; (count = start_send()) > 0; output_sent(&output))
        sent += expect_vectors(count, sent);
    cr_assert_eq(sent, appended);
}

Test(output, what_is_sealed_leaves_without_what_came_later)
{
    append(0, 100);
    output_seal(&output);
    append(100, 50);
    cr_assert_eq(output_start_send(&output, vectors), 0);
    output_let_sealed_leave(&output);
    cr_assert_eq(output_start_send(&output, vectors), 1);
    cr_assert_eq(expect_vectors(1, 0), 100);
    output_sent(&output);
    cr_assert_eq(output_start_send(&output, vectors), 0);
    output_seal(&output);
    output_let_sealed_leave(&output);
    cr_assert_eq(output_start_send(&output, vectors), 1);
    cr_assert_eq(expect_vectors(1, 100), 50);
    output_sent(&output);
}

Test(output, a_seal_on_nothing_keeps_nothing_back)
{
    output_seal(&output);
    append(0, 10);
    cr_assert_eq(output_start_send(&output, vectors), 0);
    cr_assert_eq(start_send(), 1);
    output_sent(&output);
}

Test(output, what_comes_behind_more_than_a_send_takes_does_not_leave_with_its_rest)
{
    size_t before = 0;

    for (int i = 0; i < OUTPUT_VECTORS; i++, before += OUTPUT_TAKE_BYTES)
        append(before, OUTPUT_TAKE_BYTES);
    append(before, 10);
    before += 10;
    cr_assert_eq(start_send(), OUTPUT_VECTORS);
    append(before, 7); /* the last chunk has room, and is in no send */
    output_sent(&output);
    cr_assert_eq(output_start_send(&output, vectors), 1);
    cr_assert_eq(expect_vectors(1, before - 10), 10);
    output_sent(&output);
    cr_assert_eq(output_start_send(&output, vectors), 0);
    cr_assert_eq(start_send(), 1);
    cr_assert_eq(expect_vectors(1, before), 7);
    output_sent(&output);
}
