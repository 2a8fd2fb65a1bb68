"""Random values, formats and bytes, as Lua source, for the libraries that scripts have."""

import struct


def literal(content):
    return '"' + "".join(f"\\{byte:03d}" for byte in content) + '"'


def octets(dice):
    few = dice.randrange(6)
    return dice.randbytes(dice.choice([few, few, few, 31, 32, 33, 255, 256, 257]))


def number(dice):
    kind = dice.randrange(7)
    if kind == 0:
        return str(dice.randint(-40, 140))
    if kind == 1:
        return str(dice.choice([1, -1]) * (2 ** dice.randint(0, 64) + dice.randint(-2, 2)))
    if kind == 2:
        return repr(dice.uniform(-1e3, 1e3))
    if kind == 3:
        return repr(dice.choice([1, -1]) * 2.0 ** dice.randint(-1070, 1020) * dice.choice([1, 1.5, 1.1]))
    if kind == 4:
        return dice.choice(["1/0", "-1/0", "0/0"])
    if kind == 5:
        return repr(struct.unpack("<f", struct.pack("<f", dice.uniform(-1e9, 1e9)))[0])
    return str(dice.randint(-(2**62), 2 ** dice.randint(1, 62)))


def value(dice, depth=0):
    """No table has two keys whose order is Lua's own."""
    kind = dice.randrange(8 if depth < 5 else 5)
    if kind <= 1:
        return number(dice)
    if kind <= 3:
        return literal(octets(dice))
    if kind == 4:
        return dice.choice(["true", "false", "nil", "cjson.null", "pcall", "{}"])
    if kind == 5:
        count = dice.choice([1, 2, 3, 15, 16, 17]) if depth < 2 else dice.randrange(4)
        return "{" + ",".join(value(dice, depth + 1) for _ in range(count)) + "}"
    key = dice.choice(["1", "2", "12", "true", "{1}", "0.5", literal(octets(dice)), str(dice.randint(0, 3))])
    return "{[" + key + "]=" + value(dice, depth + 1) + "}"


def packed(dice, depth=0):
    """One value in MessagePack, more or less."""
    kind = dice.randrange(10)
    count = dice.randrange(4) if depth < 4 else 0
    content = octets(dice)
    if kind <= 1:
        return bytes([dice.randrange(256)])
    if kind == 2:
        return bytes([0xA0 + min(len(content), 31)]) + content[:31]
    if kind == 3:
        return bytes([0xD9, len(content) & 255]) + content
    if kind == 4:
        return b"\xda" + struct.pack(">H", len(content)) + content
    if kind == 5:
        tag = dice.choice([0xCA, 0xCB, 0xCC, 0xCD, 0xCE, 0xCF, 0xD0, 0xD1, 0xD2, 0xD3])
        return bytes([tag]) + dice.randbytes({0xCA: 4, 0xCB: 8}.get(tag, 1 << (tag & 3)))
    if kind <= 7:
        head = dice.choice([bytes([0x90 + count]), b"\xdc" + struct.pack(">H", count), b"\xdd" + struct.pack(">I", count)])
        return head + b"".join(packed(dice, depth + 1) for _ in range(count))
    head = dice.choice([bytes([0x80 + count]), b"\xde" + struct.pack(">H", count), b"\xdf" + struct.pack(">I", count)])
    return head + b"".join(packed(dice, depth + 1) for _ in range(2 * count))


NUMBERS = "1 -1 0 -0 12345 1.5 1e5 -2.5E-3 123456789012345 1234567890123456 0.1 1E+2 01 0x1F +5 inf nan -inf 1. 1e".split()
PIECES = ["abc", "x", "\\t", "\\n", "\\u00e9", "\\ud83d\\ude00", '\\"', "\\/", "é", "\x01", "\\u12", "\\x", "\\ud800"]


def json(dice, depth=0):
    """One value in JSON, more or less."""
    kind = dice.randrange(12 if depth < 5 else 6)
    blank = dice.choice(["", "", " ", "\n\t "])
    if kind < 3:
        return dice.choice(NUMBERS)
    if kind < 5:
        return '"' + "".join(dice.choice(PIECES if dice.random() < 0.3 else PIECES[:6]) for _ in range(dice.randrange(5))) + '"'
    if kind == 5:
        return dice.choice(["true", "false", "null", "nul", "True", "[]", "{}"])
    items = [json(dice, depth + 1) for _ in range(dice.randrange(4))]
    if kind < 9:
        return "[" + blank + f"{blank},{blank}".join(items) + blank + "]"
    return "{" + blank + f"{blank},{blank}".join(f'"{dice.choice("abcdef")}"{blank}:{blank}{item}' for item in items) + blank + "}"


def damaged(dice, content):
    content = bytearray(content)
    for _ in range(dice.randrange(3)):
        at = dice.randrange(len(content) + 1)
        kind = dice.randrange(3)
        if kind == 0 and at < len(content):
            content[at] = dice.randrange(256)
        elif kind == 1:
            del content[at:]
        else:
            content[at:at] = dice.randbytes(2)
    return bytes(content)


LETTERS = ["b", "B", "h", "H", "l", "L", "T", "i", "I", "f", "d", "s", "x", "<", ">", " ", "!", "c", "c0", "q", "=", "5"]


def format_string(dice):
    options = []
    for _ in range(dice.randrange(7)):
        kind = dice.randrange(8)
        if kind == 0:
            options.append(dice.choice("iI") + str(dice.randint(0, 34)))
        elif kind == 1:
            options.append("!" + str(dice.choice([0, 1, 2, 3, 4, 8, 16, 32])))
        elif kind == 2:
            options.append("c" + str(dice.randint(0, 6)))
        else:
            options.append(dice.choice(LETTERS))
    return "".join(options).encode()


BIT_FUNCTIONS = "tobit bnot band bor bxor lshift rshift arshift rol ror bswap tohex".split()


def call(dice):
    """A library's function and its arguments, with commas between."""
    kind = dice.randrange(9)
    if kind == 0:
        return ["cmsgpack.pack", *(value(dice) for _ in range(dice.randrange(4)))]
    if kind in (1, 2):
        content = b"".join(packed(dice) for _ in range(dice.randrange(4)))
        content = damaged(dice, content) if dice.random() < 0.4 else content
        function = dice.choice(["cmsgpack.unpack", "cmsgpack.unpack_one", "cmsgpack.unpack_limit"])
        options = [str(dice.randint(-1, len(content) + 1)) for _ in range(dice.randrange(3))]
        return [function, literal(content), *options]
    if kind == 3:
        function = dice.choice(["struct.pack", "struct.size"])
        return [function, literal(format_string(dice)), *(number(dice) for _ in range(dice.randrange(8)))]
    if kind in (4, 5):
        content = dice.choice([dice.randbytes(dice.randrange(80)), bytes(dice.choice([0, 1, 2, 50]) for _ in range(40))])
        return ["struct.unpack", literal(format_string(dice)), literal(content), *dice.choice([[], [], ["2"], ["-1"]])]
    if kind == 6:
        return ["cjson.encode", value(dice)]
    if kind == 7:
        text = json(dice).encode()
        return ["cjson.decode", literal(damaged(dice, text) if dice.random() < 0.4 else text)]
    return ["bit." + dice.choice(BIT_FUNCTIONS), *(number(dice) for _ in range(dice.randrange(4)))]
