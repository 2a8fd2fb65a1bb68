/* Sets of every encoding, beside a model: which of some hundred texts are members, and the encoding that Redis's rules
 * lead to, worked out from the texts alone. */
#include "core/set_value.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#include "core/config.h"
#include "core/hash.h"
#include "core/idset.h"
#include "core/set_random.h"
#include "tests/support/dice.h"

static struct memory memory;
static struct config config;

static void begin(void)
{
    static const uint8_t secret[32] = "a secret that every test run has";

    if (!hash_is_seeded())
        hash_seed(secret);
    dice_seed();
    memory_init(&memory, NULL);
    config_init(&config);
}

static void end(void)
{
    cr_assert_eq(memory.used_bytes, 0, "%zu bytes leaked", memory.used_bytes);
    config_deinit(&config);
}

TestSuite(set_value, .init = begin, .fini = end);

static void set_thresholds(int64_t intset, int64_t listpack, int64_t length)
{
    config.set_max_intset_entries = intset;
    config.set_max_listpack_entries = listpack;
    config.set_max_listpack_value = length;
}

static struct set_value make(enum value_encoding encoding)
{
    return set_value_create(&memory, &config, encoding);
}

static bool add(struct set_value *set, const char *text)
{
    struct set_member member = set_member_of(str_from(text));

    return set_value_add(set, &member);
}

static void add_range(struct set_value *set, int64_t first, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        struct set_member member = set_member_integer(first + i);

        cr_assert(set_value_add(set, &member));
    }
}

static void add_words(struct set_value *set, int first, int count)
{
    for (int i = first; i < first + count; i++) {
        char text[32];

        snprintf(text, sizeof text, "word %d", i);
        cr_assert(add(set, text));
    }
}

/* The number of a member that is one, or "word NUMBER". */
static int number_in(const struct set_member *member)
{
    char digits[NUMBER_TEXT_MAX], copy[NUMBER_TEXT_MAX] = "";
    struct str text = set_member_text(member, digits);

    cr_assert(text.length > 0 && text.length < sizeof copy);
    memcpy(copy, text.bytes, text.length);
    return atoi(copy[0] == 'w' ? copy + 5 : copy);
}

static bool is_word(const struct set_member *member)
{
    return !member->is_integer;
}

/* What texts there are. */

enum { TEXTS = 120, TEXT_BYTES = 400 };

static char texts[TEXTS][TEXT_BYTES];
static size_t lengths[TEXTS];

static void put_text(int index, struct str text)
{
    memcpy(texts[index], text.bytes, text.length);
    lengths[index] = text.length;
}

static void make_texts(void)
{
    static const char *const special[] = {
        "4294967295",
        "4294967296",
        "-1",
        "-0",
        "0",
        "00",
        "007",
        "+1",
        " 1",
        "1 ",
        "1.0",
        "",
        "65535",
        "65536",
        "9223372036854775807",
        "-9223372036854775808",
        "9223372036854775808",
        "-",
        "a",
        "ab",
    };
    int count = 0;

    for (size_t i = 0; i < sizeof special / sizeof *special; i++)
        put_text(count++, str_from(special[i]));
    for (int length = 62; length <= 66; length++, count++)
        lengths[count] = (size_t)length, memset(texts[count], 'x', (size_t)length);
    for (int length = 253; length <= 257; length++, count++)
        lengths[count] = (size_t)length, memset(texts[count], 'y', (size_t)length);
    for (int number = 1; count < TEXTS; number++, count++)
        lengths[count] = (size_t)snprintf(texts[count], TEXT_BYTES, number % 3 ? "%d" : "w%d", number);
}

static struct str text_at(int index)
{
    return (struct str){texts[index], lengths[index]};
}

static struct set_member member_at(int index)
{
    return set_member_of(text_at(index));
}

static int index_of(struct str text)
{
    for (int index = 0; index < TEXTS; index++)
        if (str_equal(text_at(index), text))
            return index;
    cr_assert_fail("no such text: %.*s", (int)text.length, text.bytes);
    return -1;
}

/* The model */

struct model {
    bool present[TEXTS];
    size_t count;
    enum value_encoding encoding; /* ENCODING_TABLE for both large ones */
    bool only_ids;                /* since it is large */
};

static bool is_integer(int index)
{
    int64_t value;

    return number_parse_integer(text_at(index), &value);
}

static bool is_id(int index)
{
    int64_t value;

    return number_parse_integer(text_at(index), &value) && value >= 0 && value <= UINT32_MAX;
}

static size_t longest(const struct model *model)
{
    size_t length = 0;

    for (int index = 0; index < TEXTS; index++)
        if (model->present[index] && lengths[index] > length)
            length = lengths[index];
    return length;
}

