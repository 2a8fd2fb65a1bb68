/* The libraries of functions that a shard knows, and their functions by name.
 *
 * Every shard has all of them, the same: FUNCTION LOAD and RESTORE hold all shards
 * while they add to them, DELETE and FLUSH run on each at one instant. What is
 * compiled of a library lies in this shard's own Lua, made when the first of its
 * functions is called here; what a library keeps in variables of its own is this
 * shard's, too. Belongs to the shard's thread, or to the executor of a gather while
 * it is parked, who must not touch its Lua: functions of what it removes are noted. */
#ifndef CORE_FUNCTIONS_H
#define CORE_FUNCTIONS_H

#include <stdint.h>

#include "core/memory.h"
#include "core/str.h"
#include "core/table.h"

enum { FUNCTION_NOT_COMPILED = -1 };

struct function {
    struct function_library *library;
    struct function *next; /* of the library, in the order in which they were registered */
    uint32_t flags;        /* enum script_flag */
    int reference;         /* in the registry of the shard's Lua, or FUNCTION_NOT_COMPILED */
    bool is_described;
    struct str name; /* a zero byte follows */
    struct str description;
    char text[];
};

struct function_library {
    struct function_library *next; /* in the order in which they came */
    struct function *first, *last;
    size_t function_count;
    bool is_compiled; /* in the shard's Lua */
    size_t body_at;   /* where Lua begins: behind the shebang, at the end of its line */
    struct str name;
    struct str code;
    char text[];
};

struct functions {
    struct memory memory;
    struct table table; /* of functions */
    struct function_library *first, *last;
    size_t library_count;
    int *outdated; /* what was compiled of libraries that are gone */
    int outdated_count;
};

void functions_init(struct functions *functions);
void functions_deinit(struct functions *functions);

/* NULL: there is none. Functions are found whatever the case of their letters, libraries as they are written. */
struct function *functions_find(const struct functions *functions, struct str name);
struct function_library *functions_find_library(const struct functions *functions, struct str name);

/* A library on its own, charged to these functions; name and code are copied. */
struct function_library *function_library_create(struct functions *functions, struct str name, struct str code,
                                                 size_t body_at);
/* Adds a function to a library on its own, not compiled. description: NULL bytes if there is none. */
struct function *function_library_add(struct functions *functions, struct function_library *library, struct str name,
                                      struct str description, uint32_t flags);
struct function *function_library_find(const struct function_library *library, struct str name);

/* Takes the library, which has at least one function. Neither its name nor one of its functions' is there yet. */
void functions_join(struct functions *functions, struct function_library *library);
/* Adds a copy of another shard's library, not compiled. Likewise. */
struct function_library *functions_join_copy(struct functions *functions, const struct function_library *library);
/* Frees a library that is among these functions, or on its own. */
void functions_remove(struct functions *functions, struct function_library *library);
void functions_free(struct functions *functions, struct function_library *library);
void functions_clear(struct functions *functions);

/* The next function of a library that is gone, for Lua to let go of; FUNCTION_NOT_COMPILED: there is none. */
int functions_take_outdated(struct functions *functions);
/* The Lua that had them is gone, too. */
void functions_forget_compiled(struct functions *functions);

#endif
