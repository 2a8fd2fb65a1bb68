/* What is kept under the name of a key, whether there is such a key or not:
 * who waits for it, who watches it.
 *
 * A struct named_key is the first member of that, and finds it in a table by
 * database and name. All databases share one table. */
#ifndef CORE_NAMED_KEY_H
#define CORE_NAMED_KEY_H

#include <stdint.h>

#include "core/str.h"
#include "core/table.h"

struct named_key {
    struct str name; /* the owner's bytes */
    uint64_t hash;   /* the key's in the keyspace */
    int db;
};

void named_keys_init(struct table *table, struct memory *memory);
/* NULL: there is none. */
void *named_keys_find(const struct table *table, int db, struct str name, uint64_t hash);
/* There is none of that name yet. */
void named_keys_add(struct table *table, struct named_key *key);
void named_keys_remove(struct table *table, struct named_key *key);
/* Calls visit for all of one database. It may neither add nor remove any. */
void named_keys_each(const struct table *table, int db, void (*visit)(void *context, struct named_key *key),
                     void *context);

#endif
