#include "core/lua_struct.h"

#include <criterion/criterion.h>
#include <lauxlib.h>
#include <lua.h>
#include <stdbool.h>
#include <string.h>

#include "tests/support/dice.h"
#include "tests/support/lua_run.h"

static lua_State *lua;

static void open_library(void)
{
    lua = lua_run_create(lua_struct_open, "struct");
}

static void close_library(void)
{
    lua_run_destroy(lua);
}

TestSuite(lua_struct, .init = open_library, .fini = close_library);

/* Expectations are what redis-server 7.0.15 answers. */

Test(lua_struct, every_letter_has_its_size)
{
    lua_expect(lua, "return struct.pack('bBhH', 1, 2, 3, 4)", "\"\\001\\002\\003\\000\\004\\000\"");
    lua_expect(lua, "return struct.pack('iI', -1, 2)", "\"\\255\\255\\255\\255\\002\\000\\000\\000\"");
    lua_expect(lua, "return struct.size('l'), struct.size('L'), struct.size('T'), struct.size('i')", "8 8 8 4");
    lua_expect(lua, "return struct.size('bBhHlLiITfd')", "50");
    lua_expect(lua, "return struct.pack('fd', 1.5, 2.5)", "\"\\000\\000\\192?\\000\\000\\000\\000\\000\\000\\004@\"");
    lua_expect(lua, "return struct.pack('i3x', 70000)", "\"p\\017\\001\\000\"");
    lua_expect(lua, "return struct.pack('sc2c0', 'a', 'bcd', 'ef')", "\"a\\000bcef\"");
}

Test(lua_struct, byte_order_holds_from_where_it_is_said)
{
    lua_expect(lua, "return struct.pack('>h<h h', 1, 1, 1)", "\"\\000\\001\\001\\000\\001\\000\"");
    lua_expect(lua, "return struct.pack('>f', 1.5)", "\"?\\192\\000\\000\"");
    lua_expect(lua, "return struct.pack('>i32', -1):byte(24, 25)", "0 255");
    lua_expect(lua, "return struct.unpack('>h<hf', '\\1\\2\\1\\2\\0\\0\\192?')", "258 513 1.5 9");
}

Test(lua_struct, alignment_is_to_the_size_but_no_more_than_asked_for)
{
    lua_expect(lua, "return struct.size('bd'), struct.size('!bd'), struct.size('!4bd'), struct.size('!2bd')",
               "9 16 12 10");
    lua_expect(lua, "return struct.pack('!4c3i4', 'abc', 2)", "\"abc\\000\\002\\000\\000\\000\"");
    lua_expect(lua, "return struct.pack('!4si4', 'abcde', 2)", "\"abcde\\000\\000\\000\\002\\000\\000\\000\"");
    lua_expect(lua, "return struct.unpack('!4bi4', 'abcdefgh')", "97 1751606885 9");
    lua_expect(lua, "return struct.size('!16bi16'), struct.size('!4bi3'), struct.size('!8bbi6')", "32 6 12");
    lua_expect(lua, "local a = struct.pack('!3') return a", "! chunk:1: alignment 3 is not a power of 2");
    lua_expect(lua, "local a = struct.pack('!0') return a", "! chunk:1: alignment 0 is not a power of 2");
}

Test(lua_struct, numbers_are_cut_to_size)
{
    lua_expect(lua, "return struct.pack('bb', 300, -300)", "\",\\212\"");
    lua_expect(lua, "return struct.pack('i4i4', 2^40+5, -1.9)", "\"\\005\\000\\000\\000\\255\\255\\255\\255\"");
    lua_expect(lua, "return struct.pack('i8', 2^63)", "\"\\000\\000\\000\\000\\000\\000\\000\\128\"");
    lua_expect(lua, "return struct.pack('i8i8', 1e300, 0/0)",
               "\"\\000\\000\\000\\000\\000\\000\\000\\000\\000\\000\\000\\000\\000\\000\\000\\128\"");
}

