/* Lists, and who waits for them. A command that waits takes effect where it answers:
 * it takes an element, or all its lists are empty, which may be at any time of its waiting.
 * A list is kept as one text, its elements with a comma behind each. */
#include "tests/sim/model.h"

#include <string.h>

enum { LIST_BYTES = 8192 };

static struct str text_of(const struct history *history, const struct model_value *value)
{
    return texts_get(&history->texts, value->text);
}

static void push(struct model_value *value, struct history *history, struct str element)
{
    struct str before = text_of(history, value);
    char bytes[LIST_BYTES];

    memcpy(bytes, before.bytes ? before.bytes : "", before.length);
    memcpy(bytes + before.length, element.bytes, element.length);
    bytes[before.length + element.length] = ',';
    model_set_elements(value, history, VALUE_LIST, (struct str){bytes, before.length + element.length + 1});
}

/* The first or the last element of a list that there is; its bytes are a text's and stay. */
static struct str take(struct model_value *value, struct history *history, bool last)
{
    struct str list = text_of(history, value), element;
    size_t from = last ? list.length - 1 : 0, end = list.length - 1;

    while (last && from > 0 && list.bytes[from - 1] != ',')
        from--;
    while (!last && list.bytes[from] != ',')
        from++;
    if (last) {
        element = (struct str){list.bytes + from, end - from};
        model_set_elements(value, history, VALUE_LIST, (struct str){list.bytes, from});
    } else {
        element = (struct str){list.bytes, from};
        model_set_elements(value, history, VALUE_LIST, (struct str){list.bytes + from + 1, list.length - from - 1});
    }
    return element;
}

static void range(const struct model_value *value, const struct history *history, struct buffer *reply)
{
    struct str list = text_of(history, value);
    size_t from = 0;

    buffer_append_format(reply, "*%d\r\n", model_count_elements(list));
    for (size_t i = 0; i < list.length; i++) {
        if (list.bytes[i] != ',')
            continue;
        model_answer_text(reply, (struct str){list.bytes + from, i - from});
        from = i + 1;
    }
}

static void apply_to_one(struct model_value *value, struct history *history, const struct operation *operation,
                         struct buffer *reply)
{
    if (value->text && value->type != VALUE_LIST) {
        model_answer_wrong_type(reply);
        return;
    }
    if (operation->kind == OPERATION_LRANGE) {
        range(value, history, reply);
    } else if (operation->kind == OPERATION_RPUSH) {
        for (int i = 0; i < operation->value_count; i++)
            push(value, history, texts_get(&history->texts, operation->values[i]));
        buffer_append_format(reply, ":%d\r\n", model_count_elements(text_of(history, value)));
    } else if (value->text) {
        model_answer_text(reply, take(value, history, false));
    } else {
        buffer_append(reply, "$-1\r\n", 5);
    }
}

static void take_first(struct model_value *db, struct history *history, const struct operation *operation,
                       struct buffer *reply)
{
    for (int i = 0; i < operation->key_count; i++) {
        struct model_value *value = &db[operation->keys[i]];

        if (value->text && value->type != VALUE_LIST) {
            model_answer_wrong_type(reply);
            return;
        }
        if (!value->text)
            continue;
        buffer_append(reply, "*2\r\n", 4);
        model_answer_text(reply, history->keys[operation->keys[i]]);
        model_answer_text(reply, take(value, history, operation->kind == OPERATION_BRPOP));
        return;
    }
    model_answer_nothing(history, operation, reply);
}

static void move(struct model_value *from, struct model_value *to, struct history *history,
                 const struct operation *operation, struct buffer *reply)
{
    struct str element;

    if (!from->text) {
        model_answer_nothing(history, operation, reply);
        return;
    }
    if (from->type != VALUE_LIST || (to->text && to->type != VALUE_LIST)) {
        model_answer_wrong_type(reply);
        return;
    }
    element = take(from, history, false);
    push(to, history, element);
    model_answer_text(reply, element);
}

void model_apply_to_lists(struct model_value *db, struct history *history, const struct operation *operation,
                          struct buffer *reply)
{
    switch (operation->kind) {
    case OPERATION_BLPOP:
    case OPERATION_BRPOP:
        take_first(db, history, operation, reply);
        break;
    case OPERATION_BLMOVE:
        move(&db[operation->keys[0]], &db[operation->keys[1]], history, operation, reply);
        break;
    default:
        apply_to_one(&db[operation->keys[0]], history, operation, reply);
    }
}
