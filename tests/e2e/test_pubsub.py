"""Publish and subscribe: who hears what, in which order, counted exactly, whichever shards they are on."""

import random
import threading
import time

import pytest

import resp
from server import scaled, wait_until

SUBSCRIBED_ERROR = (
    "ERR Can't execute '%s': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context"
)


def message(channel, text):
    return [b"message", channel.encode(), text.encode()]


@pytest.fixture
def subscribers(server):
    """More connections than shards, RESP2 and RESP3 by turns."""
    connections = [server.connect(protocol=2 + number % 2) for number in range(2 * server.shards + 3)]
    yield connections
    for connection in connections:
        connection.close()


def read_all(connection, count):
    return [list(connection.read()) for _ in range(count)]


# Who hears what.


def test_every_subscriber_hears_each_message_once(raw, subscribers):
    for connection in subscribers:
        assert connection("SUBSCRIBE news") == [b"subscribe", b"news", 1]
    for number in range(20):
        assert raw.command("PUBLISH", "news", f"n{number}") == len(subscribers)
    assert raw.command("PUBLISH", "other", "x") == 0
    for connection in subscribers:
        assert read_all(connection, 20) == [message("news", f"n{number}") for number in range(20)]
        assert connection.is_silent_for(0.01)


def test_one_command_publishes_more_than_a_ring_takes(raw, subscribers):
    """By two keys, on whichever shards: a ring between two takes 1024."""
    for connection in subscribers:
        connection("SUBSCRIBE news")
    script = "for i = 1, ARGV[1] do redis.call('PUBLISH', 'news', i) end return redis.call('EXISTS', KEYS[1], KEYS[2])"
    for key in range(6):
        assert raw.command("EVAL", script, 2, f"a{key}", f"b{key}", 3000) == 0
        for connection in subscribers:
            assert read_all(connection, 3000) == [message("news", str(number)) for number in range(1, 3001)]


def test_patterns_and_channels_count_each(raw, subscribers):
    for connection in subscribers:
        connection("SUBSCRIBE news.a")
        assert connection("PSUBSCRIBE news.*") == [b"psubscribe", b"news.*", 2]
    assert raw("PUBLISH news.a hello") == 2 * len(subscribers)
    assert raw("PUBLISH news.b hello") == len(subscribers)
    for connection in subscribers:
        assert read_all(connection, 3) == [
            message("news.a", "hello"),
            [b"pmessage", b"news.*", b"news.a", b"hello"],
            [b"pmessage", b"news.*", b"news.b", b"hello"],
        ]


def test_shard_channels_are_apart(raw, subscribers):
    for connection in subscribers:
        assert connection("SSUBSCRIBE news") == [b"ssubscribe", b"news", 1]
    assert raw("PUBLISH news x") == 0
    assert raw("SPUBLISH news y") == len(subscribers)
    for connection in subscribers:
        assert read_all(connection, 1) == [[b"smessage", b"news", b"y"]]


def test_messages_of_any_bytes_and_size(raw, subscribers):
    for text in (b"", b"\0\r\n", b"x" * 100, b"y" * 20000, random.randbytes(300000)):
        for connection in subscribers:
            connection.command("SUBSCRIBE", b"\r\n\0channel")
        assert raw.command("PUBLISH", b"\r\n\0channel", text) == len(subscribers)
        for connection in subscribers:
            assert list(connection.read()) == [b"message", b"\r\n\0channel", text]


def test_nobody_hears_after_the_answer_to_unsubscribe(raw, subscribers):
    for connection in subscribers:
        connection("SUBSCRIBE a b")
        connection.read()
    for left, connection in enumerate(subscribers):
        connection.send(resp.encode("UNSUBSCRIBE", "a"))
        assert read_all(connection, left) == [message("a", "x")] * left
        assert connection.read() == [b"unsubscribe", b"a", 1]
        assert raw("PUBLISH a x") == len(subscribers) - left - 1
    for connection in subscribers:
        assert connection("UNSUBSCRIBE") == [b"unsubscribe", b"b", 0]
    assert raw("PUBLISH b x") == 0


@pytest.mark.parametrize("end", ["close", "QUIT", "RESET", "kill"])
def test_counts_are_exact_after_a_client_has_gone(server, raw, end):
    for _ in range(scaled(50)):
        with server.connect(protocol=3) as connection:
            connection("SUBSCRIBE a b")
            connection.read()
            connection("PSUBSCRIBE a*")
            assert raw("PUBLISH a x") == 2
            if end == "close":
                connection.close()
                wait_until(lambda: raw("PUBSUB NUMSUB a b") == [b"a", 0, b"b", 0])
            elif end == "kill":
                assert raw("CLIENT KILL TYPE pubsub") == 1
            else:
                connection.send(resp.encode(end))
                while connection.read() not in ("OK", "RESET"):
                    pass
                if end == "QUIT":
                    assert connection.is_closed_within(5)
            assert raw("PUBLISH a x") == 0
            assert raw("PUBSUB NUMPAT") == 0


