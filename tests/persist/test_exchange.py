"""Files exchanged with redis-server: what it saved is read by Shoal's loader into shards, written again by its writer
(rdb_convert), and loaded by another redis-server, whose data must be the same to the last byte."""

import os
import pathlib
import random
import socket
import subprocess
import sys
import time

import pytest
import redis

sys.path.append(str(pathlib.Path(__file__).parent.parent / "e2e"))
from every_type import SMALL, fill_collections  # noqa: E402

CONVERT, REGROUP = os.environ["RDB_CONVERT"], os.environ["AOF_REGROUP"]


def free_port():
    """Below the range that the kernel gives to outgoing connections, so it stays free."""
    while True:
        port = random.randrange(20000, 29900)
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port


class RedisServer:
    def __init__(self, folder, **settings):
        self.folder, self.port = folder, free_port()
        settings = {name.replace("_", "-"): value for name, value in settings.items()}
        settings |= {"port": self.port, "dir": folder, "save": "", "enable-debug-command": "yes"}
        words = [word for name, value in settings.items() for word in (f"--{name}", str(value))]
        self.log = open(folder / f"log.{self.port}", "w+")
        self.process = subprocess.Popen(["redis-server", *words], stdout=self.log, stderr=self.log)
        self.client = redis.Redis(port=self.port)
        self._wait()

    def _wait(self):
        deadline = time.monotonic() + 20
        while True:
            try:
                self.client.ping()
                assert self.client.info("server")["process_id"] == self.process.pid, "another one has the port"
                return
            except redis.exceptions.ConnectionError:
                assert self.process.poll() is None and time.monotonic() < deadline, self.said()
                time.sleep(0.01)

    def said(self):
        self.log.flush()
        return pathlib.Path(self.log.name).read_text()

    def save(self):
        self.client.save()
        return self.folder / "dump.rdb"

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.log.close()


@pytest.fixture
def start(tmp_path):
    started = []

    def start_server(folder, **settings):
        (tmp_path / folder).mkdir(exist_ok=True)
        started.append(RedisServer(tmp_path / folder, **settings))
        return started[-1]

    yield start_server
    for server in started:
        server.stop()


