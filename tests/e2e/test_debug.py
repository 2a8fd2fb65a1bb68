"""DEBUG DIGEST, by which two servers' data are compared, DEBUG RELOAD, DEBUG LOADAOF, and the small ones."""

import random
import threading
import time

import pytest

import differential
from append_only import loaded_by_redis, segments
from every_type import fill_collections
from server import scaled, wait_until

RELOADED = [r"DB reloaded by DEBUG RELOAD"]
LOADED = [r"Append Only File loaded by DEBUG LOADAOF"]
NOT_LOADED = "ERR Error trying to load the AOF files, check server logs."
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


# DEBUG LOADAOF


@pytest.fixture
def journaled(start, backend, tmp_path, request):
    """Begins a server, again and again, on one folder with an append-only file."""
    (tmp_path / "data").mkdir()
    shards = request.param

    def begin(*options, shards=shards, expected=()):
        return start("--shards", shards, "--net-backend", backend, "--appendonly", "yes", "--enable-debug-command", "yes",
                     "--save", "", "--dir", tmp_path / "data", *options, expected=[*LOADED, *expected])  # fmt: skip

    begin.shards, begin.folder = shards, tmp_path / "data"
    return begin


every_journaled = pytest.mark.parametrize("journaled", [1, 2, 5], indirect=True)
ABOUT = ["HPEXPIRETIME deadlines FIELDS 2 a b", "XPENDING stream:5 group", "XINFO GROUPS stream:5", "XINFO STREAM stream:5",
         "EXPIRETIME k3", "EXPIRETIME k4", "FCALL f 0"]  # fmt: skip


def rests(server):
    return server.info("persistence")["aof_rewrite_in_progress"] == "0"


@every_journaled
@pytest.mark.parametrize("policy, preamble", [("always", "yes"), ("everysec", "no"), ("no", "yes")])
def test_all_is_there_again_behind_loadaof(journaled, policy, preamble):
    server = journaled("--appendfsync", policy, "--aof-use-rdb-preamble", preamble)
    with server.client(single_connection_client=True) as client:
        fill(client)
    with server.connect() as c:
        for round in range(2):
            expected = digest(c), [c(line) for line in ABOUT]
            for _ in range(2):
                assert c("DEBUG LOADAOF") == "OK"
                assert (digest(c), [c(line) for line in ABOUT]) == expected
            assert server.info("persistence")["rdb_changes_since_last_save"] == "0"
            c(f"SET behind {round}"), c("INCR n"), c("DEL list:5"), c("SWAPDB 3 4"), c("RENAME k1 k2"), c(f"SET k1 {round}")
            if round % 2:
                c("BGREWRITEAOF")  # SWAPDB may have begun one
                assert c("DEBUG LOADAOF") == "OK"  # at any of its steps
                wait_until(lambda: rests(server))
        expected = digest(c)
    server.kill() if policy == "always" else server.stop(expected=LOADED)
    for shards in (journaled.shards, 3):
        server = journaled(shards=shards)
        with server.connect() as c:
            assert digest(c) == expected and c("FCALL f 0") == 42
            assert c("DEBUG LOADAOF") == "OK" and digest(c) == expected  # what another number of shards has written, too
        server.stop(expected=LOADED)


@every_journaled
def test_what_has_expired_when_it_is_reloaded_is_gone_for_the_journal_too(journaled):
    server = journaled()
    with server.connect() as c:
        assert c("DEBUG SET-ACTIVE-EXPIRE 0") == "OK"
        for key in "abcde":
            assert c(f"SET {key} v PX 20") == "OK"
        time.sleep(0.05)
        assert c("DEBUG RELOAD") == "OK"
        for key in "abcd":
            assert c(f"XGROUP CREATE {key} group 0 MKSTREAM") == "OK"
        expected = digest(c)
        assert c("DEBUG LOADAOF") == "OK" and digest(c) == expected and c("EXISTS a b c d e") == 4
    server.stop(expected=[*LOADED, *RELOADED])
    with journaled().connect() as c:
        assert digest(c) == expected


