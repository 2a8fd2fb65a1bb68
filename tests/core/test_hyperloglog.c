#include "core/hyperloglog.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "core/memory.h"
#include "tests/support/dice.h"

enum { SPARSE_MAX = 3000 };

static void fresh(struct buffer *buffer, struct memory *memory)
{
    buffer_init(buffer, memory, NULL, 0);
    hyperloglog_create(buffer);
}

static bool add_text(struct buffer *buffer, const char *prefix, uint64_t number, size_t sparse_max)
{
    char text[40];
    int length = snprintf(text, sizeof text, "%s%llu", prefix, (unsigned long long)number);
    enum hyperloglog_status status = hyperloglog_add(buffer, (struct str){text, (size_t)length}, sparse_max);

    cr_assert_neq(status, HYPERLOGLOG_INVALID);
    return status == HYPERLOGLOG_CHANGED;
}

static void add_range_below(struct buffer *buffer, const char *prefix, uint64_t count, size_t sparse_max)
{
    for (uint64_t number = 0; number < count; number++)
        add_text(buffer, prefix, number, sparse_max);
}

static void add_range(struct buffer *buffer, const char *prefix, uint64_t count)
{
    add_range_below(buffer, prefix, count, SPARSE_MAX);
}

static uint64_t count_of(struct buffer *buffer)
{
    uint64_t count;

    cr_assert_neq(hyperloglog_count(buffer, &count), HYPERLOGLOG_INVALID);
    return count;
}

/* FNV-1a of the bytes before the first PFCOUNT, the length and the count, as redis-server 7.0.15 has them. */
struct reference {
    uint64_t added, also_merged;
    size_t length;
    uint64_t digest, count;
};

static uint64_t digest_of(const struct buffer *buffer)
{
    uint64_t hash = 0xcbf29ce484222325;

    for (size_t i = 0; i < buffer->length; i++)
        hash = (hash ^ (uint8_t)buffer->bytes[i]) * 0x100000001b3;
    return hash;
}

static void check_reference(struct buffer *buffer, const struct reference *expected)
{
    cr_assert_eq(buffer->length, expected->length, "%zu", buffer->length);
    cr_assert_eq(digest_of(buffer), expected->digest);
    cr_assert_eq(count_of(buffer), expected->count);
    cr_assert_eq(count_of(buffer), expected->count, "the cached count");
}

Test(hyperloglog, bytes_and_counts_are_those_of_redis)
{
    const struct reference references[] = {
        {0, 0, 18, 0x524bc36d036c0579, 0},
        {1, 0, 21, 0x09b3a6ffa7c56d77, 1},
        {2, 0, 24, 0x9c54ade7c4145a85, 2},
        {10, 0, 48, 0x9d80bd346ef07c36, 10},
        {100, 0, 287, 0xf1f9664fb7b774bc, 100},
        {500, 0, 1061, 0x74728b7326b5dc9d, 503},
        {1000, 0, 1923, 0x6331df2d5fdcbe26, 1001},
        {1500, 0, 2766, 0x59847b7ce6074cc2, 1512},
        {2000, 0, 12304, 0xfd9e0fbad28050f4, 2007},
        {10000, 0, 12304, 0xbbbc3c7c9222bf34, 9987},
        {100000, 0, 12304, 0x6ec04028d59d8fa6, 99565},
    };

    for (size_t i = 0; i < sizeof references / sizeof references[0]; i++) {
        struct memory memory = {0};
        struct buffer buffer;

        fresh(&buffer, &memory);
        add_range(&buffer, "", references[i].added);
        check_reference(&buffer, &references[i]);
        buffer_deinit(&buffer);
        cr_assert_eq(memory.used_bytes, 0);
    }
}

Test(hyperloglog, elements_of_every_length_are_hashed_as_by_redis)
{
    const struct str elements[] = {STR(""), STR("a"), STR("1234567"), STR("12345678"), STR("123456789abcdefg")};
    struct memory memory = {0};
    struct buffer buffer;

    fresh(&buffer, &memory);
    for (size_t i = 0; i < 5; i++)
        cr_assert_eq(hyperloglog_add(&buffer, elements[i], SPARSE_MAX), HYPERLOGLOG_CHANGED);
    check_reference(&buffer, &(struct reference){0, 0, 33, 0xed6bcd6e0b790b4f, 5});
    buffer_deinit(&buffer);
}

