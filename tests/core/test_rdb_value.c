/* Whole values: each layout that there is, under small and large thresholds, and
 * what is cut or claims too much. What the values hold is for test_cmd_dump.c. */
#include "core/rdb_value.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "core/config.h"
#include "core/keyspace.h"
#include "core/memory.h"
#include "core/zset_value.h"
#include "tests/support/rdb_samples.h"

static struct config config;
static struct memory memory;
static struct keyspace *keyspace;
static struct rdb_loader loader;

static void begin(void)
{
    keyspace_hash_seed((const uint8_t *)"a secret that is 32 bytes long..");
    config_init(&config);
    keyspace = keyspace_create(&memory, 1);
}

static void end(void)
{
    keyspace_destroy(keyspace);
    config_deinit(&config);
    cr_assert_eq(memory.used_bytes, 0);
}

TestSuite(rdb_value, .init = begin, .fini = end);

static void set_thresholds(int64_t most)
{
    config.hash_max_listpack_entries = config.zset_max_listpack_entries = most;
    config.set_max_listpack_entries = config.set_max_intset_entries = most;
    config.list_max_listpack_size = (int)most;
}

/* In a block of their own size, so that a sanitizer sees a read outside. NULL: refused. */
static struct entry *read_under(const char *name, struct str bytes)
{
    char *exact = malloc(bytes.length);
    struct entry *entry = NULL;
    struct rdb_value value;
    uint8_t type;

    str_copy(exact, bytes);
    rdb_loader_init(&loader, (struct str){exact, bytes.length}, &memory, &config);
    if (rdb_read_byte(&loader.reader, &type) && rdb_read_value(&loader, type, &value)) {
        if (value.value == NULL)
            entry = keyspace_set_string(keyspace, 0, key_of(str_from(name)), value.string, -1);
        else
            entry = keyspace_set_value(keyspace, 0, key_of(str_from(name)), value.type, value.encoding, value.value);
        cr_assert_eq(rdb_left(&loader.reader), 0, "%s", name);
    }
    rdb_loader_deinit(&loader);
    free(exact);
    return entry;
}

static void expect_written_value_reads(const char *name, const struct entry *entry)
{
    struct buffer written;
    struct rdb_writer writer = {&written, true};
    char type = (char)rdb_type_of(entry);

    buffer_init(&written, &memory, NULL, 0);
    buffer_append(&written, &type, 1);
    rdb_write_value(&writer, entry);
    cr_assert_not_null(read_under("again", buffer_str(&written)), "%s", name);
    buffer_deinit(&written);
}

#define EACH_SAMPLE(sample)                                                                                            \
    const struct rdb_sample *sample = rdb_samples;                                                                     \
    sample < rdb_samples + sizeof rdb_samples / sizeof rdb_samples[0];                                                 \
    sample++

static void expect_samples_read(void)
{
    for (EACH_SAMPLE(sample)) {
        const struct entry *entry = read_under(sample->name, sample->bytes);

        cr_assert_not_null(entry, "%s", sample->name);
        expect_written_value_reads(sample->name, entry);
    }
}

Test(rdb_value, every_layout_is_read_into_small_encodings)
{
    expect_samples_read();
}

Test(rdb_value, every_layout_is_read_into_large_encodings)
{
    set_thresholds(1);
    expect_samples_read();
}

/* Returns how many steps it took. */
static int expect_steps_write_the_same(const struct entry *entry, size_t bytes_most)
{
    struct buffer whole, parts;
    struct rdb_writer to_whole = {&whole, true}, to_parts = {&parts, true};
    struct rdb_value_steps steps;
    int count = 1;

    buffer_init(&whole, &memory, NULL, 0);
    buffer_init(&parts, &memory, NULL, 0);
    rdb_write_value(&to_whole, entry);
    rdb_write_value_begin(&to_parts, &steps, entry);
    for (size_t before = 0; rdb_write_value_go_on(&to_parts, &steps, bytes_most); count++) {
        cr_assert_geq(parts.length - before, bytes_most);
        before = parts.length;
    }
    cr_assert(str_equal(buffer_str(&parts), buffer_str(&whole)));
    buffer_deinit(&whole);
    buffer_deinit(&parts);
    return count;
}

/* A thousand elements, fields, members or entries of that value, whose bytes come before and after a number. */
static struct entry *read_large(const char *head, size_t head_length, const char *after, size_t after_length)
{
    struct entry *entry;
    struct buffer bytes;

    buffer_init(&bytes, &memory, NULL, 0);
    buffer_append(&bytes, head, head_length);
    for (int i = 0; i < 1000; i++) {
        buffer_append_format(&bytes, "%c%04d", 4, i);
        buffer_append(&bytes, after, after_length);
    }
    entry = read_under("large", buffer_str(&bytes));
    cr_assert_not_null(entry);
    buffer_deinit(&bytes);
    return entry;
}

