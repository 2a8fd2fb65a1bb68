/* Streams beside a plain array of entries, at small limits and with every way of removing; their groups beside the
 * obvious. */
#include "core/stream_value.h"

#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/dice.h"

enum { ENTRIES_MAX = 400, FIELDS_MAX = 4, TEXT_MAX = 12 };

struct model_entry {
    struct stream_id id;
    size_t field_count;
    struct str pairs[2 * FIELDS_MAX];
    char text[2 * FIELDS_MAX][TEXT_MAX];
};

struct fixture {
    struct memory memory;
    struct stream *stream;
    struct stream_limits limits;
    struct model_entry *entries; /* what is alive, in order */
    size_t count;
    struct stream_id last_id, max_deleted_id;
    uint64_t added;
};

static struct fixture *fixture_create(uint64_t block_bytes, uint64_t block_entries)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    fixture->entries = calloc(ENTRIES_MAX, sizeof *fixture->entries);
    fixture->stream = stream_create(&fixture->memory);
    fixture->limits = (struct stream_limits){block_bytes, block_entries};
    return fixture;
}

static void fixture_destroy(struct fixture *fixture)
{
    stream_destroy(&fixture->memory, fixture->stream);
    cr_assert_eq(fixture->memory.used_bytes, 0);
    free(fixture->entries);
    free(fixture);
}

static void remove_model(struct fixture *fixture, size_t index)
{
    struct model_entry *entry = &fixture->entries[index];

    memmove(entry, entry + 1, (--fixture->count - index) * sizeof *entry);
    for (size_t i = index; i < fixture->count; i++)
        for (size_t j = 0; j < 2 * fixture->entries[i].field_count; j++)
            fixture->entries[i].pairs[j].bytes = fixture->entries[i].text[j];
}

static void fill_entry(struct model_entry *entry, struct stream_id id)
{
    static const size_t counts[] = {1, 2, 2, 2, 3, FIELDS_MAX};

    entry->id = id;
    entry->field_count = counts[dice_below(sizeof counts / sizeof counts[0])];
    for (size_t i = 0; i < 2 * entry->field_count; i++) {
        int length = i % 2 == 0 && dice_below(10) > 0
                         ? snprintf(entry->text[i], TEXT_MAX, "field%zu", i)
                         : snprintf(entry->text[i], TEXT_MAX, "%d", (int)dice_below(70000));
        entry->pairs[i] = (struct str){entry->text[i], (size_t)length};
    }
}

static struct stream_id next_id(const struct fixture *fixture)
{
    struct stream_id id = fixture->last_id;

    if (dice_below(3) == 0)
        return (struct stream_id){id.ms + 1 + dice_below(3), dice_below(5)};
    id.sequence += 1 + dice_below(dice_below(20) == 0 ? 100000 : 2);
    return id;
}

static void append(struct fixture *fixture)
{
    struct model_entry *entry = &fixture->entries[fixture->count];

    if (fixture->count == ENTRIES_MAX)
        return;
    fill_entry(entry, next_id(fixture));
    stream_append(fixture->stream, entry->id, entry->pairs, entry->field_count, &fixture->limits);
    fixture->last_id = entry->id;
    fixture->added++;
    fixture->count++;
}

static struct stream_id some_id(const struct fixture *fixture)
{
    if (fixture->count > 0 && dice_below(4) > 0)
        return fixture->entries[dice_below(fixture->count)].id;
    return (struct stream_id){dice_below(fixture->last_id.ms + 2), dice_below(6)};
}

static size_t model_find(const struct fixture *fixture, struct stream_id id)
{
    for (size_t i = 0; i < fixture->count; i++)
        if (stream_id_compare(fixture->entries[i].id, id) == 0)
            return i;
    return fixture->count;
}

static void delete_one(struct fixture *fixture)
{
    struct stream_id id = some_id(fixture);
    size_t index = model_find(fixture, id);
    bool is_there = index < fixture->count;

    cr_assert_eq(stream_delete(fixture->stream, id), is_there);
    if (!is_there)
        return;
    remove_model(fixture, index);
    if (stream_id_compare(id, fixture->max_deleted_id) > 0)
        fixture->max_deleted_id = id;
}

