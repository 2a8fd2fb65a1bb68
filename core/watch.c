#include "core/watch.h"

#include "core/assert.h"
#include "core/memory.h"

struct watch_key {
    struct named_key named;
    struct watch *first;
    char name[];
};

void watches_init(struct watches *watches, struct memory *memory)
{
    *watches = (struct watches){.memory = memory};
    named_keys_init(&watches->keys, memory);
}

void watches_deinit(struct watches *watches)
{
    ASSERT(watches_is_empty(watches));
    table_deinit(&watches->keys);
}

static struct watch_key *add_key(struct watches *watches, int db, struct str name, uint64_t hash)
{
    struct watch_key *key = memory_alloc(watches->memory, sizeof *key + name.length);

    *key = (struct watch_key){.named = {{key->name, name.length}, hash, db}};
    str_copy(key->name, name);
    named_keys_add(&watches->keys, &key->named);
    return key;
}

struct watch *watches_add(struct watches *watches, int db, struct str name, uint64_t hash, struct watcher *watcher)
{
    struct watch_key *key = named_keys_find(&watches->keys, db, name, hash);
    struct watch *watch = memory_alloc(watches->memory, sizeof *watch);

    if (!key)
        key = add_key(watches, db, name, hash);
    *watch = (struct watch){.next = key->first, .key = key, .watcher = watcher};
    if (key->first)
        key->first->previous = watch;
    key->first = watch;
    return watch;
}

void watches_remove(struct watches *watches, struct watch *watch)
{
    struct watch_key *key = watch->key;

    *(watch->previous ? &watch->previous->next : &key->first) = watch->next;
    if (watch->next)
        watch->next->previous = watch->previous;
    memory_free(watches->memory, watch);
    if (key->first)
        return;
    named_keys_remove(&watches->keys, &key->named);
    memory_free(watches->memory, key);
}

static void touch(struct watch_key *key)
{
    for (struct watch *watch = key->first; watch; watch = watch->next)
        atomic_store_explicit(&watch->watcher->touched, true, memory_order_relaxed);
}

void watches_touch(struct watches *watches, int db, struct str name, uint64_t hash)
{
    struct watch_key *key = watches_is_empty(watches) ? NULL : named_keys_find(&watches->keys, db, name, hash);

    if (key)
        touch(key);
}

struct touch_some {
    bool (*is_touched)(const void *context, const struct named_key *key);
    const void *context;
};

static void touch_if(void *context, struct named_key *named)
{
    const struct touch_some *some = context;

    if (some->is_touched(some->context, named))
        touch((struct watch_key *)named);
}

void watches_touch_some(struct watches *watches, int db,
                        bool (*is_touched)(const void *context, const struct named_key *key), const void *context)
{
    struct touch_some some = {is_touched, context};

    named_keys_each(&watches->keys, db, touch_if, &some);
}
