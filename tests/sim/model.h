/* The data set as one thread would keep it: what each command does and answers.
 *
 * Small enough to be copied at every step of the checker's search. A deadline is
 * known within bounds only, since nobody sees the moment at which the command
 * that set it was executed. */
#ifndef TESTS_SIM_MODEL_H
#define TESTS_SIM_MODEL_H

#include "tests/sim/history.h"

struct model_value {
    uint32_t text;    /* 0: absent, and then all is 0; a list: its elements, each with a comma behind it */
    uint32_t is_list; /* 32 bits, so that there is no padding to hash */
    int64_t earliest_ms, latest_ms; /* of its deadline; 0: it has none */
};

struct model {
    struct model_value values[DATABASES_MAX][KEYS_MAX];
};

/* Executes it; the reply is appended. */
void model_apply(struct model *model, struct history *history, const struct operation *operation, struct buffer *reply);

/* What becomes of the lists, for kinds from OPERATION_RPUSH on. */
void model_apply_to_lists(struct model_value *db, struct history *history, const struct operation *operation,
                          struct buffer *reply);

#endif
