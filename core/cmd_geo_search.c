/* Places in a circle or a box. GEORADIUS, GEORADIUSBYMEMBER and GEOSEARCH with
 * their relatives are one search, which differ in where its center and shape are said. */
#include "core/handlers.h"

#include <stdlib.h>

#include "core/args.h"
#include "core/assert.h"
#include "core/geo_args.h"
#include "core/zset_call.h"

enum order { ORDER_NONE, ORDER_ASCENDING, ORDER_DESCENDING };

struct search {
    /* What the command's name settles. */
    bool by_options; /* GEOSEARCH: center and shape are among the options */
    bool may_store;  /* GEORADIUS may, by an option */
    bool stores;     /* GEOSEARCHSTORE does */
    /* What the options say. */
    struct geohash_shape shape;
    double unit_m;
    bool from_member, from_place, by_radius, by_box;
    bool with_distance, with_hash, with_place;
    enum order order;
    bool any;
    int64_t count;            /* 0: all */
    const struct str *target; /* the key to store under; NULL: none */
    bool store_distance;

    struct zset zset;
};

/* Options. Each of these returns how many arguments it took; 0: it is not there; -1: it is wrong, and that has been
 * answered. */

static int flag_option(struct search *search, struct str word)
{
    if (arg_is(word, "withdist"))
        search->with_distance = true;
    else if (arg_is(word, "withhash"))
        search->with_hash = true;
    else if (arg_is(word, "withcoord"))
        search->with_place = true;
    else if (arg_is(word, "any"))
        search->any = true;
    else if (arg_is(word, "asc"))
        search->order = ORDER_ASCENDING;
    else if (arg_is(word, "desc"))
        search->order = ORDER_DESCENDING;
    else
        return 0;
    return 1;
}

static int count_option(struct call *call, struct search *search, int at)
{
    if (!arg_is(call->argv[at], "count") || at + 1 >= call->argc)
        return 0;
    if (!args_integer(call->reply, call->argv[at + 1], &search->count))
        return -1;
    if (search->count > 0)
        return 2;
    reply_error(call->reply, "ERR COUNT must be > 0");
    return -1;
}

static int store_option(struct call *call, struct search *search, int at)
{
    bool distance = arg_is(call->argv[at], "storedist");

    if (search->stores && distance) {
        search->store_distance = true;
        return 1;
    }
    if (!search->may_store || at + 1 >= call->argc || !(distance || arg_is(call->argv[at], "store")))
        return 0;
    search->target = &call->argv[at + 1];
    search->store_distance = distance;
    return 2;
}

/* Of a key that is not there nobody asks where the member is. */
static bool center_on_member(struct call *call, struct search *search, struct str member)
{
    double score;

    if (search->zset.value == NULL)
        return true;
    if (!zset_find(&search->zset, member, &score)) {
        reply_error(call->reply, "ERR could not decode requested zset member");
        return false;
    }
    search->shape.center = geohash_decode(score);
    return true;
}

static int center_option(struct call *call, struct search *search, int at)
{
    if (arg_is(call->argv[at], "frommember") && at + 1 < call->argc && !search->from_place) {
        search->from_member = true;
        return center_on_member(call, search, call->argv[at + 1]) ? 2 : -1;
    }
    if (arg_is(call->argv[at], "fromlonlat") && at + 2 < call->argc && !search->from_member) {
        search->from_place = true;
        return geo_place_parse(call->reply, &call->argv[at + 1], &search->shape.center) ? 3 : -1;
    }
    return 0;
}

static int shape_option(struct call *call, struct search *search, int at)
{
    const struct str *operands = &call->argv[at + 1];

    if (arg_is(call->argv[at], "byradius") && at + 2 < call->argc && !search->by_box) {
        search->by_radius = true;
        return geo_radius_parse(call->reply, operands, &search->shape, &search->unit_m) ? 3 : -1;
    }
    if (arg_is(call->argv[at], "bybox") && at + 3 < call->argc && !search->by_radius) {
        search->by_box = true;
        return geo_box_parse(call->reply, operands, &search->shape, &search->unit_m) ? 4 : -1;
    }
    return 0;
}

