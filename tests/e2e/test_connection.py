"""HELLO, AUTH, SELECT, RESET, QUIT and the two protocols."""

import pytest
import redis

import resp


def test_ping_and_echo(raw):
    assert raw("PING") == "PONG" and raw("PING x") == b"x"
    assert raw.command("ECHO", b"\0\r\n") == b"\0\r\n"
    assert raw("PING a b") == "ERR wrong number of arguments for 'ping' command"


def test_hello_switches_the_protocol(raw):
    flat = raw("HELLO")
    assert flat[::2] == [b"server", b"version", b"proto", b"id", b"mode", b"role", b"modules"]
    fields = dict(zip(flat[::2], flat[1::2]))
    assert fields[b"server"] == b"redis" and fields[b"version"].startswith(b"7.4") and fields[b"proto"] == 2
    third = raw("HELLO 3")
    assert third[b"proto"] == 3 and third[b"id"] == fields[b"id"] and third[b"mode"] == b"standalone"
    raw.send(resp.encode("GET", "absent"))
    assert raw.read_raw() == b"_\r\n"
    assert raw("HELLO 2")[4:6] == [b"proto", 2]
    raw.send(resp.encode("GET", "absent"))
    assert raw.read_raw() == b"$-1\r\n"
    assert raw("HELLO 4") == "NOPROTO unsupported protocol version"
    assert raw("HELLO x") == "ERR Protocol version is not an integer or out of range"
    assert raw("HELLO 3 NOSUCH") == "ERR Syntax error in HELLO option 'NOSUCH'"
    assert raw("HELLO 3 SETNAME me")[b"proto"] == 3 and raw("CLIENT GETNAME") == b"me"


def test_third_protocol_types(raw3):
    assert isinstance(raw3("CONFIG GET maxmemory"), dict)
    assert isinstance(raw3("COMMAND DOCS get")[b"get"], dict)
    assert isinstance(raw3("CLIENT INFO"), resp.Verbatim)
    raw3.send(resp.encode("COMMAND", "INFO", "get"))
    assert b"~" in raw3.read_raw()


def test_reset_returns_to_the_beginning(raw):
    raw("HELLO 3 SETNAME me")
    raw("SELECT 3")
    raw("CLIENT NO-TOUCH on")
    assert raw("RESET") == "RESET"
    assert raw("CLIENT GETNAME") is None
    info = raw("CLIENT INFO").decode()
    assert " db=0 " in info and " resp=2 " in info


def test_reset_ends_replies_off_and_is_answered(raw, oracle):
    pipelines = [
        [("CLIENT", "REPLY", "OFF"), ("PING",), ("RESET",), ("PING",)],
        [("CLIENT", "REPLY", "SKIP"), ("RESET",), ("PING",)],
        [("CLIENT", "REPLY", "SKIP"), ("PING",), ("RESET",), ("PING",)],
        [("CLIENT", "REPLY", "OFF"), ("MULTI",), ("SET", "k", "v"), ("RESET",), ("PING",)],
        [("CLIENT", "REPLY", "OFF"), ("WATCH", "k"), ("SUBSCRIBE", "c"), ("RESET",), ("PING",)],
    ]
    with oracle.connect() as other:
        for pipeline in pipelines:
            for connection in (raw, other):
                connection.send_commands([*pipeline, ("ECHO", "end")])
            while (got := raw.read_raw()) == other.read_raw() and got != b"$3\r\nend\r\n":
                pass
            assert got == b"$3\r\nend\r\n", pipeline


def test_quit_answers_and_closes(server):
    with server.connect() as connection:
        connection.send_commands([("SET", "k", "v"), ("QUIT",), ("SET", "k", "after")])
        assert connection.read_until_closed() == b"+OK\r\n+OK\r\n"
    with server.connect() as connection:
        assert connection("GET k") == b"v"


@pytest.fixture
def locked(start, backend):
    return start("--shards", 3, "--requirepass", "sesame", "--net-backend", backend)


def test_requirepass(locked):
    with locked.connect() as c:
        refused = "NOAUTH Authentication required."
        for command in ("GET k", "PING", "MGET a b", "CONFIG GET *", "FLUSHALL", "COMMAND"):
            assert c(command) == refused, command
        assert c("NOSUCH").startswith("ERR unknown command")
        assert c("HELLO 3").startswith("NOAUTH HELLO must be called with the client already authenticated")
        wrong = "WRONGPASS invalid username-password pair or user is disabled."
        assert c("AUTH wrong") == wrong and c("AUTH default wrong") == wrong and c("AUTH other sesame") == wrong
        assert c("GET k") == refused
        assert c("AUTH sesame") == "OK" and c("GET k") is None
        assert c("RESET") == "RESET" and c("GET k") == refused
        assert c("AUTH default sesame") == "OK" and c("PING") == "PONG"
        assert c("HELLO 3 AUTH default sesame SETNAME x")[b"proto"] == 3
    with locked.connect() as c:
        assert c("HELLO 3 AUTH default wrong") == wrong
        assert c("QUIT") == "OK"


def test_authentication_over_redis_py(locked):
    assert redis.Redis(port=locked.port, password="sesame").ping()
    with pytest.raises((redis.ResponseError, redis.AuthenticationError), match="invalid username-password"):
        redis.Redis(port=locked.port, password="wrong").ping()
    with pytest.raises(redis.AuthenticationError):
        redis.Redis(port=locked.port).ping()


def test_a_password_set_later_concerns_new_connections_of_every_shard(server):
    with server.connect() as old:
        assert old("CONFIG SET requirepass later") == "OK"
        assert old("PING") == "PONG"
        try:
            for _ in range(2 * server.shards):
                with server.connect() as new:
                    assert new("PING") == "NOAUTH Authentication required."
                    assert new("AUTH later") == "OK" and new("PING") == "PONG"
        finally:
            assert old.command("CONFIG", "SET", "requirepass", "") == "OK"
    with server.connect() as new:
        assert new("PING") == "PONG"
        assert new("AUTH x").startswith("ERR AUTH <password> called without any password configured for the default user")
