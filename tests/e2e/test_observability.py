"""What the server tells of the commands that it runs: INFO commandstats and its kin, SLOWLOG, LATENCY, MONITOR."""

import re
import select
import threading
import time

import pytest

from server import wait_until


def command_stats(raw, section="commandstats"):
    """{"get": {"calls": 1, ...}}"""
    lines = raw(f"INFO {section}").decode().splitlines()[1:]
    stats = {}
    for line in lines:
        name, fields = line.split(":", 1)
        stats[re.sub("^(cmdstat|errorstat|latency_percentiles_usec)_", "", name)] = {key: float(value) for key, value in (f.split("=") for f in fields.split(","))}
    return stats


def error_stats(raw):
    return {name: int(fields["count"]) for name, fields in command_stats(raw, "errorstats").items()}


# INFO commandstats, errorstats, latencystats


def test_every_call_is_counted_once_whatever_its_route(raw, server):
    raw("CONFIG RESETSTAT")
    raw.pipeline([("SET", f"k:{i}", "v") for i in range(500)])
    raw.pipeline([("GET", f"k:{i}") for i in range(1500)])
    raw.pipeline([("MGET", *(f"k:{i}" for i in range(20))), ("DEL", "k:1", "k:2", "k:3"), ("RENAME", "k:5", "k:6")])
    raw.pipeline([("DBSIZE",), ("PING",), ("CONFIG", "GET", "port")])
    stats = command_stats(raw)
    calls = {name: fields["calls"] for name, fields in stats.items()}
    assert calls == {
        **{"set": 500, "get": 1500, "mget": 1, "del": 1, "rename": 1, "dbsize": 1, "ping": 1},
        **{"config|get": 1, "config|resetstat": 1},
    }
    for name, fields in stats.items():
        assert list(fields) == ["calls", "usec", "usec_per_call", "rejected_calls", "failed_calls"]
        assert fields["usec_per_call"] == pytest.approx(fields["usec"] / fields["calls"], abs=1.01), name
        assert fields["rejected_calls"] == fields["failed_calls"] == 0


def test_time_is_what_commands_take(raw, server):
    raw("CONFIG RESETSTAT")
    raw.pipeline([("RPUSH", "list", *(f"element:{i}" for i in range(20000)))])
    for _ in range(20):
        raw("LRANGE list 0 -1")
        raw("LLEN list")
    latency = command_stats(raw, "latencystats")
    assert list(latency["lrange"]) == ["p50", "p99", "p99.9"]
    assert latency["lrange"]["p50"] <= latency["lrange"]["p99"] <= latency["lrange"]["p99.9"]
    assert latency["lrange"]["p50"] > latency["llen"]["p50"]


def test_failed_and_rejected_calls_and_their_errors(raw, server):
    raw("CONFIG RESETSTAT")
    raw("SET text v")
    raw("LPUSH text v")
    raw("INCR text")
    raw("GET")
    raw("NOSUCH")
    raw("CONFIG NOSUCH")
    raw("MGET")
    assert error_stats(raw) == {"ERR": 5, "WRONGTYPE": 1}
    stats = command_stats(raw)
    assert (stats["lpush"]["calls"], stats["lpush"]["failed_calls"]) == (1, 1)
    assert (stats["incr"]["calls"], stats["incr"]["failed_calls"]) == (1, 1)
    assert (stats["get"]["calls"], stats["get"]["rejected_calls"]) == (0, 1)
    assert (stats["mget"]["calls"], stats["mget"]["rejected_calls"]) == (0, 1)
    assert "nosuch" not in stats
    assert server.info()["total_error_replies"] == "6"
    raw("CONFIG RESETSTAT")
    assert error_stats(raw) == {}
    assert list(command_stats(raw)) == ["config|resetstat", "info"]


SCRIPTS_THAT_FAIL = [
    "redis.pcall('incr','a') return {err='MY x'}",
    "redis.pcall('incr','a') error('x')",
    "redis.pcall('incr','a') error({err='YOU x'})",
    "redis.pcall('incr','a') return 1",
    "return redis.pcall('incr','a')",
    "local e = redis.pcall('incr','a') return {err=e.err}",
    "local e = redis.pcall('incr','a') e.err = 'NEW x' return e",
    "local e = redis.pcall('incr','a') error(e)",
    "local e = redis.pcall('incr','a') error({err=e.err, ignore_error_stats_update=true})",
    "redis.pcall('incr','a') return nosuch",
    "redis.call('incr','a')",
    "return redis.error_reply('R x')",
    "return {redis.error_reply('A x'), 1}",
    "return {1, {redis.pcall('lpush','a','x')}}",
    "redis.pcall('nosuch') redis.pcall('get') redis.pcall('subscribe','x') redis.pcall('incr',{}) redis.pcall() return 1",
    "redis.call('get')",
    "redis.call('nosuch')",
    "return (",
]


