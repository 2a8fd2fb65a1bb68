#include "tests/support/shards/group_run.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>

#include "core/access.h"
#include "core/command.h"
#include "core/command_admit.h"
#include "core/hash.h"
#include "core/keyspace.h"
#include "core/resp_parse.h"
#include "core/transaction.h"
#include "shards/transaction.h"

enum { TURNS_MOST = 2000, KEYS_PER_SHARD = 16, KEY_BYTES = 16 };

/* The run. */

static void init_process(void)
{
    static const uint8_t secret[32] = "a secret that every test run has";

    if (!hash_is_seeded())
        keyspace_hash_seed(secret);
    command_table_init();
}

void group_run_init(struct group_run *run, int shards, const char *affinity)
{
    struct config config;
    const char *wrong;

    init_process();
    *run = (struct group_run){.facts.shard_count = shards};
    config_init(&config);
    config.save[0] = '\0'; /* nothing is saved by itself */
    config.spin_us = 0; /* the clock stands still */
    if (affinity)
        config.affinity[config.affinity_count++] = (char *)(uintptr_t)affinity;
    cr_assert(shard_group_init(&run->group, &config, &run->facts, shards, &wrong));
    if (affinity)
        config.affinity_count--;
    config_deinit(&config);
    run->group.shutdown = &run->shutdown;
    for (int i = 0; i < shards; i++) {
        fake_loop_init(&run->loops[i]);
        cr_assert(shard_open(run->group.shards[i], &run->loops[i].loop));
        run->idle_bytes[i] = run->group.shards[i]->core.memory.used_bytes;
    }
}

static void ended(struct request *request)
{
    struct group_client *client =
        (struct group_client *)((char *)request->origin - offsetof(struct group_client, origin));

    request_give_back(&client->shard->requests, request);
}

void group_leave(struct group_client *client)
{
    struct request *request;

    transaction_leave(&client->session);
    if (!client->session.rest.command)
        return;
    request = shard_take_request(client->shard, 0, &client->session);
    request->origin = &client->origin;
    request->done = ended;
    transaction_take_rest(request, &client->session);
    router_submit_rest(client->shard, request);
}

static void disconnect(struct group_client *client)
{
    group_forget(client);
    cr_assert_eq(client->origin.held, 0);
    group_leave(client);
    session_end(&client->shard->core.sessions, &client->session);
}

void group_run_deinit(struct group_run *run)
{
    for (int i = 0; i < run->client_count; i++)
        disconnect(&run->clients[i]);
    group_turns(run); /* gathers go home */
    group_turns(run);
    for (int i = 0; i < run->group.count; i++) {
        cr_assert_null(run->group.shards[i]->parked);
        cr_assert_eq(run->group.shards[i]->requests.live, 0);
        shard_close(run->group.shards[i]);
    }
    shard_group_deinit(&run->group);
    cr_assert_eq(run->group.memory.used_bytes, 0);
    cr_assert_eq(run->memory.used_bytes, 0);
}

struct group_client *group_connect(struct group_run *run, int shard)
{
    struct group_client *client = &run->clients[run->client_count++];

    cr_assert(run->client_count <= GROUP_RUN_CLIENTS_MAX);
    *client = (struct group_client){.run = run, .shard = run->group.shards[shard], .last = &client->first};
    session_begin(&client->shard->core.sessions, &client->session, client->shard->now_ms);
    client->session.authenticated = true;
    return client;
}

/* Asking. */

static void keep_answer(struct ask *ask, struct str reply)
{
    for (size_t i = 0; i < reply.length; i++)
        if (reply.bytes[i] != '\r')
            buffer_append(&ask->answer, reply.bytes[i] == '\n' ? " " : &reply.bytes[i], 1);
    buffer_append(&ask->answer, "", 1);
}

static void answered(struct request *request)
{
    struct group_client *client =
        (struct group_client *)((char *)request->origin - offsetof(struct group_client, origin));
    struct ask *ask = client->first;

    while (ask && ask->request != request)
        ask = ask->next;
    cr_assert_not_null(ask, "an answer that nobody waits for");
    keep_answer(ask, buffer_str(&request->reply.buffer));
    ask->error = request->reply.error;
    ask->request = NULL;
    ask->order = client->answered++;
    client->open--;
    request_give_back(&client->shard->requests, request);
}

static struct ask *ask_create(struct group_client *client, const char *line)
{
    struct memory *memory = &client->run->memory;
    struct ask *ask = memory_alloc_zeroed(memory, sizeof *ask);

    ask->line_bytes = strlen(line) + 2;
    ask->line = memory_alloc(memory, ask->line_bytes);
    memcpy(ask->line, line, ask->line_bytes - 2);
    memcpy(ask->line + ask->line_bytes - 2, "\r\n", 2);
    buffer_init(&ask->answer, memory, NULL, 0);
    *client->last = ask;
    client->last = &ask->next;
    client->open++;
    return ask;
}

static struct str *borrow_arguments(struct ask *ask, const struct str *argv, int argc, struct str *borrowed)
{
    char *to = ask->line;

    for (int i = 0; i < argc; i++) { /* never longer than with quotes and spaces */
        memcpy(to, argv[i].bytes, argv[i].length);
        borrowed[i] = (struct str){to, argv[i].length};
        to += argv[i].length;
    }
    return borrowed;
}