static int any_option(struct call *call, struct search *search, int at)
{
    int taken = flag_option(search, call->argv[at]);

    if (taken == 0)
        taken = count_option(call, search, at);
    if (taken == 0)
        taken = store_option(call, search, at);
    if (taken == 0 && search->by_options)
        taken = center_option(call, search, at);
    if (taken == 0 && search->by_options)
        taken = shape_option(call, search, at);
    return taken;
}

static bool parse_options(struct call *call, struct search *search, int at)
{
    while (at < call->argc) {
        int taken = any_option(call, search, at);
        if (taken == 0)
            args_syntax_error(call->reply);
        if (taken <= 0)
            return false;
        at += taken;
    }
    return true;
}

/* Whether the options go together. */
static bool check_options(struct call *call, const struct search *search)
{
    struct str name = call->argv[0];
    struct reply *reply = call->reply;

    if (search->target != NULL && (search->with_distance || search->with_hash || search->with_place))
        reply_error_format(reply, "ERR %s is not compatible with WITHDIST, WITHHASH and WITHCOORD options",
                           search->stores ? "GEOSEARCHSTORE" : "STORE option in GEORADIUS");
    else if (search->by_options && !search->from_member && !search->from_place)
        reply_error_format(reply, "ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for %.*s",
                           str_quoted_length(name), name.bytes);
    else if (search->by_options && !search->by_radius && !search->by_box)
        reply_error_format(reply, "ERR exactly one of BYRADIUS and BYBOX can be specified for %.*s",
                           str_quoted_length(name), name.bytes);
    else if (search->any && search->count == 0)
        reply_error(reply, "ERR the ANY argument requires COUNT argument");
    else
        return true;
    return false;
}

/* The search */

struct found {
    size_t rank;
    double score;
    double distance_m;
};

/* An array of struct found. */
struct places {
    struct buffer buffer;
    size_t count, most; /* most 0: all */
};

static struct found *found_at(const struct places *places, size_t index)
{
    return (struct found *)(void *)places->buffer.bytes + index;
}

static bool enough(const struct places *places)
{
    return places->most > 0 && places->count >= places->most;
}

static void look_in_range(const struct search *search, struct geohash_range range, struct places *places)
{
    size_t first = zset_count_below(&search->zset, (double)range.first, false);
    size_t end = zset_count_below(&search->zset, (double)range.end, false);
    struct zset_element element;
    struct zset_walk walk;

    zset_walk_begin(&walk, &search->zset, first, end - first, false);
    for (size_t rank = first; !enough(places) && zset_walk_next(&walk, &element); rank++) {
        struct found found = {.rank = rank, .score = element.score};
        if (!geohash_contains(&search->shape, geohash_decode(element.score), &found.distance_m))
            continue;
        buffer_append(&places->buffer, &found, sizeof found);
        places->count++;
    }
}

static int nearer(const struct found *a, const struct found *b)
{
    if (a->distance_m != b->distance_m)
        return a->distance_m < b->distance_m ? -1 : 1;
    return 0;
}

static int by_distance(const void *a, const void *b)
{
    const struct found *left = a, *right = b;
    int order = nearer(left, right);

    return order != 0 ? order : (left->rank > right->rank) - (left->rank < right->rank);
}

static int by_distance_down(const void *a, const void *b)
{
    const struct found *left = a, *right = b;
    int order = nearer(right, left);

    return order != 0 ? order : (left->rank > right->rank) - (left->rank < right->rank);
}

/* To answer with the nearest, all have to be found. */
static void look(const struct search *search, struct places *places)
{
    struct geohash_range ranges[GEOHASH_RANGES_MOST];
    size_t count = geohash_ranges(&search->shape, ranges);
    bool sorted = search->order != ORDER_NONE || (search->count > 0 && !search->any);

    places->most = search->any ? (size_t)search->count : 0;
    for (size_t i = 0; i < count && !enough(places); i++)
        look_in_range(search, ranges[i], places);
    if (sorted && places->count > 1)
        qsort(places->buffer.bytes, places->count, sizeof(struct found),
              search->order == ORDER_DESCENDING ? by_distance_down : by_distance);
    if (search->count > 0 && (uint64_t)search->count < places->count)
        places->count = (size_t)search->count;
}

