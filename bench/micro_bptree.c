/* Speed and memory of core/bptree: ns per operation on a million items, or on
 * as many as the argument says. */
#include "core/bptree.h"

#include "bench/measure.h"
#include "core/memory.h"

struct bench {
    struct memory memory;
    struct bptree tree;
    size_t count;
};

static void report_bytes(const struct bench *bench)
{
    measure_report_value("  memory", (double)bptree_bytes(&bench->tree) / (double)bench->tree.count, "bytes an item");
}

static void append_and_remove(struct bench *bench)
{
    double began_ns = measure_now_ns();

    for (uint64_t i = 0; i < bench->count; i++)
        bptree_insert(&bench->tree, (struct bptree_item){i, i}, &i);
    measure_report("insert as the last", began_ns, bench->count);
    report_bytes(bench);
    began_ns = measure_now_ns();
    for (uint64_t i = 0; i < bench->count; i++)
        bptree_remove(&bench->tree, i, &i);
    measure_report("remove the first", began_ns, bench->count);
}

static void append_and_take(struct bench *bench)
{
    double began_ns = measure_now_ns();

    for (uint64_t i = 0; i < bench->count; i++)
        bptree_append(&bench->tree, (struct bptree_item){i, i});
    measure_report("append what is sorted", began_ns, bench->count);
    began_ns = measure_now_ns();
    for (uint64_t i = 0; i < bench->count; i++)
        bptree_take_rank(&bench->tree, 0);
    measure_report("take the first", began_ns, bench->count);
}

static void insert(struct bench *bench)
{
    double began_ns = measure_now_ns();

    for (uint64_t i = 0; i < bench->count; i++)
        bptree_insert(&bench->tree, (struct bptree_item){measure_mix(i), i}, &i);
    measure_report("insert at random", began_ns, bench->count);
    report_bytes(bench);
}

static void seek(struct bench *bench)
{
    double began_ns = measure_now_ns();

    for (uint64_t i = 0; i < bench->count; i++) {
        struct bptree_place place = bptree_seek(&bench->tree, measure_mix(i), &i);
        const struct bptree_item *item = bptree_get(&place);
        if (item == NULL || item->payload != i)
            abort();
    }
    measure_report("seek", began_ns, bench->count);
}

static void rank(struct bench *bench)
{
    double began_ns = measure_now_ns();
    size_t ranks = 0;

    for (uint64_t i = 0; i < bench->count; i++)
        ranks += bptree_rank(&bench->tree, measure_mix(i), &i);
    if (ranks != bench->count * (bench->count - 1) / 2)
        abort();
    measure_report("rank", began_ns, bench->count);
    began_ns = measure_now_ns();
    for (uint64_t i = 0; i < bench->count; i++) {
        struct bptree_place place = bptree_at_rank(&bench->tree, measure_mix(i) % bench->count);
        if (bptree_get(&place) == NULL)
            abort();
    }
    measure_report("at rank", began_ns, bench->count);
}

static void walk(struct bench *bench)
{
    double began_ns = measure_now_ns();
    struct bptree_place place = bptree_first(&bench->tree);
    size_t count = 0;

    for (; bptree_get(&place) != NULL; bptree_next(&place))
        count++;
    if (count != bench->count)
        abort();
    measure_report("walk, an item", began_ns, count);
}

/* Half at random, then the rest by ranges of a thousand. */
static void take_all(struct bench *bench)
{
    double began_ns = measure_now_ns();
    size_t half = bench->count / 2;

    for (uint64_t i = 0; i < half; i++)
        if (!bptree_remove(&bench->tree, measure_mix(i), &i))
            abort();
    measure_report("remove at random, a half", began_ns, half);
    report_bytes(bench);
    began_ns = measure_now_ns();
    for (uint64_t i = 0; bench->tree.count > 0; i++)
        bptree_remove_ranks(&bench->tree, measure_mix(i) % bench->tree.count, 1000, NULL, NULL);
    measure_report("remove by ranges, an item", began_ns, bench->count - half);
}

int main(int argc, char **argv)
{
    struct bench bench = {.count = measure_count(argc, argv)};

    bptree_init(&bench.tree, &bench.memory, NULL);
    append_and_remove(&bench);
    append_and_take(&bench);
    insert(&bench);
    seek(&bench);
    rank(&bench);
    walk(&bench);
    take_all(&bench);
    return 0;
}
