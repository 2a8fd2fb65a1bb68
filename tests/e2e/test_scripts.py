"""Scripts: what they answer is redis-server's, on any number of shards, and what they do is one step."""

import hashlib
import random
import threading

import pytest

import random_scripts
import resp
import script_cases
from server import scaled

KEYS = ("k{a}", "k{b}")
DATA = [
    ("SET", "str", "text"),
    ("SET", "num", "10"),
    ("RPUSH", "list", "a", "b", "c"),
    ("HSET", "hash", "f", "v", "g", "w"),
    ("SADD", "set", "a"),
    ("ZADD", "zset", "1", "a", "2.5", "b"),
    ("XADD", "stream", "1-1", "f", "v"),
]

# Where redis-server 7.0 is older: the script, and what it may answer here.
DIFFERENT = {
    'return type(os) == "table"': {b":1\r\n"},  # os.clock came with 7.2
    'return redis.call("set","n",1.5) and redis.call("get","n")': {b"$3\r\n1.5\r\n"},
    "return {double=0.1}": {b"$3\r\n0.1\r\n", b",0.1\r\n"},
    "return {double=1e300}": {b"$6\r\n1e+300\r\n", b",1e+300\r\n"},
    'return redis.call("blpop","nosuch",0) == nil': {b"$-1\r\n", b"_\r\n"},  # 7.2 refuses it no longer: it does not block
}

def sha(script):
    return hashlib.sha1(script.encode()).hexdigest()


@pytest.fixture
def both(server, oracle):
    """A connection to each, with the same data."""
    with oracle.connect() as theirs, server.connect() as ours:
        for connection in (theirs, ours):
            connection("FLUSHALL")
            connection("SCRIPT FLUSH")
            connection.pipeline(DATA)
        yield theirs, ours


def ask(connection, command):
    connection.send(resp.encode(*command))
    return connection.read_raw()


def differences(theirs, ours, commands):
    expected, got = ([ask(connection, command) for command in commands] for connection in (theirs, ours))
    return [
        f"{command}\n  redis-server: {a!r}\n  here:         {b!r}"
        for command, a, b in zip(commands, expected, got)
        if a != b and b not in DIFFERENT.get(command[1], ())
    ]


@pytest.mark.parametrize("protocol", (2, 3))
def test_every_reply_is_redis_servers(both, protocol):
    theirs, ours = both
    for connection in both:
        connection.command("HELLO", str(protocol))
    commands = [("EVAL", script, "2", *KEYS, "x", "y") for script in script_cases.scripts()]
    wrong = differences(theirs, ours, commands)
    assert not wrong, "\n".join(wrong)


def test_every_command_answers_as_redis_servers(both):
    theirs, ours = both
    wrong = differences(theirs, ours, script_cases.COMMANDS)
    assert not wrong, "\n".join(wrong)


def test_random_scripts_do_what_redis_server_does(both):
    theirs, ours = both
    for seed in range(scaled(300)):
        dice = random.Random(seed)
        commands = [random_scripts.command(dice) for _ in range(10)]
        wrong = differences(theirs, ours, commands)
        assert not wrong, f"seed {seed}\n" + "\n".join(wrong)
        content = [random_scripts.content(connection) for connection in both]
        assert content[0] == content[1], f"seed {seed}: {commands}"


def test_a_script_is_known_to_all_connections_at_once(server):
    connections = [server.connect() for _ in range(8)]
    for i in range(20):
        script = f"return {i}"
        loader = connections[i % 8]
        if i % 2:
            assert loader.command("SCRIPT", "LOAD", script) == sha(script).encode()
        else:
            assert loader.command("EVAL", script, "0") == i
        for number, connection in enumerate(connections):
            assert connection.command("EVALSHA", sha(script), "1", f"key{number}") == i
    connections[3]("SCRIPT FLUSH")
    for connection in connections:
        reply = connection.command("EVALSHA", sha("return 1"), "0")
        assert reply == resp.Error("NOSCRIPT No matching script. Please use EVAL.")
        connection.close()


