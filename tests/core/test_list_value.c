/* Lists beside an array of texts, at many limits, so that they change their encoding all the time. */
#include "core/list_value.h"

#include <criterion/criterion.h>

#include "core/config.h"
#include "core/hash.h"
#include "core/memory.h"
#include "tests/support/dice.h"

enum { MODEL_MAX = 4000 };

static const struct str KEY = STR("list");

struct fixture {
    struct memory memory;
    struct keyspace *keyspace;
    struct config config; /* the two settings alone */
    struct list list;
    struct str texts[MODEL_MAX];
    size_t count;
};

static struct fixture *fixture_create(int size, int compress_depth)
{
    static const uint8_t secret[32] = "secret";
    struct fixture *fixture = calloc(1, sizeof *fixture);

    if (!hash_is_seeded())
        keyspace_hash_seed(secret);
    fixture->keyspace = keyspace_create(&fixture->memory, 1);
    fixture->config.list_max_listpack_size = size;
    fixture->config.list_compress_depth = compress_depth;
    fixture->list.memory = keyspace_memory(fixture->keyspace);
    fixture->list.config = &fixture->config;
    fixture->list.entry = list_create(fixture->keyspace, 0, key_of(KEY), &fixture->config, NULL, 0);
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
    keyspace_destroy(fixture->keyspace);
    cr_assert_eq(fixture->memory.used_bytes, 0);
    free(fixture);
}

/* Few different ones, so that some are equal; now and then one that is too large for a block. The caller frees it. */
static struct str random_text(void)
{
    size_t length = dice_below(60) ? dice_below(4) * 7 : 4000 + dice_below(2) * 5000;
    char *text = malloc(length + NUMBER_TEXT_MAX);

    if (length == 7)
        return (struct str){text, number_format_integer(text, (int64_t)(UINT64_C(1) << dice_below(40)))};
    for (size_t i = 0; i < length; i++)
        text[i] = (char)('a' + dice_below(2) * (i == 0));
    return (struct str){text, length};
}

static bool is_pack(const struct fixture *fixture)
{
    return entry_encoding(fixture->list.entry) == ENCODING_LISTPACK;
}

static void check_value(const struct fixture *fixture, struct listpack_value value, size_t index)
{
    char digits[NUMBER_TEXT_MAX];

    cr_assert(str_equal(listpack_text(value, digits), fixture->texts[index]), "index %zu of %zu", index,
              fixture->count);
}

static void check_walk(const struct fixture *fixture, size_t index, bool forward)
{
    struct listpack_value value;
    struct list_walk walk;

    list_walk_start(&walk, fixture->list.entry, index, forward);
    for (; list_walk_next(&walk, &value); index += forward ? 1 : SIZE_MAX)
        check_value(fixture, value, index);
    cr_assert_eq(index, forward ? fixture->count : SIZE_MAX);
}

/* What list-max-listpack-size says; a list in a listpack keeps to it, but for a block too much in bytes. */
static void check_encoding(const struct fixture *fixture)
{
    int size = fixture->config.list_max_listpack_size;

    if (!is_pack(fixture))
        return;
    if (size >= 0)
        cr_assert_leq(fixture->count, deque_fill_count(size));
    cr_assert_leq(listpack_bytes(entry_value(fixture->list.entry)), deque_fill_bytes(size) + 32 * 12);
}

static void check(const struct fixture *fixture)
{
    cr_assert_eq(list_count(fixture->list.entry), fixture->count);
    check_encoding(fixture);
    if (fixture->count == 0)
        return;
    check_value(fixture, list_peek(fixture->list.entry, DEQUE_FRONT), 0);
    check_value(fixture, list_peek(fixture->list.entry, DEQUE_BACK), fixture->count - 1);
    size_t index = dice_below(fixture->count);
    check_value(fixture, list_get(fixture->list.entry, index), index);
    if (dice_below(20) > 0)
        return;
    check_walk(fixture, index, true);
    check_walk(fixture, index, false);
}

/* Random changes. */

static void push_some(struct fixture *fixture)
{
    enum deque_end end = dice_below(2) ? DEQUE_FRONT : DEQUE_BACK;
    struct str texts[12];
    size_t count = 1 + dice_below(12);

    for (size_t i = 0; i < count; i++) {
        texts[i] = random_text();
        model_insert(fixture, end == DEQUE_FRONT ? 0 : fixture->count, texts[i]);
    }
    list_push(&fixture->list, end, texts, count);
}

static void drop_some(struct fixture *fixture)
{
    enum deque_end end = dice_below(2) ? DEQUE_FRONT : DEQUE_BACK;

    for (size_t i = dice_below(12); i > 0 && fixture->count > 0; i--) {
        list_drop(&fixture->list, end);
        model_delete(fixture, end == DEQUE_FRONT ? 0 : fixture->count - 1, 1);
    }
    list_shrink(&fixture->list);
}

