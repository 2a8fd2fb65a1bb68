/* "+1700000000.123456 [0 127.0.0.1:4711] "set" "key" "value"" */
#include "core/monitor.h"

#include <string.h>

#include "core/call.h"
#include "core/command.h"
#include "core/core.h"
#include "core/memory.h"
#include "core/transaction.h"

void monitors_init(struct monitors *monitors, struct memory *memory)
{
    *monitors = (struct monitors){.memory = memory};
    buffer_init(&monitors->lines, memory, NULL, 0);
}

void monitors_deinit(struct monitors *monitors)
{
    buffer_deinit(&monitors->lines);
    memory_free(monitors->memory, monitors->entries);
}

static struct monitor *find(struct monitors *monitors, uint64_t session_id)
{
    for (int i = 0; i < monitors->count; i++)
        if (monitors->entries[i].session_id == session_id)
            return &monitors->entries[i];
    return NULL;
}

static struct monitor *append(struct monitors *monitors)
{
    if (monitors->count == monitors->capacity) {
        monitors->capacity = monitors->capacity ? monitors->capacity * 2 : 4;
        monitors->entries =
            memory_resize(monitors->memory, monitors->entries, (size_t)monitors->capacity * sizeof *monitors->entries);
    }
    return &monitors->entries[monitors->count++];
}

void monitors_add(struct monitors *monitors, uint64_t session_id, uint16_t home)
{
    struct monitor *entry = find(monitors, session_id);

    if (!entry)
        entry = append(monitors);
    *entry = (struct monitor){session_id, ++monitors->last_serial, home};
}

void monitors_remove(struct monitors *monitors, uint64_t session_id, uint64_t serial)
{
    struct monitor *entry = find(monitors, session_id);

    if (entry && entry->serial == serial)
        *entry = monitors->entries[--monitors->count];
}

/* Lines. */

static void append_byte(struct buffer *lines, unsigned char byte)
{
    static const char named[] = "\n\r\t\a\b\"\\", names[] = "nrtab\"\\";
    const char *at = byte ? strchr(named, byte) : NULL;

    if (at)
        buffer_append(lines, (char[]){'\\', names[at - named]}, 2);
    else if (byte < ' ' || byte > '~')
        buffer_append_format(lines, "\\x%02x", byte);
    else
        buffer_append(lines, &byte, 1);
}

static void append_argument(struct buffer *lines, struct str argument)
{
    buffer_append_str(lines, STR(" \""));
    for (size_t i = 0; i < argument.length; i++)
        append_byte(lines, (unsigned char)argument.bytes[i]);
    buffer_append_str(lines, STR("\""));
}

/* A Unix socket's path has ":0" behind it. */
static void append_peer(struct buffer *lines, const char *peer)
{
    if (!peer)
        buffer_append_str(lines, STR("lua"));
    else if (peer[0] == '/')
        buffer_append_format(lines, "unix:%.*s", (int)strlen(peer) - 2, peer);
    else
        buffer_append_str(lines, str_from(peer));
}

static void append_who(struct buffer *lines, const struct call *call)
{
    buffer_append_format(lines, "+%lld.%06lld [%d ", (long long)call->now_us / 1000000,
                         (long long)call->now_us % 1000000, call->db);
    append_peer(lines, call->peer);
    buffer_append_str(lines, STR("]"));
}

static void append_line(const struct call *call, const struct command *command)
{
    struct buffer *lines = &call->core->monitors.lines;

    append_who(lines, call);
    for (int i = 0; i < call->argc; i++)
        append_argument(lines, command->hides && command->hides(call->argv, call->argc, i) ? STR("(redacted)")
                                                                                           : call->argv[i]);
    buffer_append_str(lines, STR("\r\n"));
}

void monitor_note_begin(const struct call *call)
{
    if (call->command->flags & CMD_SKIP_MONITOR)
        append_line(call, call->command);
}

/* What has a row of its own for its run has been noted when it was parsed, but for EXEC: see call_count.c. What waits
 * has been noted when it was tried first. */
void monitor_note_end(const struct call *call)
{
    bool runs = call->command->flags & CMD_EXECUTES;
    const struct command *command = call->command;

    if (command->number == 0)
        command = runs && call->transaction ? call->transaction->called : NULL;
    else if (runs && call->session && call->session->rest.command)
        command = NULL;
    if (!command || command->flags & (CMD_SKIP_MONITOR | CMD_ADMIN) || (call->wait && *call->spent_ns > 0))
        return;
    append_line(call, command);
}
