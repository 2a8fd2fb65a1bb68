/* Random operations on two keyspaces, as a gather sees them, beside plain arrays. */
#include "core/keyspace.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/memory.h"
#include "tests/support/dice.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

enum { DATABASES = 3, NAMES = 60, SPACES = 2, VALUE_MAX = 4000 };

struct model_key {
    bool present;
    size_t length;
    char value[VALUE_MAX];
    int64_t expiry_ms;
    enum value_encoding encoding;
};

static struct model_key model[SPACES][DATABASES][NAMES];
static char names[NAMES][400];
static struct memory memories[SPACES];
static struct keyspace *spaces[SPACES];
static int64_t now_ms;

/* Each begins with its number in three digits. */
static void make_names(void)
{
    static const size_t lengths[] = {3, 8, 16, 255, 256, 257, 300};

    for (int at = 0; at < NAMES; at++) {
        memset(names[at], 'n', lengths[(size_t)at % COUNT_OF(lengths)]);
        names[at][0] = '0';
        names[at][1] = (char)('0' + at / 10);
        names[at][2] = (char)('0' + at % 10);
    }
}

static int number_of(const struct entry *entry)
{
    const char *name = entry_key(entry).bytes;

    return (name[1] - '0') * 10 + name[2] - '0';
}

/* One of the keys, wherever it lies. */
struct spot {
    int space, db, name;
};

static struct spot any_spot(void)
{
    return (struct spot){(int)dice_below(SPACES), (int)dice_below(DATABASES), (int)dice_below(NAMES)};
}

static struct key spot_key(struct spot spot)
{
    return key_of(str_from(names[spot.name]));
}

static struct model_key *spot_model(struct spot spot)
{
    struct model_key *modelled = &model[spot.space][spot.db][spot.name];

    if (modelled->present && modelled->expiry_ms >= 0 && modelled->expiry_ms <= now_ms)
        modelled->present = false;
    return modelled;
}

static struct entry *spot_find(struct spot spot)
{
    return keyspace_find(spaces[spot.space], spot.db, spot_key(spot), now_ms);
}

static bool holds(const struct entry *entry, struct str expected)
{
    char digits[32];

    return str_equal(entry_string(entry, digits), expected);
}

static void check_entry(const struct model_key *modelled, const struct entry *entry)
{
    cr_assert_eq(entry != NULL, modelled->present);
    if (entry == NULL)
        return;
    cr_assert(holds(entry, (struct str){modelled->value, modelled->length}));
    cr_assert_eq(entry_expiry_ms(entry), modelled->expiry_ms);
    cr_assert_eq(entry_encoding(entry), modelled->encoding);
}

static void check_spot(struct spot spot)
{
    check_entry(spot_model(spot), spot_find(spot));
}

static int64_t any_expiry(void)
{
    if (dice_below(3) != 0)
        return -1;
    return dice_below(10) == 0 ? INT64_MAX : now_ms + 1 + (int64_t)dice_below(40);
}

static struct str any_value(char bytes[static VALUE_MAX])
{
    static const size_t lengths[] = {0, 1, 19, 20, 21, 44, 45, 100, 192, 193, 255, 256, 1000, 3000};
    size_t length = lengths[dice_below(COUNT_OF(lengths))];

    if (dice_below(3) == 0)
        return (struct str){bytes, (size_t)sprintf(bytes, "%lld", (long long)dice_bits() >> dice_below(64))};
    for (size_t at = 0; at < length; at++)
        bytes[at] = (char)(dice_below(2) ? '1' : dice_bits());
    return (struct str){bytes, length};
}

static enum value_encoding text_encoding(struct str text)
{
    char copy[24] = {0}, *end, again[24];

    if (text.length > 0 && text.length <= 20) {
        memcpy(copy, text.bytes, text.length);
        snprintf(again, sizeof(again), "%lld", strtoll(copy, &end, 10));
        if (text.length == strlen(again) && memcmp(again, text.bytes, text.length) == 0)
            return ENCODING_INT;
    }
    return text.length <= 44 ? ENCODING_EMBSTR : ENCODING_RAW;
}

