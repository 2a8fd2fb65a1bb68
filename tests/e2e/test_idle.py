"""An idle server uses no CPU, however many clients it has."""

import time

import pytest

from server import SANITIZED


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
