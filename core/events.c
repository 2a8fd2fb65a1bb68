#include "core/events.h"

#include "core/core.h"
#include "core/keyspace.h"

static void publish(struct core *core, const char *space, const struct change *change, struct str about,
                    struct str message, uint64_t cause)
{
    char storage[256];
    struct buffer channel;

    buffer_init(&channel, &core->memory, storage, sizeof storage);
    buffer_append_format(&channel, "__%s@%d__:", space, change->db);
    buffer_append_str(&channel, about);
    publish_message(core, CHANNEL_PLAIN, (struct message_text){buffer_str(&channel), message}, cause);
    buffer_deinit(&channel);
}

static bool has_listeners(const struct core *core)
{
    return core->channels.subscribed[CHANNEL_PLAIN] + core->channels.subscribed[CHANNEL_PATTERN] > 0;
}

void events_publish(struct core *core, uint64_t cause)
{
    struct changes *changes = keyspace_changes(core->keyspace);
    uint32_t spaces = core->config.notify_events;
    bool heard = has_listeners(core);
    struct change change;

    while (changes_next(changes, &changes->published, &change)) {
        if (change.kind != CHANGE_EVENT || !heard)
            continue;
        if (spaces & EVENT_OF_KEY)
            publish(core, "keyspace", &change, change.key, change.event, cause);
        if (spaces & EVENT_OF_NAME)
            publish(core, "keyevent", &change, change.event, change.key, cause);
    }
}
