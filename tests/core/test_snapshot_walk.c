/* Walks beside random commands: what is given is what was there at the instant, each key once. */
#include "core/snapshot_walk.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "core/memory.h"
#include "core/rdb_value.h"
#include "tests/support/command_run.h"
#include "tests/support/dice.h"
#include "tests/support/random_commands.h"

enum { SHARDS = 2, PART_BYTES = 600 };

static struct command_run run;

/* A key as it was: its bytes. */
struct kept {
    int db;
    char name[32];
    int64_t deadline_ms;
    struct buffer bytes;
    int given;
};

/* One keyspace's: the model is filled at the instant, and compared with what comes. */
struct listener {
    struct snapshot_sink sink;
    struct kept *model;
    size_t count, capacity;
    struct memory memory;
    struct buffer bytes; /* of the one that is given in parts, */
    struct rdb_writer writer;
    struct rdb_value_steps steps;
    int db; /* and where it belongs */
    bool in_parts;
    size_t parts;
};

static struct listener listeners[SHARDS];

static struct kept *find(struct listener *listener, int db, struct str name)
{
    for (size_t i = 0; i < listener->count; i++) {
        struct kept *kept = &listener->model[i];

        if (kept->db == db && str_equal(str_from(kept->name), name))
            return kept;
    }
    return NULL;
}

static void expect_kept(struct listener *listener, int db, const struct entry *entry, struct str bytes)
{
    struct str name = entry_key(entry);
    struct kept *kept = find(listener, db, name);

    cr_assert_not_null(kept, "%d:%.*s was not there", db, (int)name.length, name.bytes);
    cr_assert_eq(kept->deadline_ms, entry_expiry_ms(entry), "%d:%s has another deadline", db, kept->name);
    cr_assert(str_equal(buffer_str(&kept->bytes), bytes), "%d:%s has another value", db, kept->name);
    kept->given++;
}

static void write_all(struct listener *listener, struct buffer *to, const struct entry *entry)
{
    struct rdb_writer writer = {.buffer = to};

    buffer_init(to, &listener->memory, NULL, 0);
    rdb_write_byte(&writer, (uint8_t)rdb_type_of(entry));
    rdb_write_value(&writer, entry);
}

static void save(struct snapshot_sink *sink, int db, const struct entry *entry)
{
    struct listener *listener = (struct listener *)sink;
    struct buffer bytes;

    write_all(listener, &bytes, entry);
    expect_kept(listener, db, entry, buffer_str(&bytes));
    buffer_deinit(&bytes);
}

static bool go_on(struct snapshot_sink *sink, bool all)
{
    struct listener *listener = (struct listener *)sink;

    cr_assert(listener->in_parts);
    listener->parts++;
    if (rdb_write_value_go_on(&listener->writer, &listener->steps, all ? SIZE_MAX : PART_BYTES))
        return true;
    expect_kept(listener, listener->db, listener->steps.entry, buffer_str(&listener->bytes));
    buffer_deinit(&listener->bytes);
    listener->in_parts = false;
    return false;
}

static bool begin(struct snapshot_sink *sink, int db, const struct entry *entry)
{
    struct listener *listener = (struct listener *)sink;

    cr_assert(!listener->in_parts);
    listener->in_parts = true;
    listener->db = db;
    buffer_init(&listener->bytes, &listener->memory, NULL, 0);
    listener->writer = (struct rdb_writer){.buffer = &listener->bytes};
    rdb_write_byte(&listener->writer, (uint8_t)rdb_type_of(entry));
    rdb_write_value_begin(&listener->writer, &listener->steps, entry);
    return go_on(sink, false);
}

struct note {
    struct listener *listener;
    int db;
};

static void note_entry(void *context, struct entry *entry)
{
    struct note *note = context;
    struct listener *listener = note->listener;
    struct str name = entry_key(entry);

    if (find(listener, note->db, name))
        return;
    if (listener->count == listener->capacity) {
        listener->capacity = listener->capacity ? 2 * listener->capacity : 64;
        listener->model = realloc(listener->model, listener->capacity * sizeof *listener->model);
    }
    struct kept *kept = &listener->model[listener->count++];
    *kept = (struct kept){.db = note->db, .deadline_ms = entry_expiry_ms(entry)};
    snprintf(kept->name, sizeof kept->name, "%.*s", (int)name.length, name.bytes);
    write_all(listener, &kept->bytes, entry);
}

