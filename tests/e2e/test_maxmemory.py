"""maxmemory: what is refused, what goes instead, and that all shards together keep to one limit."""

import random
import time

import pytest

import resp
from server import SANITIZED, Server, scaled, wait_until

OOM = "OOM command not allowed when used memory > 'maxmemory'."
POLICIES = [f"{scope}-{how}" for scope in ("allkeys", "volatile") for how in ("lru", "lfu", "random")] + ["volatile-ttl"]
ROOM = 2 << 20


def set_limit(raw, policy, room=ROOM):
    """The limit: so much more than is in use."""
    assert raw.command("CONFIG", "SET", "maxmemory-policy", policy) == "OK"
    used = rested_memory(raw)
    assert raw.command("CONFIG", "SET", "maxmemory", used + room) == "OK"
    return used + room


def figures(raw, section="all"):
    lines = raw.command("INFO", section).decode().splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


def used_memory(raw):
    return int(figures(raw, "memory")["used_memory"])


def rested_memory(raw):
    """In use when what tests before have left is freed, which goes on behind the answer to FLUSHALL."""
    before, now = None, used_memory(raw)
    while before is None or now < before:
        time.sleep(0.05)
        before, now = now, used_memory(raw)
    return now


def fill(raw, count, prefix="key", bytes=400, deadline=None):
    """Sets keys in pipelines of 100; returns how many were refused."""
    refused = 0
    for first in range(0, count, 100):
        names = [f"{prefix}:{i}" for i in range(first, min(first + 100, count))]
        options = ["EX", deadline] if deadline else []
        for reply in raw.pipeline([["SET", name, "x" * random.randrange(bytes), *options] for name in names]):
            assert reply in ("OK", OOM)
            refused += reply == OOM
    return refused


# What is refused.


def test_without_memory_what_may_need_some_is_refused(raw):
    raw("SET string 1")
    raw("RPUSH list a")
    raw("CONFIG SET maxmemory 1")
    for command in ("SET a b", "MSET a b c d e f g h i j", "INCR string", "APPEND string x", "LPUSH list x", "SADD set x",
                    "HSET hash f v", "ZADD zset 1 x", "XADD stream * f v", "SETBIT bits 7 1", "PFADD hll x",
                    "BLMOVE list other left right 0", "RPOPLPUSH list other", "COPY string other", "SORT list STORE x",
                    "MSETNX y 1 z 1", "BITOP not other string", "SUNIONSTORE other set"):  # fmt: skip
        assert raw(command) == OOM, command
    assert raw("GET string") == b"1" and raw("LRANGE list 0 -1") == [b"a"]
    assert raw("EXPIRE string 100") == 1 and raw("LPOP list") == b"a" and raw("RENAME string other") == "OK"
    assert raw("DEL other") == 1 and raw("DBSIZE") == 0
    raw("CONFIG SET maxmemory 0")
    assert raw("SET a b") == "OK"


def test_what_is_refused_is_counted_and_not_run(raw):
    raw("CONFIG SET maxmemory 1")
    raw("CONFIG RESETSTAT")
    for _ in range(3):
        assert raw("SET a b") == OOM
    raw("CONFIG SET maxmemory 0")
    info = figures(raw)
    assert info["cmdstat_set"].startswith("calls=0,") and "rejected_calls=3,failed_calls=0" in info["cmdstat_set"]
    assert info["errorstat_OOM"] == "count=3"
    assert info["evicted_keys"] == "0"
    assert int(info["total_eviction_exceeded_time"]) >= 0 and info["current_eviction_exceeded_time"] == "0"


def test_a_limit_that_is_exceeded_is_timed(raw):
    raw("CONFIG SET maxmemory 1")
    raw("SET a b")
    time.sleep(0.1)
    assert int(figures(raw, "stats")["current_eviction_exceeded_time"]) >= 50
    raw("CONFIG SET maxmemory 0")
    info = figures(raw, "stats")
    assert info["current_eviction_exceeded_time"] == "0" and int(info["total_eviction_exceeded_time"]) >= 50


def test_transactions_take_no_memory_either(raw):
    raw("CONFIG SET maxmemory 1")
    assert raw("MULTI") == "OK"
    assert raw("SET a b") == OOM
    assert raw("GET a") == OOM  # a queue takes memory whatever is in it
    assert raw("EXEC") == "EXECABORT Transaction discarded because of previous errors."
    assert raw("MULTI") == "OK" and raw("DISCARD") == "OK"


