/* How many errors of each code were answered: ERR, WRONGTYPE …
 *
 * Scripts may answer with codes of their own making, so there is an end: the
 * code that would be one too many clears them all, and from then on, until the reset, nothing
 * is counted by its code. */
#ifndef CORE_ERROR_STATS_H
#define CORE_ERROR_STATS_H

#include <stdbool.h>
#include <stdint.h>

#include "core/str.h"

struct buffer;
struct memory;

enum { ERROR_CODES_MAX = 128, ERROR_CODE_BYTES = 31 };

struct error_count {
    uint64_t count;
    uint8_t length;
    char code[ERROR_CODE_BYTES];
};

struct error_stats {
    struct error_count *codes; /* sorted */
    int count;
    bool disabled; /* there were too many */
};

void error_stats_deinit(struct error_stats *errors, struct memory *memory);
/* The code of an error reply: "-ERR text" */
struct str error_stats_code(struct str reply);
bool error_stats_knows(const struct error_stats *errors, struct str code);
void error_stats_add(struct error_stats *errors, struct memory *memory, struct str code, uint64_t times);
/* "errorstat_ERR:count=3" */
void error_stats_write(const struct error_stats *errors, struct buffer *text);

#endif
