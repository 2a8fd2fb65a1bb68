/* A key and its value as commands that make it, which Redis knows: RESP, one after another, each of them whole.
 *
 * What has many items is said in several commands of a bounded number of items each, so
 * that who executes them need not have all of it in memory once more, and who writes them may do so in
 * parts. What no other command can say, a bitmap that is kept sparse, and a stream in which something is pending that
 * is no longer there, is said by RESTORE. */
#ifndef CORE_VALUE_COMMANDS_H
#define CORE_VALUE_COMMANDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/str.h"

struct buffer;
struct entry;
struct value_commands;

/* In a command, as Redis has it. */
enum { VALUE_COMMANDS_ITEMS = 64 };

typedef bool value_commands_step(struct value_commands *commands, struct buffer *out);

struct value_commands {
    const struct entry *entry; /* stays as and where it is until the last command */
    value_commands_step *step; /* appends what comes next: whether more is left */
    uint64_t next, next_low;   /* as the type has it: an index, a rank, a cursor, an ID */
    bool has_more;
    bool compress; /* what RESTORE is given */
};

void value_commands_begin(struct value_commands *commands, const struct entry *entry, bool compress);
/* Appends so many bytes, or a little more, in whole commands. Whether more is left. */
bool value_commands_go_on(struct value_commands *commands, struct buffer *out, size_t bytes_most);

/* value_commands_stream.c: of a stream. False: something is pending that is no longer there. */
bool value_commands_can_say_stream(const struct entry *entry);
value_commands_step value_commands_step_stream;

#endif
