"""Load that is encoded before it is sent: batches for the pump, and what a server did and spent meanwhile."""

import os
import re
import struct
import subprocess
import tempfile
from dataclasses import dataclass

from datatypes import encode
from servers import LISTENERS, PUMP, BenchError, cpu_list

SLOTS = 16384


def crc16(key):
    """Of the hash slots: the key's place is this modulo 16384."""
    crc = 0
    for byte in key:
        crc ^= byte << 8
        for _ in range(8):
            crc = crc << 1 ^ (0x1021 if crc & 0x8000 else 0)
        crc &= 0xFFFF
    return crc


def keys_by_quarter(count):
    """As many keys of each quarter of the slots: on four shards one of each, on two shards two quarters of each."""
    quarters, number = [[] for _ in range(4)], 0
    while min(map(len, quarters)) < count:
        key = b"key:%d" % number
        quarters[crc16(key) % SLOTS * 4 // SLOTS].append(key)
        number += 1
    return [keys[:count] for keys in quarters]


def batches(commands, at_once):
    """The pump's file of these encoded requests, each answered by one reply."""
    parts = []
    for at in range(0, len(commands), at_once):
        together = commands[at : at + at_once]
        parts += [struct.pack("=II", sum(map(len, together)), len(together)), *together]
    return b"".join(parts)


class Load:
    """Files of batches, for one connection each."""

    def __init__(self, *files):
        self.folder = tempfile.TemporaryDirectory(prefix="shoal-bench-")
        self.paths = [os.path.join(self.folder.name, str(at)) for at in range(len(files))]
        for path, file in zip(self.paths, files):
            with open(path, "wb") as output:
                output.write(file)


@dataclass
class Pumped:
    """What a server answered, how long that took, and its CPU time meanwhile."""

    replies: int
    seconds: float
    cpu: float = 0.0
    user: float = 0.0

    @property
    def rate(self):
        return self.replies / self.seconds


def start_pump(server, cpus, paths, *options):
    return subprocess.Popen(["taskset", "-c", cpu_list(cpus), PUMP, "--port", str(server.port), *map(str, options),
                             *paths], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)  # fmt: skip


def end_pump(process):
    output = process.communicate()[0]
    matched = re.match(r"(\d+) replies ([\d.]+) seconds (\d+) errors (.*)", output)
    if process.returncode != 0 or not matched:
        raise BenchError(f"pump failed: {output.strip()[-500:]}")
    if matched[3] != "0":
        raise BenchError(f"pump: {matched[3]} errors, the first: {matched[4]}")
    return Pumped(int(matched[1]), float(matched[2]))


def pump(server, cpus, paths, *options):
    """Runs it to its end."""
    before = server.cpu_time()
    pumped = end_pump(start_pump(server, cpus, paths, *options))
    spent = server.cpu_time().since(before)
    pumped.cpu, pumped.user = spent.total, spent.user
    return pumped


class Listeners:
    """COUNT subscribers of a channel, in a process of their own."""

    def __init__(self, server, cpus, count, channel):
        self.process = subprocess.Popen(["taskset", "-c", cpu_list(cpus), LISTENERS, str(server.port), str(count),
                                         channel], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # fmt: skip
        self.total = 0
        self._expect("ready")

    def _expect(self, word):
        line = self.process.stdout.readline().strip()
        if line != word:
            raise BenchError(f"listeners ended instead of saying {word}")

    def wait_for(self, bytes_more):
        """Until all that was published has come."""
        self.total += bytes_more
        self.process.stdin.write(f"{self.total}\n")
        self.process.stdin.flush()
        self._expect("done")

    def stop(self):
        self.process.stdin.close()
        self.process.wait()
