#include "core/zset_pack.h"

#include <math.h>

#include "core/assert.h"
#include "core/listpack.h"
#include "core/pack_names.h"

enum { SCORE_ROOM = NUMBER_TEXT_MAX + 16 }; /* of a member and its score, beside the member's bytes */

size_t zset_pack_count(const unsigned char *pack)
{
    return listpack_count(pack) / 2;
}

double zset_pack_score(const unsigned char *score)
{
    struct listpack_value value = listpack_get(score);
    double number = 0;

    if (value.bytes == NULL)
        return (double)value.integer;
    bool is_number = number_parse_double((struct str){value.bytes, value.length}, &number);
    ASSERT(is_number);
    return number;
}

/* Here zero has no sign, as in Redis. */
static struct listpack_value score_value(double score, char text[static NUMBER_TEXT_MAX])
{
    const double exact = (double)(1ll << 52);

    if (fabs(score) <= exact && (double)(int64_t)score == score)
        return listpack_integer((int64_t)score);
    return listpack_value_of((struct str){text, number_format_double(text, score)});
}

static struct str member_text(const unsigned char *member, char digits[static NUMBER_TEXT_MAX])
{
    return listpack_text(listpack_get(member), digits);
}

unsigned char *zset_pack_find(const unsigned char *pack, struct str member)
{
    return listpack_find(listpack_first(pack), member, 1);
}

/* Whether what is in the pack comes behind this element. */
static bool is_behind(const unsigned char *member, struct zset_element element)
{
    double score = zset_pack_score(listpack_next(member));
    char digits[NUMBER_TEXT_MAX];

    if (score != element.score)
        return score > element.score;
    return str_compare(member_text(member, digits), element.member) > 0;
}

void zset_pack_append(struct memory *memory, unsigned char **pack, struct zset_element element)
{
    char text[NUMBER_TEXT_MAX];
    struct listpack_value values[2] = {listpack_value_of(element.member), score_value(element.score, text)};

    listpack_append_many(memory, pack, values, 2);
}

void zset_pack_insert(struct memory *memory, unsigned char **pack, struct zset_element element)
{
    char text[NUMBER_TEXT_MAX];
    struct listpack_value values[2] = {listpack_value_of(element.member), score_value(element.score, text)};
    unsigned char *place = listpack_first(*pack);

    while (place != NULL && !is_behind(place, element))
        place = listpack_next(listpack_next(place));
    if (place == NULL) {
        listpack_append_many(memory, pack, values, 2);
        return;
    }
    unsigned char *member = listpack_insert_before(memory, pack, place, values[0]);
    listpack_insert_after(memory, pack, member, values[1]);
}

void zset_pack_remove(struct memory *memory, unsigned char **pack, unsigned char *member)
{
    listpack_delete_from(memory, pack, member, 2);
}

void zset_pack_remove_ranks(struct memory *memory, unsigned char **pack, size_t first, size_t count)
{
    listpack_delete_range(memory, pack, (int64_t)(2 * first), 2 * count);
}

size_t zset_pack_room(struct str member)
{
    return member.length + SCORE_ROOM;
}

size_t zset_pack_rank(const unsigned char *pack, const unsigned char *member)
{
    size_t rank = 0;

    for (const unsigned char *at = listpack_first(pack); at != member; at = listpack_next(listpack_next(at)))
        rank++;
    return rank;
}

size_t zset_pack_count_below(const unsigned char *pack, double score, bool equal)
{
    size_t count = 0;

    for (const unsigned char *at = listpack_first(pack); at != NULL; count++) {
        const unsigned char *of_member = listpack_next(at);
        double found = zset_pack_score(of_member);
        if (found > score || (found == score && !equal))
            break;
        at = listpack_next(of_member);
    }
    return count;
}

size_t zset_pack_count_below_member(const unsigned char *pack, struct str member, bool equal)
{
    char digits[NUMBER_TEXT_MAX];
    size_t count = 0;

    for (const unsigned char *at = listpack_first(pack); at != NULL; count++) {
        int order = str_compare(member_text(at, digits), member);
        if (order > 0 || (order == 0 && !equal))
            break;
        at = listpack_next(listpack_next(at));
    }
    return count;
}

/* Foreign packs */

/* A number as score_value would store it, or a text that says the same in other digits. */
static bool is_own_score(const unsigned char *element)
{
    struct listpack_value value = listpack_get(element);
    double score;

    if (value.bytes == NULL)
        return value.integer >= -(1ll << 52) && value.integer <= 1ll << 52;
    return value.length < NUMBER_TEXT_MAX && number_parse_double((struct str){value.bytes, value.length}, &score) &&
           score != 0;
}

static bool comes_behind(const unsigned char *member, const unsigned char *previous)
{
    char digits[NUMBER_TEXT_MAX];
    struct zset_element element = {member_text(previous, digits), zset_pack_score(listpack_next(previous))};

    return is_behind(member, element);
}

bool zset_pack_is_own(struct memory *memory, const unsigned char *pack, const struct zset_limits *limits)
{
    const unsigned char *member = listpack_first(pack), *previous = NULL, *score;
    size_t count = 0;

    for (; member != NULL; count++) {
        score = listpack_next(member);
        if (score == NULL || !pack_element_is_own(member, (uint64_t)limits->member_bytes) || !is_own_score(score) ||
            (previous != NULL && !comes_behind(member, previous)))
            return false;
        previous = member;
        member = listpack_next(score);
    }
    return count <= (uint64_t)limits->entries && listpack_bytes(pack) <= LISTPACK_BYTES_MAX / 2 &&
           pack_names_are_distinct(memory, pack, count, 2);
}
