"""Deadlines are exact: a key is there until its millisecond comes, and gone once it has."""

import time

import pytest

from server import SANITIZED, wait_until

KEYS = [f"e:{i}" for i in range(40)]


def test_a_key_is_there_before_its_deadline_and_gone_after(raw):
    """By the server's own clock: TIME before and after each look."""
    for key in KEYS[:10]:
        raw.command("SET", key, "v", "PX", 50)
        deadline = raw.command("PEXPIRETIME", key)
        while True:
            before, value, after = raw("TIME"), raw.command("GET", key), raw("TIME")
            before_ms, after_ms = (int(t[0]) * 1000 + int(t[1]) / 1000 for t in (before, after))
            if value is None:
                assert after_ms >= deadline, "expired before its time"
                break
            assert before_ms < deadline + 2, "alive after its time"


def test_expired_keys_go_by_themselves(raw):
    """Nobody asks for them: DBSIZE counts what there is, INFO what has expired."""
    raw("CONFIG RESETSTAT")
    raw.pipeline([("SET", key, "v", "PX", 20 + i) for i, key in enumerate(KEYS)] + [("SET", "stays", "v")])
    wait_until(lambda: raw("DBSIZE") == 1, seconds=2)
    info = raw("INFO stats").decode()
    assert f"expired_keys:{len(KEYS)}\r\n" in info


def test_without_active_expiry_a_key_goes_when_asked_for(raw):
    assert raw("DEBUG SET-ACTIVE-EXPIRE 0") == "OK"
    raw("SET k v PX 10")
    time.sleep(0.03)
    assert raw("DBSIZE") == 1 and raw("GET k") is None and raw("DBSIZE") == 0
    raw("SET k v PX 10")
    time.sleep(0.03)
    assert raw("DEBUG SET-ACTIVE-EXPIRE 1") == "OK"
    wait_until(lambda: raw("DBSIZE") == 0, seconds=2)


def test_many_deadlines_at_once(raw):
    """One hour's worth of sessions ends in the same millisecond: all go, and the server goes on answering."""
    count = 2000 if SANITIZED else 20000
    at = int(time.time() * 1000) + 1500
    assert set(raw.pipeline([("SET", f"m:{i}", "v", "PXAT", at) for i in range(count)])) == {"OK"}
    wait_until(lambda: raw("DBSIZE") == 0, seconds=20)


def test_the_last_deadline_there_is_changes_like_any_other(raw):
    for change in ("EXPIRE k 1000", "PERSIST k", "DEL k"):
        raw("SET k v")
        assert raw("PEXPIREAT k 9223372036854775807") == 1 and raw("PEXPIRETIME k") == 2**63 - 1
        assert raw(change) == 1


@pytest.mark.parametrize("name,unit", [("EXPIRE", 1000), ("PEXPIRE", 1)])
def test_expire_options(raw, name, unit):
    def expire(amount, *options):
        return raw.command(name, "k", amount * 1000 // unit, *options)

    raw("SET k v")
    assert expire(100, "XX") == 0 and expire(100, "GT") == 0
    assert expire(100, "NX") == 1 and expire(200, "NX") == 0
    assert expire(50, "GT") == 0 and expire(200, "GT") == 1
    assert expire(300, "LT") == 0 and expire(100, "LT") == 1
    assert 99000 < raw("PTTL k") <= 100000
    assert raw("PERSIST k") == 1 and raw("PERSIST k") == 0
    assert expire(100, "LT") == 1
    assert expire(1, "NX", "XX").startswith("ERR NX and XX, GT or LT options")
    assert expire(1, "GT", "LT") == "ERR GT and LT options at the same time are not compatible"
    assert raw.command(name, "absent", 5) == 0


def test_expiry_in_the_past_deletes_at_once(raw):
    for command in ("EXPIRE k -1", "PEXPIRE k 0", "EXPIREAT k 1", "PEXPIREAT k 1000", "GETEX k PXAT 1"):
        raw("SET k v")
        raw(command)
        assert raw("DBSIZE") == 0, command


def test_ttl_answers(raw):
    assert raw("TTL k") == -2 and raw("PTTL k") == -2 and raw("EXPIRETIME k") == -2
    raw("SET k v")
    assert raw("TTL k") == -1 and raw("PEXPIRETIME k") == -1
    at = int(time.time()) + 12345
    assert raw.command("EXPIREAT", "k", at) == 1
    assert raw("EXPIRETIME k") == at and raw("PEXPIRETIME k") == at * 1000
    assert 12340 <= raw("TTL k") <= 12345
    assert raw("EXPIRE k 9223372036854775807") == "ERR invalid expire time in 'expire' command"


def test_overwriting_ends_a_deadline_and_changing_in_place_keeps_it(raw):
    raw("SET k 1 PX 100000")
    for command in ("INCR k", "APPEND k 0", "SETRANGE k 0 5", "INCRBYFLOAT k 1"):
        raw(command)
        assert raw("PTTL k") > 90000, command
    for command in ("SET k 1", "GETSET k 1", "MSET k 1"):
        raw("PEXPIRE k 100000")
        raw(command)
        assert raw("PTTL k") == -1, command


def test_an_expired_key_counts_as_absent_everywhere(raw):
    assert raw("DEBUG SET-ACTIVE-EXPIRE 0") == "OK"

    def expired():
        raw("SET k v PX 1")
        time.sleep(0.004)

    for command, reply in [
        ("EXISTS k", 0), ("STRLEN k", 0), ("TYPE k", "none"), ("TTL k", -2), ("PERSIST k", 0), ("SETNX k v", 1),
        ("SET k v XX", None), ("MGET k k", [None, None]), ("KEYS *", []), ("RANDOMKEY", None), ("MSETNX k a l b", 1),
        ("COPY k l REPLACE", 0), ("RENAME k l", "ERR no such key"), ("APPEND k x", 1), ("GETDEL k", None), ("DEL k", 0),
        ("OBJECT ENCODING k", None), ("MOVE k 1", 0), ("TOUCH k", 0), ("GETEX k", None), ("EXPIRE k 100", 0),
    ]:  # fmt: skip
        raw("FLUSHALL")
        expired()
        assert raw(command) == reply, command
