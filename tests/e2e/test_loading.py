"""What is loaded at start: files that redis-server wrote, and files that are wrong."""

import random
import shutil
import time

import pytest

import resp
from every_type import SMALL, fill_collections
from server import Server, run_to_end, scaled, wait_until

SHARDS = (1, 2, 5)
LIBRARY = "#!lua name=shelf\nredis.register_function('answer', function() return 42 end)"


@pytest.fixture
def redis_server(tmp_path):
    """Starts stock servers in folders of their own."""
    if not shutil.which("redis-server"):
        pytest.skip("no redis-server to make files")
    started = []

    def start(folder, **settings):
        settings = {"save": "", "appendonly": "no", "enable-debug-command": "yes"} | settings
        words = [word for name, value in settings.items() for word in (f"--{name}", value)]
        started.append(Server(tmp_path / folder, *words, binary="redis-server"))
        return started[-1].start()

    yield start
    for server in started:
        server.kill()


def fill(client, dice):
    """Every type, small and large."""
    words = ["", "7", "-1", "32768", "9223372036854775807", "word", "x" * 300, bytes(range(256)), "é"]
    for i, word in enumerate(words):
        client.set(f"string:{i}", word)
    client.setbit("bits", 100_000, 1)
    client.pfadd("pf", *range(1000))
    fill_collections(client, dice, words)
    client.xgroup_create("stream:700", "readers", id="0")
    client.xreadgroup("readers", "ann", {"stream:700": ">"}, count=20)
    client.xack("stream:700", "readers", client.xrange("stream:700", count=1)[0][0])
    client.xtrim("stream:700", maxlen=690, approximate=False)
    for i in range(300):
        client.set(f"key:{dice.randrange(10**9)}", i, pxat=int(time.time() * 1000) + 3_600_000 + i if i % 3 else None)


def fill_databases(server):
    dice = random.Random(7)
    for db in (0, 3, 15):
        with server.client(db=db) as client:
            fill(client, dice)
    with server.client() as client:
        client.set("short-lived", "gone", px=1)
        client.execute_command("FUNCTION", "LOAD", LIBRARY)


def contents(client, oracle):
    """Of each key the digest of its value, taken by redis-server, its deadline, and a stream's groups."""
    found = {}
    for key in client.scan_iter(count=1000):
        about = client.pipeline(transaction=False)
        about.dump(key)
        about.execute_command("PEXPIRETIME", key)
        about.type(key)
        dumped, *found[key] = about.execute()
        oracle.restore("asked", 0, dumped, replace=True)
        found[key].append(oracle.execute_command("DEBUG", "DIGEST-VALUE", "asked"))
        if found[key][1] == b"stream":
            found[key].append(groups(named(client.execute_command("XINFO", "STREAM", key, "FULL", "COUNT", 0))))
    return found


def named(pairs):
    return dict(zip(pairs[::2], pairs[1::2]))


def groups(stream):
    """What of a stream and its groups is the same in all versions."""
    about = [stream[key] for key in (b"length", b"last-generated-id", b"max-deleted-entry-id", b"entries-added")]
    for group in map(named, stream[b"groups"]):
        about.append([group[key] for key in (b"name", b"last-delivered-id", b"entries-read", b"pending")])
        about.append([(consumer[b"name"], consumer[b"pending"]) for consumer in map(named, group[b"consumers"])])
    return about


def differences(found, expected):
    """Of what all_contents has found, for a failure's report."""
    return {
        (db, key): (found[db].get(key), expected[db].get(key))
        for db in expected
        for key in found[db].keys() | expected[db].keys()
        if found[db].get(key) != expected[db].get(key)
    }


def all_contents(server, oracle):
    found = {}
    for db in (0, 3, 15):
        with server.client(db=db) as client, oracle.client() as asked:
            found[db] = contents(client, asked)
    return found


