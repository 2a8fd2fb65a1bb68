/* The steps are those of a shard: parse, admit, call, run. */
#include "tests/support/command_run.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/command.h"
#include "core/command_admit.h"
#include "core/effects.h"
#include "core/hash.h"
#include "core/resp_parse.h"
#include "core/transaction.h"

static const int64_t START_MS = 1700000000000;

static int shard_of(const struct reach *reach, struct str key)
{
    unsigned char last = key.length > 0 ? (unsigned char)key.bytes[key.length - 1] : 0;

    return last % reach->keyspace_count;
}

static struct keyspace *keyspace_of(const struct reach *reach, struct str key)
{
    return reach->keyspaces[shard_of(reach, key)];
}

static bool has(const struct reach *reach, struct str key)
{
    return true;
}

static void each_shard(const struct reach *reach, const struct call *call, struct reply *replies)
{
    struct command_run *run = (struct command_run *)((char *)reach - offsetof(struct command_run, reach));

    for (int i = 0; i < run->count; i++) {
        struct call part = *call;

        part.core = &run->cores[i];
        part.reach = NULL;
        part.session = NULL;
        part.reply = &replies[i];
        call_run(&part);
        effects_end(&part);
    }
}

static void init_process(void)
{
    static const uint8_t secret[32] = "a secret that every test run has";
    static bool done;

    if (done)
        return;
    done = true;
    if (!hash_is_seeded())
        keyspace_hash_seed(secret);
    command_table_init();
}

void command_run_init(struct command_run *run, int shard_count)
{
    struct config config;

    cr_assert(shard_count >= 1 && shard_count <= COMMAND_RUN_SHARDS_MAX);
    init_process();
    *run = (struct command_run){.count = shard_count, .now_ms = START_MS};
    run->facts.shard_count = shard_count;
    save_state_init(&run->saves, START_MS);
    config_init(&config);
    for (int i = 0; i < shard_count; i++) {
        core_init(&run->cores[i], &config, &run->facts, i, shard_count);
        run->cores[i].saves = &run->saves;
        run->keyspaces[i] = run->cores[i].keyspace;
        run->scripts[i] = &run->cores[i].scripts;
        run->functions[i] = &run->cores[i].functions;
    }
    config_deinit(&config);
    run->reach = (struct reach){.keyspace_of = keyspace_of,
                                .has = has,
                                .each_shard = each_shard,
                                .keyspaces = run->keyspaces,
                                .scripts = run->scripts,
                                .functions = run->functions,
                                .keyspace_count = shard_count,
                                .everywhere = true};
    session_begin(&run->cores[0].sessions, &run->session, run->now_ms);
    run->session.authenticated = true;
    reply_init(&run->reply, &run->memory, NULL, 0, run->session.protocol);
}

static struct call call_of(struct command_run *run, const struct command *command, const struct str *argv, int argc)
{
    bool in_session = command->route == ROUTE_LOCAL || command->route == ROUTE_SESSION;

    return (struct call){.command = command,
                         .argv = argv,
                         .argc = argc,
                         .db = (uint16_t)run->session.db,
                         .no_touch = run->session.no_touch,
                         .now_ms = run->replays ? CALL_REPLAY_MS : run->now_ms,
                         .now_us = run->now_ms * 1000,
                         .reply = &run->reply,
                         .core = &run->cores[run->at],
                         .reach = run->count > 1 ? &run->reach : NULL,
                         .session = in_session ? &run->session : NULL,
                         .session_id = run->session.id};
}

static void execute(struct command_run *run, struct call *call)
{
    for (int i = 0; i < run->count; i++) {
        keyspace_set_access(run->keyspaces[i], ACCESS_LRU, run->now_ms);
        changes_lend(keyspace_changes(run->keyspaces[i]), keyspace_changes(run->keyspaces[run->at]));
    }
    if (call->core->undo.keyspace)
        undo_run(call);
    else
        call_run(call);
    effects_end(call);
    for (int i = 0; i < run->count; i++) {
        if (run->cores[i].undo.keyspace == NULL)
            journal_end_unit(keyspace_journal(run->keyspaces[i]));
        changes_return(keyspace_changes(run->keyspaces[i]));
    }
}

static void find_shards(struct command_run *run, struct watched_keys *watched)
{
    for (; watched; watched = watched->next)
        for (int i = 0; i < watched->count; i++)
            watched->keys[i].shard = shard_of(&run->reach, watched->keys[i].name);
}

/* What a transaction's command has left to be done. */
static void run_rest(struct command_run *run)
{
    struct session_rest rest = run->session.rest;
    struct call call = call_of(run, rest.command, NULL, 0);

    run->session.rest = (struct session_rest){0};
    call.transaction = rest.transaction;
    call.watched = rest.watched;
    find_shards(run, rest.watched);
    if (rest.command->flags & CMD_EXECUTES)
        execute(run, &call);
    for (int i = 0; i < run->count && rest.watched; i++) {
        call.core = &run->cores[i];
        call.reach = NULL;
        call_run(&call);
    }
    if (rest.transaction)
        transaction_destroy(rest.transaction);
}