/* The result */

static struct zset_element element_at(const struct search *search, struct zset_walk *walk, const struct found *found)
{
    struct zset_element element = {.score = found->score};
    bool there;

    zset_walk_begin(walk, &search->zset, found->rank, 1, false);
    there = zset_walk_next(walk, &element);
    ASSERT(there);
    return element;
}

static void answer_place(struct call *call, const struct search *search, const struct found *found)
{
    int extras = search->with_distance + search->with_hash + search->with_place;
    struct zset_walk walk;

    if (extras > 0)
        reply_array(call->reply, 1 + extras);
    reply_bulk(call->reply, element_at(search, &walk, found).member);
    if (search->with_distance)
        geo_distance_reply(call->reply, found->distance_m / search->unit_m);
    if (search->with_hash)
        reply_integer(call->reply, (int64_t)found->score);
    if (search->with_place)
        geo_place_reply(call->reply, geohash_decode(found->score));
}

static void store(struct call *call, const struct search *search, const struct places *places)
{
    struct zset_limits limits = zset_limits(call);
    struct zset result = zset_result(call, *search->target);
    struct zset_walk walk;

    for (size_t i = 0; i < places->count; i++) {
        struct zset_element element = element_at(search, &walk, found_at(places, i));
        if (search->store_distance)
            element.score = found_at(places, i)->distance_m / search->unit_m;
        zset_put(&result, &limits, element);
    }
    if (places->count > 1)
        keyspace_changed(call_keyspace(call, *search->target), places->count - 1);
    zset_store(call, *search->target, search->by_options ? "geosearchstore" : "georadiusstore", &result);
}

static void look_and_answer(struct call *call, const struct search *search)
{
    struct places places = {.count = 0};

    buffer_init(&places.buffer, &call->core->memory, NULL, 0);
    if (search->zset.value != NULL)
        look(search, &places);
    if (search->target != NULL) {
        store(call, search, &places);
    } else {
        reply_array(call->reply, (int64_t)places.count);
        for (size_t i = 0; i < places.count; i++)
            answer_place(call, search, found_at(&places, i));
    }
    buffer_deinit(&places.buffer);
}

static void finish(struct call *call, struct search *search, int options)
{
    if (parse_options(call, search, options) && check_options(call, search))
        look_and_answer(call, search);
}

static void georadius(struct call *call, bool may_store)
{
    struct search search = {.may_store = may_store};

    if (zset_read(call, call->argv[1], &search.zset) &&
        geo_place_parse(call->reply, &call->argv[2], &search.shape.center) &&
        geo_radius_parse(call->reply, &call->argv[4], &search.shape, &search.unit_m))
        finish(call, &search, 6);
}

void cmd_georadius(struct call *call)
{
    georadius(call, true);
}

void cmd_georadius_ro(struct call *call)
{
    georadius(call, false);
}

/* Where there is no key, what stands for the radius is not looked at: so it is in Redis. */
static void georadiusbymember(struct call *call, bool may_store)
{
    struct search search = {.may_store = may_store};

    if (!zset_read(call, call->argv[1], &search.zset) || !center_on_member(call, &search, call->argv[2]))
        return;
    if (search.zset.value != NULL && !geo_radius_parse(call->reply, &call->argv[3], &search.shape, &search.unit_m))
        return;
    finish(call, &search, 5);
}

void cmd_georadiusbymember(struct call *call)
{
    georadiusbymember(call, true);
}

void cmd_georadiusbymember_ro(struct call *call)
{
    georadiusbymember(call, false);
}

void cmd_geosearch(struct call *call)
{
    struct search search = {.by_options = true};

    if (zset_read(call, call->argv[1], &search.zset))
        finish(call, &search, 2);
}

void cmd_geosearchstore(struct call *call)
{
    struct search search = {.by_options = true, .stores = true, .target = &call->argv[1]};

    if (zset_read(call, call->argv[2], &search.zset))
        finish(call, &search, 3);
}
