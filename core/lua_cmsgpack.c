#include "core/lua_cmsgpack.h"

#include <lauxlib.h>
#include <limits.h>
#include <lua.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "core/lua_sink.h"

/* The bytes that open a value, by the MessagePack specification. Where there are several widths, the
 * next ones follow the first. */
enum {
    FIX_MAP = 0x80,
    FIX_ARRAY = 0x90,
    FIX_STRING = 0xa0,
    NIL = 0xc0,
    FALSE = 0xc2,
    TRUE = 0xc3,
    FLOAT = 0xca,
    DOUBLE = 0xcb,
    UNSIGNED = 0xcc,
    SIGNED = 0xd0,
    STRING = 0xd9,
    ARRAY = 0xdc,
    MAP = 0xde,
    FIX_NEGATIVE = 0xe0,
};

enum {
    FIX_NUMBER_MOST = 0x7f,
    FIX_STRING_MOST = 31,
    FIX_COUNT_MOST = 15,
    FIX_NEGATIVE_LEAST = -32,
    NESTING_MOST = 16,
    ROOM_AHEAD_MOST = 32, /* items that a table gets room for on the word of its header */
};

/* The opening byte, then the lowest `width` bytes of value, highest first. */
static void add_tagged(struct lua_sink *sink, int tag, uint64_t value, unsigned width)
{
    uint8_t bytes[9];

    bytes[0] = (uint8_t)tag;
    for (unsigned i = 0; i < width; i++)
        bytes[1 + i] = (uint8_t)(value >> 8 * (width - 1 - i));
    lua_sink_add(sink, bytes, 1 + width);
}

static void pack_value(struct lua_sink *sink, int index, unsigned nesting);

static void pack_unsigned(struct lua_sink *sink, uint64_t value)
{
    if (value <= FIX_NUMBER_MOST)
        add_tagged(sink, (int)value, 0, 0);
    else if (value <= UINT8_MAX)
        add_tagged(sink, UNSIGNED, value, 1);
    else if (value <= UINT16_MAX)
        add_tagged(sink, UNSIGNED + 1, value, 2);
    else if (value <= UINT32_MAX)
        add_tagged(sink, UNSIGNED + 2, value, 4);
    else
        add_tagged(sink, UNSIGNED + 3, value, 8);
}

static void pack_negative(struct lua_sink *sink, int64_t value)
{
    if (value >= FIX_NEGATIVE_LEAST)
        add_tagged(sink, (int)(value & 0xff), 0, 0);
    else if (value >= INT8_MIN)
        add_tagged(sink, SIGNED, (uint64_t)value, 1);
    else if (value >= INT16_MIN)
        add_tagged(sink, SIGNED + 1, (uint64_t)value, 2);
    else if (value >= INT32_MIN)
        add_tagged(sink, SIGNED + 2, (uint64_t)value, 4);
    else
        add_tagged(sink, SIGNED + 3, (uint64_t)value, 8);
}

static bool is_integer(double number)
{
    return number >= -0x1p63 && number < 0x1p63 && number == floor(number);
}

static void pack_real(struct lua_sink *sink, double number)
{
    float narrow = (float)number;
    uint32_t narrow_bits;
    uint64_t bits;

    if ((double)narrow == number) {
        memcpy(&narrow_bits, &narrow, sizeof(narrow_bits));
        add_tagged(sink, FLOAT, narrow_bits, sizeof(narrow_bits));
    } else {
        memcpy(&bits, &number, sizeof(bits));
        add_tagged(sink, DOUBLE, bits, sizeof(bits));
    }
}

static void pack_number(struct lua_sink *sink, double number)
{
    if (!is_integer(number))
        pack_real(sink, number);
    else if (number >= 0)
        pack_unsigned(sink, (uint64_t)number);
    else
        pack_negative(sink, (int64_t)number);
}

