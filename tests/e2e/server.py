"""A server process: started on a free port, asked until it answers, stopped and checked.

SHOAL_SERVER names the binary. A sanitizer's build (build/asan, build/tsan) reports on
stderr and by its exit status, and stop() fails on either.
"""

import functools
import itertools
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading
import time

import redis

import resp

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("SHOAL_SERVER", str(ROOT / "build" / "shoal-server"))
SANITIZED = any(f"/{flavor}/" in BINARY for flavor in ("asan", "tsan"))
BACKENDS = ("io_uring", "epoll")
PATIENCE_S = 60 if SANITIZED else 15

# What a server that is started and stopped says at level warning.
EXPECTED_WARNINGS = [r"Received SIG\w+ scheduling shutdown", r"User requested shutdown", r"ready to exit, bye bye"]

# Below the range that the kernel gives to outgoing connections.
FIRST_PORT, PORT_BLOCKS, PORTS_OF_BLOCK = 20000, 99, 100


def scaled(count):
    """A number of operations: fewer where a sanitizer makes each several times as slow."""
    return count // 5 if SANITIZED else count


@functools.lru_cache
def _ports(process):
    """One block after another until one is its own: the name keeps other processes out while this one lives."""
    for block in itertools.count(process):
        first = FIRST_PORT + block % PORT_BLOCKS * PORTS_OF_BLOCK
        holder = socket.socket(socket.AF_UNIX)
        try:
            holder.bind(f"\0shoal-tests-{first}")
        except OSError:
            holder.close()
            continue
        return holder, itertools.cycle(range(first, first + PORTS_OF_BLOCK))


def free_port():
    """It stays free until it is used: no other process of tests tries it."""
    while True:
        port = next(_ports(os.getpid())[1])
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port


def wait_until(condition, seconds=None, pause=0.005):
    """The first true result of `condition`, which is asked for as long as it takes."""
    deadline = time.monotonic() + (seconds or PATIENCE_S)
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError("it did not happen in time")
        time.sleep(pause)


def run_together(functions):
    """Each on a thread of its own, to the end of all; the first failure is raised."""
    failures = []

    def run(function):
        try:
            function()
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=run, args=(function,), daemon=True) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def _environment():
    environment = dict(os.environ)
    environment.setdefault("ASAN_OPTIONS", "detect_leaks=1:detect_stack_use_after_return=1")
    environment.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")
    environment.setdefault("TSAN_OPTIONS", "second_deadlock_stack=1")
    return environment


def run_to_end(*arguments, input=None, seconds=None):
    """A server that is expected to end by itself: (exit status, stdout, stderr)."""
    done = subprocess.run(
        [BINARY, *map(str, arguments)],
        input=input,
        capture_output=True,
        text=True,
        timeout=seconds or PATIENCE_S,
        env=_environment(),
    )
    return done.returncode, done.stdout, done.stderr


class Server:
    """One process with its own folder. Also a stock redis-server, by binary='redis-server'."""

    def __init__(self, folder, *options, binary=BINARY, config=None, port=None, host="127.0.0.1"):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = port if port is not None else free_port()
        self.host = host
        self.log_path = self.folder / "stdout.log"
        self.error_path = self.folder / "stderr.log"
        arguments = [str(config)] if config else []
        if port != 0:
            arguments += ["--port", str(self.port)]
        arguments += ["--dir", str(self.folder), *map(str, options)]
        self.command_line = [binary, *arguments]
        self.open()

    def open(self):
        """Begins the process, again where it has ended."""
        with open(self.log_path, "w") as log, open(self.error_path, "w") as errors:
            self.process = subprocess.Popen(self.command_line, stdout=log, stderr=errors, env=_environment())

    def start(self, address=None):
        """Waits until it answers, and has loaded what there is."""
        self.address = address or (self.host, self.port)
        wait_until(self._answers, pause=0.01)
        return self

    def _answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the server ended with {self.process.returncode}: {self.errors()}{self.log()}")
        try:
            with resp.Connection(self.address, timeout=5) as connection:
                return not str(connection.command("PING")).startswith("LOADING ")
        except (OSError, resp.Closed):
            return False

    @property
    def pid(self):
        return self.process.pid

    def log(self):
        return self.log_path.read_text(errors="replace")

    def errors(self):
        return self.error_path.read_text(errors="replace")

    # Talking to it.

    def connect(self, protocol=2, **options):
        connection = resp.Connection(self.address, timeout=options.pop("timeout", 2 * PATIENCE_S), **options)
        if protocol == 3:
            connection.command("HELLO", "3")
        return connection

    def client(self, **options):
        options.setdefault("socket_timeout", 2 * PATIENCE_S)
        return redis.Redis(host=self.host, port=self.port, **options)

    def info(self, section="all"):
        with self.connect() as connection:
            lines = connection.command("INFO", section).decode().splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)

    # What the kernel says of it.

    def cpu_ticks(self):
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rpartition(") ")[2].split()
        return int(fields[11]) + int(fields[12])

    def resident_bytes(self):
        pages = int(pathlib.Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def thread_count(self):
        return len(os.listdir(f"/proc/{self.pid}/task"))

    # Its end.

    def kill(self):
        """Whatever became of the test, no process stays behind."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def stop_at_once(self):
        """Asked to, without looking at how it ends: of a stock server."""
        self.process.terminate()
        self.process.wait()

    def wait_for_exit(self):
        try:
            return self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"the server did not stop:\n{self.log()}") from None

    def stop(self, signal_number=signal.SIGTERM, expected=()):
        """Stops it; the exit status must be 0, stderr empty, and no warning logged but the expected ones."""
        if self.process.poll() is None:
            self.process.send_signal(signal_number)
        status = self.wait_for_exit()
        errors = self.errors()
        assert errors == "", errors
        assert status == 0, f"exit status {status}:\n{self.log()}"
        self.check_log(expected)

    def check_log(self, expected=()):
        known = re.compile("|".join([*EXPECTED_WARNINGS, *expected]))
        warnings = [line for line in self.log().splitlines() if re.match(r"\d+:M .{20,30} # ", line)]
        unexpected = [line for line in warnings if not known.search(line)]
        assert not unexpected, "\n".join(unexpected)


def io_uring_refusal():
    """Why this machine has no io_uring, or '' where it has: asked of the server, once."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        server = Server(folder, "--shards", 1, "--net-backend", "io_uring", "--bind", "127.0.0.1")
        try:
            server.start()
        except AssertionError as refusal:
            if server.process.poll() is None:
                raise  # it is late, which is no reason to pass over tests
            return str(refusal)
        finally:
            server.kill()
    return ""
