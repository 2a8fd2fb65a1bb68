/* What the two encodings have in common, and how a set goes from one to the other. */
#include "core/zset_value.h"

#include <math.h>

#include "core/assert.h"
#include "core/listpack.h"
#include "core/prefetch.h"
#include "core/zset_pack.h"
#include "core/zset_tree.h"

static bool is_pack(const struct zset *zset)
{
    return zset->encoding == ENCODING_LISTPACK;
}

static struct zset_tree *tree_of(const struct zset *zset)
{
    ASSERT(zset->encoding == ENCODING_TREE);
    return zset->value;
}

static unsigned char **pack_of(struct zset *zset)
{
    return (unsigned char **)&zset->value;
}

struct zset zset_create(struct memory *memory)
{
    return (struct zset){memory, ENCODING_LISTPACK, listpack_create(memory, 0)};
}

struct zset zset_create_tree(struct memory *memory)
{
    return (struct zset){memory, ENCODING_TREE, zset_tree_create(memory)};
}

void zset_destroy(struct zset *zset)
{
    value_destroy(value_kind_of(VALUE_ZSET, zset->encoding), zset->memory, zset->value);
    zset->value = NULL;
}

size_t zset_count(const struct zset *zset)
{
    if (zset->value == NULL)
        return 0;
    return is_pack(zset) ? zset_pack_count(zset->value) : tree_of(zset)->scores.count;
}

/* Where a member is kept: an element of the pack or a block of the tree, NULL: it is not there. */
static void *find_place(const struct zset *zset, struct str member)
{
    if (zset->value == NULL)
        return NULL;
    return is_pack(zset) ? (void *)zset_pack_find(zset->value, member) : zset_tree_find(tree_of(zset), member);
}

static double score_at(const struct zset *zset, const void *place)
{
    return is_pack(zset) ? zset_pack_score(listpack_next(place)) : zset_tree_element(place).score;
}

bool zset_find(const struct zset *zset, struct str member, double *score)
{
    const void *place = find_place(zset, member);

    if (place == NULL)
        return false;
    *score = score_at(zset, place);
    return true;
}

/* The member that made it too large may lie in another set, not in this one. */
void zset_make_tree(struct zset *zset)
{
    struct zset_element element;
    struct zset_walk walk;

    if (!is_pack(zset))
        return;
    struct zset_tree *tree = zset_tree_create(zset->memory);
    zset_walk_begin(&walk, zset, 0, zset_count(zset), false);
    while (zset_walk_next(&walk, &element))
        zset_tree_append(tree, element);
    listpack_free(zset->memory, zset->value);
    zset->encoding = ENCODING_TREE;
    zset->value = tree;
}

static bool is_too_large(const struct zset *zset, const struct zset_limits *limits, struct str member)
{
    return member.length > (uint64_t)limits->member_bytes ||
           zset_pack_count(zset->value) + 1 > (uint64_t)limits->entries ||
           !listpack_would_fit(zset->value, zset_pack_room(member));
}

static bool fits_pack(const struct zset *zset, const struct zset_limits *limits)
{
    struct zset_element element;
    struct zset_walk walk;
    size_t bytes = 0;

    if (zset_count(zset) > (uint64_t)limits->entries)
        return false;
    zset_walk_begin(&walk, zset, 0, zset_count(zset), false);
    while (zset_walk_next(&walk, &element)) {
        bytes += zset_pack_room(element.member);
        if (element.member.length > (uint64_t)limits->member_bytes || bytes > LISTPACK_BYTES_MAX / 2)
            return false;
    }
    return true;
}

void zset_settle(struct zset *zset, const struct zset_limits *limits)
{
    struct zset_element element;
    struct zset_walk walk;

    if (is_pack(zset) || !fits_pack(zset, limits))
        return;
    struct zset pack = zset_create(zset->memory);
    zset_walk_begin(&walk, zset, 0, zset_count(zset), false);
    while (zset_walk_next(&walk, &element))
        zset_pack_append(pack.memory, pack_of(&pack), element);
    zset_destroy(zset);
    *zset = pack;
}

bool zset_adopt(struct zset *zset, const struct zset_limits *limits, const unsigned char *pack)
{
    if (!zset_pack_is_own(zset->memory, pack, limits))
        return false;
    listpack_free(zset->memory, zset->value);
    zset->value = listpack_copy(zset->memory, pack);
    return true;
}

static void insert(struct zset *zset, const struct zset_limits *limits, struct zset_element element)
{
    if (is_pack(zset) && is_too_large(zset, limits, element.member))
        zset_make_tree(zset);
    if (is_pack(zset))
        zset_pack_insert(zset->memory, pack_of(zset), element);
    else
        zset_tree_insert(tree_of(zset), element);
}

static void set_score(struct zset *zset, void *place, struct zset_element element)
{
    if (!is_pack(zset)) {
        zset_tree_set_score(tree_of(zset), place, element.score);
        return;
    }
    zset_pack_remove(zset->memory, pack_of(zset), place);
    zset_pack_insert(zset->memory, pack_of(zset), element);
}

/* What becomes of a member that has this score. */
static enum zset_outcome decide(const struct zset_rule *rule, double current, double *score)
{
    double wanted = rule->increment ? current + *score : *score;

    if (rule->only_absent)
        return ZSET_REFUSED;
    if (isnan(wanted))
        return ZSET_NAN;
    if ((rule->only_less && wanted >= current) || (rule->only_greater && wanted <= current))
        return ZSET_REFUSED;
    *score = wanted;
    return wanted != current ? ZSET_UPDATED : ZSET_SAME;
}