def test_a_transaction_that_was_queued_before_is_refused_as_a_whole(server, raw):
    raw("SET watched 1")
    raw("WATCH watched")
    raw("MULTI")
    for name in "abcdef":
        assert raw(f"SET {name} 1") == "QUEUED"
    with server.connect() as other:
        other("CONFIG SET maxmemory 1")
    wait_until(lambda: raw_is_over(server))
    assert raw("EXEC") == f"EXECABORT Transaction discarded because of: {OOM}"
    assert raw("EXEC") == "ERR EXEC without MULTI"
    assert raw("DBSIZE") == 1


def raw_is_over(server):
    with server.connect() as other:
        return all(other(f"SET probe{i} x") == OOM for i in range(20))


def test_one_that_only_reads_or_removes_is_executed(server, raw):
    raw("SET a 1")
    raw("MULTI")
    raw("GET a")
    raw("DEL a")
    with server.connect() as other:
        other("CONFIG SET maxmemory 1")
    wait_until(lambda: raw_is_over(server))
    assert raw("EXEC") == [b"1", 1]


def test_scripts(server, raw):
    """Whether the key is on the script's shard or not."""
    raw("SET here 1")
    raw("CONFIG SET maxmemory 1")
    assert wait_until(lambda: raw_is_over(server))
    write = "return redis.call('set', KEYS[1] or 'a', 'b')"
    for keys in ([0], [1, "here"], [1, "there"]):
        reply = raw.command("EVAL", write, *keys)
        assert reply.startswith(OOM + " script: ") and reply.endswith(", on @user_script:1.")
    assert raw.command("EVAL", "return redis.pcall('set', KEYS[1], 'b').err", 1, "here").decode() == OOM
    assert raw.command("EVAL", "return redis.call('get', KEYS[1])", 1, "here") == b"1"
    # Once it has written nothing stops it: it would be done by half.
    assert raw.command("EVAL", "redis.call('del', KEYS[1]) return redis.call('set', KEYS[1], '2')", 1, "here") == "OK"
    assert raw.command("EVAL", "#!lua\nreturn 1", 0) == OOM
    assert raw.command("EVAL", "#!lua flags=no-writes\nreturn redis.call('get', KEYS[1])", 1, "here") == b"2"
    assert raw.command("EVAL", "#!lua flags=allow-oom\nreturn redis.call('set', KEYS[1], '3')", 1, "here") == "OK"
    library = "#!lua name=l\nredis.register_function('f', function() return 1 end)"
    raw("CONFIG SET maxmemory 0")
    assert raw.command("FUNCTION", "LOAD", "REPLACE", library) == b"l"
    raw("CONFIG SET maxmemory 1")
    assert wait_until(lambda: raw_is_over(server))
    assert raw("FCALL f 0") == OOM
    raw("CONFIG SET maxmemory 0")
    raw("FUNCTION FLUSH")


def test_the_order_of_a_pipeline_holds(raw):
    replies = raw.pipeline([["SET", "a", "1"], ["CONFIG", "SET", "maxmemory", "1"], ["GET", "a"]])
    assert replies == ["OK", "OK", b"1"]
    assert raw("SET a 2") == OOM


# What goes.


@pytest.mark.parametrize("policy", POLICIES)
def test_memory_stays_at_the_limit(raw, policy):
    limit = set_limit(raw, policy)
    raw("CONFIG RESETSTAT")
    deadline = 1000 if policy.startswith("volatile") else None
    for lap in range(3):
        assert fill(raw, 10000, f"{policy}:{lap}", deadline=deadline) == 0
        # Besides what the reply to INFO takes there is what each shard may use without looking.
        assert used_memory(raw) < limit + limit // 50
    info = figures(raw)
    keys, evicted = int(info["db0"].split(",")[0].split("=")[1]), int(info["evicted_keys"])
    assert evicted > 0 and keys + evicted == 3 * 10000
    assert used_memory(raw) > limit - limit // 4  # no more went than had to


def test_noeviction_keeps_everything(raw):
    raw("CONFIG RESETSTAT")
    limit = set_limit(raw, "noeviction")
    refused = fill(raw, 10000)
    assert 0 < refused == 10000 - raw("DBSIZE")
    assert used_memory(raw) < limit + limit // 20
    assert figures(raw)["evicted_keys"] == "0"
    raw("FLUSHALL")
    wait_until(lambda: raw("SET a b") == "OK")


