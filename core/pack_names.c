/* Names are compared by their hashes, put into order: a search for each among
 * those before it would take a millisecond in a pack of 512. */
#include "core/pack_names.h"

#include <stdlib.h>

#include "core/hash.h"
#include "core/memory.h"

enum { HASHES_INLINE = 128 };

bool pack_element_is_own(const unsigned char *element, uint64_t bytes_most)
{
    struct listpack_value value = listpack_get(element);
    char digits[NUMBER_TEXT_MAX];

    if (value.bytes != NULL)
        return value.length <= bytes_most && listpack_value_of((struct str){value.bytes, value.length}).bytes != NULL;
    return bytes_most >= NUMBER_TEXT_MAX || listpack_text(value, digits).length <= bytes_most;
}

/* An integer's is that of its bytes: no text is equal to it. */
static uint64_t hash_of(struct listpack_value name)
{
    if (name.bytes != NULL)
        return hash_keyed((struct str){name.bytes, name.length});
    return ~hash_keyed((struct str){(const char *)&name.integer, sizeof name.integer});
}

static int compare(const void *a, const void *b)
{
    uint64_t first = *(const uint64_t *)a, second = *(const uint64_t *)b;

    return (first > second) - (first < second);
}

static bool differ(uint64_t *hashes, size_t count)
{
    qsort(hashes, count, sizeof *hashes, compare);
    for (size_t i = 1; i < count; i++)
        if (hashes[i] == hashes[i - 1])
            return false;
    return true;
}

bool pack_names_are_distinct(struct memory *memory, const unsigned char *pack, size_t count, int form)
{
    uint64_t on_stack[HASHES_INLINE], *hashes = on_stack;
    const unsigned char *name = listpack_first(pack);

    if (count > HASHES_INLINE)
        hashes = memory_alloc(memory, count * sizeof *hashes);
    for (size_t i = 0; i < count; i++) {
        hashes[i] = hash_of(listpack_get(name));
        for (int element = 0; name != NULL && element < form; element++)
            name = listpack_next(name);
    }
    bool distinct = differ(hashes, count);
    if (hashes != on_stack)
        memory_free(memory, hashes);
    return distinct;
}
