"""Keys whatever they hold: names, places, databases, over one shard or several."""

import pytest
import redis

KEYS = [f"key:{i}" for i in range(50)]  # on every shard some


def test_counts_of_del_unlink_exists_touch_span_shards(r):
    r.mset({key: "v" for key in KEYS})
    assert r.exists(*KEYS, "absent", KEYS[0]) == 51
    assert r.touch(*KEYS, "absent") == 50
    assert r.unlink(*KEYS[:10], "absent") == 10
    assert r.delete(*KEYS, KEYS[49]) == 40
    assert r.dbsize() == 0


def test_mget_keeps_the_order_of_its_keys(r):
    r.mset({key: key for key in KEYS})
    asked = KEYS[::-1] + ["absent"] + KEYS[:3]
    assert r.mget(asked) == KEYS[::-1] + [None] + KEYS[:3]


def test_mset_of_one_key_twice_keeps_the_last(r):
    r.execute_command("MSET", "a", "1", "b", "2", "a", "3")
    assert r.mget("a", "b") == ["3", "2"]


def test_msetnx_sets_all_or_nothing(r):
    assert r.msetnx({key: "1" for key in KEYS}) is True
    r.delete(*KEYS[1:])
    assert r.msetnx({key: "2" for key in KEYS}) is False
    assert r.dbsize() == 1 and r.get(KEYS[0]) == "1"


def test_rename_takes_value_and_deadline_along(r, raw):
    for i, source in enumerate(KEYS[:20]):
        target = KEYS[i + 20]
        r.set(source, i, px=100000 + i)
        r.set(target, "old", px=5000000)
        assert r.rename(source, target) is True
        assert r.exists(source) == 0 and r.get(target) == str(i) and 90000 < r.pttl(target) <= 100000 + i
    assert raw("RENAME absent k") == "ERR no such key"
    assert r.renamenx(KEYS[20], KEYS[21]) is False and r.renamenx(KEYS[20], "free") is True
    assert r.rename("free", "free") is True


def test_copy_keeps_the_deadline_and_leaves_the_source(r):
    for i, source in enumerate(KEYS[:20]):
        target = KEYS[i + 20]
        r.set(source, i, px=100000)
        assert r.copy(source, target) is True
        assert r.copy(source, target) is False
        assert r.copy(source, target, replace=True) is True
        assert r.get(source) == r.get(target) == str(i) and r.pttl(target) > 90000
    r.append(KEYS[20], "x")
    assert r.get(KEYS[0]) == "0"
    assert r.copy(KEYS[0], KEYS[0], destination_db=3) is True


def test_type_and_keys_and_randomkey(r):
    assert r.type("absent") == "none" and r.randomkey() is None and r.keys() == []
    r.mset({key: "v" for key in KEYS})
    assert r.type(KEYS[0]) == "string"
    assert sorted(r.keys()) == sorted(KEYS) and r.keys("key:[12]") == r.keys("key:[1-2]")
    assert {r.randomkey() for _ in range(100)} <= set(KEYS)
    assert len({r.randomkey() for _ in range(200)}) > 10


def test_databases_are_apart(raw):
    for database in range(16):
        assert raw.command("SELECT", database) == "OK"
        assert raw.pipeline([("SET", key, database) for key in KEYS[:4]]) == ["OK"] * 4
    for database in range(16):
        raw.command("SELECT", database)
        assert raw.command("MGET", *KEYS[:4]) == [b"%d" % database] * 4 and raw("DBSIZE") == 4
    raw("SELECT 3")
    assert raw("FLUSHDB") == "OK" and raw("DBSIZE") == 0
    raw("SELECT 4")
    assert raw("DBSIZE") == 4
    assert raw("SELECT 16") == "ERR DB index is out of range"
    assert raw("SELECT x") == "ERR value is not an integer or out of range"
    assert raw("FLUSHALL ASYNC") == "OK" and raw("DBSIZE") == 0
    assert raw("FLUSHALL NOW") == "ERR syntax error"


def test_move_between_databases(raw):
    for key in KEYS[:10]:
        raw.command("SET", key, "v", "PX", "100000")
        assert raw.command("MOVE", key, 5) == 1 and raw.command("EXISTS", key) == 0
        raw("SELECT 5")
        assert raw.command("GET", key) == b"v" and raw.command("PTTL", key) > 90000
        raw("SELECT 0")
        raw.command("SET", key, "again")
        assert raw.command("MOVE", key, 5) == 0
    assert raw("MOVE k 0") == "ERR source and destination objects are the same"


def test_swapdb_swaps_every_shard(raw, server):
    raw.command("MSET", *(word for key in KEYS for word in (key, "zero")))
    raw("SET other x PX 100000")
    with server.connect() as second:
        second("SELECT 1")
        second("SET only one")
        assert raw("SWAPDB 0 1") == "OK"
        assert raw("KEYS *") == [b"only"]
        assert second("DBSIZE") == 51 and second("GET key:7") == b"zero" and second("PTTL other") > 90000
    assert raw("SWAPDB 0 99") == "ERR DB index is out of range"
    assert raw("SWAPDB a 1") == "ERR invalid first DB index"


def test_hash_tags_do_not_matter_to_results(r):
    r.mset({"{user}:a": "1", "{user}:b": "2", "user": "3"})
    assert r.mget("user", "{user}:b", "{user}:a") == ["3", "2", "1"]


def test_errors_name_the_command(raw):
    assert raw("GET") == "ERR wrong number of arguments for 'get' command"
    assert raw("MSET a") == "ERR wrong number of arguments for 'mset' command"
    assert raw("MSET a 1 b") == "ERR wrong number of arguments for 'mset' command"
    assert raw("NOSUCH a b") == "ERR unknown command 'NOSUCH', with args beginning with: 'a' 'b' "
    assert raw("OBJECT NOSUCH") == "ERR unknown subcommand 'NOSUCH'. Try OBJECT HELP."
    with pytest.raises(AssertionError):
        assert raw("OBJECT HELP")[0].startswith("ERR")


def test_redis_py_maps_errors(r):
    with pytest.raises(redis.ResponseError, match="unknown command"):
        r.execute_command("NOSUCH")
