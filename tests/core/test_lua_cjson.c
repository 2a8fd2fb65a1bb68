#include "core/lua_cjson.h"

#include <criterion/criterion.h>
#include <lauxlib.h>
#include <lua.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/dice.h"
#include "tests/support/lua_run.h"

static lua_State *lua;

static void open_library(void)
{
    lua = lua_run_create(lua_cjson_open, "cjson");
}

static void close_library(void)
{
    lua_run_destroy(lua);
}

TestSuite(lua_cjson, .init = open_library, .fini = close_library);

/* Expectations are what redis-server 7.0.15 answers. */

Test(lua_cjson, plain_values_are_written)
{
    lua_expect(lua, "return cjson.encode(nil), cjson.encode(true), cjson.encode(false), cjson.encode(cjson.null)",
               "\"null\" \"true\" \"false\" \"null\"");
    lua_expect(lua, "return cjson.encode('12'), cjson.encode(12)", "\"\"12\"\" \"12\"");
}

Test(lua_cjson, numbers_have_14_digits)
{
    lua_expect(lua, "return cjson.encode({1.5, 1e100, 12345678901234567, 0.1, -3, 1e-7})",
               "\"[1.5,1e+100,1.2345678901235e+16,0.1,-3,1e-07]\"");
    lua_expect(lua, "return cjson.encode({1e14, 99999999999999, -99999999999999, 2^53})",
               "\"[1e+14,99999999999999,-99999999999999,9.007199254741e+15]\"");
    lua_expect(lua, "local minus = -1 return cjson.encode(0 * minus)", "\"-0\"");
    lua_expect(lua,
               "cjson.encode_number_precision(3) return cjson.encode(1/3), cjson.encode(1234), cjson.encode({[1/3]=1})",
               "\"0.333\" \"1.23e+03\" \"{\"0.333\":1}\"");
}

Test(lua_cjson, nan_and_infinity_are_refused_or_as_asked_for)
{
    lua_expect(lua, "local a = cjson.encode(1/0) return a",
               "! chunk:1: Cannot serialise number: must not be NaN or Inf");
    lua_expect(lua, "local a = cjson.encode({[1/0]=1}) return a",
               "! chunk:1: Cannot serialise number: must not be NaN or Inf");
    lua_expect(lua, "cjson.encode_invalid_numbers(true) return cjson.encode({1/0, -1/0, 0/0})", "\"[inf,-inf,nan]\"");
    lua_expect(lua, "cjson.encode_invalid_numbers('null') return cjson.encode({1/0, 0/0})", "\"[null,null]\"");
}

Test(lua_cjson, strings_are_escaped)
{
    lua_expect(lua, "return cjson.encode('\\b\\t\\n\\f\\r\\v\\1\\31 \\127\\128\\255/\\\\\"')",
               "\"\"\\b\\t\\n\\f\\r\\u000b\\u0001\\u001f \\u007f\\128\\255\\/\\\\\\\"\"\"");
    lua_expect(lua, "return cjson.encode({['a\\n']=1})", "\"{\"a\\n\":1}\"");
    lua_expect(lua, "return #cjson.encode(('\\1'):rep(100000))", "600002");
}

Test(lua_cjson, a_table_of_places_is_an_array)
{
    lua_expect(lua, "return cjson.encode({}), cjson.encode({{}}), cjson.encode({1,nil,3})",
               "\"{}\" \"[{}]\" \"[1,null,3]\"");
    lua_expect(lua, "return cjson.encode({[2]=3}), cjson.encode({[0]=1}), cjson.encode({[1.5]=1})",
               "\"[null,3]\" \"{\"0\":1}\" \"{\"1.5\":1}\"");
    lua_expect(lua, "return cjson.encode({a=1}), cjson.encode({[-1]=1})", "\"{\"a\":1}\" \"{\"-1\":1}\"");
    lua_expect(lua, "return cjson.encode(setmetatable({}, {__index={1,2}}))", "\"{}\"");
}

