"""How many reads of a cache hit: Shoal beside redis-server, at the same maxmemory.

A client reads keys by a Zipf distribution and writes those that it did not find. What is
reported is the share of reads that hit, after the cache has filled.

    bench/hit_ratio.py [--keys 200000] [--reads 1000000] [--megabytes 16] [--shards 2]
"""

import argparse
import bisect
import itertools
import random

from servers import Redis, Shoal

BATCH = 250
VALUE_BYTES = (50, 400)
POLICIES = ("allkeys-lru", "allkeys-lfu", "allkeys-random", "volatile-lru", "volatile-lfu")


class Zipf:
    """Ranks from 0 on, the chance of each by (rank + 1) ** -skew."""

    def __init__(self, count, skew, dice):
        self.sums = list(itertools.accumulate((rank + 1) ** -skew for rank in range(count)))
        self.dice = dice

    def draw(self, count):
        return [bisect.bisect(self.sums, self.dice.random() * self.sums[-1]) for _ in range(count)]


def encode(*arguments):
    parts = [a if isinstance(a, bytes) else str(a).encode() for a in arguments]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)


class Cache:
    """Reads through; the values' lengths follow from the keys'."""

    def __init__(self, server, volatile):
        self.connection = server.connect()
        self.answers = self.connection.makefile("rb")
        self.options = ("EX", 100000) if volatile else ()
        self.reads = self.hits = 0

    def command(self, *arguments):
        self.connection.sendall(encode(*arguments))
        return self.answers.readline()

    def read(self, ranks):
        self.connection.sendall(b"".join(encode("GET", f"key:{rank}") for rank in ranks))
        missed = [rank for rank in ranks if not self._is_hit()]
        self.reads += len(ranks)
        self.hits += len(ranks) - len(missed)
        for rank in missed:
            value = "x" * (VALUE_BYTES[0] + rank * 7919 % (VALUE_BYTES[1] - VALUE_BYTES[0]))
            self.connection.sendall(encode("SET", f"key:{rank}", value, *self.options))
        for _ in missed:
            self.answers.readline()

    def _is_hit(self):
        length = int(self.answers.readline()[1:])
        if length >= 0:
            self.answers.read(length + 2)
        return length >= 0


def measure(server, policy, options):
    trace = Zipf(options.keys, options.skew, random.Random(1))
    with server:
        cache = Cache(server, policy.startswith("volatile"))
        cache.command("CONFIG", "SET", "maxmemory-policy", policy)
        cache.command("CONFIG", "SET", "maxmemory", server.info_number("memory", "used_memory") + (options.megabytes << 20))
        for done in range(0, options.reads, BATCH):
            if done == options.reads // 4 // BATCH * BATCH:
                cache.reads = cache.hits = 0
            cache.read(trace.draw(BATCH))
        keys = server.info("keyspace")["db0"].split(",")[0].split("=")[1]
        return cache.hits / cache.reads, int(keys), server.info_number("stats", "evicted_keys")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("keys", 200_000), ("reads", 1_000_000), ("megabytes", 16), ("shards", 2)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--skew", type=float, default=0.99)
    parser.add_argument("--policies", nargs="*", default=POLICIES)
    options = parser.parse_args()
    for policy in options.policies:
        for server in (Redis([0]), Shoal([0]), Shoal(list(range(options.shards)))):
            hits, keys, evicted = measure(server, policy, options)
            shards = f", {len(server.cpus)} shards" if server.name == "shoal" else ""
            print(f"{policy:14} {server.name + shards:16} {100 * hits:5.1f} % of reads hit; {keys} keys, {evicted} evicted",
                  flush=True)


if __name__ == "__main__":
    main()