@pytest.mark.parametrize("policy", [policy for policy in POLICIES if policy.startswith("volatile")])
def test_volatile_policies_leave_what_has_no_deadline(raw, policy):
    raw.command("CONFIG", "SET", "maxmemory-policy", policy)
    for i in range(100):
        raw.command("SET", f"keep:{i}", "x")
    set_limit(raw, policy, room=1 << 20)
    assert fill(raw, 5000, "volatile", deadline=1000) == 0
    assert fill(raw, 8000, "lasting") > 0  # when all that has a deadline is gone
    assert raw.command("EXISTS", *[f"keep:{i}" for i in range(100)]) == 100
    assert figures(raw, "keyspace")["db0"].split(",")[1] == "expires=0"


def test_the_policy_can_be_changed_while_nothing_fits(raw):
    set_limit(raw, "noeviction", room=1 << 20)
    assert fill(raw, 5000) > 0
    raw("CONFIG SET maxmemory-policy allkeys-random")
    assert wait_until(lambda: fill(raw, 100, "more") == 0)


def test_the_first_to_expire_goes_first(raw):
    for i in range(1000):
        raw.command("SET", f"soon:{i}", "x" * 300, "EX", 100 + i % 10)
        raw.command("SET", f"late:{i}", "x" * 300, "EX", 100000 + i % 10)
    set_limit(raw, "volatile-ttl", room=-100000)
    wait_until(lambda: int(figures(raw, "stats")["evicted_keys"]) > 100)
    assert raw.command("EXISTS", *[f"late:{i}" for i in range(1000)]) == 1000


def test_what_was_not_used_for_long_goes_first(raw, dumped):
    for i in range(4000):
        raw.command("RESTORE", f"key:{i}", 0, dumped, "REPLACE", "IDLETIME", 1000 + (i % 2) * 100000)
    set_limit(raw, "allkeys-lru", room=-200000)
    wait_until(lambda: used_memory(raw) < int(raw("CONFIG GET maxmemory")[1]))
    old = raw.command("EXISTS", *[f"key:{i}" for i in range(1, 4000, 2)])
    young = raw.command("EXISTS", *[f"key:{i}" for i in range(0, 4000, 2)])
    assert 2000 - old > 300 and young > 1980


@pytest.fixture
def dumped(raw):
    """The payload of a string of 300 bytes, to be restored as if it had been used in some way."""
    raw.command("SET", "dumped", "x" * 300)
    payload = raw("DUMP dumped")
    raw("DEL dumped")
    return payload


def test_what_is_used_seldom_goes_first(raw, dumped):
    raw("CONFIG SET maxmemory-policy allkeys-lfu")
    for i in range(4000):
        raw.command("RESTORE", f"key:{i}", 0, dumped, "REPLACE", "FREQ", 200 if i % 2 else 3)
    set_limit(raw, "allkeys-lfu", room=-200000)
    wait_until(lambda: used_memory(raw) < int(raw("CONFIG GET maxmemory")[1]))
    seldom = raw.command("EXISTS", *[f"key:{i}" for i in range(0, 4000, 2)])
    often = raw.command("EXISTS", *[f"key:{i}" for i in range(1, 4000, 2)])
    assert 2000 - seldom > 300 and often > 1980


def test_all_databases_are_evicted_from(raw):
    set_limit(raw, "allkeys-random", room=1 << 20)
    for lap in range(20):
        for db in range(4):
            raw.command("SELECT", db)
            assert fill(raw, 200, f"key:{lap}") == 0
    counts = [int(figures(raw, "keyspace")[f"db{db}"].split(",")[0].split("=")[1]) for db in range(4)]
    assert all(0 < count < 4000 for count in counts)
    raw("SELECT 0")


def test_a_large_value_is_counted_until_it_is_freed(raw):
    """Evicting it is one step, and freeing it many: no more goes because of that.

    64 samples of so few keys have it among them long before a hundred others are gone.
    """
    for first in range(0, 200000, 1000):
        raw.command("SADD", "large", *[f"member-{i}" for i in range(first, first + 1000)])
    raw.command("RESTORE", "large", 0, raw("DUMP large"), "REPLACE", "IDLETIME", 1000000)
    fill(raw, 400, "small")
    wait_until(lambda: figures(raw, "memory")["lazyfree_pending_objects"] == "0")
    raw("CONFIG SET maxmemory-samples 64")
    set_limit(raw, "allkeys-lru", room=-1000000)
    wait_until(lambda: used_memory(raw) < int(raw("CONFIG GET maxmemory")[1]))
    assert wait_until(lambda: figures(raw, "memory")["lazyfree_pending_objects"] == "0")
    assert raw("EXISTS large") == 0 and raw("DBSIZE") > 300


