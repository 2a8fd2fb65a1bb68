/* A command is one block: its head, its arguments, their bytes. Of many
 * arguments and of long ones the slow log keeps as much as Redis's. */
#include "core/slowlog.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "core/assert.h"
#include "core/command.h"
#include "core/memory.h"
#include "core/resp_write.h"
#include "core/session.h"

enum { ARGUMENTS_MOST = 32, ARGUMENT_BYTES_MOST = 128, NOTE_BYTES = 48 };

static _Atomic int64_t next_id;

/* What is kept of one argument: its beginning, and a note behind it. */
struct kept {
    struct str begin;
    char note[NOTE_BYTES];
};

static struct kept kept_of(const struct command *command, const struct str *argv, int argc, int index)
{
    struct kept kept = {.begin = argv[index]};

    if (argc > ARGUMENTS_MOST && index == ARGUMENTS_MOST - 1) {
        kept.begin.length = 0;
        snprintf(kept.note, sizeof kept.note, "... (%d more arguments)", argc - index);
    } else if (command->hides && command->hides(argv, argc, index)) {
        kept.begin = STR("(redacted)");
    } else if (kept.begin.length > ARGUMENT_BYTES_MOST) {
        kept.begin.length = ARGUMENT_BYTES_MOST;
        snprintf(kept.note, sizeof kept.note, "... (%zu more bytes)", argv[index].length - ARGUMENT_BYTES_MOST);
    }
    return kept;
}

static char *keep(struct str *to, char *at, const struct kept *kept)
{
    size_t note = strlen(kept->note);

    if (kept->begin.length > 0)
        memcpy(at, kept->begin.bytes, kept->begin.length);
    memcpy(at + kept->begin.length, kept->note, note);
    *to = (struct str){at, kept->begin.length + note};
    return at + to->length;
}

struct slow_command *slow_command_create(struct memory *memory, const struct command *command, const struct str *argv,
                                         int argc, int64_t now_ms, int64_t ns)
{
    struct kept kept[ARGUMENTS_MOST];
    int count = argc < ARGUMENTS_MOST ? argc : ARGUMENTS_MOST;
    size_t bytes = sizeof(struct slow_command) + (size_t)count * sizeof(struct str);
    struct slow_command *slow;
    char *at;

    for (int i = 0; i < count; i++) {
        kept[i] = kept_of(command, argv, argc, i);
        bytes += kept[i].begin.length + strlen(kept[i].note);
    }
    slow = memory_alloc(memory, bytes);
    memory_recharge(memory, NULL, slow);
    *slow = (struct slow_command){.time_ms = now_ms, .ns = ns, .peer = "?:0", .argc = count};
    at = (char *)&slow->argv[count];
    for (int i = 0; i < count; i++)
        at = keep(&slow->argv[i], at, &kept[i]);
    return slow;
}

void slow_command_put(struct slow_command **list, struct slow_command *slow)
{
    slow->next = *list;
    *list = slow;
}

static void free_uncharged(struct slow_command *slow)
{
    struct memory nobody = {0};

    memory_recharge(NULL, &nobody, slow);
    memory_free(&nobody, slow);
}

void slow_commands_free(struct slow_command **list)
{
    struct slow_command *slow;

    while ((slow = *list) != NULL) {
        *list = slow->next;
        free_uncharged(slow);
    }
}

void slowlog_init(struct slowlog *log, struct memory *memory)
{
    *log = (struct slowlog){.memory = memory};
}

static void forget(struct slowlog *log, struct slow_command *slow)
{
    memory_free(log->memory, slow->name);
    memory_free(log->memory, slow);
    log->length--;
}

static void forget_from(struct slowlog *log, struct slow_command **first)
{
    struct slow_command *slow = *first, *next;

    for (*first = NULL; slow; slow = next) {
        next = slow->next;
        forget(log, slow);
    }
}

void slowlog_reset(struct slowlog *log)
{
    forget_from(log, &log->newest);
    ASSERT(log->length == 0);
}

void slowlog_deinit(struct slowlog *log)
{
    slowlog_reset(log);
}

void slowlog_configure(struct slowlog *log, int64_t most)
{
    struct slow_command **last = &log->newest;

    log->most = most;
    if (log->length <= most)
        return;
    for (int64_t i = 0; i < most; i++)
        last = &(*last)->next;
    forget_from(log, last);
}

static char *copy_text(struct memory *memory, const char *text)
{
    size_t bytes = strlen(text) + 1;

    return memcpy(memory_alloc(memory, bytes), text, bytes);
}

static void add_client(struct slowlog *log, struct slow_command *slow, const struct session *session)
{
    memcpy(slow->peer, session->peer, sizeof slow->peer);
    if (session->name)
        slow->name = copy_text(log->memory, session->name);
}

/* The oldest of the list, which is its last, gets the lowest id. */
static struct slow_command *reversed(struct slow_command *list)
{
    struct slow_command *turned = NULL, *next;

    for (; list; list = next) {
        next = list->next;
        slow_command_put(&turned, list);
    }
    return turned;
}

void slowlog_take(struct slowlog *log, struct slow_command **list, const struct session *session)
{
    struct slow_command *slow = reversed(*list), *next;

    *list = NULL;
    for (; slow; slow = next) {
        next = slow->next;
        memory_recharge(NULL, log->memory, slow);
        slow->id = atomic_fetch_add_explicit(&next_id, 1, memory_order_relaxed);
        add_client(log, slow, session);
        slow_command_put(&log->newest, slow);
        log->length++;
    }
    slowlog_configure(log, log->most);
}

void slow_command_reply(const struct slow_command *slow, struct reply *reply)
{
    reply_array(reply, 6);
    reply_integer(reply, slow->id);
    reply_integer(reply, slow->time_ms / 1000);
    reply_integer(reply, slow->ns / 1000);
    reply_array(reply, slow->argc);
    for (int i = 0; i < slow->argc; i++)
        reply_bulk(reply, slow->argv[i]);
    reply_bulk(reply, str_from(slow->peer));
    reply_bulk(reply, str_from(slow->name ? slow->name : ""));
}
