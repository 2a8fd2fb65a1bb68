#include "core/lua_struct.h"

#include <ctype.h>
#include <lauxlib.h>
#include <limits.h>
#include <lua.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { INTEGER_BYTES_MOST = 32, INTEGER_BYTES_USUAL = 4, ALIGNMENT_USUAL = 8 };

/* A format string as far as it has been read. */
struct format {
    lua_State *lua;
    const char *rest;
    bool is_big_endian;
    size_t alignment_most;
};

/* One option of it. size is 0 where the data say how long it is, and for what is no data. */
struct option {
    char letter;
    size_t size;
};

static struct format format_open(lua_State *lua)
{
    return (struct format){.lua = lua, .rest = luaL_checkstring(lua, 1), .alignment_most = 1};
}

/* The digits that come next, or `usual` if none do. */
static size_t format_number(struct format *format, int usual)
{
    int number = 0;

    if (!isdigit((unsigned char)*format->rest))
        return (size_t)usual;
    for (; isdigit((unsigned char)*format->rest); format->rest++) {
        if (__builtin_mul_overflow(number, 10, &number) || __builtin_add_overflow(number, *format->rest - '0', &number))
            luaL_error(format->lua, "integral size overflow");
    }
    return (size_t)number;
}

static size_t format_integer_size(struct format *format)
{
    size_t size = format_number(format, INTEGER_BYTES_USUAL);

    if (size > INTEGER_BYTES_MOST)
        luaL_error(format->lua, "integral size %d is larger than limit of %d", (int)size, INTEGER_BYTES_MOST);
    return size;
}

static size_t format_size(struct format *format, char letter)
{
    switch (letter) {
    case 'b':
    case 'B':
    case 'x':
        return 1;
    case 'h':
    case 'H':
        return 2;
    case 'l':
    case 'L':
    case 'T':
    case 'd':
        return 8;
    case 'f':
        return 4;
    case 'c':
        return format_number(format, 1);
    case 'i':
    case 'I':
        return format_integer_size(format);
    default:
        return 0;
    }
}

/* False at the end, which a zero byte in the format is too. */
static bool format_next(struct format *format, struct option *option)
{
    if (*format->rest == '\0')
        return false;
    option->letter = *format->rest++;
    option->size = format_size(format, option->letter);
    return true;
}

static void format_align(struct format *format)
{
    size_t alignment = format_number(format, ALIGNMENT_USUAL);

    if (alignment == 0 || (alignment & (alignment - 1)) != 0)
        luaL_error(format->lua, "alignment %d is not a power of 2", (int)alignment);
    format->alignment_most = alignment;
}

/* An option that is no data says how those after it are to be read. */
static void format_control(struct format *format, char letter)
{
    if (letter == '<' || letter == '>')
        format->is_big_endian = letter == '>';
    else if (letter == '!')
        format_align(format);
    else if (letter != ' ')
        luaL_argerror(format->lua, 1, lua_pushfstring(format->lua, "invalid format option '%c'", letter));
}

/* Bytes between position and where the option's data begin. A size that is no power of two gives what Redis's
 * arithmetic gives. */
static size_t format_padding(const struct format *format, struct option option, size_t position)
{
    size_t alignment = option.size < format->alignment_most ? option.size : format->alignment_most;

    if (option.size == 0 || option.letter == 'c')
        return 0;
    return (alignment - (position & (alignment - 1))) & (alignment - 1);
}

/* As a cast on x86-64: modulo 2^64 for what fits 64 bits either way, else the bits that its instruction gives. */
static uint64_t number_bits(double number)
{
    if (number >= 0x1p64)
        return 0;
    if (number >= 0)
        return (uint64_t)number;
    if (number >= -0x1p63)
        return (uint64_t)(int64_t)number;
    return UINT64_C(1) << 63;
}

static void put_bytes(luaL_Buffer *packed, const void *bytes, size_t size, bool reversed)
{
    const char *byte = bytes;

    for (size_t i = 0; i < size; i++)
        luaL_addchar(packed, byte[reversed ? size - 1 - i : i]);
}