Test(lua_cjson, an_array_with_many_holes_is_refused_or_made_an_object)
{
    lua_expect(lua, "return cjson.encode({[10]=1})", "\"[null,null,null,null,null,null,null,null,null,1]\"");
    lua_expect(lua, "local a = cjson.encode({[11]=1}) return a",
               "! chunk:1: Cannot serialise table: excessively sparse array");
    lua_expect(lua, "return cjson.encode({1,2,3,4,5,[12]=1})", "\"[1,2,3,4,5,null,null,null,null,null,null,1]\"");
    lua_expect(lua, "cjson.encode_sparse_array(true) return cjson.encode({[11]=1})", "\"{\"11\":1}\"");
    lua_expect(lua, "cjson.encode_sparse_array(false, 0) return #cjson.encode({[1000]=1})", "4998");
}

Test(lua_cjson, what_json_has_no_form_for_is_refused)
{
    lua_expect(lua, "local a = cjson.encode(print) return a",
               "! chunk:1: Cannot serialise function: type not supported");
    lua_expect(lua, "local a = cjson.encode({[true]=1}) return a",
               "! chunk:1: Cannot serialise boolean: table key must be a number or string");
}

Test(lua_cjson, depth_is_bounded_both_ways)
{
    lua_expect(lua, "local t={} for i=1,999 do t={t} end return #cjson.encode(t)", "2000");
    lua_expect(lua, "local t={} for i=1,1000 do t={t} end local a = cjson.encode(t) return a",
               "! chunk:1: Cannot serialise, excessive nesting (1001)");
    lua_expect(lua, "local t={} t[1]=t local a = cjson.encode(t) return a",
               "! chunk:1: Cannot serialise, excessive nesting (1001)");
    lua_expect(lua, "return type(cjson.decode(('['):rep(1000) .. (']'):rep(1000)))", "\"table\"");
    lua_expect(lua, "local a = cjson.decode(('['):rep(1001)) return a",
               "! chunk:1: Found too many nested data structures (1001) at character 1001");
    lua_expect(lua, "cjson.decode_max_depth(2) return (cjson.decode('[[1],[2],[[3]]]'))",
               "! chunk:1: Found too many nested data structures (3) at character 11");
    lua_expect(lua, "cjson.decode_max_depth(2^31-1) return (pcall(cjson.decode, ('{\"a\":'):rep(100000)))", "false");
}

/* An int would overflow. */
Test(lua_cjson, a_result_longer_than_2_gib_ends_where_memory_does)
{
    lua_expect(lua,
               "local s, t = ('a'):rep(1000), {} for i = 1, 9 do t[i] = s end\n"
               "for i = 1, 20 do t = {t, t, t, t, t, t, t, t} end\n"
               "collectgarbage() local ok, wrong = pcall(cjson.encode, t) return ok, wrong",
               "false \"not enough memory\"");
}

static void end_script(lua_State *state, lua_Debug *debug)
{
    luaL_error(state, "ended");
}

/* Which Lua's own count of instructions would not see to. */
Test(lua_cjson, what_takes_long_can_be_ended)
{
    lua_expect(lua, "t = {} for i = 1, 20 do t = {t, t} end", "");
    lua_sethook(lua, end_script, LUA_MASKCOUNT, 1000000);
    lua_expect(lua, "local a = cjson.encode(t) return a", "! chunk:1: ended");
}

Test(lua_cjson, values_are_read)
{
    lua_expect(lua, "return cjson.decode('null') == cjson.null, cjson.decode('true'), cjson.decode('false')",
               "true true false");
    lua_expect(lua, "return cjson.decode(' \\t\\n\\r[ 1 ,\\n2 , [] , {} ] ')", "{1=1,2=2,3={},4={}}");
    lua_expect(lua, "return cjson.decode('{\"a\":1,\"b\":{\"c\":[2]},\"a\":3}')", "{\"a\"=3,\"b\"={\"c\"={1=2}}}");
    lua_expect(lua, "return #cjson.decode('[null,1]')", "2");
    lua_expect(lua, "return cjson.decode('12\\0x'), cjson.decode(1.5)", "12 1.5");
}

