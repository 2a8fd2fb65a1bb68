/* Messages to the operator, in Redis's manner: "pid:role date time level text".
 * The one piece of process-wide state in core: level and file, set by main and
 * CONFIG SET. Lines are written whole; any thread. */
#ifndef CORE_LOG_H
#define CORE_LOG_H

#include "core/str.h"

enum log_level { LOG_DEBUG, LOG_VERBOSE, LOG_NOTICE, LOG_WARNING, LOG_NOTHING };

/* Opening and reopening: one thread at a time, while others may write.
 * path "": standard output. False, errno set: it can't be opened, and the old file stays in use. */
MUST_USE bool log_open(const char *path);
/* SIGHUP: opens the same path again (after a log rotation). */
MUST_USE bool log_reopen(void);
void log_set_level(enum log_level level);
enum log_level log_get_level(void);
void log_write(enum log_level level, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
