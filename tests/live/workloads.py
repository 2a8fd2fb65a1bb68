"""What clients do to a live server, and what none of them may ever see.

A workload has keys of its own. `begin` writes what is there at first; each of `clients` is called
again and again on a connection of its own with dice of its own, those marked `others_wait` until the
others have stopped; `end` looks when all have.
What is wrong is raised by `check`. Nothing here knows of shards: redis-server passes.
"""

import collections
import threading
import time


class Wrong(AssertionError):
    """The server has shown what must not be."""


def check(right, text, *seen):
    if not right:
        raise Wrong(f"{text}: {', '.join(map(repr, seen))}")


def number(value):
    return int(value or 0)


class Transfers:
    """Whoever moves money by a transaction or a script, all accounts together keep their sum."""

    ACCOUNTS, EACH = 12, 1000
    MOVE = "redis.call('decrby', KEYS[1], ARGV[1]) redis.call('incrby', KEYS[2], ARGV[1]) return 1"
    MOVE_UNDECLARED = "redis.call('decrby', ARGV[2], ARGV[1]) redis.call('incrby', ARGV[3], ARGV[1]) return 1"
    SUM = "local sum = 0 for _, key in ipairs(KEYS) do sum = sum + redis.call('get', key) end return sum"

    def __init__(self):
        self.keys = [f"account:{i}" for i in range(self.ACCOUNTS)]
        self.clients = [self.move, self.move, self.move_watched, self.add_up, self.add_up]

    def begin(self, admin):
        admin.command("MSET", *(word for key in self.keys for word in (key, self.EACH)))

    def two(self, dice):
        return dice.sample(self.keys, 2)

    def move(self, connection, dice):
        source, target = self.two(dice)
        amount = dice.randrange(1, 50)
        way = dice.randrange(4)
        if way == 0:
            answers = connection.pipeline([("MULTI",), ("DECRBY", source, amount), ("INCRBY", target, amount), ("EXEC",)])
            check(isinstance(answers[-1], list), "EXEC failed", answers)
        elif way == 1:
            check(connection.command("EVAL", self.MOVE, 2, source, target, amount) == 1, "EVAL failed")
        elif way == 2:
            check(connection.command("EVAL", self.MOVE_UNDECLARED, 0, amount, source, target) == 1, "EVAL failed")
        else:
            check(connection.command("EVAL", self.MOVE_UNDECLARED, 1, source, amount, source, target) == 1, "EVAL failed")

    def move_watched(self, connection, dice):
        source, target = self.two(dice)
        connection.command("WATCH", source, target)
        have, has = (number(connection.command("GET", key)) for key in (source, target))
        connection.pipeline([("MULTI",), ("SET", source, have - 1), ("SET", target, has + 1), ("EXEC",)])

    def add_up(self, connection, dice):
        way = dice.randrange(3)
        if way == 0:
            total = sum(map(number, connection.command("MGET", *self.keys)))
        elif way == 1:
            answers = connection.pipeline([("MULTI",), *(("GET", key) for key in self.keys), ("EXEC",)])
            total = sum(map(number, answers[-1]))
        else:
            total = connection.command("EVAL", self.SUM, len(self.keys), *self.keys)
        check(total == self.ACCOUNTS * self.EACH, f"the sum is {total}, not {self.ACCOUNTS * self.EACH}", way)

    def end(self, admin):
        self.add_up(admin, _First())


class _First:
    def randrange(self, _):
        return 0


class WholeWrites:
    """Nobody sees half of an MSET, nor of a transaction or of a deadline that two keys share."""

    def __init__(self):
        self.keys = [f"whole:{i}" for i in range(6)]
        self.mortal = [f"mortal:{i}" for i in range(4)]
        self.clients = [self.write, self.write, self.write_mortal, self.read, self.read, self.read_mortal]

    def begin(self, admin):
        admin.command("MSET", *(word for key in self.keys for word in (key, 0)))

    def write(self, connection, dice):
        value = dice.randrange(10**9)
        if dice.randrange(2):
            connection.command("MSET", *(word for key in self.keys for word in (key, value)))
        else:
            keys = dice.sample(self.keys, len(self.keys))
            connection.pipeline([("MULTI",), *(("SET", key, value) for key in keys), ("EXEC",)])

    def read(self, connection, dice):
        keys = dice.sample(self.keys, dice.randrange(2, len(self.keys) + 1))
        if dice.randrange(2):
            values = connection.command("MGET", *keys)
        else:
            values = connection.pipeline([("MULTI",), *(("GET", key) for key in keys), ("EXEC",)])[-1]
        check(len(set(values)) == 1, "half of a write", keys, values)

    def write_mortal(self, connection, dice):
        deadline = int(time.time() * 1000) + dice.randrange(1, 20)
        connection.pipeline([("MULTI",), *(("SET", key, deadline, "PXAT", deadline) for key in self.mortal), ("EXEC",)])
        time.sleep(dice.random() / 50)

    def read_mortal(self, connection, dice):
        values = connection.command("MGET", *dice.sample(self.mortal, 3))
        check(len(set(values)) == 1, "keys of one deadline are there and not there", values)

    def end(self, admin):
        pass


