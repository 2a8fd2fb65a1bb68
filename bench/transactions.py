"""Figures of what is atomic: scripts, transactions, BullMQ, messages, and commands on many keys."""

import json
import os
import random
import shutil
import subprocess
import tempfile

from datatypes import Client, encode
from load import Drive, measure
from pumping import Listeners, Load, Pumped, batches, end_pump, keys_by_quarter, pump, start_pump
from report import at_least, at_most, ratios
from servers import ROOT, BenchError, Redis, Shoal, Together

KEYS = 100_000


def alternate(bench, subjects):
    """subjects: name to a function that measures once. Name to its results, in rounds."""
    measured = {name: [] for name in subjects}
    for _ in range(bench.options.rounds):
        for name, once in subjects.items():
            measured[name].append(once())
    return measured


# Scripts on one shard.

FIVE_COMMANDS = """
local count = redis.call('INCR', KEYS[1])
redis.call('HSET', KEYS[2], ARGV[1], count)
redis.call('LPUSH', KEYS[3], ARGV[1])
redis.call('LTRIM', KEYS[3], 0, 9)
return redis.call('HGET', KEYS[2], ARGV[1])
"""


def five_commands(sha, count=20_000):
    """Calls over a thousand users' keys, those of each in one slot."""
    chance = random.Random(3)
    for _ in range(count):
        user = "{user:%d}" % chance.randrange(1000)
        yield encode("EVALSHA", sha, 3, user + "count", user + "hash", user + "list", "field:%d" % chance.randrange(20))


def figure_scripts(bench):
    """User CPU time of an EVALSHA of five commands."""
    bench.report.section("EVALSHA of 5 commands on one shard, 8 connections, pipelines of 20")
    server_cpus, load_cpus = bench.cpus[:1], bench.cpus[1:]
    with Together(Shoal(server_cpus, bench.backend), Redis(server_cpus)) as servers:
        shas = [Client(server).command("SCRIPT", "LOAD", FIVE_COMMANDS).split(b"\r\n")[1] for server in servers]
        load = Load(batches(list(five_commands(shas[0])), 20))
        for server in servers:
            pump(server, load_cpus, load.paths, "--once")
        measured = alternate(bench, {
            server.name: lambda server=server: pump(server, load_cpus, load.paths, "--connections", 8, "--seconds",
                                                    bench.options.seconds)
            for server in servers})  # fmt: skip
    report_per_reply(bench, "EVALSHA", measured, at_most(0.6), user=True)


def report_per_reply(bench, what, measured, target, user=False):
    """CPU time of a reply, and Shoal's beside redis-server's."""
    times = {name: [(run.user if user else run.cpu) / run.replies * 1e6 for run in runs]
             for name, runs in measured.items()}  # fmt: skip
    for name, values in times.items():
        bench.report.add(f"{what}, {name}", values, "us, user" if user else "us of CPU")
    bench.report.add(f"{what}, shoal / redis", ratios(times["shoal"], times["redis"]), "x", target)


# Transactions over shards.

def transactions(count=4000):
    """MULTI of four SETs, one in each quarter of the slots."""
    quarters = keys_by_quarter(2500)
    chance = random.Random(4)
    for _ in range(count):
        sets = b"".join(encode("SET", chance.choice(keys), "x" * 32) for keys in quarters)
        yield encode("MULTI") + sets + encode("EXEC")


REPLIES_OF_TRANSACTION = 6


def transaction_file(commands, at_once):
    """As batches(), but a transaction has six replies."""
    whole = batches(commands, at_once)
    fixed, at = bytearray(whole), 0
    while at < len(whole):
        length = int.from_bytes(whole[at : at + 4], "little")
        replies = int.from_bytes(whole[at + 4 : at + 8], "little") * REPLIES_OF_TRANSACTION
        fixed[at + 4 : at + 8] = replies.to_bytes(4, "little")
        at += 8 + length
    return bytes(fixed)


def figure_transactions(bench):
    """MULTI of four SETs over two shards on two CPUs, beside redis-server on one of them."""
    bench.report.section("MULTI of 4 SETs on keys of 4 quarters of the slots, 8 connections, 16 at once; the load shares "
                         "the CPUs")
    load = Load(*[transaction_file(list(transactions()), 16) for _ in range(2)])
    with Together(Shoal(bench.cpus[:2], bench.backend), Redis(bench.cpus[:1])) as servers:
        places = {"shoal": bench.load_cpus(2), "redis": bench.cpus[1:]}
        measured = alternate(bench, {
            server.name: lambda server=server: pump(server, places[server.name], load.paths, "--connections", 8,
                                                    "--depth", 2, "--seconds", bench.options.seconds)
            for server in servers})  # fmt: skip
    for name, runs in measured.items():
        bench.report.add(f"transactions, {name}", [run.rate / REPLIES_OF_TRANSACTION / 1e3 for run in runs],
                         "thousand/s")
        bench.report.add(f"transactions, {name}, busy", [run.cpu / run.seconds * 100 for run in runs], "% of a CPU")
    bench.report.add("transactions, shoal / redis", ratios(*([run.rate for run in measured[name]]
                                                            for name in ("shoal", "redis"))), "x", at_least(1))


