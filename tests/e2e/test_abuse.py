"""What clients send by mistake or malice: refused as redis-server refuses it, at nobody else's cost."""

import functools
import os
import random
import resource
import socket
import threading
import time

import pytest

import resp
from server import SANITIZED, scaled, wait_until

MALFORMED = [
    b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$-5\r\n",
    b"*1\r\n$x\r\nPING\r\n",
    b"*1\r\n$\r\nPING\r\n",
    b"*1\r\n:4\r\nPING\r\n",
    b"*1\r\nPING\r\n",
    b"*1\r\n\r\nPING\r\n",
    b"*1\r\n$ 4\r\nPING\r\n",
    b"*1\r\n$+4\r\nPING\r\n",
    b"*1\r\n$04\r\nPING\r\n",
    b"*1\r\n$536870913\r\n",
    b"*1\r\n$9223372036854775807\r\n",
    b"*1\r\n$9223372036854775808\r\n",
    b"*1\r\n$99999999999999999999999999\r\n",
    b"*1\r\n$4294967300\r\n",
    b"*1\r\n$-1\r\n",
    b"*1\r\n$-9223372036854775808\r\n",
    b"*2147483648\r\n",
    b"*9223372036854775807\r\n",
    b"*99999999999999999999\r\n",
    b"*x\r\n",
    b"*1x\r\n",
    b"* 1\r\n",
    b"*+1\r\n",
    b"*01\r\n",
    b"*1.5\r\n",
    b"*\r\nx",
    b"*1\r\n%4\r\nPING\r\n",
    b"*2\r\n$4\r\nPING\r\n*1\r\n$1\r\nx\r\n",
    b"*1\r\n" + b"$" + b"1" * 70000,
    b"*" + b"1" * 70000,
    b"a" * 70000,
    b"GET 'unbalanced\r\n",
    b'GET "unbalanced\r\n',
    b'GET "x"y\r\n',
    b"SET k 'a'b'\r\n",
    b"\x80\x81\xff\r\n",
    b"*1\r\n\x00",
]

HARMLESS = [
    b"\r\n\r\nPING\r\n",
    b"*0\r\nPING\r\n",
    b"*-1\r\nPING\r\n",
    b"*-10\r\n*1\r\n$4\r\nPING\r\n",
    b"PING\n",
    b"   PING   \r\n",
    b'SET "a b" "\\x00\\xff\\n\\"" \r\nGET "a b"\r\n',
    b"ECHO 'it\\'s'\r\n",
    b'ECHO ""\r\n',
    b"PING\r\n*1\r\n$4\r\nPING\r\nPING\r\n",
    b"*1\r\n$4\r\nPINGxx*1\r\n$4\r\nPING\r\n",
    b"*1\r\n$0\r\n\r\n",
    b"GET\r\n",
    b"nosuch command\r\n",
    b"*2\r\n$3\r\nGET\r\n$0\r\n\r\n",
    b"*1\r\n$6\r\nGE\r\nTx\r\n",
    b"*3\r\n$6\r\nno'su\n\r\n$2\r\na\r\r\n$2\r\nb\n\r\n",
]


def conversation(server, data, piece=None, expected=None, quiet_s=0.12):
    """What comes back, and whether the server then closed. It is given time for the expected, and a moment for more."""
    with server.connect() as connection:
        try:
            for at in range(0, len(data), piece or len(data)):
                connection.send(data[at : at + (piece or len(data))])
            connection.send(b"")
        except OSError:
            pass
        answer = b""
        while True:
            is_to_come = expected and (len(answer) < len(expected[0]) or expected[1])
            connection.socket.settimeout(10 if is_to_come else quiet_s)
            try:
                received = connection.socket.recv(1 << 16)
            except ConnectionResetError:
                return answer, True
            except socket.timeout:
                connection.socket.settimeout(10)
                connection.send(b"\r\n")
                return answer, False
            if not received:
                return answer, True
            answer += received


@functools.cache
def redis_conversation(oracle, data):
    """The same with redis-server: nothing says when its answer is whole, so it has more time for each part."""
    return conversation(oracle, data, quiet_s=0.5)


@pytest.mark.parametrize("data", MALFORMED, ids=lambda data: repr(data[:40]))
def test_malformed_requests_are_answered_as_redis_does(server, oracle, data):
    expected = redis_conversation(oracle, data)
    assert conversation(server, data, expected=expected) == expected
    if len(data) < 1000 and expected[1]:
        data, expected = b"*1\r\n$4\r\nPING\r\n" + data, (b"+PONG\r\n" + expected[0], True)
        assert conversation(server, data, piece=3, expected=expected) == expected


