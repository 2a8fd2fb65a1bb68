/* Hashes: fields and values, one after the other or in a pack; those of version
 * 12 with the deadline of each field, 0 where it has none. A deadline that has
 * passed is as good as any: such a field is absent to all, and soon removed. */
#include "core/rdb_value_types.h"

#include "core/config.h"
#include "core/hash_value.h"

struct loading {
    struct rdb_loader *loader;
    struct hash hash;
};

/* What Redis has room for. Nothing that counts from a deadline comes to the end of its numbers so. */
static const int64_t DEADLINE_MS_MAX = (INT64_C(1) << 48) - 2;

/* False: the field is there already, or its deadline is none. */
static bool add(struct loading *loading, struct str field, struct str value, int64_t deadline_ms)
{
    if (deadline_ms > DEADLINE_MS_MAX)
        return false;
    return hash_set(&loading->hash, field, value, deadline_ms == 0 ? HASH_NO_DEADLINE : deadline_ms);
}

/* Packs */

static bool is_deadline(const unsigned char *element, int64_t *deadline_ms)
{
    struct listpack_value value = listpack_get(element);

    if (value.bytes != NULL)
        return false;
    *deadline_ms = value.integer;
    return value.integer >= 0;
}

/* Adds the field at `element` and passes it over. False: malformed. */
static bool add_packed(struct loading *loading, bool expiring, const unsigned char **element)
{
    const unsigned char *field = *element, *value = listpack_next(field), *last = value;
    char digits[2][NUMBER_TEXT_MAX];
    int64_t deadline_ms = 0;

    if (value != NULL && expiring)
        last = listpack_next(value);
    if (last == NULL || (expiring && !is_deadline(last, &deadline_ms)))
        return false;
    *element = listpack_next(last);
    return add(loading, listpack_text(listpack_get(field), digits[0]), listpack_text(listpack_get(value), digits[1]),
               deadline_ms);
}

static bool add_pack(struct loading *loading, bool expiring, const unsigned char *pack)
{
    const unsigned char *element = listpack_first(pack);

    while (element != NULL)
        if (!add_packed(loading, expiring, &element))
            return false;
    return true;
}

static bool read_pack(struct loading *loading, enum rdb_pack_kind kind, bool expiring)
{
    struct rdb_pack pack;

    if (!rdb_read_pack(loading->loader, kind, &pack))
        return false;
    bool added = (!expiring && hash_adopt(&loading->hash, pack.pack)) || add_pack(loading, expiring, pack.pack);
    rdb_pack_free(loading->loader, &pack);
    return added;
}

/* The earliest deadline comes first, and is in the pack as well. */
static bool read_expiring_pack(struct loading *loading, bool early)
{
    int64_t earliest_ms;

    return (early || rdb_read_time_ms(&loading->loader->reader, &earliest_ms)) &&
           read_pack(loading, RDB_PACK_LISTPACK, true);
}

/* One after the other */

/* What deadlines are counted from: 0 in a hash whose fields have none, or have them as they are. */
struct deadlines {
    bool given;
    uint64_t base_ms;
};

/* As Unix time, 0: none. */
static bool read_deadline(struct rdb_reader *reader, const struct deadlines *deadlines, int64_t *deadline_ms)
{
    uint64_t number = 0;

    *deadline_ms = 0;
    if (!deadlines->given)
        return true;
    if (!rdb_read_length(reader, &number))
        return false;
    if (number == 0)
        return true;
    return !__builtin_add_overflow(number, deadlines->base_ms, &number) && number <= INT64_MAX &&
           (*deadline_ms = (int64_t)number) > 0;
}

static bool read_fields(struct loading *loading, const struct deadlines *deadlines)
{
    struct rdb_loader *loader = loading->loader;
    struct str field, value;
    int64_t deadline_ms;
    uint64_t count;

    if (!rdb_read_count(&loader->reader, &count))
        return false;
    for (; count > 0; count--)
        if (!read_deadline(&loader->reader, deadlines, &deadline_ms) ||
            !rdb_read_string(&loader->reader, &loader->text, &field) ||
            !rdb_read_string(&loader->reader, &loader->other_text, &value) || !add(loading, field, value, deadline_ms))
            return false;
    return true;
}

/* A deadline is written as what it is after the earliest one, and one more. */
static bool read_expiring_fields(struct loading *loading, bool early)
{
    struct deadlines deadlines = {.given = true};
    int64_t earliest_ms = 1;

    if (!early && (!rdb_read_time_ms(&loading->loader->reader, &earliest_ms) || earliest_ms <= 0))
        return false;
    deadlines.base_ms = (uint64_t)earliest_ms - 1;
    return read_fields(loading, &deadlines);
}

static bool read_hash(struct loading *loading, enum rdb_type type)
{
    switch (type) {
    case RDB_HASH_ZIPMAP:
        return read_pack(loading, RDB_PACK_ZIPMAP, false);
    case RDB_HASH_ZIPLIST:
        return read_pack(loading, RDB_PACK_ZIPLIST, false);
    case RDB_HASH_LISTPACK:
        return read_pack(loading, RDB_PACK_LISTPACK, false);
    case RDB_HASH_LISTPACK_EXPIRING_EARLY:
    case RDB_HASH_LISTPACK_EXPIRING:
        return read_expiring_pack(loading, type == RDB_HASH_LISTPACK_EXPIRING_EARLY);
    case RDB_HASH_EXPIRING_EARLY:
    case RDB_HASH_EXPIRING:
        return read_expiring_fields(loading, type == RDB_HASH_EXPIRING_EARLY);
    default:
        return read_fields(loading, &(struct deadlines){.given = false});
    }
}

bool rdb_read_hash(struct rdb_loader *loader, enum rdb_type type, struct rdb_value *value)
{
    struct loading loading = {.loader = loader};
    struct hash *hash = &loading.hash;

    hash_create(hash, loader->memory, loader->config, 0); /* no deadline has passed at that time */
    bool read = read_hash(&loading, type);
    loader->is_empty = read && hash_is_empty(hash);
    if (!read || loader->is_empty) {
        value_destroy(value_kind_of(VALUE_HASH, hash->encoding), loader->memory, hash->value);
        return false;
    }
    *value = (struct rdb_value){VALUE_HASH, hash->encoding, .value = hash->value};
    return true;
}