Test(lua_struct, signs_are_read_back)
{
    lua_expect(lua, "return struct.unpack('bBi3I3', ('\\255'):rep(8))", "-1 255 -1 16777215 9");
    lua_expect(lua, "return struct.unpack('<I8', ('\\255'):rep(8))", "1.844674407371e+19 9");
    lua_expect(lua, "return struct.unpack('i0', '')", "0 1");
    /* The eight lowest bytes count, with the sign where Redis finds it. */
    lua_expect(lua, "return struct.unpack('<i9', '\\200' .. ('\\0'):rep(8))", "-56 10");
}

Test(lua_struct, c0_takes_the_number_before_as_its_length)
{
    lua_expect(lua, "return struct.unpack('bc0', '\\2abc')", "\"ab\" 4");
    lua_expect(lua, "return struct.unpack('bbc0', '\\2\\1abc')", "2 \"a\" 4");
    lua_expect(lua, "return struct.unpack('c1c0', '2abc')", "\"ab\" 4");
    lua_expect(lua, "local a = struct.unpack('c0', 'abc') return a", "! chunk:1: format 'c0' needs a previous size");
    lua_expect(lua, "local a = struct.unpack('bc0', '\\5abc') return a",
               "! chunk:1: bad argument #2 to 'unpack' (data string too short)");
    lua_expect(lua, "local a = struct.unpack('bc0', '\\255abc') return a",
               "! chunk:1: bad argument #2 to 'unpack' (data string too short)");
}

Test(lua_struct, reading_starts_and_ends_inside)
{
    lua_expect(lua, "return struct.unpack('b', 'abc', 2)", "98 3");
    lua_expect(lua, "return struct.unpack('', 'ab', 5)", "5");
    lua_expect(lua, "return struct.unpack('', 'ab', -1)", "-1");
    lua_expect(lua, "return struct.unpack('', 'ab', 2^63)", "-9.2233720368548e+18");
    lua_expect(lua, "return struct.unpack('ss', 'abc\\0de\\0')", "\"abc\" \"de\" 8");
    lua_expect(lua, "local a = struct.unpack('s', 'abc') return a", "! chunk:1: unfinished string in data");
    lua_expect(lua, "local a = struct.unpack('b', 'ab', 0) return a",
               "! chunk:1: bad argument #3 to 'unpack' (offset must be 1 or greater)");

    const char *const short_ones[] = {"'b', ''",     "'b', 'ab', 3",   "'b', 'ab', -1", "'<', 'ab', 5", "'c4', 'abc'",
                                      "'x', 'a', 2", "'b', 'a', 2^53", "'s', 'a', 4",   "'!8bd', 'ab'"};
    char chunk[80];

    for (size_t i = 0; i < sizeof short_ones / sizeof short_ones[0]; i++) {
        snprintf(chunk, sizeof chunk, "local a = struct.unpack(%s) return a", short_ones[i]);
        lua_expect(lua, chunk, "! chunk:1: bad argument #2 to 'unpack' (data string too short)");
    }
}

Test(lua_struct, formats_are_checked)
{
    lua_expect(lua, "local a = struct.pack('i33', 1) return a",
               "! chunk:1: integral size 33 is larger than limit of 32");
    lua_expect(lua, "local a = struct.pack('c2147483648', 1) return a", "! chunk:1: integral size overflow");
    lua_expect(lua, "local a = struct.pack('q', 1) return a",
               "! chunk:1: bad argument #1 to 'pack' (invalid format option 'q')");
    lua_expect(lua, "local a = struct.size('=') return a",
               "! chunk:1: bad argument #1 to 'size' (invalid format option '=')");
    lua_expect(lua, "return struct.size('q5A')", "0");
    lua_expect(lua, "local a = struct.size('s') return a",
               "! chunk:1: bad argument #1 to 'size' (option 's' has no fixed size)");
    lua_expect(lua, "local a = struct.size('c0') return a",
               "! chunk:1: bad argument #1 to 'size' (option 'c0' has no fixed size)");
    lua_expect(lua, "return struct.size('c2147483647c2147483647')", "4294967294");
    lua_expect(lua, "return struct.pack('b\\0b', 1, 2)", "\"\\001\"");
}