def test_what_fails_in_scripts_is_counted_as_redis_server_does(raw, oracle):
    def counted(connection, command):
        connection("CONFIG RESETSTAT")
        connection.command(*command)
        calls = {name: (c["calls"], c["rejected_calls"], c["failed_calls"]) for name, c in command_stats(connection).items()}
        info = connection("INFO stats").decode()
        return error_stats(connection), calls, info.split("total_error_replies:")[1].split()[0]

    with oracle.connect() as other:
        raw("SET a x"), other("SET a x")
        commands = [("EVAL", script, "0") for script in SCRIPTS_THAT_FAIL]
        commands.append(("EVAL_RO", "return redis.pcall('set', 'a', 'b')", "0"))
        for command in commands:
            assert counted(raw, command) == counted(other, command), command
        for connection in (raw, other):
            connection("FUNCTION LOAD x"), connection.command("FUNCTION", "LOAD", "#!lua name=failing\n"
                "redis.register_function('failing', function() redis.pcall('get') return redis.error_reply('F x') end)")  # fmt: skip
        assert counted(raw, ("FCALL", "failing", "0")) == counted(other, ("FCALL", "failing", "0"))
        raw("FUNCTION FLUSH"), other("FUNCTION FLUSH")


CALLS_OF_CONTAINERS = (
    "debug nosuch|debug error x|debug sleep 0|debug sleep 0 0|debug object nosuch|debug|config nosuch|config|config get|object|"
    "object nosuch k|object encoding|client nosuch|xgroup nosuch|function nosuch|slowlog nosuch|multi|debug error x|client nosuch|exec"
).split("|")


def test_calls_of_subcommands_are_counted_as_redis_server_does(raw, oracle):
    def counted(connection):
        connection("CONFIG RESETSTAT")
        for command in CALLS_OF_CONTAINERS:
            connection(command)
        calls = {name: (c["calls"], c["rejected_calls"], c["failed_calls"]) for name, c in command_stats(connection).items()}
        return error_stats(connection), calls

    with oracle.connect() as other:
        assert counted(raw) == counted(other)


def test_a_blocking_command_is_one_call(raw, server):
    raw("CONFIG RESETSTAT")
    with server.connect() as waiter:
        waiter.send(b"BLPOP a b c 0\r\n")
        wait_until(lambda: server.info()["blocked_clients"] == "1")
        assert "blpop" not in command_stats(raw)
        raw("RPUSH b 1")
        assert waiter.read() == [b"b", b"1"]
        assert waiter("BLPOP a 0.01") is None
    assert command_stats(raw)["blpop"]["calls"] == 2
    assert command_stats(raw)["blpop"]["usec"] < 100000


def test_latency_tracking_has_its_settings(raw):
    raw("CONFIG RESETSTAT")
    raw.command("CONFIG", "SET", "latency-tracking-info-percentiles", "0 50 99.99 100")
    raw("GET k")
    assert list(command_stats(raw, "latencystats")["get"]) == ["p0", "p50", "p99.99", "p100"]
    raw("CONFIG SET latency-tracking no")
    raw("CONFIG RESETSTAT")
    raw("GET k")
    assert command_stats(raw, "latencystats") == {}
    assert command_stats(raw)["get"]["calls"] == 1


def test_the_figures_have_the_shape_of_redis(raw, server, oracle):
    def shape(connection, section):
        connection("CONFIG RESETSTAT")
        connection("SET k v")
        connection("LPUSH k v")
        text = connection(f"INFO {section}").decode()
        return sorted(re.sub(r"[0-9]+(\.[0-9]+)?", "N", line) for line in text.splitlines())

    with oracle.connect() as redis:
        for section in ("commandstats", "errorstats", "latencystats"):
            assert shape(raw, section) == shape(redis, section)


# SLOWLOG


@pytest.fixture
def slow(raw):
    """All commands are slow, and none is in the log yet."""
    raw("CONFIG SET slowlog-log-slower-than 0")
    raw("SLOWLOG RESET")
    return raw


