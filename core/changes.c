/* An event lies in the queue as a record, then the event's name and the key. */
#include "core/changes.h"

struct record {
    uint32_t class;
    int db;
    size_t event_length, key_length;
};

void changes_init(struct changes *changes, struct memory *memory)
{
    *changes = (struct changes){.queue = changes};
    buffer_init(&changes->events, memory, NULL, 0);
}

void changes_deinit(struct changes *changes)
{
    buffer_deinit(&changes->events);
}

void changes_set_events(struct changes *changes, uint32_t events)
{
    bool published = events & (EVENT_OF_KEY | EVENT_OF_NAME);

    changes->heeded &= CHANGES_TOUCHES;
    changes_heed(changes, events, published);
}

void changes_add_event(struct changes *changes, uint32_t class, const char *event, int db, struct str key)
{
    struct str name = str_from(event);
    struct record record = {class, db, name.length, key.length};
    struct buffer *events = &changes->queue->events;

    buffer_append(events, &record, sizeof record);
    buffer_append_str(events, name);
    buffer_append_str(events, key);
}

bool changes_next(const struct changes *changes, size_t *at, struct change *change)
{
    const char *bytes = changes->events.bytes + *at;
    struct record record;

    if (*at == changes->events.length)
        return false;
    memcpy(&record, bytes, sizeof record);
    bytes += sizeof record;
    change->class = record.class;
    change->db = record.db;
    change->event = (struct str){bytes, record.event_length};
    change->key = (struct str){bytes + record.event_length, record.key_length};
    *at += sizeof record + record.event_length + record.key_length;
    return true;
}
