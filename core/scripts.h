/* The scripts that a shard knows, by the SHA-1 of their text.
 *
 * Every shard has all of them: whoever takes a new one in holds all shards
 * (a gather, or the parts of SCRIPT LOAD), so that a script is known everywhere
 * from one instant on. What is compiled of one lies in this shard's own Lua.
 *
 * Of those that EVAL has brought the shards keep so many. They lie in a row, which
 * is the same on all shards; the one at its end that no shard has run since it was
 * last there goes when another one comes. SCRIPT LOAD's stay.
 * Belongs to the shard's thread, or to the executor of a gather while it is parked. */
#ifndef CORE_SCRIPTS_H
#define CORE_SCRIPTS_H

#include <stdint.h>

#include "core/memory.h"
#include "core/sha1.h"
#include "core/table.h"

/* What a script or a function says of itself. */
enum script_flag {
    SCRIPT_NO_WRITES = 1 << 0,
    SCRIPT_ALLOW_OOM = 1 << 1,
    SCRIPT_ALLOW_STALE = 1 << 2,
    SCRIPT_NO_CLUSTER = 1 << 3,
    SCRIPT_ALLOW_CROSS_SLOT_KEYS = 1 << 4,
    SCRIPT_UNDECLARED = 1 << 5, /* it has no shebang, and says nothing: as scripts were before Redis 7 */
};

enum { SCRIPT_NOT_COMPILED = -1, SCRIPTS_EVALUATED_MAX = 500 };

struct script {
    char sha[SHA1_HEX_LENGTH + 1];
    uint32_t flags; /* enum script_flag */
    int function;   /* in the registry of the shard's Lua, or SCRIPT_NOT_COMPILED */
    size_t body_at; /* where Lua begins: behind the shebang, at the end of its line */
    size_t length;
    bool loaded;                  /* by SCRIPT LOAD: it is not in the row */
    bool used;                    /* run by this shard since it was last passed */
    struct script *newer, *older; /* in the row */
    char source[];
};

struct scripts {
    struct memory memory;
    struct table table;
    struct script *newest, *oldest; /* the row of those that EVAL has brought */
    int evaluated;                  /* how many that are */
    uint64_t evicted;
    int *outdated; /* what was compiled of scripts that another thread has evicted */
    int outdated_count;
};

void scripts_init(struct scripts *scripts);
void scripts_deinit(struct scripts *scripts);

/* sha: 40 digits in lower case. NULL: there is none. */
struct script *scripts_find(const struct scripts *scripts, const char sha[static SHA1_HEX_LENGTH]);
/* Copies the source. There is none of that name yet. It is the newest of those that EVAL has brought. */
struct script *scripts_add(struct scripts *scripts, const char sha[static SHA1_HEX_LENGTH], struct str source,
                           size_t body_at, uint32_t flags);
/* SCRIPT LOAD wants it: it stays. */
void scripts_keep(struct scripts *scripts, struct script *script);
/* Evicts what is too many, on all these shards. own: whose thread this is. */
void scripts_trim(struct scripts *own, struct scripts *const *all, int count);
/* The next function of an evicted script, for Lua to let go of; SCRIPT_NOT_COMPILED: there is none. */
int scripts_take_outdated(struct scripts *scripts);
/* Forgets all. What was compiled of them is the caller's. */
void scripts_clear(struct scripts *scripts);

static inline size_t scripts_count(const struct scripts *scripts)
{
    return scripts->table.count;
}

#endif
