/* DEBUG OBJECT, LISTPACK, QUICKLIST: how one value is stored. What Redis prints goes to the log. */
#include "core/handlers.h"

#include "core/args.h"
#include "core/call.h"
#include "core/list_value.h"
#include "core/log.h"
#include "core/number.h"
#include "core/rdb_value.h"

/* NULL: there is no such key, and that has been answered. */
static struct entry *find(struct call *call)
{
    struct entry *entry = call_find_any(call, call->argv[2], false);

    if (!entry)
        reply_error(call->reply, "ERR no such key");
    return entry;
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

static size_t block_bytes(const struct entry *list)
{
    size_t bytes = 0, count = list_count(list);

    for (size_t at = 0; at < count;) {
        struct deque_block block = list_block_at(list, at);

        bytes += block.bytes.length;
        at = block.first + block.count;
    }
    return bytes;
}

/* What Redis adds for a list in several blocks. */
static void append_blocks(struct buffer *text, const struct entry *list, const struct config *config)
{
    size_t blocks = list_blocks(list);

    buffer_append_format(text, " ql_nodes:%zu ql_avg_node:%.2f", blocks, (double)list_count(list) / (double)blocks);
    buffer_append_format(text, " ql_listpack_max:%d ql_compressed:%d ql_uncompressed_size:%zu",
                         config->list_max_listpack_size, config->list_compress_depth > 0, block_bytes(list));
}

void cmd_debug_object(struct call *call)
{
    const struct entry *entry = find(call);
    struct buffer text;

    if (!entry)
        return;
    buffer_init(&text, &call->core->memory, NULL, 0);
    buffer_append_format(&text, "Value at:%p refcount:1 encoding:%s serializedlength:%zu lru:%u lru_seconds_idle:%lld",
                         (const void *)entry, entry_real_encoding_name(entry), serialized_bytes(call, entry),
                         entry_access(entry), (long long)access_idle_seconds(entry_access(entry), call->now_ms));
    if (entry_encoding(entry) == ENCODING_DEQUE)
        append_blocks(&text, entry, &call->core->config);
    buffer_append(&text, "", 1);
    reply_simple(call->reply, text.bytes);
    buffer_deinit(&text);
}

enum { SHOWN_BYTES = 40 /* of an element */ };

/* Bytes that are not printable are shown as dots. */
static void log_element(const char *command, size_t index, struct str text)
{
    size_t length = text.length < SHOWN_BYTES ? text.length : SHOWN_BYTES;
    char shown[SHOWN_BYTES];

    for (size_t i = 0; i < length; i++)
        shown[i] = text.bytes[i] >= ' ' && text.bytes[i] <= '~' ? text.bytes[i] : '.';
    log_write(LOG_WARNING, "%s:   element %zu, %zu bytes: %.*s%s", command, index, text.length, (int)length, shown,
              text.length > length ? "..." : "");
}

static void log_pack(const char *command, const unsigned char *pack, size_t first)
{
    char digits[NUMBER_TEXT_MAX];

    for (const unsigned char *at = listpack_first(pack); at != NULL; at = listpack_next(at))
        log_element(command, first++, listpack_text(listpack_get(at), digits));
}

void cmd_debug_listpack(struct call *call)
{
    const struct entry *entry = find(call);

    if (!entry)
        return;
    if (entry_encoding(entry) != ENCODING_LISTPACK) {
        reply_error(call->reply, "ERR Not a listpack encoded object.");
        return;
    }
    const unsigned char *pack = entry_value(entry);
    log_write(LOG_WARNING, "DEBUG LISTPACK: %zu bytes, %zu elements", listpack_bytes(pack), listpack_count(pack));
    log_pack("DEBUG LISTPACK", pack, 0);
    reply_simple(call->reply, "Listpack structure printed on stdout");
}

static void log_block(const struct deque_block *block, bool elements)
{
    log_write(LOG_WARNING, "DEBUG QUICKLIST: %s of %zu bytes, elements %zu to %zu",
              block->is_plain ? "plain" : "packed", block->bytes.length, block->first, block->first + block->count - 1);
    if (elements && block->is_plain)
        log_element("DEBUG QUICKLIST", block->first, block->bytes);
    else if (elements)
        log_pack("DEBUG QUICKLIST", (const unsigned char *)block->bytes.bytes, block->first);
}

static void log_blocks(const struct entry *list, bool elements)
{
    size_t count = list_count(list);

    log_write(LOG_WARNING, "DEBUG QUICKLIST: %zu elements in %zu blocks", count, list_blocks(list));
    for (size_t at = 0; at < count;) {
        struct deque_block block = list_block_at(list, at);

        log_block(&block, elements);
        at = block.first + block.count;
    }
}

void cmd_debug_quicklist(struct call *call)
{
    if (call->argc > 4) {
        cmd_debug(call);
        return;
    }
    const struct entry *entry = find(call);
    int64_t elements = 0;

    if (!entry)
        return;
    if (entry_encoding(entry) != ENCODING_DEQUE) {
        reply_error(call->reply, "ERR Not a quicklist encoded object.");
        return;
    }
    if (call->argc > 3 && !number_parse_integer(call->argv[3], &elements))
        elements = 0;
    log_blocks(entry, elements != 0);
    reply_simple(call->reply, "Quicklist structure printed on stdout");
}
