#include "core/geohash.h"

#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "tests/support/dice.h"

static const struct geohash_place PALERMO = {13.361389, 38.115556}, CATANIA = {15.087269, 37.502669};
static const struct geohash_place NORTH_EAST = {180, 85.05112878}, SOUTH_WEST = {-180, -85.05112878}, ZERO = {0, 0};

/* What redis-server 7.0.15 says of places, those at the very edges among them. */
Test(geohash, scores_and_texts_are_those_of_redis)
{
    const struct {
        struct geohash_place place;
        uint64_t score;
        const char *text;
    } known[] = {
        {PALERMO, 3479099956230698, "sqc8b49rny0"},     {CATANIA, 3479447370796909, "sqdtr74hyu0"},
        {NORTH_EAST, 13510798882111488, "bp05b5048p0"}, {SOUTH_WEST, 0, "00bh0hbj200"},
        {ZERO, 3377699720527872, "s0000000000"},
    };

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        char text[GEOHASH_TEXT_LENGTH];

        cr_assert_eq(geohash_encode(known[i].place), known[i].score);
        geohash_text((double)known[i].score, text);
        cr_assert(memcmp(text, known[i].text, sizeof text) == 0, "%.11s", text);
    }
}

static void check_distance(struct geohash_place a, struct geohash_place b, const char *expected)
{
    struct geohash_place from = geohash_decode((double)geohash_encode(a)),
                         to = geohash_decode((double)geohash_encode(b));
    char text[GEOHASH_DISTANCE_TEXT_MAX];
    size_t length = geohash_distance_text(geohash_distance_m(from, to), text);

    cr_assert(length == strlen(expected) && memcmp(text, expected, length) == 0, "%s", expected);
    cr_assert_eq(geohash_distance_m(from, to), geohash_distance_m(to, from));
}

Test(geohash, distances_are_those_of_redis)
{
    char text[GEOHASH_DISTANCE_TEXT_MAX];

    check_distance(PALERMO, CATANIA, "166274.1516");
    check_distance(PALERMO, NORTH_EAST, "6307362.7206");
    check_distance(ZERO, ZERO, "0.0000");
    /* printf would round these by their last bits: ...09215 and ...80805. */
    cr_assert_eq(geohash_distance_text(15087092.092149999, text), 13);
    cr_assert(memcmp(text, "15087092.0922", 13) == 0);
    cr_assert_eq(geohash_distance_text(4695760.00805, text), 12);
    cr_assert(memcmp(text, "4695760.0080", 12) == 0);
}

static double between(double low, double high)
{
    return low + (high - low) * (double)(dice_bits() >> 11) / 9007199254740992.0;
}

static struct geohash_place draw_place(double most_latitude)
{
    double longitude = between(-180, 180);

    return (struct geohash_place){longitude, between(-most_latitude, most_latitude)};
}

Test(geohash, a_place_comes_back_to_within_a_cell)
{
    dice_seed();
    for (int i = 0; i < 100000; i++) {
        struct geohash_place place = draw_place(85.05112878);
        uint64_t score = geohash_encode(place);
        struct geohash_place back = geohash_decode((double)score);

        cr_assert_lt(score, 1ull << 52);
        cr_assert_leq(fabs(back.longitude - place.longitude), 180.0 / (1 << 26));
        cr_assert_leq(fabs(back.latitude - place.latitude), 85.06 / (1 << 26));
        cr_assert_eq(geohash_encode(back), score);
    }
}

/* ZADD can give a member any score. */
Test(geohash, any_score_gives_a_place)
{
    const double scores[] = {-1, -INFINITY, INFINITY, 1e300, -1e300, 9.3e18, 1.9e19, 0.5, 1e16};
    char text[GEOHASH_TEXT_LENGTH];

    for (size_t i = 0; i < sizeof scores / sizeof scores[0]; i++) {
        cr_assert(geohash_is_place(geohash_decode(scores[i])));
        geohash_text(scores[i], text);
    }
    geohash_text(-1, text);
    cr_assert(memcmp(text, "bp05b5048p0", sizeof text) == 0, "%.11s", text);
}

Test(geohash, places_out_of_bounds_or_not_numbers_are_none)
{
    cr_assert(geohash_is_place(NORTH_EAST));
    cr_assert(geohash_is_place(SOUTH_WEST));
    cr_assert_not(geohash_is_place((struct geohash_place){180.0001, 0}));
    cr_assert_not(geohash_is_place((struct geohash_place){0, -85.0512}));
    cr_assert_not(geohash_is_place((struct geohash_place){NAN, 0}));
    cr_assert_not(geohash_is_place((struct geohash_place){0, NAN}));
}

