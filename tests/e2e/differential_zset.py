"""Sorted set commands for the differential tester."""

from scan_replies import same_step

PREFIX = "z"
WEIGHT = 60
SETTINGS = {
    "zset-max-listpack-entries": ["0", "3", "8", "128"],
    "zset-max-listpack-value": ["4", "16", "64"],
}
UNORDERED = []

MEMBERS = [b"a", b"b", b"ab", b"abc", b"", b"1", b"2", b"10", b"-5", b"007", b"\x00", b"\xff\xfe", b"B", b"long" * 5, b"x" * 70, b"y" * 300]
SCORES = "0 1 2 3 1 2 -1 -2 10 0.5 1.5 -0.25 1e3 100000 inf -inf +inf 1e17 1e300 3.14159 0.1 -0 9007199254740993".split()
WRONG = ["nan", "", "abc", " 1", "1 ", "0x10", "1e400", "(", "(1", "[a", "+", "-"]
LEX_KEYS = [b"lex%d" % i for i in range(4)]  # all scores are 0: else Redis leaves open what a range of members is


TIMEOUTS = {b"0.01", b"0.001", b"-1", b"x"}


def AVOID(command):
    """A damaged ZADD that would give other scores to members that are read by their bytes, or a damaged timeout."""
    name = command[0].upper()
    if name in (b"BZPOPMIN", b"BZPOPMAX", b"BZMPOP"):
        return command[1 if name == b"BZMPOP" else -1] not in TIMEOUTS if len(command) > 1 else False
    return name == b"ZADD" and len(command) > 1 and command[1] in LEX_KEYS and set(command[2::2]) != {b"0"}


def _name(stream, *names):
    return stream.dice.choice(names)


def _key(stream):
    return stream.key(PREFIX)


def _member(stream):
    if stream.dice.random() < 0.5:
        return b"m%d" % stream.dice.randrange(30)
    return stream.dice.choice(MEMBERS)


def _score(stream):
    if stream.dice.random() < 0.02:
        return stream.dice.choice(WRONG)
    if stream.dice.random() < 0.3:
        return str(stream.dice.randint(-10, 10))
    return stream.dice.choice(SCORES)


def _some(stream, piece, most=6):
    return [piece(stream) for _ in range(stream.dice.randint(1, most))]


def _rank(stream):
    return stream.small() if stream.dice.random() < 0.3 else str(stream.dice.randint(-8, 8))


def _bound(stream):
    if stream.dice.random() < 0.02:
        return stream.dice.choice(WRONG)
    return stream.dice.choice(["", "", "("]) + stream.dice.choice(SCORES)


def _lex_bound(stream):
    dice = stream.dice.random()
    if dice < 0.02:
        return stream.dice.choice(["", "a", "(", "[", "++", "nan"])
    if dice < 0.3:
        return stream.dice.choice("+-")
    return stream.dice.choice([b"[", b"("]) + _member(stream)


def _limit(stream, chance=0.4):
    return stream.maybe(chance, stream.dice.choice(["LIMIT", "limit"]), _rank(stream), _rank(stream))


def zadd(stream):
    options = []
    for option in ("NX", "XX", "GT", "LT", "CH"):
        options += stream.maybe(0.12, option)
    stream.dice.shuffle(options)
    increment = stream.maybe(0.08, "INCR")
    pairs = []
    for _ in range(1 if increment and stream.dice.random() < 0.9 else stream.dice.choice([1, 1, 2, 4, 10])):
        pairs += [_score(stream), _member(stream)]
    return ["ZADD", _key(stream), *options, *increment, *pairs, *stream.maybe(0.01, "x")]


def zincrby(stream):
    return ["ZINCRBY", _key(stream), _score(stream), _member(stream)]


def zrem(stream):
    return ["ZREM", _key(stream), *_some(stream, _member)]


def one_key(stream):
    return ["ZCARD", _key(stream)]


def one_member(stream):
    return [_name(stream, "ZSCORE", "ZRANK", "ZREVRANK"), _key(stream), _member(stream)]


def zmscore(stream):
    return ["ZMSCORE", _key(stream), *_some(stream, _member)]


def by_score(stream):
    name = _name(stream, "ZCOUNT", "ZCOUNT", "ZREMRANGEBYSCORE", "ZRANGEBYSCORE", "ZREVRANGEBYSCORE")
    options = []
    if "RANGEBY" in name and "REM" not in name:
        options = stream.maybe(0.5, "WITHSCORES") + _limit(stream)
    return [name, _key(stream), _bound(stream), _bound(stream), *options]


