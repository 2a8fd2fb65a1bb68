#include "shards/aof_room.h"

#include <errno.h>
#include <unistd.h>

#include "core/memory.h"
#include "shards/aof_disk.h"
#include "shards/shard.h"

enum {
    AHEAD_BYTES = AOF_FILL_STEP / 4, /* with less room than that, more is made */
    GROUP_BYTES_MOST = AHEAD_BYTES / 4,
};

static struct aof_disk *disk_of(struct completion *completion)
{
    return (struct aof_disk *)((char *)completion - offsetof(struct aof_disk, room.step));
}

static void end(struct aof_disk *disk)
{
    struct aof_segment *segment = disk->room.segment;

    disk->room.segment = NULL;
    segment->groups--;
    aof_disk_release(disk, segment);
}

/* There may be a part of it: a line that is cut off is better than half a line in the middle. */
static void cut(struct completion *completion)
{
    end(disk_of(completion));
}

static void made(struct completion *completion)
{
    struct aof_disk *disk = disk_of(completion);
    struct aof_room *room = &disk->room;

    memory_free(&disk->shard->core.memory, room->lines);
    if (completion->result >= 0) {
        room->segment->filled = room->to;
        end(disk);
        return;
    }
    room->next = room->to;
    room->step.done = cut;
    loop_file_truncate(disk->shard->loop, &room->step, room->segment->fd, room->from);
}

/* From where it is to be made: behind the groups, and what there is. */
static uint64_t begin_of(const struct aof_segment *segment)
{
    return segment->filled > segment->bytes ? segment->filled : segment->bytes;
}

static uint64_t end_of(uint64_t from)
{
    return (from + AHEAD_BYTES) / AOF_FILL_STEP * AOF_FILL_STEP + AOF_FILL_STEP;
}

static int fill_vectors(struct aof_room *room)
{
    size_t first = aof_fill_first(room->first, room->from), left = room->to - room->from - first;
    int count = 0;

    if (first > 0)
        room->vectors[count++] = (struct iovec){room->first, first};
    for (size_t piece; left > 0; left -= piece) {
        piece = left < AOF_ROOM_PIECE_BYTES ? left : AOF_ROOM_PIECE_BYTES;
        room->vectors[count++] = (struct iovec){room->lines, piece};
    }
    return count;
}

static void make(struct aof_disk *disk)
{
    struct aof_room *room = &disk->room;

    room->segment = disk->segment;
    room->segment->groups++; /* it stays until that is done */
    room->from = begin_of(room->segment);
    room->to = end_of(room->from);
    room->lines = memory_alloc(&disk->shard->core.memory, AOF_ROOM_PIECE_BYTES);
    aof_fill_lines(room->lines, AOF_ROOM_PIECE_BYTES);
    room->step.done = made;
    loop_file_write(disk->shard->loop, &room->step, room->segment->fd, room->vectors, fill_vectors(room), room->from);
}

void aof_room_go_on(struct aof_disk *disk)
{
    const struct aof_segment *segment = disk->segment;

    if (disk->room.segment || disk->error != 0 || segment->bytes == 0 || segment->bytes < disk->room.next ||
        segment->newest_bytes > GROUP_BYTES_MOST || segment->bytes + AHEAD_BYTES <= segment->filled)
        return;
    disk->room.next = 0;
    make(disk);
}

bool aof_room_admits(const struct aof_room *room, const struct aof_group *group)
{
    return room->segment != group->segment || group->offset + group->bytes.length + AOF_FILL_FIRST_MAX <= room->from;
}

int aof_room_fit(struct aof_group *group)
{
    uint64_t end = group->offset + group->bytes.length;
    size_t first = end < group->segment->filled ? aof_fill_first(group->rest, end) : 0;

    if (end + first > group->segment->filled)
        first = 0;
    group->vectors[0] = (struct iovec){group->bytes.bytes, group->bytes.length};
    group->vectors[1] = (struct iovec){group->rest, first};
    return first > 0 ? 2 : 1;
}

int aof_room_cut(struct aof_segment *segment, uint64_t end)
{
    if (segment->filled <= end)
        return 0;
    segment->filled = 0;
    return ftruncate(segment->fd, (off_t)end) == 0 ? 0 : errno;
}
