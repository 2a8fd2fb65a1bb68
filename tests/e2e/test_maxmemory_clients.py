"""maxmemory-clients: the clients that take most are closed, one at a time, wherever they are."""

import time

import pytest

import resp
from server import wait_until


def evicted(raw):
    lines = raw.command("INFO", "stats").decode().splitlines()
    return int(dict(line.split(":", 1) for line in lines if ":" in line)["evicted_clients"])


def open_with_query(server, bytes):
    """A client whose request is not complete; so much of it has come."""
    connection = server.connect()
    connection.command("CLIENT", "SETNAME", f"query-{bytes}")
    connection.send(b"*2\r\n$4\r\nECHO\r\n$%d\r\n" % (bytes + 1000) + b"x" * bytes)
    return connection


def names(raw):
    lines = raw.command("CLIENT", "LIST").decode().splitlines()
    return sorted(word[5:] for line in lines for word in line.split() if word.startswith("name=") and word != "name=")


def memory_of(raw, name):
    for line in raw.command("CLIENT", "LIST").decode().splitlines():
        if f"name={name} " in line:
            return int(line.split("tot-mem=")[1].split()[0])
    return 0


@pytest.fixture(autouse=True)
def counted(raw):
    raw("CONFIG RESETSTAT")


def test_the_largest_go_until_the_rest_fits(server, raw):
    sizes = [100_000, 200_000, 400_000, 800_000, 900_000]
    clients = [open_with_query(server, size) for size in sizes]
    wait_until(lambda: all(memory_of(raw, f"query-{size}") >= size for size in sizes))
    raw("CONFIG SET maxmemory-clients 1500kb")
    wait_until(lambda: names(raw) == ["query-100000", "query-200000", "query-400000"])
    assert evicted(raw) == 2
    raw("CONFIG SET maxmemory-clients 700kb")
    wait_until(lambda: names(raw) == ["query-100000", "query-200000"])
    raw("CONFIG SET maxmemory-clients 0")
    for client in clients[:2]:
        client.close()
    with pytest.raises((resp.Closed, OSError)):
        clients[4].read()


def test_who_may_not_be_evicted_stays(server, raw):
    raw("CLIENT NO-EVICT on")
    with server.connect() as large:
        assert large("CLIENT NO-EVICT on") == "OK"
        large.command("CLIENT", "SETNAME", "large")
        large.send(b"*2\r\n$4\r\nECHO\r\n$900000\r\n" + b"x" * 800_000)
        small = open_with_query(server, 100_000)
        wait_until(lambda: memory_of(raw, "large") >= 800_000 and memory_of(raw, "query-100000") >= 100_000)
        raw("CONFIG SET maxmemory-clients 500kb")
        wait_until(lambda: names(raw) == ["large"])
        time.sleep(0.05)
        assert names(raw) == ["large"]
        raw("CONFIG SET maxmemory-clients 0")
        small.close()
    raw("CLIENT NO-EVICT off")


def test_per_cent_of_maxmemory(server, raw):
    raw("CLIENT NO-EVICT on")
    raw("CONFIG SET maxmemory 120mb maxmemory-clients 1%")
    client = open_with_query(server, 800_000)
    wait_until(lambda: memory_of(raw, "query-800000") >= 800_000)
    other = open_with_query(server, 400_000)
    wait_until(lambda: names(raw) == ["query-400000"])
    raw("CONFIG SET maxmemory 0")
    more = open_with_query(server, 800_000)
    wait_until(lambda: memory_of(raw, "query-800000") >= 800_000)
    time.sleep(0.05)
    assert names(raw) == ["query-400000", "query-800000"] and evicted(raw) == 1
    raw("CLIENT NO-EVICT off")
    raw("CONFIG SET maxmemory-clients 0")
    for connection in (client, other, more):
        connection.close()


def test_output_that_nobody_reads_counts(server, raw):
    raw("CLIENT NO-EVICT on")
    raw.command("SET", "large", "x" * 300_000)
    with server.connect() as lazy:
        lazy.command("CLIENT", "SETNAME", "lazy")
        raw("CONFIG SET maxmemory-clients 1mb")
        for _ in range(60):
            try:
                lazy.send(resp.encode("GET", "large"))
            except OSError:
                break
        wait_until(lambda: names(raw) == [])
    assert evicted(raw) == 1
    raw("CLIENT NO-EVICT off")
