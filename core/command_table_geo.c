/* The geo commands: rows of the command table, sorted by name. */
#include "core/command_rows.h"
#include "core/geo_args.h"
#include "core/handlers.h"

#define GROUP .group = "geo"

const struct command command_rows_geo[] = {
    {"geoadd", cmd_geoadd, .arity = -5, .route = ROUTE_SINGLE, .flags = CMD_WRITE | CMD_DENYOOM, .acl = ACL_GEO,
     .keys = {KEY_AT(1, KEY_RW | KEY_UPDATE)}, .save = undo_save_geoadd, GROUP, .since = "3.2.0",
     .complexity = "O(log(N)) for each place, where N is the size of the sorted set",
     .summary = "Adds places to a sorted set, or moves them.",
     .syntax = "key condition:[NX | XX] change:[CH] longitude:double latitude:double member [longitude:double "
               "latitude:double member ...]"},
    {"geodist", cmd_geodist, .arity = -4, .route = ROUTE_SINGLE, .flags = CMD_READONLY, .acl = ACL_GEO,
     .keys = {KEY_AT(1, KEY_RO | KEY_ACCESS)}, GROUP, .since = "3.2.0", .complexity = "O(1)",
     .summary = "Tells how far two places are apart.", .syntax = "key member1 member2 unit:[M | KM | FT | MI]"},
    {"geohash", cmd_geohash, .arity = -2, .route = ROUTE_SINGLE, .flags = CMD_READONLY, .acl = ACL_GEO,
     .keys = {KEY_AT(1, KEY_RO | KEY_ACCESS)}, GROUP, .since = "3.2.0", .complexity = "O(1) for each member",
     .summary = "Gives the geohashes of places.", .syntax = "key [member ...]"},
    {"geopos", cmd_geopos, .arity = -2, .route = ROUTE_SINGLE, .flags = CMD_READONLY, .acl = ACL_GEO,
     .keys = {KEY_AT(1, KEY_RO | KEY_ACCESS)}, GROUP, .since = "3.2.0", .complexity = "O(1) for each member",
     .summary = "Gives the longitudes and latitudes of places.", .syntax = "key [member ...]"},
    {"georadius", cmd_georadius, .arity = -6, .route = ROUTE_SINGLE, .flags = CMD_WRITE | CMD_DENYOOM | CMD_DEPRECATED,
     .acl = ACL_GEO,
     .keys = {KEY_AT(1, KEY_RO | KEY_ACCESS), KEY_BEHIND("STORE", 6, KEY_OW | KEY_UPDATE),
              KEY_BEHIND("STOREDIST", 6, KEY_OW | KEY_UPDATE)},
     .find_keys = georadius_find_keys, .save = undo_save_string, GROUP, .since = "3.2.0",
     .complexity = "O(N+log(M)), where N is how many places lie in the bounding box and M the size of the sorted set",
     .summary = "Finds the places around a point, or stores them.",
     .syntax = "key longitude:double latitude:double radius:double unit:<M | KM | FT | MI> [WITHCOORD] [WITHDIST] "
               "[WITHHASH] count:[<COUNT count> [ANY]] order:[ASC | DESC] [STORE key] [STOREDIST key]",
     .deprecated_since = "6.2.0", .replaced_by = "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument"},
    {"georadius_ro", cmd_georadius_ro, .arity = -6, .route = ROUTE_SINGLE, .flags = CMD_READONLY | CMD_DEPRECATED,
     .acl = ACL_GEO, .keys = {KEY_AT(1, KEY_RO | KEY_ACCESS)}, GROUP, .since = "3.2.10",
     .complexity = "O(N+log(M)), where N is how many places lie in the bounding box and M the size of the sorted set",
     .summary = "Finds the places around a point.",
     .syntax = "key longitude:double latitude:double radius:double unit:<M | KM | FT | MI> [WITHCOORD] [WITHDIST] "
               "[WITHHASH] count:[<COUNT count> [ANY]] order:[ASC | DESC]",
     .deprecated_since = "6.2.0", .replaced_by = "`GEOSEARCH` with the `BYRADIUS` argument"},
    {"georadiusbymember", cmd_georadiusbymember, .arity = -5, .route = ROUTE_SINGLE,
     .flags = CMD_WRITE | CMD_DENYOOM | CMD_DEPRECATED, .acl = ACL_GEO,
     .keys = {KEY_AT(1, KEY_RO | KEY_ACCESS), KEY_BEHIND("STORE", 5, KEY_OW | KEY_UPDATE),
              KEY_BEHIND("STOREDIST", 5, KEY_OW | KEY_UPDATE)},
     .find_keys = georadius_find_keys, .save = undo_save_string, GROUP, .since = "3.2.0",
     .complexity = "O(N+log(M)), where N is how many places lie in the bounding box and M the size of the sorted set",
     .summary = "Finds the places around another one, or stores them.",
     .syntax = "key member radius:double unit:<M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] count:[<COUNT "
               "count> [ANY]] order:[ASC | DESC] [STORE key] [STOREDIST key]",
     .deprecated_since = "6.2.0",
     .replaced_by = "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` arguments"},
    {"georadiusbymember_ro", cmd_georadiusbymember_ro, .arity = -5, .route = ROUTE_SINGLE,
     .flags = CMD_READONLY | CMD_DEPRECATED, .acl = ACL_GEO, .keys = {KEY_AT(1, KEY_RO | KEY_ACCESS)}, GROUP,
     .since = "3.2.10",
     .complexity = "O(N+log(M)), where N is how many places lie in the bounding box and M the size of the sorted set",
     .summary = "Finds the places around another one.",
     .syntax = "key member radius:double unit:<M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] count:[<COUNT "
               "count> [ANY]] order:[ASC | DESC]",
     .deprecated_since = "6.2.0", .replaced_by = "`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments"},
    {"geosearch", cmd_geosearch, .arity = -7, .route = ROUTE_SINGLE, .flags = CMD_READONLY, .acl = ACL_GEO,
     .keys = {KEY_AT(1, KEY_RO | KEY_ACCESS)}, GROUP, .since = "6.2.0",
     .complexity = "O(N+log(M)), where N is how many places lie in the bounding box and M the size of the sorted set",
     .summary = "Finds the places in a circle or a box.",
     .syntax = "key from:<FROMMEMBER member | FROMLONLAT longitude:double latitude:double> by:<circle:<<BYRADIUS "
               "radius:double> unit:<M | KM | FT | MI>> | box:<<BYBOX width:double> height:double unit:<M | KM | FT | "
               "MI>>> order:[ASC | DESC] count:[<COUNT count> [ANY]] [WITHCOORD] [WITHDIST] [WITHHASH]"},
    {"geosearchstore", cmd_geosearchstore, .arity = -8, .route = ROUTE_SINGLE, .flags = CMD_WRITE | CMD_DENYOOM,
     .acl = ACL_GEO, .keys = {KEY_AT(1, KEY_OW | KEY_UPDATE), KEY_AT(2, KEY_RO | KEY_ACCESS)},
     .save = undo_save_string, GROUP, .since = "6.2.0",
     .complexity = "O(N+log(M)), where N is how many places lie in the bounding box and M the size of the sorted set",
     .summary = "Stores the places in a circle or a box.",
     .syntax = "destination:key source:key from:<FROMMEMBER member | FROMLONLAT longitude:double latitude:double> "
               "by:<circle:<<BYRADIUS radius:double> unit:<M | KM | FT | MI>> | box:<<BYBOX width:double> "
               "height:double unit:<M | KM | FT | MI>>> order:[ASC | DESC] count:[<COUNT count> [ANY]] [STOREDIST]"},
    {.name = NULL},
};
