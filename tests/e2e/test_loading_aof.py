"""Append-only files that are loaded at start: redis-server's, and those that shards wrote side by side."""

import random
import shutil

import pytest

from aof_files import Folder, claim, cut_stamp, group, stamped
from resp import encode
from server import scaled, wait_until
from test_loading import (
    LIBRARY,
    SHARDS,
    SMALL,
    all_contents,
    connect_early,
    differences,
    fill_databases,
    redis_server,
    refusal_to_load,
)

__all__ = ["redis_server"]

APPEND = ("--appendonly", "yes", "--save", "")


def write_aof(redis_server, **settings):
    source = redis_server("source", appendonly="yes", **settings)
    fill_databases(source)
    with source.client() as client:
        client.execute_command("BGREWRITEAOF")
        wait_until(lambda: source.info("persistence")["aof_rewrite_in_progress"] == "0")
        client.hset("hash:1", "later", 1)
        client.eval("redis.call('SET', 'scripted', 1); redis.call('INCR', 'scripted')", 0)
        with client.pipeline() as transaction:
            transaction.set("t:1", 1).lpush("t:2", "a", "b").rename("t:1", "t:3").spop("set:700", 10).execute()
        client.execute_command("FUNCTION", "FLUSH")
        client.execute_command("FUNCTION", "LOAD", LIBRARY)
    with source.client(db=3) as client:
        client.flushdb()
        client.rpush("list:5", "alone")
        client.move("list:5", 15) or client.delete("list:5")
        client.execute_command("DEBUG", "LOADAOF")  # not all of a stream's figures are in commands
    return source


def restart_as_shoal(start, folder, shards, *options, expected=()):
    return start("--shards", shards, "--dir", folder, *APPEND, *options, expected=expected)


@pytest.mark.parametrize("settings", [{}, {"aof-use-rdb-preamble": "no"}, SMALL], ids=["snapshot", "commands", "small"])
def test_the_folder_of_redis_is_loaded_into_any_number_of_shards(redis_server, oracle, start, tmp_path, settings):
    source = write_aof(redis_server, **settings)
    expected = all_contents(source, oracle)
    source.stop_at_once()
    for shards in SHARDS:
        folder = shutil.copytree(source.folder, tmp_path / f"copy{shards}")
        server = restart_as_shoal(start, folder, shards)
        assert differences(all_contents(server, oracle), expected) == {}
        with server.client() as client:
            assert client.get("scripted") == b"2" and client.fcall("answer", 0) == 42
        info = server.info("all")
        assert info["loading"] == "0" and info["rdb_changes_since_last_save"] == "0"
        assert "cmdstat_hset" not in info and "cmdstat_set" not in info
        assert "DB loaded from append only file: " in server.log()


def test_a_file_as_it_was_before_redis_7_moves_into_the_folder(redis_server, oracle, start, tmp_path):
    source = redis_server("source", appendonly="yes", **{"aof-use-rdb-preamble": "no"})
    with source.client() as client:
        client.set("a", 1)
        client.rpush("l", 1, 2, 3)
        wait_until(lambda: list((source.folder / "appendonlydir").glob("*.incr.aof"))[0].stat().st_size > 50)
    source.stop_at_once()
    folder = tmp_path / "old"
    folder.mkdir()
    shutil.copy(next((source.folder / "appendonlydir").glob("*.incr.aof")), folder / "appendonly.aof")
    server = restart_as_shoal(start, folder, 2)
    with server.client() as client:
        assert client.get("a") == b"1" and client.lrange("l", 0, -1) == [b"1", b"2", b"3"]
    assert not (folder / "appendonly.aof").exists()
    assert (folder / "appendonlydir" / "appendonly.aof").exists()
    assert "file appendonly.aof seq 1 type b" in (folder / "appendonlydir" / "appendonly.aof.manifest").read_text()
    assert "Successfully migrated an old-style AOF" in server.log()


