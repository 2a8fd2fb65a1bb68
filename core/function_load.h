/* From a library's code to its functions.
 *
 * The first line says whose it is: "#!lua name=mylib". The rest runs once, in a world
 * where `redis` has little more than register_function, and what it registers are
 * the library's functions. It may run for so many instructions, the same on every
 * machine, and uses no chance: so it registers the same on every shard. */
#ifndef CORE_FUNCTION_LOAD_H
#define CORE_FUNCTION_LOAD_H

#include "core/functions.h"

struct core;
struct reply;
struct script_state;

/* This shard's Lua for functions, made at its first use. */
struct script_state *function_state(struct core *core);

/* Reads the first line. A library on its own, charged to these functions, without functions yet; NULL: it is wrong, and
 * the error has been written. */
struct function_library *function_library_read(struct functions *functions, struct str code, struct reply *reply);
/* Runs the code: the functions are added to the library, compiled in this shard's Lua. False: it is wrong, and the
 * error has been written. */
MUST_USE bool function_library_run(struct core *core, struct functions *functions, struct function_library *library,
                                   struct reply *reply);
/* Compiles a library that another shard has run, if that has not been done. False: there is no memory for that, and the
 * error has been written. */
MUST_USE bool function_library_compile(struct core *core, struct function_library *library, struct reply *reply);

#endif
