/* A hash, whatever its encoding: what the handlers work on.
 *
 *   listpack     small, no field has ever had a deadline
 *   listpackex   small, fields may have deadlines
 *   hashtable    beyond hash-max-listpack-entries or -value, or a gigabyte
 *
 * A hash only moves downwards in this list. A field whose deadline has come
 * counts as absent in everything here but hash_length, whoever removes it.
 * struct hash is a handle on the stack of one command: when a write is done, what it
 * holds goes back into the entry (see core/hash_access.h). */
#ifndef CORE_HASH_VALUE_H
#define CORE_HASH_VALUE_H

#include "core/entry.h"
#include "core/listpack.h"

struct config;
struct keyspace;

struct hash {
    enum value_encoding encoding;
    void *value;
    int64_t now_ms;
    /* to write */
    const struct entry *holder; /* of a value that lies in line, until that becomes a block; else NULL */
    struct memory *memory;
    const struct config *config; /* thresholds */
};

/* A field with all it has; borrowed until the hash changes. */
struct hash_item {
    struct listpack_value field, value;
    int64_t deadline_ms; /* -1: none */
};

enum { HASH_NO_DEADLINE = -1, HASH_KEEP_DEADLINE = -2 };

/* An empty hash, to be given to a keyspace once it has a field. */
void hash_create(struct hash *hash, struct memory *memory, const struct config *config, int64_t now_ms);

/* Makes an empty hash a copy of a foreign pack of the plain form, if that is what setting its fields one after the
 * other would make. False: it is not, and the hash stays empty. */
MUST_USE bool hash_adopt(struct hash *hash, const unsigned char *pack);

/* With the expired that nobody has removed yet. */
size_t hash_length(const struct hash *hash);
bool hash_is_empty(const struct hash *hash);
/* Without the expired. */
size_t hash_live_length(const struct hash *hash);
int64_t hash_next_deadline_ms(const struct hash *hash); /* -1: there is none */

/* False: there is no such field. */
MUST_USE bool hash_get(const struct hash *hash, struct str field, struct hash_item *item);
/* deadline_ms may be HASH_NO_DEADLINE or HASH_KEEP_DEADLINE. True: the field is new. */
bool hash_set(struct hash *hash, struct str field, struct str value, int64_t deadline_ms);
/* For a field that is there; or HASH_NO_DEADLINE. */
void hash_set_deadline(struct hash *hash, struct str field, int64_t deadline_ms);
/* False: there is no such field. */
bool hash_delete(struct hash *hash, struct str field);
/* Says that so many fields are about to be set: many go into a table from the beginning. */
void hash_expect(struct hash *hash, size_t fields);

typedef void hash_visit(void *context, const struct hash_item *item);
void hash_each(const struct hash *hash, hash_visit *visit, void *context);
/* One step of HSCAN, as table_scan: a packed hash is visited in one. */
uint64_t hash_scan(const struct hash *hash, uint64_t cursor, hash_visit *visit, void *context);

/* Where a field lies; good until the hash changes. */
typedef const void *hash_place;
struct hash_item hash_item_at(const struct hash *hash, hash_place place);
/* All live fields; there is room for hash_live_length. */
void hash_places(const struct hash *hash, hash_place *places);
/* A live field, each with the same chance; there must be one. random: 64 uniform bits. */
hash_place hash_random(const struct hash *hash, uint64_t (*random)(void *context), void *context);

#endif
