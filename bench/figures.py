#!/usr/bin/python3
"""The table of all figures that Shoal is held to, measured side by side in one run: see README.md."""

import argparse
import os
import re
import shutil
import statistics
import sys
import time

import datatypes
import durability
import sampling
import transactions
from load import BenchError, Drive, fill, find_loader, measure, open_idle
from report import Report, at_least, at_most, between, ratios
from servers import CACHE_PROBE, ENGINE, Floor, Redis, Shoal, Together, cpu_list, redis_version, run

CONNECTIONS = 50
SAMPLED_ROUNDS = 3
CONNECTIONS_PER_LOAD = 25  # where several load processes run
MEMORY_KEYS = 1_000_000
IDLE_CONNECTIONS = 1000
PIPELINES = (1, 32)
FLOOR_TARGET = {1: 1.06, 32: 1.30}
CROSSING_TARGET = {1: 1.15, 32: 1.25}


class Bench:
    """What all figures share: options, report, load, and which CPUs do what."""

    def __init__(self, options):
        self.options = options
        self.report = Report()
        self.cpus = sorted(os.sched_getaffinity(0))
        if len(self.cpus) < 2:
            raise BenchError("at least two CPUs are needed: one for the server, one for the load")
        self.loader = find_loader(options.keys)
        self.has_perf = sampling.available()

    @property
    def backend(self):
        return ["--net-backend", self.options.net_backend] if self.options.net_backend else []

    def load_cpus(self, servers):
        """Beside the servers where there is room, else everywhere."""
        rest = self.cpus[servers:]
        return rest if len(rest) >= servers else self.cpus

    def fill(self, server):
        fill(server, self.loader.key, self.options.keys)

    def rounds(self, subjects, pipeline):
        """subjects: name to drives. Alternates them, so that noise hits all alike; name to its list of Measured."""
        measured = {name: [] for name in subjects}
        for at in range(self.options.rounds):
            for name, drives in subjects.items():
                progress(f"pipeline {pipeline}, round {at + 1} of {self.options.rounds}, {name}")
                measured[name].append(measure(self.loader, drives, pipeline, self.options.seconds))
        progress("")
        return measured


    def user_us(self, subjects, pipeline, measured):
        """User-space time of an operation, by name: sampled in runs of its own, or by the ticks of those measured."""
        if not self.has_perf:
            return {name: [run.user_us for run in runs] for name, runs in measured.items()}
        sampled = {name: [] for name in subjects}
        for at in range(1 if self.options.quick else SAMPLED_ROUNDS):
            for name, drives in subjects.items():
                progress(f"pipeline {pipeline}, sampled round {at + 1}, {name}")
                with sampling.Sampler([drive.server for drive in drives]) as sampler:
                    run = measure(self.loader, drives, pipeline, self.options.seconds)
                sampled[name].append(sampler.user_seconds / run.operations * 1e6)
        progress("")
        return sampled


def progress(text):
    if sys.stderr.isatty():
        sys.stderr.write("\r\033[K" + text)
        sys.stderr.flush()


# One shard beside its floor and redis-server.

def figure_io(bench):
    """CPU time of an operation, one server on one CPU, beside the floor and redis-server; the tail."""
    server_cpus, load_cpus = bench.cpus[:1], bench.cpus[1:]
    with Together(Floor(server_cpus, bench.backend), Shoal(server_cpus, bench.backend), Redis(server_cpus)) as servers:
        subjects = {server.name: [Drive(server, load_cpus, CONNECTIONS)] for server in servers}
        for server in servers:
            bench.fill(server)
        for pipeline in PIPELINES:
            measured = bench.rounds(subjects, pipeline)
            report_io(bench, pipeline, measured, bench.user_us(subjects, pipeline, measured))


