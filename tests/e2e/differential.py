"""The random differential tester: one stream of commands to redis-server and to Shoal.

    make diff                                                         the campaign: 6 million commands
    make diff DIFF="--commands 40000 --seed 7 --shards 3 --resp 3"    one run

Replies are compared byte for byte, and now and then the whole keyspace: values, deadlines,
encodings. On a difference the stream is cut down to the few commands that still show it.

With --through-files Shoal's data set is saved and loaded, or the server ends and begins again, now and then in the middle
of the stream (through_files.py); both servers' DEBUG DIGEST must be the same behind that, or at least the values: a
score of -0 is 0 in a small sorted set, and so where a large one is made anew by commands.

Differences that are meant (the table decides, nothing else is forgiven):

    OBJECT REFCOUNT      Redis shares the integers 0 to 9999 and says 2147483647; here nothing is shared
    order of KEYS        hash tables differ; the sets of keys must agree
    SCAN                 and where it was left; see scan_replies.py
    RANDOMKEY            any key that exists is right
    TTL and the like     the two servers' clocks are read some milliseconds apart
    expired keys         redis-server counts them in DBSIZE until it comes across them; the stream sees
                         to it that it has

The commands of a data type are a module differential_TYPE.py beside this one, with

    PREFIX               of its keys: most of its commands go to keys "PREFIX0", "PREFIX1" …
    WEIGHT               how often one of its commands comes, strings and keys having 93 together
    COMMANDS             [(function, weight)]: function(stream) returns a command's arguments
    UNORDERED            names of commands whose replies are arrays in any order
    AGREE                {name: function(command, expected, got) -> bool} for what needs a rule of its own
    READERS              {type: function(connection, key) -> anything comparable}: a value's whole content
    ENCODINGS            {encoding: {others}}: of its types, what Shoal may say where redis-server 7.0 says this (optional)
    AVOID                function(command) -> bool: it would wait for long, or 7.0 is known to do otherwise (optional)
    SETTINGS             {directive: [values]}: CONFIG SET on both servers, one drawn for each run
    BEFORE               {name: command}: what redis-server alone is sent first, its reply unread (optional)
"""

import argparse
import importlib
import multiprocessing
import pathlib
import random
import sys
import tempfile
import time
import traceback

import resp
from scan_replies import same_step
from server import BACKENDS, SANITIZED, Server
from through_files import EVERY, EXPECTED, ThroughFiles, digest, go_through

DATABASES = 4
FILES = -1  # in place of a connection's index
BATCH_MOST = 40
TTL_TOLERANCE_MS = 2000
CHECK_EVERY = 5000
CHECK_FILES_EVERY = 1000  # where what digests do not cover, as groups of streams, goes through files

KEYS = [b"k%d" % i for i in range(24)] + [b"{tag}%d" % i for i in range(4)] + [b"", b"sp ace", b"\x00bin\xff", b"a" * 200]
WORDS = (
    "NX XX GET KEEPTTL PERSIST EX PX EXAT PXAT GT LT MATCH COUNT TYPE ASYNC SYNC REPLACE DB "
    "IDX LEN MINMATCHLEN WITHMATCHLEN string list nosuch * k* {tag}? [a-k]1* -- ( ON OFF"
).split()
NUMBERS = (
    "0 1 -1 2 10 -10 9999 10000 100 9223372036854775807 -9223372036854775808 9223372036854775808 "
    "18446744073709551616 2147483647 4294967296 536870911 536870912 1e3 0x10 +5 -0 007 1.5 3.0 -2.5e-3 "
    "inf -inf nan 1e400 0.1 1e17 12345678901234567890"
).split() + ["", " 1", "1 ", "abc"]


# Amounts of time that are wrong or far ahead, or have keys deleted at once. None ends while the
# stream runs (the servers' clocks would not agree on when), and none is a deadline that has passed.
AMOUNTS = [text for text in NUMBERS if not text.isdigit() or int(text) == 0 or int(text) > 10**15]


