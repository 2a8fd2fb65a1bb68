/* A record in the queue is followed by the event's name, the key and its readers. */
#include "core/changes.h"

struct record {
    enum change_kind kind;
    uint32_t class;
    int db;
    uint32_t reader_count;
    uint64_t by;
    size_t event_length, key_length;
};

void changes_init(struct changes *changes, struct memory *memory)
{
    *changes = (struct changes){.queue = changes};
    buffer_init(&changes->records, memory, NULL, 0);
}

void changes_deinit(struct changes *changes)
{
    buffer_deinit(&changes->records);
}

void changes_set_events(struct changes *changes, uint32_t events)
{
    bool published = events & (EVENT_OF_KEY | EVENT_OF_NAME);

    changes->heeded &= CHANGES_TOUCHES;
    changes_heed(changes, events, published);
}

static void add(struct changes *changes, struct record record, struct str event, struct str key)
{
    struct buffer *records = &changes->queue->records;

    changes->queue->others |= record.kind < CHANGE_WRITTEN;
    record.event_length = event.length;
    record.key_length = key.length;
    buffer_append(records, &record, sizeof record);
    buffer_append_str(records, event);
    buffer_append_str(records, key);
}

void changes_add_event(struct changes *changes, uint32_t class, const char *event, int db, struct str key)
{
    add(changes, (struct record){.kind = CHANGE_EVENT, .class = class, .db = db}, str_from(event), key);
}

void changes_add_stale(struct changes *changes, struct str key, uint64_t by)
{
    struct changes *queue = changes->queue;

    queue->stale_at = queue->records.length;
    add(changes, (struct record){.kind = CHANGE_STALE, .by = by}, STR(""), key);
}

void changes_add_stale_reader(struct changes *changes, struct tracking_reader reader)
{
    struct changes *queue = changes->queue;
    struct record record;

    memcpy(&record, queue->records.bytes + queue->stale_at, sizeof record);
    record.reader_count++;
    memcpy(queue->records.bytes + queue->stale_at, &record, sizeof record);
    buffer_append(&queue->records, &reader, sizeof reader);
}

void changes_add_touched(struct changes *changes, struct str key, uint64_t by)
{
    add(changes, (struct record){.kind = CHANGE_TOUCHED, .by = by}, STR(""), key);
}

void changes_add_flushed(struct changes *changes, uint64_t by)
{
    add(changes, (struct record){.kind = CHANGE_FLUSHED, .by = by}, STR(""), STR(""));
}

void changes_add_written(struct changes *changes, int db, struct str key)
{
    add(changes, (struct record){.kind = CHANGE_WRITTEN, .db = db}, STR(""), key);
}

void changes_add_mark(struct changes *changes, enum change_kind kind)
{
    add(changes, (struct record){.kind = kind}, STR(""), STR(""));
}

bool changes_next(const struct changes *changes, size_t *at, struct change *change)
{
    const char *bytes = changes->records.bytes + *at;
    struct record record;

    if (*at == changes->records.length)
        return false;
    memcpy(&record, bytes, sizeof record);
    bytes += sizeof record;
    *change = (struct change){
        .kind = record.kind,
        .class = record.class,
        .db = record.db,
        .event = {bytes, record.event_length},
        .key = {bytes + record.event_length, record.key_length},
        .by = record.by,
        .readers = bytes + record.event_length + record.key_length,
        .reader_count = record.reader_count,
    };
    *at +=
        sizeof record + record.event_length + record.key_length + record.reader_count * sizeof(struct tracking_reader);
    return true;
}
