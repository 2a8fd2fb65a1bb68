"""INFO, COMMAND, OBJECT, DEBUG, MEMORY, TIME: what tools ask a server before they trust it."""

import time

import pytest
import redis

import resp
from server import SANITIZED, scaled, wait_until

# Fields that client libraries and tools read; one who finds one missing refuses, warns or misbehaves.
READ_BY = {
    "BullMQ": "redis_version maxmemory_policy",
    "Sidekiq": "redis_version connected_clients uptime_in_days used_memory_human used_memory_peak_human maxmemory_policy",
    "RQ": "redis_version",
    "redis-py": "redis_version redis_mode role",
    "redis-cli": "redis_version run_id used_memory_human connected_clients blocked_clients total_commands_processed total_connections_received loading",
    "memtier": "cluster_enabled",
    "redis-benchmark": "redis_version redis_mode",
    "dashboards": "used_memory used_memory_rss used_memory_peak mem_fragmentation_ratio maxmemory evicted_keys expired_keys "
    "keyspace_hits keyspace_misses instantaneous_ops_per_sec rejected_connections total_net_input_bytes total_net_output_bytes total_reads_processed total_writes_processed "
    "rdb_last_save_time rdb_changes_since_last_save rdb_last_bgsave_status aof_enabled role connected_slaves "
    "master_repl_offset used_cpu_sys used_cpu_user uptime_in_seconds tcp_port process_id os arch_bits",
}


@pytest.mark.parametrize("who", READ_BY)
def test_info_has_what_tools_read(server, who):
    info = server.info("default")
    missing = [field for field in READ_BY[who].split() if field not in info]
    assert not missing


def test_info_sections(raw, server):
    assert raw("INFO server").startswith(b"# Server\r\n") and b"# Clients" not in raw("INFO server")
    both = raw("INFO clients memory")
    assert b"# Clients\r\n" in both and b"# Memory\r\n" in both and b"# CPU" not in both
    assert raw("INFO nosuch") == b""
    assert raw("INFO everything").count(b"# ") >= 12
    info = server.info()
    assert info["redis_version"].startswith("7.4.") and info["shards"] == str(server.shards)
    assert info["tcp_port"] == str(server.port) and info["process_id"] == str(server.pid)


def test_info_adds_up_the_shards(raw, server):
    raw("CONFIG RESETSTAT")
    raw.pipeline([("SET", f"k:{i}", "v", "EX", 1000) for i in range(100)] + [("GET", f"k:{i}") for i in range(150)])
    raw("SELECT 2")
    raw("SET other v")
    info = server.info()
    assert info["keyspace_hits"] == "100" and info["keyspace_misses"] == "50"
    assert info["db0"].startswith("keys=100,expires=100,avg_ttl=") and info["db2"] == "keys=1,expires=0,avg_ttl=0"
    assert int(info["total_commands_processed"]) >= 252
    keys = [int(info[f"shard{i}"].split(",")[0].removeprefix("keys=")) for i in range(server.shards)]
    assert sum(keys) == 101


def test_info_counts_who_waits_and_who_watches(raw, server):
    raw("XGROUP CREATE stream group $ MKSTREAM")
    with server.connect() as watcher, server.connect() as popper, server.connect() as reader:
        watcher("WATCH a b")
        popper.send(resp.encode("BLPOP", "list", "other", "0"))
        reader.send(resp.encode("XREADGROUP", "GROUP", "group", "me", "BLOCK", "0", "STREAMS", "stream", ">"))
        wait_until(lambda: server.info("clients")["blocked_clients"] == "2")
        info = server.info("clients")
        assert info["total_blocking_keys"] == "3" and info["total_blocking_keys_on_nokey"] == "1"
        assert info["watching_clients"] == "1" and info["total_watched_keys"] == "2"
        watcher("UNWATCH")
        info = server.info("clients")
        assert info["watching_clients"] == "0" and info["total_watched_keys"] == "0"
    wait_until(lambda: server.info("clients")["total_blocking_keys_on_nokey"] == "0")


def test_memory_stats_counts_functions(raw):
    def caches():
        pairs = raw("MEMORY STATS")
        return dict(zip(pairs[::2], pairs[1::2]))[b"functions.caches"]

    before = caches()
    raw.command("FUNCTION", "LOAD", "#!lua name=lib\nredis.register_function('f', function() return 1 end)")
    assert caches() > before
    raw("FUNCTION FLUSH")


