/* What home remembers of scripts: which of them keep to their keys' shards.
 *
 * A script that was never seen runs over all shards, and tells what it touched. From
 * then on it runs where its declared keys are, unless it was seen to touch others
 * with this group of keys (what the first one is placed by: an affinity pattern's match, a
 * hash tag, or the key itself). Where it does not do so for a while any more, it is tried again,
 * the later the more often that was in vain. Scripts that do it with many groups do so with any.
 * Each shard remembers for its own connections, up to a bound; beyond it everything is
 * forgotten, and learned again. */
#ifndef SHARDS_SCRIPT_MEMORY_H
#define SHARDS_SCRIPT_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct memory;

struct script_memory {
    struct memory *memory;
    struct script_note *notes;
    size_t capacity, count;
};

/* A script by the hash of what it is called by, and the group by the hash of its name. */
struct script_case {
    uint64_t script, group;
};

void script_memory_init(struct script_memory *memory, struct memory *account);
void script_memory_deinit(struct script_memory *memory);

/* Whether it is to run over all shards. */
bool script_memory_is_wide(const struct script_memory *memory, struct script_case which);
/* It has run over all shards, and touched no others than its keys' (stayed), or did; or it has met a key out of reach.
 */
void script_memory_learn(struct script_memory *memory, struct script_case which, bool stayed);

#endif
