"""Snapshots: what is in the file, whatever happens meanwhile; when it is written, and what is said where it can't be.

Files are read by a stock redis-server, which shares no code with what wrote them."""

import os
import random
import shutil
import signal
import threading
import time

import pytest

import resp
from conftest import COMBINATIONS, require
from server import scaled, wait_until
from test_loading import all_contents, fill_databases, redis_server  # noqa: F401 (a fixture)

EXPECTED = [r"Error saving the DB to", r"Error trying to save the DB", r"Shutdown manually aborted", r"errors trying to shut"]


def launcher(start, combination):
    def launch_one(*options, **keywords):
        shards, backend = combination
        require(backend)
        keywords.setdefault("expected", EXPECTED)
        server = start("--shards", shards, "--net-backend", backend, *options, **keywords)
        server.shards = shards
        return server

    return launch_one


@pytest.fixture(params=COMBINATIONS, ids=lambda param: f"{param[0]}-{param[1]}")
def launch(start, request):
    """A server of the test's own, at each number of shards and on both backends."""
    return launcher(start, request.param)


@pytest.fixture(params=COMBINATIONS[1:5:2], ids=lambda param: f"{param[0]}-{param[1]}")
def launch_some(start, request):
    """The same where all else is like it."""
    return launcher(start, request.param)


@pytest.fixture
def read(redis_server, tmp_path):
    """A redis-server that has loaded a copy of the server's file."""
    count = 0

    def read_one(server, name="dump.rdb"):
        nonlocal count
        count += 1
        folder = tmp_path / f"read{count}"
        folder.mkdir()
        shutil.copy(server.folder / name, folder / "dump.rdb")
        return redis_server(f"read{count}")

    return read_one


def persistence(server):
    return server.info("persistence")


def wait_for_save(server):
    wait_until(lambda: persistence(server)["rdb_bgsave_in_progress"] == "0")


def bgsave(connection, server):
    assert connection("BGSAVE") == "Background saving started"
    wait_for_save(server)
    assert persistence(server)["rdb_last_bgsave_status"] == "ok"


def big_list(client, key, count):
    for _ in range(count):
        client.rpush(key, *[f"element {i} of a list that is large" for i in range(5000)])


# What is in the file.


@pytest.mark.parametrize("settings", [(), ("--rdbcompression", "no", "--rdbchecksum", "no")], ids=["plain", "raw"])
def test_redis_finds_all_that_there_was(launch_some, read, oracle, settings):
    server = launch_some("--save", "", *settings)
    fill_databases(server)
    with server.client() as client, server.connect() as connection:
        big_list(client, "large", 20)
        wait_until(lambda: client.get("short-lived") is None)
        bgsave(connection, server)
    assert all_contents(read(server), oracle) == all_contents(server, oracle)
    with read(server).client() as client:
        assert client.fcall("answer", 0) == 42


def test_an_empty_data_set_is_a_file_too(launch_some, read):
    server = launch_some("--save", "")
    with server.connect() as connection:
        assert connection("SAVE") == "OK"
    with read(server).client() as client:
        assert client.dbsize() == 0


def test_fields_with_deadlines_are_loaded_again(launch_some, start):
    server = launch_some("--save", "")
    with server.connect() as connection:
        connection("HSET h a 1 b 2")
        connection("HEXPIRE h 1000 FIELDS 1 a")
        bgsave(connection, server)
    with start("--shards", "3", "--dir", server.folder, "--save", "").connect() as connection:
        assert connection("HPTTL h FIELDS 2 a b")[0] > 900_000
        assert connection("HPTTL h FIELDS 2 a b")[1] == -1