static void pack_string(struct lua_sink *sink, int index)
{
    size_t length;
    const char *bytes = lua_tolstring(sink->lua, index, &length);

    if (length <= FIX_STRING_MOST)
        add_tagged(sink, FIX_STRING | (int)length, 0, 0);
    else if (length <= UINT8_MAX)
        add_tagged(sink, STRING, length, 1);
    else if (length <= UINT16_MAX)
        add_tagged(sink, STRING + 1, length, 2);
    else
        add_tagged(sink, STRING + 2, length, 4);
    lua_sink_add(sink, bytes, length);
}

static void pack_count(struct lua_sink *sink, int fix_tag, int tag, size_t count)
{
    if (count <= FIX_COUNT_MOST)
        add_tagged(sink, fix_tag | (int)count, 0, 0);
    else if (count <= UINT16_MAX)
        add_tagged(sink, tag, count, 2);
    else
        add_tagged(sink, tag + 1, count, 4);
}

/* Counts the pairs, and says whether their keys are exactly 1 to that count. */
static bool table_is_array(lua_State *lua, int index, size_t *count)
{
    bool keys_are_places = true;
    double greatest = 0;

    luaL_checkstack(lua, 2, "in function table_is_an_array");
    *count = 0;
    for (lua_pushnil(lua); lua_next(lua, index); lua_pop(lua, 1)) {
        double key = lua_type(lua, -2) == LUA_TNUMBER ? lua_tonumber(lua, -2) : 0;

        keys_are_places = keys_are_places && key > 0 && is_integer(key);
        greatest = key > greatest ? key : greatest;
        ++*count;
    }
    return keys_are_places && greatest == (double)*count;
}

static void pack_array(struct lua_sink *sink, int index, size_t count, unsigned nesting)
{
    luaL_checkstack(sink->lua, 1, "in function mp_encode_lua_table_as_array");
    pack_count(sink, FIX_ARRAY, ARRAY, count);
    for (size_t i = 1; i <= count; i++) {
        lua_rawgeti(sink->lua, index, (int)i);
        pack_value(sink, lua_gettop(sink->lua), nesting);
        lua_pop(sink->lua, 1);
    }
}

static void pack_map(struct lua_sink *sink, int index, size_t count, unsigned nesting)
{
    lua_State *lua = sink->lua;

    luaL_checkstack(lua, 3, "in function mp_encode_lua_table_as_map");
    pack_count(sink, FIX_MAP, MAP, count);
    for (lua_pushnil(lua); lua_next(lua, index); lua_pop(lua, 1)) {
        int value = lua_gettop(lua);

        pack_value(sink, value - 1, nesting);
        pack_value(sink, value, nesting);
    }
}

static void pack_table(struct lua_sink *sink, int index, unsigned nesting)
{
    size_t count;

    lua_sink_tick(sink);
    if (nesting == NESTING_MOST)
        add_tagged(sink, NIL, 0, 0);
    else if (table_is_array(sink->lua, index, &count))
        pack_array(sink, index, count, nesting + 1);
    else
        pack_map(sink, index, count, nesting + 1);
}

/* Leaves the value at index as it is: a number that is a key may not become a string while it is one. */
static void pack_value(struct lua_sink *sink, int index, unsigned nesting)
{
    switch (lua_type(sink->lua, index)) {
    case LUA_TSTRING:
        pack_string(sink, index);
        break;
    case LUA_TBOOLEAN:
        add_tagged(sink, lua_toboolean(sink->lua, index) ? TRUE : FALSE, 0, 0);
        break;
    case LUA_TNUMBER:
        pack_number(sink, lua_tonumber(sink->lua, index));
        break;
    case LUA_TTABLE:
        pack_table(sink, index, nesting);
        break;
    default:
        add_tagged(sink, NIL, 0, 0);
    }
}

/* cmsgpack.pack(value, ...): the values one after the other. */
static int cmsgpack_pack(lua_State *lua)
{
    int count = lua_gettop(lua);
    struct lua_sink sink;

    if (count == 0)
        return luaL_argerror(lua, 0, "MessagePack pack needs input.");
    if (!lua_checkstack(lua, count))
        return luaL_argerror(lua, 0, "Too many arguments for MessagePack pack.");
    lua_sink_open(&sink, lua);
    for (int i = 1; i <= count; i++)
        pack_value(&sink, i, 0);
    lua_sink_push(&sink);
    return 1;
}

