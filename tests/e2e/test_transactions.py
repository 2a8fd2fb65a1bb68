"""MULTI, EXEC, DISCARD, WATCH and UNWATCH over any shards: Redis's rules, Redis's words, one instant.

What redis-server says to the same commands is the reference, byte for byte.
"""

import functools
import re
import threading
import time

import pytest

from resp import Closed, Error
from server import run_together, scaled, wait_until

KEYS = [f"key:{number}" for number in range(12)]  # on every shard of five


def converse(connection, lines):
    """The bytes of each answer; an empty one stands for none where the connection is closed."""
    answers = []
    for line in lines:
        try:
            connection.send_commands([line.split()])
            answers.append(connection.read_raw())
        except (Closed, ConnectionError):
            answers.append(b"")
    return answers


def transaction(connection, *lines):
    connection.send_commands([line.split() for line in ("MULTI", *lines, "EXEC")])
    answers = [connection.read() for _ in range(len(lines) + 2)]
    assert answers[:-1] == ["OK"] + ["QUEUED"] * len(lines), answers
    return answers[-1]


# As redis-server says it.

CONVERSATIONS = {
    "nested": ["MULTI", "MULTI", "PING", "EXEC", "EXEC"],
    "watch inside": ["MULTI", "WATCH key:1", "SET key:1 1", "EXEC"],
    "without multi": ["EXEC", "DISCARD", "UNWATCH"],
    "arity": ["MULTI x", "EXEC x", "DISCARD x", "WATCH", "UNWATCH x"],
    "exec with arguments": ["MULTI", "SET key:1 1", "EXEC x", "GET key:1", "EXEC"],
    "wrong arity queued": ["MULTI", "SET key:1", "SET key:2 2", "EXEC", "GET key:2"],
    "a value is missing": ["MULTI", "MSET key:1 1 key:2", "MSETNX key:1 1 key:3 2 key:4", "PING", "EXEC", "EXISTS key:1"],
    "wrong arity of multi": ["MULTI", "MULTI x", "EXEC"],
    "wrong arity of discard": ["MULTI", "DISCARD x", "PING", "EXEC"],
    "wrong arity of watch": ["MULTI", "WATCH", "EXEC"],
    "unknown": ["MULTI", "NOSUCH key:1", "EXEC"],
    "unknown subcommand": ["MULTI", "CONFIG NOSUCH", "EXEC", "PING"],
    "not allowed": ["MULTI", "SHUTDOWN ABORT", "PING", "EXEC"],
    "errors at run time": ["MULTI", "SET key:1 x", "LPUSH key:1 1", "INCR key:1", "SET key:2 2", "EXEC", "GET key:2"],
    "empty": ["MULTI", "EXEC", "MULTI", "EXEC"],
    "discard": ["MULTI", "SET key:1 1", "DISCARD", "GET key:1", "DISCARD"],
    "reset": ["MULTI", "SET key:1 1", "RESET", "EXEC", "GET key:1"],
    "quit": ["MULTI", "SET key:1 1", "QUIT", "PING"],
    "unwatch queued": ["SET key:1 1", "WATCH key:1", "MULTI", "UNWATCH", "EXEC"],
    "select": ["MULTI", "SET key:1 0", "SELECT 3", "SET key:1 3", "GET key:1", "EXEC", "GET key:1", "SELECT 0", "GET key:1"],
    "shard channels": ["MULTI", "SSUBSCRIBE s", "SUNSUBSCRIBE s", "SUBSCRIBE a", "UNSUBSCRIBE a", "EXEC", "PING"],
    "exec of a subscriber": ["SUBSCRIBE a", "MULTI", "EXEC", "DISCARD", "UNSUBSCRIBE a", "EXEC"],
    "select out of range": ["MULTI", "SELECT 99", "PING", "EXEC"],
    "protocol": ["MULTI", "HGETALL key:1", "HELLO 9", "EXEC", "HELLO 3", "MULTI", "HGETALL key:1", "GET key:1", "EXEC"],
    "null in resp3": ["HELLO 3", "WATCH key:1", "SET key:1 1", "MULTI", "PING", "EXEC"],
    "null in resp2": ["WATCH key:1", "SET key:1 1", "MULTI", "PING", "EXEC", "EXEC"],
    "aborted although touched": ["WATCH key:1", "SET key:1 1", "MULTI", "NOSUCH", "EXEC", "MULTI", "PING", "EXEC"],
    "ones own change within": ["WATCH key:1", "MULTI", "SET key:1 1", "SET key:1 2", "EXEC", "GET key:1"],
    "blocking": [
        "MULTI", "BLPOP a b c 0", "BRPOP a 0", "BRPOPLPUSH a b 0", "BLMOVE a b LEFT LEFT 0", "BLMPOP 0 2 a b LEFT",
        "BZPOPMIN a b 0", "BZPOPMAX a 0", "BZMPOP 0 2 a b MIN", "XREAD BLOCK 0 STREAMS a b $ $", "EXEC",
    ],
    "blocking that finds": [
        "RPUSH a 1 2 3", "MULTI", "BLPOP b a 0", "BLMOVE a c LEFT LEFT 0", "BRPOP c 0", "BLPOP c 0", "EXEC", "LRANGE a 0 -1",
    ],
    "over all shards": [
        "MSET key:1 1 key:2 2 key:3 3 key:4 4", "MULTI", "DBSIZE", "MGET key:1 key:2 key:3 key:4", "DEL key:1 key:3",
        "DBSIZE", "FLUSHDB", "DBSIZE", "RANDOMKEY", "KEYS *", "SWAPDB 0 1", "FLUSHALL", "EXEC", "DBSIZE",
    ],
    "scan": ["MULTI", "SCAN x", "SCAN 0 COUNT 0", "EXEC"],
    "sort by": ["RPUSH a 2 1 3", "MSET w1 3 w2 2 w3 1", "MULTI", "SORT a BY w* GET w* GET #", "SORT a STORE b", "EXEC"],
    "multi keys": [
        "MULTI", "SADD key:1 a b", "SADD key:2 b c", "SUNIONSTORE key:3 key:1 key:2", "SMOVE key:1 key:2 a",
        "RENAME key:3 key:4", "COPY key:4 key:5", "BITOP OR key:6 key:7 key:8", "MSETNX key:9 1 key:1 2", "EXEC",
        "SCARD key:5",
    ],
    "of no shard": ["MULTI", "PING", "ECHO x", "TIME x", "EXEC", "MULTI", "PING hi", "ECHO x", "EXEC"],
    "reply off": ["MULTI", "PING", "CLIENT REPLY ON", "ECHO a", "EXEC", "PING"],
    "config": [
        "MULTI", "CONFIG SET hash-max-listpack-entries 7", "CONFIG GET hash-max-listpack-entries",
        "CONFIG SET hash-max-listpack-entries x", "CONFIG SET hash-max-listpack-entries 128", "EXEC",
    ],
    "kill": ["MULTI", "CLIENT KILL SKIPME yes TYPE normal ID 123456789", "PING", "EXEC", "PING"],
    "names": ["MULTI", "CLIENT SETNAME me", "CLIENT GETNAME", "CLIENT SETNAME", "EXEC", "CLIENT GETNAME"],
    "names in it": ["MULTI", "CLIENT SETNAME me", "CLIENT GETNAME", "EXEC", "CLIENT GETNAME"],
    "auth": ["MULTI", "AUTH x", "AUTH default x", "EXEC"],
    "debug": ["MULTI", "OBJECT ENCODING key:1", "DEBUG SLEEP 0", "OBJECT FREQ key:1", "EXEC"],
    "pause": ["MULTI", "CLIENT PAUSE 100 WRITE", "SET key:1 1", "CLIENT UNPAUSE", "EXEC", "SET key:1 2"],
}


