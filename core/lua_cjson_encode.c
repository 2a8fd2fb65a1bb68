#include <lauxlib.h>
#include <limits.h>
#include <lua.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>

#include "core/lua_cjson_settings.h"
#include "core/lua_sink.h"
#include "core/number.h"

/* cjson.encode. A table is an array if its keys are whole numbers of 1 and more
 * and there is at least one, else an object. */

enum { SLOTS_PER_TABLE = 3, NOT_AN_ARRAY = 0, ESCAPED_MOST = 6 };

struct encoder {
    lua_State *lua;
    const struct lua_cjson_settings *settings;
    struct lua_sink json;
};

static void encode_value(struct encoder *encoder, int depth);

/* The value on top cannot be written. */
static void refuse(struct encoder *encoder, const char *reason)
{
    luaL_error(encoder->lua, "Cannot serialise %s: %s", luaL_typename(encoder->lua, -1), reason);
}

/* What a byte is written as: 0: itself, 'u': \u00.., else the letter after a backslash. */
static const char escapes[256] = {
    [0 ... 7] = 'u', ['\b'] = 'b',      ['\t'] = 't', ['\n'] = 'n', ['\v'] = 'u',  ['\f'] = 'f',
    ['\r'] = 'r',    [14 ... 31] = 'u', ['"'] = '"',  ['/'] = '/',  ['\\'] = '\\', [127] = 'u',
};

static char *write_escaped(char *at, uint8_t byte)
{
    static const char hex[] = "0123456789abcdef";

    *at++ = '\\';
    *at++ = escapes[byte];
    if (escapes[byte] == 'u') {
        *at++ = '0';
        *at++ = '0';
        *at++ = hex[byte >> 4];
        *at++ = hex[byte & 15];
    }
    return at;
}

/* The string at index, in quotes. Room is made a piece at a time: most strings need no more than their length. */
static void encode_string(struct encoder *encoder, int index)
{
    size_t length;
    const char *string = lua_tolstring(encoder->lua, index, &length);
    const char *end = string + length;

    lua_sink_add_byte(&encoder->json, '"');
    while (string < end) {
        const char *plain = string;

        while (string < end && !escapes[(uint8_t)*string])
            string++;
        lua_sink_add(&encoder->json, plain, (size_t)(string - plain));
        if (string < end) {
            lua_sink_reserve(&encoder->json, ESCAPED_MOST);
            char *at = encoder->json.bytes + encoder->json.used;

            encoder->json.used += (size_t)(write_escaped(at, (uint8_t)*string++) - at);
        }
    }
    lua_sink_add_byte(&encoder->json, '"');
}

static bool encode_invalid(struct encoder *encoder, double number)
{
    switch (encoder->settings->encode_invalid) {
    case LUA_CJSON_NULL:
        lua_sink_add(&encoder->json, "null", 4);
        return true;
    case LUA_CJSON_ON:
        if (isnan(number))
            lua_sink_add(&encoder->json, "nan", 3);
        return isnan(number);
    default:
        refuse(encoder, "must not be NaN or Inf");
        return true;
    }
}

static bool is_short_integer(double number, int precision)
{
    return precision == LUA_CJSON_PRECISION_MOST && fabs(number) < 1e14 && number == floor(number) &&
           !(number == 0 && signbit(number));
}

/* The number at the index, which the top is a copy of for a message, or is itself. */
static void encode_number(struct encoder *encoder, int index)
{
    double number = lua_tonumber(encoder->lua, index);
    int precision = encoder->settings->precision;

    if (!isfinite(number) && encode_invalid(encoder, number))
        return;
    lua_sink_reserve(&encoder->json, NUMBER_TEXT_MAX);
    char *at = encoder->json.bytes + encoder->json.used;

    if (is_short_integer(number, precision))
        encoder->json.used += number_format_integer(at, (int64_t)number);
    else
        encoder->json.used += (size_t)snprintf(at, NUMBER_TEXT_MAX, "%.*g", precision, number);
}

/* Whether a key can be a place in an array: what Lua CJSON can count in an int. */
static bool is_place(lua_State *lua, int index)
{
    double key = lua_type(lua, index) == LUA_TNUMBER ? lua_tonumber(lua, index) : 0;

    return key >= 1 && key <= INT_MAX && key == floor(key);
}

/* Whether the array on top has so few items for its last place that it is not written as one. */
static bool is_sparse(struct encoder *encoder, int64_t last, int64_t items)
{
    const struct lua_cjson_settings *settings = encoder->settings;

    if (settings->sparse_ratio == 0 || last <= items * settings->sparse_ratio || last <= settings->sparse_safe)
        return false;
    if (settings->sparse_convert == LUA_CJSON_OFF)
        refuse(encoder, "excessively sparse array");
    return true;
}

