"""What many clients do together, and what of it must hold after a crash (check), and in a snapshot (look).

What must be there because it was answered is so by a promise (promise.py).
"""

import itertools
import threading
import time

import resp
from sequences import Wrong


def number(value):
    return int(value or 0)


class Transfers:
    """All accounts together keep their sum; who was told that a transfer is done finds it done."""

    ACCOUNTS, EACH, CLIENTS = 10, 1000, 2
    MOVE = (
        "redis.call('DECRBY', ARGV[2], ARGV[1]) redis.call('INCRBY', ARGV[3], ARGV[1])"
        " redis.call('SET', ARGV[4], ARGV[5]) return 1"
    )

    def __init__(self, promise):
        self.promise = promise
        self.accounts = [f"account:{i}" for i in range(self.ACCOUNTS)]
        self.ledgers = [f"ledger:{i}" for i in range(self.CLIENTS)]
        self.done, self.tried = [0] * self.CLIENTS, [0] * self.CLIENTS
        self.clients = [lambda connection, dice, i=i: self.act(connection, dice, i) for i in range(self.CLIENTS)]
        self.begun = False

    def begin(self, admin):
        if not self.begun:
            admin.command("MSET", *(word for key in self.accounts for word in (key, self.EACH)))
            self.begun = True

    def act(self, connection, dice, i):
        source, target = dice.sample(self.accounts, 2)
        amount, ledger, period = dice.randrange(1, 50), self.ledgers[i], self.promise.now()
        self.tried[i] += 1
        if dice.randrange(2):
            writes = [("DECRBY", source, amount), ("INCRBY", target, amount), ("SET", ledger, self.tried[i])]
            answer = connection.pipeline([("MULTI",), *writes, ("EXEC",)])[-1]
        else:
            keys = [source, target][: dice.randrange(3)]
            answer = connection.command("EVAL", self.MOVE, len(keys), *keys, amount, source, target, ledger, self.tried[i])
        if isinstance(answer, resp.Error):
            raise Wrong(f"a transfer was answered {answer}")
        if self.promise.kept(period):
            self.done[i] = self.tried[i]

    def look(self, admin, may_lack=False):
        values = [number(value) for value in admin.command("MGET", *self.accounts, *self.ledgers)]
        total = sum(values[: self.ACCOUNTS])
        if total != self.ACCOUNTS * self.EACH and (total or not may_lack):
            raise Wrong(f"the sum is {total}")
        return total, values

    def check(self, admin, always):
        total, values = self.look(admin, not always)
        self.begun = total > 0  # else not even the first write has survived
        for i, survived in enumerate(values[self.ACCOUNTS :]):
            if always and survived < self.done[i]:
                raise Wrong(f"transfer {self.done[i]} was answered, {survived} is the last")
            self.done[i] = self.tried[i] = survived


class Observers:
    """Who saw a value and said so is not there without it."""

    def __init__(self, promise):
        self.values = [f"value:{i}" for i in range(6)]
        self.seen = [f"seen:{i}" for i in range(6)]
        self.numbers = itertools.count(1)
        self.clients = [self.write, self.observe, self.observe]

    def begin(self, admin):
        pass

    def write(self, connection, dice):
        connection.pipeline(("SET", dice.choice(self.values), next(self.numbers)) for _ in range(5))

    def observe(self, connection, dice):
        """The greater is kept: there are several who look."""
        i = dice.randrange(6)
        value = number(connection.command("GET", self.values[i]))
        keep = "if tonumber(ARGV[1]) > tonumber(redis.call('GET', KEYS[1]) or 0) then redis.call('SET', KEYS[1], ARGV[1]) end"
        connection.command("EVAL", keep, 1, self.seen[i], value)

    def check(self, admin, always):
        self.look(admin)

    def look(self, admin):
        found = [number(value) for value in admin.command("MGET", *self.values, *self.seen)]
        for i, (value, seen) in enumerate(zip(found[:6], found[6:])):
            if seen > value:
                raise Wrong(f"{seen} was seen in {self.values[i]}, which is {value}")


