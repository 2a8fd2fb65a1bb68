/* Who watches every command (MONITOR), and the lines that a shard has for them.
 *
 * MONITOR is executed on every shard at one stamp, and each notes its session; from then on
 * each shard tells it what it executes. A shard learns that a session watches no longer
 * from the answer to a line that nobody wanted. Where nobody watches, a command costs a look at `count`.
 * Belongs to the shard's thread; a gather's executor writes its own lines. */
#ifndef CORE_MONITOR_H
#define CORE_MONITOR_H

#include <stdint.h>

#include "core/buffer.h"

struct call;

struct monitor {
    uint64_t session_id;
    uint64_t serial; /* of this note among all on this shard */
    uint16_t home;   /* the session's shard */
};

struct monitors {
    struct memory *memory;
    struct monitor *entries;
    int count, capacity;
    uint64_t last_serial;
    struct buffer lines; /* of what is being executed, not sent yet */
};

void monitors_init(struct monitors *monitors, struct memory *memory);
void monitors_deinit(struct monitors *monitors);
void monitors_add(struct monitors *monitors, uint64_t session_id, uint16_t home);
/* Where it has been added again meanwhile, nothing happens. */
void monitors_remove(struct monitors *monitors, uint64_t session_id, uint64_t serial);

static inline bool monitors_watch(const struct monitors *monitors)
{
    return __builtin_expect(monitors->count > 0, 0);
}

/* Writes the line of a call, if it is one that monitors see: before the run of a script, whose commands come after it,
 * and after that of any other. */
void monitor_note_begin(const struct call *call);
void monitor_note_end(const struct call *call);

#endif
