"""Connections that move to the shard of their keys: what a client has set comes with it, nobody is lost or seen twice,
and each reply is the right one, whatever happens just before, meanwhile and just after. On one shard none moves.
"""

import binascii
import random
import threading
import time

import pytest

from conftest import require
from resp import Closed, Error, Push
from server import SANITIZED, run_together, scaled, wait_until

ENOUGH = 80  # requests in a row to another shard, more than make a connection think of moving
BOTH = [(2, "io_uring"), (2, "epoll")]
SEVERAL = [*BOTH, (5, "io_uring"), (5, "epoll")]


def names_on(shard, shards, prefix="key"):
    """Keys that lie on that shard."""
    number = 0
    while True:
        name = f"{prefix}:{number}"
        if binascii.crc_hqx(name.encode(), 0) % 16384 * shards // 16384 == shard:
            yield name
        number += 1


def name_on(shard, shards, prefix="key"):
    return next(names_on(shard, shards, prefix))


def moves(server):
    return int(server.info("shoal")["connections_moved"])


def is_at(server, connection, key):
    """Whether the connection is on the shard of that key, where nobody else asks for anything."""
    before = int(server.info("shoal")["requests_crossed"])
    connection.pipeline([("EXISTS", key)] * 10)
    return int(server.info("shoal")["requests_crossed"]) == before


def follow(server, connection, key):
    """Asks for that key until the connection is on its shard."""

    def asks():
        connection.pipeline([("EXISTS", key)] * ENOUGH)
        return is_at(server, connection, key)

    wait_until(asks, pause=0.02)


def visit(server, connection, shards):
    """To every shard once, at least."""
    for shard in range(shards):
        follow(server, connection, name_on(shard, shards))


def start_with(start, shards, backend):
    require(backend)
    server = start("--shards", shards, "--net-backend", backend)
    server.shards = shards
    return server


@pytest.fixture(params=SEVERAL, ids=lambda param: f"{param[0]}-{param[1]}")
def several(request, start):
    return start_with(start, *request.param)


@pytest.fixture(params=BOTH, ids=lambda param: f"{param[0]}-{param[1]}")
def two(request, start):
    return start_with(start, *request.param)


# Where it goes.


def test_a_connection_moves_to_the_shard_of_its_keys(several):
    with several.connect() as connection:
        visit(several, connection, several.shards)
        visit(several, connection, several.shards)
    assert moves(several) >= 2 * (several.shards - 1)


def test_one_shard_has_nowhere_to_move_to(start):
    server = start("--shards", 1)
    with server.connect() as connection:
        connection.pipeline([("INCR", "key")] * 10 * ENOUGH)
    assert moves(server) == 0


def test_a_connection_to_whom_many_shards_matter_stays(several):
    keys = [name_on(shard, several.shards) for shard in range(several.shards)]
    with several.connect() as connection:
        for _ in range(10 * ENOUGH):
            connection.pipeline([("INCR", key) for key in keys])
    assert moves(several) == 0


def test_transactions_and_local_commands_do_not_keep_it_from_moving(several):
    with several.connect() as connection:

        def asks():
            for _ in range(ENOUGH):
                connection.pipeline([("MULTI",), ("INCR", key), ("INCR", key), ("EXEC",), ("PING",)])
            return is_at(several, connection, key)

        for shard in range(several.shards):
            key = name_on(shard, several.shards)
            wait_until(asks, pause=0.02)


def test_connections_remain_spread(several):
    """All want the same key, and not all get to its shard."""
    connections = [several.connect() for _ in range(20)]
    for _ in range(20):
        for connection in connections:
            connection.pipeline([("INCR", "hot")] * ENOUGH)
        time.sleep(0.02)
    counts = [
        int(line.split("clients=")[1].split(",")[0])
        for name, line in several.info("shoal").items()
        if name.startswith("shard") and name != "shards"
    ]
    assert moves(several) > 0
    assert sum(counts) == 21  # the one that asks among them
    assert max(counts) - min(counts) <= 5, counts


# What comes with it.

OWN = ("id", "addr", "laddr", "fd", "name", "db", "sub", "psub", "multi", "resp", "flags", "user", "lib-name", "lib-ver")


def fields_of(line):
    return dict(word.split("=", 1) for word in line.decode().split())