class Pipelines:
    """Of a pipeline nobody sees a later write without the earlier ones, and its answers are in order."""

    KEYS = 8

    def __init__(self):
        self.keys = [f"step:{i}" for i in range(self.KEYS)]
        self.value = 0
        self.clients = [self.write, self.look, self.look, self.answers, self.answers]

    def begin(self, admin):
        admin.command("MSET", *(word for key in self.keys for word in (key, 0)))

    def write(self, connection, dice):
        """One writer: the values of all keys rise, and those of the first keys first."""
        lot = []
        for _ in range(dice.randrange(1, 6)):
            self.value += 1
            lot += [("SET", key, self.value) for key in self.keys]
        check(all(answer == "OK" for answer in connection.pipeline(lot)), "SET failed")

    def look(self, connection, dice):
        """From the last to the first: each is at least as far as what comes after it."""
        commands = [("GET", key) for key in reversed(self.keys)]
        if dice.randrange(2):
            values = [number(value) for value in connection.pipeline(commands)]
        else:
            values = [number(connection.command(*command)) for command in commands]
        check(values == sorted(values), "a later write without the earlier one", values)

    def answers(self, connection, dice):
        own = [f"own:{id(connection)}:{i}" for i in range(5)]
        expected, lot = [], []
        for i in range(dice.randrange(2, 60)):
            key = dice.choice(own)
            lot += [("SET", key, i), ("GET", key), ("ECHO", i), ("APPEND", key, ""), ("DBSIZE",)][: dice.randrange(2, 6)]
        for command in lot:
            if command[0] == "SET":
                expected.append("OK")
                last = command[2]
            elif command[0] == "DBSIZE":
                expected.append(None)
            else:
                expected.append(len(str(last)) if command[0] == "APPEND" else str(last).encode())
        seen = connection.pipeline(lot)
        seen = [None if wanted is None and isinstance(answer, int) else answer for wanted, answer in zip(expected, seen)]
        check(seen == expected, "answers are not in order", lot, seen)

    def end(self, admin):
        values = admin.command("MGET", *self.keys)
        check(set(map(number, values)) == {self.value}, "a write is lost", self.value, values)


class Messages:
    """Messages come once each and in order, and whoever hears one sees what was written before it."""

    def __init__(self, publishers=2):
        self.sent = [0] * publishers
        self.heard = collections.defaultdict(dict)
        self.lock = threading.Lock()
        self.clients = [self.publisher(i) for i in range(publishers)] + [self.listen] * 3

    def begin(self, admin):
        for i in range(len(self.sent)):
            admin.command("SET", f"said:{i}", 0)

    def publisher(self, index):
        def publish(connection, dice):
            lot = []
            for _ in range(dice.randrange(1, 8)):
                self.sent[index] += 1
                said = self.sent[index]
                together = [("SET", f"said:{index}", said), ("PUBLISH", f"news:{index}", said)]
                lot += [("MULTI",), *together, ("EXEC",)] if dice.randrange(4) == 0 else together
            connection.pipeline(lot)
            time.sleep(dice.random() / 200)

        publish.others_wait = True  # who listens ends first
        return publish

    def listen(self, connection, dice):
        """Each time anew: subscribes, hears for a while, asks, and leaves."""
        with connection.again() as reader:
            channels = [f"news:{i}" for i in range(len(self.sent))]
            by_pattern = dice.randrange(2)
            connection.send_commands([("PSUBSCRIBE", "news:*")] if by_pattern else [("SUBSCRIBE", *channels)])
            for _ in range(1 if by_pattern else len(channels)):
                connection.read_until(b"psubscribe" if by_pattern else b"subscribe", self.hear, reader)
            last = {}
            for _ in range(dice.randrange(1, 100)):
                self.hear(connection.read(), reader, last)
            connection.send_commands([("PUNSUBSCRIBE",) if by_pattern else ("UNSUBSCRIBE",)])
            for _ in range(1 if by_pattern else len(channels)):
                connection.read_until(b"punsubscribe" if by_pattern else b"unsubscribe", self.hear, reader, last)

    def hear(self, message, reader, last=None):
        channel, said = message[-2].decode(), int(message[-1])
        if last is not None:
            check(last.get(channel, said - 1) == said - 1, "a message is lost, doubled or late", channel, last, said)
            last[channel] = said
        if said % 3 == 0:
            written = number(reader.command("GET", channel.replace("news", "said")))
            check(written >= said, "a message before what was written before it", channel, said, written)

    def end(self, admin):
        pass


