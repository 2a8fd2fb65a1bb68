#include "core/listpack.h"

#include <criterion/criterion.h>

#include "core/memory.h"
#include "tests/support/dice.h"

enum { MODEL_MAX = 4000 };

/* The model is an array of texts. */
struct fixture {
    struct memory memory;
    unsigned char *pack;
    struct str texts[MODEL_MAX];
    size_t count;
};

static struct fixture *fixture_create(void)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    fixture->pack = listpack_create(&fixture->memory, 0);
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
    memmove(&fixture->texts[index + 1], &fixture->texts[index], (fixture->count - index) * sizeof(struct str));
    fixture->texts[index] = text;
    fixture->count++;
}

static void fixture_destroy(struct fixture *fixture)
{
    model_delete(fixture, 0, fixture->count);
    listpack_free(&fixture->memory, fixture->pack);
    cr_assert_eq(fixture->memory.used_bytes, 0);
    free(fixture);
}

static struct str copy_text(struct str text)
{
    char *copy = malloc(text.length + 1);

    str_copy(copy, text);
    return (struct str){copy, text.length};
}

/* An integer of any width, near its ends more often than not. */
static int64_t random_integer(void)
{
    unsigned bits = (unsigned)dice_below(64);
    uint64_t near = (1ull << bits) + dice_below(3) - 1;

    uint64_t magnitude = dice_below(2) ? near : dice_bits() >> bits;
    return (int64_t)(dice_below(2) ? magnitude : 0 - magnitude);
}

static size_t random_length(void)
{
    static const size_t edges[] = {0, 62, 124, 4094, 16376};

    return dice_below(8) ? dice_below(40) : edges[dice_below(5)] + dice_below(5);
}

/* The caller frees it. */
static struct str random_text(void)
{
    char text[17000];
    size_t length;

    if (dice_below(2)) {
        length = number_format_integer(text, random_integer());
    } else {
        length = random_length();
        memset(text, 'a' + (int)dice_below(2), length);
    }
    return copy_text((struct str){text, length});
}

static struct str text_at(const unsigned char *element, char digits[static NUMBER_TEXT_MAX])
{
    return listpack_text(listpack_get(element), digits);
}

static void check_element(const struct fixture *fixture, const unsigned char *element, size_t index)
{
    char digits[NUMBER_TEXT_MAX];

    if (index >= fixture->count) {
        cr_assert(element == NULL, "index %zu of %zu", index, fixture->count);
        return;
    }
    cr_assert(element != NULL && str_equal(text_at(element, digits), fixture->texts[index]), "index %zu of %zu", index,
              fixture->count);
    cr_assert(listpack_equals(element, fixture->texts[index]));
}

static void check_walks(const struct fixture *fixture)
{
    const unsigned char *element = listpack_first(fixture->pack);

    for (size_t i = 0; i < fixture->count; i++, element = listpack_next(element))
        check_element(fixture, element, i);
    cr_assert(element == NULL);
    element = listpack_last(fixture->pack);
    for (size_t i = fixture->count; i-- > 0; element = listpack_previous(fixture->pack, element))
        check_element(fixture, element, i);
    cr_assert(element == NULL);
}

static void check_seeks(const struct fixture *fixture)
{
    int64_t count = (int64_t)fixture->count;

    for (int64_t index = -count - 2; index < count + 2; index++)
        check_element(fixture, listpack_seek(fixture->pack, index), (size_t)(index < 0 ? index + count : index));
    cr_assert(listpack_seek(fixture->pack, INT64_MIN) == NULL);
    cr_assert(listpack_seek(fixture->pack, INT64_MAX) == NULL);
}

static void check_finds(const struct fixture *fixture, struct str text)
{
    for (size_t skip = 0; skip < 3; skip++) {
        size_t from = fixture->count > 0 ? dice_below(fixture->count) : 0, index = from;

        while (index < fixture->count && !str_equal(fixture->texts[index], text))
            index += skip + 1;
        cr_assert_eq(listpack_find(listpack_seek(fixture->pack, (int64_t)from), text, skip),
                     index < fixture->count ? listpack_seek(fixture->pack, (int64_t)index) : NULL);
    }
}

