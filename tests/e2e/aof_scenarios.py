"""What is done to keys before it is looked whether the append-only file says the same: one function for each
kind of thing. Its keys begin with its name, so that a wrong one tells whose it is."""

import functools
import time

from server import wait_until

ALL, SEGMENTS_IN_ORDER = [], []


def scenario(function):
    ALL.append(function)
    return function


def of_whole_databases(function):
    """What empties or exchanges databases is in each shard's segment, about its own keys: redis-server, which loads
    one segment after the other, finds the same only in that of a single shard."""
    SEGMENTS_IN_ORDER.append(function)
    return function


def key_of(name):
    return lambda i: f"{name}:{i}"


def run(function, server):
    """Each command of the scenario must be accepted."""
    with server.connect() as connection:
        function(functools.partial(_do, connection), key_of(function.__name__), server)


def _do(connection, *words):
    answer = connection.command(*words)
    assert type(answer).__name__ != "Error", (words, answer)
    return answer


def later():
    return int(time.time() * 1000) + 1_000_000_000


@scenario
def strings(do, key, server):
    do("MSET", *(word for i in range(30) for word in (key(i), i)))
    do("SET", key(0), "a\r\nb\x00", "EX", 100000)
    do("SETEX", key(1), 50000, "x"), do("PSETEX", key(2), 50_000_123, b"\xff" * 70_000)
    do("SET", key(3), "x", "PXAT", later()), do("SET", key(3), "y", "KEEPTTL"), do("SET", key(3), "no", "NX")
    do("GETEX", key(4), "PX", 77_777_777), do("GETEX", key(3), "PERSIST"), do("GETDEL", key(5)), do("GETSET", key(6), "z")
    do("INCR", key(7)), do("INCRBY", key(7), -100), do("DECR", key(8)), do("INCRBYFLOAT", key(9), "0.1")
    do("APPEND", key(10), "tail"), do("SETRANGE", key(11), 100, "far"), do("APPEND", key("new"), "")
    do("MSETNX", key("n1"), 1, key("n2"), 2), do("MSETNX", key("n1"), 9, key("n3"), 9)
    do("SETBIT", key("bits"), 1000, 1), do("SETBIT", key("sparse"), 30_000_000, 1), do("SETBIT", key("sparse"), 5, 1)
    do("BITFIELD", key("field"), "SET", "u8", "#1", 200, "OVERFLOW", "FAIL", "INCRBY", "u8", "#1", 100, "INCRBY", "i5", 3, 7)
    do("BITOP", "XOR", key("xor"), key(10), key("bits"), key(12)), do("BITOP", "AND", key(13), key("none"), key("none2"))
    do("PFADD", key("h1"), *range(2000)), do("PFADD", key("h2"), "a", "b"), do("PFMERGE", key("h3"), key("h1"), key("h2"))
    do("PFCOUNT", key("h3"))
    do("RESTORE", key("restored"), 0, do("DUMP", key(0))), do("RESTORE", key("r2"), later(), do("DUMP", key(1)), "ABSTTL")
    do("DEL", *(key(i) for i in range(14, 20))), do("UNLINK", key(20), key("none"))


@scenario
def keys(do, key, server):
    for i in range(40):
        do("SET", key(i), i)
    for i in range(0, 20, 2):
        do("RENAME", key(i), key(f"renamed{i}"))
        do("RENAMENX", key(i + 1), key(f"renamed{i}")), do("RENAMENX", key(i + 1), key(f"again{i}"))
    do("RPUSH", key("list"), *range(300)), do("EXPIRE", key("list"), 5000)
    for i in range(20, 26):
        do("COPY", key("list"), key(i), "REPLACE"), do("COPY", key(i), key("list"))
    do("RPUSH", key("unsorted"), 3, 1, 2), do("SORT", key("unsorted"), "DESC", "STORE", key("sorted"))
    do("SORT", key("none"), "STORE", key(26)), do("TOUCH", key(1), key(2)), do("RENAME", key("list"), key("list"))


@scenario
def lists(do, key, server):
    for i in range(8):
        do("RPUSH", key(i), *(f"{i}.{j}" for j in range(200)), "x" * 9000)
    do("LPUSHX", key(0), "front"), do("RPUSHX", key("none"), 1), do("LSET", key(1), 7, "set"), do("LTRIM", key(2), 5, 50)
    do("LINSERT", key(3), "BEFORE", "3.7", "between"), do("LREM", key(4), 0, "4.9"), do("LPOP", key(5), 20), do("RPOP", key(5))
    for i in range(8):
        do("LMOVE", key(i), key((i + 1) % 8), "LEFT", "RIGHT"), do("RPOPLPUSH", key(i), key(i)), do("RPOPLPUSH", key(i), key("target"))
        do("LMPOP", 3, key("none"), key(i), key(0), "RIGHT", "COUNT", 3), do("BLMPOP", 1, 2, key("none"), key(i), "LEFT")
    do("RPUSH", key("short"), 1), do("LMOVE", key("short"), key("longer"), "LEFT", "LEFT"), do("LTRIM", key(6), 5, 1)


