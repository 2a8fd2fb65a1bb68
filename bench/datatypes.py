"""Figures of the data types: bytes an item, CPU time of an operation, set algebra, and stalls by huge values."""

import mmap
import os
import random
import re
import subprocess
import time

from report import at_least, at_most, ratios
from servers import GROWTH, PROBER, Redis, Shoal, run

BATCH = 500  # commands sent at once
STALL_ROUNDS = 3
FILL_BYTES = 8192  # likewise: so little that buffers do not count


def encode(*arguments):
    parts = [a if isinstance(a, bytes) else str(a).encode() for a in arguments]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)


MARK = encode("PING", "-- the end --")
ANSWERED = b"$13\r\n-- the end --\r\n"


class Client:
    """Sends batches of commands that were encoded before, and reads until the last is answered."""

    def __init__(self, server):
        self.socket = server.connect()

    def send(self, batch):
        """Bytes of complete commands; returns the end of the answers."""
        self.socket.sendall(batch + MARK)
        tail = b""
        while not tail.endswith(ANSWERED):
            piece = self.socket.recv(1 << 20)
            assert piece, "the server closed the connection"
            tail = tail[-100:] + piece
        return tail[: -len(ANSWERED)]

    def command(self, *arguments):
        return self.send(encode(*arguments))

    def fill(self, commands):
        batch = b""
        for command in commands:
            batch += encode(*command)
            if len(batch) >= FILL_BYTES:
                self._check(self.send(batch))
                batch = b""
        self._check(self.send(batch))

    @staticmethod
    def _check(answers):
        assert not answers.startswith(b"-") and b"\r\n-" not in answers, answers[:200]


# Bytes an item.

ITEMS = {  # name: (commands, items, target)
    "list element of 26 bytes": (lambda n: ([("RPUSH", "l", "element:%018d" % i) for i in range(n)], n), 500_000, 32),
    "hash of 5 fields": (lambda n: ([("HSET", "hash:%07d" % i, *(word for f in range(5) for word in ("field%d" % f, "val%04d" % (i % 999)))) for i in range(n)], n), 200_000, 140),
    "field of a hash": (lambda n: ([("HSET", "h", "field:%07d" % i, "value:%07d" % i) for i in range(n)], n), 500_000, 55),
    "member of a sorted set": (lambda n: ([("ZADD", "z", random.random() * 1e6, "member:%07d" % i) for i in range(n)], n), 500_000, 60),
    "string member of a set": (lambda n: ([("SADD", "s", "member:%07d" % i) for i in range(n)], n), 500_000, 29),
    "integer member of a set": (lambda n: ([("SADD", "i", *range(i, i + 50)) for i in range(0, n, 50)], n), 1_000_000, 3),
    "stream entry of 3 fields": (lambda n: ([("XADD", "x", "*", "a", i % 1000, "b", "value%d" % (i % 100), "c", i % 7) for i in range(n)], n), 500_000, 36),
}  # fmt: skip


def bytes_an_item(server, make, count):
    commands, items = make(count)
    with server:
        client = Client(server)
        client.fill([("SET", "warm%d" % (i % 4000), "x" * 32) for i in range(80_000)])  # all buffers have been used
        resident = server.resident_bytes()
        client.fill(commands)
        return (server.resident_bytes() - resident) / items


def figure_items(bench):
    bench.report.section("Memory of the data types, resident bytes an item")
    for name, (make, count, target) in ITEMS.items():
        random.seed(1)
        bench.report.add(f"shoal, {name}", [bytes_an_item(Shoal(bench.cpus[:1], bench.backend), make, count)], "bytes", at_most(target))
        random.seed(1)
        bench.report.add(f"redis, {name}", [bytes_an_item(Redis(bench.cpus[:1]), make, count)], "bytes")


# CPU time of an operation.

MILLION = 1_000_000


def fill_zset(client):
    client.fill([("ZADD", "z", i * 7919 % MILLION, "member:%07d" % i) for i in range(MILLION)])


def fill_hash(client):
    client.fill([("HSET", "h", "field:%06d" % i, "value:%06d" % i) for i in range(100_000)])


def fill_set(client):
    client.fill([("SADD", "s", "member:%06d" % i) for i in range(100_000)])


def fill_list(client):
    client.fill([("LPUSH", "l", *("element:%018d" % i for i in range(100)))] * 30_000)


