/* The kinds of client that CLIENT LIST, CLIENT KILL and the output limits tell apart. */
#ifndef CORE_CLIENT_TYPE_H
#define CORE_CLIENT_TYPE_H

#include "core/str.h"

struct reply;
struct session;

enum client_type { CLIENT_TYPE_NORMAL, CLIENT_TYPE_MASTER, CLIENT_TYPE_REPLICA, CLIENT_TYPE_PUBSUB };

/* Whoever has subscriptions is CLIENT_TYPE_PUBSUB. */
enum client_type client_type_of(const struct session *session);

/* False: answered "ERR Unknown client type …". */
MUST_USE bool client_type_parse(struct reply *reply, struct str text, enum client_type *type);

#endif
