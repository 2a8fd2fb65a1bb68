#include "core/effects.h"

#include "core/assert.h"
#include "core/command.h"
#include "core/dump.h"
#include "core/memory.h"
#include "core/number.h"

/* What handlers say */

static void add(struct keyspace *keyspace, int db, const struct str *argv, int argc)
{
    journal_add(keyspace_journal(keyspace), db, argv, argc);
    changes_add_mark(keyspace_changes(keyspace), CHANGE_RECORDED);
}

void call_record_in(const struct call *call, int db, struct str key, const struct str *argv, int argc)
{
    struct keyspace *keyspace = call_keyspace(call, key);

    if (keyspace_is_journaled(keyspace))
        add(keyspace, db, argv, argc);
}

/* As it is */

static void add_string(struct keyspace *keyspace, int db, struct entry *entry)
{
    char digits[NUMBER_TEXT_MAX], deadline[NUMBER_TEXT_MAX];
    bool expires = entry_expiry_ms(entry) >= 0;
    struct str argv[] = {STR("SET"), entry_key(entry), entry_string(entry, digits), STR("PXAT"), {deadline, 0}};

    if (expires)
        argv[4].length = number_format_integer(deadline, entry_expiry_ms(entry));
    add(keyspace, db, argv, expires ? 5 : 3);
}

static void add_value(struct keyspace *keyspace, int db, struct entry *entry, bool compress)
{
    char digits[NUMBER_TEXT_MAX];
    struct buffer payload;
    struct rdb_writer writer = {&payload, compress};
    int64_t expiry_ms = entry_expiry_ms(entry);
    struct str deadline = {digits, number_format_integer(digits, expiry_ms < 0 ? 0 : expiry_ms)};

    buffer_init(&payload, keyspace_memory(keyspace), NULL, 0);
    dump_write(&writer, entry);
    struct str argv[] = {STR("RESTORE"),       entry_key(entry), deadline,
                         buffer_str(&payload), STR("REPLACE"),   STR("ABSTTL")};
    add(keyspace, db, argv, expiry_ms < 0 ? 5 : 6);
    buffer_deinit(&payload);
}

static void add_state(const struct call *call, struct keyspace *keyspace, int db, struct str key)
{
    struct entry *entry = keyspace_find(keyspace, db, key_of(key), INT64_MIN);

    if (entry == NULL)
        add(keyspace, db, (const struct str[]){STR("DEL"), key}, 2);
    else if (entry_type(entry) == VALUE_STRING && !entry_is_sparse_bitmap(entry))
        add_string(keyspace, db, entry);
    else
        add_value(keyspace, db, entry, call->core->config.rdbcompression);
}

void call_record_state(const struct call *call, int db, struct str key)
{
    struct keyspace *keyspace = call_keyspace(call, key);

    if (keyspace_is_journaled(keyspace))
        add_state(call, keyspace, db, key);
}

/* As it was called */

enum { FEW_ARGUMENTS = 8 };

/* The name that everybody knows, where the operator has given the command another one. */
static struct str known_name(const struct call *call)
{
    const struct command *command = call->command->parent ? call->command->parent : call->command;
    struct str name = str_from(command->name);

    return str_equal(str_from(command->called), name) ? call->argv[0] : name;
}

static void add_as_called(const struct call *call, struct keyspace *keyspace, int db)
{
    size_t bytes = (size_t)call->argc * sizeof(struct str);
    struct str few[FEW_ARGUMENTS], *argv = call->argc <= FEW_ARGUMENTS ? few : memory_alloc(&call->core->memory, bytes);

    memcpy(argv, call->argv, bytes);
    argv[0] = known_name(call);
    add(keyspace, db, argv, call->argc);
    if (argv != few)
        memory_free(&call->core->memory, argv);
}

void call_record_part(const struct call *call, int db)
{
    if (keyspace_is_journaled(call->core->keyspace))
        add_as_called(call, call->core->keyspace, db);
}

void call_record_whole(const struct call *call, int db)
{
    if (!keyspace_is_journaled(call->core->keyspace))
        return;
    call_record_part(call, db);
    journal_note_whole(keyspace_journal(call->core->keyspace));
}

void call_record_everywhere(const struct call *call, const struct str *argv, int argc)
{
    struct keyspaces all = call_keyspaces(call);

    for (int i = 0; i < all.count; i++)
        if (keyspace_is_journaled(all.items[i]))
            add(all.items[i], JOURNAL_NO_DATABASE, argv, argc);
}

struct search {
    const struct call *call;
    const struct keyspace *keyspace;
    bool elsewhere;
};

static void look_at(void *context, struct key_position key)
{
    struct search *search = context;

    if (!(key.flags & KEY_NOT_KEY))
        search->elsewhere |= call_keyspace(search->call, search->call->argv[key.index]) != search->keyspace;
}

/* Whether all keys of the command are there. */
static bool is_in_one(const struct call *call, const struct keyspace *keyspace)
{
    struct search search = {.call = call, .keyspace = keyspace};

    if (call->reach == NULL)
        return true;
    return command_each_key(call->command, call->argv, call->argc, look_at, &search) && !search.elsewhere;
}

/* At the end of a command */

struct written {
    int count, recorded;
    struct change first;
};

static struct written look_through(const struct changes *changes)
{
    struct written written = {0};
    struct change change;
    size_t at = changes->journaled;

    while (changes_next(changes, &at, &change)) {
        if (change.kind == CHANGE_WRITTEN && written.count++ == 0)
            written.first = change;
        written.recorded += change.kind == CHANGE_RECORDED;
    }
    return written;
}

/* Where they are comes first: the queue is appended to. */
static void record_states(const struct call *call, struct changes *changes)
{
    size_t at = changes->journaled, end = changes->records.length;
    struct change change;
    struct buffer key;

    buffer_init(&key, &call->core->memory, NULL, 0);
    while (at < end && changes_next(changes, &at, &change)) {
        if (change.kind != CHANGE_WRITTEN)
            continue;
        key.length = 0;
        buffer_append_str(&key, change.key);
        call_record_state(call, change.db, buffer_str(&key));
    }
    buffer_deinit(&key);
}

/* What only the journal had to know of is gone, but for a sign that there was something: a script may do much. */
static void forget(struct changes *changes)
{
    if (!changes->others && changes->journaled > 0)
        changes_cut(changes, changes->journaled);
    changes->journaled = changes->records.length;
}

void effects_find(const struct call *call)
{
    struct changes *changes = keyspace_changes(call->core->keyspace)->queue;
    struct written written = look_through(changes);

    if (written.count > 0 && written.recorded == 0) {
        struct keyspace *keyspace = call_keyspace(call, written.first.key);

        if (is_in_one(call, keyspace))
            add_as_called(call, keyspace, call->db);
        else
            record_states(call, changes);
    }
    forget(changes);
}