static void put_integer(luaL_Buffer *packed, const struct format *format, size_t size, double number)
{
    uint8_t bytes[INTEGER_BYTES_MOST] = {0};
    uint64_t bits = number_bits(number);

    memcpy(bytes, &bits, sizeof(bits));
    put_bytes(packed, bytes, size, format->is_big_endian);
}

static void put_float(luaL_Buffer *packed, const struct format *format, double number)
{
    float narrow = (float)number;

    put_bytes(packed, &narrow, sizeof(narrow), format->is_big_endian);
}

static void put_padding(luaL_Buffer *packed, size_t size)
{
    for (; size > 0; size--)
        luaL_addchar(packed, '\0');
}

/* Returns how many bytes were put. */
static size_t put_string(luaL_Buffer *packed, struct option option, int argument)
{
    size_t length;
    const char *bytes = luaL_checklstring(packed->L, argument, &length);
    size_t size = option.size > 0 ? option.size : length;

    luaL_argcheck(packed->L, length >= size, argument + 1, "string too short");
    luaL_addlstring(packed, bytes, size);
    if (option.letter == 's')
        luaL_addchar(packed, '\0');
    return size + (option.letter == 's');
}

/* Puts the next argument, if the option takes one; returns how many bytes. */
static size_t put_option(luaL_Buffer *packed, struct format *format, struct option option, int *argument)
{
    switch (option.letter) {
    case 'b':
    case 'B':
    case 'h':
    case 'H':
    case 'l':
    case 'L':
    case 'T':
    case 'i':
    case 'I':
        put_integer(packed, format, option.size, luaL_checknumber(packed->L, (*argument)++));
        break;
    case 'f':
        put_float(packed, format, luaL_checknumber(packed->L, (*argument)++));
        break;
    case 'd':
        put_bytes(packed, &(double){luaL_checknumber(packed->L, (*argument)++)}, sizeof(double), format->is_big_endian);
        break;
    case 'x':
        luaL_addchar(packed, '\0');
        break;
    case 'c':
    case 's':
        return put_string(packed, option, (*argument)++);
    default:
        format_control(format, option.letter);
    }
    return option.size;
}

/* struct.pack(format, value, ...) */
static int struct_pack(lua_State *lua)
{
    struct format format = format_open(lua);
    struct option option;
    luaL_Buffer packed;
    size_t position = 0;
    int argument = 2;

    lua_pushnil(lua); /* what an argument too few is said to be */
    luaL_buffinit(lua, &packed);
    while (format_next(&format, &option)) {
        size_t padding = format_padding(&format, option, position);

        put_padding(&packed, padding);
        position += padding + put_option(&packed, &format, option, &argument);
    }
    luaL_pushresult(&packed);
    return 1;
}

/* The data, and what has been taken from it. */
struct unpacking {
    lua_State *lua;
    const char *data;
    size_t length;
    size_t position;
    int results; /* pushed so far */
};

static void need_bytes(const struct unpacking *unpacking, size_t size)
{
    bool has_them = size <= unpacking->length && unpacking->position <= unpacking->length - size;

    luaL_argcheck(unpacking->lua, has_them, 2, "data string too short");
}

static uint64_t get_bits(const char *data, size_t size, bool is_big_endian)
{
    uint64_t bits = 0;

    for (size_t i = 0; i < size; i++)
        bits = bits << 8 | (uint8_t)data[is_big_endian ? i : size - 1 - i];
    return bits;
}

/* Of more than 8 bytes the lowest 8 count, but the sign is looked for where a shift by the full width, modulo 64,
 * would find it: as in Redis, on the processors that it is used on. */
static double get_signed(uint64_t bits, size_t size)
{
    uint64_t sign_and_above = UINT64_MAX << (size * 8 - 1) % 64;

    return (double)(int64_t)(bits & sign_and_above ? bits | sign_and_above : bits);
}

static void get_real(const struct unpacking *unpacking, struct option option, bool is_big_endian)
{
    uint64_t bits = get_bits(unpacking->data + unpacking->position, option.size, is_big_endian);
    uint32_t narrow_bits = (uint32_t)bits;
    float narrow;
    double number;

    memcpy(&narrow, &narrow_bits, sizeof(narrow));
    memcpy(&number, &bits, sizeof(number));
    lua_pushnumber(unpacking->lua, option.letter == 'f' ? narrow : number);
}

