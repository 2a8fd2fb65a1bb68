/* Streams with one group each, whose readers ask for one entry of each key.
 *
 * A stream is one text: an empty element, so that entry 0-n is element n, then of each entry a mark of how often
 * it has been delivered, its value and a comma. Which pending entry a reader claims depends on the time, so that is
 * taken from its answer; but that it was pending, for so many deliveries, and idle long enough is the model's to say.
 */
#include "tests/sim/model.h"

#include <stdio.h>

enum { STREAM_BYTES = 8192, MARK_BYTES = 2, MARK_BASE = 100, NOT_PENDING = MARK_BASE * MARK_BASE - 1 };

/* Bytes above those of texts. */
static void write_mark(char *mark, int deliveries)
{
    mark[0] = (char)(128 + deliveries / MARK_BASE);
    mark[1] = (char)(128 + deliveries % MARK_BASE);
}

static int read_mark(const char *mark)
{
    return ((unsigned char)mark[0] - 128) * MARK_BASE + (unsigned char)mark[1] - 128;
}

static int last_entry(const struct history *history, const struct model_value *value)
{
    return model_count_elements(texts_get(&history->texts, value->text)) - 1;
}

/* The entry's mark and value, which has to be there. */
static struct str entry_at(const struct history *history, const struct model_value *value, int number)
{
    struct str text = texts_get(&history->texts, value->text);
    size_t from = 0, end;

    for (;; from = end + 1) {
        for (end = from; text.bytes[end] != ','; end++)
            continue;
        if (number-- == 0)
            return (struct str){text.bytes + from, end - from};
    }
}

static int deliveries_of(const struct history *history, const struct model_value *value, int number)
{
    return read_mark(entry_at(history, value, number).bytes);
}

static void mark_entry(struct model_value *value, struct history *history, int number, int deliveries)
{
    struct str text = texts_get(&history->texts, value->text), entry = entry_at(history, value, number);
    char bytes[STREAM_BYTES];

    memcpy(bytes, text.bytes, text.length);
    write_mark(bytes + (entry.bytes - text.bytes), deliveries);
    model_set_elements(value, history, VALUE_STREAM, (struct str){bytes, text.length});
}

static void add(struct model_value *value, struct history *history, struct str entry, struct buffer *reply)
{
    struct str before = texts_get(&history->texts, value->text);
    char bytes[STREAM_BYTES], id[24];

    memcpy(bytes, before.bytes, before.length);
    write_mark(bytes + before.length, 0);
    memcpy(bytes + before.length + MARK_BYTES, entry.bytes, entry.length);
    bytes[before.length + MARK_BYTES + entry.length] = ',';
    model_set_elements(value, history, VALUE_STREAM,
                       (struct str){bytes, before.length + MARK_BYTES + entry.length + 1});
    snprintf(id, sizeof id, "0-%d", last_entry(history, value));
    model_answer_text(reply, str_from(id));
}

static void acknowledge(struct model_value *value, struct history *history, int number, struct buffer *reply)
{
    bool is_pending = number <= value->given && deliveries_of(history, value, number) != NOT_PENDING;

    if (is_pending)
        mark_entry(value, history, number, NOT_PENDING);
    buffer_append_format(reply, ":%d\r\n", is_pending);
}

/* Reading. */

static void answer_entry(const struct history *history, const struct model_value *value, int number, bool claims,
                         struct buffer *reply)
{
    struct str entry = entry_at(history, value, number);
    char id[24];

    snprintf(id, sizeof id, "0-%d", number);
    buffer_append_format(reply, "*1\r\n*%d\r\n", claims ? 4 : 2);
    model_answer_text(reply, str_from(id));
    buffer_append_str(reply, STR("*2\r\n$1\r\nv\r\n"));
    model_answer_text(reply, (struct str){entry.bytes + MARK_BYTES, entry.length - MARK_BYTES});
}

/* What no answer looks like. */
static void contradict(struct buffer *reply)
{
    buffer_append_str(reply, STR("?"));
}

