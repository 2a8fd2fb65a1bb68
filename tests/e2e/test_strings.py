"""String commands, as redis-py and the wire see them. Arguments at random: differential.py."""

import time

import pytest
import redis


def test_set_get_and_what_they_answer(r):
    assert r.set("k", "v") is True
    assert r.get("k") == "v"
    assert r.get("absent") is None
    assert r.set("k", "w", get=True) == "v"
    assert r.set("new", "w", get=True) is None
    assert r.getset("k", "x") == "w"
    assert r.strlen("k") == 1 and r.strlen("absent") == 0


def test_set_conditions(r, raw):
    assert r.set("k", "1", xx=True) is None
    assert r.set("k", "1", nx=True) is True
    assert r.set("k", "2", nx=True) is None
    assert r.set("k", "3", xx=True) is True
    assert r.get("k") == "3"
    assert raw("SET k 4 NX GET") == b"3" and raw("SET new 4 NX GET") is None
    assert r.get("k") == "3"
    with pytest.raises(redis.ResponseError, match="syntax error"):
        r.execute_command("SET", "k", "v", "NX", "XX")


def test_set_with_deadlines_and_keepttl(r):
    r.set("k", "v", px=100000)
    assert 99000 < r.pttl("k") <= 100000
    r.set("k", "w", keepttl=True)
    assert r.pttl("k") > 99000
    r.set("k", "x")
    assert r.pttl("k") == -1
    at = int(time.time()) + 1000
    r.set("k", "x", exat=at)
    assert r.expiretime("k") == at if hasattr(r, "expiretime") else r.execute_command("EXPIRETIME", "k") == at
    for wrong in ("0", "-1", "9223372036854775807"):
        with pytest.raises(redis.ResponseError, match="invalid expire time in 'set' command"):
            r.execute_command("SET", "k", "v", "EX", wrong)


def test_numbers(r, raw):
    assert r.incr("n") == 1 and r.incrby("n", 41) == 42 and r.decr("n") == 41 and r.decrby("n", 1) == 40
    assert r.incrbyfloat("n", "0.5") == 40.5
    assert raw("INCRBYFLOAT n 1e2") == b"140.5"
    assert raw("INCR n") == "ERR value is not an integer or out of range"
    raw("SET n 9223372036854775807")
    assert raw("INCR n") == "ERR increment or decrement would overflow"
    assert raw("DECRBY n -9223372036854775808") == "ERR decrement would overflow"
    assert raw("INCRBYFLOAT n inf") == "ERR increment would produce NaN or Infinity"


def test_parts_of_a_value(r):
    assert r.append("k", "Hello ") == 6 and r.append("k", "World") == 11
    assert r.getrange("k", 0, -1) == "Hello World"
    assert r.getrange("k", -5, -1) == "World" and r.getrange("k", 20, 30) == ""
    assert r.setrange("k", 6, "Shoal") == 11 and r.get("k") == "Hello Shoal"
    assert r.setrange("gap", 3, "x") == 4 and r.get("gap") == "\0\0\0x"
    assert r.setrange("none", 3, "") == 0 and r.exists("none") == 0


def test_getdel_and_getex(r):
    r.set("k", "v")
    assert r.getex("k", px=100000) == "v" and r.pttl("k") > 99000
    assert r.getex("k", persist=True) == "v" and r.pttl("k") == -1
    assert r.getdel("k") == "v" and r.getdel("k") is None and r.exists("k") == 0


def test_lcs_of_two_keys(r, raw3):
    r.mset({"a": "ohmytext", "b": "mynewtext"})
    assert r.execute_command("LCS", "a", "b") == "mytext"
    assert r.execute_command("LCS", "a", "b", "LEN") == 6
    assert raw3("LCS a b IDX MINMATCHLEN 4 WITHMATCHLEN") == {b"matches": [[[4, 7], [5, 8], 4]], b"len": 6}


def test_newer_string_commands(raw):
    """DIGEST, DELEX and MSETEX come from Redis 8."""
    raw("SET k value")
    digest = raw("DIGEST k")
    assert len(digest) == 16 and raw("DIGEST absent") is None
    assert raw("DELEX k IFEQ other") == 0 and raw("DELEX k IFEQ value") == 1
    assert raw("MSETEX 2 x 1 y 2 NX EX 100") == 1 and raw("MSETEX 2 y 3 z 4 NX") == 0
    assert raw("MGET x y z") == [b"1", b"2", None] and 0 < raw("TTL y") <= 100


def test_bytes_of_every_kind_go_through(raw):
    every = bytes(range(256))
    for key in (b"", every, b"*1\r\n", b"a" * 5000):
        assert raw.command("SET", key, every + key) == "OK"
        assert raw.command("GET", key) == every + key
    assert raw("DBSIZE") == 4