Test(lua_cjson, numbers_are_read_as_strtod_does)
{
    lua_expect(lua, "return cjson.decode('[1,-1,1.5e3,0,123456789012345,1234567890123456,1.]')",
               "{1=1,2=-1,3=1500,4=0,5=1.2345678901234e+14,6=1.2345678901235e+15,7=1}");
    lua_expect(lua, "return 1 / cjson.decode('-0'), cjson.decode('1e400'), cjson.decode('1E1')", "-inf inf 10");
    lua_expect(lua, "return cjson.decode('01'), cjson.decode('0x10'), cjson.decode('+1'), cjson.decode('-infinity')",
               "1 16 1 -inf");
    lua_expect(lua, "cjson.decode_invalid_numbers(false) return (cjson.decode('01'))",
               "! chunk:1: Expected value but found invalid number at character 1");
    lua_expect(lua, "return (cjson.decode('+1'))", "! chunk:1: Expected value but found invalid token at character 1");
    lua_expect(lua, "return (cjson.decode('-nan'))",
               "! chunk:1: Expected value but found invalid number at character 1");
}

Test(lua_cjson, escapes_are_read)
{
    lua_expect(lua, "return cjson.decode('\"\\\\\"\\\\\\\\\\\\/\\\\b\\\\f\\\\n\\\\r\\\\t\"')",
               "\"\"\\/\\008\\012\\010\\013\\009\"");
    lua_expect(lua, "return cjson.decode('\"x\\\\u00e9y\\\\u20Acz\\\\ud83d\\\\ude00\\\\u0000\"')",
               "\"x\\195\\169y\\226\\130\\172z\\240\\159\\152\\128\\000\"");
}

Test(lua_cjson, errors_say_what_was_found_where)
{
    const struct {
        const char *json, *error;
    } wrong[] = {
        {"", "value but found T_END at character 1"},
        {"nul", "value but found invalid token at character 1"},
        {"truefalse", "the end but found T_BOOLEAN at character 5"},
        {"1 2", "the end but found T_NUMBER at character 3"},
        {"[1 2]", "comma or array end but found T_NUMBER at character 4"},
        {"[1,]", "value but found T_ARR_END at character 4"},
        {"{1:2}", "object key string but found T_NUMBER at character 2"},
        {"{\"a\"}", "colon but found T_OBJ_END at character 5"},
        {"{\"a\":1 \"b\":2}", "comma or object end but found T_STRING at character 8"},
        {"{\"a\":1,}", "object key string but found T_OBJ_END at character 8"},
        {"{\"a", "object key string but found unexpected end of string at character 4"},
        {"\"abc", "value but found unexpected end of string at character 5"},
        {"\"a\\\\x\"", "value but found invalid escape code at character 3"},
        {"\"a\\\\", "value but found invalid escape code at character 3"},
        {"\"a\\\\n", "value but found unexpected end of string at character 5"},
        {"\"\\\\u12\"", "value but found invalid unicode escape code at character 2"},
        {"\"\\\\ud83d\"", "value but found invalid unicode escape code at character 2"},
        {"\"\\\\ud83d\\\\u0041\"", "value but found invalid unicode escape code at character 2"},
        {"\"\\\\ude00\"", "value but found invalid unicode escape code at character 2"},
        {"-", "value but found invalid number at character 1"},
        {"1a", "the end but found invalid token at character 2"},
        {"{}}", "the end but found T_OBJ_END at character 3"},
    };
    char chunk[120], expected[160];

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        snprintf(chunk, sizeof chunk, "local a = cjson.decode('%s') return a", wrong[i].json);
        snprintf(expected, sizeof expected, "! chunk:1: Expected %s", wrong[i].error);
        lua_expect(lua, chunk, expected);
    }
    lua_expect(lua, "return (cjson.decode('\\0001'))", "! chunk:1: JSON parser does not support UTF-16 or UTF-32");
}