def test_slow_commands_are_logged_newest_first_with_rising_ids(slow, server):
    commands = [("SET", f"k:{i}", "v") for i in range(30)] + [("MGET", "k:1", "k:2"), ("RENAME", "k:1", "k:2"), ("PING",)]
    for command in commands:
        slow.command(*command)
    entries = slow("SLOWLOG GET -1")
    logged = [entry[3] for entry in entries]
    assert logged == [[word.encode() for word in command] for command in reversed(commands)] + [[b"SLOWLOG", b"RESET"]]
    ids = [entry[0] for entry in entries]
    assert ids == list(range(ids[0], ids[0] - len(ids), -1))
    assert all(abs(entry[1] - time.time()) < 60 and 0 <= entry[2] < 10**6 for entry in entries)


def test_the_log_has_the_client(slow, server):
    with server.connect() as client:
        client("CLIENT SETNAME worker")
        client("SET k v")
        port = client.socket.getsockname()[1]
    entry = slow("SLOWLOG GET 1")[0]
    assert entry[3:] == [[b"SET", b"k", b"v"], b"127.0.0.1:%d" % port, b"worker"]


def test_long_commands_are_shortened(slow, oracle):
    commands = [
        ("DEL", *(f"k:{i}" for i in range(50))),
        ("DEL", *(f"k:{i}" for i in range(31))),
        ("DEL", *(f"k:{i}" for i in range(32))),
        ("SET", "k", "x" * 128),
        ("SET", "k", "x" * 129),
        ("SET", "k", "x" * 100000),
    ]
    with oracle.connect() as redis:
        redis("CONFIG SET slowlog-log-slower-than 0")
        for command in commands:
            seen = []
            for connection in (redis, slow):
                connection.command(*command)
                seen.append(connection("SLOWLOG GET 1")[0][3])
            assert seen[0] == seen[1]


def test_secrets_are_not_logged(slow, oracle):
    commands = [
        ("AUTH", "user", "secret"),
        ("HELLO", "2", "AUTH", "user", "secret"),
        ("HELLO", "2", "SETNAME", "auth", "AUTH", "user", "secret"),
        ("CONFIG", "SET", "requirepass", "", "maxclients", "1000"),
        ("CONFIG", "SET", "masterauth", ""),
    ]
    with oracle.connect() as redis:
        redis("CONFIG SET slowlog-log-slower-than 0")
        for command in commands:
            slow.command(*command)
            redis.command(*command)
            logged = slow("SLOWLOG GET 1")[0][3]
            assert b"secret" not in logged
            assert logged == redis("SLOWLOG GET 1")[0][3]


def test_the_log_is_as_long_as_its_setting_says(slow, server):
    slow("CONFIG SET slowlog-max-len 7")
    slow.pipeline([("SET", f"k:{i}", "v") for i in range(100)])
    assert slow("SLOWLOG LEN") == 7
    assert len(slow("SLOWLOG GET")) == 7 and len(slow("SLOWLOG GET 3")) == 3 and slow("SLOWLOG GET 0") == []
    slow("CONFIG SET slowlog-max-len 0")
    assert slow("SLOWLOG LEN") == 0 and slow("SLOWLOG GET -1") == []
    slow("CONFIG SET slowlog-max-len 1000")
    slow.pipeline([("SET", f"k:{i}", "v") for i in range(20)])
    assert len(slow("SLOWLOG GET")) == 10
    slow("SLOWLOG RESET")
    assert slow("SLOWLOG LEN") == 1


@pytest.mark.alone
def test_what_is_fast_enough_is_not_logged(raw, server):
    raw("SLOWLOG RESET")
    raw("SET k v")
    assert raw("SLOWLOG LEN") == 0
    raw("DEBUG SLEEP 0.012")
    entry = raw("SLOWLOG GET")[0]
    assert entry[2] >= 12000 and entry[3] == [b"DEBUG", b"SLEEP", b"0.012"]
    raw("CONFIG SET slowlog-log-slower-than -1")
    raw("SLOWLOG RESET")
    raw("DEBUG SLEEP 0.012")
    assert raw("SLOWLOG LEN") == 0


