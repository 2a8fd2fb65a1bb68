"""DUMP and RESTORE: values of every type go to redis-server and come from it, and nothing is lost on the way."""

import os
import random
import struct

import pytest

import resp
from server import scaled

FAR_MS = 4_000_000_000_000  # a deadline in the year 2096


def crc64(data):
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x95AC9329AC4BC9B5 if crc & 1 else 0)
    return crc


def payload(value, version=10):
    """A type's byte and a value, as DUMP would give them."""
    body = value + struct.pack("<H", version)
    return body + struct.pack("<Q", crc64(body))


def ok(reply):
    assert not isinstance(reply, resp.Error), reply
    return reply


@pytest.fixture
def redis_server(oracle):
    """A connection to a stock redis-server, empty."""
    with oracle.connect() as connection:
        ok(connection("FLUSHALL"))
        yield connection


# What a key holds, in a form that both servers agree on.


def pairs(flat):
    return dict(zip(flat[::2], flat[1::2]))


def zset_of(connection, key):
    """Scores as numbers: redis-server 7.0 writes more digits than it needs."""
    flat = connection.command("ZRANGE", key, "0", "-1", "WITHSCORES")
    return [(member, float(score)) for member, score in zip(flat[::2], flat[1::2])]


def consumer_of(flat):
    consumer = pairs(flat)
    return consumer[b"name"], consumer[b"seen-time"], consumer[b"pel-count"], consumer[b"pending"]


def group_of(flat):
    group = pairs(flat)
    known = [group[name] for name in (b"name", b"last-delivered-id", b"entries-read", b"pel-count", b"pending")]
    return known + [sorted(map(consumer_of, group[b"consumers"]))]


def stream_of(connection, key):
    stream = pairs(connection.command("XINFO", "STREAM", key, "FULL", "COUNT", "0"))
    names = b"length last-generated-id max-deleted-entry-id entries-added recorded-first-entry-id entries".split()
    return [stream[name] for name in names], sorted(map(group_of, stream[b"groups"]))


READERS = {
    "string": lambda connection, key: connection.command("GET", key),
    "list": lambda connection, key: connection.command("LRANGE", key, "0", "-1"),
    "set": lambda connection, key: sorted(connection.command("SMEMBERS", key)),
    "zset": zset_of,
    "hash": lambda connection, key: sorted(pairs(connection.command("HGETALL", key)).items()),
    "stream": stream_of,
}


def content(connection, key):
    kind = connection.command("TYPE", key)
    return kind, READERS[kind](connection, key)


# Random values.