/* What an exact trimming leaves is known; of an approximate one, only that it removes from the front, and no more. */
static void trim(struct fixture *fixture)
{
    struct stream_trim trim = {.by_id = dice_below(2), .approximate = dice_below(2), .min_id = some_id(fixture)};
    size_t goes = 0;

    trim.max_length = dice_below(fixture->count + 3);
    trim.limit = trim.approximate ? dice_below(20) : 0;
    if (!trim.by_id)
        goes = fixture->count > trim.max_length ? fixture->count - trim.max_length : 0;
    else
        while (goes < fixture->count && stream_id_compare(fixture->entries[goes].id, trim.min_id) < 0)
            goes++;
    uint64_t removed = stream_trim(fixture->stream, &trim);
    cr_assert(trim.approximate ? removed <= goes : removed == goes, "%zu of %zu", (size_t)removed, goes);
    cr_assert(trim.limit == 0 || removed <= trim.limit);
    for (; removed > 0; removed--)
        remove_model(fixture, 0);
}

static void check_entry(const struct stream_entry *entry, const struct model_entry *expected)
{
    struct stream_fields fields = stream_fields(entry);
    struct listpack_value name, value;
    char digits[NUMBER_TEXT_MAX];

    cr_assert_eq(stream_id_compare(entry->id, expected->id), 0);
    cr_assert_eq(entry->field_count, expected->field_count);
    for (size_t i = 0; i < expected->field_count; i++) {
        cr_assert(stream_fields_next(&fields, &name, &value));
        cr_assert(str_equal(listpack_text(name, digits), expected->pairs[2 * i]));
        cr_assert(str_equal(listpack_text(value, digits), expected->pairs[2 * i + 1]));
    }
    cr_assert_not(stream_fields_next(&fields, &name, &value));
}

static void check_range(const struct fixture *fixture, struct stream_id first, struct stream_id last, bool reverse)
{
    struct stream_range range = stream_range(fixture->stream, first, last, reverse);
    struct stream_entry entry;

    for (size_t i = 0; i < fixture->count; i++) {
        const struct model_entry *expected = &fixture->entries[reverse ? fixture->count - 1 - i : i];

        if (stream_id_compare(expected->id, first) < 0 || stream_id_compare(expected->id, last) > 0)
            continue;
        cr_assert(stream_range_next(&range, &entry));
        check_entry(&entry, expected);
    }
    cr_assert_not(stream_range_next(&range, &entry));
    cr_assert_not(stream_range_next(&range, &entry));
}

static void check_blocks(const struct fixture *fixture)
{
    struct bptree_place place = bptree_first(&fixture->stream->blocks);
    uint64_t length = 0, live;

    for (const struct bptree_item *item; (item = bptree_get(&place)) != NULL; bptree_next(&place)) {
        const struct stream_block *block = stream_payload(item);

        cr_assert(listpack_validate(block->pack, listpack_bytes(block->pack)));
        cr_assert(stream_block_validate(block->pack, &live));
        cr_assert(live > 0 && live == stream_block_live(block));
        length += live;
    }
    cr_assert_eq(length, fixture->count);
}

static void check(const struct fixture *fixture)
{
    const struct stream *stream = fixture->stream;
    struct stream_id zero = {0, 0}, first = fixture->count > 0 ? fixture->entries[0].id : zero;

    cr_assert_eq(stream->length, fixture->count);
    cr_assert_eq(stream->added, fixture->added);
    cr_assert_eq(stream_id_compare(stream->last_id, fixture->last_id), 0);
    cr_assert_eq(stream_id_compare(stream->first_id, first), 0);
    cr_assert_eq(stream_id_compare(stream->max_deleted_id, fixture->max_deleted_id), 0);
    check_blocks(fixture);
    for (int reverse = 0; reverse < 2; reverse++) {
        check_range(fixture, zero, stream_id_greatest(), reverse);
        check_range(fixture, some_id(fixture), some_id(fixture), reverse);
    }
}

static void run_random(uint64_t block_bytes, uint64_t block_entries)
{
    struct fixture *fixture = fixture_create(block_bytes, block_entries);

    dice_seed();
    for (int i = 0; i < 3000; i++) {
        uint64_t dice = dice_below(100);

        if (dice < 70)
            append(fixture);
        else if (dice < 98)
            delete_one(fixture);
        else
            trim(fixture);
        if (i % 17 == 0)
            check(fixture);
    }
    check(fixture);
    fixture_destroy(fixture);
}

Test(stream_value, behaves_as_an_array_of_entries)
{
    run_random(4096, 100);
}

Test(stream_value, behaves_as_an_array_of_entries_in_blocks_of_three)
{
    run_random(0, 3);
}

Test(stream_value, behaves_as_an_array_of_entries_in_blocks_of_few_bytes)
{
    run_random(120, 0);
}

Test(stream_value, behaves_as_an_array_of_entries_in_one_block)
{
    run_random(0, 0);
}

