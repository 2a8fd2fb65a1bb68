/* Sorted sets, and who waits for them. One is kept as one text, in order: of each member its score, which is one digit,
 * then itself, then a comma. */
#include "tests/sim/model.h"

#include <stdio.h>

enum { SET_BYTES = 8192 };

/* The element that begins at `from`, without its comma. */
static struct str element_at(struct str set, size_t from)
{
    size_t end = from;

    while (set.bytes[end] != ',')
        end++;
    return (struct str){set.bytes + from, end - from};
}

/* Where an element belongs. */
static size_t place_of(struct str set, struct str element)
{
    size_t at = 0;

    while (at < set.length && str_compare(element_at(set, at), element) < 0)
        at += element_at(set, at).length + 1;
    return at;
}

/* Members are all different. */
static void add(struct model_value *value, struct history *history, int score, struct str member)
{
    struct str before = texts_get(&history->texts, value->text);
    char bytes[SET_BYTES], text[64];
    struct str element = {text, (size_t)snprintf(text, sizeof text, "%d%.*s", score, (int)member.length, member.bytes)};
    size_t at = place_of(before, element);

    memcpy(bytes, before.bytes ? before.bytes : "", at);
    memcpy(bytes + at, element.bytes, element.length);
    bytes[at + element.length] = ',';
    if (at < before.length)
        memcpy(bytes + at + element.length + 1, before.bytes + at, before.length - at);
    model_set_elements(value, history, VALUE_ZSET, (struct str){bytes, before.length + element.length + 1});
}

/* The member, then its score. */
static void answer_lowest(struct model_value *value, struct history *history, struct buffer *reply)
{
    struct str set = texts_get(&history->texts, value->text), element = element_at(set, 0);

    model_answer_text(reply, (struct str){element.bytes + 1, element.length - 1});
    model_answer_text(reply, (struct str){element.bytes, 1});
    model_set_elements(value, history, VALUE_ZSET,
                       (struct str){set.bytes + element.length + 1, set.length - element.length - 1});
}

static void range(const struct model_value *value, const struct history *history, struct buffer *reply)
{
    struct str set = texts_get(&history->texts, value->text);

    buffer_append_format(reply, "*%d\r\n", model_count_elements(set));
    for (size_t at = 0; at < set.length; at += element_at(set, at).length + 1) {
        struct str element = element_at(set, at);

        model_answer_text(reply, (struct str){element.bytes + 1, element.length - 1});
    }
}

static void apply_to_one(struct model_value *value, struct history *history, const struct operation *operation,
                         struct buffer *reply)
{
    if (value->text && value->type != VALUE_ZSET) {
        model_answer_wrong_type(reply);
        return;
    }
    if (operation->kind == OPERATION_ZRANGE) {
        range(value, history, reply);
    } else if (operation->kind == OPERATION_ZADD) {
        for (int i = 0; i < operation->value_count; i++)
            add(value, history, operation_score(operation, i), texts_get(&history->texts, operation->values[i]));
        buffer_append_format(reply, ":%d\r\n", operation->value_count);
    } else if (value->text) {
        buffer_append_str(reply, STR("*2\r\n"));
        answer_lowest(value, history, reply);
    } else {
        buffer_append_str(reply, STR("*0\r\n"));
    }
}

static void take_first(struct model_value *db, struct history *history, const struct operation *operation,
                       struct buffer *reply)
{
    for (int i = 0; i < operation->key_count; i++) {
        struct model_value *value = &db[operation->keys[i]];

        if (!value->text)
            continue;
        if (value->type != VALUE_ZSET) {
            model_answer_wrong_type(reply);
            return;
        }
        buffer_append_str(reply, STR("*3\r\n"));
        model_answer_text(reply, history->keys[operation->keys[i]]);
        answer_lowest(value, history, reply);
        return;
    }
    model_answer_nothing(history, operation, reply);
}

void model_apply_to_sorted_sets(struct model_value *db, struct history *history, const struct operation *operation,
                                struct buffer *reply)
{
    if (operation->kind == OPERATION_BZPOPMIN)
        take_first(db, history, operation, reply);
    else
        apply_to_one(&db[operation->keys[0]], history, operation, reply);
}
