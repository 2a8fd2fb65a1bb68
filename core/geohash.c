#include "core/geohash.h"

#include <math.h>
#include <stdio.h>

enum { STEPS = 26, SCORE_BITS = 2 * STEPS };

static const double LONGITUDE_MOST = 180, LATITUDE_MOST = 85.05112878, LATITUDE_MOST_OF_TEXT = 90;
static const double EARTH_RADIUS_M = 6372797.560856, MERCATOR_MOST_M = 20037726.37;

/* A cell: both numbers count cells of this precision, from the south-west. A
 * place on the eastern or northern edge has the number after the last. */
struct cell {
    uint32_t east, north;
    unsigned steps;
};

/* Its bounds in degrees. */
struct area {
    double west, south, east, north;
};

/* The bits with a 0 before each, and back. */
static uint64_t spread_bits(uint64_t bits)
{
    bits = (bits | bits << 16) & 0x0000ffff0000ffff;
    bits = (bits | bits << 8) & 0x00ff00ff00ff00ff;
    bits = (bits | bits << 4) & 0x0f0f0f0f0f0f0f0f;
    bits = (bits | bits << 2) & 0x3333333333333333;
    return (bits | bits << 1) & 0x5555555555555555;
}

static uint32_t gather_bits(uint64_t bits)
{
    bits &= 0x5555555555555555;
    bits = (bits | bits >> 1) & 0x3333333333333333;
    bits = (bits | bits >> 2) & 0x0f0f0f0f0f0f0f0f;
    bits = (bits | bits >> 4) & 0x00ff00ff00ff00ff;
    bits = (bits | bits >> 8) & 0x0000ffff0000ffff;
    return (uint32_t)(bits | bits >> 16);
}

static uint64_t bits_of(struct cell cell)
{
    return spread_bits(cell.east) << 1 | spread_bits(cell.north);
}

static uint32_t number_of(double degrees, double most, unsigned steps)
{
    return (uint32_t)((degrees + most) / (2 * most) * (double)(1u << steps));
}

static struct cell cell_around(struct geohash_place place, unsigned steps)
{
    return (struct cell){number_of(place.longitude, LONGITUDE_MOST, steps),
                         number_of(place.latitude, LATITUDE_MOST, steps), steps};
}

static double edge_of(uint32_t number, double most, unsigned steps)
{
    return -most + number * 1.0 / (double)(1u << steps) * (2 * most);
}

static struct area area_of(struct cell cell)
{
    return (struct area){
        .west = edge_of(cell.east, LONGITUDE_MOST, cell.steps),
        .south = edge_of(cell.north, LATITUDE_MOST, cell.steps),
        .east = edge_of(cell.east + 1, LONGITUDE_MOST, cell.steps),
        .north = edge_of(cell.north + 1, LATITUDE_MOST, cell.steps),
    };
}

bool geohash_is_place(struct geohash_place place)
{
    return place.longitude >= -LONGITUDE_MOST && place.longitude <= LONGITUDE_MOST &&
           place.latitude >= -LATITUDE_MOST && place.latitude <= LATITUDE_MOST;
}

uint64_t geohash_encode(struct geohash_place place)
{
    return bits_of(cell_around(place, STEPS));
}

/* C leaves open what a double outside the integer's range becomes; this is what an x86-64 makes of it. */
static uint64_t integer_of(double score)
{
    const double middle = 9223372036854775808.0;

    if (score >= -middle && score < middle)
        return (uint64_t)(int64_t)score;
    if (score >= middle)
        return score < 2 * middle ? (uint64_t)score : 0;
    return 1ull << 63;
}

static double within(double degrees, double most)
{
    return degrees > most ? most : degrees < -most ? -most : degrees;
}

struct geohash_place geohash_decode(double score)
{
    uint64_t bits = integer_of(score);
    struct area area = area_of((struct cell){gather_bits(bits >> 1), gather_bits(bits), STEPS});

    return (struct geohash_place){within((area.west + area.east) / 2, LONGITUDE_MOST),
                                  within((area.south + area.north) / 2, LATITUDE_MOST)};
}

/* The standard divides all of the latitudes; 52 bits are ten characters, and the last one is always 0. */
void geohash_text(double score, char text[static GEOHASH_TEXT_LENGTH])
{
    struct geohash_place place = geohash_decode(score);
    struct cell cell = {number_of(place.longitude, LONGITUDE_MOST, STEPS),
                        number_of(place.latitude, LATITUDE_MOST_OF_TEXT, STEPS), STEPS};
    uint64_t bits = bits_of(cell);

    for (int i = 0; i < GEOHASH_TEXT_LENGTH - 1; i++)
        text[i] = "0123456789bcdefghjkmnpqrstuvwxyz"[bits >> (SCORE_BITS - 5 * (i + 1)) & 31];
    text[GEOHASH_TEXT_LENGTH - 1] = '0';
}

static double radians(double degrees)
{
    return degrees * (M_PI / 180.0);
}

static double degrees_of(double angle)
{
    return angle / (M_PI / 180.0);
}

static double distance_along_meridian(double latitude, double other)
{
    return EARTH_RADIUS_M * fabs(radians(other) - radians(latitude));
}

/* The haversine formula. */
double geohash_distance_m(struct geohash_place a, struct geohash_place b)
{
    double v = sin((radians(b.longitude) - radians(a.longitude)) / 2);

    if (v == 0)
        return distance_along_meridian(a.latitude, b.latitude);
    double latitude = radians(a.latitude), other = radians(b.latitude);
    double u = sin((other - latitude) / 2);
    return 2.0 * EARTH_RADIUS_M * asin(sqrt(u * u + cos(latitude) * cos(other) * v * v));
}

