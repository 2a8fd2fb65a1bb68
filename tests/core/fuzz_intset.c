/* libFuzzer target: foreign bytes that pass validation are a set in all
 * respects, and stay one as integers come and go. */
#include <stdint.h>

#include "core/assert.h"
#include "core/intset.h"
#include "core/memory.h"

static void check_members(const struct intset *set)
{
    for (uint32_t index = 0; index < intset_count(set); index++)
        ASSERT(intset_rank(set, intset_at(set, index)) == index);
}

static void change(struct memory *memory, struct intset **set)
{
    int64_t lowest = intset_minimum(*set);

    ASSERT(!intset_add(memory, set, lowest));
    ASSERT(intset_remove(memory, set, lowest));
    ASSERT(!intset_contains(*set, lowest));
    ASSERT(intset_add(memory, set, lowest));
    intset_add(memory, set, INT64_MAX);
    ASSERT(intset_maximum(*set) == INT64_MAX);
    ASSERT(intset_validate(intset_str(*set)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct memory memory = {0};
    struct str bytes = {(const char *)data, size};

    if (!intset_validate(bytes))
        return 0;
    struct intset *set = intset_load(&memory, bytes);
    ASSERT(str_equal(intset_str(set), bytes));
    if (intset_count(set) > 0) {
        check_members(set);
        change(&memory, &set);
    }
    intset_destroy(&memory, set);
    ASSERT(memory.used_bytes == 0);
    return 0;
}
