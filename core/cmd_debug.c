/* DEBUG: for tests and for a look inside. Allowed by enable-debug-command, which
 * is checked before a handler runs. */
#include "core/handlers.h"

#include "core/args.h"
#include "core/call.h"
#include "core/log.h"
#include "core/number.h"
#include "core/sha1.h"

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

/* The names are made anew on every shard by itself, and are the same on all: each follows from the one before. */
void cmd_debug_change_repl_id(struct call *call)
{
    struct core *core = call->core;

    sha1_hex(str_from(core->replication_id), core->replication_id);
    reply_ok(call->reply);
}

/* The client's text on one line; as in Redis, no error that is counted. */
void cmd_debug_error(struct call *call)
{
    struct buffer *buffer = &call->reply->buffer;
    size_t start;

    reply_raw(call->reply, STR("-"));
    start = buffer->length;
    reply_raw(call->reply, call->argv[2]);
    for (size_t i = start; i < buffer->length; i++)
        if (buffer->bytes[i] == '\r' || buffer->bytes[i] == '\n')
            buffer->bytes[i] = ' ';
    reply_raw(call->reply, STR("\r\n"));
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
    struct keyspaces all = call_keyspaces(call);
    struct buffer text;

    buffer_init(&text, &call->core->memory, NULL, 0);
    for (int i = 0; i < all.count; i++) {
        const struct memory *memory = keyspace_memory(all.items[i]);

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
        "CHANGE-REPL-ID",
        "    Give the data set's history another name, which INFO shows as master_replid.",
        "DIGEST",
        "    Show a digest of all keys of all databases, the same as redis-server's of the same keys.",
        "DIGEST-VALUE <key> [<key> ...]",
        "    Show the digest of each <key>'s value, zeros where there is no such key.",
        "ERROR <string>",
        "    Answer with <string> as an error.",
        "HTSTATS <dbid>",
        "    Show figures of each shard's table of the database's keys.",
        "HTSTATS-KEY <key>",
        "    Show figures of the table that <key>'s value is kept in.",
        "JMAP",
        "    Write to the log where memory is in use.",
        "LISTPACK <key>",
        "    Write to the log what lies in the listpack that <key>'s value is kept in.",
        "LOADAOF",
        "    Bring the append-only file to the disk, empty all databases, and load the file again; with appendonly no "
        "the",
        "    file that is there. Not behind writes of the same transaction. A file that is wrong changes nothing.",
        "LOG <message>",
        "    Write <message> to the log.",
        "OBJECT <key>",
        "    Show how <key> and its value are stored.",
        "POPULATE <count> [<prefix>] [<size>]",
        "    Create <count> strings named <prefix>:<number>, where they are not there yet: key:0, key:1 and so on. "
        "Each",
        "    holds value:<number>, cut off or filled up with zeros to <size> bytes where that is given.",
        "PROTOCOL <type>",
        "    Answer with a sample of the type: string, integer, double, bignum, null, array, set, map, attrib, push,",
        "    verbatim, true or false.",
        "QUICKLIST <key> [<0|1>]",
        "    Write to the log which blocks the list at <key> is kept in; with 1 their elements, too.",
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
