/* Memory per key and ns per operation of core/keyspace: a million keys of 16
 * bytes with 32-byte values, or as many as the argument says. */
#include "core/keyspace.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/measure.h"
#include "core/memory.h"

enum { KEY_BYTES = 16, BATCH = 16, WARM = 1000 };

struct bench {
    struct memory memory;
    struct keyspace *keyspace;
    char *names; /* present keys, then as many absent ones */
    uint32_t *order;
    size_t count;
    uint64_t sum; /* of what was read, so that it is read */
};

static const struct str value = STR("32 bytes: the value of every key");
static const struct str other = STR("32 other bytes for the same keys");

static size_t resident_bytes(void)
{
    size_t pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    if (file != NULL && fscanf(file, "%*s %zu", &pages) != 1)
        pages = 0;
    if (file != NULL)
        fclose(file);
    return pages * (size_t)sysconf(_SC_PAGESIZE);
}

static void start(struct bench *bench, size_t count)
{
    char name[32];

    *bench = (struct bench){.count = count};
    bench->names = malloc(2 * count * KEY_BYTES);
    bench->order = measure_shuffled(count, 0);
    for (size_t at = 0; at < 2 * count; at++) {
        snprintf(name, sizeof(name), "key:%012zu", at);
        memcpy(bench->names + at * KEY_BYTES, name, KEY_BYTES);
    }
    bench->keyspace = keyspace_create(&bench->memory, 16);
}

/* The key that is visited at this turn, in random order. */
static struct key key_at(const struct bench *bench, size_t turn)
{
    return key_of((struct str){bench->names + (size_t)bench->order[turn] * KEY_BYTES, KEY_BYTES});
}

static struct key absent_at(const struct bench *bench, size_t turn)
{
    return key_of((struct str){bench->names + (bench->count + bench->order[turn]) * KEY_BYTES, KEY_BYTES});
}

static void insert(struct bench *bench, bool expiring)
{
    size_t resident = resident_bytes(), used = bench->memory.used_bytes;
    double began_ns = measure_now_ns();

    for (size_t turn = 0; turn < bench->count; turn++)
        keyspace_set_string(bench->keyspace, 0, key_at(bench, turn), value,
                            expiring ? 1000000000 + random() % 1000000000 : -1);
    measure_report(expiring ? "insert with a random deadline" : "insert", began_ns, bench->count);
    measure_report_value(expiring ? "resident, with a deadline" : "resident, without a deadline",
                         (double)(resident_bytes() - resident) / (double)bench->count, "bytes a key");
    measure_report_value("charged", (double)(bench->memory.used_bytes - used) / (double)bench->count, "bytes a key");
}

static void read_entry(struct bench *bench, const struct entry *entry)
{
    char digits[32];
    struct str read = entry_string(entry, digits);

    bench->sum += (unsigned char)read.bytes[read.length - 1];
}

static void find(struct bench *bench)
{
    double began_ns = measure_now_ns();

    for (size_t turn = 0; turn < bench->count; turn++)
        read_entry(bench, keyspace_find(bench->keyspace, 0, key_at(bench, turn), 0));
    measure_report("find and read, cold", began_ns, bench->count);
    began_ns = measure_now_ns();
    for (size_t turn = 0; turn < bench->count; turn++)
        read_entry(bench, keyspace_find(bench->keyspace, 0, key_at(bench, turn % WARM), 0));
    measure_report("find and read, warm", began_ns, bench->count);
    began_ns = measure_now_ns();
    for (size_t turn = 0; turn < bench->count; turn++)
        bench->sum += keyspace_find(bench->keyspace, 0, absent_at(bench, turn), 0) != NULL;
    measure_report("find nothing, cold", began_ns, bench->count);
}