@pytest.mark.parametrize("lines", CONVERSATIONS.values(), ids=CONVERSATIONS)
def test_answers_are_those_of_redis_server(server, oracle, lines):
    with oracle.connect() as connection:
        connection("FLUSHALL")
    with server.connect() as ours, oracle.connect() as theirs:
        for line, our, their in zip(lines, converse(ours, lines), converse(theirs, lines)):
            if line != "HELLO 3":  # tells the version
                assert our == their, line


@pytest.mark.parametrize("mode", ["OFF", "SKIP"])
@pytest.mark.parametrize("before", [False, True])
def test_reply_modes_are_those_of_redis_server(server, oracle, mode, before):
    head = [f"CLIENT REPLY {mode}"] if before else []
    lines = [*head, "MULTI", "PING", f"CLIENT REPLY {mode}", "ECHO a", "CLIENT REPLY ON", "ECHO b", "EXEC", "ECHO c"]
    lines += ["MULTI", f"CLIENT REPLY {mode}", "EXEC", "ECHO d", "ECHO e", "CLIENT REPLY ON", "ECHO end"]
    answers = []
    for asked in (server, oracle):
        with asked.connect() as connection:
            connection.send_commands([line.split() for line in lines])
            seen = b""
            while not seen.endswith(b"$3\r\nend\r\n"):
                seen += connection.socket.recv(4096)
            answers.append(seen)
    assert answers[0] == answers[1]