def test_large_answers_are_logged_though_their_command_is_fast(raw, server):
    """Most GETs are not timed, but for one that takes long."""
    raw.command("SET", "large", "x" * (64 << 20))
    raw.pipeline([("GET", "none")] * 1000)
    raw("CONFIG SET slowlog-log-slower-than 1000")
    raw("SLOWLOG RESET")
    raw("GET large")
    assert raw("SLOWLOG GET")[0][3] == [b"GET", b"large"]


@pytest.mark.parametrize(
    "line",
    "SLOWLOG HELP/SLOWLOG/SLOWLOG NOSUCH/SLOWLOG GET -2/SLOWLOG GET x/SLOWLOG GET 1 2/SLOWLOG LEN x/SLOWLOG RESET x".split("/"),
)
def test_slowlog_answers_as_redis_does(raw, oracle, line):
    with oracle.connect() as redis:
        assert raw(line) == redis(line)


# LATENCY


@pytest.mark.alone
def test_latency_events_of_all_shards(raw, server):
    raw("LATENCY RESET")
    raw("DEBUG SLEEP 0.02")
    assert raw("LATENCY LATEST") == [] and raw("LATENCY HISTORY command") == []
    raw("CONFIG SET latency-monitor-threshold 5")
    for i in range(8):
        raw.command("RPUSH", f"list:{i}", "x")
    raw("DEBUG SLEEP 0.02")
    event, when, latest, worst = raw("LATENCY LATEST")[0]
    assert event == b"command" and abs(when - time.time()) < 60 and 20 <= latest <= worst < 10000
    history = raw("LATENCY HISTORY command")
    assert history[-1] == [when, latest] and all(len(sample) == 2 for sample in history)
    assert b"1. command: " in raw("LATENCY DOCTOR")
    assert raw("LATENCY GRAPH command").startswith(b"command - high ")
    assert raw("LATENCY RESET fast-command nosuch") in (0, 1)
    assert raw("LATENCY RESET command command") == 1
    assert raw("LATENCY HISTORY command") == []


def test_latency_of_many_keys_that_expire_together(raw, server):
    raw("LATENCY RESET")
    raw("CONFIG SET latency-monitor-threshold 1")
    for _ in range(20):
        raw.pipeline([("RPUSH", f"list:{i}", *range(60)) for i in range(1000)] + [("PEXPIRE", f"list:{i}", "1") for i in range(1000)])
        wait_until(lambda: raw("DBSIZE") == 0)
        if b"expire-cycle" in [event[0] for event in raw("LATENCY LATEST")]:
            return
    pytest.skip("this machine is too fast for that")


def test_latency_of_many_keys_that_are_evicted_together(raw, server):
    raw("CONFIG SET latency-monitor-threshold 1")
    raw("CONFIG SET maxmemory-policy allkeys-lru")
    raw("CONFIG SET maxmemory-eviction-tenacity 100")
    try:
        for _ in range(20):
            raw("LATENCY RESET")
            raw.pipeline([("SET", f"key:{i}", "x" * 100) for i in range(20000)])
            raw("CONFIG SET maxmemory 1")
            wait_until(lambda: raw("DBSIZE") == 0)
            raw("CONFIG SET maxmemory 0")
            if b"eviction-cycle" in [event[0] for event in raw("LATENCY LATEST")]:
                assert raw("LATENCY HISTORY eviction-cycle")[-1][1] >= 1
                return
        pytest.skip("this machine is too fast for that")
    finally:
        for name, value in {"maxmemory": "0", "maxmemory-policy": "noeviction", "maxmemory-eviction-tenacity": "10"}.items():
            raw.command("CONFIG", "SET", name, value)


def test_histogram_has_the_buckets_of_redis(raw, oracle, server):
    with oracle.connect() as redis:
        for connection in (raw, redis):
            connection("CONFIG RESETSTAT")
            for _ in range(3):
                connection("DEBUG SLEEP 0.05")
            connection("CONFIG GET port")
        for connection in (raw, redis):
            shown = connection("LATENCY HISTOGRAM debug config|get nosuch")
            table = dict(zip(shown[::2], shown[1::2]))
            assert table.keys() == {b"debug", b"config|get"}
            fields = table[b"debug"]
            assert fields[:3] == [b"calls", 3, b"histogram_usec"]
            assert fields[3] == [67633, 3] or fields[3][-1] == 3
            assert fields[3][0] in (67633, 135266, 270532)
    table = raw("LATENCY HISTOGRAM")
    names = table[::2]
    assert b"config|resetstat" in names and b"client" not in names
    assert raw("LATENCY HISTOGRAM nosuch") == []


