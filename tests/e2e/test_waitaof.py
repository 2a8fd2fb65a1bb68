"""WAIT and WAITAOF: what they answer, and when; and that what WAITAOF has answered is on the disk."""

import random
import threading
import time

import pytest

import resp
from append_only import written
from conftest import COMBINATIONS, require
from server import scaled, wait_until

DISABLED = "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled."
FAR = 9223372036854775807


@pytest.fixture(params=COMBINATIONS, ids=lambda param: f"{param[0]}-{param[1]}")
def begin(request, start):
    """Starts a server of this combination with an append-only file."""
    shards, backend = request.param
    require(backend)

    def begin_one(appendfsync, *options):
        common = ("--shards", shards, "--net-backend", backend, "--appendonly", "yes", "--appendfsync", appendfsync)
        return start(*common, "--enable-debug-command", "yes", *options)

    return begin_one


def wait_for_blocked(server, count=1):
    wait_until(lambda: int(server.info("clients")["blocked_clients"]) == count)


def took(connection, *command):
    began = time.monotonic()
    return connection.command(*command), time.monotonic() - began


# WAIT, beside redis-server.

WAITS = [
    ("WAIT", 0, 0),
    ("WAIT", -1, 0),
    ("WAIT", -1000, FAR - 10**13),
    ("WAIT", 1, 1),
    ("WAIT", 9223372036854775807, 1),
    ("WAIT", 0, -1),
    ("WAIT", 1, -1),
    ("WAIT", 0, "x"),
    ("WAIT", 0, "1.5"),
    ("WAIT", "x", "x"),
    ("WAIT", "9223372036854775808", 0),
    ("WAIT", 0, "9223372036854775808"),
    ("WAIT", 0),
    ("WAIT", 0, 0, 0),
    ("WAIT",),
]


def test_wait_answers_as_redis_does(raw, oracle):
    with oracle.connect() as redis:
        for command in WAITS:
            assert repr(raw.command(*command)) == repr(redis.command(*command)), command
        transaction = [("MULTI",), ("SET", "a", 1), ("WAIT", 5, 0), ("WAIT", 0, "x"), ("EXEC",), ("WAIT", 2, 20), ("GET", "a")]
        assert repr(raw.pipeline(transaction)) == repr(redis.pipeline(transaction))


@pytest.mark.alone
def test_who_waits_for_replicas_waits_until_his_time_is_over(raw):
    assert took(raw, "WAIT", 0, 0)[1] < 1
    answer, seconds = took(raw, "WAIT", 1, 80)
    assert answer == 0
    assert 0.079 <= seconds < 5


@pytest.mark.parametrize("command,answer", [(("WAIT", 1, 0), 0), (("WAITAOF", 0, 1, 0), [0, 0])])
def test_client_unblock_ends_it(server, raw, command, answer):
    with server.connect() as waiter:
        number = waiter.command("CLIENT", "ID")
        waiter.send_commands([command, ("PING",)])
        wait_for_blocked(server)
        assert waiter.is_silent_for(0.05)
        assert raw.command("CLIENT", "UNBLOCK", number) == 1
        assert [waiter.read(), waiter.read()] == [answer, "PONG"]
        waiter.send_commands([command])
        wait_for_blocked(server)
        assert raw.command("CLIENT", "UNBLOCK", number, "ERROR") == 1
        assert repr(waiter.read()) == repr(resp.Error("UNBLOCKED client unblocked via CLIENT UNBLOCK"))
    wait_for_blocked(server, 0)


def test_who_goes_while_he_waits_leaves_nothing_behind(server, raw):
    gone = [server.connect() for _ in range(8)]
    names = [connection.command("CLIENT", "ID") for connection in gone]
    for number, connection in enumerate(gone):
        connection.send_commands([("WAIT", 1, 0) if number % 2 else ("WAITAOF", 0, 1, 0)])
    wait_for_blocked(server, 8)
    for name, connection in list(zip(names, gone))[:4]:
        assert raw.command("CLIENT", "KILL", "ID", name) == 1
        assert connection.is_closed_within(5)
    for connection in gone:
        connection.close()
    wait_for_blocked(server, 0)


def test_in_a_script_they_answer_at_once(raw):
    assert raw.command("EVAL", "return redis.call('WAIT', 3, 0)", 0) == 0
    assert raw.command("EVAL", "return redis.call('WAITAOF', 0, 3, 0)", 0) == [0, 0]


# WAITAOF.


