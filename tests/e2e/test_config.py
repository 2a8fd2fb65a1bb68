"""CONFIG: a setting is the same on every shard, and a file written back is one that starts again."""

import pytest

CONFIG = """# a comment that stays
port {port}
bind 127.0.0.1
dir {dir}
shards 3
maxmemory 100mb
client-output-buffer-limit pubsub 32mb 8mb 60
# the last line, which stays too
"""


def get(connection, *patterns):
    pairs = connection.command("CONFIG", "GET", *patterns)
    return {name.decode(): value.decode() for name, value in zip(pairs[::2], pairs[1::2])}


def test_get_by_name_pattern_and_several(raw):
    assert get(raw, "databases") == {"databases": "16"}
    assert get(raw, "MAXMEMORY", "proto-*") == {"MAXMEMORY": "0", "proto-max-bulk-len": "536870912"}
    assert get(raw, "nosuch") == {}
    everything = get(raw, "*")
    assert len(everything) > 150 and everything["appendonly"] == "no" and everything["save"] != "x"


def test_get_in_the_third_protocol_is_a_map(raw3):
    assert raw3("CONFIG GET databases") == {b"databases": b"16"}


def test_set_reaches_every_shard(server, raw):
    connections = [server.connect() for _ in range(2 * server.shards)]
    for value in ("3000000", "2mb", "1gb"):
        assert raw.command("CONFIG", "SET", "proto-max-bulk-len", value) == "OK"
        assert len({connection("CONFIG GET proto-max-bulk-len")[1] for connection in connections}) == 1
    assert connections[0]("CONFIG GET proto-max-bulk-len")[1] == b"1073741824"
    for connection in connections:
        connection.close()


def test_set_is_all_or_nothing(raw):
    before = get(raw, "*")
    reply = raw("CONFIG SET hz 50 timeout -1")
    assert reply.startswith("ERR CONFIG SET failed (possibly related to argument 'timeout')")
    assert get(raw, "*") == before
    assert raw("CONFIG SET nosuch 1") == "ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'"
    assert raw("CONFIG SET port 1").startswith("ERR CONFIG SET failed (possibly related to argument 'port') - can't set immutable config")
    assert raw("CONFIG SET hz 50 hz 60").startswith("ERR CONFIG SET failed (possibly related to argument 'hz') - duplicate parameter")
    assert raw("CONFIG SET hz 50 timeout 7") == "OK" and get(raw, "hz", "timeout") == {"hz": "50", "timeout": "7"}
    assert raw("CONFIG SET hz") == "ERR wrong number of arguments for 'config|set' command"


def test_rewrite_needs_a_file(raw):
    assert raw("CONFIG REWRITE") == "ERR The server is running without a config file"


def test_resetstat(raw):
    raw("GET absent")
    assert raw("CONFIG RESETSTAT") == "OK"
    info = raw("INFO stats").decode()
    assert "keyspace_misses:0\r\n" in info and "keyspace_hits:0\r\n" in info


def test_rewrite_keeps_comments_and_starts_again(start, tmp_path):
    path = tmp_path / "broker.conf"
    server = start(config=path_with(path, tmp_path), port=0, host="127.0.0.1", address=("127.0.0.1", port_of(path)))
    with server.connect() as connection:
        assert connection("CONFIG SET maxmemory 200mb timeout 90 maxmemory-policy allkeys-lru") == "OK"
        assert connection.command("CONFIG", "SET", "requirepass", "two words\n") == "OK"
        assert connection("CONFIG REWRITE") == "OK"
    server.stop()
    text = path.read_text()
    assert "# a comment that stays\n" in text and "# the last line, which stays too\n" in text
    assert "maxmemory 200mb\n" in text and "timeout 90\n" in text
    again = start(config=path, port=0, host="127.0.0.1", address=("127.0.0.1", port_of(path)))
    with again.connect() as connection:
        assert connection.command("AUTH", "two words\n") == "OK"
        values = get(connection, "maxmemory", "timeout", "maxmemory-policy", "shards")
        assert values == {"maxmemory": "209715200", "timeout": "90", "maxmemory-policy": "allkeys-lru", "shards": "3"}


def path_with(path, folder):
    from server import free_port

    data = folder / "data"
    data.mkdir()
    path.write_text(CONFIG.format(port=free_port(), dir=data))
    return path


def port_of(path):
    return int(next(line.split()[1] for line in path.read_text().splitlines() if line.startswith("port ")))


def test_output_limits_and_enumerations(raw):
    assert raw.command("CONFIG", "SET", "client-output-buffer-limit", "normal 1mb 0 0") == "OK"
    limits = get(raw, "client-output-buffer-limit")["client-output-buffer-limit"]
    assert limits.startswith("normal 1048576 0 0 ")
    assert raw("CONFIG SET maxmemory-policy nosuch").startswith("ERR CONFIG SET failed")
    assert raw.command("CONFIG", "SET", "client-output-buffer-limit", "normal 0 0 0") == "OK"


@pytest.mark.parametrize("name", ["SET", "GET"])
def test_help_and_arity(raw, name):
    assert raw.command("CONFIG", name) == f"ERR wrong number of arguments for 'config|{name.lower()}' command"
    assert raw("CONFIG HELP")[0].startswith("CONFIG <subcommand>")
