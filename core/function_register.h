/* redis.register_function, and the world in which a library's code runs. */
#ifndef CORE_FUNCTION_REGISTER_H
#define CORE_FUNCTION_REGISTER_H

#include <lua.h>

#include "core/functions.h"

struct script_state;

#define FUNCTION_NAME_INVALID                                                                                          \
    "Library names can only contain letters, numbers, or underscores(_) and must be at least one character long"

/* Of libraries and functions. */
MUST_USE bool function_name_is_valid(struct str name);

/* Where what is registered goes. */
struct function_register {
    struct functions
        *functions; /* charged for new functions; NULL: the library has them, and they are compiled again */
    struct function_library *library;
    int64_t instructions; /* that have been run */
};

/* Takes from a new state's globals what functions do not have. */
void function_register_prepare(lua_State *lua);
/* Makes the world of libraries, once the globals are sealed. */
void function_register_open(struct script_state *state);
/* Calls the function on top in that world. False: the error's text is on top in its place. */
MUST_USE bool function_register_run(struct script_state *state, struct function_register *target);
/* Lets go of what a function was compiled to. */
void function_register_release(struct script_state *state, int reference);

#endif
