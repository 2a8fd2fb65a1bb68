#include "core/hyperloglog.h"

#include "core/assert.h"
#include "core/hyperloglog_estimate.h"
#include "core/hyperloglog_sparse.h"

enum {
    INDEX_BITS = 14,
    ENCODING_AT = 4,
    COUNT_AT = 8,
    COUNT_LAST = 15, /* its top bit: stale */
    DENSE = 0,
    SPARSE = 1,
    /* Eight registers of six bits are six bytes. */
    GROUP_REGISTERS = 8,
    GROUP_BYTES = 6,
};

static const uint8_t STALE = 0x80;

bool hyperloglog_check(struct str bytes)
{
    if (bytes.length < HYPERLOGLOG_HEADER_BYTES || memcmp(bytes.bytes, "HYLL", 4) != 0)
        return false;
    uint8_t encoding = (uint8_t)bytes.bytes[ENCODING_AT];
    return encoding == SPARSE || (encoding == DENSE && bytes.length == HYPERLOGLOG_DENSE_BYTES);
}

bool hyperloglog_is_dense(struct str bytes)
{
    return bytes.bytes[ENCODING_AT] == DENSE;
}

static struct str registers_of(struct str bytes)
{
    return (struct str){bytes.bytes + HYPERLOGLOG_HEADER_BYTES, bytes.length - HYPERLOGLOG_HEADER_BYTES};
}

void hyperloglog_create(struct buffer *buffer)
{
    const char header[HYPERLOGLOG_HEADER_BYTES] = {'H', 'Y', 'L', 'L', SPARSE, [COUNT_LAST] = (char)STALE};
    const uint8_t all_empty[] = {0x40 | (HYPERLOGLOG_REGISTERS - 1) >> 8, (HYPERLOGLOG_REGISTERS - 1) & 0xff};

    buffer_append(buffer, header, sizeof header);
    buffer_append(buffer, all_empty, sizeof all_empty);
}

static void make_stale(struct buffer *buffer)
{
    buffer->bytes[COUNT_LAST] |= (char)STALE;
}

/* The dense encoding: register 0 in the lowest bits of the first byte. */

static uint64_t read_group(const char *at)
{
    uint64_t group = 0;

    memcpy(&group, at, GROUP_BYTES);
    return group;
}

static void unpack_registers(const char *packed, uint8_t *registers)
{
    for (uint32_t index = 0; index < HYPERLOGLOG_REGISTERS; index += GROUP_REGISTERS, packed += GROUP_BYTES) {
        uint64_t group = read_group(packed);

        for (uint32_t i = 0; i < GROUP_REGISTERS; i++)
            registers[index + i] = group >> 6 * i & 63;
    }
}

static void pack_registers(const uint8_t *registers, char *packed)
{
    for (uint32_t index = 0; index < HYPERLOGLOG_REGISTERS; index += GROUP_REGISTERS, packed += GROUP_BYTES) {
        uint64_t group = 0;

        for (uint32_t i = 0; i < GROUP_REGISTERS; i++)
            group |= (uint64_t)registers[index + i] << 6 * i;
        memcpy(packed, &group, GROUP_BYTES);
    }
}

static void raise_registers(uint8_t *restrict registers, const uint8_t *restrict others)
{
    for (uint32_t index = 0; index < HYPERLOGLOG_REGISTERS; index++)
        registers[index] = registers[index] > others[index] ? registers[index] : others[index];
}

/* A register and the byte after its first one: 6 bits lie in two bytes at most. */
static enum hyperloglog_status dense_set(struct buffer *buffer, uint32_t index, uint8_t value)
{
    uint8_t *at = (uint8_t *)buffer->bytes + HYPERLOGLOG_HEADER_BYTES + index * 6 / 8;
    uint32_t shift = index * 6 % 8;
    bool reaches_next = shift > 2;
    uint32_t both = at[0] | (reaches_next ? (uint32_t)at[1] << 8 : 0);