@pytest.mark.parametrize("data", HARMLESS, ids=lambda data: repr(data[:40]))
def test_odd_but_right_requests(server, oracle, data):
    expected = redis_conversation(oracle, data)
    assert conversation(server, data, expected=expected) == expected
    assert conversation(server, data, piece=1, expected=expected) == expected


@pytest.mark.parametrize("line", [b"POST / HTTP/1.1\r\n", b"Host: localhost\r\n", b"*2\r\n$4\r\nPOST\r\n$1\r\n/\r\n"])
def test_a_browser_is_cut_off_before_its_commands(start, backend, oracle, line):
    server = start("--shards", 2, "--net-backend", backend, expected=["speaks HTTP"])
    for each in (oracle, server):
        with each.connect() as browser, each.connect() as other:
            browser.send(line + b"SET from:http 1\r\n")
            assert browser.read_until_closed() == b""
            assert other("EXISTS from:http") == 0


@pytest.mark.parametrize("seed", range(2))
def test_random_bytes_harm_nobody(server, raw, seed):
    dice = random.Random(seed)
    valid = [resp.encode("SET", "k", "v"), resp.encode("MGET", "a", "b"), b"PING\r\n", resp.encode("RENAME", "k", "l")]
    for _ in range(scaled(150)):
        data = bytearray(b"".join(dice.choices(valid, k=dice.randint(1, 6))))
        for _ in range(dice.randint(0, 5)):
            data[dice.randrange(len(data))] = dice.choice(b"*$\r\n01239-x\0\xff")
        with server.connect() as connection:
            connection.send(data[: dice.randint(1, len(data))])
            if dice.random() < 0.5:
                connection.socket.shutdown(socket.SHUT_WR)
                connection.read_until_closed()
    assert raw("PING") == "PONG"


def used_memory(server):
    return int(server.info("memory")["used_memory"])


def test_memory_does_not_follow_what_a_request_announces(server):
    before = used_memory(server)
    connections = [server.connect() for _ in range(20)]
    for number, connection in enumerate(connections):
        announcement = b"*2147483647\r\n" if number % 2 else b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$536870912\r\nabc"
        connection.send(announcement)
        connection.send(b"$3\r\nGET\r\n" if number % 2 else b"def")
    time.sleep(0.1)
    assert used_memory(server) - before < 20 * 100000
    assert server.resident_bytes() < (4 << 30 if SANITIZED else 1 << 30)
    for connection in connections:
        connection.close()


def test_closing_in_the_middle_of_a_request(server, raw):
    request = resp.encode("SET", "half", "x" * 50) + resp.encode("MSET", "a", "1", "b", "2", "c", "3")
    for cut in range(0, len(request)):
        connection = server.connect()
        connection.send(request[:cut])
        connection.close()
    wait_until(lambda: len(raw("CLIENT LIST").splitlines()) <= 3)
    assert raw("EXISTS a b c half") in (0, 1)


def test_closing_before_the_replies(server, raw):
    """Reset, with thousands of requests under way on all shards."""
    import struct

    commands = [("SET", f"gone:{i}", "x" * 100) for i in range(500)] + [("MGET", *(f"gone:{i}" for i in range(50)))] * 50
    for _ in range(10):
        connection = server.connect()
        connection.send_commands(commands)
        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
    wait_until(lambda: len(raw("CLIENT LIST").splitlines()) <= 3)
    assert raw("PING") == "PONG"


def test_a_slow_sender_delays_nobody(server):
    slow = [server.connect() for _ in range(2 * server.shards)]
    request = resp.encode("SET", "slow", "value")
    with server.connect() as fast:
        for position in range(len(request)):
            for connection in slow:
                connection.send(request[position : position + 1])
            assert fast.pipeline([("INCR", "n"), ("GET", "m"), ("MGET", "a", "b", "c")])[1:] == [None, [None] * 3]
    for connection in slow:
        assert connection.read() == "OK"
        connection.close()


