/* Strings as bytes: reading them, in whole or in part, and changing parts.
 *
 * GET is the path that all else is measured by: one lookup, one copy. */
#include "core/handlers.h"

#include "core/args.h"
#include "core/call.h"
#include "core/change.h"
#include "core/string_options.h"
#include "core/string_value.h"

void cmd_get(struct call *call)
{
    struct entry *entry;

    if (call_find_read(call, call->argv[1], VALUE_STRING, &entry))
        string_reply(call->reply, entry);
}

void cmd_getdel(struct call *call)
{
    struct entry *entry;

    if (!call_find_read(call, call->argv[1], VALUE_STRING, &entry))
        return;
    string_reply(call->reply, entry);
    if (entry != NULL)
        call_delete_recorded(call, call->argv[1]);
}

/* What GETEX does to the expiry of a key that is there. */
static void getex_expiry(struct call *call, const struct string_options *options, struct entry *entry,
                         int64_t expiry_ms)
{
    struct str name = call->argv[1];

    if (string_options_expire_at(options) && expiry_ms <= call->now_ms)
        call_delete_recorded(call, name);
    else if (expiry_ms >= 0)
        call_set_expiry(call, name, entry, expiry_ms);
    else if (options->expiry == STRING_EXPIRY_PERSIST && entry_expiry_ms(entry) >= 0)
        call_set_expiry(call, name, entry, -1);
}

void cmd_getex(struct call *call)
{
    struct string_options options;
    struct entry *entry;
    int64_t expiry_ms;

    if (!string_options_parse(call, 2, STRING_GETEX, &options))
        return;
    if (!call_find_read(call, call->argv[1], VALUE_STRING, &entry))
        return;
    if (entry != NULL && !string_options_expiry(call, &options, &expiry_ms))
        return;
    string_reply(call->reply, entry);
    if (entry != NULL)
        getex_expiry(call, &options, entry, expiry_ms);
}

void cmd_strlen(struct call *call)
{
    struct entry *entry;

    if (call_find_bits_read(call, call->argv[1], &entry))
        reply_integer(call->reply, entry ? (int64_t)entry_string_length(entry) : 0);
}

/* How many bytes lie from *start to end, both included, negative from the end of
 * the string. Redis moves what lies before the string to its first byte. */
static size_t range_length(int64_t length, int64_t *from, int64_t end)
{
    int64_t start = *from;

    if (start < 0 && end < 0 && start > end)
        return 0;
    if (start < 0)
        start = start < -length ? 0 : start + length;
    if (end < 0)
        end = end < -length ? 0 : end + length;
    if (end >= length)
        end = length - 1;
    *from = start;
    return start > end ? 0 : (size_t)(end - start + 1);
}

void cmd_getrange(struct call *call)
{
    int64_t start, end;
    struct entry *entry;

    if (!args_integer(call->reply, call->argv[2], &start) || !args_integer(call->reply, call->argv[3], &end))
        return;
    if (!call_find_bits_read(call, call->argv[1], &entry))
        return;
    size_t count = entry ? range_length((int64_t)entry_string_length(entry), &start, end) : 0;
    if (count > 0)
        string_reply_range(call->reply, entry, (size_t)start, count);
    else
        reply_bulk(call->reply, STR(""));
}

void cmd_substr(struct call *call)
{
    cmd_getrange(call);
}

/* False: a string of `length` and `more` bytes would be too long, and that has been answered. */
static bool length_allowed(struct call *call, uint64_t length, uint64_t more)
{
    uint64_t limit = (uint64_t)call->core->config.proto_max_bulk_len;

    if (length <= limit && more <= limit - length)
        return true;
    reply_error(call->reply, "ERR string exceeds maximum allowed size (proto-max-bulk-len)");
    return false;
}

/* Puts value at offset; the string is made as long as that takes. Returns its length. */
static size_t string_write(struct call *call, struct entry *entry, size_t offset, struct str value, const char *event)
{
    struct str name = call->argv[1];
    size_t old_length = entry ? entry_string_length(entry) : 0;
    size_t length = offset + value.length > old_length ? offset + value.length : old_length;
    char *bytes;

    keyspace_resize_raw(call_keyspace(call, name), call->db, call_key(call, name), entry, length, &bytes);
    memcpy(bytes + offset, value.bytes, value.length);
    call_changed(call, EVENT_STRING, event, name);
    return length;
}

void cmd_setrange(struct call *call)
{
    struct str value = call->argv[3];
    struct entry *entry;
    int64_t offset;

    if (!args_integer(call->reply, call->argv[2], &offset))
        return;
    if (offset < 0) {
        reply_error(call->reply, "ERR offset is out of range");
        return;
    }
    if (!call_find_write(call, call->argv[1], VALUE_STRING, &entry))
        return;
    if (value.length == 0)
        reply_integer(call->reply, entry ? (int64_t)entry_string_length(entry) : 0);
    else if (length_allowed(call, (uint64_t)offset, value.length))
        reply_integer(call->reply, (int64_t)string_write(call, entry, (size_t)offset, value, "setrange"));
}

void cmd_append(struct call *call)
{
    struct str name = call->argv[1], more = call->argv[2];
    struct entry *entry;

    if (!call_find_write(call, name, VALUE_STRING, &entry))
        return;
    if (entry == NULL) {
        keyspace_set_string(call_keyspace(call, name), call->db, call_key(call, name), more, -1);
        call_changed(call, EVENT_STRING, "append", name);
        reply_integer(call->reply, (int64_t)more.length);
        return;
    }
    size_t length = entry_string_length(entry);
    if (length_allowed(call, length, more.length))
        reply_integer(call->reply, (int64_t)string_write(call, entry, length, more, "append"));
}