static void model_grow(struct model *model)
{
    model->encoding = ENCODING_TABLE;
    model->only_ids = true;
    for (int index = 0; index < TEXTS; index++)
        model->only_ids = model->only_ids && (!model->present[index] || is_id(index));
}

static void model_add(struct model *model, int index)
{
    size_t before = model->count;

    if (model->present[index])
        return;
    model->present[index] = true;
    model->count++;
    if (model->encoding == ENCODING_INTSET && is_integer(index)) {
        if (model->count > (size_t)config.set_max_intset_entries)
            model_grow(model);
    } else if (model->encoding != ENCODING_TABLE) {
        size_t length = model->encoding == ENCODING_INTSET ? longest(model) : lengths[index];

        if (before < (size_t)config.set_max_listpack_entries && length <= (size_t)config.set_max_listpack_value)
            model->encoding = ENCODING_LISTPACK;
        else
            model_grow(model);
    } else {
        model->only_ids = model->only_ids && is_id(index);
    }
}

static void model_remove(struct model *model, int index)
{
    model->count -= model->present[index];
    model->present[index] = false;
}

static enum value_encoding model_encoding(const struct model *model)
{
    return model->encoding == ENCODING_TABLE && model->only_ids ? ENCODING_ROARING : model->encoding;
}

/* Comparing */

struct seen {
    int times[TEXTS];
    size_t count, most;
};

static bool see(void *context, const struct set_member *member)
{
    struct seen *seen = context;
    char digits[NUMBER_TEXT_MAX];

    seen->times[index_of(set_member_text(member, digits))]++;
    return ++seen->count < seen->most;
}

static void expect_same(const struct set_value *set, const struct model *model)
{
    struct seen seen = {.most = SIZE_MAX};

    cr_assert_eq(set_value_count(set), model->count);
    cr_assert(set_value_each(set, see, &seen));
    for (int index = 0; index < TEXTS; index++)
        cr_assert_eq(seen.times[index], model->present[index], "text %d comes %d times", index, seen.times[index]);
}

static void expect_scan_to_see_all(const struct set_value *set, const struct model *model)
{
    struct seen seen = {.most = SIZE_MAX};
    uint64_t cursor = 0;

    do
        cursor = set_value_scan(set, cursor, 1 + dice_below(9), see, &seen);
    while (cursor != 0);
    for (int index = 0; index < TEXTS; index++)
        cr_assert_eq(seen.times[index], model->present[index]);
}

static void expect_copy_to_be_the_same(const struct set_value *set, const struct model *model)
{
    const struct value_kind *kind = value_kind_of(VALUE_SET, set->encoding);
    struct set_value copy = *set;

    copy.value = kind->copy(&memory, set->value);
    expect_same(&copy, model);
    set_value_destroy(&copy);
}

static struct set_dice dice(void);

static void change(struct set_value *set, struct model *model, int index)
{
    struct set_member member = member_at(index);

    cr_assert_eq(set_value_contains(set, &member), model->present[index]);
    if (dice_below(5) < 3) {
        cr_assert_eq(set_value_add(set, &member), !model->present[index]);
        model_add(model, index);
        cr_assert_eq(set->encoding, model_encoding(model), "encoding %d instead of %d", set->encoding,
                     model_encoding(model));
    } else {
        cr_assert_eq(set_value_remove(set, &member), model->present[index]);
        model_remove(model, index);
    }
}

static void look(struct set_value *set, struct model *model)
{
    expect_same(set, model);
    expect_scan_to_see_all(set, model);
    expect_copy_to_be_the_same(set, model);
    if (model->count == 0)
        return;
    char digits[NUMBER_TEXT_MAX];
    struct set_member member = set_random_member(set, dice());
    cr_assert(model->present[index_of(set_member_text(&member, digits))]);
}

static void live(enum value_encoding encoding, int texts_used)
{
    struct set_value set = make(encoding);
    struct model model = {.encoding = encoding};

    for (int step = 0; step < 400; step++) {
        change(&set, &model, (int)dice_below((uint64_t)texts_used));
        if (step % 20 == 0)
            look(&set, &model);
    }
    look(&set, &model);
    set_value_destroy(&set);
    cr_assert_eq(memory.used_bytes, 0);
}

static uint64_t random_bits(void *context)
{
    return dice_bits();
}

static struct set_dice dice(void)
{
    return (struct set_dice){random_bits, NULL};
}

