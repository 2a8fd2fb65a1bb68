#include "shards/snapshot_part.h"

#include <errno.h>

#include "core/assert.h"
#include "core/crc64.h"
#include "core/keyspace.h"
#include "core/memory.h"
#include "shards/shard.h"

enum {
    WALK_MOST_US = 500,      /* a turn, while nobody waits */
    STEPS_A_LOOK = 8,        /* at the clock, */
    BYTES_A_LOOK = 4 * 1024, /* if they write no more */
    VALUE_BYTES = 16 * 1024, /* of a large value, in a step */
    BLOCK_BYTES = 32 * 1024, /* to be written: the kernel's thread that does it is not interrupted within one */
    UNWRITTEN_MOST = 4 * 1024 * 1024, /* before the walk waits */
    POLL_US = 500,                    /* for what another shard has and will not tell of */
};

struct snapshot_block {
    struct completion completion; /* first */
    struct snapshot_part *part;
    struct snapshot_block *next;
    struct buffer bytes;
    struct iovec vector;
    uint64_t checksum; /* of one that is a piece */
};

/* What the walk gives: on the thread of whoever executes over the keyspace. */

static void note_version(struct snapshot_part *part, const struct entry *entry)
{
    int version = rdb_version_of(rdb_type_of(entry));

    if (version > part->version)
        part->version = version;
}

static void save(struct snapshot_sink *sink, int db, const struct entry *entry)
{
    struct snapshot_part *part = (struct snapshot_part *)sink;

    note_version(part, entry);
    snapshot_writer_begin_key(&part->early, db, entry);
    bool has_more = snapshot_writer_go_on(&part->early, SIZE_MAX);
    ASSERT(!has_more);
}

static bool go_on(struct snapshot_sink *sink, bool all)
{
    struct snapshot_part *part = (struct snapshot_part *)sink;

    part->value_open = snapshot_writer_go_on(&part->walked, all ? SIZE_MAX : VALUE_BYTES);
    return part->value_open;
}

static bool begin(struct snapshot_sink *sink, int db, const struct entry *entry)
{
    struct snapshot_part *part = (struct snapshot_part *)sink;

    note_version(part, entry);
    snapshot_writer_begin_key(&part->walked, db, entry);
    return go_on(sink, false);
}

/* The instant. */

static void count_keys(struct snapshot_part *part, const struct core *core)
{
    int databases = keyspace_database_count(core->keyspace);

    part->databases = memory_alloc(&part->shard->core.memory, (size_t)databases * sizeof *part->databases);
    for (int db = 0; db < databases; db++)
        part->databases[db] =
            (struct snapshot_count){keyspace_count(core->keyspace, db), keyspace_count_expiring(core->keyspace, db)};
}

void snapshot_part_begin(struct snapshot_part *part, struct shard *shard)
{
    struct core *core = &shard->core;

    part->sink = (struct snapshot_sink){save, begin, go_on};
    part->shard = shard;
    part->last_waiting = &part->waiting;
    part->version = RDB_VERSION_LEAST;
    part->used_bytes = core_used_bytes(core);
    snapshot_writer_init(&part->walked, part->snapshot->order->as_commands, &core->data, &core->config, shard->now_ms);
    snapshot_writer_init(&part->early, part->snapshot->order->as_commands, &core->data, &core->config, shard->now_ms);
    count_keys(part, core);
    snapshot_walk_begin(core->keyspace, &part->sink);
    core->is_walking = true;
    part->is_walking = true;
    part->keys_left = snapshot_walk_total(core->keyspace);
    atomic_fetch_add_explicit(&core->saves->keys, part->keys_left, memory_order_relaxed);
}

/* Places in the file. */

static bool reserve(struct snapshot *snapshot, uint64_t bytes, uint64_t *offset)
{
    uint64_t tail = atomic_load_explicit(&snapshot->tail, memory_order_acquire);

    do {
        if (tail == 0 || tail & SNAPSHOT_PEN)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(&snapshot->tail, &tail, tail + bytes, memory_order_acq_rel,
                                                    memory_order_acquire));
    *offset = tail;
    return true;
}

static bool take_pen(struct snapshot_part *part)
{
    _Atomic(uint64_t) *tail = &part->snapshot->tail;
    uint64_t end = atomic_load_explicit(tail, memory_order_acquire);

    if (end == 0 || end & SNAPSHOT_PEN ||
        !atomic_compare_exchange_strong_explicit(tail, &end, end | SNAPSHOT_PEN, memory_order_acq_rel,
                                                 memory_order_relaxed))
        return false;
    part->has_pen = true;
    part->large = (struct snapshot_piece){.offset = end};
    return true;
}

