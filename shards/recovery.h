/* What is done about the append-only file when it has been loaded, before anybody goes on with it.
 *
 * Where its end was torn, or had to be cut, the manifest says from now on up to where its files are sound; what
 * lies behind that is copied to files beside them (….cut-<time>). Records that survive of a group that is cut become
 * files of their own, which the manifest names. A snapshot that was loaded as there was no append-only file yet
 * becomes its base. So far nothing is lost if the process dies: the manifest
 * on the disk is the old one. When whoever goes on with the folder has written the new one, the files
 * are shortened. */
#ifndef SHARDS_RECOVERY_H
#define SHARDS_RECOVERY_H

#include <stdbool.h>
#include <stdint.h>

#include "core/str.h"

struct aof_manifest;
struct config;
struct loading;
struct shard_group;
struct shard_group;

/* Everything has been read: brings the manifest in order. Waits for the disk. False: it can't, and error says why. */
MUST_USE bool recovery_prepare(struct loading *loading, const struct config *config, int64_t now_ms, char *error,
                               size_t error_bytes);
/* The manifest is on the disk: what was cut off goes. Waits for it, too. */
void recovery_finish(struct loading *loading);
/* All stamps that come are above those that any group had, unless these are of a time to come. */
void recovery_pass_stamps(struct shard_group *group, int64_t now_ms);

/* To the folder of the append-only file, which is there, in place of the one that is. 0, or an errno. */
MUST_USE int recovery_write_manifest(const struct aof_manifest *manifest, const struct config *config);

#endif
