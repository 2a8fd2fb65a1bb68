"""Figures of what is kept on disk: the append-only file, snapshots, loading; and of keys that expire."""

import contextlib
import os
import re
import shutil
import statistics
import tempfile
import threading
import time

from datatypes import Client, Prober, encode
from load import BenchError, Drive, measure
from report import at_least, at_most, ratios
from servers import Redis, Shoal, Together

CONNECTIONS = 50
KEYS = 5_000_000
EXPIRING, EXPIRING_S = 1_000_000, 10
SAMPLED = 100  # one of so many keys that expire is listened to


def appending(fsync):
    return ["--appendonly", "yes", "--appendfsync", fsync]


def keys_of(bench):
    return KEYS // 20 if bench.options.quick else KEYS


def writer(bench):
    if bench.loader.name != "memtier_benchmark":
        raise BenchError("these figures need memtier_benchmark, on PATH or named by MEMTIER")
    return bench.loader.writing()


# The append-only file.

def alternate(bench, servers, load_cpus, pipeline):
    """SETs alone, the servers in turn: name to its rates."""
    loader, rates = writer(bench), {server.name: [] for server in servers}
    for _ in range(bench.options.rounds):
        for server in servers:
            run = measure(loader, [Drive(server, load_cpus, CONNECTIONS)], pipeline, bench.options.seconds)
            rates[server.name].append(run.rate)
    return rates


def named(server, name):
    server.name = name
    return server


def figure_appending(bench):
    """What appending costs, and how fast what is answered is on disk."""
    report, server_cpus, load_cpus = bench.report, bench.cpus[:1], bench.cpus[1:]
    report.section(f"Append-only file: SETs, {CONNECTIONS} connections; a CPU for the server, another for the load")
    with Together(named(Shoal(server_cpus, appending("everysec")), "everysec"),
                  named(Shoal(server_cpus), "without"),
                  named(Redis(server_cpus, appending("everysec")), "redis everysec")) as servers:
        rates = alternate(bench, servers, load_cpus, 32)
        for name, each in rates.items():
            report.add(f"P32 {name}", each, "a second")
        report.add("P32 everysec / without", ratios(rates["everysec"], rates["without"]), "x", at_least(0.85))
    with Together(named(Shoal(server_cpus, appending("always")), "always"),
                  named(Shoal(bench.cpus[:2], appending("always")), "always, two shards"),
                  named(Redis(server_cpus, appending("always")), "redis always")) as servers:
        rates = alternate(bench, servers, bench.cpus, 1)
        for name, each in rates.items():
            report.add(f"P1 {name}", each, "a second")
        report.add("P1 always / redis", ratios(rates["always"], rates["redis always"]), "x", at_least(1.5))
        report.add("P1 always, two shards / one", ratios(rates["always, two shards"], rates["always"]), "x",
                   at_least(1))


# Snapshots.

def mixed(at):
    """A key and its value; one in four is a hash, a list or a sorted set."""
    kind = at % 12
    if kind == 0:
        return ("HSET", f"hash:{at}", "name", f"job {at}", "state", "waiting", "attempts", "3")
    if kind == 4:
        return ("RPUSH", f"list:{at}", *(f"element {at + i}" for i in range(5)))
    if kind == 8:
        return ("ZADD", f"zset:{at}", *(word for i in range(4) for word in (at * 7919 % 100_003 + i, f"member {i}")))
    return ("SET", f"string:{at:08}", f"{at:032}")


def fill_mixed(server, count):
    client = Client(server)
    for begin in range(0, count, 1000):
        client.send(b"".join(encode(*mixed(at)) for at in range(begin, min(begin + 1000, count))))


class Peak:
    """The most that a server and its children take, by what is theirs alone (Pss), looked at again and again."""

    def __init__(self, server):
        self.server, self.bytes, self.stops = server, 0, threading.Event()
        self.thread = threading.Thread(target=self._run)
        self.before = self._now()
        self.thread.start()

    def _now(self):
        pid, total = self.server.process.pid, 0
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            children = file.read().split()
        for each in (str(pid), *children):
            try:
                with open(f"/proc/{each}/smaps_rollup") as file:
                    total += sum(int(line.split()[1]) * 1024 for line in file if line.startswith("Pss:"))
            except (FileNotFoundError, ProcessLookupError):
                pass  # it has ended
        return total

    def _run(self):
        while not self.stops.wait(0.1):
            self.bytes = max(self.bytes, self._now())

    def end(self):
        self.stops.set()
        self.thread.join()
        return self.bytes / self.before


def save_in_background(server, done):
    """Seconds until the snapshot is there, and the longest GET of another client meanwhile."""
    client, prober = Client(server), Prober(server)
    time.sleep(0.2)
    prober.longest_ms()
    begun = time.monotonic()
    client.command("BGSAVE")
    while server.info("persistence")["rdb_bgsave_in_progress"] == "1":
        time.sleep(0.05)
    done.append((time.monotonic() - begun, prober.longest_ms()))
    prober.stop()


def save_under_load(bench, server, loader, drives):
    """Seconds and stall of a snapshot, and the p99 of the runs of the load until it was there."""
    done, p99 = [], []
    thread = threading.Thread(target=save_in_background, args=(server, done))
    thread.start()
    while thread.is_alive():
        p99.append(measure(loader, drives, 1, bench.options.seconds).p99_ms)
    thread.join()
    return *done[0], p99