static void submit(struct group_client *client, struct ask *ask, const struct str *argv, int argc)
{
    struct shard *shard = client->shard;
    struct request *request = shard_take_request(shard, argc, &client->session);

    borrow_arguments(ask, argv, argc, request->argv);
    request->joined = ask->line_bytes % 2 == 0; /* they are, but not all requests know */
    ask->request = request;
    request->origin = &client->origin;
    request->done = answered;
    request->command = command_admit(&shard->core, &client->session, request->argv, argc, &request->reply);
    if (!request->command) {
        transaction_fail(&client->session);
        answered(request);
        return;
    }
    if (session_queues(&client->session, request->command)) {
        transaction_queue(client->session.transaction, request->command, request->argv, argc);
        reply_simple(&request->reply, "QUEUED");
        answered(request);
        return;
    }
    if (request->command->route == ROUTE_LOCAL || request->command->route == ROUTE_SESSION)
        request->session = &client->session;
    router_submit(shard, request);
}

struct ask *group_ask(struct group_client *client, const char *line)
{
    static const struct resp_limits limits = {INT32_MAX, INT32_MAX, INT64_MAX};
    struct ask *ask = ask_create(client, line);
    struct memory *memory = &client->run->memory;
    struct resp_parser parser;
    struct buffer bytes;

    buffer_init(&bytes, memory, NULL, 0);
    buffer_append(&bytes, ask->line, ask->line_bytes);
    resp_parser_init(&parser, memory);
    cr_assert_eq(resp_parse(&parser, buffer_str(&bytes), &limits), RESP_COMPLETE, "does not parse: %s", line);
    submit(client, ask, parser.argv, parser.argc);
    resp_parser_deinit(&parser);
    buffer_deinit(&bytes);
    return ask;
}

struct ask *group_ask_format(struct group_client *client, const char *format, ...)
{
    char line[4096];
    va_list arguments;

    va_start(arguments, format);
    cr_assert_lt(vsnprintf(line, sizeof line, format, arguments), (int)sizeof line);
    va_end(arguments);
    return group_ask(client, line);
}

const char *group_answer(const struct ask *ask)
{
    cr_assert(group_answered(ask), "not answered");
    return ask->answer.bytes;
}

static void drop_line(struct group_client *client, struct ask *ask)
{
    if (ask->line)
        memset(ask->line, '!', ask->line_bytes);
    memory_free(&client->run->memory, ask->line);
    ask->line = NULL;
}

void group_forget(struct group_client *client)
{
    cr_assert_eq(client->open, 0, "not everything is answered");
    for (struct ask *ask = client->first, *next; ask; ask = next) {
        next = ask->next;
        drop_line(client, ask);
        buffer_deinit(&ask->answer);
        memory_free(&client->run->memory, ask);
    }
    client->first = NULL;
    client->last = &client->first;
}

/* Turns. */

void group_turn(struct group_run *run, int shard)
{
    shard_turn(run->group.shards[shard]);
    for (int i = 0; i < run->client_count; i++) {
        struct group_client *client = &run->clients[i];

        if (client->shard->index == shard)
            for (struct ask *ask = client->first; ask; ask = ask->next)
                drop_line(client, ask);
    }
}

void group_turns(struct group_run *run)
{
    for (int shard = 0; shard < run->group.count; shard++)
        group_turn(run, shard);
}

static int open_asks(const struct group_run *run)
{
    int open = 0;

    for (int i = 0; i < run->client_count; i++)
        open += run->clients[i].open;
    return open;
}

void group_settle(struct group_run *run)
{
    for (int turns = 0; open_asks(run) > 0; turns++) {
        cr_assert_lt(turns, TURNS_MOST, "%d commands are never answered", open_asks(run));
        group_turns(run);
    }
}

const char *group_command(struct group_client *client, const char *line)
{
    group_settle(client->run);
    group_forget(client);

    struct ask *ask = group_ask(client, line);

    group_settle(client->run);
    return group_answer(ask);
}

void group_expect(struct group_client *client, const char *line, const char *expected)
{
    const char *answer = group_command(client, line);

    cr_assert_str_eq(answer, expected, "%s\n  answered %s\n  instead of %s", line, answer, expected);
}

const char *group_key(struct group_run *run, int shard, int number)
{
    static char keys[GROUP_RUN_SHARDS_MAX][KEYS_PER_SHARD][KEY_BYTES];
    char *key = keys[shard][number];

    cr_assert_lt(number, KEYS_PER_SHARD);
    for (int candidate = 0, found = 0; found <= number; candidate++) {
        snprintf(key, KEY_BYTES, "k%d", candidate);
        found += router_owner(&run->group.router, str_from(key)) == shard;
    }
    return key;
}

const char *group_with_keys(struct group_run *run, const char *line)
{
    static char text[4096];
    size_t length = 0;

    for (; *line; line++) {
        if (*line != '%') {
            text[length++] = *line;
            continue;
        }
        length += (size_t)sprintf(text + length, "%s", group_key(run, line[1] - '0', line[2] - 'a'));
        line += 2;
    }
    text[length] = '\0';
    return text;
}