static void check(const struct fixture *fixture)
{
    struct str text = random_text();

    cr_assert_eq(listpack_count(fixture->pack), fixture->count);
    cr_assert_eq(listpack_is_empty(fixture->pack), fixture->count == 0);
    cr_assert(listpack_validate(fixture->pack, listpack_bytes(fixture->pack)));
    cr_assert_eq(fixture->memory.used_bytes, memory_block_bytes(fixture->pack));
    cr_assert_leq(listpack_bytes(fixture->pack), fixture->memory.used_bytes);
    check_walks(fixture);
    check_seeks(fixture);
    check_finds(fixture, text);
    free((char *)text.bytes);
}

static void insert_one(struct fixture *fixture)
{
    size_t index = dice_below(fixture->count + 1), at = index;
    struct str text = random_text();
    struct listpack_value value = listpack_value_of(text);
    unsigned char *element = listpack_seek(fixture->pack, (int64_t)index), *new;

    if (dice_below(4) == 0) {
        at = 0;
        new = listpack_prepend(&fixture->memory, &fixture->pack, value);
    } else if (element == NULL) {
        new = listpack_append(&fixture->memory, &fixture->pack, value);
    } else if (dice_below(2)) {
        new = listpack_insert_before(&fixture->memory, &fixture->pack, element, value);
    } else {
        at = index + 1;
        new = listpack_insert_after(&fixture->memory, &fixture->pack, element, value);
    }
    model_insert(fixture, at, text);
    cr_assert_eq(new, listpack_seek(fixture->pack, (int64_t)at));
}

static void replace_one(struct fixture *fixture)
{
    size_t index = dice_below(fixture->count);
    struct str text = random_text();
    unsigned char *element = listpack_seek(fixture->pack, (int64_t)index);

    element = listpack_replace(&fixture->memory, &fixture->pack, element, listpack_value_of(text));
    cr_assert_eq(element, listpack_seek(fixture->pack, (int64_t)index));
    free((char *)fixture->texts[index].bytes);
    fixture->texts[index] = text;
}

static void delete_some(struct fixture *fixture)
{
    size_t index = dice_below(fixture->count), count = dice_below(4), left = fixture->count - index;
    unsigned char *element = listpack_seek(fixture->pack, (int64_t)index), *behind;

    switch (dice_below(3)) {
    case 0:
        count = 1;
        behind = listpack_delete(&fixture->memory, &fixture->pack, element);
        break;
    case 1:
        behind = listpack_delete_from(&fixture->memory, &fixture->pack, element, count);
        break;
    default:
        behind = listpack_delete_range(&fixture->memory, &fixture->pack, -(int64_t)left, count);
        break;
    }
    model_delete(fixture, index, count < left ? count : left);
    cr_assert_eq(behind, listpack_seek(fixture->pack, (int64_t)index));
}

static void append_several(struct fixture *fixture)
{
    struct listpack_value values[5];
    size_t count = dice_below(6);

    for (size_t i = 0; i < count; i++) {
        struct str text = random_text();

        model_insert(fixture, fixture->count, text);
        values[i] = listpack_value_of(text);
    }
    listpack_append_many(&fixture->memory, &fixture->pack, values, count);
}

static void split_and_append(struct fixture *fixture)
{
    unsigned char *element = listpack_seek(fixture->pack, (int64_t)dice_below(fixture->count));
    unsigned char *right = listpack_split(&fixture->memory, &fixture->pack, element);

    cr_assert(listpack_validate(right, listpack_bytes(right)));
    cr_assert_eq(listpack_count(right) + listpack_count(fixture->pack), fixture->count);
    listpack_append_pack(&fixture->memory, &fixture->pack, right);
    listpack_free(&fixture->memory, right);
}

static void replace_by_copy(struct fixture *fixture)
{
    unsigned char *copy = listpack_copy(&fixture->memory, fixture->pack);

    listpack_free(&fixture->memory, fixture->pack);
    fixture->pack = copy;
    listpack_shrink(&fixture->memory, &fixture->pack);
}

static void change(struct fixture *fixture, unsigned insertions)
{
    uint64_t dice = dice_below(100);

    if (dice < insertions)
        insert_one(fixture);
    else if (dice >= 98)
        append_several(fixture);
    else if (dice >= 97)
        replace_by_copy(fixture);
    else if (fixture->count > 0 && dice >= 95)
        split_and_append(fixture);
    else if (fixture->count > 0 && dice >= 85)
        replace_one(fixture);
    else if (fixture->count > 0)
        delete_some(fixture);
}

Test(listpack, agrees_with_a_model)
{
    struct fixture *fixture = fixture_create();

    dice_seed();
    for (size_t i = 0; i < 3000; i++) {
        change(fixture, i / 300 % 2 ? 15 : 75);
        check(fixture);
    }
    fixture_destroy(fixture);
}