@every_journaled
@pytest.mark.parametrize("policy", ["always", "everysec"])
def test_nothing_acknowledged_is_lost_by_loadaof(journaled, policy):
    """While others write, and the file is rewritten, each answer stays true; so also after a restart."""
    server = journaled("--appendfsync", policy)
    ends, answered = threading.Event(), [0] * 3

    def write(number):
        with server.connect(timeout=60) as c:
            while not ends.is_set():
                first = answered[number] + 1
                batch = [("SET", f"{number}:{i}", i) for i in range(first, first + 5)]
                batch += [("INCRBY", f"sum:{number}", 5), ("RPUSH", f"list:{number}", first)]
                got = c.pipeline([("MULTI",), *batch, ("EXEC",)])[-1] if first % 2 else c.pipeline(batch)
                assert got == ["OK"] * 5 + [first + 4, (first + 4) // 5], got
                answered[number] = first + 4

    writers = [threading.Thread(target=write, args=(number,)) for number in range(3)]
    for writer in writers:
        writer.start()
    try:
        with server.connect(timeout=60) as c:
            for round in range(scaled(40)):
                before = list(answered)
                if round % 5 == 0:
                    c("BGREWRITEAOF")
                assert c("DEBUG LOADAOF") == "OK"
                for number, least in enumerate(before):
                    assert int(c(f"GET sum:{number}") or 0) >= least and c(f"LLEN list:{number}") >= least // 5
                    assert least == 0 or c(f"GET {number}:{least}") == b"%d" % least
    finally:
        ends.set()
        for writer in writers:
            writer.join()
    with server.connect() as c:
        assert [int(c(f"GET sum:{number}") or 0) for number in range(3)] == answered
        assert c("DBSIZE") == sum(answered) + 6
        assert c("DEBUG LOADAOF") == "OK"
        expected = digest(c)
        wait_until(lambda: rests(server))
    server.kill() if policy == "always" else server.stop(expected=LOADED)
    with journaled().connect() as c:
        assert digest(c) == expected


@every_journaled
def test_loadaof_of_a_file_that_is_wrong_changes_nothing(journaled):
    server = journaled("--appendfsync", "always", expected=["byte", "can't be", "is shorter", "checksum", "Bad file", "AOF"])
    with server.client(single_connection_client=True) as client:
        fill(client)
    with server.connect() as c:
        assert c("BGREWRITEAOF").startswith("Background")
        wait_until(lambda: rests(server))
        for i in range(50):
            c(f"SET behind:{i} {'x' * i}")
        expected = digest(c)
        assert c("DEBUG LOADAOF") == "OK"
        dice = random.Random(7)
        files = [path for path in segments(journaled.folder) if path.stat().st_size > 0]
        refused = 0
        for _ in range(scaled(40)):
            path = dice.choice(files)
            sound = path.read_bytes()
            at = dice.randrange(min(len(sound), 1000))  # behind that may be room for more, which is not looked at
            if dice.random() < 0.3:
                with open(path, "r+b") as file:
                    file.truncate(at)
            else:
                with open(path, "r+b") as file:
                    file.seek(at)
                    file.write(bytes([sound[at] ^ 1 << dice.randrange(8)]))
            answer = c("DEBUG LOADAOF")
            refused += answer == NOT_LOADED
            assert answer in (NOT_LOADED, "OK") and digest(c) == expected and c("FCALL f 0") == 42
            with open(path, "r+b") as file:
                file.write(sound)
        assert refused > scaled(40) // 4
        assert c("DEBUG LOADAOF") == "OK" and digest(c) == expected


@every_journaled
def test_without_an_append_only_file_loadaof_loads_the_one_that_is_there(journaled, start, backend):
    with start("--shards", journaled.shards, "--net-backend", backend, "--enable-debug-command", "yes", "--save", "",
               expected=["There is no append-only file"]).connect() as c:  # fmt: skip
        c("SET k v")  # redis-server ends here
        assert c("DEBUG LOADAOF") == NOT_LOADED and c("GET k") == b"v"
    server = journaled()
    with server.connect() as c:
        c.pipeline([("SET", f"k{i}", i) for i in range(100)])
        c("CONFIG SET appendonly no")
        c("SET new 1"), c("DEL k5")
        assert c("DEBUG LOADAOF") == "OK"
        assert c("DBSIZE") == 100 and c("EXISTS new") == 0 and c("GET k5") == b"5"
        c("CONFIG SET appendonly yes")
        wait_until(lambda: server.info("persistence")["aof_enabled"] == "1" and rests(server))
        c("SET new 1")
        expected = digest(c)
        wait_until(lambda: c("DEBUG LOADAOF") == "OK")
        assert digest(c) == expected
    server.stop(expected=[*LOADED, "is not complete yet"])
    with journaled().connect() as c:
        assert digest(c) == expected


@every_journaled
def test_loadaof_in_a_transaction_and_beside_those_who_wait(journaled, oracle):
    server = journaled(expected=["would lose what its own transaction"])
    with server.connect() as c, server.connect() as watcher, server.connect() as waiter, server.connect(3) as cacher:
        c("SET k1 v"), c("SET k2 v")
        assert c.pipeline([("MULTI",), ("GET", "k1"), ("DEBUG", "LOADAOF"), ("SET", "in", "1"), ("EXEC",)])[-1] == [
            b"v", "OK", "OK",
        ]  # fmt: skip
        got = c.pipeline([("MULTI",), ("SET", "in", "2"), ("DEBUG", "LOADAOF"), ("GET", "in"), ("EXEC",)])[-1]
        assert got[0] == "OK" and str(got[1]) == NOT_LOADED and got[2] == b"2"
        with oracle.connect() as other:
            line = ("EVAL", "return redis.call('debug', 'loadaof')", "0")
            assert str(c.command(*line)) == str(other.command(*line))
        watcher("WATCH k1"), watcher("MULTI"), watcher("PING")
        cacher("CLIENT TRACKING ON"), cacher("GET k1")
        waiter.send_commands([("BLPOP", "other", "0")])
        wait_until(lambda: server.info("clients")["blocked_clients"] == "1")
        assert c("DEBUG LOADAOF") == "OK" and c("DEBUG LOADAOF ignored") == "OK"
        assert watcher("EXEC") is None
        assert cacher.read() == [b"invalidate", None]
        c("RPUSH other x")
        assert waiter.read() == [b"other", b"x"]
        expected = digest(c)
    server.stop(expected=[*LOADED, "would lose what its own transaction"])
    with journaled().connect() as c:
        assert digest(c) == expected


# DEBUG POPULATE


POPULATE = [
    "0", "3", "5", "4 p", "3 q 20", "5 q 30", "3 r 3", "3 s 0", "30 t 100", "2 " + "n" * 126, "12 " + "m" * 125, "2 " + "l" * 300,
    "-1", "x", "3 u -1", "3 u x", "3 u 0 x", "99999999999999999999", "",
]  # fmt: skip


def test_populate_makes_what_redis_server_makes(raw, oracle):
    with oracle.connect() as other:
        for connection in (raw, other):
            connection("SET key:1 mine"), connection("RPUSH p:2 mine")
        for line in POPULATE:
            for db in (0, 3):
                assert raw(f"SELECT {db}") == other(f"SELECT {db}") == "OK"
                assert raw(f"DEBUG POPULATE {line}") == other(f"DEBUG POPULATE {line}"), line
                assert sorted(raw("KEYS *")) == sorted(other("KEYS *"))
        assert raw.command("DEBUG", "POPULATE", 2, b"a\x00b") == other.command("DEBUG", "POPULATE", 2, b"a\x00b") == "OK"
        for key in ("q:1", "key:2", "t:29"):
            assert raw(f"OBJECT ENCODING {key}") == other(f"OBJECT ENCODING {key}")
        assert digest(raw) == digest(other)


def test_what_populate_makes_is_seen_by_those_who_watch_and_in_transactions(raw, server):
    with server.connect() as watcher:
        watcher("WATCH w:1"), watcher("MULTI"), watcher("PING")
        got = raw.pipeline([("MULTI",), ("DEBUG", "POPULATE", 20, "w"), ("DBSIZE",), ("GET", "w:19"), ("EXEC",)])
        assert got[-1] == ["OK", 20, b"value:19"]
        assert watcher("EXEC") is None


def test_populate_ends_where_maxmemory_does(raw):
    used = int(raw("INFO memory").split(b"used_memory:")[1].split(b"\r")[0])
    assert raw(f"CONFIG SET maxmemory {used + (8 << 20)}") == "OK"
    assert raw("DEBUG POPULATE 1000000 k 1000") == "OOM command not allowed when used memory > 'maxmemory'."
    assert 5000 < raw("DBSIZE") < 9000
    assert raw("CONFIG SET maxmemory 0 proto-max-bulk-len 1mb") == "OK"
    assert raw("DEBUG POPULATE 1 k 1048577") == "ERR string exceeds maximum allowed size (proto-max-bulk-len)"


@every_journaled
def test_what_populate_makes_is_in_the_append_only_file(journaled):
    server = journaled("--appendfsync", "always")
    with server.connect() as c:
        assert c("DEBUG POPULATE 1000") == "OK" and c("DEBUG POPULATE 100 long 500") == "OK"
        c("APPEND key:5 more"), c("DEL key:6")
        expected = digest(c)
        assert c("DEBUG LOADAOF") == "OK" and digest(c) == expected
    server.kill()
    with journaled().connect() as c:
        assert digest(c) == expected and c("DBSIZE") == 1099
    with loaded_by_redis(journaled.folder) as other, other.connect() as connection:
        assert digest(connection) == expected


# DEBUG PROTOCOL


@pytest.mark.parametrize("protocol", [2, 3])
def test_protocol_answers_with_a_sample_of_each_type(server, oracle, protocol):
    types = "string integer double null array set map attrib verbatim true false bignum push STRING x".split()
    with server.connect(protocol) as c, oracle.connect(protocol) as other:
        for name in types:
            for connection in (c, other):
                connection.send_commands([("DEBUG", "PROTOCOL", name), ("ECHO", "end")])
            while (got := c.read_raw()) == other.read_raw() and got != b"$3\r\nend\r\n":
                pass
            assert got == b"$3\r\nend\r\n", name
        assert c("DEBUG PROTOCOL") == other("DEBUG PROTOCOL") and c("DEBUG PROTOCOL a b") == other("DEBUG PROTOCOL a b")


# What a value is kept in


def test_what_a_value_is_kept_in_goes_to_the_log(raw, server, oracle):
    with oracle.connect() as other:
        for connection in (raw, other):
            connection("ZADD z 1 one 2 two"), connection("HSET h field value"), connection("SET s v")
            connection("RPUSH l" + " element" * 3000), connection("SADD ints 1 2 3")
            connection("SADD set" + "".join(f" member{i}" for i in range(1000)))
            connection("HSET large" + "".join(f" field{i} 1" for i in range(1000)))
        for line in ("LISTPACK z", "LISTPACK h", "LISTPACK s", "LISTPACK l", "LISTPACK ints", "LISTPACK absent", "LISTPACK", "LISTPACK h h",
                     "QUICKLIST l", "QUICKLIST l 1", "QUICKLIST l x", "QUICKLIST h", "QUICKLIST absent", "QUICKLIST", "QUICKLIST l 1 2",
                     "HTSTATS-KEY h", "HTSTATS-KEY ints", "HTSTATS-KEY s", "HTSTATS-KEY l", "HTSTATS-KEY absent", "HTSTATS-KEY",
                     "CHANGE-REPL-ID x"):  # fmt: skip
            assert raw(f"DEBUG {line}") == other(f"DEBUG {line}"), line
    log = wait_until(lambda: "DEBUG QUICKLIST:   element 2999, 7 bytes: element" in server.log() and server.log())
    assert "DEBUG LISTPACK:   element 2, 3 bytes: two" in log and "DEBUG QUICKLIST: 3000 elements in " in log
    assert " ql_nodes:4 ql_avg_node:750.00 ql_listpack_max:-2 ql_compressed:0 ql_uncompressed_size:" in raw("DEBUG OBJECT l")
    for key in ("set", "large"):
        assert b" number of elements: 1000\n" in raw(f"DEBUG HTSTATS-KEY {key}")
    raw("SADD ints" + "".join(f" {i}" for i in range(10, 1000))), raw("ZADD z" + "".join(f" {i} {i}" for i in range(998)))
    assert b" integers beside the table: 993\n" in raw("DEBUG HTSTATS-KEY ints")
    assert b" number of elements: 1000\n" in raw("DEBUG HTSTATS-KEY z")


def test_the_name_of_the_history_is_changed_on_all_shards(server):
    def name():
        with server.connect() as c:
            return c("INFO replication").split(b"master_replid:")[1][:40]

    names = [name()]
    for _ in range(5):
        with server.connect() as c:
            assert c("DEBUG CHANGE-REPL-ID") == "OK"
        assert len({name() for _ in range(10)}) == 1
        names.append(name())
    assert len(set(names)) == 6 and all(int(each, 16) for each in names)