class Queue:
    """Each job is taken once, by whomever: from the first list that has one, and moved without loss."""

    def __init__(self):
        self.lists = [f"jobs:{i}" for i in range(4)]
        self.made, self.taken, self.lock = 0, collections.Counter(), threading.Lock()
        self.clients = [self.make, self.make, self.pop, self.pop, self.move, self.pop_rank]

    def begin(self, admin):
        pass

    def make(self, connection, dice):
        lot = []
        for _ in range(dice.randrange(1, 10)):
            with self.lock:
                self.made += 1
                job = self.made
            ranked = dice.randrange(4) == 0
            lot.append(("ZADD", "ranked", job, job) if ranked else ("RPUSH", dice.choice(self.lists), job))
        connection.pipeline(lot)
        time.sleep(dice.random() / 300)

    def take(self, job):
        with self.lock:
            self.taken[int(job)] += 1

    def pop(self, connection, dice):
        answer = connection.command("BLPOP", *dice.sample(self.lists, dice.randrange(1, 5)), "0.05")
        if answer:
            self.take(answer[1])

    def move(self, connection, dice):
        answer = connection.command("BLMOVE", dice.choice(self.lists), "moved", "LEFT", "RIGHT", "0.05")
        if answer and dice.randrange(2):
            for job in connection.command("LPOP", "moved", 10) or []:
                self.take(job)

    def pop_rank(self, connection, dice):
        answer = connection.command("BZPOPMIN", "ranked", "0.05")
        if answer:
            self.take(answer[1])

    def end(self, admin):
        for name in (*self.lists, "moved"):
            for job in admin.command("LRANGE", name, 0, -1):
                self.take(job)
        for job in admin.command("ZRANGE", "ranked", 0, -1):
            self.take(job)
        wrong = {job: self.taken[job] for job in range(1, self.made + 1) if self.taken[job] != 1}
        check(not wrong, "jobs that were not taken once", wrong)


class Counters:
    """INCR is linear: what one was told before another asked is less; and a watched counter loses nothing."""

    def __init__(self):
        self.asked, self.watched, self.lock = [], 0, threading.Lock()
        self.clients = [self.count, self.count, self.count, self.count_watched, self.count_watched]

    def begin(self, admin):
        admin.command("MSET", "count", 0, "watched", 0)

    def count(self, connection, dice):
        with self.lock:
            least = self.asked[-1] if self.asked else 0
        values = connection.pipeline([("INCR", "count")] * dice.randrange(1, 4))
        check(all(a < b for a, b in zip([least, *values], values)), "a count that was there before", least, values)
        with self.lock:
            if not self.asked or values[-1] > self.asked[-1]:
                self.asked = [values[-1]]

    def count_watched(self, connection, dice):
        connection.command("WATCH", "watched", "count" if dice.randrange(4) == 0 else "nothing")
        value = number(connection.command("GET", "watched"))
        if connection.pipeline([("MULTI",), ("SET", "watched", value + 1), ("EXEC",)])[-1]:
            with self.lock:
                self.watched += 1

    def end(self, admin):
        value = number(admin.command("GET", "watched"))
        check(value == self.watched, "a watched write is lost or doubled", value, self.watched)


ALL = [Transfers, WholeWrites, Pipelines, Messages, Queue, Counters]
