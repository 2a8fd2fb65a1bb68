"""Lists: what differential.py needs to know of them.

redis-server 7.0 calls every list's encoding "quicklist"; from 7.2 on, as here, a small one is a
"listpack". Nothing else is forgiven.
"""

PREFIX = "l"
WEIGHT = 40

TIMEOUTS = ["0.001", "0.001", "0.002", "1e-3", "-1", "x", "nan", ""]
ENDS = ["LEFT", "RIGHT", "left", "rIGHT"]


def element(stream):
    """Few different ones, so that some are found again; now and then one that fills a block."""
    dice = stream.dice.random()
    if dice < 0.6:
        return stream.dice.choice(["a", "b", "c", "", "0", "1", "-1", "127", "128", "4096", "70000", "99999999999", "x" * 30])
    if dice < 0.97:
        return stream.value()
    return bytes(stream.dice.choice(b"ab") for _ in range(stream.dice.choice([1000, 4080, 4090, 8170, 8190, 9000])))


def elements(stream):
    return [element(stream) for _ in range(stream.dice.choice([1, 1, 1, 2, 3, 5, 12]))]


def end(stream):
    return stream.dice.choice(ENDS) if stream.dice.random() < 0.98 else stream.word()


def timeout(stream):
    return stream.dice.choice(TIMEOUTS)


def push(stream):
    return [stream.dice.choice(["LPUSH", "RPUSH", "RPUSH", "LPUSHX", "RPUSHX"]), stream.key(), *elements(stream)]


def pop(stream):
    count = stream.maybe(0.5, stream.small() if stream.dice.random() < 0.9 else stream.number())
    return [stream.dice.choice(["LPOP", "RPOP"]), stream.key(), *count]


def read(stream):
    return stream.dice.choice(
        [
            ["LLEN", stream.key()],
            ["LINDEX", stream.key(), stream.small()],
            ["LRANGE", stream.key(), stream.small(), stream.small()],
        ]
    )


def change(stream):
    return stream.dice.choice(
        [
            ["LSET", stream.key(), stream.small(), element(stream)],
            ["LINSERT", stream.key(), stream.dice.choice(["BEFORE", "after", "AFTER", "x"]), element(stream), element(stream)],
            ["LREM", stream.key(), str(stream.dice.randint(-3, 3)), element(stream)],
            ["LREM", stream.key(), stream.number(), element(stream)],
        ]
    )


def trim(stream):
    start = stream.dice.choice(["0", "1", "-40", "-20", stream.small()])
    return ["LTRIM", stream.key(), start, stream.dice.choice(["-1", "-2", "30", stream.small()])]


def position(stream):
    options = []
    for name in ("RANK", "COUNT", "MAXLEN", "rank"):
        options += stream.maybe(0.25, name, str(stream.dice.randint(-3, 3)) if stream.dice.random() < 0.8 else stream.number())
    return ["LPOS", stream.key(), element(stream), *options, *stream.maybe(0.03, stream.word())]


def move(stream):
    keys = [stream.key(), stream.key()]
    if stream.dice.random() < 0.2:
        keys[1] = keys[0]
    if stream.dice.random() < 0.4:
        return ["RPOPLPUSH", *keys]
    return ["LMOVE", *keys, end(stream), end(stream)]


def many_keys(stream):
    keys = [stream.key() for _ in range(stream.dice.choice([1, 2, 3]))]
    count = str(len(keys)) if stream.dice.random() < 0.95 else stream.dice.choice(["0", "-1", "2", "x"])
    return [count, *keys, end(stream), *stream.maybe(0.5, "COUNT", stream.small())]


def pop_first(stream):
    return ["LMPOP", *many_keys(stream)]


def wait(stream):
    """What finds nothing waits for a moment, and is then told so."""
    dice = stream.dice.random()
    if dice < 0.4:
        return [stream.dice.choice(["BLPOP", "BRPOP"]), *(stream.key() for _ in range(3)), timeout(stream)]
    if dice < 0.7:
        return ["BLMPOP", timeout(stream), *many_keys(stream)]
    if dice < 0.85:
        return ["BRPOPLPUSH", stream.key(), stream.key(), timeout(stream)]
    return ["BLMOVE", stream.key(), stream.key(), end(stream), end(stream), timeout(stream)]


