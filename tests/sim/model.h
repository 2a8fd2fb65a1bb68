/* The data set as one thread would keep it: what each command does and answers.
 *
 * Small enough to be copied at every step of the checker's search. A deadline is
 * known within bounds only, since nobody sees the moment at which the command
 * that set it was executed. */
#ifndef TESTS_SIM_MODEL_H
#define TESTS_SIM_MODEL_H

#include "core/value.h"
#include "tests/sim/history.h"

struct model_value {
    uint32_t text;  /* 0: absent, and then all is 0; not a string: its elements, each with a comma behind it */
    uint16_t type;  /* enum value_type */
    uint16_t given; /* stream: how many of its entries the group has been given */
    int64_t earliest_ms, latest_ms; /* of its deadline; 0: it has none */
};

struct model {
    struct model_value values[DATABASES_MAX][KEYS_MAX];
    uint16_t watched[CLIENTS_MAX]; /* by each client: a bit for each key in each database */
    uint16_t touched[CLIENTS_MAX]; /* whether one of them was */
};

/* Executes it; the replies are appended. */
void model_apply(struct model *model, struct history *history, const struct operation *operation, struct buffer *reply);

/* Executes one command that is none of transactions. */
void model_apply_command(struct model *model, struct history *history, const struct operation *operation,
                         struct buffer *reply);
/* What becomes of the other types, for the kinds that are theirs. */
void model_apply_to_lists(struct model_value *db, struct history *history, const struct operation *operation,
                          struct buffer *reply);
void model_apply_to_sorted_sets(struct model_value *db, struct history *history, const struct operation *operation,
                                struct buffer *reply);
void model_apply_to_streams(struct model_value *db, struct history *history, const struct operation *operation,
                            struct buffer *reply);

/* For them: what was there is replaced by the elements, each with a comma behind it; without any, the key is gone. */
void model_set_elements(struct model_value *value, struct history *history, enum value_type type, struct str elements);
int model_count_elements(struct str elements);
void model_answer_text(struct buffer *reply, struct str text);
void model_answer_wrong_type(struct buffer *reply);
/* A command that waits has got nothing: its time was over, or somebody ended its waiting. */
void model_answer_nothing(const struct history *history, const struct operation *operation, struct buffer *reply);

#endif