def changes(dice):
    """Commands that change whatever fill_databases has made, one after another."""
    kinds = {
        "string": ["SET {} x", "APPEND {} more", "SETRANGE {} 5 x", "INCR {}"],
        "list": ["LPUSH {} x", "LPOP {} 3", "LSET {} 0 y", "LTRIM {} 1 -2"],
        "set": ["SADD {} x y", "SPOP {} 2"],
        "intset": ["SADD {} 77", "SPOP {}"],
        "zset": ["ZADD {} 5 x", "ZPOPMIN {} 2", "ZINCRBY {} 1 m0"],
        "hash": ["HSET {} x y", "HINCRBY {} n 1"],
        "stream": ["XADD {} * a b", "XTRIM {} MAXLEN 3"],
    }
    every = ["DEL {}", "UNLINK {}", "RENAME {} other:{}", "COPY {} copy:{}", "EXPIRE {} 100", "PERSIST {}", "MOVE {} 7"]
    for _ in range(400):
        kind = dice.choice(list(kinds))
        size = dice.choice([1, 5, 700]) if kind != "string" else dice.randrange(9)
        key = f"{kind}:{size}"
        yield dice.choice(kinds[kind] if dice.random() < 0.7 else every).replace("{}", key)
        if dice.random() < 0.01:
            yield dice.choice(["SWAPDB 0 3", "SWAPDB 3 5", "FLUSHDB", "SELECT 3", "SELECT 0"])


def test_what_is_changed_behind_the_instant_is_not_in_the_file(launch, read, oracle):
    server = launch("--save", "")
    fill_databases(server)
    with server.client() as client, server.connect() as connection:
        big_list(client, "list:700", 30)
        client.persist("list:700")
        wait_until(lambda: client.get("short-lived") is None)
        expected = all_contents(server, oracle)
        dice = random.Random(server.shards)
        lines = list(changes(dice))
        connection.send(b"".join(resp.encode(*line.split()) for line in ["BGSAVE", *lines]))
        assert connection.read() == "Background saving started"
        for _ in lines:
            connection.read()
    wait_for_save(server)
    assert persistence(server)["rdb_last_bgsave_status"] == "ok"
    assert all_contents(read(server), oracle) == expected


