"""An idle server uses no CPU, however many clients it has."""

import time

import pytest

from server import SANITIZED

pytestmark = pytest.mark.alone


@pytest.mark.parametrize("shards", [1, 5])
def test_idle_connections_cost_no_cpu_time(start, backend, shards):
    server = start("--shards", shards, "--net-backend", backend)
    connections = [server.connect() for _ in range(200)]
    for number, connection in enumerate(connections):
        assert connection.command("SET", f"k:{number}", "v", "EX", 1000) == "OK"
    time.sleep(0.3)
    before = server.cpu_ticks()
    time.sleep(3)
    ticks = server.cpu_ticks() - before
    assert ticks <= (10 if SANITIZED else 1), f"{ticks} ticks in 3 s"
    for connection in connections:
        assert connection("PING") == "PONG"
        connection.close()


def ticks_while_idle(server, seconds=1):
    time.sleep(0.3)
    before = server.cpu_ticks()
    time.sleep(seconds)
    return server.cpu_ticks() - before


@pytest.mark.parametrize("deadline_ms", [9223372036854775000, 9300000000000000, 18446744073709552])
def test_a_deadline_beyond_counting_costs_no_cpu_time(start, backend, deadline_ms):
    server = start("--shards", 2, "--net-backend", backend)
    with server.connect() as connection:
        assert connection.command("SET", "far", "v", "PXAT", deadline_ms) == "OK"
        assert ticks_while_idle(server) <= (10 if SANITIZED else 1)
        assert connection("GET far") == b"v"


def test_a_flushed_database_costs_no_cpu_time_while_clients_are_paused(start, backend):
    server = start("--shards", 2, "--net-backend", backend)
    with server.connect() as connection:
        for first in range(0, 100000, 1000):
            connection.command("MSET", *[word for i in range(first, first + 1000) for word in (f"k:{i}", "v")])
        connection.send(b"FLUSHALL\r\nCLIENT PAUSE 3000\r\n")
        assert ticks_while_idle(server) <= (20 if SANITIZED else 5)