static void find_batched(struct bench *bench)
{
    double began_ns = measure_now_ns();
    size_t whole = bench->count / BATCH * BATCH;

    for (size_t turn = 0; turn < whole; turn += BATCH) {
        struct key keys[BATCH];
        uint32_t elsewhere = 0;

        for (size_t at = 0; at < BATCH; at++) {
            keys[at] = key_at(bench, turn + at);
            keyspace_prefetch(bench->keyspace, 0, keys[at].hash);
        }
        for (size_t at = 0; at < BATCH; at++)
            elsewhere |= (uint32_t)!keyspace_prefetch_entry(bench->keyspace, 0, keys[at].hash) << at;
        for (; elsewhere != 0; elsewhere &= elsewhere - 1)
            keyspace_prefetch_elsewhere(bench->keyspace, 0, keys[__builtin_ctz(elsewhere)].hash);
        for (size_t at = 0; at < BATCH; at++)
            read_entry(bench, keyspace_find(bench->keyspace, 0, keys[at], 0));
    }
    measure_report("find and read, in batches of 16", began_ns, whole);
}

static void overwrite(struct bench *bench, int64_t expiry_ms)
{
    double began_ns = measure_now_ns();

    for (size_t turn = 0; turn < bench->count; turn++)
        keyspace_set_string(bench->keyspace, 0, key_at(bench, turn), other, expiry_ms);
    measure_report("overwrite, cold", began_ns, bench->count);
    began_ns = measure_now_ns();
    for (size_t turn = 0; turn < bench->count; turn++)
        keyspace_set_string(bench->keyspace, 0, key_at(bench, turn % WARM), value, expiry_ms);
    measure_report("overwrite, warm", began_ns, bench->count);
}

static void delete_half(struct bench *bench)
{
    double began_ns = measure_now_ns();

    for (size_t turn = 0; turn < bench->count / 2; turn++)
        bench->sum += keyspace_delete(bench->keyspace, 0, key_at(bench, turn), 0);
    measure_report("delete, cold", began_ns, bench->count / 2);
}

static void flush(struct bench *bench)
{
    double began_ns = measure_now_ns(), longest_ns = 0;
    size_t keys = keyspace_flush(bench->keyspace, 0), left;

    measure_report("flush", began_ns, 1);
    began_ns = measure_now_ns();
    do {
        double slice_ns = measure_now_ns();

        left = keyspace_reclaim(bench->keyspace, 1000);
        slice_ns = measure_now_ns() - slice_ns;
        longest_ns = slice_ns > longest_ns ? slice_ns : longest_ns;
    } while (left > 0);
    measure_report("reclaim, a key", began_ns, keys);
    measure_report_value("the longest slice of 1000 keys", longest_ns, "ns");
}

static void run_plain(size_t count)
{
    struct bench bench;

    start(&bench, count);
    insert(&bench, false);
    find(&bench);
    find_batched(&bench);
    overwrite(&bench, -1);
    delete_half(&bench);
    flush(&bench);
}

static void run_expiring(size_t count)
{
    struct bench bench;
    double began_ns;

    start(&bench, count);
    insert(&bench, true);
    find(&bench);
    overwrite(&bench, 2000000000);
    began_ns = measure_now_ns();
    bench.sum += keyspace_expire(bench.keyspace, 1500000000, SIZE_MAX);
    measure_report("expire, a key", began_ns, bench.sum ? keyspace_stats(bench.keyspace)->expired + 1 : 1);
    flush(&bench);
}

/* Each in a process of its own, so that neither reuses what the other left resident. */
static void run_apart(void (*run)(size_t count), size_t count)
{
    pid_t child = fork();

    if (child == 0) {
        run(count);
        fflush(stdout);
        _exit(0);
    }
    waitpid(child, NULL, 0);
}

int main(int argc, char **argv)
{
    size_t count = measure_count(argc, argv);

    if (count < WARM)
        return fprintf(stderr, "at least %d keys\n", WARM), 1;
    keyspace_hash_seed((const uint8_t *)"a secret that is 32 bytes long..");
    printf("%zu keys of %d bytes with %zu-byte values\n", count, KEY_BYTES, value.length);
    fflush(stdout);
    run_apart(run_plain, count);
    run_apart(run_expiring, count);
    return 0;
}