def snapshot_under_load(bench, server, load_cpus):
    """Memory is looked at in a second snapshot: each look takes some ms of a CPU, which the latencies would be charged."""
    loader, drives = writer(bench), [Drive(server, load_cpus, CONNECTIONS)]
    fill_mixed(server, keys_of(bench))
    measure(loader, drives, 1, bench.options.seconds)  # the load's own keys
    plain = [measure(loader, drives, 1, bench.options.seconds).p99_ms for _ in range(bench.options.rounds)]
    seconds, stall, saved = save_under_load(bench, server, loader, drives)
    peak = Peak(server)
    save_under_load(bench, server, loader, drives)
    return {"seconds": seconds, "stall": stall, "peak": peak.end(),
            "p99": statistics.median(saved) / statistics.median(plain)}


def figure_snapshots(bench):
    """BGSAVE under a full load of SETs, beside redis-server's, which forks."""
    report = bench.report
    report.section(f"BGSAVE of {keys_of(bench):,} mixed keys under SETs of {CONNECTIONS} connections")
    targets = {"peak": at_most(1.06), "p99": at_most(1.3), "stall": at_most(5)}
    units = {"seconds": "s", "peak": "x of before", "p99": "x of without", "stall": "ms, longest GET"}
    took = {}
    for kind in (Shoal, Redis):
        with kind(bench.cpus[:1]) as server:
            figures = snapshot_under_load(bench, server, bench.cpus[1:])
        took[server.name] = figures["seconds"]
        for name, unit in units.items():
            report.add(f"{server.name}, {name}", [figures[name]], unit, targets.get(name) if kind is Shoal else None)
    report.add("shoal / redis, seconds", [took["shoal"] / took["redis"]], "x", at_most(1))


# Loading.

def loaded_s(kind, cpus, source, options=()):
    """By its own log, of a copy of that folder."""
    server = kind(cpus, options)
    server.source = source
    with server:
        deadline = time.monotonic() + 600
        while time.monotonic() < deadline:
            found = re.search(r"DB loaded from (?:disk|append only file): ([0-9.]+) seconds", server.log())
            if found:
                return float(found[1])
            time.sleep(0.05)
    raise BenchError(f"{server.name} has not loaded its files")


@contextlib.contextmanager
def files_of(kind, cpus, count, options):
    """The folder of a server that has written and stopped."""
    with tempfile.TemporaryDirectory(prefix="shoal-bench-") as kept:
        with kind(cpus, options) as server:
            fill_mixed(server, count)
            if not options:
                Client(server).command("SAVE")
            server.process.terminate()
            server.process.wait()
            shutil.copytree(server.folder.name, kept, dirs_exist_ok=True)
        os.remove(os.path.join(kept, "log"))
        yield kept


def figure_loading(bench):
    """How fast files are loaded, by one shard and two, beside redis-server: the same RDB file, each one's own AOF."""
    report, count, rounds = bench.report, keys_of(bench), range(1 if bench.options.quick else 3)
    report.section(f"Loading {count:,} mixed keys")
    one, two, append = bench.cpus[:1], bench.cpus[:2], appending("everysec")
    for name, writers, options in (("RDB", ((Redis, one),), []), ("AOF", ((Shoal, one), (Shoal, two), (Redis, one)), append)):
        with contextlib.ExitStack() as stack:
            written = [stack.enter_context(files_of(kind, cpus, count, options)) for kind, cpus in writers]
            readers = {"shoal": (Shoal, one), "shoal, two shards": (Shoal, two), "redis": (Redis, one)}
            took = {reader: [] for reader in readers}
            for _ in rounds:
                for at, (reader, (kind, cpus)) in enumerate(readers.items()):
                    took[reader].append(loaded_s(kind, cpus, written[at % len(written)], options))
        for server, seconds in took.items():
            report.add(f"{name}, {server}", seconds, "s")
        report.add(f"{name}, redis / shoal", ratios(took["redis"], took["shoal"]), "x", at_least(1.5))
        report.add(f"{name}, one shard / two", ratios(took["shoal"], took["shoal, two shards"]), "x", at_least(1.8))


# Keys that expire.

class Lateness:
    """Of `expired` events: each key that is listened to has its deadline, in Unix ms, in its name."""

    def __init__(self, server):
        self.client, self.late_ms, self.text = server.connect(), [], b""
        self.client.sendall(encode("PSUBSCRIBE", "__keyspace@0__:timed:*"))
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while piece := self.client.recv(1 << 20):
            now_ms, lines = time.time() * 1000, (self.text + piece).split(b"\r\n")
            self.text = lines.pop()
            keys = [line for line in lines if line.startswith(b"__keyspace@0__:timed:") and not line.endswith(b"*")]
            self.late_ms += [now_ms - int(key.rsplit(b":", 1)[1]) for key in keys]


def figure_expiry(bench):
    """How late `expired` is told, while a million keys expire within ten seconds, at half load."""
    count, loader = EXPIRING // 10 if bench.options.quick else EXPIRING, writer(bench)
    bench.report.section(f"{count:,} keys that expire within {EXPIRING_S} s")
    for kind in (Shoal, Redis):
        with kind(bench.cpus[:1], ["--notify-keyspace-events", "Kx"]) as server:
            client, lateness = Client(server), Lateness(server)
            first_ms = int(time.time() * 1000) + 8000
            for begin in range(0, count, 1000):
                client.send(b"".join(encode("SET", f"{'plain' if at % SAMPLED else 'timed'}:{at}:{deadline}", "x", "PXAT", deadline)
                                     for at in range(begin, begin + 1000)
                                     for deadline in [first_ms + at * EXPIRING_S * 1000 // count]))
            time.sleep(max(0, first_ms / 1000 - time.time()))
            measure(loader, [Drive(server, bench.cpus[1:], 4)], 1, EXPIRING_S + 1)
            time.sleep(1)
            late = sorted(lateness.late_ms)
            bench.report.add(f"{server.name}, events listened to", [len(late)], "events")
            bench.report.add(f"{server.name}, late, p99", [late[len(late) * 99 // 100]], "ms",
                             at_most(20) if kind is Shoal else None)
