"""cjson, cmsgpack, struct and bit: what they answer is what redis-server's do, right or wrong."""

import random

import pytest

import lua_values
from server import scaled

CALLS_PER_SCRIPT = 20

# Shows what a call gives, whatever it is.
SHOW = r"""
local function show(v)
    if type(v) == 'string' then
        return '"' .. v:gsub('[^%w]', function(c) return string.format('\\%03d', c:byte()) end) .. '"'
    elseif type(v) == 'number' then
        return v ~= v and 'nan' or string.format('%.17g', v)
    elseif type(v) == 'table' then
        local items = {}
        for key, item in pairs(v) do items[#items + 1] = show(key) .. '=' .. show(item) end
        table.sort(items)
        return '{' .. table.concat(items, ',') .. '}'
    end
    return v == cjson.null and 'null' or type(v) == 'function' and 'function' or tostring(v)
end
local function run(f, ...)
    local arguments, count = {...}, select('#', ...)
    local function call() local results = {f(unpack(arguments, 1, count))} return results end
    return show({pcall(call)})
end
"""


@pytest.fixture
def both(start, oracle):
    with oracle.connect() as theirs, start("--shards", "1").connect() as ours:
        yield theirs, ours


def compare(both, calls):
    script = SHOW + "return {" + ",\n".join(f"run({','.join(call)})" for call in calls) + "}"
    theirs, ours = (connection.command("EVAL", script, "0") for connection in both)
    if isinstance(theirs, list) and isinstance(ours, list):
        wrong = [f"{call}\n  {a}\n  {b}" for call, a, b in zip(calls, theirs, ours) if a != b]
    else:
        wrong = [f"{script}\n {theirs}\n {ours}"] if theirs != ours else []
    assert not wrong, "\n".join(wrong)


def test_random_calls(both):
    for seed in range(scaled(300)):
        dice = random.Random(seed)
        compare(both, [lua_values.call(dice) for _ in range(CALLS_PER_SCRIPT)])


def test_what_they_are_made_of(both):
    script = """
        local names = {}
        for _, library in ipairs{'cjson', 'cmsgpack', 'struct', 'bit'} do
            for name, value in pairs(_G[library]) do
                names[#names + 1] = library .. '.' .. name .. ' ' .. type(value)
            end
        end
        table.sort(names)
        return names
    """
    theirs, ours = (connection.command("EVAL", script, "0") for connection in both)
    notices = {b"cmsgpack._COPYRIGHT string", b"cmsgpack._DESCRIPTION string"}
    assert [name for name in theirs if name not in notices] == ours


@pytest.mark.parametrize("library", ("cjson", "cmsgpack", "struct", "bit"))
def test_they_cannot_be_changed(both, library):
    theirs, ours = (connection.command("EVAL", f"{library}.x = 1", "0") for connection in both)
    assert theirs == ours and "readonly" in ours


def test_settings_of_cjson_stay_until_they_are_changed(both):
    asks = """return {cjson.encode_max_depth(), cjson.decode_max_depth(), cjson.encode_number_precision(),
        tostring(cjson.encode_keep_buffer()), tostring(cjson.encode_invalid_numbers()),
        tostring(cjson.decode_invalid_numbers()), {select(2, cjson.encode_sparse_array())}}"""
    scripts = [
        asks,
        "return cjson.encode_number_precision(3)",
        "return cjson.encode(1/3)",
        "return cjson.encode_number_precision(14)",
        "cjson.encode_sparse_array(true) return cjson.encode({[100]=1})",
        "cjson.encode_sparse_array(false) return cjson.encode({[100]=1})",
        asks,
    ]
    for script in scripts:
        theirs, ours = (connection.command("EVAL", script, "0") for connection in both)
        assert theirs == ours, script


def test_depth_and_number_are_bounded_alike(both):
    def repeated(piece, count):
        return f"string.rep({lua_values.literal(piece)},{count})"

    calls = [["cmsgpack.unpack", repeated(b"\x91", count) + '.."\\001"'] for count in (16, 3999, 4000, 9000)]
    calls += [["cmsgpack.unpack", repeated(b"\x01", count)] for count in (7990, 9000)]
    calls += [["cjson.decode", repeated(b"[", count) + ".." + repeated(b"]", count)] for count in (1000, 1001)]
    calls += [["struct.unpack", repeated(b"b", 9000), repeated(b"b", 9000)]]
    calls = [["function(...) return #f(...) end".replace("f(", f"{function}("), *rest] for function, *rest in calls]
    for call in calls:
        compare(both, [call])


def test_a_result_that_no_memory_holds_is_an_error(start):
    """Of small tables that hold each other twice, so many levels deep."""
    script = "local t = {'x'} for i = 1, ARGV[1] do t = {t, t} end return #cjson.encode(t)"
    server = start("--shards", "1", "--maxmemory", "40mb", "--busy-reply-threshold", "60000")  # under TSan it lasts
    with server.connect() as connection:
        assert connection.command("EVAL", script, "0", "16") == 8 * 2**16 - 3
        for doublings in (30, 200):
            assert "not enough memory" in connection.command("EVAL", script, "0", str(doublings))
        assert connection.command("EVAL", "return cjson.encode({1})", "0") == b"[1]"
