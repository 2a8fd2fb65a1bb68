#include "core/lua_cmsgpack.h"

#include <criterion/criterion.h>
#include <lauxlib.h>
#include <lua.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "tests/support/dice.h"
#include "tests/support/lua_run.h"

static lua_State *lua;

static void open_library(void)
{
    lua = lua_run_create(lua_cmsgpack_open, "cmsgpack");
}

static void close_library(void)
{
    lua_run_destroy(lua);
}

TestSuite(lua_cmsgpack, .init = open_library, .fini = close_library);

/* Expectations with a number or an error in them are what redis-server 7.0.15 answers. */

Test(lua_cmsgpack, integers_take_the_shortest_form)
{
    lua_expect(lua, "return cmsgpack.pack(0,127,128,255,256)", "\"\\000\\127\\204\\128\\204\\255\\205\\001\\000\"");
    lua_expect(lua, "return cmsgpack.pack(65535,65536)", "\"\\205\\255\\255\\206\\000\\001\\000\\000\"");
    lua_expect(lua, "return cmsgpack.pack(2^32-1)", "\"\\206\\255\\255\\255\\255\"");
    lua_expect(lua, "return cmsgpack.pack(2^32)", "\"\\207\\000\\000\\000\\001\\000\\000\\000\\000\"");
    lua_expect(lua, "return cmsgpack.pack(-1,-32,-33,-128)", "\"\\255\\224\\208\\223\\208\\128\"");
    lua_expect(lua, "return cmsgpack.pack(-129,-32768)", "\"\\209\\255\\127\\209\\128\\000\"");
    lua_expect(lua, "return cmsgpack.pack(-32769)", "\"\\210\\255\\255\\127\\255\"");
    lua_expect(lua, "return cmsgpack.pack(-2^31-1)", "\"\\211\\255\\255\\255\\255\\127\\255\\255\\255\"");
    lua_expect(lua, "return cmsgpack.pack(-2^63)", "\"\\211\\128\\000\\000\\000\\000\\000\\000\\000\"");
}

Test(lua_cmsgpack, other_numbers_are_floats_where_that_loses_nothing)
{
    lua_expect(lua, "return cmsgpack.pack(1.5)", "\"\\202?\\192\\000\\000\"");
    lua_expect(lua, "return cmsgpack.pack(0.1)", "\"\\203?\\185\\153\\153\\153\\153\\153\\154\"");
    lua_expect(lua, "return cmsgpack.pack(2^63)", "\"\\202_\\000\\000\\000\"");
    lua_expect(lua, "return cmsgpack.pack(1/0)", "\"\\202\\127\\128\\000\\000\"");
    lua_expect(lua, "return cmsgpack.pack(1e300)", "\"\\203~7\\228<\\136\\000u\\156\"");
}

Test(lua_cmsgpack, what_messagepack_has_no_form_for_is_nil)
{
    lua_expect(lua, "return cmsgpack.pack(nil,true,false,print,coroutine.create(function() end))",
               "\"\\192\\195\\194\\192\\192\"");
}

Test(lua_cmsgpack, a_string_of_digits_stays_one)
{
    lua_expect(lua, "return cmsgpack.pack('12')", "\"\\16212\"");
    lua_expect(lua, "return #cmsgpack.pack(('a'):rep(31)), #cmsgpack.pack(('a'):rep(32))", "32 34");
    lua_expect(lua, "return #cmsgpack.pack(('a'):rep(256)), #cmsgpack.pack(('a'):rep(65536))", "259 65541");
}

Test(lua_cmsgpack, a_table_is_an_array_if_its_keys_are_one_to_n)
{
    lua_expect(lua, "return cmsgpack.pack({})", "\"\\144\"");
    lua_expect(lua, "return cmsgpack.pack({1,false,{}})", "\"\\147\\001\\194\\144\"");
    lua_expect(lua, "return cmsgpack.pack({[0]=1})", "\"\\129\\000\\001\"");
    lua_expect(lua, "return cmsgpack.pack({[2]=1})", "\"\\129\\002\\001\"");
    lua_expect(lua, "return cmsgpack.pack({[1.5]=1})", "\"\\129\\202?\\192\\000\\000\\001\"");
    lua_expect(lua, "return cmsgpack.pack({a=1})", "\"\\129\\161a\\001\"");
    lua_expect(lua, "local t={} for i=1,17 do t[i]=1 end return cmsgpack.pack(t):sub(1,4)", "\"\\220\\000\\017\\001\"");
    lua_expect(lua, "local t={} for i=1,16 do t[-i]=1 end return cmsgpack.pack(t):sub(1,3)", "\"\\222\\000\\016\"");
    lua_expect(lua, "local t={} for i=1,65536 do t[i]=1 end return cmsgpack.pack(t):sub(1,6)",
               "\"\\221\\000\\001\\000\\000\\001\"");
}

