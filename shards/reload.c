#include "shards/reload.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/assert.h"
#include "core/call.h"
#include "core/command.h"
#include "core/effects.h"
#include "core/handlers.h"
#include "core/log.h"
#include "core/memory.h"
#include "persist/rdb_record.h"
#include "shards/load_rdb.h"
#include "shards/reload_check.h"
#include "shards/reload_parts.h"
#include "shards/reload_save.h"

/* Each shard's part: the journal's new beginning. */

struct recording {
    const struct call *call;
    int db;
};

static void record_key(void *context, struct entry *entry)
{
    const struct recording *recording = context;

    call_record_state(recording->call, recording->db, entry_key(entry));
}

static void record_all(const struct call *call)
{
    struct keyspace *keyspace = call->core->keyspace;
    struct recording recording = {.call = call};

    if (!keyspace_is_journaled(keyspace))
        return;
    CALL_RECORD(call, STR(""), STR("FLUSHALL"));
    journal_note_whole(keyspace_journal(keyspace));
    for (; recording.db < keyspace_database_count(keyspace); recording.db++)
        keyspace_each(keyspace, recording.db, RDB_BEFORE_ALL_MS, record_key, &recording);
}

/* Else nothing changes: what was saved is what is loaded, with keys whose time has come, too, so that their end is
 * recorded when they do end. */
static bool is_recorded(const struct reload_options *options)
{
    return !options->saves || !options->flushes;
}

/* What is in the file is what there is. */
static bool is_saved(const struct reload_options *options)
{
    return options->saves || options->flushes;
}

static void run_part(struct call *call)
{
    const struct reload *reload = reload_shard_of(call)->group->reload;

    if (reload->options.flushes)
        reload_empty(call);
    reload_take_snapshot(call, reload->stage);
    if (is_recorded(&reload->options))
        record_all(call);
    if (!is_saved(&reload->options))
        return;
    call->core->saved_changes = keyspace_stats(call->core->keyspace)->dirty;
    call->core->save_failed = false;
}

/* The executor */

static void load_on_all(const struct call *call, const struct reload_options *options, struct load_file *file)
{
    struct shard_group *group = reload_shard_of(call)->group;
    struct load_segment segment = {.files = file, .file_count = 1};
    struct load_run run = {.segments = &segment, .count = 1};
    struct load_stage stage = {.kind = LOAD_RDB,
                               .is_past = !is_recorded(options),
                               .run = &run,
                               .replaces = options->replaces,
                               .has_functions = true};
    struct reload reload = {*options, &stage};

    atomic_store_explicit(&group->loading->progress.keys, 0, memory_order_relaxed);
    atomic_store_explicit(&group->loading->progress.expired, 0, memory_order_relaxed);
    group->reload = &reload; /* published with the parts */
    reload_run_parts(call, run_part);
    group->reload = NULL;
}

static struct str functions_mode(const struct reload_options *options)
{
    if (options->flushes)
        return STR("FLUSH");
    return options->replaces ? STR("REPLACE") : STR("APPEND");
}

/* Functions first, as they may be refused. */
static bool load_file(const struct call *call, const struct reload_options *options, struct load_file *file)
{
    struct buffer libraries;
    struct reload_check check = {.shard = reload_shard_of(call),
                                 .file = file,
                                 .wants_absent = !options->flushes && !options->replaces,
                                 .libraries = &libraries};

    buffer_init(&libraries, &call->core->memory, NULL, 0);
    bool loads =
        reload_check(&check) && reload_restore_functions(call, functions_mode(options), buffer_str(&libraries));
    if (loads)
        load_on_all(call, options, file);
    buffer_deinit(&libraries);
    return loads;
}

/* descriptor: of the file, taken; -1: it is yet to be opened. */
static bool open_and_load(const struct call *call, const struct reload_options *options, int descriptor)
{
    const struct config *config = &call->core->config;
    char path[PATH_MAX + NAME_MAX + 2];
    struct load_file file = {.path = path};
    struct stat facts;

    snprintf(path, sizeof path, "%s/%s", config->dir, config->dbfilename);
    file.descriptor = descriptor >= 0 ? descriptor : open(path, O_RDONLY | O_CLOEXEC);
    if (file.descriptor < 0 || fstat(file.descriptor, &facts) != 0) {
        log_write(LOG_WARNING, "%s can't be loaded: %s", path, strerror(errno));
        if (file.descriptor >= 0)
            close(file.descriptor);
        return false;
    }
    file.bytes = (uint64_t)facts.st_size;
    bool is_loaded = load_file(call, options, &file);
    close(file.descriptor);
    return is_loaded;
}

static bool save(const struct call *call, int *descriptor)
{
    struct shard *shard = reload_shard_of(call);
    int error = reload_save(shard, descriptor);

    if (error != 0)
        log_write(LOG_WARNING, "Error saving the DB to '%s/%s': %s", call->core->config.dir,
                  call->core->config.dbfilename, strerror(error));
    else
        save_state_note_end(call->core->saves, SAVE_IN_FOREGROUND, false, shard->now_ms);
    return error == 0;
}

void reload_run(struct call *call, const struct reload_options *options)
{
    ASSERT(call->reach ? call->reach->everywhere : reload_shard_of(call)->group->count == 1);
    int descriptor = -1;

    if (options->saves && !save(call, &descriptor)) {
        reply_error(call->reply, "ERR");
    } else if (!open_and_load(call, options, descriptor)) {
        reply_error(call->reply, "ERR Error trying to load the RDB dump, check server logs.");
    } else {
        log_write(LOG_WARNING, "DB reloaded by DEBUG RELOAD");
        reply_ok(call->reply);
    }
}
