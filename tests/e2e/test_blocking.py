"""Commands that wait for keys, over any shards: who is served, when, with what, and that nothing is lost."""

import socket
import threading
import time

import pytest

from server import scaled, wait_until


def blocked(server):
    return int(server.info("clients")["blocked_clients"])


def wait_for_blocked(server, count=1):
    wait_until(lambda: blocked(server) == count)


def begin(server, *command):
    """A connection that waits in this command."""
    before = blocked(server)
    connection = server.connect()
    connection.send_commands([command])
    wait_for_blocked(server, before + 1)
    return connection


KEYS = [f"q{number}" for number in range(7)]


@pytest.mark.parametrize("key", KEYS[:4])
def test_a_waiter_gets_what_is_pushed(server, raw, key):
    with begin(server, "BLPOP", key, 0) as waiter:
        assert raw.command("RPUSH", key, "a", "b") == 2
        assert waiter.read() == [key.encode(), b"a"]
        assert raw.command("LRANGE", key, 0, -1) == [b"b"]
    assert blocked(server) == 0


@pytest.mark.parametrize("pushed", [0, 3, 6])
def test_a_waiter_for_many_keys_gets_what_is_pushed_to_any(server, raw, pushed):
    with begin(server, "BRPOP", *KEYS, 0) as waiter:
        assert raw.command("RPUSH", KEYS[pushed], "a", "b") == 2
        assert waiter.read() == [KEYS[pushed].encode(), b"b"]
        assert waiter.command("LLEN", KEYS[pushed]) == 1
    assert blocked(server) == 0


def test_keys_are_looked_at_in_the_order_of_the_command(raw):
    for key in reversed(KEYS):
        raw.command("RPUSH", key, "x")
    for key in KEYS:
        assert raw.command("BLPOP", *KEYS, 0) == [key.encode(), b"x"]


def test_waiters_of_a_key_are_served_in_the_order_in_which_they_came(server, raw):
    waiters = [begin(server, "BLPOP", "q", 0) for _ in range(5)]
    raw.command("RPUSH", "q", *range(4))
    assert [waiter.read() for waiter in waiters[:4]] == [[b"q", b"%d" % number] for number in range(4)]
    assert waiters[4].is_silent_for(0.03)
    raw.command("LPUSH", "q", "last")
    assert waiters[4].read() == [b"q", b"last"]
    for waiter in waiters:
        waiter.close()


def test_waiters_of_many_keys_are_served_in_the_order_in_which_they_came(server, raw):
    waiters = [begin(server, "BLPOP", *KEYS, 0) for _ in range(3)]
    last = begin(server, "BLPOP", KEYS[2], 0)
    raw.command("RPUSH", KEYS[2], *range(4))
    for number, waiter in enumerate([*waiters, last]):
        assert waiter.read() == [KEYS[2].encode(), b"%d" % number]
        waiter.close()
    assert raw.command("EXISTS", *KEYS) == 0


def test_a_push_and_the_service_are_one(server, raw):
    with begin(server, "BLPOP", "q", 0) as waiter:
        assert raw.pipeline([("RPUSH", "q", "a"), ("LLEN", "q"), ("EXISTS", "q")]) == [1, 0, 0]
        assert waiter.read() == [b"q", b"a"]


def test_an_element_is_moved_on_and_serves_who_waits_there(server, raw):
    with begin(server, "BLMOVE", "q0", "q1", "LEFT", "RIGHT", 0) as first, begin(server, "BRPOPLPUSH", "q1", "q2", 0) as second:
        with begin(server, "BLPOP", "q2", 0) as third:
            raw.command("RPUSH", "q0", "x")
            assert [first.read(), second.read(), third.read()] == [b"x", b"x", [b"q2", b"x"]]
    assert raw.command("EXISTS", *KEYS) == 0 and blocked(server) == 0


def test_a_target_of_another_type_is_an_error_when_the_element_comes(server, raw):
    raw.command("SET", "q1", "string")
    with begin(server, "BLMOVE", "q0", "q1", "LEFT", "RIGHT", 0) as waiter:
        raw.command("RPUSH", "q0", "x")
        assert waiter.read() == "WRONGTYPE Operation against a key holding the wrong kind of value"
    assert raw.command("LRANGE", "q0", 0, -1) == [b"x"]


def test_other_types_do_not_wake(server, raw):
    with begin(server, "BLPOP", "q", 0) as waiter:
        assert raw.pipeline([("SET", "q", "x"), ("DEL", "q"), ("APPEND", "q", "y"), ("DEL", "q")]) == ["OK", 1, 1, 1]
        assert waiter.is_silent_for(0.03)
        raw.command("RPUSH", "q", "a")
        assert waiter.read() == [b"q", b"a"]


