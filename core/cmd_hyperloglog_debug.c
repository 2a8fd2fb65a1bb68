/* PFDEBUG shows how a value is kept; PFSELFTEST shows that counting works on this machine. */
#include "core/handlers.h"

#include <math.h>
#include <stdio.h>

#include "core/args.h"
#include "core/call.h"
#include "core/effects.h"
#include "core/hyperloglog.h"
#include "core/string_value.h"

/* --- PFDEBUG --- */

static void reply_corrupted(struct call *call)
{
    reply_error(call->reply, HYPERLOGLOG_CORRUPTED);
}

/* The value's bytes; it is raw from now on, as in Redis. */
static struct str bytes_of(struct call *call, struct entry **entry)
{
    struct str name = call->argv[2];
    struct keyspace *keyspace = call_keyspace(call, name);
    size_t length = entry_string_length(*entry);
    char *bytes;

    *entry = keyspace_resize_raw(keyspace, call->db, call_key(call, name), *entry, length, &bytes);
    keyspace_stats(keyspace)->dirty--; /* nothing has changed */
    return (struct str){bytes, length};
}

/* Whether it was converted; false also where it is corrupt, which has been answered. */
static bool make_dense(struct call *call, struct entry *entry, struct str bytes)
{
    struct keyspace *keyspace = call_keyspace(call, call->argv[2]);
    struct buffer buffer;
    char *stored;

    buffer_init(&buffer, &call->core->memory, NULL, 0);
    buffer_append_str(&buffer, bytes);
    enum hyperloglog_status status = hyperloglog_make_dense(&buffer);
    if (status == HYPERLOGLOG_CHANGED) {
        keyspace_resize_raw(keyspace, call->db, call_key(call, call->argv[2]), entry, buffer.length, &stored);
        memcpy(stored, buffer.bytes, buffer.length);
        call_written(call, call->argv[2]);
    }
    buffer_deinit(&buffer);
    if (status == HYPERLOGLOG_INVALID)
        reply_corrupted(call);
    return status == HYPERLOGLOG_CHANGED;
}

static void reply_registers(struct call *call, struct entry *entry, struct str bytes)
{
    uint8_t registers[HYPERLOGLOG_REGISTERS];

    if (!hyperloglog_read_registers(bytes, registers)) {
        reply_corrupted(call);
        return;
    }
    if (!hyperloglog_is_dense(bytes) && !make_dense(call, entry, bytes))
        return;
    reply_array(call->reply, HYPERLOGLOG_REGISTERS);
    for (size_t i = 0; i < HYPERLOGLOG_REGISTERS; i++)
        reply_integer(call->reply, registers[i]);
}

static void reply_runs(struct call *call, struct str bytes)
{
    struct buffer text;

    if (hyperloglog_is_dense(bytes)) {
        reply_error(call->reply, "ERR HLL encoding is not sparse");
        return;
    }
    buffer_init(&text, &call->core->memory, NULL, 0);
    hyperloglog_describe(bytes, &text);
    reply_bulk(call->reply, buffer_str(&text));
    buffer_deinit(&text);
}

static void reply_made_dense(struct call *call, struct entry *entry, struct str bytes)
{
    if (hyperloglog_is_dense(bytes))
        reply_integer(call->reply, 0);
    else if (make_dense(call, entry, bytes))
        reply_integer(call->reply, 1);
}

/* False: answered. */
static bool find_value(struct call *call, struct entry **entry)
{
    char digits[32];

    if (!call_find_write(call, call->argv[2], VALUE_STRING, entry))
        return false;
    if (*entry == NULL) {
        reply_error(call->reply, "ERR The specified key does not exist");
        return false;
    }
    if (hyperloglog_check(entry_string(*entry, digits)))
        return true;
    reply_error(call->reply, HYPERLOGLOG_WRONG_TYPE);
    return false;
}

void cmd_pfdebug(struct call *call)
{
    struct str word = call->argv[1];
    struct entry *entry;

    if (!find_value(call, &entry))
        return;
    struct str bytes = bytes_of(call, &entry);
    if (arg_is(word, "getreg"))
        reply_registers(call, entry, bytes);
    else if (arg_is(word, "decode"))
        reply_runs(call, bytes);
    else if (arg_is(word, "encoding"))
        reply_simple(call->reply, hyperloglog_is_dense(bytes) ? "dense" : "sparse");
    else if (arg_is(word, "todense"))
        reply_made_dense(call, entry, bytes);
    else
        reply_error_format(call->reply, "ERR Unknown PFDEBUG subcommand '%.*s'", str_quoted_length(word), word.bytes);
}

/* --- PFSELFTEST --- */

enum { TEST_ELEMENTS = 100000, TEST_SPARSE_BYTES = 3000 };

/* One that may be sparse and one that is dense from the start. */
struct self_test {
    struct buffer sparse, dense;
};

static uint64_t count_of(struct buffer *buffer)
{
    uint64_t count = 0;

    return hyperloglog_count(buffer, &count) == HYPERLOGLOG_INVALID ? 0 : count;
}

/* NULL, or what is wrong: both count the same, and within four standard errors (or a few, of small numbers). */
static const char *compare(struct self_test *test, int elements)
{
    uint64_t sparse = count_of(&test->sparse), dense = count_of(&test->dense);
    double error_allowed = 4 * 1.04 / sqrt(HYPERLOGLOG_REGISTERS) * elements + 10;

    if (sparse != dense)
        return "the two encodings count differently";
    return fabs((double)dense - elements) > error_allowed ? "the count is too far off" : NULL;
}

static const char *add_and_compare(struct self_test *test)
{
    const char *wrong = NULL;

    for (int i = 1; i <= TEST_ELEMENTS && !wrong; i++) {
        char text[16];
        struct str element = {text, (size_t)snprintf(text, sizeof text, "e%d", i)};
        enum hyperloglog_status sparse = hyperloglog_add(&test->sparse, element, TEST_SPARSE_BYTES);
        enum hyperloglog_status dense = hyperloglog_add(&test->dense, element, TEST_SPARSE_BYTES);

        if (sparse != dense || sparse == HYPERLOGLOG_INVALID)
            return "an element is new to one encoding alone";
        if ((i & (i - 1)) == 0 || i % 10000 == 0)
            wrong = compare(test, i);
    }
    return wrong;
}

static const char *self_test(struct memory *memory)
{
    struct self_test test;
    const char *wrong;

    buffer_init(&test.sparse, memory, NULL, 0);
    buffer_init(&test.dense, memory, NULL, 0);
    hyperloglog_create(&test.sparse);
    hyperloglog_create(&test.dense);
    wrong = hyperloglog_make_dense(&test.dense) == HYPERLOGLOG_CHANGED ? add_and_compare(&test) : "no conversion";
    buffer_deinit(&test.sparse);
    buffer_deinit(&test.dense);
    return wrong;
}

void cmd_pfselftest(struct call *call)
{
    const char *wrong = self_test(&call->core->memory);

    if (wrong)
        reply_error_format(call->reply, "TESTFAILED %s", wrong);
    else
        reply_ok(call->reply);
}