/* The answer's rest, behind what has been found to fit. */
static const char *rest_of(const struct history *history, const struct operation *operation, const struct buffer *reply)
{
    struct str text = texts_get(&history->texts, operation->reply);

    return reply->length < text.length ? text.bytes + reply->length : "";
}

/* An entry that was pending, or the next new one, as the answer says. */
static void read_or_claim(struct model_value *value, struct history *history, const struct operation *operation,
                          struct buffer *reply)
{
    int number = 0, idle_ms = 0, deliveries = 0;

    sscanf(rest_of(history, operation, reply), "*1\r\n*4\r\n$%*d\r\n0-%d", &number);
    if (number < 1 || number > last_entry(history, value) || number > value->given + 1) {
        contradict(reply);
        return;
    }
    answer_entry(history, value, number, true, reply);
    if (number <= value->given) {
        deliveries = deliveries_of(history, value, number);
        sscanf(rest_of(history, operation, reply), ":%d", &idle_ms);
        if (deliveries == NOT_PENDING || idle_ms < operation->claim_ms)
            contradict(reply);
    } else {
        value->given++;
    }
    buffer_append_format(reply, ":%d\r\n:%d\r\n", idle_ms, deliveries);
    mark_entry(value, history, number, deliveries + 1);
}

/* Whether the answer goes on with something of the key, whose head is then appended. */
static bool goes_on_with(const struct history *history, const struct operation *operation, struct str key,
                         struct buffer *reply)
{
    char head[64];
    int length = snprintf(head, sizeof head, "*2\r\n$%zu\r\n%.*s\r\n", key.length, (int)key.length, key.bytes);

    if (strncmp(rest_of(history, operation, reply), head, (size_t)length) != 0)
        return false;
    buffer_append(reply, head, (size_t)length);
    return true;
}

/* Something of each key that has something. */
static void claim(struct model_value *db, struct history *history, const struct operation *operation,
                  struct buffer *reply)
{
    int served = 0;

    if (sscanf(rest_of(history, operation, reply), "*%d", &served) == 1 && served > 0)
        buffer_append_format(reply, "*%d\r\n", served);
    for (int i = 0; i < operation->key_count; i++) {
        struct model_value *value = &db[operation->keys[i]];

        if (goes_on_with(history, operation, history->keys[operation->keys[i]], reply))
            read_or_claim(value, history, operation, reply);
        else if (value->given < last_entry(history, value))
            contradict(reply);
    }
    if (served <= 0)
        model_answer_nothing(history, operation, reply);
}

static void read_new(struct model_value *db, struct history *history, const struct operation *operation,
                     struct buffer *reply)
{
    struct buffer found;
    char bytes[1024];
    int served = 0;

    buffer_init(&found, reply->memory, bytes, sizeof bytes);
    for (int i = 0; i < operation->key_count; i++) {
        struct model_value *value = &db[operation->keys[i]];

        if (value->given == last_entry(history, value))
            continue;
        served++;
        value->given++;
        buffer_append_str(&found, STR("*2\r\n"));
        model_answer_text(&found, history->keys[operation->keys[i]]);
        answer_entry(history, value, value->given, false, &found);
        mark_entry(value, history, value->given, 1);
    }
    if (served > 0) {
        buffer_append_format(reply, "*%d\r\n", served);
        buffer_append_str(reply, buffer_str(&found));
    } else {
        model_answer_nothing(history, operation, reply);
    }
    buffer_deinit(&found);
}

void model_apply_to_streams(struct model_value *db, struct history *history, const struct operation *operation,
                            struct buffer *reply)
{
    struct model_value *value = &db[operation->keys[0]];

    switch (operation->kind) {
    case OPERATION_XGROUP:
        model_set_elements(value, history, VALUE_STREAM, STR(","));
        buffer_append_str(reply, STR("+OK\r\n"));
        break;
    case OPERATION_XADD:
        add(value, history, texts_get(&history->texts, operation->values[0]), reply);
        break;
    case OPERATION_XACK:
        acknowledge(value, history, operation->other, reply);
        break;
    case OPERATION_XREADGROUP:
        read_new(db, history, operation, reply);
        break;
    default:
        claim(db, history, operation, reply);
    }
}