# Replies.


def test_what_a_resp2_client_with_subscriptions_may_send(raw):
    raw("SUBSCRIBE a")
    assert raw("GET x") == SUBSCRIBED_ERROR % "get"
    assert raw("CLIENT ID") == SUBSCRIBED_ERROR % "client|id"
    assert raw("HELLO 3") == SUBSCRIBED_ERROR % "hello"
    assert raw("NOSUCH") == "ERR unknown command 'NOSUCH', with args beginning with: "
    assert raw("PING") == [b"pong", b""] and raw("PING x") == [b"pong", b"x"]
    assert raw("SSUBSCRIBE s") == [b"ssubscribe", b"s", 1]
    assert raw("UNSUBSCRIBE") == [b"unsubscribe", b"a", 0]
    assert raw("PING") == [b"pong", b""]
    assert raw("SUNSUBSCRIBE") == [b"sunsubscribe", b"s", 0]
    assert raw("PING") == "PONG" and raw("GET x") is None


def test_a_resp3_client_with_subscriptions_may_send_anything(raw3):
    raw3("SUBSCRIBE a")
    assert raw3("SET x 1") == "OK" and raw3("PING") == "PONG"
    assert raw3("PUBLISH a own") == 1
    push = raw3.read()
    assert isinstance(push, resp.Push) and push == message("a", "own")


def test_own_messages_come_right_behind_the_answer(raw3):
    raw3.send_commands([["SUBSCRIBE", "a"], ["PUBLISH", "a", "1"], ["ECHO", "x"], ["PUBLISH", "a", "2"], ["PING"]])
    answers = [raw3.read() for _ in range(7)]
    assert answers == [[b"subscribe", b"a", 1], 1, message("a", "1"), b"x", 1, message("a", "2"), "PONG"]


def test_unsubscribing_from_nothing_is_answered(raw, raw3):
    for connection in (raw, raw3):
        assert connection("UNSUBSCRIBE") == [b"unsubscribe", None, 0]
        assert connection("PUNSUBSCRIBE") == [b"punsubscribe", None, 0]
        assert connection("SUNSUBSCRIBE") == [b"sunsubscribe", None, 0]
        connection.send(resp.encode("UNSUBSCRIBE", "a", "b"))
        assert read_all(connection, 2) == [[b"unsubscribe", b"a", 0], [b"unsubscribe", b"b", 0]]
        assert connection("PING") == "PONG"


def test_client_reply_does_not_concern_pushes(raw):
    raw.send(resp.encode("CLIENT", "REPLY", "OFF"))
    raw.send(resp.encode("PING"))
    assert raw("SUBSCRIBE a") == [b"subscribe", b"a", 1]
    assert raw("UNSUBSCRIBE") == [b"unsubscribe", b"a", 0]
    assert raw("CLIENT REPLY ON") == "OK"


def test_reset_ends_all_and_no_message_comes_behind_its_answer(server):
    """Messages come all the time; whatever the server sends behind +RESET is the answer to the PING."""
    stop = threading.Event()

    def publish():
        with server.connect() as publisher:
            while not stop.is_set():
                publisher.pipeline([["PUBLISH", "a", "x"]] * 10)

    thread = threading.Thread(target=publish)
    thread.start()
    try:
        for number in range(scaled(200)):
            with server.connect(protocol=2 + number % 2) as connection:
                connection.send_commands([["SUBSCRIBE", "a"], ["PSUBSCRIBE", "*"], ["RESET"], ["PING"]])
                while connection.read() != "RESET":
                    pass
                assert connection.read() == "PONG"
    finally:
        stop.set()
        thread.join()


def test_blocked_clients_hear(raw, raw3):
    raw3("SUBSCRIBE a")
    raw3.send(resp.encode("BLPOP", "nosuch", "0"))
    wait_until(lambda: b" cmd=blpop " in raw("CLIENT LIST"))
    assert raw("PUBLISH a x") == 1
    assert raw3.read() == message("a", "x")
    raw("LPUSH nosuch e")
    assert raw3.read() == [b"nosuch", b"e"]


def test_a_timeout_does_not_close_subscribers(start):
    server = start("--timeout", "1")
    with server.connect() as subscriber, server.connect() as other:
        subscriber("SUBSCRIBE a")
        assert other.is_closed_within(5)
        with server.connect() as publisher:
            assert publisher("PUBLISH a x") == 1
        assert subscriber.read() == message("a", "x")


# PUBSUB, CLIENT, INFO.