static void admitted(struct command_run *run, const struct command *command, const struct str *argv, int argc)
{
    struct call call = call_of(run, command, argv, argc);

    if (session_queues(&run->session, command)) {
        transaction_queue(run->session.transaction, command, argv, argc);
        reply_simple(&run->reply, "QUEUED");
        return;
    }
    execute(run, &call);
    if (run->session.rest.command)
        run_rest(run);
}

/* Criterion prints what fails in a suite's .fini, and passes the test: so the process ends. */
static void refuse_leak(const struct core *core)
{
    size_t memory = core->memory.used_bytes, data = core->data.used_bytes;

    if (memory == 0 && data == 0)
        return;
    fprintf(stderr, "%zu bytes leaked, and %zu of data\n", memory, data);
    abort();
}

void command_run_deinit(struct command_run *run)
{
    transaction_leave(&run->session);
    if (run->session.rest.command)
        run_rest(run);
    buffer_deinit(&run->reply.buffer);
    session_end(&run->cores[0].sessions, &run->session);
    for (int i = 0; i < run->count; i++) {
        core_deinit(&run->cores[i]);
        refuse_leak(&run->cores[i]);
    }
}

struct str command_run_argv(struct command_run *run, const struct str *argv, int argc)
{
    if (!run->cores[run->at].undo.keyspace)
        changes_clear(keyspace_changes(run->keyspaces[run->at]));
    run->reply.buffer.length = 0;
    run->reply.protocol = run->session.protocol;
    run->reply.error = false;

    const struct command *command = command_admit(&run->cores[run->at], &run->session, argv, argc, &run->reply);
    if (command != NULL)
        admitted(run, command, argv, argc);
    else
        transaction_fail(&run->session);
    return buffer_str(&run->reply.buffer);
}

struct str command_run(struct command_run *run, const char *line)
{
    static const struct resp_limits limits = {INT32_MAX, INT32_MAX, INT64_MAX};
    struct resp_parser parser;
    struct buffer bytes;

    buffer_init(&bytes, &run->memory, NULL, 0);
    buffer_append_str(&bytes, str_from(line));
    buffer_append_str(&bytes, STR("\r\n"));
    resp_parser_init(&parser, &run->memory);
    cr_assert_eq(resp_parse(&parser, buffer_str(&bytes), &limits), RESP_COMPLETE, "does not parse: %s", line);
    struct str reply = command_run_argv(run, parser.argv, parser.argc);
    resp_parser_deinit(&parser);
    buffer_deinit(&bytes);
    return reply;
}

void command_expect_reply(struct command_run *run, const char *line, struct str reply, const char *expected)
{
    struct buffer seen;

    buffer_init(&seen, &run->memory, NULL, 0);
    for (size_t i = 0; i < reply.length; i++)
        if (reply.bytes[i] != '\r')
            buffer_append(&seen, reply.bytes[i] == '\n' ? " " : &reply.bytes[i], 1);
    buffer_append(&seen, "", 1);
    cr_assert_str_eq(seen.bytes, expected, "%s\n  answered %s\n  instead of %s", line, seen.bytes, expected);
    buffer_deinit(&seen);
}

void command_expect(struct command_run *run, const char *line, const char *expected)
{
    command_expect_reply(run, line, command_run(run, line), expected);
}

static void expect_queue(struct command_run *run, const char *line, const char *expected)
{
    struct buffer seen;
    struct change change;
    size_t at = 0;

    buffer_init(&seen, &run->memory, NULL, 0);
    while (changes_next(keyspace_changes(run->keyspaces[run->at]), &at, &change)) {
        if (change.kind != CHANGE_EVENT)
            continue;
        buffer_append_str(&seen, seen.length > 0 ? STR(", ") : STR(""));
        buffer_append_str(&seen, change.event);
        buffer_append_format(&seen, " %d:", change.db);
        buffer_append_str(&seen, change.key);
    }
    buffer_append(&seen, "", 1);
    cr_assert_str_eq(seen.bytes, expected, "%s\n  brought %s\n  instead of %s", line, seen.bytes, expected);
    buffer_deinit(&seen);
}

void command_expect_events(struct command_run *run, const char *line, const char *expected)
{
    command_run(run, line);
    expect_queue(run, line, expected);
}

void command_expect_queued(struct command_run *run, const char *expected)
{
    expect_queue(run, "what came since", expected);
}

void command_expect_integer(struct command_run *run, const char *line, int64_t value)
{
    char expected[32];

    snprintf(expected, sizeof(expected), ":%lld ", (long long)value);
    command_expect(run, line, expected);
}