static void append_plain(struct stream *stream, uint64_t ms, uint64_t sequence)
{
    static const struct str pairs[] = {{"name", 4}, {"value", 5}};
    static const struct stream_limits limits = {4096, 100};

    stream_append(stream, (struct stream_id){ms, sequence}, pairs, 1, &limits);
}

Test(stream_value, lies_in_the_bytes_of_redis)
{
    /* What DUMP of Redis 7 shows for XADD k 1-5 name value, XADD k 2-3 name value, XADD k 2-4 other 7. */
    static const unsigned char expected[] = {
        0x48, 0x00, 0x00, 0x00, 0x16, 0x00, 0x03, 0x01, 0x00, 0x01, 0x01, 0x01, 0x84, 0x6e, 0x61, 0x6d, 0x65, 0x05,
        0x00, 0x01, 0x02, 0x01, 0x00, 0x01, 0x00, 0x01, 0x85, 0x76, 0x61, 0x6c, 0x75, 0x65, 0x06, 0x04, 0x01, 0x02,
        0x01, 0x01, 0x01, 0xdf, 0xfe, 0x02, 0x85, 0x76, 0x61, 0x6c, 0x75, 0x65, 0x06, 0x04, 0x01, 0x00, 0x01, 0x01,
        0x01, 0xdf, 0xff, 0x02, 0x01, 0x01, 0x85, 0x6f, 0x74, 0x68, 0x65, 0x72, 0x06, 0x07, 0x01, 0x06, 0x01, 0xff};
    static const struct str other[] = {{"other", 5}, {"7", 1}};
    static const struct stream_limits limits = {4096, 100};
    struct memory memory = {0};
    struct stream *stream = stream_create(&memory);

    append_plain(stream, 1, 5);
    append_plain(stream, 2, 3);
    stream_append(stream, (struct stream_id){2, 4}, other, 1, &limits);
    cr_assert_eq(listpack_bytes(stream->last->pack), sizeof expected);
    cr_assert_arr_eq(stream->last->pack, expected, sizeof expected);
    stream_destroy(&memory, stream);
}

Test(stream_value, an_id_is_found_again_after_the_last_id_was_set_back)
{
    struct memory memory = {0};
    struct stream *stream = stream_create(&memory);
    struct stream_entry entry;

    append_plain(stream, 1, 0);
    append_plain(stream, 5, 0);
    cr_assert(stream_delete(stream, (struct stream_id){5, 0}));
    stream->last_id = (struct stream_id){1, 0}; /* XSETID after XSETID with MAXDELETEDID */
    append_plain(stream, 3, 0);
    cr_assert(stream_find(stream, (struct stream_id){3, 0}, &entry));
    struct stream_range range = stream_range(stream, (struct stream_id){2, 0}, (struct stream_id){4, 0}, true);
    cr_assert(stream_range_next(&range, &entry) && entry.id.ms == 3);
    cr_assert_not(stream_range_next(&range, &entry));
    stream_destroy(&memory, stream);
}

Test(stream_value, a_block_that_is_laid_out_wrong_is_refused)
{
    struct memory memory = {0};
    struct stream *stream = stream_create(&memory);
    uint64_t live;

    for (uint64_t i = 1; i < 6; i++)
        append_plain(stream, i, 0);
    cr_assert(stream_delete(stream, (struct stream_id){3, 0}));
    unsigned char *pack = stream->last->pack;
    cr_assert(stream_block_validate(pack, &live) && live == 4);
    for (unsigned char *element = listpack_first(pack); element != NULL; element = listpack_next(element)) {
        unsigned char *bytes = listpack_copy(&memory, pack);
        size_t offset = (size_t)(element - pack);

        listpack_delete(&memory, &bytes, bytes + offset);
        cr_assert_not(stream_block_validate(bytes, &live), "without the element at %zu", offset);
        listpack_free(&memory, bytes);
    }
    stream_destroy(&memory, stream);
    cr_assert_eq(memory.used_bytes, 0);
}

/* Groups */

struct delivered {
    struct stream_id id;
    struct stream_consumer *consumer;
    int64_t ms;
};

static int find_delivered(const struct delivered *delivered, int count, struct stream_id id)
{
    for (int i = 0; i < count; i++)
        if (stream_id_compare(delivered[i].id, id) == 0)
            return i;
    return -1;
}

