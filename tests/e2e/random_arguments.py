#!/usr/bin/python3
"""Random commands with random arguments, which the server has to survive and its files to keep.

    make arguments                                                       some minutes, on several numbers of shards
    make arguments FLAVOR=asan ARGUMENTS="--seconds 600 --seed 7 --shards 3"

Where differential.py sends what has a meaning and looks at the replies, this sends what may have
none: any command with any number of keys, of numbers at the edges of their ranges and of the
words that COMMAND DOCS has for it, over several connections, in transactions and in scripts,
with DEBUG RELOAD, BGREWRITEAOF, FLUSHALL, settings and the like between. Some connections do not
read, some send what is no request. The server must stay alive and answer, say nothing on stderr
(where sanitizers report) and exit with 0. And its data set must be
the same by DEBUG DIGEST-VALUE and by its deadlines after DEBUG LOADAOF and RELOAD, and after a restart from
the append-only file with another number of shards.

The seed is that of what is sent; what the threads do with it is theirs.
"""

import argparse
import collections
import random
import select
import shutil
import sys
import tempfile
import time

import resp
from server import BACKENDS, Server, wait_until

DATABASES = 4
CONNECTIONS = 12
READERS = 10  # of these read what they are sent
ROUND_S = 15  # at most; then another server
SENT_KEPT = 60  # batches that a failure shows
NOT_KEPT = (b"seen-time", b"active-time", b"radix-tree-keys", b"radix-tree-nodes")
SOON_MS = 300_000  # what expires sooner is not compared
WORKING_S = 60  # in which anything is answered

# A large value is any of more than a few elements.
OPTIONS = (
    *("--save", "", "--appendonly", "yes", "--appendfsync", "no", "--auto-aof-rewrite-percentage", 0),
    *("--enable-debug-command", "yes", "--databases", DATABASES, "--proto-max-bulk-len", 1 << 20, "--bind", "127.0.0.1"),
    *("--list-max-listpack-size", 4, "--hash-max-listpack-entries", 4, "--set-max-listpack-entries", 4),
    *("--set-max-intset-entries", 5, "--zset-max-listpack-entries", 4, "--stream-node-max-entries", 3),
    *("--notify-keyspace-events", "KEA"),
)
LOGGED = [
    *("DB reloaded by DEBUG RELOAD", "Append Only File loaded by DEBUG LOADAOF", "DEBUG LOADAOF"),
    *("can't be loaded", "there is such a key already", "DEBUG JMAP: ", "Slow script detected"),
    *("Closing client that reached output buffer limits", "WARNING: .* maxmemory value "),
]