@pytest.mark.parametrize("protocol", [2, 3])
def test_what_a_client_has_set_moves_with_it(several, protocol):
    with several.connect(protocol) as connection, several.connect() as other:
        for line in (
            "CLIENT SETNAME worker",
            "CLIENT SETINFO LIB-NAME lib",
            "CLIENT SETINFO LIB-VER 1.2",
            "SELECT 3",
            "CLIENT NO-EVICT ON",
            "CLIENT NO-TOUCH ON",
        ):
            assert connection(line) == "OK", line
        before = fields_of(connection("CLIENT INFO"))
        for shard in range(several.shards):
            key = name_on(shard, several.shards)
            follow(several, connection, key)
            after = fields_of(connection("CLIENT INFO"))
            assert {name: after[name] for name in OWN} == {name: before[name] for name in OWN}
            assert connection("CLIENT GETNAME") == b"worker"
            assert connection("CLIENT ID") == int(before["id"])
            connection.command("SET", key, shard)
            assert connection.command("HGETALL", "none:" + key) == ({} if protocol == 3 else [])
            ids = [fields_of(line)["id"] for line in other("CLIENT LIST").splitlines()]
            assert ids == sorted(ids, key=int) and ids.count(before["id"]) == 1
            assert other.command("CLIENT", "LIST", "ID", before["id"]).startswith(f"id={before['id']} ".encode())
        other("SELECT 3")
        assert sorted(other("KEYS *")) == sorted(name_on(shard, several.shards).encode() for shard in range(several.shards))


def test_whether_it_is_answered_moves_with_it(several):
    with several.connect() as connection, several.connect() as other:
        connection.send_commands([("CLIENT", "REPLY", "OFF")])
        for shard in range(several.shards):
            key = name_on(shard, several.shards)
            for number in range(1, 2 * ENOUGH + 1):
                connection.send_commands([("INCR", key)])
                wait_until(lambda: int(other.command("GET", key) or 0) == number, pause=0.001)
        assert moves(several) > 0
        connection.send_commands([("CLIENT", "REPLY", "ON")])
        assert connection.read() == "OK"
        assert connection("PING") == "PONG"


def test_a_password_is_given_once(two):
    with two.connect() as admin, two.connect() as connection:
        admin("CONFIG SET requirepass secret")
        assert connection("AUTH secret") == "OK"
        for _ in range(3):
            for shard in range(2):
                assert connection.pipeline([("INCR", name_on(shard, 2))] * ENOUGH)[0] > 0
                time.sleep(0.15)
                assert connection.pipeline([("INCR", name_on(shard, 2))] * ENOUGH)[0] > 0
        admin.command("CONFIG", "SET", "requirepass", "")
    assert moves(two) > 0


# Who stays, as others are to tell it something.


def pinned_by(server, prepare, protocol=2):
    with server.connect(protocol) as connection:
        prepare(connection)
        for shard in range(server.shards):
            for _ in range(4):
                connection.pipeline([("EXISTS", name_on(shard, server.shards))] * ENOUGH)
                time.sleep(0.03)
        assert moves(server) == 0


def test_who_tracks_stays(two):
    pinned_by(two, lambda connection: connection("CLIENT TRACKING ON"), 3)


def test_who_has_subscribed_stays(two):
    def subscribe(connection):
        connection("SUBSCRIBE news")
        connection("UNSUBSCRIBE news")

    pinned_by(two, subscribe)


@pytest.mark.parametrize("options", ["", " BCAST"])
def test_who_is_told_instead_of_another_stays(two, options):
    with two.connect(3) as told, two.connect() as first, two.connect() as second:
        number = told("CLIENT ID")
        for reader in first, second:  # one of them is on another shard than the one that is told
            assert reader(f"CLIENT TRACKING ON REDIRECT {number}{options}") == "OK"
        for shard in range(2):
            for _ in range(4):
                told.pipeline([("EXISTS", name_on(shard, 2))] * ENOUGH)
                time.sleep(0.03)
        assert moves(two) == 0
        first("GET watched")
        second("SET watched 1")
        assert told.read() == Push([b"invalidate", [b"watched"]])


def test_monitors_stay(two):
    with two.connect() as connection:
        connection("MONITOR")
        connection("RESET")
        for _ in range(5):
            connection.pipeline([("EXISTS", name_on(shard, 2)) for shard in range(2) for _ in range(ENOUGH)])
            time.sleep(0.03)
        assert moves(two) == 0


# Just before and just after.


def lean(connection, key, count):
    for _ in range(count):
        connection.command("EXISTS", key)


def each_time_it_moves(server, check, rounds=12):
    """Calls check(connection, key), with a key of the shard that the connection is about to move to, or has moved to,
    after so many requests that it falls just before, in the middle and just after a move."""
    before = moves(server)
    for number in range(scaled(rounds * 5) if SANITIZED else rounds):
        with server.connect() as connection:
            for shard in range(server.shards):
                key = name_on(shard, server.shards)
                lean(connection, key, 60 + number + 64 * (shard > 0))  # what was asked of its own shard counts at first
                check(connection, key)
                time.sleep(0.1)
    assert moves(server) > before


