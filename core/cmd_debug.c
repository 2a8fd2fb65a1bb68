/* DEBUG: for tests and for a look inside. Allowed by enable-debug-command, which
 * is checked before a handler runs. */
#include "core/handlers.h"

#include <stdio.h>

#include "core/args.h"
#include "core/call.h"
#include "core/log.h"
#include "core/number.h"
#include "core/rdb_value.h"
#include "core/table.h"

void cmd_debug(struct call *call)
{
    reply_error_format(call->reply, "ERR unknown subcommand or wrong number of arguments for '%.*s'. Try DEBUG HELP.",
                       str_quoted_length(call->argv[1]), call->argv[1].bytes);
}

enum { SLEEP_SECONDS_MAX = 24 * 60 * 60 };

/* What is no number counts as 0, as Redis has it. */
void cmd_debug_sleep(struct call *call)
{
    double seconds;

    if (!number_parse_double(call->argv[2], &seconds) || !(seconds > 0))
        seconds = 0;
    if (seconds > SLEEP_SECONDS_MAX)
        seconds = SLEEP_SECONDS_MAX;
    call->core->stall_us = (int64_t)(seconds * 1e6);
    reply_ok(call->reply);
}

void cmd_debug_set_active_expire(struct call *call)
{
    int64_t active;

    if (!number_parse_integer(call->argv[2], &active))
        active = 0;
    keyspace_set_active_expiry(call->core->keyspace, active != 0);
    reply_ok(call->reply);
}

void cmd_debug_error(struct call *call)
{
    struct str text = call->argv[2];

    reply_error_format(call->reply, "%.*s", str_quoted_length(text), text.bytes);
}

void cmd_debug_log(struct call *call)
{
    enum { LINE_MAX_BYTES = 1000 };
    struct str text = call->argv[2];
    int length = text.length < LINE_MAX_BYTES ? (int)text.length : LINE_MAX_BYTES;

    log_write(LOG_WARNING, "DEBUG LOG: %.*s", length, text.bytes);
    reply_ok(call->reply);
}

/* Whether a glob pattern matches a text, by the function that KEYS uses. */
void cmd_debug_stringmatch_len(struct call *call)
{
    reply_integer(call->reply, str_glob_match(call->argv[2], call->argv[3], false));
}

/* Lists have no nodes of this kind; the size is checked as Redis checks it. */
void cmd_debug_quicklist_packed_threshold(struct call *call)
{
    uint64_t bytes;

    if (!number_parse_memory(call->argv[2], &bytes) || bytes > UINT32_MAX)
        reply_error(call->reply, "ERR argument must be a memory value bigger than 1 and smaller than 4gb");
    else
        reply_ok(call->reply);
}

/* What the value takes in an RDB file. */
static size_t serialized_bytes(struct call *call, const struct entry *entry)
{
    struct buffer bytes;
    struct rdb_writer writer = {&bytes, call->core->config.rdbcompression};

    buffer_init(&bytes, &call->core->memory, NULL, 0);
    rdb_write_value(&writer, entry);
    size_t length = bytes.length;
    buffer_deinit(&bytes);
    return length;
}

void cmd_debug_object(struct call *call)
{
    const struct entry *entry = call_find_any(call, call->argv[2], false);
    char text[256];

    if (!entry) {
        reply_error(call->reply, "ERR no such key");
        return;
    }
    snprintf(text, sizeof(text), "Value at:%p refcount:1 encoding:%s serializedlength:%zu lru:%u lru_seconds_idle:%lld",
             (const void *)entry, entry_real_encoding_name(entry), serialized_bytes(call, entry), entry_access(entry),
             (long long)access_idle_seconds(entry_access(entry), call->now_ms));
    reply_simple(call->reply, text);
}

/* The keyspaces that a command without keys covers. */
struct covered {
    struct keyspace *const *keyspaces;
    int count;
};

static struct covered covered_by(const struct call *call)
{
    if (call->reach)
        return (struct covered){call->reach->keyspaces, call->reach->keyspace_count};
    return (struct covered){&call->core->keyspace, 1};
}