/* c0: as many bytes as the number before it says, which it takes the place of. */
static size_t get_size_before(struct unpacking *unpacking)
{
    size_t size;

    if (unpacking->results == 0 || !lua_isnumber(unpacking->lua, -1))
        luaL_error(unpacking->lua, "format 'c0' needs a previous size");
    size = number_bits(lua_tonumber(unpacking->lua, -1));
    lua_pop(unpacking->lua, 1);
    unpacking->results--;
    need_bytes(unpacking, size);
    return size;
}

static size_t get_characters(struct unpacking *unpacking, struct option option)
{
    size_t size = option.size > 0 ? option.size : get_size_before(unpacking);

    lua_pushlstring(unpacking->lua, unpacking->data + unpacking->position, size);
    return size;
}

/* Returns how many bytes it takes, the zero byte too. */
static size_t get_string(const struct unpacking *unpacking)
{
    const char *start = unpacking->data + unpacking->position;
    const char *end = memchr(start, '\0', unpacking->length - unpacking->position);

    if (!end)
        luaL_error(unpacking->lua, "unfinished string in data");
    lua_pushlstring(unpacking->lua, start, (size_t)(end - start));
    return (size_t)(end - start) + 1;
}

/* Pushes the option's value, if it has one; returns how many bytes were taken. */
static size_t get_option(struct unpacking *unpacking, struct format *format, struct option option)
{
    size_t taken = option.size;
    uint64_t bits;

    switch (option.letter) {
    case 'b':
    case 'h':
    case 'l':
    case 'i':
        bits = get_bits(unpacking->data + unpacking->position, option.size, format->is_big_endian);
        lua_pushnumber(unpacking->lua, get_signed(bits, option.size));
        break;
    case 'B':
    case 'H':
    case 'L':
    case 'T':
    case 'I':
        bits = get_bits(unpacking->data + unpacking->position, option.size, format->is_big_endian);
        lua_pushnumber(unpacking->lua, (double)bits);
        break;
    case 'f':
    case 'd':
        get_real(unpacking, option, format->is_big_endian);
        break;
    case 'c':
        taken = get_characters(unpacking, option);
        break;
    case 's':
        taken = get_string(unpacking);
        break;
    case 'x':
        return taken;
    default:
        format_control(format, option.letter);
        return taken;
    }
    unpacking->results++;
    return taken;
}

/* struct.unpack(format, data [, position]): the values, and the position behind them. */
static int struct_unpack(lua_State *lua)
{
    struct format format = format_open(lua);
    struct unpacking unpacking = {.lua = lua};
    struct option option;

    unpacking.data = luaL_checklstring(lua, 2, &unpacking.length);
    unpacking.position = (size_t)luaL_optinteger(lua, 3, 1);
    luaL_argcheck(lua, unpacking.position > 0, 3, "offset must be 1 or greater");
    unpacking.position--;
    while (format_next(&format, &option)) {
        unpacking.position += format_padding(&format, option, unpacking.position);
        need_bytes(&unpacking, option.size);
        luaL_checkstack(lua, 2, "too many results");
        unpacking.position += get_option(&unpacking, &format, option);
    }
    lua_pushinteger(lua, (lua_Integer)(unpacking.position + 1));
    return unpacking.results + 1;
}

/* struct.size(format) */
static int struct_size(lua_State *lua)
{
    struct format format = format_open(lua);
    struct option option;
    size_t position = 0;

    while (format_next(&format, &option)) {
        position += format_padding(&format, option, position) + option.size;
        if (option.letter == 's')
            luaL_argerror(lua, 1, "option 's' has no fixed size");
        if (option.letter == 'c' && option.size == 0)
            luaL_argerror(lua, 1, "option 'c0' has no fixed size");
        if (!isalnum((unsigned char)option.letter))
            format_control(&format, option.letter);
    }
    lua_pushinteger(lua, (lua_Integer)position);
    return 1;
}

static const luaL_Reg functions[] = {
    {"pack", struct_pack},
    {"unpack", struct_unpack},
    {"size", struct_size},
    {NULL, NULL},
};

int lua_struct_open(struct lua_State *lua)
{
    lua_newtable(lua);
    luaL_register(lua, NULL, functions);
    return 1;
}
