/* A file that takes the place of another (persist/file_replace), step by step over a shard's loop.
 *
 * `told` is called when bytes are wanted (more is true), and once at the end, with
 * result 0 or a negative errno. The owner answers the first, then or later, by
 * file_replace_add, _end or _give_up, and file_replace_loop_go_on. */
#ifndef SHARDS_FILE_REPLACE_LOOP_H
#define SHARDS_FILE_REPLACE_LOOP_H

#include "persist/file_replace.h"
#include "shards/loop.h"

struct file_replace_loop {
    struct completion step;      /* under way */
    struct file_replace replace; /* set up and ended by the owner */
    struct loop *loop;
    struct completion *told;
    struct iovec vector;
};

/* replace has been set up; told is not called from here. */
void file_replace_loop_start(struct file_replace_loop *over, struct loop *loop, struct completion *told);
/* The owner has given what was wanted; it is not told from here either. */
void file_replace_loop_go_on(struct file_replace_loop *over);

#endif
