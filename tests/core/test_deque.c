#include "core/deque.h"

#include <criterion/criterion.h>

#include "core/memory.h"
#include "tests/support/dice.h"

enum { MODEL_MAX = 20000 };

/* The model is an array of texts. */
struct fixture {
    struct memory memory;
    struct deque deque;
    struct str texts[MODEL_MAX];
    size_t count;
};

static struct fixture *fixture_create(int fill, unsigned compress_depth)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    deque_init(&fixture->deque, &fixture->memory, fill, compress_depth);
    return fixture;
}

static void model_delete(struct fixture *fixture, size_t index, size_t count)
{
    for (size_t i = index; i < index + count; i++)
        free((char *)fixture->texts[i].bytes);
    memmove(&fixture->texts[index], &fixture->texts[index + count],
            (fixture->count - index - count) * sizeof(struct str));
    fixture->count -= count;
}

static void model_insert(struct fixture *fixture, size_t index, struct str text)
{
    cr_assert_lt(fixture->count, MODEL_MAX);
    memmove(&fixture->texts[index + 1], &fixture->texts[index], (fixture->count - index) * sizeof(struct str));
    fixture->texts[index] = text;
    fixture->count++;
}

static void fixture_destroy(struct fixture *fixture)
{
    model_delete(fixture, 0, fixture->count);
    deque_deinit(&fixture->deque);
    cr_assert_eq(fixture->memory.used_bytes, 0);
    cr_assert_eq(deque_bytes(&fixture->deque), 0);
    free(fixture);
}

/* Integers, short texts, and now and then one that fills a block or is too large for it. The caller frees it. */
static struct str random_text(void)
{
    static const size_t lengths[] = {1000, 4000, 4085, 4090, 5000, 9000};
    size_t length = dice_below(50) ? dice_below(60) : lengths[dice_below(6)];
    char *text = malloc(length + NUMBER_TEXT_MAX);

    if (length < 20)
        return (struct str){text, number_format_integer(text, (int64_t)dice_bits() >> dice_below(64))};
    for (size_t i = 0; i < length; i++)
        text[i] = (char)('a' + i % 7 + dice_below(2));
    return (struct str){text, length};
}

static void check_value(const struct fixture *fixture, struct listpack_value value, size_t index)
{
    char digits[NUMBER_TEXT_MAX];

    cr_assert_lt(index, fixture->count);
    cr_assert(str_equal(listpack_text(value, digits), fixture->texts[index]), "index %zu of %zu", index,
              fixture->count);
}

static void check_walk(struct fixture *fixture, size_t from, bool forward)
{
    struct deque_walk walk;
    struct listpack_value value;
    size_t index = from;

    deque_walk_start(&walk, &fixture->deque, from, forward);
    for (; deque_walk_next(&walk, &value); index += forward ? 1 : SIZE_MAX) {
        check_value(fixture, value, index);
        cr_assert_eq(deque_walk_index(&walk), index);
    }
    cr_assert_eq(index, forward && from < fixture->count ? fixture->count : from < fixture->count ? SIZE_MAX : from);
}

static void check_blocks(struct fixture *fixture)
{
    size_t blocks = 0;
    struct deque_block block;

    for (size_t index = 0; index < fixture->count; index += block.count, blocks++) {
        block = deque_block_at(&fixture->deque, index);
        cr_assert_eq(block.first, index);
        cr_assert_gt(block.count, 0);
        cr_assert_eq(deque_block_at(&fixture->deque, index + block.count - 1).first, index);
        if (block.is_plain)
            cr_assert(str_equal(block.bytes, fixture->texts[index]));
        else
            cr_assert(listpack_validate(block.bytes.bytes, block.bytes.length));
    }
    cr_assert_eq(blocks, deque_blocks(&fixture->deque));
}

static void check(struct fixture *fixture)
{
    cr_assert_eq(deque_count(&fixture->deque), fixture->count);
    cr_assert_eq(deque_bytes(&fixture->deque), fixture->memory.used_bytes);
    if (fixture->count == 0) {
        cr_assert_eq(deque_bytes(&fixture->deque), 0);
        return;
    }
    check_value(fixture, deque_peek(&fixture->deque, DEQUE_FRONT), 0);
    check_value(fixture, deque_peek(&fixture->deque, DEQUE_BACK), fixture->count - 1);
    size_t index = dice_below(fixture->count);
    check_value(fixture, deque_get(&fixture->deque, index), index);
    cr_assert_eq(deque_bytes(&fixture->deque), fixture->memory.used_bytes);
}