# Who hears of it.


def test_it_is_told_and_watched(server, raw):
    raw("CONFIG SET notify-keyspace-events Ee")
    raw("SET victim x EX 1000")
    with server.connect() as listener, server.connect(protocol=3) as reader, server.connect() as watcher:
        listener("SUBSCRIBE __keyevent@0__:evicted")
        reader("CLIENT TRACKING ON")
        reader("GET victim")
        watcher("WATCH victim")
        raw("CONFIG SET maxmemory-policy volatile-ttl maxmemory 1")
        assert listener.read() == [b"message", b"__keyevent@0__:evicted", b"victim"]
        assert reader.read() == [b"invalidate", [b"victim"]]
        raw("CONFIG SET maxmemory 0")
        watcher("MULTI")
        assert watcher("PING") == "QUEUED"
        assert watcher("EXEC") is None


def test_nothing_goes_while_clients_are_paused(server, raw):
    fill(raw, 2000)
    with server.connect() as admin:
        admin("CLIENT PAUSE 60000 WRITE")
        set_limit(raw, "allkeys-random", room=-200000)
        time.sleep(0.1)
        assert raw("DBSIZE") == 2000
        admin("CLIENT UNPAUSE")
    wait_until(lambda: raw("DBSIZE") < 2000)


# One limit for all shards.