def report_io(bench, pipeline, measured, user):
    report = bench.report
    report.section(f"Pipeline {pipeline}, {CONNECTIONS} connections, GET:SET 10:1: a CPU for the server, another for "
                   "the load")
    cpu = {name: [run.cpu_us for run in runs] for name, runs in measured.items()}
    for name in measured:
        report.add(f"P{pipeline} {name}", cpu[name], "us of CPU")
    report.add(f"P{pipeline} shoal / floor", ratios(cpu["shoal"], cpu["floor"]), "x",
               at_most(FLOOR_TARGET[pipeline]))
    report.add(f"P{pipeline} redis / floor", ratios(cpu["redis"], cpu["floor"]), "x")
    for name in measured:
        report.add(f"P{pipeline} {name}, user space", user[name], "us of CPU")
    report.add(f"P{pipeline} shoal / redis, user space", ratios(user["shoal"], user["redis"]), "x",
               at_most(0.5) if pipeline == 32 else None)
    for name, runs in measured.items():
        report.add(f"P{pipeline} {name}, operations", [run.operations / run.seconds / 1e6 for run in runs],
                   "million/s")
        report.add(f"P{pipeline} {name}, busy", [run.busy * 100 for run in runs], "% of the CPU")
    report_tail(report, pipeline, measured)


def report_tail(report, pipeline, measured):
    if any(run.p999_ms is None for runs in measured.values() for run in runs):
        report.note("  no p99.9: only memtier_benchmark reports it")
        return
    tail = {name: [run.p999_ms for run in runs] for name, runs in measured.items()}
    for name in measured:
        report.add(f"P{pipeline} {name}, p99.9", tail[name], "ms")
    report.add(f"P{pipeline} shoal / redis, p99.9", ratios(tail["shoal"], tail["redis"]), "x",
               at_most(1) if pipeline == 32 else None)


# Several shards beside one, and beside as many redis-servers.

class Group:
    """N shards on N CPUs, and N redis-servers on the same CPUs; each is loaded by the same number of processes."""

    def __init__(self, bench, count, loads):
        cpus = bench.cpus[:count]
        self.shoal = Shoal(cpus, bench.backend)
        self.redis = [Redis([cpu]) for cpu in cpus]
        self.bench = bench
        self.loads = loads

    def drives(self, servers):
        cpus = self.bench.load_cpus(self.loads)
        return [Drive(servers[at % len(servers)], cpus, CONNECTIONS_PER_LOAD) for at in range(self.loads)]

    def fill(self):
        for server in (self.shoal, *self.redis):
            self.bench.fill(server)


def load_place(bench, count):
    shared = bench.load_cpus(count) == bench.cpus
    return "the load shares the servers' CPUs" if shared else "the load has CPUs of its own"


def figure_crossing(bench):
    """Two shards on two CPUs beside one on one, and beside two redis-servers: what crossing costs."""
    one, two = Group(bench, 1, 2), Group(bench, 2, 2)
    with Together(one.shoal, two.shoal, *two.redis):
        bench.fill(one.shoal)
        two.fill()
        subjects = {"one shard": one.drives([one.shoal]), "two shards": two.drives([two.shoal]),
                    "two redis-servers": two.drives(two.redis)}
        for pipeline in PIPELINES:
            report_crossing(bench, pipeline, bench.rounds(subjects, pipeline))


def report_crossing(bench, pipeline, measured):
    report = bench.report
    report.section(f"Crossing, pipeline {pipeline}, 2 x {CONNECTIONS_PER_LOAD} connections, random keys; "
                   + load_place(bench, 2))
    cpu = {name: [run.cpu_us for run in runs] for name, runs in measured.items()}
    for name, runs in measured.items():
        report.add(f"P{pipeline} {name}", cpu[name], "us of CPU")
        report.add(f"P{pipeline} {name}, operations", [run.operations / run.seconds / 1e6 for run in runs],
                   "million/s")
    report.add(f"P{pipeline} two shards / one", ratios(cpu["two shards"], cpu["one shard"]), "x",
               at_most(CROSSING_TARGET[pipeline]))
    report.add(f"P{pipeline} per CPU second, shoal / redis pair",
               ratios(cpu["two redis-servers"], cpu["two shards"]), "x", at_least(0.9))