@pytest.mark.parametrize("settings", [{}, {"rdbcompression": "no", "rdbchecksum": "no"}, SMALL], ids=["plain", "raw", "small"])
def test_a_snapshot_of_redis_is_loaded_into_any_number_of_shards(redis_server, oracle, start, settings):
    source = redis_server("source", **settings)
    fill_databases(source)
    with source.client() as client:
        wait_until(lambda: client.get("short-lived") is None)
        client.save()
    expected = all_contents(source, oracle)
    for shards in SHARDS:
        server = start("--shards", shards, "--dir", source.folder, "--save", "")
        assert differences(all_contents(server, oracle), expected) == {}
        with server.client() as client:
            assert client.fcall("answer", 0) == 42
        info = server.info("persistence")
        assert info["loading"] == "0" and info["rdb_changes_since_last_save"] == "0"
        assert int(info["rdb_last_load_keys_loaded"]) == sum(map(len, expected.values()))
        assert "DB loaded from disk: " in server.log()


def test_keys_whose_deadline_has_passed_are_not_loaded(redis_server, start):
    source = redis_server("source")
    with source.client() as client:
        client.execute_command("DEBUG", "SET-ACTIVE-EXPIRE", "0")
        client.set("stays", 1)
        for i in range(10):
            client.set(f"goes:{i}", 1, px=1)
        time.sleep(0.01)
        client.save()
    server = start("--shards", 2, "--dir", source.folder)
    info = server.info("persistence")
    assert (info["rdb_last_load_keys_loaded"], info["rdb_last_load_keys_expired"]) == ("1", "10")
    assert "keys loaded: 1, keys expired: 10." in server.log()
    assert server.info("stats")["expired_keys"] == "0"


def connect_early(server):
    """As soon as somebody listens."""

    def connect():
        assert server.process.poll() is None, server.log()
        try:
            return resp.Connection(("127.0.0.1", server.port))
        except OSError:
            return None

    server.address = ("127.0.0.1", server.port)
    return wait_until(connect, pause=0.0005)


@pytest.mark.alone
@pytest.mark.parametrize("shards", [1, 3])
def test_clients_are_told_while_it_loads(redis_server, start, shards):
    keys = scaled(300_000)
    source = redis_server("source")
    with source.client(socket_timeout=60) as client:
        client.execute_command("DEBUG", "POPULATE", keys, "key", 40)
        client.save()
    server = start("--shards", shards, "--dir", source.folder, ready=False)
    refusal = "LOADING Redis is loading the dataset in memory"
    refused, slowest, infos = 0, 0.0, []
    with connect_early(server) as client:
        while True:
            began = time.monotonic()
            answer = client("GET key:1")
            slowest = max(slowest, time.monotonic() - began)
            if answer != refusal:
                break
            refused += 1
            infos.append(dict(line.split(":", 1) for line in client("INFO persistence").decode().splitlines()[1:]))
            assert client("SELECT 1") == "OK" and client("SELECT 0") == "OK"
            assert client("PING") in (refusal, "PONG")
            if refused == 1:
                assert client("MULTI") == "OK" and client("SET a b") == refusal
                assert client("EXEC").startswith("EXECABORT ")
        assert answer == b"value:1".ljust(40, b"\0")
        assert client("DBSIZE") == keys
    assert refused > 0 and slowest < 0.5
    loading = [info for info in infos if info["loading"] == "1"]
    assert loading and all(info["async_loading"] == "0" for info in loading)
    size = (source.folder / "dump.rdb").stat().st_size
    loaded = [int(info["loading_loaded_bytes"]) for info in loading]
    assert loaded == sorted(loaded) and loaded[-1] > 0
    for info in loading:
        assert info["loading_total_bytes"] == str(size)
        assert abs(float(info["loading_loaded_perc"]) - 100 * int(info["loading_loaded_bytes"]) / size) < 0.01
        assert int(info["loading_eta_seconds"]) >= -1 and abs(int(info["loading_start_time"]) - time.time()) < 300


