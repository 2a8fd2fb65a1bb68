/* Files that are written read back: all values in every layout, whatever the sizes of blocks, parts and pieces. */
#include "persist/rdb_file_writer.h"

#include <criterion/criterion.h>

#include "core/config.h"
#include "core/rdb_value.h"
#include "tests/support/dice.h"
#include "tests/support/persist/rdb_feeding.h"
#include "tests/support/rdb_samples.h"
#include "tests/support/rdb_write_key.h"

enum { DATABASES = 4, SAMPLES = sizeof rdb_samples / sizeof rdb_samples[0] };

static const int64_t now_ms = 1700000000000;

static struct config config;
static struct memory memory;
static struct keyspace *keyspace, *other;
static struct buffer file;

static void begin(void)
{
    keyspace_hash_seed((const uint8_t *)"a secret that is 32 bytes long..");
    config_init(&config);
    keyspace = keyspace_create(&memory, DATABASES);
    other = keyspace_create(&memory, DATABASES);
    buffer_init(&file, &memory, NULL, 0);
    dice_seed();
}

static void end(void)
{
    buffer_deinit(&file);
    keyspace_destroy(keyspace);
    keyspace_destroy(other);
    config_deinit(&config);
    cr_assert_eq(memory.used_bytes, 0);
}

TestSuite(rdb_file_writer, .init = begin, .fini = end);

/* Puts what the file holds into the other keyspace. */
static void load(size_t piece_most)
{
    struct rdb_feeding feeding;
    struct rdb_record record;
    struct rdb_loader loader;
    struct entry *entry;
    enum rdb_file_status status;

    rdb_loader_init(&loader, STR(""), &memory, &config);
    rdb_feeding_init(&feeding, &memory, buffer_str(&file), piece_most, dice_below(2));
    while ((status = rdb_feeding_next(&feeding, &record)) == RDB_FILE_RECORD) {
        if (record.kind != RDB_RECORD_KEY)
            continue;
        const char *problem = rdb_record_put(&record, &loader, other, now_ms, &entry);
        cr_assert_null(problem, "%s", problem);
    }
    cr_assert_eq(status, RDB_FILE_END, "%s", rdb_file_reader_problem(&feeding.reader));
    cr_assert_eq(file_window_offset(&feeding.reader.window), file.length);
    rdb_feeding_deinit(&feeding);
    rdb_loader_deinit(&loader);
}

/* The samples, under random keys of any database, some with a deadline. */
static void fill(int keys)
{
    for (int i = 0; i < keys; i++) {
        struct str sample = rdb_samples[dice_below(SAMPLES)].bytes;
        struct rdb_record record = {RDB_RECORD_KEY,
                                    .db = (int)dice_below(DATABASES),
                                    .type = (uint8_t)sample.bytes[0],
                                    .value = {sample.bytes + 1, sample.length - 1},
                                    .deadline_ms = dice_below(3) ? -1 : (int64_t)dice_below(1ull << 48),
                                    .idle_seconds = -1,
                                    .frequency = -1};
        struct rdb_loader loader;
        struct entry *entry;
        char name[40];

        record.name = (struct str){name, (size_t)snprintf(name, sizeof name, dice_below(2) ? "%d" : "key:%d", i)};
        rdb_loader_init(&loader, STR(""), &memory, &config);
        const char *problem = rdb_record_put(&record, &loader, keyspace, now_ms, &entry);
        cr_assert_null(problem, "%s", problem);
        rdb_loader_deinit(&loader);
    }
}

static void expect_same_value(const struct entry *one, const struct entry *two)
{
    struct buffer written[2];
    const struct entry *entries[] = {one, two};

    for (int i = 0; i < 2; i++) {
        struct rdb_writer writer = {&written[i], false};

        buffer_init(&written[i], &memory, NULL, 0);
        rdb_write_value(&writer, entries[i]);
    }
    cr_assert(str_equal(buffer_str(&written[0]), buffer_str(&written[1])));
    cr_assert_eq(rdb_type_of(one), rdb_type_of(two));
    buffer_deinit(&written[0]);
    buffer_deinit(&written[1]);
}

static void expect_in_other(void *context, struct entry *entry)
{
    int db = *(int *)context;
    struct entry *copy = keyspace_find(other, db, key_of(entry_key(entry)), RDB_BEFORE_ALL_MS);

    cr_assert_not_null(copy);
    cr_assert_eq(entry_expiry_ms(copy), entry_expiry_ms(entry));
    expect_same_value(copy, entry);
}

static void expect_both_equal(void)
{
    for (int db = 0; db < DATABASES; db++) {
        cr_assert_eq(keyspace_count(other, db), keyspace_count(keyspace, db));
        keyspace_each(keyspace, db, RDB_BEFORE_ALL_MS, expect_in_other, &db);
    }
}

/* Saving, in one stream or in parts of two writers that lie in any order, and between what the file's own writes */

struct saving {
    struct rdb_file_writer whole, parts[2];
    int db;
};

static void take(struct rdb_file_writer *writer)
{
    struct buffer block = rdb_file_writer_take(writer);

    buffer_append_str(&file, buffer_str(&block));
    buffer_deinit(&block);
}

static void save_entry(void *context, struct entry *entry)
{
    struct saving *saving = context;

    rdb_write_key(&saving->whole, saving->db, entry);
    if (dice_below(5) == 0)
        take(&saving->whole);
}

