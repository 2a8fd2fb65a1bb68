/* Queues of waiters, alone and as the keyspace signals them. */
#include "core/waits.h"

#include <criterion/criterion.h>

#include "core/hash.h"
#include "core/keyspace.h"
#include "core/memory.h"

enum { HASH = 7 };

static struct memory memory;
static struct waits waits;
static int waiters[8];

static void open_waits(void)
{
    memory = (struct memory){0};
    waits_init(&waits, &memory);
}

static void close_waits(void)
{
    waits_deinit(&waits);
    cr_assert_eq(memory.used_bytes, 0, "%zu bytes left", memory.used_bytes);
}

static struct waits_ticket *add(int db, const char *name, int waiter)
{
    return waits_add(&waits, db, str_from(name), HASH, &waiters[waiter], false);
}

static void expect_taken(const char *name, int db, int first_waiter)
{
    struct waits_key *key = waits_take(&waits);

    cr_assert(key && str_equal(key->named.name, str_from(name)));
    cr_assert_eq(key->named.db, db);
    cr_assert_eq(key->first->waiter, &waiters[first_waiter]);
    waits_release(&waits, key);
}

Test(waits, a_key_that_nobody_waits_for_is_not_signalled)
{
    open_waits();
    struct waits_ticket *ticket = add(0, "a", 1);

    waits_signal(&waits, 0, STR("b"), HASH);
    waits_signal(&waits, 1, STR("a"), HASH);
    cr_assert_null(waits_take(&waits));
    waits_remove(&waits, ticket);
    close_waits();
}

Test(waits, keys_come_in_the_order_of_their_signals_once_each)
{
    open_waits();
    struct waits_ticket *a = add(0, "a", 1), *b = add(0, "b", 2), *other = add(1, "a", 3);

    waits_signal(&waits, 0, STR("b"), HASH);
    waits_signal(&waits, 1, STR("a"), HASH);
    waits_signal(&waits, 0, STR("a"), HASH);
    waits_signal(&waits, 0, STR("b"), HASH);
    expect_taken("b", 0, 2);
    expect_taken("a", 1, 3);
    expect_taken("a", 0, 1);
    cr_assert_null(waits_take(&waits));
    waits_remove(&waits, a);
    waits_remove(&waits, b);
    waits_remove(&waits, other);
    close_waits();
}

Test(waits, tickets_stand_in_the_order_in_which_they_came)
{
    struct waits_ticket *tickets[4];

    open_waits();
    for (int i = 0; i < 4; i++)
        tickets[i] = add(0, "a", i);
    waits_remove(&waits, tickets[0]);
    waits_remove(&waits, tickets[2]);
    waits_signal(&waits, 0, STR("a"), HASH);

    struct waits_key *key = waits_take(&waits);
    cr_assert_eq(key->first, tickets[1]);
    cr_assert_eq(tickets[1]->next, tickets[3]);
    cr_assert_null(tickets[3]->next);
    waits_release(&waits, key);
    waits_remove(&waits, tickets[3]);
    waits_remove(&waits, tickets[1]);
    close_waits();
}

Test(waits, keys_that_are_waited_for_until_their_end_are_counted)
{
    open_waits();
    struct waits_ticket *plain = add(0, "a", 1);
    struct waits_ticket *first = waits_add(&waits, 0, STR("a"), HASH, &waiters[2], true);
    struct waits_ticket *second = waits_add(&waits, 0, STR("a"), HASH, &waiters[3], true);
    struct waits_ticket *other = waits_add(&waits, 1, STR("a"), HASH, &waiters[2], true);

    cr_assert_eq(waits.any_changes, 2);
    waits_remove(&waits, first);
    cr_assert_eq(waits.any_changes, 2);
    waits_remove(&waits, second);
    waits_remove(&waits, other);
    cr_assert_eq(waits.any_changes, 0);
    waits_remove(&waits, plain);
    close_waits();
}

