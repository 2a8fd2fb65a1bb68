#include "core/value.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>

#include "core/memory.h"
#include "tests/support/bag.h"

static bool owns_nothing(const struct value_kind *kind)
{
    return !kind->copy && !kind->bytes && !kind->items && !kind->drain && !kind->rehome;
}

Test(value, every_row_is_complete)
{
    for (int type = 0; type < VALUE_TYPES; type++)
        for (int encoding = 0; encoding < VALUE_ENCODINGS; encoding++) {
            const struct value_kind *kind = value_kinds[type][encoding];

            if (kind == NULL)
                continue;
            cr_assert_not_null(kind->real_name);
            cr_assert(kind->name || kind->name_of, "%s", kind->real_name);
            cr_assert((type == VALUE_STRING && owns_nothing(kind)) ||
                          (kind->copy && kind->bytes && kind->items && kind->drain && kind->rehome),
                      "%s", kind->real_name);
        }
}

Test(value, one_encoding_serves_several_types)
{
    cr_assert_str_eq(value_kind_of(VALUE_LIST, ENCODING_LISTPACK)->name, "listpack");
    cr_assert_str_eq(value_kind_of(VALUE_HASH, ENCODING_LISTPACK)->name, "listpack");
    cr_assert_str_eq(value_kind_of(VALUE_SET, ENCODING_INTSET)->name, "intset");
    cr_assert_str_eq(value_kind_of(VALUE_STRING, ENCODING_RAW)->name, "raw");
}

Test(value, a_kind_that_is_not_there_is_our_bug, .signal = SIGABRT)
{
    value_kind_of(VALUE_STREAM, ENCODING_LISTPACK);
}

Test(value, types_have_the_names_that_redis_shows)
{
    cr_assert_str_eq(value_type_name(VALUE_STRING), "string");
    cr_assert_str_eq(value_type_name(VALUE_ZSET), "zset");
    cr_assert_str_eq(value_type_name(VALUE_STREAM), "stream");
}

Test(value, a_blob_is_copied_charged_and_freed_as_one_block)
{
    const struct value_kind *kind = value_kind_of(VALUE_LIST, ENCODING_LISTPACK);
    struct memory memory = {0}, other = {0};
    char *blob = memory_alloc(&memory, 1000), *copy;

    memset(blob, 'b', 1000);
    copy = kind->copy(&other, blob);
    cr_assert_eq(memcmp(copy, blob, 1000), 0);
    cr_assert_eq(kind->bytes(blob), memory.used_bytes);
    cr_assert_eq(kind->bytes(copy), other.used_bytes);
    kind->rehome(copy, &other, &memory);
    cr_assert_eq(other.used_bytes, 0);
    value_destroy(kind, &memory, copy);
    cr_assert_eq(kind->drain(&memory, blob, 1), 0);
    cr_assert_eq(memory.used_bytes, 0);
}

Test(value, a_large_blob_takes_as_long_as_many_items)
{
    struct memory memory = {0};
    char *small = memory_alloc(&memory, 5000), *large = memory_alloc(&memory, 1 << 20);

    cr_assert_eq(value_blob_items(small), 1);
    cr_assert_gt(value_blob_items(large), 64);
    memory_free(&memory, small);
    memory_free(&memory, large);
}

Test(value, a_container_changes_its_owner_as_a_whole)
{
    struct memory memory = {0}, other = {0};
    struct bag *bag = bag_create(&memory, 5, 1000);
    size_t bytes = memory.used_bytes;

    cr_assert_eq(bag_kind.bytes(bag), bytes);
    bag_kind.rehome(bag, &memory, &other);
    cr_assert_eq(memory.used_bytes, 0);
    cr_assert_eq(other.used_bytes, bytes);
    cr_assert(bag_holds(bag, 5, 1000));
    value_destroy(&bag_kind, &other, bag);
    cr_assert_eq(other.used_bytes, 0);
}
