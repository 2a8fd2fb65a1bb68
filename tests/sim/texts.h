/* Every text of a run once: values and replies are numbers in the checker's
 * states, which it copies and compares by the million. 0 stands for "none". */
#ifndef TESTS_SIM_TEXTS_H
#define TESTS_SIM_TEXTS_H

#include <stdint.h>

#include "core/str.h"

struct texts {
    struct str *texts;
    uint32_t count, capacity;
    uint32_t *slots; /* hash table of ids, 0: free */
    uint32_t slot_mask;
};

void texts_init(struct texts *texts);
void texts_deinit(struct texts *texts);
/* The text's number; copies it if it is new. */
uint32_t texts_add(struct texts *texts, struct str text);
static inline struct str texts_get(const struct texts *texts, uint32_t id)
{
    return texts->texts[id];
}

#endif