@pytest.mark.parametrize("command", [("RENAME", "from", "q"), ("COPY", "from", "q"), ("MOVE", "q", 1), ("SWAPDB", 0, 1)])
def test_a_list_that_comes_otherwise_wakes(server, raw, command):
    database = 1 if command[0] in ("MOVE", "SWAPDB") else 0
    with server.connect() as waiter:
        if command[0] == "MOVE":
            waiter.command("SELECT", 1)
        waiter.send_commands([("BLPOP", "q", 0)])
        wait_for_blocked(server)
        if command[0] == "SWAPDB":
            raw.command("SELECT", 1)
        raw.command("RPUSH", "q" if database else "from", "a")
        raw.send_commands([command])
        assert waiter.read() == [b"q", b"a"]
        raw.read()


@pytest.mark.parametrize("keys", [["q"], KEYS])
def test_a_time_is_over_not_early_and_within_some_ms(raw, keys):
    begun = time.monotonic()
    assert raw.command("BLPOP", *keys, 0.15) is None
    assert time.monotonic() - begun >= 0.149  # clocks are read in whole ms
    assert raw.command("PING") == "PONG"


def test_the_answer_when_the_time_is_over(server, raw3):
    with server.connect() as connection:
        connection.send_commands([("BLMOVE", "a", "b", "LEFT", "LEFT", 0.01), ("BLPOP", "a", 0.01), ("BLMPOP", 0.01, 1, "a", "LEFT")])
        assert [connection.read_raw() for _ in range(3)] == [b"*-1\r\n"] * 3
    raw3.send_commands([("BLMOVE", "a", "b", "LEFT", "LEFT", 0.01), ("BLPOP", "a", 0.01)])
    assert [raw3.read_raw() for _ in range(2)] == [b"_\r\n"] * 2


def test_earlier_answers_leave_at_once_and_later_commands_wait(server, raw):
    with server.connect() as connection:
        connection.send_commands([("PING",), ("SET", "k", 1), ("BLPOP", "q", 0), ("INCR", "k"), ("PING",)])
        assert [connection.read(), connection.read()] == ["PONG", "OK"]
        assert connection.is_silent_for(0.03) and raw.command("GET", "k") == b"1"
        raw.command("RPUSH", "q", "a")
        assert [connection.read() for _ in range(3)] == [[b"q", b"a"], 2, "PONG"]


def test_a_loop_of_moves_loses_no_answer_in_a_pipeline(server, raw):
    rounds = scaled(2000)
    with server.connect() as connection:
        connection.send_commands([("BRPOPLPUSH", "a", "b", 5)] * rounds)
        for number in range(rounds):
            raw.send_commands([("LPUSH", "a", number)])
        assert [connection.read() for _ in range(rounds)] == [b"%d" % number for number in range(rounds)]
    assert [raw.read() for _ in range(rounds)] and raw.command("LLEN", "b") == rounds


@pytest.mark.parametrize("keys", [["q"], KEYS])
def test_unblock(server, raw, keys):
    for how, answer in ((), None), (("TIMEOUT",), None), (("ERROR",), "UNBLOCKED client unblocked via CLIENT UNBLOCK"):
        with server.connect() as waiter:
            identity = waiter.command("CLIENT", "ID")
            assert raw.command("CLIENT", "UNBLOCK", identity) == 0
            waiter.send_commands([("BLPOP", *keys, 0)])
            wait_for_blocked(server)
            assert f"id={identity} ".encode() in raw.command("CLIENT", "LIST") and b"flags=b" in raw.command("CLIENT", "LIST")
            assert raw.command("CLIENT", "UNBLOCK", identity, *how) == 1
            assert waiter.read() == answer
            assert waiter.command("PING") == "PONG"
    raw.command("RPUSH", keys[0], "a")
    assert raw.command("LLEN", keys[0]) == 1


@pytest.mark.parametrize("keys", [["q"], KEYS])
def test_who_has_gone_takes_nothing_along(server, raw, keys):
    for ending in ("close", "kill", "half"):
        waiter = begin(server, "BLPOP", *keys, 0)
        if ending == "close":
            waiter.close()
        elif ending == "half":
            waiter.socket.shutdown(socket.SHUT_WR)
        else:
            assert raw.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes") >= 1
        wait_for_blocked(server, 0)
        assert raw.pipeline([("RPUSH", keys[-1], "a"), ("LPOP", keys[-1])]) == [1, b"a"]
        waiter.close()


