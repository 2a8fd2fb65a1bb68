"""What many clients may observe of each other, over live shards.

Program order: of one pipeline's commands no observer sees a later one without the earlier.
Strict serializability: a command over several shards is seen whole or not at all, and what
one client saw, a client that asks later sees too. The simulator looks for the same in every
interleaving that a seed makes; here are real threads and sockets. Bounded by counts, not time.
"""

import threading

import pytest

from conftest import require
from server import scaled

GRID = [(1, "epoll"), (2, "io_uring"), (2, "epoll"), (5, "io_uring"), (5, "epoll"), (16, "io_uring"), (16, "epoll")]


@pytest.fixture(scope="module", params=GRID, ids=lambda param: f"{param[0]}-{param[1]}")
def server(request, tmp_path_factory):
    from server import Server

    shards, backend = request.param
    require(backend)
    options = ("--shards", shards, "--net-backend", backend, "--bind", "127.0.0.1")
    server = Server(tmp_path_factory.mktemp("ordering"), *options)
    try:
        yield server.start()
        server.stop()
    finally:
        server.kill()


@pytest.fixture(autouse=True)
def emptied(server):
    yield
    with server.connect() as connection:
        connection("FLUSHALL")


def race(server, writers, readers):
    """Runs every writer to its end, each on a connection of its own, and the readers until then.

    A reader is called again and again; what it returns counts its observations."""
    stop, failures, observations = threading.Event(), [], []

    def write(writer):
        try:
            with server.connect() as connection:
                writer(connection)
        except BaseException as failure:
            failures.append(failure)

    def read(reader):
        seen = 0
        try:
            with server.connect() as connection:
                while not (stop.is_set() and seen) and not failures:
                    seen += reader(connection)
        except BaseException as failure:
            failures.append(failure)
        observations.append(seen)

    writing = [threading.Thread(target=write, args=(writer,), daemon=True) for writer in writers]
    reading = [threading.Thread(target=read, args=(reader,), daemon=True) for reader in readers]
    for thread in reading + writing:
        thread.start()
    for thread in writing:
        thread.join()
    stop.set()
    for thread in reading:
        thread.join()
    if failures:
        raise failures[0]
    assert all(seen > 0 for seen in observations)


WRITERS, BATCH = 4, 20


def test_who_sees_the_job_announced_finds_the_job(server):
    jobs = scaled(4000)

    def producer(name):
        def produce(connection):
            for first in range(1, jobs + 1, BATCH):
                batch = []
                for n in range(first, min(first + BATCH, jobs + 1)):
                    batch += [("SET", f"job:{name}:{n}", n), ("INCR", f"head:{name}")]
                connection.send_commands(batch)
                for _ in batch:
                    connection.read()

        return produce

    def observe(connection):
        heads = connection.pipeline([("GET", f"head:{name}") for name in range(WRITERS)])
        announced = [(name, int(head)) for name, head in enumerate(heads) if head]
        found = connection.pipeline([("GET", f"job:{name}:{n}") for name, n in announced])
        for (name, n), job in zip(announced, found):
            assert job == b"%d" % n, f"head:{name} is {n}, but job:{name}:{n} is {job}"
        return len(announced)

    race(server, [producer(name) for name in range(WRITERS)], [observe] * 3)


def test_an_announcement_by_append_is_never_ahead_of_what_it_announces(server):
    """One pipeline without waiting for replies: SET then APPEND, thousands in flight."""
    count = scaled(6000)

    def produce(connection):
        sender = threading.Thread(
            target=connection.send_commands,
            args=([c for n in range(count) for c in (("SET", f"item:{n}", "x"), ("APPEND", "log", "."))],),
        )
        sender.start()
        for _ in range(2 * count):
            connection.read()
        sender.join()

    def observe(connection):
        length = connection("STRLEN log")
        if length:
            names = [f"item:{n}" for n in range(max(0, length - 10), length)]
            assert connection.pipeline([("EXISTS", name) for name in names]) == [1] * len(names), length
            assert connection.command("EXISTS", *names) == len(names)
        return 1 if length else 0

    race(server, [produce], [observe] * 3)


def test_a_pipeline_sees_its_own_writes_in_order(server):
    def work(name):
        def run(connection):
            for turn in range(scaled(400)):
                keys = [f"{name}:{turn}:{i}" for i in range(6)]
                batch = [("SET", key, i) for i, key in enumerate(keys)]
                batch += [("MGET", *keys), ("RENAME", keys[0], keys[5]), ("MGET", *keys), ("DEL", *keys), ("EXISTS", *keys)]
                values = [b"%d" % i for i in range(6)]
                replies = connection.pipeline(batch)
                assert replies[:6] == ["OK"] * 6
                assert replies[6] == values
                assert replies[8] == [None, *values[1:5], b"0"]
                assert replies[9:] == [5, 0]

        return run

    race(server, [work(name) for name in range(WRITERS)], [])