# BullMQ.

MODULES = os.path.join(ROOT, "build/clients/node_modules")
QUEUES = 8


def record_bullmq(jobs):
    """What the library sends for as many jobs in each queue: (scripts, files that add, files that take)."""
    with tempfile.TemporaryDirectory(prefix="shoal-bench-") as folder, Redis([0]) as server:
        command = ["node", os.path.join(ROOT, "bench/bullmq_record.js"), str(server.port), str(QUEUES), str(jobs), folder]
        ran = subprocess.run(command, env={**os.environ, "NODE_PATH": MODULES}, capture_output=True, text=True)
        if ran.returncode != 0:
            raise BenchError(f"bullmq_record.js failed: {ran.stderr.strip()[-500:]}")

        def read(name):
            with open(os.path.join(folder, name), "rb") as file:
                return file.read()

        return (json.loads(read("scripts.json")), [read(f"add-{at}") for at in range(QUEUES)],
                [read(f"take-{at}") for at in range(QUEUES)])  # fmt: skip


class Queues:
    """Plays the record on one server, again and again."""

    def __init__(self, server, cpus, record, jobs):
        self.server, self.cpus, self.jobs = server, cpus, jobs
        scripts, adds, takes = record
        self.client = Client(server)
        for script in scripts:
            self.client.command("SCRIPT", "LOAD", script)
        self.adds, self.takes = Load(*adds), Load(*takes)

    def play(self):
        """CPU microseconds of a job that is added, and of one that is taken and completed."""
        self.client.command("FLUSHALL")
        times = []
        for load in self.adds, self.takes:
            run = pump(self.server, self.cpus, load.paths, "--connections", QUEUES, "--once")
            times.append(run.cpu / (QUEUES * self.jobs) * 1e6)
        done = [int(self.client.command("ZCARD", f"bull:queue-{at}:completed")[1:]) for at in range(QUEUES)]
        if done != [self.jobs] * QUEUES:
            raise BenchError(f"{self.server.name}: of {self.jobs} jobs of each queue, {done} were completed")
        return times


def without_bullmq():
    if not shutil.which("node") or not os.path.isdir(os.path.join(MODULES, "bullmq")):
        return "BullMQ is not installed (tests/clients/setup does it)"
    return ""


def figure_bullmq(bench):
    """CPU time of a job of BullMQ, beside redis-server's; two shards beside one; scripts that left their shard."""
    jobs = 500 if bench.options.quick else 2000
    bench.report.section(f"BullMQ: {jobs:,} jobs in each of {QUEUES} queues, {QUEUES} connections, ten calls at once")
    if without_bullmq():
        bench.report.note("  none: " + without_bullmq())
        return
    record = record_bullmq(jobs)
    one, two, redis = Shoal(bench.cpus[:1], bench.backend), Shoal(bench.cpus[:2], bench.backend), Redis(bench.cpus[:1])
    with Together(one, two, redis):
        subjects = {"one shard": Queues(one, bench.cpus[1:], record, jobs),
                    "two shards": Queues(two, bench.load_cpus(2), record, jobs),
                    "redis": Queues(redis, bench.cpus[1:], record, jobs)}
        for queues in subjects.values():
            queues.play()
        before = [script_counts(server) for server in (one, two)]
        measured = alternate(bench, {name: queues.play for name, queues in subjects.items()})
        left = [left_their_shard(before[at], script_counts(server)) for at, server in enumerate((one, two))]
    for at, what in enumerate(("add", "take and complete")):
        times = {name: [run[at] for run in runs] for name, runs in measured.items()}
        for name, values in times.items():
            bench.report.add(f"{what}, {name}", values, "us of CPU")
        bench.report.add(f"{what}, one shard / redis", ratios(times["one shard"], times["redis"]), "x", at_most(0.6))
        bench.report.add(f"{what}, two shards / redis", ratios(times["two shards"], times["redis"]), "x", at_most(0.6))
        bench.report.add(f"{what}, two shards / one", ratios(times["two shards"], times["one shard"]), "x",
                         at_most(1.15))
    for name, count in zip(("one shard", "two shards"), left):
        bench.report.add(f"scripts that left their shard, {name}", [count], "in all", at_most(0))


def script_counts(server):
    """Of INFO: how many scripts ran how."""
    return {name: int(value) for name, value in server.info("all").items()
            if name.startswith("scripts_") and value.isdigit()}  # fmt: skip


def left_their_shard(before, after):
    return sum(count - before.get(name, 0) for name, count in after.items()
               if any(word in name for word in ("gathered", "escalated", "restarted")))  # fmt: skip


# Messages.

SUBSCRIBERS = (1, 100, 10_000)
DELIVERIES, PUBLISHES = 2_000_000, 40_000  # in a round, at most
QUICK = 8  # as much less with --quick
CHANNEL, PAYLOAD = "news", "x" * 32
MESSAGE_BYTES = len(encode("message", CHANNEL, PAYLOAD))


