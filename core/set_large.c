#include "core/set_large.h"

#include <string.h>

#include "core/assert.h"
#include "core/hash.h"
#include "core/idset.h"

enum {
    LENGTH_LONG = 255, /* this first byte: the length follows in eight */
    ID_BATCH = 256,    /* ids read at once */
};

/* A string's block */

static struct str string_text(const void *item)
{
    const unsigned char *block = item;
    uint64_t length;

    if (block[0] != LENGTH_LONG)
        return (struct str){(const char *)block + 1, block[0]};
    memcpy(&length, block + 1, sizeof length);
    return (struct str){(const char *)block + 1 + sizeof length, length};
}

static uint64_t string_hash(const void *item)
{
    return hash_keyed(string_text(item));
}

static size_t head_bytes(size_t length)
{
    return length < LENGTH_LONG ? 1 : 1 + sizeof(uint64_t);
}

static void *string_create(struct pool *pool, struct str text)
{
    size_t head = head_bytes(text.length);
    unsigned char *block = pool_alloc(pool, head + text.length);
    uint64_t length = text.length;

    if (head == 1) {
        block[0] = (unsigned char)length;
    } else {
        block[0] = LENGTH_LONG;
        memcpy(block + 1, &length, sizeof length);
    }
    str_copy((char *)block + head, text);
    return block;
}

static void string_free(struct pool *pool, void *item)
{
    size_t length = string_text(item).length;

    pool_free(pool, item, head_bytes(length) + length);
}

/* The whole */

static void init_strings(struct set_large *set)
{
    pool_init(&set->blocks, &set->account);
    table_init(&set->strings, &set->account, string_hash);
}

struct set_large *set_large_create(struct memory *parent)
{
    struct set_large *set = (struct set_large *)memory_alloc_account(parent, sizeof *set);

    set->ids = idset_create(&set->account);
    init_strings(set);
    return set;
}

static bool copy_string(void *context, const struct set_member *member)
{
    struct set_large *set = context;

    table_insert(&set->strings, hash_keyed(member->text), string_create(&set->blocks, member->text));
    return true;
}

struct set_large *set_large_copy(struct memory *parent, const struct set_large *set)
{
    struct set_large *copy = (struct set_large *)memory_alloc_account(parent, sizeof *copy);

    copy->ids = idset_copy(&copy->account, set->ids);
    init_strings(copy);
    set_large_each_string(set, copy_string, copy);
    return copy;
}

void set_large_destroy(struct set_large *set)
{
    while (set_large_drain(set, SIZE_MAX) > 0)
        continue;
}

size_t set_large_items(const struct set_large *set)
{
    return set->strings.count + idset_containers(set->ids) + 1;
}

static void drain_string(void *context, void *item)
{
    struct set_large *set = context;

    string_free(&set->blocks, item);
    set->drained++;
}

static void drain_strings(struct set_large *set, size_t most)
{
    size_t until = most < SIZE_MAX - set->drained ? set->drained + most : SIZE_MAX;

    do
        set->drain_cursor = table_drain(&set->strings, set->drain_cursor, drain_string, set);
    while (set->drain_cursor != 0 && set->drained < until);
}

size_t set_large_drain(struct set_large *set, size_t most)
{
    if (set->strings.count > 0) {
        drain_strings(set, most);
        size_t strings = set->strings.count > 0 ? set->strings.count - set->drained : 0;
        return strings + idset_containers(set->ids) + 1;
    }
    size_t left = idset_drain(set->ids, most);
    if (left > 0)
        return left + 1;
    memory_free(&set->account, set);
    return 0;
}

size_t set_large_count(const struct set_large *set)
{
    return set->strings.count + idset_count(set->ids);
}

/* Members */

static void *find_string(struct table_probe *probe, struct str text)
{
    void *item;

    while ((item = table_probe_next(probe)) != NULL)
        if (str_equal(string_text(item), text))
            return item;
    return NULL;
}

static bool add_string(struct set_large *set, struct str text)
{
    uint64_t hash = hash_keyed(text);
    struct table_probe probe = table_probe(&set->strings, hash);

    if (find_string(&probe, text) != NULL)
        return false;
    table_insert(&set->strings, hash, string_create(&set->blocks, text));
    return true;
}