def test_used_memory_follows_the_data(raw, server):
    """But for the pools of requests and buffers: at most some 2000 requests a connection, which stay."""
    pools = 2 << 20

    def used():
        return int(server.info("memory")["used_memory"])

    count, commands = scaled(5000), [("SET", f"m:{i}", "x" * 1000) for i in range(scaled(5000))]
    raw.pipeline(commands)
    raw("FLUSHALL")
    for _ in range(3):
        time.sleep(0.1)
        before = used()
        raw.pipeline(commands)
        assert count * 1000 <= used() - before <= count * 1400 + pools
        raw("FLUSHALL")
        wait_until(lambda: used() - before < pools)


def test_redis_py_reads_info(r):
    info = r.info()
    assert info["redis_version"].startswith("7.4") and isinstance(info["used_memory"], int) and info["role"] == "master"
    assert r.info("keyspace") == {}
    r.set("k", "v")
    assert r.info("keyspace")["db0"]["keys"] == 1


def test_command_describes_every_command(raw):
    commands = {entry[0]: entry for entry in raw("COMMAND")}
    assert raw("COMMAND COUNT") == len(commands) > 60
    name, arity, flags, first, last, step, categories, tips, specifications, subcommands = commands[b"get"]
    assert (arity, first, last, step) == (2, 1, 1, 1) and set(flags) == {"readonly", "fast"}
    assert "@string" in categories and specifications and subcommands == []
    assert len(commands[b"client"][9]) > 10
    assert raw("COMMAND INFO get nosuch")[1] is None and raw("COMMAND INFO client|list")[0][0] == b"client|list"
    assert set(commands) <= set(raw("COMMAND LIST"))
    assert raw("COMMAND LIST FILTERBY PATTERN mset*") and set(raw("COMMAND LIST FILTERBY PATTERN mset*")) >= {b"mset", b"msetnx"}


def test_command_docs_for_redis_cli(raw, raw3):
    docs = raw("COMMAND DOCS set")
    assert docs[0] == b"set"
    fields = dict(zip(docs[1][::2], docs[1][1::2]))
    assert fields[b"group"] == b"string" and fields[b"since"] == b"1.0.0" and fields[b"arguments"]
    everything = raw3("COMMAND DOCS")
    assert len(everything) == raw("COMMAND COUNT") and all(b"summary" in doc for doc in everything.values())


@pytest.mark.parametrize(
    "command,keys",
    [
        ("GET a", "a"), ("MSET a 1 b 2", "a b"), ("DEL a b c", "a b c"), ("RENAME a b", "a b"), ("LCS a b LEN", "a b"),
        ("OBJECT ENCODING a", "a"), ("MSETEX 2 a 1 b 2 EX 5", "a b"), ("COPY a b DB 1", "a b"),
    ],
)  # fmt: skip
def test_getkeys(raw, command, keys):
    assert raw(f"COMMAND GETKEYS {command}") == [key.encode() for key in keys.split()]
    assert [pair[0] for pair in raw(f"COMMAND GETKEYSANDFLAGS {command}")] == [key.encode() for key in keys.split()]


@pytest.mark.parametrize(
    "command",
    [
        "GEORADIUS k 0 0 1 m STORE a STOREDIST b STORE c", "GEORADIUS k 0 0 1 m STOREDIST a STORE b", "GEORADIUS k 0 0 1 m STORE",
        "GEORADIUS k 0 0 1 m STORE a STOREDIST", "GEORADIUSBYMEMBER k m 1 m STORE storedist STOREDIST b ASC", "GEORADIUS k 0 STORE a 1 m",
        "XREADGROUP GROUP g streams STREAMS a b > >", "XREAD COUNT 1 STREAMS streams 0", "XREAD STREAMS a b 0", "XREAD COUNT 1 a STREAMS",
        "SORT k BY store STORE a GET # STORE b", "ZUNIONSTORE a 0 b", "EVAL x 3 a b",
    ],
)  # fmt: skip
@pytest.mark.parametrize("subcommand", ["GETKEYS", "GETKEYSANDFLAGS"])
def test_getkeys_goes_by_the_specifications_as_redis_server_does(raw, oracle, subcommand, command):
    with oracle.connect() as redis_server:
        assert raw(f"COMMAND {subcommand} {command}") == redis_server(f"COMMAND {subcommand} {command}")


