"""The append-only file: what it says, loaded by redis-server, is what there was; and when it says so."""

import contextlib
import random
import threading
import time

import pytest

import aof_scenarios
import resp
from append_only import loaded_by_redis, segments, written
from conftest import COMBINATIONS, require
from differential import read_keyspace
from server import Server, scaled, wait_until

DATABASES = 16
POLICIES = ("always", "everysec", "no")


@pytest.fixture(params=COMBINATIONS, ids=lambda param: f"{param[0]}-{param[1]}")
def begin(request, start):
    """Starts a server of this combination with an append-only file."""
    shards, backend = request.param
    require(backend)

    def begin_one(appendfsync="everysec", *options, **keywords):
        common = ("--shards", shards, "--net-backend", backend, "--appendonly", "yes", "--appendfsync", appendfsync)
        server = start(*common, "--enable-debug-command", "yes", *options, **keywords)
        server.shards = shards
        return server

    return begin_one


def content(server):
    """All keys, and what the functions are."""
    with server.connect() as connection:
        libraries = connection.command("FUNCTION", "LIST", "WITHCODE")
    return read_keyspace(server, DATABASES), sorted(map(repr, libraries))


def differences(expected, got):
    return {where: (expected.get(where), got.get(where)) for where in expected.keys() | got.keys() if expected.get(where) != got.get(where)}


def is_in_redis(server, expected):
    """The server has ended, and redis-server finds in its folder what there was: values, and deadlines to the millisecond."""
    with loaded_by_redis(server.folder) as oracle:
        got = content(oracle)
    for keys in (expected[0], got[0]):
        for found in keys.values():
            del found[1]  # encodings are each server's own
    wrong = differences(expected[0], got[0])
    assert not wrong, f"{len(wrong)} keys, of them: {list(wrong.items())[:5]}"
    assert expected[1] == got[1]


def test_redis_loads_what_there_was(begin):
    server = begin()
    with server.connect() as admin:
        scenarios = aof_scenarios.ALL + (aof_scenarios.SEGMENTS_IN_ORDER if server.shards == 1 else [])
        for i, function in enumerate(scenarios):
            admin.command("CONFIG", "SET", "appendfsync", POLICIES[i % 3])
            aof_scenarios.run(function, server)
    expected = content(server)
    server.stop()
    is_in_redis(server, expected)


def test_redis_loads_what_a_killed_server_has_left_and_may_go_on_behind_it(begin):
    """What lies behind the groups then, room for those to come, is nothing to it; and what it adds there is not lost."""
    server = begin("always")
    with server.connect() as connection:
        for i in range(100):
            assert connection.command("SET", f"key:{i}", i) == "OK"
    server.kill()
    assert any(path.read_bytes().endswith(b"-\n") for path in segments(server.folder))
    with loaded_by_redis(server.folder) as oracle, oracle.connect() as connection:
        assert connection.command("DBSIZE") == 100
    redis = Server(server.folder, "--appendonly", "yes", "--save", "", "--bind", "127.0.0.1", binary="redis-server")
    try:
        redis.start()
        wait_until(lambda: redis.info("persistence")["loading"] == "0")
        with redis.connect() as connection:
            connection.pipeline([("MULTI",), ("SET", "key:0", "of redis"), ("SET", "more", 1), ("EXEC",)])
    finally:
        redis.kill()
    server.open()
    server.start()
    assert "is cut" not in server.log()
    with server.connect() as connection:
        assert connection.command("DBSIZE") == 101
        assert connection.command("GET", "key:0") == b"of redis"


# When answers leave.


def test_under_always_an_answer_says_that_it_is_written(begin):
    server = begin("always")
    dice = random.Random(7)
    ways = [
        lambda c, token: c.command("SET", f"k{dice.randrange(50)}", token),
        lambda c, token: c.command("RPUSH", f"l{dice.randrange(50)}", token),
        lambda c, token: c.command("MSET", *(word for i in range(9) for word in (f"m{i}", token))),
        lambda c, token: c.pipeline([("MULTI",), ("SET", "a", token), ("SET", "b", token), ("SET", "c", token), ("EXEC",)])[-1],
        lambda c, token: c.command("EVAL", "for i = 1, 5 do redis.call('SET', ARGV[2] .. i, ARGV[1]) end return 'x'", 0, token, "s"),
        lambda c, token: c.pipeline([("SET", f"p{i}", f"{token}") for i in range(20)])[-1],
    ]
    with server.connect() as connection:
        for number in range(scaled(150)):
            token = f"token-{number}-".encode()
            answer = dice.choice(ways)(connection, token)
            assert not isinstance(answer, resp.Error)
            assert token in written(server.folder)