Test(lua_cmsgpack, the_seventeenth_table_within_is_nil)
{
    lua_expect(lua, "local t={} for i=1,15 do t={t} end return cmsgpack.pack(t) == ('\\145'):rep(15)..'\\144'", "true");
    lua_expect(lua, "local t={} for i=1,16 do t={t} end return cmsgpack.pack(t) == ('\\145'):rep(16)..'\\192'", "true");
    lua_expect(lua, "local t={} t[1]=t return cmsgpack.pack(t) == ('\\145'):rep(16)..'\\192'", "true");
    lua_expect(lua, "local t={} t[t]=1 return #cmsgpack.pack(t)", "33");
}

Test(lua_cmsgpack, every_form_is_read_back)
{
    lua_expect(lua, "return cmsgpack.unpack('\\224\\255\\127\\208\\128\\209\\128\\0')", "-32 -1 127 -128 -32768");
    lua_expect(lua, "return cmsgpack.unpack('\\204\\200\\205\\200\\0\\206\\200\\0\\0\\0')", "200 51200 3355443200");
    lua_expect(lua, "return cmsgpack.unpack('\\202?\\192\\0\\0\\203?\\248\\0\\0\\0\\0\\0\\0')", "1.5 1.5");
    lua_expect(lua, "return cmsgpack.unpack('\\192\\194\\195')", "nil false true");
    lua_expect(lua, "return cmsgpack.unpack('\\161a\\217\\1a\\218\\0\\1a\\219\\0\\0\\0\\1a')",
               "\"a\" \"a\" \"a\" \"a\"");
    lua_expect(lua, "return cmsgpack.unpack('\\145\\1\\220\\0\\1\\1\\221\\0\\0\\0\\1\\1')", "{1=1} {1=1} {1=1}");
    lua_expect(lua, "return cmsgpack.unpack('\\129\\1\\2\\222\\0\\1\\1\\2\\223\\0\\0\\0\\1\\1\\2')",
               "{1=2} {1=2} {1=2}");
    lua_expect(lua, "return cmsgpack.unpack('\\129\\1\\192\\146\\192\\1')", "{} {2=1}");
    lua_expect(lua, "return cmsgpack.unpack('')", "");
}

/* As Redis's library does. */
Test(lua_cmsgpack, an_unsigned_number_above_two_to_the_63rd_is_read_as_negative)
{
    lua_expect(lua, "return cmsgpack.unpack('\\207\\255\\255\\255\\255\\255\\255\\255\\255')", "-1");
}

Test(lua_cmsgpack, what_lua_lacks_is_refused)
{
    const char *const tags[] = {"\\193", "\\196\\1a",   "\\197\\0\\1a", "\\198\\0\\0\\0\\1a", "\\199\\1\\1\\1", "\\200",
                                "\\201", "\\212\\1\\1", "\\216"};
    char chunk[80];

    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++) {
        snprintf(chunk, sizeof chunk, "local a = cmsgpack.unpack('%s') return a", tags[i]);
        lua_expect(lua, chunk, "! chunk:1: Bad data format in input.");
    }
    lua_expect(lua, "local a = cmsgpack.unpack('\\129\\192\\1') return a", "! table index is nil");
    lua_expect(lua, "local a = cmsgpack.unpack('\\129\\203\\127\\248\\0\\0\\0\\0\\0\\0\\1') return a",
               "! table index is NaN");
}

