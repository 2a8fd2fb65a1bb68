/* Hashes, sets and sorted sets: what the named fields or members were. */
#include "core/undo_log.h"
#include "core/undo_save.h"

#include "core/assert.h"
#include "core/call.h"
#include "core/hash_value.h"
#include "core/keyspace_layout.h"
#include "core/set_random.h"
#include "core/set_value.h"
#include "core/zset_call.h"
#include "core/zset_range.h"

enum { SCORES_MOST = 1024 /* elements of a range that are kept one by one */ };

static bool is(const struct entry *entry, enum value_type type, enum value_encoding encoding)
{
    return entry_type(entry) == type && entry_encoding(entry) == encoding;
}

static void record(struct undo *undo, enum undo_kind kind, const struct call *call, const struct entry *entry, int key,
                   size_t count)
{
    undo_record(undo, kind, call->db, call_key(call, call->argv[key]), entry);
    undo_put_number(undo, count);
}

/* Of argv, those from `first` on up to `last`. */
struct arguments {
    int first, last, step;
};

static size_t arguments_count(struct arguments arguments)
{
    return arguments.last < arguments.first ? 0 : (size_t)((arguments.last - arguments.first) / arguments.step + 1);
}

/* Hashes */

static void save_fields(struct undo *undo, const struct call *call, struct entry *entry, int key,
                        struct arguments fields)
{
    char digits[NUMBER_TEXT_MAX];
    struct hash_item item;

    if (!is(entry, VALUE_HASH, ENCODING_TABLE)) {
        undo_save_value(undo, call, entry, key);
        return;
    }
    struct hash hash = {.encoding = ENCODING_TABLE, .value = entry_value(entry), .now_ms = call->now_ms};
    record(undo, UNDO_FIELDS, call, entry, key, arguments_count(fields));
    undo_put_number(undo, (uint64_t)call->now_ms);
    for (int i = fields.first; i <= fields.last; i += fields.step) {
        bool found = hash_get(&hash, call->argv[i], &item);
        undo_put_text(undo, call->argv[i]);
        undo_put_number(undo, found);
        if (!found)
            continue;
        undo_put_text(undo, listpack_text(item.value, digits));
        undo_put_number(undo, (uint64_t)item.deadline_ms);
    }
}

void undo_save_field_pairs(struct undo *undo, const struct call *call, struct entry *entry, int key)
{
    save_fields(undo, call, entry, key, (struct arguments){2, call->argc - 1, 2});
}

void undo_save_fields(struct undo *undo, const struct call *call, struct entry *entry, int key)
{
    save_fields(undo, call, entry, key, (struct arguments){2, call->argc - 1, 1});
}

void undo_save_field(struct undo *undo, const struct call *call, struct entry *entry, int key)
{
    save_fields(undo, call, entry, key, (struct arguments){2, 2, 1});
}

/* One whose time had come was not found, and may be there: then it stays, as the journal says nothing of it. */
static void field_back(struct undo_reader *reader, struct hash *hash)
{
    struct str field = undo_get_text(reader);
    struct hash_item item;

    if (!undo_get_number(reader)) {
        if (hash_get(hash, field, &item))
            hash_delete(hash, field);
        return;
    }
    struct str value = undo_get_text(reader);
    hash_set(hash, field, value, (int64_t)undo_get_number(reader));
}

void undo_fields_back(struct undo_reader *reader)
{
    struct keyspace *keyspace = reader->undo->keyspace;
    struct entry *entry = undo_entry(reader);
    size_t count = undo_get_number(reader);
    struct hash hash = {
        .encoding = entry_encoding(entry),
        .value = entry_value(entry),
        .now_ms = (int64_t)undo_get_number(reader),
        .memory = keyspace->memory,
        .config = reader->undo->config,
    };
    int64_t indexed_ms = hash_next_deadline_ms(&hash);

    ASSERT(hash.encoding == ENCODING_TABLE);
    while (count-- > 0)
        field_back(reader, &hash);
    entry_set_value(entry, hash.encoding, hash.value);
    keyspace_items_changed(keyspace, reader->record.db, entry, indexed_ms);
}

/* Sets */

