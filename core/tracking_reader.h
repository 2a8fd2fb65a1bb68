/* A client that keeps what it reads (CLIENT TRACKING). */
#ifndef CORE_TRACKING_READER_H
#define CORE_TRACKING_READER_H

#include <stdint.h>

struct tracking_reader {
    uint64_t id;         /* the session's */
    uint16_t home;       /* its shard */
    uint32_t generation; /* of its prefixes, where it has some: how often it has turned BCAST on */
};

#endif