def test_transactions_at_a_move(several):
    with several.connect() as other:

        def check(connection, key):
            other.command("SET", key, 5)
            queued = ["OK", "QUEUED", "QUEUED"]
            assert connection.pipeline([("MULTI",), ("INCR", key), ("GET", key), ("EXEC",)]) == [*queued, [6, b"6"]]
            assert connection("MULTI") == "OK"
            assert connection.command("INCR", key) == "QUEUED"
            assert connection("EXEC") == [7]

        each_time_it_moves(several, check)


def test_watches_at_a_move(several):
    with several.connect() as other:

        def check(connection, key):
            for touched in True, False:
                assert connection.command("WATCH", key) == "OK"
                if touched:
                    other.command("INCR", key)
                lean(connection, key, 3)
                assert connection.pipeline([("MULTI",), ("GET", key), ("EXEC",)])[2] == (
                    None if touched else [other.command("GET", key)]
                )

        each_time_it_moves(several, check)


def test_subscriptions_at_a_move(several):
    with several.connect() as other:
        for number in range(12):
            for shard in range(several.shards):
                with several.connect(3) as connection:
                    lean(connection, name_on(shard, several.shards), 60 + number)
                    assert connection("SUBSCRIBE news") == Push([b"subscribe", b"news", 1])
                    assert other("PUBLISH news hello") == 1
                    assert connection.read() == Push([b"message", b"news", b"hello"])
                    lean(connection, name_on(shard, several.shards), 2 * ENOUGH)
                wait_until(lambda: other("PUBSUB NUMSUB news") == [b"news", 0])


def test_waiting_at_a_move(several):
    with several.connect() as other:

        def check(connection, key):
            connection.send_commands([("BLPOP", "list:" + key, 0)])
            wait_until(lambda: b"cmd=blpop" in other("CLIENT LIST"), pause=0.001)
            other.command("RPUSH", "list:" + key, "element")
            assert connection.read() == [b"list:" + key.encode(), b"element"]
            connection.send_commands([("BLPOP", "list:" + key, 0)])
            number = wait_until(
                lambda: next((fields_of(line)["id"] for line in other("CLIENT LIST").splitlines() if b"cmd=blpop" in line), 0)
            )
            wait_until(lambda: other.command("CLIENT", "UNBLOCK", number) == 1)
            assert connection.read() is None

        each_time_it_moves(several, check)


def test_who_waits_again_and_again_moves(several):
    """A worker that waits for its queue."""
    with several.connect() as worker, several.connect() as producer:
        for shard in range(several.shards):
            key = name_on(shard, several.shards, "queue")
            for number in range(2 * ENOUGH):
                worker.send_commands([("BLPOP", key, 0)])
                producer.command("RPUSH", key, number)
                assert worker.read() == [key.encode(), str(number).encode()]
    assert moves(several) > 0


# Under load.


def alternate(server, index, seconds, ends=()):
    """A connection that asks for the keys of one shard and then of another, in pipelines of any length. All replies
    are right, so all of its requests were executed once and in their order."""
    dice = random.Random(index)
    keys = [name_on(shard, server.shards, f"own{index}") for shard in range(server.shards)]
    counts = [0] * server.shards
    deadline = time.monotonic() + seconds
    with server.connect() as connection:
        while time.monotonic() < deadline:
            shard = dice.randrange(server.shards)
            for _ in range(dice.randrange(1, 40)):
                shards = [shard if dice.random() < 0.98 else dice.randrange(server.shards) for _ in range(dice.choice((1, 2, 10, 40)))]
                expected = []
                for at in shards:
                    counts[at] += 1
                    expected.append(counts[at])
                try:
                    assert connection.pipeline([("INCR", keys[at]) for at in shards]) == expected
                except (Closed, OSError):
                    assert ends
                    return


def test_every_reply_is_right_while_connections_move(several):
    run_together([lambda index=index: alternate(several, index, 4) for index in range(6)])
    assert moves(several) > 20


def test_everybody_is_listed_once_while_connections_move(several):
    def look():
        with several.connect() as connection:
            wait_until(lambda: len(connection("CLIENT LIST").splitlines()) == 5)
            deadline = time.monotonic() + 2
            while time.monotonic() < deadline:
                ids = [fields_of(line)["id"] for line in connection("CLIENT LIST").splitlines()]
                assert len(set(ids)) == len(ids) == 5, ids
                assert b"connected_clients:5\r\n" in connection("INFO clients")

    run_together([look, *[lambda index=index: alternate(several, index, 4) for index in range(4)]])
    assert moves(several) > 10


