/* What CLIENT LIST, CLIENT INFO and the log say of a session: one line of name=value
 * pairs, which starts with "id=" and ends with a newline. */
#ifndef CORE_CLIENT_LINE_H
#define CORE_CLIENT_LINE_H

#include <stdint.h>

#include "core/log.h"
#include "core/str.h"

struct buffer;
struct memory;
struct session;

void client_line_append(struct buffer *buffer, const struct session *session, int64_t now_ms);

/* To the log, behind what happens to the client. memory: for a long line. */
void client_line_log(enum log_level level, const char *what, const struct session *session, struct memory *memory,
                     int64_t now_ms);

/* The id that the line starts with. */
uint64_t client_line_id(struct str line);

#endif