def test_the_sum_of_all_accounts_is_in_every_file(launch, read):
    """Transfers over all shards in transactions and scripts, while snapshots are taken."""
    server = launch("--save", "")
    accounts = 200
    stop = threading.Event()
    script = "redis.call('DECRBY', KEYS[1], ARGV[1]) redis.call('INCRBY', KEYS[2], ARGV[1])"

    def transfer(seed):
        dice = random.Random(seed)
        with server.connect() as connection:
            while not stop.is_set():
                commands = []
                for _ in range(20):
                    one, other = (f"account:{i}" for i in dice.sample(range(accounts), 2))
                    amount = dice.randrange(50)
                    if dice.random() < 0.3:
                        commands.append(["EVAL", script, "2", one, other, amount])
                    else:
                        commands += [["MULTI"], ["DECRBY", one, amount], ["INCRBY", other, amount], ["EXEC"]]
                connection.pipeline(commands)

    with server.client() as client, server.connect() as connection:
        client.mset({f"account:{i}": 1000 for i in range(accounts)})
        pipe = client.pipeline(transaction=False)
        for i in range(scaled(20000)):
            pipe.set(f"filler:{i}", "x" * 50)
        pipe.execute()
        threads = [threading.Thread(target=transfer, args=(seed,)) for seed in range(3)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(3):
                bgsave(connection, server)
                with read(server).client() as reader:
                    values = reader.mget([f"account:{i}" for i in range(accounts)])
                    assert sum(map(int, values)) == 1000 * accounts
        finally:
            stop.set()
            for thread in threads:
                thread.join()


def test_large_values_are_written_by_one_shard_after_another(launch, read):
    server = launch("--save", "")
    with server.client() as client, server.connect() as connection:
        for i in range(6):
            big_list(client, f"large:{i}", 20)
            client.sadd(f"members:{i}", *[f"{j}-member-of-a-large-set" for j in range(30000)])
        for i in range(1000):
            client.set(f"small:{i}", i)
        connection.send(b"".join(resp.encode(*line) for line in [["BGSAVE"], *[["LPUSH", f"large:{i}", "late"] for i in range(6)]]))
        assert [connection.read() for _ in range(7)][0] == "Background saving started"
    wait_for_save(server)
    with read(server).client() as reader:
        assert [reader.llen(f"large:{i}") for i in range(6)] == [100_000] * 6
        assert [reader.scard(f"members:{i}") for i in range(6)] == [30_000] * 6
        assert reader.dbsize() == 1012 and reader.lrange("large:0", 0, 0) != [b"late"]


# What is said.


def test_commands_answer_as_in_redis(launch):
    server = launch("--save", "")
    with server.client() as client, server.connect() as connection, server.connect() as other:
        big_list(client, "large", 100)
        before = connection("LASTSAVE")
        assert connection("BGSAVE foo") == "ERR syntax error" and connection("BGSAVE SCHEDULE x") == "ERR syntax error"
        assert connection("BGSAVE CANCEL") == "ERR Background saving is currently not in progress or scheduled"
        connection.send(b"".join(resp.encode(*line.split()) for line in ["BGSAVE", "BGSAVE", "BGSAVE SCHEDULE", "SAVE"]))
        assert [connection.read() for _ in range(4)] == [
            "Background saving started",
            "ERR Background save already in progress",
            "ERR Background save already in progress",
            "ERR Background save already in progress",
        ]
        wait_for_save(server)
        time.sleep(1.1)
        assert connection("SAVE") == "OK" and connection("LASTSAVE") > before
        for line in ["MULTI", "SET a b", "BGSAVE", "SET c d"]:
            assert connection(line) in ("OK", "QUEUED")
        assert connection("EXEC") == ["OK", "Background saving scheduled", "OK"]
        wait_until(lambda: persistence(server)["rdb_changes_since_last_save"] == "0")
        assert connection("MULTI") == "OK" and connection("SAVE") == "ERR Command not allowed inside a transaction"
        assert connection("DISCARD") == "OK"
        assert connection.command("EVAL", "return redis.call('BGSAVE')", "0").startswith("ERR This Redis command is not allowed from script")


def test_info_tells_how_it_went(launch_some):
    server = launch_some("--save", "")
    with server.connect() as connection:
        assert persistence(server)["rdb_last_bgsave_time_sec"] == "-1"
        connection("MSET a 1 b 2 c 3")
        assert persistence(server)["rdb_changes_since_last_save"] == "3"
        bgsave(connection, server)
        info = persistence(server)
        assert info["rdb_changes_since_last_save"] == "0" and info["rdb_saves"] == "1"
        assert info["rdb_last_bgsave_time_sec"] == "0" and info["rdb_current_bgsave_time_sec"] == "-1"
        assert abs(int(info["rdb_last_save_time"]) - time.time()) < 30
        assert (info["current_save_keys_total"], info["current_save_keys_processed"]) == ("3", "3")


def test_what_is_cancelled_leaves_the_old_file(launch, read):
    server = launch("--save", "")
    with server.client() as client, server.connect() as connection:
        client.set("old", 1)
        assert connection("SAVE") == "OK"
        big_list(client, "large", 100)
        connection.send(resp.encode("BGSAVE") + resp.encode("BGSAVE", "CANCEL"))
        assert connection.read() == "Background saving started" and connection.read() == "Background saving cancelled"
        wait_for_save(server)
        info = persistence(server)
        assert info["rdb_last_bgsave_status"] == "ok" and info["rdb_changes_since_last_save"] != "0"
        assert not list(server.folder.glob("temp-*"))
        with read(server).client() as reader:
            assert reader.keys() == [b"old"]
        bgsave(connection, server)
    with read(server).client() as reader:
        assert reader.llen("large") == 500_000


def test_what_is_under_way_keeps_the_name_that_it_began_with(launch_some):
    server = launch_some("--save", "", "--enable-protected-configs", "yes")
    with server.client() as client, server.connect() as connection:
        big_list(client, "large", 100)
        lines = [["BGSAVE"], ["CONFIG", "SET", "dbfilename", "another-name-of-some-length.rdb"], ["BGSAVE", "CANCEL"]]
        assert connection.pipeline(lines)[1:] == ["OK", "Background saving cancelled"]
        wait_for_save(server)
    assert f"Saving '{server.folder}/dump.rdb' was cancelled" in server.log()


def test_flushall_ends_what_runs_and_empties_the_file(launch, read):
    server = launch("--save", "900 1")
    with server.client() as client, server.connect() as connection:
        big_list(client, "large", 60)
        bgsave(connection, server)
        lines = [["SET", "more", "x"], ["BGSAVE"], ["FLUSHALL"], ["SET", "behind", "x"]]
        assert connection.pipeline(lines) == ["OK", "Background saving started", "OK", "OK"]
        bgsave(connection, server)
    with read(server).client() as reader:
        assert reader.keys() == [b"behind"]


def test_flushall_alone_empties_the_file(launch_some, read):
    server = launch_some("--save", "900 1")
    with server.client() as client, server.connect() as connection:
        client.set("a", 1)
        bgsave(connection, server)
        client.flushall()
        wait_until(lambda: persistence(server)["rdb_changes_since_last_save"] == "0")
        wait_for_save(server)
    with read(server).client() as reader:
        assert reader.dbsize() == 0


WAYS_TO_FLUSH = {
    "alone": [["FLUSHALL"]],
    "within a transaction": [["MULTI"], ["SET", "other", "x"], ["FLUSHALL"], ["SET", "behind", "x"], ["EXEC"]],
    "by a script": [["EVAL", "redis.call('SET', KEYS[1], 'x') redis.call('FLUSHALL') return 'OK'", "1", "other"]],
}


@pytest.mark.parametrize("way", WAYS_TO_FLUSH)
def test_flushall_is_answered_when_its_keys_are_in_no_file(launch, way):
    """Whichever shard the client is on, and whichever executes it."""
    server = launch("--save", "900 1000")
    for lap in range(6):
        with server.connect() as connection:
            connection.pipeline([["SET", f"marker:{lap}:{i}", "x"] for i in range(20)])
            assert connection("SAVE") == "OK"
            assert b"marker:" in (server.folder / "dump.rdb").read_bytes()
            lines = [[word.replace("other", f"other{lap}") for word in line] for line in WAYS_TO_FLUSH[way]]
            answers = connection.pipeline(lines)
            assert b"marker:" not in (server.folder / "dump.rdb").read_bytes()
            assert answers[-1] in ("OK", b"OK", ["OK", "OK", "OK"])


def test_flushall_is_answered_where_the_file_can_not_be_written(launch_some):
    server = launch_some("--save", "900 1000")
    with server.connect() as connection:
        (server.folder / "dump.rdb").mkdir()
        assert connection.pipeline([["SET", "a", "x"], ["FLUSHALL"], ["DBSIZE"]]) == ["OK", "OK", 0]
        assert "Error saving the DB to" in server.log()
        (server.folder / "dump.rdb").rmdir()


def test_a_flushall_that_is_loaded_touches_no_file(launch_some):
    server = launch_some("--save", "900 1000", "--appendonly", "yes")
    server.stop()
    folder = server.folder / "appendonlydir"
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / "appendonly.aof.manifest").write_text("file appendonly.aof.1.incr.aof seq 1 type i\n")
    lines = [["SET", "a", "x"], ["FLUSHALL"], ["SET", "behind", "x"]]
    (folder / "appendonly.aof.1.incr.aof").write_bytes(b"".join(resp.encode(*line) for line in lines))
    (server.folder / "dump.rdb").unlink(missing_ok=True)
    server.open()
    server.start()
    with server.connect() as connection:
        assert connection("KEYS *") == [b"behind"]
        time.sleep(0.3)
        assert not (server.folder / "dump.rdb").exists()