/* Those whose deadline has passed, too. */
static void take_picture(struct listener *listener, struct keyspace *keyspace)
{
    for (int db = 0; db < keyspace_database_count(keyspace); db++) {
        struct note note = {listener, db};

        keyspace_each(keyspace, db, INT64_MIN, note_entry, &note);
    }
}

static void begin_walks(void)
{
    for (int i = 0; i < run.count; i++) {
        listeners[i] = (struct listener){.sink = {.save = save, .begin = begin, .go_on = go_on}};
        take_picture(&listeners[i], run.keyspaces[i]);
        snapshot_walk_begin(run.keyspaces[i], &listeners[i].sink);
        cr_assert_eq(snapshot_walk_total(run.keyspaces[i]), listeners[i].count);
        run.cores[i].is_walking = true;
    }
}

static void forget(struct listener *listener)
{
    for (size_t i = 0; i < listener->count; i++)
        buffer_deinit(&listener->model[i].bytes);
    free(listener->model);
    cr_assert_eq(listener->memory.used_bytes, 0);
}

static void end_walk(int shard)
{
    struct listener *listener = &listeners[shard];

    while (snapshot_walk_step(run.keyspaces[shard]))
        continue;
    cr_assert(!listener->in_parts);
    for (size_t i = 0; i < listener->count; i++)
        cr_assert_eq(listener->model[i].given, 1, "%d:%s was given %d times", listener->model[i].db,
                     listener->model[i].name, listener->model[i].given);
    snapshot_walk_end(run.keyspaces[shard]);
    forget(listener);
}

static void end_walks(void)
{
    for (int i = 0; i < run.count; i++)
        end_walk(i);
    for (int i = 0; i < run.count; i++)
        run.cores[i].is_walking = false;
}

static void step(int most)
{
    for (int i = 0; i < run.count; i++)
        for (int steps = (int)dice_below((uint64_t)most); steps > 0; steps--)
            if (!snapshot_walk_step(run.keyspaces[i]))
                break;
}

static void send(const char *line)
{
    command_run(&run, line);
}

static void fill(void)
{
    random_commands_fill(send, run.now_ms);
}

static void set_up(void)
{
    dice_seed();
    random_commands_seed(dice_bits());
    command_run_init(&run, SHARDS);
}

static void tear_down(void)
{
    command_run_deinit(&run);
}

TestSuite(snapshot_walk, .init = set_up, .fini = tear_down, .timeout = 120);

/* Databases as a whole, on all shards as one command would. */
static void change_databases(void)
{
    int first = (int)dice_below(4), second = (int)dice_below(4);
    bool swaps = dice_below(3) > 0;

    for (int i = 0; i < run.count; i++) {
        if (swaps)
            keyspace_swap(run.keyspaces[i], first, second);
        else
            keyspace_flush(run.keyspaces[i], first);
    }
    if (keyspace_count(run.keyspaces[0], 0) == 0)
        fill();
}

static void change_keys(void)
{
    char line[RANDOM_COMMAND_BYTES];

    random_command(line, run.now_ms);
    send(line);
}

/* As a script does that may be taken back, and often is. */
static void try_changes(void)
{
    bool commits = dice_below(2);

    for (int i = 0; i < run.count; i++)
        undo_begin(&run.cores[i].undo, run.keyspaces[i], &run.cores[i].config);
    for (int i = 0; i < 5; i++)
        change_keys();
    for (int i = 0; i < run.count; i++)
        commits ? undo_commit(&run.cores[i].undo) : undo_rollback(&run.cores[i].undo);
}

static void change_something(void)
{
    int drawn = (int)dice_below(100);

    drawn < 2 ? change_databases() : drawn < 10 ? try_changes() : change_keys();
}

static void change_and_step(int changes, int steps)
{
    for (int i = 0; i < changes; i++) {
        change_something();
        step(steps);
        if (dice_below(8) > 0)
            continue;
        run.now_ms += (int64_t)dice_below(1500);
        for (int shard = 0; shard < run.count; shard++) {
            keyspace_expire(run.keyspaces[shard], run.now_ms, 10);
            keyspace_reclaim(run.keyspaces[shard], dice_below(100));
        }
    }
}

