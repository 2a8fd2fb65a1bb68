#!/usr/bin/python3
"""Histories of a live server: many clients at once, and what they see is checked as it comes.

    tests/live/live.py [--seconds N] [--seed S] [--shards 1,2,5,16] [--only Transfers,Queue]

Each number of shards has its part of the time, on the two backends in turn; every round begins
a server anew. SHOAL_SERVER names the binary: build/tsan/shoal-server, or redis-server itself,
which passes. The seed is that of the clients' choices; what the threads do with them is theirs.
"""

import argparse
import pathlib
import random
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))

import resp  # noqa: E402
from server import BACKENDS, BINARY, Server, io_uring_refusal  # noqa: E402
import workloads  # noqa: E402

ROUND_S = 20  # at most; then the server is stopped, which it is to survive, and another begins


class Connection(resp.Connection):
    def __init__(self, server):
        super().__init__(server.address, timeout=60)
        self.server = server

    def again(self):
        return Connection(self.server)

    def read_until(self, kind, otherwise, *arguments):
        """The next push of that kind; what comes before it goes to `otherwise`."""
        while (message := self.read())[0] != kind:
            otherwise(message, *arguments)


class Round:
    """All workloads on one server, for a while."""

    def __init__(self, server, chosen, seed):
        self.server, self.seed = server, seed
        self.workloads = [workload() for workload in chosen]
        self.over, self.left, self.failures, self.operations = threading.Event(), threading.Event(), [], 0

    def act(self, workload, client, seed):
        dice, count = random.Random(seed), 0
        end = self.left if getattr(client, "others_wait", False) else self.over
        try:
            with Connection(self.server) as connection:
                while not end.is_set():
                    client(connection, dice)
                    count += 1
        except BaseException as failure:
            self.failures.append((type(workload).__name__, client.__name__, failure))
            self.over.set()
            self.left.set()
        self.operations += count

    def run(self, seconds):
        with Connection(self.server) as admin:
            for workload in self.workloads:
                workload.begin(admin)
            threads = {False: [], True: []}
            for place, workload in enumerate(self.workloads):
                for at, client in enumerate(workload.clients):
                    arguments = (workload, client, f"{self.seed}:{place}:{at}")
                    thread = threading.Thread(target=self.act, args=arguments, daemon=True)
                    threads[getattr(client, "others_wait", False)].append(thread)
                    thread.start()
            self.over.wait(seconds)
            self.over.set()
            for others_wait in (False, True):
                for thread in threads[others_wait]:
                    thread.join()
                self.left.set()
            for workload in self.workloads if not self.failures else []:
                try:
                    workload.end(admin)
                except workloads.Wrong as failure:
                    self.failures.append((type(workload).__name__, "end", failure))


def is_redis():
    return pathlib.Path(BINARY).name.startswith("redis-server")


def options_of(shards, backend):
    if is_redis():
        return ("--save", "", "--bind", "127.0.0.1")
    return ("--shards", shards, "--net-backend", backend, "--bind", "127.0.0.1")


def play(shards, backend, chosen, seed, seconds):
    """False: something was wrong, which has been told."""
    of_redis = is_redis()
    name = "redis-server" if of_redis else f"{shards} shards, {backend}, seed {seed}"
    with tempfile.TemporaryDirectory() as folder:
        server = Server(folder, *options_of(shards, backend))
        try:
            server.start()
            game = Round(server, chosen, seed)
            began = time.monotonic()
            game.run(seconds)
            print(f"{name}: {game.operations / (time.monotonic() - began):.0f} rounds of clients a second", flush=True)
            for workload, client, failure in game.failures:
                print(f"  {workload}.{client}: {type(failure).__name__}: {failure}", flush=True)
            if not of_redis:
                server.stop()
            return not game.failures
        finally:
            server.kill()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--shards", default="1,2,5,16")
    parser.add_argument("--only", default="")
    given = parser.parse_args()
    chosen = [workload for workload in workloads.ALL if not given.only or workload.__name__ in given.only.split(",")]
    backends = [backend for backend in BACKENDS if backend != "io_uring" or not io_uring_refusal()]
    counts = [int(count) for count in given.shards.split(",")]
    ends, number, right = time.monotonic() + given.seconds, 0, True
    seconds = min(ROUND_S, given.seconds / len(counts))
    print(f"seed {given.seed}", flush=True)
    while right and (number < len(counts) or time.monotonic() + seconds / 2 < ends):
        lap, place = divmod(number, len(counts))
        backend = backends[(lap + place) % len(backends)]
        right = play(counts[place], backend, chosen, given.seed + number, seconds)
        number += 1
    sys.exit(0 if right else 1)


if __name__ == "__main__":
    main()