Test(lua_cmsgpack, a_string_that_ends_too_early_is_refused)
{
    const char *const cut[] = {"\\204",        "\\161",
                               "\\218\\0\\2a", "\\219\\255\\255\\255\\255a",
                               "\\222\\0",     "\\222\\0\\1\\1",
                               "\\145",        "\\221\\255\\255\\255\\255\\1",
                               "\\203\\1a",    "\\223\\255\\255\\255\\255\\1\\1"};
    char chunk[80];

    for (size_t i = 0; i < sizeof cut / sizeof cut[0]; i++) {
        snprintf(chunk, sizeof chunk, "local a = cmsgpack.unpack('%s') return a", cut[i]);
        lua_expect(lua, chunk, "! chunk:1: Missing bytes in input.");
    }
}

Test(lua_cmsgpack, values_can_be_taken_one_by_one)
{
    lua_expect(lua, "return cmsgpack.unpack_one('\\1\\2\\3')", "1 1");
    lua_expect(lua, "return cmsgpack.unpack_one('\\1\\2\\3', 2)", "-1 3");
    lua_expect(lua, "return cmsgpack.unpack_one('\\1\\2\\3', 3)", "-1");
    lua_expect(lua, "return cmsgpack.unpack_one('\\1', nil)", "-1 1");
    lua_expect(lua, "return cmsgpack.unpack_limit('\\1\\2\\3', 2)", "2 1 2");
    lua_expect(lua, "return cmsgpack.unpack_limit('\\1\\2\\3', 2, 1)", "-1 2 3");
    lua_expect(lua, "return cmsgpack.unpack_limit('\\1\\2\\3', 0)", "1 2 3");
    lua_expect(lua, "return cmsgpack.unpack_limit('\\1\\2\\3', 0, 1)", "1");
    lua_expect(lua, "return cmsgpack.unpack_limit('\\1\\193', 1)", "1 1");
}

Test(lua_cmsgpack, arguments_are_checked)
{
    lua_expect(lua, "local a = cmsgpack.pack() return a",
               "! chunk:1: bad argument #0 to 'pack' (MessagePack pack needs input.)");
    lua_expect(lua, "local a = cmsgpack.pack(unpack({}, 1, 4001)) return a",
               "! chunk:1: bad argument #0 to 'pack' (Too many arguments for MessagePack pack.)");
    lua_expect(lua, "local a = cmsgpack.unpack({}) return a",
               "! chunk:1: bad argument #1 to 'unpack' (string expected, got table)");
    lua_expect(lua, "local a = cmsgpack.unpack_one() return a",
               "! chunk:1: bad argument #1 to 'unpack_one' (string expected, got no value)");
    lua_expect(lua, "local a = cmsgpack.unpack_limit('a') return a",
               "! chunk:1: bad argument #2 to 'unpack_limit' (number expected, got no value)");
    lua_expect(lua, "local a = cmsgpack.unpack_one('\\1\\2\\3', 4) return a",
               "! chunk:1: Start offset 4 greater than input length 3.");
    lua_expect(lua, "local a = cmsgpack.unpack_one('\\1\\2\\3', -1) return a",
               "! chunk:1: Invalid request to unpack with offset of -1 and limit of 3.");
    lua_expect(lua, "local a = cmsgpack.unpack_limit('\\1\\2\\3', -1) return a",
               "! chunk:1: Invalid request to unpack with offset of 0 and limit of 3.");
}

Test(lua_cmsgpack, the_lua_stack_bounds_depth_and_number)
{
    lua_expect(lua, "local a = cmsgpack.unpack(('\\145'):rep(3999)..'\\1') return #a", "1");
    lua_expect(lua, "local a = cmsgpack.unpack(('\\145'):rep(4000)..'\\1') return a",
               "! chunk:1: stack overflow (in function mp_decode_to_lua_array)");
    lua_expect(lua, "local a = cmsgpack.unpack(('\\129\\1'):rep(5000)..'\\1') return a",
               "! chunk:1: stack overflow (too many return values at once; use unpack_one or unpack_limit instead.)");
    lua_expect(lua, "return select('#', cmsgpack.unpack(('\\1'):rep(7999)))", "7999");
    lua_expect(lua, "return (cmsgpack.unpack(('\\1'):rep(8000)))",
               "! chunk:1: stack overflow (too many return values at once; use unpack_one or unpack_limit instead.)");
}

/* The model: bytes as the specification's table has them, beside the value that is pushed. */

static void model_add(luaL_Buffer *bytes, unsigned tag, uint64_t value, unsigned width)
{
    luaL_addchar(bytes, (char)tag);
    while (width-- > 0)
        luaL_addchar(bytes, (char)(value >> 8 * width));
}

