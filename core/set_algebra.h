/* Intersections, unions and differences of sets of any encodings.
 *
 * Where all sets are large, their integers are worked out as bitmaps, and only
 * the other members one by one. Sets that there are not (value NULL) count as
 * empty. The same set may come several times. */
#ifndef CORE_SET_ALGEBRA_H
#define CORE_SET_ALGEBRA_H

#include "core/set_value.h"

/* Where the members of a result go: into a set, empty so far, or to visit. */
struct set_output {
    struct set_value *into; /* NULL: visit is called */
    set_visit *visit;
    void *context;
};

/* scratch, here and below: charged for what is needed meanwhile. */
void set_algebra_intersect(const struct set_value *sets, size_t count, struct memory *scratch,
                           const struct set_output *output);
/* The first without the others. */
void set_algebra_subtract(const struct set_value *sets, size_t count, struct memory *scratch,
                          const struct set_output *output);
/* The same into an intset, empty so far, so that it ends in the encoding that Redis's way leads to. */
void set_algebra_subtract_into(const struct set_value *sets, size_t count, struct memory *scratch,
                               struct set_value *into);
void set_algebra_unite(const struct set_value *sets, size_t count, struct memory *scratch, struct set_value *into);

/* How many members all have in common; stops at `limit`, which is the most it returns. */
uint64_t set_algebra_count_common(const struct set_value *sets, size_t count, struct memory *scratch, uint64_t limit);

#endif
