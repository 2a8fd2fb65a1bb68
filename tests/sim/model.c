#include "tests/sim/model.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/number.h"

void model_answer_text(struct buffer *reply, struct str text)
{
    buffer_append_format(reply, "$%zu\r\n%.*s\r\n", text.length, (int)text.length, text.bytes);
}

void model_answer_wrong_type(struct buffer *reply)
{
    buffer_append_str(reply, STR("-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"));
}

void model_answer_nothing(const struct history *history, const struct operation *operation, struct buffer *reply)
{
    static const char unblocked[] = "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n";

    if (str_equal(texts_get(&history->texts, operation->reply), str_from(unblocked)))
        buffer_append_str(reply, str_from(unblocked));
    else
        buffer_append(reply, "*-1\r\n", 5);
}

void model_set_elements(struct model_value *value, struct history *history, enum value_type type, struct str elements)
{
    value->type = (uint16_t)type;
    if (elements.length > 0)
        value->text = texts_add(&history->texts, elements);
    else
        *value = (struct model_value){0};
}

int model_count_elements(struct str elements)
{
    int count = 0;

    for (size_t i = 0; i < elements.length; i++)
        count += elements.bytes[i] == ',';
    return count;
}

static void answer_value(struct buffer *reply, const struct history *history, const struct model_value *value)
{
    if (value->text && value->type == VALUE_STRING)
        model_answer_text(reply, texts_get(&history->texts, value->text));
    else
        buffer_append(reply, "$-1\r\n", 5);
}

static void answer_integer(struct buffer *reply, int64_t value)
{
    buffer_append_format(reply, ":%lld\r\n", (long long)value);
}

static void answer_ok(struct buffer *reply)
{
    buffer_append(reply, "+OK\r\n", 5);
}

static void append(struct model_value *value, struct history *history, uint32_t tail, struct buffer *reply)
{
    struct str before = texts_get(&history->texts, value->text);
    struct str after = texts_get(&history->texts, tail);
    char bytes[4096];

    memcpy(bytes, before.bytes ? before.bytes : "", before.length);
    memcpy(bytes + before.length, after.bytes, after.length);
    value->text = texts_add(&history->texts, (struct str){bytes, before.length + after.length});
    answer_integer(reply, (int64_t)(before.length + after.length));
}

static void increment(struct model_value *value, struct history *history, struct buffer *reply)
{
    char digits[24];
    int64_t number = 0;

    if (value->text && !number_parse_integer(texts_get(&history->texts, value->text), &number)) {
        buffer_append_str(reply, STR("-ERR value is not an integer or out of range\r\n"));
        return;
    }
    snprintf(digits, sizeof digits, "%lld", (long long)number + 1);
    value->text = texts_add(&history->texts, str_from(digits));
    answer_integer(reply, number + 1);
}

static void set_all(struct model_value *db, const struct operation *operation)
{
    for (int i = 0; i < operation->key_count; i++)
        db[operation->keys[i]] = (struct model_value){.text = operation->values[i]};
}

static int count_present(const struct model_value *db, const struct operation *operation)
{
    int count = 0;

    for (int i = 0; i < operation->key_count; i++)
        count += db[operation->keys[i]].text != 0;
    return count;
}

static int delete_all(struct model_value *db, const struct operation *operation)
{
    int count = 0;

    for (int i = 0; i < operation->key_count; i++) {
        count += db[operation->keys[i]].text != 0;
        db[operation->keys[i]] = (struct model_value){0};
    }
    return count;
}

/* SET with a deadline, which may lie in the past. */
static void set_until(struct model_value *value, const struct operation *operation, int64_t earliest_ms,
                      int64_t latest_ms, struct buffer *reply)
{
    *value = (struct model_value){
        .text = operation->values[0],
        .earliest_ms = earliest_ms,
        .latest_ms = latest_ms,
    };
    answer_ok(reply);
}

static void transfer(struct model_value *from, struct model_value *to, const struct operation *operation,
                     struct buffer *reply)
{
    bool renames = operation->kind == OPERATION_RENAME || operation->kind == OPERATION_RENAMENX;
    bool replaces = operation->kind == OPERATION_RENAME || operation->kind == OPERATION_COPY_REPLACE;