/* What is left to unpack, of a string that stays on the stack. */
struct source {
    lua_State *lua;
    const uint8_t *bytes;
    size_t left;
};

/* The string alone stays, if there is one. */
static void drop_options(lua_State *lua)
{
    if (lua_gettop(lua) > 1)
        lua_settop(lua, 1);
}

static const uint8_t *source_take(struct source *source, size_t length)
{
    const uint8_t *bytes = source->bytes;

    if (source->left < length)
        luaL_error(source->lua, "Missing bytes in input.");
    source->bytes += length;
    source->left -= length;
    return bytes;
}

/* The next `width` bytes, highest first. */
static uint64_t source_unsigned(struct source *source, unsigned width)
{
    const uint8_t *bytes = source_take(source, width);
    uint64_t value = 0;

    for (unsigned i = 0; i < width; i++)
        value = value << 8 | bytes[i];
    return value;
}

static int64_t source_signed(struct source *source, unsigned width)
{
    unsigned unused_bits = 64 - 8 * width;

    return (int64_t)(source_unsigned(source, width) << unused_bits) >> unused_bits;
}

static void unpack_value(struct source *source);

static void unpack_float(struct source *source)
{
    uint32_t bits = (uint32_t)source_unsigned(source, sizeof(bits));
    float number;

    memcpy(&number, &bits, sizeof(number));
    lua_pushnumber(source->lua, number);
}

static void unpack_double(struct source *source)
{
    uint64_t bits = source_unsigned(source, sizeof(bits));
    double number;

    memcpy(&number, &bits, sizeof(number));
    lua_pushnumber(source->lua, number);
}

static void unpack_string(struct source *source, size_t length)
{
    const uint8_t *bytes = source_take(source, length);

    lua_pushlstring(source->lua, (const char *)bytes, length);
}

static int room_ahead(size_t count)
{
    return count < ROOM_AHEAD_MOST ? (int)count : ROOM_AHEAD_MOST;
}

static void unpack_array(struct source *source, size_t count)
{
    luaL_checkstack(source->lua, 2, "in function mp_decode_to_lua_array");
    lua_createtable(source->lua, room_ahead(count), 0);
    for (size_t i = 1; i <= count; i++) {
        lua_pushnumber(source->lua, (double)i);
        unpack_value(source);
        lua_rawset(source->lua, -3);
    }
}

/* A key that is nil or not a number makes Lua itself complain. */
static void unpack_map(struct source *source, size_t count)
{
    lua_createtable(source->lua, 0, room_ahead(count));
    for (size_t i = 0; i < count; i++) {
        unpack_value(source);
        unpack_value(source);
        lua_rawset(source->lua, -3);
    }
}

static void unpack_tagged(struct source *source, uint8_t tag)
{
    lua_State *lua = source->lua;

    switch (tag) {
    case NIL:
        lua_pushnil(lua);
        break;
    case FALSE:
    case TRUE:
        lua_pushboolean(lua, tag == TRUE);
        break;
    case FLOAT:
        unpack_float(source);
        break;
    case DOUBLE:
        unpack_double(source);
        break;
    case UNSIGNED ... UNSIGNED + 2:
        lua_pushnumber(lua, (double)source_unsigned(source, 1U << (tag - UNSIGNED)));
        break;
    case UNSIGNED + 3: /* read as signed, as Redis does */
        lua_pushnumber(lua, (double)source_signed(source, 8));
        break;
    case SIGNED ... SIGNED + 3:
        lua_pushnumber(lua, (double)source_signed(source, 1U << (tag - SIGNED)));
        break;
    case STRING ... STRING + 2:
        unpack_string(source, source_unsigned(source, 1U << (tag - STRING)));
        break;
    case ARRAY ... ARRAY + 1:
        unpack_array(source, source_unsigned(source, 2U << (tag - ARRAY)));
        break;
    case MAP ... MAP + 1:
        unpack_map(source, source_unsigned(source, 2U << (tag - MAP)));
        break;
    default:
        luaL_error(lua, "Bad data format in input.");
    }
}