    if ((both >> shift & 63) >= value)
        return HYPERLOGLOG_SAME;
    both = (both & ~(63u << shift)) | (uint32_t)value << shift;
    at[0] = (uint8_t)both;
    if (reaches_next)
        at[1] = (uint8_t)(both >> 8);
    return HYPERLOGLOG_CHANGED;
}

static void write_dense(struct buffer *buffer, const uint8_t *registers)
{
    if (buffer->length < HYPERLOGLOG_DENSE_BYTES)
        buffer_reserve(buffer, HYPERLOGLOG_DENSE_BYTES - buffer->length);
    buffer->length = HYPERLOGLOG_DENSE_BYTES;
    buffer->bytes[ENCODING_AT] = DENSE;
    pack_registers(registers, buffer->bytes + HYPERLOGLOG_HEADER_BYTES);
}

enum hyperloglog_status hyperloglog_make_dense(struct buffer *buffer)
{
    uint8_t registers[HYPERLOGLOG_REGISTERS] = {0};

    if (hyperloglog_is_dense(buffer_str(buffer)))
        return HYPERLOGLOG_SAME;
    if (!hyperloglog_sparse_merge(registers_of(buffer_str(buffer)), registers))
        return HYPERLOGLOG_INVALID;
    write_dense(buffer, registers);
    return HYPERLOGLOG_CHANGED;
}

/* MurmurHash64A. */
static uint64_t hash_element(struct str element)
{
    const uint64_t factor = 0xc6a4a7935bd1e995;
    uint64_t hash = 0xadc83b19 ^ (element.length * factor), word;
    const char *at = element.bytes, *words_end = at + element.length / 8 * 8;
    size_t rest = element.length % 8;

    for (; at != words_end; at += 8) {
        memcpy(&word, at, 8);
        word *= factor;
        word ^= word >> 47;
        hash = (hash ^ word * factor) * factor;
    }
    if (rest > 0) {
        word = 0;
        memcpy(&word, at, rest);
        hash = (hash ^ word) * factor;
    }
    hash = (hash ^ hash >> 47) * factor;
    return hash ^ hash >> 47;
}

/* The place lets registers that are set in rising order be found without starting over. */
static enum hyperloglog_status set_register(struct buffer *buffer, struct hyperloglog_place *place, uint32_t index,
                                            uint8_t value, size_t sparse_max_bytes)
{
    if (hyperloglog_is_dense(buffer_str(buffer)))
        return dense_set(buffer, index, value);
    switch (hyperloglog_sparse_set(buffer, place, index, value, sparse_max_bytes)) {
    case HYPERLOGLOG_SPARSE_SAME:
        return HYPERLOGLOG_SAME;
    case HYPERLOGLOG_SPARSE_CHANGED:
        return HYPERLOGLOG_CHANGED;
    case HYPERLOGLOG_SPARSE_INVALID:
        return HYPERLOGLOG_INVALID;
    case HYPERLOGLOG_SPARSE_FULL:
        break;
    }
    if (hyperloglog_make_dense(buffer) == HYPERLOGLOG_INVALID)
        return HYPERLOGLOG_INVALID;
    return dense_set(buffer, index, value);
}

enum hyperloglog_status hyperloglog_add(struct buffer *buffer, struct str element, size_t sparse_max_bytes)
{
    uint64_t hash = hash_element(element);
    uint32_t index = hash & (HYPERLOGLOG_REGISTERS - 1);
    uint64_t rest = hash >> INDEX_BITS | 1ull << (64 - INDEX_BITS); /* ends the count of zeros */
    uint8_t value = (uint8_t)(__builtin_ctzll(rest) + 1);
    enum hyperloglog_status status =
        set_register(buffer, &(struct hyperloglog_place){0}, index, value, sparse_max_bytes);

    if (status == HYPERLOGLOG_CHANGED)
        make_stale(buffer);
    return status;
}

