/* What lies behind the groups of a segment whose room was made beforehand (shards/aof_room.h): lines that say nothing.
 *
 *     #--------------------------------------------------------------\n
 *
 * Lines end at multiples of their length in the file, so that a group can be written over them anywhere: what it
 * leaves of a line it makes a shorter or a longer one. So whatever has been written, redis-server finds groups and then
 * lines that it passes over. They lie behind all groups: what follows them else was lost in part when the power failed,
 * or redis-server has gone on there, at a multiple of the step, in its capital letters (core/journal.c). */
#ifndef PERSIST_AOF_FILL_H
#define PERSIST_AOF_FILL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/str.h"

enum {
    AOF_FILL_LINE_BYTES = 64,
    AOF_FILL_FIRST_MAX = AOF_FILL_LINE_BYTES + 1,
#ifdef SHOAL_SIM
    AOF_FILL_STEP = 4096,
#else
    AOF_FILL_STEP = 1024 * 1024, /* filling ends at a multiple of it */
#endif
};

/* The first line, which begins at that place in the file. Returns its bytes; 0: a line begins there. */
size_t aof_fill_first(char line[static AOF_FILL_FIRST_MAX], uint64_t offset);
/* Whole lines. */
void aof_fill_lines(char *bytes, size_t length);

static inline bool aof_fill_begins(struct str bytes)
{
    return bytes.length >= 2 && bytes.bytes[0] == '#' && (bytes.bytes[1] == '-' || bytes.bytes[1] == '\n');
}
/* How many of the bytes are whole lines of it, from the first on. */
size_t aof_fill_length(struct str bytes);
/* Whether they are nothing else: whole lines, and then what may be the beginning of one. */
bool aof_fill_is_all(struct str bytes);

#endif
