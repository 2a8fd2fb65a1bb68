"""What the append-only file's settings change in what is written, and when."""

import re
import time

import pytest

from append_only import loaded_by_redis, segments
from conftest import COMBINATIONS, require
from server import wait_until


@pytest.fixture(params=COMBINATIONS, ids=lambda param: f"{param[0]}-{param[1]}")
def begin(request, start, tmp_path):
    shards, backend = request.param
    require(backend)
    folder = tmp_path / "data"
    folder.mkdir()

    def begin_one(*options):
        common = ("--shards", shards, "--net-backend", backend, "--save", "", "--dir", folder, "--appendonly", "yes")
        return start(*common, *options)

    begin_one.folder = folder
    begin_one.shards = shards
    return begin_one


def times(folder):
    """By segment, the seconds that it tells."""
    return [[int(second) for second in re.findall(rb"#TS:(\d+)\r\n", path.read_bytes())] for path in segments(folder)]


def test_segments_tell_the_time_once_a_second(begin):
    server = begin("--aof-timestamp-enabled", "yes", "--appendfsync", "always")
    began, client = int(time.time()), server.client()
    while time.time() < began + 2.2:
        with client.pipeline(transaction=False) as pipeline:
            for i in range(50):
                pipeline.set(f"k{i}", i)
            pipeline.execute()
        time.sleep(0.01)
    server.stop()
    for told in times(begin.folder):
        assert told == sorted(set(told)) and began <= told[0] and told[-1] <= time.time()
    assert len(told) >= 2
    with loaded_by_redis(begin.folder) as redis:
        assert redis.client().dbsize() == 50
    assert begin("--aof-timestamp-enabled", "yes").client().dbsize() == 50


def test_only_when_asked_to(begin):
    server = begin("--appendfsync", "always")
    client = server.client()
    client.set("k", 1)
    client.config_set("aof-timestamp-enabled", "yes")
    client.set("k", 2)
    client.config_set("aof-timestamp-enabled", "no")
    server.stop()
    assert sorted(map(len, times(begin.folder))) == [0] * (begin.shards - 1) + [1]


def test_what_is_put_off_while_a_snapshot_is_taken_makes_no_answer_wait(begin):
    server = begin("--appendfsync", "always", "--no-appendfsync-on-rewrite", "yes")
    client = server.client()
    for round in range(3):
        with client.pipeline(transaction=False) as pipeline:
            for i in range(3000):
                pipeline.set(f"k{i}", f"{round}" * 100)
            pipeline.execute()
        client.execute_command("BGREWRITEAOF" if round % 2 else "BGSAVE")
        for i in range(50):
            assert client.set(f"during{i}", round) and client.get(f"during{i}") == str(round).encode()
        wait_until(lambda: not server.info("persistence")["rdb_bgsave_in_progress"] == "1")
        wait_until(lambda: server.info("persistence")["aof_rewrite_in_progress"] == "0")
        client.set("after", round)
    server.kill()  # what was answered behind the last end is synced, and all that was before it
    client = begin("--appendfsync", "always").client()
    assert client.get("after") == b"2" and client.get("during49") == b"2" and client.dbsize() == 3051