def test_a_script_that_was_forgotten_becomes_known_to_all_again(server):
    with server.connect() as connection:
        for _ in range(3):
            for i in range(10):
                assert connection.command("EVAL", "return redis.call('incr', KEYS[1])", "1", f"key{i}") > 0
            connection("SCRIPT FLUSH")
        assert connection.command("EVAL", "return redis.call('get', KEYS[1])", "1", "key0") == b"3"
        connection("SCRIPT FLUSH")
        assert connection.command("EVAL", "return redis.call('get', KEYS[1])", "1", "key0") == b"3"
        for i in range(10):
            name = sha("return redis.call('get', KEYS[1])")
            assert connection.command("EVALSHA", name, "1", f"key{i}") == b"3"


def test_a_script_moves_between_shards_in_one_step(server):
    """Two sums are read while scripts move amounts between keys that nobody declared."""
    accounts = [f"account:{i}" for i in range(10)]
    move = """
        local from, to = 'account:' .. ARGV[1], 'account:' .. ARGV[2]
        redis.call('decrby', from, ARGV[3])
        redis.call('incrby', to, ARGV[3])
    """
    total = "local sum = 0 for i = 0, 9 do sum = sum + redis.call('get', 'account:' .. i) end return sum"

    with server.connect() as admin:
        admin.command("MSET", *(word for account in accounts for word in (account, "100")))

    def work(seed):
        dice = random.Random(seed)
        with server.connect() as connection:
            for _ in range(scaled(200)):
                connection.command("EVAL", move, "0", dice.randrange(10), dice.randrange(10), dice.randrange(50))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(3)]
    for thread in threads:
        thread.start()
    with server.connect() as reader:
        while any(thread.is_alive() for thread in threads):
            assert reader.command("EVAL", total, "0") == 1000
            assert sum(map(int, reader.command("MGET", *accounts))) == 1000
        assert reader.command("EVAL", total, "0") == 1000


def test_time_stands_still_in_a_script(raw):
    script = """
        local before = redis.call('time')
        redis.call('set', 'volatile', 'x', 'px', 1)
        local t = {}
        for i = 1, 300000 do t[i % 100] = i end
        local after = redis.call('time')
        return {before[1] == after[1] and before[2] == after[2], redis.call('exists', 'volatile')}
    """
    assert raw.command("EVAL", script, "0") == [1, 1]


def test_what_scripts_take_is_told(raw):
    raw.command("SCRIPT", "FLUSH")
    raw.command("EVAL", "return 1", "0")
    raw.command("SCRIPT", "LOAD", "return 2")
    info = dict(line.split(":", 1) for line in raw.command("INFO", "memory").decode().splitlines() if ":" in line)
    assert info["number_of_cached_scripts"] == "2"
    assert 10_000 < int(info["used_memory_vm_eval"]) < 10_000_000
    assert int(info["used_memory_scripts_eval"]) > 0


def test_a_script_gets_no_more_memory_than_there_is(start):
    server = start("--shards", "2", "--maxmemory", "20mb")
    with server.connect() as connection:
        for script in ("return string.rep('x', 1e9)", "local t = {} while true do t[#t + 1] = {} end"):
            assert "not enough memory" in connection.command("EVAL", script, "0")
            assert connection.command("EVAL", "return 1", "0") == 1
        caught = "return {pcall(string.rep, 'x', 1e9)}"
        assert connection.command("EVAL", caught, "0") == [None, b"not enough memory"]


def test_few_of_the_scripts_that_eval_brings_are_kept(raw):
    raw("SCRIPT FLUSH")
    loaded = raw.command("SCRIPT", "LOAD", "return 'loaded'")
    raw.pipeline([("EVAL", f"return {i}", "0") for i in range(600)])
    assert raw.command("SCRIPT", "EXISTS", loaded, sha("return 0"), sha("return 599")) == [1, 0, 1]