    if (!from->text && renames) {
        buffer_append_str(reply, STR("-ERR no such key\r\n"));
        return;
    }
    if (!from->text || (to->text && !replaces)) {
        answer_integer(reply, 0);
        return;
    }
    *to = *from;
    if (renames)
        *from = (struct model_value){0};
    if (operation->kind == OPERATION_RENAME)
        answer_ok(reply);
    else
        answer_integer(reply, 1);
}

static void apply_to_many(struct model_value *db, struct history *history, const struct operation *operation,
                          struct buffer *reply)
{
    switch (operation->kind) {
    case OPERATION_MGET:
        buffer_append_format(reply, "*%d\r\n", operation->key_count);
        for (int i = 0; i < operation->key_count; i++)
            answer_value(reply, history, &db[operation->keys[i]]);
        break;
    case OPERATION_MSET:
        set_all(db, operation);
        answer_ok(reply);
        break;
    case OPERATION_MSETNX:
        if (count_present(db, operation) > 0) {
            answer_integer(reply, 0);
            break;
        }
        set_all(db, operation);
        answer_integer(reply, 1);
        break;
    case OPERATION_DEL:
        answer_integer(reply, delete_all(db, operation));
        break;
    case OPERATION_EXISTS:
        answer_integer(reply, count_present(db, operation));
        break;
    default:
        transfer(&db[operation->keys[0]], &db[operation->keys[1]], operation, reply);
    }
}

static bool reads_a_string(enum operation_kind kind)
{
    return kind == OPERATION_GET || kind == OPERATION_GETDEL || kind == OPERATION_APPEND || kind == OPERATION_INCR;
}

static void apply_to_one(struct model_value *value, struct history *history, const struct operation *operation,
                         struct buffer *reply)
{
    if (value->type != VALUE_STRING && reads_a_string(operation->kind)) {
        model_answer_wrong_type(reply);
        return;
    }
    switch (operation->kind) {
    case OPERATION_GET:
        answer_value(reply, history, value);
        break;
    case OPERATION_GETDEL:
        answer_value(reply, history, value);
        *value = (struct model_value){0};
        break;
    case OPERATION_SETNX:
        if (value->text) {
            buffer_append(reply, "$-1\r\n", 5);
            break;
        }
        /* fall through */
    case OPERATION_SET:
        *value = (struct model_value){.text = operation->values[0]};
        answer_ok(reply);
        break;
    case OPERATION_SET_PX:
        set_until(value, operation, operation->invoked_ms + operation->deadline_ms,
                  operation->responded_ms + operation->deadline_ms, reply);
        break;
    case OPERATION_SET_PXAT:
        set_until(value, operation, operation->deadline_ms, operation->deadline_ms, reply);
        break;
    case OPERATION_APPEND:
        append(value, history, operation->values[0], reply);
        break;
    case OPERATION_INCR:
        increment(value, history, reply);
        break;
    default: /* PERSIST */
        answer_integer(reply, value->text && value->latest_ms);
        value->earliest_ms = value->latest_ms = 0;
    }
}

static void swap(struct model *model)
{
    struct model_value first[KEYS_MAX];

    memcpy(first, model->values[0], sizeof first);
    memcpy(model->values[0], model->values[1], sizeof first);
    memcpy(model->values[1], first, sizeof first);
}

static int count_keys(const struct model_value *db)
{
    int count = 0;

    for (int i = 0; i < KEYS_MAX; i++)
        count += db[i].text != 0;
    return count;
}

/* Whether the other one waits just then, or is there at all, is not told by the data. */
static void unblock(const struct history *history, const struct operation *operation, struct buffer *reply)
{
    answer_integer(reply, str_equal(texts_get(&history->texts, operation->reply), STR(":1\r\n")));
}

