/* libFuzzer target: what an RDB file may hold, in pieces of any size. What can be
 * read goes into a keyspace, is written, and must read back.
 *
 * The first byte says how large the pieces are, the second names a sample that the
 * file has in a record of its own; what follows are changes to that file. Where
 * there is no such sample, it is the file's records itself. */
#include <stdint.h>
#include <stdlib.h>

#include "core/assert.h"
#include "core/config.h"
#include "core/rdb_value.h"
#include "persist/rdb_file_writer.h"
#include "tests/support/byte_changes.h"
#include "tests/support/persist/rdb_feeding.h"
#include "tests/support/rdb_samples.h"
#include "tests/support/rdb_write_key.h"

enum { SAMPLES = sizeof rdb_samples / sizeof rdb_samples[0], DATABASES = 4 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Some of each kind of record before the sample's. */
#define RECORDS_BEFORE                                                                                                 \
    "REDIS0012\xfa\1a\xc0\5\xf5\4code\xfe\2\xfb\3\1\xf7\1\2\5\3str\0\7\1m\1\5\3str\0\xfc\2\1\0\0\0\0\0\0\xf8\x40\x64"

static struct str make_file(const uint8_t *data, size_t size)
{
    struct memory memory = {0};
    struct buffer file;

    buffer_init(&file, &memory, NULL, 0);
    if (data[1] < SAMPLES) {
        struct str sample = rdb_samples[data[1]].bytes;

        buffer_append_str(&file, STR(RECORDS_BEFORE));
        buffer_append(&file, sample.bytes, 1);
        buffer_append_str(&file, STR("\1k"));
        buffer_append(&file, sample.bytes + 1, sample.length - 1);
    } else {
        buffer_append_str(&file, STR("REDIS0012"));
        buffer_append(&file, data + 2, size - 2);
    }
    buffer_append_str(&file, STR("\xff\0\0\0\0\0\0\0\0"));
    struct str changed = byte_changes_apply(buffer_str(&file), data + 2, data[1] < SAMPLES ? size - 2 : 0);
    buffer_deinit(&file);
    return changed;
}

static struct keyspace *load(struct memory *memory, const struct config *config, struct str file, size_t piece_most,
                             enum rdb_file_status *status)
{
    struct keyspace *keyspace = keyspace_create(memory, DATABASES);
    struct rdb_feeding feeding;
    struct rdb_loader loader;
    struct rdb_record record;
    struct entry *entry;

    rdb_loader_init(&loader, STR(""), memory, config);
    rdb_feeding_init(&feeding, memory, file, piece_most, piece_most & 1);
    while ((*status = rdb_feeding_next(&feeding, &record)) == RDB_FILE_RECORD) {
        const char *problem =
            record.kind == RDB_RECORD_KEY ? rdb_record_put(&record, &loader, keyspace, 0, &entry) : NULL;

        if (problem)
            rdb_file_reader_refuse(&feeding.reader, &record, problem);
    }
    rdb_feeding_deinit(&feeding);
    rdb_loader_deinit(&loader);
    return keyspace;
}

struct saving {
    struct rdb_file_writer writer;
    int db;
};

static void save_entry(void *context, struct entry *entry)
{
    struct saving *saving = context;

    rdb_write_key(&saving->writer, saving->db, entry);
}

static struct buffer save(struct memory *memory, const struct config *config, struct keyspace *keyspace)
{
    struct saving saving;

    rdb_file_writer_init(&saving.writer, memory, config, RDB_VERSION_EXPIRING, 0);
    rdb_file_writer_head(&saving.writer, &(struct rdb_file_facts){0});
    for (saving.db = 0; saving.db < DATABASES; saving.db++)
        keyspace_each(keyspace, saving.db, RDB_BEFORE_ALL_MS, save_entry, &saving);
    rdb_file_writer_end(&saving.writer);
    struct buffer file = rdb_file_writer_take(&saving.writer);
    rdb_file_writer_deinit(&saving.writer);
    return file;
}

static void check_saved(struct memory *memory, const struct config *config, struct keyspace *keyspace)
{
    struct buffer file = save(memory, config, keyspace);
    enum rdb_file_status status;
    struct keyspace *again = load(memory, config, buffer_str(&file), 1000, &status);

    ASSERT(status == RDB_FILE_END);
    for (int db = 0; db < DATABASES; db++)
        ASSERT(keyspace_count(again, db) == keyspace_count(keyspace, db));
    keyspace_destroy(again);
    buffer_deinit(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool seeded;
    struct memory memory = {0};
    enum rdb_file_status status;
    struct config config;

    if (size < 2)
        return 0;
    if (!seeded)
        keyspace_hash_seed((const uint8_t *)"a secret that is 32 bytes long..");
    seeded = true;
    config_init(&config);
    struct str file = make_file(data, size);
    struct keyspace *keyspace = load(&memory, &config, file, 1 + data[0], &status);

    free((char *)file.bytes);
    check_saved(&memory, &config, keyspace);
    keyspace_destroy(keyspace);
    config_deinit(&config);
    ASSERT(memory.used_bytes == 0);
    return 0;
}
