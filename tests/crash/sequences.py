"""One client's long pipeline, of which after a crash a prefix is there, whatever shards its keys are on.

A client has keys of its own, so what they hold after each of its operations is known. Operations are
sent in lots, the next before the last one's answers. After a crash the keys must be as they were
after some operation, and not before the last that was answered, if answers say that it is on disk (promise.py).
"""

import copy

import resp

ITEMS = 40
CHANGE = (
    "redis.call('SET', ARGV[2], ARGV[1]) redis.call('RPUSH', ARGV[3], ARGV[1])"
    " redis.call('SADD', ARGV[4], ARGV[1] % 40) return 'done'"
)


class Wrong(AssertionError):
    """What survived is not what it must be."""


def read_value(connection, key):
    kind = connection.command("TYPE", key)
    if kind == "string":
        return connection.command("GET", key)
    if kind == "list":
        return connection.command("LRANGE", key, 0, -1)
    if kind == "set":
        return set(connection.command("SMEMBERS", key))
    return None


class Sequence:
    LOT = 60

    def __init__(self, name, promise):
        self.name, self.promise = name, promise
        self.strings, self.lists, self.sets = ([f"{name}:{kind}{i}" for i in range(7)] for kind in ("s", "l", "m"))
        self.base, self.state = {}, {}  # of what survived, and after all that was sent
        self.sent = []  # since then: (what each changed, as {key: value}, None: the key is gone)
        self.answered = self.promised = 0  # of them
        self.number = 0
        self.ways = [
            *[self.set] * 4, *[self.push] * 3, self.trim, *[self.move] * 3, *[self.add] * 2, *[self.move_member] * 3, *[self.rename] * 2,
            self.copy, self.set_many, *[self.transaction] * 2, *[self.script] * 2, self.script_undeclared, self.store, self.delete,
        ]  # fmt: skip

    # Operations: each returns its commands and what they change.

    def bytes(self):
        return b"%d" % self.number

    def item(self):
        return b"%d" % (self.number % ITEMS)

    def set(self, dice):
        key = dice.choice(self.strings)
        return [("SET", key, self.number)], {key: self.bytes()}

    def push(self, dice):
        key = dice.choice(self.lists)
        return [("RPUSH", key, self.number)], {key: (self.state.get(key) or []) + [self.bytes()]}

    def trim(self, dice):
        key = dice.choice(self.lists)
        return [("LTRIM", key, -5, -1)], {key: (self.state.get(key) or [])[-5:]}

    def move(self, dice):
        source, target = dice.sample(self.lists, 2)
        have = (self.state.get(source) or [])
        after = {source: have[1:], target: (self.state.get(target) or []) + have[:1]} if have else {}
        return [("LMOVE", source, target, "LEFT", "RIGHT")], after

    def add(self, dice):
        key = dice.choice(self.sets)
        return [("SADD", key, self.item())], {key: (self.state.get(key) or set()) | {self.item()}}

    def move_member(self, dice):
        source, target = dice.sample(self.sets, 2)
        have = (self.state.get(source) or set())
        if not have:
            return self.add(dice)
        member = dice.choice(sorted(have))
        return [("SMOVE", source, target, member)], {source: have - {member}, target: (self.state.get(target) or set()) | {member}}

    def two_of_a_kind(self, dice):
        source, target = dice.sample(dice.choice([self.strings, self.lists, self.sets]), 2)
        return source, target, self.state.get(source)

    def rename(self, dice):
        source, target, value = self.two_of_a_kind(dice)
        return ([("RENAME", source, target)], {source: None, target: value}) if value else self.set(dice)

    def copy(self, dice):
        source, target, value = self.two_of_a_kind(dice)
        return [("COPY", source, target, "REPLACE")], {target: value} if value else {}

    def set_many(self, dice):
        keys = dice.sample(self.strings, 4)
        return [("MSET", *(word for key in keys for word in (key, self.number)))], dict.fromkeys(keys, self.bytes())

    def three(self, dice):
        string, list_key, set_key = map(dice.choice, (self.strings, self.lists, self.sets))
        return (string, list_key, set_key), {
            string: self.bytes(),
            list_key: (self.state.get(list_key) or []) + [self.bytes()],
            set_key: (self.state.get(set_key) or set()) | {self.item()},
        }

    def transaction(self, dice):
        (string, list_key, set_key), after = self.three(dice)
        writes = [("SET", string, self.number), ("RPUSH", list_key, self.number), ("SADD", set_key, self.item())]
        return [("MULTI",), *writes, ("EXEC",)], after

    def script(self, dice):
        keys, after = self.three(dice)
        return [("EVAL", CHANGE, 3, *keys, self.number, *keys)], after

    def script_undeclared(self, dice):
        keys, after = self.three(dice)
        return [("EVAL", CHANGE, 0, self.number, *keys)], after

    def store(self, dice):
        target, first, second = dice.sample(self.sets, 3)
        return [("SUNIONSTORE", target, first, second)], {target: (self.state.get(first) or set()) | (self.state.get(second) or set())}

    def delete(self, dice):
        keys = [dice.choice(kind) for kind in (self.strings, self.lists, self.sets)]
        return [("DEL", *keys)], dict.fromkeys(keys)

    # The client.

    def begin(self, connection):
        self.outstanding = []

    def act(self, connection, dice):
        """Sends a lot, and then takes the answers of the one before."""
        lot, period = [self.next(dice) for _ in range(dice.randrange(1, self.LOT))], self.promise.now()
        connection.send_commands(command for commands in lot for command in commands)
        for count, sent in self.outstanding:
            self.take_answer(connection, count, sent)
        self.outstanding = [(len(commands), period) for commands in lot]

    def next(self, dice):
        self.number += 1
        commands, after = dice.choice(self.ways)(dice)
        after = {key: value or None for key, value in after.items()}
        self.state.update(after)
        self.sent.append(after)
        return commands

    def take_answer(self, connection, count, sent):
        for _ in range(count):
            answer = connection.read()
            if isinstance(answer, resp.Error):
                raise Wrong(f"{self.name}: answered {answer}")
        self.answered += 1
        if self.promise.kept(sent):
            self.promised = self.answered

    # After a crash.

    def keys(self):
        return self.strings + self.lists + self.sets

    def read(self, admin):
        return {key: read_value(admin, key) for key in self.keys()}

    def find(self, found):
        """After how many of the operations the keys were so: the most that it may be."""
        state = {key: self.base.get(key) for key in found}
        wrong = {key for key in found if state[key] != found[key]}
        fits, nearest = [0] if not wrong else [], (len(wrong), 0, wrong)
        for count, after in enumerate(self.sent, 1):
            for key, value in after.items():
                state[key] = value
                (wrong.discard if found[key] == value else wrong.add)(key)
            if not wrong:
                fits.append(count)
            nearest = min(nearest, (len(wrong), count, frozenset(wrong)), key=lambda near: near[0])
        if not fits:
            raise Wrong(f"{self.name}: no prefix of {len(self.sent)}; nearest is {nearest[1]}, answered {self.answered}, but for"
                        f" {({key: found[key] for key in nearest[2]})}")  # fmt: skip
        return fits[-1]

    def look(self, admin):
        """At a snapshot of some moment since the keys were last checked."""
        self.find(self.read(admin))

    def check(self, admin, always):
        found = self.read(admin)
        most = self.find(found)
        if always and most < self.promised:
            raise Wrong(f"{self.name}: {self.promised} were answered, {most} have survived, of {len(self.sent)}")
        self.base, self.state = found, copy.copy(found)
        lost, self.sent, self.answered, self.promised = len(self.sent) - most, [], 0, 0
        return lost


