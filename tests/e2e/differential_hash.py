"""Commands on hashes for differential.py; see there. redis-server 7.0 knows no deadlines of fields."""

from scan_replies import same_step

PREFIX = "h"
WEIGHT = 40
SETTINGS = {
    "hash-max-listpack-entries": ["0", "1", "4", "8", "512"],
    "hash-max-listpack-value": ["0", "4", "10", "64", "5000"],
}
# Fewer pairs than any fields that convert early: from 7.2 on Redis counts the pairs of a command, not what they add.
FIELDS = [b"f%d" % i for i in range(12)] + [b"", b"7", b"-3", b"007", b"x" * 70, b"\x00\xff", b"a*b"]
COUNTS = "0 1 2 5 100 -1 -3 -20 -9223372036854775808 9223372036854775808 x 1.5".split() + [""]
PATTERNS = ["*", "f*", "f?", "[^f]*", "f[1-3]", "", "7", "nosuch", "a\\*b"]


def _field(stream):
    return stream.dice.choice(FIELDS)


def _fields(stream):
    return [_field(stream) for _ in range(stream.dice.choice([1, 1, 1, 2, 3, 10]))]


def _value(stream):
    return stream.value() if stream.dice.random() < 0.8 else str(stream.dice.randint(-5, 5))


def set_fields(stream):
    pairs = []
    for field in stream.dice.sample(FIELDS, stream.dice.choice([1, 1, 2, 3, 6])):
        pairs += [field, _value(stream)]
    if stream.dice.random() < 0.03:
        pairs.pop()
    return [stream.dice.choice(["HSET", "HSET", "HMSET"]), stream.key(PREFIX), *pairs]


def set_new(stream):
    return ["HSETNX", stream.key(PREFIX), _field(stream), _value(stream)]


def read_field(stream):
    return [stream.dice.choice(["HGET", "HEXISTS", "HSTRLEN"]), stream.key(PREFIX), _field(stream)]


def read_fields(stream):
    return ["HMGET", stream.key(PREFIX), *_fields(stream)]


def read_all(stream):
    return [stream.dice.choice(["HGETALL", "HKEYS", "HVALS", "HLEN"]), stream.key(PREFIX)]


def delete(stream):
    return ["HDEL", stream.key(PREFIX), *_fields(stream)]


def add(stream):
    step = stream.number() if stream.dice.random() < 0.6 else str(stream.dice.randint(-5, 5))
    return [stream.dice.choice(["HINCRBY", "HINCRBYFLOAT"]), stream.key(PREFIX), _field(stream), step]


def draw(stream):
    options = stream.maybe(0.7, stream.dice.choice(COUNTS))
    if options:
        options += stream.maybe(0.5, stream.dice.choice(["WITHVALUES", "withvalues", "WITHVALUES", "x"]))
        options += stream.maybe(0.05, "x")
    return ["HRANDFIELD", stream.key(PREFIX), *options]


def scan(stream):
    options = []
    if stream.dice.random() < 0.4:
        options += ["MATCH", stream.dice.choice(PATTERNS)]
    # A count above any hash here: one step sees all of it, whatever the table.
    options += ["COUNT", "1000"] if stream.dice.random() < 0.9 else ["COUNT", stream.dice.choice(["0", "-1", "x"])]
    options += stream.maybe(0.03, stream.word())
    return ["HSCAN", stream.key(PREFIX), "0" if stream.dice.random() < 0.95 else stream.dice.choice(["x", "00", "5"]), *options]


COMMANDS = [
    (set_fields, 30), (set_new, 6), (read_field, 12), (read_fields, 6), (read_all, 14), (delete, 14), (add, 12),
    (draw, 8), (scan, 6),
]  # fmt: skip


def _parse(raw):
    """A reply as plain Python."""
    value, rest = _parse_one(raw)
    assert rest == b""
    return value


def _parse_one(raw):
    head, _, rest = raw.partition(b"\r\n")
    kind, count = head[:1], head[1:]
    if kind == b"$":
        length = int(count)
        return (None, rest) if length < 0 else (rest[:length], rest[length + 2 :])
    if kind in b"*%~":
        items = []
        for _ in range(int(count) * (2 if kind == b"%" else 1)):
            item, rest = _parse_one(rest)
            items.append(item)
        return items, rest
    return head, rest


def _pairs(items):
    return sorted(zip(items[::2], items[1::2]))


def _same_pairs(command, expected, got):
    return expected[:1] == got[:1] and expected[:1] in b"*%" and _pairs(_parse(expected)) == _pairs(_parse(got))


def _same_scan(command, expected, got):
    if expected[:1] != b"*" or got[:1] != b"*":
        return False
    steps = [(cursor, set(_pairs(items))) for cursor, items in map(_parse, (expected, got))]
    return same_step(command[2], *steps)


def _same_draw(command, expected, got):
    """Draws differ: the number and shape must agree, and for distinct ones of a whole hash the fields."""
    if expected[:1] != got[:1] or expected[:1] not in b"*$":
        return False
    expected, got = _parse(expected), _parse(got)
    if not isinstance(expected, list):
        return (expected is None) == (got is None)
    if len(expected) != len(got):
        return False
    if len(command) > 2 and int(command[2]) == 100:
        flat = len(command) > 3 and expected and not isinstance(expected[0], list)
        return _pairs(expected) == _pairs(got) if flat else sorted(expected) == sorted(got)
    return all(isinstance(a, list) == isinstance(b, list) for a, b in zip(expected, got))


UNORDERED = ["HKEYS", "HVALS"]
AGREE = {"HGETALL": _same_pairs, "HSCAN": _same_scan, "HRANDFIELD": _same_draw}
READERS = {"hash": lambda connection, key: _pairs(connection.command("HGETALL", key))}
