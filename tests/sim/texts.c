#include "tests/sim/texts.h"

#include <stdlib.h>

#include "core/hash.h"

enum { SLOTS_FIRST = 1024 };

void texts_init(struct texts *texts)
{
    *texts = (struct texts){.count = 1, .capacity = SLOTS_FIRST, .slot_mask = SLOTS_FIRST * 2 - 1};
    texts->texts = malloc(texts->capacity * sizeof *texts->texts);
    texts->slots = calloc(texts->slot_mask + 1, sizeof *texts->slots);
    texts->texts[0] = (struct str){NULL, 0};
}

void texts_deinit(struct texts *texts)
{
    for (uint32_t id = 1; id < texts->count; id++)
        free((char *)texts->texts[id].bytes);
    free(texts->texts);
    free(texts->slots);
}

/* Where the text is, or the free slot where it belongs. */
static uint32_t *slot_of_text(struct texts *texts, struct str text)
{
    uint32_t at = (uint32_t)hash_digest(text) & texts->slot_mask;

    while (texts->slots[at] && !str_equal(texts->texts[texts->slots[at]], text))
        at = (at + 1) & texts->slot_mask;
    return &texts->slots[at];
}

static void grow(struct texts *texts)
{
    texts->capacity *= 2;
    texts->slot_mask = texts->capacity * 2 - 1;
    texts->texts = realloc(texts->texts, texts->capacity * sizeof *texts->texts);
    free(texts->slots);
    texts->slots = calloc(texts->slot_mask + 1, sizeof *texts->slots);
    for (uint32_t id = 1; id < texts->count; id++)
        *slot_of_text(texts, texts->texts[id]) = id;
}

uint32_t texts_add(struct texts *texts, struct str text)
{
    uint32_t *slot = slot_of_text(texts, text);
    char *bytes;

    if (*slot)
        return *slot;
    if (texts->count == texts->capacity) {
        grow(texts);
        slot = slot_of_text(texts, text);
    }
    bytes = malloc(text.length + 1);
    memcpy(bytes, text.bytes, text.length);
    bytes[text.length] = '\0';
    texts->texts[texts->count] = (struct str){bytes, text.length};
    return *slot = texts->count++;
}
