/* Places, units and distances in the arguments and replies of the geo commands.
 * Each function that returns false has answered with Redis's error. */
#ifndef CORE_GEO_ARGS_H
#define CORE_GEO_ARGS_H

#include "core/command.h"
#include "core/geohash.h"
#include "core/str.h"

struct reply;

/* Two arguments: longitude, latitude. */
MUST_USE bool geo_place_parse(struct reply *reply, const struct str *argv, struct geohash_place *place);
/* Metres in one of this unit. */
MUST_USE bool geo_unit_parse(struct reply *reply, struct str text, double *unit_m);
/* Two arguments: a radius and its unit. */
MUST_USE bool geo_radius_parse(struct reply *reply, const struct str *argv, struct geohash_shape *shape,
                               double *unit_m);
/* Three arguments: width, height and their unit. */
MUST_USE bool geo_box_parse(struct reply *reply, const struct str *argv, struct geohash_shape *shape, double *unit_m);

/* Of GEORADIUS and GEORADIUSBYMEMBER: the last STORE or STOREDIST is the one that holds. */
command_find_keys georadius_find_keys;

/* An array of longitude and latitude. */
void geo_place_reply(struct reply *reply, struct geohash_place place);
void geo_distance_reply(struct reply *reply, double distance);

#endif
