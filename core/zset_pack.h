/* A sorted set as a listpack: member, score, member, score, in order. A score
 * is kept as Redis does: as an integer, or as the text that clients see.
 *
 * Private to zset_value. All searches are walks from the first member. */
#ifndef CORE_ZSET_PACK_H
#define CORE_ZSET_PACK_H

#include "core/zset_value.h"

size_t zset_pack_count(const unsigned char *pack);
double zset_pack_score(const unsigned char *score);

/* The member's element, whose score is the next; NULL: not there. */
unsigned char *zset_pack_find(const unsigned char *pack, struct str member);
/* The member is not there. */
void zset_pack_insert(struct memory *memory, unsigned char **pack, struct zset_element element);
/* The same, and it comes behind all others. */
void zset_pack_append(struct memory *memory, unsigned char **pack, struct zset_element element);
void zset_pack_remove(struct memory *memory, unsigned char **pack, unsigned char *member);
void zset_pack_remove_ranks(struct memory *memory, unsigned char **pack, size_t first, size_t count);
/* What a member may take with its score, at most. */
size_t zset_pack_room(struct str member);

/* Whether a foreign pack is what inserting its members one after the other would make, by these limits. */
MUST_USE bool zset_pack_is_own(struct memory *memory, const unsigned char *pack, const struct zset_limits *limits);

size_t zset_pack_rank(const unsigned char *pack, const unsigned char *member);
size_t zset_pack_count_below(const unsigned char *pack, double score, bool equal);
size_t zset_pack_count_below_member(const unsigned char *pack, struct str member, bool equal);

#endif
