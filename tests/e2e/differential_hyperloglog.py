"""HyperLogLogs for differential.py: values in both encodings, byte for byte, and some that only look like one.

They have keys of their own, which no other command gets: redis-server reads and moves bytes behind
a string that ends within a run, as one does when something is appended to it.
"""

PREFIX = "h"
WEIGHT = 20
UNORDERED = []
READERS = {}
SETTINGS = {"hll-sparse-max-bytes": ["3000", "100", "40", "0"]}

HEADERS = [
    b"HYLL\x01\x00\x00\x00" + b"\x00" * 8,
    b"HYLL\x01\x00\x00\x00" + b"\x00" * 7 + b"\x80",
    b"HYLL\x00\x00\x00\x00" + b"\x00" * 7 + b"\x80",
    b"HYLL\x02\x00\x00\x00" + b"\x00" * 8,
    b"HYLX\x01\x00\x00\x00" + b"\x00" * 8,
]
RUNS = [b"\x7f\xff", b"\x7f\xfe\x84", b"\x80\x7f\xfe", b"\x3f", b"\x7f\xff\x00", b"", b"\x00" * 12288]


def _key(stream):
    return b"hll%d" % stream.dice.randrange(8)


def _any_key(stream):
    return stream.key() if stream.dice.random() < 0.05 else _key(stream)


def _elements(stream):
    count = stream.dice.choice([0, 1, 1, 2, 5, 40]) if stream.dice.random() < 0.98 else 1500
    return [str(stream.dice.randrange(100_000)) for _ in range(count)]


def pfadd(stream):
    return ["PFADD", _key(stream), *_elements(stream)]


def pfcount(stream):
    return ["PFCOUNT", *(_any_key(stream) for _ in range(stream.dice.choice([1, 1, 1, 2, 4])))]


def pfmerge(stream):
    return ["PFMERGE", _key(stream), *(_any_key(stream) for _ in range(stream.dice.choice([0, 1, 1, 2, 4])))]


def pfdebug(stream):
    name = stream.dice.choice(["ENCODING", "DECODE", "TODENSE", "GETREG", "encoding", "decode", "nosuch"])
    return ["PFDEBUG", name, _any_key(stream)]


def look_alike(stream):
    return ["SET", _key(stream), stream.dice.choice(HEADERS) + stream.dice.choice(RUNS)]


def as_string(stream):
    key = _key(stream)
    return stream.dice.choice(
        [
            ["GET", key],
            ["STRLEN", key],
            ["OBJECT", "ENCODING", key],
            ["DEL", key],
            ["DEL", key],
            ["COPY", key, _key(stream), "REPLACE"],
            ["EXPIRE", key, "10000"],
            ["APPEND", key, b"\x80"],
            ["SETBIT", key, str(stream.dice.randrange(128)), "1"],
        ]
    )


COMMANDS = [(pfadd, 40), (pfcount, 20), (pfmerge, 12), (pfdebug, 6), (look_alike, 1), (as_string, 12)]
AGREE = {}
