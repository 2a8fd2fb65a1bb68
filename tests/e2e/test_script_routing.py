"""Scripts that touch keys which they did not declare: whatever shards these lie on, nothing is lost, doubled or reordered."""

import random
import threading

import pytest

UNDECLARED = "redis.call('SET', KEYS[1], ARGV[1]); redis.call('SET', ARGV[2], ARGV[1]); return redis.call('GET', ARGV[2])"

# Writes a lot, then follows a name that only the data tell.
FOLLOW = """
redis.call('INCR', KEYS[1] .. ':runs')
redis.call('RPUSH', KEYS[1] .. ':log', ARGV[1])
local next = redis.call('HGET', KEYS[1], 'next')
if next then
    redis.call('INCRBY', next, ARGV[1])
end
return redis.call('INCR', KEYS[1] .. ':ends')
"""


def counts(server):
    info = server.info("shoal")
    return {name: int(info[f"scripts_{name}"]) for name in ("local", "gathered", "escalated", "restarted")}


def gained(server, before):
    return {name: count - before[name] for name, count in counts(server).items()}


def test_undeclared_keys_are_reached(server, raw):
    for i in range(50):
        assert raw.command("EVAL", UNDECLARED, 1, f"a{i}", f"v{i}", f"b{i}") == f"v{i}".encode()
    for i in range(50):
        assert raw.command("MGET", f"a{i}", f"b{i}") == [f"v{i}".encode()] * 2


def test_what_was_written_before_a_far_key_was_met_is_written_once(server, raw):
    keys = [f"{{q{i}}}" for i in range(10)]
    for key in keys:
        assert raw.command("EVAL", FOLLOW, 1, key, 1) == 1
    before = counts(server)
    for i, key in enumerate(keys):
        raw.command("HSET", key, "next", f"{i * 7919}far")
    for round in range(3):
        for key in keys:
            assert raw.command("EVAL", FOLLOW, 1, key, 5) == 2 + round
    for i, key in enumerate(keys):
        assert raw.command("LRANGE", key + ":log", 0, -1) == [b"1", b"5", b"5", b"5"]
        assert raw.command("MGET", key + ":runs", key + ":ends", f"{i * 7919}far") == [b"4", b"4", b"15"]
    if server.shards > 1:
        after = gained(server, before)
        assert 0 < after["escalated"] <= len(keys)
        assert after["restarted"] == after["escalated"]


def test_large_values_are_as_they_were_when_a_script_begins_again(server, raw):
    """The script changes one of everything, large and small, before it meets the far key."""
    script = """
    local k = KEYS[1]
    redis.call('LPUSH', k .. 'list', 'new'); redis.call('RPOP', k .. 'list')
    redis.call('HSET', k .. 'hash', 'f5', 'new', 'g', 'new'); redis.call('HDEL', k .. 'hash', 'f6')
    redis.call('SADD', k .. 'set', 'new'); redis.call('SREM', k .. 'set', 'm5')
    redis.call('ZADD', k .. 'zset', 1, 'new', 2, 'm5'); redis.call('ZPOPMIN', k .. 'zset')
    redis.call('XADD', k .. 'stream', 'MAXLEN', '~', 100, '*', 'f', 'new')
    redis.call('APPEND', k .. 'string', 'new'); redis.call('DEL', k .. 'gone'); redis.call('RENAME', k .. 'old', k .. 'young')
    redis.call('PEXPIRE', k .. 'list', 1000000)
    if redis.call('EXISTS', k .. 'go') == 1 then return redis.call('GET', ARGV[1]) end
    return 'stayed'
    """
    big = []
    for i in range(600):
        big += [(b"RPUSH", "{t}list", f"e{i}"), (b"HSET", "{t}hash", f"f{i}", i), (b"SADD", "{t}set", f"m{i}")]
        big += [(b"ZADD", "{t}zset", i, f"m{i}"), (b"XADD", "{t}stream", f"{i + 1}-0", "f", "v"), (b"SADD", "{t}gone", i)]
    for command in big + [("SET", "{t}string", "s" * 50000), ("SET", "{t}old", "o")]:
        raw.command(*command)
    names = ("list", "hash", "set", "zset", "stream", "string", "gone", "old")
    for name in names:  # the same data once more, for a script that stays
        raw.command("COPY", "{t}" + name, "{w}" + name)
    raw.pipeline([("SET", "{t}go", 1), ("SET", "far", "away")])
    sha = raw.command("SCRIPT", "LOAD", script)
    assert raw.command("EVALSHA", sha, 1, "{w}", "far") == b"stayed"
    before = counts(server)
    assert raw.command("EVALSHA", sha, 1, "{t}", "far") == b"away"
    if server.shards > 1 and gained(server, before)["restarted"] == 0:
        pytest.skip("the far key happens to be near")
    for name in ("list", "zset", "string", "young"):
        assert raw.command("DUMP", "{t}" + name) == raw.command("DUMP", "{w}" + name), name
    for name, read in (("hash", "HGETALL"), ("set", "SMEMBERS")):
        assert sorted(raw.command(read, "{t}" + name)) == sorted(raw.command(read, "{w}" + name)), name
        assert raw.command("OBJECT", "ENCODING", "{t}" + name) == raw.command("OBJECT", "ENCODING", "{w}" + name)
    entries = [raw.command("XRANGE", key + "stream", "-", "+") for key in ("{t}", "{w}")]
    assert len(entries[0]) == len(entries[1]) and entries[0][:-1] == entries[1][:-1]
    assert raw.command("EXISTS", "{t}gone", "{t}old") == 0
    assert 0 < raw.command("PTTL", "{t}list") <= 1000000


