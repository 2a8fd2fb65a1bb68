/* Commands that took longer than slowlog-log-slower-than, the newest first.
 *
 * Whoever executes a command writes down what it was and how long it took; the
 * shard of its connection adds the client and keeps it. SLOWLOG's parts run on every shard, and
 * the merge puts them in the order of their ids, which rise in the process. */
#ifndef CORE_SLOWLOG_H
#define CORE_SLOWLOG_H

#include <stddef.h>
#include <stdint.h>

#include "core/str.h"

struct command;
struct memory;
struct reply;
struct session;

struct slow_command {
    struct slow_command *next;
    int64_t id, time_ms, ns;
    char peer[64];
    char *name;
    int argc;
    struct str argv[]; /* shortened; the bytes lie behind it */
};

/* Charged to nobody: it may travel. */
struct slow_command *slow_command_create(struct memory *memory, const struct command *command, const struct str *argv,
                                         int argc, int64_t now_ms, int64_t ns);
void slow_command_put(struct slow_command **list, struct slow_command *slow);
/* All of the list, which nobody wants. */
void slow_commands_free(struct slow_command **list);

struct slowlog {
    struct memory *memory;
    struct slow_command *newest;
    int64_t length, most;
};

void slowlog_init(struct slowlog *log, struct memory *memory);
void slowlog_deinit(struct slowlog *log);
void slowlog_configure(struct slowlog *log, int64_t most);
/* Takes all of the list. */
void slowlog_take(struct slowlog *log, struct slow_command **list, const struct session *session);
void slowlog_reset(struct slowlog *log);
/* As SLOWLOG GET shows it. */
void slow_command_reply(const struct slow_command *slow, struct reply *reply);

#endif
