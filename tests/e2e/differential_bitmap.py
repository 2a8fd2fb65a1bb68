"""Bitmaps for differential.py: strings as bits, short ones and, by one distant bit, long ones of mostly zeros."""

PREFIX = "b"
WEIGHT = 45
UNORDERED = []
READERS = {}
SETTINGS = {}

WIDTHS = "i1 u1 i2 u2 u3 i5 u5 i8 u8 i13 i16 u16 u31 i32 u32 i63 u63 i64".split()
WRONG_WIDTHS = "u64 i65 i0 u0 x8 i 8 i-1 i08 I8".split() + [""]
# A string that grows to these has zeros worth keeping out.
DISTANT = [130_000, 131_073, 200_003, 262_144, 524_287, 800_001]


def _key(stream):
    return stream.key(PREFIX)


def _offset(stream):
    dice = stream.dice.random()
    if dice < 0.03:
        return stream.dice.choice(["-1", "x", "", "4294967296", "9223372036854775807", "1.5", "+1", "007"])
    if dice < 0.2:
        return str(stream.dice.choice(DISTANT) + stream.dice.randint(-9, 9))
    return str(stream.dice.randrange(300))


def _bound(stream):
    if stream.dice.random() < 0.3:
        return str(stream.dice.choice(DISTANT) // stream.dice.choice([1, 8]) * stream.dice.choice([1, -1]))
    return str(stream.dice.randint(-320, 320))


def _unit(stream):
    return stream.dice.choice(["BIT", "BYTE", "bit", "bYtE"])


def setbit(stream):
    return ["SETBIT", _key(stream), _offset(stream), stream.dice.choice("0111" if stream.dice.random() < 0.98 else "2x-")]


def getbit(stream):
    return ["GETBIT", _key(stream), _offset(stream)]


def bitcount(stream):
    bounds = [_bound(stream), _bound(stream)] if stream.dice.random() < 0.7 else []
    return ["BITCOUNT", _key(stream), *bounds, *(stream.maybe(0.6, _unit(stream)) if bounds else [])]


def bitpos(stream):
    bounds = [_bound(stream) for _ in range(stream.dice.randrange(3))]
    unit = stream.maybe(0.6, _unit(stream)) if len(bounds) == 2 else []
    return ["BITPOS", _key(stream), stream.dice.choice("0011" if stream.dice.random() < 0.98 else "2x"), *bounds, *unit]


def bitop(stream):
    name = stream.dice.choice(["AND", "OR", "XOR", "NOT", "and", "xOr", "AND" if stream.dice.random() < 0.9 else "NAND"])
    count = 1 if name == "NOT" and stream.dice.random() < 0.9 else stream.dice.choice([1, 2, 2, 3, 5])
    return ["BITOP", name, _key(stream), *(_key(stream) for _ in range(count))]


def _field(stream):
    width = stream.dice.choice(WIDTHS) if stream.dice.random() < 0.98 else stream.dice.choice(WRONG_WIDTHS)
    offset = _offset(stream)
    if stream.dice.random() < 0.3:
        offset = "#" + (offset if len(offset) < 4 else "0")
    return [width, offset]


def _operand(stream):
    if stream.dice.random() < 0.02:
        return stream.dice.choice(["x", "9223372036854775808", "1.5"])
    bits = stream.dice.choice([1, 3, 8, 16, 33, 63])
    return str(stream.dice.randint(-(2**bits), 2**bits - 1))


def bitfield(stream):
    steps = []
    for _ in range(stream.dice.choice([1, 1, 2, 4])):
        dice = stream.dice.random()
        if dice < 0.3:
            steps += ["GET", *_field(stream)]
        elif dice < 0.55:
            steps += ["SET", *_field(stream), _operand(stream)]
        elif dice < 0.8:
            steps += ["INCRBY", *_field(stream), _operand(stream)]
        else:
            steps += ["OVERFLOW", stream.dice.choice(["WRAP", "SAT", "FAIL", "sat", "FAIL" if dice < 0.99 else "x"])]
    return ["BITFIELD", _key(stream), *steps]


def bitfield_ro(stream):
    steps = [word for _ in range(stream.dice.choice([1, 2, 3])) for word in ["GET", *_field(stream)]]
    return ["BITFIELD_RO", _key(stream), *steps, *stream.maybe(0.05, "SET", "u8", "0", "1")]


def as_string(stream):
    """The commands that want bytes, and see a sparse bitmap as such."""
    key = _key(stream)
    return stream.dice.choice(
        [
            ["GET", key],
            ["STRLEN", key],
            ["STRLEN", key],
            ["GETRANGE", key, _bound(stream), _bound(stream)],
            ["GETRANGE", key, _bound(stream), _bound(stream)],
            ["SETRANGE", key, str(stream.dice.randrange(400)), stream.value()],
            ["APPEND", key, stream.value()],
            ["SET", key, stream.value()],
            ["GETSET", key, stream.value()],
            ["GETDEL", key],
            ["INCR", key],
            ["INCRBYFLOAT", key, "1.5"],
            ["COPY", key, _key(stream), "REPLACE"],
            ["RENAME", key, _key(stream)],
            ["MGET", key, _key(stream)],
            ["LCS", key, _key(stream), "LEN"],
            ["OBJECT", "ENCODING", key],
            ["EXPIRE", key, "10000"],
            ["DEL", key],
            ["TYPE", key],
        ]
    )


COMMANDS = [
    (setbit, 30), (getbit, 8), (bitcount, 12), (bitpos, 12), (bitop, 8), (bitfield, 15), (bitfield_ro, 4),
    (as_string, 20),
]  # fmt: skip


def _arguments_first(command, expected, got):
    """Redis 7.2 looks at a range before it looks for the key, 7.0 where there is one."""
    return got[:1] == b"-" and not got.startswith(b"-WRONG") and (expected[:1] == b":" or expected.startswith(b"-WRONG"))


AGREE = {"BITCOUNT": _arguments_first, "BITPOS": _arguments_first}