static bool remove_string(struct set_large *set, struct str text)
{
    struct table_probe probe = table_probe(&set->strings, hash_keyed(text));
    void *item = find_string(&probe, text);

    if (item == NULL)
        return false;
    table_probe_remove(&set->strings, &probe);
    string_free(&set->blocks, item);
    return true;
}

bool set_large_add(struct set_large *set, const struct set_member *member)
{
    char digits[NUMBER_TEXT_MAX];

    if (set_member_is_id(member))
        return idset_add(set->ids, (uint32_t)member->integer);
    return add_string(set, set_member_text(member, digits));
}

bool set_large_remove(struct set_large *set, const struct set_member *member)
{
    char digits[NUMBER_TEXT_MAX];

    if (set_member_is_id(member))
        return idset_remove(set->ids, (uint32_t)member->integer);
    return remove_string(set, set_member_text(member, digits));
}

bool set_large_contains(const struct set_large *set, const struct set_member *member)
{
    char digits[NUMBER_TEXT_MAX];

    if (set_member_is_id(member))
        return idset_contains(set->ids, (uint32_t)member->integer);
    struct str text = set_member_text(member, digits);
    struct table_probe probe = table_probe(&set->strings, hash_keyed(text));
    return find_string(&probe, text) != NULL;
}

void set_large_take_ids(struct set_large *set, struct idset *ids)
{
    idset_destroy(set->ids);
    memory_move_account((struct memory *)ids, &set->account);
    set->ids = ids;
}

/* Walks */

bool set_large_each_id(const struct idset *ids, set_visit *visit, void *context)
{
    uint32_t values[ID_BATCH];
    uint64_t from = 0;
    size_t count;

    while ((count = idset_read(ids, from, values, ID_BATCH)) > 0) {
        for (size_t at = 0; at < count; at++) {
            struct set_member member = set_member_integer(values[at]);

            if (!visit(context, &member))
                return false;
        }
        from = (uint64_t)values[count - 1] + 1;
    }
    return true;
}

struct string_walk {
    set_visit *visit;
    void *context;
    bool stopped;
};

static void visit_string(void *context, void *item)
{
    struct string_walk *walk = context;
    struct set_member member;

    if (walk->stopped)
        return;
    member = set_member_of(string_text(item));
    walk->stopped = !walk->visit(walk->context, &member);
}

bool set_large_each_string(const struct set_large *set, set_visit *visit, void *context)
{
    struct string_walk walk = {.visit = visit, .context = context};
    uint64_t cursor = 0;

    do
        cursor = table_scan(&set->strings, cursor, visit_string, &walk);
    while (cursor != 0 && !walk.stopped);
    return !walk.stopped;
}

/* A cursor with this bit is the next id, of 33 bits; without it, the table's. */
static const uint64_t CURSOR_IDS = UINT64_C(1) << TABLE_CURSOR_BITS;

static uint64_t scan_ids(const struct set_large *set, uint64_t from, size_t most, set_visit *visit, void *context)
{
    uint32_t values[ID_BATCH];
    size_t wanted = most < ID_BATCH ? most : ID_BATCH, count = idset_read(set->ids, from, values, wanted);

    ASSERT(wanted > 0);
    for (size_t at = 0; at < count; at++) {
        struct set_member member = set_member_integer(values[at]);

        visit(context, &member);
    }
    return count < wanted ? 0 : CURSOR_IDS | ((uint64_t)values[count - 1] + 1);
}

uint64_t set_large_scan(const struct set_large *set, uint64_t cursor, size_t most, set_visit *visit, void *context)
{
    struct string_walk walk = {.visit = visit, .context = context};

    if (cursor & CURSOR_IDS)
        return scan_ids(set, cursor & (CURSOR_IDS - 1), most, visit, context);
    cursor = table_scan(&set->strings, cursor, visit_string, &walk);
    if (cursor != 0 || idset_count(set->ids) == 0)
        return cursor;
    return CURSOR_IDS;
}

struct set_member set_large_random(const struct set_large *set, uint64_t (*random)(void *context), void *context)
{
    uint64_t ids = idset_count(set->ids), count = ids + set->strings.count;
    uint64_t chosen = ids < count ? (uint64_t)((unsigned __int128)random(context) * count >> 64) : 0;

    ASSERT(count > 0);
    if (chosen < ids)
        return set_member_integer(idset_random(set->ids, random, context));
    return set_member_of(string_text(table_random(&set->strings, random, context)));
}
