/* DEBUG POPULATE: many strings at once, in the keyspaces of all shards. The names, and the values byte for byte, are
 * those that redis-server would make; unlike there they are journaled, as what changes them later is. */
#include "core/handlers.h"

#include <stdio.h>

#include "core/args.h"
#include "core/call.h"
#include "core/change.h"
#include "core/effects.h"

enum { NAME_BYTES = 128 /* with the end: a longer one is cut off */ };

struct population {
    int64_t count;
    struct str prefix;
    int64_t value_bytes; /* 0: as many as the text has */
};

/* False: answered. */
static bool read_population(struct call *call, struct population *population)
{
    const char *error = "ERR value is out of range, must be positive";

    *population = (struct population){.prefix = call->argc > 3 ? call->argv[3] : STR("key")};
    if (!args_integer_in(call->reply, call->argv[2], 0, INT64_MAX, error, &population->count) ||
        (call->argc > 4 && !args_integer_in(call->reply, call->argv[4], 0, INT64_MAX, error, &population->value_bytes)))
        return false;
    if (population->value_bytes > (int64_t)call->core->config.proto_max_bulk_len) {
        reply_error(call->reply, "ERR string exceeds maximum allowed size (proto-max-bulk-len)");
        return false;
    }
    return true;
}

static struct str write_name(char name[static NAME_BYTES], struct str prefix, int64_t number)
{
    int precision = prefix.length < NAME_BYTES ? (int)prefix.length : NAME_BYTES;
    int length = snprintf(name, NAME_BYTES, "%.*s:%lld", precision, prefix.bytes, (long long)number);

    return (struct str){name, length < NAME_BYTES ? (size_t)length : NAME_BYTES - 1};
}

/* The value's text, then zeros, or so much of it as there is room for. value: its room begins with the value of a
 * lower number, or is zeros. */
static struct str write_value(char *value, int64_t bytes, int64_t number)
{
    char text[32];
    size_t length = (size_t)snprintf(text, sizeof text, "value:%lld", (long long)number);
    size_t wanted = bytes > 0 ? (size_t)bytes : length;

    memcpy(value, text, length < wanted ? length : wanted);
    return (struct str){value, wanted};
}

static size_t data_bytes(const struct call *call)
{
    struct keyspaces all = call_keyspaces(call);
    size_t sum = 0;

    for (int i = 0; i < all.count; i++)
        sum += keyspace_memory(all.items[i])->used_bytes;
    return sum;
}

/* How far the data may grow before maxmemory is exceeded. */
static size_t data_most(const struct call *call)
{
    const struct core *core = call->core;
    size_t used = core_used_bytes(core) + core->others_used_bytes;

    if (core->config.maxmemory == 0)
        return SIZE_MAX;
    return data_bytes(call) + (core->config.maxmemory > used ? core->config.maxmemory - used : 0);
}

static void add_string(struct call *call, struct str name, struct str value)
{
    struct keyspace *keyspace = call_keyspace(call, name);
    struct key key = key_of(name);

    if (keyspace_find(keyspace, call->db, key, call->now_ms) != NULL)
        return;
    keyspace_set_string(keyspace, call->db, key, value, -1);
    call_touched(call, name);
    CALL_RECORD(call, name, STR("SET"), name, value);
}

/* False: memory is short, and some are not there. */
static bool populate(struct call *call, const struct population *population, char *value)
{
    size_t most = data_most(call);

    for (int64_t i = 0; i < population->count; i++) {
        char name[NAME_BYTES];

        if (most < SIZE_MAX && data_bytes(call) > most)
            return false;
        add_string(call, write_name(name, population->prefix, i), write_value(value, population->value_bytes, i));
    }
    return true;
}

void cmd_debug_populate(struct call *call)
{
    enum { TEXT_BYTES = 32 };
    struct population population;

    if (call->argc > 5) {
        cmd_debug(call);
        return;
    }
    if (!read_population(call, &population))
        return;
    char *value = memory_alloc_zeroed(&call->core->memory, (size_t)population.value_bytes + TEXT_BYTES);
    if (populate(call, &population, value))
        reply_ok(call->reply);
    else
        reply_error(call->reply, CORE_OUT_OF_MEMORY);
    memory_free(&call->core->memory, value);
}