def test_pubsub_tells_what_there_is(raw, subscribers):
    for number, connection in enumerate(subscribers):
        connection(f"SUBSCRIBE all only.{number}")
        connection.read()
        connection(f"PSUBSCRIBE p* only{number % 2}")
        connection.read()
        connection("SSUBSCRIBE s")
    count = len(subscribers)
    assert sorted(raw("PUBSUB CHANNELS")) == sorted([b"all"] + [b"only.%d" % n for n in range(count)])
    assert sorted(raw("PUBSUB CHANNELS only.1*")) == sorted(b"only.%d" % n for n in range(count) if str(n)[0] == "1")
    assert raw("PUBSUB NUMSUB all only.0 nosuch") == [b"all", count, b"only.0", 1, b"nosuch", 0]
    assert raw("PUBSUB NUMSUB") == []
    assert raw("PUBSUB NUMPAT") == 3
    assert raw("PUBSUB SHARDCHANNELS") == [b"s"] and raw("PUBSUB SHARDNUMSUB s all") == [b"s", count, b"all", 0]
    assert raw("PUBSUB SHARDCHANNELS x*") == []


def test_clients_and_info_show_subscriptions(server, raw, raw3):
    raw3("SUBSCRIBE a b")
    raw3.read()
    raw3("PSUBSCRIBE x")
    raw3("SSUBSCRIBE s")
    line = raw3("CLIENT INFO").decode()
    assert " flags=P " in line and " sub=2 psub=1 ssub=1 " in line
    assert raw("CLIENT LIST TYPE pubsub").decode().count("\n") == 1
    info = server.info()
    assert (info["pubsub_channels"], info["pubsub_patterns"], info["pubsubshard_channels"]) == ("2", "1", "1")
    assert info["pubsub_clients"] == "1"


# Order.


def test_messages_of_one_publisher_keep_their_order(server, subscribers):
    count = scaled(2000)
    publishers = 3
    for connection in subscribers:
        connection("PSUBSCRIBE c*")

    def publish(publisher):
        with server.connect() as connection:
            commands = [["PUBLISH", f"c{n % 5}", f"{publisher} {n}"] for n in range(count)]
            assert connection.pipeline(commands) == [len(subscribers)] * count

    threads = [threading.Thread(target=publish, args=(number,)) for number in range(publishers)]
    for thread in threads:
        thread.start()
    for connection in subscribers:
        last = [-1] * publishers
        for _ in range(count * publishers):
            publisher, number = connection.read()[3].split()
            assert int(number) == last[int(publisher)] + 1
            last[int(publisher)] += 1
    for thread in threads:
        thread.join()


def test_who_hears_of_a_write_reads_it(server, subscribers):
    """SET and PUBLISH in one pipeline: whoever hears the message reads at least that value."""
    count = scaled(500)
    wrong = []

    def listen(connection):
        connection("SUBSCRIBE go")
        ready.wait()
        with server.connect() as reader:
            for _ in range(count):
                number = int(connection.read()[2])
                value = int(reader.command("GET", f"key{number % 7}"))
                if value < number:
                    wrong.append((number, value))

    ready = threading.Barrier(len(subscribers) + 1)
    threads = [threading.Thread(target=listen, args=(connection,)) for connection in subscribers]
    for thread in threads:
        thread.start()
    ready.wait()
    with server.connect() as publisher:
        for number in range(count):
            publisher.pipeline([["SET", f"key{number % 7}", number], ["PUBLISH", "go", number]])
    for thread in threads:
        thread.join()
    assert not wrong


def test_counts_are_what_is_heard_while_subscribers_come_and_go(server):
    """Every message counted is heard, every message heard was counted: over all subscribers, who come and go."""
    stop = threading.Event()
    heard, counted = [], []

    def come_and_go(seed):
        dice = random.Random(seed)
        total = 0
        with server.connect(protocol=2 + seed % 2) as connection:
            for _ in range(scaled(150)):
                channels = dice.sample("abcdef", dice.randint(1, 4))
                for _ in range(dice.randint(1, 3)):
                    connection.send(resp.encode("SUBSCRIBE", *channels))
                    time.sleep(dice.choice([0, 0, 0.0005]))
                    connection.send(resp.encode("UNSUBSCRIBE", *channels))
                connection.send(resp.encode("PING", "end"))
                while True:
                    reply = connection.read()
                    if reply == b"end" or reply == [b"pong", b"end"]:
                        break
                    total += reply[0] == b"message"
        heard.append(total)

    def publish():
        total = 0
        with server.connect() as connection:
            while not stop.is_set():
                total += sum(connection.pipeline([["PUBLISH", channel, "x"] for channel in "abcdef" * 5]))
        counted.append(total)

    publishers = [threading.Thread(target=publish) for _ in range(2)]
    listeners = [threading.Thread(target=come_and_go, args=(seed,)) for seed in range(6)]
    for thread in publishers + listeners:
        thread.start()
    for thread in listeners:
        thread.join()
    stop.set()
    for thread in publishers:
        thread.join()
    assert sum(heard) == sum(counted) and sum(heard) > 0


