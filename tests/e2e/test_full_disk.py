"""A full disk: writes are refused, reads go on, nothing that was answered is lost, and what can't be saved leaves nothing behind."""

import contextlib
import os
import shutil
import subprocess
import threading
import time

import pytest

import resp
from append_only import FOLDER, segments
from conftest import COMBINATIONS, require
from server import wait_until
from test_aof import content, differences, is_in_redis

DISK_WARNINGS = (
    r"Error writing to the AOF file of shard \d+: ",
    r"AOF write error looks solved, shard \d+ can write again",
    r"Can't write the manifest of the append-only file: ",
    r"Background AOF rewrite failed: ",
    r"Error saving the DB to ",
    r" is cut at byte \d+: ",
    r"Of the append only file \d+ bytes are cut off",
    r"Short read while loading the append only file",
)


@pytest.fixture
def data(tmp_path):
    """The server's folder, without its log."""
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


@pytest.fixture(params=COMBINATIONS, ids=lambda param: f"{param[0]}-{param[1]}")
def begin(request, start, data):
    """Starts a server of this combination with an append-only file, each time on the same data."""
    shards, backend = request.param
    require(backend)

    def begin_one(appendfsync="everysec", *options):
        common = ("--shards", shards, "--net-backend", backend, "--appendonly", "yes", "--appendfsync", appendfsync)
        debug = ("--enable-debug-command", "yes", "--save", "", "--auto-aof-rewrite-percentage", 0, "--dir", data)
        server = start(*common, *debug, *options, expected=DISK_WARNINGS)
        server.shards, server.folder = shards, data
        return server

    return begin_one


class Limit:
    """Of each file that the process writes; another one has none."""

    def __call__(self, server, size):
        if server.process.returncode is None:
            subprocess.run(["prlimit", "--pid", str(server.pid), f"--fsize={size}:"], check=True)


class FileSystem:
    """One of the server's own, beside what is there already."""

    def __init__(self, place):
        self.place = place

    def __call__(self, server, size):
        """What the server takes meanwhile may be more than that: then it is looked at again."""
        wait_until(lambda: self._resize(shutil.disk_usage(self.place).used + size))

    def _resize(self, size):
        return subprocess.run(["mount", "-o", f"remount,size={size}", self.place]).returncode == 0


@contextlib.contextmanager
def mounted(place):
    if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", place], capture_output=True).returncode != 0:
        pytest.skip("no file system can be mounted here")
    try:
        yield FileSystem(place)
    finally:
        subprocess.run(["umount", "-l", place], check=True)


@pytest.fixture(params=["file system", "limit"])
def room(request, data):
    """Says how many bytes the server's files may have: each, or all beside those there."""
    with mounted(data) if request.param == "file system" else contextlib.nullcontext(Limit()) as it:
        yield it


def is_refused(answer):
    return isinstance(answer, resp.Error) and answer.startswith("MISCONF Errors writing to the AOF file: ")


class Filler(threading.Thread):
    """Writes until the disk is full; of what is under way then the answer may come late."""

    def __init__(self, server, name, full):
        super().__init__()
        self.server, self.name, self.full, self.acknowledged = server, name, full, 0
        self.start()

    def run(self):
        with contextlib.suppress(resp.Closed, OSError), self.server.connect() as connection:
            while not self.full.is_set() and connection.command("SET", f"{self.name}:{self.acknowledged}", "x" * 3000) == "OK":
                self.acknowledged += 1

    def check(self, server):
        with server.connect() as connection:
            keys = [f"{self.name}:{i}" for i in range(self.acknowledged)]
            assert not keys or connection.command("EXISTS", *keys) == len(keys)


