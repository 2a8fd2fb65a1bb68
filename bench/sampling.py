"""User-space time by sampling with perf: where the scheduler's ticks see too little of a process that often sleeps.

A clock that runs only while the server does samples it 4,000 times a second of CPU; samples in user space, times the
period, are its user time. The clock costs kernel time at every switch, so sampled runs give no other figure."""

import os
import shutil
import signal
import subprocess
import tempfile
import time

from servers import BenchError

PERIOD_NS = 250_000
KERNEL_HALF = 1 << 63  # of the addresses


def available():
    """perf is there and may look at processes of ours."""
    if not shutil.which("perf"):
        return False
    tried = subprocess.run(["perf", "record", "-q", "-e", "cpu-clock", "-o", "/dev/null", "--", "true"],
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return tried.returncode == 0


class Sampler:
    """Samples the servers inside `with`; afterwards user_seconds is known."""

    def __init__(self, servers):
        self.servers = servers
        self.user_seconds = None

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="shoal-bench-")
        self.file = os.path.join(self.folder.name, "perf.data")
        processes = ",".join(str(server.process.pid) for server in self.servers)
        self.perf = subprocess.Popen(["perf", "record", "-q", "-e", "cpu-clock", "-c", str(PERIOD_NS), "-p", processes,
                                      "-o", self.file], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.3)  # it has attached
        return self

    def __exit__(self, kind, *_):
        self.perf.send_signal(signal.SIGINT)
        self.perf.wait()
        if kind is None:
            self.user_seconds = self._count() * PERIOD_NS / 1e9
        self.folder.cleanup()

    def _count(self):
        script = subprocess.run(["perf", "script", "-i", self.file, "-F", "ip"], stdout=subprocess.PIPE,
                                stderr=subprocess.DEVNULL, text=True)
        if script.returncode != 0:
            raise BenchError("perf script can't read what perf record wrote")
        return sum(1 for line in script.stdout.split() if int(line, 16) < KERNEL_HALF)