Test(snapshot_walk, gives_what_was_there_whatever_changes_meanwhile)
{
    fill();
    for (int walk = 0; walk < 60; walk++) {
        begin_walks();
        change_and_step((int)dice_below(120), 1 + (int)dice_below(30));
        end_walks();
        for (int i = 0; i < 20; i++)
            change_something();
    }
}

Test(snapshot_walk, what_was_dropped_leaves_nothing_behind)
{
    fill();
    for (int walk = 0; walk < 30; walk++) {
        begin_walks();
        change_and_step((int)dice_below(40), 20);
        for (int i = 0; i < run.count; i++) {
            if (listeners[i].in_parts)
                buffer_deinit(&listeners[i].bytes);
            snapshot_walk_drop(run.keyspaces[i]);
        }
        change_and_step((int)dice_below(40), 20);
        for (int i = 0; i < run.count; i++) {
            while (snapshot_walk_step(run.keyspaces[i]))
                continue;
            snapshot_walk_end(run.keyspaces[i]);
            forget(&listeners[i]);
            run.cores[i].is_walking = false;
        }
        begin_walks();
        end_walks();
    }
}

static void make_large(const char *key)
{
    char line[128];

    snprintf(line, sizeof line, "RPUSH %s an-element-of-a-list-that-is-to-be-large", key);
    for (int i = 0; i < 3000; i++)
        send(line);
}

Test(snapshot_walk, large_values_that_are_removed_are_left_to_the_walk)
{
    char line[32];

    for (int i = 10; i < 40; i++) {
        snprintf(line, sizeof line, "l%d", 2 * i);
        make_large(line);
    }
    begin_walks();
    for (int steps = 0; steps < 8; steps++)
        cr_assert(snapshot_walk_step(run.keyspaces[0]));
    size_t parts = listeners[0].parts;
    for (int i = 10; i < 40; i++) {
        snprintf(line, sizeof line, "DEL l%d", 2 * i);
        command_expect(&run, line, ":1 ");
    }
    cr_assert_eq(listeners[0].parts, parts);
    end_walks();
    cr_assert_gt(listeners[0].parts, 10 * 30);
}

Test(snapshot_walk, a_large_value_whose_removal_is_taken_back_stays)
{
    make_large("k0");
    begin_walks();
    undo_begin(&run.cores[0].undo, run.keyspaces[0], &run.cores[0].config);
    send("DEL k0");
    undo_rollback(&run.cores[0].undo);
    end_walks();
    command_expect(&run, "LLEN k0", ":3000 ");
}

Test(snapshot_walk, a_large_value_that_is_changed_is_saved_before)
{
    make_large("k0");
    begin_walks();
    while (!listeners[0].in_parts)
        cr_assert(snapshot_walk_step(run.keyspaces[0]));
    send("LSET k0 1500 x");
    cr_assert(!listeners[0].in_parts);
    end_walks();
}

Test(snapshot_walk, fields_that_expire_are_saved_before)
{
    send("HSET k0 a 1 b 2");
    send("HPEXPIRE k0 100 FIELDS 1 a");
    begin_walks();
    run.now_ms += 100;
    cr_assert_eq(keyspace_expire(run.keyspaces[0], run.now_ms, 10), 1);
    end_walks();
    command_expect(&run, "HLEN k0", ":1 ");
}

Test(snapshot_walk, what_no_command_changes_is_not_saved_before_its_time)
{
    send("SET k0 x");
    send("RPUSH l0 x");
    begin_walks();
    send("GET k0");
    send("LRANGE l0 0 -1");
    send("SET k2 y");
    cr_assert_eq(snapshot_walk_left(run.keyspaces[0]), 2);
    send("APPEND k0 y");
    cr_assert_eq(snapshot_walk_left(run.keyspaces[0]), 1);
    end_walks();
}

Test(snapshot_walk, a_keyspace_is_destroyed_in_the_middle_of_a_walk)
{
    fill();
    begin_walks();
    step(200);
    for (int i = 0; i < run.count; i++)
        keyspace_flush(run.keyspaces[i], 0);
}