static struct geohash_shape draw_shape(void)
{
    double size = pow(10, between(-1, 6));
    struct geohash_shape shape = {.center = draw_place(50), .is_box = dice_below(2), .radius_m = size};

    if (shape.is_box) {
        shape.radius_m = 0;
        shape.width_m = size;
        shape.height_m = size * between(0.1, 1.5);
    }
    return shape;
}

/* A place that is likely to lie in the shape or not far from it. */
static struct geohash_place near(const struct geohash_shape *shape)
{
    double reach = (shape->is_box ? shape->width_m : shape->radius_m) / 111000 * 1.2;
    struct geohash_place place = {shape->center.longitude + between(-reach, reach) * 1.5,
                                  shape->center.latitude + between(-reach, reach)};

    place.longitude = remainder(place.longitude, 360);
    return place;
}

/* No place is missed away from the poles, where Redis's estimate is known to hold. */
Test(geohash, what_lies_in_a_shape_has_its_score_in_one_range)
{
    size_t inside = 0;

    dice_seed();
    for (int i = 0; i < 20000; i++) {
        struct geohash_shape shape = draw_shape();
        struct geohash_range ranges[GEOHASH_RANGES_MOST];
        size_t count = geohash_ranges(&shape, ranges);

        for (int k = 0; k < 10; k++) {
            uint64_t score = geohash_encode(near(&shape));
            size_t holding = 0;
            double distance;

            for (size_t at = 0; at < count; at++)
                holding += ranges[at].first <= score && score < ranges[at].end;
            if (!geohash_contains(&shape, geohash_decode((double)score), &distance))
                continue;
            inside++;
            cr_assert_eq(holding, 1, "center %.17g %.17g", shape.center.longitude, shape.center.latitude);
        }
    }
    cr_assert_gt(inside, 20000);
}

Test(geohash, a_circle_holds_what_is_within_its_radius)
{
    struct geohash_shape shape = {.center = PALERMO, .radius_m = geohash_distance_m(PALERMO, CATANIA)};
    double distance;

    cr_assert(geohash_contains(&shape, CATANIA, &distance));
    cr_assert_eq(distance, shape.radius_m);
    shape.radius_m = nextafter(shape.radius_m, 0);
    cr_assert_not(geohash_contains(&shape, CATANIA, &distance));
}

Test(geohash, a_box_holds_what_is_within_half_of_its_sides)
{
    struct geohash_place east = {1, 0}, north = {0, 1};
    double degree_m = geohash_distance_m(ZERO, north), distance;
    struct geohash_shape shape = {.center = ZERO, .is_box = true, .width_m = 2 * degree_m + 1, .height_m = degree_m};

    cr_assert(geohash_contains(&shape, east, &distance));
    cr_assert_float_eq(distance, degree_m, 1e-6);
    cr_assert_not(geohash_contains(&shape, north, &distance));
    shape.height_m = 2 * degree_m + 1;
    shape.width_m = 2 * degree_m - 1;
    cr_assert(geohash_contains(&shape, north, &distance));
    cr_assert_not(geohash_contains(&shape, east, &distance));
}

/* A digest over the ranges of shapes of all sizes, poles and the far side of the earth included; noted when
 * the results of GEOSEARCH, in their order, were equal to redis-server's. */
Test(geohash, ranges_are_those_that_were_compared_with_redis)
{
    const double latitudes[] = {0, 79.5, -45, 65, 67, -79, 81, 85.05, -85.05112878},
                 longitudes[] = {0, 13.4, -180, 179.99};
    uint64_t digest = 0xcbf29ce484222325;

    for (int i = 0; i < 9 * 4 * 2; i++) {
        for (double size = 0.5; size < 4e7; size *= 7) {
            struct geohash_shape shape = {.center = {longitudes[i / 2 % 4], latitudes[i / 8]}, .is_box = i % 2};
            struct geohash_range ranges[GEOHASH_RANGES_MOST];

            shape.radius_m = size;
            shape.width_m = size;
            shape.height_m = size * 1.7;
            size_t count = geohash_ranges(&shape, ranges);
            for (size_t at = 0; at < count; at++)
                digest = ((digest ^ ranges[at].first) * 0x100000001b3 ^ ranges[at].end) * 0x100000001b3;
        }
    }
    cr_assert_eq(digest, 0x58972318ad97f2fd, "0x%016llx", (unsigned long long)digest);
}
