#include "core/geo_args.h"

#include "core/args.h"
#include "core/number.h"
#include "core/resp_write.h"

bool geo_place_parse(struct reply *reply, const struct str *argv, struct geohash_place *place)
{
    if (!args_double(reply, argv[0], NULL, &place->longitude) || !args_double(reply, argv[1], NULL, &place->latitude))
        return false;
    if (geohash_is_place(*place))
        return true;
    reply_error_format(reply, "ERR invalid longitude,latitude pair %f,%f", place->longitude, place->latitude);
    return false;
}

bool geo_unit_parse(struct reply *reply, struct str text, double *unit_m)
{
    static const struct {
        const char *name;
        double metres;
    } units[] = {{"m", 1}, {"km", 1000}, {"ft", 0.3048}, {"mi", 1609.34}};

    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (arg_is(text, units[i].name)) {
            *unit_m = units[i].metres;
            return true;
        }
    }
    reply_error(reply, "ERR unsupported unit provided. please use M, KM, FT, MI");
    return false;
}

bool geo_radius_parse(struct reply *reply, const struct str *argv, struct geohash_shape *shape, double *unit_m)
{
    double radius;

    if (!args_double(reply, argv[0], "ERR need numeric radius", &radius))
        return false;
    if (radius < 0) {
        reply_error(reply, "ERR radius cannot be negative");
        return false;
    }
    if (!geo_unit_parse(reply, argv[1], unit_m))
        return false;
    shape->is_box = false;
    shape->radius_m = radius * *unit_m;
    return true;
}

bool geo_box_parse(struct reply *reply, const struct str *argv, struct geohash_shape *shape, double *unit_m)
{
    double width, height;

    if (!args_double(reply, argv[0], "ERR need numeric width", &width) ||
        !args_double(reply, argv[1], "ERR need numeric height", &height))
        return false;
    if (width < 0 || height < 0) {
        reply_error(reply, "ERR height or width cannot be negative");
        return false;
    }
    if (!geo_unit_parse(reply, argv[2], unit_m))
        return false;
    shape->is_box = true;
    shape->width_m = width * *unit_m;
    shape->height_m = height * *unit_m;
    return true;
}

enum { OPTIONS_AT = 5 }; /* with the member's; a place's unit stands here, and is no option's name */

void georadius_find_keys(const struct str *argv, int argc, command_visit_key *visit, void *context)
{
    int target = 0;

    for (int i = OPTIONS_AT; i + 1 < argc; i++)
        if (arg_is(argv[i], "store") || arg_is(argv[i], "storedist"))
            target = ++i;
    visit(context, (struct key_position){1, KEY_RO | KEY_ACCESS});
    if (target > 0)
        visit(context, (struct key_position){target, KEY_OW | KEY_UPDATE});
}

/* All its digits: RESP3 has them as a double. */
static void reply_coordinate(struct reply *reply, double coordinate)
{
    char text[NUMBER_LONG_DOUBLE_TEXT_MAX];
    struct str digits = {text, number_format_long_double(text, coordinate)};

    if (reply->protocol == 2) {
        reply_bulk(reply, digits);
        return;
    }
    reply_raw(reply, STR(","));
    reply_raw(reply, digits);
    reply_raw(reply, STR("\r\n"));
}

void geo_place_reply(struct reply *reply, struct geohash_place place)
{
    reply_array(reply, 2);
    reply_coordinate(reply, place.longitude);
    reply_coordinate(reply, place.latitude);
}

void geo_distance_reply(struct reply *reply, double distance)
{
    char text[GEOHASH_DISTANCE_TEXT_MAX];

    reply_bulk(reply, (struct str){text, geohash_distance_text(distance, text)});
}
