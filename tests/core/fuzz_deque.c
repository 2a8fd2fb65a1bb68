/* libFuzzer target: operations on a deque, beside an array.
 *
 * The first byte chooses the limits; then each operation is three bytes: what,
 * where, and which text. A text is told by one number, so that the array holds numbers. */
#include <stdint.h>
#include <stdlib.h>

#include "core/assert.h"
#include "core/deque.h"
#include "core/memory.h"

enum { MODEL_MAX = 8192 };

struct model {
    uint8_t texts[MODEL_MAX];
    size_t count;
};

/* Integers, short texts, and a few that fill a block of 4 kB or are too large for it. */
static struct str text_of(uint8_t number, char text[static 8192])
{
    size_t length = number < 240 ? number / 4 : 4070 + (number - 240) * 2u;

    if (number % 4 == 0)
        return (struct str){text, number_format_integer(text, (int64_t)(1ull << number / 4))};
    memset(text, 'a' + number % 4, length);
    return (struct str){text, length};
}

static void check_value(struct listpack_value value, uint8_t number)
{
    char digits[NUMBER_TEXT_MAX], text[8192];

    ASSERT(str_equal(listpack_text(value, digits), text_of(number, text)));
}

static void check_all(struct deque *deque, const struct model *model, bool forward)
{
    struct deque_walk walk;
    struct listpack_value value;
    size_t given = 0;

    deque_walk_start(&walk, deque, forward ? 0 : model->count - 1, forward);
    for (; deque_walk_next(&walk, &value); given++)
        check_value(value, model->texts[deque_walk_index(&walk)]);
    ASSERT(given == model->count && deque_count(deque) == model->count);
    ASSERT(deque_bytes(deque) == deque->memory->used_bytes);
}

static void insert(struct deque *deque, struct model *model, size_t index, uint8_t number)
{
    char text[8192];
    struct str str = text_of(number, text);

    if (model->count == MODEL_MAX)
        return;
    deque_insert(deque, index, str);
    memmove(&model->texts[index + 1], &model->texts[index], model->count++ - index);
    model->texts[index] = number;
}

static void erase(struct deque *deque, struct model *model, size_t index, size_t count)
{
    if (count > model->count - index)
        count = model->count - index;
    if (count == 1)
        deque_delete(deque, index);
    else
        deque_delete_range(deque, index, count);
    memmove(&model->texts[index], &model->texts[index + count], model->count - index - count);
    model->count -= count;
}

static void set(struct deque *deque, struct model *model, size_t index, uint8_t number)
{
    char text[8192];

    deque_set(deque, index, text_of(number, text));
    model->texts[index] = number;
    check_value(deque_get(deque, index), number);
}

static void delete_while_walking(struct deque *deque, struct model *model, size_t index, bool forward)
{
    struct deque_walk walk;
    struct listpack_value value;

    deque_walk_start(&walk, deque, index, forward);
    for (size_t i = 0; i < 20 && deque_walk_next(&walk, &value); i++) {
        size_t given = deque_walk_index(&walk);

        check_value(value, model->texts[given]);
        if (model->texts[given] % 3)
            continue;
        deque_walk_delete(&walk);
        memmove(&model->texts[given], &model->texts[given + 1], --model->count - given);
    }
}

static void change(struct deque *deque, struct model *model, const uint8_t *operation)
{
    uint8_t number = operation[2];
    size_t place = model->count * operation[1] / 256;

    if (operation[0] % 8 < 3 || model->count == 0) {
        size_t ends[] = {0, place, model->count};

        for (size_t i = 0; i <= operation[0] / 8; i++)
            insert(deque, model, i == 0 ? ends[operation[0] % 8 % 3] : place, number);
        return;
    }
    switch (operation[0] % 8) {
    case 3:
        erase(deque, model, operation[1] % 2 ? 0 : model->count - 1, 1);
        break;
    case 4:
        erase(deque, model, place, number);
        break;
    case 5:
        set(deque, model, place, number);
        break;
    case 6:
        delete_while_walking(deque, model, place, number % 2);
        break;
    default:
        check_value(deque_get(deque, place), model->texts[place]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct memory memory = {0};
    struct deque deque;
    struct model model = {.count = 0};

    if (size == 0)
        return 0;
    deque_init(&deque, &memory, data[0] % 16 - 2, data[0] / 16 % 4);
    for (size_t at = 1; at + 3 <= size; at += 3)
        change(&deque, &model, data + at);
    check_all(&deque, &model, true);
    if (model.count > 0)
        check_all(&deque, &model, false);
    while (deque_drain(&deque, 5) > 0)
        continue;
    ASSERT(memory.used_bytes == 0 && deque_bytes(&deque) == 0);
    return 0;
}
