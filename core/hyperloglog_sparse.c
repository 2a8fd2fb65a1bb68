#include "core/hyperloglog_sparse.h"

#include "core/buffer.h"
#include "core/hyperloglog.h"

enum {
    XZERO = 0x40,
    VAL = 0x80,
    ZERO_LENGTH_MOST = 64,
    VAL_LENGTH_MOST = 4,
    VAL_VALUE_MOST = 32,
    RUNS_JOINED = 5,
    CUT_BYTES_MOST = 5, /* XZERO, VAL, XZERO */
};

struct run {
    uint32_t length; /* registers */
    uint8_t value;
    uint8_t bytes;
};

static inline bool is_value(uint8_t first_byte)
{
    return first_byte & VAL;
}

/* False: its second byte is missing. */
static inline bool read_run(const uint8_t *at, const uint8_t *end, struct run *run)
{
    if (is_value(*at)) {
        *run = (struct run){(*at & 3u) + 1, (*at >> 2 & 31) + 1, 1};
    } else if (*at & XZERO) {
        if (end - at < 2)
            return false;
        *run = (struct run){((*at & 63u) << 8 | at[1]) + 1, 0, 2};
    } else {
        *run = (struct run){*at + 1u, 0, 1};
    }
    return true;
}

static uint8_t value_byte(uint8_t value, uint32_t length)
{
    return (uint8_t)(VAL | (value - 1) << 2 | (length - 1));
}

/* Registers of 0 or of one value, as many as one run can hold. Returns past the end. */
static uint8_t *write_run(uint8_t *at, uint8_t value, uint32_t length)
{
    if (length == 0)
        return at;
    if (value > 0) {
        *at++ = value_byte(value, length);
    } else if (length <= ZERO_LENGTH_MOST) {
        *at++ = (uint8_t)(length - 1);
    } else {
        *at++ = (uint8_t)(XZERO | (length - 1) >> 8);
        *at++ = (uint8_t)(length - 1);
    }
    return at;
}

static uint8_t *runs_of(struct buffer *buffer)
{
    return (uint8_t *)buffer->bytes + HYPERLOGLOG_HEADER_BYTES;
}

static uint32_t runs_length(const struct buffer *buffer)
{
    return (uint32_t)(buffer->length - HYPERLOGLOG_HEADER_BYTES);
}

/* Moves the place on to the run that covers the register. `before` becomes the
 * place of the run before it if that was passed on the way. False: nothing covers it. */
static bool find_run(struct buffer *buffer, uint32_t index, struct hyperloglog_place *place,
                     struct hyperloglog_place *before, struct run *run)
{
    const uint8_t *runs = runs_of(buffer), *end = runs + runs_length(buffer);

    for (;;) {
        if (runs + place->offset >= end || !read_run(runs + place->offset, end, run))
            return false;
        if (index < place->first + run->length)
            return true;
        *before = *place;
        *place = (struct hyperloglog_place){place->offset + run->bytes, place->offset, place->first + run->length};
    }
}

/* The run with one register of it set to the value; returns how many bytes they are. */
static uint32_t cut_run(struct run run, uint32_t left, uint8_t value, uint8_t cut[static CUT_BYTES_MOST])
{
    uint8_t *at = write_run(cut, run.value, left);

    at = write_run(at, value, 1);
    at = write_run(at, run.value, run.length - left - 1);
    return (uint32_t)(at - cut);
}

static void replace_run(struct buffer *buffer, uint32_t offset, uint32_t bytes, const uint8_t *cut, uint32_t cut_bytes)
{
    uint32_t rest = runs_length(buffer) - offset - bytes;

    buffer_reserve(buffer, cut_bytes > bytes ? cut_bytes - bytes : 0);
    uint8_t *at = runs_of(buffer) + offset;
    memmove(at + cut_bytes, at + bytes, rest);
    memcpy(at, cut, cut_bytes);
    buffer->length += cut_bytes;
    buffer->length -= bytes;
}

