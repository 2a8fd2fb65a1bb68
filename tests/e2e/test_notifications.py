"""Keyspace notifications, beside those that redis-server sends."""

import time

import pytest

import resp
from differential import Stream
from server import scaled

# What draws lots, tells what only one server can know, or waits; 7.0 looks up the keys of XAUTOCLAIM, XCLAIM and BITCOUNT
# at another place among their checks, and makes consumers at another time than 7.2.
AVOIDED = set(
    "SPOP SRANDMEMBER HRANDFIELD ZRANDMEMBER RANDOMKEY KEYS SCAN SSCAN HSCAN ZSCAN DEBUG CONFIG OBJECT CLIENT INFO MEMORY "
    "COMMAND RESET SORT SORT_RO BLPOP BRPOP BLMOVE BRPOPLPUSH BLMPOP BZPOPMIN BZPOPMAX BZMPOP XAUTOCLAIM XCLAIM XREADGROUP BITCOUNT".split()
)

# Each shard does its part of these at the same time as the others, so the keys' events come in any order.
SPLIT = set("MSET MGET DEL UNLINK EXISTS TOUCH".split())


class Listener:
    def __init__(self, server):
        self.connection = server.connect()
        self.connection.command("PSUBSCRIBE", "__key*__:*", "mark")
        self.connection.read()

    def events(self, publisher):
        """What has come up to now."""
        publisher("PUBLISH mark x")
        seen = []
        while True:
            _, _, channel, message = self.connection.read()
            if channel == b"mark":
                return seen
            seen.append((channel, message))


def waits(command):
    return any(argument.upper() == b"BLOCK" for argument in command)


@pytest.mark.parametrize("seed", range(3))
def test_every_command_brings_the_events_that_redis_sends(server, oracle, seed):
    stream = Stream(seed * 1000 + server.shards)
    with server.connect() as here, oracle.connect() as there:
        there("FLUSHALL")
        for connection in (here, there):
            connection("CONFIG SET notify-keyspace-events KEAm")
        ours, theirs = Listener(server), Listener(oracle)
        for _ in range(scaled(1500)):
            command = stream.command()
            name = command[0].upper().decode(errors="replace")
            if name in AVOIDED or waits(command):
                continue
            here.command(*command)
            there.command(*command)
            got, expected = ours.events(here), theirs.events(there)
            if name in SPLIT and server.shards > 1:
                got, expected = sorted(got), sorted(expected)
            assert got == expected, command
        there("CONFIG SET notify-keyspace-events ''")
        there("FLUSHALL")


def test_a_transactions_events_and_messages_come_in_its_order(server, raw):
    raw("CONFIG SET notify-keyspace-events E$")
    listener = Listener(server)
    commands = [["SET", "a", "1"], ["SET", "b", "1"], ["PUBLISH", "__keyevent@0__:x", "between"], ["APPEND", "c", "1"]]
    raw("MULTI")
    for command in commands:
        raw.command(*command)
    raw("EXEC")
    seen = [message for _, message in listener.events(raw)]
    assert seen == [b"a", b"b", b"between", b"c"]


def test_waiters_are_told_of_behind_who_served_them(server, raw):
    raw("CONFIG SET notify-keyspace-events El")
    listener = Listener(server)
    with server.connect() as waiter:
        waiter.send(resp.encode("BLPOP", "l", "0"))
        time.sleep(0.05)
        raw("RPUSH l a b")
        assert waiter.read() == [b"l", b"a"]
    names = [channel.partition(b":")[2] for channel, _ in listener.events(raw)]
    assert names == [b"rpush", b"lpop"]


@pytest.mark.alone
def test_expired_comes_at_the_deadline(server, raw):
    raw("CONFIG SET notify-keyspace-events Exh")
    listener = Listener(server)
    late = []
    for i in range(20):
        began = time.monotonic()
        raw(f"SET key{i} v PX 30")
        assert listener.connection.read()[3] == b"key%d" % i
        late.append(time.monotonic() - began - 0.030)
    assert sorted(late)[len(late) // 2] < 0.005, late
    raw("HSETEX h PX 20 FIELDS 1 f v")
    names = [listener.connection.read()[2].partition(b":")[2] for _ in range(3)]
    assert names == [b"hset", b"hexpire", b"hexpired"]


def test_own_events_come_behind_the_answer(server, raw3):
    raw3("CONFIG SET notify-keyspace-events Eg$")
    raw3("SUBSCRIBE __keyevent@0__:set __keyevent@0__:expire")
    raw3.read()
    raw3.send(resp.encode("SET", "k", "v", "EX", "9"))
    assert raw3.read() == "OK"
    assert [raw3.read()[1:] for _ in range(2)] == [[b"__keyevent@0__:set", b"k"], [b"__keyevent@0__:expire", b"k"]]


def test_only_what_was_asked_for_comes(server, raw):
    raw("CONFIG SET notify-keyspace-events K$")
    listener = Listener(server)
    raw("SET k v EX 100")
    raw("DEL k")
    assert listener.events(raw) == [(b"__keyspace@0__:k", b"set")]
    raw("CONFIG SET notify-keyspace-events $g")
    raw("SET k v")
    assert listener.events(raw) == []


def test_a_pipelines_next_command_is_told_of_by_the_new_setting(server, raw):
    listener = Listener(server)
    raw.send_commands([["CONFIG", "SET", "notify-keyspace-events", "E$"], ["SET", "k", "v"]])
    assert [raw.read(), raw.read()] == ["OK", "OK"]
    assert listener.events(raw) == [(b"__keyevent@0__:set", b"k")]