# They end the server or the connection's protocol, wait for something that never comes, or have arguments of their own below.
SKIPPED = (
    "shutdown debug replicaof slaveof failover psync sync migrate save config|set config|rewrite client|pause "
    "client|kill module cluster restore-asking wait waitaof reset script|debug bgsave bgrewriteaof flushall flushdb"
).split()
KEYS = [f"{kind}{i}" for kind in "snlhtzxbpg" for i in range(3)] + ["missing", "", "{a}1", "{a}2"]
NUMBERS = (
    "0 1 -1 2 3 5 10 100 -5 1000000 2000000000 2147483648 4294967295 4294967296 99999999999 9223372036854775807 "
    "-9223372036854775808 18446744073709551615 1e308 1.7976931348623157e308 0.5 3.0e2 -inf +inf inf nan 0x10 007 -0 "
    "(1 (3 [a [c - + $ > * 0-0 1-1 5-0 0-* 1-* 18446744073709551615-18446744073709551615"
).split() + ["", " 1", "1 "]
WORDS = (
    "a b c f1 f2 grp cons m1 m2 % * [a-c]* a? u8 i5 u63 i64 u64 #1 bytes 13.361389 38.115556 km m string list lru set get 100 "
    "allkeys str NX XX GT LT CH INCR COUNT LIMIT WITHSCORES WEIGHTS AGGREGATE SUM MIN MAX EX PX KEEPTTL GET STREAMS BLOCK MAXLEN "
    "MINID = ~ LEFT RIGHT BEFORE AFTER MATCH FIELDS NUMFIELDS REPLACE ASC DESC ALPHA STORE BY BYSCORE BYLEX REV IDS JUSTID ID"
).split() + ["hello world", b"\x00\xff", "x" * 70, "y" * 300, "return redis.call('set',KEYS[1],ARGV[1])"]
BETWEEN = [
    *("debug reload", "debug loadaof", "bgrewriteaof", "bgsave", "flushall", "flushdb", "swapdb 0 1", "select 1", "hello 3", "hello 2", "reset"),
    *("client kill type normal", "client kill type pubsub", "client pause 20 write", "client pause 20 all", "client unpause"),
    *("debug populate 30 n", "debug populate 100 x 3000", "debug change-repl-id", "debug protocol map"),
    *("shutdown abort", "script flush", "function flush", "debug jmap", "debug quicklist-packed-threshold 100"),
    *("debug reload nosave noflush merge", "debug reload noflush merge", "config resetstat", "monitor"),
]
LIBRARY = "#!lua name=%s\nredis.register_function('%s', function(keys, args) return redis.call('set', keys[1], args[1]) end)"
SETTINGS = {
    "maxmemory": ["0", "0", "0", "1", "3mb", "5mb", "8mb"],
    "maxmemory-policy": "noeviction allkeys-lru allkeys-lfu allkeys-random volatile-lru volatile-lfu volatile-random volatile-ttl".split(),
    "maxmemory-clients": ["0", "0", "1mb", "5%"],
    "appendonly": ["yes", "no"],
    "appendfsync": ["always", "everysec", "no"],
    "aof-use-rdb-preamble": ["yes", "no"],
    "rdbcompression": ["yes", "no"],
    "busy-reply-threshold": ["10", "5000"],
    "hz": ["10", "100"],
    "activerehashing": ["yes", "no"],
    "slowlog-log-slower-than": ["0", "10000", "-1"],
    "slowlog-max-len": ["0", "3", "128"],
    "latency-monitor-threshold": ["0", "1"],
    "tracking-table-max-keys": ["1", "10", "1000000"],
    "client-output-buffer-limit": ["normal 0 0 0", "normal 100kb 50kb 1", "pubsub 1kb 0 0"],
    "proto-max-bulk-len": ["1mb", "2mb"],
    "notify-keyspace-events": ["", "KEA", "Ex", "Kn"],
    "hash-max-listpack-entries": ["0", "4", "512"],
    "hash-max-listpack-value": ["0", "64", "1000"],
    "list-max-listpack-size": ["-2", "-1", "1", "4"],
    "list-compress-depth": ["0", "1"],
    "set-max-intset-entries": ["0", "5", "512"],
    "set-max-listpack-entries": ["0", "4", "128"],
    "zset-max-listpack-entries": ["0", "4", "128"],
    "zset-max-listpack-value": ["0", "64"],
    "stream-node-max-entries": ["1", "3", "100"],
}  # fmt: skip


def lua_text(argument):
    """As a literal of Lua."""
    text = argument if isinstance(argument, bytes) else argument.encode()
    return "'" + "".join(chr(c) if chr(c).isalnum() else f"\\{c:03d}" for c in text) + "'"


