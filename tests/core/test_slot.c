#include <criterion/criterion.h>

#include "core/slot.h"
#include "tests/support/dice.h"

static uint16_t model_crc16(struct str bytes)
{
    uint16_t crc = 0;

    for (size_t i = 0; i < bytes.length; i++) {
        crc ^= (uint16_t)((unsigned char)bytes.bytes[i] << 8);
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 0x8000 ? (uint16_t)(crc << 1 ^ 0x1021) : (uint16_t)(crc << 1);
    }
    return crc;
}

static void expect_tag(const struct affinity *affinity, const char *key, const char *tag)
{
    struct str found = slot_tag(affinity, str_from(key));

    cr_assert(str_equal(found, str_from(tag)), "%s: %.*s", key, (int)found.length, found.bytes);
}

Test(slot, checksum_is_xmodem)
{
    cr_assert_eq(slot_crc16(STR("123456789")), 0x31c3);
    cr_assert_eq(slot_crc16((struct str){NULL, 0}), 0);
    cr_assert_eq(slot_crc16(STR("\0\0\0")), 0);
}

Test(slot, checksum_agrees_with_bit_by_bit)
{
    char bytes[100];

    dice_seed();
    for (int i = 0; i < 50000; i++) {
        struct str text = {bytes, dice_below(100)};
        for (size_t k = 0; k < text.length; k++)
            bytes[k] = (char)dice_bits();
        cr_assert_eq(slot_crc16(text), model_crc16(text));
    }
}

/* slot_of may use an instruction of the CPU instead of the tables. */
Test(slot, a_key_without_a_tag_is_placed_by_its_checksum)
{
    const struct affinity none = {0};
    char bytes[100];

    dice_seed();
    for (int i = 0; i < 50000; i++) {
        struct str key = {bytes, dice_below(100)};
        for (size_t k = 0; k < key.length; k++)
            bytes[k] = (char)(dice_bits() | 0x80); /* never a brace */
        cr_assert_eq(slot_of(&none, key), model_crc16(key) % SLOT_COUNT);
    }
}

Test(slot, keys_get_the_slots_of_redis_cluster)
{
    const struct affinity none = {0};

    cr_assert_eq(slot_of(&none, STR("foo")), 12182);
    cr_assert_eq(slot_of(&none, STR("{user1000}.following")), 3443);
    cr_assert_eq(slot_of(&none, STR("")), 0);
}

Test(slot, tag_is_what_the_first_braces_hold)
{
    const struct affinity none = {0};

    expect_tag(&none, "plain", "plain");
    expect_tag(&none, "{a}b", "a");
    expect_tag(&none, "x{a}{b}", "a");
    expect_tag(&none, "foo{{bar}}zap", "{bar");
    expect_tag(&none, "foo{}{bar}", "foo{}{bar}");
    expect_tag(&none, "foo{bar", "foo{bar");
    expect_tag(&none, "foo}bar{", "foo}bar{");
    expect_tag(&none, "", "");
}

/* Byte by byte. */
static struct str model_tag(struct str key)
{
    size_t open = 0, close;

    while (open < key.length && key.bytes[open] != '{')
        open++;
    for (close = open + 1; close < key.length && key.bytes[close] != '}'; close++)
        ;
    return close < key.length && close > open + 1 ? (struct str){key.bytes + open + 1, close - open - 1} : key;
}

Test(slot, braces_are_found_wherever_they_stand_in_keys_of_any_length)
{
    static const char letters[] = "{}{zy|\xfb\xfd";
    const struct affinity none = {0};

    dice_seed();
    for (int i = 0; i < 200000; i++) {
        size_t length = dice_below(40);
        char *key = malloc(length + 1); /* exactly, so that a sanitizer sees what is read beside it */

        for (size_t k = 0; k < length; k++)
            key[k] = dice_below(8) ? 'x' : letters[dice_below(sizeof letters - 1)];
        struct str text = {key, length}, tag = slot_tag(&none, text), expected = model_tag(text);
        cr_assert(tag.bytes == expected.bytes && tag.length == expected.length, "%.*s", (int)length, key);
        cr_assert_eq(slot_of(&none, text), model_crc16(expected) % SLOT_COUNT);
        free(key);
    }
}

Test(slot, many_keys_have_the_slots_of_each)
{
    static const char letters[] = "{}x:";
    struct affinity_pattern pattern;
    const struct affinity affinities[] = {{0}, {.patterns = &pattern, .count = 1}};
    char bytes[4096];
    struct str keys[60];
    uint16_t slots[61];

    dice_seed();
    cr_assert(affinity_pattern_parse(STR("x:*:"), &pattern));
    for (int round = 0; round < 2000; round++) {
        const struct affinity *affinity = &affinities[round % 2];
        int step = 1 + (int)dice_below(3), count = (int)dice_below(60 / (uint64_t)step + 1);
        size_t used = 0;

        for (int i = 0; i < 60; used += keys[i++].length) {
            keys[i] = (struct str){bytes + used, dice_below(40)};
            for (size_t k = 0; k < keys[i].length; k++)
                bytes[used + k] = dice_below(6) ? (char)(dice_bits() | 0x80) : letters[dice_below(4)];
        }
        slots[count] = 0xffff;
        slots_of(affinity, keys, step, count, slots);
        for (int i = 0; i < count; i++)
            cr_assert_eq(slots[i], slot_of(affinity, keys[i * step]));
        cr_assert_eq(slots[count], 0xffff);
    }
}

