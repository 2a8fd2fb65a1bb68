/* The fields of a small hash: a listpack, of one of two forms.
 *
 *     plain      field, value, field, value …                  in order of arrival
 *     expiring   field, value, deadline, field, value, …       in order of deadline
 *
 * In the second the deadline is in Unix ms, 0 for none, and those with none are
 * at the end, so what expires next is at the front. To tell an expired field
 * from a live one is the caller's part. Belongs to its keyspace's thread. */
#ifndef CORE_HASH_PACK_H
#define CORE_HASH_PACK_H

#include "core/listpack.h"

struct memory;
struct value_kind;

enum hash_pack_form { HASH_PACK_PLAIN = 2, HASH_PACK_EXPIRING = 3 /* elements a field */ };

extern const struct value_kind hash_pack_plain_kind, hash_pack_expiring_kind;

/* A field's first element, its name; NULL: it is not there. */
static inline unsigned char *hash_pack_find(const unsigned char *pack, enum hash_pack_form form, struct str field)
{
    return listpack_find(listpack_first(pack), field, form - 1);
}

static inline unsigned char *hash_pack_next(unsigned char *field, enum hash_pack_form form)
{
    for (int element = 0; field != NULL && element < (int)form; element++)
        field = listpack_next(field);
    return field;
}

static inline size_t hash_pack_count(const unsigned char *pack, enum hash_pack_form form)
{
    return listpack_count(pack) / form;
}

/* -1: none. */
int64_t hash_pack_deadline_ms(unsigned char *field, enum hash_pack_form form);
int64_t hash_pack_next_deadline_ms(const unsigned char *pack, enum hash_pack_form form);

/* Each changes the pack, whose fields move; memory may be NULL for a plain one, as in listpack.h. deadline_ms -1: none,
 * and nothing else in a plain one. */
void hash_pack_add(struct memory *memory, unsigned char **pack, enum hash_pack_form form, struct str field,
                   struct str value, int64_t deadline_ms);
void hash_pack_overwrite(struct memory *memory, unsigned char **pack, enum hash_pack_form form, unsigned char *field,
                         struct str value, int64_t deadline_ms);
void hash_pack_set_deadline(struct memory *memory, unsigned char **pack, unsigned char *field, int64_t deadline_ms);
void hash_pack_remove(struct memory *memory, unsigned char **pack, enum hash_pack_form form, unsigned char *field);

/* The same fields in the expiring form, without deadlines. */
unsigned char *hash_pack_make_expiring(struct memory *memory, const unsigned char *plain);

/* Whether a field and value more are within what a pack may hold. */
bool hash_pack_would_fit(const unsigned char *pack, struct str field, struct str value);

#endif
