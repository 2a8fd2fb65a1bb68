/* A data set without sockets or threads, to run textual commands against.
 *
 * Holds one core per shard asked for. Commands run on `cores[at]`; with more
 * than one shard they run as a gather over all of them, where a key belongs to
 * the shard that its last byte's code names, modulo their number: "k0" to the
 * first, "k1" to the second. The clock stands still unless the test moves it.
 * Between undo_begin of a core and its end the commands that it runs are a script's. */
#ifndef TESTS_SUPPORT_COMMAND_RUN_H
#define TESTS_SUPPORT_COMMAND_RUN_H

#include "core/call.h"

enum { COMMAND_RUN_SHARDS_MAX = 8 };

struct command_run {
    struct server_facts facts;
    struct save_state saves;
    struct core cores[COMMAND_RUN_SHARDS_MAX];
    int count;
    int at;                 /* which core executes */
    struct session session; /* on the first core; its db and protocol are those of the commands */
    struct memory memory;   /* charged for the reply */
    struct reply reply;     /* of the last command */
    struct reach reach;     /* present in calls when count is above 1 */
    struct keyspace *keyspaces[COMMAND_RUN_SHARDS_MAX];
    struct scripts *scripts[COMMAND_RUN_SHARDS_MAX];
    struct functions *functions[COMMAND_RUN_SHARDS_MAX];
    int64_t now_ms;
    bool replays; /* what is run is from a journal: time stands still for it */
};

void command_run_init(struct command_run *run, int shard_count);
/* The test fails if anything is left in the cores' memory. */
void command_run_deinit(struct command_run *run);

/* A command as typed into redis-cli, quotes and escapes included. The reply's
 * bytes live until the next command. */
struct str command_run(struct command_run *run, const char *line);
struct str command_run_argv(struct command_run *run, const struct str *argv, int argc);

/* The test fails unless the reply is exactly this, CRLF written as a space:
 *     command_expect(&run, "MGET a b", "*2 $1 x $-1 ") */
void command_expect(struct command_run *run, const char *line, const char *reply);
void command_expect_reply(struct command_run *run, const char *line, struct str reply, const char *expected);
/* The same for an integer: ":1\r\n". */
void command_expect_integer(struct command_run *run, const char *line, int64_t value);
/* The test fails unless the command brings exactly these events, as far as the setting lets them come:
 *     command_expect_events(&run, "SET k v EX 9", "set 0:k, expire 0:k") */
void command_expect_events(struct command_run *run, const char *line, const char *events);
/* The same for what has come since the last command. */
void command_expect_queued(struct command_run *run, const char *events);

#endif
