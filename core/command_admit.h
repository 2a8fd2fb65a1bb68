/* The checks that every request passes before it is routed: the command
 * exists, its arguments are as many as it takes, the connection may run it, and
 * no pause holds it back. */
#ifndef CORE_COMMAND_ADMIT_H
#define CORE_COMMAND_ADMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/str.h"

struct command;
struct core;
struct reply;
struct session;
struct sessions;

/* The row for the request, subcommand resolved; NULL: refused, and the error has been
 * written. argc is at least 1. */
MUST_USE const struct command *command_admit(const struct core *core, const struct session *session,
                                             const struct str *argv, int argc, struct reply *reply);

/* Whether a request of that name, which is no command's, is a line of HTTP: a web page has been made to speak to this
 * server, and what it sends behind that line, which may be commands, is not to be read. */
MUST_USE bool command_is_http(struct str name);

/* MSET: each key comes with its value. To be asked of what fits the arity. */
MUST_USE bool command_values_complete(const struct command *command, int argc);
/* "ERR wrong number of arguments for 'get' command" */
void command_refuse_arity(const struct command *command, struct reply *reply);

/* Whether it, or what EXEC would do now, may write: by itself or by a script. */
bool command_may_write(const struct session *session, const struct command *command);

/* Whether CLIENT PAUSE holds back a command with these flags at that time. As in Redis, to be asked of what has been
 * admitted. EXEC: to be asked with those of the queued commands, too. */
bool command_is_paused(uint32_t flags, const struct sessions *sessions, int64_t now_ms);

#endif
