/* A command as a client sends it: an array of bulk strings (the RESP specification). What journals and append-only
 * files hold. */
#ifndef CORE_RESP_COMMAND_H
#define CORE_RESP_COMMAND_H

#include <stddef.h>

#include "core/str.h"

struct buffer;

void resp_command_append(struct buffer *out, const struct str *argv, int argc);
#define RESP_COMMAND_APPEND(out, ...)                                                                                  \
    resp_command_append(out, (const struct str[]){__VA_ARGS__},                                                        \
                        sizeof((const struct str[]){__VA_ARGS__}) / sizeof(struct str))

/* In parts: so many arguments follow; one of them. */
void resp_command_begin(struct buffer *out, size_t argc);
void resp_command_argument(struct buffer *out, struct str argument);

#endif
