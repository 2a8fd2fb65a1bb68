/* Records made by hand, and what is wrong with files. */
#include "persist/rdb_file_reader.h"

#include <criterion/criterion.h>

#include "core/crc64.h"
#include "core/memory.h"
#include "core/rdb_format.h"
#include "core/rdb_skip.h"
#include "tests/support/persist/rdb_feeding.h"
#include "tests/support/rdb_samples.h"

static struct memory memory;
static struct rdb_feeding feeding;
static struct buffer file;

static void begin(void)
{
    buffer_init(&file, &memory, NULL, 0);
}

static void end(void)
{
    rdb_feeding_deinit(&feeding);
    buffer_deinit(&file);
    cr_assert_eq(memory.used_bytes, 0);
}

TestSuite(rdb_file_reader, .init = begin, .fini = end);

/* A file of that version around the records, with an end and a checksum. */
static void make_file(const char *head, struct str records)
{
    file.length = 0;
    buffer_append(&file, head, strlen(head));
    buffer_append_str(&file, records);
    buffer_append(&file, "\xff", 1);
    uint64_t checksum = crc64(0, buffer_str(&file));
    buffer_append(&file, &checksum, sizeof checksum);
}

static void open_file(size_t piece_most, bool knows_size)
{
    rdb_feeding_deinit(&feeding);
    rdb_feeding_init(&feeding, &memory, buffer_str(&file), piece_most, knows_size);
}

static void open_records(struct str records)
{
    make_file("REDIS0011", records);
    open_file(1, true);
}

static struct rdb_record next(enum rdb_record_kind kind)
{
    struct rdb_record record;
    enum rdb_file_status status = rdb_feeding_next(&feeding, &record);

    cr_assert_neq(status, RDB_FILE_WRONG, "%s", rdb_file_reader_problem(&feeding.reader));
    cr_assert_eq(status, RDB_FILE_RECORD);
    cr_assert_eq(record.kind, kind);
    return record;
}

static void expect_end(void)
{
    struct rdb_record record;
    enum rdb_file_status status = rdb_feeding_next(&feeding, &record);

    cr_assert_eq(status, RDB_FILE_END);
}

static void expect_wrong(const char *problem)
{
    struct rdb_record record;
    enum rdb_file_status status;

    while ((status = rdb_feeding_next(&feeding, &record)) == RDB_FILE_RECORD)
        ;
    cr_assert_eq(status, RDB_FILE_WRONG);
    cr_assert_str_eq(rdb_file_reader_problem(&feeding.reader), problem);
}

#define EXPECT_STR(actual, text) cr_assert(str_equal(actual, STR(text)))

Test(rdb_file_reader, each_record_is_given_with_all_that_belongs_to_it)
{
    open_records(STR("\xfa\1a\xc0\5"                                /* an AUX field, a number */
                     "\xf5\4code"                                   /* a function's library */
                     "\xfe\2"                                       /* database 2, */
                     "\xfb\3\1"                                     /* of three keys, one of which expires */
                     "\xf4\1\2\3"                                   /* a slot of a cluster */
                     "\xfc\2\1\0\0\0\0\0\0\xf8\x40\x64\0\1k\5value" /* one with a deadline, idle for 100 seconds */
                     "\xf9\x07\2\xc0\x05\2\1a\1b"));                /* one that was used 7 times */

    struct rdb_record aux = next(RDB_RECORD_AUX);
    EXPECT_STR(aux.name, "a");
    EXPECT_STR(aux.text, "5");
    EXPECT_STR(next(RDB_RECORD_FUNCTION).text, "code");
    struct rdb_record sizes = next(RDB_RECORD_SIZES);
    cr_assert(sizes.db == 2 && sizes.keys == 3 && sizes.expiring == 1);
    struct rdb_record key = next(RDB_RECORD_KEY);
    cr_assert(key.db == 2 && key.type == RDB_STRING && key.deadline_ms == 258 && key.idle_seconds == 100);
    cr_assert_eq(key.frequency, -1);
    EXPECT_STR(key.name, "k");
    EXPECT_STR(key.value, "\5value");
    cr_assert(rdb_record_has_passed(&key, 258) && !rdb_record_has_passed(&key, 257));
    struct rdb_record set = next(RDB_RECORD_KEY);
    cr_assert(set.type == RDB_SET && set.deadline_ms == -1 && set.idle_seconds == -1 && set.frequency == 7);
    EXPECT_STR(set.name, "5");
    EXPECT_STR(set.value, "\2\1a\1b");
    cr_assert_not(rdb_record_has_passed(&set, INT64_MAX));
    expect_end();
    expect_end();
}