def test_a_client_that_kills_itself_gets_what_came_before(server, oracle):
    answers = []
    for asked in (server, oracle):
        with asked.connect() as connection:
            connection.send_commands([["MULTI"], ["PING"], "CLIENT KILL ID".split() + [connection("CLIENT ID")] + "SKIPME no".split(), ["PING"], ["EXEC"], ["PING"]])
            answers.append(connection.read_until_closed())
    assert answers[0] == answers[1]


def test_without_a_password_it_is_refused_as_exec_is(server, oracle):
    answers = []
    for asked in (server, oracle):
        with asked.connect() as admin:
            admin("CONFIG SET requirepass secret")
            try:
                with asked.connect() as connection:
                    answers.append(converse(connection, ["EXEC", "MULTI", "WATCH a", "AUTH secret", "MULTI", "EXEC"]))
            finally:
                admin.command("CONFIG", "SET", "requirepass", "")
    assert answers[0] == answers[1]


# What is in it.

def test_commands_for_all_shards_run_in_it(server, raw):
    raw("MSET " + " ".join(f"{key} 1" for key in KEYS))
    answers = transaction(raw, "DBSIZE", "INFO server", "CLIENT LIST", "MEMORY STATS", "KEYS *", "CLIENT ID")
    assert answers[0] == len(KEYS)
    assert b"redis_version" in answers[1]
    mine = [line for line in answers[2].decode().splitlines() if line.startswith(f"id={answers[5]} ")]
    assert len(mine) == 1 and re.search(r" flags=x .* multi=6 .* cmd=exec ", mine[0]), answers[2]
    assert sorted(answers[4]) == sorted(key.encode() for key in KEYS)


def test_scan_walks_all_shards_in_it(raw):
    raw("MSET " + " ".join(f"k{number} 1" for number in range(300)))
    seen, cursor = set(), "0"
    while True:
        (cursor, keys), size = transaction(raw, f"SCAN {cursor.decode() if isinstance(cursor, bytes) else cursor} COUNT 20", "DBSIZE")
        assert size == 300
        seen.update(keys)
        if cursor == b"0":
            break
    assert len(seen) == 300


def test_settings_change_in_it_for_all_shards_at_once(server, raw):
    others = [server.connect() for _ in range(5)]
    for value in ("11", "12"):
        assert transaction(raw, f"CONFIG SET hash-max-listpack-entries {value}", "PING") == ["OK", "PONG"]
        for other in others:
            assert other("CONFIG GET hash-max-listpack-entries")[1] == value.encode()