def test_mset_is_never_seen_in_part(server):
    keys = [f"part:{i}" for i in range(8)]

    def writer(name):
        def write(connection):
            for n in range(0, scaled(2000), BATCH):
                batch = [("MSET", *(word for key in keys for word in (key, f"{name}:{n + i}"))) for i in range(BATCH)]
                assert connection.pipeline(batch) == ["OK"] * BATCH

        return write

    def observe(connection):
        for values in connection.pipeline([("MGET", *keys)] * 5):
            assert len(set(values)) == 1, values
        return 5

    race(server, [writer(name) for name in range(3)], [observe] * 3)


def test_versions_never_go_back_for_whoever_asks_later(server):
    """One writer of rising versions by MSET; a reader asks the keys one after the other, in any order."""
    keys = [f"version:{i}" for i in range(6)]

    def write(connection):
        for n in range(1, scaled(2000)):
            connection.command("MSET", *(word for key in keys for word in (key, n)))

    def observe(connection):
        last = 0
        for key in keys + keys[::-1]:
            version = int(connection.command("GET", key) or 0)
            assert version >= last, (key, version, last)
            last = version
        return len(keys)

    race(server, [write], [observe] * 3)


def test_a_renamed_key_is_always_in_exactly_one_place(server):
    places = [f"place:{i}" for i in range(5)]
    with server.connect() as connection:
        connection.command("SET", places[0], "the one", "PX", 10**9)

    def write(connection):
        for n in range(scaled(2000)):
            here, there = places[n % 5], places[(n + 1) % 5]
            assert connection.command("RENAME", here, there) == "OK"

    def observe(connection):
        assert connection.command("EXISTS", *places) == 1
        values = [value for value in connection.command("MGET", *places) if value]
        assert values == [b"the one"]
        return 1

    race(server, [write], [observe] * 3)
    with server.connect() as connection:
        assert [connection.command("PTTL", place) > 0 for place in places].count(True) == 1


def test_msetnx_has_one_winner_over_all_shards(server):
    rounds = scaled(500)
    wins = [[] for _ in range(WRITERS)]

    def writer(name):
        def write(connection):
            for n in range(rounds):
                pairs = [word for i in range(6) for word in (f"nx:{n}:{(i + name) % 6}", name)]
                if connection.command("MSETNX", *pairs):
                    wins[name].append(n)

        return write

    race(server, [writer(name) for name in range(WRITERS)], [])
    assert sorted(n for won in wins for n in won) == list(range(rounds))
    with server.connect() as connection:
        for name, won in enumerate(wins):
            for n in won:
                assert connection.command("MGET", *(f"nx:{n}:{i}" for i in range(6))) == [b"%d" % name] * 6


def test_flushall_and_dbsize_see_all_or_nothing(server):
    pairs = [word for i in range(20) for word in (f"all:{i}", "x")]

    def write(connection):
        for _ in range(scaled(1000)):
            assert connection.pipeline([("MSET", *pairs), ("FLUSHALL",)]) == ["OK", "OK"]

    def observe(connection):
        size, keys, exist = connection.pipeline([("DBSIZE",), ("KEYS", "*"), ("EXISTS", *pairs[::2])])
        assert size in (0, 20) and len(keys) in (0, 20) and exist in (0, 20), (size, len(keys), exist)
        return 1

    race(server, [write], [observe] * 3)


def test_swapdb_is_seen_on_all_shards_at_once(server):
    keys = [f"swap:{i}" for i in range(8)]
    with server.connect() as connection:
        for database in (0, 1):
            connection.command("SELECT", database)
            connection.command("MSET", *(word for key in keys for word in (key, database)))

    def write(connection):
        for _ in range(scaled(1000)):
            assert connection("SWAPDB 0 1") == "OK"

    def observe(connection):
        values = connection.command("MGET", *keys)
        assert len(set(values)) == 1 and values[0] is not None, values
        return 1

    race(server, [write], [observe] * 3)


def test_increments_of_many_clients_are_all_counted(server):
    counters = [f"counter:{i}" for i in range(7)]
    rounds = scaled(300)

    def write(connection):
        for _ in range(rounds):
            connection.pipeline([("INCR", key) for key in counters] * 3)

    race(server, [write] * WRITERS, [])
    with server.connect() as connection:
        assert connection.command("MGET", *counters) == [b"%d" % (WRITERS * rounds * 3)] * len(counters)


def test_two_pipelines_over_all_shards_do_not_cross(server):
    """A writer sets the keys in one order, readers ask for them in the other: what was set
    later is never seen without what was set before it, whichever shards are ahead."""
    keys = [f"cross:{i}" for i in range(12)]

    def write(connection):
        for n in range(1, scaled(4000)):
            connection.pipeline([("SET", key, n) for key in keys])

    def observe(connection):
        versions = [int(v or 0) for v in connection.pipeline([("GET", key) for key in keys[::-1]])]
        assert versions == sorted(versions), versions
        return 1

    race(server, [write], [observe] * 3)


def test_a_pipeline_of_reads_does_not_cross_an_mset(server):
    keys = [f"cross:{i}" for i in range(12)]

    def write(connection):
        for n in range(1, scaled(4000)):
            connection.command("MSET", *(word for key in keys for word in (key, n)))

    def observe(connection):
        versions = [int(v or 0) for v in connection.pipeline([("GET", key) for key in keys])]
        assert versions == sorted(versions), versions
        return 1

    race(server, [write], [observe] * 3)
