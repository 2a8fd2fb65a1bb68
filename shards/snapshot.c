#include "shards/snapshot.h"

#include <errno.h>
#include <stdio.h>

#include "core/assert.h"
#include "core/call.h"
#include "core/command.h"
#include "core/crc64.h"
#include "core/functions.h"
#include "core/memory.h"
#include "persist/aof_base_writer.h"
#include "shards/scatter.h"
#include "shards/shard.h"
#include "shards/snapshot_part.h"

enum { VERSION_AT = 5, VERSION_DIGITS = 4 }; /* in the head */

void snapshot_fail(struct snapshot *snapshot, int error)
{
    int none = 0;

    atomic_compare_exchange_strong_explicit(&snapshot->error, &none, error, memory_order_relaxed, memory_order_relaxed);
}

/* What belongs to the whole: functions, head and end. */

static void keep_functions_as_commands(struct snapshot *snapshot)
{
    struct core *core = &snapshot->home->core;
    struct aof_base_writer writer;

    aof_base_writer_init(&writer, &core->memory, core->config.rdbcompression);
    for (const struct function_library *library = core->functions.first; library; library = library->next)
        aof_base_writer_function(&writer, library->code);
    snapshot->functions = aof_base_writer_take(&writer);
}

static void keep_functions(struct snapshot *snapshot)
{
    struct core *core = &snapshot->home->core;
    struct rdb_file_writer writer;

    rdb_file_writer_init(&writer, &core->memory, &core->config, RDB_VERSION_LEAST, 0);
    for (const struct function_library *library = core->functions.first; library; library = library->next)
        rdb_file_writer_function(&writer, library->code);
    snapshot->functions = rdb_file_writer_take(&writer);
}

static struct snapshot_count count_of(const struct snapshot *snapshot, int db)
{
    struct snapshot_count sum = {0};

    for (int i = 0; i < snapshot->part_count; i++) {
        sum.keys += snapshot->parts[i].databases[db].keys;
        sum.expiring += snapshot->parts[i].databases[db].expiring;
    }
    return sum;
}

static void write_sizes(const struct snapshot *snapshot, struct rdb_file_writer *writer)
{
    int databases = keyspace_database_count(snapshot->home->core.keyspace);

    for (int db = 0; db < databases; db++) {
        struct snapshot_count count = count_of(snapshot, db);

        if (count.keys > 0)
            rdb_file_writer_sizes(writer, db, count.keys, count.expiring);
    }
}

static void make_head_of_commands(struct snapshot *snapshot)
{
    struct core *core = &snapshot->home->core;
    struct aof_base_writer writer;

    aof_base_writer_init(&writer, &core->memory, core->config.rdbcompression);
    aof_base_writer_head(&writer, core->config.aof_timestamp_enabled ? snapshot->began_s : 0);
    snapshot->head = aof_base_writer_take(&writer);
    buffer_append_str(&snapshot->head, buffer_str(&snapshot->functions));
}

/* All shards have met the instant. The version is not known yet, but takes as many bytes whichever it is. */
static void make_head(struct snapshot *snapshot)
{
    struct core *core = &snapshot->home->core;
    struct rdb_file_facts facts = {.created_seconds = snapshot->began_s, .is_aof_base = snapshot->order->is_aof_base};
    struct rdb_file_writer writer;

    for (int i = 0; i < snapshot->part_count; i++)
        facts.memory_bytes += snapshot->parts[i].used_bytes;
    rdb_file_writer_init(&writer, &core->memory, &core->config, RDB_VERSION_LEAST, 0);
    rdb_file_writer_head(&writer, &facts);
    buffer_append_str(&writer.block, buffer_str(&snapshot->functions));
    write_sizes(snapshot, &writer);
    snapshot->head = rdb_file_writer_take(&writer);
}

static void set_version(struct snapshot *snapshot, int version)
{
    char digits[VERSION_DIGITS + 1];

    snprintf(digits, sizeof digits, "%04d", version);
    memcpy(snapshot->head.bytes + VERSION_AT, digits, VERSION_DIGITS);
}

/* Of the head and all pieces, which lie where they happened to be written. */
static struct snapshot_sum sum_up(const struct snapshot *snapshot)
{
    bool checks = snapshot->home->core.config.rdbchecksum;
    struct snapshot_sum sum = {.bytes = snapshot->head.length, .checksum = 0};

    if (checks)
        sum.checksum = crc64_share(crc64(0, buffer_str(&snapshot->head)), snapshot->head.length);
    for (int i = 0; i < snapshot->part_count; i++) {
        sum.bytes += snapshot->parts[i].pieces.bytes;
        sum.checksum ^= snapshot->parts[i].pieces.checksum;
    }
    return sum;
}