def test_histogram_counts_every_call_though_few_are_timed(raw, raw3):
    raw("CONFIG RESETSTAT")
    raw.pipeline([("GET", "k")] * 5000)
    shown = raw3("LATENCY HISTOGRAM get")
    assert shown[b"get"][b"calls"] == 5000
    assert list(shown[b"get"][b"histogram_usec"].values())[-1] == 5000


@pytest.mark.parametrize(
    "line",
    "LATENCY HELP/LATENCY/LATENCY NOSUCH/LATENCY HISTORY/LATENCY HISTORY nosuch/LATENCY GRAPH nosuch/LATENCY GRAPH/"
    "LATENCY LATEST x/LATENCY RESET nosuch/LATENCY DOCTOR x/LATENCY HISTOGRAM nosuch".split("/"),
)
def test_latency_answers_as_redis_does(raw, oracle, line):
    with oracle.connect() as redis:
        assert raw(line) == redis(line)


# MONITOR


LINE = re.compile(r'(\d+\.\d{6}) \[(\d+) ([^\]]+)\] (.*)')


class Watching:
    """A connection in MONITOR; what it sees, as (db, client, words)."""

    def __init__(self, server, connection):
        self.server, self.connection = server, connection
        assert connection("MONITOR") == "OK"

    def until(self, word):
        """All that comes before the ECHO of that word."""
        seen = []
        while True:
            _, db, client, words = LINE.fullmatch(self.connection.read()).groups()
            if words.upper() == f'"ECHO" "{word}"'.upper():
                return seen
            if '"INFO"' not in words.upper():
                seen.append((int(db), client, words))

    def of(self, raw):
        """What has been executed so far."""
        raw("ECHO until-here")
        return self.until("until-here")


@pytest.fixture
def monitor(server):
    with server.connect() as connection:
        yield Watching(server, connection)


def address(connection):
    return "%s:%d" % connection.socket.getsockname()


def test_monitor_shows_what_redis_shows(raw, server, oracle):
    script = "redis.call('set', KEYS[1], ARGV[1]) return redis.pcall('incr', KEYS[1])"
    commands = [
        *(("SET", "a", "1"), ("SELECT", "5"), ("GET", "a"), ("SELECT", "0"), ("PING",), ("CONFIG", "GET", "port")),
        *(("CLIENT", "SETNAME", "x"), ("CLIENT", "LIST"), ("MULTI",), ("SET", "b", 'x\n"\\\xff'), ("GET", "b")),
        *(("EXEC",), ("MSET", "a", "1", "b", "2", "c", "3"), ("MGET", "a", "b", "c"), ("RENAME", "a", "b"), ("DBSIZE",)),
        *(("WATCH", "a", "b"), ("UNWATCH",), ("EVAL", script, "1", "a", "x"), ("BLPOP", "none", "0.01"), ("NOSUCH",)),
        *(("GET",), ("AUTH", "u", "secret"), ("HELLO", "2", "AUTH", "u", "secret"), ("LPUSH", "a", "x"), ("SLOWLOG", "LEN")),
        *(("MULTI",), ("SET", "c", "4"), ("DISCARD",), ("OBJECT", "ENCODING", "a"), ("FLUSHALL",), ("TIME",)),
        *(("MULTI",), ("eXeC",), ("WATCH", "w", "x", "y"), ("MULTI",), ("MSET", "w", "1", "x", "2", "y", "3"), ("exec",)),
        *(("SELECT", "3"), ("RESET",), ("SELECT", "3"), ("MULTI",), ("GET", "a"), ("reset",)),
        *(("HELLO", "3"), ("SELECT", "4"), ("Subscribe", "one"), ("PSUBSCRIBE", "t*"), ("SSUBSCRIBE", "three")),
        *(("UNSUBSCRIBE", "one"), ("punsubscribe",), ("SUNSUBSCRIBE", "none"), ("SUBSCRIBE", "one"), ("RESET",)),
    ]

    def seen_by(server):
        with server.connect() as connection, server.connect() as client:
            watching = Watching(server, connection)
            for command in commands:
                client.command(*command)
            lines = watching.of(client)
            return [(db, who.replace(address(client), "client"), words) for db, who, words in lines]

    assert seen_by(server) == seen_by(oracle)


