/* Values out of the server and in again, as bytes. */
#include "core/handlers.h"

#include "core/args.h"
#include "core/call.h"
#include "core/change.h"
#include "core/effects.h"
#include "core/number.h"
#include "core/dump.h"
#include "core/rdb_value.h"

void cmd_dump(struct call *call)
{
    const struct entry *entry = call_find_any(call, call->argv[1], true);
    struct buffer payload;
    struct rdb_writer writer = {&payload, call->core->config.rdbcompression};

    if (entry == NULL) {
        reply_null(call->reply);
        return;
    }
    buffer_init(&payload, &call->core->memory, NULL, 0);
    dump_write(&writer, entry);
    reply_bulk(call->reply, buffer_str(&payload));
    buffer_deinit(&payload);
}

/* RESTORE */

enum { FREQUENCY_MOST = 255, UNSET = -1 };

struct restore_options {
    bool replace, absolute;
    int64_t idle_seconds, frequency; /* UNSET, or at most one of the two */
};

/* The number behind an option. False: answered. */
static bool parse_use(struct call *call, int index, int64_t most, const char *error, int64_t *value)
{
    if (!args_integer(call->reply, call->argv[index], value))
        return false;
    if (*value >= 0 && *value <= most)
        return true;
    reply_error(call->reply, error);
    return false;
}

static bool parse_options(struct call *call, struct restore_options *options)
{
    *options = (struct restore_options){.idle_seconds = UNSET, .frequency = UNSET};
    for (int i = 4; i < call->argc; i++) {
        struct str word = call->argv[i];
        bool followed = i + 1 < call->argc;

        if (arg_is(word, "replace")) {
            options->replace = true;
        } else if (arg_is(word, "absttl")) {
            options->absolute = true;
        } else if (arg_is(word, "idletime") && followed && options->frequency == UNSET) {
            if (!parse_use(call, ++i, INT64_MAX, "ERR Invalid IDLETIME value, must be >= 0", &options->idle_seconds))
                return false;
        } else if (arg_is(word, "freq") && followed && options->idle_seconds == UNSET) {
            if (!parse_use(call, ++i, FREQUENCY_MOST, "ERR Invalid FREQ value, must be >= 0 and <= 255",
                           &options->frequency))
                return false;
        } else {
            args_syntax_error(call->reply);
            return false;
        }
    }
    return true;
}

/* As Unix time, -1: none. A time too far ahead to tell has passed, as in Redis. False: answered. */
static bool parse_deadline(struct call *call, bool absolute, int64_t *deadline_ms)
{
    if (!args_integer(call->reply, call->argv[2], deadline_ms))
        return false;
    if (*deadline_ms < 0) {
        reply_error(call->reply, "ERR Invalid TTL value, must be >= 0");
        return false;
    }
    if (*deadline_ms == 0)
        *deadline_ms = -1;
    else if (!absolute && __builtin_add_overflow(*deadline_ms, call_clock_ms(call), deadline_ms))
        *deadline_ms = 0;
    return true;
}

/* Reads the payload. False: answered, and there is no value. */
static bool read_payload(struct call *call, struct rdb_loader *loader, struct rdb_value *value)
{
    uint8_t type;

    if (rdb_read_byte(&loader->reader, &type) && rdb_read_value(loader, type, value)) {
        if (rdb_left(&loader->reader) == 0)
            return true;
        if (value->value != NULL)
            value_destroy(value_kind_of(value->type, value->encoding), loader->memory, value->value);
    }
    reply_error(call->reply, "ERR Bad data format");
    return false;
}

/* Without what it said of the key's use, which is nobody's data. */
static void record_restore(const struct call *call, int64_t deadline_ms)
{
    char digits[NUMBER_TEXT_MAX];
    struct str name = call->argv[1];

    if (call_is_journaled(call, name))
        CALL_RECORD(call, name, STR("RESTORE"), name,
                    {digits, number_format_integer(digits, deadline_ms < 0 ? 0 : deadline_ms)}, call->argv[3],
                    STR("REPLACE"), STR("ABSTTL"));
}

/* Puts the value under the key in place of the old one; where its time has passed, only the old one goes. */
static void put(struct call *call, const struct restore_options *options, const struct rdb_value *value,
                int64_t deadline_ms)
{
    struct str name = call->argv[1];
    struct keyspace *keyspace = call_keyspace(call, name);
    struct key key = call_key(call, name);
    bool passed = deadline_ms >= 0 && deadline_ms <= call->now_ms;
    struct entry *old = keyspace_find(keyspace, call->db, key, call->now_ms);

    if (old != NULL)
        keyspace_delete_entry(keyspace, call->db, old);
    if (!passed) {
        rdb_note_use(rdb_put_value(keyspace, call->db, key, value, deadline_ms), &call->core->config, call->now_ms,
                     options->idle_seconds, options->frequency);
        call_changed(call, EVENT_GENERIC, "restore", name);
        record_restore(call, deadline_ms);
        return;
    }
    keyspace_changed(keyspace, old != NULL);
    if (old != NULL)
        call_changed(call, EVENT_GENERIC, "del", name);
    if (old != NULL)
        CALL_RECORD(call, name, STR("DEL"), name);
    rdb_free_value(keyspace, value);
}

static void restore(struct call *call, const struct restore_options *options, struct str type_and_value,
                    int64_t deadline_ms)
{
    struct memory *memory = keyspace_memory(call_keyspace(call, call->argv[1]));
    struct rdb_loader loader;
    struct rdb_value value;

    rdb_loader_init(&loader, type_and_value, memory, &call->core->config);
    if (read_payload(call, &loader, &value)) {
        put(call, options, &value, deadline_ms);
        reply_ok(call->reply);
    }
    rdb_loader_deinit(&loader);
}

void cmd_restore(struct call *call)
{
    struct restore_options options;
    struct str type_and_value;
    int64_t deadline_ms;

    if (!parse_options(call, &options))
        return;
    if (!options.replace && call_find_any(call, call->argv[1], false) != NULL) {
        reply_error(call->reply, "BUSYKEY Target key name already exists.");
        return;
    }
    if (!parse_deadline(call, options.absolute, &deadline_ms))
        return;
    if (!dump_open(call->argv[3], &type_and_value)) {
        reply_error(call->reply, "ERR DUMP payload version or checksum are wrong");
        return;
    }
    restore(call, &options, type_and_value, deadline_ms);
}
