#include "core/scripts.h"

#include "core/assert.h"
#include "core/config.h"
#include "core/hash.h"

static uint64_t hash_of_sha(const char *sha)
{
    return hash_keyed((struct str){sha, SHA1_HEX_LENGTH});
}

static uint64_t hash_of_script(const void *item)
{
    return hash_of_sha(((const struct script *)item)->sha);
}

void scripts_init(struct scripts *scripts)
{
    memory_init(&scripts->memory, NULL);
    table_init(&scripts->table, &scripts->memory, hash_of_script);
}

static void free_script(void *context, void *item)
{
    memory_free(context, item);
}

void scripts_clear(struct scripts *scripts)
{
    uint64_t cursor = 0;

    do {
        cursor = table_drain(&scripts->table, cursor, free_script, &scripts->memory);
    } while (cursor != 0);
    scripts->newest = scripts->oldest = NULL;
    scripts->evaluated = scripts->outdated_count = 0;
}

void scripts_deinit(struct scripts *scripts)
{
    scripts_clear(scripts);
    table_deinit(&scripts->table);
    memory_free(&scripts->memory, scripts->outdated);
    scripts->outdated = NULL;
}

struct script *scripts_find(const struct scripts *scripts, const char sha[static SHA1_HEX_LENGTH])
{
    struct table_probe probe = table_probe(&scripts->table, hash_of_sha(sha));
    struct script *script;

    while ((script = table_probe_next(&probe)) != NULL) {
        if (memcmp(script->sha, sha, SHA1_HEX_LENGTH) == 0)
            return script;
    }
    return NULL;
}

/* The row. */

static void join_row(struct scripts *scripts, struct script *script)
{
    script->newer = NULL;
    script->older = scripts->newest;
    *(scripts->newest ? &scripts->newest->newer : &scripts->oldest) = script;
    scripts->newest = script;
    scripts->evaluated++;
}

static void leave_row(struct scripts *scripts, struct script *script)
{
    *(script->newer ? &script->newer->older : &scripts->newest) = script->older;
    *(script->older ? &script->older->newer : &scripts->oldest) = script->newer;
    scripts->evaluated--;
}

struct script *scripts_add(struct scripts *scripts, const char sha[static SHA1_HEX_LENGTH], struct str source,
                           size_t body_at, uint32_t flags)
{
    struct script *script = memory_alloc(&scripts->memory, sizeof *script + source.length);

    ASSERT(body_at <= source.length);
    *script =
        (struct script){.flags = flags, .function = SCRIPT_NOT_COMPILED, .body_at = body_at, .length = source.length};
    memcpy(script->sha, sha, SHA1_HEX_LENGTH);
    str_copy(script->source, source);
    table_insert(&scripts->table, hash_of_sha(sha), script);
    join_row(scripts, script);
    return script;
}

void scripts_keep(struct scripts *scripts, struct script *script)
{
    if (script->loaded)
        return;
    leave_row(scripts, script);
    script->loaded = true;
}

/* Eviction. */

static void note_outdated(struct scripts *scripts, int function)
{
    size_t count = (size_t)scripts->outdated_count++;

    scripts->outdated = memory_resize(&scripts->memory, scripts->outdated, (count + 1) * sizeof *scripts->outdated);
    scripts->outdated[count] = function;
}

int scripts_take_outdated(struct scripts *scripts)
{
    return scripts->outdated_count > 0 ? scripts->outdated[--scripts->outdated_count] : SCRIPT_NOT_COMPILED;
}

static void evict(struct scripts *scripts, struct script *script)
{
    struct table_probe probe = table_probe(&scripts->table, hash_of_sha(script->sha));

    while (table_probe_next(&probe) != script)
        ;
    table_probe_remove(&scripts->table, &probe);
    leave_row(scripts, script);
    if (script->function != SCRIPT_NOT_COMPILED)
        note_outdated(scripts, script->function);
    memory_free(&scripts->memory, script);
}

/* Whether any shard has run it; from now on none has. */
static bool take_used(struct script *const *copies, int count)
{
    bool used = false;

    for (int i = 0; i < count; i++) {
        used |= copies[i] && copies[i]->used;
        if (copies[i])
            copies[i]->used = false;
    }
    return used;
}

static void pass_or_evict(struct scripts *scripts, struct script *script, bool used)
{
    if (!script)
        return;
    if (used) {
        leave_row(scripts, script);
        join_row(scripts, script);
    } else {
        evict(scripts, script);
    }
}

/* Each pass takes a script's mark of use away, so that after all have been passed the first goes. */
void scripts_trim(struct scripts *own, struct scripts *const *all, int count)
{
    struct script *copies[CONFIG_SHARDS_MAX];

    while (own->evaluated > SCRIPTS_EVALUATED_MAX) {
        for (int i = 0; i < count; i++)
            copies[i] = scripts_find(all[i], own->oldest->sha);
        bool used = take_used(copies, count);
        for (int i = 0; i < count; i++)
            pass_or_evict(all[i], copies[i], used);
        own->evicted += !used;
    }
}