def test_what_follows_a_select_in_it_is_in_that_database(raw):
    raw.send_commands([w.split() for w in ("MULTI", "SELECT 5", "SET key:1 five", "EXEC", "GET key:1", "SELECT 0", "GET key:1")])
    assert [raw.read() for _ in range(7)][3:] == [["OK", "OK"], b"five", "OK", None]


def test_a_paused_exec_waits_and_one_that_only_reads_does_not(server, raw):
    with server.connect() as reading, server.connect() as writing:
        for connection, line in ((reading, "GET key:1"), (writing, "INCR key:1")):
            connection("MULTI")
            assert connection(line) == "QUEUED"
        raw("CLIENT PAUSE 60000 WRITE")
        assert reading("EXEC") == [None]
        writing.send_commands([["EXEC"]])
        assert writing.is_silent_for(0.2)
        raw("CLIENT UNPAUSE")
        assert writing.read() == [1]


def test_nobody_waiting_is_served_before_it_ends(server, raw):
    with server.connect() as waiter:
        waiter.send_commands([["BLPOP", *KEYS, "0"]])
        wait_until(lambda: server.info("clients")["blocked_clients"] == "1")
        assert transaction(raw, "RPUSH key:3 a", "RPUSH key:1 b", "LPUSH key:3 c", "LLEN key:3")[-1] == 2
        key, value = waiter.read()
        assert (key, value) in ((b"key:3", b"c"), (b"key:1", b"b"))
        waiter.send_commands([["BLPOP", "elsewhere", "0"]])
        wait_until(lambda: server.info("clients")["blocked_clients"] == "1")
        assert transaction(raw, "RPUSH elsewhere a", "DEL elsewhere") == [1, 1]
        assert waiter.is_silent_for(0.1)


