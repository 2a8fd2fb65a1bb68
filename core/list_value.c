#include "core/list_value.h"

#include "core/assert.h"
#include "core/config.h"
#include "core/memory.h"

/* The account is that of the deque's memory too. */
struct list_deque {
    struct memory account;
    struct deque deque;
};

static struct deque *deque_of(const struct entry *entry)
{
    return &((struct list_deque *)entry_value(entry))->deque;
}

static bool is_pack(const struct entry *entry)
{
    return entry_encoding(entry) == ENCODING_LISTPACK;
}

/* The row of value_kinds. An item is a block, or what of it counts as such. */

enum { BYTES_AN_ITEM = 16 * 1024 };

static size_t deque_items(const void *value)
{
    const struct list_deque *list = value;

    return 1 + deque_blocks(&list->deque) + list->account.used_bytes / BYTES_AN_ITEM;
}

static void *copy_deque(struct memory *memory, const void *value)
{
    const struct list_deque *list = value;
    struct list_deque *copy = (struct list_deque *)memory_alloc_account(memory, sizeof *copy);

    deque_copy(&copy->deque, &copy->account, &list->deque);
    return copy;
}

static size_t drain_deque(struct memory *memory, void *value, size_t most)
{
    struct list_deque *list = value;
    size_t items = deque_items(list), least = items > most ? items - most : 0;

    while (deque_drain(&list->deque, 1) > 0) {
        items = deque_items(list);
        if (items <= least)
            return items;
    }
    memory_free(&list->account, list);
    return 0;
}

const struct value_kind list_deque_kind = {
    .name = "quicklist",
    .real_name = "deque",
    .copy = copy_deque,
    .bytes = value_account_bytes,
    .items = deque_items,
    .drain = drain_deque,
    .rehome = value_account_rehome,
};

/* Encodings. */

/* Whether so much is too much for a listpack. */
static bool is_large(const struct config *config, size_t bytes, size_t count)
{
    int fill = config->list_max_listpack_size;

    return bytes > deque_fill_bytes(fill) || (fill >= 0 && count > deque_fill_count(fill));
}

static struct list_deque *create_deque(struct memory *memory, const struct config *config)
{
    struct list_deque *list = (struct list_deque *)memory_alloc_account(memory, sizeof *list);

    deque_init(&list->deque, &list->account, config->list_max_listpack_size, (unsigned)config->list_compress_depth);
    return list;
}

static void make_deque(const struct list *list)
{
    unsigned char *pack = entry_value(list->entry);
    struct list_deque *large = create_deque(list->memory, list->config);

    deque_append_pack(&large->deque, pack);
    entry_set_value(list->entry, ENCODING_DEQUE, large);
    listpack_free(list->memory, pack);
}

/* With texts as long as these in all. As in Redis their length is what counts, not what they take in a pack. */
static void grow(const struct list *list, size_t text_bytes, size_t text_count)
{
    unsigned char *pack = entry_value(list->entry);

    if (!is_large(list->config, listpack_bytes(pack) + text_bytes, listpack_count(pack) + text_count))
        return;
    make_deque(list);
}

void list_grow(const struct list *list, size_t text_bytes)
{
    if (is_pack(list->entry))
        grow(list, text_bytes, 1);
}

/* Half of the limit in bytes, or of that in elements. */
static bool is_half(const struct config *config, const struct deque_block *block)
{
    int fill = config->list_max_listpack_size;

    if (fill < 0)
        return block->bytes.length <= deque_fill_bytes(fill) / 2;
    return block->count <= deque_fill_count(fill) / 2;
}

void list_shrink(const struct list *list)
{
    if (is_pack(list->entry) || deque_blocks(deque_of(list->entry)) != 1)
        return;
    struct list_deque *large = entry_value(list->entry);
    struct deque_block block = deque_block_at(&large->deque, 0);
    if (block.is_plain || !is_half(list->config, &block))
        return;
    unsigned char *pack = listpack_copy(list->memory, (const unsigned char *)block.bytes.bytes);
    entry_set_value(list->entry, ENCODING_LISTPACK, pack);
    value_destroy(&list_deque_kind, list->memory, large);
}