/* Rounded after multiplication, which for one in a hundred thousand gives another digit than printf does. */
size_t geohash_distance_text(double distance, char text[static GEOHASH_DISTANCE_TEXT_MAX])
{
    long long scaled = llrint(distance * 10000);

    return (size_t)snprintf(text, GEOHASH_DISTANCE_TEXT_MAX, "%lld.%04lld", scaled / 10000, scaled % 10000);
}

/* Half of the shape's extent. */
static double half_height(const struct geohash_shape *shape)
{
    return shape->is_box ? shape->height_m / 2 : shape->radius_m;
}

static double half_width(const struct geohash_shape *shape)
{
    return shape->is_box ? shape->width_m / 2 : shape->radius_m;
}

/* Bounds of the shape. A degree of longitude is shortest at the edge nearer to a pole. */
static struct area area_around(const struct geohash_shape *shape)
{
    double longitude = shape->center.longitude, latitude = shape->center.latitude;
    double up = degrees_of(half_height(shape) / EARTH_RADIUS_M);
    double edge = latitude < 0 ? latitude - up : latitude + up;
    double aside = degrees_of(half_width(shape) / EARTH_RADIUS_M / cos(radians(edge)));

    return (struct area){longitude - aside, latitude - up, longitude + aside, latitude + up};
}

static double reach_of(const struct geohash_shape *shape)
{
    double width = half_width(shape), height = half_height(shape);

    return shape->is_box ? sqrt(width * width + height * height) : shape->radius_m;
}

/* The finest precision at which a cell and its neighbours usually cover what is
 * in reach; coarser towards the poles, where cells are narrow. */
static unsigned steps_for(double reach_m, double latitude)
{
    int steps = 1;

    if (reach_m == 0)
        return STEPS;
    for (; reach_m < MERCATOR_MOST_M; reach_m *= 2)
        steps++;
    steps -= 2 + (fabs(latitude) > 66) + (fabs(latitude) > 80);
    return steps < 1 ? 1 : steps > STEPS ? STEPS : (unsigned)steps;
}

/* Around the earth, in both directions. */
static struct cell neighbour(struct cell cell, int east, int north)
{
    uint32_t most = (1u << cell.steps) - 1;

    if (east != 0)
        cell.east = (cell.east + (uint32_t)east) & most;
    if (north != 0)
        cell.north = (cell.north + (uint32_t)north) & most;
    return cell;
}

/* Whether the neighbours reach at least as far as the shape. */
static bool covers(struct cell cell, struct area wanted)
{
    return area_of(neighbour(cell, 0, 1)).north >= wanted.north &&
           area_of(neighbour(cell, 0, -1)).south <= wanted.south &&
           area_of(neighbour(cell, 1, 0)).east >= wanted.east && area_of(neighbour(cell, -1, 0)).west <= wanted.west;
}

/* The shape ends within the cell, before this neighbour. */
static bool is_useless(struct area area, struct area wanted, int east, int north)
{
    return (north < 0 && area.south < wanted.south) || (north > 0 && area.north > wanted.north) ||
           (east < 0 && area.west < wanted.west) || (east > 0 && area.east > wanted.east);
}

static struct geohash_range range_of(struct cell cell)
{
    unsigned rest = SCORE_BITS - 2 * cell.steps;

    return (struct geohash_range){bits_of(cell) << rest, (bits_of(cell) + 1) << rest};
}

static struct cell cell_for(const struct geohash_shape *shape, struct area wanted)
{
    unsigned steps = steps_for(reach_of(shape), shape->center.latitude);
    struct cell cell = cell_around(shape->center, steps);

    if (steps > 1 && !covers(cell, wanted))
        cell = cell_around(shape->center, steps - 1);
    return cell;
}

size_t geohash_ranges(const struct geohash_shape *shape, struct geohash_range ranges[static GEOHASH_RANGES_MOST])
{
    static const struct {
        int east, north;
    } order[GEOHASH_RANGES_MOST] = {{0, 0}, {0, 1}, {0, -1}, {1, 0}, {-1, 0}, {1, 1}, {-1, 1}, {1, -1}, {-1, -1}};
    struct area wanted = area_around(shape);
    struct cell cell = cell_for(shape, wanted);
    struct area area = area_of(cell);
    size_t count = 0;

    for (int i = 0; i < GEOHASH_RANGES_MOST; i++) {
        if (cell.steps >= 2 && is_useless(area, wanted, order[i].east, order[i].north))
            continue;
        struct geohash_range range = range_of(neighbour(cell, order[i].east, order[i].north));
        /* With two cells around the earth, a cell has the same neighbour on both sides. */
        if (count == 0 || range.first != ranges[count - 1].first)
            ranges[count++] = range;
    }
    return count;
}

bool geohash_contains(const struct geohash_shape *shape, struct geohash_place place, double *distance_m)
{
    struct geohash_place center = shape->center, aside = {center.longitude, place.latitude};

    if (shape->is_box) {
        if (distance_along_meridian(place.latitude, center.latitude) > shape->height_m / 2)
            return false;
        if (geohash_distance_m(place, aside) > shape->width_m / 2)
            return false;
    }
    *distance_m = geohash_distance_m(center, place);
    return shape->is_box || *distance_m <= shape->radius_m;
}