/* Whether the run and the next are values that one run can hold; joins them then. */
static bool join_next(struct buffer *buffer, uint32_t offset)
{
    uint8_t *runs = runs_of(buffer);
    uint32_t length = runs_length(buffer);

    if (offset + 1 >= length || !is_value(runs[offset]) || !is_value(runs[offset + 1]))
        return false;
    uint32_t registers = (runs[offset] & 3u) + 1 + (runs[offset + 1] & 3u) + 1;
    if (runs[offset] >> 2 != runs[offset + 1] >> 2 || registers > VAL_LENGTH_MOST)
        return false;
    runs[offset] = (uint8_t)((runs[offset] & ~3u) | (registers - 1));
    memmove(runs + offset + 1, runs + offset + 2, length - offset - 2);
    buffer->length--;
    return true;
}

static void join_values(struct buffer *buffer, uint32_t offset)
{
    for (int seen = 0; seen < RUNS_JOINED && offset < runs_length(buffer); seen++) {
        uint8_t first_byte = runs_of(buffer)[offset];

        if (!join_next(buffer, offset))
            offset += !is_value(first_byte) && first_byte & XZERO ? 2 : 1;
    }
}

enum hyperloglog_outcome hyperloglog_sparse_set(struct buffer *buffer, struct hyperloglog_place *place, uint32_t index,
                                                uint8_t value, size_t most_bytes)
{
    /* Joining may swallow the run itself but not the one before, so only from that the next search goes on. */
    struct hyperloglog_place found = *place, before = {0};
    uint8_t cut[CUT_BYTES_MOST];
    struct run run;

    if (value > VAL_VALUE_MOST)
        return HYPERLOGLOG_SPARSE_FULL;
    if (!find_run(buffer, index, &found, &before, &run))
        return HYPERLOGLOG_SPARSE_INVALID;
    *place = before;
    if (run.value >= value)
        return HYPERLOGLOG_SPARSE_SAME;
    uint32_t cut_bytes = cut_run(run, (uint32_t)(index - found.first), value, cut);
    if (cut_bytes > run.bytes && buffer->length + cut_bytes - run.bytes > most_bytes)
        return HYPERLOGLOG_SPARSE_FULL;
    replace_run(buffer, found.offset, run.bytes, cut, cut_bytes);
    join_values(buffer, found.previous);
    return HYPERLOGLOG_SPARSE_CHANGED;
}

static void raise_registers(uint8_t *registers, const struct run *run)
{
    for (uint32_t i = 0; i < run->length; i++)
        if (registers[i] < run->value)
            registers[i] = run->value;
}

bool hyperloglog_sparse_merge(struct str runs, uint8_t *registers)
{
    const uint8_t *at = (const uint8_t *)runs.bytes, *end = at + runs.length;
    size_t index = 0;
    struct run run;

    for (; at < end; at += run.bytes, index += run.length) {
        if (!read_run(at, end, &run) || index + run.length > HYPERLOGLOG_REGISTERS)
            return false;
        if (run.value > 0)
            raise_registers(registers + index, &run);
    }
    return index == HYPERLOGLOG_REGISTERS;
}

bool hyperloglog_sparse_histogram(struct str runs, uint32_t histogram[static 64])
{
    const uint8_t *at = (const uint8_t *)runs.bytes, *end = at + runs.length;
    size_t index = 0;
    struct run run;

    for (; at < end; at += run.bytes, index += run.length) {
        if (!read_run(at, end, &run) || index + run.length > HYPERLOGLOG_REGISTERS)
            return false;
        histogram[run.value] += run.length;
    }
    return index == HYPERLOGLOG_REGISTERS;
}

void hyperloglog_sparse_describe(struct str runs, struct buffer *text)
{
    const uint8_t *at = (const uint8_t *)runs.bytes, *end = at + runs.length;
    const char *space = "";
    struct run run;

    for (int count = 0; count < HYPERLOGLOG_REGISTERS && at < end && read_run(at, end, &run); count++) {
        if (is_value(*at))
            buffer_append_format(text, "%sv:%d,%u", space, run.value, run.length);
        else
            buffer_append_format(text, "%s%c:%u", space, *at & XZERO ? 'Z' : 'z', run.length);
        at += run.bytes;
        space = " ";
    }
}
