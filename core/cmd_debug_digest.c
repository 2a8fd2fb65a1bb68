/* DEBUG DIGEST and DEBUG DIGEST-VALUE: the whole data set, or some values, as Redis's digests of them (digest.h). */
#include "core/handlers.h"

#include "core/call.h"
#include "core/digest.h"

struct walk {
    struct digest *digest;
    int64_t now_ms;
};

static void join_key(void *context, struct entry *entry)
{
    const struct walk *walk = context;
    struct digest own = {{0}};

    digest_mix(&own, entry_key(entry));
    digest_mix_value(&own, entry, walk->now_ms);
    digest_join(walk->digest, &own);
}

/* Keys of one database have no order, databases do. */
static void add_database(struct digest *digest, struct keyspaces all, int db, int64_t now_ms)
{
    struct walk walk = {digest, now_ms};
    size_t keys = 0;

    for (int i = 0; i < all.count; i++)
        keys += keyspace_count(all.items[i], db);
    if (keys == 0)
        return;
    digest_mix_number(digest, (uint32_t)db);
    for (int i = 0; i < all.count; i++)
        keyspace_each(all.items[i], db, now_ms, join_key, &walk);
}

static void reply_digest(struct reply *reply, const struct digest *digest)
{
    char text[SHA1_HEX_LENGTH + 1];

    str_write_hex(text, digest->bytes, SHA1_HEX_LENGTH);
    text[SHA1_HEX_LENGTH] = '\0';
    reply_simple(reply, text);
}

void cmd_debug_digest(struct call *call)
{
    struct digest digest = {{0}};

    for (int db = 0; db < keyspace_database_count(call->core->keyspace); db++)
        add_database(&digest, call_keyspaces(call), db, call->now_ms);
    reply_digest(call->reply, &digest);
}

void cmd_debug_digest_value(struct call *call)
{
    reply_array(call->reply, call->argc - 2);
    for (int i = 2; i < call->argc; i++) {
        struct str name = call->argv[i];
        const struct entry *entry =
            keyspace_find(call_keyspace(call, name), call->db, call_key(call, name), call->now_ms);
        struct digest digest = {{0}};

        if (entry)
            digest_mix_value(&digest, entry, call->now_ms);
        reply_digest(call->reply, &digest);
    }
}