static void check_all(struct fixture *fixture)
{
    check(fixture);
    check_walk(fixture, 0, true);
    check_walk(fixture, fixture->count, true);
    check_walk(fixture, fixture->count - 1, false);
    check_walk(fixture, fixture->count / 2, false);
    check_walk(fixture, fixture->count / 3, true);
    if (fixture->count > 2)
        check_blocks(fixture);
}

static void push_some(struct fixture *fixture, size_t most)
{
    enum deque_end end = dice_below(2) ? DEQUE_FRONT : DEQUE_BACK;

    for (size_t i = 1 + dice_below(most); i > 0; i--) {
        struct str text = random_text();

        deque_push(&fixture->deque, end, text);
        model_insert(fixture, end == DEQUE_FRONT ? 0 : fixture->count, text);
    }
}

static void drop_some(struct fixture *fixture, size_t most)
{
    enum deque_end end = dice_below(2) ? DEQUE_FRONT : DEQUE_BACK;

    for (size_t i = 1 + dice_below(most); i > 0 && fixture->count > 0; i--) {
        deque_drop(&fixture->deque, end);
        model_delete(fixture, end == DEQUE_FRONT ? 0 : fixture->count - 1, 1);
        check(fixture);
    }
}

static void insert_some(struct fixture *fixture, size_t most)
{
    size_t index = dice_below(fixture->count + 1);

    for (size_t i = 1 + dice_below(most); i > 0; i--) {
        struct str text = random_text();

        deque_insert(&fixture->deque, index, text);
        model_insert(fixture, index, text);
        check_value(fixture, deque_get(&fixture->deque, index), index);
        index += dice_below(2);
    }
}

static void set_one(struct fixture *fixture)
{
    size_t index = dice_below(fixture->count);
    struct str text = random_text();

    deque_set(&fixture->deque, index, text);
    free((char *)fixture->texts[index].bytes);
    fixture->texts[index] = text;
    check_value(fixture, deque_get(&fixture->deque, index), index);
}

static void delete_some(struct fixture *fixture, size_t most)
{
    size_t index = dice_below(fixture->count), count = dice_below(most), left = fixture->count - index;

    if (dice_below(2)) {
        deque_delete(&fixture->deque, index);
        model_delete(fixture, index, 1);
        return;
    }
    count = count < left ? count : left;
    deque_delete_range(&fixture->deque, index, count);
    model_delete(fixture, index, count);
}

/* As LREM: every element that a walk meets goes with some likelihood. */
static void delete_while_walking(struct fixture *fixture)
{
    struct deque_walk walk;
    struct listpack_value value;
    bool forward = dice_below(2);
    size_t index = dice_below(fixture->count);

    deque_walk_start(&walk, &fixture->deque, index, forward);
    for (size_t i = 0; i < 50 && deque_walk_next(&walk, &value); i++) {
        cr_assert_eq(deque_walk_index(&walk), index);
        check_value(fixture, value, index);
        bool deletes = dice_below(3) == 0;
        if (deletes) {
            deque_walk_delete(&walk);
            model_delete(fixture, index, 1);
        }
        index += !forward ? SIZE_MAX : deletes ? 0 : 1;
    }
}

static void replace_by_copy(struct fixture *fixture)
{
    struct deque copy;

    deque_copy(&copy, &fixture->memory, &fixture->deque);
    cr_assert_eq(deque_bytes(&copy) + deque_bytes(&fixture->deque), fixture->memory.used_bytes);
    deque_deinit(&fixture->deque);
    fixture->deque = copy;
}

static void append_pack(struct fixture *fixture)
{
    unsigned char *pack = listpack_create(&fixture->memory, 0);

    for (size_t i = dice_below(dice_below(20) ? 30 : 2000); i > 0; i--) {
        struct str text = random_text();

        listpack_append(&fixture->memory, &pack, listpack_value_of(text));
        model_insert(fixture, fixture->count, text);
    }
    deque_append_pack(&fixture->deque, pack);
    listpack_free(&fixture->memory, pack);
}

static void change(struct fixture *fixture, size_t growth)
{
    size_t most = dice_below(20) ? 4 : 60;

    switch (dice_below(fixture->count > 0 ? 20 : 4)) {
    case 0 ... 3:
        push_some(fixture, most * growth);
        break;
    case 4 ... 7:
        insert_some(fixture, most * growth);
        break;
    case 8 ... 10:
        drop_some(fixture, most * 2);
        break;
    case 11 ... 12:
        set_one(fixture);
        break;
    case 13 ... 15:
        delete_some(fixture, most * 2);
        break;
    case 16 ... 17:
        delete_while_walking(fixture);
        break;
    case 18:
        if (dice_below(10) == 0)
            append_pack(fixture);
        break;
    default:
        if (dice_below(10) == 0)
            replace_by_copy(fixture);
    }
}