def test_ten_thousand_connections_one_after_the_other(server):
    for _ in range(scaled(10000) // 3):
        connection = socket.create_connection((server.host, server.port))
        connection.close()
    with server.connect() as connection:
        assert connection("PING") == "PONG"
        wait_until(lambda: len(connection("CLIENT LIST").splitlines()) == 1 + 1)  # the fixture's and this one


def test_thousands_of_connections_at_once(start, backend):
    count = min(scaled(10000), resource.getrlimit(resource.RLIMIT_NOFILE)[0] - 500)
    server = start("--shards", 2, "--net-backend", backend, "--maxclients", 12000)
    connections = []
    for _ in range(count):
        connections.append(socket.create_connection((server.host, server.port)))
    for connection in connections:
        connection.sendall(b"PING\r\n")
    for connection in connections:
        connection.settimeout(20)
        assert connection.recv(100) == b"+PONG\r\n"
    assert int(server.info("clients")["connected_clients"]) == count + 1
    for connection in connections:
        connection.close()
    wait_until(lambda: int(server.info("clients")["connected_clients"]) == 1)


def fill(server, keys=8, size=100000):
    with server.connect() as connection:
        names = [f"big:{i}" for i in range(keys)]
        connection.command("MSET", *(word for name in names for word in (name, "x" * size)))
    return names


def test_who_does_not_read_is_closed_at_the_output_limit(start, backend):
    options = ("--client-output-buffer-limit", "normal", "1mb", "0", "0")
    server = start("--shards", 2, "--net-backend", backend, *options, expected=["output buffer limits"])
    names = fill(server)
    with server.connect(receive_bytes=4096) as lazy, server.connect() as other:
        try:
            for _ in range(200):
                lazy.send(resp.encode("MGET", *names))
                assert other("INCR n") > 0
        except OSError:
            pass
        wait_until(lambda: server.info("stats")["client_output_buffer_limit_disconnections"] == "1")
        assert other("PING") == "PONG"
    assert "output buffer limits" in server.log()


def test_who_does_not_read_takes_a_bounded_amount_of_memory(start, backend):
    """Without a limit no more requests are started than may be in flight; all answers then arrive."""
    server = start("--shards", 2, "--net-backend", backend)
    names = fill(server, size=1000)
    before, count = server.resident_bytes(), scaled(30000)
    with server.connect(receive_bytes=4096) as lazy, server.connect() as other:
        sender = threading.Thread(target=lazy.send, args=(resp.encode("MGET", *names) * count,))
        sender.start()  # 240 MB of answers
        for _ in range(1000):
            assert other("INCR n") > 0
        if not SANITIZED:
            assert server.resident_bytes() - before < 64 << 20
        for _ in range(count):
            assert [len(value) for value in lazy.read()] == [1000] * len(names)
        sender.join()


def test_large_answers_that_nobody_reads_take_a_bounded_amount_of_memory(start, backend):
    """What counts is bytes, not requests: 1500 answers of a megabyte do not pile up."""
    server = start("--shards", 2, "--net-backend", backend)
    with server.connect() as lazy, server.connect() as other:
        assert other.command("SET", "large", "x" * 1000000) == "OK"
        before = server.resident_bytes()
        sender = threading.Thread(target=lazy.send, args=(resp.encode("GET", "large") * 1500,))
        sender.start()
        most = 0
        for _ in range(30):
            assert other("INCR n") > 0
            most = max(most, server.resident_bytes() - before)
            time.sleep(0.05)
        if not SANITIZED:
            assert most < 200 << 20
        for _ in range(1500):
            assert len(lazy.read()) == 1000000
        sender.join()


def test_inline_requests_of_one_turn_keep_their_own_words(raw):
    """Each shard's request waits for its turn, while the next line is parsed."""
    lines = "".join(f"SET 'in line {i}' 'value {i}'\r\nGET 'in line {i}'\r\n" for i in range(200))
    raw.send(lines.encode())
    assert [raw.read() for _ in range(400)][1::2] == [b"value %d" % i for i in range(200)]


def test_the_query_buffer_has_a_limit(start, backend):
    options = ("--client-query-buffer-limit", "1mb", "--net-backend", backend)
    server = start("--shards", 2, *options, expected=["max query buffer length"])
    with server.connect() as greedy, server.connect() as other:
        with pytest.raises(OSError):
            greedy.send(b"*2\r\n$3\r\nGET\r\n$100000000\r\n" + b"x" * (8 << 20))
            for _ in range(100):
                greedy.send(b"x" * 100000)
        assert other("PING") == "PONG"
    assert server.info("stats")["client_query_buffer_limit_disconnections"] == "1"


def test_maxclients(start, backend):
    server = start("--shards", 3, "--maxclients", 10, "--net-backend", backend)
    wait_until(lambda: len(server.info("clients")) and server.info("clients")["connected_clients"] == "1")
    connections = []
    with server.connect() as admin:
        while len(admin("CLIENT LIST").splitlines()) < 10:
            connections.append(server.connect())
            connections[-1]("PING")
        with server.connect() as refused:
            assert refused.read_until_closed() == b"-ERR max number of clients reached\r\n"
        assert b"rejected_connections:1\r\n" in admin("INFO stats")
        connections.pop().close()
        wait_until(lambda: len(admin("CLIENT LIST").splitlines()) < 10)
        with server.connect() as accepted:
            assert accepted("PING") == "PONG"
    for connection in connections:
        connection.close()


def open_files(server):
    """The limit, as it is now."""
    return resource.prlimit(server.pid, resource.RLIMIT_NOFILE)[0]


def test_maxclients_raises_the_limit_of_open_files(start):
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, before[1]))
    try:
        server = start("--shards", 3, "--maxclients", 100)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert open_files(server) == 1024
    with server.connect() as admin:
        assert admin("CONFIG SET maxclients 5000") == "OK"
        assert open_files(server) >= 5000
        refused = admin("CONFIG SET timeout 7 maxclients 2000000000")
        assert refused.startswith(
            "ERR CONFIG SET failed (possibly related to argument 'maxclients') - "
            "The operating system is not able to handle the specified number of clients, try with "
        )
        assert admin("CONFIG GET maxclients timeout") == [b"maxclients", b"5000", b"timeout", b"0"]
        most = int(refused.split()[-1])
        assert admin(f"CONFIG SET maxclients {most}") == "OK" and open_files(server) > most
        assert admin("CONFIG GET maxclients") == [b"maxclients", str(most).encode()]
        assert admin(f"CONFIG SET maxclients {most + 1}") == refused


