/* Runs a command without keys as the shards run a scatter: its handler on every
 * core of a command_run, then its merge over the parts. */
#ifndef TESTS_SUPPORT_COMMAND_SCATTER_H
#define TESTS_SUPPORT_COMMAND_SCATTER_H

#include "tests/support/command_run.h"

/* The reply's bytes live until the next command. An error of any part is the reply. */
struct str command_scatter(struct command_run *run, const char *line);

/* As command_expect. */
void command_scatter_expect(struct command_run *run, const char *line, const char *reply);

#endif