static void save_entry_in_steps(void *context, struct entry *entry)
{
    struct saving *saving = context;

    rdb_file_writer_begin_key(&saving->whole, saving->db, entry);
    while (rdb_file_writer_go_on(&saving->whole, 1 + dice_below(30)))
        if (dice_below(2))
            take(&saving->whole);
}

static void save_entry_in_part(void *context, struct entry *entry)
{
    struct saving *saving = context;
    struct rdb_file_writer *part = &saving->parts[dice_below(2)];

    rdb_write_key(dice_below(3) ? part : &saving->whole, saving->db, entry);
    if (dice_below(3) != 0)
        return;
    take(&saving->whole);
    take(part);
    rdb_file_writer_join(&saving->whole, part->checksum, part->part_bytes);
    rdb_file_writer_begin_part(part);
}

static void save_databases(struct saving *saving, void (*visit)(void *context, struct entry *entry))
{
    for (saving->db = 0; saving->db < DATABASES; saving->db++) {
        rdb_file_writer_sizes(&saving->whole, saving->db, keyspace_count(keyspace, saving->db), 0);
        keyspace_each(keyspace, saving->db, RDB_BEFORE_ALL_MS, visit, saving);
    }
}

static void save(void (*visit)(void *context, struct entry *entry))
{
    static const struct rdb_file_facts facts = {1700000000, 12345, true};
    struct saving saving;

    rdb_file_writer_init(&saving.whole, &memory, &config, RDB_VERSION_EXPIRING, now_ms);
    for (int i = 0; i < 2; i++)
        rdb_file_writer_init(&saving.parts[i], &memory, &config, RDB_VERSION_EXPIRING, now_ms);
    rdb_file_writer_head(&saving.whole, &facts);
    rdb_file_writer_function(&saving.whole, STR("#!lua name=shelf\n"));
    save_databases(&saving, visit);
    for (int i = 0; i < 2; i++) {
        take(&saving.whole);
        take(&saving.parts[i]);
        rdb_file_writer_join(&saving.whole, saving.parts[i].checksum, saving.parts[i].part_bytes);
        rdb_file_writer_deinit(&saving.parts[i]);
    }
    rdb_file_writer_end(&saving.whole);
    take(&saving.whole);
    rdb_file_writer_deinit(&saving.whole);
}

static void expect_files_read_back(void (*visit)(void *context, struct entry *entry))
{
    for (int round = 0; round < 20; round++) {
        config.rdbcompression = dice_below(2);
        config.rdbchecksum = dice_below(4) > 0;
        fill((int)dice_below(200));
        save(visit);
        load(1 + dice_below(dice_below(2) ? 10 : 100000));
        expect_both_equal();
        file.length = 0;
        for (int db = 0; db < DATABASES; db++) {
            keyspace_flush(keyspace, db);
            keyspace_flush(other, db);
        }
    }
}

Test(rdb_file_writer, a_file_reads_back_however_it_is_cut_into_blocks)
{
    expect_files_read_back(save_entry);
}

Test(rdb_file_writer, a_value_may_be_written_in_steps)
{
    config.hash_max_listpack_entries = config.zset_max_listpack_entries = 1;
    config.set_max_listpack_entries = config.set_max_intset_entries = config.list_max_listpack_size = 1;
    expect_files_read_back(save_entry_in_steps);
}

Test(rdb_file_writer, parts_of_several_writers_make_one_file)
{
    expect_files_read_back(save_entry_in_part);
}

Test(rdb_file_writer, the_head_says_what_redis_says)
{
    static const struct rdb_file_facts facts = {1700000000, 12345, true};
    static const struct str expected = STR("REDIS0010"
                                           "\xfa\x09redis-ver\x05"
                                           "7.4.2"
                                           "\xfa\x0aredis-bits\xc0\x40"
                                           "\xfa\x05"
                                           "ctime\xc2\x00\xf1\x53\x65"
                                           "\xfa\x08used-mem\xc1\x39\x30"
                                           "\xfa\x08"
                                           "aof-base\xc0\x01");
    struct rdb_file_writer writer;

    rdb_file_writer_init(&writer, &memory, &config, RDB_VERSION_LEAST, now_ms);
    rdb_file_writer_head(&writer, &facts);
    cr_assert(str_equal(buffer_str(&writer.block), expected));
    rdb_file_writer_deinit(&writer);
}

static void expect_key_written(int policy, uint32_t access, struct str expected)
{
    struct rdb_file_writer writer;

    config.maxmemory_policy = policy;
    struct entry *entry = keyspace_set_string(keyspace, 3, key_of(STR("k")), STR("v"), 258);
    entry_set_access(entry, access);
    rdb_file_writer_init(&writer, &memory, &config, RDB_VERSION_LEAST, now_ms);
    rdb_write_key(&writer, 3, entry);
    cr_assert(str_equal(buffer_str(&writer.block), expected));
    rdb_file_writer_deinit(&writer);
}

Test(rdb_file_writer, a_key_comes_with_its_deadline_and_with_its_use_where_the_policy_wants_that)
{
    expect_key_written(CONFIG_POLICY_NOEVICTION, 0, STR("\xfe\3\xfc\2\1\0\0\0\0\0\0\0\1k\1v"));
    expect_key_written(CONFIG_POLICY_ALLKEYS_LRU, access_with_idle(now_ms, 7),
                       STR("\xfe\3\xfc\2\1\0\0\0\0\0\0\xf8\7\0\1k\1v"));
    expect_key_written(CONFIG_POLICY_VOLATILE_LFU, access_with_frequency(now_ms, 200),
                       STR("\xfe\3\xfc\2\1\0\0\0\0\0\0\xf9\xc8\0\1k\1v"));
}