static void count_values(const uint8_t *registers, uint32_t histogram[static 64])
{
    for (uint32_t index = 0; index < HYPERLOGLOG_REGISTERS; index++)
        histogram[registers[index]]++;
}

static bool histogram_of(struct str bytes, uint32_t histogram[static 64])
{
    uint8_t registers[HYPERLOGLOG_REGISTERS];

    if (!hyperloglog_is_dense(bytes))
        return hyperloglog_sparse_histogram(registers_of(bytes), histogram);
    unpack_registers(registers_of(bytes).bytes, registers);
    count_values(registers, histogram);
    return true;
}

enum hyperloglog_status hyperloglog_count(struct buffer *buffer, uint64_t *count)
{
    uint32_t histogram[64] = {0};
    char *cached = buffer->bytes + COUNT_AT;

    memcpy(count, cached, sizeof *count);
    if (!((uint8_t)buffer->bytes[COUNT_LAST] & STALE))
        return HYPERLOGLOG_SAME;
    if (!histogram_of(buffer_str(buffer), histogram))
        return HYPERLOGLOG_INVALID;
    *count = hyperloglog_estimate(histogram);
    memcpy(cached, count, sizeof *count);
    return HYPERLOGLOG_CHANGED;
}

bool hyperloglog_read_registers(struct str bytes, uint8_t registers[static HYPERLOGLOG_REGISTERS])
{
    memset(registers, 0, HYPERLOGLOG_REGISTERS);
    if (!hyperloglog_is_dense(bytes))
        return hyperloglog_sparse_merge(registers_of(bytes), registers);
    unpack_registers(registers_of(bytes).bytes, registers);
    return true;
}

void hyperloglog_describe(struct str bytes, struct buffer *text)
{
    hyperloglog_sparse_describe(registers_of(bytes), text);
}

void hyperloglog_union_init(struct hyperloglog_union *all)
{
    memset(all, 0, sizeof *all);
}

bool hyperloglog_union_add(struct hyperloglog_union *all, struct str bytes)
{
    uint8_t registers[HYPERLOGLOG_REGISTERS];

    if (!hyperloglog_is_dense(bytes))
        return hyperloglog_sparse_merge(registers_of(bytes), all->registers);
    unpack_registers(registers_of(bytes).bytes, registers);
    raise_registers(all->registers, registers);
    all->dense = true;
    return true;
}

uint64_t hyperloglog_union_count(const struct hyperloglog_union *all)
{
    uint32_t histogram[64] = {0};

    count_values(all->registers, histogram);
    return hyperloglog_estimate(histogram);
}

static enum hyperloglog_status write_all_dense(const struct hyperloglog_union *all, struct buffer *buffer)
{
    uint8_t registers[HYPERLOGLOG_REGISTERS];

    unpack_registers(registers_of(buffer_str(buffer)).bytes, registers);
    raise_registers(registers, all->registers);
    pack_registers(registers, buffer->bytes + HYPERLOGLOG_HEADER_BYTES);
    return HYPERLOGLOG_CHANGED;
}

enum hyperloglog_status hyperloglog_union_write(const struct hyperloglog_union *all, struct buffer *buffer,
                                                size_t sparse_max_bytes)
{
    struct hyperloglog_place place = {0};

    if (all->dense && hyperloglog_make_dense(buffer) == HYPERLOGLOG_INVALID)
        return HYPERLOGLOG_INVALID;
    make_stale(buffer);
    if (hyperloglog_is_dense(buffer_str(buffer)))
        return write_all_dense(all, buffer);
    for (uint32_t index = 0; index < HYPERLOGLOG_REGISTERS; index++) {
        if (all->registers[index] == 0)
            continue;
        if (set_register(buffer, &place, index, all->registers[index], sparse_max_bytes) == HYPERLOGLOG_INVALID)
            return HYPERLOGLOG_INVALID;
    }
    return HYPERLOGLOG_CHANGED;
}
