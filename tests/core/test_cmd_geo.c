/* The geo commands, through the same steps as a request. Distances and hashes are Redis's documentation's. */
#include "core/handlers.h"

#include <criterion/criterion.h>

#include "tests/support/command_run.h"

static struct command_run run;

static void expect(const char *line, const char *reply)
{
    command_expect(&run, line, reply);
}

static void begin(void)
{
    command_run_init(&run, 1);
    expect("GEOADD Sicily 13.361389 38.115556 Palermo 15.087269 37.502669 Catania", ":2 ");
}

static void end(void)
{
    command_run_deinit(&run);
}

TestSuite(cmd_geo, .init = begin, .fini = end);

Test(cmd_geo, geoadd_says_what_is_wrong)
{
    expect("GEOADD k 1 2", "-ERR wrong number of arguments for 'geoadd' command ");
    expect("GEOADD k NX XX 1 2 a", "-ERR syntax error ");
    expect("GEOADD k 1 2 a 3", "-ERR syntax error ");
    expect("GEOADD k x 2 a", "-ERR value is not a valid float ");
    expect("GEOADD k 1 86 a", "-ERR invalid longitude,latitude pair 1.000000,86.000000 ");
    expect("GEOADD k XX 1 2 a", ":0 ");
    expect("EXISTS k", ":0 ");
    expect("GEOADD Sicily CH 13.3 38 Palermo 15 37 Messina", ":2 ");
    expect("GEOADD Sicily NX 0 0 Palermo", ":0 ");
}

Test(cmd_geo, places_are_read_back)
{
    expect("GEODIST Sicily Palermo Catania", "$11 166274.1516 ");
    expect("GEODIST Sicily Palermo Catania km", "$8 166.2742 ");
    expect("GEODIST Sicily Palermo nobody", "$-1 ");
    expect("GEODIST Sicily Palermo Catania yd", "-ERR unsupported unit provided. please use M, KM, FT, MI ");
    expect("GEOHASH Sicily Palermo Catania x", "*3 $11 sqc8b49rny0 $11 sqdtr74hyu0 $-1 ");
    expect("GEOPOS Sicily Palermo x", "*2 *2 $20 13.36138933897018433 $20 38.11555639549629859 *-1 ");
    run.session.protocol = 3;
    expect("GEOPOS Sicily Palermo x", "*2 *2 ,13.36138933897018433 ,38.11555639549629859 _ ");
}

Test(cmd_geo, searches_find_by_circle_and_box)
{
    expect("GEOSEARCH Sicily FROMLONLAT 15 37 BYRADIUS 200 km ASC", "*2 $7 Catania $7 Palermo ");
    expect("GEOSEARCH Sicily FROMLONLAT 15 37 BYBOX 400 400 km DESC", "*2 $7 Palermo $7 Catania ");
    expect("GEOSEARCH Sicily FROMMEMBER Palermo BYRADIUS 1 m WITHHASH", "*1 *2 $7 Palermo :3479099956230698 ");
    expect("GEOSEARCH Sicily FROMLONLAT 15 37 BYRADIUS 200 km COUNT 1 WITHDIST", "*1 *2 $7 Catania $7 56.4413 ");
    expect("GEORADIUS Sicily 15 37 200 km WITHDIST ASC", "*2 *2 $7 Catania $7 56.4413 *2 $7 Palermo $8 190.4424 ");
    expect("GEORADIUSBYMEMBER_RO Sicily Palermo 100 km", "*1 $7 Palermo ");
    expect("GEOSEARCH nokey FROMMEMBER x BYRADIUS 1 m", "*0 ");
}

Test(cmd_geo, searches_are_stored)
{
    expect("GEOSEARCHSTORE d Sicily FROMLONLAT 15 37 BYRADIUS 200 km STOREDIST", ":2 ");
    expect("ZRANGE d 0 -1", "*2 $7 Catania $7 Palermo ");
    expect("GEORADIUS Sicily 15 37 100 km STORE d", ":1 ");
    expect("ZRANGE d 0 -1 WITHSCORES", "*2 $7 Catania $16 3479447370796909 ");
    expect("GEORADIUS Sicily 0 0 1 km STORE d", ":0 ");
    expect("EXISTS d", ":0 ");
}

Test(cmd_geo, searches_say_what_is_wrong)
{
    expect("GEOSEARCH Sicily FROMMEMBER x BYRADIUS 1 m", "-ERR could not decode requested zset member ");
    expect("geosearch Sicily BYRADIUS 1 m ASC ASC",
           "-ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for geosearch ");
    expect("GEOSEARCH Sicily FROMLONLAT 1 1 ASC ASC",
           "-ERR exactly one of BYRADIUS and BYBOX can be specified for GEOSEARCH ");
    expect("GEOSEARCH Sicily FROMLONLAT 1 1 FROMMEMBER Palermo BYRADIUS 1 m", "-ERR syntax error ");
    expect("GEOSEARCH Sicily FROMLONLAT 1 1 BYRADIUS -1 m", "-ERR radius cannot be negative ");
    expect("GEOSEARCH Sicily FROMLONLAT 1 1 BYRADIUS x m", "-ERR need numeric radius ");
    expect("GEOSEARCH Sicily FROMLONLAT 1 1 BYBOX 1 -1 m", "-ERR height or width cannot be negative ");
    expect("GEOSEARCH Sicily FROMLONLAT 1 1 BYRADIUS 1 m ANY", "-ERR the ANY argument requires COUNT argument ");
    expect("GEOSEARCH Sicily FROMLONLAT 1 1 BYRADIUS 1 m COUNT 0", "-ERR COUNT must be > 0 ");
    expect("GEOSEARCHSTORE d Sicily FROMLONLAT 1 1 BYRADIUS 1 m WITHDIST",
           "-ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD options ");
    expect("GEORADIUS Sicily 1 1 1 m WITHDIST STORE d",
           "-ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and WITHCOORD options ");
    expect("GEORADIUS_RO Sicily 1 1 1 m STORE d", "-ERR syntax error ");
}

Test(cmd_geo, the_first_target_of_each_kind_is_told)
{
    expect("COMMAND GETKEYS GEORADIUS k 0 0 1 m STORE a STOREDIST b STORE c", "*3 $1 k $1 a $1 b ");
    expect("COMMAND GETKEYS GEORADIUSBYMEMBER k m 1 m STORE storedist STOREDIST b ASC",
           "*3 $1 k $9 storedist $9 STOREDIST ");
    expect("COMMAND GETKEYS GEORADIUS k 0 0 1 m STOREDIST a STORE b", "*3 $1 k $1 b $1 a ");
    expect("COMMAND GETKEYS GEORADIUS k 0 0 1 m STORE a STOREDIST", "*2 $1 k $1 a ");
    expect("COMMAND GETKEYS GEORADIUS k 0 0 1 m ASC", "*1 $1 k ");
    expect("COMMAND GETKEYS GEORADIUS k 0 0 1 m STORE", "*1 $1 k ");
}
