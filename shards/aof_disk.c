#include "shards/aof_disk.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "core/log.h"
#include "core/memory.h"
#include "shards/aof.h"
#include "shards/aof_rewrite.h"
#include "shards/shard.h"
#include "shards/simulate.h"

enum { RETRY_MS = 1000 };

/* Files. */

void aof_disk_release(struct aof_disk *disk, struct aof_segment *segment)
{
    if (segment->groups > 0 || !segment->is_closing)
        return;
    if (segment->is_awaited)
        aof_rewrite_segment_ended(disk->shard, segment->bytes);
    if (disk->shard->loop)
        loop_close_fd(disk->shard->loop, segment->fd);
    else
        close(segment->fd);
    memory_free(&disk->shard->core.memory, segment);
}

void aof_disk_open(struct aof_disk *disk, struct aof_segment *segment)
{
    struct aof_segment *before = disk->segment;

    disk->segment = segment;
    if (!before)
        return;
    before->is_closing = true;
    aof_disk_release(disk, before);
}

void aof_disk_close(struct aof_disk *disk)
{
    loop_close_fd(disk->shard->loop, disk->segment->fd);
    memory_free(&disk->shard->core.memory, disk->segment);
    disk->segment = NULL;
}

/* Failure. */

static void fail(struct aof_disk *disk, int error)
{
    struct durable *durable = &disk->shard->group->durable;

    atomic_store_explicit(&durable->error, error, memory_order_relaxed);
    if (disk->error == 0) {
        log_write(LOG_WARNING, "Error writing to the AOF file of shard %d: %s. Writes are refused until it works.",
                  disk->shard->index, strerror(error));
        atomic_fetch_add_explicit(&durable->failing, 1, memory_order_release);
        disk->is_news = true;
    }
    disk->error = error;
    disk->failed = (struct aof_group *)((char *)disk->end - offsetof(struct aof_group, next));
    disk->unwritten = disk->first;
    timer_arm(&disk->shard->timers, &disk->retry, shard_now_ms(disk->shard) + RETRY_MS);
}

static void recover(struct aof_disk *disk)
{
    if (disk->error == 0)
        return;
    disk->error = 0;
    atomic_fetch_sub_explicit(&disk->shard->group->durable.failing, 1, memory_order_release);
    disk->is_news = true;
    log_write(LOG_WARNING, "AOF write error looks solved, shard %d can write again.", disk->shard->index);
}

static void retry(struct completion *completion)
{
    struct aof_disk *disk = (struct aof_disk *)((char *)completion - offsetof(struct aof_disk, retried));

    aof_disk_go_on(disk, true);
}

/* Writing. */

static void written(struct completion *completion)
{
    struct aof_disk *disk = (struct aof_disk *)((char *)completion - offsetof(struct aof_disk, write));
    struct aof_group *group = disk->writing;

    disk->writing = NULL;
    if (completion->result < 0) {
        fail(disk, -completion->result);
        return;
    }
    if (disk->unwritten == group) /* else a sync has failed meanwhile, and it is written once more */
        disk->unwritten = group->next;
    durable_say(&disk->shard->group->durable, group->claim.known);
}

static void start_write(struct aof_disk *disk)
{
    struct aof_group *group = disk->unwritten;

    disk->writing = group;
    loop_file_write(disk->shard->loop, &disk->write, group->segment->fd, group->vectors, aof_room_fit(group),
                    group->offset);
}

/* Syncing: of one file at a time, as far as it was written when that began. */

static void drop_first(struct aof_disk *disk)
{
    struct aof_group *group = disk->first;

    disk->first = group->next;
    if (!disk->first)
        disk->end = &disk->first;
    if (disk->unwritten == group) /* another one's writing has failed since the sync began */
        disk->unwritten = group->next;
    if (disk->failed == group)
        disk->failed = NULL;
    disk->pending_bytes -= group->bytes.length;
    buffer_deinit(&group->bytes);
    group->segment->groups--;
    aof_disk_release(disk, group->segment);
    group->segment = NULL;
    aof_group_synced(disk->shard, group);
}

static void drop_synced(struct aof_disk *disk)
{
    bool is_last;

    do {
        is_last = disk->first == disk->sync_last;
        drop_first(disk);
    } while (!is_last);
}

