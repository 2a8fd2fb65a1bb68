/* libFuzzer target: bytes of unknown origin that validate as a pack can be
 * read and changed, and stay a pack; the others are only refused.
 *
 * The input's first byte is how many of the following bytes are operations;
 * the rest is the pack, in a block of its own size, so that a sanitizer sees a
 * read outside. Its length and end are mended, or few inputs would get far. */
#include <stdint.h>
#include <stdlib.h>

#include "core/assert.h"
#include "core/listpack.h"
#include "core/memory.h"

/* What all readers read, so that none is optimized away. */
static size_t read_values(const unsigned char *pack)
{
    size_t count = 0, sum = 0;
    char digits[NUMBER_TEXT_MAX];

    for (const unsigned char *element = listpack_first(pack); element; element = listpack_next(element), count++) {
        struct str text = listpack_text(listpack_get(element), digits);

        for (size_t i = 0; i < text.length; i++)
            sum += (unsigned char)text.bytes[i];
        ASSERT(listpack_equals(element, text) && listpack_find(element, text, 1) == element);
    }
    ASSERT(count == listpack_count(pack));
    return sum;
}

static void read_places(const unsigned char *pack)
{
    size_t count = listpack_count(pack), index = count;

    for (const unsigned char *element = listpack_last(pack); element; element = listpack_previous(pack, element)) {
        index--;
        if (index < 8 || index + 8 > count) {
            ASSERT(listpack_seek(pack, (int64_t)index) == element);
            ASSERT(listpack_seek(pack, (int64_t)index - (int64_t)count) == element);
        }
    }
    ASSERT(index == 0 && listpack_seek(pack, (int64_t)count) == NULL);
    ASSERT(listpack_find(listpack_first(pack), STR("no such"), 0) == NULL || count > 0);
}

static void split_and_append(struct memory *memory, unsigned char **pack, unsigned char *element)
{
    unsigned char *right = listpack_split(memory, pack, element);

    ASSERT(listpack_validate(right, listpack_bytes(right)));
    listpack_append_pack(memory, &right, *pack);
    listpack_free(memory, *pack);
    *pack = right;
}

static void change(struct memory *memory, unsigned char **pack, uint8_t operation)
{
    unsigned char *element = listpack_seek(*pack, operation >> 3);
    char text[128] = "4611686018427387904";
    struct listpack_value value =
        listpack_value_of((struct str){text, operation & 0x80 ? operation >> 1 : operation / 6});

    if (element == NULL) {
        listpack_append_many(memory, pack, (struct listpack_value[]){value, listpack_integer(operation - 128)}, 2);
        return;
    }
    switch (operation & 7) {
    case 0:
        listpack_prepend(memory, pack, value);
        break;
    case 1:
        listpack_insert_before(memory, pack, element, value);
        break;
    case 2:
        listpack_insert_after(memory, pack, element, value);
        break;
    case 3:
        listpack_replace(memory, pack, element, value);
        break;
    case 4:
        listpack_delete(memory, pack, element);
        break;
    case 5:
        listpack_delete_range(memory, pack, -(operation >> 3), operation >> 4);
        break;
    case 6:
        split_and_append(memory, pack, element);
        break;
    default:
        listpack_shrink(memory, pack);
    }
}

static void try_pack(const uint8_t *bytes, size_t length, const uint8_t *operations, size_t count)
{
    struct memory memory = {0};
    unsigned char *pack = memory_alloc(&memory, length);

    memcpy(pack, bytes, length);
    if (length >= LISTPACK_EMPTY_BYTES && (bytes[0] & 1)) {
        uint32_t total = (uint32_t)length;
        memcpy(pack, &total, sizeof total);
        memset(pack + 4, 0xff, 2);
        pack[length - 1] = LISTPACK_END;
    }
    if (listpack_validate(pack, length)) {
        read_values(pack);
        read_places(pack);
        for (size_t i = 0; i < count; i++) {
            change(&memory, &pack, operations[i]);
            ASSERT(listpack_validate(pack, listpack_bytes(pack)));
        }
        read_values(pack);
        read_places(pack);
    }
    memory_free(&memory, pack);
    ASSERT(memory.used_bytes == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t operations = size > 0 ? data[0] : 0;

    if (size < 1 + operations)
        return 0;
    if (size > 1 + operations)
        try_pack(data + 1 + operations, size - 1 - operations, data + 1, operations);
    return 0;
}