def by_rank(stream):
    name = _name(stream, "ZREMRANGEBYRANK", "ZREVRANGE", "ZREVRANGE")
    options = stream.maybe(0.5, "WITHSCORES") if name == "ZREVRANGE" else []
    return [name, _key(stream), _rank(stream), _rank(stream), *options]


def _range(stream, store):
    by = stream.dice.choice(["", "", "BYSCORE", "byscore"])
    bounds = [_bound(stream), _bound(stream)] if by else [_rank(stream), _rank(stream)]
    options = stream.maybe(0.4, "REV") + ([by] if by else []) + _limit(stream, 0.4 if by else 0.03)
    if not store or stream.dice.random() < 0.02:
        options += stream.maybe(0.5, "WITHSCORES")
    options += stream.maybe(0.02, stream.dice.choice(["BYLEX", "REV", "BYSCORE"]))
    return [_key(stream), *bounds, *options]


def zrange(stream):
    return ["ZRANGE", *_range(stream, False)]


def zrangestore(stream):
    return ["ZRANGESTORE", _key(stream), *_range(stream, True)]


def lex_write(stream):
    key = stream.dice.choice(LEX_KEYS)
    dice = stream.dice.random()
    if dice < 0.15:
        return ["ZREMRANGEBYLEX", key, _lex_bound(stream), _lex_bound(stream)]
    if dice < 0.3:
        return ["ZREM", key, *_some(stream, _member)]
    return ["ZADD", key, *(piece for _ in range(4) for piece in ("0", _member(stream)))]


def lex_read(stream):
    name = _name(stream, "ZLEXCOUNT", "ZRANGEBYLEX", "ZREVRANGEBYLEX", "ZRANGE", "ZRANGESTORE")
    options = []
    if "LEXCOUNT" not in name:
        options = _limit(stream)
    if "BYLEX" not in name and "LEXCOUNT" not in name:
        options += ["BYLEX", *stream.maybe(0.4, "REV"), *stream.maybe(0.02, "WITHSCORES")]
    destination = [_key(stream)] if name == "ZRANGESTORE" else []
    return [name, *destination, stream.dice.choice(LEX_KEYS), _lex_bound(stream), _lex_bound(stream), *options]


def pop(stream):
    return [_name(stream, "ZPOPMIN", "ZPOPMAX"), _key(stream), *stream.maybe(0.5, _rank(stream))]


def _numkeys(stream, keys):
    return stream.small() if stream.dice.random() < 0.03 else str(len(keys))


def zmpop(stream):
    keys = _some(stream, _key, 3)
    options = stream.maybe(0.5, "COUNT", _rank(stream))
    where = stream.dice.choice(["MIN", "MAX", "min", "max"])
    head = ["BZMPOP", "0.01"] if stream.dice.random() < 0.2 else ["ZMPOP"]
    return [*head, _numkeys(stream, keys), *keys, where, *options, *stream.maybe(0.02, stream.word())]


def blocking_pop(stream):
    timeout = stream.dice.choice(["0.01", "0.001", "-1", "x"]) if stream.dice.random() < 0.2 else "0.01"
    return [_name(stream, "BZPOPMIN", "BZPOPMAX"), *_some(stream, _key, 4), timeout]


def algebra(stream):
    name = _name(stream, "ZUNION", "ZINTER", "ZDIFF", "ZUNIONSTORE", "ZINTERSTORE", "ZDIFFSTORE", "ZINTERCARD")
    keys = [stream.key("s") if stream.dice.random() < 0.15 else key for key in _some(stream, _key, 4)]
    destination = [_key(stream)] if name.endswith("STORE") else []
    options = []
    if "DIFF" not in name and "CARD" not in name or stream.dice.random() < 0.02:
        weights = [_score(stream) for _ in keys]
        options += stream.maybe(0.4, "WEIGHTS", *weights)
        options += stream.maybe(0.4, "AGGREGATE", stream.dice.choice(["SUM", "MIN", "MAX", "max", "x"]))
    if "CARD" in name:
        options += stream.maybe(0.4, "LIMIT", _rank(stream))
    elif not destination or stream.dice.random() < 0.02:
        options += stream.maybe(0.5, "WITHSCORES")
    return [name, *destination, _numkeys(stream, keys), *keys, *options]