class Commands:
    """What is sent."""

    def __init__(self, dice, docs):
        self.dice = dice
        self.tokens = {}  # of each command, by the words of its name
        for name, documentation in docs.items():
            self._add(name.decode(), documentation)
        self.names = sorted(self.tokens)

    def _add(self, name, documentation):
        for subcommand, its in documentation.get(b"subcommands", {}).items():
            self._add(subcommand.decode(), its)
        if name in SKIPPED or name.split("|")[0] in SKIPPED or b"subcommands" in documentation:
            return
        self.tokens[name] = self._tokens(documentation.get(b"arguments", []))

    def _tokens(self, arguments):
        found = [argument[b"token"] for argument in arguments if b"token" in argument]
        return found + [token for argument in arguments for token in self._tokens(argument.get(b"arguments", []))]

    def argument(self, name):
        drawn = self.dice.random()
        if drawn < 0.34:
            return self.dice.choice(KEYS)
        if drawn < 0.56:
            return self.dice.choice(NUMBERS)
        if drawn < 0.70:
            return str(self.dice.randrange(6))
        if drawn < 0.86 and self.tokens[name]:
            return self.dice.choice(self.tokens[name])
        return self.dice.choice(WORDS)

    def any(self):
        """Any command, most of them refused."""
        name = self.dice.choice(self.names)
        arguments = [self.argument(name) for _ in range(self.dice.choice([0, 1, 1, 2, 2, 3, 3, 4, 5, 6, 8, 11]))]
        if arguments and name not in ("eval", "evalsha") and self.dice.random() < 0.6:
            arguments[0] = self.dice.choice(KEYS)
        return [*name.split("|"), *arguments]

    def meant(self):
        """One that the others need, so that there is something of every type."""
        dice, place = self.dice, self.dice.randrange(3)

        def some(most, *lists):
            return [dice.choice(dice.choice(lists)) for _ in range(dice.randrange(1, most))]

        volatile = f"{dice.choice('slhtzx')}{place}"
        return dice.choice([
            lambda: ["set", f"s{place}", dice.choice(WORDS)],
            lambda: ["set", f"n{place}", dice.choice(NUMBERS)],
            lambda: ["rpush", f"l{place}", *some(9, WORDS)],
            lambda: ["hset", f"h{place}", *2 * some(6, WORDS)],
            lambda: ["sadd", f"t{place}", *some(9, WORDS, NUMBERS)],
            lambda: ["sadd", f"t{place}", *(str(dice.randrange(1000)) for _ in range(8))],
            lambda: ["zadd", f"z{place}", *(text for word in some(7, WORDS) for text in (str(dice.randrange(9)), word))],
            lambda: ["xadd", f"x{place}", "*", "f", dice.choice(WORDS)],
            lambda: ["xgroup", "create", f"x{place}", "grp", "0", "mkstream"],
            lambda: ["xreadgroup", "group", "grp", "cons", "count", "2", "streams", f"x{place}", ">"],
            lambda: ["setbit", f"b{place}", dice.choice(["1", "7", "100", "4294967295", "50000"]), "1"],
            lambda: ["pfadd", f"p{place}", *(str(dice.randrange(10000)) for _ in range(dice.randrange(1, 30)))],
            lambda: ["geoadd", f"g{place}", "13.361389", "38.115556", dice.choice(WORDS)],
            lambda: ["hexpire", f"h{place}", "100000", "fields", "2", "f1", "a"],
            lambda: ["hpexpire", f"h{place}", "300", "fields", "1", "b"],
            lambda: ["expire", volatile, "100000"],
            lambda: ["pexpire", volatile, "200"],
        ])()  # fmt: skip

    def waiting(self):
        """For keys, for a disk or for invalidations."""
        dice, place = self.dice, self.dice.randrange(3)
        seconds = dice.choice(["0.01", "0.2", "3"])
        return dice.choice([
            lambda: ["blpop", "l0", f"l{place}", seconds],
            lambda: ["blmove", f"l{place}", f"l{dice.randrange(3)}", "left", "right", seconds],
            lambda: ["blmpop", seconds, "2", f"l{place}", "l0", "left", "count", "3"],
            lambda: ["bzpopmin", f"z{place}", "z0", seconds],
            lambda: ["bzmpop", seconds, "1", f"z{place}", "max"],
            lambda: ["xread", "block", "50", "streams", f"x{place}", "$"],
            lambda: ["xreadgroup", "group", "grp", "cons", "block", "200", "streams", f"x{place}", ">"],
            lambda: ["wait", "1", "10"],
            lambda: ["waitaof", "1", "0", "20"],
            lambda: ["client", "tracking", "on", *dice.choice([[], ["bcast"], ["noloop"], ["optin"], ["bcast", "prefix", "l"]])],
            lambda: ["client", "kill", "id", str(dice.randrange(1000))],
            lambda: [dice.choice(["subscribe", "ssubscribe", "psubscribe"]), "a", "__key*"],
        ])()  # fmt: skip

    def large(self):
        """Values that are saved, freed and sent in several parts."""
        dice, place = self.dice, self.dice.randrange(3)
        count = dice.randrange(500, 5000)
        each = f"for i=1,{count} do redis.call"
        return dice.choice([
            lambda: ["set", f"s{place}", dice.randbytes(1000) * dice.randrange(100, 1000)],
            lambda: ["hset", f"h{place}", dice.choice(WORDS), dice.randbytes(1000) * dice.randrange(100, 1000)],
            lambda: ["rpush", f"l{place}", *(str(i) * dice.randrange(1, 9) for i in range(count))],
            lambda: ["sadd", f"t{place}", *(f"{dice.random()}" for i in range(count))],
            lambda: ["eval", f"{each}('zadd',KEYS[1],i%7,i) end", "1", f"z{place}"],
            lambda: ["eval", f"{each}('hset','h'..i%3,i,i) end", "0"],
            lambda: ["eval", f"{each}('xadd','x{place}','*','f',i) end", "0"],
            lambda: ["eval", f"{each}('set','k'..i,i) end", "0"],
            lambda: ["eval", "for i=1,1e8 do end", "0"],
            lambda: ["mget", *KEYS],
        ])()  # fmt: skip

    def setting(self):
        name = self.dice.choice(list(SETTINGS))
        return ["config", "set", name, self.dice.choice(SETTINGS[name])]

    def function(self):
        name = self.dice.choice(["f", "g"])
        if self.dice.random() < 0.5:
            return ["function", "load", "replace", LIBRARY % (name, name)]
        return ["fcall", name, "1", self.dice.choice(KEYS), "1"]

    def plain(self):
        return self.meant() if self.dice.random() < 0.3 else self.any()

    def script(self):
        calls = (f"redis.pcall({','.join(map(lua_text, self.plain()))})" for _ in range(self.dice.randrange(1, 4)))
        result = self.dice.choice(["1", "redis.error_reply('x')", "{1,{2,'a'},false}", "redis.pcall('get','s1')"])
        return ["eval", ";".join(calls) + ";return " + result, "0"]

    def command(self):
        drawn = self.dice.random()
        if drawn < 0.08:
            return ["multi"]
        if drawn < 0.15:
            return ["exec"]
        if drawn < 0.22:
            return self.script()
        if drawn < 0.225:
            return self.dice.choice(BETWEEN).split()
        if drawn < 0.235:
            return ["select", "0"]
        if drawn < 0.240:
            return self.setting()
        if drawn < 0.244:
            return self.function()
        if drawn < 0.245:
            return self.large()
        return self.waiting() if drawn < 0.26 else self.plain()

    def batch(self):
        return [self.command() for _ in range(self.dice.choice([1, 1, 3, 8]))]

    def garbled(self, request):
        """With some bytes that are others, that are gone, or that are there twice."""
        request = bytearray(request)
        for _ in range(self.dice.randrange(1, 4)):
            at, length = self.dice.randrange(len(request) + 1), self.dice.randrange(1, 9)
            request[at : at + length] = self.dice.choice([b"", self.dice.randbytes(length), request[at : at + length] * 2, b"\r\n", b"$-1"])
        return request