Test(lua_struct, arguments_are_checked)
{
    lua_expect(lua, "local a = struct.pack() return a",
               "! chunk:1: bad argument #1 to 'pack' (string expected, got no value)");
    lua_expect(lua, "local a = struct.pack('bb', 1) return a",
               "! chunk:1: bad argument #3 to 'pack' (number expected, got nil)");
    lua_expect(lua, "local a = struct.pack('c3', 'ab') return a",
               "! chunk:1: bad argument #3 to 'pack' (string too short)");
    lua_expect(lua, "local a = struct.pack('s', {}) return a",
               "! chunk:1: bad argument #2 to 'pack' (string expected, got table)");
    lua_expect(lua, "local a = struct.unpack('b', {}) return a",
               "! chunk:1: bad argument #2 to 'unpack' (string expected, got table)");
    lua_expect(lua, "return select('#', struct.unpack(('b'):rep(7996), ('b'):rep(7996)))", "7997");
    lua_expect(lua, "return (struct.unpack(('b'):rep(9000), ('b'):rep(9000)))",
               "! chunk:1: stack overflow (too many results)");
}

/* The model: a few bytes per value, written one by one. */

enum { ITEMS_MOST = 20, BYTES_MOST = ITEMS_MOST * 16 };

struct model {
    char format[ITEMS_MOST * 4];
    double numbers[ITEMS_MOST];
    int count;
    unsigned char bytes[BYTES_MOST];
    size_t length;
};

static void model_put(struct model *model, int64_t number, size_t size, bool is_big_endian)
{
    for (size_t i = 0; i < size; i++)
        model->bytes[model->length + (is_big_endian ? size - 1 - i : i)] = (unsigned char)(number >> 8 * i);
    model->length += size;
}

static struct model draw_model(void)
{
    struct model model = {.count = (int)dice_below(ITEMS_MOST)};
    bool is_big_endian = dice_below(2), is_aligned = dice_below(2);
    size_t at = (size_t)sprintf(model.format, "%s%s", is_big_endian ? ">" : "", is_aligned ? "!4" : "");

    for (int i = 0; i < model.count; i++) {
        size_t size = (size_t)1 << dice_below(3);
        int64_t number = (int64_t)dice_bits() >> (64 - 8 * size);

        while (is_aligned && model.length % size != 0)
            model.bytes[model.length++] = 0;
        at += (size_t)sprintf(model.format + at, "i%zu", size);
        model.numbers[i] = (double)number;
        model_put(&model, number, size, is_big_endian);
    }
    return model;
}

static int call_library(const char *function, int arguments)
{
    int before = lua_gettop(lua) - arguments;

    lua_getglobal(lua, "struct");
    lua_getfield(lua, -1, function);
    lua_remove(lua, -2);
    lua_insert(lua, -1 - arguments);
    cr_assert_eq(lua_pcall(lua, arguments, LUA_MULTRET, 0), 0, "%s", lua_tostring(lua, -1));
    return lua_gettop(lua) - before;
}

static void check_model(const struct model *model)
{
    size_t length;

    lua_settop(lua, 0);
    luaL_checkstack(lua, ITEMS_MOST * 2, "");
    lua_pushstring(lua, model->format);
    for (int i = 0; i < model->count; i++)
        lua_pushnumber(lua, model->numbers[i]);
    call_library("pack", 1 + model->count);
    const char *packed = lua_tolstring(lua, 1, &length);
    cr_assert(length == model->length && memcmp(packed, model->bytes, length) == 0, "%s", model->format);

    lua_pushstring(lua, model->format);
    lua_insert(lua, 1);
    cr_assert_eq(call_library("unpack", 2), model->count + 1);
    for (int i = 0; i < model->count; i++)
        cr_assert_eq(lua_tonumber(lua, 1 + i), model->numbers[i], "%s", model->format);
    cr_assert_eq(lua_tonumber(lua, -1), (double)model->length + 1);
}

Test(lua_struct, random_integers_are_packed_byte_by_byte_and_come_back)
{
    dice_seed();
    for (int i = 0; i < 5000; i++) {
        struct model model = draw_model();

        check_model(&model);
    }
}
