#include "core/hash_value.h"

#include "core/assert.h"
#include "core/config.h"
#include "core/hash_pack.h"
#include "core/hash_table.h"
#include "core/pack_names.h"

enum { ROOM_BYTES = 185 /* more than most hashes take: while one is made its pack seldom moves */ };

static bool is_table(const struct hash *hash)
{
    return hash->encoding == ENCODING_TABLE;
}

static enum hash_pack_form form_of(const struct hash *hash)
{
    return hash->encoding == ENCODING_LISTPACK_EX ? HASH_PACK_EXPIRING : HASH_PACK_PLAIN;
}

static bool has_passed(const struct hash *hash, int64_t deadline_ms)
{
    return deadline_ms >= 0 && deadline_ms <= hash->now_ms;
}

void hash_create(struct hash *hash, struct memory *memory, const struct config *config, int64_t now_ms)
{
    *hash = (struct hash){
        .encoding = ENCODING_LISTPACK,
        .value = listpack_create(memory, ROOM_BYTES),
        .now_ms = now_ms,
        .memory = memory,
        .config = config,
    };
}

/* Instead of the pack that the hash has been. */
static void become(struct hash *hash, enum value_encoding encoding, void *value)
{
    if (hash->holder == NULL)
        listpack_free(hash->memory, hash->value);
    hash->encoding = encoding;
    hash->value = value;
    hash->holder = NULL;
}

/* A pack that does not fit into its entry any more. `place` is in it, or NULL. Returns where that is now. */
static unsigned char *become_block(struct hash *hash, const unsigned char *place)
{
    const unsigned char *old = hash->value;
    unsigned char *pack = listpack_create(hash->memory, ROOM_BYTES);

    memcpy(pack, old, listpack_bytes(old));
    become(hash, ENCODING_LISTPACK, pack);
    return place ? pack + (place - old) : NULL;
}

/* Lengths */

size_t hash_length(const struct hash *hash)
{
    return is_table(hash) ? hash_table_count(hash->value) : hash_pack_count(hash->value, form_of(hash));
}

bool hash_is_empty(const struct hash *hash)
{
    return is_table(hash) ? hash_table_count(hash->value) == 0 : listpack_is_empty(hash->value);
}

/* They are at the front. */
static size_t count_expired_in_pack(const struct hash *hash)
{
    unsigned char *field = listpack_first(hash->value);
    size_t count = 0;

    while (field != NULL && has_passed(hash, hash_pack_deadline_ms(field, HASH_PACK_EXPIRING))) {
        field = hash_pack_next(field, HASH_PACK_EXPIRING);
        count++;
    }
    return count;
}

size_t hash_live_length(const struct hash *hash)
{
    if (is_table(hash))
        return hash_length(hash) - hash_table_count_expired(hash->value, hash->now_ms);
    if (hash->encoding == ENCODING_LISTPACK_EX)
        return hash_length(hash) - count_expired_in_pack(hash);
    return hash_length(hash);
}

int64_t hash_next_deadline_ms(const struct hash *hash)
{
    if (hash->encoding == ENCODING_LISTPACK)
        return -1;
    return is_table(hash) ? hash_table_next_deadline_ms(hash->value)
                          : hash_pack_next_deadline_ms(hash->value, HASH_PACK_EXPIRING);
}

/* Places */

static struct hash_item record_item(const struct hash_record *record)
{
    struct hash_record_parts parts = hash_record_parts(record);

    return (struct hash_item){
        {parts.field.bytes, {parts.field.length}}, {parts.value.bytes, {parts.value.length}}, parts.deadline_ms};
}

static struct hash_item pack_item(const struct hash *hash, const unsigned char *field)
{
    return (struct hash_item){listpack_get(field), listpack_get(listpack_next(field)),
                              hash_pack_deadline_ms((unsigned char *)field, form_of(hash))};
}

struct hash_item hash_item_at(const struct hash *hash, hash_place place)
{
    return is_table(hash) ? record_item(place) : pack_item(hash, place);
}

static bool is_live(const struct hash *hash, hash_place place)
{
    int64_t deadline_ms;

    if (hash->encoding == ENCODING_LISTPACK)
        return true;
    deadline_ms = is_table(hash) ? hash_record_parts(place).deadline_ms
                                 : hash_pack_deadline_ms((unsigned char *)place, HASH_PACK_EXPIRING);
    return !has_passed(hash, deadline_ms);
}

/* Walks: every live field's place. */
struct walk {
    const struct hash *hash;
    void (*visit)(struct walk *walk, hash_place place);
    hash_visit *visit_item; /* the caller's, where it wants items */
    void *context;
};

static void visit_place(void *context, void *place)
{
    struct walk *walk = context;

    if (is_live(walk->hash, place))
        walk->visit(walk, place);
}

