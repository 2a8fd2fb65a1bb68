#include "core/error_stats.h"

#include <string.h>

#include "core/buffer.h"
#include "core/memory.h"

void error_stats_deinit(struct error_stats *errors, struct memory *memory)
{
    memory_free(memory, errors->codes);
    *errors = (struct error_stats){0};
}

/* The first word, where it ends within 32 bytes; else the error has none of its own. */
struct str error_stats_code(struct str reply)
{
    size_t most = reply.length < ERROR_CODE_BYTES + 1 ? reply.length : ERROR_CODE_BYTES + 1;
    const char *space = most > 0 ? memchr(reply.bytes, ' ', most) : NULL;

    if (!space || space == reply.bytes + 1)
        return STR("ERR");
    return (struct str){reply.bytes + 1, (size_t)(space - reply.bytes) - 1};
}

static int compare(const struct error_count *error, struct str code)
{
    size_t least = error->length < code.length ? error->length : code.length;
    int order = memcmp(error->code, code.bytes, least);

    return order != 0 ? order : (int)error->length - (int)code.length;
}

/* Where the code is, or where it belongs. */
static int place_of(const struct error_stats *errors, struct str code)
{
    int first = 0, end = errors->count;

    while (first < end) {
        int middle = (first + end) / 2;

        if (compare(&errors->codes[middle], code) < 0)
            first = middle + 1;
        else
            end = middle;
    }
    return first;
}

static void insert(struct error_stats *errors, struct memory *memory, int place, struct str code)
{
    struct error_count *error;

    if (!errors->codes)
        errors->codes = memory_alloc(memory, ERROR_CODES_MAX * sizeof *errors->codes);
    error = &errors->codes[place];
    memmove(error + 1, error, (size_t)(errors->count - place) * sizeof *error);
    errors->count++;
    *error = (struct error_count){.length = (uint8_t)code.length};
    memcpy(error->code, code.bytes, code.length);
}

static bool is_at(const struct error_stats *errors, int place, struct str code)
{
    return place < errors->count && compare(&errors->codes[place], code) == 0;
}

bool error_stats_knows(const struct error_stats *errors, struct str code)
{
    return is_at(errors, place_of(errors, code), code);
}

void error_stats_add(struct error_stats *errors, struct memory *memory, struct str code, uint64_t times)
{
    int place = place_of(errors, code);
    bool known = is_at(errors, place, code);

    if (errors->disabled)
        return;
    if (!known && errors->count == ERROR_CODES_MAX) {
        error_stats_deinit(errors, memory);
        errors->disabled = true;
        return;
    }
    if (!known)
        insert(errors, memory, place, code);
    errors->codes[place].count += times;
}

static bool breaks_line(char byte)
{
    return byte == '#' || byte == ':' || byte == '\n' || byte == '\r';
}

void error_stats_write(const struct error_stats *errors, struct buffer *text)
{
    if (errors->disabled)
        buffer_append_str(text, STR("errorstat_ERRORSTATS_DISABLED:count=1\r\n"));
    for (int i = 0; i < errors->count; i++) {
        const struct error_count *error = &errors->codes[i];
        char code[ERROR_CODE_BYTES];

        for (int at = 0; at < error->length; at++)
            code[at] = breaks_line(error->code[at]) ? '_' : error->code[at];
        buffer_append_format(text, "errorstat_%.*s:count=%llu\r\n", error->length, code,
                             (unsigned long long)error->count);
    }
}