# Save points.


def test_save_points(launch_some, read):
    server = launch_some("--save", "1 5", "--save", "3600 1")
    with server.client() as client:
        assert client.config_get("save") == {"save": "1 5 3600 1"}
        for i in range(4):
            client.set(f"k{i}", i)
        time.sleep(2.5)
        assert not (server.folder / "dump.rdb").exists()
        client.set("k4", 4)
        wait_until(lambda: (server.folder / "dump.rdb").exists())
        wait_until(lambda: persistence(server)["rdb_changes_since_last_save"] == "0")
        assert "5 changes in 1 seconds. Saving..." in server.log()
        client.config_set("save", "")
        for i in range(10):
            client.set(f"k{i}", i)
        time.sleep(2.5)
        assert persistence(server)["rdb_changes_since_last_save"] == "10"
        client.config_set("save", "1 3")
        wait_until(lambda: persistence(server)["rdb_changes_since_last_save"] == "0")
    with read(server).client() as reader:
        assert reader.dbsize() == 10


# Failures.


@pytest.fixture
def in_lost_folder(launch_some, tmp_path):
    """A server whose folder can be taken away and brought back."""
    folder = tmp_path / "lost"
    folder.mkdir()
    return launch_some("--dir", folder, "--save", "900 1000000"), folder


