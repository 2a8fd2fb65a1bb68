/* The records of whole keys, and the way back over all records.
 *
 * Records are taken back from the last to the first, so that each meets the
 * keyspace as it was when the record was made. A key of which all has been kept
 * is marked, and needs no further record: taking back that one overwrites whatever
 * has become of it. Where a key gets another name the marks lose their meaning, and all go. */
#include "core/undo.h"

#include "core/assert.h"
#include "core/call.h"
#include "core/command.h"
#include "core/entry_build.h"
#include "core/keyspace_layout.h"
#include "core/memory.h"
#include "core/stream_keep.h"
#include "core/undo_log.h"
#include "core/undo_save.h"

enum {
    SMALL_BYTES = 1024,         /* up to this a value is copied without a look at the command */
    LOG_BYTES_KEPT = 64 * 1024, /* what the log may hold on to between scripts */
    MARKS_LEAST = 64,
};

void undo_init(struct undo *undo, struct memory *memory)
{
    *undo = (struct undo){.memory = memory};
    buffer_init(&undo->log, memory, NULL, 0);
}

void undo_deinit(struct undo *undo)
{
    ASSERT(undo->keyspace == NULL);
    buffer_deinit(&undo->log);
    memory_free(undo->memory, undo->marks.slots);
}

/* Marks */

/* Hashes are keyed: two names with one of 64 bits will not be met with. */
static uint64_t mark_of(int db, uint64_t hash)
{
    return hash + (uint64_t)db * UINT64_C(0x9e3779b97f4a7c15);
}

static struct undo_mark *find_mark(const struct undo_marks *marks, uint64_t key)
{
    size_t mask = marks->capacity - 1, at = key & mask;

    while (marks->slots[at].generation == marks->generation && marks->slots[at].key != key)
        at = (at + 1) & mask;
    return &marks->slots[at];
}

static void set_mark(struct undo_marks *marks, uint64_t key)
{
    struct undo_mark *mark = find_mark(marks, key);

    marks->count += mark->generation != marks->generation;
    *mark = (struct undo_mark){key, marks->generation};
}

static void grow_marks(struct undo *undo)
{
    struct undo_marks old = undo->marks, *marks = &undo->marks;

    marks->capacity = old.capacity ? 2 * old.capacity : MARKS_LEAST;
    marks->slots = memory_alloc_zeroed(undo->memory, marks->capacity * sizeof *marks->slots);
    marks->count = 0;
    for (size_t i = 0; i < old.capacity; i++)
        if (old.slots[i].generation == old.generation)
            set_mark(marks, old.slots[i].key);
    memory_free(undo->memory, old.slots);
}

void undo_mark(struct undo *undo, int db, uint64_t hash)
{
    if (2 * undo->marks.count >= undo->marks.capacity)
        grow_marks(undo);
    set_mark(&undo->marks, mark_of(db, hash));
}

bool undo_is_marked(const struct undo *undo, int db, uint64_t hash)
{
    if (undo->marks.count == 0)
        return false;
    return find_mark(&undo->marks, mark_of(db, hash))->generation == undo->marks.generation;
}

static void clear_marks(struct undo_marks *marks)
{
    marks->generation++;
    marks->count = 0;
}

/* Records */

void undo_record(struct undo *undo, enum undo_kind kind, int db, struct key key, const struct entry *entry)
{
    size_t at = undo->log.length;
    struct undo_record record = {
        .previous = undo->last,
        .hash = key.hash,
        .name_length = key.name.length,
        .db = (uint16_t)db,
        .kind = (uint8_t)kind,
        .encoding = entry ? (uint8_t)entry->encoding : 0,
        .access = entry ? entry->access : 0,
    };

    if (at > 0)
        memcpy(undo->log.bytes + undo->last + offsetof(struct undo_record, next), &at, sizeof at);
    undo->last = at;
    undo_put(undo, &record, sizeof record);
    buffer_append_str(&undo->log, key.name);
}

void undo_read(struct undo *undo, size_t at, struct undo_reader *reader)
{
    const char *bytes = undo->log.bytes + at;

    reader->undo = undo;
    memcpy(&reader->record, bytes, sizeof reader->record);
    bytes += sizeof reader->record;
    reader->key = (struct key){{bytes, reader->record.name_length}, reader->record.hash};
    reader->at = bytes + reader->record.name_length;
}

static struct entry *find(struct undo *undo, int db, struct key key)
{
    return keyspace_find(undo->keyspace, db, key, INT64_MIN);
}

