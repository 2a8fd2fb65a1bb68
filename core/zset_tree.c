#include "core/zset_tree.h"

#include "core/assert.h"
#include "core/hash.h"

/* Score, then the length: one byte, or LONG_MEMBER and eight. */
struct zset_member {
    double score;
    uint8_t bytes[];
};

enum { LONG_MEMBER = 255, LONG_LENGTH_BYTES = 9 };

static struct str member_text(const struct zset_member *member)
{
    uint64_t length = member->bytes[0];

    if (length != LONG_MEMBER)
        return (struct str){(const char *)member->bytes + 1, length};
    memcpy(&length, member->bytes + 1, sizeof length);
    return (struct str){(const char *)member->bytes + LONG_LENGTH_BYTES, length};
}

static size_t head_bytes(size_t length)
{
    return length < LONG_MEMBER ? 1 : LONG_LENGTH_BYTES;
}

static size_t member_bytes(size_t length)
{
    return sizeof(struct zset_member) + head_bytes(length) + length;
}

static struct zset_member *member_create(struct zset_tree *tree, struct zset_element element)
{
    size_t length = element.member.length, head = head_bytes(length);
    struct zset_member *member = pool_alloc(&tree->blocks, member_bytes(length));
    uint64_t long_length = length;

    member->score = element.score;
    member->bytes[0] = head == 1 ? (uint8_t)length : LONG_MEMBER;
    if (head > 1)
        memcpy(member->bytes + 1, &long_length, sizeof long_length);
    str_copy((char *)member->bytes + head, element.member);
    return member;
}

static void member_free(void *context, void *member)
{
    struct zset_tree *tree = context;

    pool_free(&tree->blocks, member, member_bytes(member_text(member).length));
}

static uint64_t member_hash(const void *item)
{
    return hash_keyed(member_text(item));
}

/* What a search in the tree looks for. */
struct wanted {
    struct str member;
    bool after; /* the place behind an equal one */
};

static const struct zset_member *stored_member(uint64_t payload)
{
    return (const struct zset_member *)(uintptr_t)payload;
}

static int compare_members(const void *wanted, uint64_t stored)
{
    const struct wanted *looked_for = wanted;
    int order = str_compare(looked_for->member, member_text(stored_member(stored)));

    return order != 0 ? order : looked_for->after;
}

/* Zero is one number, with or without a sign. */
static uint64_t order_of(double score)
{
    const uint64_t sign = UINT64_C(1) << 63;
    uint64_t bits;

    score += 0.0;
    memcpy(&bits, &score, sizeof bits);
    return bits & sign ? ~bits : bits | sign;
}

struct zset_tree *zset_tree_create(struct memory *memory)
{
    struct zset_tree *tree = (struct zset_tree *)memory_alloc_account(memory, sizeof *tree);

    pool_init(&tree->blocks, &tree->memory);
    table_init(&tree->members, &tree->memory, member_hash);
    bptree_init(&tree->scores, &tree->memory, compare_members);
    return tree;
}

void zset_tree_destroy(struct memory *memory, struct zset_tree *tree)
{
    value_destroy(&zset_tree_kind, memory, tree);
}

struct zset_element zset_tree_element(const struct zset_member *member)
{
    return (struct zset_element){member_text(member), member->score};
}

static struct zset_member *probe_for(struct table_probe *probe, struct str member)
{
    struct zset_member *found;

    while ((found = table_probe_next(probe)) != NULL)
        if (str_equal(member_text(found), member))
            return found;
    return NULL;
}

struct zset_member *zset_tree_find(const struct zset_tree *tree, struct str member)
{
    struct table_probe probe = table_probe(&tree->members, hash_keyed(member));

    return probe_for(&probe, member);
}

static void add_to_scores(struct zset_tree *tree, struct zset_member *member)
{
    struct wanted wanted = {.member = member_text(member)};
    struct bptree_item item = {order_of(member->score), (uintptr_t)member};
    bool is_new = bptree_insert(&tree->scores, item, &wanted);

    ASSERT(is_new);
}

static void take_from_scores(struct zset_tree *tree, const struct zset_member *member)
{
    struct wanted wanted = {.member = member_text(member)};
    bool was_there = bptree_remove(&tree->scores, order_of(member->score), &wanted);

    ASSERT(was_there);
}