class Queue:
    """Each job is in one place, and those that were taken in are in one."""

    MOST = 400

    def __init__(self, promise):
        self.promise = promise
        self.taken_in, self.numbers, self.lock = set(), itertools.count(), threading.Lock()
        self.waiting = [f"jobs:{i}" for i in range(3)]
        self.places = [*self.waiting, "working", "finished"]
        self.clients = [self.push, self.take, self.take]

    def begin(self, admin):
        pass

    def push(self, connection, dice):
        jobs = [next(self.numbers) for _ in range(dice.randrange(1, 8))]
        key, period = dice.choice(self.waiting), self.promise.now()
        connection.pipeline([*(("HSET", f"job:{job}", "id", job) for job in jobs), ("LPUSH", key, *jobs)])
        if self.promise.kept(period):
            self.taken_in.update(jobs)

    def take(self, connection, dice):
        job = connection.command("BLMOVE", dice.choice(self.waiting), "working", "RIGHT", "LEFT", "0.05")
        if job is not None:
            connection.pipeline([("MULTI",), ("LREM", "working", 1, job), ("RPUSH", "finished", job), ("EXEC",)])

    def look(self, admin):
        places = admin.pipeline([("MULTI",), *(("LRANGE", key, 0, -1) for key in self.places), ("EXEC",)])[-1]
        jobs = sorted(int(job) for place in places for job in place)
        if len(set(jobs)) < len(jobs):
            raise Wrong(f"jobs in two places: {[job for job, after in zip(jobs, jobs[1:]) if job == after][:9]}")
        for job, kept in zip(jobs, admin.pipeline(("HGET", f"job:{job}", "id") for job in jobs)):
            if number(kept) != job:
                raise Wrong(f"job {job} is there without what was written before it")
        return jobs

    def check(self, admin, always):
        jobs = self.look(admin)
        if always and not self.taken_in <= set(jobs):
            raise Wrong(f"jobs that were taken in and are nowhere: {sorted(self.taken_in - set(jobs))[:9]}")
        self.taken_in = set(jobs)
        if len(jobs) > self.MOST:  # begins anew, with other jobs
            admin.command("DEL", *self.places, *(f"job:{job}" for job in jobs))
            self.taken_in = set()


class Mortals:
    """Keys that were given one deadline together are there together."""

    def __init__(self, promise):
        self.keys = [f"mortal:{i}" for i in range(5)]
        self.clients = [self.write]

    def begin(self, admin):
        pass

    def write(self, connection, dice):
        deadline = int(time.time() * 1000) + dice.choice([5, 20, 300, 5000])
        connection.pipeline([("MULTI",), *(("SET", key, deadline, "PXAT", deadline) for key in self.keys), ("EXEC",)])
        time.sleep(dice.random() / 100)

    def check(self, admin, always):
        self.look(admin)

    def look(self, admin):
        values = admin.command("MGET", *self.keys)
        if len(set(values)) > 1:
            raise Wrong(f"keys of one deadline are there and not there: {values}")


class Upkeep:
    """Who takes snapshots, has the append-only file rewritten, and switches it off and on."""

    ANSWERS = (
        "Background append only file rewriting started",
        "Background append only file rewriting scheduled",
        "Background saving started",
        "Background saving scheduled",
        "ERR Background append only file rewriting already in progress",
        "ERR Background save already in progress",
        "ERR Another child process is active (AOF?): can't BGSAVE right now.",
    )
    WHOLE_MS = 500  # to wait for at most

    def __init__(self, promise):
        self.promise = promise
        self.clients = [self.keep, self.keep_and_switch]

    def begin(self, admin):
        pass

    def keep(self, connection, dice):
        time.sleep(dice.random() / 10)
        answer = connection.command(*dice.choice([("BGREWRITEAOF",), ("BGSAVE",), ("BGSAVE", "SCHEDULE")]))
        if not str(answer).startswith(self.ANSWERS):
            raise Wrong(f"a background save was answered {answer}")

    def keep_and_switch(self, connection, dice):
        if dice.randrange(6):
            self.keep(connection, dice)
            return
        time.sleep(dice.random() / 2)
        self.promise.suspend()
        answers = [connection.command("CONFIG", "SET", "appendonly", "no")]
        time.sleep(dice.choice([0, dice.random() / 20]))
        answers.append(connection.command("CONFIG", "SET", "appendonly", "yes"))
        if answers != ["OK", "OK"]:
            raise Wrong(f"switching was answered {answers}")
        connection.command("SET", "upkeep", dice.random())
        answer = connection.command("WAITAOF", 1, 0, self.WHOLE_MS)
        if isinstance(answer, resp.Error):
            raise Wrong(f"waiting for the file was answered {answer}")
        if answer[0]:
            self.promise.resume()

    def check(self, admin, always):
        pass

    def look(self, admin):
        pass


ALL = [Transfers, Observers, Queue, Mortals, Upkeep]
