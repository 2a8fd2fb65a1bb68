#include "core/resp_command.h"

#include <string.h>

#include "core/buffer.h"
#include "core/number.h"

enum { HEADER_BYTES_MOST = 1 + NUMBER_TEXT_MAX + 2 };

static char *put_header(char *at, char letter, size_t count)
{
    *at++ = letter;
    at += number_format_integer(at, (int64_t)count);
    *at++ = '\r';
    *at++ = '\n';
    return at;
}

void resp_command_begin(struct buffer *out, size_t argc)
{
    char *start = buffer_reserve(out, HEADER_BYTES_MOST);

    out->length += (size_t)(put_header(start, '*', argc) - start);
}

void resp_command_argument(struct buffer *out, struct str argument)
{
    char *start = buffer_reserve(out, argument.length + HEADER_BYTES_MOST + 2);
    char *at = put_header(start, '$', argument.length);

    if (argument.length > 0)
        memcpy(at, argument.bytes, argument.length);
    at += argument.length;
    *at++ = '\r';
    *at++ = '\n';
    out->length += (size_t)(at - start);
}

void resp_command_append(struct buffer *out, const struct str *argv, int argc)
{
    resp_command_begin(out, (size_t)argc);
    for (int i = 0; i < argc; i++)
        resp_command_argument(out, argv[i]);
}