TYPES = [
    importlib.import_module(path.stem) for path in sorted(pathlib.Path(__file__).parent.glob("differential_*.py"))
]


def _bytes(argument):
    return argument if isinstance(argument, bytes) else argument.encode()


class Stream:
    """Makes commands. Each is (kind, arguments): the kind says how its replies are compared."""

    def __init__(self, seed):
        self.dice = random.Random(seed)

    # Pieces.

    def key(self, prefix=None):
        """Any key, or most often one of those of a type."""
        if prefix is None and TYPES and self.dice.random() < 0.4:
            prefix = self.dice.choice(TYPES).PREFIX
        elif prefix is None or self.dice.random() < 0.04:
            return self.dice.choice(KEYS)
        return b"%s%d" % (prefix.encode(), self.dice.randrange(8))

    def number(self):
        if self.dice.random() < 0.25:
            return self.dice.choice(NUMBERS)
        return str(self.dice.choice([self.dice.randint(-20, 20), self.dice.randint(-(2**40), 2**40)]))

    def small(self):
        return self.dice.choice(NUMBERS) if self.dice.random() < 0.1 else str(self.dice.randint(-12, 60))

    def value(self):
        dice = self.dice.random()
        if dice < 0.35:
            return self.number()
        if dice < 0.45:
            return "%.*g" % (self.dice.randint(1, 17), self.dice.uniform(-1e6, 1e6))
        length = self.dice.choice([0, 1, 5, 20, 43, 44, 45, 64, 200, 3000])
        return bytes(self.dice.choice(b"abc01\x00\xff\r\n ") for _ in range(length))

    def index(self):
        return self.dice.choice(["16", "-1", "x"]) if self.dice.random() < 0.03 else str(self.dice.randrange(DATABASES))

    def deadline(self, option):
        """An amount that goes with EX, PX, EXAT or PXAT: far ahead, long past, or wrong."""
        if self.dice.random() < 0.12:
            return self.dice.choice(AMOUNTS)
        seconds = self.dice.randint(1000, 10**6) + (int(time.time()) if option.endswith("AT") else 0)
        return str(seconds * 1000 + self.dice.randrange(1000) if option.startswith("P") else seconds)

    def word(self):
        return self.dice.choice(WORDS)

    def maybe(self, chance, *arguments):
        return list(arguments) if self.dice.random() < chance else []

    # Commands.

    def set(self):
        options = []
        while self.dice.random() < 0.45:
            option = self.dice.choice(["NX", "XX", "GET", "KEEPTTL", "EX", "PX", "EXAT", "PXAT", "ex", "keepttl"])
            options.append(option)
            if option.upper()[:2] in ("EX", "PX") and self.dice.random() < 0.97:
                options.append(self.deadline(option.upper()))
        return ["SET", self.key(), self.value(), *options]

    def getex(self):
        option = self.dice.choice(["EX", "PX", "EXAT", "PXAT", "PERSIST", ""])
        options = [option] if option else []
        if option and option != "PERSIST":
            options.append(self.deadline(option))
        return ["GETEX", self.key(), *options, *self.maybe(0.05, self.word())]

    def expire(self):
        name = self.dice.choice(["EXPIRE", "PEXPIRE", "EXPIREAT", "PEXPIREAT"])
        option = ("P" if name[0] == "P" else "E") + ("XAT" if name.endswith("AT") else "X")
        amount = "-5" if self.dice.random() < 0.05 else self.deadline(option)
        flags = [self.dice.choice(["NX", "XX", "GT", "LT", "gt"]) for _ in range(self.dice.choice([0, 0, 0, 1, 1, 2]))]
        return [name, self.key(), amount, *flags]

    def many_keys(self, name):
        return [name, *(self.key() for _ in range(self.dice.choice([1, 1, 2, 3, 8, 30])))]

    def many_pairs(self, name):
        pairs = []
        for _ in range(self.dice.choice([1, 2, 3, 10])):
            pairs += [self.key(), self.value()]
        return [name, *pairs[: len(pairs) - (self.dice.random() < 0.03)]]

    def copy(self):
        return ["COPY", self.key(), self.key(), *self.maybe(0.4, "DB", self.index()), *self.maybe(0.5, "REPLACE")]

    def lcs(self):
        options = []
        for option in ("LEN", "IDX", "WITHMATCHLEN"):
            options += self.maybe(0.25, option)
        options += self.maybe(0.2, "MINMATCHLEN", self.small())
        return ["LCS", self.key(), self.key(), *options]

    def one_key(self):
        name = self.dice.choice(
            "GET GET GET GETDEL STRLEN INCR DECR PERSIST TYPE TTL PTTL EXPIRETIME PEXPIRETIME".split()
        )
        return [name, self.key()]

    def key_and_value(self):
        return [self.dice.choice(["SETNX", "APPEND", "APPEND", "GETSET"]), self.key(), self.value()]

    def arithmetic(self):
        return [self.dice.choice(["INCRBY", "DECRBY", "INCRBYFLOAT", "INCRBYFLOAT"]), self.key(), self.number()]

    def range(self):
        return [self.dice.choice(["GETRANGE", "SUBSTR"]), self.key(), self.small(), self.small()]

    def set_range(self):
        offset = self.small() if self.dice.random() < 0.97 else self.dice.choice(NUMBERS)
        if offset.isdigit() and int(offset) > 100000:
            offset = "536870912"
        return ["SETRANGE", self.key(), offset, self.value()]

    def set_with_deadline(self):
        name = self.dice.choice(["SETEX", "PSETEX"])
        return [name, self.key(), self.deadline("PX" if name[0] == "P" else "EX"), self.value()]

    def two_keys(self):
        return [self.dice.choice(["RENAME", "RENAMENX"]), self.key(), self.key()]

    def other_database(self):
        if self.dice.random() < 0.5:
            return ["SELECT", self.index()]
        return ["MOVE", self.key(), self.index()]

    def database(self):
        dice = self.dice.random()
        if dice < 0.3:
            return ["SWAPDB", self.index(), self.index()]
        if dice < 0.6:
            return ["DBSIZE"]
        if dice < 0.62:
            return ["FLUSHALL", *self.maybe(0.5, self.word())]
        if dice < 0.7:
            return ["FLUSHDB", *self.maybe(0.5, self.dice.choice(["ASYNC", "SYNC", "x"]))]
        if dice < 0.8:
            return self.scan()
        if dice < 0.9:
            return ["KEYS", self.dice.choice(["*", "k*", "k?", "{tag}*", "[^k]*", "k[1-3]", "", "\\k1", "*a*"])]
        return ["RANDOMKEY"]

    def scan(self):
        options = self.maybe(0.7, "COUNT", self.dice.choice(["100000", "1", "7", "0", "x"]))
        options += self.maybe(0.4, "MATCH", self.dice.choice(["*", "k*", "[^k]*", "{tag}*", "k1", "z?"]))
        options += self.maybe(0.3, "TYPE", self.dice.choice(["string", "LIST", "zset", "hash", "set", "stream", "nosuch"]))
        return ["SCAN", self.dice.choice(["0", "0", "0", "-0", "9", "x"]), *options]

    def object(self):
        return ["OBJECT", self.dice.choice(["ENCODING", "ENCODING", "encoding", "FREQ", "nosuch"]), self.key()]

    def connection(self):
        return self.dice.choice(
            [
                ["PING"],
                ["PING", self.value()],
                ["ECHO", self.value()],
                ["CLIENT", "GETNAME"],
                ["CLIENT", "SETNAME", self.dice.choice(["me", "", "a b", "x\n"])],
                ["CLIENT", "NO-EVICT", self.dice.choice(["on", "off", "x"])],
                ["CLIENT", "nosuch"],
                ["COMMAND", "GETKEYS", *self.one_key()],
                ["COMMAND", "GETKEYS", *self.many_keys("MGET")],
                ["COMMAND", "GETKEYS", *self.set()],
                ["CONFIG", "SET", "maxmemory", self.dice.choice(["x", "-1"])],
                ["RESET"] if self.resp == 2 else ["PING"],
                ["SELECT", "99999999999999999999"],
            ]
        )

    def spoiled(self):
        """Some command with its arguments damaged, or one that there is not."""
        command = list(self.any_command(quiet=True))
        dice = self.dice.random()
        if dice < 0.35 and len(command) > 1:
            del command[self.dice.randrange(1, len(command)) :]
        elif dice < 0.6:
            command.insert(self.dice.randint(1, len(command)), self.word())
        elif dice < 0.8:
            command[self.dice.randrange(1, len(command)) if len(command) > 1 else 0] = self.dice.choice(AMOUNTS)
        elif dice < 0.9:
            command[0] = self.dice.choice(["nosuch", "GETT", "", "client|id", "x" * 200, "get\r\n", "\x00", "object|help"])
        else:
            command[0] = command[0].lower() if isinstance(command[0], str) else command[0]
        return command

    TRANSACTIONS = 0.03
    resp = 2
    types = TYPES
    WEIGHTS = [
        ("set", 14), ("getex", 3), ("expire", 8), ("copy", 4), ("lcs", 2), ("one_key", 18), ("key_and_value", 7),
        ("arithmetic", 8), ("range", 4), ("set_range", 3), ("set_with_deadline", 2), ("two_keys", 5),
        ("other_database", 3), ("database", 3), ("object", 4), ("connection", 3),
    ]  # fmt: skip

    def any_command(self, quiet=False):
        weight = sum(module.WEIGHT for module in self.types)
        if self.dice.random() * (weight + 93) < weight:
            return self.spoiled() if not quiet and self.dice.random() < 0.05 else self.typed_command()
        dice = self.dice.random()
        if dice < 0.09:
            return self.many_keys(self.dice.choice(["MGET", "DEL", "UNLINK", "EXISTS", "TOUCH", "MGET"]))
        if dice < 0.13:
            return self.many_pairs(self.dice.choice(["MSET", "MSET", "MSETNX"]))
        if dice < 0.18 and not quiet:
            return self.spoiled()
        names = [name for name, _ in self.WEIGHTS if not (quiet and name == "connection")]
        weights = [weight for name, weight in self.WEIGHTS if not (quiet and name == "connection")]
        return getattr(self, self.dice.choices(names, weights)[0])()

    def typed_command(self):
        module = self.dice.choices(self.types, [module.WEIGHT for module in self.types])[0]
        function = self.dice.choices(*zip(*module.COMMANDS))[0]
        return function(self)

    def command(self):
        while True:
            command = tuple(map(_bytes, self.any_command()))
            if not any(avoid(command) for avoid in AVOID):
                return command

    def transaction(self):
        """MULTI, some commands and EXEC, perhaps with keys that are watched."""
        commands = [(b"WATCH", *map(_bytes, self.many_keys("")[1:]))] if self.dice.random() < 0.4 else []
        commands += [(b"UNWATCH",)] if self.dice.random() < 0.05 else []
        commands += [self.command() for _ in range(self.dice.choice([0, 0, 0, 1, 2]))]
        commands.append((b"MULTI",))
        commands += [self.command() for _ in range(self.dice.choice([0, 1, 2, 3, 5, 12]))]
        commands.append(self.dice.choices([(b"EXEC",), (b"DISCARD",), (b"EXEC", b"x")], [20, 2, 1])[0])
        return [command for command in commands if not _before(command) and not _has_another_arity(command)]

    def batch(self, count):
        commands = []
        while len(commands) < count:
            commands += self.transaction() if self.dice.random() < self.TRANSACTIONS else [self.command()]
        return commands

    def short_lived(self):
        """A key that is gone a moment later: the batch ends there, and both servers are given that moment."""
        milliseconds = str(self.dice.randint(1, 20))
        command = self.dice.choice(
            [
                ["SET", self.key(), self.value(), "PX", milliseconds],
                ["PEXPIRE", self.key(), milliseconds],
                ["GETEX", self.key(), "PX", milliseconds],
            ]
        )
        return tuple(map(_bytes, command))


