/* Watched keys, alone and as the keyspace touches them. */
#include "core/watch.h"

#include <criterion/criterion.h>

#include "core/hash.h"
#include "core/keyspace.h"
#include "core/memory.h"
#include "tests/support/dice.h"

enum { NOW_MS = 1000, WATCHERS = 5 };

static struct memory memory;
static struct keyspace *keyspace;
static struct watcher watchers[WATCHERS];

static void begin(void)
{
    static const uint8_t secret[32] = "secret";

    if (!hash_is_seeded())
        keyspace_hash_seed(secret);
    memory = (struct memory){0};
    memset(watchers, 0, sizeof watchers);
    keyspace = keyspace_create(&memory, 3);
}

static void end(void)
{
    keyspace_destroy(keyspace);
    cr_assert_eq(memory.used_bytes, 0, "%zu bytes left", memory.used_bytes);
}

TestSuite(watch, .init = begin, .fini = end);

static struct watch *watch(int db, const char *name, int watcher)
{
    return keyspace_watch(keyspace, db, key_of(str_from(name)), &watchers[watcher], NOW_MS);
}

static void set(int db, const char *name, int64_t expiry_ms)
{
    keyspace_set_string(keyspace, db, key_of(str_from(name)), STR("value"), expiry_ms);
}

static void touch(int db, const char *name)
{
    keyspace_touch(keyspace, db, str_from(name), 0);
}

/* Ends the watch. */
static void expect(struct watch *watched, int watcher, bool touched)
{
    cr_assert_eq(watcher_is_touched(&watchers[watcher]), touched);
    keyspace_unwatch(keyspace, watched);
    watchers[watcher] = (struct watcher){0};
}

Test(watch, is_of_one_key_in_one_database)
{
    struct watch *watched = watch(1, "key", 0);

    touch(0, "key");
    touch(1, "other");
    cr_assert_not(watcher_is_touched(&watchers[0]));
    touch(1, "key");
    expect(watched, 0, true);
}

Test(watch, all_who_watch_a_key_are_told)
{
    struct watch *first = watch(0, "key", 0), *second = watch(0, "key", 1), *third = watch(0, "other", 2);

    touch(0, "key");
    expect(first, 0, true);
    expect(second, 1, true);
    expect(third, 2, false);
}

Test(watch, nobody_heeds_touches_where_nothing_is_watched)
{
    cr_assert_not(keyspace_changes(keyspace)->heeded & CHANGES_WATCHED);
    struct watch *first = watch(0, "a", 0), *second = watch(0, "b", 0);
    keyspace_unwatch(keyspace, first);
    cr_assert(keyspace_changes(keyspace)->heeded & CHANGES_WATCHED);
    keyspace_unwatch(keyspace, second);
    cr_assert_not(keyspace_changes(keyspace)->heeded & CHANGES_WATCHED);
}

Test(watch, a_key_that_expires_is_touched)
{
    set(0, "read", NOW_MS + 10);
    set(0, "alone", NOW_MS + 10);
    struct watch *read = watch(0, "read", 0), *alone = watch(0, "alone", 1);

    cr_assert_null(keyspace_find(keyspace, 0, key_of(STR("read")), NOW_MS + 10));
    expect(read, 0, true);
    cr_assert_eq(keyspace_expire(keyspace, NOW_MS + 10, 100), 1);
    expect(alone, 1, true);
}

Test(watch, what_had_expired_before_is_no_change)
{
    set(0, "key", NOW_MS);
    struct watch *watched = watch(0, "key", 0);

    keyspace_expire(keyspace, NOW_MS, 100);
    expect(watched, 0, false);
}

Test(watch, a_flush_touches_what_is_there)
{
    set(0, "here", -1);
    struct watch *here = watch(0, "here", 0), *absent = watch(0, "absent", 1), *elsewhere = watch(1, "here", 2);

    keyspace_flush(keyspace, 0);
    expect(here, 0, true);
    expect(absent, 1, false);
    expect(elsewhere, 2, false);
}

Test(watch, a_swap_touches_what_is_there_or_comes)
{
    set(0, "here", -1);
    set(1, "there", -1);
    struct watch *here = watch(0, "here", 0), *comes = watch(0, "there", 1), *absent = watch(0, "absent", 2);
    struct watch *other = watch(1, "here", 3), *third = watch(2, "here", 4);

    keyspace_swap(keyspace, 0, 1);
    expect(here, 0, true);
    expect(comes, 1, true);
    expect(absent, 2, false);
    expect(other, 3, true);
    expect(third, 4, false);
    here = watch(1, "here", 0);
    keyspace_swap(keyspace, 1, 1);
    expect(here, 0, false);
}

/* Watches come and go and keys are touched, beside a table of who watches what how often. */
Test(watch, random_watches_are_those_of_the_model)
{
    enum { KEYS = 7, DBS = 3, MOST = 40, STEPS = 4000 };
    static const char *const names[KEYS] = {"a", "b", "key", "a longer name of a key", "", "x", "y"};
    struct {
        struct watch *watch;
        int db, key, watcher;
    } open[MOST];
    int count = 0;

    dice_seed();
    for (int step = 0; step < STEPS; step++) {
        int db = (int)dice_below(DBS), key = (int)dice_below(KEYS);

        if (dice_below(2) == 0 && count < MOST) {
            int watcher = (int)dice_below(WATCHERS);

            open[count].watch = watch(db, names[key], watcher);
            open[count].db = db;
            open[count].key = key;
            open[count++].watcher = watcher;
        } else if (count > 0 && dice_below(2) == 0) {
            int at = (int)dice_below((uint64_t)count);

            keyspace_unwatch(keyspace, open[at].watch);
            open[at] = open[--count];
        } else {
            bool touched[WATCHERS] = {false};

            touch(db, names[key]);
            for (int i = 0; i < count; i++)
                touched[open[i].watcher] |= open[i].db == db && open[i].key == key;
            for (int i = 0; i < WATCHERS; i++) {
                cr_assert_eq(watcher_is_touched(&watchers[i]), touched[i], "step %d", step);
                watchers[i] = (struct watcher){0};
            }
        }
    }
    while (count > 0)
        keyspace_unwatch(keyspace, open[--count].watch);
}
