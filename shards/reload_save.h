/* All shards' keys to a file, by the executor of a gather over all of them, on the spot: it waits for the disk. */
#ifndef SHARDS_RELOAD_SAVE_H
#define SHARDS_RELOAD_SAVE_H

struct shard;

/* To the file that the settings name, as a whole or not at all. 0, or an errno. */
int reload_save(struct shard *shard);

#endif