Test(rdb_value, steps_write_what_is_written_as_a_whole)
{
    for (size_t bytes_most = 1; bytes_most <= 4096; bytes_most *= 8) {
        set_thresholds(bytes_most == 8 ? 1 : 128);
        for (EACH_SAMPLE(sample))
            expect_steps_write_the_same(read_under(sample->name, sample->bytes), bytes_most);
        int list = expect_steps_write_the_same(read_large("\1\x43\xe8", 3, "", 0), bytes_most);
        int set = expect_steps_write_the_same(read_large("\2\x43\xe8", 3, "", 0), bytes_most);
        int hash = expect_steps_write_the_same(read_large("\4\x43\xe8", 3, "\1v", 2), bytes_most);
        int zset = expect_steps_write_the_same(read_large("\5\x43\xe8", 3, "\0\0\0\0\0\0\0\0", 8), bytes_most);
        cr_assert(bytes_most > 512 || (list > 1 && set > 1 && hash > 1 && zset > 1));
    }
}

Test(rdb_value, no_value_may_be_cut)
{
    for (EACH_SAMPLE(sample))
        for (size_t length = 0; length < sample->bytes.length; length++)
            cr_assert_null(read_under(sample->name, (struct str){sample->bytes.bytes, length}), "%s, cut at %zu",
                           sample->name, length);
}

Test(rdb_value, no_collection_is_empty)
{
    static const struct str empty[] = {
        STR("\001\000"),
        STR("\002\000"),
        STR("\003\000"),
        STR("\004\000"),
        STR("\005\000"),
        STR("\011\002\000\377"),
        STR("\012\013\013\000\000\000\012\000\000\000\000\000\377"),
        STR("\013\010\002\000\000\000\000\000\000\000"),
        STR("\016\000"),
        STR("\020\007\007\000\000\000\000\000\377"),
        STR("\021\007\007\000\000\000\000\000\377"),
        STR("\022\001\002\007\007\000\000\000\000\000\377"),
        STR("\024\007\007\000\000\000\000\000\377"),
        STR("\030\001\000\000\000\000\000\000\000\000"),
    };

    for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++) {
        cr_assert_null(read_under("empty", empty[i]), "case %zu", i);
        cr_assert(loader.is_empty, "case %zu", i);
    }
    cr_assert_null(read_under("cut", STR("\002\001")));
    cr_assert_not(loader.is_empty);
}

Test(rdb_value, nothing_is_there_twice)
{
    static const struct str twice[] = {
        STR("\002\002\001a\001a"),
        STR("\003\002\001a\0011\001a\0012"),
        STR("\004\002\001a\001x\001a\001y"),
        STR("\024\015\015\000\000\000\002\000\201a\002\201a\002\377"),
        STR("\026\002\000\001a\001x\000\001a\001y"),
    };

    for (size_t i = 0; i < sizeof twice / sizeof twice[0]; i++)
        cr_assert_null(read_under("twice", twice[i]), "case %zu", i);
}

Test(rdb_value, a_field_lives_no_longer_than_redis_has_numbers_for)
{
    static const struct str longest[] = {
        STR("\026\001\201\000\000\377\377\377\377\377\376\001f\001v"),
        STR("\027\027\027\000\000\000\003\000\201f\002\201v\002\364\376\377\377\377\377\377\000\000\011\377"),
    };
    static const struct str longer[] = {
        STR("\026\001\201\000\000\377\377\377\377\377\377\001f\001v"),
        STR("\026\001\201\177\377\377\377\377\377\377\377\001f\001v"),
        STR("\027\027\027\000\000\000\003\000\201f\002\201v\002\364\377\377\377\377\377\377\000\000\011\377"),
        STR("\027\027\027\000\000\000\003\000\201f\002\201v\002\364\377\377\377\377\377\377\377\177\011\377"),
    };

    for (size_t i = 0; i < sizeof longest / sizeof longest[0]; i++)
        cr_assert_not_null(read_under("longest", longest[i]), "case %zu", i);
    for (size_t i = 0; i < sizeof longer / sizeof longer[0]; i++)
        cr_assert_null(read_under("longer", longer[i]), "case %zu", i);
}

/* Streams in pieces: an entry 1-1 that is there, 2-0 that is deleted, and 3-0; a group that has the first two pending.
 */
#define ID(ms, sequence) "\0\0\0\0\0\0\0" ms "\0\0\0\0\0\0\0" sequence
#define AT "\0\100\224R\243\3\0\0"
#define ENTRIES                                                                                                        \
    "::"                                                                                                               \
    "\0\0\0\026\0\2\1\1\1\1\1\201f\2\0\1\2\1\0\1\0\1\201v\2\4\1\3\1\1\1\337\377\2\201w\2\4\1\0\1\2\1\337\377\2\1\1"    \
    "\201g\2"                                                                                                          \
    "\201w\2\6\1\377"
