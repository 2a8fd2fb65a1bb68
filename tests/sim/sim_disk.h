/* A disk without a kernel: what the simulator's loops do with files.
 *
 * Each operation under way takes effect as a whole at some later step, those of
 * one loop in any order, and its done comes at some later wait. Files are known
 * by their paths; folders are not made, they are there. What is written is on the
 * disk after a sync of the file, a name's creation, change or removal after a
 * sync of its folder, and only if it had taken effect before that sync began:
 * a crash leaves of the rest what it likes (sim_file.h; of the names any prefix, or any).
 * A sync that fails has lost what it was to save: the next one says nothing about it.
 *
 * Everything is drawn from the dice given. */
#ifndef TESTS_SIM_SIM_DISK_H
#define TESTS_SIM_SIM_DISK_H

#include "core/memory.h"
#include "shards/loop_backend.h"
#include "tests/sim/sim_file.h"

enum {
    DISK_PATH_BYTES = 128,
    DISK_NAMES_MAX = 256,
    DISK_DESCRIPTORS_MAX = 128,
    DISK_OPERATIONS_MAX = 256, /* under way, of one loop */
    DISK_QUEUES_MAX = 8,
    DISK_FIRST_FD = 1 << 21 /* no descriptor of the process, and no wire */
};

struct sim_name {
    char path[DISK_PATH_BYTES];
    struct sim_file *file;
};

struct sim_names {
    struct sim_name names[DISK_NAMES_MAX];
    int count;
};

/* A name goes, another comes, or both at once. */
struct sim_name_change {
    uint64_t serial;
    char from[DISK_PATH_BYTES], to[DISK_PATH_BYTES]; /* empty: none */
    struct sim_file *file;
};

struct sim_descriptor {
    int fd; /* 0: this one is free */
    struct sim_file *file;
    char folder[DISK_PATH_BYTES]; /* if it is no file's */
    bool may_read, may_write;
};

struct sim_disk {
    struct memory memory;
    struct sim_names now, durable;
    struct sim_name_change changes[DISK_NAMES_MAX]; /* of names, on the way to the disk */
    int change_count;
    struct sim_file *files;
    struct sim_descriptor descriptors[DISK_DESCRIPTORS_MAX];
    int next_fd;
    uint64_t serial; /* of the last change */
    int error;       /* an errno: what fails at present does so with it; 0: nothing fails */
    struct sim_disk_queue *queues[DISK_QUEUES_MAX];
    int queue_count;
};

struct sim_operation {
    struct completion *completion;
    uint64_t serial; /* of the disk when it began */
};

/* One loop's operations. */
struct sim_disk_queue {
    struct sim_disk *disk;
    struct sim_operation under_way[DISK_OPERATIONS_MAX];
    int count;
    struct completion_list finished; /* result is set; done is due */
};

void sim_disk_init(struct sim_disk *disk);
void sim_disk_deinit(struct sim_disk *disk);

/* A file that is there for good. */
void sim_disk_put(struct sim_disk *disk, const char *path, struct str bytes);
/* What is read of it now, borrowed; false: there is none. */
bool sim_disk_get(const struct sim_disk *disk, const char *path, struct str *bytes);

/* As above, and open for writing; its descriptor. */
int sim_disk_put_open(struct sim_disk *disk, const char *path);

/* From now on everything fails with EIO; or with ENOSPC all that needs room; or nothing, with 0. */
void sim_disk_fail(struct sim_disk *disk, int error);

/* What would be left if the machine stopped now: another disk, whose deinit is the caller's. Each operation under way
 * has taken effect there or not, and what was not synced survives in part. This one goes on as if nothing had been; so
 * what used it can come to rest and be freed. rots: bits are flipped in what was not synced; true: some were. */
bool sim_disk_crash(const struct sim_disk *disk, struct sim_disk *left, struct dice *dice, bool rots);

void sim_disk_queue_init(struct sim_disk_queue *queue, struct sim_disk *disk);
/* At once. */
void sim_disk_close(struct sim_disk *disk, int fd);
void sim_disk_start(struct sim_disk_queue *queue, struct completion *completion);
/* While one is under way: any of them takes effect. */
void sim_disk_step(struct sim_disk_queue *queue, struct dice *dice);
/* Calls done for some of what has finished, and returns for how many. */
int sim_disk_deliver(struct sim_disk_queue *queue, struct dice *dice);

#endif