static void put_member(struct undo *undo, const struct set_value *set, struct str text)
{
    struct set_member member = set_member_of(text);

    undo_put_text(undo, text);
    undo_put_number(undo, set_value_contains(set, &member));
}

static void save_members(struct undo *undo, const struct call *call, struct entry *entry, int key,
                         struct arguments members)
{
    struct set_value set = {.value = NULL};

    if (entry_type(entry) == VALUE_SET)
        set = set_value_of(entry);
    if (set.value == NULL || !set_value_is_large(&set)) {
        undo_save_value(undo, call, entry, key);
        return;
    }
    record(undo, UNDO_MEMBERS, call, entry, key, arguments_count(members));
    for (int i = members.first; i <= members.last; i += members.step)
        put_member(undo, &set, call->argv[i]);
}

void undo_save_members(struct undo *undo, const struct call *call, struct entry *entry, int key)
{
    save_members(undo, call, entry, key, (struct arguments){2, call->argc - 1, 1});
}

void undo_save_smove(struct undo *undo, const struct call *call, struct entry *entry, int key)
{
    save_members(undo, call, entry, key, (struct arguments){3, 3, 1});
}

static uint64_t random_bits(void *context)
{
    return keyspace_random_bits(context);
}

/* The keyspace's dice are thrown once for the member that the same throw will give to the command. */
static void save_drawn(struct undo *undo, const struct call *call, struct entry *entry, int key)
{
    struct keyspace *keyspace = undo->keyspace;
    struct set_value set = set_value_of(entry);
    uint64_t random = keyspace->random;
    struct set_member member = set_random_member(&set, (struct set_dice){random_bits, keyspace});
    char digits[NUMBER_TEXT_MAX];

    keyspace->random = random;
    record(undo, UNDO_MEMBERS, call, entry, key, 1);
    put_member(undo, &set, set_member_text(&member, digits));
}

void undo_save_spop(struct undo *undo, const struct call *call, struct entry *entry, int key)
{
    struct set_value set = {.value = NULL};

    if (entry_type(entry) == VALUE_SET)
        set = set_value_of(entry);
    if (call->argc == 2 && set.value != NULL && set_value_is_large(&set))
        save_drawn(undo, call, entry, key);
    else
        undo_save_value(undo, call, entry, key);
}

/* A set of integers that had to take a word in is one again. */
void undo_members_back(struct undo_reader *reader)
{
    struct entry *entry = undo_entry(reader);
    size_t count = undo_get_number(reader);
    struct set_value set = set_value_of(entry);

    set.memory = reader->undo->keyspace->memory;
    set.config = reader->undo->config;
    while (count-- > 0) {
        struct set_member member = set_member_of(undo_get_text(reader));
        if (undo_get_number(reader))
            set_value_add(&set, &member);
        else
            set_value_remove(&set, &member);
    }
    ASSERT(set_value_is_large(&set));
    entry_set_value(entry, reader->record.encoding, set.value);
}

/* Sorted sets */

static bool is_tree(const struct entry *entry)
{
    return is(entry, VALUE_ZSET, ENCODING_TREE);
}

static void put_score(struct undo *undo, struct str member, bool found, double score)
{
    undo_put_text(undo, member);
    undo_put_number(undo, found);
    undo_put(undo, &score, sizeof score);
}

static void save_scores(struct undo *undo, const struct call *call, struct entry *entry, int key,
                        struct arguments members)
{
    if (!is_tree(entry)) {
        undo_save_value(undo, call, entry, key);
        return;
    }
    struct zset zset = zset_of_entry(entry);
    record(undo, UNDO_SCORES, call, entry, key, arguments_count(members));
    for (int i = members.first; i <= members.last; i += members.step) {
        double score = 0;
        bool found = zset_find(&zset, call->argv[i], &score);
        put_score(undo, call->argv[i], found, score);
    }
}

/* They end the arguments; how many options come before is not looked at: taken for members, they are none. */
static void save_every(struct undo *undo, const struct call *call, struct entry *entry, int key, int step)
{
    int count = (call->argc - 3) / step;

    save_scores(undo, call, entry, key, (struct arguments){call->argc - 1 - count * step, call->argc - 1, step});
}