class Difference(Exception):
    pass


UNORDERED = {name.encode() for module in TYPES for name in module.UNORDERED}
AGREE = {name.encode(): rule for module in TYPES for name, rule in module.AGREE.items()}
READERS = {name: reader for module in TYPES for name, reader in module.READERS.items()}
BEFORE = {name.encode(): command for module in TYPES for name, command in getattr(module, "BEFORE", {}).items()}
AVOID = [module.AVOID for module in TYPES if hasattr(module, "AVOID")]
ENCODINGS = {name: getattr(module, "ENCODINGS", {}) for module in TYPES for name in module.READERS}
READERS["string"] = lambda connection, key: connection.command("GET", key)


CLOCK_COMMANDS = {b"TTL": 1000, b"EXPIRETIME": 1000, b"PTTL": 1, b"PEXPIRETIME": 1}


def _values(raw):
    """The elements of an array."""
    values, at = [], raw.index(b"\n") + 1
    while at < len(raw):
        begin, left = at, 1
        while left:
            end = raw.index(b"\r\n", at) + 2
            kind, count = raw[at : at + 1], raw[at + 1 : end - 2]
            at, left = end, left - 1
            if kind in b"$=" and count != b"-1":
                at += int(count) + 2
            elif kind in b"*~>%" and count != b"-1":
                left += int(count) * (2 if kind == b"%" else 1)
        values.append(raw[begin:at])
    return values


