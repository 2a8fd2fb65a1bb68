"""Client-side caching: CLIENT TRACKING in all its modes."""

import random
import threading
import time

import pytest

import resp
from server import scaled, wait_until


def pushes(connection):
    """What has been pushed up to now: the answer to PING comes behind it."""
    connection.send(resp.encode("PING", "mark"))
    seen = []
    while True:
        reply = connection.read()
        if reply == b"mark":
            return seen
        seen.append(reply)


def told(connection, server):
    """The keys that the connection has been told of, once all shards have said what they had to."""
    with server.connect() as other:
        other("DBSIZE")
    keys = []
    for push in pushes(connection):
        assert isinstance(push, resp.Push) and push[0] == b"invalidate", push
        keys += push[1] if push[1] is not None else [None]
    return sorted(keys, key=str)


def test_a_key_that_was_read_is_told_of_once(server, raw, raw3):
    keys = [b"k%d" % i for i in range(20)]
    assert raw3("CLIENT TRACKING ON") == "OK"
    for key in keys[:10]:
        raw3.command("GET", key)
    raw3.command("MGET", *keys[10:])
    raw.command("MSET", *(item for key in keys for item in (key, "1")))
    assert told(raw3, server) == sorted(keys)
    raw.command("MSET", *(item for key in keys for item in (key, "2")))
    assert told(raw3, server) == []


@pytest.mark.parametrize(
    "read, change",
    [
        ("LRANGE k 0 -1", "LPUSH k a"),
        ("HGETALL k", "HSET k f v"),
        ("SMEMBERS k", "SADD k 1"),
        ("ZRANGE k 0 -1", "ZADD k 1 a"),
        ("XLEN k", "XADD k * f v"),
        ("EXISTS k", "SET k v"),
        ("TTL k", "SET k v EX 100"),
        ("TYPE k", "RENAME other k"),
        ("STRLEN k", "COPY other k"),
        ("GETBIT k 1", "SETBIT k 1 1"),
        ("SUNION a k", "SADD k 1"),
    ],
)
def test_reads_and_changes_of_all_types(server, raw, raw3, read, change):
    raw("SET other x")
    raw3("CLIENT TRACKING ON")
    raw3(read)
    raw(change)
    assert b"k" in told(raw3, server)


def test_a_write_that_changes_nothing_is_not_told_of(server, raw, raw3):
    raw("SADD s a")
    raw3("CLIENT TRACKING ON")
    raw3("SMEMBERS s")
    raw("SADD s a")
    raw("SREM s b")
    raw("DEL nosuch")
    raw("SET s x NX")
    assert told(raw3, server) == []


def test_expiry_and_flush_are_told_of(server, raw, raw3):
    raw3("CLIENT TRACKING ON")
    raw("SET k v PX 300")
    assert raw3("GET k") == b"v"
    assert raw3.read() == [b"invalidate", [b"k"]]
    raw3("GET k")
    raw("FLUSHDB")
    assert told(raw3, server) == [None]
    raw("SET k v")
    assert told(raw3, server) == []
    raw("FLUSHALL")
    assert told(raw3, server) == [None]


def test_own_writes_are_told_of_behind_their_answer_unless_noloop(server, raw3):
    raw3("CLIENT TRACKING ON")
    raw3("GET k")
    raw3.send(resp.encode("SET", "k", "1"))
    assert raw3.read() == "OK"
    assert raw3.read() == [b"invalidate", [b"k"]]
    raw3("CLIENT TRACKING ON NOLOOP")
    raw3("GET k")
    raw3("SET k 1")
    assert told(raw3, server) == []


def test_optin_and_optout(server, raw, raw3):
    raw3("CLIENT TRACKING ON OPTIN")
    raw3("GET a")
    assert raw3("CLIENT CACHING YES") == "OK"
    raw3("GET b")
    raw3("GET c")
    raw("MSET a 1 b 1 c 1")
    assert told(raw3, server) == [b"b"]
    raw3("CLIENT TRACKING OFF")
    raw3("CLIENT TRACKING ON OPTOUT")
    raw3("GET a")
    assert raw3("CLIENT CACHING NO") == "OK"
    raw3("GET b")
    raw3("GET c")
    raw("MSET a 1 b 1 c 1")
    assert told(raw3, server) == [b"a", b"c"]


def test_caching_holds_for_a_whole_transaction(server, raw, raw3):
    raw3("CLIENT TRACKING ON OPTIN")
    raw3("CLIENT CACHING YES")
    raw3("MULTI")
    raw3("GET a")
    raw3("MGET b c")
    raw3("EXEC")
    raw3("GET d")
    raw("MSET a 1 b 1 c 1 d 1")
    assert told(raw3, server) == [b"a", b"b", b"c"]