def figure_publish(bench):
    """CPU time of a delivered message."""
    for count in SUBSCRIBERS:
        for at_once in (1, 16):
            publish_to(bench, count, at_once)


def publish_to(bench, count, at_once):
    bench.report.section(f"PUBLISH to {count:,} subscriber{'s' if count > 1 else ''}, {at_once} at once")
    server_cpus, load_cpus = bench.cpus[:1], bench.cpus[1:]
    publishes = min(DELIVERIES // count, PUBLISHES) // (QUICK if bench.options.quick else 1)
    publishes = max(publishes // at_once, 3) * at_once
    load = Load(batches([encode("PUBLISH", CHANNEL, PAYLOAD)] * publishes, at_once))
    many = ["--maxclients", "20000"]
    with Together(Shoal(server_cpus, [*bench.backend, *many]), Redis(server_cpus, many)) as servers:
        listeners = {server.name: Listeners(server, load_cpus, count, CHANNEL) for server in servers}

        def once(server):
            before = server.cpu_time()
            run = pump(server, load_cpus, load.paths, "--once")
            listeners[server.name].wait_for(publishes * count * MESSAGE_BYTES)
            spent = server.cpu_time().since(before)
            return Pumped(publishes * count, run.seconds, spent.total, spent.user)

        measured = alternate(bench, {server.name: lambda server=server: once(server) for server in servers})
        for some in listeners.values():
            some.stop()
    what = f"to {count:,}, {at_once} at once"
    report_per_reply(bench, what, measured, at_most(0.7))
    user = [[run.user / run.replies for run in measured[name]] for name in ("shoal", "redis")]
    bench.report.add(f"{what}, shoal / redis, user space", ratios(*user), "x")


# Commands on many keys.

def figure_multikey(bench):
    """CPU time of a key of MGET and MSET, two shards beside one."""
    bench.report.section("MGET and MSET of 10 random keys, 8 connections, pipelines of 20")
    chance = random.Random(6)
    commands = {
        "MGET": [encode("MGET", *("key:%d" % chance.randrange(KEYS) for _ in range(10))) for _ in range(20_000)],
        "MSET": [encode("MSET", *(word for _ in range(10) for word in ("key:%d" % chance.randrange(KEYS), "x" * 32)))
                 for _ in range(20_000)],
    }  # fmt: skip
    one, two = Shoal(bench.cpus[:1], bench.backend), Shoal(bench.cpus[:2], bench.backend)
    redis = Redis(bench.cpus[:1])
    with Together(one, two, redis):
        for server in one, two, redis:
            Client(server).fill(("SET", "key:%d" % at, "x" * 32) for at in range(KEYS))
        for name, requests in commands.items():
            load = Load(batches(requests, 20))
            places = {"one shard": (one, bench.cpus[1:]), "two shards": (two, bench.load_cpus(2)),
                      "redis": (redis, bench.cpus[1:])}  # fmt: skip
            measured = alternate(bench, {
                who: lambda place=place: pump(*place, load.paths, "--connections", 8, "--seconds",
                                              bench.options.seconds)
                for who, place in places.items()})  # fmt: skip
            times = {who: [run.cpu / run.replies / 10 * 1e6 for run in runs] for who, runs in measured.items()}
            for who, values in times.items():
                bench.report.add(f"{name}, a key, {who}", values, "us of CPU")
            bench.report.add(f"{name}, a key, two shards / one", ratios(times["two shards"], times["one shard"]), "x",
                             at_most(1.3))


# Gathers among other commands.

def figure_gathers(bench):
    """The rate of GET and SET while a transaction over all shards runs every millisecond."""
    pipeline = 32
    bench.report.section(f"GET and SET, pipeline {pipeline}, beside a transaction over all of two shards every millisecond")
    keys = keys_by_quarter(1)
    load = Load(transaction_file([encode("MULTI") + b"".join(encode("SET", key[0], "x") for key in keys)
                                  + encode("EXEC")], 1))  # fmt: skip
    with Shoal(bench.cpus[:2], bench.backend) as server:
        bench.fill(server)
        drives = [Drive(server, bench.load_cpus(2), 25) for _ in range(2)]
        gathers = []

        def alone():
            return measure(bench.loader, drives, pipeline, bench.options.seconds)

        def beside():
            ticking = start_pump(server, bench.load_cpus(2), load.paths, "--pause", 1000, "--seconds",
                                 bench.options.seconds)
            run = measure(bench.loader, drives, pipeline, bench.options.seconds, REPLIES_OF_TRANSACTION * 1000
                          * bench.options.seconds)
            gathers.append(end_pump(ticking).rate / REPLIES_OF_TRANSACTION)
            return run

        measured = alternate(bench, {"alone": alone, "beside": beside})
    rates = {name: [run.operations / run.seconds for run in runs] for name, runs in measured.items()}
    bench.report.add("transactions over all shards", gathers, "a second")
    for name, values in rates.items():
        bench.report.add(f"GET and SET {name}", [value / 1e6 for value in values], "million/s")
    bench.report.add("beside / alone", ratios(rates["beside"], rates["alone"]), "x", at_least(0.85))