@pytest.mark.parametrize("many", [False, True])
def test_no_element_is_lost_or_doubled_while_waiters_come_and_go(server, many):
    """Pushers, workers that wait, and workers that give up or leave: what was taken and what is left is what was pushed."""
    count, got, stop = scaled(3000), [], threading.Event()

    def work(number):
        order = KEYS[number:] + KEYS[:number] if many else [KEYS[number % 3]]
        with server.connect() as connection:
            while not stop.is_set():
                answer = connection.command("BLPOP", *order, 0.02)
                if answer:
                    got.append(answer[1])

    def come_and_go():
        while not stop.is_set():
            with server.connect() as connection:
                connection.send_commands([("BLPOP", *(KEYS if many else KEYS[:1]), 0.001)])
                answer = connection.read()
                if answer:
                    got.append(answer[1])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    threads.append(threading.Thread(target=come_and_go))
    for thread in threads:
        thread.start()
    with server.connect() as pusher:
        for number in range(0, count, 10):
            pusher.pipeline([("RPUSH", KEYS[each % (7 if many else 3)], each) for each in range(number, number + 10)])
    with server.connect() as admin:
        wait_until(lambda: admin.command("EXISTS", *KEYS) == 0, 30)
        stop.set()
        for thread in threads:
            thread.join()
        assert sorted(int(each) for each in got) == list(range(count))
    assert blocked(server) == 0


def test_who_leaves_at_the_moment_of_a_push_loses_at_most_what_was_sent_to_him(server, raw):
    """Closed before the push was sent: the element stays. Each round its own key, so that a loss shows."""
    for number in range(scaled(300)):
        waiter = begin(server, "BLPOP", f"r{number}", f"s{number}", 0)
        waiter.close()
        wait_for_blocked(server, 0)
        raw.command("RPUSH", f"r{number}", "x")
    assert raw.command("DBSIZE") == scaled(300)


def test_a_server_stops_while_clients_wait(request):
    server = request.getfixturevalue("start")("--shards", 3)
    waiters = [server.connect() for _ in range(8)]
    for number, waiter in enumerate(waiters):
        waiter.send_commands([("BLPOP", *(KEYS if number % 2 else KEYS[:1]), 0)])
    wait_for_blocked(server, 8)
    server.stop()
    for waiter in waiters:
        assert waiter.read_until_closed() == b""


@pytest.mark.alone
def test_waiting_costs_no_cpu(server):
    waiters = [begin(server, "BLPOP", *(KEYS if number % 2 else ["q"]), 0) for number in range(10)]
    before = server.cpu_ticks()
    time.sleep(0.5)
    assert server.cpu_ticks() - before <= 1
    for waiter in waiters:
        waiter.close()


def test_blocked_requests_wait_behind_a_pause(server, raw):
    with server.connect() as waiter:
        raw.command("CLIENT", "PAUSE", 10000, "WRITE")
        waiter.send_commands([("BLPOP", "q", 0.01)])
        assert waiter.is_silent_for(0.05)
        raw.command("CLIENT", "UNPAUSE")
        assert waiter.read() is None


# Sorted sets and streams.


@pytest.mark.parametrize("keys", [["z"], ["z", "y", "x", "w"]])
def test_sorted_sets(server, raw, keys):
    with begin(server, "BZPOPMIN", *keys, 0) as first, begin(server, "BZPOPMAX", *keys, 0) as second:
        with begin(server, "BZMPOP", 0, len(keys), *keys, "MIN", "COUNT", 2) as third:
            raw.command("ZADD", keys[-1], *(word for n in range(4) for word in (n, f"m{n}")))
            key = keys[-1].encode()
            assert first.read() == [key, b"m0", b"0"] and second.read() == [key, b"m3", b"3"]
            assert third.read() == [key, [[b"m1", b"1"], [b"m2", b"2"]]]


@pytest.mark.parametrize("streams", [["s"], ["s", "t", "u", "v"]])
def test_streams_give_an_entry_to_all_who_wait(server, raw, streams):
    raw.command("XADD", streams[-1], "1-1", "old", "x")
    with begin(server, "XREAD", "BLOCK", 0, "STREAMS", *streams, *["$"] * len(streams)) as first:
        with begin(server, "XREAD", "BLOCK", 0, "STREAMS", *streams, *["$"] * len(streams)) as second:
            raw.command("XADD", streams[-1], "2-1", "a", "b")
            expected = [[streams[-1].encode(), [[b"2-1", [b"a", b"b"]]]]]
            assert first.read() == expected and second.read() == expected


@pytest.mark.parametrize("streams", [["s"], ["s", "t", "u", "v"]])
def test_a_group_gives_an_entry_to_one(server, raw, streams):
    for stream in streams:
        raw.command("XGROUP", "CREATE", stream, "g", "$", "MKSTREAM")
    command = ("XREADGROUP", "GROUP", "g", "me", "BLOCK", 0, "STREAMS", *streams, *[">"] * len(streams))
    with begin(server, *command) as first, begin(server, *command) as second:
        raw.command("XADD", streams[-1], "1-1", "a", "b")
        assert first.read() == [[streams[-1].encode(), [[b"1-1", [b"a", b"b"]]]]]
        assert second.is_silent_for(0.03)
        raw.command("XADD", streams[0], "9-1", "c", "d")
        assert second.read() == [[streams[0].encode(), [[b"9-1", [b"c", b"d"]]]]]