static void insert_one(struct fixture *fixture)
{
    size_t index = dice_below(fixture->count + 1);
    struct str text = random_text();

    list_grow(&fixture->list, text.length);
    list_insert(&fixture->list, index, text);
    model_insert(fixture, index, text);
}

static void set_one(struct fixture *fixture)
{
    if (fixture->count == 0)
        return;
    size_t index = dice_below(fixture->count);
    struct str text = random_text();

    list_grow(&fixture->list, text.length);
    list_set(&fixture->list, index, text);
    list_shrink(&fixture->list);
    free((char *)fixture->texts[index].bytes);
    fixture->texts[index] = text;
}

static void delete_range(struct fixture *fixture)
{
    size_t index = dice_below(fixture->count + 1);
    size_t count = dice_below((fixture->count - index) / (1 + dice_below(8)) + 1);

    list_delete_range(&fixture->list, index, count);
    list_shrink(&fixture->list);
    model_delete(fixture, index, count);
}

/* Every element equal to one of them, or every other such. */
static void delete_while_walking(struct fixture *fixture)
{
    bool forward = dice_below(2);
    size_t index = forward ? 0 : fixture->count - 1;
    struct listpack_value value;
    struct list_walk walk;

    if (fixture->count == 0)
        return;
    struct str text = random_text();
    struct list_sought sought = list_seek_text(text);
    list_walk_start(&walk, fixture->list.entry, index, forward);
    while (list_walk_next(&walk, &value)) {
        bool equal = str_equal(text, fixture->texts[index]);

        cr_assert_eq(list_is_sought(&sought, value), equal);
        if (equal && dice_below(2)) {
            list_walk_delete(&walk, &fixture->list);
            model_delete(fixture, index, 1);
            index -= !forward;
        } else {
            index += forward ? 1 : SIZE_MAX;
        }
    }
    list_shrink(&fixture->list);
    free((char *)text.bytes);
}

static void random_change(struct fixture *fixture)
{
    switch (dice_below(8)) {
    case 0 ... 1:
        push_some(fixture);
        break;
    case 2:
        drop_some(fixture);
        break;
    case 3 ... 4:
        insert_one(fixture);
        break;
    case 5:
        set_one(fixture);
        break;
    case 6:
        delete_range(fixture);
        break;
    default:
        delete_while_walking(fixture);
    }
    if (fixture->count > MODEL_MAX / 2) {
        list_delete_range(&fixture->list, 0, fixture->count);
        model_delete(fixture, 0, fixture->count);
    }
    check(fixture);
}

Test(list_value, random_changes_agree_with_an_array_at_every_limit)
{
    static const int sizes[] = {-5, -2, -1, 0, 1, 3, 16, 200, 100000};
    int changes_of_encoding = 0;

    dice_seed();
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct fixture *fixture = fixture_create(sizes[i], (int)dice_below(3));
        bool was_pack = true;

        for (int round = 0; round < 1500; round++) {
            random_change(fixture);
            changes_of_encoding += is_pack(fixture) != was_pack;
            was_pack = is_pack(fixture);
        }
        fixture_destroy(fixture);
    }
    cr_assert_gt(changes_of_encoding, 20);
}

Test(list_value, limits_may_change_under_a_list)
{
    static const int sizes[] = {-5, -2, 1, 4, 64};
    struct fixture *fixture = fixture_create(-2, 0);

    dice_seed();
    for (int round = 0; round < 3000; round++) {
        if (dice_below(20) == 0)
            fixture->config.list_max_listpack_size = sizes[dice_below(5)];
        switch (dice_below(3)) {
        case 0:
            push_some(fixture);
            break;
        case 1:
            delete_range(fixture);
            break;
        default:
            delete_while_walking(fixture);
        }
        cr_assert_eq(list_count(fixture->list.entry), fixture->count);
        if (fixture->count > 0)
            check_walk(fixture, 0, true);
    }
    fixture_destroy(fixture);
}

/* Encodings, as Redis 7.2 has them. */

static void push_texts(struct fixture *fixture, const char *text, size_t times)
{
    for (size_t i = 0; i < times; i++)
        list_push(&fixture->list, DEQUE_BACK, &(struct str){text, strlen(text)}, 1);
}

Test(list_value, a_limit_in_elements_is_exact_and_half_of_it_leads_back)
{
    struct fixture *fixture = fixture_create(10, 0);

    push_texts(fixture, "a", 10);
    cr_assert(is_pack(fixture));
    push_texts(fixture, "a", 1);
    cr_assert(!is_pack(fixture));
    list_delete_range(&fixture->list, 0, 5);
    list_shrink(&fixture->list);
    cr_assert(!is_pack(fixture), "6 of 10");
    list_drop(&fixture->list, DEQUE_FRONT);
    list_shrink(&fixture->list);
    cr_assert(is_pack(fixture), "5 of 10");
    fixture_destroy(fixture);
}