/* The payload of DUMP of a list, as redis-server 7.0 gave it. */
static const unsigned char of_redis[] =
    "\x28\x01\x00\x00\x1f\x00\x00\x01\x01\x01\x7f\x01\xc0\x80\x02\xdf\xff\x02\xcf\xff\x02\xf1\x00\x10\x03\xd0\x00\x02"
    "\xf1\xff\xef\x03\xf1\xff\x7f\x03\xf2\x00\x80\x00\x04\xf1\x00\x80\x03\xf2\xff\x7f\xff\x04\xf2\xff\xff\x7f\x04\xf3"
    "\x00\x00\x80\x00\x05\xf2\x00\x00\x80\x04\xf3\xff\xff\x7f\xff\x05\xf3\xff\xff\xff\x7f\x05\xf4\x00\x00\x00\x80\x00"
    "\x00\x00\x00\x09\xf3\x00\x00\x00\x80\x05\xf4\xff\xff\xff\x7f\xff\xff\xff\xff\x09\xf4\xff\xff\xff\xff\xff\xff\xff"
    "\x7f\x09\xf4\x00\x00\x00\x00\x00\x00\x00\x80\x09\x82-0\x03\x82"
    "01\x03\x93"
    "9223372036854775808\x14\x82+1\x03\x82 1\x03\x80\x01\xbf"
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\x40\xe0\x40"
    "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\x42\xff";

static const char *const texts_of_redis[] = {
    "0",
    "1",
    "127",
    "128",
    "-1",
    "4095",
    "4096",
    "-4096",
    "-4097",
    "32767",
    "32768",
    "-32768",
    "-32769",
    "8388607",
    "8388608",
    "-8388608",
    "-8388609",
    "2147483647",
    "2147483648",
    "-2147483648",
    "-2147483649",
    "9223372036854775807",
    "-9223372036854775808",
    "-0",
    "01",
    "9223372036854775808",
    "+1",
    " 1",
    "",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
};

Test(listpack, has_the_bytes_of_redis)
{
    struct fixture *fixture = fixture_create();
    size_t bytes = sizeof of_redis - 1;

    for (size_t i = 0; i < sizeof texts_of_redis / sizeof texts_of_redis[0]; i++)
        listpack_append(&fixture->memory, &fixture->pack, listpack_value_of(str_from(texts_of_redis[i])));
    cr_assert_eq(listpack_bytes(fixture->pack), bytes);
    cr_assert_arr_eq(fixture->pack, of_redis, bytes);
    cr_assert(listpack_validate(of_redis, bytes));
    fixture_destroy(fixture);
}

static void check_back_length(size_t length, const char *end, size_t end_bytes)
{
    struct memory memory = {0};
    char *text = calloc(1, length);
    unsigned char *pack = listpack_create(&memory, 0);

    listpack_append(&memory, &pack, listpack_value_of((struct str){text, length}));
    cr_assert_arr_eq(pack + listpack_bytes(pack) - end_bytes, end, end_bytes, "length %zu", length);
    cr_assert_eq(listpack_last(pack), listpack_first(pack));
    cr_assert(listpack_validate(pack, listpack_bytes(pack)));
    listpack_free(&memory, pack);
    free(text);
}

Test(listpack, has_the_back_lengths_of_redis)
{
    check_back_length(125, "\x00\x7f\xff", 3);
    check_back_length(126, "\x00\x01\x80\xff", 4);
    check_back_length(16377, "\x00\x7f\xfe\xff", 4);
    check_back_length(16378, "\x00\x00\xff\xff\xff", 5);
    check_back_length(16379, "\x00\x01\x80\x80\xff", 5);
    check_back_length(2097145, "\x00\x7f\xff\xfe\xff", 5);
    check_back_length(2097146, "\x00\x00\xff\xff\xff\xff", 6);
}