@pytest.mark.parametrize("option, wish, told_of", [("OPTIN", "YES", b"b"), ("OPTOUT", "NO", b"ac")])
def test_caching_within_a_transaction_ends_with_it(server, raw, raw3, option, wish, told_of):
    raw3("CLIENT TRACKING ON " + option)
    raw3("MULTI")
    raw3("GET a")
    raw3("CLIENT CACHING " + wish)
    raw3("GET b")
    raw3("CLIENT GETNAME")
    assert len(raw3("EXEC")) == 4
    raw3("CLIENT GETNAME")
    raw3("GET c")
    raw("MSET a 1 b 1 c 1")
    assert told(raw3, server) == [bytes([key]) for key in told_of]


def test_tracking_that_begins_in_a_transaction(server, raw, raw3):
    for options in ("", "BCAST PREFIX k"):
        raw3("CLIENT TRACKING OFF")
        raw3("MULTI")
        raw3("GET k0")
        raw3("CLIENT TRACKING ON " + options)
        raw3("GET k1")
        raw3("GET k2")
        assert raw3("EXEC")[1] == "OK"
        raw("SET k1 1")
        raw("SET k2 1")
        assert told(raw3, server) == [b"k1", b"k2"]


def test_what_a_script_reads_is_remembered(server, raw, raw3):
    raw3("CLIENT TRACKING ON")
    raw3.command("EVAL", "redis.call('GET', KEYS[1]) redis.call('SET', KEYS[2], 1)", "2", "{a}1", "{a}2")
    raw("SET {a}1 1")
    raw("SET {a}2 1")
    assert told(raw3, server) == [b"{a}1"]


def test_broadcast_by_prefixes(server, raw, raw3):
    assert raw3("CLIENT TRACKING ON BCAST PREFIX user: PREFIX job:") == "OK"
    raw("MSET user:1 1 user:2 1 job:1 1 other 1")
    assert told(raw3, server) == [b"job:1", b"user:1", b"user:2"]
    assert raw3("CLIENT TRACKING ON BCAST PREFIX z") == "OK"
    raw("SET z1 1")
    raw("DEL user:1")
    assert told(raw3, server) == [b"user:1", b"z1"]
    raw3("CLIENT TRACKING OFF")
    raw("SET z1 1")
    assert told(raw3, server) == []
    raw3("CLIENT TRACKING ON BCAST")
    raw("SET anything 1")
    assert told(raw3, server) == [b"anything"]


BROADCAST_CHANGES = [
    ["MULTI", "SET {t}b 1", "SET {t}a 1", "SET {t}b 2", "DEL {t}a", "EXEC"],
    ["MSET {t}z 1 {t}a 2 {t}z 3"],
    ["EVAL redis.call('set',KEYS[1],1);redis.call('del',KEYS[1]);redis.call('set',KEYS[2],2) 2 {t}q {t}c"],
    ["DEL {t}z {t}c {t}b {t}a"],
]


@pytest.mark.parametrize("prefixes", ["", "PREFIX {t}z PREFIX {t}a PREFIX {t}b PREFIX {t}c PREFIX {t}q"])
def test_broadcasts_name_each_key_once_and_in_order_as_redis_server_does(server, oracle, prefixes):
    with server.connect(protocol=3) as here, oracle.connect(protocol=3) as there:
        with server.connect() as writer, oracle.connect() as other:
            here(f"CLIENT TRACKING ON BCAST {prefixes}"), there(f"CLIENT TRACKING ON BCAST {prefixes}")
            for lines in BROADCAST_CHANGES:
                for line in lines:
                    writer(line), other(line)
                writer("DBSIZE")
                assert pushes(here) == pushes(there) != [], lines


def test_broadcast_of_own_writes(server, raw, raw3):
    raw3("CLIENT TRACKING ON BCAST NOLOOP")
    raw3("SET a 1")
    raw("SET b 1")
    assert told(raw3, server) == [b"b"]


def test_redirect_to_a_connection_of_any_shard(server, raw):
    readers = [server.connect() for _ in range(5)]
    listeners = [server.connect(protocol=3) for _ in range(5)]
    for i, (reader, listener) in enumerate(zip(readers, listeners)):
        number = listener("CLIENT ID")
        assert reader(f"CLIENT TRACKING ON REDIRECT {number}") == "OK"
        assert reader("CLIENT GETREDIR") == number
        reader(f"GET k{i}")
    for i, listener in enumerate(listeners):
        raw(f"SET k{i} 1")
        assert listener.read() == [b"invalidate", [b"k%d" % i]]
    for connection in readers + listeners:
        connection.close()


