#include "shards/load_stream.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "shards/loading.h"
#include "shards/shard.h"

enum { READ_MOST = 1024 * 1024 };

int load_read(const struct load_file *file, uint64_t *read, struct file_window *window)
{
    size_t room;
    char *to = file_window_room(window, &room);
    uint64_t left = file->bytes > *read ? file->bytes - *read : 0;
    ssize_t got;

    if (room > READ_MOST)
        room = READ_MOST;
    if (room > left)
        room = (size_t)left;
    do {
        got = pread(file->descriptor, to, room, (off_t)*read);
    } while (got < 0 && errno == EINTR);
    if (got < 0)
        return errno;
    file_window_filled(window, (size_t)got);
    if (got == 0)
        file_window_filled_all(window);
    *read += (uint64_t)got;
    return 0;
}

bool load_fill(struct shard *shard, const struct load_file *file, uint64_t *read, struct file_window *window)
{
    int error = load_read(file, read, window);
    char problem[512];

    if (error == 0)
        return true;
    snprintf(problem, sizeof problem, "%s can't be read: %s", file->path, strerror(error));
    loading_fail(shard, problem);
    return false;
}

static void open_file(struct load_stream *stream)
{
    const struct load_file *file = load_stream_file(stream);

    aof_reader_init(&stream->reader, &stream->shard->core.memory, file->path, file->bytes);
    stream->read = stream->reader.sound = stream->reader.window.offset = file->from;
}

void load_stream_open(struct load_stream *stream, struct shard *shard, const struct load_segment *segment)
{
    *stream = (struct load_stream){.shard = shard, .segment = segment};
    open_file(stream);
}

void load_stream_close(struct load_stream *stream)
{
    aof_reader_deinit(&stream->reader);
}

static bool is_last_file(const struct load_stream *stream)
{
    return stream->file == stream->segment->file_count - 1;
}

static bool has_more(const struct load_stream *stream)
{
    for (int i = stream->file + 1; i < stream->segment->file_count; i++)
        if (stream->segment->files[i].bytes > 0)
            return true;
    return false;
}

enum load_stream_status load_stream_next(struct load_stream *stream, struct aof_unit *unit)
{
    switch (aof_reader_next(&stream->reader, unit)) {
    case AOF_NEXT:
        return LOAD_STREAM_UNIT;
    case AOF_HUNGRY:
        return LOAD_STREAM_HUNGRY;
    case AOF_END:
        return is_last_file(stream) ? LOAD_STREAM_END : LOAD_STREAM_HUNGRY;
    case AOF_CUT:
        return has_more(stream) ? LOAD_STREAM_WRONG : LOAD_STREAM_TORN;
    default:
        return LOAD_STREAM_WRONG;
    }
}

bool load_stream_fill(struct load_stream *stream)
{
    if (stream->reader.status == AOF_END) {
        aof_reader_deinit(&stream->reader);
        stream->file++;
        open_file(stream);
    }
    return load_fill(stream->shard, load_stream_file(stream), &stream->read, &stream->reader.window);
}
