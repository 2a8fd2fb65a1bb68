/* A group of shards without threads or sockets, for textual commands: every
 * shard has a fake loop, and the test steps them, one turn after the other.
 *
 * A client stands for a connection on one shard. It asks; the answers come as
 * the shards take their turns. What a client sends is overwritten at the end of
 * its shard's turn, as a receive buffer is. */
#ifndef TESTS_SUPPORT_GROUP_RUN_H
#define TESTS_SUPPORT_GROUP_RUN_H

#include "shards/shard.h"
#include "tests/support/shards/fake_loop.h"

enum { GROUP_RUN_SHARDS_MAX = 8, GROUP_RUN_CLIENTS_MAX = 8 };

struct ask;

struct group_client {
    struct group_run *run;
    struct shard *shard;
    struct session session;
    struct origin origin;
    struct ask *first, **last; /* what was asked and not yet forgotten, in order */
    int open;                  /* of them without an answer */
    int answered;              /* in all; numbers the answers in the order in which they came */
};

/* One command and its answer. */
struct ask {
    struct ask *next;
    struct request *request; /* NULL: answered */
    char *line;              /* as sent, until the end of the turn */
    size_t line_bytes;
    struct buffer answer; /* CRLF written as a space */
    int order;            /* its place among the client's answers */
    bool error;
};

struct group_run {
    struct server_facts facts;
    struct shard_group group;
    struct fake_loop loops[GROUP_RUN_SHARDS_MAX];
    struct completion shutdown;
    struct group_client clients[GROUP_RUN_CLIENTS_MAX];
    int client_count;
    size_t idle_bytes[GROUP_RUN_SHARDS_MAX]; /* in use before the first client */
    struct memory memory;                    /* of the support itself */
};

/* affinity: a pattern, or NULL. */
void group_run_init(struct group_run *run, int shards, const char *affinity);
/* Asserts that nothing is under way and that every byte comes back. */
void group_run_deinit(struct group_run *run);

struct group_client *group_connect(struct group_run *run, int shard);

/* As its connection's end does: what it watches is watched no more. */
void group_leave(struct group_client *client);

/* Submits a command as typed into redis-cli. The ask lives until the client's next group_forget. */
struct ask *group_ask(struct group_client *client, const char *line);
struct ask *group_ask_format(struct group_client *client, const char *format, ...) PRINTF_LIKE(2, 3);
static inline bool group_answered(const struct ask *ask)
{
    return ask->request == NULL;
}
const char *group_answer(const struct ask *ask);
/* Forgets all asks; each has to be answered. */
void group_forget(struct group_client *client);

/* One turn of one shard, or of all in order; and turns of all until every client has its answers. */
void group_turn(struct group_run *run, int shard);
void group_turns(struct group_run *run);
void group_settle(struct group_run *run);

/* Asks, settles and compares, CRLF written as a space. */
void group_expect(struct group_client *client, const char *line, const char *expected);
/* The same without comparing: the answer lives until the client's next command. */
const char *group_command(struct group_client *client, const char *line);

/* A key of this shard's, other for each number: lives as long as the run. number: below 16. */
const char *group_key(struct group_run *run, int shard, int number);
/* "SET %0a …": a digit and a letter behind the percent sign name a key, by its shard and its number. Lives until the
 * next call. */
const char *group_with_keys(struct group_run *run, const char *line);

#endif
