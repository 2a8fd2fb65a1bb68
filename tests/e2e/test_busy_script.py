"""Scripts that do not end: the rest of the server goes on, and whoever wants can end them."""

import threading
import time

import pytest

from server import wait_until

ENDLESS = "while true do end"
BUSY = "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE."


def start_script(connection, *words):
    connection.send_commands([words])
    time.sleep(0.3)


def wait_for_busy(server, key):
    """Until the script is busy."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        with server.connect() as other:
            other.socket.settimeout(2)
            try:
                if str(other.command("GET", key)).startswith("BUSY"):
                    return
            except TimeoutError:
                pass
    raise AssertionError("never busy")


@pytest.fixture
def busy_server(server, raw):
    assert raw.command("CONFIG", "SET", "busy-reply-threshold", 50) == "OK"
    yield server
    with server.connect() as connection:
        connection.command("SCRIPT", "KILL")


def warm(connection, script, *keys):
    """So that the script is known, where this connection is, to keep to its keys' shard."""
    end = time.monotonic() + 10
    while str(connection.command("EVAL", script, len(keys), *keys, "warm")).startswith("BUSY"):
        assert time.monotonic() < end


def test_an_endless_script_is_killed(busy_server, raw):
    with busy_server.connect() as victim:
        start_script(victim, "EVAL", ENDLESS, 1, "k")
        wait_for_busy(busy_server, "k")
        assert raw.command("GET", "k") == BUSY
        assert raw.command("SCRIPT", "KILL") == "OK"
        answer = victim.read()
        assert "Script killed by user with SCRIPT KILL" in answer
    assert raw.command("SET", "k", 1) == "OK"
    assert raw.command("SCRIPT", "KILL") == "NOTBUSY No scripts in execution right now."


@pytest.mark.parametrize("kind", ["", "P", "S"])
def test_who_leaves_meanwhile_has_left_its_channels(busy_server, raw, kind):
    """What ends its subscriptions is no request that could be refused."""
    before = busy_server.info("clients")["connected_clients"]
    subscribers = [busy_server.connect() for _ in range(20)]
    for subscriber in subscribers:
        subscriber.command(f"{kind}SUBSCRIBE", "channel")
    with busy_server.connect() as victim:
        start_script(victim, "EVAL", ENDLESS, 1, "k")
        wait_for_busy(busy_server, "k")
        for subscriber in subscribers:
            subscriber.close()
        assert [raw.command("GET", "k") for _ in range(100)] == 100 * [BUSY]
        assert raw.command("SCRIPT", "KILL") == "OK"
        assert "killed by user" in victim.read()
    wait_until(lambda: busy_server.info("clients")["connected_clients"] == before)
    assert raw.command("SPUBLISH" if kind == "S" else "PUBLISH", "channel", "message") == 0


def test_other_shards_go_on(busy_server, raw):
    script = "if ARGV[1] == 'warm' then return 1 end while true do end"
    with busy_server.connect() as victim:
        warm(victim, script, "k")
        start_script(victim, "EVAL", script, 1, "k", "go")
        wait_for_busy(busy_server, "k")
        answers = {key: raw.command("SET", key, 1) for key in (f"key{i}" for i in range(40))}
        refused = [key for key, answer in answers.items() if answer != "OK"]
        assert all(answers[key] == BUSY for key in refused)
        if busy_server.shards == 1:
            assert len(refused) == 40
        else:
            assert 0 < len(refused) < 40
            free = next(key for key in answers if key not in refused)
            assert raw.command("RENAME", refused[0], free) == BUSY
            assert raw.command("INCR", free) == 2
        with busy_server.connect() as other:
            assert other.command("SCRIPT", "KILL") == "OK"
        assert "killed by user" in victim.read()
    assert raw.command("MSET", *(word for key in answers for word in (key, 2))) == "OK"


def test_what_has_written_cannot_be_killed(busy_server, raw):
    """Nor can what waits for it be refused where it would be done in part."""
    script = """
    if ARGV[1] == 'warm' then return 1 end
    redis.call('SET', KEYS[1], 'x')
    while os.clock() < tonumber(ARGV[2]) do end
    return 'done'
    """
    with busy_server.connect() as victim, busy_server.connect() as waiter:
        warm(victim, script, "k")
        clock = float(raw.command("EVAL", "return tostring(os.clock())", 0))
        start_script(victim, "EVAL", script, 1, "k", "go", clock + 1.5)
        wait_for_busy(busy_server, "k")
        assert raw.command("SCRIPT", "KILL").startswith("UNKILLABLE Sorry the script already executed write commands")
        waiter.send_commands([["MSET", *(word for i in range(20) for word in (f"key{i}", 1))]])
        assert victim.read() == b"done"
        assert waiter.read() in ("OK", BUSY)
        assert raw.command("GET", "k") == b"x"
        assert raw.command("EXISTS", *(f"key{i}" for i in range(20))) in (0, 20)


