#include "core/set_random.h"

#include "core/config.h"
#include "core/intset.h"

/* From this share of the members on, it is quicker to walk over all of them than to draw and look for repetitions. */
enum { WALK_SHARE = 4 };

static uint64_t roll(struct set_dice dice, uint64_t below)
{
    return (uint64_t)((unsigned __int128)dice.random(dice.context) * below >> 64);
}

static struct set_member element_at(const unsigned char *pack, uint64_t index)
{
    struct listpack_value value = listpack_get(listpack_seek(pack, (int64_t)index));

    if (value.bytes == NULL)
        return set_member_integer(value.integer);
    return set_member_of((struct str){value.bytes, value.length});
}

struct set_member set_random_member(const struct set_value *set, struct set_dice dice)
{
    if (set_value_is_large(set))
        return set_large_random(set->value, dice.random, dice.context);
    uint64_t chosen = roll(dice, set_value_count(set));
    if (set->encoding == ENCODING_LISTPACK)
        return element_at(set->value, chosen);
    return set_member_integer(intset_at(set->value, (uint32_t)chosen));
}

/* A walk over all members that picks `wanted` of those that are left: the next one with the chance of
 * wanted in left, which makes every choice of so many members as likely as any other. */
struct lottery {
    struct set_dice dice;
    size_t wanted, left;
    struct set_value *drawn;
    set_visit *visit;
    void *context;
};

static bool draw(struct lottery *lottery)
{
    bool drawn = roll(lottery->dice, lottery->left--) < lottery->wanted;

    lottery->wanted -= drawn;
    return drawn;
}

static bool visit_drawn(void *context, const struct set_member *member)
{
    struct lottery *lottery = context;

    if (draw(lottery) && !lottery->visit(lottery->context, member))
        return false;
    return lottery->wanted > 0;
}

static bool keep_drawn(void *context, const struct set_member *member)
{
    struct lottery *lottery = context;

    if (!draw(lottery))
        return lottery->visit(lottery->context, member);
    set_value_add(lottery->drawn, member);
    return true;
}

void set_random_split(const struct set_value *set, size_t keep, struct set_dice dice, struct set_value *kept,
                      set_visit *visit, void *context)
{
    struct lottery lottery = {dice, keep, set_value_count(set), kept, visit, context};

    set_value_each(set, keep_drawn, &lottery);
}

/* One by one; what has come already is drawn again. */
static bool choose_few(const struct set_value *set, size_t count, struct set_dice dice, struct memory *scratch,
                       set_visit *visit, void *context)
{
    struct set_large *drawn = set_large_create(scratch);
    bool wanted = true;

    while (wanted && set_large_count(drawn) < count) {
        struct set_member member = set_random_member(set, dice);

        if (set_large_add(drawn, &member))
            wanted = visit(context, &member);
    }
    set_large_destroy(drawn);
    return wanted;
}

bool set_random_choose(const struct set_value *set, size_t count, struct set_dice dice, struct memory *scratch,
                       set_visit *visit, void *context)
{
    size_t members = set_value_count(set);

    if (count >= members)
        return set_value_each(set, visit, context);
    if (set_value_is_large(set) && count < members / WALK_SHARE)
        return choose_few(set, count, dice, scratch, visit, context);
    struct lottery lottery = {dice, count, members, NULL, visit, context};
    return set_value_each(set, visit_drawn, &lottery) || lottery.wanted == 0;
}