static void make_end(struct snapshot *snapshot)
{
    struct core *core = &snapshot->home->core;
    struct snapshot_sum sum = sum_up(snapshot);
    struct rdb_file_writer writer;

    ASSERT(sum.bytes == atomic_load_explicit(&snapshot->tail, memory_order_acquire));
    rdb_file_writer_init(&writer, &core->memory, &core->config, RDB_VERSION_LEAST, 0);
    rdb_file_writer_join(&writer, crc64_of_shares(sum.checksum, sum.bytes), sum.bytes);
    rdb_file_writer_end(&writer);
    snapshot->end = rdb_file_writer_take(&writer);
}

static void complete(struct snapshot *snapshot)
{
    int version = RDB_VERSION_LEAST;

    if (snapshot->order->as_commands)
        return; /* each group has its checksum, and all is there when the manifest names the file */
    for (int i = 0; i < snapshot->part_count; i++)
        if (snapshot->parts[i].version > version)
            version = snapshot->parts[i].version;
    set_version(snapshot, version);
    make_end(snapshot);
}

/* The end: all shards forget it. */

static void finish(struct snapshot *snapshot)
{
    struct shard *home = snapshot->home;
    struct snapshot_order *order = snapshot->order;
    int error = snapshot_error(snapshot);

    file_replace_deinit(&snapshot->file.replace);
    buffer_deinit(&snapshot->functions);
    buffer_deinit(&snapshot->head);
    buffer_deinit(&snapshot->end);
    memory_free(&home->core.memory, snapshot);
    home->snapshot_begun = NULL;
    home->group->snapshot = NULL;
    order->done(order, home, error);
}

static struct snapshot_part *part_of(struct completion *completion)
{
    return (struct snapshot_part *)((char *)completion - offsetof(struct snapshot_part, errand.completion));
}

static void is_over(struct completion *completion)
{
    struct snapshot *snapshot = part_of(completion)->snapshot;

    if (++snapshot->over == snapshot->part_count)
        finish(snapshot);
}

static void send_errand(struct shard *from, struct shard *to, struct errand *errand)
{
    if (from == to)
        errand->completion.done(&errand->completion);
    else
        errand_send(from, to->index, errand);
}

static void forget(struct completion *completion)
{
    struct snapshot_part *part = part_of(completion);
    struct snapshot_order *order = part->snapshot->order;
    struct shard *shard = part->shard;

    if (order->ended)
        order->ended(order, shard, snapshot_error(part->snapshot));
    snapshot_part_release(part);
    shard->snapshot = NULL;
    part->errand.completion.done = is_over;
    send_errand(shard, part->snapshot->home, &part->errand);
}

/* The last one that is told may be the last that is over: nothing of the snapshot is touched behind it. */
static void let_all_forget(struct snapshot *snapshot)
{
    struct shard_group *group = snapshot->home->group;

    for (int i = 0; i < group->count; i++) {
        struct snapshot_part *part = &snapshot->parts[i];

        part->errand.completion.done = forget;
        if (part->shard != snapshot->home)
            errand_send(snapshot->home, i, &part->errand);
    }
    forget(&snapshot->parts[snapshot->home->index].errand.completion);
}

/* The file, as it asks for bytes. */

static void give_up_file(struct snapshot *snapshot)
{
    file_replace_give_up(&snapshot->file.replace, snapshot_error(snapshot));
    file_replace_loop_go_on(&snapshot->file);
}

static void give_bytes(struct snapshot *snapshot)
{
    struct file_replace *replace = &snapshot->file.replace;

    switch (snapshot->bytes_given++) {
    case 0:
        complete(snapshot);
        file_replace_add(replace, buffer_str(&snapshot->head));
        break;
    case 1:
        file_replace_go_to(replace, atomic_load_explicit(&snapshot->tail, memory_order_acquire));
        file_replace_add(replace, buffer_str(&snapshot->end));
        break;
    default:
        file_replace_end(replace);
    }
    file_replace_loop_go_on(&snapshot->file);
}

static bool all_have_ended(const struct snapshot *snapshot)
{
    return snapshot->ended == snapshot->part_count;
}

static void go_on(struct snapshot *snapshot)
{
    if (snapshot->is_file_over) {
        if (all_have_ended(snapshot))
            let_all_forget(snapshot);
    } else if (all_have_ended(snapshot) && snapshot->is_open) {
        snapshot_error(snapshot) ? give_up_file(snapshot) : give_bytes(snapshot);
    }
}