@scenario
def sets(do, key, server):
    do("SADD", key(0), *range(400)), do("SADD", key(1), *range(0, 5000, 3)), do("SADD", key(2), *(f"m{i}" for i in range(300)))
    do("SADD", key(3), "a", 1, "b"), do("SPOP", key(0)), do("SPOP", key(1), 100), do("SPOP", key(2), 250), do("SPOP", key(3), 5)
    for i in range(10):
        do("SMOVE", key(0), key(10 + i), do("SRANDMEMBER", key(0))), do("SMOVE", key(1), key(2), do("SRANDMEMBER", key(1)))
    do("SINTERSTORE", key("i"), key(0), key(1)), do("SUNIONSTORE", key("u"), key(0), key(1), key(2))
    do("SDIFFSTORE", key("d"), key(1), key(0)), do("SDIFFSTORE", key(11), key("none"), key(0)), do("SREM", key(1), *range(300))
    do("SADD", key("ints"), 1, 2, 3), do("SADD", key("ints"), 3), do("SADD", key("ints"), 2**40, "word")


@scenario
def sorted_sets(do, key, server):
    for i in range(4):
        do("ZADD", key(i), *(word for j in range(250) for word in (j * 1.1 - i, f"m{j}")))
    do("ZADD", key(0), "GT", "CH", 1, "m200", 1e9, "m1"), do("ZADD", key(0), "NX", 5, "m1"), do("ZADD", key(0), "INCR", "0.1", "m3")
    do("ZINCRBY", key(0), "-inf", "m4"), do("ZREM", key(1), "m1", "m2", "none"), do("ZPOPMIN", key(1), 10), do("ZPOPMAX", key(2))
    do("ZREMRANGEBYRANK", key(3), 0, 5), do("ZREMRANGEBYSCORE", key(3), "(10", 20), do("ZREMRANGEBYLEX", key(3), "[m8", "[m9")
    do("ZUNIONSTORE", key("u"), 3, key(0), key(1), key(2), "WEIGHTS", 1, 2, "0.3", "AGGREGATE", "MAX")
    do("ZINTERSTORE", key("i"), 2, key(0), key(1)), do("ZDIFFSTORE", key("d"), 2, key(2), key(3)), do("ZRANGESTORE", key("r"), key(0), 3, 70)
    do("ZMPOP", 2, key("none"), key(2), "MAX", "COUNT", 7), do("BZPOPMIN", key("none"), key(2), 1)
    do("GEOADD", key("g"), "13.361389", "38.115556", "Palermo", "15.087269", "37.502669", "Catania")
    do("GEOSEARCHSTORE", key("near"), key("g"), "FROMLONLAT", 15, 37, "BYRADIUS", 100, "km", "STOREDIST")
    do("ZADD", key("gone"), 1, "x"), do("ZREM", key("gone"), "x"), do("ZRANGESTORE", key("r2"), key("none"), 0, -1)


@scenario
def hashes(do, key, server):
    for i in range(4):
        do("HSET", key(i), *(word for j in range(10 + 200 * i) for word in (f"f{j}", "v" * (i * j % 90))))
    do("HDEL", key(0), *(f"f{j}" for j in range(10))), do("HINCRBY", key(1), "n", 5), do("HINCRBYFLOAT", key(1), "d", "0.3")
    do("HINCRBYFLOAT", key(1), "d", "1e-3"), do("HSETNX", key(1), "n", 1), do("HSETNX", key(1), "new", 1), do("HMSET", key(2), "a", "b")


