"""rename-command: what a configuration guards is guarded, and every answer is a redis-server's."""

import shutil

import pytest

from server import Server, free_port, run_to_end

SECRET = "b840fc02d524045429941cc15f59e41cb7be6c52"
RENAMES = [("FLUSHALL", ""), ("CONFIG", SECRET), ("MGET", "Fetch-Many"), ("SWAPDB", "aside"), ("MSET", "SwapDB"), ("aside", "mset"), ("CLIENT", "the client")]
OPTIONS = [word for rename in RENAMES for word in ("--rename-command", *rename)]

COMMANDS = [
    ["FLUSHALL"], ["flushall", "ASYNC"], ["CONFIG", "GET", "port"], ["CONFIG"], ["MGET", "a"],
    [SECRET, "GET", "databases"], [SECRET.upper(), "GET", "databases"], [SECRET], [SECRET, "GET"], [SECRET, "nosuch"],
    ["swapdb", "a", "1", "b", "2"], ["swapdb", "a"], ["fetch-many", "a", "b"], ["FETCH-MANY"], ["mset", "0", "x"], ["GET", "a"],
    ["the client", "GETNAME"], ["the client", "nosuch"], ["client", "GETNAME"],
    ["COMMAND", "INFO", "mget", "flushall", "config"], ["COMMAND", "GETKEYS", "fetch-many", "a", "b"], ["COMMAND", "GETKEYS", "mget", "a"],
    ["COMMAND", "LIST", "FILTERBY", "PATTERN", "mget"], ["COMMAND", "LIST", "FILTERBY", "PATTERN", "flushall"], ["COMMAND", "DOCS", "mget"],
]  # fmt: skip


@pytest.fixture(scope="module")
def renamed(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("renamed"), "--bind", "127.0.0.1", "--shards", "2", *OPTIONS)
    try:
        yield server.start()
    finally:
        server.kill()


@pytest.fixture(scope="module")
def renamed_oracle(tmp_path_factory):
    if not shutil.which("redis-server"):
        pytest.skip("no redis-server to compare with")
    server = Server(tmp_path_factory.mktemp("oracle"), "--bind", "127.0.0.1", "--save", "", *OPTIONS, binary="redis-server")
    try:
        yield server.start()
    finally:
        server.kill()


def test_renamed_and_removed_commands_answer_as_in_redis(renamed, renamed_oracle):
    with renamed.connect() as ours, renamed_oracle.connect() as theirs:
        for command in COMMANDS:
            assert ours.command(*command) == theirs.command(*command), command


def test_the_rows_of_renamed_commands_keep_their_names(renamed):
    with renamed.connect() as connection:
        names = {row[0] for row in connection("COMMAND")}
        assert {b"config", b"mget", b"mset", b"client"} <= names and b"flushall" not in names
        assert connection("COMMAND COUNT") == len(names)
        assert connection.command("COMMAND", "INFO", "Fetch-Many")[0][0] == b"mget"
        assert connection.command(SECRET, "HELP")[0].startswith(SECRET.upper() + " <subcommand>")


@pytest.mark.parametrize(
    "options,problem",
    [
        (("--rename-command", "nosuch", "x"), "No such command in rename-command"),
        (("--rename-command", "GET", "mget"), "Target command name already exists"),
        (("--rename-command", "GET"), "wrong number of arguments"),
        (("--user", "default", "on", ">hush"), "requirepass"),
        (("--aclfile", "/etc/users.acl"), "requirepass"),
        (("--loadmodule", "/x.so"), "cannot load modules"),
    ],
)
def test_a_server_that_would_not_be_guarded_does_not_start(options, problem):
    status, _, errors = run_to_end("--port", free_port(), *options)
    assert status == 1 and len(errors.splitlines()) == 1
    assert problem in errors and options[0].strip("-") in errors and "hush" not in errors