def test_an_old_file_that_begins_with_a_snapshot(redis_server, start, tmp_path):
    source = redis_server("source")
    with source.client() as client:
        client.set("a", 1)
        client.set("kept", 1, px=1)
        client.execute_command("DEBUG", "SET-ACTIVE-EXPIRE", "0")
        client.save()
    folder = tmp_path / "old"
    folder.mkdir()
    tail = encode("SELECT", "1") + encode("SET", "b", "2") + encode("SELECT", "0") + encode("INCR", "a")
    (folder / "appendonly.aof").write_bytes((source.folder / "dump.rdb").read_bytes() + tail)
    server = restart_as_shoal(start, folder, 2)
    with server.client() as client:
        assert client.get("a") == b"2" and client.get("b") is None
        client.select(1)
        assert client.get("b") == b"2"


@pytest.mark.parametrize("shards", [1, 3])
def test_clients_are_told_while_an_append_only_file_is_loaded_and_it_can_be_stopped(tmp_path, start, shards):
    commands = b"".join(encode("RPUSH", f"list:{i % 1000}", f"element {i}") for i in range(scaled(200_000)))
    written(tmp_path, commands)
    server = start("--shards", shards, "--dir", tmp_path, *APPEND, ready=False)
    with connect_early(server) as client:
        assert client("GET a") == "LOADING Redis is loading the dataset in memory"
        info = dict(line.split(":", 1) for line in client("INFO persistence").decode().splitlines()[1:])
        assert info["loading"] == "1" and info["loading_total_bytes"] == str(len(commands))
    server.stop()
    server = restart_as_shoal(start, tmp_path, shards)
    with server.client() as client:
        assert client.dbsize() == 1000 and client.llen("list:7") == scaled(200_000) // 1000


# Files that end too early.


def written(folder, *chunks, **keywords):
    return Folder(folder).add(b"".join(chunks), 1, **keywords)


def test_a_torn_end_is_left_out(tmp_path, start):
    path = written(tmp_path, encode("SET", "a", "1"), encode("SET", "b", "2")[:-4])
    server = restart_as_shoal(start, tmp_path, 2, expected=["Short read", "is cut at", "are cut off"])
    with server.client() as client:
        assert client.get("a") == b"1" and client.get("b") is None
    sound = len(encode("SET", "a", "1"))
    assert f"byte {sound}: " in server.log() and path.name in server.log()
    (kept,) = path.parent.glob("*.cut-*")
    assert kept.read_bytes() == encode("SET", "b", "2")[:-4]


@pytest.mark.parametrize("shards", SHARDS)
def test_a_transaction_that_is_torn_is_not_executed(tmp_path, start, shards):
    multi = encode("MULTI") + encode("SET", "b", "1") + encode("SET", "c", "1")
    written(tmp_path, encode("SET", "a", "1"), multi)
    server = restart_as_shoal(start, tmp_path, shards, expected=["Short read", "is cut at", "are cut off"])
    with server.client() as client:
        assert client.get("a") == b"1" and client.dbsize() == 1
    (kept,) = (tmp_path / "appendonlydir").glob("*.cut-*")
    assert kept.read_bytes() == multi


def test_a_torn_end_is_refused_where_that_is_asked_for(tmp_path):
    path = written(tmp_path, encode("SET", "a", "1"), encode("SET", "b", "2")[:-4])
    output = refusal_to_load(tmp_path, *APPEND, "--aof-load-truncated", "no")
    assert path.name in output and "byte " in output and "aof-load-truncated" in output and "shoal-check" in output


def test_a_torn_end_of_a_file_that_others_follow_is_refused(tmp_path):
    folder = Folder(tmp_path)
    folder.add(encode("SET", "a", "1")[:-3], 1)
    folder.add(encode("SET", "b", "1"), 2)
    assert "appendonly.aof.1.incr.aof" in refusal_to_load(tmp_path, *APPEND)


@pytest.mark.parametrize(
    "middle,said",
    [
        (b"garbage\r\n", "neither a command"),
        (encode("NOSUCH", "x"), "unknown command NOSUCH"),
        (encode("SELECT", "99"), "databases"),
        (encode("EXEC"), "EXEC without MULTI"),
        (group(encode("SET", "b", "1"), 5).replace(b"\nb\r", b"\nc\r"), "checksum"),
        (group(b"nothing", 5), "malformed"),
        (b"#KNOWN:1 2\r\n", "annotation"),
    ],
)
@pytest.mark.parametrize("shards", [1, 2])
def test_what_is_rotten_in_the_middle_is_refused(tmp_path, shards, middle, said):
    before = encode("SET", "a", "1")
    path = written(tmp_path, before, middle, encode("SET", "d", "1"))
    output = refusal_to_load(tmp_path, *APPEND, "--shards", shards)
    assert path.name in output and f"byte {len(before)}" in output or "databases" in said or "unknown" in said or "EXEC" in said
    assert said in output and "shoal-check" in output, output


