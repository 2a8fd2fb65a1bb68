/* Sorted sets: pairs of members and scores, one after the other or in a pack. The
 * former go into a tree whatever their number: in a pack -0 would become 0. */
#include "core/rdb_value_types.h"

#include "core/config.h"
#include "core/listpack.h"
#include "core/zset_value.h"

struct loading {
    struct rdb_loader *loader;
    struct zset zset;
    struct zset_limits limits;
};

/* False: a member that is there already, or no score. */
static bool add(struct loading *loading, struct str member, double score)
{
    static const struct zset_rule only_new = {.only_absent = true};

    return zset_add(&loading->zset, &loading->limits, &only_new, member, &score) == ZSET_ADDED;
}

static bool add_pack(struct loading *loading, const unsigned char *pack)
{
    const unsigned char *member = listpack_first(pack), *score;

    for (; member != NULL; member = listpack_next(score)) {
        char digits[2][NUMBER_TEXT_MAX];
        double number;

        score = listpack_next(member);
        if (score == NULL || !number_parse_double(listpack_text(listpack_get(score), digits[0]), &number) ||
            !add(loading, listpack_text(listpack_get(member), digits[1]), number))
            return false;
    }
    return true;
}

static bool read_pack(struct loading *loading, enum rdb_type type)
{
    enum rdb_pack_kind kind = type == RDB_ZSET_ZIPLIST ? RDB_PACK_ZIPLIST : RDB_PACK_LISTPACK;
    struct rdb_pack pack;

    if (!rdb_read_pack(loading->loader, kind, &pack))
        return false;
    bool added = zset_adopt(&loading->zset, &loading->limits, pack.pack) || add_pack(loading, pack.pack);
    rdb_pack_free(loading->loader, &pack);
    return added;
}

static bool read_score(struct rdb_reader *reader, enum rdb_type type, double *score)
{
    return type == RDB_ZSET ? rdb_read_score(reader, score) : rdb_read_score_text(reader, score);
}

static bool read_pairs(struct loading *loading, enum rdb_type type)
{
    struct rdb_loader *loader = loading->loader;
    struct str member;
    uint64_t count;
    double score;

    if (!rdb_read_count(&loader->reader, &count))
        return false;
    for (; count > 0; count--)
        if (!rdb_read_string(&loader->reader, &loader->text, &member) || !read_score(&loader->reader, type, &score) ||
            !add(loading, member, score))
            return false;
    return true;
}

bool rdb_read_zset(struct rdb_loader *loader, enum rdb_type type, struct rdb_value *value)
{
    const struct config *config = loader->config;
    bool is_pairs = type == RDB_ZSET || type == RDB_ZSET_TEXT;
    struct loading loading = {
        .loader = loader,
        .zset = is_pairs ? zset_create_tree(loader->memory) : zset_create(loader->memory),
        .limits = {config->zset_max_listpack_entries, config->zset_max_listpack_value},
    };

    bool read = is_pairs ? read_pairs(&loading, type) : read_pack(&loading, type);
    loader->is_empty = read && zset_count(&loading.zset) == 0;
    if (!read || loader->is_empty) {
        zset_destroy(&loading.zset);
        return false;
    }
    zset_settle(&loading.zset, &loading.limits);
    *value = (struct rdb_value){VALUE_ZSET, loading.zset.encoding, .value = loading.zset.value};
    return true;
}
