"""shoal-check: what it says of files that are sound or damaged, and what it makes of them; beside redis-server's own
tools where these know the same."""

import os
import pathlib
import pty
import random
import re
import shutil
import struct
import subprocess
import sys

import pytest

sys.path.append(str(pathlib.Path(__file__).parent.parent / "e2e"))
from aof_files import group  # noqa: E402
from test_exchange import LIBRARY, contents, fill, fill_deadlines, regroup, start  # noqa: F401

CHECK = os.environ["SHOAL_CHECK"]


def check(*arguments, answer=""):
    """Exit status and lines."""
    done = subprocess.run(
        [CHECK, *map(str, arguments)], input=answer, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60
    )
    assert done.returncode in (0, 1, 2), done
    return done.returncode, done.stdout.splitlines()


def check_sound(*arguments):
    status, lines = check(*arguments)
    assert status == 0 and lines[-1] == "all is sound", lines
    return lines


def check_wrong(*arguments, **options):
    status, lines = check(*arguments, **options)
    assert status == 1, lines
    return lines


def snapshot(folder):
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*") if path.is_file()}


def redis_command(*words):
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


# RDB files.


@pytest.fixture
def saved(start):  # noqa: F811
    """A server with keys of all types, and its dump."""
    server = start("source")
    fill(server.client, random.Random(5))
    fill_deadlines(server.client)
    server.client.function_load(LIBRARY)
    return server, server.save()


def test_a_sound_rdb_file_is_counted(saved):
    server, dump = saved
    lines = check_sound(dump)
    types = [server.client.type(key).decode() for key in server.client.scan_iter(count=1000)]
    expected = f"RDB version 10, {len(types)} keys ("
    expected += ", ".join(f"{types.count(name)} {name}" for name in ("string", "list", "set", "zset", "hash", "stream"))
    assert lines[0] == f"{dump}: {expected}), 51 with a deadline, 1 library of functions"