def test_pipelines_of_scripts_and_commands_keep_their_order(server):
    """Each request of the pipeline says in a list when it ran; the far key comes up in the middle."""
    seed = random.randrange(1 << 30)
    dice = random.Random(seed)
    say = "redis.call('RPUSH', KEYS[1], ARGV[1]); if ARGV[2] then redis.call('RPUSH', ARGV[2], ARGV[1]) end"
    with server.connect() as connection:
        for round in range(20):
            script = say + f" -- {round}"
            expected = {}
            requests = [("EVAL", script, 1, "warm", 0)]
            for i in range(60):
                key, far = (f"l{dice.randrange(6)}:{round}" for _ in range(2))
                kind = dice.randrange(4)
                said = [key]
                if kind == 0:
                    requests.append(("RPUSH", key, i))
                elif kind == 1:
                    requests.append(("EVAL", script, 1, key, i))
                elif kind == 2:
                    requests.append(("EVAL", script, 1, key, i, far))
                    said.append(far)
                else:
                    requests.append(("EXISTS", key, far))
                    continue
                for name in said:
                    expected.setdefault(name, []).append(str(i).encode())
            connection.pipeline(requests)
            for key, said in expected.items():
                assert connection.command("LRANGE", key, 0, -1) == said, (seed, round, key)


def test_commands_behind_a_script_see_what_it_did(server, raw):
    sha = raw.command(
        "SCRIPT",
        "LOAD",
        "redis.call('SET', KEYS[1], ARGV[1]); if ARGV[2] ~= '' then redis.call('SET', ARGV[2], ARGV[1]) end",
    )
    raw.command("EVALSHA", sha, 1, "warm", 0, "")
    for i in range(100):
        near, far, value = f"near{i}", f"far{i}", str(i).encode()
        answers = raw.pipeline(
            [
                *(("EVALSHA", sha, 1, near, i, far), ("GET", near), ("GET", far), ("MGET", near, far)),
                *(("MULTI",), ("GET", far), ("EXEC",), ("RENAME", near, far + "x"), ("DBSIZE",)),
            ]
        )
        assert answers == [None, value, value, [value, value], "OK", "QUEUED", [value], "OK", 1 + 2 * (i + 1)]