/* Here runs of values meet, are cut and joined all the time. */
Test(hyperloglog, bytes_are_those_of_redis_where_hardly_a_register_is_empty)
{
    const struct reference references[] = {
        {5000, 0, 7226, 0x9b6793561cbd2d79, 4985},
        {20000, 0, 13079, 0x5d5d816fcc29ae04, 19891},
        {60000, 0, 13623, 0xcb5860894e1e0bb0, 60453},
    };

    for (size_t i = 0; i < sizeof references / sizeof references[0]; i++) {
        struct memory memory = {0};
        struct buffer buffer;

        fresh(&buffer, &memory);
        add_range_below(&buffer, "", references[i].added, 16000);
        check_reference(&buffer, &references[i]);
        buffer_deinit(&buffer);
    }
}

static struct hyperloglog_union *union_of(const struct buffer *a, const struct buffer *b)
{
    struct hyperloglog_union *all = malloc(sizeof *all);

    hyperloglog_union_init(all);
    cr_assert(hyperloglog_union_add(all, buffer_str(a)));
    cr_assert(b == NULL || hyperloglog_union_add(all, buffer_str(b)));
    return all;
}

Test(hyperloglog, a_merge_gives_the_bytes_of_redis)
{
    const struct reference references[] = {
        {300, 400, 1389, 0xcd87e3151968a881, 699},
        {1000, 1000, 12304, 0x455001f7d7c828d3, 2005},
        {400, 20000, 12304, 0x6122e5a2431744ae, 20362},
    };

    for (size_t i = 0; i < sizeof references / sizeof references[0]; i++) {
        struct memory memory = {0};
        struct buffer buffer, other;

        fresh(&buffer, &memory);
        fresh(&other, &memory);
        add_range(&buffer, "", references[i].added);
        add_range(&other, "x", references[i].also_merged);
        struct hyperloglog_union *all = union_of(&buffer, &other);
        cr_assert_eq(hyperloglog_union_count(all), references[i].count);
        cr_assert_eq(hyperloglog_union_write(all, &buffer, SPARSE_MAX), HYPERLOGLOG_CHANGED);
        check_reference(&buffer, &references[i]);
        free(all);
        buffer_deinit(&buffer);
        buffer_deinit(&other);
        cr_assert_eq(memory.used_bytes, 0);
    }
}

/* The model is the array of registers: an element raises the one that it raises in an empty value. */
static void model_add(struct hyperloglog_union *model, uint64_t number)
{
    struct memory memory = {0};
    struct buffer single;

    fresh(&single, &memory);
    add_text(&single, "", number, SPARSE_MAX);
    cr_assert(hyperloglog_union_add(model, buffer_str(&single)));
    buffer_deinit(&single);
}

static void check_registers(const struct buffer *buffer, const struct hyperloglog_union *model)
{
    struct hyperloglog_union *all = union_of(buffer, NULL);

    cr_assert(memcmp(all->registers, model->registers, sizeof model->registers) == 0);
    free(all);
}

Test(hyperloglog, both_encodings_hold_the_registers_of_a_model)
{
    const size_t limits[] = {0, 40, 200, SPARSE_MAX, 20000};
    struct hyperloglog_union *model = malloc(sizeof *model), *before = malloc(sizeof *model);

    dice_seed();
    for (size_t i = 0; i < 5; i++) {
        struct memory memory = {0};
        struct buffer buffer;

        fresh(&buffer, &memory);
        hyperloglog_union_init(model);
        for (int step = 0; step < 2500; step++) {
            uint64_t number = dice_below(1u << 30);
            *before = *model;
            model_add(model, number);
            bool raises = memcmp(before->registers, model->registers, sizeof model->registers) != 0;
            cr_assert_eq(add_text(&buffer, "", number, limits[i]), raises);
            if (step % 100 == 0)
                check_registers(&buffer, model);
        }
        check_registers(&buffer, model);
        cr_assert_eq(count_of(&buffer), hyperloglog_union_count(model));
        cr_assert(hyperloglog_is_dense(buffer_str(&buffer)) || buffer.length <= limits[i]);
        buffer_deinit(&buffer);
    }
    free(model);
    free(before);
}