# Limits.


@pytest.mark.parametrize("limit", ["2mb 0 0", "0 1mb 1"])
@pytest.mark.parametrize("shards", [1, 3])
def test_a_slow_subscriber_is_closed_and_others_are_not_harmed(start, shards, limit):
    server = start("--shards", shards, "--client-output-buffer-limit", "pubsub", *limit.split(), expected=["output buffer limits"])
    others = [server.connect(protocol=2 + number % 2) for number in range(5)]
    with server.connect() as publisher, server.connect(receive_bytes=4096) as slow:
        for connection in [slow, *others]:
            connection("SUBSCRIBE big")
        text = "x" * 100000
        while publisher.command("PUBLISH", "big", text) > len(others):
            for connection in others:
                assert connection.read() == message("big", text)
            time.sleep(0.005)
        for connection in others:
            assert connection.read() == message("big", text)
            connection.close()
        assert slow.read_until_closed() != b""


def test_a_pubsub_limit_does_not_concern_other_clients(server, raw):
    assert raw.command("CONFIG", "SET", "client-output-buffer-limit", "pubsub 1mb 0 0") == "OK"
    raw.command("SET", "large", "x" * 3000000)
    assert len(raw("GET large")) == 3000000
    raw.command("DEL", "large")


# redis-py.


def test_redis_py_hears(r):
    pubsub = r.pubsub()
    pubsub.subscribe("a", "b")
    pubsub.psubscribe("p*")
    kinds = [pubsub.get_message(timeout=5)["type"] for _ in range(3)]
    assert kinds == ["subscribe", "subscribe", "psubscribe"]
    assert r.publish("a", "1") == 1 and r.publish("pa", "2") == 1
    heard = [pubsub.get_message(timeout=5) for _ in range(2)]
    assert [(m["type"], m["pattern"], m["channel"], m["data"]) for m in heard] == [
        ("message", None, "a", "1"),
        ("pmessage", "p*", "pa", "2"),
    ]
    assert r.pubsub_numsub("a", "b", "c") == [("a", 1), ("b", 1), ("c", 0)]
    pubsub.unsubscribe()
    pubsub.punsubscribe()
    assert [pubsub.get_message(timeout=5)["type"] for _ in range(3)] == ["unsubscribe"] * 2 + ["punsubscribe"]
    pubsub.close()


# Beside redis-server.

PLAIN, PATTERN, SHARD = "abcd", ["a*", "?", "[bc]", "*", "zz"], "abs"


def random_command(dice):
    kind = dice.randrange(9)
    names = [PLAIN, PATTERN, SHARD][kind % 3]
    some = [dice.choice(names) for _ in range(dice.randint(0 if kind >= 3 else 1, 3))]
    if kind < 3:
        return [["SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE"][kind], *some]
    if kind < 6:
        # Redis answers in the order of its table where no names are given: alone there is one order.
        return [["UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE"][kind - 3], *(some or names)]
    if kind == 6:
        return [dice.choice(["PUBLISH", "SPUBLISH"]), dice.choice("abcdsz"), str(dice.randrange(1000))]
    if kind == 7:
        return dice.choice(
            [["PUBSUB", "NUMSUB", *some], ["PUBSUB", "NUMPAT"], ["PUBSUB", "SHARDNUMSUB", *some], ["PING"], ["PING", "x"]]
        )
    return dice.choice([["GET", "nosuch"], ["RESET"], ["HELLO", "2"], ["HELLO", "3"], ["ECHO", "x"], ["PUBSUB", "X"]])


def is_message(value):
    return isinstance(value, list) and len(value) > 2 and value[0] in (b"message", b"pmessage", b"smessage")


def normal(command, value):
    if command[0] == "HELLO" and not isinstance(value, resp.Error):
        return "hello"
    return value


def answers_of(connection, command):
    """All that comes for the command: messages to itself come before its answer in Redis 7.0, after it in 7.2."""
    connection.send_commands([command, ["PING", "end"]])
    values = []
    while True:
        value = connection.read()
        if value == b"end" or value == [b"pong", b"end"]:
            messages = sorted(map(repr, filter(is_message, values)))
            return [normal(command, value) for value in values if not is_message(value)], messages
        values.append(value)


@pytest.mark.parametrize("seed", range(4))
def test_random_commands_are_answered_as_by_redis_server(server, oracle, seed):
    dice = random.Random(seed)
    with server.connect(protocol=3) as ours, oracle.connect(protocol=3) as theirs:
        for step in range(scaled(1000)):
            command = random_command(dice)
            assert answers_of(ours, command) == answers_of(theirs, command), (seed, step, command)
