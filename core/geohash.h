/* Places on earth as integers, so that a sorted set can hold and find them.
 *
 * Longitude and latitude are cut in half again and again, 26 times each, and
 * the choices interleaved to 52 bits, which a score holds exactly. Places
 * with the same leading bits lie in one cell, and a cell's places in one range of
 * scores: a search looks at the cell around its center and its 8 neighbours, at a
 * precision at which these cover the shape. Formulas and their order are those of
 * Redis, so that digits and results are too. Any thread. */
#ifndef CORE_GEOHASH_H
#define CORE_GEOHASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GEOHASH_TEXT_LENGTH = 11, GEOHASH_RANGES_MOST = 9, GEOHASH_DISTANCE_TEXT_MAX = 32 };

struct geohash_place {
    double longitude; /* -180 to 180 */
    double latitude;  /* -85.05112878 to 85.05112878, where the Mercator projection is a square */
};

/* Whether both are within their bounds, as all functions below expect of a place. */
bool geohash_is_place(struct geohash_place place);

/* The score of a place, and the middle of its cell; of any score, as members may have come by ZADD. */
uint64_t geohash_encode(struct geohash_place place);
struct geohash_place geohash_decode(double score);
/* The standard geohash of the place of a score, without terminator. */
void geohash_text(double score, char text[static GEOHASH_TEXT_LENGTH]);

double geohash_distance_m(struct geohash_place a, struct geohash_place b);
/* A distance, in any unit of at least a foot, as GEODIST writes it: with four digits. Returns the length. */
size_t geohash_distance_text(double distance, char text[static GEOHASH_DISTANCE_TEXT_MAX]);

/* A circle, or a box if there is no radius: `is_box`. Sizes are not negative. */
struct geohash_shape {
    struct geohash_place center;
    bool is_box;
    double radius_m;
    double width_m, height_m;
};

/* Scores from first up to but not including end. */
struct geohash_range {
    uint64_t first, end;
};

/* Which scores can lie in the shape, in the order in which Redis looks at them; returns how many ranges. */
size_t geohash_ranges(const struct geohash_shape *shape, struct geohash_range ranges[static GEOHASH_RANGES_MOST]);
/* Whether the place lies in the shape; the distance from the center is set then. */
bool geohash_contains(const struct geohash_shape *shape, struct geohash_place place, double *distance_m);

#endif