def test_who_is_killed_while_it_moves_does_nothing_afterwards(several):
    dice = random.Random(several.shards)
    with several.connect() as killer:
        for round in range(scaled(60)):
            connection = several.connect()
            number, began = connection("CLIENT ID"), threading.Event()

            def work():
                with connection:
                    try:
                        while True:
                            for shard in range(several.shards):
                                key = name_on(shard, several.shards, f"killed{round}")
                                for _ in range(3 * ENOUGH):
                                    connection.command("INCR", key)
                                    began.set()
                    except (Closed, OSError):
                        pass

            names = [name_on(shard, several.shards, f"killed{round}") for shard in range(several.shards)]
            worker = threading.Thread(target=work)
            worker.start()
            began.wait()
            time.sleep(dice.random() * (0.2 if SANITIZED else 0.05))
            assert killer.command("CLIENT", "KILL", "ID", number) == 1
            after = killer.command("MGET", *names)
            worker.join()
            assert killer.command("MGET", *names) == after
            assert killer.command("CLIENT", "KILL", "ID", number) == 0
    assert moves(several) > 0


def test_pauses_hold_while_connections_move(several):
    def pause():
        with several.connect() as connection:
            for _ in range(20):
                assert connection("CLIENT PAUSE 20000 WRITE") == "OK"
                keys = [name_on(shard, several.shards, f"own{index}") for index in range(4) for shard in range(several.shards)]
                first = connection.command("MGET", *keys)
                time.sleep(0.01)
                assert connection.command("MGET", *keys) == first
                connection("CLIENT UNPAUSE")
                time.sleep(0.1)

    run_together([pause, *[lambda index=index: alternate(several, index, 3) for index in range(4)]])
    assert moves(several) > 10


def test_maxclients_is_exact_while_connections_move(two):
    most, seconds = 8, 12 if SANITIZED else 4
    with two.connect() as admin:
        admin.command("CONFIG", "SET", "maxclients", most)

        def connect_more():
            deadline = time.monotonic() + seconds / 2
            wait_until(lambda: len(admin("CLIENT LIST").splitlines()) == most - 2)
            while time.monotonic() < deadline:
                with two.connect() as last:
                    assert last("PING") == "PONG"
                    with two.connect() as one_more_that_fits:
                        assert one_more_that_fits("PING") == "PONG"
                        with two.connect() as refused:
                            try:
                                assert refused("PING") == Error("ERR max number of clients reached")
                            except (Closed, OSError):
                                pass
                            assert len(admin("CLIENT LIST").splitlines()) == most
                wait_until(lambda: len(admin("CLIENT LIST").splitlines()) == most - 2, pause=0.001)

        run_together([connect_more, *[lambda index=index: alternate(two, index, seconds) for index in range(most - 3)]])
    assert moves(two) > 5


@pytest.mark.parametrize("round", range(4))
def test_the_server_stops_while_connections_move(two, round):
    def stop():
        time.sleep(0.3 + 0.17 * round)
        two.stop()

    run_together([stop, *[lambda index=index: alternate(two, index, 20, ends=True) for index in range(6)]])


def test_who_asks_for_keys_of_a_busy_script_can_kill_it(start):
    server = start("--shards", 2, "--busy-reply-threshold", 50, expected=["Slow script detected: "])
    script = "if ARGV[1] == 'warm' then return 1 end while true do end"
    with server.connect() as victim, server.connect() as other, server.connect() as one_more:
        victim.command("EVAL", script, 1, "key", "warm")
        victim.send_commands([("EVAL", script, 1, "key", "go")])
        for connection in other, one_more:  # one of them is on another shard
            wait_until(lambda: connection("GET key") is not None)
            answers = connection.pipeline([("GET", "key")] * 5 * ENOUGH)
            assert all(str(answer).startswith("BUSY ") for answer in answers)
        assert one_more("SCRIPT KILL") == "OK"
        assert "killed by user" in victim.read()


def test_idle_connections_are_closed_where_they_are(two):
    with two.connect() as connection, two.connect() as other:
        visit(two, connection, 2)
        other("CONFIG SET timeout 1")
        assert connection.is_closed_within(10)


def test_a_client_that_leaves_while_it_moves_is_gone(two):
    for number in range(scaled(60)):
        connection = two.connect()
        for shard in range(2):
            connection.send_commands([("INCR", name_on(shard, 2))] * (64 + number % 3))
            if number % 2:
                for _ in range(64):
                    connection.read()
        connection.close()
    wait_until(lambda: two.info("clients")["connected_clients"] == "1")
