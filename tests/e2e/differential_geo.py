"""Geo commands for the differential tester."""

import math

PREFIX = "g"
WEIGHT = 25
SETTINGS = {}  # those of sorted sets
UNORDERED = []
AGREE = {}
READERS = {}  # a sorted set's

MEMBERS = [b"p%d" % i for i in range(40)] + [b"7", b"-12", b"", b"Palermo"]
UNITS = ["m", "km", "ft", "mi", "KM", "M"]
PLACES = [(13.361389, 38.115556), (15.087269, 37.502669), (2.35, 48.85), (-122.4, 37.78), (179.99, 10), (-179.99, 10), (0, 0), (0.0001, 84.9)]


def _key(stream):
    return stream.key(PREFIX)


def _member(stream):
    return stream.dice.choice(MEMBERS)


def _place(stream):
    dice = stream.dice.random()
    if dice < 0.03:
        return stream.dice.choice([["181", "0"], ["0", "85.06"], ["x", "0"], ["0", ""], ["nan", "1"], ["-180", "-85.05112878"]])
    longitude, latitude = stream.dice.choice(PLACES)
    spread = stream.dice.choice([0.001, 0.1, 3])
    longitude = max(-180, min(180, longitude + stream.dice.uniform(-spread, spread)))
    latitude = max(-85, min(85, latitude + stream.dice.uniform(-spread, spread)))
    return ["%.*f" % (stream.dice.randint(4, 12), longitude), "%.*f" % (stream.dice.randint(4, 12), latitude)]


def _size(stream):
    if stream.dice.random() < 0.04:
        return stream.dice.choice(["-1", "x", "0", "1e400", "1e10"])
    return "%.6g" % math.exp(stream.dice.uniform(0, 16))


def _unit(stream):
    return "furlong" if stream.dice.random() < 0.02 else stream.dice.choice(UNITS)


def _options(stream, store):
    options = []
    for option in ("WITHCOORD", "WITHDIST", "WITHHASH"):
        options.append(stream.maybe(0.05 if store else 0.35, option))
    options.append(stream.maybe(0.5, stream.dice.choice(["ASC", "DESC", "asc"])))
    count = stream.maybe(0.4, "COUNT", str(stream.dice.choice([1, 2, 3, 10, 100, 0, -1])))
    options.append(count + (stream.maybe(0.2, "ANY") if count else stream.maybe(0.01, "ANY")))
    stream.dice.shuffle(options)
    return [piece for option in options for piece in option]


def geoadd(stream):
    options = []
    for option in ("NX", "XX", "CH"):
        options += stream.maybe(0.1, option)
    places = []
    for _ in range(stream.dice.choice([1, 2, 5, 12])):
        places += [*_place(stream), _member(stream)]
    return ["GEOADD", _key(stream), *options, *places, *stream.maybe(0.01, "x")]


def geodist(stream):
    return ["GEODIST", _key(stream), _member(stream), _member(stream), *stream.maybe(0.6, _unit(stream))]


def some_members(stream):
    name = stream.dice.choice(["GEOHASH", "GEOPOS"])
    return [name, _key(stream), *(_member(stream) for _ in range(stream.dice.randint(0, 4)))]


def georadius(stream):
    name = stream.dice.choice(["GEORADIUS", "GEORADIUS_RO", "GEORADIUSBYMEMBER", "GEORADIUSBYMEMBER_RO"])
    center = [_member(stream)] if "MEMBER" in name else _place(stream)
    store = stream.maybe(0.4, stream.dice.choice(["STORE", "STOREDIST"]), _key(stream))
    if name.endswith("RO") and stream.dice.random() < 0.95:
        store = []
    return [name, _key(stream), *center, _size(stream), _unit(stream), *_options(stream, bool(store)), *store]


def geosearch(stream):
    store = stream.dice.random() < 0.3
    keys = [_key(stream), _key(stream)] if store else [_key(stream)]
    center = ["FROMMEMBER", _member(stream)] if stream.dice.random() < 0.5 else ["FROMLONLAT", *_place(stream)]
    shape = ["BYRADIUS", _size(stream)] if stream.dice.random() < 0.5 else ["BYBOX", _size(stream), _size(stream)]
    parts = [center, [*shape, _unit(stream)], _options(stream, store)]
    if store:
        parts.append(stream.maybe(0.4, "STOREDIST"))
    if stream.dice.random() < 0.03:
        parts.append(stream.dice.choice([center, shape, ["FROMMEMBER", "p1"], ["BYRADIUS", "1", "m"]]))
    stream.dice.shuffle(parts)
    return ["GEOSEARCHSTORE" if store else "GEOSEARCH", *keys, *(piece for part in parts for piece in part)]


COMMANDS = [(geoadd, 8), (geodist, 3), (some_members, 4), (georadius, 7), (geosearch, 10)]