def test_getkeys_errors(raw):
    assert raw("COMMAND GETKEYS PING x") == "ERR The command has no key arguments"
    assert raw("COMMAND GETKEYS nosuch x") == "ERR Invalid command specified"
    assert raw("COMMAND GETKEYS GET a b") == "ERR Invalid number of arguments specified for command"


def test_object(raw):
    for value, encoding in [("12", b"int"), ("x" * 44, b"embstr"), ("x" * 45, b"raw"), ("-9223372036854775808", b"int"), ("01", b"embstr")]:
        raw.command("SET", "k", value)
        assert raw("OBJECT ENCODING k") == encoding, value
    raw("APPEND k x")
    assert raw("OBJECT ENCODING k") == b"raw"
    assert raw("OBJECT REFCOUNT k") == 1 and raw("OBJECT IDLETIME k") in (0, 1)
    assert raw("OBJECT ENCODING absent") is None
    assert raw("OBJECT FREQ k").startswith("ERR An LFU maxmemory policy is not selected")
    assert raw("CONFIG SET maxmemory-policy allkeys-lfu") == "OK"
    assert isinstance(raw("OBJECT FREQ k"), int) and raw("OBJECT IDLETIME k").startswith("ERR An LFU maxmemory policy is selected")
    assert raw("OBJECT HELP")[0].startswith("OBJECT <subcommand>")


def test_memory_commands(raw, raw3):
    raw.command("SET", "k", "x" * 1000)
    assert 1000 < raw("MEMORY USAGE k") < 2000 and raw("MEMORY USAGE absent") is None
    stats = raw3("MEMORY STATS")
    for field in (b"peak.allocated", b"total.allocated", b"startup.allocated", b"clients.normal", b"keys.count", b"dataset.bytes"):
        assert field in stats, field
    assert stats[b"keys.count"] == 1
    assert raw("MEMORY PURGE") == "OK" and len(raw("MEMORY DOCTOR")) > 10
    assert isinstance(raw("MEMORY MALLOC-STATS"), bytes)


def test_debug(raw, server):
    assert raw.command("DEBUG", "ERROR", "MY own error") == "MY own error"
    raw("SET k v")
    assert "encoding:embstr" in raw("DEBUG OBJECT k") and raw("DEBUG OBJECT absent") == "ERR no such key"
    assert raw("DEBUG LOG hello") == "OK"
    wait_until(lambda: "DEBUG LOG: hello" in server.log())
    assert raw("DEBUG JMAP") == "OK"
    assert raw("DEBUG HTSTATS 0").count(b"[Table of shard ") == server.shards
    assert raw("DEBUG NOSUCH").startswith("ERR unknown subcommand")
    begun = time.monotonic()
    with server.connect() as other:
        raw.send(b"DEBUG SLEEP 0.3\r\n")
        time.sleep(0.1)
        assert other("SET k w") == "OK"
        assert raw.read() == "OK"
    assert time.monotonic() - begun >= 0.29


def test_debug_is_refused_unless_enabled(start):
    server = start()
    with server.connect() as connection:
        assert connection("DEBUG SLEEP 0").startswith("ERR DEBUG command not allowed.")
    local = start("--enable-debug-command", "local")
    with local.connect() as connection:
        assert connection("DEBUG SLEEP 0") == "OK"


def test_time_and_lolwut(raw):
    seconds, microseconds = map(int, raw("TIME"))
    assert abs(seconds - time.time()) < 2 and 0 <= microseconds < 10**6
    assert b"7.4." in raw("LOLWUT")


@pytest.mark.skipif(SANITIZED, reason="the tools are what is tested")
def test_redis_cli_and_redis_benchmark(server):
    import shutil
    import subprocess

    if not shutil.which("redis-benchmark"):
        pytest.skip("redis-tools is not installed")

    def tool(*arguments, input=None):
        return subprocess.run(arguments, input=input, capture_output=True, text=True, timeout=60)

    port = str(server.port)
    assert tool("redis-cli", "-p", port, "SET", "k", "v").stdout == "OK\n"
    assert tool("redis-cli", "-3", "-p", port, "CONFIG", "GET", "port").stdout == f"port {port}\n"
    assert "keys" in tool("redis-cli", "-p", port, "--bigkeys").stdout
    assert tool("redis-cli", "-p", port, "--scan").stdout == "k\n"
    mass = "".join(f"SET p:{i} v\r\n" for i in range(1000))
    assert "errors: 0, replies: 1000" in tool("redis-cli", "-p", port, "--pipe", input=mass).stdout
    result = tool("redis-benchmark", "-p", port, "-n", "2000", "-c", "10", "-P", "8", "-r", "1000", "-t", "ping,set,get,incr,mset", "--csv")
    assert result.returncode == 0 and result.stdout.count("\n") >= 6 and "error" not in result.stderr.lower(), result.stderr


