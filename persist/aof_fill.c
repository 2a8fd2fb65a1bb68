#include "persist/aof_fill.h"

#include <string.h>

#include "core/assert.h"

static void write_line(char *line, size_t length)
{
    memset(line, '-', length);
    line[0] = '#';
    line[length - 1] = '\n';
}

size_t aof_fill_first(char line[AOF_FILL_FIRST_MAX], uint64_t offset)
{
    size_t bytes = (AOF_FILL_LINE_BYTES - offset % AOF_FILL_LINE_BYTES) % AOF_FILL_LINE_BYTES;

    if (bytes == 1) /* no line is that short */
        bytes += AOF_FILL_LINE_BYTES;
    if (bytes > 0)
        write_line(line, bytes);
    return bytes;
}

void aof_fill_lines(char *bytes, size_t length)
{
    ASSERT(length % AOF_FILL_LINE_BYTES == 0);
    for (size_t at = 0; at < length; at += AOF_FILL_LINE_BYTES)
        write_line(bytes + at, AOF_FILL_LINE_BYTES);
}

/* With its end; 0: the bytes don't begin with a whole one. */
static size_t line_length(struct str bytes)
{
    size_t most = bytes.length < AOF_FILL_FIRST_MAX ? bytes.length : AOF_FILL_FIRST_MAX, at = 1;

    if (bytes.length == 0 || bytes.bytes[0] != '#')
        return 0;
    while (at < most && bytes.bytes[at] == '-')
        at++;
    return at < most && bytes.bytes[at] == '\n' ? at + 1 : 0;
}

size_t aof_fill_length(struct str bytes)
{
    size_t all = 0, length;

    while ((length = line_length((struct str){bytes.bytes + all, bytes.length - all})) > 0)
        all += length;
    return all;
}

static bool may_begin_line(struct str bytes)
{
    if (bytes.length >= AOF_FILL_FIRST_MAX || (bytes.length > 0 && bytes.bytes[0] != '#'))
        return false;
    for (size_t at = 1; at < bytes.length; at++)
        if (bytes.bytes[at] != '-')
            return false;
    return true;
}

bool aof_fill_is_all(struct str bytes)
{
    size_t lines = aof_fill_length(bytes);

    return may_begin_line((struct str){bytes.bytes + lines, bytes.length - lines});
}