def test_what_the_manifest_says_has_to_be_there(tmp_path):
    path = written(tmp_path, encode("SET", "a", "1"))
    path.unlink()
    assert path.name in refusal_to_load(tmp_path, *APPEND)
    (path.parent / "appendonly.aof.manifest").write_text("file x seq 0 type b\n")
    output = refusal_to_load(tmp_path, *APPEND)
    assert "appendonly.aof.manifest, line 1" in output
    (path.parent / "appendonly.aof.manifest").write_text("file a seq 1 type i shard 0 shards 2\n")
    path.with_name("a").write_bytes(b"")
    assert "others' files do not follow" in refusal_to_load(tmp_path, *APPEND)


def test_what_does_not_write_is_passed_over(tmp_path, start):
    written(tmp_path, encode("SET", "a", "1"), encode("SHUTDOWN"), encode("GET", "a"), encode("HSET", "a", "b", "c"))
    server = restart_as_shoal(start, tmp_path, 2, expected=["do not write", "answered with an error"])
    with server.client() as client:
        assert client.get("a") == b"1"
    assert "2 commands that do not write were not executed, the first: SHUTDOWN" in server.log()
    assert "1 commands were answered with an error, the first: HSET: WRONGTYPE" in server.log()


@pytest.mark.parametrize("shards", SHARDS)
def test_time_stands_still_while_commands_are_executed(tmp_path, start, shards):
    """What was there when it was counted up is there now; then its time comes."""
    written(tmp_path, encode("SET", "a", "1", "PXAT", "1700000000000"), encode("INCR", "a"), encode("RPUSH", "b", "x"))
    server = restart_as_shoal(start, tmp_path, shards)
    with server.client() as client:
        assert client.get("a") is None and client.dbsize() == 1


# Segments that shards wrote side by side.


def segment(*groups):
    """Each group: until, known, lasts, then (stamp, command…)."""
    data = b""
    for until, known, lasts, *records in groups:
        body = claim(until, known, lasts) + b"".join(stamped(stamp, *commands) for stamp, *commands in records)
        data += group(body, max((stamp for stamp, *_ in records), default=until))
    return data


def strings(server):
    with server.client(decode_responses=True) as client:
        return {key: client.get(key) for key in client.scan_iter(count=1000)}


CUT = ["is cut at", "are cut off", "Short read"]


@pytest.mark.parametrize("shards", SHARDS)
def test_segments_are_loaded_into_any_number_of_shards(tmp_path, start, shards):
    keys = [f"key:{i}" for i in range(300)]
    records = [[], [], []]
    for stamp, key in enumerate(keys * 3, 1):
        records[hash(key) % 3].append((stamp, ("APPEND", key, f"{stamp},")))
    lasts = [part[-1][0] for part in records]
    Folder(tmp_path).add_segments([segment((900, 900, lasts, *part)) for part in records])
    server = restart_as_shoal(start, tmp_path, shards)
    assert strings(server) == {key: f"{i},{i + 300},{i + 600}," for i, key in enumerate(keys, 1)}


@pytest.mark.parametrize("shards", SHARDS)
def test_what_concerns_all_shards_is_executed_between_what_was_before_and_after_it(tmp_path, start, shards):
    records, stamp, rounds = [[], [], []], 0, 40
    for i in range(rounds):
        for part in range(3):
            for key in range(20):
                stamp += 1
                records[part].append((stamp, ("APPEND", f"{part}:{key}", f"{i},")))
        if i % 4 == 1:
            stamp += 1
            for part in range(3):
                records[part].append((stamp, ("FLUSHALL",)))
    lasts = [part[-1][0] for part in records]
    Folder(tmp_path).add_segments([segment((stamp, stamp, lasts, *part)) for part in records])
    server = restart_as_shoal(start, tmp_path, shards)
    last_flush = max(i for i in range(rounds) if i % 4 == 1)
    text = "".join(f"{i}," for i in range(last_flush + 1, rounds))
    assert strings(server) == {f"{part}:{key}": text for part in range(3) for key in range(20)}


