/* Sets: members one after the other or in a pack, or integers in an intset. */
#include "core/rdb_value_types.h"

#include "core/assert.h"
#include "core/config.h"
#include "core/intset.h"
#include "core/set_value.h"

struct loading {
    struct rdb_loader *loader;
    struct set_value set; /* value NULL: not begun yet */
};

/* The first member and how many will come decide what it begins as. */
static void begin(struct loading *loading, const struct set_member *first, size_t count)
{
    loading->set = set_value_create_for(loading->loader->memory, loading->loader->config, first, count);
}

/* left: how many come, with this one. False: it is there already. */
static bool add(struct loading *loading, const struct set_member *member, size_t left)
{
    if (loading->set.value == NULL)
        begin(loading, member, left);
    return set_value_add(&loading->set, member);
}

static bool add_text(struct loading *loading, struct str text, size_t left)
{
    struct set_member member = set_member_of(text);

    return add(loading, &member, left);
}

static bool read_members(struct loading *loading)
{
    struct rdb_loader *loader = loading->loader;
    struct str text;
    uint64_t count;

    if (!rdb_read_count(&loader->reader, &count))
        return false;
    for (; count > 0; count--)
        if (!rdb_read_string(&loader->reader, &loader->text, &text) || !add_text(loading, text, count))
            return false;
    return true;
}

static bool add_pack(struct loading *loading, const unsigned char *pack)
{
    size_t count = listpack_count(pack);

    for (const unsigned char *element = listpack_first(pack); element != NULL; element = listpack_next(element)) {
        char digits[NUMBER_TEXT_MAX];

        if (!add_text(loading, listpack_text(listpack_get(element), digits), count))
            return false;
    }
    return true;
}

static bool read_pack(struct loading *loading)
{
    struct rdb_pack pack;

    if (!rdb_read_pack(loading->loader, RDB_PACK_LISTPACK, &pack))
        return false;
    bool added = add_pack(loading, pack.pack);
    rdb_pack_free(loading->loader, &pack);
    return added;
}

static bool read_intset(struct loading *loading)
{
    struct rdb_loader *loader = loading->loader;
    struct str bytes;

    if (!rdb_read_string(&loader->reader, &loader->text, &bytes) || !intset_validate(bytes))
        return false;
    struct intset *integers = intset_load(loader->memory, bytes);
    uint32_t count = intset_count(integers);
    for (uint32_t i = 0; i < count; i++) {
        struct set_member member = set_member_integer(intset_at(integers, i));
        bool added = add(loading, &member, count);
        ASSERT(added); /* they are sorted */
    }
    intset_destroy(loader->memory, integers);
    return true;
}

bool rdb_read_set(struct rdb_loader *loader, enum rdb_type type, struct rdb_value *value)
{
    struct loading loading = {.loader = loader};
    bool read = type == RDB_SET          ? read_members(&loading)
                : type == RDB_SET_INTSET ? read_intset(&loading)
                                         : read_pack(&loading);

    loader->is_empty = read && loading.set.value == NULL;
    if (loading.set.value == NULL)
        return false;
    if (!read) {
        set_value_destroy(&loading.set);
        return false;
    }
    set_value_shrink(&loading.set);
    *value = (struct rdb_value){VALUE_SET, loading.set.encoding, .value = loading.set.value};
    return true;
}