@pytest.mark.parametrize("appendfsync", ["always", "everysec"])
def test_while_the_disk_is_full_writes_are_refused_and_reads_go_on(room, begin, appendfsync):
    server = begin(appendfsync)
    with server.connect() as connection, server.connect() as queued, server.connect() as queued_script:
        connection.command("SET", "before", "there")
        queued.pipeline([("WATCH", "before"), ("MULTI",), ("SET", "queued", 1)])
        queued_script.pipeline([("MULTI",), ("EVAL", "return redis.call('SET', KEYS[1], 1)", 1, "queued")])
        room(server, 1 << 18)
        full = threading.Event()
        fillers = [Filler(server, f"f{i}", full) for i in range(3)]
        wait_until(lambda: server.info("persistence")["aof_last_write_status"] == "err", seconds=40)
        full.set()
        refusals = connection.pipeline([("SET", "a", 1), ("PING",), ("LPOP", "a"), ("EVAL", "#!lua\nreturn 1", 0)])
        assert all(map(is_refused, refusals)), refusals
        assert connection.command("GET", "before") == b"there"
        refusal = queued.command("EXEC")
        assert refusal.startswith("EXECABORT Transaction discarded because of: MISCONF Errors writing to the AOF file: ")
        assert queued.command("EXEC") == "ERR EXEC without MULTI"
        if appendfsync == "always":
            assert queued_script.command("EXEC") == refusal
        else:
            assert is_refused(queued_script.command("EXEC")[0])
        assert connection.command("EXISTS", "queued") == 0
    with server.connect() as connection:
        answers = connection.pipeline([("MULTI",), ("SET", "a", 1), ("GET", "a"), ("EXEC",)])
        assert is_refused(answers[1]) and answers[3].startswith("EXECABORT")
        assert len(connection.command("MGET", "f0:0", "f1:0", "before")) == 3
    room(server, 1 << 28)
    with server.connect() as connection:
        wait_until(lambda: connection.command("SET", "after", "there") == "OK")
        assert connection.command("EVAL", "return redis.call('SET', 'script', '1')", 0) == "OK"
    for filler in fillers:
        filler.join()
        filler.check(server)
    assert server.info("persistence")["aof_last_write_status"] == "ok"
    expected = content(server)
    server.stop(expected=DISK_WARNINGS)
    is_in_redis(server, expected)


@pytest.mark.parametrize("appendfsync", ["always", "everysec"])
def test_without_the_file_a_full_disk_does_not_matter(room, begin, appendfsync):
    """Its shard can't end what it had begun; the others have."""
    server = begin(appendfsync)
    room(server, 1 << 18)
    full = threading.Event()
    filler = Filler(server, "f", full)
    wait_until(lambda: server.info("persistence")["aof_last_write_status"] == "err", seconds=40)
    full.set()
    with contextlib.ExitStack() as stack:
        connections = [stack.enter_context(server.connect()) for _ in range(2 * server.shards)]
        assert is_refused(connections[0].command("SET", "a", 1))
        assert connections[0].command("CONFIG", "SET", "appendonly", "no") == "OK"
        filler.join()
        for _ in range(2):
            for i, connection in enumerate(connections):
                assert connection.command("SET", f"a{i}", 1) == "OK"
            time.sleep(0.05)
    room(server, 1 << 28)
    server.stop(expected=DISK_WARNINGS)


def fill(server, room, size, name):
    """Until writes are refused; the clients that did so."""
    room(server, size)
    full = threading.Event()
    fillers = [Filler(server, f"{name}{i}", full) for i in range(3)]
    wait_until(lambda: server.info("persistence")["aof_last_write_status"] == "err", seconds=40)
    full.set()
    return fillers


def test_what_was_answered_is_there_after_a_full_disk_and_a_crash(room, begin):
    server = begin("always")
    fillers = fill(server, room, 1 << 18, "f")
    server.kill()
    room(server, 1 << 19)
    server = begin("always")
    for filler in fillers:
        filler.join()
        filler.check(server)
    fillers += fill(server, room, 1 << 19, "g")
    room(server, 1 << 28)
    with server.connect() as connection:
        wait_until(lambda: connection.command("SET", "after", "there") == "OK")
    for filler in fillers:
        filler.join()
    server.kill()
    server = begin("always")
    for filler in fillers:
        filler.check(server)
    with server.connect() as connection:
        assert connection.command("GET", "after") == b"there"


@pytest.mark.parametrize("appendfsync", ["always", "everysec"])
def test_all_is_there_again_after_a_full_disk(room, begin, appendfsync):
    """Also what was answered while nothing could be written yet."""
    server = begin(appendfsync)
    fillers = fill(server, room, 1 << 18, "f")
    room(server, 1 << 28)
    with server.connect() as connection:
        wait_until(lambda: connection.command("SET", "after", "there") == "OK")
    for filler in fillers:
        filler.join()
    expected = content(server)
    server.stop(expected=DISK_WARNINGS)
    assert not differences(expected[0], content(begin())[0])


# What is written as a whole.


def persistence(server):
    return server.info("persistence")


def has_rested(server):
    figures = persistence(server)
    return figures["rdb_bgsave_in_progress"] == figures["aof_rewrite_in_progress"] == figures["aof_rewrite_scheduled"] == "0"


def append_only_files(server):
    return {path.name for path in (server.folder / FOLDER).iterdir()}


def assert_nothing_is_left_behind(server):
    named = {path.name for path in segments(server.folder)}
    assert append_only_files(server) == named | {"appendonly.aof.manifest"}
    assert {path.name for path in server.folder.iterdir()} <= {FOLDER, "dump.rdb"}


