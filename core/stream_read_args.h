/* The options of XREAD and XREADGROUP, and where their keys are.
 *
 * Keys begin behind the first STREAMS that is an option: a group, a consumer or
 * a count may have that name too. So the router, which needs the keys first,
 * walks the options as the parser does. */
#ifndef CORE_STREAM_READ_ARGS_H
#define CORE_STREAM_READ_ARGS_H

#include <stdint.h>

#include "core/command.h"

struct call;

enum { STREAM_READ_NO_BLOCK = -1, STREAM_READ_NO_CLAIM = -1 };

struct stream_read_args {
    bool grouped; /* XREADGROUP */
    struct str group_name, consumer_name;
    int64_t block_ms, claim_ms;
    uint64_t count; /* 0: all */
    bool no_ack;
    int first_key, key_count;
};

/* False: answered. */
MUST_USE bool stream_read_args_parse(struct call *call, bool grouped, struct stream_read_args *args);

command_find_keys stream_read_find_keys;
/* Without BLOCK it is answered at once, and nothing waits behind it. */
command_blocks stream_read_blocks;

#endif