def zrandmember(stream):
    return ["ZRANDMEMBER", _key(stream), *stream.maybe(0.7, _rank(stream), *stream.maybe(0.5, "WITHSCORES"))]


def zscan(stream):
    cursor = "0" if stream.dice.random() < 0.95 else stream.dice.choice(["x", "1x", "+0", "7"])
    options = stream.maybe(0.4, "MATCH", stream.dice.choice(["*", "m*", "?", "[ab]*", "zz"]))
    options += stream.dice.choice([["COUNT", "1000000"], ["COUNT", "0"], ["COUNT", "1000"], []])
    return ["ZSCAN", _key(stream), cursor, *options, *stream.maybe(0.02, "TYPE", "zset")]


COMMANDS = [
    (zadd, 30), (zincrby, 6), (zrem, 5), (one_key, 2), (one_member, 8), (zmscore, 3), (by_score, 9), (by_rank, 5),
    (zrange, 8), (zrangestore, 3), (lex_write, 6), (lex_read, 8), (pop, 3), (zmpop, 3), (blocking_pop, 1),
    (algebra, 10), (zrandmember, 3), (zscan, 3),
]  # fmt: skip


def _values(raw):
    """A reply as values, with every text that is a number as that number: redis-server 7.0 prints all 17 digits of a
    double, 7.2 and Shoal as few as tell it from others."""
    value, rest = _read(raw)
    assert not rest
    return value


def _read(raw):
    end = raw.index(b"\r\n")
    kind, head, rest = raw[:1], raw[1:end], raw[end + 2 :]
    if kind == b"$":
        if head == b"-1":
            return None, rest
        length = int(head)
        return _number(rest[:length]), rest[length + 2 :]
    if kind in b"*~%>":
        items = []
        for _ in range(max(int(head), 0) * (2 if kind == b"%" else 1)):
            item, rest = _read(rest)
            items.append(item)
        return (kind, int(head), items), rest
    return (kind, _number(head) if kind == b"," else head), rest


def _number(text):
    try:
        return float(text) if len(text) >= 17 or b"." in text or b"e" in text else text
    except ValueError:
        return text


def _same_numbers(command, expected, got):
    return _values(expected) == _values(got)


def _flat(value):
    if isinstance(value, tuple) and len(value) == 3:
        return [inner for item in value[2] for inner in _flat(item)]
    return [value]


def _same_shape(command, expected, got):
    """ZRANDMEMBER: as many, and where all are drawn the same ones."""
    expected, got = _values(expected), _values(got)
    if not (isinstance(expected, tuple) and isinstance(got, tuple)):
        return (expected is None) == (got is None)
    if expected[:2] != got[:2]:
        return False
    return len(_flat(expected)) == len(_flat(got))


def _step(value):
    """The cursor and the pairs of a reply to ZSCAN."""
    cursor, (_, _, items) = value[2]
    return cursor, set(zip(items[::2], items[1::2]))


def _same_members(command, expected, got):
    if expected[:1] != b"*" or got[:1] != b"*":
        return False
    return same_step(command[2], _step(_values(expected)), _step(_values(got)))


AGREE = {
    name: _same_numbers
    for name in (
        "ZADD ZINCRBY ZSCORE ZMSCORE ZRANGE ZREVRANGE ZRANGEBYSCORE ZREVRANGEBYSCORE ZPOPMIN ZPOPMAX ZMPOP BZMPOP "
        "BZPOPMIN BZPOPMAX ZUNION ZINTER ZDIFF"
    ).split()
}
def _without_score(command, expected, got):
    """ZRANK has WITHSCORE since 7.2."""
    return len(command) > 3 and expected.startswith(b"-ERR wrong number of arguments")


AGREE["ZRANK"] = AGREE["ZREVRANK"] = _without_score
AGREE["ZRANDMEMBER"] = _same_shape
AGREE["ZSCAN"] = _same_members


def _read_zset(connection, key):
    pairs = connection.command("ZRANGE", key, 0, -1, "WITHSCORES")
    if pairs and isinstance(pairs[0], list):
        return [(member, float(score)) for member, score in pairs]
    return [(pairs[i], float(pairs[i + 1])) for i in range(0, len(pairs), 2)]


READERS = {"zset": _read_zset}
