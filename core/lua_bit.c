#include "core/lua_bit.h"

#include <lauxlib.h>
#include <lua.h>
#include <stdint.h>
#include <string.h>

enum { HEX_DIGITS = 8, SHIFT_BITS = 31 };

/* Added to this, a double's lowest 32 bits are the rounded integer. */
static const double ROUNDING = 0x1.8p52;

static uint32_t check_bits(lua_State *lua, int argument)
{
    double shifted = luaL_checknumber(lua, argument) + ROUNDING;
    uint64_t bits;

    memcpy(&bits, &shifted, sizeof(bits));
    return (uint32_t)bits;
}

static int push_bits(lua_State *lua, uint32_t bits)
{
    lua_pushnumber(lua, (int32_t)bits);
    return 1;
}

static int bit_tobit(lua_State *lua)
{
    return push_bits(lua, check_bits(lua, 1));
}

static int bit_bnot(lua_State *lua)
{
    return push_bits(lua, ~check_bits(lua, 1));
}

static int bit_bswap(lua_State *lua)
{
    return push_bits(lua, __builtin_bswap32(check_bits(lua, 1)));
}

static int bit_band(lua_State *lua)
{
    uint32_t bits = check_bits(lua, 1);

    for (int i = lua_gettop(lua); i > 1; i--)
        bits &= check_bits(lua, i);
    return push_bits(lua, bits);
}

static int bit_bor(lua_State *lua)
{
    uint32_t bits = check_bits(lua, 1);

    for (int i = lua_gettop(lua); i > 1; i--)
        bits |= check_bits(lua, i);
    return push_bits(lua, bits);
}

static int bit_bxor(lua_State *lua)
{
    uint32_t bits = check_bits(lua, 1);

    for (int i = lua_gettop(lua); i > 1; i--)
        bits ^= check_bits(lua, i);
    return push_bits(lua, bits);
}

/* The second argument, modulo 32. */
static unsigned check_shift(lua_State *lua)
{
    return check_bits(lua, 2) & SHIFT_BITS;
}

static int bit_lshift(lua_State *lua)
{
    uint32_t bits = check_bits(lua, 1);

    return push_bits(lua, bits << check_shift(lua));
}

static int bit_rshift(lua_State *lua)
{
    uint32_t bits = check_bits(lua, 1);

    return push_bits(lua, bits >> check_shift(lua));
}

static int bit_arshift(lua_State *lua)
{
    uint32_t bits = check_bits(lua, 1);

    return push_bits(lua, (uint32_t)((int32_t)bits >> check_shift(lua)));
}

static uint32_t rotate(uint32_t bits, unsigned left)
{
    return bits << left | bits >> (-left & SHIFT_BITS);
}

static int bit_rol(lua_State *lua)
{
    uint32_t bits = check_bits(lua, 1);

    return push_bits(lua, rotate(bits, check_shift(lua)));
}

static int bit_ror(lua_State *lua)
{
    uint32_t bits = check_bits(lua, 1);

    return push_bits(lua, rotate(bits, -check_shift(lua) & SHIFT_BITS));
}

/* bit.tohex(number [, digits]): so many of the lowest digits, in capitals if that is negative. */
static int bit_tohex(lua_State *lua)
{
    uint32_t bits = check_bits(lua, 1);
    int32_t asked = lua_isnone(lua, 2) ? HEX_DIGITS : (int32_t)check_bits(lua, 2);
    const char *digits = asked < 0 ? "0123456789ABCDEF" : "0123456789abcdef";
    uint32_t count = asked < 0 ? -(uint32_t)asked : (uint32_t)asked;
    char hex[HEX_DIGITS];

    if (count > HEX_DIGITS)
        count = HEX_DIGITS;
    for (uint32_t i = count; i > 0; i--, bits >>= 4)
        hex[i - 1] = digits[bits & 15];
    lua_pushlstring(lua, hex, count);
    return 1;
}

static const luaL_Reg functions[] = {
    {"tobit", bit_tobit}, {"bnot", bit_bnot},     {"band", bit_band},     {"bor", bit_bor},
    {"bxor", bit_bxor},   {"lshift", bit_lshift}, {"rshift", bit_rshift}, {"arshift", bit_arshift},
    {"rol", bit_rol},     {"ror", bit_ror},       {"bswap", bit_bswap},   {"tohex", bit_tohex},
    {NULL, NULL},
};

int lua_bit_open(struct lua_State *lua)
{
    lua_newtable(lua);
    luaL_register(lua, NULL, functions);
    return 1;
}