def fill_bitmap(client):
    client.fill([("SETBIT", "b", i * 8, 1) for i in range(0, 4096)])


def fill_group(client):
    client.command("XGROUP", "CREATE", "x", "g", "0", "MKSTREAM")
    client.fill([("XADD", "x", "*", "a", i, "b", "value") for i in range(400_000)])


def nothing(client):
    pass


def dice(seed):
    return random.Random(seed)


def varied(make, count=20_000, seed=3):
    """Batches of one command with arguments by a seed."""
    chance = dice(seed)
    commands = [encode(*make(chance)) for _ in range(count)]
    return [b"".join(commands[at : at + BATCH]) for at in range(0, count, BATCH)]



OPERATIONS = {  # name: (fill, batches, target)
    "LPUSH": (nothing, lambda: varied(lambda c: ("LPUSH", "l", "element:%018d" % c.randrange(MILLION))), 0.7),
    "RPOP": (fill_list, lambda: [encode("RPOP", "l") * BATCH], 0.7),
    "HSET": (fill_hash, lambda: varied(lambda c: ("HSET", "h", "field:%06d" % c.randrange(100_000), "value:%06d" % c.randrange(MILLION))), 0.7),
    "HGET": (fill_hash, lambda: varied(lambda c: ("HGET", "h", "field:%06d" % c.randrange(100_000))), 0.7),
    "SADD": (nothing, lambda: varied(lambda c: ("SADD", "s", "member:%06d" % c.randrange(200_000))), 0.7),
    "SISMEMBER": (fill_set, lambda: varied(lambda c: ("SISMEMBER", "s", "member:%06d" % c.randrange(200_000))), 0.7),
    "ZADD, a million members": (fill_zset, lambda: varied(lambda c: ("ZADD", "z", c.randrange(MILLION), "member:%07d" % c.randrange(MILLION))), 0.5),
    "ZRANGE BYSCORE LIMIT, a million members": (fill_zset, lambda: varied(lambda c: ("ZRANGE", "z", c.randrange(MILLION), "+inf", "BYSCORE", "LIMIT", 0, 10)), 0.5),
    "ZRANK, a million members": (fill_zset, lambda: varied(lambda c: ("ZRANK", "z", "member:%07d" % c.randrange(MILLION))), 0.5),
    "XADD": (nothing, lambda: varied(lambda c: ("XADD", "x", "MAXLEN", "~", 100_000, "*", "a", c.randrange(1000), "b", "value")), 0.7),
    "XREADGROUP + XACK": (fill_group, None, 0.7),
    "BITCOUNT of 4 kB": (fill_bitmap, lambda: [encode("BITCOUNT", "b") * BATCH], 0.7),
    "PFADD": (nothing, lambda: varied(lambda c: ("PFADD", "p", "element:%d" % c.randrange(MILLION))), 0.7),
}  # fmt: skip


def run_batches(client, batches, seconds):
    """Sends them round and round; returns how many commands."""
    sent, deadline = 0, time.monotonic() + seconds
    while time.monotonic() < deadline:
        for batch in batches:
            client.send(batch)
            sent += BATCH
            if time.monotonic() >= deadline:
                break
    return sent


def run_group(client, seconds):
    """Reads ten entries and acknowledges them, a hundred pairs at once, as a worker that prefetches does."""
    sent, deadline = 0, time.monotonic() + seconds
    read = encode("XREADGROUP", "GROUP", "g", "c", "COUNT", 10, "STREAMS", "x", ">")
    while time.monotonic() < deadline:
        client.socket.sendall(read * 20 + MARK)
        answer = b""
        while not answer.endswith(ANSWERED):
            answer += client.socket.recv(1 << 20)
        identities = [word for word in answer.split(b"\r\n") if b"-" in word and word.replace(b"-", b"").isdigit()]
        if not identities:
            client.command("XGROUP", "SETID", "x", "g", "0")
            continue
        client.send(b"".join(encode("XACK", "x", "g", *identities[at : at + 10]) for at in range(0, len(identities), 10)))
        sent += 20 + (len(identities) + 9) // 10
    return sent


def user_time(server, client, batches, seconds):
    before = server.cpu_time()
    count = run_batches(client, batches, seconds) if batches else run_group(client, seconds)
    return server.cpu_time().since(before).user / count * 1e6


