/* Ziplists and zipmaps as older servers wrote them, against a writer of our own. */
#include "core/ziplist.h"

#include <criterion/criterion.h>

#include "core/buffer.h"
#include "core/listpack.h"
#include "core/memory.h"
#include "tests/support/dice.h"

static struct memory memory;
static struct buffer bytes;

static void begin(void)
{
    buffer_init(&bytes, &memory, NULL, 0);
}

static void end(void)
{
    buffer_deinit(&bytes);
    cr_assert_eq(memory.used_bytes, 0);
}

TestSuite(ziplist, .init = begin, .fini = end);

static size_t last_bytes, last_at;
static unsigned element_count;

static void little(uint64_t number, size_t count)
{
    buffer_append(&bytes, &number, count);
}

static void ziplist_begin(void)
{
    bytes.length = 0;
    buffer_append(&bytes, "\0\0\0\0\0\0\0\0\0", 10);
    last_at = 10;
    last_bytes = 0;
    element_count = 0;
}

static void back_length(void)
{
    last_at = bytes.length;
    if (last_bytes < 254)
        little(last_bytes, 1);
    else
        little(0xfe | (uint64_t)last_bytes << 8, 5);
    element_count++;
}

static void add_string(struct str text)
{
    back_length();
    if (text.length < 64) {
        little(text.length, 1);
    } else if (text.length < 16384) {
        little(0x40 | text.length >> 8, 1);
        little(text.length, 1);
    } else {
        little(0x80, 1);
        for (int i = 3; i >= 0; i--)
            little(text.length >> 8 * i, 1);
    }
    buffer_append_str(&bytes, text);
    last_bytes = bytes.length - last_at;
}

static void add_integer(unsigned encoding, int64_t integer, size_t count)
{
    back_length();
    little(encoding, 1);
    little((uint64_t)integer, count);
    last_bytes = bytes.length - last_at;
}

static void ziplist_end(void)
{
    little(0xff, 1);
    uint32_t header[2] = {(uint32_t)bytes.length, (uint32_t)last_at};
    uint16_t count = (uint16_t)(element_count < 65535 ? element_count : 65535);
    memcpy(bytes.bytes, header, 8);
    memcpy(bytes.bytes + 8, &count, 2);
}

static bool is_read(unsigned char *(*read)(struct memory *memory, struct str bytes), struct str from)
{
    char *exact = malloc(from.length); /* so that a sanitizer sees a read outside */
    memcpy(exact, from.bytes, from.length);
    unsigned char *pack = read(&memory, (struct str){exact, from.length});

    if (pack != NULL)
        cr_assert(listpack_validate(pack, listpack_bytes(pack)));
    listpack_free(&memory, pack);
    free(exact);
    return pack != NULL;
}

static void expect_refused_when_cut(unsigned char *(*read)(struct memory *memory, struct str bytes))
{
    for (size_t cut = 0; cut < bytes.length; cut++)
        cr_assert_not(is_read(read, (struct str){bytes.bytes, cut}), "cut at %zu", cut);
}

static void expect_text(const unsigned char *element, struct str text)
{
    cr_assert(element != NULL && listpack_equals(element, text), "expected %.*s", (int)text.length, text.bytes);
}

Test(ziplist, integers_of_every_width_are_read)
{
    static const struct {
        unsigned encoding;
        int64_t integer;
        size_t bytes;
    } cases[] = {
        {0xfe, -128, 1},      {0xc0, -32768, 2},    {0xf0, -8388608, 3}, {0xf0, 8388607, 3}, {0xd0, INT32_MIN, 4},
        {0xe0, INT64_MIN, 8}, {0xe0, INT64_MAX, 8}, {0xf1, 0, 0},        {0xfd, 12, 0},
    };
    size_t count = sizeof cases / sizeof cases[0];

    ziplist_begin();
    for (size_t i = 0; i < count; i++)
        add_integer(cases[i].encoding, cases[i].integer, cases[i].bytes);
    ziplist_end();
    unsigned char *pack = ziplist_to_listpack(&memory, buffer_str(&bytes)), *element = listpack_first(pack);
    cr_assert_eq(listpack_count(pack), count);
    for (size_t i = 0; i < count; i++, element = listpack_next(element)) {
        struct listpack_value value = listpack_get(element);
        cr_assert(value.bytes == NULL && value.integer == cases[i].integer, "case %zu", i);
    }
    listpack_free(&memory, pack);
    expect_refused_when_cut(ziplist_to_listpack);
}

