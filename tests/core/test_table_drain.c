#include "core/table.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "core/memory.h"
#include "tests/support/dice.h"

struct item {
    uint64_t hash;
    int taken;
};

static uint64_t hash_of(const void *item)
{
    return ((const struct item *)item)->hash;
}

static void take(void *context, void *item)
{
    ((struct item *)item)->taken++;
    (*(size_t *)context)++;
}

static void drain_table_of(size_t count)
{
    struct memory memory = {0};
    struct table table;
    struct item *items = calloc(count + 1, sizeof(*items));
    uint64_t cursor = 0;

    table_init(&table, &memory, hash_of);
    for (size_t at = 0; at < count; at++) {
        items[at].hash = dice_bits();
        table_insert(&table, items[at].hash, &items[at]);
    }
    do {
        size_t taken = 0;

        cursor = table_drain(&table, cursor, take, &taken);
        cr_assert_leq(taken, 4 * TABLE_BUCKET_SLOTS);
    } while (cursor != 0);
    for (size_t at = 0; at < count; at++)
        cr_assert_eq(items[at].taken, 1);
    cr_assert_eq(memory.used_bytes, 0);
    cr_assert_eq(table.count, 0);
    table_insert(&table, items[0].hash, &items[0]);
    table_deinit(&table);
    cr_assert_eq(memory.used_bytes, 0);
    free(items);
}

Test(table_drain, hands_over_every_item_once_and_frees_the_table)
{
    dice_seed();
    for (size_t count = 0; count < 100000; count = count * 3 + 1)
        drain_table_of(count);
}