def _agree_on_all(queued, expected, got, connection):
    """EXEC: each command's reply by its own rule."""
    pairs = [_values(expected), _values(got)] if expected[:1] == got[:1] == b"*" else [[], []]
    return len(queued) == len(pairs[0]) == len(pairs[1]) > 0 and all(
        _agree(command, theirs, ours, connection) for command, theirs, ours in zip(queued, *pairs)
    )


def _agree(command, expected, got, connection):
    """Whether two raw replies to a command count as the same."""
    if expected == got:
        return True
    name = command[0].upper() if command else b""
    if name in CLOCK_COMMANDS and expected[:1] == b":" and got[:1] == b":":
        apart = abs(int(expected[1:]) - int(got[1:])) * CLOCK_COMMANDS[name]
        return int(expected[1:]) > 0 and int(got[1:]) > 0 and apart <= TTL_TOLERANCE_MS
    if name in AGREE:
        return AGREE[name](command, expected, got)
    if name == b"OBJECT" and expected[:1] == got[:1] == b"$":
        return connection.any_encoding or _same_encoding(expected.split(b"\r\n")[1], got.split(b"\r\n")[1], ENCODINGS)
    if name in UNORDERED and expected[:1] == got[:1] and expected[:1] in b"*~":
        return expected[: expected.index(b"\n")] == got[: got.index(b"\n")] and _bulks(expected) == _bulks(got)
    if name == b"KEYS" and expected[:1] == got[:1] == b"*":
        return expected[: expected.index(b"\n")] == got[: got.index(b"\n")] and _bulks(expected) == _bulks(got)
    if name == b"SCAN" and expected[:1] == got[:1] == b"*":
        return same_step(command[1], _step(expected), _step(got))
    if name == b"RANDOMKEY" and expected[:1] == got[:1] == b"$":
        return (expected[:3] == b"$-1") == (got[:3] == b"$-1")
    return False