static uint64_t walk_step(struct walk *walk, uint64_t cursor)
{
    const struct hash *hash = walk->hash;
    unsigned char *field;

    if (is_table(hash))
        return table_scan(&((const struct hash_table *)hash->value)->records, cursor, visit_place, walk);
    for (field = listpack_first(hash->value); field != NULL; field = hash_pack_next(field, form_of(hash)))
        visit_place(walk, field);
    return 0;
}

static void walk_all(struct walk *walk)
{
    uint64_t cursor = 0;

    do
        cursor = walk_step(walk, cursor);
    while (cursor != 0);
}

static void give_item(struct walk *walk, hash_place place)
{
    struct hash_item item = hash_item_at(walk->hash, place);

    walk->visit_item(walk->context, &item);
}

void hash_each(const struct hash *hash, hash_visit *visit, void *context)
{
    walk_all(&(struct walk){hash, give_item, visit, context});
}

uint64_t hash_scan(const struct hash *hash, uint64_t cursor, hash_visit *visit, void *context)
{
    return walk_step(&(struct walk){hash, give_item, visit, context}, cursor);
}

static void give_place(struct walk *walk, hash_place place)
{
    hash_place **next = walk->context;

    *(*next)++ = place;
}

void hash_places(const struct hash *hash, hash_place *places)
{
    walk_all(&(struct walk){.hash = hash, .visit = give_place, .context = &places});
}

/* Reading */

static hash_place find(const struct hash *hash, struct str field)
{
    return is_table(hash) ? (hash_place)hash_table_find(hash->value, field)
                          : (hash_place)hash_pack_find(hash->value, form_of(hash), field);
}

bool hash_get(const struct hash *hash, struct str field, struct hash_item *item)
{
    hash_place place = find(hash, field);

    if (place == NULL)
        return false;
    *item = hash_item_at(hash, place);
    return !has_passed(hash, item->deadline_ms);
}

/* Conversions */

static void add_to_table(void *context, const struct hash_item *item)
{
    char field[NUMBER_TEXT_MAX], value[NUMBER_TEXT_MAX];

    hash_table_put(context, listpack_text(item->field, field), listpack_text(item->value, value), item->deadline_ms, 0);
}

/* The expired are left behind. */
static void become_table(struct hash *hash)
{
    struct hash_table *table = hash_table_create(hash->memory);

    hash_each(hash, add_to_table, table);
    become(hash, ENCODING_TABLE, table);
}

static void become_expiring(struct hash *hash)
{
    become(hash, ENCODING_LISTPACK_EX, hash_pack_make_expiring(hash->memory, hash->value));
}

static bool fits_pack(const struct hash *hash, struct str field, struct str value)
{
    size_t most = (size_t)hash->config->hash_max_listpack_value;

    return field.length <= most && value.length <= most && hash_pack_would_fit(hash->value, field, value);
}

static bool is_too_long(const struct hash *hash, size_t fields)
{
    int64_t most = hash->config->hash_max_listpack_entries;

    return fields > (most < 0 ? 0 : (size_t)most);
}

void hash_expect(struct hash *hash, size_t fields)
{
    if (!is_table(hash) && is_too_long(hash, fields))
        become_table(hash);
}

/* Foreign packs */

bool hash_adopt(struct hash *hash, const unsigned char *pack)
{
    uint64_t bytes_most = (uint64_t)hash->config->hash_max_listpack_value;
    size_t elements = 0;

    for (const unsigned char *element = listpack_first(pack); element != NULL; element = listpack_next(element))
        if (elements++, !pack_element_is_own(element, bytes_most))
            return false;
    size_t fields = elements / HASH_PACK_PLAIN;
    if (elements % HASH_PACK_PLAIN != 0 || is_too_long(hash, fields) || listpack_bytes(pack) > LISTPACK_BYTES_MAX / 2 ||
        !pack_names_are_distinct(hash->memory, pack, fields, HASH_PACK_PLAIN))
        return false;
    become(hash, ENCODING_LISTPACK, listpack_copy(hash->memory, pack));
    return true;
}

/* Writing */

static int64_t current_deadline_ms(const struct hash *hash, struct str field)
{
    struct hash_item item;

    return hash_get(hash, field, &item) ? item.deadline_ms : HASH_NO_DEADLINE;
}

/* A value of the same size needs no room: most counters and times are such. */
static bool overwrite(const struct hash *hash, const unsigned char *place, struct str value)
{
    return hash->encoding == ENCODING_LISTPACK && listpack_overwrite(listpack_next(place), listpack_value_of(value));
}

/* At most, of a text that is short enough for an entry; mostly it is that. */
static size_t element_bytes(struct str text)
{
    return text.length + (text.length < 64 ? 2 : 4);
}

