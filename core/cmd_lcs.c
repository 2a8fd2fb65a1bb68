/* LCS: the longest common subsequence of two strings, by the usual table over
 * both, row by row.
 *
 * Only the current row of lengths is kept. The way back through the table needs
 * one bit of each cell besides: whether the length above is larger than the one
 * to the left. So a table that Redis would hold in 4 bytes a cell takes an
 * eighth of a byte, and none where only the length is asked for. What is refused
 * as too large follows Redis's 4 bytes all the same. */
#include "core/handlers.h"

#include "core/args.h"
#include "core/assert.h"
#include "core/call.h"

struct lcs_options {
    bool length, indexes, match_lengths;
    int64_t shortest; /* matches below this are left out of IDX */
};

struct lcs {
    struct str a, b;
    uint32_t *row; /* row[j]: of the prefix of a so far and the first j bytes of b */
    uint64_t *up;  /* bit per pair of bytes; NULL where the way back is not wanted */
    uint64_t length;
};

/* A run of equal bytes, as positions of its first byte and its size. */
struct lcs_match {
    size_t a, b, size;
};

static bool parse_option(struct call *call, int *at, struct lcs_options *options)
{
    struct str word = call->argv[*at];

    if (arg_is(word, "idx"))
        options->indexes = true;
    else if (arg_is(word, "len"))
        options->length = true;
    else if (arg_is(word, "withmatchlen"))
        options->match_lengths = true;
    else if (arg_is(word, "minmatchlen") && *at + 1 < call->argc)
        return args_integer(call->reply, call->argv[++*at], &options->shortest);
    else {
        args_syntax_error(call->reply);
        return false;
    }
    return true;
}

static bool parse_options(struct call *call, struct lcs_options *options)
{
    for (int i = 3; i < call->argc; i++)
        if (!parse_option(call, &i, options))
            return false;
    if (!options->indexes || !options->length)
        return true;
    reply_error(call->reply, "ERR If you want both the length and indexes, please just use IDX.");
    return false;
}

/* Absent keys are NULL. False: answered. */
static bool find_strings(struct call *call, struct entry *entries[2])
{
    for (int i = 0; i < 2; i++)
        entries[i] = call_find_any(call, call->argv[1 + i], true);
    for (int i = 0; i < 2; i++) {
        if (entries[i] != NULL && entry_type(entries[i]) != VALUE_STRING) {
            reply_error(call->reply, "ERR The specified keys must contain string values");
            return false;
        }
    }
    return true;
}

static bool size_allowed(struct call *call, struct entry *const entries[2])
{
    uint64_t limit = (uint64_t)call->core->config.proto_max_bulk_len;
    uint64_t a = entries[0] ? entry_string_length(entries[0]) : 0, b = entries[1] ? entry_string_length(entries[1]) : 0;

    if (a >= UINT32_MAX - 1 || b >= UINT32_MAX - 1) {
        reply_error(call->reply, "ERR String too long for LCS");
        return false;
    }
    if ((a + 1) * (b + 1) <= limit / sizeof(uint32_t))
        return true;
    reply_error(call->reply, "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len");
    return false;
}

static bool lcs_goes_up(const struct lcs *lcs, size_t i, size_t j)
{
    uint64_t cell = (uint64_t)i * lcs->b.length + j;

    return lcs->up[cell / 64] >> (cell % 64) & 1;
}

/* Row i of the table from the row before it, in place. */
static void lcs_fill_row(struct lcs *lcs, size_t i)
{
    uint32_t diagonal = 0; /* of the row before, one to the left */
    uint64_t cell = (uint64_t)i * lcs->b.length;

    for (size_t j = 0; j < lcs->b.length; j++, cell++) {
        uint32_t above = lcs->row[j + 1], left = lcs->row[j];
        bool up = above > left;

        if (lcs->a.bytes[i] == lcs->b.bytes[j])
            lcs->row[j + 1] = diagonal + 1;
        else
            lcs->row[j + 1] = up ? above : left;
        if (lcs->up != NULL)
            lcs->up[cell / 64] |= (uint64_t)up << (cell % 64);
        diagonal = above;
    }
}

