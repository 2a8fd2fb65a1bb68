"""Sets: what differential.py needs to know of them.

redis-server 7.0 knows no listpacks of members, and from 7.2 on, as here, more is considered when an
encoding is chosen: so any of the three may stand for any other. test_set_value.c has the rules.
What SPOP leaves is a matter of luck, so here it takes all or nothing.
"""

from scan_replies import same_step

PREFIX = "s"
WEIGHT = 50
SETTINGS = {
    "set-max-intset-entries": ["0", "1", "4", "16", "512"],
    "set-max-listpack-entries": ["0", "1", "4", "16", "128"],
    "set-max-listpack-value": ["0", "2", "64"],
}
UNORDERED = ["SMEMBERS", "SINTER", "SUNION", "SDIFF", "SPOP"]

INTEGERS = "4294967295 4294967296 -1 65535 65536 9223372036854775807 -9223372036854775808 9223372036854775808".split()
WORDS = [b"a", b"b", b"ab", b"", b"-0", b"00", b"007", b"+1", b" 1", b"1 ", b"1.0", b"\x00", b"x" * 64, b"y" * 65, b"z" * 300]
COUNTS = ["0", "1000000", "9223372036854775807", "-1", "x", "", "9223372036854775808"]
ENCODINGS = {
    b"intset": {b"listpack", b"hashtable"},
    b"hashtable": {b"intset", b"listpack"},
}


def member(stream):
    dice = stream.dice.random()
    if dice < 0.6:
        return str(stream.dice.randrange(24))
    if dice < 0.8:
        return stream.dice.choice(WORDS)
    return stream.dice.choice(INTEGERS) if dice < 0.97 else stream.value()


def members(stream):
    """Integers alone, or anything."""
    count = stream.dice.choice([1, 1, 2, 3, 8, 20])
    if stream.dice.random() < 0.5:
        first = stream.dice.choice([0, 0, 0, 100, 65530])
        return [str(first + stream.dice.randrange(30)) for _ in range(count)]
    return [member(stream) for _ in range(count)]


def keys(stream):
    return [stream.key() for _ in range(stream.dice.choice([1, 2, 2, 3, 4, 6]))]


def add(stream):
    return ["SADD", stream.key(), *members(stream)]


def remove(stream):
    return ["SREM", stream.key(), *members(stream)]


def ask(stream):
    return stream.dice.choice(
        [
            ["SCARD", stream.key()],
            ["SMEMBERS", stream.key()],
            ["SISMEMBER", stream.key(), member(stream)],
            ["SMISMEMBER", stream.key(), *members(stream)],
        ]
    )


def move(stream):
    return ["SMOVE", stream.key(), stream.key(), member(stream)]


def combine(stream):
    return [stream.dice.choice(["SINTER", "SUNION", "SDIFF"]), *keys(stream)]


def store(stream):
    return [stream.dice.choice(["SINTERSTORE", "SUNIONSTORE", "SDIFFSTORE"]), stream.key(), *keys(stream)]


def count_common(stream):
    names = keys(stream)
    count = str(len(names)) if stream.dice.random() < 0.95 else stream.small()
    return ["SINTERCARD", count, *names, *stream.maybe(0.5, stream.dice.choice(["LIMIT", "limit"]), stream.small())]


def draw(stream):
    if stream.dice.random() < 0.3:
        return ["SPOP", stream.key(), stream.dice.choice(COUNTS)]
    return ["SRANDMEMBER", stream.key(), *stream.maybe(0.7, stream.small())]


def scan(stream):
    options = stream.maybe(0.4, "MATCH", stream.dice.choice(["*", "1*", "?", "[^a]", "", "a*"]))
    options += stream.maybe(0.6, "COUNT", stream.small())
    return ["SSCAN", stream.key(), stream.dice.choice(["0", "0", "0", "x", "-0", "3"]), *options]


COMMANDS = [(add, 30), (remove, 10), (ask, 16), (move, 8), (combine, 10), (store, 14), (count_common, 5), (draw, 6), (scan, 5)]


def _integer(text):
    digits = text[1:] if text[:1] == b"-" else text
    return int(text) if digits.isdigit() and len(digits) < 20 else None


def AVOID(command):
    """What leaves or answers different members by luck, or a great many."""
    name, count = command[0].upper(), _integer(command[2]) if len(command) == 3 else None
    if name == b"SPOP":
        return len(command) == 2 or (count is not None and 0 < count < 10**4)
    return name == b"SRANDMEMBER" and count is not None and -(2**63) < count < -(10**4)


def _items(raw):
    """The bulk strings of an array."""
    items, at = [], raw.index(b"\n") + 1
    while at < len(raw):
        end = raw.index(b"\r\n", at)
        length = int(raw[at + 1 : end])
        items.append(raw[end + 2 : end + 2 + length])
        at = end + 4 + length
    return items


def agree_on_luck(command, expected, got):
    """The same number of members; all of them where so many were asked for."""
    if expected[:1] != b"*":
        return expected[:1] == got[:1] == b"$" and (expected[:2] == b"$-") == (got[:2] == b"$-")
    if expected[: expected.index(b"\n")] != got[: got.index(b"\n")]:
        return False
    return int(command[2]) < 10**4 or sorted(_items(expected)) == sorted(_items(got))


def _step(raw):
    """The cursor and the members of a reply to SSCAN."""
    _, _, cursor, rest = raw.split(b"\r\n", 3)
    return cursor, set(_items(rest))


def agree_on_scan(command, expected, got):
    return expected[:4] == got[:4] == b"*2\r\n" and same_step(command[2], _step(expected), _step(got))


AGREE = {"SRANDMEMBER": agree_on_luck, "SSCAN": agree_on_scan}
READERS = {"set": lambda connection, key: sorted(connection.command("SMEMBERS", key))}