MISCONF = (
    "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. Commands that may "
    "modify the data set are disabled, because this instance is configured to report errors during writes if RDB "
    "snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB error."
)


def test_writes_are_refused_while_nothing_can_be_saved(in_lost_folder):
    server, folder = in_lost_folder
    with server.connect() as connection:
        assert connection("SET a 1") == "OK"
        folder.rmdir()
        assert connection("SAVE") == "ERR"
        assert connection("SET a 2") == "OK"
        assert connection("BGSAVE") == "Background saving started"
        wait_for_save(server)
        assert persistence(server)["rdb_last_bgsave_status"] == "err"
        wait_until(lambda: connection("SET a 3") == MISCONF)
        for line in ["PING", "MSET a 1 b 2", "DEL a", "FLUSHALL"]:
            assert connection(line) == MISCONF, line
        assert connection("GET a") == b"2"
        assert connection.command("EVAL", "return redis.call('GET', 'a')", "0") == b"2"
        assert MISCONF in connection.command("EVAL", "return redis.call('SET', 'a', 5)", "0")
        assert connection("MULTI") == "OK" and connection("SET a 7") == MISCONF
        assert connection("EXEC") == "EXECABORT Transaction discarded because of previous errors."
        assert connection("CONFIG SET stop-writes-on-bgsave-error no") == "OK"
        assert connection("SET a 3") == "OK" and connection("PING") == "PONG"
        assert connection("CONFIG SET stop-writes-on-bgsave-error yes") == "OK"
        assert connection("SET a 4") == MISCONF
        folder.mkdir()
        bgsave(connection, server)
        wait_until(lambda: connection("SET a 4") == "OK")


def test_redis_refuses_in_the_same_words(redis_server):
    server = redis_server("misconf", save="900 1000000", dbfilename="a-folder")
    (server.folder / "a-folder").mkdir()
    with server.connect() as connection:
        connection("BGSAVE")
        wait_until(lambda: connection("SET a 1") == MISCONF)
        assert connection("PING") == MISCONF and connection("SAVE") == "ERR"
        assert MISCONF in connection.command("EVAL", "return redis.call('SET', 'a', 5)", "0")


def test_a_killed_server_leaves_the_old_file_or_the_new_one(launch, read):
    server = launch("--save", "")
    with server.client() as client:
        client.set("old", 1)
        client.save()
        before = (server.folder / "dump.rdb").read_bytes()
        big_list(client, "large", 100)
        client.bgsave()
    server.kill()
    is_old = (server.folder / "dump.rdb").read_bytes() == before
    with read(server).client() as reader:
        assert sorted(reader.keys()) == ([b"old"] if is_old else [b"large", b"old"])


# The end of the server.


def ends_with(server, connection, *words):
    connection.send(resp.encode("SHUTDOWN", *words))
    with pytest.raises((resp.Closed, ConnectionResetError)):
        connection.read()
    assert server.wait_for_exit() == 0
    server.check_log(EXPECTED)


@pytest.mark.parametrize(
    "points, words, saves",
    [
        ("900 1", (), True),
        ("900 1", ("NOW",), True),
        ("900 1", ("NOSAVE",), False),
        ("", (), False),
        ("", ("SAVE", "FORCE"), True),
        ("", ("NOSAVE", "NOW", "FORCE"), False),
    ],
)
def test_shutdown_saves_where_it_is_to(launch_some, read, points, words, saves):
    server = launch_some("--save", points)
    with server.connect() as connection:
        connection("SET a 1")
        ends_with(server, connection, *words)
    assert (server.folder / "dump.rdb").exists() == saves
    assert not list(server.folder.glob("temp-*"))
    if saves:
        with read(server).client() as reader:
            assert reader.get("a") == b"1"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_save_where_there_are_save_points(launch_some, number):
    for points, saves in [("900 1", True), ("", False)]:
        server = launch_some("--save", points)
        with server.connect() as connection:
            connection("SET a 1")
        server.stop(number, expected=EXPECTED)
        assert (server.folder / "dump.rdb").exists() == saves


