/* One key as bits, in whatever encoding, beside a plain array of as many bytes. */
#include "core/bitmap_value.h"

#include <criterion/criterion.h>
#include <string.h>

#include "core/memory.h"
#include "core/sparse_bitmap.h"
#include "tests/support/dice.h"

enum { LENGTH_MAX = 200 * 1024 };

static struct memory memory;
static struct keyspace *keyspace;
static char model[LENGTH_MAX];
static size_t model_length;

static void start(void)
{
    keyspace_hash_seed((const uint8_t *)"a secret that is 32 bytes long..");
    keyspace = keyspace_create(&memory, 1);
}

static void stop(void)
{
    keyspace_destroy(keyspace);
    cr_assert_eq(memory.used_bytes, 0);
}

TestSuite(bitmap_value, .init = start, .fini = stop);

static struct entry *find(void)
{
    return keyspace_find(keyspace, 0, key_of(STR("k")), 0);
}

static bool model_bit(uint64_t at)
{
    return (uint8_t)model[at / 8] >> (7 - at % 8) & 1;
}

static void write_bits(uint64_t offset, unsigned width, uint64_t value)
{
    struct bitmap bitmap;
    struct entry *entry = bitmap_open(keyspace, 0, key_of(STR("k")), find(), (offset + width - 1) / 8 + 1, &bitmap);

    bitmap_write(&bitmap, offset, width, value);
    bitmap_close(entry);
    for (unsigned i = 0; i < width; i++) {
        uint64_t at = offset + i;

        model[at / 8] &= (char)~(0x80 >> at % 8);
        model[at / 8] |= (char)((value >> (width - 1 - i) & 1) << (7 - at % 8));
        if (at / 8 + 1 > model_length)
            model_length = at / 8 + 1;
    }
}

static bool is_sparse(void)
{
    return entry_encoding(find()) == ENCODING_SPARSE_BITMAP;
}

static void check_reading(const struct bitmap *bitmap)
{
    uint64_t bits = model_length * 8, first = dice_below(bits), last = first + dice_below(bits - first);
    unsigned width = 1 + (unsigned)dice_below(64);
    uint64_t count = 0, value = 0, found[2] = {UINT64_MAX, UINT64_MAX}, at;

    for (uint64_t i = last + 1; i-- > first;) {
        count += model_bit(i);
        found[model_bit(i)] = i;
    }
    for (unsigned i = 0; i < width; i++)
        value = value << 1 | (first + i < bits && model_bit(first + i));
    cr_assert_eq(bitmap->length, model_length);
    cr_assert_eq(bitmap_count(bitmap, first, last), count);
    cr_assert_eq(bitmap_read(bitmap, first, width), value);
    for (int bit = 0; bit < 2; bit++) {
        cr_assert_eq(bitmap_find(bitmap, bit, first, last, &at), found[bit] != UINT64_MAX);
        cr_assert(found[bit] == UINT64_MAX || at == found[bit]);
    }
}

static void check(void)
{
    char digits[32], bytes[100];
    struct bitmap bitmap = bitmap_of(find(), digits);
    size_t from = dice_below(model_length), count = dice_below(model_length - from + 1) % sizeof bytes;

    check_reading(&bitmap);
    if (!bitmap.sparse)
        return;
    sparse_bitmap_read(bitmap.sparse, from, count, bytes);
    cr_assert_arr_eq(bytes, model + from, count);
}

static void begin_again(void)
{
    keyspace_delete(keyspace, 0, key_of(STR("k")), 0);
    memset(model, 0, sizeof model);
    model_length = 0;
}

static void random_step(void)
{
    unsigned width = 1 + (unsigned)dice_below(64);
    uint64_t limit = dice_below(3) ? 2000 : (LENGTH_MAX - 8) * 8;

    write_bits(dice_below(limit), dice_below(2) ? 1 : width, dice_bits());
}

Test(bitmap_value, both_encodings_read_as_an_array_of_bits)
{
    int sparse = 0;

    dice_seed();
    for (int round = 0; round < 20; round++) {
        begin_again();
        for (int step = 0; step < 60; step++) {
            random_step();
            check();
            sparse += is_sparse();
        }
        char digits[32];
        struct str bytes = entry_string(find(), digits);
        cr_assert(!is_sparse() && bytes.length == model_length && memcmp(bytes.bytes, model, model_length) == 0);
    }
    cr_assert(sparse > 100, "%d", sparse);
}

Test(bitmap_value, one_distant_bit_takes_few_bytes)
{
    struct bitmap bitmap;
    struct entry *entry = bitmap_open(keyspace, 0, key_of(STR("k")), NULL, SPARSE_BITMAP_LENGTH_MAX, &bitmap);
    char digits[32];

    bitmap_write(&bitmap, UINT32_MAX, 1, 1);
    bitmap_close(entry);
    cr_assert(entry_bytes(entry) < 1000, "%zu", entry_bytes(entry));
    bitmap = bitmap_of(entry, digits);
    cr_assert_eq(bitmap_count(&bitmap, 0, UINT32_MAX), 1);
}

Test(bitmap_value, a_string_of_ones_is_plain_again_and_a_shorter_growth_was_never_sparse)
{
    write_bits(16 * 1024 * 8 - 1, 1, 1);
    cr_assert(!is_sparse(), "16 KB");
    begin_again();
    write_bits(16 * 1024 * 8, 1, 1);
    cr_assert(is_sparse(), "one byte more");
    for (uint64_t at = 0; is_sparse(); at += 4) {
        cr_assert(at < 16 * 1024 * 8);
        write_bits(at, 1, 1);
    }
    check();
}

Test(bitmap_value, what_was_there_stays_with_its_expiry_and_no_change_is_counted)
{
    struct bitmap bitmap;
    char digits[32];

    keyspace_set_string(keyspace, 0, key_of(STR("k")), STR("12345"), 99);
    uint64_t dirty = keyspace_stats(keyspace)->dirty;
    bitmap_open(keyspace, 0, key_of(STR("k")), find(), 100000, &bitmap);
    cr_assert(is_sparse());
    cr_assert_eq(entry_expiry_ms(find()), 99);
    cr_assert_eq(keyspace_stats(keyspace)->dirty, dirty);
    cr_assert_eq(memcmp(entry_string(find(), digits).bytes, "12345\0\0", 7), 0);
    bitmap_open(keyspace, 0, key_of(STR("k")), find(), 100001, &bitmap);
    cr_assert_eq(bitmap.length, 100001);
    cr_assert_eq(keyspace_stats(keyspace)->dirty, dirty);
}

Test(bitmap_value, a_string_longer_than_a_sparse_one_can_be_is_plain)
{
    struct bitmap bitmap;
    struct entry *entry = bitmap_open(keyspace, 0, key_of(STR("k")), NULL, SPARSE_BITMAP_LENGTH_MAX, &bitmap);

    bitmap_write(&bitmap, 5, 1, 1);
    entry = bitmap_open(keyspace, 0, key_of(STR("k")), entry, SPARSE_BITMAP_LENGTH_MAX + 1, &bitmap);
    cr_assert_eq(entry_encoding(entry), ENCODING_RAW);
    cr_assert_eq(bitmap_read(&bitmap, 0, 8), 4);
}
