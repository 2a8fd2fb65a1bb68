"""redis-py: pipelines, transactions, locks (which are scripts), pub/sub and streams by many threads."""

import collections
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis
from redis.lock import Lock

URL = f"redis://127.0.0.1:{os.environ['SHOAL_PORT']}/0"


@pytest.fixture
def r():
    client = redis.Redis.from_url(URL, decode_responses=True)
    client.flushall()
    yield client
    client.close()


def in_threads(count, work):
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(work, range(count)))


def test_transfers_by_watched_transactions_keep_their_sum(r):
    accounts = [f"account:{at}" for at in range(8)]
    r.mset(dict.fromkeys(accounts, 100))
    sums, stop = set(), threading.Event()

    def watch_sum():
        with redis.Redis.from_url(URL) as reader:
            while not stop.is_set():
                sums.add(sum(map(int, reader.mget(accounts))))

    def transfer(number):
        with redis.Redis.from_url(URL) as client:
            for at in range(200):
                source, target = accounts[(at * 5 + number) % 8], accounts[(at * 3 + 1 - number) % 8]

                def move(pipe):
                    left, right = int(pipe.get(source)), int(pipe.get(target))
                    pipe.multi()
                    pipe.set(source, left - 1)
                    pipe.incr(target) if source != target else pipe.set(target, right)

                client.transaction(move, source, target)

    reader = threading.Thread(target=watch_sum)
    reader.start()
    in_threads(6, transfer)
    stop.set()
    reader.join()
    assert sums == {800}


def test_a_lock_is_held_by_one_at_a_time(r):
    inside, most = [], []

    def work(number):
        with redis.Redis.from_url(URL) as client:
            for _ in range(50):
                with Lock(client, "the lock", timeout=30, sleep=0.001):
                    inside.append(number)
                    most.append(len(inside))
                    inside.remove(number)

    in_threads(6, work)
    assert len(most) == 300 and set(most) == {1}


def test_scripts_over_all_keys_and_their_errors(r):
    total = r.register_script("local s = 0 for _, k in ipairs(KEYS) do s = s + (redis.call('GET', k) or 0) end return s")
    r.mset({f"n:{at}": at for at in range(100)})
    keys = [f"n:{at}" for at in range(100)]
    assert [total(keys=keys) for _ in range(100)] == [4950] * 100
    r.script_flush()
    assert total(keys=keys) == 4950
    with pytest.raises(redis.ResponseError, match="value is not an integer"):
        r.eval("redis.call('SET', KEYS[1], 'x') return redis.call('INCR', KEYS[1])", 1, "n:1")
    undeclared = "for i = 0, 99 do redis.call('INCR', 'n:' .. i) end return redis.call('MGET', 'n:7', 'n:8')"
    assert r.eval("redis.call('SET', 'n:1', 1) " + undeclared, 0) == ["8", "9"]
    pipe = r.pipeline(transaction=True)
    for at in range(100):
        total(keys=[f"n:{at}"], client=pipe)
    assert pipe.execute() == [at + 1 for at in range(100)]


def test_channels_are_heard_in_order_by_all(r):
    heard = collections.defaultdict(list)

    def listen(number, ready):
        with redis.Redis.from_url(URL, decode_responses=True) as client, client.pubsub() as pubsub:
            pubsub.subscribe(*(f"c{at}" for at in range(10)))
            pubsub.psubscribe("end*")
            confirmed = 0
            for message in pubsub.listen():
                confirmed += message["type"].endswith("subscribe")
                if confirmed == 11 and not ready.is_set():
                    ready.set()
                if message["type"] == "pmessage":
                    return
                if message["type"] == "message":
                    heard[number, message["channel"]].append(int(message["data"]))

    ready = [threading.Event() for _ in range(5)]
    threads = [threading.Thread(target=listen, args=(at, ready[at])) for at in range(5)]
    for thread, event in zip(threads, ready):
        thread.start()
        assert event.wait(10)
    assert r.pubsub_numsub("c0", "c9") == [("c0", 5), ("c9", 5)] and r.pubsub_numpat() == 1
    for at in range(2000):
        assert r.publish(f"c{at % 10}", at) == 5
    r.publish("end now", 0)
    for thread in threads:
        thread.join(30)
    for number in range(5):
        for channel in range(10):
            assert heard[number, f"c{channel}"] == list(range(channel, 2000, 10))


def test_a_group_reads_each_entry_once_and_claims_what_is_left(r):
    r.xgroup_create("log", "g", mkstream=True)
    for at in range(2000):
        r.xadd("log", {"n": at})
    r.xreadgroup("g", "dead", {"log": ">"}, count=100)

    def consume(number):
        seen = []
        with redis.Redis.from_url(URL, decode_responses=True) as client:
            while found := client.xreadgroup("g", f"c{number}", {"log": ">"}, count=20, block=200):
                entries = found[0][1]
                seen += [int(fields["n"]) for _, fields in entries]
                client.xack("log", "g", *(entry for entry, _ in entries))
        return seen

    seen = sorted(sum(in_threads(5, consume), []))
    assert seen == list(range(100, 2000))
    assert len(r.xautoclaim("log", "g", "heir", 0, count=200)[1]) == 100
    assert r.xpending("log", "g")["pending"] == 100


def test_monitor_and_slowlog_show_commands(r):
    with r.monitor() as monitor:
        commands = monitor.listen()
        for at in range(50):
            r.set(f"shown:{at}", at)
        shown = [next(commands)["command"] for _ in range(50)]
    assert shown == [f"SET shown:{at} {at}" for at in range(50)]
    r.config_set("slowlog-log-slower-than", 0)
    r.slowlog_reset()
    r.lpush("slow", 1)
    r.config_set("slowlog-log-slower-than", 10000)
    assert any(entry["command"] == "LPUSH slow 1" or entry["command"] == b"LPUSH slow 1" for entry in r.slowlog_get(10))


def test_keys_expire_and_say_so(r):
    r.config_set("notify-keyspace-events", "Ex")
    with r.pubsub() as pubsub:
        pubsub.subscribe("__keyevent@0__:expired")
        assert pubsub.get_message(timeout=5)["type"] == "subscribe"
        due = {}
        for at in range(500):
            r.set(f"e:{at}", 1, px=100 + at % 100)
            due[f"e:{at}"] = time.time() + (100 + at % 100) / 1000
        late = []
        for _ in range(500):
            message = pubsub.get_message(timeout=10)
            late.append(time.time() - due.pop(message["data"]))
    assert due == {} and min(late) > -0.01
    r.config_set("notify-keyspace-events", "")
