/* Partial replies into one: integers added, arrays joined or interleaved.
 *
 * Parts are replies that our own handlers wrote, so their form is asserted. */
#include "core/merge.h"

#include "core/assert.h"
#include "core/command.h"
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

/* What follows the line of an array whose length is known. */
static inline struct str skip_header(struct str part)
{
    const char *at = part.bytes, *end = at + part.length;

    ASSERT(part.length >= 4 && *at == '*');
    for (at += 2; *at != '\r'; at++)
        ASSERT(at + 2 < end);
    return (struct str){at + 2, (size_t)(end - at) - 2};
}

/* An error of any part is the answer to the whole. */
static const struct reply *failed_part(const struct reply *const *parts, int count)
{
    for (int i = 0; i < count; i++)
        if (parts[i]->error)
            return parts[i];
    return NULL;
}

void merge_replies(struct merge *merge, const struct reply *const *parts, int count)
{
    const struct reply *answer = failed_part(parts, count);
    struct str replies[CONFIG_SHARDS_MAX];

    ASSERT(count > 0 && count <= CONFIG_SHARDS_MAX);
    if (!answer && !merge->command->merge)
        answer = parts[0];
    if (answer) {
        reply_raw(merge->reply, buffer_str(&answer->buffer));
        merge->reply->error = answer->error;
        return;
    }
    for (int i = 0; i < count; i++)
        replies[i] = buffer_str(&parts[i]->buffer);
    merge->parts = replies;
    merge->part_count = count;
    merge->command->merge(merge);
}

/* The whole's answer is hardly longer than the parts'. */
static void reserve_for_all(const struct merge *merge)
{
    size_t bytes = 0;

    for (int i = 0; i < merge->part_count; i++)
        bytes += merge->parts[i].length;
    buffer_reserve(&merge->reply->buffer, bytes);
}

int64_t merge_sum_of(const struct merge *merge)
{
    int64_t sum = 0;
    struct str rest;

    for (int i = 0; i < merge->part_count; i++)
        sum += take_header(merge->parts[i], ':', &rest);
    return sum;
}

void merge_sum(struct merge *merge)
{
    reply_integer(merge->reply, merge_sum_of(merge));
}

/* Moves the first value of *from. Returns the end of what was written. */
static inline char *move_value(char *to, struct str *from)
{
    struct str value = {from->bytes, resp_value_length(*from)};

    *from = (struct str){from->bytes + value.length, from->length - value.length};
    str_copy(to, value);
    return to + value.length;
}

/* All values of all parts, no more than there is room for. */
static void move_values(const struct merge *merge, struct str *rest)
{
    struct buffer *buffer = &merge->reply->buffer;
    const uint16_t *part = merge->part_of_key, *end = part + merge->key_count;
    char *to = buffer->bytes + buffer->length;

    while (part < end)
        to = move_value(to, &rest[*part++]);
    buffer->length = (size_t)(to - buffer->bytes);
    ASSERT(buffer->length <= buffer->capacity);
}

void merge_in_order(struct merge *merge)
{
    struct str rest[CONFIG_SHARDS_MAX];

    ASSERT(merge->part_count <= CONFIG_SHARDS_MAX);
    for (int i = 0; i < merge->part_count; i++)
        rest[i] = skip_header(merge->parts[i]);
    reply_array(merge->reply, merge->key_count);
    reserve_for_all(merge);
    move_values(merge, rest);
}

void merge_concat(struct merge *merge)
{
    int64_t count = 0;
    struct str rest;

    for (int i = 0; i < merge->part_count; i++)
        count += take_header(merge->parts[i], '*', &rest);
    reserve_for_all(merge);
    reply_array(merge->reply, count);
    for (int i = 0; i < merge->part_count; i++) {
        take_header(merge->parts[i], '*', &rest);
        reply_raw(merge->reply, rest);
    }
}