def test_a_cut_rdb_file_is_read_up_to_its_last_key_and_these_keys_are_saved(saved, start, tmp_path):  # noqa: F811
    whole = saved[1].read_bytes()
    cut = tmp_path / "cut.rdb"
    for length in (0, 8, 9, 200, len(whole) // 3, len(whole) - 9, len(whole) - 1):
        cut.write_bytes(whole[:length])
        lines = check_wrong(cut)
        assert re.match(re.escape(f"{cut}, record at byte ") + r"\d+", lines[0]), lines
        sound = [re.search(r"readable up to byte (\d+)(, the last key is \".*\" in database 0)?", line) for line in lines]
        assert any(sound) == (length >= 9) and sum(line is not None and int(line[1]) <= length for line in sound) <= 1
    keys = int(re.search(r"version 10, (\d+) keys?\b", lines[1])[1])
    assert keys == saved[0].client.dbsize()

    short = whole[:-12]  # within the last key: at a third there may be none before, as one is that long
    cut.write_bytes(short)
    before = snapshot(tmp_path)
    lines = check_wrong(cut, "--repair", answer="n\n")
    assert snapshot(tmp_path) == before and lines[-3:-1] == ["Continue? [y/N] ", "Left as it is."]
    lines = check_wrong("--repair", cut, answer="y\n")
    repaired = tmp_path / "cut.rdb.repaired"
    assert cut.read_bytes() == short and f"{repaired}: written" in lines
    keys = int(re.search(r"version 10, (\d+) keys?\b", lines[1])[1])
    check_sound(repaired)
    (tmp_path / "target").mkdir()
    repaired.rename(tmp_path / "target" / "dump.rdb")
    loaded = contents(start("target").client)
    assert len(loaded) == keys > 0
    assert loaded.items() <= contents(saved[0].client).items()
    (tmp_path / "cut.rdb.repaired").write_text("mine")
    assert check("--repair", "--yes", cut)[0] == 2
    assert (tmp_path / "cut.rdb.repaired").read_text() == "mine"


def test_bits_that_have_changed_are_noticed(saved, tmp_path):
    whole = bytearray(saved[1].read_bytes())
    flipped = tmp_path / "flipped.rdb"
    for _ in range(30):
        bit = random.randrange(9 * 8, len(whole) * 8)
        whole[bit // 8] ^= 1 << bit % 8
        flipped.write_bytes(whole)
        assert "flipped.rdb, record at byte " in check_wrong("--quiet", flipped)[0], bit
        whole[bit // 8] ^= 1 << bit % 8


def rdb(*records):
    return b"REDIS0011\xfe\0" + b"".join(records) + b"\xff" + bytes(8)


GOOD, MALFORMED, OTHER = b"\0\1a\1x", b"\x0b\3\"b\n\x09\3\0\0\0\1\0\0\0\0", b"\0\1c\1z"


def test_keys_that_can_not_be_made_are_told_of_one_by_one_and_left_out(start, tmp_path):  # noqa: F811
    dump = tmp_path / "dump.rdb"
    dump.write_bytes(rdb(GOOD, MALFORMED, OTHER, GOOD, b"\xfe\1", GOOD))
    lines = check_wrong("--repair", "--yes", dump)
    assert lines[:3] == [
        rf'{dump}, record at byte 16, key "\"b\n" of type 11 in database 0: the value is malformed',
        f'{dump}, record at byte 36, key "a" of type 0 in database 0: the key is there twice',
        f"{dump}: RDB version 11, 3 keys (3 string), 0 with a deadline",
    ]
    assert lines[-1] == "2 problems"
    repaired = tmp_path / "dump.rdb.repaired"
    assert repaired.read_bytes()[:-8] == rdb(GOOD, OTHER, b"\xfe\1", GOOD)[:-8]
    check_sound(repaired)


def test_what_follows_an_rdb_file_is_no_part_of_it(tmp_path):
    dump = tmp_path / "dump.rdb"
    dump.write_bytes(rdb(GOOD) + b"more")
    assert check_wrong(dump)[0] == f"{dump}, byte 25: the file goes on behind its end"


def test_only_the_first_of_many_problems_are_told(tmp_path):
    dump = tmp_path / "dump.rdb"
    dump.write_bytes(rdb(*[GOOD] * 101))
    lines = check_wrong("--quiet", dump)
    assert len(lines) == 21 and lines[-1] == "and 80 more"


# AOFs.

INCREMENTAL = "appendonly.aof.1.incr.aof"


@pytest.fixture
def appended(start, tmp_path):  # noqa: F811
    """An AOF of redis-server, which has stopped."""
    server = start("source", appendonly="yes", aof_timestamp_enabled="yes")
    fill(server.client, random.Random(2))
    server.client.pipeline().set("in", "a transaction").rpush("and", 1, 2).execute()
    server.client.bgrewriteaof()
    while server.client.info("persistence")["aof_rewrite_in_progress"]:
        pass
    for i in range(100):
        server.client.set(f"later:{i}", i)
    server.client.pipeline().set("in", "another").rpush("and", 3).execute()
    server.process.terminate()
    server.process.wait()
    return tmp_path / "source" / "appendonlydir"


def test_a_sound_aof_is_counted_and_left_alone(appended):
    before = snapshot(appended)
    lines = check_sound(appended)
    assert lines == check_sound(appended / "appendonly.aof.manifest")
    assert re.search(r"base.rdb: RDB version 10, \d+ keys", lines[0])
    assert lines[-2].endswith("incr.aof: 0 groups, 105 commands, 1 transaction"), lines
    assert check("--quiet", appended) == (0, [])
    assert check("--repair", "--yes", appended) == (0, lines)
    assert snapshot(appended) == before


def test_commit_groups_are_counted_and_checked(appended, tmp_path):
    grouped = tmp_path / "grouped.aof"
    commands = regroup(next(appended.glob("*.incr.aof")), grouped)
    lines = check_sound(grouped)
    assert lines[0] == f"{grouped}: {-(-commands // 3)} groups, {commands} commands, 1 transaction"
    whole = bytearray(grouped.read_bytes())
    for _ in range(30):
        bit = random.randrange(len(whole) * 8)
        whole[bit // 8] ^= 1 << bit % 8
        grouped.write_bytes(whole)
        assert re.match(re.escape(str(grouped)) + r", byte \d+: ", check_wrong("--quiet", grouped)[0]), bit
        whole[bit // 8] ^= 1 << bit % 8


def test_room_for_groups_is_none_of_it_and_left_alone(appended, tmp_path):
    grouped = tmp_path / "grouped.aof"
    regroup(next(appended.glob("*.incr.aof")), grouped)
    groups = grouped.read_bytes()
    room = b"#--\n" + b"#" + 62 * b"-" + b"\n"
    grouped.write_bytes(groups + room)
    assert check_sound(grouped)[1] == f"{grouped}: room for more groups from byte {len(groups)} of {len(groups) + len(room)}"
    assert check("--repair", "--yes", grouped)[0] == 0
    assert grouped.read_bytes() == groups + room
    grouped.write_bytes(groups + room + b"x")
    assert check_wrong(grouped)[0].startswith(f"{grouped}, byte {len(groups)}: ")


SMALL_AOF = b"".join(
    [redis_command(b"SELECT", b"0"), redis_command(b"SET", b"a", b"1"), redis_command(b"MULTI")]
    + [redis_command(b"SET", b"b", b"2"), redis_command(b"EXEC"), b"#TS:1700000000\r\n", redis_command(b"DEL", b"a")]
)


def test_a_torn_tail_is_cut_as_by_redis_and_kept(tmp_path):
    torn, theirs = tmp_path / "torn.aof", tmp_path / "theirs.aof"
    comment_at = SMALL_AOF.index(b"#")
    comment_end = SMALL_AOF.index(b"\n", comment_at) + 1
    for length in range(len(SMALL_AOF) + 1):
        for path in (torn, theirs):
            path.write_bytes(SMALL_AOF[:length])
        before = snapshot(tmp_path)
        status, lines = check(torn)
        assert snapshot(tmp_path) == before
        subprocess.run(["redis-check-aof", "--fix", theirs], input="y\n", text=True, stdout=subprocess.DEVNULL)
        sound = theirs.stat().st_size
        if comment_at < length < comment_end:  # which Redis takes for whole, though the next command would be part of it
            sound = comment_at
        assert status == (sound < length), (length, lines)
        assert check("--repair", torn, answer="y\n")[0] == 0
        aside = list(tmp_path.glob("torn.aof.cut-*"))
        assert torn.read_bytes() == SMALL_AOF[:sound] and len(aside) == status
        for path in aside:
            assert path.read_bytes() == SMALL_AOF[sound:length]
            path.unlink()
        check_sound(torn)


def test_what_is_cut_is_told_beforehand(tmp_path):
    wrong = tmp_path / "wrong.aof"
    more = redis_command(b"SET", b"x", b"*1\r\n") + b"*9\r\n$1\r\n" + redis_command(b"SET", b"y", b"2")
    wrong.write_bytes(SMALL_AOF + b"rubbish" + more)
    for answer in ("n\n", "", "no", "\n"):
        lines = check_wrong("--repair", wrong, answer=answer)
        size, sound = wrong.stat().st_size, len(SMALL_AOF)
        assert lines[0] == f"{wrong}, byte {sound}: neither a command nor an annotation begins here"
        assert lines[2] == f"{wrong}: sound up to byte {sound} of {size}"
        assert lines[3].startswith(
            f"{wrong}: this cuts the file from {size} bytes to {sound}. The {size - sound} bytes behind that, with 2 whole "
            f"commands, as far as can be made out, will be in {wrong}.cut-"
        )
        assert wrong.read_bytes() == SMALL_AOF + b"rubbish" + more and len(list(tmp_path.iterdir())) == 1


def test_commands_that_a_server_would_refuse_are_told(tmp_path):
    aof = tmp_path / "a.aof"
    commands = [redis_command(*words.split()) for words in (b"NOSUCH 1", b"SET a", b"EXEC", b"MULTI", b"MULTI", b"EXEC")]
    aof.write_bytes(b"".join(commands))
    offsets = [sum(map(len, commands[:i])) for i in range(len(commands))]
    before = snapshot(tmp_path)
    assert check_wrong("--quiet", aof, "--repair", "--yes") == [
        f'{aof}, byte 0: "NOSUCH" is no command',
        f'{aof}, byte {offsets[1]}: "SET" has not as many arguments',
        f'{aof}, byte {offsets[2]}: "EXEC" ends no transaction',
        f'{aof}, byte {offsets[4]}: "MULTI" within a transaction',
    ]
    assert snapshot(tmp_path) == before


def test_a_transaction_without_its_end_is_cut(tmp_path):
    plain, grouped = tmp_path / "plain.aof", tmp_path / "grouped.aof"
    plain.write_bytes(SMALL_AOF + redis_command(b"MULTI") + redis_command(b"SET", b"c", b"3"))
    lines = check_wrong(plain)
    assert lines[0] == f"{plain}, byte {len(SMALL_AOF)}: a transaction begins here whose EXEC is not there"
    regroup(plain, grouped)  # of three commands, so that MULTI lies in the middle one
    status, lines = check("--repair", "--yes", grouped)
    assert (status, lines[-1]) == (0, "all is sound now") and "a transaction begins here whose EXEC is not there" in lines[0]
    assert check_sound(grouped)[0] == f"{grouped}: 2 groups, 6 commands, 1 transaction"


def test_what_is_wrong_before_a_cut_stays_wrong(tmp_path):
    aof, begun = tmp_path / "a.aof", redis_command(b"MULTI") + redis_command(b"NOSUCH", b"2")
    aof.write_bytes(redis_command(b"NOSUCH", b"1") + begun + redis_command(b"MULTI"))
    status, lines = check("--repair", "--yes", aof)
    assert (status, lines[0], lines[-1]) == (1, f'{aof}, byte 0: "NOSUCH" is no command', "1 problem"), lines
    assert aof.read_bytes() == redis_command(b"NOSUCH", b"1")

    aof, malformed = tmp_path / "b.aof", rdb(b"\xfa\x08aof-base\xc0\x01", GOOD, MALFORMED)
    aof.write_bytes(malformed + SMALL_AOF[:-3])
    status, lines = check("--repair", "--yes", aof)
    assert (status, lines[-1]) == (1, "1 problem"), lines
    assert aof.read_bytes() == malformed + SMALL_AOF[: SMALL_AOF.rindex(b"*2\r\n")]


def test_an_aof_may_begin_with_an_rdb_file(start, tmp_path):  # noqa: F811
    base = rdb(b"\xfa\x08aof-base\xc0\x01", GOOD)
    aof = tmp_path / "appendonly.aof"
    aof.write_bytes(base + SMALL_AOF[:-3])
    status, lines = check("--repair", "--yes", aof)
    assert status == 0 and lines[0] == f"{aof}: RDB version 11, 1 key (1 string), 0 with a deadline"
    del_at = len(base) + SMALL_AOF.rindex(b"*2\r\n")
    assert lines[1] == f"{aof}, byte {del_at}: the file ends within what begins here"
    assert aof.read_bytes() == (base + SMALL_AOF)[:del_at]
    check_sound(aof)


# Manifests.


def write_folder(folder, manifest, **files):
    folder.mkdir(exist_ok=True)
    (folder / "x.manifest").write_text(manifest)
    for name, content in files.items():
        (folder / name).write_bytes(content)


def test_what_a_manifest_names_has_to_be_there(tmp_path):
    folder = tmp_path / "folder"
    write_folder(folder, "file base seq 1 type b\nfile one seq 1 type i\nfile old seq 9 type h\n", base=rdb(GOOD))
    lines = check_wrong(folder)
    assert f"{folder}/one: the manifest names it, but there is no such file" in lines
    assert f"{folder}/old: history, which nobody needs any more" in lines
    (folder / "x.manifest").write_text("file one seq x type i\n")
    assert check_wrong("--quiet", folder) == [f"{folder}/x.manifest, line 1: seq has to be a number above 0"]


def test_only_the_last_file_of_a_shard_is_cut(tmp_path):
    folder, torn = tmp_path / "folder", SMALL_AOF[:-1]
    manifest = "".join(f"file f{seq} seq {seq} type i shard {seq % 2} shards 2\n" for seq in (1, 2, 3, 4))
    write_folder(folder, manifest, f1=torn, f2=torn, f3=torn, f4=b"")
    lines = check_wrong("--repair", "--yes", folder)
    assert f"{folder}/f1: is not cut, as another file follows it" in lines and lines[-1] == "1 problem"
    assert (folder / "f1").read_bytes() == torn
    assert (folder / "f2").stat().st_size == (folder / "f3").stat().st_size == SMALL_AOF.rindex(b"*2\r\n")


def test_a_file_is_read_up_to_where_its_manifest_says(tmp_path):
    folder, end = tmp_path / "folder", SMALL_AOF.rindex(b"*2\r\n")
    write_folder(folder, f"file one seq 1 type i end {end}\n", one=SMALL_AOF[:-1])
    lines = check_sound(folder)
    assert lines[1] == f"{folder}/one: as its manifest says, read up to byte {end} of {end + 19}"
    write_folder(folder, f"file one seq 1 type i end {end + 4}\n")
    assert f"{folder}/one: is not cut, as the manifest says how much of it is sound" in check_wrong(
        "--repair", "--yes", folder
    )
    write_folder(folder, f"file one seq 1 type i end {end + 100}\n", one=SMALL_AOF)
    assert "and the manifest says that" in check_wrong(folder)[0]


# How it is called.


def test_what_can_not_be_read_is_status_2(tmp_path):
    for arguments in ([], ["--nonsense", tmp_path], ["--yes", tmp_path], ["--repair"]):
        status, lines = check(*arguments)
        assert status == 2 and any(line.startswith("Usage: shoal-check") for line in lines), arguments
    assert check("--help")[0] == 0
    assert check(tmp_path) == (2, [f"{tmp_path}: there is no manifest in it"])
    assert check(tmp_path / "nothing") == (2, [f"{tmp_path}/nothing: No such file or directory"])
    (tmp_path / "sound.rdb").write_bytes(rdb(GOOD))
    assert check("--quiet", tmp_path / "nothing", tmp_path / "sound.rdb")[0] == 2
    for name in ("a", "b"):
        (tmp_path / f"{name}.manifest").touch()
    assert check(tmp_path) == (2, [f"{tmp_path}: which of its manifests is meant?"])


def run_at_terminal(*arguments):
    """What is seen there."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen([CHECK, *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=theirs)
    os.close(theirs)
    seen = b""
    while True:
        try:
            seen += os.read(ours, 10000)
        except OSError:
            break
    os.close(ours)
    assert process.wait() == 0
    return seen


def test_progress_is_shown_at_a_terminal_and_taken_away(tmp_path):
    dump = tmp_path / "dump.rdb"
    dump.write_bytes(rdb(*[b"\0\x44\0" + struct.pack(">I", i) * 256 + b"\1x" for i in range(300)]))
    seen = run_at_terminal(dump)
    assert re.search(rb"\[#+\.*\] +\d+ %, 0.\d of 0.3 MB of " + re.escape(bytes(dump)), seen)
    assert seen.endswith(b"\r\033[K")
    assert run_at_terminal("--quiet", dump) == b""


# Times.

GOOD_COMMAND = redis_command(b"SET", b"a", b"1")
TIMED_AOF = b"".join(
    b"#TS:%d\r\n" % (1000 + i) + redis_command(b"SET", b"k", b"%d" % i) + redis_command(b"INCR", b"n") for i in range(4)
)


@pytest.mark.parametrize("seconds", [1003, 1005, 1002, 1001])
def test_what_is_later_is_cut_as_by_redis_and_kept(tmp_path, seconds):
    timed, theirs = tmp_path / "timed.aof", tmp_path / "theirs.aof"
    for path in (timed, theirs):
        path.write_bytes(TIMED_AOF)
    subprocess.run(["redis-check-aof", "--truncate-to-timestamp", str(seconds), theirs], stdout=subprocess.DEVNULL, check=True)
    assert check("--truncate-to-timestamp", seconds, timed, answer="n\n")[0] == 0 and timed.read_bytes() == TIMED_AOF
    assert check("--truncate-to-timestamp", seconds, timed, answer="y\n")[0] == 0
    kept = timed.read_bytes()
    assert kept == theirs.read_bytes()
    assert [path.read_bytes() for path in tmp_path.glob("*.cut-*")] == ([TIMED_AOF[len(kept) :]] if kept != TIMED_AOF else [])


def test_a_group_or_transaction_that_is_later_goes_as_a_whole(tmp_path):
    early, late = group(b"#TS:1000\r\n" + GOOD_COMMAND, 1), group(b"#STAMP:0\r\n#TS:1001\r\n" + GOOD_COMMAND, 2)
    for name, rest in [
        ("group", late + group(GOOD_COMMAND, 3)),
        ("transaction", redis_command(b"MULTI") + GOOD_COMMAND + b"#TS:1001\r\n" + redis_command(b"EXEC")),
    ]:
        aof = tmp_path / name
        aof.write_bytes(early + rest)
        assert check("--truncate-to-timestamp", 1000, "--yes", aof)[0] == 0
        assert aof.read_bytes() == early


def test_times_are_looked_for_in_all_files_and_only_the_last_are_cut(tmp_path):
    names = [f"appendonly.aof.{i}.incr.aof" for i in (1, 2)]
    for name in names:
        (tmp_path / name).write_bytes(TIMED_AOF)
    (tmp_path / "appendonly.aof.manifest").write_text("".join(f"file {name} seq {i + 1} type i\n" for i, name in enumerate(names)))
    status, lines = check("--truncate-to-timestamp", 1001, "--yes", tmp_path)
    assert status == 1 and any("is not cut, as another file follows it" in line for line in lines), lines
    assert (tmp_path / names[0]).read_bytes() == TIMED_AOF and (tmp_path / names[1]).read_bytes() == TIMED_AOF[: len(TIMED_AOF) // 2]
    for wrong in ("x", "-1", ""):
        assert check("--truncate-to-timestamp", wrong, tmp_path)[0] == 2