static double draw_integer(luaL_Buffer *bytes)
{
    static const struct {
        double least;
        double most;
        unsigned tag;
        unsigned width;
    } forms[] = {
        {128, 255, 0xcc, 1},  {256, 65535, 0xcd, 2},   {65536, 4294967295, 0xce, 4},   {4294967296, 0x1p52, 0xcf, 8},
        {-128, -33, 0xd0, 1}, {-32768, -129, 0xd1, 2}, {-2147483648, -32769, 0xd2, 4}, {-0x1p52, -2147483649, 0xd3, 8}};
    size_t form = dice_below(sizeof forms / sizeof forms[0]);
    double number = forms[form].least + (double)dice_below((uint64_t)(forms[form].most - forms[form].least) + 1);

    model_add(bytes, forms[form].tag, (uint64_t)(int64_t)number, forms[form].width);
    return number;
}

static double draw_real(luaL_Buffer *bytes)
{
    float number = 0.5f + (float)dice_below(1000);
    uint32_t bits;

    memcpy(&bits, &number, sizeof bits);
    model_add(bytes, 0xca, bits, 4);
    return number;
}

static void draw_string(char *string, size_t *length, luaL_Buffer *bytes)
{
    *length = dice_below(4) ? dice_below(40) : dice_below(300);
    for (size_t i = 0; i < *length; i++)
        string[i] = (char)dice_bits();
    if (*length < 32)
        model_add(bytes, 0xa0 | (unsigned)*length, 0, 0);
    else
        model_add(bytes, *length < 256 ? 0xd9 : 0xda, *length, *length < 256 ? 1 : 2);
    luaL_addlstring(bytes, string, *length);
}

/* Pushes a random value on `values`; its bytes go to a buffer of another state, where pushing is not in the way. */
static void draw_value(lua_State *values, luaL_Buffer *bytes, unsigned depth)
{
    char string[300];
    size_t length;

    luaL_checkstack(values, 3, "");
    switch (dice_below(depth < 5 ? 6 : 4)) {
    case 0:
        lua_pushboolean(values, 1);
        model_add(bytes, 0xc3, 0, 0);
        break;
    case 1:
        lua_pushnumber(values, draw_integer(bytes));
        break;
    case 2:
        lua_pushnumber(values, draw_real(bytes));
        break;
    case 3:
        draw_string(string, &length, bytes);
        lua_pushlstring(values, string, length);
        break;
    case 4:
        lua_newtable(values);
        length = dice_below(20);
        model_add(bytes, length < 16 ? 0x90 | (unsigned)length : 0xdc, length, length < 16 ? 0 : 2);
        for (size_t i = 1; i <= length; i++) {
            draw_value(values, bytes, depth + 1);
            lua_rawseti(values, -2, (int)i);
        }
        break;
    default: /* one pair: the order of several is Lua's own */
        lua_newtable(values);
        model_add(bytes, 0x81, 0, 0);
        draw_string(string, &length, bytes);
        lua_pushlstring(values, string, length);
        draw_value(values, bytes, depth + 1);
        lua_rawset(values, -3);
    }
}

static void call_library(const char *function, int arguments)
{
    lua_getglobal(lua, "cmsgpack");
    lua_getfield(lua, -1, function);
    lua_remove(lua, -2);
    lua_insert(lua, -1 - arguments);
    cr_assert_eq(lua_pcall(lua, arguments, 1, 0), 0, "%s", lua_tostring(lua, -1));
}

Test(lua_cmsgpack, random_values_are_packed_as_specified_and_come_back)
{
    lua_State *other = luaL_newstate();
    luaL_Buffer bytes;
    size_t expected_length, length;

    dice_seed();
    for (int i = 0; i < 3000; i++) {
        lua_settop(lua, 0);
        lua_settop(other, 0);
        luaL_buffinit(other, &bytes);
        draw_value(lua, &bytes, 0);
        luaL_pushresult(&bytes);
        const char *expected = lua_tolstring(other, -1, &expected_length);

        for (int round = 0; round < 2; round++) { /* once more with what came back */
            call_library("pack", 1);
            const char *packed = lua_tolstring(lua, -1, &length);

            cr_assert(length == expected_length && memcmp(packed, expected, length) == 0);
            call_library("unpack", 1);
        }
    }
    lua_close(other);
}
