/* One file of the simulated disk: what reads see, and what a crash may leave of it.
 *
 *     base   content and length that are on the disk for good
 *     changes   since then, oldest first; some are synced, too, behind one that is not
 *
 * After a crash each sector is as it was after some number of the changes, chosen
 * for each sector alone, and the length is one of those that the file had, or
 * had on the way. So writes are torn, lost, and survive without those before
 * them; but what was synced is there. */
#ifndef TESTS_SIM_SIM_FILE_H
#define TESTS_SIM_SIM_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/buffer.h"

enum { SECTOR_BYTES = 512 };

struct dice;

struct sim_change {
    struct sim_change *next;
    uint64_t serial;
    size_t offset, end; /* the bytes that it sets */
    bool cuts;          /* the file ended at offset, and what it had up to end is gone */
    bool is_synced;
    bool is_forgotten; /* a sync of it failed: no later one will bring it to the disk */
    char bytes[];      /* none if it cuts */
};

struct sim_file {
    struct buffer now, base;
    struct sim_change *first, *last;
    struct sim_file *next; /* of the disk */
};

void sim_file_init(struct sim_file *file, struct memory *memory);
void sim_file_deinit(struct sim_file *file);

/* Serials rise. */
void sim_file_write(struct sim_file *file, size_t offset, struct str bytes, uint64_t serial);
void sim_file_set_length(struct sim_file *file, size_t length, uint64_t serial);
/* What was changed up to that serial is on the disk, but for what is forgotten. */
void sim_file_sync(struct sim_file *file, uint64_t serial);
/* It failed: the kernel takes it for written all the same. */
void sim_file_forget(struct sim_file *file, uint64_t serial);
/* to is not set up yet. */
void sim_file_copy(struct sim_file *to, const struct sim_file *from, struct memory *memory);
/* rots: bits are flipped in what was not synced; true: some were. */
bool sim_file_crash(struct sim_file *file, struct dice *dice, bool rots);

#endif
