"""The servers that are measured, and what the kernel and they themselves tell about them."""

import os
import random
import shutil
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SHOAL = os.path.abspath(os.environ.get("SHOAL_SERVER", os.path.join(ROOT, "build/shoal-server")))
NULL_SERVER = os.path.join(ROOT, "build/release/null_server")
ENGINE = os.path.join(ROOT, "build/release/engine")
GROWTH = os.path.join(ROOT, "build/release/growth")
PROBER = os.path.join(ROOT, "build/release/prober")
PUMP = os.path.join(ROOT, "build/release/pump")
CACHE_PROBE = os.path.join(ROOT, "build/release/cache_probe")
LISTENERS = os.path.join(ROOT, "build/release/listeners")
REDIS = shutil.which(os.environ.get("REDIS_SERVER", "redis-server"))


class BenchError(Exception):
    """Something is missing or does not run; its text is for the one who called."""


@dataclass
class CpuTime:
    """Seconds on a CPU. The sum is exact to the nanosecond; user and system
    share it by the scheduler's ticks, so over a second or more."""

    total: float
    user_ticks: int
    system_ticks: int

    def since(self, begin):
        return CpuTime(self.total - begin.total, self.user_ticks - begin.user_ticks,
                       self.system_ticks - begin.system_ticks)

    @property
    def user(self):
        ticks = self.user_ticks + self.system_ticks
        return self.total * self.user_ticks / ticks if ticks else 0.0


def cpu_list(cpus):
    return ",".join(str(cpu) for cpu in cpus)


def free_port():
    """Below the ports that the kernel gives to clients, or one of them might take it before the server does."""
    while True:
        port = random.randrange(20_000, 30_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


class Server:
    """One process on a port of its own, kept to its CPUs; use with `with`."""

    name = "server"
    has_info = True

    def __init__(self, cpus):
        self.cpus = cpus
        self.port = free_port()
        self.process = None
        self.folder = None
        self.source = None  # a data folder, of which a copy is to be loaded

    def arguments(self):
        raise NotImplementedError

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="shoal-bench-")
        if self.source:
            shutil.copytree(self.source, self.folder.name, dirs_exist_ok=True)
        command = self.arguments()
        if not command[0] or not os.access(command[0], os.X_OK):
            raise BenchError(f"{self.name}: there is no program {command[0] or 'redis-server'}")
        with open(os.path.join(self.folder.name, "log"), "wb") as log:
            self.process = subprocess.Popen(["taskset", "-c", cpu_list(self.cpus), *command], stdout=log, stderr=log,
                                            cwd=self.folder.name)
        self._wait_until_ready()
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.folder.cleanup()

    def _wait_until_ready(self):
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                self.connect().close()
                return
            except OSError:
                time.sleep(0.02)
        text = self.log().strip()
        self.__exit__()
        raise BenchError(f"{self.name} does not start: {text[-500:] or 'no answer'}")

    def log(self):
        with open(os.path.join(self.folder.name, "log"), errors="replace") as log:
            return log.read()

    def connect(self):
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    # What the kernel says.

    def _proc(self, path):
        with open(f"/proc/{self.process.pid}/{path}") as file:
            return file.read()

    def cpu_time(self):
        """Of all threads, the kernel's workers for the process among them."""
        total = 0
        for thread in os.listdir(f"/proc/{self.process.pid}/task"):
            try:
                total += int(self._proc(f"task/{thread}/schedstat").split()[0])
            except (FileNotFoundError, ProcessLookupError):
                pass  # a worker of the kernel's that has ended
        fields = self._proc("stat").rpartition(")")[2].split()
        return CpuTime(total / 1e9, int(fields[11]), int(fields[12]))

    def resident_bytes(self, kind="Rss"):
        """Rss: all there is; Anonymous: without what is read from files, such as the program."""
        for line in self._proc("smaps_rollup").splitlines():
            if line.startswith(kind + ":"):
                return int(line.split()[1]) * 1024
        raise BenchError(f"{self.name}: no {kind} in smaps_rollup")

    # What it says itself.

    def info(self, section):
        with self.connect() as connection:
            connection.sendall(f"*2\r\n$4\r\nINFO\r\n${len(section)}\r\n{section}\r\n".encode())
            answers = connection.makefile("rb")
            text = answers.read(int(answers.readline()[1:])).decode()
        return dict(line.split(":", 1) for line in text.splitlines() if ":" in line)

    def info_number(self, section, field):
        return int(self.info(section)[field])


IN_MEMORY = ("--save", "", "--appendonly", "no")  # but where a measure's options say otherwise


class Shoal(Server):
    name = "shoal"

    def __init__(self, cpus, options=()):
        super().__init__(cpus)
        self.options = list(options)

    def arguments(self):
        return [SHOAL, "--port", str(self.port), "--shards", str(len(self.cpus)), "--shard-cpus", cpu_list(self.cpus),
                *IN_MEMORY, *self.options]


class Floor(Server):
    """The same I/O with no engine."""

    name = "floor"
    has_info = False

    def __init__(self, cpus, options=()):
        super().__init__(cpus)
        self.options = list(options)

    def arguments(self):
        return [NULL_SERVER, "--port", str(self.port), *self.options]


class Redis(Server):
    name = "redis"

    def __init__(self, cpus, options=()):
        super().__init__(cpus)
        self.options = list(options)

    def arguments(self):
        return [REDIS, "--port", str(self.port), "--bind", "127.0.0.1", *IN_MEMORY, *self.options]


class Together:
    """Several servers that run at one time; stopped together."""

    def __init__(self, *servers):
        self.servers = servers
        self.started = []

    def __enter__(self):
        try:
            for server in self.servers:
                self.started.append(server.__enter__())
        except BaseException:
            self.__exit__()
            raise
        return self.servers

    def __exit__(self, *_):
        for server in self.started:
            server.__exit__()


def redis_version():
    if not REDIS:
        return "no redis-server"
    return subprocess.run([REDIS, "--version"], capture_output=True, text=True, check=True).stdout.split(" sha")[0]


def run(command):
    """What a program printed, that is to succeed."""
    ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if ran.returncode != 0:
        raise BenchError(f"{' '.join(command)} failed: {ran.stdout.strip()[-500:]}")
    return ran.stdout
