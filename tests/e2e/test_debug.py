"""DEBUG DIGEST, by which two servers' data are compared, and DEBUG RELOAD."""

import random

import pytest

import differential
from append_only import loaded_by_redis
from every_type import fill_collections
from server import scaled, wait_until

RELOADED = [r"DB reloaded by DEBUG RELOAD"]
LIBRARY = "#!lua name=lib\nredis.register_function('f', function() return 42 end)"
WRONG = "ERR Error trying to load the RDB dump, check server logs."


def digest(connection):
    return connection.command("DEBUG", "DIGEST")


def fill(client):
    dice = random.Random(5)
    words = ["", "word", "x" * 100, "5", b"\x00\xff", "y" * 5000]
    fill_collections(client, dice, words)
    for i in range(300):
        client.set(f"k{i}", dice.choice(words), ex=100_000 if i % 3 == 0 else None)
    client.setbit("sparse", 50_000_000, 1)
    client.xgroup_create("stream:5", "group")
    client.xreadgroup("group", "reader", {"stream:5": ">"}, count=3)
    client.execute_command("HSET", "deadlines", "a", 1, "b", 2)
    client.execute_command("HPEXPIRE", "deadlines", 100_000_000, "FIELDS", 1, "a")
    client.execute_command("SELECT", 3)
    client.set("elsewhere", "v")
    client.execute_command("SELECT", 0)
    client.function_load(LIBRARY, replace=True)


@pytest.fixture
def filled(start, backend, request):
    shards = request.param if hasattr(request, "param") else 2
    server = start("--shards", shards, "--net-backend", backend, "--save", "", "--enable-debug-command", "yes",
                   expected=[*RELOADED, "there is such a key already", "can't be loaded", r"byte \d+"])  # fmt: skip
    with server.client(single_connection_client=True) as client:
        fill(client)
    return server


every_count = pytest.mark.parametrize("filled", [1, 2, 5], indirect=True)


@pytest.mark.parametrize("seed", [1, 2])
def test_a_data_set_has_the_digest_that_redis_server_gives_it(raw, oracle, seed):
    stream = differential.Stream(seed)
    with oracle.connect() as other:
        for at in range(scaled(3000)):
            command = stream.command()
            other.command(*command), raw.command(*command)
            if at % 100 == 99:
                other.command("KEYS", "*")  # has it remove what has expired
                assert digest(raw) == digest(other)
                assert raw.command("DEBUG", "DIGEST-VALUE", command[-1]) == other.command(
                    "DEBUG", "DIGEST-VALUE", command[-1]
                )


@every_count
def test_all_is_there_again_behind_a_reload(filled):
    with filled.connect() as c:
        before = digest(c)
        about = ["OBJECT ENCODING hash:700", "HPEXPIRETIME deadlines FIELDS 2 a b", "XPENDING stream:5 group", "XINFO STREAM stream:5", "XINFO GROUPS stream:5",
                 "EXPIRETIME k3", "EXPIRETIME k4"]  # fmt: skip
        expected = [c(line) for line in about]
        for options in ("", "NOSAVE", "MERGE NOFLUSH", "NOSAVE NOFLUSH MERGE", "nosave merge"):
            assert c(f"DEBUG RELOAD {options}") == "OK"
            assert digest(c) == before
            assert [c(line) for line in about] == expected
            assert c("FCALL f 0") == 42
        assert c("INFO persistence").count(b"rdb_changes_since_last_save:0\r\n") == 1


@every_count
def test_what_a_file_does_not_have_goes_or_stays_as_one_says(filled):
    with filled.connect() as c:
        assert c("SAVE") == "OK"
        saved = digest(c)
        c("SET k0 changed"), c("SET new 1"), c("DEL list:5"), c("FUNCTION FLUSH")
        changed = digest(c)
        assert c("DEBUG RELOAD NOSAVE NOFLUSH") == WRONG and digest(c) == changed
        assert c("FCALL f 0").startswith("ERR Function not found")
        assert c("DEBUG RELOAD NOSAVE NOFLUSH MERGE") == "OK"
        assert c("GET k0") != b"changed" and c("GET new") == b"1" and c("LLEN list:5") == 5
        assert c("FCALL f 0") == 42
        assert c("DEBUG RELOAD NOSAVE") == "OK" and digest(c) == saved and c("EXISTS new") == 0


@every_count
def test_a_file_that_is_wrong_or_missing_changes_nothing(filled):
    path = filled.folder / "dump.rdb"
    with filled.connect() as c:
        before = digest(c)
        assert c("DEBUG RELOAD NOSAVE") == WRONG
        assert c("SAVE") == "OK"
        sound = path.read_bytes()
        dice = random.Random(3)
        for _ in range(scaled(40)):
            damaged = bytearray(sound)
            damaged[dice.randrange(len(damaged))] ^= 1 << dice.randrange(8)
            path.write_bytes(dice.choice([bytes(damaged), sound[: dice.randrange(len(sound))]]))
            answer = c("DEBUG RELOAD NOSAVE")
            assert answer in (WRONG, "OK") and digest(c) == before
            assert c("FCALL f 0") == 42
        assert c("DEBUG RELOAD") == "OK" and digest(c) == before


