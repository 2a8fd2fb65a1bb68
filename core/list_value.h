/* Lists, whatever holds them: a listpack while they are small, a deque beyond.
 *
 * list-max-listpack-size says what is small, in bytes or elements. A list
 * becomes a deque before it takes in what would be too much, and a listpack
 * again once a removal leaves it one block of half of that: one that stays
 * about the limit does not go to and fro.
 *
 * The value lies in an entry, which stays where it is while its value moves.
 * An empty list is a list here; that no key holds one is for the commands to
 * see to. Belongs to its keyspace's thread. */
#ifndef CORE_LIST_VALUE_H
#define CORE_LIST_VALUE_H

#include "core/deque.h"
#include "core/keyspace.h"
#include "core/resp_write.h"

struct config;

/* Of a list in a deque. */
extern const struct value_kind list_deque_kind;

/* A list as those need it who change it. */
struct list {
    struct entry *entry;
    struct memory *memory; /* of the keyspace */
    const struct config *config;
};

/* Adds an empty list under a key that is absent, with room for these texts. */
struct entry *list_create(struct keyspace *keyspace, int db, struct key key, const struct config *config,
                          const struct str *texts, size_t count);

size_t list_count(const struct entry *entry);

/* What is read is lent until the next call on the same list. */
struct listpack_value list_peek(const struct entry *entry, enum deque_end end); /* not of an empty list */
struct listpack_value list_get(const struct entry *entry, size_t index);        /* below list_count */

/* One after the other; the texts may not lie in the list, here and below. */
void list_push(const struct list *list, enum deque_end end, const struct str *texts, size_t count);
/* Makes it a deque if it would be too large with one more text of this length. */
void list_grow(const struct list *list, size_t text_bytes);
/* These two want list_grow first. */
void list_set(const struct list *list, size_t index, struct str text);
void list_insert(const struct list *list, size_t index, struct str text); /* before the element; may be list_count */

/* After one or several of these comes list_shrink, which makes a small list a listpack again. */
void list_drop(const struct list *list, enum deque_end end);
void list_delete_range(const struct list *list, size_t index, size_t count);
void list_shrink(const struct list *list);

/* Keeps the same elements in the other encoding, however small or large they are. */
void list_set_encoding(const struct list *list, enum value_encoding encoding);

/* The list in blocks, as it is written to a file; a listpack is one. */
size_t list_blocks(const struct entry *entry);
/* The block that the element of this index lies in. */
struct deque_block list_block_at(const struct entry *entry, size_t index);

/* A list that is read from a file, and is in no entry yet. */
struct list_loading {
    struct memory *memory; /* of the keyspace */
    const struct config *config;
    struct list_deque *large;
};

void list_load_begin(struct list_loading *loading, struct memory *memory, const struct config *config);
void list_load_text(struct list_loading *loading, struct str text);
void list_load_pack(struct list_loading *loading, const unsigned char *pack); /* valid; may be empty */
size_t list_load_count(const struct list_loading *loading);
/* The list, in the encoding that its size asks for. */
void *list_load_end(struct list_loading *loading, enum value_encoding *encoding);

/* Gives one element after the other. The list may be changed meanwhile by list_walk_delete alone. */
struct list_walk {
    const unsigned char *pack; /* NULL: a deque */
    const unsigned char *given, *next;
    bool forward;
    struct deque_walk blocks; /* of a deque */
};

/* From this index on, which is below list_count. */
void list_walk_start(struct list_walk *walk, const struct entry *entry, size_t index, bool forward);

MUST_USE static inline bool list_walk_next(struct list_walk *walk, struct listpack_value *value)
{
    if (walk->pack == NULL)
        return deque_walk_next(&walk->blocks, value);
    if (walk->next == NULL)
        return false;
    walk->given = walk->next;
    walk->next = walk->forward ? listpack_next(walk->given) : listpack_previous(walk->pack, walk->given);
    *value = listpack_get(walk->given);
    return true;
}

/* Deletes the element given last. */
void list_walk_delete(struct list_walk *walk, const struct list *list);

/* A text to be compared with many elements. */
struct list_sought {
    struct str text;
    struct listpack_value value; /* as a list keeps it */
};

static inline struct list_sought list_seek_text(struct str text)
{
    return (struct list_sought){text, listpack_value_of(text)};
}

static inline bool list_is_sought(const struct list_sought *sought, struct listpack_value value)
{
    if (value.bytes != NULL)
        return str_equal(sought->text, (struct str){value.bytes, value.length});
    return sought->value.bytes == NULL && sought->value.integer == value.integer;
}

static inline void list_reply(struct reply *reply, struct listpack_value value)
{
    if (value.bytes != NULL)
        reply_bulk(reply, (struct str){value.bytes, value.length});
    else
        reply_bulk_integer(reply, value.integer);
}

#endif