def numbers(stream):
    """Something that can be sorted, and whose elements are parts of keys' names."""
    return ["RPUSH", stream.key(), *(str(stream.dice.randint(-5, 25)) for _ in range(stream.dice.choice([1, 5, 20])))]


def pattern(stream):
    return stream.dice.choice(["k*", "k*", "*", "l*", "{tag}*", "h*->a", "h*->f1", "h*->", "k", "#", "", "k*x", "*->a"])


def sort(stream):
    options = [*stream.maybe(0.3, "BY", pattern(stream)), *stream.maybe(0.3, "LIMIT", stream.small(), stream.small())]
    for _ in range(stream.dice.choice([0, 0, 0, 1, 2])):
        options += ["GET", pattern(stream)]
    options += [*stream.maybe(0.4, "ALPHA"), *stream.maybe(0.3, "DESC"), *stream.maybe(0.2, "asc")]
    options += stream.maybe(0.3, "STORE", stream.key())
    source = stream.key(stream.dice.choice(["l", "l", "s", "z", None]))
    return [stream.dice.choice(["SORT", "SORT", "SORT_RO"]), source, *options, *stream.maybe(0.03, stream.word())]


def replies(raw):
    """The parts of an array of bulk strings and nulls, sorted."""
    parts, at = [], raw.index(b"\n") + 1
    while at < len(raw):
        end = raw.index(b"\r\n", at) + 2
        end += int(raw[at + 1 : end]) + 2 if raw[at : at + 1] == b"$" and raw[at + 1 : at + 2] != b"-" else 0
        parts.append(raw[at:end])
        at = end
    return sorted(parts)


def sorted_alike(command, expected, got):
    """Elements that are equal in what they are sorted by come in any order."""
    words = [argument.upper() for argument in command[2:]]
    if expected[:1] != b"*" or got[:1] != b"*" or not (b"ALPHA" in words or b"BY" in words):
        return False
    return replies(expected) == replies(got)


def is_ambiguous(words):
    """Which of several equal elements come first is to be seen."""
    shows = b"LIMIT" in words or b"STORE" in words
    return shows and (b"BY" in words or (b"ALPHA" in words and b"STORE" not in words))


COMMANDS = [(push, 34), (pop, 12), (read, 16), (change, 14), (trim, 3), (position, 6), (move, 8), (pop_first, 3), (wait, 1), (numbers, 4), (sort, 6)]


def AVOID(command):
    """What is not to be compared: a timeout that is long, or wrong in a way that 7.0 does not see; a count that it cannot negate."""
    name = command[0].upper()
    if name in (b"BLPOP", b"BRPOP", b"BRPOPLPUSH", b"BLMOVE"):
        return command[-1].decode("latin1") not in TIMEOUTS
    if name == b"BLMPOP":
        return len(command) > 1 and command[1].decode("latin1") not in TIMEOUTS
    if name in (b"SORT", b"SORT_RO"):
        return is_ambiguous([argument.upper() for argument in command[2:]])
    return name in (b"LREM", b"LPOS") and b"-9223372036854775808" in command[2:]


UNORDERED = []
# Of an earlier number that was out of range redis-server's SORT still sees the mark (errno), unless a score is read between.
BEFORE = {"SORT": ["ZADD", "k0", "x", "m"], "SORT_RO": ["ZADD", "k0", "x", "m"]}
AGREE = {"SORT": sorted_alike, "SORT_RO": sorted_alike}
ENCODINGS = {b"quicklist": {b"listpack"}}
READERS = {"list": lambda connection, key: connection.command("LRANGE", key, "0", "-1")}
SETTINGS = {
    "list-max-listpack-size": ["-5", "-2", "-2", "-1", "0", "1", "4", "16", "200"],
    "list-compress-depth": ["0", "1", "3"],
}