def figure_scaling(bench):
    """1 to N shards beside as many redis-servers (--scaling N)."""
    most = min(bench.options.scaling, len(bench.cpus))
    layout = "  {:>6} {:<34} {:>10} {:>10} {:>10} {:>10} {:>12} {:>12}"
    for pipeline in PIPELINES:
        bench.report.note(f"\nScaling, pipeline {pipeline}, {CONNECTIONS_PER_LOAD} connections a load process, medians")
        print(layout.format("shards", "", "million/s", "us of CPU", "x one", "redis M/s", "redis us", "per CPU s, x"))
        first = None
        for count in range(1, most + 1):
            row = scaling_row(bench, count, pipeline)
            first = first or row["shoal_us"]
            print(layout.format(count, load_place(bench, count), f"{row['shoal_rate']:.3f}", f"{row['shoal_us']:.3f}",
                                f"{row['shoal_us'] / first:.2f}", f"{row['redis_rate']:.3f}", f"{row['redis_us']:.3f}",
                                f"{row['redis_us'] / row['shoal_us']:.2f}"), flush=True)


def scaling_row(bench, count, pipeline):
    group = Group(bench, count, count)
    with Together(group.shoal, *group.redis):
        group.fill()
        measured = bench.rounds({"shoal": group.drives([group.shoal]), "redis": group.drives(group.redis)}, pipeline)
    row = {}
    for name, runs in measured.items():
        row[name + "_us"] = statistics.median(run.cpu_us for run in runs)
        row[name + "_rate"] = statistics.median(run.operations / run.seconds / 1e6 for run in runs)
    return row


# Memory.

def figure_memory(bench):
    """Bytes a key, resident, and whether used_memory is what the allocator holds."""
    report = bench.report
    report.section(f"Memory: {MEMORY_KEYS:,} keys of 16 bytes with 32-byte values")
    for ttl, target in (None, 95), (100_000, 120):
        kind = " with a TTL" if ttl else ""
        resident, accounted = fill_memory(Shoal(bench.cpus[:1], bench.backend), ttl)
        report.add("shoal, bytes a key" + kind, [resident], "resident", at_most(target))
        report.add("shoal, used_memory / anonymous" + kind, [accounted], "x", between(0.95, 1.05))
        report.add("redis, bytes a key" + kind, [fill_memory(Redis(bench.cpus[:1]), ttl)[0]], "resident")


def fill_memory(server, ttl):
    """What residence grew by, a key, and used_memory as a share of all anonymous memory."""
    def ttl_of(key):
        return ttl + key * 7919 % ttl if ttl else None

    with server:
        fill(server, lambda number: b"warm%012d" % number, 4000)
        resident = server.resident_bytes()
        fill(server, lambda number: b"key:%012d" % number, MEMORY_KEYS, ttl_of)
        return ((server.resident_bytes() - resident) / MEMORY_KEYS,
                server.info_number("memory", "used_memory") / server.resident_bytes("Anonymous"))


# Idle.

def figure_idle(bench):
    """CPU time with connections that do nothing, the servers side by side."""
    seconds = 3 if bench.options.quick else 10
    bench.report.section(f"Idle: {seconds} s with {IDLE_CONNECTIONS} connections")
    with Together(Shoal(bench.cpus[:2], bench.backend), Redis(bench.cpus[:1])) as servers:
        connections = [open_idle(server, IDLE_CONNECTIONS) for server in servers]
        time.sleep(1)
        begin = [server.cpu_time() for server in servers]
        time.sleep(seconds)
        for server, before in zip(servers, begin):
            percent = server.cpu_time().since(before).total / seconds * 100
            name = f"{server.name}, {len(server.cpus)} thread{'s' if len(server.cpus) > 1 else ''}"
            bench.report.add(name, [percent], "% CPU", at_most(0.049) if server.name == "shoal" else None)
        for connection in sum(connections, []):
            connection.close()


# The engine alone.