struct entry *undo_entry(struct undo_reader *reader)
{
    struct entry *entry = find(reader->undo, reader->record.db, reader->key);

    ASSERT(entry != NULL);
    entry->access = reader->record.access & 0xffffff;
    return entry;
}

/* From the keyspace */

void undo_added(struct undo *undo, int db, const struct entry *entry)
{
    struct key key = key_of(entry_key_inline(entry));

    if (undo_is_marked(undo, db, key.hash))
        return;
    undo_record(undo, UNDO_ADDED, db, key, NULL);
    undo_mark(undo, db, key.hash);
}

void undo_removed(struct undo *undo, int db, struct entry *entry)
{
    struct key key = key_of(entry_key_inline(entry));

    if (undo_is_marked(undo, db, key.hash)) {
        reclaim_take_entry(&undo->keyspace->reclaim, entry);
        return;
    }
    undo_record(undo, UNDO_REMOVED, db, key, NULL);
    undo_put_number(undo, (uintptr_t)entry);
    undo->owned++;
    undo_mark(undo, db, key.hash);
}

void undo_moved(struct undo *undo, int from_db, struct key source, int to_db, struct key target)
{
    undo_record(undo, UNDO_MOVED, to_db, target, NULL);
    undo_put_number(undo, (uint64_t)from_db);
    undo_put_number(undo, source.hash);
    undo_put_text(undo, source.name);
    clear_marks(&undo->marks);
}

void undo_expiry(struct undo *undo, int db, const struct entry *entry)
{
    struct key key = key_of(entry_key_inline(entry));

    if (undo_is_marked(undo, db, key.hash))
        return;
    undo_record(undo, UNDO_EXPIRY, db, key, entry);
    undo_put_number(undo, (uint64_t)entry_expiry_inline(entry));
}

void undo_touched(struct undo *undo, int db, struct str name, uint64_t by)
{
    undo_record(undo, UNDO_TOUCHED, db, key_of(name), NULL);
    undo_put_number(undo, by);
    undo->owned++;
}

/* Whole values */

static bool is_one_block(const struct entry *entry)
{
    return entry_block(entry) != NULL || entry_kind(entry)->copy == value_blob_copy;
}

static size_t owned_bytes(const struct entry *entry)
{
    const struct entry_block *block = entry_block(entry);

    if (block)
        return sizeof *block + block->length;
    return entry_owned(entry) ? memory_block_bytes(entry_owned(entry)) : 0;
}

static void copy_entry(struct undo *undo, int db, struct key key, const struct entry *entry)
{
    size_t bytes = memory_block_bytes(entry), owned = owned_bytes(entry);

    undo_record(undo, UNDO_COPY, db, key, NULL);
    undo_put_number(undo, bytes);
    undo_put_number(undo, owned);
    undo_put(undo, entry, bytes);
    if (owned > 0)
        undo_put(undo, entry_owned(entry), owned);
    undo_mark(undo, db, key.hash);
}

static struct entry *copy_back(struct undo_reader *reader)
{
    struct memory *memory = reader->undo->keyspace->memory;
    size_t bytes = undo_get_number(reader), owned = undo_get_number(reader);
    struct entry *entry = memcpy(memory_alloc(memory, bytes), reader->at, bytes);

    if (owned > 0)
        entry_set_word(entry, (uintptr_t)memcpy(memory_alloc(memory, owned), reader->at + bytes, owned));
    return entry;
}

/* The value itself is kept, for records before this one may know its parts; the command gets a copy. */
static void keep_value(struct undo *undo, int db, struct key key, struct entry *entry)
{
    void *value = entry_value(entry);

    undo_record(undo, UNDO_VALUE, db, key, entry);
    undo_put_number(undo, (uint64_t)entry_expiry_inline(entry));
    undo_put_number(undo, entry->type);
    undo_put_number(undo, (uintptr_t)value);
    entry_set_value(entry, entry_encoding(entry), entry_kind(entry)->copy(undo->keyspace->memory, value));
    undo->owned++;
    undo_mark(undo, db, key.hash);
}

static struct entry *value_back(struct undo_reader *reader)
{
    struct memory *memory = reader->undo->keyspace->memory;
    int64_t expiry_ms = (int64_t)undo_get_number(reader);
    enum value_type type = (enum value_type)undo_get_number(reader);
    void *value = (void *)(uintptr_t)undo_get_number(reader);
    struct entry *entry = entry_create_value(memory, reader->key.name, type, reader->record.encoding, value);

