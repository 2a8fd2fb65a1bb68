/* Each value is made in a keyspace, as it would be by the server, and dropped. Of the
 * keys only the names stay, as none may come twice. */
#include "persist/check_rdb.h"

#include "core/assert.h"
#include "core/config_table.h"
#include "core/keyspace.h"
#include "core/named_key.h"
#include "core/rdb_skip.h"
#include "core/rdb_value.h"
#include "persist/check.h"
#include "persist/check_file.h"
#include "persist/rdb_file_reader.h"

enum { QUOTED_MOST = 100 };

struct seen_key {
    struct named_key named;
    char name[];
};

struct reading {
    struct check *check;
    struct check_rdb *rdb;
    struct rdb_file_reader reader;
    struct memory values;
    struct keyspace *keyspace;
    struct rdb_loader loader;
    struct table seen;
};

/* Keys */

static void note_seen(struct reading *reading, const struct rdb_record *record, uint64_t hash)
{
    struct seen_key *seen = memory_alloc(&reading->check->memory, sizeof *seen + record->name.length);

    seen->named = (struct named_key){{seen->name, record->name.length}, hash, record->db};
    str_copy(seen->name, record->name);
    named_keys_add(&reading->seen, &seen->named);
}

static void free_seen(void *context, void *item)
{
    memory_free(context, item);
}

static void note_last(struct check_rdb *rdb, const struct rdb_record *record)
{
    size_t length = record->name.length < QUOTED_MOST ? record->name.length : QUOTED_MOST;

    rdb->last.length = 0;
    config_append_quoted(&rdb->last, (struct str){record->name.bytes, length});
    buffer_append_format(&rdb->last, "%s in database %d", length < record->name.length ? "…" : "", record->db);
}

static void drop_value(struct reading *reading, struct entry *entry)
{
    keyspace_delete_entry(reading->keyspace, 0, entry);
    keyspace_reclaim_all(reading->keyspace);
}

/* NULL, or why the server can't load the key. */
static const char *make_key(struct reading *reading, const struct rdb_record *record)
{
    struct rdb_record here = *record;
    uint64_t hash = keyspace_hash(record->name);
    struct entry *entry;
    const char *wrong;

    if (named_keys_find(&reading->seen, record->db, record->name, hash))
        return "the key is there twice";
    here.db = 0;
    wrong = rdb_record_put(&here, &reading->loader, reading->keyspace, 0, &entry);
    if (wrong || !entry)
        return wrong;
    reading->rdb->keys++;
    reading->rdb->types[entry_type(entry)]++;
    reading->rdb->expiring += record->deadline_ms >= 0;
    drop_value(reading, entry);
    note_seen(reading, record, hash);
    note_last(reading->rdb, record);
    return NULL;
}

static void take_key(struct reading *reading, const struct rdb_record *record)
{
    const char *wrong = make_key(reading, record);
    struct check_range range = {record->offset, file_window_offset(&reading->reader.window)};

    if (!wrong)
        return;
    check_problem(reading->check, "%s", rdb_file_reader_describe(&reading->reader, record, wrong));
    buffer_append(&reading->rdb->unsound, &range, sizeof range);
}

/* Records */

static void take_module(struct reading *reading, const struct rdb_record *record)
{
    char name[RDB_MODULE_NAME_MAX + 1];

    rdb_module_name(record->module, name);
    if (reading->rdb->modules++ == 0)
        check_note(reading->check, "%s, record at byte %llu: a value of module %s, which Shoal passes over",
                   reading->reader.name, (unsigned long long)record->offset, name);
}

static void take_record(struct reading *reading, const struct rdb_record *record)
{
    struct check_rdb *rdb = reading->rdb;

    if (record->kind == RDB_RECORD_KEY)
        take_key(reading, record);
    if (record->kind == RDB_RECORD_MODULE)
        take_module(reading, record);
    if (record->kind == RDB_RECORD_AUX &&
        (str_equal(record->name, STR("aof-base")) || str_equal(record->name, STR("aof-preamble"))))
        rdb->is_before_aof = str_equal(record->text, STR("1"));
    rdb->libraries += record->kind == RDB_RECORD_FUNCTION;
    rdb->sound = file_window_offset(&reading->reader.window);
}