static void model_set(struct model_key *modelled, struct str value, enum value_encoding encoding, int64_t expiry_ms)
{
    modelled->present = true;
    memcpy(modelled->value, value.bytes, value.length);
    modelled->length = value.length;
    modelled->encoding = encoding;
    modelled->expiry_ms = expiry_ms;
}

static void do_set(struct spot spot)
{
    char bytes[VALUE_MAX];
    struct str value = any_value(bytes);
    int64_t expiry_ms = any_expiry();

    model_set(spot_model(spot), value, text_encoding(value), expiry_ms);
    check_entry(spot_model(spot), keyspace_set_string(spaces[spot.space], spot.db, spot_key(spot), value, expiry_ms));
}

static void do_set_keep(struct spot spot)
{
    char bytes[VALUE_MAX];
    struct str value = any_value(bytes);
    struct model_key *modelled = spot_model(spot);
    struct entry *entry = spot_find(spot); /* as commands do, so that no expired deadline is kept */
    int64_t expiry_ms = entry ? modelled->expiry_ms : -1;

    if (dice_below(2)) {
        entry = keyspace_set_string_keep_expiry(spaces[spot.space], spot.db, spot_key(spot), value);
        model_set(modelled, value, text_encoding(value), expiry_ms);
    } else {
        entry = keyspace_set_bytes(spaces[spot.space], spot.db, spot_key(spot), value);
        model_set(modelled, value, value.length <= 44 ? ENCODING_EMBSTR : ENCODING_RAW, expiry_ms);
    }
    check_entry(modelled, entry);
}

static void do_set_integer(struct spot spot)
{
    struct model_key *modelled = spot_model(spot);
    int64_t expiry_ms = spot_find(spot) ? modelled->expiry_ms : -1, integer = (int64_t)dice_bits();
    char digits[32];
    struct str text = {digits, (size_t)sprintf(digits, "%lld", (long long)integer)};

    model_set(modelled, text, ENCODING_INT, expiry_ms);
    check_entry(modelled, keyspace_set_integer(spaces[spot.space], spot.db, spot_key(spot), integer));
}

static void do_grow(struct spot spot)
{
    struct model_key *modelled = spot_model(spot);
    struct entry *entry = spot_find(spot);
    size_t old = entry ? modelled->length : 0, length = old + dice_below(150);
    char *bytes;

    if (length == 0 || length > VALUE_MAX)
        return;
    entry = keyspace_resize_raw(spaces[spot.space], spot.db, spot_key(spot), entry, length, &bytes);
    if (!modelled->present)
        model_set(modelled, STR(""), ENCODING_RAW, -1);
    modelled->encoding = ENCODING_RAW;
    memset(modelled->value + old, 0, length - old);
    modelled->length = length;
    size_t at = dice_below(length);
    bytes[at] = modelled->value[at] = (char)dice_bits();
    check_entry(modelled, entry);
}

static void do_expiry(struct spot spot)
{
    struct entry *entry = spot_find(spot);
    struct model_key *modelled = spot_model(spot);

    if (entry == NULL)
        return;
    modelled->expiry_ms = any_expiry();
    check_entry(modelled, keyspace_set_expiry(spaces[spot.space], spot.db, entry, modelled->expiry_ms));
}

static void do_delete(struct spot spot)
{
    struct model_key *modelled = spot_model(spot);

    cr_assert_eq(keyspace_delete(spaces[spot.space], spot.db, spot_key(spot), now_ms), modelled->present);
    modelled->present = false;
}

static void do_move_or_copy(struct spot spot)
{
    struct spot target = any_spot();
    struct entry *entry = spot_find(spot);
    struct model_key copy;

    if (entry == NULL)
        return;
    if (dice_below(2))
        target.name = spot.name;
    copy = *spot_model(spot);
    if (dice_below(2)) {
        keyspace_copy(spaces[spot.space], spot.db, entry, spaces[target.space], target.db, spot_key(target));
    } else {
        keyspace_move(spaces[spot.space], spot.db, spot_key(spot), spaces[target.space], target.db, spot_key(target));
        spot_model(spot)->present = false;
    }
    *spot_model(target) = copy;
    check_spot(target);
    check_spot(spot);
}