    if (expiry_ms >= 0)
        entry = entry_store_expiry(memory, entry, expiry_ms);
    entry->access = reader->record.access & 0xffffff;
    return entry;
}

static void save_value(struct undo *undo, int db, struct key key, struct entry *entry)
{
    if (is_one_block(entry))
        copy_entry(undo, db, key, entry);
    else
        keep_value(undo, db, key, entry);
}

void undo_save_value(struct undo *undo, const struct call *call, struct entry *entry, int key)
{
    save_value(undo, call->db, call_key(call, call->argv[key]), entry);
}

void undo_items(struct undo *undo, int db, struct entry *entry)
{
    struct key key = key_of(entry_key_inline(entry));

    if (!undo_is_marked(undo, db, key.hash))
        save_value(undo, db, key, entry);
}

void undo_save_nothing(struct undo *undo, const struct call *call, struct entry *entry, int key)
{
}

void undo_save_string(struct undo *undo, const struct call *call, struct entry *entry, int key)
{
    if (!entry_has_value_inline(entry))
        undo_save_value(undo, call, entry, key);
}

/* SORT makes a tree of a sorted set, as in Redis. */
void undo_save_sort(struct undo *undo, const struct call *call, struct entry *entry, int key)
{
    if (entry_type(entry) == VALUE_ZSET && entry_encoding(entry) == ENCODING_LISTPACK)
        undo_save_value(undo, call, entry, key);
    else
        undo_save_string(undo, call, entry, key);
}

/* Running a command */

static bool is_small(const struct entry *entry)
{
    return !entry_owned(entry) || (is_one_block(entry) && owned_bytes(entry) <= SMALL_BYTES);
}

static void keep_key(struct undo *undo, const struct call *call, struct key key, int index)
{
    command_save *save = call->command->save ? call->command->save : undo_save_value;
    struct entry *entry;

    if (save == undo_save_nothing || undo_is_marked(undo, call->db, key.hash))
        return;
    entry = keyspace_find(undo->keyspace, call->db, key, call->now_ms);
    if (entry == NULL)
        return;
    if (is_small(entry))
        copy_entry(undo, call->db, key, entry);
    else
        save(undo, call, entry, index);
}

struct visit {
    const struct call *call;
    struct undo *undo; /* of the last key */
};

static void visit_named(struct visit *visit, struct key key, int index)
{
    visit->undo = call_keyspace(visit->call, key.name)->undo;
    keep_key(visit->undo, visit->call, key, index);
}

/* Also those that are only read, for so XREADGROUP says of its keys. */
static void visit_key(void *context, struct key_position key)
{
    struct visit *visit = context;

    visit_named(visit, key_of(visit->call->argv[key.index]), key.index);
}

/* The undo of its last key: of its only one, where that is a stream. */
static struct undo *keep_keys(struct call *call)
{
    struct visit visit = {call, NULL};
    int only = call->command->only_key;

    if (only == 0) {
        bool fits = command_each_key(call->command, call->argv, call->argc, visit_key, &visit);
        (void)fits; /* the handler says so where they do not */
        return visit.undo;
    }
    call->routed_key = key_of(call->argv[only]);
    visit_named(&visit, call->routed_key, only);
    return visit.undo;
}

void undo_run(struct call *call)
{
    struct undo *undo;

    if (__builtin_expect(call->core->is_walking, 0)) /* before the command gets a copy to work on */
        snapshot_before_command(call);
    undo = call->command->flags & CMD_WRITE ? keep_keys(call) : NULL;
    call->command->run(call);
    if (undo && undo->stream) {
        stream_keep_end(undo->stream);
        undo->stream = NULL;
    }
}

/* Beginning and end */

void undo_begin(struct undo *undo, struct keyspace *keyspace, const struct config *config)
{
    ASSERT(undo->keyspace == NULL && keyspace->undo == NULL);
    ASSERT(keyspace->journal.unit_records == 0);
    undo->keyspace = keyspace;
    undo->config = config;
    undo->last = 0;
    undo->owned = 0;
    undo->held_events = keyspace->changes.queue->records.length;
    undo->stats = keyspace->stats;
    undo->random = keyspace->random;
    clear_marks(&undo->marks);
    keyspace->undo = undo;
}

static void end(struct undo *undo)
{
    undo->keyspace = NULL;
    if (undo->log.capacity <= LOG_BYTES_KEPT) {
        undo->log.length = 0;
        return;
    }
    buffer_deinit(&undo->log);
    buffer_init(&undo->log, undo->memory, NULL, 0);
}