static void make_pack(const struct list *list)
{
    struct list_deque *large = entry_value(list->entry);
    unsigned char *pack = listpack_create(list->memory, 0);
    struct listpack_value value;
    struct list_walk walk;

    if (deque_count(&large->deque) > 0) {
        list_walk_start(&walk, list->entry, 0, true);
        while (list_walk_next(&walk, &value))
            listpack_append(list->memory, &pack, value);
    }
    entry_set_value(list->entry, ENCODING_LISTPACK, pack);
    value_destroy(&list_deque_kind, list->memory, large);
}

void list_set_encoding(const struct list *list, enum value_encoding encoding)
{
    if (entry_encoding(list->entry) == encoding)
        return;
    if (encoding == ENCODING_DEQUE)
        make_deque(list);
    else
        make_pack(list);
}

static size_t bytes_of(const struct str *texts, size_t count)
{
    size_t bytes = 0;

    for (size_t i = 0; i < count; i++)
        bytes += texts[i].length;
    return bytes;
}

/* An element of a short text takes two bytes more than that. */
struct entry *list_create(struct keyspace *keyspace, int db, struct key key, const struct config *config,
                          const struct str *texts, size_t count)
{
    size_t room = bytes_of(texts, count) + 2 * count;
    bool fits = !is_large(config, room, count);
    unsigned char *pack = listpack_create(keyspace_memory(keyspace), fits ? room : 0);

    return keyspace_add_value(keyspace, db, key, VALUE_LIST, ENCODING_LISTPACK, pack);
}

/* Reading. */

size_t list_count(const struct entry *entry)
{
    return is_pack(entry) ? listpack_count(entry_value(entry)) : deque_count(deque_of(entry));
}

static unsigned char *pack_end(const unsigned char *pack, enum deque_end end)
{
    return end == DEQUE_FRONT ? listpack_first(pack) : listpack_last(pack);
}

struct listpack_value list_peek(const struct entry *entry, enum deque_end end)
{
    if (!is_pack(entry))
        return deque_peek(deque_of(entry), end);
    return listpack_get(pack_end(entry_value(entry), end));
}

struct listpack_value list_get(const struct entry *entry, size_t index)
{
    if (!is_pack(entry))
        return deque_get(deque_of(entry), index);
    return listpack_get(listpack_seek(entry_value(entry), (int64_t)index));
}

/* Changing. */

static void push_to_pack(const struct list *list, enum deque_end end, const struct str *texts, size_t count)
{
    unsigned char *pack = entry_value(list->entry);

    for (size_t i = 0; i < count; i++) {
        if (end == DEQUE_FRONT)
            listpack_prepend(list->memory, &pack, listpack_value_of(texts[i]));
        else
            listpack_append(list->memory, &pack, listpack_value_of(texts[i]));
    }
    entry_set_value(list->entry, ENCODING_LISTPACK, pack);
}

void list_push(const struct list *list, enum deque_end end, const struct str *texts, size_t count)
{
    if (is_pack(list->entry))
        grow(list, bytes_of(texts, count), count);
    if (is_pack(list->entry)) {
        push_to_pack(list, end, texts, count);
        return;
    }
    for (size_t i = 0; i < count; i++)
        deque_push(deque_of(list->entry), end, texts[i]);
}

void list_set(const struct list *list, size_t index, struct str text)
{
    if (!is_pack(list->entry)) {
        deque_set(deque_of(list->entry), index, text);
        return;
    }
    unsigned char *pack = entry_value(list->entry);
    listpack_replace(list->memory, &pack, listpack_seek(pack, (int64_t)index), listpack_value_of(text));
    entry_set_value(list->entry, ENCODING_LISTPACK, pack);
}

