"""What the append-only file's settings change in what is written, and when."""

import re
import time

import pytest

import aof_scenarios
from append_only import loaded_by_redis, segments
from conftest import COMBINATIONS, require
from server import scaled, wait_until
from test_aof import content, differences

CLOCK_READ_S = 0.1  # so long ago, at most, a turn has read the clock


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
    began, client, seconds = int(time.time()), server.client(), set()
    while len(seconds) < 3:
        sent = time.time()
        with client.pipeline(transaction=False) as pipeline:
            for i in range(50):
                pipeline.set(f"k{i}", i)
            pipeline.execute()
        if int(sent - CLOCK_READ_S) == int(time.time()):  # written within that second, on every shard
            seconds.add(int(sent))
        time.sleep(0.01)
    server.stop()
    for told in times(begin.folder):
        assert told == sorted(set(told)) and began <= told[0] and told[-1] <= time.time()
        assert seconds <= set(told)
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


@pytest.mark.parametrize("fsync", ["always", "everysec"])
def test_what_is_put_off_while_a_snapshot_is_taken_is_not_lost(begin, fsync):
    server = begin("--appendfsync", fsync, "--no-appendfsync-on-rewrite", "yes")
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
    time.sleep(0.1)  # everysec
    server.kill()
    client = begin("--appendfsync", "always").client()
    assert client.get("after") == b"2" and client.get("during49") == b"2" and client.dbsize() == 3051


def rewritten(server, count):
    with server.connect() as connection:
        connection("BGREWRITEAOF")
    wait_until(lambda: server.info("persistence")["aof_rewrite_in_progress"] == "0")
    info = server.info("persistence")
    assert info["aof_last_bgrewrite_status"] == "ok" and int(info["aof_rewrites"]) == count


COMMANDS = ("--aof-use-rdb-preamble", "no", "--enable-debug-command", "yes", "--databases", "16")


def test_the_base_may_be_commands_which_make_what_there_was(begin):
    server = begin(*COMMANDS)
    for function in aof_scenarios.ALL:
        aof_scenarios.run(function, server)
    with server.client() as client:
        with client.pipeline(transaction=False) as pipeline:
            for i in range(scaled(20000)):
                pipeline.rpush("long", f"item {i}" * 10).hset("wide", f"f{i}", i)
            pipeline.execute()
        client.function_load("#!lua name=kept\nredis.register_function('kept', function() return 1 end)")
    rewritten(server, 1)
    expected = content(server)
    base = segments(begin.folder)[0]
    assert base.name == "appendonly.aof.1.base.aof" and b"REDIS0" not in base.read_bytes()[:100]
    assert max(map(int, re.findall(rb"\*(\d+)\r\n\$5\r\nRPUSH\r\n\$4\r\nlong", base.read_bytes()))) == 66
    server.stop()
    with loaded_by_redis(begin.folder) as redis:
        found = content(redis)
    assert not differences(values(found), values(expected)) and found[1] == expected[1]
    assert not differences(values(content(begin(*COMMANDS))), values(expected))


def values(content):
    """Without encodings, which may be smaller than they were."""
    return {key: (value, deadline) for key, (value, _, deadline) in content[0].items()}


def test_it_is_rewritten_as_commands_while_keys_change(begin):
    server = begin(*COMMANDS, "--appendfsync", "always")
    with server.client() as client:
        for round in range(1, 5):
            for i in range(50):
                client.hset("h", mapping={f"f{j}": f"{round}-{i}" * 20 for j in range(200)})
                if i == 10:
                    client.execute_command("BGREWRITEAOF")
                client.rpush("l", *range(100))
                client.set(f"k{i}", round, ex=1000)
            client.config_set("aof-use-rdb-preamble", "yes" if round % 2 else "no")
            wait_until(lambda: server.info("persistence")["aof_rewrite_in_progress"] == "0")
    expected = content(server)
    server.kill()
    assert not differences(values(content(begin(*COMMANDS))), values(expected))