@pytest.mark.parametrize("streams", [["s"], ["s", "t", "u", "v"]])
@pytest.mark.parametrize("end", [("DEL", "s"), ("SET", "s", "x"), ("XGROUP", "DESTROY", "s", "g"), ("FLUSHALL",), ("PEXPIRE", "s", 5)])
def test_a_group_that_ends_wakes_its_readers(server, raw, streams, end):
    for stream in streams:
        raw.command("XGROUP", "CREATE", stream, "g", "$", "MKSTREAM")
    with begin(server, "XREADGROUP", "GROUP", "g", "me", "BLOCK", 0, "STREAMS", *streams, *[">"] * len(streams)) as waiter:
        raw.command(*end)
        answer = waiter.read()
        if end[0] == "SET":
            assert answer == "WRONGTYPE Operation against a key holding the wrong kind of value"
        else:
            assert answer.startswith("NOGROUP No such key 's' or consumer group 'g' in XREADGROUP")


def test_reading_streams_without_waiting_holds_nothing_up(server, raw):
    raw.command("XADD", "s", "1-1", "a", "b")
    answers = raw.pipeline([("XREAD", "COUNT", 1, "STREAMS", "s", 0), ("XREAD", "STREAMS", "s", "$"), ("PING",)] * 50)
    assert answers == [[[b"s", [[b"1-1", [b"a", b"b"]]]]], None, "PONG"] * 50


def test_a_reader_that_claims_wakes_when_an_entry_has_been_idle_for_long_enough(server, raw):
    raw.pipeline([("XGROUP", "CREATE", "s", "g", "$", "MKSTREAM"), ("XADD", "s", "1-1", "a", "b")])
    raw.command("XREADGROUP", "GROUP", "g", "other", "STREAMS", "s", ">")
    with begin(server, "XREADGROUP", "GROUP", "g", "me", "BLOCK", 0, "CLAIM", 500, "STREAMS", "s", ">") as waiter:
        [[name, [entry]]] = waiter.read()
        assert name == b"s" and entry[:2] == [b"1-1", [b"a", b"b"]] and entry[2] >= 500 and entry[3] == 1
    assert blocked(server) == 0


@pytest.mark.parametrize("key", KEYS[:4])
def test_a_group_may_be_called_as_an_option_is(server, raw, key):
    raw.pipeline([("XGROUP", "CREATE", key, "streams", "$", "MKSTREAM")])
    with begin(server, "XREADGROUP", "GROUP", "streams", "streams", "BLOCK", 0, "STREAMS", key, ">") as waiter:
        raw.command("XADD", key, "1-1", "a", "b")
        assert waiter.read() == [[key.encode(), [[b"1-1", [b"a", b"b"]]]]]


def test_places_are_stored_where_the_last_option_says(raw):
    raw.command("GEOADD", "from", 13, 38, "p")
    for first in KEYS:
        for last in KEYS:
            around = ("GEORADIUS", "from", 13, 38, 1, "km", "STORE", first, "STOREDIST", "x", "STORE", last)
            assert raw.pipeline([around, ("ZCARD", last), ("DEL", *KEYS)]) == [1, 1, 1]


@pytest.mark.alone
def test_a_reader_that_claims_sleeps_until_then(server, raw):
    raw.pipeline([("XGROUP", "CREATE", "s", "g", "$", "MKSTREAM"), ("XADD", "s", "1-1", "a", "b")])
    raw.command("XREADGROUP", "GROUP", "g", "other", "STREAMS", "s", ">")
    with begin(server, "XREADGROUP", "GROUP", "g", "me", "BLOCK", 0, "CLAIM", 60000, "STREAMS", "s", ">"):
        ticks = server.cpu_ticks()
        time.sleep(0.5)
        assert server.cpu_ticks() - ticks <= 10


def test_a_waiter_is_served_before_the_next_of_a_row_of_commands_over_the_same_shards(server, raw):
    """Which one thread may execute at one meeting of the shards."""
    for number in range(20):
        source, target, other = f"{{a{number}}}from", f"{{b{number}}}to", f"{{a{number}}}other"
        raw.command("RPUSH", source, "v")
        with begin(server, "BLPOP", target, 0) as waiter:
            answers = raw.pipeline([("LMOVE", source, target, "LEFT", "LEFT"), ("RENAME", target, other)])
            assert answers[0] == b"v" and str(answers[1]) == "ERR no such key"
            assert waiter.read() == [target.encode(), b"v"]