Test(hyperloglog, a_merge_into_runs_goes_on_where_it_was_and_loses_nothing)
{
    dice_seed();
    for (int round = 0; round < 200; round++) {
        struct memory memory = {0};
        struct buffer stepwise, merged;

        fresh(&stepwise, &memory);
        fresh(&merged, &memory);
        for (uint64_t count = dice_below(1500); count > 0; count--)
            add_text(&merged, "a", dice_bits(), 30000);
        for (uint64_t count = dice_below(1500); count > 0; count--)
            add_text(&stepwise, "b", dice_bits(), 30000);
        struct hyperloglog_union *all = union_of(&stepwise, &merged);
        cr_assert_eq(hyperloglog_union_write(all, &merged, 30000), HYPERLOGLOG_CHANGED);
        cr_assert_not(hyperloglog_is_dense(buffer_str(&merged)));
        check_registers(&merged, all);
        free(all);
        buffer_deinit(&stepwise);
        buffer_deinit(&merged);
    }
}

Test(hyperloglog, a_dense_value_changes_where_it_lies)
{
    struct memory memory = {0};
    struct buffer buffer, borrowed;

    fresh(&buffer, &memory);
    cr_assert_eq(hyperloglog_make_dense(&buffer), HYPERLOGLOG_CHANGED);
    cr_assert_eq(hyperloglog_make_dense(&buffer), HYPERLOGLOG_SAME);
    buffer_init(&borrowed, &memory, buffer.bytes, buffer.length);
    borrowed.length = buffer.length;
    add_range(&borrowed, "", 50000);
    cr_assert_not(borrowed.heap);
    cr_assert_gt(count_of(&buffer), 45000);
    buffer_deinit(&buffer);
    cr_assert_eq(memory.used_bytes, 0);
}

Test(hyperloglog, the_count_is_stale_only_after_a_change)
{
    struct memory memory = {0};
    struct buffer buffer;
    uint64_t count;

    fresh(&buffer, &memory);
    add_range(&buffer, "", 1000);
    cr_assert_eq(hyperloglog_count(&buffer, &count), HYPERLOGLOG_CHANGED);
    cr_assert_not(add_text(&buffer, "", 7, SPARSE_MAX));
    cr_assert_eq(hyperloglog_count(&buffer, &count), HYPERLOGLOG_SAME);
    while (!add_text(&buffer, "new", count, SPARSE_MAX))
        count++;
    cr_assert_eq(hyperloglog_count(&buffer, &count), HYPERLOGLOG_CHANGED);
    buffer_deinit(&buffer);
}

/* A hash of 50 zeros gives the value 51, which the estimator treats by itself; the counts are redis-server's. */
Test(hyperloglog, full_registers_are_estimated_as_by_redis)
{
    struct hyperloglog_union *all = malloc(sizeof *all);

    hyperloglog_union_init(all);
    for (uint32_t index = 0; index < HYPERLOGLOG_REGISTERS; index++)
        all->registers[index] = index % 3 == 0 ? 51 : index % 50;
    cr_assert_eq(hyperloglog_union_count(all), 440321);
    for (uint32_t index = 0; index < HYPERLOGLOG_REGISTERS; index++)
        all->registers[index] = index % 3 == 0 ? 0 : 51;
    cr_assert_eq(hyperloglog_union_count(all), 25155);
    for (uint32_t index = 0; index < HYPERLOGLOG_REGISTERS; index++)
        all->registers[index] = index % 3 == 0 ? 51 : 45;
    cr_assert_eq(hyperloglog_union_count(all), 620736569970872832);
    free(all);
}

