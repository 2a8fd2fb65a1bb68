"""SCAN over all shards: a key that is there from beginning to end is returned, whatever else goes on."""

import random

import pytest

from server import scaled


def walk(connection, *options):
    """All that one SCAN returns, and in how many calls."""
    found, cursor, calls = [], b"0", 0
    while True:
        cursor, keys = connection.command("SCAN", cursor, *options)
        found += keys
        calls += 1
        if cursor == b"0":
            return found, calls


def test_scan_returns_every_key(raw):
    assert walk(raw) == ([], walk(raw)[1])
    keys = {b"key:%d" % i for i in range(scaled(5000))}
    raw.command("MSET", *(word for key in keys for word in (key, "v")))
    found, _ = walk(raw)
    assert set(found) == keys and len(found) == len(keys)
    for count in (1, 3, 100, 10**6, 2**63 - 1):
        assert set(walk(raw, "COUNT", count)[0]) == keys


def test_what_is_there_throughout_is_returned_while_others_come_and_go(raw):
    dice = random.Random(4)
    lasting = {b"lasting:%d" % i for i in range(1000)}
    raw.command("MSET", *(word for key in lasting for word in (key, "v")))
    for turn in range(4):
        found, cursor, n = [], b"0", 0
        while True:
            cursor, keys = raw.command("SCAN", cursor, "COUNT", dice.choice([1, 10, 50]))
            found += keys
            if cursor == b"0":
                break
            some = [f"passing:{n + i}" for i in range(dice.randrange(60))]
            n += len(some)
            if some:
                raw.command("MSET", *(word for key in some for word in (key, "v")))
            if dice.random() < 0.5:
                raw.command("DEL", *(f"passing:{dice.randrange(n + 1)}" for _ in range(40)))
            if n > 30000:
                n = 0
        assert lasting <= set(found)
        raw.command("DEL", "none", *(key for key in raw("KEYS passing:*")))


def test_match_count_and_type(raw):
    raw.command("MSET", *(word for i in range(300) for word in (f"a:{i}", "v", f"b:{i}", "v")))
    assert len(walk(raw, "MATCH", "a:*")[0]) == 300
    assert set(walk(raw, "MATCH", "a:1?", "COUNT", 1000)[0]) == {b"a:1%d" % i for i in range(10)}
    assert len(walk(raw, "TYPE", "string")[0]) == 600 and walk(raw, "TYPE", "list")[0] == []
    assert walk(raw, "TYPE", "STRING", "MATCH", "b:*", "COUNT", 5)[1] > 10


def test_scan_does_not_leave_its_database(raw):
    raw("SET zero v")
    raw("SELECT 1")
    raw("SET one v")
    assert walk(raw)[0] == [b"one"]


def test_cursors_that_nobody_gave_are_harmless(raw, server):
    raw.command("MSET", *(word for i in range(300) for word in (f"k:{i}", "v")))
    for cursor in [1, 2, 7, 12345678, 2**47, 2**52, 2**53 - 1, 2**64 - 1, -1, -(2**63), "+5", "007", ""]:
        for _ in range(2000):
            cursor = int(raw.command("SCAN", cursor)[0])
            assert cursor < 2**53
            if cursor == 0:
                break
        else:
            pytest.fail("a scan that does not end")
    for cursor in ("x", "-", " 1", "1 ", "1.5", "0x1", "18446744073709551616"):
        assert raw.command("SCAN", cursor) == "ERR invalid cursor"


def test_scan_arguments(raw):
    assert raw("SCAN 0 COUNT 0") == "ERR syntax error" and raw("SCAN 0 COUNT") == "ERR syntax error"
    assert raw("SCAN 0 COUNT x") == "ERR value is not an integer or out of range"
    assert raw("SCAN 0 NOSUCH 1") == "ERR syntax error"


def test_redis_py_scan_iter(r):
    r.mset({f"k:{i}": "v" for i in range(500)})
    assert sorted(r.scan_iter(match="k:*", count=33)) == sorted(f"k:{i}" for i in range(500))


def test_keys_that_expire_during_a_scan(raw):
    raw.command("MSET", *(word for i in range(500) for word in (f"stays:{i}", "v")))
    raw.pipeline([("SET", f"goes:{i}", "v", "PX", 1 + i % 30) for i in range(500)])
    found = set(walk(raw, "COUNT", 5)[0])
    assert {b"stays:%d" % i for i in range(500)} <= found