static void agree_with_model(int fill, unsigned compress_depth, size_t operations)
{
    struct fixture *fixture = fixture_create(fill, compress_depth);

    for (size_t i = 0; i < operations; i++) {
        change(fixture, i * 10 / operations % 2 ? 1 : 6);
        check(fixture);
        if (i % 16 == 0)
            check_all(fixture);
    }
    while (fixture->count > 0)
        delete_some(fixture, 40);
    check_all(fixture);
    fixture_destroy(fixture);
}

Test(deque, agrees_with_a_model_for_small_blocks)
{
    dice_seed();
    for (int fill = 0; fill < 6; fill++)
        agree_with_model(fill, 0, 700);
}

Test(deque, agrees_with_a_model_for_blocks_by_bytes)
{
    dice_seed();
    for (int fill = -6; fill < 0; fill++)
        agree_with_model(fill, 0, 700);
}

Test(deque, agrees_with_a_model_when_compressed)
{
    dice_seed();
    agree_with_model(3, 1, 700);
    agree_with_model(20, 1, 1000);
    agree_with_model(10, 2, 700);
    agree_with_model(-1, 1, 1000);
    agree_with_model(5, UINT32_MAX, 300);
}

static void push_job(struct deque *deque, enum deque_end end, size_t number)
{
    char text[32];
    int length = snprintf(text, sizeof text, "job:%022zu", number);

    deque_push(deque, end, (struct str){text, (size_t)length});
}

static void check_density(enum deque_end end)
{
    struct memory memory = {0};
    struct deque deque;

    deque_init(&deque, &memory, -2, 0);
    for (size_t i = 0; i < 100000; i++)
        push_job(&deque, end, i);
    cr_assert_lt(deque_bytes(&deque), 100000 * 30);
    deque_deinit(&deque);
}

Test(deque, elements_of_26_bytes_take_30)
{
    check_density(DEQUE_BACK);
    check_density(DEQUE_FRONT);
}

/* With one element in each block, what is beside them shows: 16 bytes in a node that is full. */
/* Each block begins with room for as much as the one before has, and is left behind with little in it. */
static void check_memory_of_uneven_texts(enum deque_end end)
{
    static const size_t lengths[] = {8000, 1000};
    struct fixture *fixture = fixture_create(-2, 0);
    char *bytes = calloc(1, lengths[0]);
    size_t length = 0;

    for (int i = 0; i < 400; i++) {
        deque_push(&fixture->deque, end, (struct str){bytes, lengths[i % 2]});
        length += lengths[i % 2];
    }
    cr_assert_lt(deque_bytes(&fixture->deque), length + length / 6, "%zu", deque_bytes(&fixture->deque));
    free(bytes);
    fixture_destroy(fixture);
}

Test(deque, blocks_left_behind_keep_no_room)
{
    check_memory_of_uneven_texts(DEQUE_FRONT);
    check_memory_of_uneven_texts(DEQUE_BACK);
}

Test(deque, pushing_fills_the_nodes_of_the_tree)
{
    for (enum deque_end end = DEQUE_FRONT; end <= DEQUE_BACK; end++) {
        struct memory memory = {0};
        struct deque deque;

        deque_init(&deque, &memory, 1, 0);
        for (size_t i = 0; i < 10000; i++)
            push_job(&deque, end, i);
        cr_assert_lt(deque_bytes(&deque), 10000 * (48 + 18));
        deque_deinit(&deque);
    }
}

Test(deque, a_single_block_shrinks)
{
    for (enum deque_end end = DEQUE_FRONT; end <= DEQUE_BACK; end++) {
        struct memory memory = {0};
        struct deque deque;

        deque_init(&deque, &memory, -2, 0);
        for (size_t i = 0; i < 250; i++)
            push_job(&deque, DEQUE_BACK, i);
        while (deque_count(&deque) > 5)
            deque_drop(&deque, end);
        cr_assert_lt(deque_bytes(&deque), 600);
        deque_deinit(&deque);
    }
}