def figure_operations(bench):
    bench.report.section(f"User CPU time of an operation, pipelines of {BATCH}, one connection")
    seconds = bench.options.seconds
    for name, (fill, make, target) in OPERATIONS.items():
        batches = make() if make else None
        servers = [Shoal(bench.cpus[:1], bench.backend), Redis(bench.cpus[:1])]
        times = [[], []]
        with servers[0], servers[1]:
            clients = [Client(server) for server in servers]
            for client in clients:
                fill(client)
            for _ in range(max(2, bench.options.rounds // 2)):
                for at, server in enumerate(servers):
                    times[at].append(user_time(server, clients[at], batches, seconds))
        bench.report.add(f"{name}, shoal", times[0], "us")
        bench.report.add(f"{name}, redis", times[1], "us")
        bench.report.add(f"{name}, shoal / redis", ratios(*times), "x", at_most(target))


# Set algebra.

def figure_algebra(bench):
    bench.report.section("SINTERCARD of two sets of a million integers among five million")
    taken = []
    for server in Shoal(bench.cpus[:1], bench.backend), Redis(bench.cpus[:1]):
        chance = dice(5)
        with server:
            client = Client(server)
            for key in "a", "b":
                members = chance.sample(range(5 * MILLION), MILLION)
                client.fill([("SADD", key, *members[at : at + 100]) for at in range(0, MILLION, 100)])
            before, rounds = server.cpu_time(), 20 if server.name == "shoal" else 5
            for _ in range(rounds):
                client.command("SINTERCARD", 2, "a", "b")
            taken.append(server.cpu_time().since(before).total / rounds * 1e3)
        bench.report.add(f"{server.name}, one SINTERCARD", [taken[-1]], "ms of CPU")
    bench.report.add("redis / shoal", [taken[1] / taken[0]], "x", at_least(20))


# Stalls.

class Prober:
    """Another client: how long its longest GET takes (prober.c)."""

    def __init__(self, server):
        self.process = subprocess.Popen([PROBER, str(server.port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.longest_ms()

    def longest_ms(self):
        """Since the last time it was asked."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return float(self.process.stdout.readline())

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


GROWING = {
    "hash": lambda i: ("HSET", "big", *(word for j in range(i, i + 10) for word in ("field:%08d" % j, "v"))),
    "set": lambda i: ("SADD", "big", *("member:%08d" % j for j in range(i, i + 10))),
    "sorted set": lambda i: ("ZADD", "big", *(word for j in range(i, i + 10) for word in (j * 7919 % MILLION, "member:%08d" % j))),
}  # fmt: skip


def touch_memory(size):
    """A virtual machine's memory may have to be found by its host, which takes as long as it takes: before we begin."""
    with mmap.mmap(-1, size) as memory:
        for page in range(0, size, mmap.PAGESIZE):
            memory[page] = 1


def longest_stalls(server, make, members):
    """In ms: of a client while nothing happens, while a value grows, and while it is deleted."""
    touch_memory(members * 400)
    with server:
        client, prober = Client(server), Prober(server)
        time.sleep(3)
        stalls = [prober.longest_ms()]
        for begin in range(0, members, 1000):
            client.send(b"".join(encode(*make(at)) for at in range(begin, begin + 1000, 10)))
        stalls.append(prober.longest_ms())
        client.command("DEL", "big")
        time.sleep(3)
        stalls.append(prober.longest_ms())
        prober.stop()
    return stalls


def figure_stalls(bench):
    members = MILLION if bench.options.quick else 10 * MILLION
    bench.report.section(f"Stalls while a value grows to {members:,} members and is then deleted")
    for line in run([GROWTH, str(members)]).splitlines():
        what, longest = re.match(r"(.*?) +([\d.]+) ms", line).groups()
        bench.report.add(f"in the engine: {what}", [float(longest)], "ms", at_most(5))
    os.sched_setaffinity(0, bench.cpus[1:] or bench.cpus)
    for name, make in GROWING.items():
        if bench.options.value not in (None, name):
            continue
        for kind, rounds in (Shoal, STALL_ROUNDS), (Redis, 1):
            stalls = [longest_stalls(kind(bench.cpus[:1]), make, members) for _ in range(rounds)]
            for what, longest in zip(("before", "growing", "deleted"), zip(*stalls)):
                target = at_most(5) if kind is Shoal and what != "before" else None
                bench.report.add(f"another client of {kind.name}: {name}, {what}", longest, "ms", target)
    os.sched_setaffinity(0, bench.cpus)