def _same_encoding(expected, got, types):
    return got == expected or any(got in ENCODINGS.get(name, {}).get(expected, ()) for name in types)


def _has_another_arity(command):
    """redis-server 7.0 refuses WITHSCORE when it is queued, and with it the transaction."""
    return command[0].upper() in (b"ZRANK", b"ZREVRANK") and len(command) > 3


def _before(command):
    name = command[0].upper() if command else b""
    return resp.encode(*BEFORE[name]) if name in BEFORE else b""


def _bulks(raw):
    """An array of bulk strings, sorted."""
    items, at = [], raw.index(b"\n") + 1
    while at < len(raw):
        end = raw.index(b"\r\n", at)
        length = int(raw[at + 1 : end])
        items.append(raw[end + 2 : end + 2 + length])
        at = end + 4 + length
    return sorted(items)


def _step(raw):
    """The cursor and the keys of a reply to SCAN."""
    _, _, cursor, rest = raw.split(b"\r\n", 3)
    return cursor, set(_bulks(rest))


def read_keyspace(server, databases=DATABASES):
    """{(database, key): (value, encoding, deadline)}, read by SCAN."""
    found = {}
    with server.connect(timeout=30) as connection:
        for database in range(databases):
            connection.command("SELECT", database)
            keys, cursor = set(), b"0"
            while True:
                cursor, some = connection.command("SCAN", cursor, "COUNT", 7)
                keys.update(some)
                if cursor == b"0":
                    break
            assert len(keys) == connection.command("DBSIZE"), "SCAN and DBSIZE disagree"
            keys = sorted(keys)
            about = connection.pipeline(
                (*words, key) for key in keys for words in (("TYPE",), ("OBJECT", "ENCODING"), ("PEXPIRETIME",))
            )
            for key, kind, encoding, deadline in zip(keys, about[::3], about[1::3], about[2::3]):
                found[database, key] = [(kind, READERS[kind](connection, key)), encoding, deadline]
    return found