@scenario
def streams(do, key, server):
    for i in range(3):
        ids = [do("XADD", key(i), "*", "n", j, f"f{j % 5}", "v" * j) for j in range(250)]
        do("XGROUP", "CREATE", key(i), "g", "0"), do("XGROUP", "CREATE", key(i), "late", "$", "ENTRIESREAD", 7)
        for consumer in "ab":
            do("XREADGROUP", "GROUP", "g", consumer, "COUNT", 20, "STREAMS", key(i), ">")
        do("XREADGROUP", "GROUP", "g", "silent", "NOACK", "COUNT", 3, "STREAMS", key(i), ">")
        do("XREADGROUP", "GROUP", "late", "finds nothing", "STREAMS", key(i), ">")
        do("XACK", key(i), "g", *ids[:5]), do("XCLAIM", key(i), "g", "c", 0, *ids[5:9], "IDLE", 1000, "RETRYCOUNT", 9)
        do("XCLAIM", key(i), "g", "c", 0, ids[100], "FORCE", "JUSTID"), do("XAUTOCLAIM", key(i), "g", "d", 0, "0", "COUNT", 4)
        do("XDEL", key(i), *ids[10:13]), do("XAUTOCLAIM", key(i), "g", "d", 0, ids[9], "COUNT", 6)
        do("XTRIM", key(i), "MAXLEN", "~", 150), do("XADD", key(i), "MINID", "=", ids[30], "*", "a", "b")
    do("XGROUP", "SETID", key(0), "g", ids[0]), do("XGROUP", "DELCONSUMER", key(1), "g", "a"), do("XGROUP", "DESTROY", key(2), "g")
    do("XGROUP", "CREATE", key("made"), "g", "$", "MKSTREAM"), do("XGROUP", "CREATECONSUMER", key("made"), "g", "me")
    do("XADD", key("exact"), "5-*", "a", "b"), do("XADD", key("exact"), "7-1", "a", "b"), do("XDEL", key("exact"), "7-1")
    do("XSETID", key("exact"), "9-9", "ENTRIESADDED", 20, "MAXDELETEDID", "8-1"), do("XADD", key("none"), "NOMKSTREAM", "*", "a", "b")
    do("XADD", key("empty"), "*", "a", "b"), do("XTRIM", key("empty"), "MAXLEN", 0)