def convert(source, target, *arguments):
    done = subprocess.run([CONVERT, source, target, *map(str, arguments)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


LIBRARY = "#!lua name=shelf\nredis.register_function('answer', function() return 42 end) -- " + "again " * 50


def fill(client, dice):
    """Every type, small and large, with integers, text, binary and what compresses well."""
    words = ["", "7", "-1", "32768", "-2147483648", "9223372036854775807", "word", "x" * 300, bytes(range(256)), "é"]
    for i, word in enumerate(words):
        client.set(f"string:{i}", word)
        client.set(word or "empty", "under its name")
    client.setbit("bits", 100_000, 1)
    client.pfadd("pf", *range(1000))
    fill_collections(client, dice, words)
    client.rpush("list:plain", "y" * 20_000, "between", bytes(dice.randrange(256) for _ in range(9000)))
    fill_groups(client)


def fill_groups(client):
    client.xgroup_create("stream:700", "readers", id="0")
    client.xgroup_create("stream:700", "nobody", id="$")
    for consumer in ("ann", "bob"):
        client.xreadgroup("readers", consumer, {"stream:700": ">"}, count=20)
    client.xack("stream:700", "readers", client.xrange("stream:700", count=1)[0][0])
    client.xdel("stream:700", client.xrange("stream:700", count=3)[2][0])
    client.xtrim("stream:700", maxlen=650, approximate=False)
    client.xadd("stream:gone", {"a": 1}, id="5-5")
    client.xtrim("stream:gone", maxlen=0)


def fill_deadlines(client):
    soon = int(time.time() * 1000) + 3_600_000
    for i in range(50):
        client.set(f"expiring:{i}", i, pxat=soon + i)
    client.rpush("expiring:list", 1)
    client.pexpireat("expiring:list", soon)


def contents(client):
    """All that can be asked of each key, but what depends on the moment."""
    found = {}
    for key in client.scan_iter(count=1000):
        about = client.pipeline(transaction=False)
        about.execute_command("DEBUG", "DIGEST-VALUE", key)
        about.execute_command("PEXPIRETIME", key)
        about.type(key)
        found[key] = about.execute()
        if found[key][2] == b"stream":
            found[key].append(client.xinfo_stream(key, full=True))
    return found


@pytest.mark.parametrize("shards", [1, 3])
@pytest.mark.parametrize(
    "settings",
    [{}, {"rdbcompression": "no", "rdbchecksum": "no"}, SMALL],
    ids=["plain", "uncompressed", "small"],
)
def test_what_redis_saved_comes_back_to_redis(start, tmp_path, settings, shards):
    seed = random.randrange(2**32)
    print("seed", seed)
    source = start("source", **settings)
    clients = [redis.Redis(port=source.port, db=db) for db in (0, 7, 15)]
    for client in clients:
        fill(client, random.Random(seed + client.connection_pool.connection_kwargs["db"]))
    fill_deadlines(clients[1])
    source.client.function_load(LIBRARY)
    (tmp_path / "target").mkdir()
    written = tmp_path / "target" / "dump.rdb"
    convert(source.save(), written, shards)
    subprocess.run(["redis-check-rdb", written], check=True, capture_output=True)

    target = start("target")
    for client in clients:
        db = client.connection_pool.connection_kwargs["db"]
        assert contents(redis.Redis(port=target.port, db=db)) == contents(client)
    assert target.client.execute_command("DEBUG", "DIGEST") == source.client.execute_command("DEBUG", "DIGEST")
    assert target.client.function_list(withcode=True) == source.client.function_list(withcode=True)
    assert target.client.info("keyspace").keys() == source.client.info("keyspace").keys()


@pytest.mark.parametrize("policy, question", [("allkeys-lfu", "FREQ"), ("allkeys-lru", "IDLETIME")])
def test_how_keys_were_used_goes_along(start, tmp_path, policy, question):
    source = start("source", maxmemory_policy=policy)
    source.client.set("seldom", "text")
    for _ in range(300):
        source.client.set("often", "text")
        source.client.get("often")
    if policy == "allkeys-lru":
        time.sleep(2.1)
    source.client.get("often")
    (tmp_path / "target").mkdir()
    convert(source.save(), tmp_path / "target" / "dump.rdb", 2, policy)
    target = start("target", maxmemory_policy=policy)
    for key in ("seldom", "often"):
        before, after = (server.client.object(question, key) for server in (source, target))
        assert abs(before - after) <= 2, (key, before, after)
    assert source.client.object(question, "seldom") != source.client.object(question, "often")


def test_what_is_wrong_is_refused_with_its_place(start, tmp_path):
    source = start("source")
    fill(source.client, random.Random(1))
    whole = source.save().read_bytes()
    for bytes_left in (0, 5, 100, len(whole) // 2, len(whole) - 1):
        (tmp_path / "cut.rdb").write_bytes(whole[:bytes_left])
        done = subprocess.run([CONVERT, tmp_path / "cut.rdb", os.devnull], capture_output=True, text=True, timeout=60)
        assert done.returncode == 1 and "cut.rdb, record at byte " in done.stderr, done.stderr
    flipped = bytearray(whole)
    flipped[-3] ^= 1
    (tmp_path / "flipped.rdb").write_bytes(flipped)
    done = subprocess.run([CONVERT, tmp_path / "flipped.rdb", os.devnull], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1 and "checksum" in done.stderr


def regroup(source, target):
    done = subprocess.run([REGROUP, source, target], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return int(done.stdout.split()[0])


def test_an_aof_of_redis_is_read_and_one_in_commit_groups_is_loaded_by_redis(start, tmp_path):
    source = start("source", appendonly="yes", aof_timestamp_enabled="yes")
    fill(source.client, random.Random(2))
    source.client.pipeline().set("in", "a transaction").rpush("and", 1, 2).execute()
    digest = source.client.execute_command("DEBUG", "DIGEST")
    source.stop()

    folder = tmp_path / "source" / "appendonlydir"
    incremental = folder / "appendonly.aof.1.incr.aof"
    commands = regroup(incremental, tmp_path / "grouped.aof")
    assert commands > 100
    (tmp_path / "grouped.aof").rename(incremental)
    checked = subprocess.run(["redis-check-aof", folder / "appendonly.aof.manifest"], capture_output=True, text=True)
    assert "All AOF files and manifest are valid" in checked.stdout, checked.stdout
    again = start("source", appendonly="yes")
    assert again.client.execute_command("DEBUG", "DIGEST") == digest

    again.client.set("written", "by redis, behind our groups")
    again.stop()
    assert regroup(incremental, tmp_path / "again.aof") == commands + 2  # with a SELECT


def test_segments_of_several_shards_are_loaded_by_redis_one_after_the_other(start, tmp_path):
    folder = tmp_path / "source" / "appendonlydir"
    folder.mkdir(parents=True)
    (folder / "appendonly.aof.manifest").write_text(
        "file appendonly.aof.1.incr.aof seq 1 type i shard 0 shards 2\n"
        f"file appendonly.aof.2.incr.aof seq 2 type i shard 1 shards 2 end {1 << 40}\n"
    )
    for number in (1, 2):
        (tmp_path / "plain.aof").write_text(f"*3\r\n$3\r\nSET\r\n$1\r\n{number}\r\n$1\r\nx\r\n")
        regroup(tmp_path / "plain.aof", folder / f"appendonly.aof.{number}.incr.aof")
    checked = subprocess.run(["redis-check-aof", folder / "appendonly.aof.manifest"], capture_output=True, text=True)
    assert "All AOF files and manifest are valid" in checked.stdout, checked.stdout
    source = start("source", appendonly="yes")
    assert sorted(source.client.keys()) == [b"1", b"2"]