def test_under_always_who_sees_a_value_may_rely_on_it(begin):
    """Not only its writer is told of it when it is written."""
    server = begin("always")
    keys = [f"k{i}" for i in range(10)]
    over, failures = threading.Event(), []

    def write():
        with server.connect() as connection:
            number = 0
            while not over.is_set():
                number += 1
                connection.pipeline([("SET", key, f"token-{number}-{key}-") for key in keys])

    def look():
        with server.connect() as connection:
            seen = set()
            while len(seen) < scaled(300) and not failures:
                for token in connection.command("MGET", *random.sample(keys, 3)):
                    if token and token not in seen:
                        seen.add(token)
                        if token not in written(server.folder):
                            failures.append(token)

    writer = threading.Thread(target=write)
    readers = [threading.Thread(target=look) for _ in range(2)]
    for thread in [writer, *readers]:
        thread.start()
    for thread in readers:
        thread.join()
    over.set()
    writer.join()
    assert not failures


def test_a_pipeline_is_answered_in_order_whatever_the_policy(begin):
    server = begin("always")
    with server.connect() as connection, server.connect() as admin:
        for round in range(6):
            commands, expected = [], []
            for i in range(1000):
                commands += [("SET", f"k{i % 37}", i), ("GET", f"k{i % 37}"), ("INCR", "n")]
                expected += ["OK", b"%d" % i, round * 1000 + i + 1]
            assert connection.pipeline(commands) == expected
            admin.command("CONFIG", "SET", "appendfsync", POLICIES[round % 3])


def stream_without_pause(server, over, answers):
    """A client that writes on and on and does not wait for answers, which another thread takes."""
    with server.connect() as connection:
        lot = b"".join(resp.encode("SET", f"s{i}", "x" * 20) for i in range(200))

        def send():
            with contextlib.suppress(OSError):
                while not over.is_set():
                    connection.send(lot)

        sender = threading.Thread(target=send)
        sender.start()
        while not over.is_set():
            assert connection.read() == "OK"
            answers.append(time.monotonic())
        connection.socket.shutdown(2)
        sender.join()


def test_under_always_nobody_starves_beside_a_pipeline_without_end(begin):
    server = begin("always")
    over, answers = threading.Event(), []
    stream = threading.Thread(target=stream_without_pause, args=(server, over, answers))
    stream.start()
    try:
        with server.connect() as connection:
            wait_until(lambda: len(answers) > 0)
            for i in range(scaled(100)):
                before = len(answers)
                assert connection.command("SET", f"one by one{i % 5}", i) == "OK"
                if i % 20 == 19:
                    wait_until(lambda: len(answers) > before)
    finally:
        over.set()
        stream.join()


# The end of a file.


class Writers:
    """Clients that write rising numbers to keys of their own, and know which were acknowledged."""

    def __init__(self, server, count=3):
        self.server = server
        self.acknowledged = [{} for _ in range(count)]
        self.over, self.failures = threading.Event(), []
        self.threads = [threading.Thread(target=self.write, args=(i,)) for i in range(count)]
        for thread in self.threads:
            thread.start()

    def write(self, client):
        dice, number = random.Random(client), 0
        try:
            with self.server.connect() as connection:
                while not self.over.is_set():
                    numbers = range(number, number + dice.randrange(1, 12))
                    number = numbers.stop
                    lot = [(f"w{client}.{dice.randrange(20)}", n) for n in numbers]
                    answers = connection.pipeline(("SET", key, n) for key, n in lot)
                    assert all(answer == "OK" for answer in answers), answers
                    self.acknowledged[client].update(lot)
        except (resp.Closed, OSError):
            pass
        except BaseException as failure:
            self.failures.append(failure)

    def end(self):
        self.over.set()
        for thread in self.threads:
            thread.join()
        assert not self.failures, self.failures

    def progress(self):
        return sum(sum(list(wanted.values())) for wanted in self.acknowledged)

    def check(self, server):
        """What was acknowledged last is there, or what was written after it."""
        with server.connect() as connection:
            for wanted in self.acknowledged:
                for key, number in wanted.items():
                    assert int(connection.command("GET", key) or -1) >= number, key


@pytest.mark.parametrize("appendfsync", POLICIES)
def test_sigterm_leaves_a_whole_file(begin, appendfsync):
    server = begin(appendfsync)
    writers = Writers(server)
    wait_until(lambda: writers.progress() >= 20_000)
    server.stop()
    writers.end()
    with loaded_by_redis(server.folder) as oracle:
        writers.check(oracle)


def test_the_policy_may_change_under_load(begin):
    server = begin("no")
    writers = Writers(server)
    with server.connect() as admin:
        for i in range(30):
            before = writers.progress()
            assert admin.command("CONFIG", "SET", "appendfsync", POLICIES[i % 3]) == "OK"
            wait_until(lambda: writers.progress() > before)
    writers.end()
    expected = content(server)
    server.stop()
    is_in_redis(server, expected)
    with loaded_by_redis(server.folder) as oracle:
        writers.check(oracle)
