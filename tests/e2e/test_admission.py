"""What changes how requests are admitted: it holds for the next one of its pipeline, and for everybody once it is answered."""

import threading
import time

import pytest

import resp
from server import scaled, wait_until


def test_a_password_holds_for_the_rest_of_the_pipeline(server, oracle):
    commands = [("SET", "k", "v"), ("CONFIG", "SET", "requirepass", "secret"), ("RESET",), ("GET", "k")]
    commands += [("AUTH", "wrong"), ("AUTH", "secret"), ("GET", "k"), ("CONFIG", "SET", "requirepass", ""), ("RESET",), ("GET", "k")]
    answers = []
    for each in (server, oracle):
        with each.connect() as connection:
            answers.append(connection.pipeline(commands))
    assert answers[0] == answers[1]
    assert answers[0][3] == "NOAUTH Authentication required." and answers[0][6] == b"v"


def test_a_bulk_limit_holds_for_the_rest_of_the_pipeline(server):
    with server.connect() as connection:
        allowed = resp.encode("SET", "k", "v") + resp.encode("CONFIG", "SET", "proto-max-bulk-len", 1 << 20)
        connection.send(allowed + b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%d\r\n" % ((1 << 20) + 1))
        assert connection.read_until_closed() == b"+OK\r\n+OK\r\n-ERR Protocol error: invalid bulk length\r\n"


def test_what_stands_before_a_fence_is_not_held_up_and_what_stands_behind_is_answered(raw):
    commands = []
    for number in range(200):
        commands += [("INCR", f"n:{number % 7}"), ("CONFIG", "SET", "timeout", 1000 + number), ("CONFIG", "GET", "timeout")]
    answers = raw.pipeline(commands)
    assert answers[::3] == [1 + number // 7 for number in range(200)]
    assert set(answers[1::3]) == {"OK"}
    assert answers[2::3] == [[b"timeout", b"%d" % (1000 + number)] for number in range(200)]


def test_a_fence_without_an_answer_lets_the_rest_through(raw):
    raw.send_commands([("CLIENT", "REPLY", "SKIP"), ("CONFIG", "SET", "timeout", 77), ("CONFIG", "GET", "timeout")])
    assert raw.read() == [b"timeout", b"77"]


def test_the_last_requests_of_who_closed_his_side_pass_a_fence(server):
    with server.connect() as connection:
        connection.send_commands([("CONFIG", "SET", "timeout", 0), ("SET", "k", "v"), ("CLIENT", "UNPAUSE"), ("GET", "k")])
        connection.socket.shutdown(1)
        assert connection.read_until_closed() == b"+OK\r\n+OK\r\n+OK\r\n$1\r\nv\r\n"


def test_a_pause_holds_for_the_rest_of_its_pipeline(raw, server):
    raw.send_commands([("CLIENT", "PAUSE", 100000, "WRITE"), *(("SET", f"k:{n}", n) for n in range(20)), ("DBSIZE",)])
    assert raw.read() == "OK" and raw.is_silent_for(0.05)
    with server.connect() as other:
        assert other.pipeline([("DBSIZE",), ("CLIENT", "UNPAUSE"), ("SET", "k:0", "v")]) == [0, "OK", "OK"]
    assert [raw.read() for _ in range(20)] == ["OK"] * 20 and raw.read() == 20


def test_a_pause_of_everything_holds_for_the_rest_of_its_pipeline(raw):
    begun = time.monotonic()
    assert raw.pipeline([("CLIENT", "PAUSE", 100), ("PING",)]) == ["OK", "PONG"]
    assert time.monotonic() - begun > 0.095


@pytest.mark.alone
def test_what_is_refused_is_refused_during_a_pause_too(raw, oracle):
    with oracle.connect() as stock:
        for connection in (stock, raw):
            begun = time.monotonic()
            answers = connection.pipeline([("CLIENT", "PAUSE", 1000), ("NOSUCH",), ("GET",)])
            assert answers[2] == "ERR wrong number of arguments for 'get' command"
            assert answers[1].startswith("ERR unknown command 'NOSUCH'") and time.monotonic() - begun < 0.9
    with oracle.connect() as stock:
        stock("PING")  # until its pause is over, for the tests that come after


def test_who_kills_himself_has_no_later_command_executed(server, oracle):
    for each in (server, oracle):
        with each.connect() as connection:
            mine = connection("CLIENT ID")
            rest = [("SET", "killed", "v"), ("PING",)]
            connection.send_commands([("SET", "k", "v"), ("CLIENT", "KILL", "ID", mine, "SKIPME", "no"), *rest])
            assert connection.read_until_closed() == b"+OK\r\n:1\r\n"
        with each.connect() as connection:
            host, port = connection.socket.getsockname()
            connection.send_commands([("CLIENT", "KILL", f"{host}:{port}"), ("SET", "killed", "v")])
            assert connection.read_until_closed() == b"+OK\r\n"
        with each.connect() as connection:
            assert connection("EXISTS k killed") == 1


class Writers:
    """Connections that each keep a long pipeline of INCRs over many keys under way, until they are stopped or closed."""

    def __init__(self, server, count, keys):
        self.connections = [server.connect() for _ in range(count)]
        self.ids = [connection("CLIENT ID") for connection in self.connections]
        self.stopping = False
        requests = b"".join(resp.encode("INCR", key) for key in keys) * 20
        self.threads = [threading.Thread(target=self._write, args=(each, requests)) for each in self.connections]
        self.threads += [threading.Thread(target=self._read, args=(each,)) for each in self.connections]
        for thread in self.threads:
            thread.start()

    def _write(self, connection, requests):
        try:
            while not self.stopping:
                connection.send(requests)
            connection.socket.shutdown(1)
        except OSError:
            pass

    def _read(self, connection):
        try:
            while connection.socket.recv(1 << 16):
                pass
        except OSError:
            pass

    def stop(self):
        self.stopping = True
        for thread in self.threads:
            thread.join()
        for connection in self.connections:
            connection.close()


KEYS = [f"counter:{number}" for number in range(40)]


def counters(connection):
    return [int(value or 0) for value in connection.command("MGET", *KEYS)]


def test_after_its_answer_nothing_slips_through_a_pause(raw, server):
    """The rings are full of what was admitted before; a held one may not come out later."""
    writers = Writers(server, 3, KEYS)
    try:
        for _ in range(scaled(15)):
            before = counters(raw)
            wait_until(lambda: counters(raw) > before)
            assert raw("CLIENT PAUSE 100000 WRITE") == "OK"
            paused = counters(raw)
            time.sleep(0.02)
            assert counters(raw) == paused
            assert raw("CLIENT UNPAUSE") == "OK"
    finally:
        raw("CLIENT UNPAUSE")
        writers.stop()


def test_after_its_answer_no_command_of_a_killed_client_is_executed(raw, server):
    for _ in range(scaled(5)):
        writers = Writers(server, 2, KEYS)
        try:
            before = counters(raw)
            wait_until(lambda: counters(raw) > before)
            assert [raw.command("CLIENT", "KILL", "ID", each) for each in writers.ids] == [1, 1]
            killed = counters(raw)
            time.sleep(0.01)
            assert counters(raw) == killed
        finally:
            writers.stop()


@pytest.mark.alone
def test_a_pause_costs_no_cpu_time_while_requests_are_held(start, backend):
    server = start("--shards", 2, "--net-backend", backend)
    writers = Writers(server, 2, KEYS)
    with server.connect() as connection:
        wait_until(lambda: counters(connection)[0] > 100)
        assert connection("CLIENT PAUSE 1500 WRITE") == "OK"
        time.sleep(0.3)
        before = server.cpu_ticks()
        time.sleep(1)
        assert server.cpu_ticks() - before <= 3
        paused = counters(connection)
        wait_until(lambda: counters(connection) > paused)
    writers.stop()


def test_the_server_stops_during_a_pause(start, backend):
    server = start("--shards", 2, "--net-backend", backend)
    writers = Writers(server, 2, KEYS)
    with server.connect() as connection:
        wait_until(lambda: counters(connection)[0] > 100)
        assert connection("CLIENT PAUSE 100000 WRITE") == "OK"
    server.stop()
    writers.stop()