def figure_engine(bench):
    """Parser and execution without sockets, and their instructions."""
    bench.report.section("The engine without sockets, 100,000 keys")
    command = ["taskset", "-c", cpu_list(bench.cpus[:1]), ENGINE, "--rounds", str(max(bench.options.rounds, 3))]
    for line in run(command).splitlines():
        kind, median, least, most = re.match(r"(\w+) +([\d.]+) .*from ([\d.]+) to ([\d.]+)", line).groups()
        bench.report.add(f"engine {kind}", [float(least), float(median), float(most)], "million/s",
                         at_least(6) if kind != "mixed" else None)
    if not shutil.which("valgrind"):
        bench.report.note("  no instructions an operation: valgrind is not installed")
        return
    for kind in "get", "set":
        bench.report.add(f"engine {kind}, callgrind", [instructions(kind)], "instructions")


def instructions(kind):
    """Of an operation: the difference of two runs, so that what comes before and after cancels out. Under valgrind each
    call lasts long enough to be timed, so none is."""
    counts, collected = (64_000, 192_000), []
    for count in counts:
        output = run(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", ENGINE, "--kind", kind,
                      "--keys", "20000", "--timed", "no", "--rounds", "1", "--operations", str(count)])
        collected.append(int(re.search(r"Collected : (\d+)", output).group(1)))
    return (collected[1] - collected[0]) / (counts[1] - counts[0])


def note_caches(bench):
    """What the host leaves of the cache that cores share decides what most figures are: see README.md."""
    reads = [f"{float(run(['taskset', '-c', str(cpu), CACHE_PROBE])):.0f}" for cpu in bench.cpus]
    bench.report.note(f"  a random read in 8 MiB takes {', '.join(reads)} ns on the CPUs")


FIGURES = {"engine": figure_engine, "io": figure_io, "crossing": figure_crossing, "memory": figure_memory,
           "idle": figure_idle, "items": datatypes.figure_items, "operations": datatypes.figure_operations,
           "algebra": datatypes.figure_algebra, "stalls": datatypes.figure_stalls,
           "scripts": transactions.figure_scripts, "transactions": transactions.figure_transactions,
           "bullmq": transactions.figure_bullmq, "publish": transactions.figure_publish,
           "multikey": transactions.figure_multikey, "gathers": transactions.figure_gathers,
           "appending": durability.figure_appending, "snapshots": durability.figure_snapshots,
           "loading": durability.figure_loading, "expiry": durability.figure_expiry}


def options_from(arguments):
    parser = argparse.ArgumentParser(prog="figures.py", description=__doc__)
    parser.add_argument("--only", action="append", choices=FIGURES, help="these figures (may be repeated)")
    parser.add_argument("--rounds", type=int, help="of each figure (5; 3 with --quick)")
    parser.add_argument("--seconds", type=int, help="that each load lasts (4; 1 with --quick)")
    parser.add_argument("--value", choices=datatypes.GROWING, help="of the stalls: this type alone")
    parser.add_argument("--keys", type=int, default=100_000, help="that the load chooses among (100000)")
    parser.add_argument("--quick", action="store_true", help="short runs: whether it works, not what it is worth")
    parser.add_argument("--scaling", type=int, metavar="N", help="instead: a table of 1 to N shards, on N CPUs or more")
    parser.add_argument("--net-backend", choices=("io_uring", "epoll"), help="of Shoal and the floor")
    options = parser.parse_args(arguments)
    options.rounds = options.rounds or (3 if options.quick else 5)
    options.seconds = options.seconds or (1 if options.quick else 4)
    return options


def main(arguments):
    options = options_from(arguments)
    try:
        bench = Bench(options)
        bench.report.note(f"{len(bench.cpus)} CPUs, load {os.getloadavg()[0]:.1f}, {bench.loader.name}, "
                          f"{redis_version()}, {options.keys:,} keys, {options.rounds} rounds of {options.seconds} s")
        if options.scaling:
            figure_scaling(bench)
            return 0
        for name in options.only or FIGURES:
            note_caches(bench)
            FIGURES[name](bench)
        note_caches(bench)
        bench.report.finish()
    except BenchError as error:
        print(f"figures.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
