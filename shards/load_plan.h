/* What is to be loaded at start: found in the data folder, which is the working directory. */
#ifndef SHARDS_LOAD_PLAN_H
#define SHARDS_LOAD_PLAN_H

#include "shards/loading.h"

/* The stages, with their files open; none where there is nothing. False: error says in one line what is wrong. */
MUST_USE bool load_plan_make(struct loading *loading, const struct config *config, char *error, size_t error_bytes);
void load_plan_drop(struct loading *loading);

#endif