def test_monitors_see_all_shards_and_each_client_in_order(raw, server, monitor):
    clients = [server.connect() for _ in range(4)]

    def work(number):
        for start in range(0, 600, 50):
            clients[number].pipeline([("SET", f"{number}:{i}", i) for i in range(start, start + 50)])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    lines = monitor.of(raw)
    for number, client in enumerate(clients):
        mine = [words for _, who, words in lines if who == address(client)]
        assert mine == [f'"SET" "{number}:{i}" "{i}"' for i in range(600)]
        client.close()
    assert len(lines) == 2400


def test_an_effect_is_not_seen_before_its_cause(raw, server, monitor):
    """One client's write is shown before what another does that has seen it."""
    with server.connect() as other:
        for i in range(100):
            raw.command("MSET", f"a{i}", "1", f"b{i}", "1", f"c{i}", "1")
            other.command("GET", f"c{i}")
    words = [words for _, _, words in monitor.of(raw)]
    assert words == [
        line for i in range(100) for line in (f'"MSET" "a{i}" "1" "b{i}" "1" "c{i}" "1"', f'"GET" "c{i}"')
    ]


def test_reset_and_close_end_monitor(raw, server):
    with server.connect() as watcher:
        assert watcher("MONITOR") == "OK"
        assert " flags=O " in next(line for line in raw("CLIENT LIST").decode().splitlines() if "cmd=monitor" in line)
        assert watcher("GET k") == "ERR Replica can't interact with the keyspace"
        watcher.send(b"RESET\r\n")
        while watcher.read() != "RESET":
            pass
        raw.pipeline([("SET", f"k:{i}", "v") for i in range(100)])
        assert watcher("GET k:1") == b"v"
        assert watcher("MONITOR") == "OK"
    raw.pipeline([("SET", f"k:{i}", "v") for i in range(100)])
    with server.connect() as watcher:
        watching = Watching(server, watcher)
        raw.pipeline([("SET", f"k:{i}", "v") for i in range(100)])
        assert len(watching.of(raw)) == 100


def test_each_line_is_told_once_though_a_busy_script_is_run_again(raw, server, monitor):
    """It touches a key that it did not declare, after others have been answered in the middle of it."""
    script = """
    if ARGV[1] == 'warm' then return 1 end
    redis.call('SET', KEYS[1], 1)
    local ends = os.clock() + 0.2
    while os.clock() < ends do end
    for i = 1, 20 do redis.call('GET', ARGV[1] .. i) end
    return 'done'
    """
    raw("CONFIG SET busy-reply-threshold 10")
    clients = [server.connect() for _ in range(8)]
    sent = 0
    with server.connect() as victim:
        assert victim.command("EVAL", script, 1, "k", "warm") == 1  # it keeps to its keys' shard, as far as is known
        monitor.of(raw)
        victim.send_commands([("EVAL", script, 1, "k", "key")])
        while not select.select([victim.socket], [], [], 0)[0]:
            for client in clients:
                assert client.pipeline([("MULTI",), ("DISCARD",)]) == ["OK", "OK"]
            sent += 1
        assert victim.read() == b"done"
    lines = monitor.of(raw)
    for client in clients:
        assert [words for _, who, words in lines if who == address(client)] == ['"MULTI"', '"DISCARD"'] * sent
        client.close()
    ran = ['"SET" "k" "1"'] + [f'"GET" "key{i}"' for i in range(1, 21)]
    assert [words for _, who, words in lines if who == "lua"] == ran
    assert sum(words.startswith('"EVAL"') for _, _, words in lines) == 1


def test_monitor_is_refused_where_nothing_may_wait(raw):
    assert raw.pipeline([("MULTI",), ("MONITOR",), ("EXEC",)])[2] == ["ERR MONITOR isn't allowed for DENY BLOCKING client"]
    assert raw("CLIENT LIST").count(b"flags=O") == 0
    raw("SET k v")


def test_a_monitor_that_does_not_read_is_closed(start, backend):
    """At the limit of subscribers, where its own class has none."""
    server = start("--shards", 3, "--net-backend", backend, expected=[r"reached output buffer limits"])
    with server.connect() as client, server.connect(receive_bytes=4096) as watcher:
        client.command("CONFIG", "SET", "client-output-buffer-limit", "pubsub 1mb 0 0")
        watcher("MONITOR")
        lot = [("SET", "k", "x" * 10000)] * 100
        wait_until(lambda: client.pipeline(lot) and b"flags=O" not in client("CLIENT LIST"), seconds=60)