/* From here on shards write. */
static void open_if_ready(struct snapshot *snapshot)
{
    if (!snapshot->is_open || !snapshot->has_met || snapshot->head.length > 0)
        return;
    if (snapshot->order->as_commands)
        make_head_of_commands(snapshot);
    else
        make_head(snapshot);
    atomic_store_explicit(&snapshot->tail, snapshot->head.length, memory_order_release);
}

static void file_told(struct completion *completion)
{
    struct snapshot *snapshot = (struct snapshot *)((char *)completion - offsetof(struct snapshot, told));

    if (completion->more) {
        snapshot->is_open = true;
        open_if_ready(snapshot);
    } else {
        snapshot->is_file_over = true;
        if (completion->result < 0)
            snapshot_fail(snapshot, -completion->result);
    }
    go_on(snapshot);
}

void snapshot_part_ended(struct snapshot *snapshot)
{
    snapshot->ended++;
    go_on(snapshot);
}

/* The beginning. */

static void meet(struct call *call)
{
    struct shard *shard = (struct shard *)((char *)call->core - offsetof(struct shard, core));
    struct snapshot *snapshot = shard->group->snapshot;
    struct snapshot_part *part = &snapshot->parts[shard->index];

    ASSERT(shard->snapshot == NULL);
    if (shard == snapshot->home)
        snapshot->order->as_commands ? keep_functions_as_commands(snapshot) : keep_functions(snapshot);
    snapshot_part_begin(part, shard);
    shard->snapshot = part;
    if (snapshot->order->at_instant)
        snapshot->order->at_instant(snapshot->order, shard);
}

static const struct command instant = {.name = "snapshot", .run = meet, .route = ROUTE_SINGLE};

static void all_have_met(struct request *request)
{
    struct snapshot *snapshot = (struct snapshot *)((char *)request->origin - offsetof(struct snapshot, origin));
    struct shard *home = snapshot->home;

    request_give_back(&home->requests, request);
    snapshot->has_met = true;
    if (snapshot->order->begun)
        snapshot->order->begun(snapshot->order, home);
    open_if_ready(snapshot);
    go_on(snapshot);
}

static struct snapshot *create(struct shard *home, struct snapshot_order *order)
{
    int count = home->group->count;
    struct snapshot *snapshot =
        memory_alloc_zeroed(&home->core.memory, sizeof *snapshot + (size_t)count * sizeof snapshot->parts[0]);

    snapshot->home = home;
    snapshot->order = order;
    snapshot->part_count = count;
    snapshot->began_s = shard_now_ms(home) / 1000;
    atomic_init(&snapshot->tail, 0);
    atomic_init(&snapshot->error, 0);
    for (int i = 0; i < count; i++)
        snapshot->parts[i].snapshot = snapshot;
    snapshot->told.done = file_told;
    file_replace_init(&snapshot->file.replace, &home->core.memory, order->folder, order->temporary, order->name);
    return snapshot;
}

bool snapshot_has_room(struct shard *shard)
{
    return scatter_has_room(shard);
}

bool snapshot_begin(struct shard *shard, struct snapshot_order *order)
{
    struct request *request;
    struct snapshot *snapshot;

    if (!scatter_has_room(shard))
        return false;
    snapshot = create(shard, order);
    ASSERT(shard->group->snapshot == NULL && shard->snapshot_begun == NULL);
    shard->group->snapshot = snapshot; /* published with the parts */
    shard->snapshot_begun = snapshot;
    request = request_take(&shard->requests, 0, 2);
    request->command = &instant;
    request->origin = &snapshot->origin;
    request->done = all_have_met;
    bool staged = scatter_stage_on_all(shard, request, &instant);
    ASSERT(staged);
    file_replace_loop_start(&snapshot->file, shard->loop, &snapshot->told);
    return true;
}

void snapshot_cancel(struct shard *shard)
{
    if (shard->snapshot)
        snapshot_fail(shard->snapshot->snapshot, ECANCELED);
}

/* Turns. */

void snapshot_turn(struct shard *shard)
{
    if (__builtin_expect(shard->snapshot == NULL, 1) || shard->parked)
        return;
    if (atomic_load_explicit(&shard->group->stopping, memory_order_relaxed) ||
        save_state_is_cancelled(&shard->group->saves))
        snapshot_cancel(shard);
    snapshot_part_turn(shard->snapshot);
}

void snapshot_walk(struct shard *shard)
{
    if (__builtin_expect(shard->snapshot != NULL, 0) && !shard->parked)
        snapshot_part_walk(shard->snapshot);
}

int64_t snapshot_idle_us(const struct shard *shard)
{
    return shard->snapshot ? snapshot_part_idle_us(shard->snapshot) : INT64_MAX;
}

bool snapshot_is_under_way(const struct shard *shard)
{
    return shard->snapshot || shard->snapshot_begun;
}
