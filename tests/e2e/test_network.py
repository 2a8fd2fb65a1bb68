"""Where it listens, and whom it lets in."""

import os
import socket
import stat
import tempfile

import pytest

import resp
from server import wait_until


def own_address():
    """An IPv4 address of this machine that is not loopback, without sending anything."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("198.51.100.1", 9))
            address = probe.getsockname()[0]
        except OSError:
            address = "127.0.0.1"
    return address if not address.startswith("127.") else None


def test_several_addresses(start, backend):
    server = start("--bind", "127.0.0.1 127.0.0.2", "--net-backend", backend, "--shards", 2)
    for host in ("127.0.0.1", "127.0.0.2"):
        with resp.Connection((host, server.port)) as connection:
            assert connection("INCR n") > 0
            assert f"laddr={host}:{server.port} " in connection("CLIENT INFO").decode()
    with pytest.raises(ConnectionRefusedError):
        resp.Connection(("127.0.0.3", server.port))


def test_ipv6(start, backend):
    if not socket.has_ipv6:
        pytest.skip("no IPv6 on this machine")
    server = start("--bind", "127.0.0.1 ::1", "--net-backend", backend)
    with resp.Connection(("::1", server.port)) as connection:
        assert connection("PING") == "PONG"
        assert "addr=[::1]:" in connection("CLIENT INFO").decode()


def test_an_optional_address_may_be_missing(start):
    server = start("--bind", "127.0.0.1 -203.0.113.77")
    with server.connect() as connection:
        assert connection("PING") == "PONG"


@pytest.fixture
def short_folder():
    """CLIENT LIST cuts long paths, as Redis does."""
    with tempfile.TemporaryDirectory(prefix="shoal-", dir="/tmp") as folder:
        yield folder


def test_unix_socket_and_its_permissions(start, short_folder, backend):
    path = f"{short_folder}/socket"
    options = ("--unixsocket", path, "--unixsocketperm", "700", "--port", "0", "--net-backend", backend)
    server = start(*options, port=0, address=path)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o700
    with server.connect() as connection:
        assert connection("SET k v") == "OK"
        line = connection("CLIENT INFO").decode()
        assert f"addr={path}:0 " in line and " flags=U " in line
        assert connection.command("CLIENT", "KILL", "ADDR", f"{path}:0", "SKIPME", "yes") >= 0
    server.stop()
    assert not os.path.exists(path)


def test_a_socket_left_over_is_replaced(start, tmp_path):
    path = str(tmp_path / "left.sock")
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(path)
    server = start("--unixsocket", path)
    with resp.Connection(path) as connection:
        assert connection("PING") == "PONG"
    assert server.process.poll() is None


@pytest.mark.skipif(own_address() is None, reason="this machine has only loopback addresses")
def test_protected_mode_lets_in_only_this_host(start, backend):
    """A connection to the machine's own address comes from that address, which is not loopback."""
    outside = own_address()
    server = start("--bind", f"127.0.0.1 {outside}", "--net-backend", backend)
    with resp.Connection((outside, server.port)) as connection:
        answer = connection.read_until_closed()
    assert answer.startswith(b"-DENIED ") and b"protected mode" in answer and answer.endswith(b"\r\n")
    with server.connect() as admin:
        assert admin("CONFIG SET protected-mode no") == "OK"
        with resp.Connection((outside, server.port)) as connection:
            assert connection("PING") == "PONG"
        assert admin("CONFIG SET protected-mode yes requirepass x") == "OK"
        with resp.Connection((outside, server.port)) as connection:
            assert connection("PING") == "NOAUTH Authentication required."


def test_many_shards_on_few_cpus(start, backend):
    server = start("--shards", 16, "--net-backend", backend)
    wait_until(lambda: "Ready to accept" in server.log())
    assert "not pinned" in server.log() or os.cpu_count() >= 16
    with server.connect() as connection:
        assert connection.command("MSET", *(word for i in range(100) for word in (f"k:{i}", i))) == "OK"
        assert connection("DBSIZE") == 100
    wait_until(lambda: server.thread_count() >= 16)


def test_affinity_keeps_the_keys_of_a_queue_together(start):
    server = start("--shards", 4)
    with server.connect() as connection:
        assert connection("CONFIG GET affinity*") == [b"affinity", b"", b"affinity-preset", b"bullmq"]
        for queue in range(8):
            keys = [f"bull:q{queue}:{i}" for i in range(20)]
            assert connection.command("MSET", *(word for key in keys for word in (key, "v"))) == "OK"
            assert connection.command("EXISTS", *keys) == 20
        assert connection.command("RENAME", "bull:q1:1", "bull:q1:2") == "OK"
        assert connection.command("MGET", *(f"bull:q3:{i}" for i in range(20))) == [b"v"] * 20
    assert int(server.info("shoal")["requests_gathered"]) == 0
