#!/usr/bin/python3
"""Kills a server under load, again and again, and looks what is there when it has started on the same folder.

    tests/crash/crash.py [--rounds N] [--seed S] [--shards 1,2,5] [--appendfsync always,everysec,no] [--power LIBRARY]

Some rounds in a row are on one folder, each with a number of shards, a backend and a policy of
its own. The seed is that of the choices; when the server dies is the clock's. What is wrong is
told, and the folder as the crash left it is kept. A snapshot that was taken in the round is loaded, too, and
has to be of one moment. With --power, by the library that recorder.c makes, the power fails after some of
the rounds: what was not synced is lost, in part or all of it.
"""

import argparse
import contextlib
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))

import crowds  # noqa: E402
import resp  # noqa: E402
from append_only import FOLDER  # noqa: E402
from power import Power  # noqa: E402
from promise import Promise  # noqa: E402
from sequences import Databases, Sequence, Wrong  # noqa: E402
from server import BACKENDS, PATIENCE_S, Server, io_uring_refusal, wait_until  # noqa: E402

ROUNDS_OF_A_FOLDER = 6
LOAD_S = (0.05, 1.0)
DEADLY_S = 0.3
MARK = "round"
TORN = r"Short read while loading the append only file"  # when the power has failed
CUTS = (TORN, r" is cut at byte \d+: ", r"Of the append only file \d+ bytes are cut off")


class Client:
    """One thread's connection and what it does on it until the server is dead."""

    def __init__(self, server, act, seed, failures):
        self.act, self.dice, self.failures, self.count = act, random.Random(seed), failures, 0
        self.connection = server.connect()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        try:
            while True:
                self.act(self.connection, self.dice)
                self.count += 1
        except (resp.Closed, OSError):
            pass
        except BaseException as failure:
            self.failures.append(failure)

    def join(self):
        self.thread.join(2 * PATIENCE_S)
        self.connection.close()


