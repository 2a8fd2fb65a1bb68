"""Replies come in the order of their requests, whatever the shards and routes, whatever the sizes."""

import random
import threading

import pytest

import resp
from server import scaled


def expected_and_commands(count, seed):
    """A pipeline of local, single, scatter and gather commands over many keys, with the replies that a plain model gives."""
    dice, model, commands, expected = random.Random(seed), {}, [], []

    def add(reply, *command):
        commands.append(command)
        expected.append(reply)

    for n in range(count):
        key, other = (b"p:%d" % dice.randrange(60) for _ in range(2))
        kind = dice.randrange(10)
        if kind <= 2:
            model[key] = b"%d" % n
            add("OK", "SET", key, n)
        elif kind <= 4:
            add(model.get(key), "GET", key)
        elif kind == 5:
            add(b"echo %d" % n, "ECHO", f"echo {n}")
        elif kind == 6:
            keys = [b"p:%d" % dice.randrange(60) for _ in range(dice.randint(1, 9))]
            add([model.get(k) for k in keys], "MGET", *keys)
        elif kind == 7:
            model[key], model[other] = b"m%d" % n, b"n%d" % n
            add("OK", "MSET", key, f"m{n}", other, f"n{n}")
        elif kind == 8:
            if key in model:
                model[other] = model.pop(key)
                add("OK", "RENAME", key, other)
            else:
                add("ERR no such key", "RENAME", key, other)
        elif dice.random() < 0.1:
            add(len(model), "DBSIZE")
        else:
            gone = {key, other} & model.keys()
            for k in gone:
                del model[k]
            add(len(gone), "DEL", key, other)
    return commands, expected


def test_ten_thousand_commands_at_once(server):
    commands, expected = expected_and_commands(10000, seed=1)
    with server.connect() as connection:
        sender = threading.Thread(target=connection.send_commands, args=(commands,))
        sender.start()
        for position, reply in enumerate(expected):
            assert connection.read() == reply, (position, commands[position])
        sender.join()


@pytest.mark.parametrize("seed", range(3))
def test_short_pipelines_in_lockstep(raw, seed):
    commands, expected = expected_and_commands(scaled(3000), seed)
    dice, at = random.Random(seed), 0
    while at < len(commands):
        size = dice.randint(1, 70)
        assert raw.pipeline(commands[at : at + size]) == expected[at : at + size]
        at += size


def test_requests_cut_anywhere(raw):
    """Pieces of 1 to 40 bytes: no boundary matters."""
    dice = random.Random(5)
    commands, expected = expected_and_commands(300, seed=2)
    data, at = b"".join(resp.encode(*command) for command in commands), 0
    while at < len(data):
        size = dice.randint(1, 40)
        raw.send(data[at : at + size])
        at += size
    assert [raw.read() for _ in commands] == expected


def test_errors_in_the_middle_do_not_disturb(raw):
    replies = raw.pipeline([("SET", "a", 1), ("NOSUCH",), ("GET",), ("INCR", "a"), ("SET", "b", "x"), ("INCR", "b"), ("GET", "a")])
    assert replies[0] == "OK" and replies[3] == 2 and replies[4] == "OK" and replies[6] == b"2"
    assert [type(replies[i]) for i in (1, 2, 5)] == [resp.Error] * 3


def test_select_in_a_pipeline_counts_from_there_on(raw):
    keys = [f"s:{i}" for i in range(20)]
    batch = []
    for database in (0, 3, 0, 5):
        batch += [("SELECT", database), *(("APPEND", key, database) for key in keys), ("DBSIZE",)]
    assert raw.pipeline(batch)[21::22] == [20] * 4
    raw("SELECT 0")
    assert raw.command("MGET", *keys) == [b"00"] * 20


SIZES = [0, 1, 43, 44, 45, 16383, 16384, 16385, 65535, 65536, 1 << 20]


