#include "core/digest.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "core/hash_value.h"
#include "core/list_value.h"
#include "core/memory.h"
#include "core/set_value.h"
#include "core/stream_value.h"
#include "core/string_value.h"
#include "core/zset_call.h"

static struct str str_of(const struct digest *digest)
{
    return (struct str){(const char *)digest->bytes, sizeof digest->bytes};
}

static void join_bytes(struct digest *digest, struct str bytes)
{
    struct digest other;

    sha1(bytes, other.bytes);
    for (int i = 0; i < SHA1_BYTES; i++)
        digest->bytes[i] ^= other.bytes[i];
}

void digest_join(struct digest *digest, const struct digest *other)
{
    join_bytes(digest, str_of(other));
}

void digest_mix(struct digest *digest, struct str bytes)
{
    join_bytes(digest, bytes);
    sha1(str_of(digest), digest->bytes);
}

void digest_mix_number(struct digest *digest, uint32_t number)
{
    uint32_t bytes = htonl(number);

    digest_mix(digest, (struct str){(const char *)&bytes, sizeof bytes});
}

static void mix_packed(struct digest *digest, struct listpack_value value)
{
    char digits[NUMBER_TEXT_MAX];

    digest_mix(digest, listpack_text(value, digits));
}

/* Types */

/* A sparse bitmap stays one. */
static void mix_string(struct digest *digest, const struct entry *entry, int64_t now_ms)
{
    struct memory memory = {0};
    char digits[NUMBER_TEXT_MAX];
    size_t length;
    char *bytes;

    if (!entry_is_sparse_bitmap(entry)) {
        digest_mix(digest, entry_string(entry, digits));
        return;
    }
    length = entry_string_length(entry);
    bytes = memory_alloc(&memory, length);
    string_read(entry, 0, length, bytes);
    digest_mix(digest, (struct str){bytes, length});
    memory_free(&memory, bytes);
}

static void mix_list(struct digest *digest, const struct entry *entry, int64_t now_ms)
{
    struct listpack_value value;
    struct list_walk walk;

    list_walk_start(&walk, entry, 0, true);
    while (list_walk_next(&walk, &value))
        mix_packed(digest, value);
}

static bool join_member(void *context, const struct set_member *member)
{
    char digits[NUMBER_TEXT_MAX];

    join_bytes(context, set_member_text(member, digits));
    return true;
}

static void mix_set(struct digest *digest, const struct entry *entry, int64_t now_ms)
{
    struct set_value set = set_value_of(entry);

    set_value_each(&set, join_member, digest);
}

static void join_element(struct digest *digest, const struct zset_element *element)
{
    struct digest own = {{0}};
    char score[NUMBER_TEXT_MAX];
    int length = snprintf(score, sizeof score, "%.17g", element->score);

    digest_mix(&own, element->member);
    digest_mix(&own, (struct str){score, (size_t)length});
    digest_join(digest, &own);
}

static void mix_zset(struct digest *digest, const struct entry *entry, int64_t now_ms)
{
    struct zset zset = zset_of_entry(entry);
    struct zset_element element;
    struct zset_walk walk;

    zset_walk_begin(&walk, &zset, 0, zset_count(&zset), false);
    while (zset_walk_next(&walk, &element))
        join_element(digest, &element);
}

static void join_field(void *context, const struct hash_item *item)
{
    struct digest own = {{0}};

    mix_packed(&own, item->field);
    mix_packed(&own, item->value);
    if (item->deadline_ms >= 0)
        join_bytes(&own, STR("!!hexpire!!"));
    digest_join(context, &own);
}

static void mix_hash(struct digest *digest, const struct entry *entry, int64_t now_ms)
{
    struct hash hash = {.encoding = entry_encoding(entry), .value = entry_value(entry), .now_ms = now_ms};

    hash_each(&hash, join_field, digest);
}

static void mix_stream_entry(struct digest *digest, const struct stream_entry *entry)
{
    struct stream_fields fields = stream_fields(entry);
    struct listpack_value name, value;
    char id[2 * NUMBER_TEXT_MAX];
    int length =
        snprintf(id, sizeof id, "%llu.%llu", (unsigned long long)entry->id.ms, (unsigned long long)entry->id.sequence);

    digest_mix(digest, (struct str){id, (size_t)length});
    while (stream_fields_next(&fields, &name, &value)) {
        mix_packed(digest, name);
        mix_packed(digest, value);
    }
}

/* What groups have read is no part of it, as it is none of Redis's. */
static void mix_stream(struct digest *digest, const struct entry *entry, int64_t now_ms)
{
    struct stream_range range = stream_range(entry_value(entry), (struct stream_id){0, 0}, stream_id_greatest(), false);
    struct stream_entry next;

    while (stream_range_next(&range, &next))
        mix_stream_entry(digest, &next);
}

static const struct {
    uint32_t number; /* Redis's */
    void (*mix)(struct digest *digest, const struct entry *entry, int64_t now_ms);
} types[VALUE_TYPES] = {
    [VALUE_STRING] = {0, mix_string}, [VALUE_LIST] = {1, mix_list}, [VALUE_SET] = {2, mix_set},
    [VALUE_ZSET] = {3, mix_zset},     [VALUE_HASH] = {4, mix_hash}, [VALUE_STREAM] = {6, mix_stream},
};

void digest_mix_value(struct digest *digest, const struct entry *entry, int64_t now_ms)
{
    enum value_type type = entry_type(entry);

    digest_mix_number(digest, types[type].number);
    types[type].mix(digest, entry, now_ms);
    if (entry_expiry_ms(entry) >= 0)
        join_bytes(digest, STR("!!expire!!"));
}
