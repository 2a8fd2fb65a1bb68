/* HRANDFIELD: fields by chance, each with the same.
 *
 * Distinct fields are drawn from the list of all places where a good part of
 * them is wanted, else one by one until enough different ones have come. With
 * repetitions every draw stands for itself. */
#include "core/handlers.h"

#include "core/args.h"
#include "core/bptree.h"
#include "core/hash_access.h"

enum {
    PART_LISTED = 3,            /* where at least one of so many is wanted */
    REPLY_BYTES_MOST = 1 << 30, /* of draws with repetitions, whose number is the client's to choose */
};

struct draw {
    struct call *call;
    const struct hash *hash;
    size_t live;
    bool with_values;
};

static uint64_t random_bits(void *keyspace)
{
    return keyspace_random_bits(keyspace);
}

static struct keyspace *dice_of(const struct draw *draw)
{
    return call_keyspace(draw->call, draw->call->argv[1]);
}

static size_t roll(const struct draw *draw, size_t below)
{
    return (size_t)((unsigned __int128)keyspace_random_bits(dice_of(draw)) * below >> 64);
}

static void reply_head(const struct draw *draw, int64_t count)
{
    bool flat = draw->with_values && draw->call->reply->protocol == 2;

    reply_array(draw->call->reply, flat ? 2 * count : count);
}

static void reply_drawn(void *context, const struct hash_item *item)
{
    const struct draw *draw = context;
    struct reply *reply = draw->call->reply;

    if (draw->with_values && reply->protocol == 3)
        reply_array(reply, 2);
    hash_reply_value(reply, item->field);
    if (draw->with_values)
        hash_reply_value(reply, item->value);
}

static void reply_place(struct draw *draw, hash_place place)
{
    struct hash_item item = hash_item_at(draw->hash, place);

    reply_drawn(draw, &item);
}

/* Also where single draws are slow: in a pack, and where most fields have expired. */
static bool is_worth_a_list(const struct draw *draw, uint64_t count)
{
    return draw->hash->encoding != ENCODING_TABLE || count > draw->live / PART_LISTED ||
           draw->live < hash_length(draw->hash) / 2;
}

static hash_place *list_places(const struct draw *draw)
{
    hash_place *places = memory_alloc(&draw->call->core->memory, draw->live * sizeof(*places));

    hash_places(draw->hash, places);
    return places;
}

static void free_places(const struct draw *draw, hash_place *places)
{
    memory_free(&draw->call->core->memory, places);
}

/* Distinct */

/* The first `count` of a shuffle (Fisher and Yates). */
static void draw_from_list(struct draw *draw, size_t count)
{
    hash_place *places = list_places(draw);

    for (size_t i = 0; i < count; i++) {
        size_t chosen = i + roll(draw, draw->live - i);

        reply_place(draw, places[chosen]);
        places[chosen] = places[i];
    }
    free_places(draw, places);
}

static void draw_until_different(struct draw *draw, size_t count)
{
    struct bptree seen;

    bptree_init(&seen, &draw->call->core->memory, NULL);
    while (seen.count < count) {
        hash_place place = hash_random(draw->hash, random_bits, dice_of(draw));
        uint64_t address = (uintptr_t)place;

        if (bptree_insert(&seen, (struct bptree_item){address, 0}, &(uint64_t){0}))
            reply_place(draw, place);
    }
    bptree_deinit(&seen);
}

static void draw_distinct(struct draw *draw, uint64_t count)
{
    if (count > draw->live)
        count = draw->live;
    reply_head(draw, (int64_t)count);
    if (count == draw->live)
        hash_each(draw->hash, reply_drawn, draw);
    else if (is_worth_a_list(draw, count))
        draw_from_list(draw, count);
    else
        draw_until_different(draw, count);
}

/* With repetitions */

/* False: the reply has become too long. */
static bool draw_each(struct draw *draw, uint64_t count)
{
    bool listed = is_worth_a_list(draw, count);
    hash_place *places = listed ? list_places(draw) : NULL;
    const struct buffer *buffer = &draw->call->reply->buffer;
    size_t start = buffer->length;
    bool fits = true;

    for (uint64_t i = 0; i < count && fits; i++) {
        reply_place(draw,
                    listed ? places[roll(draw, draw->live)] : hash_random(draw->hash, random_bits, dice_of(draw)));
        fits = buffer->length - start <= REPLY_BYTES_MOST;
    }
    free_places(draw, places);
    return fits;
}

static void draw_repeating(struct draw *draw, uint64_t count)
{
    struct reply *reply = draw->call->reply;
    size_t start = reply->buffer.length;

    /* Even empty fields take more bytes than this. */
    if (count <= REPLY_BYTES_MOST / 4) {
        reply_head(draw, (int64_t)count);
        if (draw_each(draw, count))
            return;
    }
    reply->buffer.length = start;
    reply_error(reply, "ERR value is out of range");
}

static void draw_many(struct call *call, int64_t count, bool with_values)
{
    struct hash_access access;

    if (!hash_open_read(call, &access))
        return;
    struct draw draw = {call, &access.hash, access.entry ? hash_live_length(&access.hash) : 0, with_values};
    if (count == 0 || draw.live == 0)
        reply_array(call->reply, 0);
    else if (count > 0)
        draw_distinct(&draw, (uint64_t)count);
    else
        draw_repeating(&draw, (uint64_t)-count);
}

static void draw_one(struct call *call)
{
    struct hash_access access;

    if (!hash_open_read(call, &access))
        return;
    if (access.entry == NULL || hash_live_length(&access.hash) == 0) {
        reply_null(call->reply);
        return;
    }
    struct draw draw = {call, &access.hash, 0, false};
    reply_place(&draw, hash_random(&access.hash, random_bits, dice_of(&draw)));
}

void cmd_hrandfield(struct call *call)
{
    bool with_values = call->argc > 3;
    int64_t count;

    if (call->argc == 2) {
        draw_one(call);
        return;
    }
    if (!args_integer_in(call->reply, call->argv[2], -INT64_MAX, INT64_MAX, NULL, &count))
        return;
    if (call->argc > 4 || (with_values && !arg_is(call->argv[3], "withvalues")))
        args_syntax_error(call->reply);
    else if (with_values && (count < -INT64_MAX / 2 || count > INT64_MAX / 2))
        reply_error(call->reply, "ERR value is out of range");
    else
        draw_many(call, count, with_values);
}
