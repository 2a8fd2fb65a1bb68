/* libFuzzer target: a tree and a sorted array, given the same operations,
 * hold the same items.
 *
 * The input is a row of operations of four bytes: which one, an order or a
 * rank of two bytes, a tie or a count. An insertion of many puts its items side
 * by side, so that short inputs make high trees. Payloads are blocks of memory,
 * freed as they leave, so that a sanitizer sees a comparison with one that is gone. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/assert.h"
#include "core/bptree.h"
#include "core/memory.h"

enum { ITEMS_MOST = 50000 };

static struct bptree_item model[ITEMS_MOST + 256];

struct machine {
    struct memory memory;
    struct bptree tree;
    size_t count;   /* of the model */
    size_t dropped; /* rank that the next item told of has */
};

struct operation {
    uint8_t code, argument;
    uint16_t order;
};

static int compare(const void *wanted, uint64_t stored)
{
    uint8_t of_wanted = *(const uint8_t *)wanted, of_stored = *(const uint8_t *)(uintptr_t)stored;

    return (of_wanted > of_stored) - (of_wanted < of_stored);
}

static size_t model_rank(const struct machine *machine, uint64_t order, const uint8_t *tie)
{
    size_t first = 0, end = machine->count;

    while (first < end) {
        size_t middle = first + (end - first) / 2;
        const struct bptree_item *item = &model[middle];

        if (order > item->order || (order == item->order && tie != NULL && compare(tie, item->payload) > 0))
            first = middle + 1;
        else
            end = middle;
    }
    return first;
}

static bool model_has(const struct machine *machine, size_t rank, uint64_t order, const uint8_t *tie)
{
    return rank < machine->count && model[rank].order == order && compare(tie, model[rank].payload) == 0;
}

static void model_erase(struct machine *machine, size_t rank, size_t count)
{
    machine->count -= count;
    memmove(&model[rank], &model[rank + count], (machine->count - rank) * sizeof model[0]);
}

static void insert(struct machine *machine, uint64_t order, uint8_t tie)
{
    size_t rank = model_rank(machine, order, &tie);
    uint8_t *block = malloc(1);
    struct bptree_item item = {order, (uintptr_t)block};

    *block = tie;
    if (model_has(machine, rank, order, &tie)) {
        ASSERT(!bptree_insert(&machine->tree, item, block));
        free(block);
        return;
    }
    if (rank == machine->count && order % 2 == 0)
        bptree_append(&machine->tree, item);
    else
        ASSERT(bptree_insert(&machine->tree, item, block));
    memmove(&model[rank + 1], &model[rank], (machine->count++ - rank) * sizeof item);
    model[rank] = item;
}

static void insert_many(struct machine *machine, struct operation operation)
{
    uint8_t tie = operation.code;

    for (uint32_t i = 0; i <= operation.argument && machine->count < ITEMS_MOST; i++)
        insert(machine, (uint64_t)operation.order << 8 | i, tie);
}

static void remove_wanted(struct machine *machine, uint64_t order, uint8_t tie)
{
    size_t rank = model_rank(machine, order, &tie);
    bool is_there = model_has(machine, rank, order, &tie);

    ASSERT(bptree_remove(&machine->tree, order, &tie) == is_there);
    if (!is_there)
        return;
    free((void *)(uintptr_t)model[rank].payload);
    model_erase(machine, rank, 1);
}

static void expect(struct bptree_item item, size_t rank)
{
    ASSERT(item.order == model[rank].order && item.payload == model[rank].payload);
}

static void take(struct machine *machine, size_t rank)
{
    if (machine->count == 0)
        return;
    rank %= machine->count;
    struct bptree_item item = bptree_take_rank(&machine->tree, rank);
    expect(item, rank);
    free((void *)(uintptr_t)item.payload);
    model_erase(machine, rank, 1);
}

static void free_dropped(void *context, struct bptree_item item)
{
    struct machine *machine = context;

    expect(item, machine->dropped++);
    free((void *)(uintptr_t)item.payload);
}

static void remove_ranks(struct machine *machine, size_t first, size_t count)
{
    machine->dropped = first;
    size_t removed = bptree_remove_ranks(&machine->tree, first, count, free_dropped, machine);
    ASSERT(machine->dropped == first + removed);
    ASSERT(removed == count || first + removed >= machine->count);
    if (removed > 0)
        model_erase(machine, first, removed);
}

static void check_place(const struct machine *machine, struct bptree_place place, size_t rank)
{
    const struct bptree_item *item = bptree_get(&place);

    ASSERT((item == NULL) == (rank >= machine->count));
    if (item != NULL)
        expect(*item, rank);
}

static void search(const struct machine *machine, uint64_t order, uint8_t tie)
{
    const uint8_t *wanted = tie == 255 ? NULL : &tie;
    size_t rank = model_rank(machine, order, wanted), found;
    struct bptree_place place = bptree_seek_ranked(&machine->tree, order, wanted, &found);

    ASSERT(found == rank && bptree_rank(&machine->tree, order, wanted) == rank);
    check_place(machine, place, rank);
    check_place(machine, bptree_seek(&machine->tree, order, wanted), rank);
    check_place(machine, bptree_at_rank(&machine->tree, rank), rank);
    bptree_previous(&place);
    if (rank > 0)
        check_place(machine, place, rank - 1);
}

static void execute(struct machine *machine, struct operation operation)
{
    uint64_t order = (uint64_t)operation.order << 8 | (operation.argument & 7);

    switch (operation.code % 8) {
    case 0:
    case 1:
        insert_many(machine, operation);
        break;
    case 2:
        insert(machine, order, operation.argument);
        break;
    case 3:
        remove_wanted(machine, order, operation.code);
        break;
    case 4:
        take(machine, operation.order);
        break;
    case 5:
        take(machine, operation.order % 2 ? 0 : machine->count - 1);
        break;
    case 6:
        remove_ranks(machine, operation.order, (size_t)operation.argument * operation.argument);
        break;
    case 7:
        search(machine, order, operation.argument);
        break;
    }
    ASSERT(machine->tree.count == machine->count && bptree_bytes(&machine->tree) == machine->memory.used_bytes);
}

static void check_walks(const struct machine *machine)
{
    struct bptree_place place = bptree_first(&machine->tree);

    for (size_t rank = 0; rank <= machine->count; rank++, bptree_next(&place))
        check_place(machine, place, rank);
    place = bptree_last(&machine->tree);
    for (size_t rank = machine->count; rank-- > 0; bptree_previous(&place))
        check_place(machine, place, rank);
    ASSERT(bptree_get(&place) == NULL);
}

static void free_last(void *context, struct bptree_item item)
{
    ++*(size_t *)context;
    free((void *)(uintptr_t)item.payload);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct machine machine = {0};
    size_t dropped = 0;

    bptree_init(&machine.tree, &machine.memory, compare);
    for (; size >= 4; data += 4, size -= 4)
        execute(&machine, (struct operation){data[0], data[1], (uint16_t)(data[2] | data[3] << 8)});
    check_walks(&machine);
    while (bptree_drain(&machine.tree, 100, free_last, &dropped) > 0)
        ;
    ASSERT(dropped == machine.count && machine.memory.used_bytes == 0);
    return 0;
}