Test(listpack, counts_what_the_header_cannot)
{
    struct memory memory = {0};
    unsigned char *pack = listpack_create(&memory, 0), *right;

    for (int64_t i = 0; i < 70000; i++)
        listpack_append(&memory, &pack, listpack_integer(i));
    cr_assert_eq(listpack_count(pack), 70000);
    cr_assert(listpack_validate(pack, listpack_bytes(pack)));
    cr_assert_eq(listpack_get(listpack_seek(pack, 66000)).integer, 66000);
    cr_assert_eq(listpack_get(listpack_seek(pack, -69000)).integer, 1000);
    cr_assert(listpack_seek(pack, 70000) == NULL && listpack_seek(pack, -70001) == NULL);
    listpack_delete_range(&memory, &pack, 0, 10000);
    cr_assert_eq(listpack_count(pack), 60000);
    right = listpack_split(&memory, &pack, listpack_seek(pack, 20000));
    cr_assert_eq(listpack_count(pack), 20000);
    cr_assert_eq(listpack_count(right), 40000);
    cr_assert(listpack_validate(pack, listpack_bytes(pack)) && listpack_validate(right, listpack_bytes(right)));
    listpack_append_pack(&memory, &right, pack);
    listpack_append_pack(&memory, &right, pack);
    cr_assert_eq(listpack_count(right), 80000);
    listpack_free(&memory, pack);
    listpack_free(&memory, right);
}

Test(listpack, a_string_that_looks_like_an_integer_is_found)
{
    const unsigned char pack[] = "\x0b\x00\x00\x00\x01\x00\x82\x31\x32\x03\xff";

    cr_assert(listpack_validate(pack, sizeof pack - 1));
    cr_assert(listpack_equals(listpack_first(pack), STR("12")));
    cr_assert_eq(listpack_find(listpack_first(pack), STR("12"), 0), pack + 6);
    cr_assert(listpack_find(listpack_first(pack), STR("13"), 0) == NULL);
    cr_assert(listpack_find(NULL, STR("12"), 0) == NULL);
}

static bool is_valid(const char *bytes, size_t length)
{
    char *copy = malloc(length);
    bool valid;

    memcpy(copy, bytes, length);
    valid = listpack_validate(copy, length);
    free(copy);
    return valid;
}
#define IS_VALID(literal) is_valid(literal, sizeof(literal) - 1)

Test(listpack, malformed_bytes_are_refused)
{
    cr_assert(IS_VALID("\x07\x00\x00\x00\x00\x00\xff"));
    cr_assert(IS_VALID("\x07\x00\x00\x00\xff\xff\xff"));
    cr_assert(IS_VALID("\x09\x00\x00\x00\x01\x00\x05\x01\xff"));
    cr_assert_not(IS_VALID("\x06\x00\x00\x00\x00\x00"));
    cr_assert_not(IS_VALID("\x08\x00\x00\x00\x00\x00\xff"));                     /* says more bytes than there are */
    cr_assert_not(IS_VALID("\x07\x00\x00\x00\x00\x00\x01"));                     /* no end */
    cr_assert_not(IS_VALID("\x07\x00\x00\x00\x01\x00\xff"));                     /* says one element */
    cr_assert_not(IS_VALID("\x08\x00\x00\x00\x00\x00\xff\xff"));                 /* the end is not the last byte */
    cr_assert_not(IS_VALID("\x09\x00\x00\x00\x01\x00\x05\x02\xff"));             /* a wrong back length */
    cr_assert_not(IS_VALID("\x09\x00\x00\x00\x01\x00\xf5\x01\xff"));             /* no such encoding */
    cr_assert_not(IS_VALID("\x09\x00\x00\x00\x01\x00\x83\x01\xff"));             /* a string beyond the end */
    cr_assert_not(IS_VALID("\x08\x00\x00\x00\x01\x00\xe0\xff"));                 /* half an encoding */
    cr_assert_not(IS_VALID("\x09\x00\x00\x00\x01\x00\xf0\x00\xff"));             /* a part of a length */
    cr_assert_not(IS_VALID("\x0c\x00\x00\x00\x01\x00\xf0\xff\xff\xff\xff\xff")); /* a length that wraps around */
}

/* Of the two bytes of its back length the pack's end is the second. */
Test(listpack, a_back_length_that_the_end_completes_is_refused)
{
    unsigned char pack[6 + 255 + 2] = {sizeof pack & 0xff, sizeof pack >> 8, 0, 0, 1, 0, 0xe0, 253};

    pack[6 + 255] = 0x01;
    pack[6 + 256] = LISTPACK_END;
    cr_assert_not(is_valid((const char *)pack, sizeof pack));
}

Test(listpack, what_does_not_fit_is_told)
{
    const unsigned char pack[] = "\x07\x00\x00\x00\x00\x00\xff";

    cr_assert(listpack_would_fit(pack, LISTPACK_BYTES_MAX - 7));
    cr_assert_not(listpack_would_fit(pack, LISTPACK_BYTES_MAX - 6));
    cr_assert_not(listpack_would_fit(pack, SIZE_MAX));
}