def test_the_shard_that_uses_most_makes_room(server, raw):
    """All keys of one tag lie on one shard; others are small."""
    fill(raw, 500, "small", bytes=50)
    fill(raw, 4000, "{one}", bytes=1000)
    raw("CONFIG RESETSTAT")
    limit = set_limit(raw, "allkeys-random", room=0)
    with server.connect() as other:
        assert fill(other, 1000, "small-too", bytes=50) == 0
    wait_until(lambda: used_memory(raw) < limit + limit // 50)
    raw("CONFIG SET maxmemory 0")  # the question takes memory, too
    tagged = [f"{{one}}:{i}" for i in range(4000)]
    gone = 4000 - raw.command("EXISTS", *tagged)
    evicted = int(figures(raw, "stats")["evicted_keys"])
    assert evicted > 0 and gone > evicted * 3 // 5, (gone, evicted)


def test_a_shard_without_volatile_keys_writes_while_others_can_evict(server, raw):
    """{one} and {two} may lie on two shards; what lies on the one has to go for the sake of the other, as soon as its
    shard comes to it: it may not before all of {two} is written, where the machine has other things to do."""
    assert fill(raw, 3000, "{one}", deadline=1000) == 0
    limit = set_limit(raw, "volatile-lru", room=0)
    assert fill(raw, 1000, "{two}") == 0
    wait_until(lambda: used_memory(raw) < limit + limit // 50)
    assert 1000 < raw("DBSIZE") < 4000
    wait_until(lambda: fill(raw, 10000, "{two}") > 0)
    wait_until(lambda: figures(raw, "keyspace")["db0"].split(",")[1] == "expires=0")


def test_a_shard_that_has_nothing_to_evict_waits_for_others_so_long(start):
    """While a script runs {one} can't go, and each megabyte goes to the other shard."""
    script = "if ARGV[1] == 'warm' then return 1 end while true do end"
    options = ["--busy-reply-threshold", 50, "--maxmemory-policy", "volatile-lru"]
    expected = [r"WARNING: .* maxmemory value ", "Slow script detected: "]
    server = start("--shards", 2, "--save", "", *options, expected=expected)
    with server.connect() as raw, server.connect() as other:
        assert fill(raw, 3000, "{one}", bytes=20000, deadline=1000) == 0
        assert raw.command("EVAL", script, 1, "{one}", "warm") == 1
        limit = set_limit(raw, "volatile-lru", room=0)
        raw.send_commands([["EVAL", script, 1, "{one}", "go"]])
        time.sleep(0.3)
        answers = [other.command("SET", f"{{two}}:{i}", "x" * 1_000_000) for i in range(40)]
        assert answers[:15] == ["OK"] * 15 and answers[20:] == [OOM] * 20
        assert other("SCRIPT KILL") == "OK"
        assert "killed by user" in raw.read()
        wait_until(lambda: other.command("SET", "{two}:0", "x") == "OK")
        wait_until(lambda: used_memory(other) < limit + limit // 50)


def test_a_limit_far_below_what_is_in_use_is_reached_step_by_step(raw):
    fill(raw, scaled(20000))
    limit = set_limit(raw, "allkeys-lru", room=-3_000_000 if scaled(20000) == 20000 else -300_000)
    wait_until(lambda: used_memory(raw) < limit + limit // 50)
    assert raw("DBSIZE") > 0


def test_a_command_over_several_shards_is_executed_or_refused_as_a_whole(server, raw):
    """Where memory runs short between two commands, and where it is given back."""
    set_limit(raw, "noeviction", room=1 << 20)
    names = [f"m{i}" for i in range(20)]
    for lap in range(300):
        pairs = [text for name in names for text in (name, f"{lap}:" + "x" * 500)]
        reply = raw.command("MSET", *pairs)
        seen = {value.split(b":")[0] if value else None for value in raw.command("MGET", *names)}
        assert len(seen) == 1, (reply, seen)
        assert (reply == "OK") == (seen == {str(lap).encode()}), reply
        if fill(raw, 100, f"fill:{lap}") > 0 and lap % 2:
            raw.command("DEL", *[f"fill:{lap - 1}:{i}" for i in range(100)], *[f"fill:{lap}:{i}" for i in range(100)])


def test_the_warning(start):
    server = start("--shards", 2, expected=[r"WARNING: .* maxmemory value "])
    with server.connect() as raw:
        raw.command("CONFIG", "SET", "maxmemory", "20000")
        wait_until(lambda: "smaller than the current memory usage" in server.log())
        assert "less than 1MB (current value is 20000 bytes)" in server.log()
        assert server.log().count("smaller than the current memory usage") == 1


def test_the_setting_in_the_file_is_in_force_at_once(start):
    server = start("--shards", 2, "--maxmemory", "100kb", expected=[r"WARNING: .* maxmemory value "])
    with server.connect() as raw:
        assert raw.command("SET", "a", "b") == OOM
        assert raw("CONFIG GET maxmemory") == [b"maxmemory", b"102400"]
    server = start("--shards", 2, "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru")
    with server.connect() as raw:
        assert raw.command("SET", "a", "b") == "OK"
        assert figures(raw, "memory")["maxmemory_human"] == "100.00M"


@pytest.mark.parametrize("shards", (1, 3))
def test_what_has_gone_is_journaled(start, shards):
    """A stock redis-server, or this one, that reads the append-only file has the keys that were left."""
    server = start("--shards", shards, "--appendonly", "yes", expected=[r"WARNING: .* maxmemory value "])
    with server.connect() as raw:
        limit = set_limit(raw, "allkeys-lru", room=1 << 20)
        assert fill(raw, 8000) == 0
        assert used_memory(raw) - int(figures(raw, "memory")["mem_not_counted_for_evict"]) < limit + limit // 20
        raw("CONFIG SET maxmemory 0")
        left = sorted(raw("KEYS *"))
    assert 0 < len(left) < 8000
    server.stop(expected=[r"WARNING: .* maxmemory value "])
    oracle = Server(server.folder, "--appendonly", "yes", "--save", "", "--bind", "127.0.0.1", binary="redis-server")
    try:
        oracle.start()
        with oracle.connect() as raw:
            wait_until(lambda: not isinstance(raw("DBSIZE"), resp.Error))
            assert sorted(raw("KEYS *")) == left
    finally:
        oracle.kill()


@pytest.mark.skipif(SANITIZED, reason="a sanitizer keeps what is freed")
@pytest.mark.parametrize("shards", (1, 2))
@pytest.mark.parametrize("how", ("DEL", "FLUSHALL"))
def test_memory_goes_back_to_the_system(start, shards, how):
    server = start("--shards", shards, "--save", "")
    with server.connect() as raw:
        before = server.resident_bytes()
        assert fill(raw, 100_000, bytes=2000) == 0
        full = server.resident_bytes()
        assert full - before > 100_000_000
        if how == "FLUSHALL":
            raw("FLUSHALL")
        else:
            for first in range(0, 100_000, 1000):
                raw.command("DEL", *[f"key:{i}" for i in range(first, first + 1000)])
        wait_until(lambda: used_memory(raw) < 5_000_000)
        wait_until(lambda: raw("PING") and server.resident_bytes() - before < (full - before) // 4)
        assert float(figures(raw, "memory")["mem_fragmentation_ratio"]) > 1
