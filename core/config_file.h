/* Reading a redis.conf whole, for loading it and for CONFIG REWRITE. */
#ifndef CORE_CONFIG_FILE_H
#define CORE_CONFIG_FILE_H

#include "core/buffer.h"

enum { CONFIG_FILE_BYTES_MAX = 16 << 20, CONFIG_LINE_BYTES_MAX = 64 << 10 };

/* path "-": standard input. False: error says what went wrong, and *missing whether there is no such file. */
MUST_USE bool config_file_read(const char *path, struct buffer *bytes, bool *missing, char *error, size_t error_bytes);

/* The next line of rest, without its end and the blanks around it. False: there is none. */
bool config_file_line(struct str *rest, struct str *line);

#endif