static void do_swap(struct spot spot)
{
    static struct model_key kept[NAMES];
    int other = (int)dice_below(DATABASES);

    keyspace_swap(spaces[spot.space], spot.db, other);
    memcpy(kept, model[spot.space][spot.db], sizeof(kept));
    memmove(model[spot.space][spot.db], model[spot.space][other], sizeof(kept));
    memcpy(model[spot.space][other], kept, sizeof(kept));
}

static void do_flush(struct spot spot)
{
    size_t count = keyspace_count(spaces[spot.space], spot.db);

    cr_assert_eq(keyspace_flush(spaces[spot.space], spot.db), count);
    for (int name = 0; name < NAMES; name++)
        model[spot.space][spot.db][name].present = false;
}

static void mark_visit(void *context, struct entry *entry)
{
    int *visits = context;

    visits[number_of(entry)]++;
}

static void do_each(struct spot spot)
{
    int visits[NAMES] = {0};

    keyspace_each(spaces[spot.space], spot.db, now_ms, mark_visit, visits);
    for (int name = 0; name < NAMES; name++)
        cr_assert_eq(visits[name], spot_model((struct spot){spot.space, spot.db, name})->present);
}

static void do_random(struct spot spot)
{
    struct entry *entry = keyspace_random(spaces[spot.space], spot.db, now_ms);

    if (entry != NULL)
        check_entry(spot_model((struct spot){spot.space, spot.db, number_of(entry)}), entry);
}

static void do_clock(struct spot spot)
{
    int64_t next_ms;

    now_ms += (int64_t)dice_below(4);
    if (dice_below(2)) {
        while (keyspace_expire(spaces[spot.space], now_ms, 3) > 0)
            continue;
        next_ms = keyspace_next_expiry_ms(spaces[spot.space]);
        cr_assert_gt(next_ms, now_ms);
    }
    keyspace_reclaim(spaces[spot.space], 20);
}

static void check_counts(int space)
{
    int64_t next_ms = INT64_MAX;

    while (keyspace_expire(spaces[space], now_ms, 10) > 0)
        continue;
    for (int db = 0; db < DATABASES; db++) {
        size_t present = 0, expiring = 0;

        for (int name = 0; name < NAMES; name++) {
            const struct model_key *modelled = spot_model((struct spot){space, db, name});

            present += modelled->present;
            expiring += modelled->present && modelled->expiry_ms >= 0;
            if (modelled->present && modelled->expiry_ms >= 0 && modelled->expiry_ms < next_ms)
                next_ms = modelled->expiry_ms;
        }
        cr_assert_eq(keyspace_count(spaces[space], db), present);
        cr_assert_eq(keyspace_count_expiring(spaces[space], db), expiring);
    }
    cr_assert_eq(keyspace_next_expiry_ms(spaces[space]), next_ms);
}

static void step(void)
{
    static void (*const common[])(struct spot spot) = {do_set,    do_set_keep, do_set_integer,  do_grow,
                                                       do_expiry, do_delete,   do_move_or_copy, do_clock};
    static void (*const rare[])(struct spot spot) = {do_swap, do_flush, do_each, do_random};
    struct spot spot = any_spot();

    if (dice_below(20) == 0)
        rare[dice_below(COUNT_OF(rare))](spot);
    else
        common[dice_below(COUNT_OF(common))](spot);
    check_spot(any_spot());
}

Test(keyspace_random, operations_on_two_shards_agree_with_plain_arrays)
{
    keyspace_hash_seed((const uint8_t *)"a secret that is 32 bytes long..");
    dice_seed();
    make_names();
    for (int space = 0; space < SPACES; space++)
        spaces[space] = keyspace_create(&memories[space], DATABASES);
    for (int round = 0; round < 60000; round++) {
        step();
        if (round % 100 == 0)
            check_counts(round / 100 % SPACES);
    }
    for (int space = 0; space < SPACES; space++)
        keyspace_destroy(spaces[space]);
    cr_assert_eq(memories[0].used_bytes, 0);
    cr_assert_eq(memories[1].used_bytes, 0);
}