static void give_pen_back(struct snapshot_part *part)
{
    part->has_pen = false;
    atomic_store_explicit(&part->snapshot->tail, part->large.offset + part->large.bytes, memory_order_release);
}

static void add_piece(struct snapshot_part *part, struct snapshot_piece piece)
{
    part->pieces.bytes += piece.bytes;
    part->pieces.checksum ^= crc64_share(piece.checksum, piece.offset + piece.bytes);
}

/* Blocks. */

static void free_block(struct snapshot_block *block)
{
    struct snapshot_part *part = block->part;

    part->unwritten -= block->bytes.length;
    buffer_deinit(&block->bytes);
    memory_free(&part->shard->core.memory, block);
}

static void written(struct completion *completion)
{
    struct snapshot_block *block = (struct snapshot_block *)completion;
    struct snapshot_part *part = block->part;

    if (completion->result < 0)
        snapshot_fail(part->snapshot, -completion->result);
    part->writes--;
    free_block(block);
}

static void write_block(struct snapshot_block *block, uint64_t offset)
{
    struct snapshot_part *part = block->part;

    block->completion.done = written;
    block->vector = (struct iovec){block->bytes.bytes, block->bytes.length};
    part->writes++;
    loop_file_write(part->shard->loop, &block->completion, part->snapshot->file.replace.descriptor, &block->vector, 1,
                    offset);
}

/* While it is written it is the thread's, which frees it whoever has the keyspace then. */
static struct snapshot_block *take_block(struct snapshot_part *part, struct snapshot_writer *writer)
{
    struct core *core = &part->shard->core;
    struct snapshot_block *block = memory_alloc(&core->memory, sizeof *block);

    *block = (struct snapshot_block){.part = part};
    block->bytes = snapshot_writer_take(writer, &block->checksum);
    block->bytes.memory = &core->memory;
    memory_recharge(&core->data, &core->memory, block->bytes.bytes);
    part->unwritten += block->bytes.length;
    return block;
}

static void end_piece(struct snapshot_part *part, struct snapshot_writer *writer)
{
    struct snapshot_block *block;

    if (snapshot_writer_bytes(writer) == 0)
        return;
    block = take_block(part, writer);
    snapshot_writer_begin_part(writer);
    *part->last_waiting = block;
    part->last_waiting = &block->next;
}

static void place_waiting(struct snapshot_part *part)
{
    struct snapshot_block *block;
    uint64_t offset;

    while ((block = part->waiting) != NULL && reserve(part->snapshot, block->bytes.length, &offset)) {
        part->waiting = block->next;
        if (part->waiting == NULL)
            part->last_waiting = &part->waiting;
        add_piece(part, (struct snapshot_piece){offset, block->bytes.length, block->checksum});
        write_block(block, offset);
    }
}

/* A large value: all that the walk's writer has, behind what of it lies in the file. */

static void write_large(struct snapshot_part *part)
{
    struct snapshot_block *block = take_block(part, &part->walked);
    uint64_t offset = part->large.offset + part->large.bytes;

    part->large.bytes += block->bytes.length;
    part->large.checksum = block->checksum;
    if (block->bytes.length > 0)
        write_block(block, offset);
    else
        free_block(block);
}

static void end_large(struct snapshot_part *part)
{
    write_large(part);
    snapshot_writer_begin_part(&part->walked);
    add_piece(part, part->large);
    give_pen_back(part);
}

static bool is_full(const struct snapshot_writer *writer)
{
    return snapshot_writer_bytes(writer) >= BLOCK_BYTES;
}

/* Hands on what the writers have enough of. */
static void flush(struct snapshot_part *part)
{
    if (part->has_pen && !part->value_open)
        end_large(part);
    else if (is_full(&part->walked) && part->value_open && (part->has_pen || take_pen(part)))
        write_large(part);
    else if (is_full(&part->walked) && !part->value_open)
        end_piece(part, &part->walked);
    if (is_full(&part->early))
        end_piece(part, &part->early);
    if (part->waiting)
        place_waiting(part);
}

/* The walk. */

static bool may_walk(const struct snapshot_part *part)
{
    bool needs_pen = part->value_open && is_full(&part->walked);

    return part->is_dropped || (part->unwritten < UNWRITTEN_MOST && !needs_pen);
}

/* All keys have been given: the rest of the writers' is what is left. */
static void end_walk(struct snapshot_part *part)
{
    part->is_walking = false;
    snapshot_walk_end(part->shard->core.keyspace);
    if (part->is_dropped)
        return;
    flush(part);
    end_piece(part, &part->walked);
    end_piece(part, &part->early);
    place_waiting(part);
}

