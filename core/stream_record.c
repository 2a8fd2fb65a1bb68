#include "core/stream_record.h"

#include "core/effects.h"
#include "core/memory.h"
#include "core/number.h"

static struct str number(char digits[static NUMBER_TEXT_MAX], int64_t value)
{
    return (struct str){digits, number_format_integer(digits, value)};
}

static struct str id_text(char text[static STREAM_ID_TEXT_MAX], struct stream_id id)
{
    return (struct str){text, stream_id_format(text, id)};
}

/* Adding and trimming */

enum { TRIM_ARGUMENTS_MOST = 4 };

/* How a trim is said once more. */
struct trim_words {
    struct str argv[TRIM_ARGUMENTS_MOST];
    int count;
    char text[STREAM_ID_TEXT_MAX + NUMBER_TEXT_MAX];
};

/* What was to stay if it was referenced is looked for again; else it was the oldest that went, and their number is
 * known. */
static void describe_trim(struct trim_words *words, const struct stream *stream, const struct stream_trim *trim)
{
    bool acked = trim->references == STREAM_REFERENCES_ACKED, by_id = acked && trim->by_id;
    uint64_t length = acked ? trim->max_length : stream->length;

    words->argv[0] = by_id ? STR("MINID") : STR("MAXLEN");
    words->argv[1] = STR("=");
    words->argv[2] = by_id ? id_text(words->text, trim->min_id) : number(words->text, (int64_t)length);
    words->argv[3] = acked ? STR("ACKED") : STR("DELREF");
    words->count = acked || trim->references == STREAM_REFERENCES_DELETE ? 4 : 3;
}

/* Which entries went depends on blocks and on references. */
static bool is_indescribable(const struct stream_trim *trim)
{
    return trim->references == STREAM_REFERENCES_ACKED && trim->approximate;
}

void stream_record_added(struct call *call, const struct stream *stream, const struct stream_trim_args *args,
                         uint64_t removed)
{
    int pairs = call->argc - args->end, count = 2;
    char text[STREAM_ID_TEXT_MAX];
    struct trim_words words = {.count = 0};

    if (!call_is_journaled(call, call->argv[1]))
        return;
    if (removed > 0 && is_indescribable(&args->trim)) {
        call_record_state(call, call->db, call->argv[1]);
        return;
    }
    if (removed > 0)
        describe_trim(&words, stream, &args->trim);
    struct str *argv = memory_alloc(&call->core->memory, (size_t)(3 + TRIM_ARGUMENTS_MOST + pairs) * sizeof *argv);
    argv[0] = STR("XADD");
    argv[1] = call->argv[1];
    for (int i = 0; i < words.count; i++)
        argv[count++] = words.argv[i];
    argv[count++] = id_text(text, args->id);
    memcpy(argv + count, call->argv + args->end, (size_t)pairs * sizeof *argv);
    call_record(call, call->argv[1], argv, count + pairs);
    memory_free(&call->core->memory, argv);
}

void stream_record_trimmed(struct call *call, const struct stream *stream, const struct stream_trim *trim)
{
    struct str argv[2 + TRIM_ARGUMENTS_MOST] = {STR("XTRIM"), call->argv[1]};
    struct trim_words words;

    if (!call_is_journaled(call, call->argv[1]))
        return;
    if (is_indescribable(trim)) {
        call_record_state(call, call->db, call->argv[1]);
        return;
    }
    describe_trim(&words, stream, trim);
    memcpy(argv + 2, words.argv, sizeof words.argv);
    call_record(call, call->argv[1], argv, 2 + words.count);
}

/* Groups */

void stream_record_consumer(struct call *call, struct str key, const struct stream_group *group,
                            const struct stream_consumer *consumer)
{
    CALL_RECORD(call, key, STR("XGROUP"), STR("CREATECONSUMER"), key, stream_group_name(group),
                stream_consumer_name(consumer));
}

void stream_record_pending(struct call *call, struct str key, const struct stream_group *group,
                           const struct stream_pending *pending)
{
    char id[STREAM_ID_TEXT_MAX], time[NUMBER_TEXT_MAX], deliveries[NUMBER_TEXT_MAX];

    if (call_is_journaled(call, key))
        CALL_RECORD(call, key, STR("XCLAIM"), key, stream_group_name(group), stream_consumer_name(pending->consumer),
                    STR("0"), id_text(id, pending->id), STR("TIME"), number(time, pending->delivered_ms),
                    STR("RETRYCOUNT"), number(deliveries, (int64_t)pending->deliveries), STR("FORCE"), STR("JUSTID"));
}

void stream_record_forgotten(struct call *call, struct str key, const struct stream_group *group, struct stream_id id)
{
    char text[STREAM_ID_TEXT_MAX];

    if (call_is_journaled(call, key))
        CALL_RECORD(call, key, STR("XACK"), key, stream_group_name(group), id_text(text, id));
}

void stream_record_position(struct call *call, struct str key, const struct stream_group *group)
{
    char id[STREAM_ID_TEXT_MAX], read[NUMBER_TEXT_MAX];

    if (call_is_journaled(call, key))
        CALL_RECORD(call, key, STR("XGROUP"), STR("SETID"), key, stream_group_name(group), id_text(id, group->last_id),
                    STR("ENTRIESREAD"), number(read, group->entries_read));
}
