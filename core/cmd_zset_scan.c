/* Walking over a sorted set by cursor, and drawing members by chance.
 *
 * Members are drawn by rank, so all have the same chance in either encoding. */
#include "core/handlers.h"

#include <math.h>

#include "core/args.h"
#include "core/idset.h"
#include "core/scan_options.h"
#include "core/table.h"
#include "core/zset_call.h"

struct scan {
    const struct scan_options *options;
    struct reply *elements;
    bool pack;
    int64_t visited, listed;
};

/* A tree's scores are shown here, and only here, with 17 digits, as Redis does. */
static void scan_visit(void *context, const struct zset_element *element)
{
    struct scan *scan = context;
    char text[NUMBER_TEXT_MAX];

    scan->visited++;
    if (!scan_matches(scan->options, element->member))
        return;
    reply_bulk(scan->elements, element->member);
    if (scan->pack)
        reply_bulk(scan->elements, (struct str){text, number_format_double(text, element->score)});
    else
        reply_bulk_format(scan->elements, "%.17Lg", (long double)element->score);
    scan->listed += 2;
}

static uint64_t scan_walk(const struct zset *zset, struct scan *scan, uint64_t cursor)
{
    int64_t steps = scan_steps(scan->options);

    do
        cursor = zset_scan(zset, cursor, scan_visit, scan);
    while (cursor != 0 && --steps > 0 && scan->visited < scan->options->count);
    return cursor;
}

static void scan_answer(struct call *call, const struct zset *zset, const struct scan_options *options, uint64_t cursor)
{
    char storage[2048];
    struct reply elements;

    reply_init(&elements, &call->core->memory, storage, sizeof(storage), call->reply->protocol);
    struct scan scan = {.options = options, .elements = &elements, .pack = zset->encoding == ENCODING_LISTPACK};
    cursor = scan_walk(zset, &scan, cursor);
    reply_array(call->reply, 2);
    reply_bulk_integer(call->reply, (int64_t)cursor);
    reply_array(call->reply, scan.listed);
    reply_raw(call->reply, buffer_str(&elements.buffer));
    buffer_deinit(&elements.buffer);
}

void cmd_zscan(struct call *call)
{
    struct scan_options options;
    struct zset zset;
    uint64_t cursor;

    if (!scan_cursor_parse(call, call->argv[2], &cursor) || !zset_read(call, call->argv[1], &zset))
        return;
    if (zset.value == NULL) {
        reply_array(call->reply, 2);
        reply_bulk_integer(call->reply, 0);
        reply_array(call->reply, 0);
        return;
    }
    if (scan_options_parse(call, 3, SCAN_OF_MEMBERS, &options))
        scan_answer(call, &zset, &options, cursor % (UINT64_C(1) << TABLE_CURSOR_BITS));
}

/* What ZRANDMEMBER draws from, and how it answers. */
struct draw {
    struct call *call;
    const struct zset *zset;
    struct keyspace *dice;
    size_t size;
    bool with_scores;
};

enum {
    SPARSE = 8,              /* so many times more members than are drawn make it worth while to jump */
    REPEATED_MOST = 1 << 27, /* members in one answer, where they may repeat: Redis would answer until memory is full */
};

static size_t random_below(const struct draw *draw, size_t limit)
{
    return (size_t)((unsigned __int128)keyspace_random_bits(draw->dice) * limit >> 64);
}

static void answer_rank(const struct draw *draw, size_t rank)
{
    struct zset_element element;
    struct zset_walk walk;

    zset_walk_begin(&walk, draw->zset, rank, 1, false);
    while (zset_walk_next(&walk, &element))
        zset_reply_element(draw->call->reply, &element, draw->with_scores);
}

/* Walks over all, and takes each with the chance that what is still wanted has among what is left. */
static void draw_walking(const struct draw *draw, size_t count)
{
    struct zset_element element;
    struct zset_walk walk;

    zset_walk_begin(&walk, draw->zset, 0, draw->size, false);
    for (size_t left = draw->size; count > 0 && zset_walk_next(&walk, &element); left--) {
        if (random_below(draw, left) >= count)
            continue;
        zset_reply_element(draw->call->reply, &element, draw->with_scores);
        count--;
    }
}

/* Floyd's method: one draw for each member that is wanted. */
static void draw_jumping(const struct draw *draw, size_t count)
{
    struct idset *drawn = idset_create(&draw->call->core->memory);
    uint32_t rank = 0;

    for (size_t last = draw->size - count; last < draw->size; last++)
        if (!idset_add(drawn, (uint32_t)random_below(draw, last + 1)))
            idset_add(drawn, (uint32_t)last);
    for (; count > 0 && idset_next_member(drawn, rank, &rank); rank++, count--)
        answer_rank(draw, rank);
    idset_destroy(drawn);
}

static void draw_distinct(const struct draw *draw, size_t count)
{
    size_t taken = count < draw->size ? count : draw->size;

    zset_reply_header(draw->call->reply, taken, draw->with_scores);
    if (draw->size / SPARSE > taken && draw->size <= UINT32_MAX)
        draw_jumping(draw, taken);
    else
        draw_walking(draw, taken);
}

static void draw_repeated(const struct draw *draw, size_t count)
{
    zset_reply_header(draw->call->reply, count, draw->with_scores);
    while (count-- > 0)
        answer_rank(draw, random_below(draw, draw->size));
}

static void draw_counted(const struct draw *draw, int64_t count)
{
    if (draw->size == 0 || count == 0)
        reply_array(draw->call->reply, 0);
    else if (count > 0)
        draw_distinct(draw, (size_t)count);
    else if (count >= -REPEATED_MOST)
        draw_repeated(draw, (size_t)-count);
    else
        reply_error(draw->call->reply, "ERR value is out of range");
}

static bool parse_count(struct call *call, int64_t *count)
{
    if (!args_integer_in(call->reply, call->argv[2], -INT64_MAX, INT64_MAX, NULL, count))
        return false;
    if (call->argc > 4 || (call->argc == 4 && !arg_is(call->argv[3], "withscores")))
        args_syntax_error(call->reply);
    else if (call->argc == 4 && (*count < -INT64_MAX / 2 || *count > INT64_MAX / 2))
        reply_error(call->reply, "ERR value is out of range");
    else
        return true;
    return false;
}

void cmd_zrandmember(struct call *call)
{
    struct zset zset;
    int64_t count;

    if (call->argc > 2 && !parse_count(call, &count))
        return;
    if (!zset_read(call, call->argv[1], &zset))
        return;
    struct draw draw = {call, &zset, call_keyspace(call, call->argv[1]), zset_count(&zset), call->argc == 4};
    if (call->argc > 2)
        draw_counted(&draw, count);
    else if (draw.size == 0)
        reply_null(call->reply);
    else
        answer_rank(&draw, random_below(&draw, draw.size));
}
