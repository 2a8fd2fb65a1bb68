/* Members of a set drawn by lot, with equal chance for each on every encoding. */
#ifndef CORE_SET_RANDOM_H
#define CORE_SET_RANDOM_H

#include "core/set_value.h"

struct set_dice {
    uint64_t (*random)(void *context); /* 64 uniform bits */
    void *context;
};

/* One of a set that is not empty; good until the set changes. */
struct set_member set_random_member(const struct set_value *set, struct set_dice dice);

/* Visits `count` different members, at most all. scratch: charged meanwhile. False: visit had enough. */
bool set_random_choose(const struct set_value *set, size_t count, struct set_dice dice, struct memory *scratch,
                       set_visit *visit, void *context);

/* Adds `keep` members, drawn by lot, to another set and visits all others. */
void set_random_split(const struct set_value *set, size_t keep, struct set_dice dice, struct set_value *kept,
                      set_visit *visit, void *context);

#endif