@scenario
def deadlines(do, key, server):
    for i in range(12):
        do("RPUSH", key(i), i)
    do("EXPIRE", key(0), 1000), do("PEXPIRE", key(1), 1_000_001), do("EXPIREAT", key(2), later() // 1000), do("PEXPIREAT", key(3), later())
    do("EXPIRE", key(0), 10, "GT"), do("EXPIRE", key(0), 5000, "GT"), do("EXPIRE", key(4), 10, "XX"), do("EXPIRE", key(5), 999, "NX")
    do("PERSIST", key(5)), do("EXPIRE", key(6), -1), do("PEXPIREAT", key(7), 1)
    do("PEXPIRE", key(8), 40), do("SET", key("brief"), 1, "PX", 30), do("SADD", key("s"), 1), do("PEXPIRE", key("s"), 20)
    wait_until(lambda: do("EXISTS", key(8), key("brief"), key("s")) == 0)
    do("RPUSH", key(8), "anew"), do("SADD", key("s"), 2)
    do("PEXPIRE", key(9), 1), do("SET", key("seen late"), 1, "PX", 1), time.sleep(0.01), do("APPEND", key("seen late"), 2), do("RPUSH", key(9), 2)


@scenario
def databases(do, key, server):
    for db in range(16):
        do("SELECT", db), do("SET", key(db), db), do("SET", key("all"), db), do("RPUSH", key("list"), *range(db + 1))
    do("SELECT", 3), do("MOVE", key(3), 4), do("MOVE", key("all"), 5), do("COPY", key("list"), key("copied"), "DB", 9)
    do("COPY", key("list"), key("list"), "DB", 10, "REPLACE"), do("SELECT", 4), do("APPEND", key(4), "!"), do("MOVE", key(4), 3)


@scenario
def transactions(do, key, server):
    for round in range(5):
        do("MULTI"), do("SELECT", round), do("SET", key(round), 1), do("RPUSH", key("l"), round), do("INCR", key(round))
        do("LMOVE", key("l"), key(f"l{round}"), "LEFT", "LEFT"), do("SET", key(round + 1), "x", "PX", 90_000_000)
        do("SELECT", 7), do("INCR", key("seven")), do("LPUSH", key("seven"), "fails"), do("SPOP", key("none")), do("EXEC")
    do("SELECT", 0), do("SADD", key("s"), *range(100)), do("MULTI"), do("SPOP", key("s"), 30), do("GET", key(0)), do("EXEC")
    do("MULTI"), do("SET", key(0), "not done"), do("DISCARD"), do("MULTI"), do("DEL", key("s")), do("SADD", key("s"), 1), do("EXEC")


SPREAD = """
for i = 1, 10 do
    redis.call('RPUSH', ARGV[1] .. i, i)
    redis.call('SADD', ARGV[1] .. 's' .. i, 'a', 'b', 'c', 'd')
    redis.call('SPOP', ARGV[1] .. 's' .. i, 2)
    redis.call('SET', ARGV[1] .. 't' .. i, 'v', 'PX', 80000000)
end
redis.call('SELECT', 2)
redis.call('INCR', ARGV[1] .. 'two')
return redis.call('LMOVE', ARGV[1] .. 1, ARGV[1] .. 2, 'LEFT', 'RIGHT')
"""


@scenario
def scripts(do, key, server):
    do("EVAL", "redis.call('SET', KEYS[1], redis.call('TIME')[1]) redis.call('INCRBYFLOAT', KEYS[2], '0.5')", 2, key(0), key(1))
    for round in range(3):
        do("EVAL", SPREAD, 0, key(f"u{round}.")), do("EVAL", SPREAD, 1, key(f"v{round}.1"), key(f"v{round}."))
    do("EVAL", "redis.call('SADD', KEYS[1], 1, 2, 3) redis.pcall('SPOP', KEYS[1], 'x') return 1", 1, key(2))
    do("EVAL", "redis.call('SET', KEYS[1], 1) pcall(redis.call, 'LPUSH', KEYS[1], 1) redis.call('INCR', KEYS[1])", 1, key(3))
    do("EVAL", "return redis.pcall('EVAL', '', 0) and redis.call('MSET', KEYS[1], 1, KEYS[2], 2)", 2, key(4), key(5))
    with server.connect() as connection:  # an error does not take back what the script had done
        connection.command("EVAL", "redis.call('SET', KEYS[1], 'stays') redis.call('SET', ARGV[1], 'stays') error('end')", 1, key(6), key(7))
    do("EVAL", "for i = 1, 20 do redis.call('SET', ARGV[1] .. i, math.random(1000)) end", 0, key("random"))


@scenario
def functions(do, key, server):
    code = "#!lua name=%s\nredis.register_function('%s', function(keys, args) redis.call('SET', keys[1], args[1]) return redis.call('INCR', args[2]) end)"
    for name in ("one", "two", "three"):
        do("FUNCTION", "LOAD", code % (name, name))
        do("FCALL", name, 1, key(name), "v", key(f"{name} undeclared"))
    do("FUNCTION", "LOAD", "REPLACE", code % ("two", "second")), do("FUNCTION", "DELETE", "three"), do("FCALL", "second", 1, key(2), 2, key(3))


@scenario
def waiting(do, key, server):
    """What was waiting when something came is as if it had come then."""
    commands = [
        (("BLPOP", key("a"), 0), ("RPUSH", key("a"), 1, 2, 3)),
        (("BRPOPLPUSH", key("b"), key("b target"), 0), ("RPUSH", key("b"), 1, 2, 3)),
        (("BLMOVE", key("c"), key("c target"), "RIGHT", "LEFT", 0), ("RPUSH", key("c"), 1)),
        (("BLMPOP", 0, 2, key("none"), key("d"), "LEFT", "COUNT", 2), ("RPUSH", key("d"), 1, 2, 3)),
        (("BZPOPMAX", key("e"), 0), ("ZADD", key("e"), 1, "a", 2, "b")),
        (("BZMPOP", 0, 1, key("f"), "MIN", "COUNT", 5), ("ZADD", key("f"), 1, "a", 2, "b")),
        (("XREADGROUP", "GROUP", "g", "me", "BLOCK", 0, "STREAMS", key("x"), ">"), ("XADD", key("x"), "*", "a", "b")),
        (("BLPOP", key("h"), 0), ("EVAL", "redis.call('RPUSH', ARGV[1], 1, 2)", 0, key("h"))),
        (("BLMOVE", key("i"), key("a"), "LEFT", "LEFT", 0), ("RENAME", key("d"), key("i"))),
    ]
    do("XGROUP", "CREATE", key("x"), "g", "$", "MKSTREAM")
    for wait, push in commands:
        with server.connect() as waiter:
            waiter.send_commands([wait])
            wait_until(lambda: int(server.info("clients")["blocked_clients"]) == 1)
            do(*push)
            assert type(waiter.read()).__name__ != "Error", wait


@of_whole_databases
def emptied(do, key, server):
    do("SELECT", 11), do("SET", key(1), 1), do("FLUSHDB"), do("SET", key(2), 1)
    do("SELECT", 12), do("MULTI"), do("SET", key(3), 1), do("FLUSHDB"), do("SET", key(4), 1), do("EXEC")
    do("EVAL", "redis.call('SELECT', 13) redis.call('SET', ARGV[1], 1) redis.call('FLUSHDB') redis.call('SET', ARGV[2], 1)", 0, key(5), key(6))


@of_whole_databases
def exchanged(do, key, server):
    do("SELECT", 14), do("MSET", *(word for i in range(9) for word in (key(i), i))), do("SWAPDB", 14, 15), do("SET", key(1), "x")
    do("SELECT", 15), do("SET", key(2), "y"), do("SWAPDB", 15, 14), do("SWAPDB", 15, 14), do("DEL", key(3))
