/* BITOP. Sources and target may lie on several shards: then this runs in a gather. */
#include "core/handlers.h"

#include "core/args.h"
#include "core/bitmap_combine.h"
#include "core/call.h"
#include "core/change.h"
#include "core/sparse_bitmap.h"

struct bitop {
    struct bitmap_combination combination;
    struct bitmap *sources;
    char (*digits)[32]; /* for a source that is an integer */
    bool onto_source;   /* the target is a source too */
};

static const struct {
    const char *name;
    int sources_min, sources_max;
} operations[] = {
    [BITMAP_AND] = {"AND", 1, INT32_MAX},     [BITMAP_OR] = {"OR", 1, INT32_MAX},
    [BITMAP_XOR] = {"XOR", 1, INT32_MAX},     [BITMAP_NOT] = {"NOT", 1, 1},
    [BITMAP_DIFF] = {"DIFF", 2, INT32_MAX},   [BITMAP_DIFF1] = {"DIFF1", 2, INT32_MAX},
    [BITMAP_ANDOR] = {"ANDOR", 2, INT32_MAX}, [BITMAP_ONE] = {"ONE", 1, INT32_MAX},
};

enum { FIRST_SOURCE = 3 };

/* False: answered. */
static bool parse_operation(struct call *call, enum bitmap_operation *operation)
{
    int count = call->argc - FIRST_SOURCE;

    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++) {
        if (!arg_is(call->argv[1], operations[i].name))
            continue;
        *operation = (enum bitmap_operation)i;
        if (count < operations[i].sources_min)
            reply_error_format(call->reply, "ERR BITOP %s must be called with at least two source keys.",
                               operations[i].name);
        else if (count > operations[i].sources_max)
            reply_error(call->reply, "ERR BITOP NOT must be called with a single source key.");
        return count >= operations[i].sources_min && count <= operations[i].sources_max;
    }
    args_syntax_error(call->reply);
    return false;
}

/* False: one is no string, and that has been answered. */
static bool find_sources(struct call *call, struct bitop *bitop)
{
    for (size_t i = 0; i < bitop->combination.count; i++) {
        struct str name = call->argv[FIRST_SOURCE + i];
        struct entry *entry;

        if (!call_find_bits_read(call, name, &entry))
            return false;
        bitop->sources[i] = bitmap_of(entry, bitop->digits[i]);
        bitop->onto_source |= str_equal(name, call->argv[2]);
        if (bitop->sources[i].length > bitop->combination.length)
            bitop->combination.length = bitop->sources[i].length;
    }
    return true;
}

static void store_sparse(struct call *call, const struct bitop *bitop)
{
    struct str name = call->argv[2];
    struct keyspace *keyspace = call_keyspace(call, name);
    struct sparse_bitmap *result = bitmap_combine_sparse(&bitop->combination, keyspace_memory(keyspace));
    struct entry *entry =
        keyspace_set_value(keyspace, call->db, call_key(call, name), VALUE_STRING, ENCODING_SPARSE_BITMAP, result);

    keyspace_changed(keyspace, 1);
    bitmap_close(entry);
}

/* The old string's block serves again where there is one; anything else goes. */
static char *make_target(struct call *call, size_t length)
{
    struct key key = call_key(call, call->argv[2]);
    struct keyspace *keyspace = call_keyspace(call, key.name);
    struct entry *old = keyspace_find(keyspace, call->db, key, call->now_ms);
    bool reusable = old != NULL && entry_type(old) == VALUE_STRING && entry_encoding(old) == ENCODING_RAW &&
                    entry_expiry_ms(old) < 0;
    char *bytes;

    if (old != NULL && !reusable) { /* replaced, so that the key is none that is new */
        old = keyspace_set_string(keyspace, call->db, key, STR(""), -1);
        keyspace_stats(keyspace)->dirty--;
    }
    keyspace_resize_raw(keyspace, call->db, key, old, length, &bytes);
    return bytes;
}

/* Sources that the target replaces have to stay until all is combined. */
static void store_bytes(struct call *call, const struct bitop *bitop)
{
    struct memory *memory = &call->core->memory;
    size_t length = bitop->combination.length;

    if (!bitop->onto_source) {
        bitmap_combine(&bitop->combination, make_target(call, length));
        return;
    }
    char *bytes = memory_alloc(memory, length);
    bitmap_combine(&bitop->combination, bytes);
    memcpy(make_target(call, length), bytes, length);
    memory_free(memory, bytes);
}

static void store(struct call *call, const struct bitop *bitop)
{
    if (bitop->combination.length == 0)
        call_delete(call, call->argv[2]);
    else if (bitmap_combination_is_sparse(&bitop->combination))
        store_sparse(call, bitop);
    else
        store_bytes(call, bitop);
    if (bitop->combination.length > 0)
        call_changed(call, EVENT_STRING, "set", call->argv[2]);
    reply_integer(call->reply, (int64_t)bitop->combination.length);
}

void cmd_bitop(struct call *call)
{
    struct memory *memory = &call->core->memory;
    size_t count = (size_t)(call->argc - FIRST_SOURCE);
    enum bitmap_operation operation;

    if (!parse_operation(call, &operation))
        return;
    struct bitop bitop = {
        .sources = memory_alloc(memory, count * sizeof(struct bitmap)),
        .digits = memory_alloc(memory, count * sizeof *bitop.digits),
    };
    bitop.combination = (struct bitmap_combination){.operation = operation, .sources = bitop.sources, .count = count};
    if (find_sources(call, &bitop))
        store(call, &bitop);
    memory_free(memory, bitop.sources);
    memory_free(memory, bitop.digits);
}