#define BLOCK "\020" ID("\1", "\1") ENTRIES
#define GROUP "\1\1g\2\0"
#define PENDING_1 ID("\1", "\1") AT "\3"
#define PENDING_2 ID("\2", "\0") AT "\1"
#define CONSUMER(name) "\1" name AT
#define IDS "\2" ID("\1", "\1") ID("\2", "\0")

Test(rdb_value, a_stream_agrees_with_itself)
{
    static const struct {
        const char *what;
        struct str bytes;
    } cases[] = {
        {"good", STR("\017\1" BLOCK "\2\3\0" GROUP "\2" PENDING_1 PENDING_2 "\1" CONSUMER("c") IDS)},
        {"another length", STR("\017\1" BLOCK "\3\3\0\0")},
        {"a last ID below an entry's", STR("\017\1" BLOCK "\2\2\0\0")},
        {"two blocks of one ID", STR("\017\2" BLOCK BLOCK "\4\3\0\0")},
        {"an entry before its block",
         STR("\017\1\020" ID("\1", "\1") "))\0\0\0\017\0\2\1\0\1\1\1\201f\2\0\1\2\1\337\377"
                                         "\2\0\1\201v\2\4\1\2\1\1\1\0\1\201w\2\4\1\377\2\3\0\0")},
        {"pending without consumer", STR("\017\1" BLOCK "\2\3\0" GROUP "\1" PENDING_1 "\1" CONSUMER("c") "\0")},
        {"pending twice", STR("\017\1" BLOCK "\2\3\0" GROUP "\2" PENDING_1 PENDING_1 "\1" CONSUMER("c") IDS)},
        {"pending in no order", STR("\017\1" BLOCK "\2\3\0" GROUP "\2" PENDING_2 PENDING_1 "\1" CONSUMER("c") IDS)},
        {"of two consumers", STR("\017\1" BLOCK "\2\3\0" GROUP "\2" PENDING_1 PENDING_2 "\2" CONSUMER("c")
                                     IDS CONSUMER("d") "\1" ID("\1", "\1"))},
        {"an ID not pending", STR("\017\1" BLOCK "\2\3\0" GROUP "\1" PENDING_1 "\1" CONSUMER("c") IDS)},
        {"two consumers of one name", STR("\017\1" BLOCK "\2\3\0" GROUP "\0\2" CONSUMER("c") "\0" CONSUMER("c") "\0")},
        {"two groups of one name", STR("\017\1" BLOCK "\2\3\0\2\1g\2\0\0\0\1g\2\0\0\0")},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        cr_assert_eq(read_under("stream", cases[i].bytes) != NULL, i == 0, "%s", cases[i].what);
}

Test(rdb_value, types_of_modules_and_those_to_come_are_refused)
{
    static const uint8_t types[] = {6, 7, 8, 26, 27, 200, 255};
    char bytes[20] = {0};

    for (size_t i = 0; i < sizeof types; i++) {
        bytes[0] = (char)types[i];
        cr_assert_null(read_under("module", (struct str){bytes, sizeof bytes}), "type %u", types[i]);
    }
}

Test(rdb_value, claims_of_many_items_allocate_nothing)
{
    static const uint8_t types[] = {1, 2, 3, 4, 5, 14, 15, 18, 19, 21, 22};
    char bytes[] = "\000\201\000\000\000\177\377\377\377\377aaaaaaaaaaaaaaaa";
    size_t before = memory.used_bytes;

    for (size_t i = 0; i < sizeof types; i++) {
        bytes[0] = (char)types[i];
        memory.peak_bytes = memory.used_bytes;
        cr_assert_null(read_under("claim", (struct str){bytes, sizeof bytes - 1}), "type %u", types[i]);
        cr_assert_lt(memory.peak_bytes, before + 4096, "type %u", types[i]);
    }
}

Test(rdb_value, only_deadlines_of_fields_need_a_newer_version)
{
    for (EACH_SAMPLE(sample)) {
        const struct entry *entry = read_under(sample->name, sample->bytes);
        bool expiring = strstr(sample->name, "expiring") != NULL;

        cr_assert_eq(rdb_version_of(rdb_type_of(entry)), expiring ? 12 : 10, "%s", sample->name);
    }
}

/* The score of a in a sorted set of a and one more, as pairs. */
static double restored_score(void)
{
    const struct entry *entry = read_under("zero", STR("\005\002\001a\0\0\0\0\0\0\0\200\001b\0\0\0\0\0\0\360\077"));
    double score = 1;

    cr_assert_not_null(entry);
    struct zset zset = {.encoding = entry_encoding(entry), .value = entry_value(entry)};
    cr_assert(zset_find(&zset, STR("a"), &score));
    cr_assert_eq(score, 0.0);
    return score;
}

Test(rdb_value, a_large_sorted_set_keeps_the_sign_of_zero_as_redis_does)
{
    set_thresholds(1);
    cr_assert(signbit(restored_score()));
    set_thresholds(2);
    cr_assert_not(signbit(restored_score()));
}