static struct zset_member *add_to_members(struct zset_tree *tree, struct zset_element element)
{
    struct zset_member *member = member_create(tree, element);

    table_insert(&tree->members, hash_keyed(element.member), member);
    return member;
}

void zset_tree_insert(struct zset_tree *tree, struct zset_element element)
{
    add_to_scores(tree, add_to_members(tree, element));
}

void zset_tree_append(struct zset_tree *tree, struct zset_element element)
{
    struct zset_member *member = add_to_members(tree, element);

    bptree_append(&tree->scores, (struct bptree_item){order_of(element.score), (uintptr_t)member});
}

void zset_tree_set_score(struct zset_tree *tree, struct zset_member *member, double score)
{
    take_from_scores(tree, member);
    member->score = score;
    add_to_scores(tree, member);
}

bool zset_tree_remove(struct zset_tree *tree, struct str member)
{
    struct table_probe probe = table_probe(&tree->members, hash_keyed(member));
    struct zset_member *found = probe_for(&probe, member);

    if (found == NULL)
        return false;
    table_probe_remove(&tree->members, &probe);
    take_from_scores(tree, found);
    member_free(tree, found);
    return true;
}

static void drop_member(void *context, struct bptree_item item)
{
    struct zset_tree *tree = context;
    struct zset_member *member = (struct zset_member *)(uintptr_t)item.payload;
    struct table_probe probe = table_probe(&tree->members, member_hash(member));

    while (table_probe_next(&probe) != member)
        continue;
    table_probe_remove(&tree->members, &probe);
    member_free(tree, member);
}

void zset_tree_remove_ranks(struct zset_tree *tree, size_t first, size_t count)
{
    bptree_remove_ranks(&tree->scores, first, count, drop_member, tree);
}

size_t zset_tree_rank(const struct zset_tree *tree, const struct zset_member *member)
{
    struct wanted wanted = {.member = member_text(member)};

    return bptree_rank(&tree->scores, order_of(member->score), &wanted);
}

size_t zset_tree_count_below(const struct zset_tree *tree, double score, bool equal)
{
    return bptree_rank(&tree->scores, order_of(score) + equal, NULL);
}

/* Among members of the same score as the first. */
size_t zset_tree_count_below_member(const struct zset_tree *tree, struct str member, bool equal)
{
    struct wanted wanted = {.member = member, .after = equal};
    struct bptree_place first = bptree_first(&tree->scores);
    const struct bptree_item *item = bptree_get(&first);

    return item != NULL ? bptree_rank(&tree->scores, item->order, &wanted) : 0;
}

/* As a kind of value */

static void *kind_copy(struct memory *memory, const void *value)
{
    const struct zset_tree *tree = value;
    struct zset_tree *copy = zset_tree_create(memory);
    struct bptree_place place = bptree_first(&tree->scores);
    const struct bptree_item *item;

    for (; (item = bptree_get(&place)) != NULL; bptree_next(&place))
        zset_tree_append(copy, zset_tree_element(stored_member(item->payload)));
    return copy;
}

static size_t kind_items(const void *value)
{
    const struct zset_tree *tree = value;

    return 1 + tree->scores.count;
}

static void drain_member(void *context, void *member)
{
    struct zset_tree *tree = context;

    member_free(tree, member);
    tree->freed++;
}

/* By a few of the table's buckets at a time; the tree, which nobody searches any more, shrinks along.
 * The table counts what is gone until its last segment is. */
static size_t kind_drain(struct memory *memory, void *value, size_t most)
{
    struct zset_tree *tree = value;
    size_t before = tree->freed;

    while (tree->members.count > 0 && tree->freed - before < most)
        tree->drained = table_drain(&tree->members, tree->drained, drain_member, tree);
    if (tree->members.count == 0) {
        table_deinit(&tree->members);
        bptree_deinit(&tree->scores);
        memory_free(&tree->memory, tree);
        return 0;
    }
    size_t left = tree->members.count - tree->freed;
    if (tree->scores.count > left)
        bptree_drain(&tree->scores, tree->scores.count - left, NULL, NULL);
    return left + 1;
}

const struct value_kind zset_tree_kind = {
    .name = "skiplist",
    .real_name = "bptree",
    .copy = kind_copy,
    .bytes = value_account_bytes,
    .items = kind_items,
    .drain = kind_drain,
    .rehome = value_account_rehome,
};