def write_noise(server, name, kilobytes):
    """What can't be compressed."""
    with server.connect() as connection:
        answers = connection.pipeline(("SET", f"{name}:{i}", os.urandom(1024)) for i in range(kilobytes))
    assert set(answers) == {"OK"}


def save_all(server, save="ok", rewrite="ok"):
    with server.connect() as connection:
        for command, figure, status in [
            ("BGSAVE", "rdb_last_bgsave_status", save),
            ("BGREWRITEAOF", "aof_last_bgrewrite_status", rewrite),
        ]:
            assert "started" in connection.command(command)
            wait_until(lambda: has_rested(server))
            assert persistence(server)[figure] == status, command


def after_a_crash(server, begin):
    """What there was is there again: the server that has it."""
    expected = content(server)
    server.kill()
    server = begin()
    assert not differences(expected[0], content(server)[0])
    return server


def test_what_can_not_be_saved_leaves_what_was_there(room, begin):
    """There is room for commands, but not for another snapshot of them all."""
    server = begin("always")
    write_noise(server, "a", 300)
    save_all(server)
    before, base = (server.folder / "dump.rdb").read_bytes(), segments(server.folder)[0]
    room(server, 200 << 10)
    write_noise(server, "b", 20)
    with server.connect() as connection:
        assert connection.command("SAVE") == "ERR"
        save_all(server, save="err", rewrite="err")
        wait_until(lambda: connection.command("SET", "after", "there") == "OK")
        assert connection.command("GET", "a:0") is not None
    assert (server.folder / "dump.rdb").read_bytes() == before
    assert segments(server.folder)[0] == base
    assert_nothing_is_left_behind(server)
    server = after_a_crash(server, begin)
    room(server, 1 << 28)
    save_all(server)
    assert_nothing_is_left_behind(server)
    assert (server.folder / "dump.rdb").read_bytes() != before and segments(server.folder)[0] != base


@contextlib.contextmanager
def no_room(place):
    """None at all."""
    ballast = place / "ballast"
    with contextlib.suppress(OSError), open(ballast, "wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    yield
    ballast.unlink()


@pytest.mark.parametrize("appendfsync", ["always", "everysec"])
def test_a_rewriting_that_begins_on_a_full_disk(begin, data, appendfsync):
    """It can't say where commands go from then on: they are refused until it can."""
    with mounted(data) as room:
        server = begin(appendfsync)
        write_noise(server, "a", 100)
        save_all(server)
        room(server, 1 << 22)
        with server.connect() as connection, server.connect() as reader:
            with no_room(server.folder):
                assert "started" in connection.command("BGREWRITEAOF")
                connection.send_commands([("SET", "written", 1)])
                wait_until(lambda: persistence(server)["aof_last_write_status"] == "err")
                assert is_refused(reader.command("SET", "a", 1))
                assert reader.command("GET", "a:0") is not None
            wait_until(lambda: reader.command("SET", "after", "there") == "OK")
            answer = connection.read()
            assert answer == "OK" or is_refused(answer)
        wait_until(lambda: has_rested(server))
        save_all(server)
        assert_nothing_is_left_behind(server)
        after_a_crash(server, begin).stop(expected=DISK_WARNINGS)


def has_tried_again(server):
    figures = persistence(server)
    assert figures["aof_enabled"] == "1" and figures["aof_last_bgrewrite_status"] == "err"
    assert "1" in (figures["aof_rewrite_scheduled"], figures["aof_rewrite_in_progress"])
    return int(figures["aof_rewrites"]) >= 3


@pytest.mark.parametrize("appendfsync", ["always", "everysec"])
def test_a_first_base_that_finds_no_room_is_tried_again(room, begin, appendfsync):
    """Until it is there nothing is said to be safe."""
    server = begin(appendfsync, "--appendonly", "no")
    write_noise(server, "a", 300)
    room(server, 200 << 10)
    with server.connect() as connection:
        assert connection.command("CONFIG", "SET", "appendonly", "yes") == "OK"
        wait_until(lambda: persistence(server)["aof_last_bgrewrite_status"] == "err")
        wait_until(lambda: has_tried_again(server))
        wait_until(lambda: connection.command("SET", "meanwhile", "there") == "OK")
        assert connection.command("WAITAOF", 1, 0, 100) == [0, 0]
        room(server, 1 << 28)
        wait_until(lambda: connection.command("SET", "after", "there") == "OK")
        assert connection.command("WAITAOF", 1, 0, 20000) == [1, 0]
    wait_until(lambda: has_rested(server))
    assert persistence(server)["aof_last_bgrewrite_status"] == "ok"
    assert_nothing_is_left_behind(server)
    after_a_crash(server, begin).stop(expected=DISK_WARNINGS)
