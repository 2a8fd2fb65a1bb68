#include "core/client_type.h"

#include "core/resp_write.h"
#include "core/session.h"

enum client_type client_type_of(const struct session *session)
{
    return subscriptions_total(&session->subscriptions) > 0 ? CLIENT_TYPE_PUBSUB : CLIENT_TYPE_NORMAL;
}

bool client_type_parse(struct reply *reply, struct str text, enum client_type *type)
{
    static const struct {
        const char *name;
        enum client_type type;
    } types[] = {
        {"normal", CLIENT_TYPE_NORMAL}, {"master", CLIENT_TYPE_MASTER}, {"replica", CLIENT_TYPE_REPLICA},
        {"slave", CLIENT_TYPE_REPLICA}, {"pubsub", CLIENT_TYPE_PUBSUB},
    };

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        if (str_equal_nocase(text, types[i].name)) {
            *type = types[i].type;
            return true;
        }
    reply_error_format(reply, "ERR Unknown client type '%.*s'", str_quoted_length(text), text.bytes);
    return false;
}
