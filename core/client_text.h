/* Names that clients give themselves and that CLIENT LIST shows on one line:
 * printable ASCII without spaces. */
#ifndef CORE_CLIENT_TEXT_H
#define CORE_CLIENT_TEXT_H

#include "core/str.h"

struct reply;

/* False: answered "ERR <what> cannot contain spaces, …". */
MUST_USE bool client_text_accepted(struct reply *reply, struct str text, struct str what);

#endif
