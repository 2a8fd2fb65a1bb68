/* All shards' keys to a file, by the executor of a gather over all of them, on the spot: it waits for the disk. */
#ifndef SHARDS_RELOAD_SAVE_H
#define SHARDS_RELOAD_SAVE_H

struct shard;

/* To the file that the settings name, as a whole or not at all. 0, and a descriptor of what was saved, to be read and
 * closed by the caller: a background save that ends meanwhile may put another file in its place. Or an errno. */
int reload_save(struct shard *shard, int *descriptor);

#endif