@pytest.mark.parametrize("declared", [True, False], ids=["declared", "undeclared"])
def test_transfers_keep_their_sum(server, declared):
    """Accounts on all shards; scripts and transactions move amounts while others add them up."""
    accounts = [f"account{i}" for i in range(12)]
    names = "KEYS[1], KEYS[2]" if declared else "ARGV[2], ARGV[3]"
    transfer = f"""
    local from, to = {names}
    local amount = tonumber(ARGV[1])
    redis.call('DECRBY', from, amount)
    if tonumber(redis.call('GET', from)) < 0 then redis.call('INCRBY', from, amount) return 0 end
    redis.call('INCRBY', to, amount)
    return 1
    """
    sum_up = "local sum = 0 for i = 1, 12 do sum = sum + redis.call('GET', 'account' .. (i - 1)) end return sum"
    wrong, failures = [], []

    def move(seed):
        dice = random.Random(seed)
        with server.connect() as connection:
            for _ in range(150):
                pair = dice.sample(accounts, 2)
                amount = dice.randrange(1, 30)
                if declared:
                    connection.command("EVAL", transfer, 2, *pair, amount)
                else:
                    connection.command("EVAL", transfer, 1, dice.choice(accounts + pair), amount, *pair)

    def watch(script):
        with server.connect() as connection:
            for _ in range(150):
                if script:
                    total = connection.command("EVAL", sum_up, 0)
                else:
                    total = sum(int(value) for value in connection.command("MGET", *accounts))
                if total != 1200:
                    wrong.append(total)

    def guard(work, argument):
        try:
            work(argument)
        except Exception as failure:
            failures.append(failure)

    with server.connect() as connection:
        connection.command("MSET", *(word for account in accounts for word in (account, 100)))
    threads = [threading.Thread(target=guard, args=(move, seed)) for seed in range(4)]
    threads += [threading.Thread(target=guard, args=(watch, script)) for script in (True, False)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures
    assert not wrong


def test_queues_as_bullmq_names_them_stay_on_their_shards(server, raw):
    """Scripts whose undeclared keys all begin with the queue's prefix, for eight queues."""
    add = """
    local id = redis.call('INCR', KEYS[1])
    redis.call('HSET', ARGV[1] .. id, 'name', ARGV[2], 'data', '{}')
    redis.call('LPUSH', KEYS[2], id)
    redis.call('XADD', ARGV[1] .. 'events', 'MAXLEN', '~', 100, '*', 'event', 'waiting', 'jobId', id)
    return id
    """
    take = """
    local id = redis.call('RPOPLPUSH', KEYS[1], KEYS[2])
    if not id then return nil end
    redis.call('HSET', ARGV[1] .. id, 'processedOn', 1)
    redis.call('LREM', KEYS[2], -1, id)
    redis.call('ZADD', ARGV[1] .. 'completed', 1, id)
    return id
    """
    shas = [raw.command("SCRIPT", "LOAD", text) for text in (add, take)]
    before = counts(server)
    for i in range(20):
        for queue in range(8):
            prefix = f"bull:queue{queue}:"
            raw.command("EVALSHA", shas[0], 2, prefix + "id", prefix + "wait", prefix, "job")
            raw.command("EVALSHA", shas[1], 2, prefix + "wait", prefix + "active", prefix)
    for queue in range(8):
        assert raw.command("ZCARD", f"bull:queue{queue}:completed") == 20
    after = gained(server, before)
    if server.shards > 1:
        assert after["escalated"] == 0 and after["restarted"] == 0
        assert after["gathered"] <= 2
        assert after["local"] >= 2 * 8 * 20 - 2


def test_a_script_that_came_to_other_keys_once_is_tried_again_later(server, raw):
    if server.shards == 1:
        pytest.skip("nothing is out of reach")
    script = "redis.call('INCR', KEYS[1]); if ARGV[1] ~= '' then redis.call('INCR', ARGV[1]) end"
    sha = raw.command("SCRIPT", "LOAD", script)
    raw.command("EVALSHA", sha, 1, "k", "")
    far = [f"far{i}" for i in range(20)]
    for key in far:
        raw.command("EVALSHA", sha, 1, "k", key)
    before = counts(server)
    for _ in range(64):
        raw.command("EVALSHA", sha, 1, "k", "")
    assert 40 < gained(server, before)["gathered"] <= 64  # the last of the far keys may have been near
    before = counts(server)
    for _ in range(10):
        raw.command("EVALSHA", sha, 1, "k", "")
    assert gained(server, before) == {"local": 10, "gathered": 0, "escalated": 0, "restarted": 0}


def test_a_client_that_leaves_while_its_scripts_come_back(server, raw):
    script = "redis.call('INCR', KEYS[1]); redis.call('INCR', ARGV[1]); return 1"
    for i in range(50):
        with server.connect() as connection:
            connection.send_commands(("EVAL", script + f"-- {i}", 1, f"k{k}", f"f{k}") for k in range(20))
            if i % 2:
                connection.read()
    assert raw.command("EVAL", script, 1, "k", "f") == 1
