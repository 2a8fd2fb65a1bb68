"""Keys of every type, small and large, for what reads or writes files."""

# Settings with which redis-server keeps small values in large encodings, too.
SMALL = {f"{kind}-max-listpack-{what}": "2" for kind in ("hash", "zset") for what in ("entries", "value")}
SMALL |= {"set-max-intset-entries": "2", "list-max-listpack-size": "2", "stream-node-max-entries": "3"}


def fill_collections(client, dice, words):
    """Of one, five and 700 members, some of which are one of the words, but the first."""
    for size in (1, 5, 700):
        members = [dice.choice(words[1:]) if dice.random() < 0.1 else f"member:{dice.random()}" for _ in range(size)]
        client.rpush(f"list:{size}", *members)
        client.sadd(f"set:{size}", *members)
        client.sadd(f"intset:{size}", *range(-size, size * 70_000, 70_000))
        client.zadd(f"zset:{size}", {f"m{i}": dice.choice([i, 1.5 * i, -i, float("inf")]) for i in range(size)})
        client.hset(f"hash:{size}", mapping={member: dice.choice(words) for member in members})
        for i in range(size):
            client.xadd(f"stream:{size}", {"field": i, "other": dice.choice(words)}, id=f"{i + 1}-{dice.randrange(9)}")
