#include "core/scripts.h"

#include "core/assert.h"
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
}

void scripts_deinit(struct scripts *scripts)
{
    scripts_clear(scripts);
    table_deinit(&scripts->table);
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
    return script;
}
