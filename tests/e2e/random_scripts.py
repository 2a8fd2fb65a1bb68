"""Random scripts over a few keys, whose replies and effects do not depend on time or on chance."""

KEYS = [f"key:{i}" for i in range(6)]
VALUES = ["1", "2", "10", "abc", "", "3.5"]


def key(dice):
    """Declared, named or computed."""
    return dice.choice(["KEYS[1]", "KEYS[2]", f"'{dice.choice(KEYS)}'", "'key:' .. ARGV[1]", f"'key:' .. {dice.randrange(6)}"])


def value(dice):
    return dice.choice([repr(dice.choice(VALUES)), str(dice.randrange(-5, 100)), "ARGV[2]", "n", "tostring(n)", "2^40"])


COMMANDS = [
    "'set', {k}, {v}", "'get', {k}", "'incr', {k}", "'incrby', {k}, {v}", "'append', {k}, {v}", "'del', {k}", "'exists', {k}, {k}",
    "'lpush', {k}, {v}, {v}", "'rpop', {k}", "'lrange', {k}, 0, -1", "'llen', {k}", "'hset', {k}, {v}, {v}", "'hget', {k}, {v}",
    "'hincrby', {k}, 'n', 2", "'hlen', {k}", "'sadd', {k}, {v}", "'scard', {k}", "'sismember', {k}, {v}", "'zadd', {k}, 5, {v}",
    "'zrange', {k}, 0, -1", "'zcard', {k}", "'zincrby', {k}, 2, {v}", "'type', {k}", "'strlen', {k}", "'mset', {k}, {v}, {k}, {v}",
    "'mget', {k}, {k}", "'rename', {k}, {k}", "'copy', {k}, {k}", "'getset', {k}, {v}", "'rpoplpush', {k}, {k}", "'ltrim', {k}, 0, 2",
    "'nosuch', {k}", "'get'", "'hset', {k}, {v}", "'persist', {k}", "'smove', {k}, {k}, {v}", "'sunionstore', {k}, {k}, {k}",
    "'setrange', {k}, 3, {v}", "'getrange', {k}, 0, 3", "'bitcount', {k}", "'dbsize'", "'ping'", "'zscore', {k}, {v}", "'object', 'help'",
]  # fmt: skip


def call(dice, protected):
    text = dice.choice(COMMANDS)
    while "{" in text:
        text = text.replace("{k}", key(dice), 1) if "{k}" in text else text.replace("{v}", value(dice), 1)
    return f"redis.{'pcall' if protected else 'call'}({text})"


def statement(dice, depth):
    kind = dice.randrange(10)
    if kind < 4:
        return f"out[#out + 1] = {call(dice, True)}"
    if kind == 4:
        return call(dice, dice.random() < 0.9)
    if kind == 5 and depth:
        return f"for i = 1, {dice.randrange(4)} do n = n + i\n{block(dice, depth - 1)}\nend"
    if kind == 6 and depth:
        return f"if n % 2 == 0 then\n{block(dice, depth - 1)}\nelse\n{block(dice, depth - 1)}\nend"
    if kind == 7:
        return f"out[#out + 1] = {{pcall(function() {dice.choice(['return ', ''])}{call(dice, False)} end)}}"
    if kind == 8:
        return f"local v = {call(dice, True)} out[#out + 1] = type(v) n = n + (tonumber(v) or 1)"
    return "n = n + 1"


def block(dice, depth):
    return "\n".join("do " + statement(dice, depth) + " end" for _ in range(dice.randrange(1, 4)))


def ending(dice):
    return dice.choice(
        ["return out", "return n", "return cjson.encode({n, #out})", "return {out, n}", "return out[1]", "return out[#out]",
         "error('end')", "error(redis.error_reply('MY end'))", "return " + call(dice, False), "return {err = 'E ' .. n}"]
    )  # fmt: skip


def command(dice):
    script = "local out, n = {}, 0\n" + block(dice, 2) + "\n" + block(dice, 2) + "\n" + ending(dice)
    read_only = dice.random() < 0.1
    keys = [dice.choice(KEYS), dice.choice(KEYS)]
    return ("EVAL_RO" if read_only else "EVAL", script, "2", *keys, str(dice.randrange(6)), dice.choice(VALUES))


def content(connection):
    """All that the keys hold."""
    readers = {"string": "GET", "list": "LRANGE", "hash": "HGETALL", "set": "SMEMBERS", "zset": "ZRANGE"}
    found = {}
    for name in KEYS:
        kind = str(connection.command("TYPE", name))
        if kind == "none":
            continue
        bounds = ("0", "-1") if kind in ("list", "zset") else ()
        got = connection.command(readers[kind], name, *bounds)
        found[name] = sorted(got) if kind in ("hash", "set") else got
    return found
