#include "tests/sim/replay.h"

#include <stdio.h>

#include "core/call.h"
#include "core/command.h"
#include "core/dump.h"
#include "core/journal.h"
#include "core/number.h"
#include "core/resp_parse.h"
#include "core/stream_value.h"
#include "shards/shard.h"

static const struct resp_limits limits = {INT32_MAX, INT32_MAX, INT64_MAX};

/* Executing. */

static void run(struct core *core, struct reply *reply, uint16_t db, const struct str *argv, int argc)
{
    const struct command *container, *command = command_find(argv, argc, &container);
    struct call call = {.command = command,
                        .argv = argv,
                        .argc = argc,
                        .db = db,
                        .no_touch = true,
                        .now_ms = CALL_REPLAY_MS,
                        .reply = reply,
                        .core = core};

    reply->buffer.length = 0;
    call_run(&call);
    ASSERT(!reply->error);
}

/* MULTI and EXEC are around what is executed at once anyway. */
static void execute(struct core *core, struct reply *reply, uint16_t *db, const struct str *argv, int argc)
{
    int64_t number;

    if (str_equal(argv[0], STR("multi")) || str_equal(argv[0], STR("exec")))
        return;
    if (!str_equal(argv[0], STR("select"))) {
        run(core, reply, *db, argv, argc);
        return;
    }
    ASSERT(number_parse_integer(argv[1], &number));
    *db = (uint16_t)number;
}

static void execute_all(struct core *core, struct str records)
{
    struct resp_parser parser;
    struct reply reply;
    uint16_t db = 0;

    reply_init(&reply, &core->memory, NULL, 0, 2);
    resp_parser_init(&parser, &core->memory);
    while (records.length > 0) {
        ASSERT(resp_parse(&parser, records, &limits) == RESP_COMPLETE);
        execute(core, &reply, &db, parser.argv, parser.argc);
        records = (struct str){records.bytes + parser.consumed, records.length - parser.consumed};
    }
    resp_parser_deinit(&parser);
    buffer_deinit(&reply.buffer);
}

/* Comparing. */

/* When a consumer was seen is not data. */
static bool same_stream(const struct stream *a, const struct stream *b)
{
    const struct stream_group *group_a = stream_groups_find(&a->groups, STR("g"));
    const struct stream_group *group_b = stream_groups_find(&b->groups, STR("g"));

    if (a->length != b->length || a->added != b->added || stream_id_compare(a->last_id, b->last_id) != 0 ||
        (group_a == NULL) != (group_b == NULL))
        return false;
    return group_a == NULL || (stream_id_compare(group_a->last_id, group_b->last_id) == 0 &&
                               group_a->pending.count == group_b->pending.count);
}

static bool same_dump(struct memory *memory, const struct entry *a, const struct entry *b)
{
    struct buffer first, second;
    struct rdb_writer writer_of_first = {&first, false}, writer_of_second = {&second, false};

    buffer_init(&first, memory, NULL, 0);
    buffer_init(&second, memory, NULL, 0);
    dump_write(&writer_of_first, (struct entry *)a);
    dump_write(&writer_of_second, (struct entry *)b);

    bool same = str_equal(buffer_str(&first), buffer_str(&second));
    buffer_deinit(&first);
    buffer_deinit(&second);
    return same;
}

static bool same_entry(struct memory *memory, const struct entry *a, const struct entry *b)
{
    if (!a || !b)
        return a == b;
    if (entry_type(a) != entry_type(b) || entry_expiry_ms(a) != entry_expiry_ms(b))
        return false;
    if (entry_type(a) == VALUE_STREAM)
        return same_stream(entry_value(a), entry_value(b));
    return same_dump(memory, a, b);
}

static bool same_database(struct core *a, struct core *b, int db, const struct history *history, char *failure,
                          size_t size)
{
    for (int i = 0; i < history->key_count; i++) {
        struct key key = {history->keys[i], keyspace_hash(history->keys[i])};

        if (same_entry(&b->memory, keyspace_find(a->keyspace, db, key, INT64_MIN),
                       keyspace_find(b->keyspace, db, key, INT64_MIN)))
            continue;
        snprintf(failure, size, "shard %d's journal makes another value of %.*s in database %d", a->index,
                 (int)key.name.length, key.name.bytes, db);
        return false;
    }
    if (keyspace_count(a->keyspace, db) == keyspace_count(b->keyspace, db))
        return true;
    snprintf(failure, size, "shard %d's journal makes %zu keys in database %d, which has %zu", a->index,
             keyspace_count(b->keyspace, db), db, keyspace_count(a->keyspace, db));
    return false;
}

bool replay_check(struct shard *shard, const struct history *history, char *failure, size_t size)
{
    static const struct server_facts facts = {.shard_count = 1};
    struct core copy;
    bool same = true;

    core_init(&copy, &shard->core.config, &facts, 0, 1);
    execute_all(&copy, buffer_str(&keyspace_journal(shard->core.keyspace)->records));
    for (int db = 0; same && db < DATABASES_MAX; db++)
        same = same_database(&shard->core, &copy, db, history, failure, size);
    core_deinit(&copy);
    return same;
}