void undo_save_zadd(struct undo *undo, const struct call *call, struct entry *entry, int key)
{
    save_every(undo, call, entry, key, 2);
}

void undo_save_geoadd(struct undo *undo, const struct call *call, struct entry *entry, int key)
{
    save_every(undo, call, entry, key, 3);
}

void undo_save_zrem(struct undo *undo, const struct call *call, struct entry *entry, int key)
{
    save_scores(undo, call, entry, key, (struct arguments){2, call->argc - 1, 1});
}

void undo_save_zincrby(struct undo *undo, const struct call *call, struct entry *entry, int key)
{
    save_scores(undo, call, entry, key, (struct arguments){3, 3, 1});
}

static void save_walk(struct undo *undo, const struct call *call, struct entry *entry, int key, struct zset_ranks ranks)
{
    struct zset zset = zset_of_entry(entry);
    struct zset_element element;
    struct zset_walk walk;

    if (ranks.count > SCORES_MOST) {
        undo_save_value(undo, call, entry, key);
        return;
    }
    record(undo, UNDO_SCORES, call, entry, key, ranks.count);
    if (ranks.count == 0)
        return;
    zset_walk_begin(&walk, &zset, ranks.first, ranks.count, false);
    while (zset_walk_next(&walk, &element))
        put_score(undo, element.member, true, element.score);
}

static void save_range(struct undo *undo, const struct call *call, struct entry *entry, int key, enum zset_range_by by)
{
    struct reply unused;
    struct zset_range range;

    if (!is_tree(entry)) {
        undo_save_value(undo, call, entry, key);
        return;
    }
    reply_init(&unused, undo->memory, NULL, 0, 2);
    bool parsed = zset_range_parse(&unused, by, call->argv[2], call->argv[3], &range);
    buffer_deinit(&unused.buffer);
    if (!parsed)
        return;
    range.down = false;
    struct zset zset = zset_of_entry(entry);
    save_walk(undo, call, entry, key, zset_range_ranks(&zset, &range));
}

void undo_save_ranks(struct undo *undo, const struct call *call, struct entry *entry, int key)
{
    save_range(undo, call, entry, key, ZSET_BY_RANK);
}

void undo_save_scores(struct undo *undo, const struct call *call, struct entry *entry, int key)
{
    save_range(undo, call, entry, key, ZSET_BY_SCORE);
}

void undo_save_lex(struct undo *undo, const struct call *call, struct entry *entry, int key)
{
    save_range(undo, call, entry, key, ZSET_BY_MEMBER);
}

static void save_popped(struct undo *undo, const struct call *call, struct entry *entry, int key, bool lowest)
{
    int64_t count = 1;

    if (!is_tree(entry)) {
        undo_save_value(undo, call, entry, key);
        return;
    }
    if (call->argc > 2 && (!number_parse_integer(call->argv[2], &count) || count < 0))
        return;
    struct zset zset = zset_of_entry(entry);
    size_t members = zset_count(&zset), taken = (uint64_t)count < members ? (size_t)count : members;
    save_walk(undo, call, entry, key, (struct zset_ranks){lowest ? 0 : members - taken, taken});
}

void undo_save_zpopmin(struct undo *undo, const struct call *call, struct entry *entry, int key)
{
    save_popped(undo, call, entry, key, true);
}

void undo_save_zpopmax(struct undo *undo, const struct call *call, struct entry *entry, int key)
{
    save_popped(undo, call, entry, key, false);
}

void undo_scores_back(struct undo_reader *reader)
{
    const struct config *config = reader->undo->config;
    struct zset_limits limits = {config->zset_max_listpack_entries, config->zset_max_listpack_value};
    struct entry *entry = undo_entry(reader);
    struct zset zset = zset_of_entry(entry);
    size_t count = undo_get_number(reader);

    zset.memory = reader->undo->keyspace->memory;
    while (count-- > 0) {
        struct zset_element element = {.member = undo_get_text(reader)};
        bool found = undo_get_number(reader);
        memcpy(&element.score, reader->at, sizeof element.score);
        reader->at += sizeof element.score;
        if (found)
            zset_put(&zset, &limits, element);
        else
            zset_remove(&zset, element.member);
    }
    entry_set_value(entry, zset.encoding, zset.value);
}