class Maker:
    """Fills a key with a value of a type, by commands that both servers know."""

    def __init__(self, seed):
        self.dice = random.Random(seed)

    def count(self):
        return self.dice.choice([1, 2, 5, 20, 130, 600])

    def text(self):
        kind = self.dice.randrange(6)
        if kind == 0:
            return b"%d" % self.dice.choice([0, 7, -1, 127, 128, 4096, 40000, 2**31, -(2**31) - 1, 2**63 - 1, -(2**63)])
        if kind == 1:
            return b"%d" % self.dice.randint(-1000, 1000)
        if kind == 2:
            return b"%d" % self.dice.randrange(10**12)
        length = self.dice.choice([0, 1, 5, 30, 63, 64, 65, 300])
        return bytes(self.dice.choices(b"ab\x00\xff" if kind == 3 else range(256), k=length))

    def texts(self):
        return [self.text() for _ in range(self.count())]

    def string(self, key):
        length = self.dice.choice([0, 10, 100, 20000])
        return [["SET", key, self.dice.choice([self.text(), self.text() * 50, b"x" * length, os.urandom(length)])]]

    def list(self, key):
        texts = self.texts()
        if self.dice.random() < 0.2:
            texts.append(b"large" * 30000)
        return [["RPUSH", key, *texts]]

    def set(self, key):
        kind = self.dice.randrange(4)
        if kind == 0:
            return [["SADD", key, *[self.dice.randrange(2**16) for _ in range(self.count())]]]
        if kind == 1:
            return [["SADD", key, *[self.dice.randint(-(2**62), 2**62) for _ in range(self.count())]]]
        return [["SADD", key, *self.texts()]]

    def score(self):
        return self.dice.choice(["inf", "-inf", "0", "-0.0", "1.5", "1e300", "3", repr(self.dice.uniform(-10, 10))])

    def zset(self, key):
        return [["ZADD", key, *[part for text in self.texts() for part in (self.score(), text)]]]

    def hash(self, key):
        return [["HSET", key, *[part for text in self.texts() for part in (text, self.text())]]]

    def stream(self, key):
        commands = []
        for number in range(1, self.count() + 1):
            fields = [part for _ in range(self.dice.randint(1, 3)) for part in (self.dice.choice("fgh"), self.text())]
            commands.append(["XADD", key, f"{number * 3}-{number % 2}", *fields])
        for group in range(self.dice.randrange(3)):
            commands.append(["XGROUP", "CREATE", key, f"g{group}", self.dice.choice(["0", "$", "7-0"])])
            commands.append(["XGROUP", "CREATECONSUMER", key, f"g{group}", "idle"])
            for consumer in ("one", "two"):
                count = self.dice.choice(["1", "7", "200"])
                commands.append(["XREADGROUP", "GROUP", f"g{group}", consumer, "COUNT", count, "STREAMS", key, ">"])
            commands.append(["XACK", key, f"g{group}", "3-1", "9-1"])
        for number in self.dice.sample(range(1, 20), 3):
            commands.append(["XDEL", key, f"{number * 3}-{number % 2}"])
        return commands

    def value(self, kind, key):
        return getattr(self, kind)(key)


ROUNDS = 25


@pytest.mark.parametrize("kind", READERS)
def test_values_of_redis_come_here_and_go_back(server, redis_server, kind):
    seed = random.randrange(10**6)
    print("seed", seed)
    maker = Maker(seed)
    with server.connect() as here:
        for number in range(scaled(ROUNDS)):
            key = f"key{number}"
            for command in maker.value(kind, key):
                ok(redis_server.command(*command))
            ok(here.command("RESTORE", key, "0", ok(redis_server.command("DUMP", key))))
            assert content(here, key) == content(redis_server, key)
            ok(redis_server.command("RESTORE", "back", "0", ok(here.command("DUMP", key)), "REPLACE"))
            assert content(redis_server, "back") == content(redis_server, key)


@pytest.mark.parametrize("kind", READERS)
def test_values_made_here_go_to_redis(server, redis_server, kind):
    seed = random.randrange(10**6)
    print("seed", seed)
    maker = Maker(seed)
    with server.connect() as here:
        for number in range(scaled(ROUNDS)):
            key = f"key{number}"
            for command in maker.value(kind, key):
                ok(here.command(*command))
            dumped = ok(here.command("DUMP", key))
            ok(redis_server.command("RESTORE", key, "0", dumped))
            assert content(here, key) == content(redis_server, key)
            ok(here.command("RESTORE", "again", "0", dumped, "REPLACE"))
            assert content(here, "again") == content(here, key)


SMALL = {
    "list-max-listpack-size": "2",
    "list-compress-depth": "1",
    "set-max-intset-entries": "2",
    "set-max-listpack-entries": "2",
    "zset-max-listpack-entries": "2",
    "hash-max-listpack-entries": "2",
    "stream-node-max-entries": "3",
}


@pytest.mark.parametrize("kind", READERS)
def test_large_encodings_go_to_redis_and_back(server, redis_server, kind):
    with server.connect() as here:
        for name, value in SMALL.items():
            ok(here.command("CONFIG", "SET", name, value))
    test_values_made_here_go_to_redis(server, redis_server, kind)
    redis_server("FLUSHALL")
    with server.connect() as here:
        ok(here("FLUSHALL"))
    test_values_of_redis_come_here_and_go_back(server, redis_server, kind)


