/* A segment of the append-only file as units, over all its files. What it gives lies in its memory until it is filled
 * again: once a turn, when what was made of it has been executed or has its arguments. */
#ifndef SHARDS_LOAD_STREAM_H
#define SHARDS_LOAD_STREAM_H

#include "persist/aof_reader.h"
#include "shards/load_run.h"

struct shard;

struct load_stream {
    struct shard *shard;
    const struct load_segment *segment;
    int file;
    struct aof_reader reader; /* of that file */
    uint64_t read;            /* up to here */
};

enum load_stream_status {
    LOAD_STREAM_UNIT,
    LOAD_STREAM_HUNGRY, /* it is to be filled */
    LOAD_STREAM_END,
    LOAD_STREAM_TORN,  /* the file ends within a unit, and none with anything in it follows */
    LOAD_STREAM_WRONG, /* likewise, or what is there is no unit: load_stream_problem */
};

void load_stream_open(struct load_stream *stream, struct shard *shard, const struct load_segment *segment);
void load_stream_close(struct load_stream *stream);

MUST_USE enum load_stream_status load_stream_next(struct load_stream *stream, struct aof_unit *unit);
/* False: it can't be read, and that has been told. */
MUST_USE bool load_stream_fill(struct load_stream *stream);

static inline const struct load_file *load_stream_file(const struct load_stream *stream)
{
    return &stream->segment->files[stream->file];
}
/* In that file: where what has been given ends. */
static inline uint64_t load_stream_sound(const struct load_stream *stream)
{
    return aof_reader_sound(&stream->reader);
}
static inline const char *load_stream_problem(const struct load_stream *stream)
{
    return aof_reader_problem(&stream->reader);
}

/* Fills a window with what comes next in the file, of which it reads file->bytes however long it has become; `read` is
 * where that is. 0, or an errno. */
MUST_USE int load_read(const struct load_file *file, uint64_t *read, struct file_window *window);
/* Likewise; false: it can't be read, and that has been told. */
MUST_USE bool load_fill(struct shard *shard, const struct load_file *file, uint64_t *read, struct file_window *window);

#endif