Test(set_value, agrees_with_a_model_in_members_and_encoding)
{
    static const int64_t most[] = {0, 1, 4, 16, 64, 512};
    static const int64_t longest_texts[] = {0, 2, 19, 20, 64, 300};

    make_texts();
    for (int run = 0; run < 120; run++) {
        set_thresholds(most[dice_below(6)], most[dice_below(6)], longest_texts[dice_below(6)]);
        live(dice_below(2) ? ENCODING_INTSET : ENCODING_LISTPACK, (int)(8 + dice_below(TEXTS - 8)));
    }
}

Test(set_value, is_created_in_the_encoding_for_what_is_to_come)
{
    struct set_member number = set_member_integer(5), word = set_member_of(STR("word"));
    struct {
        const struct set_member *first;
        size_t expected;
        enum value_encoding encoding;
    } const cases[] = {
        {&number, 1, ENCODING_INTSET},   {&number, 20, ENCODING_INTSET}, {&number, 21, ENCODING_LISTPACK},
        {&number, 31, ENCODING_ROARING}, {&word, 1, ENCODING_LISTPACK},  {&word, 30, ENCODING_LISTPACK},
        {&word, 31, ENCODING_ROARING},
    };

    set_thresholds(20, 30, 64);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct set_value set = set_value_create_for(&memory, &config, cases[i].first, cases[i].expected);

        cr_assert_eq(set.encoding, cases[i].encoding, "case %zu", i);
        set_value_destroy(&set);
    }
}

Test(set_value, grows_at_once_for_more_than_a_small_encoding_holds)
{
    struct set_value integers = make(ENCODING_INTSET), words = make(ENCODING_LISTPACK);

    set_thresholds(20, 30, 64);
    add_range(&integers, 0, 3);
    add_words(&words, 0, 3);
    set_value_expect(&integers, 20);
    set_value_expect(&words, 30);
    cr_assert(integers.encoding == ENCODING_INTSET && words.encoding == ENCODING_LISTPACK);
    set_value_expect(&integers, 21);
    set_value_expect(&words, 31);
    cr_assert(integers.encoding == ENCODING_ROARING && words.encoding == ENCODING_TABLE);
    cr_assert(set_value_count(&integers) == 3 && set_value_count(&words) == 3);
    set_value_destroy(&integers);
    set_value_destroy(&words);
}

Test(set_value, narrows_to_an_intset_what_it_can_hold)
{
    struct set_value set = make(ENCODING_ROARING);

    set_thresholds(20, 30, 64);
    add_range(&set, 0, 21);
    set_value_narrow(&set);
    cr_assert_eq(set.encoding, ENCODING_ROARING, "one too many");
    struct set_member last = set_member_integer(20);
    cr_assert(set_value_remove(&set, &last));
    last = set_member_integer(19);
    cr_assert(set_value_remove(&set, &last));
    add(&set, "word");
    set_value_narrow(&set);
    cr_assert_eq(set.encoding, ENCODING_TABLE, "no integer");
    last = set_member_of(STR("word"));
    cr_assert(set_value_remove(&set, &last));
    set_value_narrow(&set);
    cr_assert_eq(set.encoding, ENCODING_INTSET);
    cr_assert_eq(set_value_count(&set), 19);
    set_value_destroy(&set);
}

Test(set_value, takes_integers_as_they_are_where_they_are_many)
{
    for (uint32_t count = 512; count <= 513; count++) {
        struct set_value set = make(ENCODING_INTSET);
        struct idset *ids = idset_create(&memory);

        idset_add_range(ids, 1000, 1000 + count - 1);
        set_value_take_ids(&set, ids);
        cr_assert_eq(set_value_count(&set), count);
        cr_assert_eq(set.encoding, count == 512 ? ENCODING_INTSET : ENCODING_ROARING);
        set_value_destroy(&set);
    }
}

Test(set_value, a_word_among_a_million_integers_moves_none)
{
    struct set_value set = make(ENCODING_ROARING);

    add_range(&set, 0, 1000000);
    size_t before = memory.used_bytes;
    cr_assert_lt(before, 3 * 1000000, "%zu bytes for a million integers", before);
    add(&set, "word");
    cr_assert_eq(set.encoding, ENCODING_TABLE);
    cr_assert_lt(memory.used_bytes - before, 1500, "%zu bytes more", memory.used_bytes - before);
    cr_assert_eq(set_value_count(&set), 1000001);
    set_value_destroy(&set);
}

Test(set_value, is_freed_in_slices)
{
    const struct value_kind *kind = value_kind_of(VALUE_SET, ENCODING_TABLE);
    struct set_value set = make(ENCODING_ROARING);
    size_t left, slices = 0;

    for (int64_t i = 0; i < 200; i++)
        add_range(&set, i * 100000, 3);
    add_words(&set, 0, 20000);
    left = kind->items(set.value);
    cr_assert_geq(left, 20000 + 200);
    for (size_t now; (now = kind->drain(&memory, set.value, 100)) > 0; left = now, slices++) {
        cr_assert_lt(now, left);
        cr_assert_leq(left - now, 1200, "%zu items in a slice of 100", left - now);
    }
    cr_assert_gt(slices, 15);
}