class Pair:
    """The two servers, with the same number of connections to each."""

    def __init__(self, redis_server, shoal, connections, resp_version, through_files=False):
        self.servers = (redis_server, shoal)
        self.count = connections
        self.resp = resp_version
        self.connections = ([], [])
        self.queued = []  # for each connection: the commands since MULTI
        self.settings = {}
        self.through_files = through_files
        self.begin()

    def begin(self):
        """New connections, no keys; a server that has died is started again."""
        for server, connections in zip(self.servers, self.connections):
            if server.process.poll() is not None:
                server.open(), server.start()
            self._connect(server, connections)
            connections[0].command("FLUSHALL")

    def _connect(self, server, connections):
        for connection in connections:
            connection.close()
        connections[:] = [server.connect(protocol=self.resp, timeout=30) for _ in range(self.count)]
        for connection in connections:
            connection.any_encoding = self.through_files
        self.queued = [[] for _ in range(self.count)]
        for name, value in self.settings.items():
            connections[0].command("CONFIG", "SET", name, value)

    def set(self, settings):
        self.settings = settings
        if self.through_files:  # what is in a file is executed by settings, too
            self.servers[1].command_line += [word for name, value in settings.items() for word in (f"--{name}", value)]
        self.begin()

    def run(self, index, batch):
        """One pipeline on both, or a step of Shoal's through its files; raises Difference at the first reply that differs."""
        if index == FILES:
            self._go_through_files(*batch[0])
            return
        self._run(index, batch)
        if batch and _is_short_lived(batch[-1]):
            time.sleep(0.04)
            self._run(index, [(b"EXISTS", batch[-1][1])])  # until it is asked for, redis-server may count the key

    def _go_through_files(self, _, step, shards):
        if go_through(self.servers[1], step, shards):
            for server, connections in zip(self.servers, self.connections):
                self._connect(server, connections)
        expected, got = (digest(server, DATABASES) for server in self.servers)
        if expected != got:  # for the sign of a zero among scores, or as the keyspaces show
            self.compare_keyspaces()

    def _run(self, index, batch):
        self.connections[0][index].send(b"".join(_before(command) + resp.encode(*command) for command in batch))
        self.connections[1][index].send(b"".join(resp.encode(*command) for command in batch))
        for position, command in enumerate(batch):
            try:
                if _before(command):
                    self.connections[0][index].read_raw()
                expected = self.connections[0][index].read_raw()
                got = self.connections[1][index].read_raw()
            except (resp.Closed, ConnectionError):
                raise Difference(position, self._what_died()) from None
            if not self._is_right(index, command, expected, got):
                text = f"redis-server {expected[:300]!r}\n  Shoal        {got[:300]!r}"
                raise Difference(position, text, command[0].upper())

    def _is_right(self, index, command, expected, got):
        queued, connection = self.queued[index], self.connections[1][index]
        if expected == got == b"+QUEUED\r\n":
            queued.append(command)
            return True
        if command[0].upper() in (b"MULTI", b"DISCARD", b"RESET") and expected[:1] == b"+":
            queued.clear()
        if command[0].upper() != b"EXEC":
            return _agree(command, expected, got, connection)
        self.queued[index] = []
        return expected == got or _agree_on_all(queued, expected, got, connection)

    def _what_died(self):
        time.sleep(0.2)  # for its last words
        dead = [server for server in self.servers if server.process.poll() is not None]
        words = [f"{server.command_line[0]} died: {server.errors()[-2000:]}{server.log()[-2000:]}" for server in dead]
        return "\n".join(words or ["connection closed"])

    def compare_keyspaces(self):
        expected, got = map(read_keyspace, self.servers)
        if expected.keys() != got.keys():
            raise Difference(0, f"keys: {sorted(expected.keys() ^ got.keys())[:5]}")
        for where, (value, encoding, deadline) in expected.items():
            near = abs(deadline - got[where][2]) <= TTL_TOLERANCE_MS and (deadline < 0) == (got[where][2] < 0)
            same = self.through_files or _same_encoding(encoding, got[where][1], value[:1])
            if value != got[where][0] or not same or not near:
                raise Difference(0, f"{where}: {expected[where]} and {got[where]}")
        return len(expected)


