/* What of a folder with an append-only file is to be loaded, in which order; and the means of load_plan.c, which it
 * shares. */
#ifndef SHARDS_LOAD_PLAN_AOF_H
#define SHARDS_LOAD_PLAN_AOF_H

#include "shards/loading.h"

struct load_plan {
    struct loading *loading;
    const struct config *config;
    char *error;
    size_t error_bytes;
};

/* To the plan: the manifest and its files, and is_aof; nothing where there is none. A file as Redis had it before 7 is
 * moved into the folder. False: error says why. */
MUST_USE bool load_plan_aof(struct load_plan *plan);

/* The manifest alone, if there is one. Likewise. */
MUST_USE bool load_plan_read_manifest(struct load_plan *plan);

enum load_opened { LOAD_OPENED, LOAD_NOT_THERE, LOAD_NOT_OPENED /* error says why */ };
enum load_opened load_plan_open(struct load_plan *plan, const char *path, struct load_file *file);
void load_plan_error(const struct load_plan *plan, const char *path, const char *why);
struct load_run *load_plan_add_run(struct load_plan *plan, int segments);
/* The file is the segment's from now on. */
void load_plan_add_file(struct load_plan *plan, struct load_segment *segment, const struct load_file *file);
struct load_stage *load_plan_add_stage(struct load_plan *plan, enum load_kind kind, struct load_run *run);

#endif
