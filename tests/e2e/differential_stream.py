"""Streams: what differential.py needs to know of them.

What differs from redis-server 7.0 as in 7.2 and 7.4, or because two clocks are read:

    times               of deliveries and consumers are read some milliseconds apart, and consumers
                        have an active-time since 7.2
    consumers           since 7.2 XREADGROUP makes the consumer also where it finds nothing to read
    entries-read, lag   since 7.4 they are known where 7.0 guessed wrong, after XDEL and XTRIM
    XREAD               says in other words since 7.2 that keys and IDs are not as many as each other
    radix-tree-nodes    there is no such tree
"""

import resp

PREFIX = "x"
WEIGHT = 60

GROUPS = ["g", "h"]
CONSUMERS = ["alice", "bob", "carol"]
SMALL_IDS = 60


def an_id(stream):
    """Few different ones, most of which may come up in a stream, some of them in parts or wrong."""
    dice = stream.dice.random()
    if dice < 0.75:
        return "%d-%d" % (stream.dice.randint(0, SMALL_IDS), stream.dice.randint(0, 3))
    if dice < 0.93:
        return str(stream.dice.randint(0, SMALL_IDS))
    return stream.dice.choice(
        ["0-0", "0", "18446744073709551615", "18446744073709551615-18446744073709551615", "1-x", "-", "+", "$", "5-*",
         "", "-1", "1--5", " 3-1", "+4-1", "007-1", "1-1-1", "18446744073709551616", "1" * 130, "3-\x001", "(1-1", "*x"]
    )  # fmt: skip


def new_id(stream):
    """Mostly above what the stream has: a stream that may take nothing more is of no use."""
    dice = stream.dice.random()
    if dice < 0.6:
        return "%d-*" % stream.dice.randint(0, SMALL_IDS)
    if dice < 0.97:
        return "%d-%d" % (stream.dice.randint(0, SMALL_IDS), stream.dice.randint(0, 3000))
    return an_id(stream).replace("18446744073709551615", "61")


def bound(stream):
    return stream.dice.choice(["-", "+", "", "(", "("]) + an_id(stream) if stream.dice.random() < 0.3 else stream.dice.choice(["-", "+", an_id(stream)])


def group(stream):
    return stream.dice.choice(GROUPS) if stream.dice.random() < 0.97 else "nosuch"


def consumer(stream):
    return stream.dice.choice(CONSUMERS)


def ids(stream):
    return [an_id(stream) for _ in range(stream.dice.choice([1, 1, 2, 3, 9]))]


def trimming(stream):
    dice = stream.dice.random()
    if dice < 0.6:
        strategy = ["MAXLEN", *stream.maybe(0.5, stream.dice.choice("~=")), str(stream.dice.randint(0, 80))]
    else:
        strategy = ["MINID", *stream.maybe(0.5, stream.dice.choice("~=")), an_id(stream)]
    return strategy + stream.maybe(0.15, "LIMIT", str(stream.dice.randint(-1, 50)))


def fields(stream):
    if stream.dice.random() < 0.6:
        return ["name", stream.value(), "n", stream.number()]
    return [stream.value() for _ in range(2 * stream.dice.choice([1, 1, 2, 5, 40]))] + stream.maybe(0.02, "odd")


def add(stream):
    options = stream.maybe(0.05, "NOMKSTREAM") + (trimming(stream) if stream.dice.random() < 0.08 else [])
    return ["XADD", stream.key(), *options, new_id(stream), *fields(stream)]


def start_again(stream):
    """IDs only rise: now and then a stream has to go."""
    return ["DEL", stream.key(PREFIX)]


def read(stream):
    name = stream.dice.choice(["XRANGE", "XREVRANGE"])
    return stream.dice.choice(
        [
            ["XLEN", stream.key()],
            [name, stream.key(), bound(stream), bound(stream), *stream.maybe(0.5, "COUNT", stream.small())],
            [name, stream.key(), "-", "+"] if name == "XRANGE" else [name, stream.key(), "+", "-"],
            ["XINFO", "STREAM", stream.key(), *stream.maybe(0.5, "FULL", *stream.maybe(0.5, "COUNT", stream.small()))],
            ["XINFO", "GROUPS", stream.key()],
            ["XINFO", "CONSUMERS", stream.key(), group(stream)],
        ]
    )