static void release_value(struct undo_reader *reader)
{
    undo_get_number(reader);
    enum value_type type = (enum value_type)undo_get_number(reader);
    void *value = (void *)(uintptr_t)undo_get_number(reader);

    keyspace_free_value(reader->undo->keyspace, type, reader->record.encoding, value);
}

/* What a record owns, or has held back. */
static void release(struct undo_reader *reader)
{
    struct keyspace *keyspace = reader->undo->keyspace;

    switch ((enum undo_kind)reader->record.kind) {
    case UNDO_REMOVED:
        reclaim_take_entry(&keyspace->reclaim, (struct entry *)(uintptr_t)undo_get_number(reader));
        return;
    case UNDO_VALUE:
        release_value(reader);
        return;
    case UNDO_STREAM:
        undo_stream_release(reader);
        return;
    case UNDO_TOUCHED:
        if (keyspace->changes.heeded & CHANGES_LISTENERS)
            keyspace_tell_listeners(keyspace, reader->record.db, reader->key.name, undo_get_number(reader));
        return;
    default:
        return;
    }
}

/* From the first to the last: what is kept of a stream goes before the stream. */
void undo_commit(struct undo *undo)
{
    struct undo_reader reader;
    size_t at = 0;

    undo->keyspace->undo = NULL;
    while (undo->owned > 0 && at <= undo->last) {
        undo_read(undo, at, &reader);
        release(&reader);
        if (at == undo->last)
            break;
        at = reader.record.next;
    }
    end(undo);
}

static void added_back(struct undo_reader *reader)
{
    struct entry *entry = find(reader->undo, reader->record.db, reader->key);

    if (entry != NULL)
        keyspace_delete_entry(reader->undo->keyspace, reader->record.db, entry);
}

static void moved_back(struct undo_reader *reader)
{
    struct keyspace *keyspace = reader->undo->keyspace;
    int db = (int)undo_get_number(reader);
    uint64_t hash = undo_get_number(reader);

    keyspace_move(keyspace, reader->record.db, reader->key, keyspace, db, (struct key){undo_get_text(reader), hash});
}

static void expiry_back(struct undo_reader *reader)
{
    struct entry *entry = undo_entry(reader);

    keyspace_set_expiry(reader->undo->keyspace, reader->record.db, entry, (int64_t)undo_get_number(reader));
}

static void put_back(struct undo_reader *reader, struct entry *entry)
{
    keyspace_put_entry(reader->undo->keyspace, reader->record.db, reader->key, entry);
}

static void removed_back(struct undo_reader *reader)
{
    put_back(reader, (struct entry *)(uintptr_t)undo_get_number(reader));
}

static void whole_copy_back(struct undo_reader *reader)
{
    put_back(reader, copy_back(reader));
}

static void whole_value_back(struct undo_reader *reader)
{
    put_back(reader, value_back(reader));
}

static void touched_back(struct undo_reader *reader)
{
}

static undo_back *const backs[UNDO_KINDS] = {
    [UNDO_ADDED] = added_back,        [UNDO_REMOVED] = removed_back,      [UNDO_MOVED] = moved_back,
    [UNDO_EXPIRY] = expiry_back,      [UNDO_COPY] = whole_copy_back,      [UNDO_VALUE] = whole_value_back,
    [UNDO_BYTES] = undo_bytes_back,   [UNDO_PUSHED] = undo_pushed_back,   [UNDO_TAKEN] = undo_taken_back,
    [UNDO_FIELDS] = undo_fields_back, [UNDO_MEMBERS] = undo_members_back, [UNDO_SCORES] = undo_scores_back,
    [UNDO_STREAM] = undo_stream_back, [UNDO_TOUCHED] = touched_back,
};

static void go_back(struct undo *undo)
{
    struct undo_reader reader;

    for (size_t at = undo->last;; at = reader.record.previous) {
        undo_read(undo, at, &reader);
        backs[reader.record.kind](&reader);
        if (at == 0)
            return;
    }
}

void undo_rollback(struct undo *undo)
{
    struct keyspace *keyspace = undo->keyspace;

    keyspace->undo = NULL;
    if (undo_has_changes(undo))
        go_back(undo);
    changes_cut(keyspace->changes.queue, undo->held_events);
    journal_take_back_unit(&keyspace->journal);
    keyspace->stats = undo->stats;
    keyspace->random = undo->random;
    end(undo);
}
