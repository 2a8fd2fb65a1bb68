/* Partial replies into one: integers added, arrays joined or interleaved.
 *
 * Parts are replies that our own handlers wrote, so their form is asserted. */
#include "core/merge.h"

#include "core/assert.h"
#include "core/config.h"
#include "core/number.h"

/* The number in the first line of a part, whose type letter is given; *rest is what follows the line. */
static int64_t take_header(struct str part, char type, struct str *rest)
{
    const char *end = memchr(part.bytes, '\r', part.length);
    int64_t number;

    ASSERT(end && part.bytes[0] == type);
    ASSERT(number_parse_integer((struct str){part.bytes + 1, (size_t)(end - part.bytes) - 1}, &number));
    *rest = (struct str){end + 2, part.length - (size_t)(end - part.bytes) - 2};
    return number;
}

void merge_sum(struct merge *merge)
{
    int64_t sum = 0;
    struct str rest;

    for (int i = 0; i < merge->part_count; i++)
        sum += take_header(merge->parts[i], ':', &rest);
    reply_integer(merge->reply, sum);
}

void merge_in_order(struct merge *merge)
{
    struct str rest[CONFIG_SHARDS_MAX];

    ASSERT(merge->part_count <= CONFIG_SHARDS_MAX);
    for (int i = 0; i < merge->part_count; i++)
        take_header(merge->parts[i], '*', &rest[i]);
    reply_array(merge->reply, merge->key_count);
    for (int i = 0; i < merge->key_count; i++) {
        struct str *from = &rest[merge->part_of_key[i]];
        size_t length = resp_value_length(*from);

        reply_raw(merge->reply, (struct str){from->bytes, length});
        *from = (struct str){from->bytes + length, from->length - length};
    }
}

void merge_concat(struct merge *merge)
{
    int64_t count = 0;
    struct str rest;

    for (int i = 0; i < merge->part_count; i++)
        count += take_header(merge->parts[i], '*', &rest);
    reply_array(merge->reply, count);
    for (int i = 0; i < merge->part_count; i++) {
        take_header(merge->parts[i], '*', &rest);
        reply_raw(merge->reply, rest);
    }
}