class Campaign:
    """Several connections to a server, and what was sent last."""

    def __init__(self, server, seed):
        self.server, self.dice = server, random.Random(seed)
        with server.connect(protocol=3) as connection:
            self.commands = Commands(self.dice, connection("COMMAND DOCS"))
            self.settings = connection("CONFIG GET *")
        self.sent, self.last = 0, collections.deque(maxlen=SENT_KEPT)
        self.connections = [self._connect() for _ in range(CONNECTIONS)]

    def _connect(self):
        return self.server.connect(timeout=1).socket

    def _again(self, place):
        self.connections[place].close()
        self.connections[place] = self._connect()

    def _send(self):
        place, batch = self.dice.randrange(CONNECTIONS), self.commands.batch()
        self.last.append((place, batch))
        self.sent += len(batch)
        try:
            request = b"".join(resp.encode(*command) for command in batch)
            self.connections[place].sendall(request if self.dice.random() < 0.99 else self.commands.garbled(request))
        except OSError:  # it was killed, or waits for what never comes
            self._again(place)
        if self.dice.random() < 0.03:
            self._again(place)

    def _receive(self):
        for readable in select.select(self.connections[:READERS], [], [], 0.002)[0]:
            try:
                alive = readable.recv(1 << 20) != b""
            except OSError:
                alive = False
            if not alive:
                self._again(self.connections.index(readable))

    def _ask(self):
        """Any answer is one."""
        with self.server.connect(timeout=WORKING_S) as connection:
            try:
                if str(connection("PING")).startswith("BUSY"):
                    connection("SCRIPT KILL")
            except (resp.Closed, ConnectionError):  # killed as others are
                assert self.server.process.poll() is None, "it has ended"

    def _is_itself(self):
        try:
            with self.server.connect(timeout=WORKING_S, protocol=3) as connection:
                return self._restore(connection)
        except (resp.Closed, ConnectionError):  # by a CLIENT KILL that was on its way yet
            return False

    def _restore(self, connection):
        """No script is running, the settings are its own again, and the append-only file is complete."""
        if str(connection("CLIENT UNPAUSE")).startswith("BUSY"):
            return connection("SCRIPT KILL") is None
        for name in SETTINGS:
            if connection.command("CONFIG", "GET", name) != {name.encode(): self.settings[name.encode()]}:
                connection.command("CONFIG", "SET", name, self.settings[name.encode()])
        info = self.server.info()
        if info["connected_clients"] != "2":  # who waits and has sent more than is read meanwhile is not seen to have gone
            connection("CLIENT KILL TYPE normal SKIPME yes")
        states = [info[name] for name in ("aof_enabled", "aof_rewrite_in_progress", "aof_rewrite_scheduled")]
        return states == ["1", "0", "0"] and info["connected_clients"] == "2"

    def settle(self):
        """Nothing changes any more: nobody else is connected, and what would expire soon is deleted."""
        wait_until(self._is_itself, WORKING_S, pause=0.05)
        soon = time.time() * 1000 + SOON_MS
        for connection, _, key, (own, fields) in each_key(self.server):
            if any(0 <= deadline < soon for deadline in (own, *fields.values())):
                connection.command("DEL", key)

    def run(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._send()
            self._receive()
            if self.dice.random() < 0.02:
                self._ask()
        for connection in self.connections:
            connection.close()

    def show(self):
        for place, batch in self.last:
            for command in batch:
                print("  ", place, " ".join(repr(argument) for argument in command))


def deadlines_of_fields(connection, key):
    fields = connection.command("HKEYS", key)
    return dict(zip(fields, connection.command("HPEXPIRETIME", key, "FIELDS", len(fields), *fields))) if fields else {}


def each_key(server):
    """Its connection, database and name, and its deadlines: of itself and of its fields."""
    with server.connect(timeout=WORKING_S, protocol=3) as connection:
        for database in range(DATABASES):
            connection.command("SELECT", database)
            for key in connection.command("KEYS", "*"):
                fields = deadlines_of_fields(connection, key) if connection.command("TYPE", key) == "hash" else {}
                yield connection, database, key, (connection.command("PEXPIRETIME", key), fields)


def content(connection, key):
    """A digest has not a stream's groups; when a consumer was last seen is no part of the data."""

    def known(value):
        if isinstance(value, list):
            return [known(item) for item in value]
        if isinstance(value, dict):
            return {name: known(item) for name, item in value.items() if name not in NOT_KEPT}
        return value

    digest = connection.command("DEBUG", "DIGEST-VALUE", key)
    if connection.command("TYPE", key) != "stream":
        return digest
    return digest, known(connection.command("XINFO", "STREAM", key, "FULL", "COUNT", 0))


def data_set(server):
    found = {
        (database, key): (content(connection, key), deadlines) for connection, database, key, deadlines in each_key(server)
    }
    with server.connect() as connection:
        libraries = connection("FUNCTION LIST WITHCODE")
        return {**found, "libraries": sorted(map(repr, libraries))}


def same(before, after, when):
    different = sorted(
        (name for name in before.keys() | after.keys() if before.get(name) != after.get(name)), key=repr
    )
    shown = "".join(f"\n   {name}: {before.get(name)}, then {after.get(name)}" for name in different)
    assert not different, f"{when} there is another data set than before:{shown}"


def play(folder, seconds, seed, shards, backend):
    """All of it, on a server of its own; how many commands were sent. Any failure shows what was sent last."""
    options = ("--net-backend", backend, *OPTIONS)
    server = Server(f"{folder}/server", "--shards", shards, *options)
    campaign = None
    try:
        server.start()
        campaign = Campaign(server, seed)
        campaign.run(seconds)
        campaign.settle()
        before = data_set(server)
        with server.connect(timeout=WORKING_S) as connection:
            for line in ("DEBUG LOADAOF", "DEBUG RELOAD"):
                assert (answer := connection(line)) == "OK", answer
                same(before, data_set(server), f"after {line}")
        server.stop(expected=LOGGED)
        server = Server(server.folder, "--shards", 1 + (shards + seed) % 7, *options).start()
        same(before, data_set(server), "after a restart from the append-only file")
        server.stop()
        return campaign.sent
    except BaseException:
        print(f"\nseed {seed}, {shards} shards, {backend}, its files in {folder}; sent last, by which connection:")
        if campaign:
            campaign.show()
        print(server.errors(), server.log()[-4000:])
        raise
    finally:
        server.kill()


def main():
    parser = argparse.ArgumentParser(description="random commands with random arguments, which the server has to survive")
    parser.add_argument("--seconds", type=float, default=180, help="of all runs together")
    parser.add_argument("--seed", type=int, default=int(time.time()) % 1000000, help="default: by the clock, and printed")
    parser.add_argument("--shards", type=lambda text: [int(part) for part in text.split(",")], default=[1, 2, 3, 5, 7], help="in turn")
    parser.add_argument("--net-backend", choices=BACKENDS, help="default: both in turn")
    options = parser.parse_args()
    end, seed = time.monotonic() + options.seconds, options.seed
    while (left := end - time.monotonic()) > 0:
        shards, backend = options.shards[seed % len(options.shards)], options.net_backend or BACKENDS[seed % 2]
        print(f"seed {seed}, {shards} shards, {backend}:", end=" ", flush=True)
        folder = tempfile.mkdtemp()
        sent = play(folder, min(ROUND_S, left), seed, shards, backend)
        shutil.rmtree(folder)
        print(f"{sent} commands survived", flush=True)
        seed += 1


if __name__ == "__main__":
    sys.exit(main())