class Life:
    """A data folder, and what is known of what is in it."""

    def __init__(self, place, dice, options):
        self.place, self.dice, self.options = place, dice, options
        self.promise = Promise()
        self.sequences = [Sequence("a", self.promise), Sequence("b", self.promise), Databases("d", self.promise)]
        self.crowds = [crowd(self.promise) for crowd in crowds.ALL]
        self.always = False
        self.rounds = 0
        self.power = Power(options.power, place) if options.power else None

    def open(self):
        """A server on the folder, with any number of shards."""
        shards, backend, policy = map(self.dice.choice, (self.options.shards, self.options.backends, self.options.appendfsync))
        settings = ("--shards", shards, "--net-backend", backend, "--appendonly", "yes", "--appendfsync", policy)
        environment = self.power.environment() if self.power else {}
        os.environ.update(environment)
        try:
            server = Server(self.place, *settings, "--bind", "127.0.0.1", "--enable-debug-command", "yes")
        finally:
            for name in environment:
                del os.environ[name]
        try:
            server.start()
            wait_until(lambda: server.info("persistence").get("loading", "0") == "0", seconds=60)
        except BaseException:
            server.kill()
            raise
        server.says = f"{shards} shards, {backend}, {policy}"
        server.always = policy == "always"
        return server

    def look_at_snapshot(self):
        """It is whole, whenever it was taken; what it holds is of one moment, and known if that was in this round."""
        snapshot = self.place / "dump.rdb"
        if not snapshot.exists():
            return ""
        copy = self.place.parent / "snapshot"
        shutil.rmtree(copy, ignore_errors=True)
        copy.mkdir()
        shutil.copy(snapshot, copy)
        server = Server(copy, "--shards", self.dice.choice(self.options.shards), "--save", "", "--bind", "127.0.0.1")
        try:
            with server.start().connect() as admin:
                is_new = admin.command("GET", MARK) == b"%d" % self.rounds
                for known in [*self.crowds, *self.sequences] if is_new else []:
                    known.look(admin)
            server.stop()
        except (AssertionError, OSError) as failure:
            raise Wrong(f"the snapshot: {failure}") from failure
        finally:
            server.kill()
        return ", snapshot" if is_new else ""

    def check(self, server):
        """What survived, of the last crash; how much did not."""
        with server.connect() as admin:
            if self.always and admin.command("GET", MARK) != b"%d" % self.rounds:
                raise Wrong("what was answered before anything else is not there")
            for crowd in self.crowds:
                crowd.check(admin, self.always)
            return sum(sequence.check(admin, self.always) for sequence in self.sequences)

    def load(self, server):
        """Clients write until the server is killed; how often they did something."""
        failures, acts = [], []
        self.rounds += 1
        self.promise.begin()
        with server.connect() as admin:
            admin.command("SET", MARK, self.rounds)
            for crowd in self.crowds:
                crowd.begin(admin)
                acts += crowd.clients
            for sequence in self.sequences:
                sequence.begin(admin)
                acts.append(sequence.act)
        clients = [Client(server, act, self.dice.random(), failures) for act in acts]
        time.sleep(self.dice.uniform(*LOAD_S))
        died = server.process.poll()
        self.kill(server)
        for client in clients:
            client.join()
        if died is not None:
            raise Wrong(f"the server died by itself: {died} {server.errors()} {server.log()}")
        if failures:
            raise failures[0]
        self.always = server.always
        return sum(client.count for client in clients)

    def kill(self, server):
        """By the clock; with a recorder also in the middle of what is done and not yet on record (recorder.c)."""
        if self.power and self.dice.random() < 0.5:
            server.process.send_signal(self.dice.choice((signal.SIGUSR1, signal.SIGUSR2)))
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.process.wait(DEADLY_S)
        server.process.send_signal(signal.SIGKILL)
        server.process.wait()

    def fail_power(self):
        """Or not: then what the kernel was given is there, and may be lost later."""
        fails = self.power and self.dice.random() < 0.6
        if fails:
            self.power.lose(self.dice)
        return ", power failed" if fails else ""

    def keep_copy(self):
        """What the crash left, before the next start changes it."""
        crashed = f"{self.place}.crashed"
        shutil.rmtree(crashed, ignore_errors=True)
        if self.place.exists():
            shutil.copytree(self.place, crashed)

    def end(self):
        """Looks once more, and after an end in order, of which nothing is cut."""
        for expected in (CUTS, ()):
            self.keep_copy()
            server = self.open()
            try:
                self.check(server)
                with server.connect() as admin:  # the power failure before it may have lost it
                    admin.command("SET", MARK, self.rounds)
                server.stop(expected=expected)
            finally:
                server.kill()
            self.fail_power()
            self.always = True

    def round(self, number):
        self.keep_copy()
        server = self.open()
        try:
            lost = self.check(server)
            count = self.load(server)
        finally:
            server.kill()
        failed = self.fail_power()
        looked = self.look_at_snapshot()
        print(f"round {number}: {lost} lost; {server.says}: {count} done{failed}{looked}", flush=True)


def parse_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--seed", type=int, default=int(time.time()) % 1000000)
    parser.add_argument("--shards", default="1,2,5")
    parser.add_argument("--appendfsync", default="always,everysec,no")
    parser.add_argument("--power", type=pathlib.Path)
    options = parser.parse_args()
    options.shards = [int(count) for count in options.shards.split(",")]
    options.appendfsync = options.appendfsync.split(",")
    options.backends = [backend for backend in BACKENDS if backend != "io_uring" or not (options.power or io_uring_refusal())]
    return options


def main():
    options = parse_options()
    print(f"seed {options.seed}", flush=True)
    dice = random.Random(options.seed)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="shoal-crash-"))
    life, number = None, 0
    for number in range(1, options.rounds + 1):
        if number % ROUNDS_OF_A_FOLDER == 1:
            shutil.rmtree(folder)
            life = Life(folder / "data", dice, options)
        try:
            life.round(number)
            if number % ROUNDS_OF_A_FOLDER == 0 or number == options.rounds:
                life.end()
        except BaseException as failure:
            print(f"round {number} failed: {type(failure).__name__}: {failure}")
            print(f"as the crash left it: {folder}/data.crashed/{FOLDER}")
            return 1
    shutil.rmtree(folder)
    print(f"{options.rounds} rounds passed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