/* The length of the text counts, not that of the element, which is 10002 for 10000 bytes. */
Test(list_value, a_limit_in_bytes_is_exact_and_half_of_it_leads_back)
{
    struct fixture *fixture = fixture_create(-1, 0);
    char text[4096] = "";

    memset(text, 'x', 4090);
    list_push(&fixture->list, DEQUE_BACK, &(struct str){text, 4089}, 1);
    cr_assert(is_pack(fixture), "7 and 4089 are 4096");
    list_drop(&fixture->list, DEQUE_BACK);
    list_push(&fixture->list, DEQUE_BACK, &(struct str){text, 4090}, 1);
    cr_assert(!is_pack(fixture), "7 and 4090 are more");
    list_set(&fixture->list, 0, (struct str){text, 2038});
    list_shrink(&fixture->list);
    cr_assert(!is_pack(fixture), "2038 take 2049 bytes");
    list_set(&fixture->list, 0, (struct str){text, 2037});
    list_shrink(&fixture->list);
    cr_assert(is_pack(fixture), "2037 take 2048 bytes");
    fixture_destroy(fixture);
}

Test(list_value, an_element_too_large_for_a_block_stays_out_of_packs)
{
    struct fixture *fixture = fixture_create(4, 0);
    char *text = calloc(1, 9000);

    list_push(&fixture->list, DEQUE_BACK, &(struct str){text, 9000}, 1);
    list_shrink(&fixture->list);
    cr_assert(!is_pack(fixture));
    cr_assert_eq(list_peek(fixture->list.entry, DEQUE_BACK).length, 9000);
    free(text);
    fixture_destroy(fixture);
}

/* The kind. */

Test(list_value, a_copy_is_a_list_of_its_own)
{
    struct fixture *fixture = fixture_create(16, 1);
    struct listpack_value value;
    struct list_walk walk;

    dice_seed();
    while (fixture->count < 500)
        push_some(fixture);
    keyspace_copy(fixture->keyspace, 0, fixture->list.entry, fixture->keyspace, 0, key_of(STR("copy")));
    struct entry *copy = keyspace_find(fixture->keyspace, 0, key_of(STR("copy")), 0);
    list_delete_range(&fixture->list, 0, fixture->count);
    list_walk_start(&walk, copy, 0, true);
    for (size_t i = 0; i < fixture->count; i++) {
        cr_assert(list_walk_next(&walk, &value));
        check_value(fixture, value, i);
    }
    model_delete(fixture, 0, fixture->count);
    fixture_destroy(fixture);
}

Test(list_value, bytes_are_what_the_list_is_charged_for)
{
    struct fixture *fixture = fixture_create(-2, 0);
    size_t before = fixture->memory.used_bytes - memory_block_bytes(entry_value(fixture->list.entry));
    const struct value_kind *kind = value_kind_of(VALUE_LIST, ENCODING_DEQUE);

    push_texts(fixture, "twenty-six bytes of a text", 20000);
    cr_assert_eq(kind->bytes(entry_value(fixture->list.entry)), fixture->memory.used_bytes - before);
    cr_assert_leq((double)kind->bytes(entry_value(fixture->list.entry)) / 20000, 30);
    fixture_destroy(fixture);
}

Test(list_value, a_long_list_is_freed_in_slices)
{
    struct fixture *fixture = fixture_create(8, 0);
    size_t slices = 0;

    push_texts(fixture, "text", 8 * 1000);
    keyspace_delete_entry(fixture->keyspace, 0, fixture->list.entry);
    for (size_t left = SIZE_MAX; left > 0; slices++) {
        size_t now = keyspace_reclaim(fixture->keyspace, 100);

        cr_assert_lt(now, left);
        left = now;
    }
    cr_assert(slices >= 9 && slices <= 12, "%zu", slices);
    fixture_destroy(fixture);
}

Test(list_value, items_are_blocks_and_what_is_large_counts_for_several)
{
    struct fixture *fixture = fixture_create(8, 0);
    const struct value_kind *kind = value_kind_of(VALUE_LIST, ENCODING_DEQUE);
    char *text = calloc(1, 1 << 20);

    push_texts(fixture, "text", 80);
    cr_assert_eq(kind->items(entry_value(fixture->list.entry)), 11);
    list_push(&fixture->list, DEQUE_BACK, &(struct str){text, 1 << 20}, 1);
    cr_assert_gt(kind->items(entry_value(fixture->list.entry)), 64);
    free(text);
    fixture_destroy(fixture);
}