/* With room at both ends nothing moves. */
Test(listpack, changes_at_its_ends_within_a_larger_block)
{
    unsigned char block[1000], *pack = block + 500;
    char digits[NUMBER_TEXT_MAX];

    listpack_write_empty(pack);
    listpack_extend_front(pack, listpack_integer(0));
    pack = block + 500 - listpack_value_bytes(listpack_integer(0));
    for (int64_t i = 1; i < 50; i++) {
        pack = listpack_extend_front(pack, listpack_integer(-i));
        listpack_extend_back(pack, listpack_integer(i));
    }
    pack = listpack_extend_front(pack, listpack_value_of(STR("front")));
    cr_assert(listpack_validate(pack, listpack_bytes(pack)));
    cr_assert_eq(listpack_count(pack), 100);
    cr_assert(str_equal(text_at(listpack_first(pack), digits), STR("front")));
    for (int64_t i = 0; i < 49; i++) {
        pack = listpack_cut_front(pack);
        listpack_cut_back(pack);
        cr_assert(listpack_validate(pack, listpack_bytes(pack)));
    }
    cr_assert_eq(listpack_get(listpack_first(pack)).integer, -1);
    cr_assert_eq(listpack_get(listpack_last(pack)).integer, 0);
}

/* Without a memory the pack stays where it is, and nothing is asked of the allocator. */
Test(listpack, any_change_may_be_made_within_a_larger_block)
{
    unsigned char block[100], *pack = block + 1;
    char digits[NUMBER_TEXT_MAX];

    listpack_write_empty(pack);
    listpack_append_many(NULL, &pack, (struct listpack_value[]){listpack_value_of(STR("a")), listpack_integer(1)}, 2);
    listpack_replace(NULL, &pack, listpack_first(pack), listpack_value_of(STR("many more bytes than one")));
    listpack_prepend(NULL, &pack, listpack_integer(INT64_MIN));
    listpack_delete_from(NULL, &pack, listpack_seek(pack, 1), 2);
    listpack_replace(NULL, &pack, listpack_first(pack), listpack_integer(7));
    cr_assert_eq(pack, block + 1);
    cr_assert(listpack_validate(pack, listpack_bytes(pack)));
    cr_assert_eq(listpack_count(pack), 1);
    cr_assert(str_equal(text_at(listpack_first(pack), digits), STR("7")));
}

Test(listpack, an_element_is_written_over_by_one_of_its_size)
{
    struct fixture *fixture = fixture_create();
    char digits[NUMBER_TEXT_MAX];

    for (int i = 0; i < 3; i++)
        listpack_append(&fixture->memory, &fixture->pack, listpack_value_of(STR("FOUR")));
    unsigned char *second = listpack_seek(fixture->pack, 1);
    cr_assert_not(listpack_overwrite(second, listpack_value_of(STR("three"))));
    cr_assert_not(listpack_overwrite(second, listpack_value_of(STR("six"))));
    cr_assert(str_equal(text_at(second, digits), STR("FOUR")));
    cr_assert(listpack_overwrite(second, listpack_value_of(STR("five"))));
    cr_assert(str_equal(text_at(second, digits), STR("five")));
    cr_assert(listpack_overwrite(second, listpack_integer(12345678)), "six bytes each");
    cr_assert(str_equal(text_at(second, digits), STR("12345678")));
    cr_assert(listpack_validate(fixture->pack, listpack_bytes(fixture->pack)));
    cr_assert(str_equal(text_at(listpack_last(fixture->pack), digits), STR("FOUR")));
    fixture_destroy(fixture);
}

Test(listpack, memory_returns_as_elements_leave)
{
    struct fixture *fixture = fixture_create();

    for (int64_t i = 0; i < 10000; i++)
        listpack_append(&fixture->memory, &fixture->pack, listpack_integer(i));
    while (listpack_count(fixture->pack) > 100)
        listpack_delete(&fixture->memory, &fixture->pack, listpack_first(fixture->pack));
    cr_assert_lt(fixture->memory.used_bytes, 5 * listpack_bytes(fixture->pack));
    listpack_shrink(&fixture->memory, &fixture->pack);
    cr_assert_lt(fixture->memory.used_bytes, listpack_bytes(fixture->pack) * 9 / 8 + 16);
    fixture_destroy(fixture);
}
