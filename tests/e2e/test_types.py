"""Keys of every type, small and large: names, copies, moves, sizes, encodings and their end."""

import re

import pytest

from server import scaled, wait_until

MANY = scaled(20000)

# How a key of each type is made: a command, its arguments for item `number`, and OBJECT ENCODING when small and large.
TYPES = {
    "list": (["RPUSH"], lambda number: [f"element:{number}"], "listpack", "quicklist"),
    "set": (["SADD"], lambda number: [f"member:{number}"], "listpack", "hashtable"),
    "zset": (["ZADD"], lambda number: [number, f"member:{number}"], "listpack", "skiplist"),
    "hash": (["HSET"], lambda number: [f"field:{number}", f"value:{number}"], "listpack", "hashtable"),
    "stream": (["XADD"], lambda number: [f"1-{number + 1}", "field", f"value:{number}"], "stream", "stream"),
}
COUNTS = {"list": "LLEN", "set": "SCARD", "zset": "ZCARD", "hash": "HLEN", "stream": "XLEN"}


def fill(connection, kind, key, count):
    command, item, *_ = TYPES[kind]
    if kind == "stream":
        replies = connection.pipeline([*command, key, *item(number)] for number in range(count))
        assert all(isinstance(reply, bytes) for reply in replies)
        return
    for start in range(0, count, 1000):
        parts = [part for number in range(start, min(start + 1000, count)) for part in item(number)]
        assert isinstance(connection.command(*command, key, *parts), int)


def count_of(connection, kind, key):
    return connection.command(COUNTS[kind], key)


def used_bytes(raw):
    """Asked by who is there already: a new client brings a shard to have what it has for its first one."""
    return int(re.search(rb"used_memory_dataset:(\d+)", raw("INFO memory"))[1])


@pytest.fixture(params=TYPES)
def kind(request):
    return request.param


@pytest.fixture(params=[3, MANY], ids=["small", "large"])
def count(request):
    return request.param


def test_type_and_encoding_are_named_as_in_redis(raw, kind, count):
    fill(raw, kind, "k", count)
    small, large = TYPES[kind][2:]
    assert raw("TYPE k") == kind
    assert raw("OBJECT ENCODING k") == (small if count == 3 else large).encode()
    assert raw("OBJECT REFCOUNT k") == 1
    assert raw(f"SCAN 0 COUNT 1000 TYPE {kind}")[1] in ([b"k"], [])


def test_memory_usage_grows_with_the_value_whatever_the_samples(raw, kind):
    fill(raw, kind, "small", 3)
    fill(raw, kind, "large", MANY)
    small, large = raw("MEMORY USAGE small"), raw("MEMORY USAGE large")
    assert 0 < small < 4096 and large > MANY * 5
    for samples in ("0", "1", "1000000"):
        assert raw(f"MEMORY USAGE large SAMPLES {samples}") == large
    assert raw("MEMORY USAGE absent") is None
    assert raw("MEMORY USAGE large SAMPLES -1") == "ERR syntax error"
    assert raw("MEMORY USAGE large SAMPLES x") == "ERR value is not an integer or out of range"
    assert raw("MEMORY USAGE large SAMPLES") == "ERR syntax error"


def test_a_renamed_key_keeps_its_value_and_deadline_on_any_shard(raw, kind, count):
    fill(raw, kind, "name:0", count)
    raw("PEXPIRE name:0 1000000")
    dumped = raw("MEMORY USAGE name:0")
    for number in range(10):
        assert raw(f"RENAME name:{number} name:{number + 1}") == "OK"
    assert raw("DBSIZE") == 1
    assert count_of(raw, kind, "name:10") == count
    assert 900000 < raw("PTTL name:10") <= 1000000
    assert abs(raw("MEMORY USAGE name:10") - dumped) < 4096


def test_a_copy_is_a_value_of_its_own(raw, kind, count):
    fill(raw, kind, "from", count)
    for target in ("to:1", "to:2", "to:3"):
        assert raw(f"COPY from {target}") == 1
        assert raw(f"COPY from {target}") == 0
        raw("SET other string")
        assert raw(f"COPY other {target} REPLACE") == 1
        assert raw(f"COPY from {target} REPLACE") == 1
        assert raw(f"TYPE {target}") == kind and count_of(raw, kind, target) == count
        assert raw(f"OBJECT ENCODING {target}") == raw("OBJECT ENCODING from")
    assert raw("COPY from to:1 DB 3") == 1
    raw("DEL from to:1 to:3")
    assert count_of(raw, kind, "to:2") == count
    raw("SELECT 3")
    assert count_of(raw, kind, "to:1") == count


def test_a_key_moves_to_another_database(raw, kind, count):
    fill(raw, kind, "k", count)
    assert raw("MOVE k 5") == 1 and raw("EXISTS k") == 0
    raw("SELECT 5")
    assert count_of(raw, kind, "k") == count


def test_a_string_takes_the_place_of_any_value(raw, kind, count):
    fill(raw, kind, "k", count)
    assert raw("SET k v") == "OK"
    assert raw("GET k") == b"v"
    assert raw("DEL k") == 1
    fill(raw, kind, "k", count)
    assert count_of(raw, kind, "k") == count


def test_other_types_commands_are_refused(raw, kind):
    fill(raw, kind, "k", 3)
    wrong = "WRONGTYPE Operation against a key holding the wrong kind of value"
    assert raw("GET k") == wrong
    for other, command in COUNTS.items():
        assert raw(f"{command} k") == (3 if other == kind else wrong)


def with_deadline(raw, key):
    raw(f"PEXPIRE {key} 1")
    wait_until(lambda: raw("DBSIZE") == 0)


ENDS = {
    "DEL": lambda raw, key: raw(f"DEL {key}"),
    "UNLINK": lambda raw, key: raw(f"UNLINK {key}"),
    "FLUSHALL": lambda raw, key: raw("FLUSHALL"),
    "FLUSHALL-SYNC": lambda raw, key: raw("FLUSHALL SYNC"),
    "FLUSHALL-ASYNC": lambda raw, key: raw("FLUSHALL ASYNC"),
    "SET": lambda raw, key: raw(f"SET {key} v"),
    "expiry": with_deadline,
}


@pytest.mark.parametrize("lazy", ["yes", "no"])
@pytest.mark.parametrize("end", ENDS)
def test_memory_comes_back_however_a_value_ends(raw, kind, end, lazy):
    for name in ("user-del", "user-flush", "expire", "server-del"):
        assert raw(f"CONFIG SET lazyfree-lazy-{name} {lazy}") == "OK"
    fill(raw, kind, "k", MANY)
    filled, value = used_bytes(raw), raw("MEMORY USAGE k")
    ENDS[end](raw, "k")
    wait_until(lambda: used_bytes(raw) < filled - value * 9 // 10)
