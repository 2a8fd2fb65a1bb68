/* Parts of long strings; and streams, which keep their own blocks. */
#include "core/undo_log.h"
#include "core/undo_save.h"

#include "core/call.h"
#include "core/entry_layout.h"
#include "core/number.h"
#include "core/stream_args.h"
#include "core/stream_keep.h"

enum { LONG_BYTES = 16 * 1024 /* from here on it pays not to copy all of a string */ };

/* Strings */

/* So many bytes from an offset on are to be written over, as far as there are such. */
static void save_bytes(struct undo *undo, const struct call *call, struct entry *entry, int key, uint64_t offset,
                       uint64_t count)
{
    const struct entry_block *block = entry_block(entry);

    if (block == NULL || block->length < LONG_BYTES) {
        undo_save_value(undo, call, entry, key);
        return;
    }
    offset = offset < block->length ? offset : block->length;
    count = count < block->length - offset ? count : block->length - offset;
    undo_record(undo, UNDO_BYTES, call->db, call_key(call, call->argv[key]), entry);
    undo_put_number(undo, block->length);
    undo_put_number(undo, offset);
    undo_put_text(undo, (struct str){block->bytes + offset, count});
}

void undo_save_append(struct undo *undo, const struct call *call, struct entry *entry, int key)
{
    save_bytes(undo, call, entry, key, UINT64_MAX, 0);
}

void undo_save_setrange(struct undo *undo, const struct call *call, struct entry *entry, int key)
{
    int64_t offset;

    if (number_parse_integer(call->argv[2], &offset) && offset >= 0)
        save_bytes(undo, call, entry, key, (uint64_t)offset, call->argv[3].length);
}

void undo_save_setbit(struct undo *undo, const struct call *call, struct entry *entry, int key)
{
    int64_t offset;

    if (number_parse_integer(call->argv[2], &offset) && offset >= 0)
        save_bytes(undo, call, entry, key, (uint64_t)offset / 8, 1);
}

void undo_bytes_back(struct undo_reader *reader)
{
    struct entry *entry = undo_entry(reader);
    size_t length = undo_get_number(reader), offset = undo_get_number(reader);
    struct str text = undo_get_text(reader);
    char *bytes;

    entry = keyspace_resize_raw(reader->undo->keyspace, reader->record.db, reader->key, entry, length, &bytes);
    str_copy(bytes + offset, text);
    entry_set_access(entry, reader->record.access);
}

/* Streams */

/* Then the groups change, too. Also where the word is no option. */
static bool says_delref(const struct call *call)
{
    for (int i = 2; i < call->argc; i++)
        if (stream_args_references(call->argv[i]) == STREAM_REFERENCES_DELETE)
            return true;
    return false;
}

void undo_save_entries(struct undo *undo, const struct call *call, struct entry *entry, int key)
{
    if (entry_type(entry) != VALUE_STREAM || says_delref(call)) {
        undo_save_value(undo, call, entry, key);
        return;
    }
    undo->stream = stream_keep_begin(entry_value(entry));
    undo_record(undo, UNDO_STREAM, call->db, call_key(call, call->argv[key]), entry);
    undo_put_number(undo, (uintptr_t)undo->stream);
    undo->owned++;
}

static struct stream_keep *keep_of(struct undo_reader *reader)
{
    return (struct stream_keep *)(uintptr_t)undo_get_number(reader);
}

void undo_stream_back(struct undo_reader *reader)
{
    undo_entry(reader);
    stream_keep_back(keep_of(reader));
}

void undo_stream_release(struct undo_reader *reader)
{
    stream_keep_release(keep_of(reader));
}
