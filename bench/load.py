"""Load: memtier_benchmark or redis-benchmark, pipelined SETs to fill a server, connections that do nothing."""

import csv
import json
import os
import resource
import shutil
import subprocess
import tempfile
from dataclasses import dataclass

from servers import BenchError, cpu_list

VALUE_BYTES = 32
FILL_BATCH = 2000


@dataclass
class Load:
    """One load process: what it did in its time."""

    operations: int
    seconds: float
    p999_ms: float = None  # redis-benchmark's report ends at p99
    p99_ms: float = None


class Memtier:
    name = "memtier_benchmark"

    def __init__(self, path, keys, ratio="1:10"):
        self.path = path
        self.keys = keys
        self.ratio = ratio  # of SETs to GETs

    def writing(self):
        """The same with SETs alone."""
        return Memtier(self.path, self.keys, "1:0")

    @staticmethod
    def key(number):
        return b"memtier-%d" % (number + 1)

    def start(self, server, cpus, pipeline, connections, seconds, folder):
        report = os.path.join(tempfile.mkdtemp(dir=folder), "report.json")
        command = [self.path, "-s", "127.0.0.1", "-p", str(server.port), "-t", "1", "-c", str(connections),
                   "--pipeline", str(pipeline), "--ratio", self.ratio, "-d", str(VALUE_BYTES), "--key-pattern", "R:R",
                   "--key-minimum", "1", "--key-maximum", str(self.keys), "--distinct-client-seed", "--hide-histogram",
                   "--test-time", str(seconds), "--json-out-file", report]
        return _start(command, cpus), lambda output: self._read(report, seconds)

    @staticmethod
    def _read(report, seconds):
        """Its rate divides by truncated seconds; its count is right."""
        with open(report) as file:
            totals = json.load(file)["ALL STATS"]["Totals"]
        latencies = totals["Percentile Latencies"]
        return Load(totals["Count"], seconds, latencies["p99.90"], latencies["p99.00"])


class RedisBenchmark:
    """It can't mix commands, so it runs 10 GETs for a SET one kind after the other, a number that
    takes about as long as asked for."""

    name = "redis-benchmark"
    RATE = {1: 60_000, 32: 500_000}  # a guess at operations a second, by pipeline

    def __init__(self, path, keys):
        self.path = path
        self.keys = keys

    @staticmethod
    def key(number):
        return b"key:%012d" % number

    def start(self, server, cpus, pipeline, connections, seconds, folder):
        sets = int(seconds * self.RATE[pipeline] / 11)
        kinds = [self._command(server, pipeline, connections, kind, count)
                 for kind, count in (("set", sets), ("get", sets * 10))]
        script = " && ".join(" ".join(command) for command in kinds)
        return _start(["sh", "-c", script], cpus), lambda output: self._read(output, sets)

    def _command(self, server, pipeline, connections, kind, count):
        return [self.path, "-p", str(server.port), "-c", str(connections), "-P", str(pipeline), "-d", str(VALUE_BYTES),
                "-r", str(self.keys), "-t", kind, "-n", str(count), "--csv"]

    @staticmethod
    def _read(output, sets):
        rates = {row[0]: float(row[1]) for row in csv.reader(output.splitlines()) if row and row[0] in ("SET", "GET")}
        return Load(sets * 11, sets / rates["SET"] + sets * 10 / rates["GET"])


def _start(command, cpus):
    return subprocess.Popen(["taskset", "-c", cpu_list(cpus), *command], stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True)


def find_loader(keys):
    """keys: the load chooses among as many."""
    named = os.environ.get("MEMTIER")
    if named and not os.access(named, os.X_OK):
        raise BenchError(f"MEMTIER: {named} can't be executed")
    memtier = named or shutil.which("memtier_benchmark")
    if memtier:
        return Memtier(os.path.abspath(memtier), keys)
    if shutil.which("redis-benchmark"):
        return RedisBenchmark(shutil.which("redis-benchmark"), keys)
    raise BenchError("neither memtier_benchmark (on PATH or named by MEMTIER) nor redis-benchmark is here")


