"""ACL, of the one user that there is: as a redis-server without configured users answers."""

import pytest

QUESTIONS = """
    ACL WHOAMI|ACL WHOAMI x|ACL LIST|ACL LIST x|ACL USERS|ACL GETUSER default|ACL GETUSER nosuch|ACL GETUSER Default|ACL GETUSER
    ACL CAT|ACL CAT nosuch|ACL CAT scripting x|ACL DRYRUN default get a|ACL DRYRUN default nosuch a|ACL DRYRUN default get
    ACL DRYRUN nosuch get a|ACL DRYRUN default config nosuch|ACL DRYRUN default config get|ACL DRYRUN default config get x|ACL DRYRUN default
    ACL GENPASS 0|ACL GENPASS -1|ACL GENPASS 4097|ACL GENPASS x|ACL GENPASS 1 2|ACL DELUSER default|ACL DELUSER a default|ACL DELUSER a b
    ACL DELUSER|ACL SETUSER|ACL|ACL nosuch|ACL LOAD x|ACL SAVE x|AUTH default x|AUTH nosuch x|AUTH x|AUTH a b c|ACL HELP x
"""
QUESTIONS = [question.strip() for line in QUESTIONS.strip().splitlines() for question in line.split("|")]


def raw_reply(connection, line):
    connection.send_commands([line.split()])
    return connection.read_raw()


@pytest.mark.parametrize("protocol", [2, 3])
@pytest.mark.parametrize("password", ["", "a secret", "x" * 55, "x" * 56, "x" * 200])
def test_the_default_user_is_described_as_by_redis_server(server, oracle, protocol, password):
    with server.connect(protocol=protocol) as here, oracle.connect(protocol=protocol) as there:
        for connection in (here, there):
            assert connection.command("CONFIG", "SET", "requirepass", password) == "OK"
        try:
            for question in QUESTIONS:
                assert raw_reply(here, question) == raw_reply(there, question), question
        finally:
            for connection in (here, there):
                assert connection.command("CONFIG", "SET", "requirepass", "") == "OK"


def test_a_category_lists_its_commands_and_subcommands(raw):
    for category in raw("ACL CAT"):
        assert raw.command("ACL", "CAT", category) == raw.command("COMMAND", "LIST", "FILTERBY", "ACLCAT", category) != []
    assert {b"config|set", b"acl|getuser", b"debug", b"keys"} <= set(raw("ACL CAT dangerous"))
    assert not {b"get", b"acl|whoami", b"debug|sleep"} & set(raw("ACL CAT dangerous"))


@pytest.mark.parametrize("bits,length", [("", 64), ("1", 1), ("4", 1), ("5", 2), ("4096", 1024)])
def test_passwords_are_random_and_as_long_as_asked_for(raw, bits, length):
    made = [raw(f"ACL GENPASS {bits}") for _ in range(20)]
    assert all(len(text) == length and set(text) <= set(b"0123456789abcdef") for text in made)
    assert len(set(made)) > 1 and (length < 64 or len(set(made)) == 20)


def test_what_would_make_users_is_refused(raw):
    for line in ("ACL SETUSER a on", "ACL SETUSER default off", "ACL LOAD", "ACL SAVE", "ACL LOG", "ACL LOG RESET"):
        assert raw(line).startswith("ERR "), line
    raw("CONFIG SET slowlog-log-slower-than 0")
    raw("ACL SETUSER a >secret")
    raw("CONFIG SET slowlog-log-slower-than 10000")
    logged = [entry[3] for entry in raw("SLOWLOG GET 100")]
    assert [b"ACL", b"SETUSER", b"(redacted)", b"(redacted)"] in logged


def test_refused_passwords_are_counted(raw, server):
    raw("CONFIG RESETSTAT")
    raw("AUTH nosuch x")
    raw("HELLO 2 AUTH nosuch x")
    raw("AUTH default x")
    assert server.info()["acl_access_denied_auth"] == "2"