Test(slot, affinity_places_by_what_the_star_matched)
{
    struct affinity_pattern patterns[3];
    struct affinity affinity = {.patterns = patterns, .count = 3};

    cr_assert(affinity_pattern_parse(STR("bull:*:"), &patterns[0]));
    cr_assert(affinity_pattern_parse(STR("asynq:*"), &patterns[1]));
    cr_assert(affinity_pattern_parse(STR("*.queue"), &patterns[2]));
    expect_tag(&affinity, "bull:mail:wait", "mail");
    expect_tag(&affinity, "bull:mail:1:lock", "mail");
    expect_tag(&affinity, "bull::x", ":x");
    expect_tag(&affinity, "bull:::", ":"); /* not empty */
    expect_tag(&affinity, "bull:mail", "mail");
    expect_tag(&affinity, "bull:mail.queue", "bull:mail"); /* a match counts more than a beginning */
    expect_tag(&affinity, "bull:", "bull:");
    expect_tag(&affinity, "bull", "bull");
    expect_tag(&affinity, "x", "x");
    expect_tag(&affinity, "bull:{tag}:wait", "tag");
    expect_tag(&affinity, "bull:{}:wait", "{}");
    expect_tag(&affinity, "asynq:default:t", "default:t");
    expect_tag(&affinity, "asynq:", "asynq:");
    expect_tag(&affinity, "mail.queue", "mail");
    expect_tag(&affinity, ".queue.queue", ".queue");
}

/* Keys of few letters, so that many match. */
Test(slot, a_prepared_affinity_places_keys_as_before)
{
    static const char *const texts[] = {"a:*:", "b*", "*:", "{*"};
    static const char letters[] = "ab:{}xy\xff";
    struct affinity_pattern patterns[2];
    char bytes[20];

    dice_seed();
    for (int round = 0; round < 20000; round++) {
        struct affinity affinity = {.patterns = patterns, .count = (int)dice_below(3)}, prepared;
        struct str key = {bytes, dice_below(20)};

        for (int i = 0; i < affinity.count; i++)
            cr_assert(affinity_pattern_parse(str_from(texts[dice_below(4)]), &patterns[i]));
        for (size_t k = 0; k < key.length; k++)
            bytes[k] = letters[dice_below(sizeof letters - 1)];
        prepared = affinity;
        affinity_prepare(&prepared);
        cr_assert_eq(slot_of(&prepared, key), slot_of(&affinity, key), "%.*s", (int)key.length, bytes);
        cr_assert(affinity.count > 0 || prepared.apart[0]);
    }
}

Test(slot, affinity_pattern_has_one_star)
{
    struct affinity_pattern pattern;

    cr_assert_not(affinity_pattern_parse(STR("bull"), &pattern));
    cr_assert_not(affinity_pattern_parse(STR("*a*"), &pattern));
    cr_assert_not(affinity_pattern_parse(STR(""), &pattern));
    cr_assert(affinity_pattern_parse(STR("*"), &pattern));
}

/* Keys of few letters, among them the patterns' and braces, so that many begin alike. */
Test(slot, keys_that_begin_alike_are_where_each_is_by_itself)
{
    static const char *const texts[] = {"a:*:", "a:*", "*:", "a:a*b:", "b*{", "*"};
    static const char letters[] = "aaabb::{}";
    struct affinity_pattern patterns[3];
    char bytes[100] = {0};
    int alike_count = 0;

    dice_seed();
    for (int round = 0; round < 2000; round++) {
        struct affinity affinity = {.patterns = patterns, .count = (int)dice_below(4)};
        struct slot_alike alike = {0};

        for (int i = 0; i < affinity.count; i++)
            cr_assert(affinity_pattern_parse(str_from(texts[dice_below(6)]), &patterns[i]));
        for (int i = 0; i < 100; i++) {
            struct str key = {bytes, dice_below(dice_below(8) ? 12 : 100)};

            for (size_t k = dice_below(4) ? 5 : 0; k < key.length; k++) /* often as the last one began */
                bytes[k] = letters[dice_below(sizeof letters - 1)];
            cr_assert_eq(slot_of_alike(&affinity, &alike, key), slot_of(&affinity, key), "%.*s", (int)key.length,
                         bytes);
            alike_count += alike.length > 0;
        }
    }
    cr_assert_gt(alike_count, 10000);
}