static void lcs_init(struct lcs *lcs, struct memory *memory, struct str a, struct str b, bool way_back)
{
    uint64_t cells = (uint64_t)a.length * b.length;

    *lcs = (struct lcs){.a = a, .b = b};
    lcs->row = memory_alloc_zeroed(memory, (b.length + 1) * sizeof(*lcs->row));
    if (way_back)
        lcs->up = memory_alloc_zeroed(memory, (cells / 64 + 1) * sizeof(*lcs->up));
    for (size_t i = 0; i < a.length; i++)
        lcs_fill_row(lcs, i);
    lcs->length = lcs->row[b.length];
}

static void lcs_deinit(struct lcs *lcs, struct memory *memory)
{
    memory_free(memory, lcs->row);
    memory_free(memory, lcs->up);
}

/* The match before the positions (*a, *b), which move to its start. False: there is none. */
static bool lcs_previous_match(const struct lcs *lcs, size_t *a, size_t *b, struct lcs_match *match)
{
    while (*a > 0 && *b > 0 && lcs->a.bytes[*a - 1] != lcs->b.bytes[*b - 1]) {
        if (lcs_goes_up(lcs, *a - 1, *b - 1))
            --*a;
        else
            --*b;
    }
    match->size = 0;
    for (; *a > 0 && *b > 0 && lcs->a.bytes[*a - 1] == lcs->b.bytes[*b - 1]; --*a, --*b)
        match->size++;
    match->a = *a;
    match->b = *b;
    return match->size > 0;
}

static void reply_bytes(struct call *call, const struct lcs *lcs)
{
    char *bytes = memory_alloc(&call->core->memory, lcs->length + 1);
    size_t a = lcs->a.length, b = lcs->b.length, at = lcs->length;
    struct lcs_match match;

    while (lcs_previous_match(lcs, &a, &b, &match)) {
        at -= match.size;
        memcpy(bytes + at, lcs->a.bytes + match.a, match.size);
    }
    ASSERT(at == 0);
    reply_bulk(call->reply, (struct str){bytes, lcs->length});
    memory_free(&call->core->memory, bytes);
}

static void reply_range(struct reply *reply, size_t first, size_t size)
{
    reply_array(reply, 2);
    reply_integer(reply, (int64_t)first);
    reply_integer(reply, (int64_t)(first + size - 1));
}

static void reply_indexes(struct reply *reply, const struct lcs *lcs, const struct lcs_options *options)
{
    size_t a = lcs->a.length, b = lcs->b.length;
    struct lcs_match match;
    int64_t count = 0;

    reply_map(reply, 2);
    reply_bulk(reply, STR("matches"));
    size_t mark = reply_mark(reply);
    while (lcs_previous_match(lcs, &a, &b, &match)) {
        if ((int64_t)match.size < options->shortest)
            continue;
        reply_array(reply, options->match_lengths ? 3 : 2);
        reply_range(reply, match.a, match.size);
        reply_range(reply, match.b, match.size);
        if (options->match_lengths)
            reply_integer(reply, (int64_t)match.size);
        count++;
    }
    reply_array_at(reply, mark, count);
    reply_bulk(reply, STR("len"));
    reply_integer(reply, (int64_t)lcs->length);
}

void cmd_lcs(struct call *call)
{
    struct memory *memory = &call->core->memory;
    struct lcs_options options = {0};
    struct entry *entries[2];
    char digits[2][32];
    struct lcs lcs;

    if (!find_strings(call, entries) || !parse_options(call, &options) || !size_allowed(call, entries))
        return;
    struct str a = entries[0] ? entry_string(entries[0], digits[0]) : STR("");
    struct str b = entries[1] ? entry_string(entries[1], digits[1]) : STR("");
    lcs_init(&lcs, memory, a, b, !options.length);
    if (options.indexes)
        reply_indexes(call->reply, &lcs, &options);
    else if (options.length)
        reply_integer(call->reply, (int64_t)lcs.length);
    else
        reply_bytes(call, &lcs);
    lcs_deinit(&lcs, memory);
}