def streams(stream, newest):
    keys = [stream.key() for _ in range(stream.dice.choice([1, 1, 1, 2, 3, 9]))]
    after = [stream.dice.choice([newest, newest, an_id(stream)]) for _ in keys]
    return ["STREAMS", *keys, *after[: len(keys) - (stream.dice.random() < 0.02)]]


def read_options(stream):
    return stream.maybe(0.5, "COUNT", stream.small()) + stream.maybe(0.05, "BLOCK", stream.dice.choice(["1", "2", "-1", "x"]))


def read_after(stream):
    return ["XREAD", *read_options(stream), *stream.maybe(0.01, stream.word()), *streams(stream, "$")]


def read_group(stream):
    who = ["GROUP", group(stream), consumer(stream)]
    return ["XREADGROUP", *who, *read_options(stream), *stream.maybe(0.1, "NOACK"), *streams(stream, ">")]


def manage_group(stream):
    key, name = stream.key(PREFIX), group(stream)
    dice = stream.dice.random()
    after = stream.dice.choice(["$", "0", an_id(stream)])
    if dice < 0.55:
        options = stream.maybe(0.4, "MKSTREAM") + stream.maybe(0.1, "ENTRIESREAD", stream.small())
        return ["XGROUP", "CREATE", key, name, after, *options]
    if dice < 0.65:
        return ["XGROUP", "SETID", key, name, after, *stream.maybe(0.2, "ENTRIESREAD", stream.small())]
    if dice < 0.75:
        return ["XGROUP", "CREATECONSUMER", key, name, consumer(stream)]
    if dice < 0.9:
        return ["XGROUP", "DELCONSUMER", key, name, consumer(stream)]
    if dice < 0.98:
        return ["XGROUP", "DESTROY", key, name]
    return ["XGROUP", stream.dice.choice(["CREATE", "SETID", "DESTROY", "x"]), key, name, *stream.maybe(0.8, after, stream.word())]


def acknowledge(stream):
    return ["XACK", stream.key(), group(stream), *ids(stream)]


def delete(stream):
    return ["XDEL", stream.key(), *ids(stream)]


def trim(stream):
    return ["XTRIM", stream.key(), *trimming(stream), *stream.maybe(0.03, stream.word())]


def set_id(stream):
    options = stream.maybe(0.3, "ENTRIESADDED", stream.small()) + stream.maybe(0.3, "MAXDELETEDID", an_id(stream))
    return ["XSETID", stream.key(), an_id(stream).replace("18446744073709551615", "61"), *options]


def idle_time(stream):
    """None at all or very long: entries' idle times differ by milliseconds."""
    return stream.dice.choice(["0", "0", "0", "-1", "99999999", "x"])


def pending(stream):
    options = []
    if stream.dice.random() < 0.8:
        options = stream.maybe(0.3, "IDLE", idle_time(stream)) + [bound(stream), bound(stream), stream.small()]
        options += stream.maybe(0.5, consumer(stream))
    return ["XPENDING", stream.key(), group(stream), *options]


def claim(stream):
    options = []
    for option in ("FORCE", "JUSTID"):
        options += stream.maybe(0.2, option)
    options += stream.maybe(0.1, "RETRYCOUNT", stream.small()) + stream.maybe(0.1, "IDLE", stream.small())
    options += stream.maybe(0.05, "LASTID", an_id(stream)) + stream.maybe(0.05, "TIME", stream.number())
    return ["XCLAIM", stream.key(), group(stream), consumer(stream), idle_time(stream), *ids(stream), *options]


def claim_any(stream):
    options = stream.maybe(0.5, "COUNT", str(stream.dice.randint(-1, 9))) + stream.maybe(0.3, "JUSTID")
    return ["XAUTOCLAIM", stream.key(), group(stream), consumer(stream), idle_time(stream), bound(stream), *options]


COMMANDS = [
    (add, 45), (start_again, 2), (read, 14), (read_after, 4), (read_group, 14), (manage_group, 8), (acknowledge, 5),
    (delete, 6), (trim, 3), (set_id, 2), (pending, 4), (claim, 4), (claim_any, 3)
]  # fmt: skip