def _shows(pair, history):
    """The difference that a history of (connection, batch) ends in, or None."""
    pair.begin()
    try:
        for index, batch in history:
            pair.run(index, batch)
        pair.compare_keyspaces()
    except Difference as difference:
        return difference
    return None


def _is_short_lived(command):
    return len(command) > 2 and command[-1].isdigit() and int(command[-1]) <= 20 and (
        command[-2:-1] == (b"PX",) or command[0] == b"PEXPIRE"
    )


def shrink(pair, history, seconds=60):
    """Leaves out what is not needed for a difference in the same command: ever smaller pieces, as long as time lasts."""
    wanted = _shows(pair, history).args[2:]
    commands = [(index, command) for index, batch in history for command in batch]
    deadline = time.monotonic() + seconds
    size = len(commands) // 2
    while size >= 1 and time.monotonic() < deadline:
        at = 0
        while at < len(commands) and time.monotonic() < deadline:
            fewer = commands[:at] + commands[at + size :]
            found = _shows(pair, [(index, [command]) for index, command in fewer])
            if found and found.args[2:] == wanted:
                commands = fewer
            else:
                at += size
        size //= 2
    return commands


def _shown(command):
    return " ".join(repr(argument)[1:] if len(argument) <= 120 else f"<{len(argument)} bytes>" for argument in command)


def report(pair, history, seed, difference):
    print(f"difference (seed {seed}): {difference.args[1]}")
    index, batch = history[-1]
    print("the last commands:")
    for command in batch[max(0, difference.args[0] - 5) : difference.args[0] + 1]:
        print("  ", index, _shown(command))
    if not _shows(pair, history):
        print("it does not show when the same commands are run again")
        return
    smaller = shrink(pair, history)
    final = _shows(pair, [(index, [command]) for index, command in smaller])
    print(f"cut down to {len(smaller)} commands (connection, command):")
    for index, command in smaller[-60:]:
        print("  ", index, _shown(command))
    print("  ", final.args[1] if final else "which then do not show it alone")


