#include "core/lua_bit.h"

#include <criterion/criterion.h>
#include <lauxlib.h>
#include <lua.h>

#include "tests/support/dice.h"
#include "tests/support/lua_run.h"

static lua_State *lua;

static void open_library(void)
{
    lua = lua_run_create(lua_bit_open, "bit");
}

static void close_library(void)
{
    lua_run_destroy(lua);
}

TestSuite(lua_bit, .init = open_library, .fini = close_library);

/* Expectations are what redis-server 7.0.15 answers. */

Test(lua_bit, operations_are_on_32_bits_and_results_signed)
{
    lua_expect(lua, "return bit.band('7', '0x3'), bit.bor(1), bit.bxor(1, 2, 4, 8)", "3 1 15");
    lua_expect(lua, "return bit.bnot(0), bit.bswap(0x12345678)", "-1 2018915346");
    lua_expect(lua, "return bit.lshift(1, 31), bit.rshift(-1, 31), bit.arshift(-8, 1)", "-2147483648 1 -4");
    lua_expect(lua, "return bit.rol(1, 33), bit.ror(1, 33), bit.lshift(1, -1)", "2 -2147483648 -2147483648");
}

Test(lua_bit, numbers_are_rounded_and_taken_modulo_two_to_the_32nd)
{
    lua_expect(lua, "return bit.tobit(1.5), bit.tobit(2.5), bit.tobit(-0.5), bit.tobit(2^31)", "2 2 0 -2147483648");
    lua_expect(lua, "return bit.tobit(2^32), bit.tobit(2^51), bit.tobit(-2^51-5), bit.tobit(2^53)", "0 0 -10 0");
    lua_expect(lua, "return bit.tobit(0/0), bit.tobit(1/0), bit.tobit(1e300)", "0 0 -2013235812");
}

Test(lua_bit, hexadecimal_digits_are_as_many_as_asked_for)
{
    lua_expect(lua, "return bit.tohex(255), bit.tohex(255, 1), bit.tohex(255, -3)", "\"000000ff\" \"f\" \"0FF\"");
    lua_expect(lua, "return bit.tohex(-1, 9), bit.tohex(-1, -2^31), bit.tohex(1, 0)", "\"ffffffff\" \"FFFFFFFF\" \"\"");
}

Test(lua_bit, arguments_are_numbers)
{
    lua_expect(lua, "local a = bit.band() return a",
               "! chunk:1: bad argument #1 to 'band' (number expected, got no value)");
    lua_expect(lua, "local a = bit.band(1, 'x') return a",
               "! chunk:1: bad argument #2 to 'band' (number expected, got string)");
    lua_expect(lua, "local a = bit.lshift(1) return a",
               "! chunk:1: bad argument #2 to 'lshift' (number expected, got no value)");
    lua_expect(lua, "local a = bit.tohex(1, nil) return a",
               "! chunk:1: bad argument #2 to 'tohex' (number expected, got nil)");
}

static int32_t call_library(const char *function, int32_t first, int32_t second)
{
    lua_settop(lua, 0);
    lua_getglobal(lua, "bit");
    lua_getfield(lua, -1, function);
    lua_pushnumber(lua, first);
    lua_pushnumber(lua, second);
    cr_assert_eq(lua_pcall(lua, 2, 1, 0), 0, "%s", lua_tostring(lua, -1));
    return (int32_t)lua_tonumber(lua, -1);
}

static int bit_of(int32_t number, unsigned place)
{
    return (int)((uint32_t)number >> place & 1);
}

/* Bit by bit. */
Test(lua_bit, random_bits_go_where_they_should)
{
    dice_seed();
    for (int i = 0; i < 1000; i++) {
        int32_t a = (int32_t)dice_bits(), b = (int32_t)dice_bits();
        unsigned shift = (uint32_t)b % 32;

        for (unsigned place = 0; place < 32; place++) {
            int above = shift + place < 32, below = place >= shift;

            cr_assert_eq(bit_of(call_library("band", a, b), place), bit_of(a, place) && bit_of(b, place));
            cr_assert_eq(bit_of(call_library("bor", a, b), place), bit_of(a, place) || bit_of(b, place));
            cr_assert_eq(bit_of(call_library("bxor", a, b), place), bit_of(a, place) != bit_of(b, place));
            cr_assert_eq(bit_of(call_library("lshift", a, b), place), below ? bit_of(a, place - shift) : 0);
            cr_assert_eq(bit_of(call_library("rshift", a, b), place), above ? bit_of(a, place + shift) : 0);
            cr_assert_eq(bit_of(call_library("arshift", a, b), place), bit_of(a, above ? place + shift : 31));
            cr_assert_eq(bit_of(call_library("rol", a, b), (place + shift) % 32), bit_of(a, place));
            cr_assert_eq(bit_of(call_library("ror", a, b), place), bit_of(a, (place + shift) % 32));
        }
    }
}