def test_small_values_are_dumped_to_the_same_bytes(server, redis_server):
    commands = [
        ["SET", "k", "hello"],
        ["SET", "k", "12"],
        ["SET", "k", "-70000"],
        ["SET", "k", "9223372036854775807"],
        ["RPUSH", "k", "a", "5", "c"],
        ["SADD", "k", "1", "2", "300"],
        ["SADD", "k", "single"],
        ["ZADD", "k", "1.5", "a", "-2", "b"],
        ["HSET", "k", "f", "v", "g", "7"],
        ["XADD", "k", "5-5", "f", "v"],
    ]
    with server.connect() as here:
        for command in commands:
            for connection in (here, redis_server):
                connection("DEL k")
                ok(connection.command(*command))
            assert here("DUMP k") == redis_server("DUMP k"), command


def test_deadlines_of_fields_survive(raw):
    raw.command("HSET", "k", "a", "1", "b", "2", "c", "3")
    for many in (False, True):
        if many:
            raw.command("HSET", "k", *[part for number in range(1000) for part in (f"f{number}", number)])
        assert raw(f"HPEXPIREAT k {FAR_MS} FIELDS 1 a") == [1]
        assert raw(f"HPEXPIREAT k {FAR_MS + 70000} FIELDS 1 b") == [1]
        assert raw.command("RESTORE", "copy", "0", raw("DUMP k"), "REPLACE") == "OK"
        assert raw("HPEXPIRETIME copy FIELDS 3 a b c") == [FAR_MS, FAR_MS + 70000, -1]
        assert READERS["hash"](raw, "copy") == READERS["hash"](raw, "k")
        assert raw("OBJECT ENCODING copy") == (b"hashtable" if many else b"listpackex")
    assert struct.unpack("<H", raw("DUMP k")[-10:-8]) == (12,)
    assert raw("HPERSIST k FIELDS 2 a b") == [1, 1]
    assert struct.unpack("<H", raw("DUMP k")[-10:-8]) == (10,), "without deadlines any Redis can read it"


def test_a_field_whose_deadline_has_passed_is_restored_as_absent(raw):
    def string(text):
        return bytes([len(text)]) + text

    value = b"\x18" + struct.pack("<q", 1000) + b"\x02" + b"\x01" + string(b"gone") + string(b"v") + b"\x00"
    value += string(b"here") + string(b"w")
    assert raw.command("RESTORE", "k", "0", payload(value, 12)) == "OK"
    assert raw("HGETALL k") == [b"here", b"w"]


# RESTORE's options and errors, beside redis-server.

HELLO = payload(b"\x00\x05hello")


