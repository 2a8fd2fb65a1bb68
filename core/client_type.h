/* The kinds of client that CLIENT LIST and CLIENT KILL tell apart. Every
 * session is a normal one so far. */
#ifndef CORE_CLIENT_TYPE_H
#define CORE_CLIENT_TYPE_H

#include "core/str.h"

struct reply;

enum client_type { CLIENT_TYPE_NORMAL, CLIENT_TYPE_MASTER, CLIENT_TYPE_REPLICA, CLIENT_TYPE_PUBSUB };

/* False: answered "ERR Unknown client type …". */
MUST_USE bool client_type_parse(struct reply *reply, struct str text, enum client_type *type);

#endif
