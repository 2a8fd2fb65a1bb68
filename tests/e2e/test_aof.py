"""The append-only file: what it says, loaded by redis-server, is what there was; and when it says so."""

import contextlib
import random
import subprocess
import threading
import time

import pytest

import aof_scenarios
import resp
from append_only import loaded_by_redis, written
from conftest import COMBINATIONS, require
from differential import read_keyspace
from server import scaled, wait_until

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


# A full disk.


@pytest.fixture(params=["file system", "limit"])
def room(request, tmp_path):
    """A function that says how many bytes the server's files may have: of a small file system, or of each file."""
    place = tmp_path / "server0"
    if request.param == "limit":
        yield lambda server, size: subprocess.run(["prlimit", "--pid", str(server.pid), f"--fsize={size}:"], check=True)
        return
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", place], capture_output=True).returncode != 0:
        pytest.skip("no file system can be mounted here")
    try:
        yield lambda server, size: subprocess.run(["mount", "-o", f"remount,size={size}", place], check=True)
    finally:
        subprocess.run(["umount", "-l", place], check=True)


DISK_WARNINGS = (r"Error writing to the AOF file of shard \d+: ", r"AOF write error looks solved, shard \d+ can write again")


def is_refused(answer):
    return isinstance(answer, resp.Error) and answer.startswith("MISCONF Errors writing to the AOF file: ")


class Filler(threading.Thread):
    """Writes until the disk is full; of what is under way then the answer may come late."""

    def __init__(self, server, name, full):
        super().__init__()
        self.server, self.name, self.full, self.acknowledged = server, name, full, 0
        self.start()

    def run(self):
        with self.server.connect() as connection:
            while not self.full.is_set() and connection.command("SET", f"{self.name}:{self.acknowledged}", "x" * 3000) == "OK":
                self.acknowledged += 1

    def check(self, server):
        with server.connect() as connection:
            keys = [f"{self.name}:{i}" for i in range(self.acknowledged)]
            assert not keys or connection.command("EXISTS", *keys) == len(keys)


@pytest.mark.parametrize("appendfsync", ["always", "everysec"])
def test_while_the_disk_is_full_writes_are_refused_and_reads_go_on(begin, room, appendfsync):
    server = begin(appendfsync, expected=DISK_WARNINGS)
    with server.connect() as connection, server.connect() as queued, server.connect() as queued_script:
        connection.command("SET", "before", "there")
        queued.pipeline([("WATCH", "before"), ("MULTI",), ("SET", "queued", 1)])
        queued_script.pipeline([("MULTI",), ("EVAL", "return redis.call('SET', KEYS[1], 1)", 1, "queued")])
        room(server, 1 << 18)
        full = threading.Event()
        fillers = [Filler(server, f"f{i}", full) for i in range(3)]
        wait_until(lambda: server.info("persistence")["aof_last_write_status"] == "err", seconds=40)
        full.set()
        refusals = connection.pipeline([("SET", "a", 1), ("PING",), ("LPOP", "a"), ("EVAL", "#!lua\nreturn 1", 0)])
        assert all(map(is_refused, refusals)), refusals
        assert connection.command("GET", "before") == b"there"
        refusal = queued.command("EXEC")
        assert refusal.startswith("EXECABORT Transaction discarded because of: MISCONF Errors writing to the AOF file: ")
        assert queued.command("EXEC") == "ERR EXEC without MULTI"
        if appendfsync == "always":
            assert queued_script.command("EXEC") == refusal
        else:
            assert is_refused(queued_script.command("EXEC")[0])
        assert connection.command("EXISTS", "queued") == 0
    with server.connect() as connection:
        answers = connection.pipeline([("MULTI",), ("SET", "a", 1), ("GET", "a"), ("EXEC",)])
        assert is_refused(answers[1]) and answers[3].startswith("EXECABORT")
        assert len(connection.command("MGET", "f0:0", "f1:0", "before")) == 3
    room(server, 1 << 28)
    with server.connect() as connection:
        wait_until(lambda: connection.command("SET", "after", "there") == "OK")
        assert connection.command("EVAL", "return redis.call('SET', 'script', '1')", 0) == "OK"
    for filler in fillers:
        filler.join()
        filler.check(server)
    assert server.info("persistence")["aof_last_write_status"] == "ok"
    expected = content(server)
    server.stop(expected=DISK_WARNINGS)
    is_in_redis(server, expected)


@pytest.mark.parametrize("appendfsync", ["always", "everysec"])
def test_without_the_file_a_full_disk_does_not_matter(begin, room, appendfsync):
    """Its shard can't end what it had begun; the others have."""
    server = begin(appendfsync, "--save", "", expected=DISK_WARNINGS)
    room(server, 1 << 18)
    full = threading.Event()
    filler = Filler(server, "f", full)
    wait_until(lambda: server.info("persistence")["aof_last_write_status"] == "err", seconds=40)
    full.set()
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(server.connect()) for _ in range(2 * server.shards)]
        assert is_refused(connections[0].command("SET", "a", 1))
        assert connections[0].command("CONFIG", "SET", "appendonly", "no") == "OK"
        filler.join()
        for _ in range(2):
            for i, connection in enumerate(connections):
                assert connection.command("SET", f"a{i}", 1) == "OK"
            time.sleep(0.05)
    room(server, 1 << 28)
    server.stop(expected=DISK_WARNINGS)