Test(lua_cjson, settings_are_checked_and_shown)
{
    lua_expect(lua, "return cjson.encode_max_depth(), cjson.decode_max_depth(), cjson.encode_number_precision()",
               "1000 1000 14");
    lua_expect(lua, "return cjson.encode_sparse_array()", "false 2 10");
    lua_expect(lua, "return cjson.encode_invalid_numbers(), cjson.decode_invalid_numbers(), cjson.encode_keep_buffer()",
               "false true true");
    lua_expect(lua, "return cjson.encode_invalid_numbers('null')", "\"null\"");
    lua_expect(lua, "local a = cjson.encode_max_depth(0) return a",
               "! chunk:1: bad argument #1 to 'encode_max_depth' (expected integer between 1 and 2147483647)");
    lua_expect(lua, "local a = cjson.encode_number_precision(15) return a",
               "! chunk:1: bad argument #1 to 'encode_number_precision' (expected integer between 1 and 14)");
    lua_expect(lua, "local a = cjson.encode_sparse_array(true, 2, -1) return a",
               "! chunk:1: bad argument #1 to 'encode_sparse_array' (expected integer between 0 and 2147483647)");
    lua_expect(lua, "local a = cjson.decode_invalid_numbers('null') return a",
               "! chunk:1: bad argument #1 to 'decode_invalid_numbers' (invalid option 'null')");
    lua_expect(lua, "local a = cjson.encode_max_depth(1, 2) return a",
               "! chunk:1: bad argument #2 to 'encode_max_depth' (found too many arguments)");
    lua_expect(lua, "local a = cjson.encode() return a",
               "! chunk:1: bad argument #1 to 'encode' (expected 1 argument)");
    lua_expect(lua, "local a = cjson.decode({}) return a",
               "! chunk:1: bad argument #1 to 'decode' (string expected, got table)");
}

Test(lua_cjson, a_new_library_has_settings_of_its_own)
{
    lua_expect(lua, "local new = cjson.new() new.encode_max_depth(3) return cjson.encode_max_depth(), new._NAME",
               "1000 \"cjson\"");
}

/* A random value in Lua, written as it would be by hand: no spaces, objects of one pair. */
static void draw_json(char *json, size_t *length, unsigned depth)
{
    switch (dice_below(depth < 6 ? 5 : 3)) {
    case 0:
        *length += (size_t)sprintf(json + *length, "%.14g", ldexp((double)dice_below(1u << 30), -(int)dice_below(8)));
        break;
    case 1:
        *length += (size_t)sprintf(json + *length, "\"\\u001f\\n\\\\%d\"", (int)dice_below(1000));
        break;
    case 2:
        *length += (size_t)sprintf(json + *length, "%s", dice_below(2) ? "null" : "true");
        break;
    case 3:
        *length += (size_t)sprintf(json + *length, "{\"k%d\":", (int)dice_below(100));
        draw_json(json, length, depth + 1);
        json[(*length)++] = '}';
        break;
    default:
        json[(*length)++] = '[';
        for (uint64_t i = 0, count = 1 + dice_below(4); i < count; i++) {
            if (i > 0)
                json[(*length)++] = ',';
            draw_json(json, length, depth + 1);
        }
        json[(*length)++] = ']';
    }
}

static void call_library(const char *function)
{
    lua_getglobal(lua, "cjson");
    lua_getfield(lua, -1, function);
    lua_remove(lua, -2);
    lua_insert(lua, -2);
    cr_assert_eq(lua_pcall(lua, 1, 1, 0), 0, "%s", lua_tostring(lua, -1));
}

Test(lua_cjson, random_texts_come_back_as_they_were)
{
    static char json[1 << 18];

    dice_seed();
    for (int i = 0; i < 5000; i++) {
        size_t length = 0, back;

        draw_json(json, &length, 0);
        lua_settop(lua, 0);
        lua_pushlstring(lua, json, length);
        call_library("decode");
        call_library("encode");
        const char *encoded = lua_tolstring(lua, -1, &back);

        cr_assert(back == length && memcmp(encoded, json, length) == 0, "%.*s\n%s", (int)length, json, encoded);
    }
}
