/* DEBUG RELOAD: the data set to its file and back, at one instant for all clients.
 *
 * It is a gather over all shards. Its executor does on its own thread what is to be done once, and waits for the disk
 * as it is to stop the server: it saves all keys, and reads the file to its end, making every value, before anything
 * is lost. Then each shard empties its keyspace and loads its own keys, all side by side. So a file that is wrong is
 * refused, and changes nothing; what goes wrong afterwards, as the disk fails, ends the process.
 *
 * What was saved, emptied and loaded is what the append-only file says already. Otherwise each shard's journal gets
 * all there is now, as a part of the same unit, and where there are several shards a base is made of it. */
#ifndef SHARDS_RELOAD_H
#define SHARDS_RELOAD_H

#include "core/core.h"

struct call;
struct load_stage;

/* What is to be loaded by each shard: the executor's, while they are at it. */
struct reload {
    struct reload_options options;
    const struct load_stage *stage;
};

void reload_run(struct call *call, const struct reload_options *options);

#endif
