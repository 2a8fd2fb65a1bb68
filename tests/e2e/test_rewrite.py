"""Rewriting the append-only file: while commands go on, by its growth, and when it begins or ends (CONFIG SET appendonly)."""

import threading
import time

import pytest

from append_only import FOLDER, loaded_by_redis, segments
from conftest import COMBINATIONS, require
from server import scaled, wait_until

# Of what nobody was promised that it would stay.
CUT = ["is cut at byte", "are cut off, and"]


@pytest.fixture(params=COMBINATIONS, ids=lambda param: f"{param[0]}-{param[1]}")
def begin(request, start, tmp_path):
    shards, backend = request.param
    require(backend)
    folder = tmp_path / "data"
    folder.mkdir()

    def begin_one(*options):
        common = ("--shards", shards, "--net-backend", backend, "--save", "", "--dir", folder)
        return start(*common, *options, expected=CUT)

    begin_one.folder = folder
    begin_one.shards = shards
    return begin_one


ALWAYS = ("--appendonly", "yes", "--appendfsync", "always")


def rewrites(server):
    info = server.info("persistence")
    return int(info["aof_rewrites"]) if info["aof_rewrite_in_progress"] == "0" else -1


def rewritten(server, count=1):
    wait_until(lambda: rewrites(server) >= count)
    assert server.info("persistence")["aof_last_bgrewrite_status"] == "ok"


class Writer(threading.Thread):
    """Counts several keys up, each over and over; knows what was acknowledged."""

    def __init__(self, server, name):
        super().__init__()
        self.connection = server.connect()
        self.name_of_key = name
        self.acknowledged = {}
        self.stopping = False

    def run(self):
        count = 0
        try:
            while not self.stopping:
                count += 1
                keys = [f"{self.name_of_key}:{i}" for i in range(8)]
                replies = self.connection.pipeline([("SET", key, count) for key in keys])
                if all(reply == "OK" for reply in replies):
                    self.acknowledged = {key: count for key in keys}
        except Exception:
            pass  # the server has been killed


def test_what_is_acknowledged_survives_rewriting_under_load_and_a_kill(begin):
    server = begin(*ALWAYS)
    writers = [Writer(server, f"w{i}") for i in range(3)]
    for writer in writers:
        writer.start()
    for count in range(1, 4):
        assert server.connect()("BGREWRITEAOF") == "Background append only file rewriting started"
        if count < 3:
            rewritten(server, count)
    server.kill()
    for writer in writers:
        writer.join()
    client = begin(*ALWAYS).client()
    for writer in writers:
        for key, count in writer.acknowledged.items():
            assert int(client.get(key)) >= count


def test_one_rewriting_at_a_time(begin):
    server = begin("--appendonly", "yes")
    client = server.client()
    with client.pipeline() as pipeline:
        for i in range(scaled(20000)):
            pipeline.set(f"k{i}", "x" * 100)
        pipeline.execute()
    first, second = server.connect().pipeline([("BGREWRITEAOF",), ("BGREWRITEAOF",)])
    assert first == "Background append only file rewriting started"
    assert second == "ERR Background append only file rewriting already in progress"
    rewritten(server)
    names = {path.name for path in (begin.folder / "appendonlydir").iterdir()}
    segments = {f"appendonly.aof.{begin.shards + 1 + i}.incr.aof" for i in range(begin.shards)}
    assert names == {"appendonly.aof.manifest", "appendonly.aof.1.base.rdb", *segments}


def test_it_is_rewritten_when_it_has_grown(begin):
    server = begin("--appendonly", "yes", "--auto-aof-rewrite-min-size", "100kb")
    client = server.client()
    for _ in range(40):
        client.mset({f"k{i}": "x" * 100 for i in range(50)})
    rewritten(server)
    info = server.info("persistence")
    assert int(info["aof_current_size"]) < 200000 and 0 < int(info["aof_base_size"]) <= int(info["aof_current_size"])


def test_it_begins_and_ends_while_the_server_runs(begin):
    server = begin("--appendfsync", "always")
    client = server.client()
    client.mset({f"k{i}": i for i in range(100)})
    for _ in range(2):
        client.config_set("appendonly", "yes")
        wait_until(lambda: server.info("persistence")["aof_enabled"] == "1" and rewrites(server) > 0)
        client.incr("inside")
        client.config_set("appendonly", "no")
        wait_until(lambda: server.info("persistence")["aof_enabled"] == "0")
        with client.pipeline(transaction=False) as pipeline:
            for i in range(1000):
                pipeline.get(f"k{i % 100}")
            pipeline.execute()  # nothing that was to be written comes due behind its end
        client.incr("outside")
    server.kill()
    client = begin(*ALWAYS).client()
    assert client.mget([f"k{i}" for i in range(100)]) == [str(i).encode() for i in range(100)]
    assert (client.get("inside"), client.get("outside")) == (b"2", b"1")


