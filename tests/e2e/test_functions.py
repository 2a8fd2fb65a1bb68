"""Functions: what they and FUNCTION answer is redis-server's, and every shard knows the same ones at any time."""

import random
import struct
import threading

import pytest

import function_cases
import resp
from server import scaled

LIBRARY = """#!lua name={name}
redis.register_function('{name}_get', function(keys) return redis.call('get', keys[1]) end)
redis.register_function('{name}_tell', function() return '{text}' end)
"""


def load(connection, name, text="text"):
    code = LIBRARY.format(name=name, text=text)
    assert connection.command("FUNCTION", "LOAD", "REPLACE", code) == name.encode()


@pytest.fixture
def admin(server):
    with server.connect() as connection:
        connection("FUNCTION FLUSH")
        yield connection
        connection("FUNCTION FLUSH")


@pytest.fixture
def both(admin, server, oracle):
    """A connection to each, without functions."""
    with oracle.connect() as theirs, server.connect() as ours:
        for connection in (theirs, ours):
            connection("FLUSHALL")
            connection("FUNCTION FLUSH")
            connection.command("HSET", "hash", "f", "v")
        yield theirs, ours


def ask(connection, command):
    connection.send(resp.encode(*command))
    return connection.read_raw()


@pytest.mark.parametrize("protocol", (2, 3))
def test_every_reply_is_redis_servers(both, protocol):
    theirs, ours = both
    for connection in both:
        connection.command("HELLO", str(protocol))
    wrong = []
    for command in function_cases.commands():
        expected, got = ask(theirs, command), ask(ours, command)
        if command[:2] == ("FUNCTION", "LIST") and b"many" in got:
            expected, got = sorted(expected), sorted(got)  # functions come in any order
        if expected != got and "os.clock" not in command[-1]:  # which came with 7.2
            wrong.append(f"{command}\n  redis-server: {expected!r}\n  here:         {got!r}")
    assert not wrong, "\n".join(wrong)


def test_a_dump_goes_both_ways(both):
    libraries = [LIBRARY.format(name=f"lib{i}", text="x" * 10**i) for i in range(5)] + [function_cases.LIBRARY]
    for giver, taker in (both, both[::-1]):
        taker("FUNCTION FLUSH")
        for code in libraries:
            giver.command("FUNCTION", "LOAD", "REPLACE", code)
        dump = giver.command("FUNCTION", "DUMP")
        assert taker.command("FUNCTION", "RESTORE", dump) == "OK"
        listed = [connection.command("FUNCTION", "LIST", "WITHCODE") for connection in (giver, taker)]
        assert by_name(listed[0]) == by_name(listed[1])
        assert taker.command("FCALL", "lib3_tell", "0") == b"x" * 1000
        assert taker.command("FUNCTION", "RESTORE", dump).endswith("already exists")
        assert taker.command("FUNCTION", "RESTORE", dump, "REPLACE") == "OK"
        assert taker.command("FUNCTION", "RESTORE", dump, "FLUSH") == "OK"


def by_name(libraries):
    """Libraries and functions come in any order."""
    return sorted((library[1], sorted(map(str, library[5])), library[7]) for library in libraries)


def test_an_empty_dump_is_redis_servers(both):
    dumps = [connection.command("FUNCTION", "DUMP") for connection in both]
    assert dumps[0] == dumps[1]
    assert both[1].command("FUNCTION", "RESTORE", dumps[0]) == "OK"


def test_one_library_is_dumped_as_redis_server_does(both):
    for code in (LIBRARY.format(name="one", text="t"), function_cases.LIBRARY):
        dumps = []
        for connection in both:
            connection("FUNCTION FLUSH")
            connection.command("FUNCTION", "LOAD", code)
            dumps.append(connection.command("FUNCTION", "DUMP"))
        assert dumps[0] == dumps[1]


def test_a_payload_that_is_none_changes_nothing(admin):
    load(admin, "lib")
    good = admin.command("FUNCTION", "DUMP")
    dice = random.Random(1)
    for _ in range(scaled(300)):
        payload = bytearray(good)
        payload[dice.randrange(len(payload))] ^= 1 << dice.randrange(8)
        reply = admin.command("FUNCTION", "RESTORE", bytes(payload), "FLUSH")
        assert reply == resp.Error("ERR DUMP payload version or checksum are wrong")
    assert admin.command("FCALL", "lib_tell", "0") == b"text"


def sealed(content):
    """With the version and checksum that make a payload of it."""
    polynomial, checksum = 0x95AC9329AC4BC9B5, 0
    content += struct.pack("<H", 10)
    for byte in content:
        checksum ^= byte
        for _ in range(8):
            checksum = checksum >> 1 ^ (polynomial if checksum & 1 else 0)
    return content + struct.pack("<Q", checksum)


