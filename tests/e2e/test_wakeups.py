"""A shard that executes something slow holds up its own clients, and nobody who has no business with it."""

import binascii
import statistics
import time

SHARDS = 3


def owner(key):
    return binascii.crc_hqx(key.encode(), 0) % 16384 * SHARDS // 16384


def key_of(shard):
    return next(key for key in (f"k{i}" for i in range(1000)) if owner(key) == shard)


def seconds_of(call):
    begun = time.monotonic()
    call()
    return time.monotonic() - begun


def test_whom_a_busy_shard_has_woken_is_awake(start, backend):
    server = start("--shards", SHARDS, "--shard-cpus", "off", "--net-backend", backend)
    connections = [server.connect() for _ in range(2 * SHARDS)]
    tag, woken = key_of(0), key_of(1)
    slow = ("LCS", f"{{{tag}}}1", f"{{{tag}}}2", "LEN")
    assert connections[0].command("SET", slow[1], "xy" * 5500) == "OK"
    assert connections[0].command("SET", slow[2], "yx" * 5500) == "OK"
    slow_s = min(seconds_of(lambda: connections[0].command(*slow)) for _ in range(4))

    def seconds_beside(busy, other, *command):
        busy.send_commands([("GET", woken), slow])
        time.sleep(slow_s / 8)
        seconds = seconds_of(lambda: other.command(*command))
        busy.read(), busy.read()
        return seconds

    def usual_beside(busy, other, *command):
        return statistics.median(seconds_beside(busy, other, *command) for _ in range(5))

    on_busy = [c for i, c in enumerate(connections) if usual_beside(connections[i - 1], c, "PING") > slow_s / 2]
    others = [c for c in connections if c not in on_busy]
    assert on_busy and others
    for other in others:
        assert usual_beside(on_busy[0], other, "GET", woken) < slow_s / 2
    for connection in connections:
        connection.close()
