/* The table of kinds. A module that brings a container adds its row here. */
#include "core/value.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "core/assert.h"
#include "core/hash_pack.h"
#include "core/hash_table.h"
#include "core/list_value.h"
#include "core/memory.h"
#include "core/set_value.h"
#include "core/sparse_bitmap.h"
#include "core/stream_value.h"
#include "core/zset_value.h"

static_assert(VALUE_TYPES <= 16 && VALUE_ENCODINGS <= 16, "an entry has four bits for each");

enum { BYTES_AN_ITEM = 16 * 1024 }; /* returned to the system in the time that one item takes */

/* Strings without a block have nothing to free. */
static const struct value_kind integer_kind = {.name = "int", .real_name = "int"};
static const struct value_kind embedded_kind = {.name = "embstr", .real_name = "embstr"};

static const struct value_kind listpack_kind = {
    .name = "listpack",
    .real_name = "listpack",
    VALUE_BLOB,
};

static const struct value_kind intset_kind = {
    .name = "intset",
    .real_name = "intset",
    VALUE_BLOB,
};

const struct value_kind *value_kinds[VALUE_TYPES][VALUE_ENCODINGS] = {
    [VALUE_STRING] =
        {
            [ENCODING_INT] = &integer_kind,
            [ENCODING_EMBSTR] = &embedded_kind,
            [ENCODING_RAW] = &string_block_kind,
            [ENCODING_SPARSE_BITMAP] = &sparse_bitmap_kind,
        },
    [VALUE_LIST] = {[ENCODING_LISTPACK] = &listpack_kind, [ENCODING_DEQUE] = &list_deque_kind},
    [VALUE_SET] =
        {
            [ENCODING_LISTPACK] = &listpack_kind,
            [ENCODING_INTSET] = &intset_kind,
            [ENCODING_TABLE] = &set_table_kind,
            [ENCODING_ROARING] = &set_roaring_kind,
        },
    [VALUE_ZSET] = {[ENCODING_LISTPACK] = &listpack_kind, [ENCODING_TREE] = &zset_tree_kind},
    [VALUE_HASH] =
        {
            [ENCODING_LISTPACK] = &hash_pack_plain_kind,
            [ENCODING_LISTPACK_EX] = &hash_pack_expiring_kind,
            [ENCODING_TABLE] = &hash_table_kind,
        },
    [VALUE_STREAM] = {[ENCODING_STREAM] = &stream_kind},
};

const struct value_kind *value_kind_of(enum value_type type, enum value_encoding encoding)
{
    ASSERT(type < VALUE_TYPES && encoding < VALUE_ENCODINGS && value_kinds[type][encoding] != NULL);
    return value_kinds[type][encoding];
}

const char *value_type_name(enum value_type type)
{
    static const char *const names[] = {
        [VALUE_STRING] = "string", [VALUE_LIST] = "list", [VALUE_SET] = "set",
        [VALUE_ZSET] = "zset",     [VALUE_HASH] = "hash", [VALUE_STREAM] = "stream",
    };

    return names[type];
}

void value_destroy(const struct value_kind *kind, struct memory *memory, void *value)
{
    while (kind->drain(memory, value, SIZE_MAX) > 0)
        continue;
}

/* Blobs */

/* The whole block: what is behind the blob's end is room, and stays so. */
void *value_blob_copy(struct memory *memory, const void *value)
{
    size_t bytes = memory_block_bytes(value);

    return memcpy(memory_alloc(memory, bytes), value, bytes);
}

size_t value_blob_bytes(const void *value)
{
    return memory_block_bytes(value);
}

size_t value_blob_items(const void *value)
{
    return 1 + memory_block_bytes(value) / BYTES_AN_ITEM;
}

size_t value_blob_drain(struct memory *memory, void *value, size_t most)
{
    memory_free(memory, value);
    return 0;
}

void value_blob_rehome(void *value, struct memory *from, struct memory *to)
{
    memory_recharge(from, to, value);
}

/* Containers */

size_t value_account_bytes(const void *value)
{
    return ((const struct memory *)value)->used_bytes;
}

void value_account_rehome(void *value, struct memory *from, struct memory *to)
{
    struct memory *account = value;

    ASSERT(account->parent == from);
    memory_move_account(account, to);
}