def test_what_is_wrong_with_a_payload_is_told_as_redis_server_does(both):
    def library(code):
        return b"\xf5" + bytes([0x40 | len(code) >> 8, len(code) & 255]) + code.encode()

    f = 'redis.register_function("f",function() end)'
    contents = [
        b"\x00\x01a",
        b"\xff",
        b"\xf5",
        b"\xf5\xc3\x05\x08ab",
        b"\xf5\x81" + b"\xff" * 8,
        library("foo"),
        library("#!lua name=x\nreturn 1"),
        library("#!lua name=x\nbad bad"),
        library("#!foo name=x\nreturn 1"),
        library(f"#!lua name=x\n{f}") * 2,
        library(f"#!lua name=x\n{f}") + library(f"#!lua name=y\n{f}"),
        library(f"#!lua name=x\n{f}") + b"\x00",
    ]
    for content in contents:
        expected, got = (connection.command("FUNCTION", "RESTORE", sealed(content)) for connection in both)
        assert isinstance(got, resp.Error) and got == expected, content
    assert both[1].command("FUNCTION", "LIST") == []


def test_all_connections_know_a_library_at_once(admin, server):
    connections = [server.connect() for _ in range(8)]
    for i in range(scaled(30)):
        load(connections[i % 8], "lib", str(i))
        for number, connection in enumerate(connections):
            assert connection.command("FCALL", "lib_tell", "1", f"key{number}") == str(i).encode()
    connections[3].command("FUNCTION", "DELETE", "lib")
    for connection in connections:
        assert connection.command("FCALL", "lib_tell", "0") == resp.Error("ERR Function not found")
        connection.close()


def test_libraries_change_in_one_step_for_every_observer(admin, server):
    """Two libraries are always of the same version, whichever shard calls them."""
    pair = """#!lua name=pair
    redis.register_function('pair_a', function() return {0} end)
    redis.register_function('pair_b', function() return {0} end)"""
    done = threading.Event()
    failures = []

    def replace():
        with server.connect() as connection:
            for i in range(scaled(150)):
                connection.command("FUNCTION", "LOAD", "REPLACE", pair.replace("{0}", str(i)))
        done.set()

    def watch(seed):
        dice, before = random.Random(seed), -1
        with server.connect() as connection:
            while not done.is_set():
                key = f"key{dice.randrange(100)}"
                commands = [("MULTI",), ("FCALL", "pair_a", "1", key), ("FCALL", "pair_b", "0"), ("EXEC",)]
                a, b = connection.pipeline(commands)[-1]
                if a != b or a < before:
                    failures.append((before, a, b))
                before = a

    admin.command("FUNCTION", "LOAD", pair.replace("{0}", "-1"))
    threads = [threading.Thread(target=replace), *(threading.Thread(target=watch, args=(i,)) for i in range(3))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_functions_in_a_transaction(both):
    commands = [
        ("MULTI",),
        ("FUNCTION", "LOAD", "#!lua name=tx\nredis.register_function('tx',function() return 7 end)"),
        ("FCALL", "tx", "0"),
        ("FUNCTION", "LIST"),
        ("FUNCTION", "DELETE", "tx"),
        ("FCALL", "tx", "0"),
        ("FUNCTION", "STATS"),
        ("EXEC",),
    ]
    theirs, ours = ([ask(connection, command) for command in commands] for connection in both)
    assert theirs == ours


def test_a_function_reaches_keys_of_every_shard(admin):
    code = """#!lua name=reach
    redis.register_function('fill', function() for i = 1, 100 do redis.call('set', 'key' .. i, i) end end)
    redis.register_function('sum', function()
        local sum = 0 for i = 1, 100 do sum = sum + redis.call('get', 'key' .. i) end return sum end)"""
    admin.command("FUNCTION", "LOAD", code)
    assert admin.command("FCALL", "fill", "1", "key7") is None
    assert admin.command("FCALL", "sum", "0") == 5050
    assert admin.command("FCALL", "sum", "2", "key1", "key2") == 5050


def test_what_functions_take_is_told(admin, server):
    def info():
        lines = admin.command("INFO", "memory").decode().splitlines()
        return {name: value for name, _, value in (line.partition(":") for line in lines)}

    before = info()
    assert (before["number_of_libraries"], before["number_of_functions"]) == ("0", "0")
    load(admin, "lib", "x" * 100000)
    admin.command("FCALL", "lib_tell", "0")
    after = info()
    assert (after["number_of_libraries"], after["number_of_functions"]) == ("1", "2")
    assert int(after["used_memory_functions"]) > int(before["used_memory_functions"]) + 100000 * server.shards
    assert int(after["used_memory_vm_functions"]) > 100000
    assert int(after["used_memory_vm_total"]) == int(after["used_memory_vm_functions"]) + int(after["used_memory_vm_eval"])


def test_a_library_gets_no_more_memory_than_there_is(start):
    server = start("--shards", "2", "--maxmemory", "20mb")
    with server.connect() as connection:
        for code in ("local t = ('x'):rep(1e9)", "local t = {} while true do t[#t + 1] = {} end"):
            reply = connection.command("FUNCTION", "LOAD", f"#!lua name=big\n{code}")
            assert "not enough memory" in reply or "timeout" in reply
        load(connection, "lib")
        assert connection.command("FCALL", "lib_tell", "0") == b"text"