static void append_table(struct buffer *text, const struct keyspace *keyspace, int db)
{
    const struct table *table = keyspace_table(keyspace, db);
    size_t bytes = keyspace_overhead_bytes(keyspace, db);

    buffer_append_format(text, " number of elements: %zu\n", table->count);
    buffer_append_format(text, " elements that expire: %zu\n", keyspace_count_expiring(keyspace, db));
    buffer_append_format(text, " segments: %zu\n", table_segment_count(table));
    buffer_append_format(text, " bytes of segments and directory: %zu\n", table_bytes(table));
    buffer_append_format(text, " bytes of the expiry index: %zu\n", bytes - table_bytes(table));
    if (table->count > 0)
        buffer_append_format(text, " bytes per element: %.2f\n", (double)bytes / (double)table->count);
}

void cmd_debug_htstats(struct call *call)
{
    struct covered covered = covered_by(call);
    struct buffer text;
    int64_t db;

    if (!args_integer(call->reply, call->argv[2], &db))
        return;
    if (db < 0 || db >= keyspace_database_count(call->core->keyspace)) {
        reply_error(call->reply, "ERR Out of range database");
        return;
    }
    buffer_init(&text, &call->core->memory, NULL, 0);
    for (int i = 0; i < covered.count; i++) {
        buffer_append_format(&text, "[Table of shard %d]\n", i);
        append_table(&text, covered.keyspaces[i], (int)db);
    }
    reply_verbatim(call->reply, buffer_str(&text), "txt");
    buffer_deinit(&text);
}

static void append_piece(const char *text, void *buffer)
{
    buffer_append_str(buffer, str_from(text));
}

static void log_lines(struct str text)
{
    const char *end = text.bytes + text.length;

    for (const char *line = text.bytes; line < end;) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        const char *stop = newline ? newline : end;

        log_write(LOG_WARNING, "DEBUG JMAP: %.*s", (int)(stop - line), line);
        line = stop + 1;
    }
}

/* Where the memory is, to the log: each shard's data, then the allocator's own report. */
void cmd_debug_jmap(struct call *call)
{
    struct covered covered = covered_by(call);
    struct buffer text;

    buffer_init(&text, &call->core->memory, NULL, 0);
    for (int i = 0; i < covered.count; i++) {
        const struct memory *memory = keyspace_memory(covered.keyspaces[i]);

        buffer_append_format(&text, "data of shard %d: %zu bytes in use, at most %zu\n", i, memory->used_bytes,
                             memory->peak_bytes);
    }
    memory_report(append_piece, &text);
    log_lines(buffer_str(&text));
    buffer_deinit(&text);
    reply_ok(call->reply);
}

void cmd_debug_help(struct call *call)
{
    static const char *const lines[] = {
        "DIGEST",
        "    Show a digest of all keys of all databases, the same as redis-server's of the same keys.",
        "DIGEST-VALUE <key> [<key> ...]",
        "    Show the digest of each <key>'s value, zeros where there is no such key.",
        "ERROR <string>",
        "    Answer with <string> as an error.",
        "HTSTATS <dbid>",
        "    Show figures of each shard's table of the database's keys.",
        "JMAP",
        "    Write to the log where memory is in use.",
        "LOADAOF",
        "    Bring the append-only file to the disk, empty all databases, and load the file again; with appendonly no "
        "the",
        "    file that is there. Not behind writes of the same transaction. A file that is wrong changes nothing.",
        "LOG <message>",
        "    Write <message> to the log.",
        "OBJECT <key>",
        "    Show how <key> and its value are stored.",
        "QUICKLIST-PACKED-THRESHOLD <size>",
        "    Accepted, without effect.",
        "RELOAD [MERGE] [NOFLUSH] [NOSAVE]",
        "    Save the data set to the RDB file, empty all databases, and load the file again. With NOSAVE the file",
        "    is loaded that is there, with NOFLUSH nothing is removed before. A key that is there already is replaced",
        "    with MERGE; without, the file is not loaded. A file that is wrong changes nothing.",
        "SET-ACTIVE-EXPIRE <0|1>",
        "    With 0, keys whose time has come are only removed when they are accessed.",
        "SLEEP <seconds>",
        "    Stop the server for <seconds>. Decimals allowed.",
        "STRINGMATCH-LEN <pattern> <string>",
        "    Answer 1 where the glob <pattern> matches <string>, else 0.",
        NULL,
    };

    args_help(call, lines);
}