class Databases(Sequence):
    """Likewise, where databases are emptied and exchanged: the keys are (database, key)."""

    DATABASES = (14, 15)

    def __init__(self, name, promise):
        super().__init__(name, promise)
        self.names = [f"{name}:{i}" for i in range(9)]
        self.ways = [*[self.set] * 60, *[self.move] * 9, self.empty, self.exchange]

    def keys(self):
        return [(db, key) for db in self.DATABASES for key in self.names]

    def read(self, admin):
        found = {}
        for db in self.DATABASES:
            admin.command("SELECT", db)
            found.update({(db, key): read_value(admin, key) for key in self.names})
        admin.command("SELECT", 0)
        return found

    def set(self, dice):
        db, key = dice.choice(self.keys())
        return [("SELECT", db), ("SET", key, self.number)], {(db, key): self.bytes()}

    def move(self, dice):
        db, key = dice.choice(self.keys())
        other = sum(self.DATABASES) - db
        value = self.state.get((db, key))
        after = {(db, key): None, (other, key): value} if value and not self.state.get((other, key)) else {}
        return [("SELECT", db), ("MOVE", key, other)], after

    def empty(self, dice):
        db = dice.choice(self.DATABASES)
        return [("SELECT", db), ("FLUSHDB",)], {(db, key): None for key in self.names}

    def exchange(self, dice):
        first, second = self.DATABASES
        after = {(first, key): self.state.get((second, key)) for key in self.names}
        after |= {(second, key): self.state.get((first, key)) for key in self.names}
        return [("SWAPDB", first, second)], after
