/* Speed and memory of core/table: ns per operation on a million items, or on
 * as many as the argument says. */
#include "core/table.h"

#include <stdio.h>
#include <stdlib.h>

#include "bench/measure.h"
#include "core/memory.h"

struct item {
    uint64_t hash;
    uint64_t key;
};

struct bench {
    struct memory memory;
    struct table table;
    struct item *items;
    uint32_t *order; /* of visits, shuffled, so that each costs its cache misses */
    size_t count;
};

static uint64_t hash_of(const void *item)
{
    return ((const struct item *)item)->hash;
}

static struct item *find(const struct table *table, uint64_t hash, uint64_t key, struct table_probe *probe)
{
    struct item *item;

    *probe = table_probe(table, hash);
    while ((item = table_probe_next(probe)) != NULL)
        if (item->key == key)
            return item;
    return NULL;
}

static void prepare(struct bench *bench, size_t count)
{
    bench->count = count;
    bench->items = calloc(count, sizeof *bench->items);
    bench->order = measure_shuffled(count, 0);
    for (size_t i = 0; i < count; i++)
        bench->items[i] = (struct item){measure_mix(i), i};
    table_init(&bench->table, &bench->memory, hash_of);
}

/* The slowest insertion is what a client would feel as a stall. */
static void insert(struct bench *bench)
{
    double slowest_ns = 0, bytes_per_item = 0, began_ns = measure_now_ns();
    size_t samples = 0;

    for (size_t i = 0; i < bench->count; i++)
        table_insert(&bench->table, bench->items[i].hash, &bench->items[i]);
    measure_report("insert", began_ns, bench->count);
    measure_report_value("memory at the end", (double)table_bytes(&bench->table) / (double)bench->count,
                         "bytes an item");
    table_deinit(&bench->table);
    for (size_t i = 0; i < bench->count; i++) {
        began_ns = measure_now_ns();
        table_insert(&bench->table, bench->items[i].hash, &bench->items[i]);
        double took_ns = measure_now_ns() - began_ns;
        slowest_ns = took_ns > slowest_ns ? took_ns : slowest_ns;
        if (i < bench->count / 4 || i % 1000 != 0)
            continue;
        bytes_per_item += (double)table_bytes(&bench->table) / (double)(i + 1);
        samples++;
    }
    measure_report_value("slowest insertion", slowest_ns, "ns");
    measure_report_value("memory on average", bytes_per_item / (double)samples, "bytes an item");
}

static size_t look_up(struct bench *bench, size_t within, uint64_t offset)
{
    struct table_probe probe;
    size_t found = 0;

    for (size_t i = 0; i < bench->count; i++) {
        uint64_t key = (within == bench->count ? bench->order[i] : i % within) + offset;
        found += find(&bench->table, measure_mix(key), key, &probe) != NULL;
    }
    return found;
}

static void look_up_in_batches(struct bench *bench)
{
    enum { BATCH = 16 };
    struct table_probe probe;
    size_t found = 0;

    for (size_t i = 0; i + BATCH <= bench->count; i += BATCH) {
        uint32_t elsewhere = 0;

        for (size_t j = i; j < i + BATCH; j++)
            table_prefetch(&bench->table, measure_mix(bench->order[j]));
        for (size_t j = i; j < i + BATCH; j++)
            elsewhere |= (uint32_t)!table_prefetch_item(&bench->table, measure_mix(bench->order[j])) << (j - i);
        for (; elsewhere != 0; elsewhere &= elsewhere - 1)
            table_prefetch_elsewhere(&bench->table, measure_mix(bench->order[i + (size_t)__builtin_ctz(elsewhere)]));
        for (size_t j = i; j < i + BATCH; j++)
            found += find(&bench->table, measure_mix(bench->order[j]), bench->order[j], &probe) != NULL;
    }
    if (found == 0)
        abort();
}

static void count_visit(void *context, void *item)
{
    ++*(size_t *)context;
}

static void scan(struct bench *bench)
{
    uint64_t cursor = 0;
    size_t visits = 0;
    double began_ns = measure_now_ns();

    do
        cursor = table_scan(&bench->table, cursor, count_visit, &visits);
    while (cursor != 0);
    measure_report("scan, an item", began_ns, visits);
}

static uint64_t dice(void *context)
{
    return measure_mix(++*(uint64_t *)context);
}

static void choose(struct bench *bench)
{
    uint64_t state = 1;
    double began_ns = measure_now_ns();

    for (size_t i = 0; i < bench->count; i++)
        if (table_random(&bench->table, dice, &state) == NULL)
            abort();
    measure_report("random", began_ns, bench->count);
}

static void take_all(struct bench *bench)
{
    struct table_probe probe;
    double began_ns = measure_now_ns();

    for (size_t i = 0; i < bench->count; i++) {
        uint64_t key = bench->order[i];
        if (find(&bench->table, measure_mix(key), key, &probe) == NULL)
            abort();
        table_probe_remove(&bench->table, &probe);
    }
    measure_report("remove", began_ns, bench->count);
}

int main(int argc, char **argv)
{
    struct bench bench = {0};
    double began_ns;

    prepare(&bench, measure_count(argc, argv));
    insert(&bench);
    began_ns = measure_now_ns();
    if (look_up(&bench, bench.count < 1000 ? bench.count : 1000, 0) != bench.count)
        abort();
    measure_report("hit, 1000 warm items", began_ns, bench.count);
    began_ns = measure_now_ns();
    if (look_up(&bench, bench.count, 0) != bench.count)
        abort();
    measure_report("hit, all at random", began_ns, bench.count);
    began_ns = measure_now_ns();
    look_up_in_batches(&bench);
    measure_report("hit, prefetched by 16", began_ns, bench.count);
    began_ns = measure_now_ns();
    if (look_up(&bench, bench.count, bench.count) != 0)
        abort();
    measure_report("miss, all at random", began_ns, bench.count);
    scan(&bench);
    choose(&bench);
    take_all(&bench);
    return 0;
}
