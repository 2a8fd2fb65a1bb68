"""Fixtures: one server per number of shards and backend for the whole session, emptied between tests."""

import functools
import shutil
import signal

import pytest

from server import BACKENDS, SANITIZED, Server, io_uring_refusal

SHARDS = (1, 2, 5)
COMBINATIONS = [(shards, backend) for shards in SHARDS for backend in BACKENDS]


def pytest_configure(config):
    config.addinivalue_line("markers", "alone: it measures time or CPU, so no other test runs beside it")


io_uring_refusal = functools.lru_cache(io_uring_refusal)


def require(backend):
    if backend == "io_uring" and io_uring_refusal():
        pytest.skip(f"io_uring is refused on this machine: {io_uring_refusal()}")


@pytest.fixture(autouse=True)
def bounded():
    """No test hangs: where it waits for something that does not come, it fails there."""

    def overdue(*_):
        raise TimeoutError("the test took too long")

    signal.signal(signal.SIGALRM, overdue)
    signal.alarm(300 if SANITIZED else 60)
    yield
    signal.alarm(0)


@pytest.fixture(scope="session", params=COMBINATIONS, ids=lambda param: f"{param[0]}-{param[1]}")
def shared_server(request, tmp_path_factory):
    shards, backend = request.param
    require(backend)
    server = Server(
        tmp_path_factory.mktemp(f"server-{shards}-{backend}-"),
        *("--shards", shards, "--net-backend", backend, "--bind", "127.0.0.1"),
        *("--enable-debug-command", "yes", "--databases", "16"),
    )
    server.shards, server.backend = shards, backend
    try:
        yield server.start()
        server.stop(expected=[r"DEBUG (LOG|JMAP|LISTPACK|QUICKLIST): ", r"Slow script detected: ", r"WARNING: .* maxmemory value "])
    finally:
        server.kill()


@pytest.fixture
def server(shared_server):
    """The session's server of this combination, empty and with its settings as they were."""
    with shared_server.connect() as admin:
        before = _settings(admin)
        yield shared_server
    with shared_server.connect() as admin:
        admin("CLIENT UNPAUSE")
        admin("DEBUG SET-ACTIVE-EXPIRE 1")
        admin("FLUSHALL")
        _restore_settings(admin, before)


def _settings(admin):
    pairs = admin("CONFIG GET *")
    return dict(zip(pairs[::2], pairs[1::2]))


def _restore_settings(admin, before):
    for name, value in _settings(admin).items():
        if value != before[name]:
            assert admin.command("CONFIG", "SET", name, before[name]) == "OK", name


@pytest.fixture
def r(server):
    """redis-py, answers as text."""
    with server.client(decode_responses=True) as client:
        yield client


@pytest.fixture
def raw(server):
    with server.connect() as connection:
        yield connection


@pytest.fixture
def raw3(server):
    with server.connect(protocol=3) as connection:
        yield connection


@pytest.fixture(params=BACKENDS)
def backend(request):
    require(request.param)
    return request.param


@pytest.fixture
def start(tmp_path):
    """Starts servers of a test's own; each is stopped and checked at the test's end unless the test did so."""
    started = []

    def start_one(*options, expected=(), address=None, ready=True, **keywords):
        if "host" not in keywords and "--bind" not in options:
            options = ("--bind", "127.0.0.1", *options)
        server = Server(tmp_path / f"server{len(started)}", *options, **keywords)
        started.append((server, expected))
        return server.start(address) if ready else server

    yield start_one
    try:
        for server, expected in started:
            if server.process.returncode is None:
                server.stop(expected=expected)
    finally:
        for server, _ in started:
            server.kill()


@pytest.fixture(scope="session")
def shared_oracle(tmp_path_factory):
    if not shutil.which("redis-server"):
        pytest.skip("no redis-server to compare with")
    server = Server(
        tmp_path_factory.mktemp("oracle"),
        *("--save", "", "--appendonly", "no", "--bind", "127.0.0.1", "--enable-debug-command", "yes"),
        binary="redis-server",
    )
    try:
        yield server.start()
    finally:
        server.kill()


@pytest.fixture
def oracle(shared_oracle):
    """A stock redis-server to compare with, empty and with its settings as they were."""
    with shared_oracle.connect() as admin:
        before = _settings(admin)
    yield shared_oracle
    with shared_oracle.connect() as admin:
        admin("FLUSHALL")
        _restore_settings(admin, before)