/* A sample's record under the key k. */
static struct rdb_record next_of_sample(struct str bytes)
{
    struct buffer records;

    buffer_init(&records, &memory, NULL, 0);
    buffer_append(&records, bytes.bytes, 1);
    buffer_append(&records, "\1k", 2);
    buffer_append(&records, bytes.bytes + 1, bytes.length - 1);
    open_records(buffer_str(&records));
    buffer_deinit(&records);
    return next(RDB_RECORD_KEY);
}

/* The others are of no type (8, 26 to 242), or opcodes, of which other tests know. */
Test(rdb_file_reader, every_type_of_value_from_redis_2_6_to_8_0_is_read)
{
    bool is_read[256] = {false};

    for (size_t i = 0; i < sizeof rdb_samples / sizeof rdb_samples[0]; i++) {
        struct str bytes = rdb_samples[i].bytes;
        struct rdb_record record = next_of_sample(bytes);

        cr_assert(record.type == (uint8_t)bytes.bytes[0], "%s", rdb_samples[i].name);
        cr_assert(str_equal(record.value, (struct str){bytes.bytes + 1, bytes.length - 1}), "%s", rdb_samples[i].name);
        expect_end();
        is_read[record.type] = true;
    }
    for (int type = 0; type <= RDB_HASH_LISTPACK_EXPIRING; type++)
        cr_assert_eq(is_read[type], type != RDB_MODULE_EARLY && type != RDB_MODULE && type != 8, "type %d", type);
}

Test(rdb_file_reader, what_begins_no_record_is_refused)
{
    for (int byte = 0; byte < RDB_SLOT; byte++) {
        char record[] = {(char)byte, 1, 'k', 1, 'v'};

        if (byte != 8 && byte <= RDB_HASH_LISTPACK_EXPIRING)
            continue;
        open_records((struct str){record, sizeof record});
        expect_wrong("dump.rdb, record at byte 9: there is no such type of record");
    }
}

Test(rdb_file_reader, deadlines_may_be_in_seconds_and_before_1970)
{
    open_records(STR("\xfd\2\1\0\0\0\1a\0"
                     "\xfc\xff\xff\xff\xff\xff\xff\xff\xff\0\1b\0"));
    cr_assert_eq(next(RDB_RECORD_KEY).deadline_ms, 258000);
    cr_assert_eq(next(RDB_RECORD_KEY).deadline_ms, 0);
    expect_end();
}

Test(rdb_file_reader, what_a_module_wrote_is_passed_over_and_named)
{
    char name[RDB_MODULE_NAME_MAX + 1];

    open_records(STR("\xf7\x81\x31\xb9\xf6\xe8\xa2\xfb\xef\x84\2\2\5\3str\0" /* of no key */
                     "\7\1k\x81\x31\xb9\xf6\xe8\xa2\xfb\xef\x84\1\x07\4abcdefgh\0"
                     "\0\1s\1v"));
    cr_assert_null(next(RDB_RECORD_MODULE).name.bytes);
    struct rdb_record value = next(RDB_RECORD_MODULE);
    EXPECT_STR(value.name, "k");
    rdb_module_name(value.module, name);
    cr_assert_str_eq(name, "Mbn26KL77");
    EXPECT_STR(next(RDB_RECORD_KEY).name, "s");
    expect_end();
}

Test(rdb_file_reader, what_follows_the_end_is_left)
{
    make_file("REDIS0006", STR(""));
    buffer_append(&file, "*1\r\n", 4);
    open_file(100, true);
    expect_end();
    EXPECT_STR(file_window_rest(&feeding.reader.window), "*1\r\n");
    cr_assert_eq(file_window_offset(&feeding.reader.window), file.length - 4);
}

Test(rdb_file_reader, a_checksum_of_zero_is_none)
{
    make_file("REDIS0009", STR("\0\1k\1v"));
    memset(file.bytes + file.length - 8, 0, 8);
    open_file(3, true);
    next(RDB_RECORD_KEY);
    expect_end();
}

