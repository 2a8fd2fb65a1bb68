/* Whether a foreign pack of fields or members is like those that are made here. Any thread. */
#ifndef CORE_PACK_NAMES_H
#define CORE_PACK_NAMES_H

#include "core/listpack.h"

/* Whether the element is what a pack holds here for its text, which is of at most so many bytes: an integer, if it
 * reads as one. */
bool pack_element_is_own(const unsigned char *element, uint64_t bytes_most);

/* Of `count` names, every `form`-th element from the first on, which are such elements. False: two are equal, or seem
 * to be, which happens once in a long time. */
MUST_USE bool pack_names_are_distinct(struct memory *memory, const unsigned char *pack, size_t count, int form);

#endif
