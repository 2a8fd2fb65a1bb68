/* Whether messages were heard as they should be: exactly once by those who were subscribed, between the right
 * replies, in the order of their causes, and by as many as PUBLISH said. */
#ifndef TESTS_SIM_CHANNELS_H
#define TESTS_SIM_CHANNELS_H

#include <stdbool.h>
#include <stddef.h>

#include "tests/sim/history.h"

/* False: failure says what is wrong. Afterwards the history's operations count as done at the moment at which somebody
 * heard of what came behind them in their pipeline: so the checker sees whether he read what he should. */
bool channels_check(struct history *history, char *failure, size_t failure_bytes);

#endif