@pytest.mark.parametrize("shards", SHARDS)
def test_records_above_the_cut_are_not_executed(tmp_path, start, shards):
    """The second shard's next group was not on disk."""
    first = [
        (10, 8, [10, 7], (5, ("SET", "a", "1")), (10, ("SET", "b", "1"))),
        (20, 18, [20, 17], (14, ("SELECT", "3"), ("SET", "c", "1")), (16, ("SET", "d", "1")), (20, ("SET", "e", "1"))),
        (30, 30, [30, 17], (30, ("SET", "f", "1"))),
    ]
    second = [(15, 14, [14, 15], (7, ("SET", "x", "1")), (15, ("SET", "y", "1")))]
    paths = Folder(tmp_path).add_segments([segment(*first), segment(*second)])
    server = restart_as_shoal(start, tmp_path, shards, expected=CUT)
    with server.client(decode_responses=True) as client:
        assert sorted(client.keys()) == ["a", "b", "x", "y"]
        client.select(3)
        assert client.keys() == ["c"]
    kept = list(paths[0].parent.glob("*.cut-*"))
    assert [path.name.split(".cut-")[0] for path in kept] == [paths[0].name]
    assert kept[0].read_bytes() == segment(*first[1:])
    assert "3 commands in them that were whole" in server.log()
    survivors = paths[0].parent / "appendonly.aof.3.incr.aof"
    assert survivors.read_bytes() == group(stamped(14, ("SELECT", "3"), ("SET", "c", "1")), 14)
    assert paths[0].stat().st_size == len(segment(first[0])) and paths[1].stat().st_size == len(segment(*second))


@pytest.mark.parametrize("shards", SHARDS)
def test_what_survives_of_a_group_stays_in_its_place(tmp_path, start, shards):
    """What concerns all shards was in the group that was cut, and in one of another shard that was not."""
    first = [
        (10, 8, [10, 7], (5, ("SET", "a", "1")), (10, ("SET", "b", "1"))),
        (20, 18, [20, 17], (12, ("FLUSHALL",)), (14, ("SET", "c", "1")), (20, ("SET", "e", "1"))),
    ]
    second = [(15, 14, [14, 15], (7, ("SET", "x", "1")), (12, ("FLUSHALL",)), (15, ("SET", "y", "1")))]
    paths = Folder(tmp_path).add_segments([segment(*first), segment(*second)])
    server = restart_as_shoal(start, tmp_path, shards, expected=CUT)
    assert strings(server) == {"c": "1", "y": "1"}
    server.stop(expected=CUT)
    assert paths[0].stat().st_size == len(segment(first[0]))
    assert strings(restart_as_shoal(start, tmp_path, shards)) == {"c": "1", "y": "1"}


def test_a_generation_that_a_rewrite_has_begun_goes_on_with_the_one_before(tmp_path, start):
    """Nothing of the second shard's new file is on disk, and the end of its old one is torn."""
    folder = Folder(tmp_path)
    first = segment((10, 9, [10, 9], (10, ("SET", "a", "1"))))
    second = segment((9, 8, [8, 9], (9, ("SET", "x", "1"))), (12, 10, [10, 12], (12, ("SET", "y", "1"))))
    folder.add_segments([first, second[:-3]], 1)
    folder.add_segments([segment((14, 13, [14, 12], (14, ("SET", "b", "1")))), b""], 3)
    server = restart_as_shoal(start, tmp_path, 2, expected=CUT)
    assert strings(server) == {"x": "1"}


def test_files_are_read_up_to_where_the_manifest_says(tmp_path, start):
    folder = Folder(tmp_path)
    sound = encode("SET", "a", "1")
    folder.add(sound + b"rotten", 1, more=f" end {len(sound)}")
    folder.add(encode("SET", "b", "1"), 2)
    server = restart_as_shoal(start, tmp_path, 2)
    assert strings(server) == {"a": "1", "b": "1"}