Test(set_value, changes_its_keyspace_with_all_it_holds)
{
    const struct value_kind *kind = value_kind_of(VALUE_SET, ENCODING_TABLE);
    struct set_value set = make(ENCODING_ROARING);
    struct memory other = {0};

    add_range(&set, 0, 1000);
    add_words(&set, 0, 1000);
    size_t bytes = memory.used_bytes;
    cr_assert_eq(kind->bytes(set.value), bytes);
    kind->rehome(set.value, &memory, &other);
    cr_assert(memory.used_bytes == 0 && other.used_bytes == bytes);
    set.memory = &other;
    add_words(&set, 1000, 100);
    cr_assert_eq(memory.used_bytes, 0);
    set_value_destroy(&set);
    cr_assert_eq(other.used_bytes, 0);
}

Test(set_value, members_of_any_length_are_kept)
{
    static const size_t sizes[] = {0, 1, 254, 255, 256, 65536, 1000000};
    struct set_value set = make(ENCODING_ROARING);
    char *bytes = calloc(1, 1000000);

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct set_member member = set_member_of((struct str){bytes, sizes[i]});

        cr_assert(set_value_add(&set, &member));
        cr_assert(!set_value_add(&set, &member));
        cr_assert(set_value_contains(&set, &member));
    }
    cr_assert_eq(set_value_count(&set), sizeof sizes / sizeof *sizes);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct set_member member = set_member_of((struct str){bytes, sizes[i]});

        cr_assert(set_value_remove(&set, &member));
    }
    cr_assert_eq(set_value_count(&set), 0);
    set_value_destroy(&set);
    free(bytes);
}

/* Those present during a whole walk are seen, whatever else happens. */

struct marked {
    bool seen[3000];
};

static bool mark(void *context, const struct set_member *member)
{
    struct marked *marked = context;
    int number = number_in(member);

    if (number < 1500)
        marked->seen[number + (is_word(member) ? 1500 : 0)] = true;
    return true;
}

Test(set_value, a_walk_sees_what_stays_while_the_rest_comes_and_goes)
{
    struct set_value set = make(ENCODING_ROARING);
    struct marked marked = {{false}};
    uint64_t cursor = 0;
    int step = 0;

    add_range(&set, 0, 1500);
    add_words(&set, 0, 1500);
    do {
        if (step % 2 == 0) {
            add_range(&set, 10000 + 1000 * (step / 2), 60);
            add_words(&set, 10000 + 1000 * (step / 2), 60);
        } else {
            for (int i = 0; i < 60; i++) {
                char text[32];
                struct set_member member = set_member_integer(10000 + 1000 * (step / 2) + i);

                cr_assert(set_value_remove(&set, &member));
                snprintf(text, sizeof text, "word %d", 10000 + 1000 * (step / 2) + i);
                member = set_member_of(str_from(text));
                cr_assert(set_value_remove(&set, &member));
            }
        }
        cursor = set_value_scan(&set, cursor, 10, mark, &marked);
        step++;
    } while (cursor != 0);
    for (int i = 0; i < 3000; i++)
        cr_assert(marked.seen[i], "member %d was not seen", i);
    set_value_destroy(&set);
}

Test(set_value, a_cursor_from_anywhere_does_no_harm)
{
    struct set_value set = make(ENCODING_ROARING);
    struct seen seen = {.most = SIZE_MAX};

    make_texts();
    for (int index = 0; index < TEXTS; index++) {
        struct set_member member = member_at(index);

        set_value_add(&set, &member);
    }
    for (int i = 0; i < 20000; i++)
        set_value_scan(&set, dice_bits() >> dice_below(64), 1 + dice_below(100), see, &seen);
    set_value_scan(&set, UINT64_MAX, 10, see, &seen);
    set_value_destroy(&set);
}

Test(set_value, a_walk_stops_where_it_is_told_to)
{
    make_texts();
    for (size_t most = 1; most < 30; most++) {
        struct set_value set = make(ENCODING_ROARING);
        struct seen seen = {.most = most};

        for (int index = 0; index < TEXTS; index++) {
            struct set_member member = member_at(index);

            set_value_add(&set, &member);
        }
        cr_assert(!set_value_each(&set, see, &seen));
        cr_assert_eq(seen.count, most);
        seen.count = 0;
        cr_assert(!set_large_each_string(set.value, see, &seen));
        cr_assert_eq(seen.count, most);
        set_value_destroy(&set);
    }
}
