/* Lists, and who waits for them. A command that waits takes effect where it answers:
 * it takes an element, or all its lists are empty, which may be at any time of its waiting.
 * A list is kept as one text, its elements with a comma behind each. */
#include "tests/sim/model.h"

#include <string.h>

enum { LIST_BYTES = 8192 };

static const char wrong_type[] = "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n";

static struct str text_of(const struct history *history, const struct model_value *value)
{
    return texts_get(&history->texts, value->text);
}

static void replace(struct model_value *value, struct history *history, struct str text)
{
    if (text.length > 0)
        value->text = texts_add(&history->texts, text);
    else
        *value = (struct model_value){0};
}

static void answer_text(struct buffer *reply, struct str text)
{
    buffer_append_format(reply, "$%zu\r\n%.*s\r\n", text.length, (int)text.length, text.bytes);
}

static int count_elements(struct str list)
{
    int count = 0;

    for (size_t i = 0; i < list.length; i++)
        count += list.bytes[i] == ',';
    return count;
}

static void push(struct model_value *value, struct history *history, struct str element)
{
    struct str before = text_of(history, value);
    char bytes[LIST_BYTES];

    memcpy(bytes, before.bytes ? before.bytes : "", before.length);
    memcpy(bytes + before.length, element.bytes, element.length);
    bytes[before.length + element.length] = ',';
    value->is_list = 1;
    replace(value, history, (struct str){bytes, before.length + element.length + 1});
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
        replace(value, history, (struct str){list.bytes, from});
    } else {
        element = (struct str){list.bytes, from};
        replace(value, history, (struct str){list.bytes + from + 1, list.length - from - 1});
    }
    return element;
}

static void range(const struct model_value *value, const struct history *history, struct buffer *reply)
{
    struct str list = text_of(history, value);
    size_t from = 0;

    buffer_append_format(reply, "*%d\r\n", count_elements(list));
    for (size_t i = 0; i < list.length; i++) {
        if (list.bytes[i] != ',')
            continue;
        answer_text(reply, (struct str){list.bytes + from, i - from});
        from = i + 1;
    }
}

static void apply_to_one(struct model_value *value, struct history *history, const struct operation *operation,
                         struct buffer *reply)
{
    if (value->text && !value->is_list) {
        buffer_append_str(reply, str_from(wrong_type));
        return;
    }
    if (operation->kind == OPERATION_LRANGE) {
        range(value, history, reply);
    } else if (operation->kind == OPERATION_RPUSH) {
        for (int i = 0; i < operation->value_count; i++)
            push(value, history, texts_get(&history->texts, operation->values[i]));
        buffer_append_format(reply, ":%d\r\n", count_elements(text_of(history, value)));
    } else if (value->text) {
        answer_text(reply, take(value, history, false));
    } else {
        buffer_append(reply, "$-1\r\n", 5);
    }
}

/* Nothing was there: its time was over, or somebody ended its waiting. */
static void answer_nothing(const struct history *history, const struct operation *operation, struct buffer *reply)
{
    static const char unblocked[] = "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n";

    if (str_equal(texts_get(&history->texts, operation->reply), str_from(unblocked)))
        buffer_append_str(reply, str_from(unblocked));
    else
        buffer_append(reply, "*-1\r\n", 5);
}

static void take_first(struct model_value *db, struct history *history, const struct operation *operation,
                       struct buffer *reply)
{
    for (int i = 0; i < operation->key_count; i++) {
        struct model_value *value = &db[operation->keys[i]];

        if (value->text && !value->is_list) {
            buffer_append_str(reply, str_from(wrong_type));
            return;
        }
        if (!value->text)
            continue;
        buffer_append(reply, "*2\r\n", 4);
        answer_text(reply, history->keys[operation->keys[i]]);
        answer_text(reply, take(value, history, operation->kind == OPERATION_BRPOP));
        return;
    }
    answer_nothing(history, operation, reply);
}

static void move(struct model_value *from, struct model_value *to, struct history *history,
                 const struct operation *operation, struct buffer *reply)
{
    struct str element;

    if (!from->text) {
        answer_nothing(history, operation, reply);
        return;
    }
    if (!from->is_list || (to->text && !to->is_list)) {
        buffer_append_str(reply, str_from(wrong_type));
        return;
    }
    element = take(from, history, false);
    push(to, history, element);
    answer_text(reply, element);
}

/* Whether the other one waits just then, or is there at all, is not told by the data. */
static void unblock(const struct history *history, const struct operation *operation, struct buffer *reply)
{
    bool unblocked = str_equal(texts_get(&history->texts, operation->reply), STR(":1\r\n"));

    buffer_append_str(reply, unblocked ? STR(":1\r\n") : STR(":0\r\n"));
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
    case OPERATION_UNBLOCK:
    case OPERATION_UNBLOCK_ERROR:
    case OPERATION_KILL:
        unblock(history, operation, reply);
        break;
    default:
        apply_to_one(&db[operation->keys[0]], history, operation, reply);
    }
}
