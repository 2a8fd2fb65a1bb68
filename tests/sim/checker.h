/* Whether some order of all operations explains the history.
 *
 * The order has to (a) keep real time: what was answered before another was
 * asked comes first; (b) keep every pipeline's order; (c) give each operation the
 * answer that it got, on a data set that one thread keeps (model.h), by one clock:
 * a deadline comes at one instant for all keys on all shards. That is
 * strict serializability (G2) together with program order (G3).
 *
 * The search is Wing and Gong's with Lowe's memory of what was tried ("Testing for
 * linearizability", 2017). Pipelines make it cheap: what has been ordered is always a
 * prefix of each client's operations, so a place in the search is one number per
 * client and the data; and an operation that changes nothing is put where its
 * answer first fits. Histories of hundreds of operations are no trouble. */
#ifndef TESTS_SIM_CHECKER_H
#define TESTS_SIM_CHECKER_H

#include "tests/sim/history.h"

enum verdict {
    VERDICT_HOLDS,
    VERDICT_BROKEN,    /* there is no such order */
    VERDICT_UNDECIDED, /* the search was given up */
};

struct checker {
    uint64_t *tried; /* hash table of places in the search, 0: free */
    uint32_t tried_count, tried_slots;
    int farthest[CLIENTS_MAX]; /* the longest prefixes that could be ordered */
};

void checker_init(struct checker *checker);
void checker_deinit(struct checker *checker);

/* Texts are added to the history's. */
enum verdict checker_check(struct checker *checker, struct history *history);

#endif
