/* Speed and memory of core/bptree: ns per operation on a million items, or on
 * as many as the argument says. */
#include "core/bptree.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/memory.h"

struct bench {
    struct memory memory;
    struct bptree tree;
    size_t count;
};

/* The i-th of distinct random orders. */
static uint64_t order_of(uint64_t i)
{
    i += 0x9e3779b97f4a7c15u;
    i = (i ^ i >> 30) * 0xbf58476d1ce4e5b9u;
    i = (i ^ i >> 27) * 0x94d049bb133111ebu;
    return i ^ i >> 31;
}

static double now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void report(const char *what, double began_ns, size_t operations)
{
    printf("%-28s %7.1f ns\n", what, (now_ns() - began_ns) / (double)operations);
}

static void report_bytes(const struct bench *bench)
{
    printf("%-28s %7.2f\n", "  bytes per item", (double)bptree_bytes(&bench->tree) / (double)bench->count);
}

static void append_and_pop(struct bench *bench)
{
    double began_ns = now_ns();

    for (uint64_t i = 0; i < bench->count; i++)
        bptree_insert(&bench->tree, (struct bptree_item){i, i}, &i);
    report("append", began_ns, bench->count);
    report_bytes(bench);
    began_ns = now_ns();
    for (uint64_t i = 0; i < bench->count; i++)
        bptree_remove(&bench->tree, i, &i);
    report("remove the first", began_ns, bench->count);
    began_ns = now_ns();
    for (uint64_t i = 0; i < bench->count; i++)
        bptree_append(&bench->tree, (struct bptree_item){i, i});
    report("append what is sorted", began_ns, bench->count);
    began_ns = now_ns();
    for (uint64_t i = 0; i < bench->count; i++)
        bptree_take_rank(&bench->tree, 0);
    report("take the first", began_ns, bench->count);
}

static void insert(struct bench *bench)
{
    double began_ns = now_ns();

    for (uint64_t i = 0; i < bench->count; i++)
        bptree_insert(&bench->tree, (struct bptree_item){order_of(i), i}, &i);
    report("insert at random", began_ns, bench->count);
    report_bytes(bench);
}

static void look_up(struct bench *bench)
{
    double began_ns = now_ns();
    size_t found = 0, ranks = 0;

    for (uint64_t i = 0; i < bench->count; i++) {
        struct bptree_place place = bptree_seek(&bench->tree, order_of(i), &i);
        const struct bptree_item *item = bptree_get(&place);
        found += item != NULL && item->payload == i;
    }
    report("seek", began_ns, bench->count);
    began_ns = now_ns();
    for (uint64_t i = 0; i < bench->count; i++)
        ranks += bptree_rank(&bench->tree, order_of(i), &i);
    report("rank", began_ns, bench->count);
    began_ns = now_ns();
    for (uint64_t i = 0; i < bench->count; i++) {
        struct bptree_place place = bptree_at_rank(&bench->tree, order_of(i) % bench->count);
        found += bptree_get(&place) != NULL;
    }
    report("at rank", began_ns, bench->count);
    if (found != 2 * bench->count || ranks != bench->count * (bench->count - 1) / 2)
        abort();
}

static void walk(struct bench *bench)
{
    double began_ns = now_ns();
    struct bptree_place place = bptree_first(&bench->tree);
    size_t count = 0;

    for (; bptree_get(&place) != NULL; bptree_next(&place))
        count++;
    if (count != bench->count)
        abort();
    report("walk, an item", began_ns, count);
}

/* Half at random, then the rest by ranges of a thousand. */
static void take_all(struct bench *bench)
{
    double began_ns = now_ns();

    for (uint64_t i = 0; i < bench->count / 2; i++)
        if (!bptree_remove(&bench->tree, order_of(i), &i))
            abort();
    report("remove at random", began_ns, bench->count / 2);
    printf("%-28s %7.2f\n", "  bytes per item", (double)bptree_bytes(&bench->tree) / (double)bench->tree.count);
    began_ns = now_ns();
    for (uint64_t i = 0; bench->tree.count > 0; i++)
        bptree_remove_ranks(&bench->tree, order_of(i) % bench->tree.count, 1000, NULL, NULL);
    report("remove by ranges, an item", began_ns, bench->count - bench->count / 2);
}

int main(int argc, char **argv)
{
    struct bench bench = {.count = argc > 1 ? strtoull(argv[1], NULL, 10) : 1000000};

    bptree_init(&bench.tree, &bench.memory, NULL);
    append_and_pop(&bench);
    insert(&bench);
    look_up(&bench);
    walk(&bench);
    take_all(&bench);
    return 0;
}
