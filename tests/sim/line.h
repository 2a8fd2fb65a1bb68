/* Who waited, how long, and who came first: what no order of the operations shows.
 *
 * Whoever waited when all was at rest stands in line before those who ask later. An element of a key goes to the first
 * in line for it; nobody's time is over early; and whom CLIENT UNBLOCK speaks of waits no more. */
#ifndef TESTS_SIM_LINE_H
#define TESTS_SIM_LINE_H

#include "tests/sim/history.h"

/* False: *why says what was wrong. */
MUST_USE bool line_check(const struct history *history, char *why, size_t why_bytes);

#endif