@pytest.mark.parametrize("shards", SHARDS)
def test_what_redis_appends_to_one_of_several_segments_comes_after_all_of_them(tmp_path, start, shards):
    """It had loaded all of them, whatever we would have cut."""
    many = [(stamp, ("APPEND", "a", ".")) for stamp in range(1, 20_000)]
    first = segment((20_000, 20_000, [19_999, 30_000], *many))
    second = segment((30_000, 1, [1, 30_000], (30_000, ("SET", "b", "1"))))
    tail = encode("SELECT", "0") + encode("SET", "a", "all") + encode("SET", "c", "1")
    Folder(tmp_path / "one").add_segments([first, second + tail])
    server = restart_as_shoal(start, tmp_path / "one", shards)
    assert strings(server) == {"a": "all", "b": "1", "c": "1"}
    Folder(tmp_path / "two").add_segments([first, second + tail + encode("FLUSHDB") + encode("SET", "d", "1")])
    server = restart_as_shoal(start, tmp_path / "two", shards)
    assert strings(server) == {"d": "1"}


class Shards:
    """Shards that execute and write groups at random; what is left of their segments; and what is to survive."""

    def __init__(self, dice, count, stamps):
        self.dice, self.count = dice, count
        self.records = {stamp: self.one(stamp) for stamp in range(1, stamps)}
        self.segments = [[] for _ in range(count)]
        self.run(stamps)

    def one(self, stamp):
        """Of each shard that it concerns its commands."""
        if self.dice.random() < 0.01:
            return {shard: [("FLUSHALL",)] for shard in range(self.count)}
        shards = self.dice.sample(range(self.count), 2 if self.dice.random() < 0.2 else 1)
        return {shard: self.commands(stamp, shard) for shard in shards}

    def commands(self, stamp, shard):
        some = [
            self.dice.choice(
                [("APPEND", f"{shard}:{self.dice.randrange(9)}", f"{stamp},"), ("DEL", f"{shard}:{self.dice.randrange(9)}")]
            )
            for _ in range(self.dice.choice([1, 1, 1, 3]))
        ]
        return [("MULTI",), *some, ("EXEC",)] if len(some) > 1 else some

    def run(self, stamps):
        executed, lasts, open_records = [0] * self.count, [0] * self.count, [[] for _ in range(self.count)]
        busy = [self.dice.random() for _ in range(self.count)]
        while min(executed) < stamps - 1:
            shard = self.dice.randrange(self.count)
            for _ in range(self.dice.randrange(12)):
                if executed[shard] < stamps - 1 and executed[shard] < min(executed) + 40:
                    executed[shard] += 1
                    if shard in self.records[executed[shard]]:
                        lasts[shard] = executed[shard]
                        open_records[shard].append(executed[shard])
            if open_records[shard] and self.dice.random() < busy[shard]:
                self.segments[shard].append((executed[shard], min(executed), list(lasts), open_records[shard]))
                open_records[shard] = []

    def crash(self):
        """Of each segment as many groups as it likes, and part of the next."""
        left = [self.dice.randrange(len(groups) * 2 // 3, len(groups) + 1) for groups in self.segments]
        data = []
        for shard, groups in enumerate(self.segments):
            whole = [self.bytes_of(shard, group) for group in groups]
            torn = whole[left[shard]] if left[shard] < len(groups) else b""
            data.append(b"".join(whole[: left[shard]]) + torn[: self.dice.randrange(len(torn) + 1) if torn else 0][:-1])
        survivors = [[about[:3] for about in groups[: left[shard]]] for shard, groups in enumerate(self.segments)]
        return data, cut_stamp(survivors)

    def bytes_of(self, shard, about):
        until, known, lasts, stamps = about
        return segment((until, known, lasts, *((stamp, *self.records[stamp][shard]) for stamp in stamps)))

    def contents(self, cut):
        found = {}
        for stamp in range(1, cut + 1):
            for commands in self.records.get(stamp, {}).values():
                for name, *arguments in commands:
                    if name == "FLUSHALL":
                        found = {}
                    elif name == "DEL":
                        found.pop(arguments[0], None)
                    elif name == "APPEND":
                        found[arguments[0]] = found.get(arguments[0], "") + arguments[1]
        return found


def databases(server):
    found = {}
    for db in (0, 3):
        with server.client(db=db, decode_responses=True) as client:
            found[db] = {key: client.get(key) for key in client.scan_iter(count=1000)}
    return found


def write_some(server, dice, expected):
    for db in dice.choices((0, 3), k=30):
        with server.client(db=db) as client:
            key, text = f"{dice.randrange(40)}", f"{dice.random()},"
            client.append(key, text)
            expected[db][key] = expected[db].get(key, "") + text
    with server.client() as client, client.pipeline() as transaction:
        transaction.append("left", "1,").append("right", "1,").execute()
    for key in ("left", "right"):
        expected[0][key] = expected[0].get(key, "") + "1,"


def change_databases(server, dice, expected, whole):
    with server.client() as client:
        if whole and dice.random() < 0.5:
            client.swapdb(0, 3)
            expected[0], expected[3] = expected[3], expected[0]
        if whole and dice.random() < 0.3:
            client.flushdb()
            expected[0] = {}
        answer = dice.randrange(1000)
        client.function_load(f"#!lua name=lib\nredis.register_function('answer', function() return {answer} end)", replace=True)
        return answer


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("cut", [False, True])
def test_it_goes_on_with_any_number_of_shards_and_redis_takes_it_over(tmp_path, start, redis_server, cut, whole):
    """Time after time: it is killed or stopped, and starts with another number of shards; its clients notice nothing."""
    dice, expected = random.Random(5), {0: {}, 3: {}}
    folder = tmp_path / "data"
    folder.mkdir()
    if cut:
        first = [(stamp, ("SELECT", "3"), ("APPEND", "0", f"{stamp},")) for stamp in range(10, 60, 10)]
        Folder(folder).add_segments([segment((60, 30, [50, 30], *first)), segment((35, 31, [30, 35], (35, ("SET", "x", "1"))))])
        expected[0]["x"], expected[3]["0"] = "1", "10,20,30,"
    for shards in (2, 1, 5, 5, 3):
        server = restart_as_shoal(start, folder, shards, "--appendfsync", "always", expected=CUT)
        assert databases(server) == expected
        for _ in range(3):
            write_some(server, dice, expected)
            answer = change_databases(server, dice, expected, whole)
        write_some(server, dice, expected)
        assert databases(server) == expected
        if shards == 1:
            server.stop()
        else:
            server.process.kill()
            server.process.wait()
    if whole:
        return
    stock = redis_server("data", appendonly="yes")
    assert databases(stock) == expected
    assert stock.client().fcall("answer", 0) == answer
    write_some(stock, dice, expected)
    stock.stop_at_once()
    server = restart_as_shoal(start, folder, 2)
    assert databases(server) == expected and server.client().fcall("answer", 0) == answer


def test_where_there_is_no_append_only_file_yet_a_snapshot_is_loaded_and_becomes_its_base(redis_server, start):
    source = redis_server("source")
    with source.client() as client:
        client.set("a", 1)
        client.save()
    server = restart_as_shoal(start, source.folder, 2, expected=["There is no append only file yet"])
    with server.client() as client:
        assert client.get("a") == b"1"
        client.incr("a")
    server.stop(expected=["There is no append only file yet"])
    (source.folder / "dump.rdb").unlink()
    server = restart_as_shoal(start, source.folder, 3)
    with server.client() as client:
        assert client.get("a") == b"2"


@pytest.mark.parametrize("count", [2, 3, 5])
def test_what_random_crashes_leave_is_a_prefix(tmp_path, start, count):
    seed = random.randrange(2**32)
    print("seed", seed)
    dice = random.Random(seed)
    for i in range(4):
        model = Shards(dice, count, 400)
        data, cut = model.crash()
        Folder(tmp_path / str(i)).add_segments(data)
        server = restart_as_shoal(start, tmp_path / str(i), dice.choice([1, 2, 3, 5]), expected=CUT)
        assert strings(server) == model.contents(cut), f"round {i}, cut {cut}"