Test(ziplist, strings_of_every_length_are_read)
{
    static const size_t lengths[] = {0, 1, 63, 64, 253, 254, 16383, 16384, 70000, 3};
    static char text[70000];
    size_t count = sizeof lengths / sizeof lengths[0];

    memset(text, 'x', sizeof text);
    ziplist_begin();
    for (size_t i = 0; i < count; i++)
        add_string((struct str){text, lengths[i]});
    ziplist_end();
    unsigned char *pack = ziplist_to_listpack(&memory, buffer_str(&bytes)), *element = listpack_first(pack);
    for (size_t i = 0; i < count; i++, element = listpack_next(element))
        expect_text(element, (struct str){text, lengths[i]});
    cr_assert_null(element);
    listpack_free(&memory, pack);
}

Test(ziplist, a_header_that_does_not_agree_is_refused)
{
    static const size_t places[] = {0, 3, 4, 7, 8, 9};

    ziplist_begin();
    add_string(STR("field"));
    add_string(STR("value"));
    ziplist_end();
    cr_assert(is_read(ziplist_to_listpack, buffer_str(&bytes)));
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        bytes.bytes[places[i]] ^= 1;
        cr_assert_not(is_read(ziplist_to_listpack, buffer_str(&bytes)), "byte %zu", places[i]);
        bytes.bytes[places[i]] ^= 1;
    }
    memset(bytes.bytes + 8, 0xff, 2); /* a count that says nothing */
    cr_assert(is_read(ziplist_to_listpack, buffer_str(&bytes)));
    bytes.bytes[17]++; /* where the second says how long the first is */
    cr_assert_not(is_read(ziplist_to_listpack, buffer_str(&bytes)));
}

Test(ziplist, zipmaps_are_read_with_their_unused_bytes)
{
    bytes.length = 0;
    buffer_append_str(&bytes, STR("\2\3foo\3\0bar\5hello\5\2world--\xff"));
    unsigned char *pack = zipmap_to_listpack(&memory, buffer_str(&bytes));
    cr_assert_eq(listpack_count(pack), 4);
    expect_text(listpack_seek(pack, 0), STR("foo"));
    expect_text(listpack_seek(pack, 1), STR("bar"));
    expect_text(listpack_seek(pack, 2), STR("hello"));
    expect_text(listpack_seek(pack, 3), STR("world"));
    listpack_free(&memory, pack);
    expect_refused_when_cut(zipmap_to_listpack);
    bytes.bytes[0] = 3;
    cr_assert_not(is_read(zipmap_to_listpack, buffer_str(&bytes)));
    bytes.bytes[0] = '\xfe';
    cr_assert(is_read(zipmap_to_listpack, buffer_str(&bytes)));
}

Test(ziplist, zipmaps_have_long_fields_and_values)
{
    static char text[300];

    memset(text, 'x', sizeof text);
    bytes.length = 0;
    little(1, 1);
    little(0xfe | sizeof text << 8, 5);
    buffer_append(&bytes, text, sizeof text);
    little(0xfe | sizeof text << 8, 5);
    little(1, 1);
    buffer_append(&bytes, text, sizeof text);
    little(0, 1);
    little(0xff, 1);
    cr_assert(is_read(zipmap_to_listpack, buffer_str(&bytes)));
    expect_refused_when_cut(zipmap_to_listpack);
}

Test(ziplist, damaged_bytes_are_read_or_refused)
{
    dice_seed();
    for (int round = 0; round < 3000; round++) {
        ziplist_begin();
        for (size_t i = dice_below(6); i > 0; i--)
            if (dice_below(2))
                add_string((struct str){"some text that has some length, more than sixty-three bytes of it, I hope",
                                        dice_below(74)});
            else
                add_integer(0xc0, (int64_t)dice_bits(), 2);
        ziplist_end();
        cr_assert(is_read(ziplist_to_listpack, buffer_str(&bytes)));
        for (size_t i = 1 + dice_below(3); i > 0; i--)
            bytes.bytes[dice_below(bytes.length)] = (char)dice_bits();
        is_read(ziplist_to_listpack, buffer_str(&bytes));
        is_read(zipmap_to_listpack, buffer_str(&bytes));
    }
}
