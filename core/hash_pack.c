#include "core/hash_pack.h"

#include "core/assert.h"
#include "core/memory.h"
#include "core/value.h"

enum { DEADLINE_BYTES_MOST = 10 /* of an element with one */ };

static int64_t stored_deadline(unsigned char *field)
{
    struct listpack_value deadline = listpack_get(listpack_next(listpack_next(field)));

    ASSERT(deadline.bytes == NULL);
    return deadline.integer;
}

int64_t hash_pack_deadline_ms(unsigned char *field, enum hash_pack_form form)
{
    int64_t deadline_ms = form == HASH_PACK_EXPIRING ? stored_deadline(field) : 0;

    return deadline_ms == 0 ? -1 : deadline_ms;
}

int64_t hash_pack_next_deadline_ms(const unsigned char *pack, enum hash_pack_form form)
{
    unsigned char *first = listpack_first(pack);

    return first ? hash_pack_deadline_ms(first, form) : -1;
}

/* The first field with a later deadline, NULL when all are earlier: there is the place of one with this. */
static unsigned char *place_of(const unsigned char *pack, int64_t deadline_ms)
{
    unsigned char *field = listpack_first(pack);

    if (deadline_ms < 0)
        return NULL;
    while (field != NULL) {
        int64_t stored_ms = stored_deadline(field);

        if (stored_ms == 0 || stored_ms > deadline_ms)
            break;
        field = hash_pack_next(field, HASH_PACK_EXPIRING);
    }
    return field;
}

static void add_values(struct memory *memory, unsigned char **pack, unsigned char *before,
                       const struct listpack_value *values, size_t count)
{
    if (before == NULL) {
        listpack_append_many(memory, pack, values, count);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        before = listpack_insert_before(memory, pack, before, values[i]);
        before = listpack_next(before);
    }
}

void hash_pack_add(struct memory *memory, unsigned char **pack, enum hash_pack_form form, struct str field,
                   struct str value, int64_t deadline_ms)
{
    struct listpack_value values[3] = {listpack_value_of(field), listpack_value_of(value),
                                       listpack_integer(deadline_ms < 0 ? 0 : deadline_ms)};

    ASSERT(form == HASH_PACK_EXPIRING || deadline_ms < 0);
    add_values(memory, pack, form == HASH_PACK_EXPIRING ? place_of(*pack, deadline_ms) : NULL, values, form);
}

void hash_pack_overwrite(struct memory *memory, unsigned char **pack, enum hash_pack_form form, unsigned char *field,
                         struct str value, int64_t deadline_ms)
{
    size_t at = (size_t)(field - *pack);

    listpack_replace(memory, pack, listpack_next(field), listpack_value_of(value));
    if (form == HASH_PACK_EXPIRING)
        hash_pack_set_deadline(memory, pack, *pack + at, deadline_ms);
}

/* The field goes to where its deadline belongs; its bytes are copied aside meanwhile. */
void hash_pack_set_deadline(struct memory *memory, unsigned char **pack, unsigned char *field, int64_t deadline_ms)
{
    if (hash_pack_deadline_ms(field, HASH_PACK_EXPIRING) == deadline_ms)
        return;

    unsigned char *end = hash_pack_next(field, HASH_PACK_EXPIRING);
    size_t bytes = end ? (size_t)(end - field) : listpack_bytes(*pack) - (size_t)(field - *pack) - 1;
    unsigned char *copy = memory_alloc(memory, bytes);

    memcpy(copy, field, bytes);
    listpack_delete_from(memory, pack, field, HASH_PACK_EXPIRING);
    struct listpack_value values[3] = {listpack_get(copy), listpack_get(copy + listpack_element_bytes(copy)),
                                       listpack_integer(deadline_ms < 0 ? 0 : deadline_ms)};
    add_values(memory, pack, place_of(*pack, deadline_ms), values, 3);
    memory_free(memory, copy);
}

void hash_pack_remove(struct memory *memory, unsigned char **pack, enum hash_pack_form form, unsigned char *field)
{
    listpack_delete_from(memory, pack, field, form);
}

unsigned char *hash_pack_make_expiring(struct memory *memory, const unsigned char *plain)
{
    unsigned char *pack = listpack_create(memory, listpack_bytes(plain) + 2 * hash_pack_count(plain, HASH_PACK_PLAIN));
    unsigned char *value;

    for (unsigned char *field = listpack_first(plain); field != NULL; field = listpack_next(value)) {
        value = listpack_next(field);
        struct listpack_value values[3] = {listpack_get(field), listpack_get(value), listpack_integer(0)};
        listpack_append_many(memory, &pack, values, 3);
    }
    return pack;
}

bool hash_pack_would_fit(const unsigned char *pack, struct str field, struct str value)
{
    struct listpack_value values[2] = {{field.bytes, {field.length}}, {value.bytes, {value.length}}};

    if (field.length > LISTPACK_BYTES_MAX || value.length > LISTPACK_BYTES_MAX)
        return false;
    return listpack_would_fit(pack,
                              listpack_value_bytes(values[0]) + listpack_value_bytes(values[1]) + DEADLINE_BYTES_MOST);
}

/* As a value */

static int64_t next_deadline_ms(const void *value)
{
    return hash_pack_next_deadline_ms(value, HASH_PACK_EXPIRING);
}

static size_t expire(struct memory *memory, void **value, int64_t now_ms, size_t most, bool *emptied)
{
    unsigned char *pack = *value, *field = listpack_first(pack);
    size_t count = 0;

    while (field != NULL && count < most) {
        int64_t deadline_ms = hash_pack_deadline_ms(field, HASH_PACK_EXPIRING);

        if (deadline_ms < 0 || deadline_ms > now_ms)
            break;
        count++;
        field = hash_pack_next(field, HASH_PACK_EXPIRING);
    }
    listpack_delete_range(memory, &pack, 0, count * HASH_PACK_EXPIRING);
    *emptied = listpack_is_empty(pack);
    *value = pack;
    return count;
}

static size_t length(const void *value)
{
    return listpack_bytes(value);
}

/* A listpack as any other, but in line where it is short. */
const struct value_kind hash_pack_plain_kind = {
    .name = "listpack",
    .real_name = "listpack",
    VALUE_BLOB,
    .length = length,
};

static void each_due(const void *value, int64_t now_ms, size_t most, void (*visit)(void *context, struct str name),
                     void *context)
{
    char digits[NUMBER_TEXT_MAX];

    for (unsigned char *field = listpack_first(value); field != NULL && most > 0; most--) {
        int64_t deadline_ms = hash_pack_deadline_ms(field, HASH_PACK_EXPIRING);

        if (deadline_ms < 0 || deadline_ms > now_ms)
            return;
        visit(context, listpack_text(listpack_get(field), digits));
        field = hash_pack_next(field, HASH_PACK_EXPIRING);
    }
}

const struct value_kind hash_pack_expiring_kind = {
    .name = "listpackex",
    .real_name = "listpackex",
    VALUE_BLOB,
    .next_deadline_ms = next_deadline_ms,
    .each_due = each_due,
    .expire = expire,
};