enum zset_outcome zset_add(struct zset *zset, const struct zset_limits *limits, const struct zset_rule *rule,
                           struct str member, double *score)
{
    void *place = find_place(zset, member);

    if (place == NULL) {
        if (rule->only_present)
            return ZSET_REFUSED;
        insert(zset, limits, (struct zset_element){member, *score});
        return ZSET_ADDED;
    }
    enum zset_outcome outcome = decide(rule, score_at(zset, place), score);
    if (outcome == ZSET_UPDATED)
        set_score(zset, place, (struct zset_element){member, *score});
    return outcome;
}

void zset_put(struct zset *zset, const struct zset_limits *limits, struct zset_element element)
{
    static const struct zset_rule always;

    zset_add(zset, limits, &always, element.member, &element.score);
}

bool zset_remove(struct zset *zset, struct str member)
{
    if (zset->value == NULL)
        return false;
    if (!is_pack(zset))
        return zset_tree_remove(tree_of(zset), member);
    unsigned char *found = zset_pack_find(zset->value, member);
    if (found != NULL)
        zset_pack_remove(zset->memory, pack_of(zset), found);
    return found != NULL;
}

void zset_remove_ranks(struct zset *zset, size_t first, size_t count)
{
    ASSERT(count <= zset_count(zset) && first <= zset_count(zset) - count);
    if (count == 0)
        return;
    if (is_pack(zset))
        zset_pack_remove_ranks(zset->memory, pack_of(zset), first, count);
    else
        zset_tree_remove_ranks(tree_of(zset), first, count);
}

bool zset_rank(const struct zset *zset, struct str member, size_t *rank, double *score)
{
    const void *place = find_place(zset, member);

    if (place == NULL)
        return false;
    *score = score_at(zset, place);
    *rank = is_pack(zset) ? zset_pack_rank(zset->value, place) : zset_tree_rank(tree_of(zset), place);
    return true;
}

size_t zset_count_below(const struct zset *zset, double score, bool equal)
{
    if (zset->value == NULL)
        return 0;
    return is_pack(zset) ? zset_pack_count_below(zset->value, score, equal)
                         : zset_tree_count_below(tree_of(zset), score, equal);
}

size_t zset_count_below_member(const struct zset *zset, struct str member, bool equal)
{
    if (zset->value == NULL)
        return 0;
    return is_pack(zset) ? zset_pack_count_below_member(zset->value, member, equal)
                         : zset_tree_count_below_member(tree_of(zset), member, equal);
}

/* Walks */

static void step(struct bptree_place *place, bool down)
{
    if (down)
        bptree_previous(place);
    else
        bptree_next(place);
}

/* Members lie anywhere: better that several come from memory together than one after the other. */
static void look_ahead(struct zset_walk *walk)
{
    const struct bptree_item *item = bptree_get(&walk->ahead);

    if (item == NULL)
        return;
    prefetch_to_read((const void *)(uintptr_t)item->payload);
    step(&walk->ahead, walk->down);
}

void zset_walk_begin(struct zset_walk *walk, const struct zset *zset, size_t first, size_t count, bool down)
{
    size_t start = down ? first + count - 1 : first;

    walk->zset = zset;
    walk->left = count;
    walk->down = down;
    if (count == 0)
        return;
    if (is_pack(zset)) {
        walk->element = listpack_seek(zset->value, (int64_t)(2 * start));
        return;
    }
    walk->place = walk->ahead = bptree_at_rank(&tree_of(zset)->scores, start);
    for (size_t i = 0; i < count && i < ZSET_WALK_AHEAD; i++)
        look_ahead(walk);
}

static struct zset_element next_of_pack(struct zset_walk *walk)
{
    unsigned char *member = walk->element, *score = listpack_next(member);
    const unsigned char *pack = walk->zset->value;

    if (walk->left > 0) {
        unsigned char *past = walk->down ? listpack_previous(pack, member) : listpack_next(score);
        walk->element = walk->down ? listpack_previous(pack, past) : past;
    }
    return (struct zset_element){listpack_text(listpack_get(member), walk->digits), zset_pack_score(score)};
}

static struct zset_element next_of_tree(struct zset_walk *walk)
{
    const struct bptree_item *item = bptree_get(&walk->place);
    struct zset_element element = zset_tree_element((const struct zset_member *)(uintptr_t)item->payload);

    step(&walk->place, walk->down);
    if (walk->left >= ZSET_WALK_AHEAD)
        look_ahead(walk);
    return element;
}

bool zset_walk_next(struct zset_walk *walk, struct zset_element *element)
{
    if (walk->left == 0)
        return false;
    walk->left--;
    *element = is_pack(walk->zset) ? next_of_pack(walk) : next_of_tree(walk);
    return true;
}

struct scan {
    void (*visit)(void *context, const struct zset_element *element);
    void *context;
};

static void scan_member(void *context, void *member)
{
    const struct scan *scan = context;
    struct zset_element element = zset_tree_element(member);

    scan->visit(scan->context, &element);
}

uint64_t zset_scan(const struct zset *zset, uint64_t cursor,
                   void (*visit)(void *context, const struct zset_element *element), void *context)
{
    struct scan scan = {visit, context};
    struct zset_element element;
    struct zset_walk walk;

    if (!is_pack(zset))
        return table_scan(&tree_of(zset)->members, cursor, scan_member, &scan);
    zset_walk_begin(&walk, zset, 0, zset_count(zset), false);
    while (zset_walk_next(&walk, &element))
        visit(context, &element);
    return 0;
}