static void synced(struct completion *completion)
{
    struct aof_disk *disk = (struct aof_disk *)((char *)completion - offsetof(struct aof_disk, sync));

    disk->syncing = false;
    if (completion->result < 0) {
        fail(disk, -completion->result);
        return;
    }
    drop_synced(disk);
    if (!disk->failed) /* else it began before something failed, and what that was is not there yet */
        recover(disk);
}

/* The last group that a sync of the first one's file covers. More may come behind it meanwhile. */
static struct aof_group *sync_last(const struct aof_disk *disk)
{
    struct aof_group *group = disk->first;

    while (group->next && group->next != disk->unwritten && group->next->segment == group->segment)
        group = group->next;
    return group;
}

static void start_sync(struct aof_disk *disk)
{
    disk->syncing = true;
    disk->sync_last = sync_last(disk);
    disk->sync_began_us = shard_now_us(disk->shard);
    loop_file_sync(disk->shard->loop, &disk->sync, disk->first->segment->fd, true);
}

bool aof_disk_may_write(const struct aof_disk *disk)
{
    const struct aof_folder *folder = &disk->shard->group->aof_folder;

    if (!aof_room_admits(&disk->room, disk->unwritten))
        return false;
    return disk->unwritten->segment->generation <= atomic_load_explicit(&folder->named, memory_order_acquire) ||
           !aof_folder_is_complete(folder) || simulate_fault(FAULT_WRITE_UNNAMED);
}

void aof_disk_go_on(struct aof_disk *disk, bool sync)
{
    if (disk->error != 0 && (disk->retry.armed || disk->syncing))
        return;
    if (disk->unwritten && !disk->writing && aof_disk_may_write(disk))
        start_write(disk);
    /* What failed is synced at once: until then it is not known to work again. */
    if ((sync || disk->error != 0) && !disk->syncing && disk->first != disk->unwritten)
        start_sync(disk);
}

uint64_t aof_disk_synced(const struct aof_disk *disk)
{
    const struct aof_group *group = disk->first;

    while (group && group->segment != disk->segment)
        group = group->next;
    return group ? group->offset : disk->segment->bytes;
}

void aof_disk_add(struct aof_disk *disk, struct aof_group *group)
{
    group->next = NULL;
    group->segment = disk->segment;
    group->offset = disk->segment->bytes;
    disk->segment->bytes += group->bytes.length;
    disk->segment->newest_bytes = group->bytes.length;
    disk->segment->groups++;
    disk->pending_bytes += group->bytes.length;
    *disk->end = group;
    disk->end = &group->next;
    if (!disk->unwritten)
        disk->unwritten = group;
}

/* At the end, without the loop. */

static int write_at_once(const struct aof_group *group)
{
    size_t done = 0;

    while (done < group->bytes.length) {
        ssize_t written = pwrite(group->segment->fd, group->bytes.bytes + done, group->bytes.length - done,
                                 (off_t)(group->offset + done));

        if (written < 0 && errno != EINTR)
            return errno;
        done += written > 0 ? (size_t)written : 0;
    }
    return 0;
}

static int cut_room(struct aof_disk *disk)
{
    struct aof_segment *segment = disk->segment;
    const struct aof_group *group = disk->first;

    while (group && group->segment != segment)
        group = group->next;
    return aof_room_cut(segment, group ? group->offset : segment->bytes);
}

int aof_disk_finish(struct aof_disk *disk)
{
    int error = cut_room(disk);

    if (error != 0)
        return error;
    for (struct aof_group *group = disk->first; group; group = group->next) {
        error = write_at_once(group);
        if (error != 0)
            return error;
    }
    while (disk->first) {
        if (fdatasync(disk->first->segment->fd) != 0)
            return errno;
        disk->unwritten = NULL;
        disk->sync_last = sync_last(disk);
        drop_synced(disk);
    }
    return 0;
}

void aof_disk_init(struct aof_disk *disk, struct shard *shard)
{
    *disk = (struct aof_disk){.shard = shard};
    disk->end = &disk->first;
    disk->write.done = written;
    disk->sync.done = synced;
    disk->retried.done = retry;
    disk->retry.completion = &disk->retried;
}

void aof_disk_deinit(struct aof_disk *disk)
{
    while (disk->first) {
        struct aof_group *group = disk->first;

        disk->first = group->next;
        buffer_deinit(&group->bytes);
        memory_free(&disk->shard->core.memory, group);
    }
    if (!disk->segment)
        return;
    close(disk->segment->fd);
    memory_free(&disk->shard->core.memory, disk->segment);
    disk->segment = NULL;
}