def test_what_a_former_server_left_is_not_written_over(begin):
    """Emptied, it could be back when the power fails, behind a manifest that names it by then."""
    place, left = begin.folder / FOLDER, b"*3\r\n$3\r\nSET\r\n$5\r\nghost\r\n$1\r\n1\r\n"
    place.mkdir()
    for sequence in range(1, 2 * begin.shards + 1):
        aside = begin.folder / f"left{sequence}"
        aside.write_bytes(left)
        (place / f"appendonly.aof.{sequence}.incr.aof").hardlink_to(aside)
    server = begin(*ALWAYS)
    names = [path.name for path in segments(begin.folder)]
    server.client().bgrewriteaof()
    rewritten(server)
    names += [path.name for path in segments(begin.folder)]
    assert {f"appendonly.aof.{sequence}.incr.aof" for sequence in range(1, 2 * begin.shards + 1)} < set(names)
    assert all((begin.folder / f"left{sequence}").read_bytes() == left for sequence in range(1, 2 * begin.shards + 1))
    server.client().set("key", 1)
    server.kill()
    assert begin(*ALWAYS).client().keys() == [b"key"]


@pytest.mark.parametrize("appendfsync", ["always", "everysec"])
def test_what_was_not_wanted_for_a_moment_begins_all_the_same(begin, appendfsync):
    """Its base has been cancelled then, and nobody may be told that anything is safe before there is another."""
    server = begin("--appendfsync", appendfsync)
    with server.connect() as connection:
        assert set(connection.pipeline(("SET", f"k{i}", str(i) * 500) for i in range(3000))) == {"OK"}
        for round in range(5):
            for word in ("no", "yes", "no", "yes"):
                assert connection.command("CONFIG", "SET", "appendonly", word) == "OK"
                time.sleep(0.002 * round)
            assert connection.command("SET", "round", round) == "OK"
            assert connection.command("WAITAOF", 1, 0, 20000) == [1, 0]
    server.kill()
    client = begin(*ALWAYS).client()
    assert client.get("round") == b"4" and client.dbsize() == 3001
    assert client.mget([f"k{i}" for i in range(3000)]) == [str(i).encode() * 500 for i in range(3000)]


def test_an_append_only_file_is_complete_when_nothing_is_scheduled_for_it(begin):
    """Switched off and on again at once, on some shards only, it lacks a base for which nobody has asked yet."""
    server = begin("--appendonly", "yes", "--appendfsync", "no", "--enable-debug-command", "yes")

    def is_at_rest():
        info = server.info("persistence")
        return [info[f"aof_{name}"] for name in ("enabled", "rewrite_in_progress", "rewrite_scheduled")] == ["1", "0", "0"]

    with server.connect() as connection:
        for round in range(100):
            words = ("no", "yes") * (1 + round % 2)
            assert set(connection.pipeline(("CONFIG", "SET", "appendonly", word) for word in words)) == {"OK"}
            wait_until(is_at_rest)
            assert connection.command("DEBUG", "LOADAOF") == "OK"
    server.kill()  # it has warned of each loading


def test_databases_that_were_emptied_are_so_for_redis_too(begin):
    server = begin("--appendonly", "yes")
    client = server.client()
    client.mset({f"old{i}": i for i in range(100)})
    client.flushall()
    client.mset({f"new{i}": i for i in range(100)})
    if begin.shards > 1:
        rewritten(server)
    expected = {f"new{i}": str(i).encode() for i in range(100)}
    server.stop(expected=CUT)
    with loaded_by_redis(begin.folder) as redis:
        found = {key.decode(): redis.client().get(key) for key in redis.client().keys("*")}
    assert found == expected


def test_the_end_of_the_server_as_a_rewriting_begins_loses_nothing(begin):
    """Its new segments are there, and not all shards, or none, have come to write to them."""
    server = begin("--appendonly", "yes", "--appendfsync", "no")
    for round in range(scaled(30)):
        with server.connect() as c:
            c.pipeline([("SET", f"k{i}", f"{round}" * (1 + round % 7)) for i in range(40)])
            if round % 3 == 0:
                c("BGREWRITEAOF")
                wait_until(lambda: rewrites(server) >= 0)
            c("BGREWRITEAOF")
        server.stop(expected=CUT)
        server.open()
        server.start()
        with server.connect() as c:
            expected = f"{round}" * (1 + round % 7)
            assert c.command("MGET", *(f"k{i}" for i in range(40))) == [expected.encode()] * 40