def AVOID(command):
    """What makes an ID of the clock, is new since 7.0, waits, or has it allocate at once what it may never need."""
    name = command[0].upper()
    if name == b"XADD":
        return b"*" in command[1:]
    if name in (b"XREAD", b"XREADGROUP"):
        words = [word.upper() for word in command]
        blocks = [command[i + 1] for i, word in enumerate(words[:-1]) if word == b"BLOCK"]
        return b"+" in command or b"CLAIM" in words or any(wait not in (b"1", b"2", b"-1", b"x") for wait in blocks)
    if name == b"XAUTOCLAIM":
        return any(len(word) > 8 and word != b"99999999" for word in command[5:])
    return False


MASKED = {b"radix-tree-nodes", b"entries-read", b"lag", b"seen-time", b"active-time", b"idle", b"inactive"}


def _value(raw, at):
    """The value at an offset, as nested lists, and the offset behind it: maps are lists of names and values."""
    end = raw.index(b"\r\n", at)
    kind, text, at = raw[at : at + 1], raw[at + 1 : end], end + 2
    if kind == b"$" and text != b"-1":
        return raw[at : at + int(text)], at + int(text) + 2
    if kind in b"*%~" and text != b"-1":
        items = []
        for _ in range(int(text) * (2 if kind == b"%" else 1)):
            item, at = _value(raw, at)
            items.append(item)
        return items, at
    return kind + text, at


def _named(items):
    return dict(zip(items[::2], items[1::2]))


def _consumer(items):
    """A consumer as XINFO shows it, None where it has nothing pending."""
    fields = {name: value for name, value in _named(items).items() if name not in MASKED}
    if isinstance(fields[b"pending"], list):
        fields[b"pending"] = [[entry[0], entry[2]] for entry in fields[b"pending"]]
    return fields if fields[b"pending"] not in (b":0", []) else None


def _group(items):
    fields = {name: value for name, value in _named(items).items() if name not in MASKED}
    if isinstance(fields[b"consumers"], list):
        fields[b"consumers"] = [shown for shown in map(_consumer, fields[b"consumers"]) if shown]
        fields[b"pending"] = [[entry[0], entry[1], entry[3]] for entry in fields[b"pending"]]
    else:
        del fields[b"consumers"]
    return fields


def _stream(items):
    fields = {name: value for name, value in _named(items).items() if name not in MASKED}
    if isinstance(fields[b"groups"], list):
        fields[b"groups"] = [_group(items) for items in fields[b"groups"]]
    return fields


def _info(command, raw):
    value = _value(raw, 0)[0]
    if not isinstance(value, list) or len(command) < 3:
        return value
    kind = command[1].upper()
    if kind == b"STREAM":
        return _stream(value)
    if kind == b"GROUPS":
        return [_group(items) for items in value]
    return [shown for shown in map(_consumer, value) if shown] if kind == b"CONSUMERS" else value


def agree_info(command, expected, got):
    return expected[:1] == got[:1] and _info(command, expected) == _info(command, got)


def agree_pending(command, expected, got):
    """All but the idle times."""
    expected, got = _value(expected, 0)[0], _value(got, 0)[0]
    if len(command) < 6 or not isinstance(expected, list) or not isinstance(got, list):
        return expected == got
    return [[e[0], e[1], e[3]] for e in expected] == [[e[0], e[1], e[3]] for e in got]


def agree_group(command, expected, got):
    """Whether a consumer is made now or was there."""
    return command[1:2] and command[1].upper() == b"CREATECONSUMER" and {expected, got} == {b":0\r\n", b":1\r\n"}


def agree_read(command, expected, got):
    return expected.startswith(b"-ERR Unbalanced ") and got.startswith(b"-ERR Unbalanced ")


def read_value(connection, key):
    connection.send(resp.encode("XINFO", "STREAM", key, "FULL", "COUNT", "0"))
    return _info([b"XINFO", b"STREAM", key], connection.read_raw())


UNORDERED = []
AGREE = {"XINFO": agree_info, "XPENDING": agree_pending, "XGROUP": agree_group, "XREAD": agree_read, "XREADGROUP": agree_read}
READERS = {"stream": read_value}
SETTINGS = {"stream-node-max-bytes": ["4096", "200", "0", "64"], "stream-node-max-entries": ["100", "3", "0", "10", "200"]}
