#include <criterion/criterion.h>

#include "core/buffer.h"
#include "core/memory.h"
#include "tests/support/dice.h"

static struct memory memory;

static void expect(const struct buffer *buffer, const char *text)
{
    cr_assert(str_equal(buffer_str(buffer), str_from(text)), "%.*s", (int)buffer->length, buffer->bytes);
}

Test(buffer, empty_one_allocates_nothing)
{
    struct buffer buffer;

    buffer_init(&buffer, &memory, NULL, 0);
    buffer_append(&buffer, NULL, 0);
    buffer_append_str(&buffer, (struct str){NULL, 0});
    cr_assert_eq(memory.used_bytes, 0);
    buffer_deinit(&buffer);
}

Test(buffer, moves_from_lent_storage_to_the_heap_when_full)
{
    char storage[4];
    struct buffer buffer;

    buffer_init(&buffer, &memory, storage, sizeof storage);
    buffer_append(&buffer, "abcd", 4);
    cr_assert_eq(buffer.bytes, storage);
    cr_assert_eq(memory.used_bytes, 0);
    buffer_append(&buffer, "e", 1);
    cr_assert_neq(buffer.bytes, storage);
    cr_assert_gt(memory.used_bytes, 0);
    expect(&buffer, "abcde");
    buffer_deinit(&buffer);
    cr_assert_eq(memory.used_bytes, 0);
    cr_assert_null(buffer.bytes);
}

Test(buffer, format_fills_exactly_and_grows)
{
    char storage[6];
    struct buffer buffer;

    buffer_init(&buffer, &memory, storage, sizeof storage);
    buffer_append_format(&buffer, "%d", 12345); /* five digits and vsnprintf's terminator fit */
    cr_assert_eq(buffer.bytes, storage);
    buffer_append_format(&buffer, "%s", "");
    buffer_append_format(&buffer, "-%0100d", 7);
    cr_assert_eq(buffer.length, 106);
    cr_assert_eq(memcmp(buffer.bytes, "12345-0", 7), 0);
    cr_assert_eq(buffer.bytes[105], '7');
    buffer_deinit(&buffer);
}

Test(buffer, appending_is_linear_in_time)
{
    struct buffer buffer;
    int moves = 0;

    buffer_init(&buffer, &memory, NULL, 0);
    for (int i = 0; i < 1000000; i++) {
        size_t capacity = buffer.capacity;
        buffer_append(&buffer, "x", 1);
        moves += buffer.capacity != capacity;
    }
    cr_assert_lt(moves, 20);
    buffer_deinit(&buffer);
}

Test(buffer, random_operations_agree_with_a_plain_array)
{
    static char model[1 << 16];
    size_t length = 0;
    struct buffer buffer;

    dice_seed();
    buffer_init(&buffer, &memory, NULL, 0);
    for (int i = 0; i < 20000; i++) {
        size_t count = dice_below(100);
        if (dice_below(3) && length + count <= sizeof model) {
            char *end = buffer_reserve(&buffer, count + 1);
            memset(end, 'a' + i % 26, count);
            buffer.length += count;
            memset(model + length, 'a' + i % 26, count);
            length += count;
        } else {
            size_t drop = length ? dice_below(length + 1) : 0;
            buffer_consume(&buffer, drop);
            length -= drop;
            memmove(model, model + drop, length);
        }
        cr_assert(str_equal(buffer_str(&buffer), (struct str){model, length}));
    }
    buffer_deinit(&buffer);
    cr_assert_eq(memory.used_bytes, 0);
}