def test_a_redirect_that_breaks_is_told_of(server, raw, raw3):
    other = server.connect(protocol=3)
    number = other("CLIENT ID")
    raw3(f"CLIENT TRACKING ON REDIRECT {number}")
    raw3("GET k")
    other.close()
    wait_until(lambda: b"id=%d " % number not in raw("CLIENT LIST"))
    raw("SET k 1")
    assert raw3.read() == [b"tracking-redir-broken", number]
    assert raw3("CLIENT TRACKINGINFO")[b"flags"] == [b"on", b"broken_redirect"]


def test_replies_are_those_of_redis(server, oracle):
    script = """
        TRACKING|TRACKING x|TRACKING on bla|TRACKING on REDIRECT 0|TRACKING on REDIRECT x|TRACKING on REDIRECT 99999
        TRACKING on PREFIX|TRACKING on PREFIX a|TRACKING off PREFIX a|TRACKING on BCAST OPTIN|TRACKING on OPTIN OPTOUT
        TRACKING on BCAST PREFIX a PREFIX ab|TRACKING on BCAST PREFIX a PREFIX a|TRACKINGINFO|GETREDIR
        TRACKING on BCAST PREFIX foo PREFIX bar NOLOOP|TRACKING on BCAST PREFIX fo|TRACKINGINFO
        TRACKING on BCAST PREFIX zed|TRACKING on BCAST PREFIX foo|TRACKING on|TRACKINGINFO|GETREDIR
        TRACKING on BCAST|TRACKINGINFO|TRACKING off|TRACKINGINFO|GETREDIR|TRACKING on OPTIN|TRACKING on OPTOUT
        CACHING x|CACHING no|CACHING yes|TRACKINGINFO|TRACKING on NOLOOP|TRACKINGINFO|CACHING yes|TRACKING off
        CACHING yes|TRACKING on OPTOUT|CACHING yes|CACHING no|TRACKINGINFO|TRACKING on BCAST PREFIX x|CACHING
    """
    for protocol in (2, 3):
        with server.connect(protocol=protocol) as here, oracle.connect(protocol=protocol) as there:
            for line in script.replace("\n", "|").split("|"):
                if line.strip():
                    command = resp.encode("CLIENT", *line.split())
                    here.send(command)
                    there.send(command)
                    assert here.read_raw() == there.read_raw(), line


def track_prefixes(connection, names):
    """The first reply, and what TRACKINGINFO says. Redis may say OK, too, and begin, where the names overlap."""
    words = [word for name in names for word in ("PREFIX", name)]
    connection.send(resp.encode("CLIENT", "TRACKING", "ON", "BCAST", *words))
    reply = connection.read_raw()
    replies = pushes(connection)
    if b"another provided" in reply:
        assert replies in ([], ["OK"])
        assert connection("CLIENT TRACKING OFF") == "OK"
    return reply, connection("CLIENT TRACKINGINFO")


def test_prefixes_that_overlap_are_named_as_by_redis(server, oracle):
    seed = random.randrange(2**32)
    print("seed", seed)
    dice = random.Random(seed)
    with server.connect(protocol=3) as here, oracle.connect(protocol=3) as there:
        for _ in range(300):
            names = ["".join(dice.choices("ab%", k=dice.choice([0, 1, 3, 4, 4, 5]))) for _ in range(dice.randrange(1, 5))]
            if dice.random() < 0.1:
                assert here("CLIENT TRACKING OFF") == there("CLIENT TRACKING OFF") == "OK"
            assert track_prefixes(here, names) == track_prefixes(there, names), names


def test_many_prefixes_take_no_longer_each_than_few(server, raw3):
    """Were each compared with each other, it would take a minute."""
    count = scaled(150_000)

    def track(letter, *more):
        names = ["%s%d:" % (letter, i) for i in random.sample(range(count), count)] + list(more)
        return raw3.command("CLIENT", "TRACKING", "ON", "BCAST", *(word for name in names for word in ("PREFIX", name)))

    before = server.cpu_ticks()
    assert track("a") == "OK"
    assert "'a77:x' overlaps with an existing prefix 'a77:'" in track("b", "a77:x")
    assert "'b77:' overlaps with another provided prefix 'b77:x'" in track("b", "b77:x")
    assert len(raw3("CLIENT TRACKINGINFO")[b"prefixes"]) == count
    assert server.cpu_ticks() - before < 1500


def test_client_list_and_info_show_it(server, raw, raw3):
    number = raw3("CLIENT ID")
    raw3("CLIENT TRACKING ON BCAST PREFIX x PREFIX y")
    with server.connect(protocol=3) as reader:
        reader("CLIENT TRACKING ON")
        reader("MGET a b c")
        info = server.info()
        assert info["tracking_clients"] == "2"
        assert (info["tracking_total_keys"], info["tracking_total_items"]) == ("3", "3")
        assert info["tracking_total_prefixes"] == "2"
    lines = [line for line in raw("CLIENT LIST").splitlines() if line.startswith(b"id=%d " % number)]
    assert b" flags=tB " in lines[0] and b" redir=0 " in lines[0]
    raw3.close()
    wait_until(lambda: server.info()["tracking_total_prefixes"] == "0")
    assert server.info()["tracking_clients"] == "0"