Test(waits, a_waiter_that_names_a_key_twice_stands_once)
{
    open_waits();
    struct waits_ticket *ticket = add(0, "a", 1);

    cr_assert_null(add(0, "a", 1));
    waits_remove(&waits, ticket);
    close_waits();
}

Test(waits, a_signalled_key_outlives_its_last_ticket_until_it_is_released)
{
    open_waits();
    struct waits_ticket *ticket = add(0, "a", 1);

    waits_signal(&waits, 0, STR("a"), HASH);
    waits_remove(&waits, ticket);
    struct waits_key *key = waits_take(&waits);

    cr_assert_null(key->first);
    ticket = add(0, "a", 2);
    cr_assert_eq(ticket->key, key);
    waits_remove(&waits, ticket);
    waits_release(&waits, key);
    close_waits();
}

Test(waits, all_keys_of_a_database_are_signalled_and_no_others)
{
    open_waits();
    struct waits_ticket *a = add(0, "a", 1), *b = add(0, "b", 2), *other = add(1, "c", 3);
    int count = 0;

    waits_signal_all(&waits, 0);
    for (struct waits_key *key; (key = waits_take(&waits)) != NULL; count++) {
        cr_assert_eq(key->named.db, 0);
        waits_release(&waits, key);
    }
    cr_assert_eq(count, 2);
    waits_remove(&waits, a);
    waits_remove(&waits, b);
    waits_remove(&waits, other);
    close_waits();
}

/* What the keyspace signals. */

static struct keyspace *keyspace;
static struct waits_ticket *ticket;

static void open_keyspace(void)
{
    static const uint8_t secret[32] = {1};

    if (!hash_is_seeded())
        keyspace_hash_seed(secret);
    memory = (struct memory){0};
    keyspace = keyspace_create(&memory, 2);
    ticket = waits_add(keyspace_waits(keyspace), 0, STR("k"), keyspace_hash(STR("k")), &waiters[0], false);
}

static bool was_signalled(void)
{
    struct waits_key *key = waits_take(keyspace_waits(keyspace));

    if (key)
        waits_release(keyspace_waits(keyspace), key);
    return key != NULL;
}

static void close_keyspace(void)
{
    waits_remove(keyspace_waits(keyspace), ticket);
    keyspace_destroy(keyspace);
    cr_assert_eq(memory.used_bytes, 0, "%zu bytes left", memory.used_bytes);
}

Test(waits, a_key_is_signalled_when_it_comes_and_when_it_goes)
{
    open_keyspace();
    keyspace_set_string(keyspace, 0, key_of(STR("other")), STR("1"), -1);
    cr_assert_not(was_signalled());
    keyspace_set_string(keyspace, 0, key_of(STR("k")), STR("1"), -1);
    cr_assert(was_signalled());
    keyspace_set_string(keyspace, 0, key_of(STR("k")), STR("2"), -1);
    cr_assert_not(was_signalled(), "a string that stays a string");
    keyspace_delete(keyspace, 0, key_of(STR("k")), 0);
    cr_assert(was_signalled());
    close_keyspace();
}

Test(waits, a_key_is_signalled_when_another_takes_its_name_or_another_database_its_place)
{
    open_keyspace();
    keyspace_set_string(keyspace, 0, key_of(STR("other")), STR("1"), -1);
    keyspace_move(keyspace, 0, key_of(STR("other")), keyspace, 0, key_of(STR("k")));
    cr_assert(was_signalled());
    keyspace_swap(keyspace, 0, 1);
    cr_assert(was_signalled());
    keyspace_flush(keyspace, 0);
    keyspace_set_string(keyspace, 0, key_of(STR("x")), STR("1"), -1);
    cr_assert_not(was_signalled(), "an empty database was flushed");
    keyspace_flush(keyspace, 0);
    cr_assert(was_signalled());
    close_keyspace();
}
