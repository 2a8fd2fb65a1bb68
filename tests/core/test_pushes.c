/* Pushes have their places, and keep their order where they share one. */
#include "core/pushes.h"

#include <criterion/criterion.h>

#include "core/memory.h"
#include "tests/support/dice.h"

static struct memory memory;
static struct pushes pushes;

static void end(void)
{
    pushes_clear(&pushes, &memory);
    cr_assert_eq(pushes.bytes, 0);
    cr_assert_eq(memory.used_bytes, 0);
}

TestSuite(pushes, .fini = end);

static void append(uint64_t behind, const char *text)
{
    pushes_append(&pushes, &memory, behind, str_from(text));
}

static void expect_run(uint64_t answered, const char *expected)
{
    struct push_run *run = pushes_take(&pushes, answered);

    cr_assert_not_null(run);
    cr_assert(str_equal(buffer_str(&run->bytes), str_from(expected)));
    push_run_free(run, &memory);
}

Test(pushes, none_are_taken_before_their_place)
{
    append(2, "x");
    cr_assert_null(pushes_take(&pushes, 1));
    expect_run(2, "x");
    cr_assert_null(pushes_take(&pushes, UINT64_MAX));
}

Test(pushes, those_of_one_place_are_one_run)
{
    append(0, "a");
    append(0, "b");
    cr_assert_eq(pushes.bytes, 2);
    expect_run(0, "ab");
    cr_assert_eq(pushes.bytes, 0);
}

Test(pushes, an_earlier_place_goes_before_later_ones)
{
    append(5, "e");
    append(3, "c");
    append(4, "d");
    append(3, "C");
    append(1, "a");
    expect_run(9, "a");
    expect_run(9, "cC");
    expect_run(9, "d");
    expect_run(9, "e");
}

/* Beside a list of letters by place. */
Test(pushes, any_order_of_places_is_kept_as_in_a_model)
{
    enum { PLACES = 8, MOST = 2000 };
    static char model[PLACES][MOST + 1];
    size_t lengths[PLACES] = {0};

    dice_seed();
    for (int i = 0; i < MOST; i++) {
        uint64_t behind = dice_below(PLACES);
        char letter[2] = {(char)('a' + dice_below(26))};

        append(behind, letter);
        model[behind][lengths[behind]++] = letter[0];
        if (dice_below(100) == 0) {
            uint64_t answered = dice_below(PLACES);

            for (uint64_t place = 0; place <= answered; place++) {
                model[place][lengths[place]] = '\0';
                if (lengths[place] > 0)
                    expect_run(answered, model[place]);
                lengths[place] = 0;
            }
            cr_assert_null(pushes_take(&pushes, answered));
        }
    }
}
