/* Where a request goes: to the connection's own shard, to the one owner of its
 * keys, to several owners in parts (scatter), or to several that one thread
 * then executes over (gather). The command table's route and keys decide.
 *
 * Who owns which slot is frozen before start, and the same for all shards. */
#ifndef SHARDS_ROUTER_H
#define SHARDS_ROUTER_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "core/affinity_preset.h"
#include "core/config.h"
#include "core/slot.h"

struct command;
struct memory;
struct origin;
struct request;
struct shard;

struct router {
    struct affinity affinity;
    struct affinity_pattern patterns[CONFIG_AFFINITY_MAX + AFFINITY_PRESET_PATTERNS_MAX];
    int shard_count;
};

/* The patterns' text is borrowed from config for the router's life. False: a pattern is wrong; *wrong names it. */
MUST_USE bool router_init(struct router *router, const struct config *config, int shards, const char **wrong);

/* Each shard has a run of slots, all about as long. Computed: looked up, it would be a third of a core's first cache.
 */
static inline int router_owner_of_slot(const struct router *router, int slot)
{
    return (int)((uint32_t)slot * (uint32_t)router->shard_count / SLOT_COUNT);
}

static inline int router_owner(const struct router *router, struct str key)
{
    if (router->shard_count == 1)
        return 0;
    return router_owner_of_slot(router, slot_of(&router->affinity, key));
}

static inline int router_owner_alike(const struct router *router, struct slot_alike *alike, struct str key)
{
    if (router->shard_count == 1)
        return 0;
    return router_owner_of_slot(router, slot_of_alike(&router->affinity, alike, key));
}

enum { SHARD_SET_WORDS = CONFIG_SHARDS_MAX / 64 };

/* The owners of one request's keys, and where these are; scratch of a shard, reused. */
struct key_owners {
    struct memory *memory;
    struct key_place {
        int index; /* in argv */
        uint16_t owner;
    } * places;
    int count, capacity;
    uint64_t set[SHARD_SET_WORDS];
    int distinct; /* owners in the set */
};

/* The keys of a command that is split by them, and what each shard has of its arguments; likewise. */
struct key_shares {
    struct memory *memory;
    uint16_t *owner_of_key; /* in their order */
    uint64_t *hash_of_key;  /* room for those that want them */
    int count, capacity;
    uint16_t owners[CONFIG_SHARDS_MAX]; /* in the order of their first keys */
    int distinct;                       /* of them */
    struct key_share {
        uint32_t keys;
        size_t bytes; /* of these and the arguments that belong to them */
    } of_owner[CONFIG_SHARDS_MAX];
};

static inline bool shard_set_has(const uint64_t set[SHARD_SET_WORDS], int shard)
{
    return set[shard / 64] >> (shard % 64) & 1;
}

static inline void owners_clear(struct key_owners *owners)
{
    owners->count = 0;
    owners->distinct = 0;
    memset(owners->set, 0, sizeof owners->set);
}

static inline void owners_add(struct key_owners *owners, int owner)
{
    if (shard_set_has(owners->set, owner))
        return;
    owners->set[owner / 64] |= UINT64_C(1) << (owner % 64);
    owners->distinct++;
}

/* Once, when the shard is created. */
void router_start(struct shard *shard);

/* A request that was staged and `publishes` is answered. */
void router_publisher_done(struct request *request);

/* Takes a request whose command has been admitted and brings it on its way;
 * request->done is called with the answer, for a local command before this returns.
 * request->publishes is set before for a transaction or a script that may publish.
 * What finds no room in a ring is held and goes in a later turn, in order.
 * The connection's shard. */
void router_submit(struct shard *shard, struct request *request);

/* The same where the command's own part on this shard has been done (see transaction.h). */
void router_submit_rest(struct shard *shard, struct request *request);

/* Sends round once more a request that waits for keys; CLIENT PAUSE does not hold it. */
void router_resubmit(struct shard *shard, struct request *request);

/* To shard->owners: those of the command's keys, as far as the arguments fit it, without their places. */
void router_add_owners(struct shard *shard, const struct command *command, const struct str *argv, int argc);

/* To one shard. False: its ring is full, nothing was staged. */
bool router_stage_single(struct shard *shard, int owner, struct request *request);

/* To shard->shares: what each shard has of a command that is split by its keys. */
void router_share_keys(struct shard *shard, const struct request *request);
/* To shard->owners: those of the request's keys, with their places. */
void router_find_owners(struct shard *shard, const struct request *request);
/* The only one of them; the shard itself where there is none. */
int router_only_owner(const struct shard *shard);

/* Requests of one connection that are linked and counted as held already go before all that is held. */
void router_hold_before(struct shard *shard, struct request *first, struct request *last);

/* Keeps the request for a later turn, behind what is held of its connection. */
void router_hold(struct shard *shard, struct request *request);

/* Tries again what was held; once per turn, before anything is published. What CLIENT PAUSE
 * holds back stays held without being tried, with all that came after it on its connection. */
void router_retry_held(struct shard *shard);

/* CLIENT PAUSE has changed: what it held back is tried in the next turn. At the end of its time that happens by itself.
 */
void router_resume(struct shard *shard);

/* What is held of this connection is answered with nothing, and never executed: its client has been killed. Only
 * watches end where they are. */
void router_drop_held(struct shard *shard, struct origin *origin);

#endif