@pytest.mark.parametrize("size", SIZES)
def test_values_of_every_size(raw, size):
    value = random.Random(size).randbytes(size)
    for key in ("v:1", "v:2", "v:3"):
        assert raw.command("SET", key, value) == "OK"
        assert raw.command("GET", key) == value and raw.command("STRLEN", key) == size
    assert raw.command("MGET", "v:1", "none", "v:3") == [value, None, value]
    assert raw.command("RENAME", "v:1", "v:4") == "OK" and raw.command("GET", "v:4") == value
    assert raw.pipeline([("GET", "v:2"), ("PING",), ("GET", "v:3")]) == [value, "PONG", value]


@pytest.mark.parametrize("size,piece", [(16383, 7), (16385, 1000), (1 << 20, 4093)])
def test_large_values_in_dribbles(raw, size, piece):
    value = random.Random(size).randbytes(size)
    data = resp.encode("SET", "k", value) + resp.encode("STRLEN", "k") + resp.encode("GET", "k")
    for at in range(0, len(data), piece):
        raw.send(data[at : at + piece])
    assert [raw.read(), raw.read(), raw.read()] == ["OK", size, value]


def test_sixty_four_megabytes(server):
    if (server.shards, server.backend) not in ((2, "io_uring"), (2, "epoll")):
        pytest.skip("once for each backend is enough")
    size = 64 << 20
    value = random.Random(64).randbytes(1 << 20) * 64
    with server.connect() as connection:
        for key in ("big:1", "big:2"):
            assert connection.command("SET", key, value) == "OK"
            assert connection.command("STRLEN", key) == size
            assert connection.command("GET", key) == value
        assert connection("DEL big:1 big:2") == 2


def test_a_large_value_on_one_connection_does_not_hold_up_others(server):
    with server.connect() as slow, server.connect() as fast:
        data = resp.encode("SET", "slow", b"x" * (1 << 20))
        for at in range(0, len(data), 1 << 17):
            slow.send(data[at : at + (1 << 17)])
            assert fast("PING") == "PONG" and fast("INCR n") > 0
        assert slow.read() == "OK"


def test_what_was_sent_before_the_client_closed_its_side_is_done_and_answered(server):
    """As `printf ... | nc` does."""
    import socket

    count = 10000
    with server.connect() as connection:
        sender = threading.Thread(target=connection.send_commands, args=([("INCR", "half")] * count,))
        sender.start()
        last = 0
        sender.join()
        connection.socket.shutdown(socket.SHUT_WR)
        for _ in range(count):
            last = connection.read()
        assert last == count
        assert connection.is_closed_within(5)


def test_sixty_connections_pipeline_at_once(server):
    connections = [server.connect() for _ in range(60)]
    for number, connection in enumerate(connections):
        connection.send_commands([("SET", f"c:{number}:{i}", i) for i in range(50)] + [("GET", f"c:{number}:49")])
    for connection in connections:
        assert [connection.read() for _ in range(51)] == ["OK"] * 50 + [b"49"]
        connection.close()


def test_config_get_behind_config_set_in_one_pipeline_reads_what_was_set(server):
    with server.connect() as client:
        for value in (77, 78, 0):
            client.send_commands([("CONFIG", "SET", "timeout", value), ("CONFIG", "GET", "timeout")])
            assert client.read() == "OK"
            assert client.read() == [b"timeout", b"%d" % value]


def test_a_pipeline_of_long_commands_leaves_room_for_others(server):
    """Each takes as long as thousands of others; who asks meanwhile waits for a few of them, not for all."""
    count = scaled(400)
    with server.connect() as busy, server.connect() as other:
        for key in "{s}a", "{s}b":
            busy.pipeline([("SADD", key, *(f"{i}:{i * 7919}" for i in range(at, at + 1000))) for at in range(0, 20000, 1000)])
        busy.pipeline([("PING",)] * 20000)  # now it is known that answers are small
        busy.pipeline([("SINTERCARD", 2, "{s}a", "{s}b")] * 3)  # and what these take
        sender = threading.Thread(
            target=busy.send_commands, args=([("SINTERCARD", 2, "{s}a", "{s}b"), ("INCR", "{s}n")] * count,)
        )
        sender.start()
        assert busy.read() == 20000
        seen = int(other.command("GET", "{s}n") or 0)
        assert seen < count // 2
        assert [busy.read() for _ in range(2 * count - 1)] == [n for i in range(1, count + 1) for n in (i, 20000)][:-1]
        sender.join()