void list_insert(const struct list *list, size_t index, struct str text)
{
    if (!is_pack(list->entry)) {
        deque_insert(deque_of(list->entry), index, text);
        return;
    }
    unsigned char *pack = entry_value(list->entry);
    unsigned char *element = listpack_seek(pack, (int64_t)index);
    if (element == NULL)
        listpack_append(list->memory, &pack, listpack_value_of(text));
    else
        listpack_insert_before(list->memory, &pack, element, listpack_value_of(text));
    entry_set_value(list->entry, ENCODING_LISTPACK, pack);
}

void list_drop(const struct list *list, enum deque_end end)
{
    if (!is_pack(list->entry)) {
        deque_drop(deque_of(list->entry), end);
        return;
    }
    unsigned char *pack = entry_value(list->entry);
    listpack_delete(list->memory, &pack, pack_end(pack, end));
    entry_set_value(list->entry, ENCODING_LISTPACK, pack);
}

void list_delete_range(const struct list *list, size_t index, size_t count)
{
    if (!is_pack(list->entry)) {
        deque_delete_range(deque_of(list->entry), index, count);
        return;
    }
    unsigned char *pack = entry_value(list->entry);
    listpack_delete_range(list->memory, &pack, (int64_t)index, count);
    entry_set_value(list->entry, ENCODING_LISTPACK, pack);
}

/* Walking. */

void list_walk_start(struct list_walk *walk, const struct entry *entry, size_t index, bool forward)
{
    walk->forward = forward;
    if (!is_pack(entry)) {
        walk->pack = NULL;
        deque_walk_start(&walk->blocks, deque_of(entry), index, forward);
        return;
    }
    walk->pack = entry_value(entry);
    walk->next = listpack_seek(walk->pack, (int64_t)index);
}

/* Forward, what comes next lies where the element lay; backward, it lies before and stays. */
void list_walk_delete(struct list_walk *walk, const struct list *list)
{
    if (walk->pack == NULL) {
        deque_walk_delete(&walk->blocks);
        return;
    }
    unsigned char *pack = (unsigned char *)walk->pack, *element = pack + (walk->given - walk->pack);
    size_t offset = walk->next ? (size_t)(walk->next - walk->pack) : 0;
    unsigned char *behind = listpack_delete(list->memory, &pack, element);

    walk->next = walk->forward ? behind : offset > 0 ? pack + offset : NULL;
    walk->pack = pack;
    entry_set_value(list->entry, ENCODING_LISTPACK, pack);
}

/* Writing and loading. */

size_t list_blocks(const struct entry *entry)
{
    return is_pack(entry) ? 1 : deque_blocks(deque_of(entry));
}

struct deque_block list_block_at(const struct entry *entry, size_t index)
{
    const unsigned char *pack = entry_value(entry);

    if (!is_pack(entry))
        return deque_block_at(deque_of(entry), index);
    return (struct deque_block){.bytes = {(const char *)pack, listpack_bytes(pack)}, .count = listpack_count(pack)};
}

void list_load_begin(struct list_loading *loading, struct memory *memory, const struct config *config)
{
    *loading = (struct list_loading){memory, config, create_deque(memory, config)};
}

void list_load_text(struct list_loading *loading, struct str text)
{
    deque_push(&loading->large->deque, DEQUE_BACK, text);
}

void list_load_pack(struct list_loading *loading, const unsigned char *pack)
{
    deque_append_pack(&loading->large->deque, pack);
}

size_t list_load_count(const struct list_loading *loading)
{
    return deque_count(&loading->large->deque);
}

void *list_load_end(struct list_loading *loading, enum value_encoding *encoding)
{
    struct list_deque *large = loading->large;
    struct deque_block block;

    *encoding = ENCODING_DEQUE;
    if (deque_blocks(&large->deque) != 1)
        return large;
    block = deque_block_at(&large->deque, 0);
    if (block.is_plain || is_large(loading->config, block.bytes.length, block.count))
        return large;
    *encoding = ENCODING_LISTPACK;
    unsigned char *pack = listpack_copy(loading->memory, (const unsigned char *)block.bytes.bytes);
    value_destroy(&list_deque_kind, loading->memory, large);
    return pack;
}
