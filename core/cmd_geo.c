/* Places in a sorted set: adding them and reading them back. A place's score is its geohash. */
#include "core/handlers.h"

#include "core/args.h"
#include "core/geo_args.h"
#include "core/zset_call.h"

struct geoadd {
    struct zset_rule rule;
    bool count_updated; /* CH */
    int first;          /* argument: longitude, latitude, member, longitude … */
    int count;
};

static bool geoadd_parse(struct call *call, struct geoadd *geoadd)
{
    int at = 2;

    *geoadd = (struct geoadd){.count = 0};
    for (; at < call->argc; at++) {
        if (arg_is(call->argv[at], "nx"))
            geoadd->rule.only_absent = true;
        else if (arg_is(call->argv[at], "xx"))
            geoadd->rule.only_present = true;
        else if (arg_is(call->argv[at], "ch"))
            geoadd->count_updated = true;
        else
            break;
    }
    geoadd->first = at;
    geoadd->count = (call->argc - at) / 3;
    bool conflict = geoadd->rule.only_absent && geoadd->rule.only_present;
    if (!conflict && geoadd->count > 0 && (call->argc - at) % 3 == 0)
        return true;
    args_syntax_error(call->reply);
    return false;
}

/* All are parsed before anything is written. */
static bool places_are_right(struct call *call, const struct geoadd *geoadd)
{
    struct geohash_place place;

    for (int i = 0; i < geoadd->count; i++)
        if (!geo_place_parse(call->reply, &call->argv[geoadd->first + 3 * i], &place))
            return false;
    return true;
}

static enum zset_outcome add_place(struct call *call, const struct geoadd *geoadd, struct zset_key *key, int at)
{
    struct zset_limits limits = zset_limits(call);
    struct geohash_place place;
    bool right = geo_place_parse(call->reply, &call->argv[at], &place);
    double score = right ? (double)geohash_encode(place) : 0;

    return zset_add(&key->zset, &limits, &geoadd->rule, call->argv[at + 2], &score);
}

void cmd_geoadd(struct call *call)
{
    int outcomes[ZSET_NAN + 1] = {0};
    struct geoadd geoadd;
    struct zset_key key;

    if (!geoadd_parse(call, &geoadd) || !places_are_right(call, &geoadd) || !zset_key_open(call, call->argv[1], &key))
        return;
    if (!geoadd.rule.only_present)
        zset_key_fill(&key);
    for (int i = 0; i < geoadd.count && key.zset.value != NULL; i++)
        outcomes[add_place(call, &geoadd, &key, geoadd.first + 3 * i)]++;
    zset_key_close(call, &key, "zadd", (uint64_t)(outcomes[ZSET_ADDED] + outcomes[ZSET_UPDATED]));
    reply_integer(call->reply, outcomes[ZSET_ADDED] + (geoadd.count_updated ? outcomes[ZSET_UPDATED] : 0));
}

void cmd_geohash(struct call *call)
{
    char text[GEOHASH_TEXT_LENGTH];
    struct zset zset;
    double score;

    if (!zset_read(call, call->argv[1], &zset))
        return;
    reply_array(call->reply, call->argc - 2);
    for (int i = 2; i < call->argc; i++) {
        if (zset_find(&zset, call->argv[i], &score)) {
            geohash_text(score, text);
            reply_bulk(call->reply, (struct str){text, sizeof text});
        } else {
            reply_null(call->reply);
        }
    }
}

void cmd_geopos(struct call *call)
{
    struct zset zset;
    double score;

    if (!zset_read(call, call->argv[1], &zset))
        return;
    reply_array(call->reply, call->argc - 2);
    for (int i = 2; i < call->argc; i++) {
        if (zset_find(&zset, call->argv[i], &score))
            geo_place_reply(call->reply, geohash_decode(score));
        else
            reply_null_array(call->reply);
    }
}

static bool geodist_unit(struct call *call, double *unit_m)
{
    *unit_m = 1;
    if (call->argc == 5)
        return geo_unit_parse(call->reply, call->argv[4], unit_m);
    if (call->argc < 5)
        return true;
    args_syntax_error(call->reply);
    return false;
}

void cmd_geodist(struct call *call)
{
    struct zset zset;
    double unit_m, from, to;

    if (!geodist_unit(call, &unit_m) || !zset_read(call, call->argv[1], &zset))
        return;
    if (zset_find(&zset, call->argv[2], &from) && zset_find(&zset, call->argv[3], &to))
        geo_distance_reply(call->reply, geohash_distance_m(geohash_decode(from), geohash_decode(to)) / unit_m);
    else
        reply_null(call->reply);
}