def test_a_file_that_can_not_be_written_changes_nothing(start):
    server = start("--shards", 2, "--enable-debug-command", "yes", "--save", "", expected=["Error saving the DB"])
    (server.folder / "dump.rdb").mkdir()
    with server.connect() as c:
        c("SET k v")
        assert c("DEBUG RELOAD") == "ERR" and c("GET k") == b"v"


def test_options_are_redis_servers(raw, oracle):
    with oracle.connect() as other:
        for line in ("DEBUG RELOAD x", "DEBUG RELOAD NOSAVE x", "DEBUG RELOAD SAVE"):
            assert raw(line) == other(line)


@every_count
def test_nobody_sees_half_of_it(filled):
    """While it is reloaded again and again each client sees its own writes, all keys, and no sum in between."""
    with filled.connect() as c, filled.connect() as other, filled.connect() as third:
        c("FLUSHALL"), c("FUNCTION FLUSH")
        c.pipeline([("SET", f"n{i}", 1) for i in range(100)])
        for round in range(scaled(60)):
            c.send_commands([("DEBUG", "RELOAD"), ("DBSIZE",)])
            others = [("MGET", *(f"n{i}" for i in range(100))), ("DBSIZE",), ("INCR", f"n{round % 100}"), ("DBSIZE",)] * 5
            other.send_commands(others)
            third.send_commands([("DEBUG", "RELOAD"), ("DBSIZE",)])
            answers = [other.read() for _ in others]
            assert {answer if isinstance(answer, int) else 100 for answer in answers[1::2]} == {100}, answers
            assert all(None not in answer for answer in answers[::4])
            assert [c.read(), c.read(), third.read(), third.read()] == ["OK", 100, "OK", 100]
        total = sum(map(int, c.command("MGET", *(f"n{i}" for i in range(100)))))
        assert total == 100 + 5 * scaled(60)


@every_count
def test_a_transaction_may_have_it(filled):
    with filled.connect() as c:
        assert c.pipeline([("MULTI",), ("SET", "in", "1"), ("DEBUG", "RELOAD"), ("GET", "in"), ("EXEC",)])[-1] == [
            "OK", "OK", b"1",
        ]  # fmt: skip


def test_who_watches_waits_or_caches_is_told(filled):
    with filled.connect() as c, filled.connect() as watcher, filled.connect() as waiter, filled.connect(3) as cacher:
        c("RPUSH other x"), c("SAVE"), c("DEL other")
        watcher("WATCH k1"), watcher("MULTI"), watcher("PING")
        cacher("CLIENT TRACKING ON"), cacher("GET k1")
        waiter.send_commands([("BLPOP", "other", "0")])
        wait_until(lambda: filled.info("clients")["blocked_clients"] == "1")
        assert c("DEBUG RELOAD NOSAVE") == "OK"
        assert watcher("EXEC") is None
        assert waiter.read() == [b"other", b"x"]
        assert cacher.read() == [b"invalidate", None]


@pytest.mark.parametrize("shards", [1, 2, 5])
@pytest.mark.parametrize("options", ["", "NOSAVE", "NOSAVE NOFLUSH MERGE"])
def test_the_append_only_file_says_what_there_is(start, tmp_path, backend, shards, options):
    (tmp_path / "data").mkdir()

    def begin():
        return start("--shards", shards, "--net-backend", backend, "--appendonly", "yes", "--appendfsync", "always",
                     "--enable-debug-command", "yes", "--save", "", "--dir", tmp_path / "data",
                     expected=[*RELOADED, "is cut at byte", "are cut off, and"])  # fmt: skip

    server = begin()
    with server.client(single_connection_client=True) as client:
        fill(client)
    with server.connect() as c:
        c("SAVE"), c("SET new 1"), c("DEL list:5"), c("SET k0 changed")
        assert c(f"DEBUG RELOAD {options}") == "OK"
        c("SET behind 1"), c("INCR n")
        expected = digest(c)
    server.kill()
    server = begin()
    with server.connect() as c:
        assert digest(c) == expected and c("FCALL f 0") == 42
        assert c("DEL deadlines sparse") == 2  # what redis-server 7.0 does not know, or keeps as 6 MB
        expected = digest(c)
        wait_until(lambda: server.info("persistence")["aof_rewrite_in_progress"] == "0")
        assert c("BGREWRITEAOF").startswith("Background append only file rewriting")
        wait_until(lambda: server.info("persistence")["aof_rewrite_in_progress"] == "0")
    with loaded_by_redis(tmp_path / "data") as other, other.connect() as connection:
        assert digest(connection) == expected


def test_it_goes_on_beside_a_snapshot(filled):
    with filled.connect() as c:
        before = digest(c)
        for _ in range(scaled(20)):
            c.send_commands([("BGSAVE",), ("DEBUG", "RELOAD"), ("SET", "k1", "v"), ("DEBUG", "RELOAD")])
            assert [c.read() for _ in range(4)][1::2] == ["OK", "OK"]
            wait_until(lambda: filled.info("persistence")["rdb_bgsave_in_progress"] == "0")
            assert c("GET k1") == b"v"
        assert digest(c) != before