Test(hyperloglog, runs_hold_values_up_to_32)
{
    struct hyperloglog_union *all = malloc(sizeof *all);
    struct memory memory = {0};
    struct buffer buffer;

    fresh(&buffer, &memory);
    hyperloglog_union_init(all);
    all->registers[9] = 32;
    cr_assert_eq(hyperloglog_union_write(all, &buffer, SPARSE_MAX), HYPERLOGLOG_CHANGED);
    cr_assert_not(hyperloglog_is_dense(buffer_str(&buffer)));
    all->registers[5] = 33;
    cr_assert_eq(hyperloglog_union_write(all, &buffer, SPARSE_MAX), HYPERLOGLOG_CHANGED);
    cr_assert(hyperloglog_is_dense(buffer_str(&buffer)));
    check_registers(&buffer, all);
    free(all);
    buffer_deinit(&buffer);
}

Test(hyperloglog, a_merge_with_a_dense_one_is_dense_however_small)
{
    struct memory memory = {0};
    struct buffer dense, sparse;

    fresh(&dense, &memory);
    fresh(&sparse, &memory);
    add_range_below(&dense, "", 3, 0);
    add_range(&sparse, "", 5);
    struct hyperloglog_union *all = union_of(&sparse, &dense);
    cr_assert_eq(hyperloglog_union_write(all, &sparse, SPARSE_MAX), HYPERLOGLOG_CHANGED);
    cr_assert(hyperloglog_is_dense(buffer_str(&sparse)));
    cr_assert_eq(count_of(&sparse), 5);
    free(all);
    buffer_deinit(&dense);
    buffer_deinit(&sparse);
    cr_assert_eq(memory.used_bytes, 0);
}

static const char STALE_HEADER[] = "HYLL\1\0\0\0\0\0\0\0\0\0\0\x80";

/* A value of these runs. */
static void hostile(struct buffer *buffer, struct memory *memory, struct str runs)
{
    buffer_init(buffer, memory, NULL, 0);
    buffer_append(buffer, STALE_HEADER, HYPERLOGLOG_HEADER_BYTES);
    buffer_append_str(buffer, runs);
    cr_assert(hyperloglog_check(buffer_str(buffer)));
}

Test(hyperloglog, refuses_strings_without_its_header_and_length)
{
    char dense[HYPERLOGLOG_DENSE_BYTES + 1] = "HYLL";

    cr_assert(hyperloglog_check((struct str){dense, HYPERLOGLOG_DENSE_BYTES}));
    cr_assert_not(hyperloglog_check((struct str){dense, HYPERLOGLOG_DENSE_BYTES + 1}));
    cr_assert_not(hyperloglog_check((struct str){dense, HYPERLOGLOG_DENSE_BYTES - 1}));
    cr_assert(hyperloglog_check((struct str){STALE_HEADER, 16}));
    cr_assert_not(hyperloglog_check((struct str){STALE_HEADER, 15}));
    dense[4] = 2;
    cr_assert_not(hyperloglog_check((struct str){dense, HYPERLOGLOG_DENSE_BYTES}));
    cr_assert_not(hyperloglog_check(STR("HYLK\1\0\0\0\0\0\0\0\0\0\0\x80\x7f\xff")));
    cr_assert_not(hyperloglog_check(STR("")));
}

Test(hyperloglog, runs_that_do_not_cover_all_registers_are_invalid)
{
    const struct str bad[] = {STR(""),
                              STR("\x7f"),         /* the second byte is missing */
                              STR("\x7f\xfe"),     /* one register short */
                              STR("\x7f\xff\x00"), /* one too many */
                              STR("\x7f\xfe\x81"), /* one too many, of a value */
                              STR("\x7f\xff\x7f\xff\x83")};

    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct memory memory = {0};
        struct buffer buffer;
        struct hyperloglog_union *all = malloc(sizeof *all);
        uint64_t count;

        hostile(&buffer, &memory, bad[i]);
        hyperloglog_union_init(all);
        cr_assert_eq(hyperloglog_count(&buffer, &count), HYPERLOGLOG_INVALID, "case %zu", i);
        cr_assert_eq(hyperloglog_make_dense(&buffer), HYPERLOGLOG_INVALID, "case %zu", i);
        cr_assert_not(hyperloglog_union_add(all, buffer_str(&buffer)), "case %zu", i);
        free(all);
        buffer_deinit(&buffer);
    }
}