def test_what_waitaof_refuses(raw):
    refused = {
        (2, 0, 0): "ERR value is out of range, value must between 0 and 1",
        (-1, 0, 0): "ERR value is out of range, value must between 0 and 1",
        ("x", 0, 0): "ERR value is not an integer or out of range",
        (0, -1, 0): "ERR value is out of range, must be positive",
        (0, "x", 0): "ERR value is out of range, must be positive",
        (0, 0, "x"): "ERR timeout is not an integer or out of range",
        (0, 0, -1): "ERR timeout is negative",
        (1, 0, -1): "ERR timeout is negative",
        (0, 0, FAR): "ERR timeout is out of range",
        (0, 0): "ERR wrong number of arguments for 'waitaof' command",
        (1, 0, 0): DISABLED,
        (1, 1, 100): DISABLED,
    }
    for arguments, text in refused.items():
        assert repr(raw.command("WAITAOF", *arguments)) == repr(resp.Error(text)), arguments
    assert raw.command("WAITAOF", 0, 0, 0) == [0, 0]
    answer, seconds = took(raw, "WAITAOF", 0, 1, 50)
    assert (answer, seconds >= 0.049) == ([0, 0], True)
    transaction = [("MULTI",), ("WAITAOF", 0, 1, 0), ("WAITAOF", 1, 0, 0), ("EXEC",)]
    assert repr(raw.pipeline(transaction)[3]) == repr([[0, 0], resp.Error(DISABLED)])


def write(connection, token):
    """To keys of all shards, one of them in a way of its own."""
    commands = [("SET", f"k{i}", f"{token}-{i}-") for i in range(8)]
    commands += [("MSET", *(word for i in range(6) for word in (f"m{i}", f"{token}-m-")))]
    commands += [("EVAL", "for i = 1, 5 do redis.call('RPUSH', 'l' .. i, ARGV[1]) end", 0, f"{token}-l-")]
    return commands


@pytest.mark.parametrize("appendfsync", ["everysec", "always"])
def test_it_waits_for_what_was_sent_before_it(begin, appendfsync):
    server = begin(appendfsync)
    rounds = 4 if appendfsync == "everysec" else scaled(50)
    with server.connect() as connection:
        assert connection.command("WAITAOF", 1, 0, 0) == [1, 0]
        for number in range(rounds):
            commands = write(connection, f"token-{number}")
            answers = connection.pipeline([*commands, ("WAITAOF", 1, 0, 0)])
            assert answers[-1] == [1, 0]
            found = written(server.folder)
            for last in ("-7-", "-m-", "-l-"):
                assert f"token-{number}{last}".encode() in found
        answer, seconds = took(connection, "WAITAOF", 1, 0, 0)
        assert (answer, seconds < 0.5) == ([1, 0], True), "there is nothing left to wait for"


@pytest.mark.alone
def test_under_everysec_it_takes_until_the_next_sync(begin):
    server = begin("everysec")
    with server.connect() as connection:
        for _ in range(2):
            connection.command("SET", "a", 1)
            answer, seconds = took(connection, "WAITAOF", 1, 0, 0)
            assert answer == [1, 0]
            assert seconds < 3
        for _ in range(3):
            connection.command("INCR", "a")
        assert connection.command("WAITAOF", 1, 0, 10) in ([0, 0], [1, 0])


def test_other_shards_that_sleep_are_asked(begin):
    """A write to one shard alone, and a connection that waits on another."""
    server = begin("everysec")
    connections = [server.connect() for _ in range(6)]
    for number, connection in enumerate(connections):
        assert connection.pipeline([("SET", f"k{number}", "x"), ("WAITAOF", 1, 0, 5000)]) == ["OK", [1, 0]]
    for connection in connections:
        connection.send_commands([("INCR", "n"), ("WAITAOF", 1, 0, 5000)])
    for connection in connections:
        assert connection.read() in range(1, 7)
        assert connection.read() == [1, 0]
        connection.close()


def test_without_syncs_it_waits_until_its_time_is_over(begin):
    server = begin("no")
    with server.connect() as connection, server.connect() as admin:
        assert connection.command("WAITAOF", 1, 0, 0) == [1, 0], "nothing has been written"
        connection.command("SET", "a", 1)
        answer, seconds = took(connection, "WAITAOF", 1, 0, 100)
        assert answer == [0, 0]
        assert 0.099 <= seconds < 5
        assert connection.command("WAITAOF", 0, 0, 0) == [0, 0]
        assert connection.pipeline([("MULTI",), ("WAITAOF", 1, 0, 0), ("EXEC",)])[2] == [[0, 0]]
        number = connection.command("CLIENT", "ID")
        connection.send_commands([("WAITAOF", 1, 0, 0)])
        wait_for_blocked(server)
        assert admin.command("CLIENT", "UNBLOCK", number) == 1
        assert connection.read() == [0, 0]
        connection.send_commands([("WAITAOF", 1, 0, 0)])
        wait_for_blocked(server)
        admin.command("CONFIG", "SET", "appendfsync", "always")
        admin.command("SET", "b", 1)
        assert connection.read() == [1, 0]