@pytest.mark.parametrize(
    "arguments",
    [
        ["k", "0", HELLO],
        ["k", "0", HELLO, "replace"],
        ["k", "-1", HELLO],
        ["k", "x", HELLO],
        ["k", "9223372036854775807", HELLO, "REPLACE"],
        ["k", "9223372036854775808", HELLO, "REPLACE"],
        ["k", "1", HELLO, "ABSTTL", "REPLACE"],
        ["absent", "1", HELLO, "ABSTTL"],
        ["absent", "100000", HELLO, "ABSTTL", "ABSTTL"],
        ["absent", "100000", HELLO, "NOSUCH"],
        ["absent", "0", HELLO, "IDLETIME"],
        ["absent", "0", HELLO, "IDLETIME", "x"],
        ["absent", "0", HELLO, "IDLETIME", "-1"],
        ["absent", "0", HELLO, "IDLETIME", "1", "FREQ", "1"],
        ["absent", "0", HELLO, "FREQ", "1", "IDLETIME", "1"],
        ["absent", "0", HELLO, "FREQ", "256"],
        ["absent", "0", HELLO, "FREQ", "-1"],
        ["absent", "0", HELLO, "IDLETIME", "9223372036854775807"],
        ["absent", "x", HELLO[:-1], "FREQ", "-1"],
        ["absent", "0", b""],
        ["absent", "0", HELLO[:-1]],
        ["absent", "0", HELLO[:5] + b"!" + HELLO[6:]],
        ["absent", "0", payload(b"\x00\x05hello", 6)],
        ["absent", "0", payload(b"\x00\x05hello", 13)],
        ["absent", "0", payload(b"\x00\x20hello")],
        ["absent", "0", payload(b"\x06\x05hello")],
        ["absent", "0", payload(b"\x02\x00")],
        ["absent", "0", payload(b"\x02\x02\x01a\x01a")],
        ["absent", "0", payload(b"\x63\x05hello")],
        ["absent", "0"],
    ],
)
def test_options_and_errors_are_those_of_redis(raw, redis_server, arguments):
    for connection in (raw, redis_server):
        connection("SET k old")
    assert raw.command("RESTORE", *arguments) == redis_server.command("RESTORE", *arguments)
    for key in ("k", "absent"):
        assert raw.command("GET", key) == redis_server.command("GET", key)
        assert abs(raw.command("PTTL", key) - redis_server.command("PTTL", key)) < 5000


def test_bytes_behind_the_value_are_malformed(raw):
    assert raw.command("RESTORE", "k", "0", payload(b"\x00\x05hello!")) == "ERR Bad data format"
    assert raw("EXISTS k") == 0


def test_a_refused_payload_leaves_the_old_value(raw):
    raw("RPUSH k a b")
    assert raw.command("RESTORE", "k", "0", payload(b"\x00\x06hello"), "REPLACE") == "ERR Bad data format"
    assert raw("LRANGE k 0 -1") == [b"a", b"b"]


def test_deadlines_and_access_are_restored(raw):
    assert raw.command("RESTORE", "k", "100000", HELLO) == "OK"
    assert 90000 < raw("PTTL k") <= 100000
    assert raw.command("RESTORE", "k", FAR_MS, HELLO, "ABSTTL", "REPLACE") == "OK"
    assert raw("PEXPIRETIME k") == FAR_MS
    assert raw.command("RESTORE", "k", "0", HELLO, "REPLACE", "IDLETIME", "1000") == "OK"
    assert raw("PTTL k") == -1
    assert raw("OBJECT IDLETIME k") in (1000, 1001)
    raw("RPUSH l a")
    assert raw.command("RESTORE", "k", FAR_MS, raw("DUMP l"), "ABSTTL", "REPLACE") == "OK"
    assert (raw("TYPE k"), raw("PEXPIRETIME k")) == ("list", FAR_MS)
    raw("CONFIG SET maxmemory-policy allkeys-lfu")
    assert raw.command("RESTORE", "k", "0", HELLO, "REPLACE", "FREQ", "200") == "OK"
    assert raw("OBJECT FREQ k") == 200


def test_restore_asking_is_restore(raw):
    assert raw.command("RESTORE-ASKING", "k", "0", HELLO) == "OK"
    assert raw("GET k") == b"hello"
    assert raw.command("RESTORE-ASKING", "k", "0", HELLO) == "BUSYKEY Target key name already exists."


def test_dump_of_an_absent_key_is_null(raw, raw3):
    assert raw("DUMP k") is None
    assert raw3("DUMP k") is None


def test_a_waiting_client_is_served_by_restore(server, raw):
    raw("RPUSH l a b")
    dumped = raw("DUMP l")
    raw("DEL l")
    with server.connect() as waiting:
        waiting.send_commands([["BLPOP", "l", "0"]])
        while b"blocked_clients:1" not in raw("INFO clients"):
            pass
        assert raw.command("RESTORE", "l", "0", dumped) == "OK"
        assert waiting.read() == [b"l", b"a"]
    assert raw("LRANGE l 0 -1") == [b"b"]