/* Pushes one value. The Lua stack, of which a level takes two slots, bounds how deep values lie in one another. */
static void unpack_value(struct source *source)
{
    uint8_t tag;

    luaL_checkstack(source->lua, 1, "too many return values at once; use unpack_one or unpack_limit instead.");
    tag = *source_take(source, 1);
    if (tag <= FIX_NUMBER_MOST)
        lua_pushnumber(source->lua, tag);
    else if (tag >= FIX_NEGATIVE)
        lua_pushnumber(source->lua, (int8_t)tag);
    else if (tag < FIX_ARRAY)
        unpack_map(source, tag & FIX_COUNT_MOST);
    else if (tag < FIX_STRING)
        unpack_array(source, tag & FIX_COUNT_MOST);
    else if (tag < NIL)
        unpack_string(source, tag & FIX_STRING_MOST);
    else
        unpack_tagged(source, tag);
}

/* Refuses to start outside of the string. */
static struct source source_open(lua_State *lua, lua_Integer limit, lua_Integer offset)
{
    size_t length;
    const char *bytes = luaL_checklstring(lua, 1, &length);

    if (offset < 0 || limit < 0)
        luaL_error(lua, "Invalid request to unpack with offset of %d and limit of %d.", (int)offset, (int)length);
    if ((size_t)offset > length)
        luaL_error(lua, "Start offset %d greater than input length %d.", (int)offset, (int)length);
    return (struct source){lua, (const uint8_t *)bytes + offset, length - (size_t)offset};
}

/* Pushes all values; returns how many. */
static int unpack_all(lua_State *lua)
{
    struct source source = source_open(lua, 0, 0);
    int before = lua_gettop(lua);

    while (source.left > 0)
        unpack_value(&source);
    return lua_gettop(lua) - before;
}

/* Pushes where the rest begins, -1 if there is none, and up to limit values; returns how many in all. */
static int unpack_some(lua_State *lua, lua_Integer limit, lua_Integer offset)
{
    struct source source;
    size_t length;

    drop_options(lua);
    source = source_open(lua, limit, offset);
    length = (size_t)offset + source.left;
    for (lua_Integer i = 0; i < limit && source.left > 0; i++)
        unpack_value(&source);
    luaL_checkstack(lua, 1, "in function mp_unpack_full");
    lua_pushinteger(lua, source.left == 0 ? -1 : (lua_Integer)(length - source.left));
    lua_insert(lua, 2);
    return lua_gettop(lua) - 1;
}

/* cmsgpack.unpack(string): all values in it. */
static int cmsgpack_unpack(lua_State *lua)
{
    return unpack_all(lua);
}

/* cmsgpack.unpack_one(string [, offset]): where to go on, and one value. */
static int cmsgpack_unpack_one(lua_State *lua)
{
    return unpack_some(lua, 1, luaL_optinteger(lua, 2, 0));
}

/* cmsgpack.unpack_limit(string, limit [, offset]): where to go on, and so many values; 0 at offset 0 is all, alone. */
static int cmsgpack_unpack_limit(lua_State *lua)
{
    lua_Integer limit = luaL_checkinteger(lua, 2);
    lua_Integer offset = luaL_optinteger(lua, 3, 0);

    drop_options(lua);
    return limit == 0 && offset == 0 ? unpack_all(lua) : unpack_some(lua, limit, offset);
}

static const luaL_Reg functions[] = {
    {"pack", cmsgpack_pack},
    {"unpack", cmsgpack_unpack},
    {"unpack_one", cmsgpack_unpack_one},
    {"unpack_limit", cmsgpack_unpack_limit},
    {NULL, NULL},
};

int lua_cmsgpack_open(struct lua_State *lua)
{
    lua_newtable(lua);
    luaL_register(lua, NULL, functions);
    lua_pushliteral(lua, "cmsgpack");
    lua_setfield(lua, -2, "_NAME");
    lua_pushliteral(lua, "lua-cmsgpack 0.4.0");
    lua_setfield(lua, -2, "_VERSION");
    return 1;
}
