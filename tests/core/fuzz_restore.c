/* libFuzzer target: what a DUMP payload may hold, read with small and with large
 * thresholds. Bytes that are a value are put under a key, walked by writing
 * them again, copied, and read back; the others leave nothing behind.
 *
 * The first byte names a sample to begin with, the second the thresholds. The
 * rest is the value itself where there is no such sample, else changes to it. */
#include <stdint.h>
#include <stdlib.h>

#include "core/assert.h"
#include "core/config.h"
#include "core/dump.h"
#include "core/keyspace.h"
#include "core/rdb_value.h"
#include "tests/support/byte_changes.h"
#include "tests/support/rdb_samples.h"

enum { SAMPLES = sizeof rdb_samples / sizeof rdb_samples[0] };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct str make_value(const uint8_t *data, size_t size)
{
    if (data[0] < SAMPLES)
        return byte_changes_apply(rdb_samples[data[0]].bytes, data + 2, size - 2);
    return byte_changes_apply((struct str){(const char *)data + 2, size - 2}, NULL, 0);
}

static bool read_value(struct rdb_loader *loader, struct rdb_value *value)
{
    uint8_t type;

    return rdb_read_byte(&loader->reader, &type) && rdb_read_value(loader, type, value);
}

static struct entry *put(struct keyspace *keyspace, struct str key, const struct rdb_value *value)
{
    return rdb_put_value(keyspace, 0, key_of(key), value, -1);
}

static void check_dump(struct keyspace *keyspace, const struct config *config, struct entry *entry)
{
    struct memory memory = {0};
    struct rdb_loader loader;
    struct rdb_value value;
    struct buffer payload;
    struct rdb_writer writer = {&payload, true};
    struct str bytes;

    buffer_init(&payload, &memory, NULL, 0);
    dump_write(&writer, entry);
    ASSERT(dump_open(buffer_str(&payload), &bytes));
    rdb_loader_init(&loader, bytes, keyspace_memory(keyspace), config);
    ASSERT(read_value(&loader, &value) && rdb_left(&loader.reader) == 0);
    ASSERT(value.type == entry_type(entry));
    put(keyspace, STR("again"), &value);
    rdb_loader_deinit(&loader);
    buffer_deinit(&payload);
}

static void try_value(struct keyspace *keyspace, const struct config *config, struct str bytes)
{
    struct rdb_loader loader;
    struct rdb_value value;

    rdb_loader_init(&loader, bytes, keyspace_memory(keyspace), config);
    bool is_value = read_value(&loader, &value);
    struct entry *entry = is_value ? put(keyspace, STR("key"), &value) : NULL;
    rdb_loader_deinit(&loader);
    if (entry == NULL)
        return;
    check_dump(keyspace, config, entry);
    keyspace_copy(keyspace, 0, keyspace_find(keyspace, 0, key_of(STR("key")), 0), keyspace, 0, key_of(STR("copy")));
}

static void set_thresholds(struct config *config, uint8_t choice)
{
    int64_t most = choice & 1 ? 2 : 512;

    config->hash_max_listpack_entries = config->zset_max_listpack_entries = most;
    config->set_max_listpack_entries = config->set_max_intset_entries = most;
    config->hash_max_listpack_value = config->zset_max_listpack_value = config->set_max_listpack_value =
        choice & 2 ? 1 : 64;
    config->list_max_listpack_size = choice & 4 ? 1 : -2;
    config->list_compress_depth = choice & 8 ? 1 : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool seeded;
    struct memory memory = {0};
    struct config config;

    if (size < 2)
        return 0;
    if (!seeded)
        keyspace_hash_seed((const uint8_t *)"a secret that is 32 bytes long..");
    seeded = true;
    config_init(&config);
    set_thresholds(&config, data[1]);
    struct keyspace *keyspace = keyspace_create(&memory, 1);
    struct str bytes = make_value(data, size);

    try_value(keyspace, &config, bytes);
    free((char *)bytes.bytes);
    keyspace_destroy(keyspace);
    config_deinit(&config);
    ASSERT(memory.used_bytes == 0);
    return 0;
}
