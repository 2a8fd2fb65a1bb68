/* DEBUG LOADAOF: the append-only file is brought to the disk and loaded again, at one instant for all clients.
 *
 * A gather over all shards, as DEBUG RELOAD is (reload.h). Each shard writes and syncs what its journal has; its
 * executor waits for that, and meanwhile for a rewriting that is about to name its files. Then the files are opened
 * and read to their end, everything in them looked at and nothing executed, before anything is lost: what is wrong is
 * refused, and changes nothing. Only then the shards are emptied, and load the snapshot that the file begins with, side
 * by side; what follows the executor executes alone, as a transaction would: no turns are taken, so nobody sees half of
 * it.
 *
 * Of a file that the server is writing nothing may be missing, so nothing is cut from it. With `appendonly no` it is
 * what some server has left in the folder, and loaded as at start. */
#ifndef SHARDS_RELOAD_AOF_H
#define SHARDS_RELOAD_AOF_H

struct call;

void reload_aof_run(struct call *call);

#endif
