/* Partial replies, split at random and put together again. */
#include "core/merge.h"

#include <criterion/criterion.h>

#include "core/memory.h"
#include "tests/support/dice.h"

enum { PARTS = 5, KEYS = 200 };

static struct memory memory;
static struct reply reply, part_replies[PARTS];
static struct str parts[PARTS];
static struct merge merge;

static void begin(void)
{
    reply_init(&reply, &memory, NULL, 0, 2);
    for (int i = 0; i < PARTS; i++)
        reply_init(&part_replies[i], &memory, NULL, 0, 2);
    merge = (struct merge){.reply = &reply, .parts = parts, .part_count = PARTS};
}

static void end(void)
{
    buffer_deinit(&reply.buffer);
    for (int i = 0; i < PARTS; i++)
        buffer_deinit(&part_replies[i].buffer);
    cr_assert_eq(memory.used_bytes, 0);
}

TestSuite(merge, .init = begin, .fini = end);

static void take_parts(void)
{
    for (int i = 0; i < PARTS; i++)
        parts[i] = buffer_str(&part_replies[i].buffer);
}

static void expect_reply(const struct reply *expected)
{
    cr_assert(str_equal(buffer_str(&reply.buffer), buffer_str(&expected->buffer)));
}

/* One of the shapes that an element can have. */
static void reply_element(struct reply *to, int kind, int number)
{
    switch (kind) {
    case 0:
        reply_null(to);
        break;
    case 1:
        reply_bulk(to, STR(""));
        break;
    case 2:
        reply_bulk(to, STR("with\r\nbreaks"));
        break;
    case 3:
        reply_array(to, 2);
        reply_integer(to, number);
        reply_bulk(to, STR("nested"));
        break;
    default:
        reply_bulk_integer(to, number);
    }
}

Test(merge, integers_are_added)
{
    const int64_t values[PARTS] = {0, 7, -3, 1000000, 40};

    for (int i = 0; i < PARTS; i++)
        reply_integer(&part_replies[i], values[i]);
    take_parts();
    merge_sum(&merge);
    cr_assert(str_equal(buffer_str(&reply.buffer), STR(":1000044\r\n")));
}

static void check_in_order(int protocol)
{
    uint16_t part_of_key[KEYS];
    struct reply expected;
    int counts[PARTS] = {0}, kinds[KEYS];

    reply_init(&expected, &memory, NULL, 0, protocol);
    merge.key_count = (int)(dice_bits() % KEYS);
    merge.part_of_key = part_of_key;
    reply.protocol = protocol;
    for (int key = 0; key < merge.key_count; key++) {
        part_of_key[key] = (uint16_t)(dice_bits() % PARTS);
        kinds[key] = (int)(dice_bits() % 5);
        counts[part_of_key[key]]++;
    }
    for (int i = 0; i < PARTS; i++) {
        part_replies[i].protocol = protocol;
        part_replies[i].buffer.length = 0;
        reply_array(&part_replies[i], counts[i]);
    }
    reply_array(&expected, merge.key_count);
    for (int key = 0; key < merge.key_count; key++) {
        reply_element(&part_replies[part_of_key[key]], kinds[key], key);
        reply_element(&expected, kinds[key], key);
    }
    take_parts();
    reply.buffer.length = 0;
    merge_in_order(&merge);
    cr_assert(str_equal(buffer_str(&reply.buffer), buffer_str(&expected.buffer)));
    buffer_deinit(&expected.buffer);
}

Test(merge, elements_come_back_in_the_order_of_the_keys)
{
    dice_seed();
    for (int round = 0; round < 200; round++)
        check_in_order(2 + round % 2);
}

Test(merge, arrays_are_joined)
{
    struct reply expected;
    int total = 0, number = 0;

    reply_init(&expected, &memory, NULL, 0, 2);
    for (int i = 0; i < PARTS; i++)
        total += i == 2 ? 0 : i + 1;
    reply_array(&expected, total);
    for (int i = 0; i < PARTS; i++) {
        int count = i == 2 ? 0 : i + 1;

        reply_array(&part_replies[i], count);
        for (; count > 0; count--, number++) {
            reply_element(&part_replies[i], number % 5, number);
            reply_element(&expected, number % 5, number);
        }
    }
    take_parts();
    merge_concat(&merge);
    expect_reply(&expected);
    buffer_deinit(&expected.buffer);
}