def test_reset_ends_it(server, raw, raw3):
    raw3("CLIENT TRACKING ON BCAST")
    raw3("RESET")
    raw3("HELLO 3")
    raw("SET k 1")
    assert told(raw3, server) == []
    assert raw3("CLIENT TRACKINGINFO")[b"flags"] == [b"off"]


def test_the_table_is_limited(server, raw, raw3):
    keys = [b"k%d" % i for i in range(1000)]
    raw("CONFIG SET tracking-table-max-keys 100")
    raw3("CLIENT TRACKING ON")
    raw3.send(b"".join(resp.encode("GET", key) for key in keys))
    replies, forgotten = 0, []
    while replies < len(keys):
        reply = raw3.read()
        if isinstance(reply, resp.Push):
            forgotten += reply[1]
        else:
            replies += 1
    forgotten += told(raw3, server)
    left = int(server.info()["tracking_total_keys"])
    assert 1 <= left <= 100 + server.shards
    assert len(forgotten) == len(set(forgotten)) == len(keys) - left
    assert set(forgotten) < set(keys)


def test_resp2_without_redirection_is_told_nothing(server, raw):
    with server.connect() as reader:
        reader("CLIENT TRACKING ON")
        reader("GET k")
        raw("SET k 1")
        raw("FLUSHALL")
        assert reader("PING") == "PONG"


class Cache:
    """A client that keeps what it reads until it is told that it has changed."""

    def __init__(self, server, options):
        self.connection = server.connect(protocol=3)
        assert self.connection("CLIENT TRACKING ON " + options) == "OK"
        self.values = {}

    def _take(self, push):
        assert push[0] == b"invalidate"
        if push[1] is None:
            self.values.clear()
        for key in push[1] or []:
            self.values.pop(key, None)

    def read(self, keys):
        """A pipeline of reads of what it does not have."""
        missing = [key for key in keys if key not in self.values]
        self.connection.send(b"".join(resp.encode("GET", key) for key in missing))
        waiting = list(missing)
        while waiting:
            reply = self.connection.read()
            if isinstance(reply, resp.Push):
                self._take(reply)
            else:
                self.values[waiting.pop(0)] = reply

    def settle(self):
        for push in pushes(self.connection):
            self._take(push)


@pytest.mark.parametrize("options", ["", "BCAST", "BCAST PREFIX c:0 PREFIX c:1 PREFIX c:2", "NOLOOP"])
def test_no_cache_keeps_a_stale_value(server, options):
    keys = [b"c:%d%d" % (i % 3, i) for i in range(30)]
    stop = threading.Event()

    def write():
        with server.connect() as writer:
            number = 0
            while not stop.is_set():
                batch = random.sample(keys, 5)
                number += 1
                commands = [resp.encode("SET", key, str(number)) for key in batch[:2]]
                commands.append(resp.encode("MSET", batch[2], str(number), batch[3], str(number)))
                commands.append(resp.encode(*random.choice([("DEL", batch[4]), ("SET", batch[4], "x", "PX", "3")])))
                writer.send(b"".join(commands))
                for _ in commands:
                    writer.read()
                if number % 50 == 0:
                    writer("FLUSHALL")

    caches = [Cache(server, options) for _ in range(4)]
    writers = [threading.Thread(target=write) for _ in range(2)]
    for thread in writers:
        thread.start()
    for _ in range(scaled(300)):
        for cache in caches:
            cache.read(random.sample(keys, 8))
    stop.set()
    for thread in writers:
        thread.join()
    time.sleep(0.05)  # what has a deadline has died
    with server.connect() as reader:
        truth = dict(zip(keys, reader.command("MGET", *keys)))
    for cache in caches:
        cache.settle()
        stale = {key: (value, truth[key]) for key, value in cache.values.items() if value != truth[key]}
        assert not stale
        cache.connection.close()


def test_resp2_is_told_by_a_channel_of_another_connection(server, oracle):
    def seen(end):
        listener, reader, writer = (end.connect() for _ in range(3))
        number = listener("CLIENT ID")
        listener("SUBSCRIBE __redis__:invalidate")
        reader(f"CLIENT TRACKING ON REDIRECT {number}")
        reader("GET k")
        writer("SET k 1")
        messages = [listener.read()]
        reader("GET k")
        writer("FLUSHALL")
        messages.append(listener.read())
        for connection in (listener, reader, writer):
            connection.close()
        return messages

    assert seen(server) == seen(oracle)
