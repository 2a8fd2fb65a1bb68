"""CLIENT: every connection is on some shard, and the commands on other clients reach them all."""

import time

import pytest

import resp
from server import wait_until


@pytest.fixture
def others(server):
    """More connections than shards, each with a name."""
    connections = [server.connect() for _ in range(2 * server.shards + 3)]
    for number, connection in enumerate(connections):
        assert connection.command("CLIENT", "SETNAME", f"other-{number}") == "OK"
    yield connections
    for connection in connections:
        connection.close()


def listed(connection, *options):
    """CLIENT LIST as dictionaries."""
    lines = connection.command("CLIENT", "LIST", *options).decode().splitlines()
    return [dict(field.split("=", 1) for field in line.split(" ")) for line in lines]


def test_list_shows_the_clients_of_all_shards(raw, others):
    clients = listed(raw)
    names = [client["name"] for client in clients]
    assert {f"other-{n}" for n in range(len(others))} <= set(names)
    ids = [int(client["id"]) for client in clients]
    assert ids == sorted(ids) and len(set(ids)) == len(ids)
    me = next(client for client in clients if client["id"] == str(raw("CLIENT ID")))
    assert me["cmd"] == "client|list" and me["addr"].startswith("127.0.0.1:") and me["laddr"].startswith("127.0.0.1:")
    for field in "id addr laddr fd name age idle flags db sub psub multi qbuf qbuf-free argv-mem tot-mem events cmd user lib-name lib-ver resp".split():
        assert field in me, field


def test_list_by_id_and_type(raw, others):
    ids = [connection("CLIENT ID") for connection in others[:3]]
    asked = [ids[2], ids[0], ids[1]]
    assert [int(client["id"]) for client in listed(raw, "ID", *asked)] == asked
    assert listed(raw, "TYPE", "pubsub") == [] and len(listed(raw, "TYPE", "normal")) >= len(others)
    assert raw("CLIENT LIST TYPE nosuch") == "ERR Unknown client type 'nosuch'"
    assert raw("CLIENT LIST ID x") == "ERR Invalid client ID"


def test_info_is_the_own_line(raw):
    raw("CLIENT SETNAME me")
    raw("CLIENT SETINFO LIB-NAME mylib")
    raw("CLIENT SETINFO LIB-VER 1.2")
    line = raw("CLIENT INFO").decode()
    assert f"id={raw('CLIENT ID')} " in line and " name=me " in line
    assert " lib-name=mylib " in line and " lib-ver=1.2" in line and "cmd=client|info" in line


def test_names_are_checked(raw):
    assert raw.command("CLIENT", "SETNAME", "a b").startswith("ERR Client names cannot contain spaces")
    assert raw.command("CLIENT", "SETNAME", "") == "OK" and raw("CLIENT GETNAME") is None


def test_kill_by_id_reaches_every_shard(raw, others):
    for connection in others:
        assert raw.command("CLIENT", "KILL", "ID", connection("CLIENT ID")) == 1
        assert connection.is_closed_within(5)
    assert raw("CLIENT KILL ID 999999999") == 0


def test_kill_by_address(raw, others):
    victim = others[0]
    host, port = victim.socket.getsockname()
    assert raw.command("CLIENT", "KILL", f"{host}:{port}") == "OK" and victim.is_closed_within(5)
    assert raw("CLIENT KILL 127.0.0.1:1") == "ERR No such client"
    host, port = others[1].socket.getsockname()
    assert raw.command("CLIENT", "KILL", "ADDR", f"{host}:{port}", "SKIPME", "yes") == 1 and others[1].is_closed_within(5)


def test_kill_many_spares_whoever_asks(raw, others, server):
    assert raw.command("CLIENT", "KILL", "LADDR", f"127.0.0.1:{server.port}") >= len(others)
    for connection in others:
        assert connection.is_closed_within(5)
    assert raw("PING") == "PONG"


def test_a_client_may_kill_itself(server):
    with server.connect() as connection:
        mine = connection("CLIENT ID")
        connection.send_commands([("SET", "k", "1"), ("CLIENT", "KILL", "ID", mine, "SKIPME", "no")])
        assert connection.read_until_closed() == b"+OK\r\n:1\r\n"


@pytest.mark.alone
def test_pause_all_holds_back_everybody_and_ends_by_itself(raw, others):
    """Redis holds back CLIENT UNPAUSE as well."""
    begun = time.monotonic()
    assert raw("CLIENT PAUSE 150 ALL") == "OK"
    for connection in others:
        connection.send(resp.encode("PING"))
    assert others[0].is_silent_for(0.1)
    assert [connection.read() for connection in others] == ["PONG"] * len(others)
    assert time.monotonic() - begun > 0.14