/* Whether something else is saved just then is not told by the data. */
static void rewrite(const struct history *history, const struct operation *operation, struct buffer *reply)
{
    static const char *const answers[] = {"-ERR Background append only file rewriting already in progress\r\n",
                                          "+Background append only file rewriting scheduled\r\n",
                                          "+Background append only file rewriting started\r\n"};
    struct str answer = texts_get(&history->texts, operation->reply);
    int i = 0;

    while (i < 2 && !str_equal(answer, str_from(answers[i])))
        i++;
    buffer_append_str(reply, str_from(answers[i]));
}

static void apply_to_collections(struct model_value *db, struct history *history, const struct operation *operation,
                                 struct buffer *reply)
{
    switch (operation->kind) {
    case OPERATION_ZADD:
    case OPERATION_ZPOPMIN:
    case OPERATION_ZRANGE:
    case OPERATION_BZPOPMIN:
        model_apply_to_sorted_sets(db, history, operation, reply);
        break;
    case OPERATION_XGROUP:
    case OPERATION_XADD:
    case OPERATION_XACK:
    case OPERATION_XREADGROUP:
    case OPERATION_XREADGROUP_CLAIM:
        model_apply_to_streams(db, history, operation, reply);
        break;
    case OPERATION_UNBLOCK:
    case OPERATION_UNBLOCK_ERROR:
    case OPERATION_KILL:
        unblock(history, operation, reply);
        break;
    case OPERATION_SUBSCRIBE: /* channels.c looks at these */
    case OPERATION_UNSUBSCRIBE:
    case OPERATION_PUBLISH:
    case OPERATION_SCRIPT_PUBLISH:
        buffer_append_str(reply, texts_get(&history->texts, operation->reply));
        break;
    default:
        model_apply_to_lists(db, history, operation, reply);
    }
}

/* Its commands, one by one. */
static void run_script(struct model *model, struct history *history, const struct operation *operation,
                       struct buffer *reply)
{
    struct operation step = *operation;
    struct buffer answers;
    long long length = 1;
    char storage[256];

    buffer_init(&answers, reply->memory, storage, sizeof storage);
    step.kind = OPERATION_APPEND;
    step.key_count = 1;
    model_apply_command(model, history, &step, &answers);
    if (answers.bytes[0] == ':')
        length = strtoll(answers.bytes + 1, NULL, 10);
    if (length % 3 == 0) {
        step.keys[0] = operation->keys[1];
        step.values[0] = operation->values[1];
        model_apply_command(model, history, &step, &answers);
    }
    buffer_append_format(reply, "*%d\r\n", length % 3 == 0 ? 2 : 1);
    buffer_append_str(reply, buffer_str(&answers));
    buffer_deinit(&answers);
}

void model_apply_command(struct model *model, struct history *history, const struct operation *operation,
                         struct buffer *reply)
{
    struct model_value *db = model->values[operation->db];

    switch (operation->kind) {
    case OPERATION_ECHO:
        model_answer_text(reply, texts_get(&history->texts, operation->values[0]));
        break;
    case OPERATION_DBSIZE:
        answer_integer(reply, count_keys(db));
        break;
    case OPERATION_FLUSHDB:
        memset(db, 0, sizeof model->values[0]);
        answer_ok(reply);
        break;
    case OPERATION_FLUSHALL:
        memset(model->values, 0, sizeof model->values);
        answer_ok(reply);
        break;
    case OPERATION_SWAPDB:
        swap(model);
        answer_ok(reply);
        break;
    case OPERATION_SCRIPT:
        run_script(model, history, operation, reply);
        break;
    case OPERATION_REWRITE:
        rewrite(history, operation, reply);
        break;
    case OPERATION_APPEND_ONLY:
        answer_ok(reply);
        break;
    case OPERATION_NAME:
        buffer_append_str(reply, STR("$-1\r\n"));
        break;
    default:
        if (operation->kind >= OPERATION_RPUSH)
            apply_to_collections(db, history, operation, reply);
        else if (operation->kind >= OPERATION_MGET)
            apply_to_many(db, history, operation, reply);
        else
            apply_to_one(&db[operation->keys[0]], history, operation, reply);
    }
}
