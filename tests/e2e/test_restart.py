"""What was written is there again when the server is, whatever number of shards it has then."""

import pytest

# Of what nobody was promised that it would stay.
CUT = ["is cut at byte", "are cut off, and"]


def fill(client):
    client.mset({f"k{i}": i for i in range(50)})
    client.rpush("list", *range(10))
    client.flushdb()
    client.mset({f"k{i}": i * i for i in range(50)})
    client.rpush("list", *range(20))
    with client.pipeline() as transaction:
        for i in range(50):
            transaction.incr(f"k{i}")
        transaction.execute()


def check(client):
    assert client.mget([f"k{i}" for i in range(50)]) == [str(i * i + 1).encode() for i in range(50)]
    assert client.lrange("list", 0, -1) == [str(i).encode() for i in range(20)]
    assert client.dbsize() == 51


@pytest.mark.parametrize("policy", ["always", "everysec", "no"])
@pytest.mark.parametrize("shards", [(1, 1), (2, 2), (5, 5), (1, 3), (5, 2)])
def test_an_append_only_file_is_loaded_by_any_number_of_shards(start, tmp_path, shards, policy):
    folder = tmp_path / "data"
    folder.mkdir()

    def begin(count):
        return start("--appendonly", "yes", "--appendfsync", policy, "--shards", count, "--dir", folder, expected=CUT)

    first = begin(shards[0])
    fill(first.client())
    first.stop()
    second = begin(shards[1])
    check(second.client())
    second.client().incr("again")
    second.kill()
    third = begin(shards[0])
    assert third.client().delete("again") == 1 or policy != "always"
    check(third.client())


def test_a_string_that_has_only_grown_is_in_the_file(start, tmp_path):
    """BITFIELD makes room for what it then refuses to write, of which nobody hears but the file."""
    options = ("--appendonly", "yes", "--shards", 2, "--dir", tmp_path)
    first = start(*options)
    with first.connect() as c:
        assert c("BITFIELD b OVERFLOW FAIL SET i13 260 2834585200231149513") == [None] and c("STRLEN b") == 35
    first.stop()
    with start(*options).connect() as c:
        assert c("STRLEN b") == 35


def test_what_hyperloglogs_note_and_how_they_are_kept_is_in_the_file(start, tmp_path):
    """As in Redis, and nothing is said of a command that does not write."""
    options = ("--appendonly", "yes", "--shards", 2, "--dir", tmp_path)
    first = start(*options)
    with first.connect() as c:
        c("PFADD k a b c"), c("PFCOUNT k")
        c("PFADD dense a b c"), c("PFDEBUG TODENSE dense")
        noted = c("MGET k dense")
    first.stop()
    with start(*options).connect() as c:
        assert c("MGET k dense") == noted