static void check_pending(const struct stream_group *group, const struct delivered *delivered, int count)
{
    size_t of_consumers = 0;
    int64_t last_ms = INT64_MIN;
    struct bptree_place place = bptree_first(&group->consumers);

    cr_assert_eq(group->pending.count, (size_t)count);
    for (int i = 0; i < count; i++) {
        struct stream_pending *pending = stream_pending_find(group, delivered[i].id);

        cr_assert(pending != NULL && pending->consumer == delivered[i].consumer);
        cr_assert_eq(pending->delivered_ms, delivered[i].ms);
    }
    for (const struct bptree_item *item; (item = bptree_get(&place)) != NULL; bptree_next(&place))
        of_consumers += ((const struct stream_consumer *)stream_payload(item))->pending.count;
    cr_assert_eq(of_consumers, (size_t)count);
    cr_assert_eq(group->by_time.count, group->is_timed ? (size_t)count : 0);
    place = bptree_first(&group->by_time);
    for (const struct stream_pending *pending; (pending = stream_pending_at(&place)) != NULL; bptree_next(&place)) {
        cr_assert(pending->delivered_ms >= last_ms);
        last_ms = pending->delivered_ms;
    }
}

Test(stream_value, pending_entries_are_in_all_their_trees)
{
    enum { CONSUMERS = 5, MOST = 300 };
    struct memory memory = {0};
    struct stream *stream = stream_create(&memory);
    struct stream_group *group = stream_groups_add(&stream->groups, STR("group"), (struct stream_id){0, 0}, 0);
    struct stream_consumer *consumers[CONSUMERS];
    static struct delivered delivered[MOST];
    int count = 0;

    dice_seed();
    for (int i = 0; i < CONSUMERS; i++)
        consumers[i] = stream_consumer_add(group, (struct str){"abcdefghi", (size_t)i + 3}, 0);
    for (int step = 0; step < 4000; step++) {
        struct stream_id id = {dice_below(20), dice_below(20)};
        struct stream_consumer *consumer = consumers[dice_below(CONSUMERS)];
        int at = find_delivered(delivered, count, id);
        struct stream_pending *pending = stream_pending_find(group, id);
        int64_t ms = (int64_t)dice_below(50) - 10;

        cr_assert_eq(pending != NULL, at >= 0);
        if (pending == NULL && count < MOST) {
            stream_pending_add(group, consumer, id, ms);
            delivered[count++] = (struct delivered){id, consumer, ms};
        } else if (pending != NULL && dice_below(2) == 0) {
            stream_pending_remove(group, pending);
            delivered[at] = delivered[--count];
        } else if (pending != NULL) {
            stream_pending_assign(pending, consumer);
            stream_pending_set_time(group, pending, ms);
            delivered[at].consumer = consumer;
            delivered[at].ms = ms;
        }
        if (step == 2000)
            stream_group_keep_times(group);
        if (step % 50 == 0)
            check_pending(group, delivered, count);
    }
    stream_consumer_remove(group, consumers[2]);
    for (int i = count - 1; i >= 0; i--)
        if (delivered[i].consumer == consumers[2])
            delivered[i] = delivered[--count];
    check_pending(group, delivered, count);
    stream_destroy(&memory, stream);
    cr_assert_eq(memory.used_bytes, 0);
}

/* Reads all that the group has not been given; returns how many. */
static int read_all(struct stream *stream, struct stream_group *group, struct stream_id *last)
{
    struct stream_range range = stream_group_range(stream, group);
    struct stream_entry entry;
    int count = 0;

    for (; stream_range_next(&range, &entry); count++) {
        cr_assert(stream_id_compare(entry.id, *last) > 0);
        *last = entry.id;
        stream_group_advance(stream, group, &range, entry.id);
    }
    return count;
}

Test(stream_value, a_group_reads_every_entry_once_whatever_moves)
{
    struct fixture *fixture = fixture_create(0, 150);
    struct stream_group *group;
    struct stream_id last = {0, 0};
    size_t expected;

    dice_seed();
    group = stream_groups_add(&fixture->stream->groups, STR("g"), last, 0);
    for (int i = 0; i < 3000; i++) {
        uint64_t dice = dice_below(100);

        if (dice < 60)
            append(fixture);
        else if (dice < 80)
            delete_one(fixture);
        else if (dice < 82)
            trim(fixture);
        expected = 0;
        for (size_t j = fixture->count; j > 0 && stream_id_compare(fixture->entries[j - 1].id, last) > 0; j--)
            expected++;
        if (dice >= 70)
            cr_assert_eq(read_all(fixture->stream, group, &last), (int)expected);
    }
    fixture_destroy(fixture);
}