static bool walk_a_little(struct snapshot_part *part)
{
    struct keyspace *keyspace = part->shard->core.keyspace;
    size_t begin = snapshot_writer_bytes(&part->walked);

    for (int i = 0; i < STEPS_A_LOOK && may_walk(part); i++) {
        if (!snapshot_walk_step(keyspace)) {
            end_walk(part);
            return false;
        }
        if (snapshot_writer_bytes(&part->walked) - begin >= BYTES_A_LOOK)
            break;
    }
    if (!part->is_dropped)
        flush(part);
    return may_walk(part);
}

static void tell_progress(struct snapshot_part *part)
{
    struct core *core = &part->shard->core;
    size_t left = part->is_walking ? snapshot_walk_left(core->keyspace) : 0;

    atomic_fetch_add_explicit(&core->saves->keys_done, part->keys_left - left, memory_order_relaxed);
    part->keys_left = left;
}

/* Where that can't be told without a system call, somebody always does. */
static bool somebody_comes(const struct shard *shard)
{
    return loop_has_events(shard->loop) || mesh_has_inbound(&shard->port, false);
}

static bool somebody_is_there(const struct shard *shard)
{
    return shard->port.staged || mesh_has_own(&shard->port) || loop_has_deferred(shard->loop);
}

/* The loop has just waited: what it has delivered is staged, or an answer. */
void snapshot_part_walk(struct snapshot_part *part)
{
    struct shard *shard = part->shard;
    int64_t began_us = loop_monotonic_us(shard->loop), may_us = pace_begin(&part->pace, began_us), spent_us;
    bool waits = somebody_is_there(shard), goes_on;

    if (!part->is_walking || !may_walk(part) || (waits && may_us == 0))
        return;
    if (!waits && may_us < PACE_UNHEARD_US)
        may_us = PACE_UNHEARD_US;
    do {
        goes_on = walk_a_little(part);
        spent_us = loop_monotonic_us(shard->loop) - began_us;
    } while (goes_on && spent_us < WALK_MOST_US && (spent_us < may_us || (!waits && !somebody_comes(shard))));
    pace_end(&part->pace, began_us + spent_us);
    tell_progress(part);
}

static void drop(struct snapshot_part *part)
{
    struct snapshot_block *block;

    part->is_dropped = true;
    part->value_open = false;
    if (part->is_walking)
        snapshot_walk_drop(part->shard->core.keyspace);
    while ((block = part->waiting) != NULL) {
        part->waiting = block->next;
        free_block(block);
    }
    part->last_waiting = &part->waiting;
    if (part->has_pen)
        give_pen_back(part);
}

/* Nobody will ask for keys any more. */
static void abandon_if_stopping(struct snapshot_part *part)
{
    if (!part->is_walking || !atomic_load_explicit(&part->shard->group->stopping, memory_order_relaxed))
        return;
    snapshot_walk_abandon(part->shard->core.keyspace);
    part->is_walking = false;
}

static void came_home(struct completion *completion)
{
    struct snapshot_part *part =
        (struct snapshot_part *)((char *)completion - offsetof(struct snapshot_part, errand.completion));

    snapshot_part_ended(part->snapshot);
}

/* Home has it from now on. */
static void end(struct snapshot_part *part)
{
    struct shard *home = part->snapshot->home;

    part->has_ended = true;
    part->errand.completion.done = came_home;
    if (home == part->shard)
        came_home(&part->errand.completion);
    else
        errand_send(part->shard, home->index, &part->errand);
}

void snapshot_part_turn(struct snapshot_part *part)
{
    if (part->has_ended)
        return;
    if (snapshot_error(part->snapshot) && !part->is_dropped)
        drop(part);
    if (part->is_dropped)
        abandon_if_stopping(part);
    else
        flush(part);
    if (!part->is_walking && part->waiting == NULL && part->writes == 0)
        end(part);
}

int64_t snapshot_part_idle_us(const struct snapshot_part *part)
{
    if (part->has_ended || part->shard->parked) /* parked: the rest is its executor's */
        return INT64_MAX;
    if (part->is_walking && may_walk(part))
        return 0;
    if (part->waiting || part->value_open)
        return POLL_US;
    return part->writes > 0 ? INT64_MAX : 0;
}

void snapshot_part_release(struct snapshot_part *part)
{
    struct core *core = &part->shard->core;

    ASSERT(part->has_ended && !part->is_walking);
    core->is_walking = false;
    snapshot_writer_deinit(&part->walked);
    snapshot_writer_deinit(&part->early);
    memory_free(&core->memory, part->databases);
}