@dataclass
class Measured:
    """What some servers, loaded at one time, did and what it cost them."""

    operations: int
    seconds: float
    cpu: float
    user: float
    p999_ms: float
    p99_ms: float

    @property
    def rate(self):
        return self.operations / self.seconds

    @property
    def cpu_us(self):
        return self.cpu / self.operations * 1e6

    @property
    def user_us(self):
        return self.user / self.operations * 1e6

    @property
    def busy(self):
        """CPUs that were in use on average."""
        return self.cpu / self.seconds


@dataclass
class Drive:
    """One load process's part."""

    server: object
    cpus: list
    connections: int


def measure(loader, drives, pipeline, seconds, others=0):
    """Runs the load processes side by side. The CPU time is that of the whole run, connecting included.
    others: commands that the servers may count beside these."""
    servers = list({id(drive.server): drive.server for drive in drives}.values())
    counted = _commands(servers)
    begin = [server.cpu_time() for server in servers]
    loads = _run(loader, drives, pipeline, seconds)
    spent = [server.cpu_time().since(before) for server, before in zip(servers, begin)]
    operations = sum(load.operations for load in loads)
    if counted is not None:
        _check(loader, operations, _commands(servers) - counted, others)
    slowest = [max((getattr(load, name) for load in loads if getattr(load, name) is not None), default=None)
               for name in ("p999_ms", "p99_ms")]
    return Measured(operations, max(load.seconds for load in loads), sum(cpu.total for cpu in spent),
                    sum(cpu.user for cpu in spent), *slowest)


def _run(loader, drives, pipeline, seconds):
    with tempfile.TemporaryDirectory(prefix="shoal-bench-") as folder:
        running = [loader.start(drive.server, drive.cpus, pipeline, drive.connections, seconds, folder)
                   for drive in drives]
        outputs = [process.communicate()[0] for process, _ in running]
        for (process, _), output in zip(running, outputs):
            if process.returncode != 0:
                raise BenchError(f"{loader.name} failed: {output.strip()[-500:]}")
        return [read(output) for (_, read), output in zip(running, outputs)]


def _commands(servers):
    """By their own count; None where one keeps none."""
    if not all(server.has_info for server in servers):
        return None
    return sum(server.info_number("stats", "total_commands_processed") for server in servers)


def _check(loader, operations, counted, others):
    """A load process stops before its last pipelines are answered, so the counts differ a little."""
    if abs(counted - operations) > 0.02 * operations + 10_000 + others:
        raise BenchError(f"{loader.name} counts {operations} operations, the server {counted}")


# Filling and idling.

def _set_request(key, ttl):
    value = b"x" * VALUE_BYTES
    request = b"$3\r\nSET\r\n$%d\r\n%b\r\n$%d\r\n%b\r\n" % (len(key), key, VALUE_BYTES, value)
    if not ttl:
        return b"*3\r\n" + request
    return b"*5\r\n" + request + b"$2\r\nEX\r\n$%d\r\n%d\r\n" % (len(b"%d" % ttl), ttl)


def fill(server, key_of, count, ttl_of=lambda number: None):
    """SET for each number, with 32-byte values; every reply is checked."""
    with server.connect() as connection:
        for begin in range(0, count, FILL_BATCH):
            numbers = range(begin, min(begin + FILL_BATCH, count))
            connection.sendall(b"".join(_set_request(key_of(number), ttl_of(number)) for number in numbers))
            expected = b"+OK\r\n" * len(numbers)
            received = b""
            while len(received) < len(expected):
                piece = connection.recv(65536)
                if not piece:
                    raise BenchError(f"{server.name} closed the connection while it was filled")
                received += piece
            if received != expected:
                raise BenchError(f"{server.name} answered a SET with {received[:80]!r}")


def open_idle(server, count):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count + 100:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(count + 100, hard), hard))
    return [server.connect() for _ in range(count)]