/* Whether there is certainly room for a field, or for a value in the place of another. */
static bool fits_entry(const struct hash *hash, const unsigned char *place, struct str field, struct str value)
{
    size_t bytes = listpack_bytes(hash->value) + element_bytes(value);

    if (place == NULL)
        bytes += element_bytes(field);
    else
        bytes -= listpack_element_bytes(listpack_next(place));
    return bytes <= entry_value_room(hash->holder);
}

/* What a pack is changed with. */
static struct memory *pack_memory(const struct hash *hash)
{
    return hash->holder != NULL ? NULL : hash->memory;
}

static bool set_in_pack(struct hash *hash, struct str field, struct str value, int64_t deadline_ms)
{
    unsigned char *place = hash_pack_find(hash->value, form_of(hash), field);
    bool is_new = place == NULL || !is_live(hash, place);

    if (place != NULL && overwrite(hash, place, value))
        return false;
    if (hash->holder != NULL && !fits_entry(hash, place, field, value))
        place = become_block(hash, place);
    unsigned char *pack = hash->value;
    if (place == NULL)
        hash_pack_add(pack_memory(hash), &pack, form_of(hash), field, value, deadline_ms);
    else
        hash_pack_overwrite(pack_memory(hash), &pack, form_of(hash), place, value, deadline_ms);
    hash->value = pack;
    if (place == NULL && is_too_long(hash, hash_length(hash)))
        become_table(hash);
    return is_new;
}

bool hash_set(struct hash *hash, struct str field, struct str value, int64_t deadline_ms)
{
    if (deadline_ms == HASH_KEEP_DEADLINE)
        deadline_ms = hash_next_deadline_ms(hash) < 0 ? HASH_NO_DEADLINE : current_deadline_ms(hash, field);
    if (!is_table(hash) && !fits_pack(hash, field, value))
        become_table(hash);
    if (is_table(hash))
        return hash_table_put(hash->value, field, value, deadline_ms, hash->now_ms);
    if (deadline_ms >= 0 && hash->encoding == ENCODING_LISTPACK)
        become_expiring(hash);
    return set_in_pack(hash, field, value, deadline_ms);
}

static void set_deadline_in_pack(struct hash *hash, struct str field, int64_t deadline_ms)
{
    if (deadline_ms >= 0 && hash->encoding == ENCODING_LISTPACK)
        become_expiring(hash);
    if (hash->encoding == ENCODING_LISTPACK)
        return;

    unsigned char *pack = hash->value;
    hash_pack_set_deadline(hash->memory, &pack, hash_pack_find(pack, HASH_PACK_EXPIRING, field), deadline_ms);
    hash->value = pack;
}

void hash_set_deadline(struct hash *hash, struct str field, int64_t deadline_ms)
{
    struct hash_item item;
    bool there = hash_get(hash, field, &item);

    ASSERT(there);
    if (item.deadline_ms == deadline_ms)
        return;
    if (is_table(hash))
        hash_table_put(hash->value, field, (struct str){item.value.bytes, item.value.length}, deadline_ms, 0);
    else
        set_deadline_in_pack(hash, field, deadline_ms);
}

bool hash_delete(struct hash *hash, struct str field)
{
    if (is_table(hash))
        return hash_table_remove(hash->value, field, hash->now_ms);

    unsigned char *pack = hash->value, *place = hash_pack_find(pack, form_of(hash), field);
    bool there = place != NULL && is_live(hash, place);
    if (place != NULL)
        hash_pack_remove(pack_memory(hash), &pack, form_of(hash), place);
    hash->value = pack;
    return there;
}

/* Chance */

/* Where most of a table has expired, or of a pack always, the walk is taken. */
struct lot {
    size_t skip;
    hash_place place;
};

static void draw(struct walk *walk, hash_place place)
{
    struct lot *lot = walk->context;

    if (lot->skip-- == 0)
        lot->place = place;
}

static size_t below(size_t count, uint64_t random)
{
    return (size_t)((unsigned __int128)random * count >> 64);
}

static hash_place random_by_walk(const struct hash *hash, size_t live, uint64_t random)
{
    struct lot lot = {.skip = below(live, random)};

    walk_all(&(struct walk){.hash = hash, .visit = draw, .context = &lot});
    return lot.place;
}

hash_place hash_random(const struct hash *hash, uint64_t (*random)(void *context), void *context)
{
    size_t live = hash_live_length(hash);
    hash_place place;

    ASSERT(live > 0);
    if (hash->encoding == ENCODING_LISTPACK)
        return listpack_seek(hash->value, (int64_t)(below(live, random(context)) * HASH_PACK_PLAIN));
    if (!is_table(hash) || live < hash_length(hash) / 2)
        return random_by_walk(hash, live, random(context));
    do
        place = table_random(&((const struct hash_table *)hash->value)->records, random, context);
    while (!is_live(hash, place));
    return place;
}