def test_what_is_safe_here_is_counted_when_its_time_is_over(begin):
    server = begin("everysec")
    with server.connect() as connection:
        connection.command("SET", "a", 1)
        assert connection.command("WAITAOF", 1, 1, 3000) == [1, 0]
        connection.command("SET", "a", 1)
        assert connection.command("WAITAOF", 0, 1, 3000) == [1, 0]


@pytest.mark.parametrize("appendfsync", ["everysec", "always"])
def test_many_wait_while_others_write(begin, appendfsync):
    server = begin(appendfsync)
    over, failures = threading.Event(), []

    def run(name):
        with server.connect() as connection:
            number = 0
            while not over.is_set() and not failures:
                number += 1
                token = f"token-{name}-{number}"
                answers = connection.pipeline([("SET", f"{name}-{i}", token + "-") for i in range(5)] + [("WAITAOF", 1, 0, 0)])
                if answers[-1] != [1, 0]:
                    failures.append(answers[-1])

    def write_on():
        with server.connect() as connection:
            while not over.is_set() and not failures:
                connection.pipeline([("INCR", f"n{i}") for i in range(20)])
                time.sleep(0.001)

    threads = [threading.Thread(target=run, args=(name,)) for name in range(6)] + [threading.Thread(target=write_on)]
    for thread in threads:
        thread.start()
    time.sleep(2.5)
    over.set()
    for thread in threads:
        thread.join(timeout=20)
        assert not thread.is_alive(), "it waits for ever"
    assert not failures


def test_what_it_has_answered_survives_a_kill(begin):
    server = begin("everysec")
    with server.connect() as connection:
        for number in range(20):
            connection.command("SET", f"k{number}", number)
        assert connection.command("WAITAOF", 1, 0, 0) == [1, 0]
        server.kill()
    again = begin("everysec", "--dir", server.folder)
    with again.connect() as connection:
        assert [connection.command("GET", f"k{number}") for number in range(20)] == [b"%d" % number for number in range(20)]


def test_the_file_ends_while_somebody_waits_for_it_and_begins_again(begin):
    server = begin("no")
    with server.connect() as connection, server.connect() as admin:
        connection.send_commands([("SET", "a", 1), ("WAITAOF", 1, 0, 0)])
        wait_for_blocked(server)
        assert admin.command("CONFIG", "SET", "appendonly", "no") == "OK"
        assert connection.read() == "OK"
        assert repr(connection.read()) == repr(resp.Error(DISABLED))
        admin.command("CONFIG", "SET", "appendfsync", "everysec")
        assert admin.command("CONFIG", "SET", "appendonly", "yes") == "OK"
        connection.send_commands([("WAITAOF", 1, 0, 0)])
        wait_until(lambda: server.info("persistence")["aof_enabled"] == "1")
        assert connection.read() == [1, 0]
        assert connection.pipeline([("SET", "b", 1), ("WAITAOF", 1, 0, 0)]) == ["OK", [1, 0]]


def test_however_soon_it_is_switched_on_again_all_shards_have_it(begin):
    server = begin("always")
    over, dice = threading.Event(), random.Random(5)

    def write_on():
        with server.connect() as connection:
            while not over.is_set():
                connection.pipeline([("INCR", f"n{i}") for i in range(20)] + [("MSET", "m1", 1, "m2", 1, "m3", 1)])

    writers = [threading.Thread(target=write_on) for _ in range(2)]
    for thread in writers:
        thread.start()
    try:
        with server.connect() as connection, server.connect() as admin:
            for number in range(scaled(25)):
                admin.command("CONFIG", "SET", "appendonly", "no")
                time.sleep(dice.choice((0, 0, 0.001, 0.003)))
                admin.command("CONFIG", "SET", "appendonly", "yes")
                time.sleep(dice.choice((0, 0.01)))
                writes = [("SET", f"k{i}", number) for i in range(10)]
                assert connection.pipeline([*writes, ("WAITAOF", 1, 0, 15000)])[-1] == [1, 0]
    finally:
        over.set()
        for thread in writers:
            thread.join()
    server.kill()
    again = begin("always", "--dir", server.folder)
    with again.connect() as connection:
        assert connection.pipeline([("GET", f"k{i}") for i in range(10)]) == [b"%d" % number] * 10