/* The last place of the table on top, or NOT_AN_ARRAY. */
static int array_length(struct encoder *encoder)
{
    lua_State *lua = encoder->lua;
    int64_t items = 0;
    int last = 0;

    for (lua_pushnil(lua); lua_next(lua, -2); lua_pop(lua, 1)) {
        if (!is_place(lua, -2)) {
            lua_pop(lua, 2);
            return NOT_AN_ARRAY;
        }
        items++;
        if (lua_tonumber(lua, -2) > last)
            last = (int)lua_tonumber(lua, -2);
    }
    return is_sparse(encoder, last, items) ? NOT_AN_ARRAY : last;
}

static void encode_array(struct encoder *encoder, int length, int depth)
{
    lua_sink_add_byte(&encoder->json, '[');
    for (int i = 1; i <= length; i++) {
        if (i > 1)
            lua_sink_add_byte(&encoder->json, ',');
        lua_rawgeti(encoder->lua, -1, i);
        encode_value(encoder, depth);
        lua_pop(encoder->lua, 1);
    }
    lua_sink_add_byte(&encoder->json, ']');
}

/* The key below the top. */
static void encode_key(struct encoder *encoder)
{
    switch (lua_type(encoder->lua, -2)) {
    case LUA_TNUMBER:
        lua_sink_add_byte(&encoder->json, '"');
        lua_pushvalue(encoder->lua, -2);
        encode_number(encoder, -1);
        lua_pop(encoder->lua, 1);
        lua_sink_add_byte(&encoder->json, '"');
        break;
    case LUA_TSTRING:
        encode_string(encoder, -2);
        break;
    default:
        lua_pushvalue(encoder->lua, -2);
        refuse(encoder, "table key must be a number or string");
    }
    lua_sink_add_byte(&encoder->json, ':');
}

static void encode_object(struct encoder *encoder, int depth)
{
    lua_State *lua = encoder->lua;
    bool is_first = true;

    lua_sink_add_byte(&encoder->json, '{');
    for (lua_pushnil(lua); lua_next(lua, -2); lua_pop(lua, 1)) {
        if (!is_first)
            lua_sink_add_byte(&encoder->json, ',');
        is_first = false;
        encode_key(encoder);
        encode_value(encoder, depth);
    }
    lua_sink_add_byte(&encoder->json, '}');
}

static void encode_table(struct encoder *encoder, int depth)
{
    int length;

    lua_sink_tick(&encoder->json);
    if (depth > encoder->settings->encode_depth_most || !lua_checkstack(encoder->lua, SLOTS_PER_TABLE))
        luaL_error(encoder->lua, "Cannot serialise, excessive nesting (%d)", depth);
    length = array_length(encoder);
    if (length == NOT_AN_ARRAY)
        encode_object(encoder, depth);
    else
        encode_array(encoder, length, depth);
}

/* The value on top, which stays there; depth: of the tables around it. */
static void encode_value(struct encoder *encoder, int depth)
{
    lua_State *lua = encoder->lua;

    switch (lua_type(lua, -1)) {
    case LUA_TSTRING:
        encode_string(encoder, -1);
        break;
    case LUA_TNUMBER:
        encode_number(encoder, -1);
        break;
    case LUA_TBOOLEAN:
        if (lua_toboolean(lua, -1))
            lua_sink_add(&encoder->json, "true", 4);
        else
            lua_sink_add(&encoder->json, "false", 5);
        break;
    case LUA_TTABLE:
        encode_table(encoder, depth + 1);
        break;
    case LUA_TNIL:
        lua_sink_add(&encoder->json, "null", 4);
        break;
    case LUA_TLIGHTUSERDATA:
        if (!lua_touserdata(lua, -1)) {
            lua_sink_add(&encoder->json, "null", 4);
            break;
        }
        /* fallthrough */
    default:
        refuse(encoder, "type not supported");
    }
}

int lua_cjson_encode(lua_State *lua)
{
    struct encoder encoder;

    luaL_argcheck(lua, lua_gettop(lua) == 1, 1, "expected 1 argument");
    encoder.lua = lua;
    encoder.settings = lua_cjson_settings(lua);
    lua_sink_open(&encoder.json, lua);
    lua_insert(lua, 1);
    encoder.json.anchor = 1;
    encode_value(&encoder, 0);
    lua_sink_push(&encoder.json);
    return 1;
}