def test_what_a_signal_does_can_be_set(launch_some):
    server = launch_some("--save", "", "--shutdown-on-sigterm", "save", "--shutdown-on-sigint", "nosave")
    with server.connect() as connection:
        connection("SET a 1")
        connection("CONFIG SET shutdown-on-sigterm nosave")
        connection("CONFIG SET shutdown-on-sigint save")
    server.stop(signal.SIGINT, expected=EXPECTED)
    assert (server.folder / "dump.rdb").exists()


def test_a_server_that_cannot_save_goes_on(in_lost_folder):
    server, folder = in_lost_folder
    with server.connect() as connection:
        connection("SET a 1")
        folder.rmdir()
        assert connection("SHUTDOWN") == "ERR Errors trying to SHUTDOWN. Check logs."
        assert connection("SET a 2") == "OK"
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: "errors trying to shut down" in server.log())
        assert connection("SET a 3") == "OK"
        assert connection("SHUTDOWN ABORT") == "ERR No shutdown in progress."
        ends_with(server, connection, "FORCE")


def test_a_shutdown_that_takes_long_can_be_aborted(launch):
    """Whoever opens a pipe waits until somebody reads it."""
    server = launch("--save", "900 1")
    pipe = server.folder / f"temp-{server.pid}.rdb"
    os.mkfifo(pipe)
    with server.connect() as one, server.connect() as other, server.connect() as writer:
        writer("SET a 1")
        one.send(resp.encode("SHUTDOWN"))
        wait_until(lambda: persistence(server)["rdb_bgsave_in_progress"] == "1")
        writer.send(resp.encode("SET", "a", "2"))
        assert other("GET a") == b"1", "writes are held back, reads are not"
        assert other("SHUTDOWN ABORT") == "OK"
        with open(pipe, "rb"):
            assert one.read() == "ERR Errors trying to SHUTDOWN. Check logs."
        assert writer.read() == "OK" and other("GET a") == b"2"
        assert other("SHUTDOWN ABORT") == "ERR No shutdown in progress."
        assert "Shutdown manually aborted" in server.log()
        ends_with(server, one)


def test_a_client_does_not_end_the_pause_before_the_end(launch_some):
    server = launch_some("--save", "900 1")
    pipe = server.folder / f"temp-{server.pid}.rdb"
    os.mkfifo(pipe)
    with server.connect() as one, server.connect() as other, server.connect() as writer:
        writer("SET a 1")
        other("CLIENT PAUSE 60000 WRITE")
        one.send(resp.encode("SHUTDOWN"))
        wait_until(lambda: persistence(server)["rdb_bgsave_in_progress"] == "1")
        writer.send(resp.encode("SET", "a", "2"))
        assert other("CLIENT UNPAUSE") == "OK"
        assert other("CLIENT PAUSE 1 WRITE") == "OK"
        time.sleep(0.05)
        assert other("GET a") == b"1"
        assert other("SHUTDOWN ABORT") == "OK"
        with open(pipe, "rb"):
            assert one.read() == "ERR Errors trying to SHUTDOWN. Check logs."
        assert writer.read() == "OK", "and the pause of before has ended"
        ends_with(server, one)


def test_nothing_that_was_answered_is_lost_by_a_shutdown(launch, read):
    server = launch("--save", "900 1")
    answered = [0] * 4

    def write(number):
        with server.connect() as connection:
            try:
                for i in range(10**6):
                    if connection.command("SET", f"key:{number}:{i}", i) != "OK":
                        return
                    answered[number] = i + 1
            except (resp.Closed, OSError):
                return

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    wait_until(lambda: min(answered) > 200)
    server.stop(expected=EXPECTED)
    for thread in threads:
        thread.join()
    with read(server).client() as reader:
        for number, count in enumerate(answered):
            for i in range(count):
                assert reader.get(f"key:{number}:{i}") == b"%d" % i


def test_a_snapshot_that_runs_does_not_hold_up_the_end(launch_some):
    server = launch_some("--save", "")
    with server.client() as client, server.connect() as connection:
        big_list(client, "large", 100)
        connection("BGSAVE")
        ends_with(server, connection, "NOSAVE")
    assert not list(server.folder.glob("*.rdb"))