def test_a_server_that_loads_can_be_stopped(redis_server, start):
    source = redis_server("source")
    with source.client(socket_timeout=60) as client:
        client.execute_command("DEBUG", "POPULATE", scaled(300_000), "key", 40)
        client.save()
    server = start("--shards", 2, "--dir", source.folder, ready=False)
    whole = (source.folder / "dump.rdb").read_bytes()
    with connect_early(server) as client:
        assert client("GET a").startswith("LOADING ")
    server.stop()
    assert (source.folder / "dump.rdb").read_bytes() == whole


# Files that are wrong.


def small_snapshot(redis_server):
    source = redis_server("source")
    with source.client() as client:
        for i in range(100):
            client.set(f"key:{i}", f"value {i}")
        client.select(12)
        client.set("high", 1)
        client.save()
    return source.folder / "dump.rdb"


def refusal_to_load(folder, *options):
    status, output, errors = run_to_end("--port", 0, "--unixsocket", folder / "socket", "--dir", folder, *options)
    assert status == 1, output
    return output + errors


def damage(data, what):
    if what == "cut":
        return data[:500]
    if what == "flipped":
        return data.replace(b"value 5", b"vapue 5", 1)
    if what == "magic":
        return b"RADIS" + data[5:]
    if what == "version":
        return b"REDIS0099" + data[9:]
    return b""


@pytest.mark.parametrize("what,said", [("cut", "ends"), ("flipped", "checksum"), ("magic", "RDB"), ("version", "version"), ("empty", "ends")])
@pytest.mark.parametrize("shards", SHARDS)
def test_a_snapshot_that_is_wrong_is_refused(redis_server, shards, what, said):
    path = small_snapshot(redis_server)
    path.write_bytes(damage(path.read_bytes(), what))
    output = refusal_to_load(path.parent, "--shards", shards)
    lines = [line for line in output.splitlines() if "dump.rdb" in line]
    assert len(lines) == 1 and "byte " in lines[0] and said in lines[0], output
    assert "Fatal error loading the DB, check server logs. Exiting." in output


def test_a_snapshot_with_more_databases_is_refused(redis_server):
    path = small_snapshot(redis_server)
    output = refusal_to_load(path.parent, "--shards", 2, "--databases", 12)
    assert "dump.rdb" in output and "there are not as many databases" in output and "high" in output


def test_a_checksum_is_not_looked_at_where_it_is_not_asked_for(redis_server, start):
    path = small_snapshot(redis_server)
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert "checksum" in refusal_to_load(path.parent)
    server = start("--dir", path.parent, "--rdbchecksum", "no")
    with server.client() as client:
        assert client.dbsize() == 100


def test_a_snapshot_that_can_not_be_read_is_refused(tmp_path):
    (tmp_path / "dump.rdb").mkdir()
    assert "dump.rdb" in refusal_to_load(tmp_path)


def test_another_name_of_the_snapshot(redis_server, start):
    path = small_snapshot(redis_server)
    path.rename(path.parent / "other.rdb")
    server = start("--dir", path.parent, "--dbfilename", "other.rdb")
    with server.client(db=12) as client:
        assert client.get("high") == b"1"


def test_of_two_records_that_are_wrong_the_first_is_told(redis_server):
    path = small_snapshot(redis_server)
    record = b"\x00\x05key:7\x07value 7"
    assert record in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(record, record + record + b"\x60", 1))
    output = refusal_to_load(path.parent, "--shards", 1)
    assert "key:7" in output and "the key is there twice" in output and "no such type" not in output


def test_names_that_were_compressed_are_each_loaded_as_their_own(redis_server, start):
    """Such a name lies in a room of the reader's, which the next one takes."""
    names = {"much of the same, and " * 4 + str(i): str(i).encode() for i in range(500)}
    names |= {f"short:{i}": str(i).encode() for i in range(500)}
    source = redis_server("source")
    with source.client() as client:
        client.mset(names)
        client.save()
    for shards in SHARDS:
        server = start("--shards", shards, "--dir", source.folder, "--save", "")
        with server.client() as client:
            assert client.dbsize() == len(names) and client.mget(names) == list(names.values())
        server.stop()