Test(rdb_file_reader, what_is_wrong_is_told_with_its_place)
{
    static const struct {
        const char *head;
        struct str records;
        const char *problem;
    } cases[] = {
        {"REDIS0013", STR(""), "dump.rdb, record at byte 0: RDB files of this version can't be read (6 to 12 can)"},
        {"REDIS0005", STR(""), "dump.rdb, record at byte 0: RDB files of this version can't be read (6 to 12 can)"},
        {"REDIS00x1", STR(""), "dump.rdb, record at byte 0: this is no RDB file: it has no version"},
        {"VALKEY080", STR(""), "dump.rdb, record at byte 0: RDB files of Valkey 9 and later can't be read"},
        {"VALUES080", STR(""), "dump.rdb, record at byte 0: this is no RDB file: it does not begin with REDIS"},
        {"REDIS0011", STR("\xfe\xc0\1"), "dump.rdb, record at byte 9: malformed at byte 11"},
        {"REDIS0011", STR("\x06\1k\1v"),
         "dump.rdb, record at byte 9: the value is a module's of before Redis 4.0, and can't be passed "
         "over"},
        {"REDIS0011", STR("\xf6\1k"),
         "dump.rdb, record at byte 9: functions in the form that they had before Redis 7.0 was released "
         "can't "
         "be read"},
        {"REDIS0011", STR("\0\1k\x81\0\0\0\1\0\0\0\0"),
         "dump.rdb, record at byte 9: malformed at byte 21"}, /* longer than a string may be */
        {"REDIS0011", STR("\0\1k\x80\0\1\0\0v"),
         "dump.rdb, record at byte 9: the file ends within what begins at byte 17"},
        {"REDIS0011", STR("\2\1k\x81\x7f\xff\xff\xff\xff\xff\xff\xff\1a"),
         "dump.rdb, record at byte 9: the file ends within what begins at byte 21"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        make_file(cases[i].head, cases[i].records);
        open_file(4, true);
        expect_wrong(cases[i].problem);
        cr_assert_lt(memory.used_bytes, 300 * 1000, "case %zu", i);
    }
}

/* Were it looked at again with each piece, it would take a minute. */
Test(rdb_file_reader, a_large_value_may_come_in_small_pieces, .timeout = 20)
{
    enum { MEMBERS = 300000 };
    struct buffer records;

    buffer_init(&records, &memory, NULL, 0);
    buffer_append(&records, "\2\1k\x80\0\x04\x93\xe0", 8);
    for (int i = 0; i < MEMBERS; i++)
        buffer_append(&records, "\xc2\1\2\3\4", 5);
    make_file("REDIS0011", buffer_str(&records));
    buffer_deinit(&records);
    for (int knows_size = 0; knows_size < 2; knows_size++) {
        open_file(50, knows_size);
        cr_assert_eq(next(RDB_RECORD_KEY).value.length, 5 + 5 * MEMBERS);
        expect_end();
    }
}

Test(rdb_file_reader, a_file_may_not_be_cut)
{
    make_file("REDIS0011", STR("\xfe\2\xfc\2\1\0\0\0\0\0\0\0\1k\5value"));
    size_t length = file.length;
    for (file.length = 0; file.length < length; file.length++)
        for (int knows_size = 0; knows_size < 2; knows_size++) {
            struct rdb_record record;
            enum rdb_file_status status;

            open_file(5, knows_size);
            while ((status = rdb_feeding_next(&feeding, &record)) == RDB_FILE_RECORD)
                ;
            cr_assert_eq(status, RDB_FILE_WRONG, "cut at %zu", file.length);
        }
}

Test(rdb_file_reader, a_bit_that_changes_is_noticed)
{
    make_file("REDIS0011", STR("\xfe\2\xfc\2\1\0\0\0\0\0\0\0\1k\5value"));
    for (size_t bit = 0; bit < 8 * file.length; bit++) {
        struct rdb_record record;
        enum rdb_file_status status;

        file.bytes[bit / 8] ^= (char)(1 << bit % 8);
        open_file(100, true);
        while ((status = rdb_feeding_next(&feeding, &record)) == RDB_FILE_RECORD)
            ;
        cr_assert_eq(status, RDB_FILE_WRONG, "bit %zu", bit);
        file.bytes[bit / 8] ^= (char)(1 << bit % 8);
    }
}

Test(rdb_file_reader, who_takes_a_record_may_refuse_it)
{
    open_records(STR("\xfe\2\0\3k\ny\1v\0\1l\1v"));
    struct rdb_record record = next(RDB_RECORD_KEY);
    rdb_file_reader_refuse(&feeding.reader, &record, "the key is there twice");
    expect_wrong("dump.rdb, record at byte 11, key \"k\\ny\" of type 0 in database 2: the key is there twice");
}
