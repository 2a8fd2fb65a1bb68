/* A set, whatever its encoding.
 *
 *   intset     integers alone, up to set-max-intset-entries
 *   listpack   up to set-max-listpack-entries members of up to set-max-listpack-value bytes
 *   roaring    larger, 32-bit unsigned integers alone
 *   table      larger, any members
 *
 * The last two are one container (set_large.h) under two names: a roaring set
 * becomes a table set with the first member that is none of those integers, and
 * nothing moves. Which encoding a set has depends, as in Redis, on the way it
 * came to be: thresholds are looked at when a member is added, and only
 * set_value_narrow ever goes back.
 * struct set_value is a handle: taken from an entry, or made for a set that no
 * key holds yet. Its owner puts it back where value or encoding have changed. */
#ifndef CORE_SET_VALUE_H
#define CORE_SET_VALUE_H

#include "core/entry.h"
#include "core/set_large.h"
#include "core/set_member.h"

struct config;

struct set_value {
    void *value; /* NULL: there is no such set, which is an empty one */
    enum value_encoding encoding;
    struct memory *memory;       /* of the keyspace; NULL for one that is only read */
    const struct config *config; /* the thresholds; the same */
};

extern const struct value_kind set_roaring_kind, set_table_kind;

/* To be read; entry may be NULL. */
static inline struct set_value set_value_of(const struct entry *entry)
{
    if (entry == NULL)
        return (struct set_value){.value = NULL};
    return (struct set_value){.value = entry_value(entry), .encoding = entry_encoding(entry)};
}

/* An empty set of a small encoding, or of ENCODING_ROARING. */
struct set_value set_value_create(struct memory *memory, const struct config *config, enum value_encoding encoding);
/* Empty, of the encoding for about `expected` members of which this one is the first. */
struct set_value set_value_create_for(struct memory *memory, const struct config *config,
                                      const struct set_member *first, size_t expected);
void set_value_destroy(struct set_value *set);

static inline bool set_value_is_large(const struct set_value *set)
{
    return set->encoding == ENCODING_ROARING || set->encoding == ENCODING_TABLE;
}

static inline struct set_large *set_value_large(const struct set_value *set)
{
    return set->value;
}

size_t set_value_count(const struct set_value *set);
bool set_value_contains(const struct set_value *set, const struct set_member *member);

/* About so many members will be added: converts at once what would not hold them alone. */
void set_value_expect(struct set_value *set, size_t count);
bool set_value_add(struct set_value *set, const struct set_member *member);    /* false: it is there */
bool set_value_remove(struct set_value *set, const struct set_member *member); /* false: it is not there */
/* Adds integers to an empty set, and ends the idset. A large set takes it as it is. */
void set_value_take_ids(struct set_value *set, struct idset *ids);
/* Makes an intset of what an intset could hold. */
void set_value_narrow(struct set_value *set);
/* Gives memory back that a finished set does not need. */
void set_value_shrink(struct set_value *set);
/* More members than this are in a large set, whatever they are and the thresholds. */
size_t set_value_small_most(const struct config *config);

/* Every member once; false: visit had enough. The set may not change meanwhile. */
bool set_value_each(const struct set_value *set, set_visit *visit, void *context);
/* One step of SSCAN, which for a small set is all of it. */
uint64_t set_value_scan(const struct set_value *set, uint64_t cursor, size_t most, set_visit *visit, void *context);

#endif