def test_pause_write_lets_reads_through(raw, others):
    assert raw("CLIENT PAUSE 100000 WRITE") == "OK"
    for number, connection in enumerate(others):
        assert connection.command("GET", f"k:{number}") is None
        connection.send_commands([("GET", "x"), ("SET", f"k:{number}", "v"), ("GET", f"k:{number}")])
        assert connection.read() is None
    assert others[0].is_silent_for(0.05) and raw("DBSIZE") == 0
    assert raw("CLIENT UNPAUSE") == "OK"
    for connection in others:
        assert [connection.read(), connection.read()] == ["OK", b"v"]
    assert raw("DBSIZE") == len(others)


def test_pause_errors(raw):
    assert raw("CLIENT PAUSE x") == "ERR timeout is not an integer or out of range"
    assert raw("CLIENT PAUSE -1") == "ERR timeout is negative"
    assert raw("CLIENT PAUSE 1 NOSUCH") == "ERR CLIENT PAUSE mode must be WRITE or ALL"


def test_reply_modes(raw):
    raw.send_commands([("CLIENT", "REPLY", "SKIP"), ("SET", "a", "1"), ("GET", "a")])
    assert raw.read() == b"1"
    keys = [f"r:{i}" for i in range(20)]
    raw.send_commands([("CLIENT", "REPLY", "OFF"), *(("SET", key, "v") for key in keys), ("NOSUCH",), ("MGET", *keys), ("CLIENT", "REPLY", "ON"), ("PING",)])
    assert [raw.read(), raw.read()] == ["OK", "PONG"]
    assert raw.command("EXISTS", *keys) == 20
    assert raw("CLIENT REPLY nosuch") == "ERR syntax error"


def test_no_touch_leaves_access_times_alone(server, raw):
    raw.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    raw("SET k v")
    with server.connect() as quiet:
        assert quiet("CLIENT NO-TOUCH on") == "OK"
        wait_until(lambda: raw("OBJECT IDLETIME k") >= 1, seconds=5, pause=0.05)
        quiet("GET k")
        assert raw("OBJECT IDLETIME k") >= 1
        quiet("TOUCH k")
        assert raw("OBJECT IDLETIME k") == 0
        assert quiet("CLIENT NO-TOUCH x") == "ERR syntax error"
    assert raw("CLIENT NO-EVICT on") == "OK"


def test_ids_rise_and_unblock_of_nobody(raw, server):
    first = raw("CLIENT ID")
    with server.connect() as later:
        assert later("CLIENT ID") > first
    assert raw("CLIENT UNBLOCK 12345") == 0
    assert raw("CLIENT NOSUCH") == "ERR unknown subcommand 'NOSUCH'. Try CLIENT HELP."
    assert raw("CLIENT HELP")[0].startswith("CLIENT <subcommand>")


def test_redis_py_client_commands(r):
    r.client_setname("py")
    assert r.client_getname() == "py" and r.client_id() > 0
    assert any(client["name"] == "py" for client in r.client_list())
    assert r.client_kill_filter(_id="99999999") == 0


def test_connections_spread_over_the_shards(server):
    connections = [server.connect() for _ in range(4 * server.shards)]
    shards = [line for name, line in server.info("shoal").items() if name.startswith("shard") and name != "shards"]
    counts = [int(dict(field.split("=") for field in line.split(","))["clients"]) for line in shards]
    assert len(counts) == server.shards and max(counts) - min(counts) <= 2, counts
    for connection in connections:
        connection.close()


def test_the_last_command_is_the_one_that_was_named(raw, server, oracle):
    with server.connect() as admin, oracle.connect() as other, oracle.connect() as other_admin:
        raw("CLIENT SETNAME named"), other("CLIENT SETNAME named")
        for line in ("GET a", "NOSUCH", "OBJECT NOSUCH a", "GET", "OBJECT ENCODING", "MULTI", "SET a b", "NOSUCH", "GET", "EXEC"):
            raw(line), other(line)
            named = []
            for asking in (admin, other_admin):
                lines = [about for about in asking("CLIENT LIST").decode().splitlines() if " cmd=client|list " not in about]
                named.append(sorted(about.split(" cmd=")[1].split()[0] for about in lines if " name=named " in about))
            assert named[0] == named[1], line
