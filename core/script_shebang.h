/* The first line of a script, "#!lua flags=no-writes,allow-oom". */
#ifndef CORE_SCRIPT_SHEBANG_H
#define CORE_SCRIPT_SHEBANG_H

#include <stdint.h>

#include "core/str.h"

struct reply;

/* flags: enum script_flag; body_at: where Lua begins, at the end of the line so that lines are counted as written.
 * False: it is wrong, and the error has been written. */
MUST_USE bool script_shebang_parse(struct str source, uint32_t *flags, size_t *body_at, struct reply *reply);

/* The flag of that name; 0: there is none. And back. */
uint32_t script_flag_named(struct str name);
const char *script_flag_name(uint32_t flag);

#endif