def test_pipelines_of_transactions_keep_their_order(raw):
    count = scaled(500)
    commands = []
    for number in range(count):
        commands += [["MULTI"], ["SET", f"key:{number % 12}", number], ["GET", f"key:{number % 12}"]]
        commands += [["INCR", f"other:{number % 5}"], ["EXEC"], ["GET", f"key:{number % 12}"]]
    raw.send_commands(commands)
    for number in range(count):
        answers = [raw.read() for _ in range(6)]
        text = b"%d" % number
        assert answers == ["OK", "QUEUED", "QUEUED", "QUEUED", ["OK", text, number // 5 + 1], text]


def test_a_large_one_is_run_whole(raw):
    count = 20000
    raw.send_commands([["MULTI"]] + [["INCR", f"n:{number % 97}"] for number in range(count)] + [["EXEC"]])
    for _ in range(count + 1):
        raw.read()
    answer = raw.read()
    assert answer == [number // 97 + 1 for number in range(count)]


@pytest.mark.parametrize("shards", [1, 2])
def test_what_is_queued_is_bounded_as_a_request_is(start, shards):
    server = start("--shards", shards, expected=["Closing client that reached max query buffer length"])
    raw = server.connect()
    raw("CONFIG SET client-query-buffer-limit 1mb")
    with server.connect() as connection:
        connection("MULTI")
        with pytest.raises((Closed, ConnectionError)):
            for _ in range(100000):
                connection.pipeline([["SET", "key:1", "x" * 1000]] * 20)
    assert raw("GET key:1") is None
    with server.connect() as connection:  # small ones count by what they take
        connection("MULTI")
        with pytest.raises((Closed, ConnectionError)):
            for _ in range(100000):
                connection.pipeline([["PING"]] * 100)


# Watching.

TOUCHES = {
    "set": ("SET k 1", "SET k 2"),
    "the same": ("SET k 1", "SET k 1"),
    "restored": ("SET k 1", "SET k 2", "SET k 1"),
    "created": (None, "SET k 1"),
    "created and removed": (None, "SET k 1", "DEL k"),
    "deleted": ("SET k 1", "DEL k"),
    "unlinked": ("SET k 1", "UNLINK k"),
    "renamed away": ("SET k 1", "RENAME k other"),
    "renamed over": ("SET other 1", "RENAME other k"),
    "copied over": ("SET other 1", "COPY other k"),
    "moved": ("SET k 1", "MOVE k 1"),
    "expire": ("SET k 1", "EXPIRE k 100"),
    "persist": ("SET k 1 EX 100", "PERSIST k"),
    "append": ("SET k 1", "APPEND k x"),
    "mset": ("SET k 1", "MSET a 1 b 2 c 3 k 4 d 5"),
    "flushdb": ("SET k 1", "FLUSHDB"),
    "flushall": ("SET k 1", "FLUSHALL"),
    "flushall of none": (None, "FLUSHALL"),
    "swapdb": ("SET k 1", "SWAPDB 0 1"),
    "swapdb with itself": ("SET k 1", "SWAPDB 0 0"),
    "swapdb of none": (None, "SWAPDB 0 1"),
    "pop": ("RPUSH k 1", "LPOP k"),
    "push": ("RPUSH k 1", "RPUSH k 2"),
    "pop of none": (None, "LPOP k"),
    "hset the same": ("HSET k f 1", "HSET k f 1"),
    "hdel of none": ("HSET k f 1", "HDEL k g"),
    "sadd of a member": ("SADD k m", "SADD k m"),
    "sadd": ("SADD k m", "SADD k n"),
    "zadd the same": ("ZADD k 1 m", "ZADD k 1 m"),
    "zadd": ("ZADD k 1 m", "ZADD k 2 m"),
    "xadd": ("XADD k 1-1 f v", "XADD k * f v"),
    "setbit": ("SET k 1", "SETBIT k 1 1"),
    "pfadd": (None, "PFADD k a"),
    "sort store": ("RPUSH l 1", "SORT l STORE k"),
    "sinterstore of none": ("SADD k m", "SINTERSTORE k a b"),
    "read": ("SET k 1", "GET k", "TTL k", "OBJECT ENCODING k", "TOUCH k", "DUMP k"),
    "wrong type": ("SET k 1", "LPUSH k 1"),
    "another key": ("SET k 1", "SET j 1"),
    "another database": ("SET k 1", "SELECT 1", "SET k 1", "FLUSHDB", "SELECT 0"),
    "transaction": ("SET k 1", "MULTI", "SET j 1", "INCR k", "EXEC"),
    "expired": ("SET k 1 PX 30", None),
    "expired and set again": ("SET k 1 PX 30", None, "SET k 1"),
}


@pytest.mark.parametrize("lines", TOUCHES.values(), ids=TOUCHES)
def test_what_touches_a_key_is_what_redis_server_says(server, oracle, lines):
    first, *touches = lines
    answers = []
    for asked in (server, oracle):
        with asked.connect() as watching, asked.connect() as other:
            other("FLUSHALL")
            if first:
                assert not isinstance(other(first), Error)
            watching("WATCH k")
            for touch in touches:
                if touch is None:
                    time.sleep(0.05)
                else:
                    other(touch)
            answers.append(transaction(watching, "PING"))
    assert answers[0] == answers[1]


def test_watches_hold_for_keys_of_all_shards(server, raw):
    with server.connect() as other:
        for key in KEYS:
            raw.command("WATCH", *KEYS)
            assert transaction(raw, "PING") == ["PONG"]
            raw.command("WATCH", *KEYS)
            other.command("SET", key, 1)
            assert transaction(raw, "GET untouched") is None
        assert transaction(raw, "PING") == ["PONG"]


@pytest.mark.parametrize("end", ["UNWATCH", "MULTI|DISCARD", "MULTI|EXEC", "RESET", "MULTI|NOSUCH|EXEC"])
def test_watches_end(server, raw, end):
    with server.connect() as other:
        raw.command("WATCH", *KEYS)
        other("SET key:1 1")
        for line in end.split("|"):
            raw(line)
        assert transaction(raw, "PING") == ["PONG"]


def test_watches_end_with_the_connection(server, raw):
    """Nothing is left of those of a hundred connections that end without a word, some while they are killed."""
    raw("MEMORY PURGE")
    before = int(server.info("memory")["used_memory"])
    for turn in range(100):
        with server.connect() as connection:
            connection.send_commands([["WATCH", *(f"{'x' * 500}:{number}" for number in range(50))]])
            if turn % 3:
                connection.read()
            if turn % 5 == 0:
                raw.command("CLIENT", "KILL", "LADDR", "%s:%d" % server.address, "SKIPME", "yes")
    wait_until(lambda: server.info("clients")["connected_clients"] == "2")
    wait_until(lambda: int(server.info("memory")["used_memory"]) < before + 1_000_000)


def test_client_list_tells_of_multi_and_watch(server, raw):
    with server.connect() as connection:
        client = connection("CLIENT ID")

        def line():
            return raw.command("CLIENT", "LIST", "ID", client).decode()

        connection.command("WATCH", *KEYS, KEYS[0])
        assert " flags=N " in line() and " multi=-1 watch=12 " in line()
        connection("MULTI")
        connection("PING")
        assert " flags=x " in line() and " multi=1 watch=12 " in line()
        assert int(re.search(r"multi-mem=(\d+)", line()).group(1)) > 0
        raw("SET key:5 1")
        assert " flags=xd " in line()
        assert connection("EXEC") is None
        assert " flags=N " in line() and " multi=-1 watch=0 " in line() and " multi-mem=0 " in line()


# At one instant.

def at_once(server, workers):
    """Each with a connection of its own."""

    def connected(worker):
        with server.connect() as connection:
            worker(connection)

    run_together([functools.partial(connected, worker) for worker in workers])


def test_transfers_keep_their_sum(server, raw):
    raw.command("MSET", *(word for key in KEYS for word in (key, 100)))
    done = threading.Event()

    def transfer(first):
        def work(connection):
            for turn in range(scaled(300)):
                here, there = KEYS[(first + turn) % 12], KEYS[(first * 5 + turn * 7 + 3) % 12]
                transaction(connection, f"DECRBY {here} {turn}", f"INCRBY {there} {turn}")

        return work

    def watch_sums(connection):
        while not done.is_set():
            assert sum(map(int, connection.command("MGET", *KEYS))) == 1200
            assert sum(map(int, transaction(connection, *(f"GET {key}" for key in KEYS)))) == 1200

    def transfer_all():
        try:
            at_once(server, [transfer(first) for first in range(4)])
        finally:
            done.set()

    run_together([transfer_all, lambda: at_once(server, [watch_sums] * 2)])
    assert sum(map(int, raw.command("MGET", *KEYS))) == 1200


def test_no_increment_is_lost_between_watch_and_exec(server, raw):
    """The textbook's loop: read under WATCH, write in MULTI, again where somebody came in between."""
    rounds, clients = scaled(60), 4

    def increment(connection):
        for turn in range(rounds):
            keys = [KEYS[turn % 3], KEYS[turn % 4 + 4]]
            while True:
                connection.command("WATCH", *keys)
                values = [int(value or 0) for value in connection.command("MGET", *keys)]
                if transaction(connection, *(f"SET {key} {value + 1}" for key, value in zip(keys, values))):
                    break

    at_once(server, [increment] * clients)
    assert sum(int(value or 0) for value in raw.command("MGET", *KEYS)) == 2 * rounds * clients


def test_the_clock_stands_still_in_it(server, raw):
    """A key is there for all of a transaction or for none of it, on whichever shards its commands are."""
    for _ in range(scaled(30)):
        raw.pipeline([["SET", key, 1, "PX", 5] for key in KEYS])
        end = time.monotonic() + 0.02
        while time.monotonic() < end:
            counts = transaction(raw, f"EXISTS {KEYS[0]}", "EXISTS " + " ".join(KEYS), f"EXISTS {KEYS[0]}")
            assert counts[0] == counts[2]
