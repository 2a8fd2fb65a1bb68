"""For differential.py: the data set goes through Shoal's files in the middle of a stream, and is to come out the same.

By the run's seed there is an append-only file (under any policy, its base as RDB or as commands) or none. Each step is
one of STEPS; at a restart the number of shards may be another. Encodings are no longer compared: what is loaded is kept
as its size asks for, whatever way it has come.
"""

import random
import time

# What is said when files are loaded, and when a process was killed while it wrote.
EXPECTED = [r"DB reloaded by DEBUG RELOAD", r"Append Only File loaded by DEBUG LOADAOF", r"is cut at byte", r"are cut off, and", r"User requested shutdown"]
SHARDS_MOST = 8
EVERY = 0.04  # of the batches: a step follows


class ThroughFiles:
    def __init__(self, seed):
        self.dice = random.Random(seed)
        self.is_journaled = self.dice.random() < 0.75
        self.policy = self.dice.choice(["always", "everysec", "no"])
        self.preamble = self.dice.choice(["yes", "no"])

    def options(self):
        if not self.is_journaled:
            return ["--appendonly", "no", "--save", ""]
        return ["--appendonly", "yes", "--appendfsync", self.policy, "--aof-use-rdb-preamble", self.preamble, "--save", ""]

    def step(self):
        """What differential.py keeps in its history: a step, and how many shards there are then."""
        steps = ["reload", "reload", "merge"]
        if self.is_journaled:
            steps += ["stop", "rewrite", "rewrite", "reload-nosave", "load-aof", "load-aof"] + (["kill", "kill"] if self.policy == "always" else [])
        else:
            steps += ["save-kill", "save-kill", "shutdown-save", "reload-nosave"]
        shards = self.dice.choice([b"same", b"%d" % self.dice.randint(1, SHARDS_MOST)])
        return (b"#FILES", self.dice.choice(steps).encode(), shards)


def _command(server, *words):
    with server.connect(timeout=60) as connection:
        return connection.command(*words)


def _expect(server, reply, *words):
    got = _command(server, *words)
    assert got == reply, (words, got)


def _begin_again(server, shards):
    if shards != b"same":
        at = server.command_line.index("--shards")
        server.command_line[at + 1] = shards.decode()
    for _ in range(200):  # the port may still be the killed one's for a moment
        server.open()
        try:
            server.start()
            return
        except AssertionError as error:
            if "Address already in use" not in str(error):
                raise
            time.sleep(0.02)
    raise AssertionError("the port stays in use")


def go_through(server, step, shards):
    """Returns whether the server has begun again, so that its clients have to."""
    if step == b"rewrite":
        _command(server, "BGREWRITEAOF")  # it goes on beside what comes
    elif step == b"reload":
        _expect(server, "OK", "DEBUG", "RELOAD")
    elif step == b"merge":
        _expect(server, "OK", "DEBUG", "RELOAD", "MERGE", "NOFLUSH")
    elif step == b"load-aof":
        _expect(server, "OK", "DEBUG", "LOADAOF")
    elif step == b"reload-nosave":
        _expect(server, "OK", "SAVE")
        _expect(server, "OK", "DEBUG", "RELOAD", "NOSAVE")
    else:
        if step == b"save-kill":
            _expect(server, "OK", "SAVE")
        if step in (b"kill", b"save-kill"):
            server.kill()
        elif step == b"shutdown-save":
            with server.connect() as connection:
                connection.send_commands([("SHUTDOWN", "SAVE")])
                server.wait_for_exit()
            server.stop(expected=EXPECTED)
        else:
            server.stop(expected=EXPECTED)
        _begin_again(server, shards)
        return True
    return False


def digest(server, databases):
    """Of what there is: redis-server counts a key whose time has come until it comes across it."""
    with server.connect(timeout=60) as connection:
        for database in range(databases):
            connection.command("SELECT", database)
            connection.command("KEYS", "*")
        return connection.command("DEBUG", "DIGEST")
