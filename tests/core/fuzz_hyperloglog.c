/* libFuzzer target: any string that passes the check can be added to, counted,
 * merged and made dense without harm, and all of them agree on what it holds.
 *
 * The input is a string; an unchecked one gets a sparse header, so that its
 * bytes are runs. The first byte gives the elements and the limit. */
#include <stdint.h>
#include <stdlib.h>

#include "core/assert.h"
#include "core/hyperloglog.h"
#include "core/memory.h"

static void load(struct buffer *buffer, struct memory *memory, const uint8_t *data, size_t size)
{
    buffer_init(buffer, memory, NULL, 0);
    if (!hyperloglog_check((struct str){(const char *)data, size}))
        buffer_append(buffer, "HYLL\1\0\0\0\0\0\0\0\0\0\0\x80", HYPERLOGLOG_HEADER_BYTES);
    buffer_append(buffer, data, size);
    ASSERT(hyperloglog_check(buffer_str(buffer)));
}

static void add_elements(struct buffer *buffer, uint32_t seed)
{
    for (int i = 0; i < 8; i++) {
        enum hyperloglog_status status;

        seed = seed * 1103515245 + 12345;
        status = hyperloglog_add(buffer, (struct str){(const char *)&seed, sizeof seed}, seed % 4000);
        ASSERT(hyperloglog_check(buffer_str(buffer)));
        if (status == HYPERLOGLOG_INVALID)
            return;
    }
}

/* All ways to read the registers give the same, or all refuse. */
static void check_readings(struct buffer *buffer, struct hyperloglog_union *all, size_t sparse_max)
{
    uint64_t count;

    buffer->bytes[HYPERLOGLOG_HEADER_BYTES - 1] |= (char)0x80;
    bool valid = hyperloglog_count(buffer, &count) != HYPERLOGLOG_INVALID;
    hyperloglog_union_init(all);
    ASSERT(hyperloglog_union_add(all, buffer_str(buffer)) == valid);
    if (!valid) {
        ASSERT(hyperloglog_make_dense(buffer) == HYPERLOGLOG_INVALID);
        return;
    }
    ASSERT(hyperloglog_union_count(all) == count);
    ASSERT(hyperloglog_union_write(all, buffer, sparse_max) == HYPERLOGLOG_CHANGED);
    ASSERT(hyperloglog_make_dense(buffer) != HYPERLOGLOG_INVALID);
    uint64_t again;
    ASSERT(hyperloglog_count(buffer, &again) != HYPERLOGLOG_INVALID && again == count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct hyperloglog_union all;
    struct memory memory = {0};
    struct buffer buffer;

    if (size == 0)
        return 0;
    load(&buffer, &memory, data + 1, size - 1);
    check_readings(&buffer, &all, data[0] * 20u);
    buffer_deinit(&buffer);
    load(&buffer, &memory, data + 1, size - 1);
    add_elements(&buffer, data[0]);
    check_readings(&buffer, &all, data[0] * 20u);
    buffer_deinit(&buffer);
    ASSERT(memory.used_bytes == 0);
    return 0;
}