def run(pair, options, seed):
    """Returns (passed, failed): replies and keyspaces that agreed, and the differences."""
    stream = Stream(seed)
    stream.resp = options.resp
    stream.types = [module for module in TYPES if not options.types or module.__name__[13:] in options.types]
    dice = random.Random(seed + 1)
    pair.set({name: dice.choice(values) for module in TYPES for name, values in module.SETTINGS.items()})
    files = ThroughFiles(seed) if options.through_files else None
    passed, failed, sent, history, since_check = 0, 0, 0, [], 0
    while sent < options.commands and failed < options.failures:
        batch = stream.batch(dice.randint(1, BATCH_MOST))
        if dice.random() < 0.06:
            batch.append(stream.short_lived())
        history.append((dice.randrange(pair.count), batch))
        try:
            pair.run(*history[-1])
            if files and dice.random() < EVERY:
                history.append((FILES, [files.step()]))
                pair.run(*history[-1])
            passed += len(batch)
            since_check += len(batch)
            if since_check >= (CHECK_FILES_EVERY if files else CHECK_EVERY) or sent + len(batch) >= options.commands:
                pair.compare_keyspaces()
                passed, since_check, history = passed + 1, 0, []
                pair.begin()
        except Difference as difference:
            failed += 1
            report(pair, history, seed, difference)
            history, since_check = [], 0
            pair.begin()
        sent += len(batch)
    return passed, failed


def parse_options():
    parser = argparse.ArgumentParser(description="random commands to redis-server and Shoal, replies compared")
    parser.add_argument("--commands", type=int, default=40000, help="of each run")
    parser.add_argument("--seed", type=int, default=None, help="of the first run; default: by the clock, and printed")
    parser.add_argument("--runs", type=int, default=1, help="with the seeds that follow, on all types together or each alone")
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time")
    parser.add_argument("--shards", type=int, default=None, help="default: 1 to 8, by the seed")
    parser.add_argument("--resp", type=int, choices=(2, 3), default=None, help="default: half of the commands each")
    parser.add_argument("--net-backend", choices=("auto", *BACKENDS), default="auto")
    parser.add_argument("--types", type=lambda text: text.split(","), help="of the data types only these: list,zset or string")
    parser.add_argument("--through-files", action="store_true", help="the data set is saved and loaded now and then")
    parser.add_argument("--failures", type=int, default=1, help="differences after which a run stops")
    return parser.parse_args()


def plan_runs(options):
    """A copy of the options for each run: every other one has a single type."""
    names = ["string"] + [module.__name__.removeprefix("differential_") for module in TYPES]
    first = options.seed if options.seed is not None else int(time.time()) % 1000000
    for i in range(options.runs):
        plan = argparse.Namespace(**vars(options))
        plan.seed = first + i
        plan.shards = options.shards or 1 + plan.seed % 8
        if options.types is None and i % 2 == 1:
            plan.types = [names[i // 2 % len(names)]]
        yield plan


def run_servers(options):
    """One run, on servers of its own."""
    total = [0, 0]
    protocols = [options.resp] if options.resp else [2, 3]
    options.commands //= len(protocols)
    with tempfile.TemporaryDirectory() as folder:
        common = ("--bind", "127.0.0.1", "--enable-debug-command", "yes")
        redis_server = Server(f"{folder}/redis", "--save", "", *common, binary="redis-server")
        files = ThroughFiles(options.seed).options() if options.through_files else []
        shoal = Server(
            f"{folder}/shoal", "--shards", options.shards, "--net-backend", options.net_backend, *common, *files
        )
        try:
            redis_server.start(), shoal.start()
            for options.resp in protocols:
                pair = Pair(redis_server, shoal, options.shards + 1, options.resp, options.through_files)
                for i, count in enumerate(run(pair, options, options.seed)):
                    total[i] += count
            shoal.stop(expected=EXPECTED if options.through_files else ())
        except Exception:
            traceback.print_exc()
            total[1] += 1
        finally:
            redis_server.kill(), shoal.kill()
    types = ",".join(options.types or ["all types"])
    print(f"seed {options.seed}, {options.shards} shards, {types}: {total[0]} passed, {total[1]} failed", flush=True)
    return total


def main():
    options = parse_options()
    total = [0, 0]
    with multiprocessing.get_context("spawn").Pool(options.jobs) as pool:
        for passed, failed in pool.imap_unordered(run_servers, plan_runs(options)):
            total = [total[0] + passed, total[1] + failed]
    print(f"{total[0]} passed, {total[1]} failed")
    return 1 if total[1] else 0


if __name__ == "__main__":
    sys.exit(main())