def test_gathers_in_a_row_behind_a_busy_script_do_not_wait(busy_server, raw):
    """Whether they came before it was busy, those of its own connection in the same batch, or after."""
    keys = [f"key{i}" for i in range(20)]
    raw.command("MSET", *(word for key in keys for word in (key, "v")))
    row = [
        ("MSETNX", *(word for key in ("new", *keys) for word in (key, "x"))),
        ("SUNIONSTORE", "new", *keys),
        *(("RENAME", f"none{i}", key) for i, key in enumerate(keys)),
        ("MGET", *keys),
        *(("COPY", f"none{i}", key) for i, key in enumerate(keys)),
        *[("MULTI",), *(("GET", key) for key in keys), ("EXEC",)],
    ]
    idle = raw.pipeline(row)
    refused = [answer if answer in ("OK", "QUEUED") else BUSY for answer in idle]
    clients = [busy_server.connect() for _ in range(4)]
    with busy_server.connect() as victim:
        victim.send_commands([*row, ("EVAL", "-- not seen before: over all shards\n" + ENDLESS, 0), *row])
        for client in clients:
            client.send_commands(row)
        for client in clients:
            for answer, *either in zip((client.read() for _ in row), idle, refused):
                assert answer in either
        wait_for_busy(busy_server, "key0")
        for client in clients:
            client.send_commands(row)
        for client in clients:
            assert [client.read() for _ in row] == refused
            client.close()
        assert raw.command("SCRIPT", "KILL") == "OK"
        assert [victim.read() for _ in row] == idle
        assert "killed by user" in victim.read()
        for answer, *either in zip((victim.read() for _ in row), idle, refused):
            assert answer in either
    assert raw.pipeline(row) == idle


def test_many_clients_while_scripts_are_killed(busy_server, raw):
    """Whatever is refused has not been done, whatever is done is answered."""
    script = "if ARGV[1] == 'warm' then return 1 end while true do end"
    stop = threading.Event()
    failures = []

    def work(number):
        try:
            with busy_server.connect() as connection:
                done = 0
                while not stop.is_set():
                    answers = connection.pipeline(
                        [("INCR", f"{{w{number}}}count"), ("MGET", *(f"key{i}" for i in range(8))), ("PING",)]
                    )
                    if answers[0] != BUSY:
                        done += 1
                        assert answers[0] == done
                    assert answers[1] == BUSY or len(answers[1]) == 8
        except Exception as failure:
            failures.append(failure)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for i in range(5):
        with busy_server.connect() as victim:
            warm(victim, script, f"k{i}")
            start_script(victim, "EVAL", script, 1, f"k{i}", "go")
            wait_for_busy(busy_server, f"k{i}")
            while raw.command("SCRIPT", "KILL") != "OK":
                pass
            assert "killed by user" in victim.read()
    stop.set()
    for thread in threads:
        thread.join()
    assert not failures, failures


def test_shutdown_ends_an_endless_script(start):
    for shards in (1, 3):
        server = start("--shards", shards, "--busy-reply-threshold", 50, "--loglevel", "nothing")
        victim = server.connect()
        start_script(victim, "EVAL", ENDLESS, 1, "k")
        wait_for_busy(server, "k")
        with server.connect() as connection:
            assert connection.command("SHUTDOWN") == BUSY
            assert connection.command("SHUTDOWN", "SAVE", "NOW", "FORCE") == BUSY
            assert connection.command("SHUTDOWN", "ABORT") == "ERR No shutdown in progress."
            connection.send_commands([("SHUTDOWN", "NOSAVE")])
            server.process.wait(timeout=10)


def test_a_function_is_killed_by_function_kill(busy_server, raw):
    library = "#!lua name=busy\nredis.register_function('spin', function() while true do end end)"
    assert raw.command("FUNCTION", "LOAD", "REPLACE", library) == b"busy"
    assert raw.command("FUNCTION", "KILL") == "NOTBUSY No scripts in execution right now."
    with busy_server.connect() as victim:
        start_script(victim, "FCALL", "spin", 1, "k")
        wait_for_busy(busy_server, "k")
        assert raw.command("GET", "k") == BUSY.replace("SCRIPT KILL", "FUNCTION KILL")
        assert raw.command("SCRIPT", "KILL") == BUSY.replace("SCRIPT KILL", "FUNCTION KILL")
        assert raw.command("FUNCTION", "KILL") == "OK"
        assert "killed by user" in victim.read()
    assert raw.command("FUNCTION", "FLUSH") == "OK"
