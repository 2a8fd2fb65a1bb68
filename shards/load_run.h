/* Files that are read together, and what is found out about them.
 *
 * A segment is what one shard wrote: one file, or several that it went on in. The segments of one run were written side
 * by side, by as many shards as there were; what redis-server wrote is a run of its own. Of the last run more may
 * have been lost of one segment than of another, so that it has to be cut (persist/aof_cut.h). */
#ifndef SHARDS_LOAD_RUN_H
#define SHARDS_LOAD_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buffer.h"
#include "persist/aof_cut.h"

struct load_file {
    char *path; /* for messages, too */
    int descriptor;
    uint64_t bytes;  /* that are read of it, unless less of it is sound */
    uint64_t from;   /* behind a snapshot, which has been read when this is asked for */
    size_t manifest; /* its index there */
};

/* In `reached`: it executes what redis-server has appended, or all of it has been executed. */
#define LOAD_REACHED_TAIL (UINT64_MAX - 1)
#define LOAD_REACHED_END UINT64_MAX

/* Written by the shard that reads it; others look when all are done with a stage. */
struct load_segment {
    struct load_file *files;
    int file_count;
    struct aof_cut groups, claims; /* of a run that may be cut: see aof_cut.h */
    bool has_tail;                 /* redis-server has gone on behind it */
    uint64_t highest_stamp;
    /* What survives of it: up to a place in one of the files, and records of the group that begins there. */
    int end_file;
    uint64_t end;
    struct buffer survivors;
    uint64_t survivors_stamp; /* of the last of them */
    uint64_t cut_commands;
    /* Shared. */
    _Atomic(uint64_t) reached; /* so many of the records that concern all segments, one of which is next */
};

struct load_run {
    struct load_segment *segments;
    int count;
    bool is_last;
    bool is_whole; /* the server that writes it runs, and has it on disk: nothing may be missing */
    _Atomic(uint64_t) passed; /* of the records that concern all segments */
};

/* Whether more may have been lost of one segment than of another. */
static inline bool load_run_may_be_cut(const struct load_run *run)
{
    return run->is_last && !run->is_whole && run->count > 1;
}

#endif