static void expect_lag(const struct stream *stream, const struct stream_group *group, int64_t expected)
{
    int64_t lag;
    bool known = stream_group_lag(stream, group, &lag);

    cr_assert_eq(known ? lag : -1, expected, "%lld", known ? (long long)lag : -1);
}

Test(stream_value, lag_is_known_but_where_a_deletion_lies_ahead)
{
    struct memory memory = {0};
    struct stream *stream = stream_create(&memory);
    struct stream_group *group =
        stream_groups_add(&stream->groups, STR("g"), (struct stream_id){0, 0}, STREAM_READ_UNKNOWN);
    struct stream_trim trim = {.max_length = 1};
    struct stream_id last = {0, 0};

    expect_lag(stream, group, 0);
    for (uint64_t i = 1; i <= 5; i++)
        append_plain(stream, i, 0);
    expect_lag(stream, group, 5);
    stream_delete(stream, (struct stream_id){1, 0});
    expect_lag(stream, group, 4); /* what was deleted lies before the first */
    stream_delete(stream, (struct stream_id){3, 0});
    expect_lag(stream, group, -1);
    cr_assert_eq(read_all(stream, group, &last), 3);
    expect_lag(stream, group, 0);
    cr_assert_eq(group->entries_read, 5);
    append_plain(stream, 6, 0);
    expect_lag(stream, group, 1);
    append_plain(stream, 7, 0);
    stream_trim(stream, &trim);
    expect_lag(stream, group, 1);
    stream_group_set_last_id(group, (struct stream_id){9, 9});
    group->entries_read = STREAM_READ_UNKNOWN;
    expect_lag(stream, group, -1);
    trim.max_length = 0;
    stream_trim(stream, &trim);
    expect_lag(stream, group, 0);
    stream_destroy(&memory, stream);
}

/* To the keyspace */

static struct stream *example(struct memory *memory)
{
    struct stream *stream = stream_create(memory);

    for (uint64_t i = 1; i <= 1000; i++)
        append_plain(stream, i / 3, i);
    for (char name = 'a'; name < 'f'; name++) {
        struct stream_group *group =
            stream_groups_add(&stream->groups, (struct str){&name, 1}, (struct stream_id){0, 0}, 0);
        struct stream_consumer *consumers[] = {stream_consumer_add(group, STR("one"), 7),
                                               stream_consumer_add(group, STR("two"), 8)};

        stream_group_keep_times(group);
        for (uint64_t i = 1; i <= 300; i++)
            stream_pending_add(group, consumers[i % 2], (struct stream_id){i / 3, i}, (int64_t)i)->deliveries = i;
    }
    return stream;
}

Test(stream_value, is_freed_in_slices)
{
    struct memory memory = {0};
    struct stream *stream = example(&memory);
    size_t items = stream_kind.items(stream), left = items, slices = 0;

    cr_assert(items >= 10 + 5 * 300);
    while (left > 0) {
        left = stream_kind.drain(&memory, stream, 100);
        cr_assert(++slices < 1000);
    }
    cr_assert(slices > 5);
    cr_assert_eq(memory.used_bytes, 0);
}

Test(stream_value, a_copy_is_equal_and_its_own)
{
    struct memory memory = {0}, other = {0};
    struct stream *stream = example(&memory), *copy;
    struct stream_entry entry;
    uint64_t count = 0;

    stream_delete(stream, (struct stream_id){0, 2});
    copy = stream_kind.copy(&other, stream);
    stream_destroy(&memory, stream);
    cr_assert_eq(memory.used_bytes, 0);
    cr_assert(copy->length == 999 && copy->added == 1000 && copy->first_id.sequence == 1);
    cr_assert(copy->last_id.sequence == 1000 && copy->max_deleted_id.sequence == 2);
    struct stream_range range = stream_range(copy, (struct stream_id){0, 0}, stream_id_greatest(), false);
    while (stream_range_next(&range, &entry))
        count++;
    cr_assert_eq(count, 999);
    struct stream_group *group = stream_groups_find(&copy->groups, STR("c"));
    cr_assert(group != NULL && group->pending.count == 300);
    struct stream_pending *pending = stream_pending_find(group, (struct stream_id){33, 99});
    cr_assert(pending != NULL && pending->deliveries == 99 && pending->delivered_ms == 99);
    cr_assert(str_equal(stream_consumer_name(pending->consumer), STR("two")) && pending->consumer->seen_ms == 8);
    append_plain(copy, 5000, 0);
    stream_destroy(&other, copy);
    cr_assert_eq(other.used_bytes, 0);
}