/* A queue of a constant length, in either direction, keeps its memory. */
static void check_queue(enum deque_end in, size_t length, size_t bytes_most)
{
    struct memory memory = {0};
    struct deque deque;
    char digits[NUMBER_TEXT_MAX], expected[32];

    deque_init(&deque, &memory, -2, 0);
    for (size_t i = 0; i < length + 20000; i++) {
        push_job(&deque, in, i);
        if (i < length)
            continue;
        enum deque_end out = in == DEQUE_FRONT ? DEQUE_BACK : DEQUE_FRONT;
        snprintf(expected, sizeof expected, "job:%022zu", i - length);
        cr_assert(str_equal(listpack_text(deque_peek(&deque, out), digits), str_from(expected)));
        deque_drop(&deque, out);
        cr_assert_lt(deque_bytes(&deque), bytes_most);
    }
    cr_assert_eq(deque_count(&deque), length);
    deque_deinit(&deque);
}

Test(deque, a_queue_keeps_its_memory)
{
    for (enum deque_end in = DEQUE_FRONT; in <= DEQUE_BACK; in++) {
        check_queue(in, 1, 300);
        check_queue(in, 10, 1500);
        check_queue(in, 200, 3 * 8300);
        check_queue(in, 2000, 2000 * 30 + 3 * 8300);
    }
}

Test(deque, blocks_that_have_become_small_are_joined)
{
    struct memory memory = {0};
    struct deque deque;

    dice_seed();
    deque_init(&deque, &memory, -1, 0);
    for (size_t i = 0; i < 50000; i++)
        push_job(&deque, DEQUE_BACK, i);
    while (deque_count(&deque) > 1000)
        deque_delete(&deque, dice_below(deque_count(&deque)));
    cr_assert_lt(deque_bytes(&deque), 1000 * 28 * 4);
    cr_assert_lt(deque_blocks(&deque), 4 * 1000 * 28 / 4096);
    deque_deinit(&deque);
    cr_assert_eq(memory.used_bytes, 0);
}

/* Redis leaves the count out of a header where it would have had to find it out. */
Test(deque, takes_a_pack_whose_header_does_not_tell_the_count)
{
    struct fixture *fixture = fixture_create(-2, 0);
    unsigned char *pack = listpack_create(&fixture->memory, 0);

    for (int i = 0; i < 4; i++)
        listpack_append(&fixture->memory, &pack, listpack_integer(i));
    memset(pack + 4, 0xff, 2);
    deque_append_pack(&fixture->deque, pack);
    listpack_free(&fixture->memory, pack);
    deque_push(&fixture->deque, DEQUE_FRONT, STR("a"));
    deque_push(&fixture->deque, DEQUE_BACK, STR("b"));
    deque_drop(&fixture->deque, DEQUE_FRONT);
    deque_drop(&fixture->deque, DEQUE_BACK);
    cr_assert_eq(deque_count(&fixture->deque), 4);
    cr_assert_eq(deque_peek(&fixture->deque, DEQUE_BACK).integer, 3);
    fixture_destroy(fixture);
}

Test(deque, inner_blocks_are_compressed)
{
    struct memory memory = {0};
    struct deque deque;

    dice_seed();
    deque_init(&deque, &memory, -2, 1);
    for (size_t i = 0; i < 100000; i++)
        push_job(&deque, DEQUE_BACK, i);
    cr_assert_lt(deque_bytes(&deque), 100000 * 8);
    for (size_t i = 0; i < 3000; i++) {
        deque_delete(&deque, dice_below(deque_count(&deque)));
        push_job(&deque, DEQUE_BACK, i);
        char text[] = "job:0000000000000000000001";
        deque_insert(&deque, dice_below(deque_count(&deque)), STR(text));
    }
    cr_assert_lt(deque_bytes(&deque), 103000 * 8);
    while (deque_count(&deque) > 100000)
        deque_drop(&deque, DEQUE_BACK);
    for (size_t i = 0; i < 100000; i++)
        deque_drop(&deque, i % 2 ? DEQUE_FRONT : DEQUE_BACK);
    cr_assert_eq(memory.used_bytes, 0);
}

Test(deque, drains_in_slices)
{
    struct memory memory = {0};
    struct deque deque;

    deque_init(&deque, &memory, 10, 0);
    for (size_t i = 0; i < 5000; i++)
        push_job(&deque, DEQUE_BACK, i);
    for (size_t left = 5000; left > 0; left -= 100)
        cr_assert_eq(deque_drain(&deque, 99), left - 100);
    cr_assert_eq(memory.used_bytes, 0);
    cr_assert_eq(deque_drain(&deque, 99), 0);
}
