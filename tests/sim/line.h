/* Who waited, how long, and who came first: what no order of the operations shows.
 *
 * Where the line is known (workload_line.c), elements of its key go to those in it in the order in which they came.
 * And nobody's time is over before its time. */
#ifndef TESTS_SIM_LINE_H
#define TESTS_SIM_LINE_H

#include "tests/sim/history.h"

/* False: *why says what was wrong. */
MUST_USE bool line_check(const struct history *history, char *why, size_t why_bytes);

#endif