/* False: the file can't be read. */
static bool read_records(struct reading *reading, const struct check_file *file)
{
    struct rdb_file_reader *reader = &reading->reader;
    enum rdb_file_status status;
    struct rdb_record record;

    while ((status = rdb_file_reader_next(reader, &record)) == RDB_FILE_RECORD || status == RDB_FILE_HUNGRY) {
        if (status == RDB_FILE_RECORD)
            take_record(reading, &record);
        else if (!check_file_feed(file, reading->check, &reader->window))
            return false;
    }
    reading->rdb->version = reader->version;
    reading->rdb->is_whole = status == RDB_FILE_END;
    if (reading->rdb->is_whole)
        reading->rdb->end = file_window_offset(&reader->window);
    else
        check_problem(reading->check, "%s", rdb_file_reader_problem(reader));
    return true;
}

bool check_rdb_read(struct check_rdb *rdb, struct check *check, const struct check_file *file)
{
    struct reading reading = {.check = check, .rdb = rdb};
    uint64_t cursor = 0;

    *rdb = (struct check_rdb){.is_whole = false};
    buffer_init(&rdb->unsound, &check->memory, NULL, 0);
    buffer_init(&rdb->last, &check->memory, NULL, 0);
    reading.keyspace = keyspace_create(&reading.values, 1);
    rdb_loader_init(&reading.loader, STR(""), &reading.values, &check->config);
    rdb_file_reader_init(&reading.reader, &check->memory, file->path, file->end, true);
    named_keys_init(&reading.seen, &check->memory);
    bool is_read = read_records(&reading, file);
    do
        cursor = table_drain(&reading.seen, cursor, free_seen, &check->memory);
    while (cursor);
    table_deinit(&reading.seen);
    rdb_file_reader_deinit(&reading.reader);
    rdb_loader_deinit(&reading.loader);
    keyspace_destroy(reading.keyspace);
    ASSERT(reading.values.used_bytes == 0);
    return is_read;
}

void check_rdb_deinit(struct check_rdb *rdb)
{
    buffer_deinit(&rdb->unsound);
    buffer_deinit(&rdb->last);
}

/* What is told */

static void append_types(struct buffer *text, const struct check_rdb *rdb)
{
    const char *before = " (";

    for (int type = 0; type < VALUE_TYPES; type++) {
        if (rdb->types[type] == 0)
            continue;
        buffer_append_format(text, "%s%llu %s", before, (unsigned long long)rdb->types[type],
                             value_type_name((enum value_type)type));
        before = ", ";
    }
    if (rdb->keys > 0)
        buffer_append_format(text, ")");
}

void check_rdb_report(const struct check_rdb *rdb, struct check *check, const char *path)
{
    struct buffer text;

    if (rdb->version == 0)
        return;
    buffer_init(&text, &check->memory, NULL, 0);
    buffer_append_format(&text, "%llu key%s", (unsigned long long)rdb->keys, check_plural(rdb->keys));
    append_types(&text, rdb);
    buffer_append_format(&text, ", %llu with a deadline", (unsigned long long)rdb->expiring);
    if (rdb->libraries > 0)
        buffer_append_format(&text, ", %llu librar%s of functions", (unsigned long long)rdb->libraries,
                             rdb->libraries == 1 ? "y" : "ies");
    if (rdb->modules > 0)
        buffer_append_format(&text, ", %llu value%s of modules", (unsigned long long)rdb->modules,
                             check_plural(rdb->modules));
    check_note(check, "%s: RDB version %d, %.*s", path, rdb->version, (int)text.length, text.bytes);
    if (!rdb->is_whole)
        check_note(check, "%s: readable up to byte %llu%s%.*s", path, (unsigned long long)rdb->sound,
                   rdb->keys > 0 ? ", the last key is " : "", (int)rdb->last.length, rdb->last.bytes);
    buffer_deinit(&text);
}