def test_redis_py_pipelines_and_locks(r):
    with r.pipeline(transaction=False) as pipeline:
        for i in range(100):
            pipeline.set(f"k:{i}", i).get(f"k:{i}")
        assert pipeline.execute() == [x for i in range(100) for x in (True, str(i))]
    with pytest.raises(redis.ResponseError):
        r.execute_command("INCR", "k:0", "extra")


ALONE = (
    "ROLE/ROLE x/REPLICAOF/REPLICAOF x/REPLICAOF NO ONE/REPLICAOF x y/REPLICAOF x 70000/REPLICAOF x -1/SLAVEOF no one/SLAVEOF x/"
    "READONLY/READONLY x/READWRITE/ASKING/CLUSTER/CLUSTER INFO/CLUSTER INFO x/CLUSTER SLOTS/CLUSTER SHARDS/CLUSTER NODES/"
    "CLUSTER MYID/CLUSTER KEYSLOT k/CLUSTER KEYSLOT/CLUSTER COUNTKEYSINSLOT 1/CLUSTER ADDSLOTS 1/CLUSTER SETSLOT 1 STABLE/"
    "FAILOVER/FAILOVER ABORT/FAILOVER abort x/FAILOVER TO h 1/FAILOVER TO h x/FAILOVER TO h/FAILOVER TIMEOUT 0/FAILOVER TIMEOUT x/"
    "FAILOVER timeout 5 to h 1 force/FAILOVER FORCE/FAILOVER FORCE FORCE/FAILOVER TIMEOUT 1 TIMEOUT 1/FAILOVER TO h 1 TO h 1/FAILOVER x/"
    "CLUSTER HELP/CLUSTER NOSUCH/MODULE/MODULE LIST/MODULE LIST x/MODULE NOSUCH"
).split("/")


@pytest.mark.parametrize("protocol", [2, 3])
def test_a_server_without_replicas_cluster_and_modules_says_so(server, oracle, protocol):
    """Clients and tools ask, and go on by the answer."""
    scripts = [("EVAL", f"return redis.call('{name}')", 0) for name in ("role", "readonly", "asking")]
    scripts += [("EVAL", "return redis.call('cluster', 'info')", 0), ("EVAL", "return redis.call('module', 'list')", 0)]
    queued = [("MULTI",), *(tuple(line.split()) for line in ALONE if line != "CLUSTER" and " " in line), ("EXEC",)]
    with server.connect(protocol) as c, oracle.connect(protocol) as other:
        for command in [*(tuple(line.split()) for line in ALONE), *scripts, *queued]:
            for connection in (c, other):
                connection.send_commands([command])
            assert c.read_raw() == other.read_raw(), command
        assert c("REPLICAOF 127.0.0.1 6379") == "ERR This server can not be a replica"
        assert c("CLUSTER MYSHARDID") == "ERR This instance has cluster support disabled"  # since 7.2
        for name in ("role", "replicaof", "slaveof", "failover", "readonly", "readwrite", "asking", "cluster|slots", "cluster|meet", "module|list"):
            for connection in (c, other):
                connection.send_commands([("COMMAND", "INFO", name)])
            assert c.read_raw() == other.read_raw(), name


def test_help_is_redis_servers(raw, oracle):
    containers = "COMMAND CONFIG FUNCTION LATENCY MEMORY OBJECT PUBSUB SCRIPT SLOWLOG XGROUP XINFO"
    with oracle.connect() as other:
        for container in containers.split():
            assert raw(f"{container} HELP") == other(f"{container} HELP")
        lines = iter(raw("CLIENT HELP"))  # what came after 7.0 lies between
        assert all(line in lines for line in other("CLIENT HELP"))