def test_idle_clients_are_closed_after_timeout(start, backend):
    server = start("--shards", 2, "--timeout", 1, "--net-backend", backend)
    with server.connect() as idle, server.connect() as busy:
        assert idle("PING") == "PONG"
        begun = time.monotonic()
        idle.socket.settimeout(0.05)
        while True:
            assert busy("PING") == "PONG"
            try:
                assert idle.socket.recv(1) == b""
                break
            except socket.timeout:
                assert time.monotonic() - begun < 10
        assert time.monotonic() - begun > 0.9


def test_a_protocol_error_is_not_told_to_who_wants_no_replies(start, backend):
    server = start("--shards", 1, "--net-backend", backend)
    with server.connect() as connection:
        connection.send(b"CLIENT REPLY OFF\r\n*-5a\r\n")
        assert connection.socket.recv(1) == b""


def test_a_request_that_arrives_slowly_is_not_idle(start, backend):
    server = start("--shards", 2, "--timeout", 1, "--net-backend", backend)
    with server.connect() as connection:
        connection.send(b"*2\r\n$4\r\nECHO\r\n$9\r\n")
        for _ in range(9):
            time.sleep(0.35)
            connection.send(b"x")
        connection.send(b"\r\n")
        assert connection.read() == b"x" * 9


def test_an_answer_that_is_taken_slowly_is_not_idle(start, backend):
    server = start("--shards", 1, "--timeout", 1, "--net-backend", backend)
    with server.connect() as writer:
        assert writer.command("SET", "large", b"x" * 30_000_000) == "OK"
    with server.connect(receive_bytes=65536) as reader:
        reader.send(b"GET large\r\n")
        taken, begun = 0, time.monotonic()
        while taken < 30_000_013:
            piece = reader.socket.recv(200_000)
            assert piece, f"closed after {taken} bytes"
            taken += len(piece)
            if time.monotonic() - begun < 4:
                time.sleep(0.05)


def test_a_client_held_back_by_a_pause_is_not_idle(start, backend):
    server = start("--shards", 2, "--timeout", 1, "--net-backend", backend)
    with server.connect() as connection:
        assert connection("CLIENT PAUSE 3200 WRITE") == "OK"
        assert connection("SET a b") == "OK"


def test_a_client_that_takes_nothing_is_idle(start, backend):
    server = start("--shards", 1, "--timeout", 1, "--net-backend", backend)
    with server.connect() as writer, server.connect(receive_bytes=65536) as reader:
        assert writer.command("SET", "large", b"x" * 30_000_000) == "OK"
        reader.send(b"GET large\r\n")
        wait_until(lambda: server.connect()("CLIENT LIST").count(b"id=") == 1, seconds=10, pause=0.3)


def test_a_password_is_not_asked_for_at_any_price(start, backend):
    """Before AUTH a request may have 10 arguments of 16 KiB; more is refused before it is stored."""
    server = start("--requirepass", "x", "--net-backend", backend)
    for data, error in [
        (b"*11\r\n", b"-ERR Protocol error: unauthenticated multibulk length\r\n"),
        (b"*2\r\n$4\r\nAUTH\r\n$16385\r\n", b"-ERR Protocol error: unauthenticated bulk length\r\n"),
    ]:
        with server.connect() as connection:
            connection.send(data)
            assert connection.read_until_closed() == error


def test_descriptors_are_given_back(server):
    def descriptors():
        return len(os.listdir(f"/proc/{server.pid}/fd"))

    with server.connect() as connection:
        connection("PING")
    before = wait_until(descriptors)
    for _ in range(200):
        with server.connect() as connection:
            connection.send(b"*1\r\n$x\r\n")
            connection.read_until_closed()
    wait_until(lambda: descriptors() <= before + 2)
