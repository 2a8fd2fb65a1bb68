#include <lauxlib.h>
#include <lua.h>
#include <stdint.h>
#include <stdlib.h>
#include <strings.h>

#include "core/lua_cjson_settings.h"
#include "core/lua_sink.h"
#include "core/number.h"

/* cjson.decode. The text ends at its first zero byte, which every Lua string has
 * behind it: nothing here looks further than one byte past what it has seen. */

enum token_kind {
    OBJECT_BEGIN,
    OBJECT_END,
    ARRAY_BEGIN,
    ARRAY_END,
    STRING,
    NUMBER,
    BOOLEAN,
    NOTHING,
    COLON,
    COMMA,
    END,
    WRONG,
};

/* As they are called in errors. */
static const char *const token_names[] = {
    "T_OBJ_BEGIN", "T_OBJ_END", "T_ARR_BEGIN", "T_ARR_END", "T_STRING", "T_NUMBER",
    "T_BOOLEAN",   "T_NULL",    "T_COLON",     "T_COMMA",   "T_END",
};

struct token {
    enum token_kind kind;
    size_t place; /* in the text, for errors */
    union {
        double number;
        bool boolean;
        struct {
            const char *bytes; /* in the text, or in the decoder's sink until the next token */
            size_t length;
        };
        const char *wrong; /* how */
    };
};

struct decoder {
    lua_State *lua;
    const struct lua_cjson_settings *settings;
    const char *text;
    const char *at;
    struct lua_sink unescaped;
};

static void decode_value(struct decoder *decoder, const struct token *token, int depth);

static void token_wrong(struct token *token, const struct decoder *decoder, const char *at, const char *how)
{
    token->kind = WRONG;
    token->wrong = how;
    token->place = (size_t)(at - decoder->text);
}

static void refuse(const struct decoder *decoder, const char *expected, const struct token *token)
{
    luaL_error(decoder->lua, "Expected %s but found %s at character %d", expected,
               token->kind == WRONG ? token->wrong : token_names[token->kind], (int)token->place + 1);
}

/* The four digits there, or -1. A digit too few is found before anything behind it is looked at. */
static int32_t hex_unit(const char *at)
{
    int32_t unit = 0;

    for (int i = 0; i < 4; i++) {
        int digit = number_hex_digit(at[i]);

        if (digit < 0)
            return -1;
        unit = unit << 4 | digit;
    }
    return unit;
}

/* The character that \uXXXX at `at`, or a pair of surrogates, stands for; -1: none. */
static int32_t escaped_character(const char **at)
{
    int32_t high = hex_unit(*at + 2), low;

    if (high < 0)
        return -1;
    if (high < 0xd800 || high > 0xdfff) {
        *at += 6;
        return high;
    }
    if (high >= 0xdc00 || (*at)[6] != '\\' || (*at)[7] != 'u')
        return -1;
    low = hex_unit(*at + 8);
    if (low < 0xdc00 || low > 0xdfff)
        return -1;
    *at += 12;
    return 0x10000 + ((high & 0x3ff) << 10 | (low & 0x3ff));
}

static void add_utf8(struct lua_sink *sink, int32_t character)
{
    if (character < 0x80) {
        lua_sink_add_byte(sink, (char)character);
        return;
    }
    if (character < 0x800) {
        lua_sink_add_byte(sink, (char)(0xc0 | character >> 6));
    } else {
        if (character < 0x10000) {
            lua_sink_add_byte(sink, (char)(0xe0 | character >> 12));
        } else {
            lua_sink_add_byte(sink, (char)(0xf0 | character >> 18));
            lua_sink_add_byte(sink, (char)(0x80 | (character >> 12 & 0x3f)));
        }
        lua_sink_add_byte(sink, (char)(0x80 | (character >> 6 & 0x3f)));
    }
    lua_sink_add_byte(sink, (char)(0x80 | (character & 0x3f)));
}

/* What a letter after a backslash stands for, 0: nothing. */
static const char unescaped[256] = {
    ['"'] = '"', ['\\'] = '\\', ['/'] = '/', ['b'] = '\b', ['f'] = '\f', ['n'] = '\n', ['r'] = '\r', ['t'] = '\t',
};

/* One escape at `at`, which it moves behind. Returns what is wrong with it, or NULL. */
static const char *take_escape(struct lua_sink *sink, const char **at)
{
    char letter = (*at)[1];

    if (letter == 'u') {
        int32_t character = escaped_character(at);

        if (character < 0)
            return "invalid unicode escape code";
        add_utf8(sink, character);
        return NULL;
    }
    if (!unescaped[(uint8_t)letter])
        return "invalid escape code";
    lua_sink_add_byte(sink, unescaped[(uint8_t)letter]);
    *at += 2;
    return NULL;
}

static const char *skip_plain(const char *at)
{
    while (*at != '"' && *at != '\\' && *at != '\0')
        at++;
    return at;
}

/* The rest of a string that has escapes, from its first one on. */
static void take_string_escaped(struct decoder *decoder, struct token *token, const char *at)
{
    struct lua_sink *sink = &decoder->unescaped;

    sink->used = 0;
    lua_sink_add(sink, decoder->at + 1, (size_t)(at - decoder->at - 1));
    while (*at == '\\') {
        const char *wrong = take_escape(sink, &at);

        if (wrong) {
            token_wrong(token, decoder, at, wrong);
            return;
        }
        const char *plain = at;

        at = skip_plain(at);
        lua_sink_add(sink, plain, (size_t)(at - plain));
    }
    if (*at == '\0') {
        token_wrong(token, decoder, at, "unexpected end of string");
        return;
    }
    token->bytes = sink->bytes;
    token->length = sink->used;
    decoder->at = at + 1;
}

static void take_string(struct decoder *decoder, struct token *token)
{
    const char *at = skip_plain(decoder->at + 1);

    token->kind = STRING;
    if (*at == '"') {
        token->bytes = decoder->at + 1;
        token->length = (size_t)(at - decoder->at - 1);
        decoder->at = at + 1;
    } else {
        take_string_escaped(decoder, token, at);
    }
}

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/* A number of up to 15 digits and nothing else, the common case. False: it is not one. */
static bool take_short_integer(struct decoder *decoder, struct token *token)
{
    const char *at = decoder->at + (*decoder->at == '-'), *start = at;
    int64_t number = 0;

    if (*at == '0')
        return false;
    while (is_digit(*at) && at - start < 15)
        number = number * 10 + (*at++ - '0');
    if (at == start || is_digit(*at) || *at == '.' || (*at | 0x20) == 'e')
        return false;
    token->number = (double)(*decoder->at == '-' ? -number : number);
    decoder->at = at;
    return true;
}

/* Whether it begins like a number that JSON does not know, and strtod does. */
static bool is_invalid_number(const char *at)
{
    if (*at == '+')
        return true;
    if (*at == '-')
        at++;
    if (*at == '0')
        return is_digit(at[1]) || (at[1] | 0x20) == 'x';
    return strncasecmp(at, "inf", 3) == 0 || strncasecmp(at, "nan", 3) == 0;
}

static void take_number(struct decoder *decoder, struct token *token)
{
    char *end;

    token->kind = NUMBER;
    if (take_short_integer(decoder, token))
        return;
    token->number = strtod(decoder->at, &end);
    if (end == decoder->at)
        token_wrong(token, decoder, decoder->at, "invalid number");
    decoder->at = end;
}

static void take_minus_or_digit(struct decoder *decoder, struct token *token)
{
    if (decoder->settings->decode_invalid == LUA_CJSON_OFF && is_invalid_number(decoder->at))
        token_wrong(token, decoder, decoder->at, "invalid number");
    else
        take_number(decoder, token);
}

/* True, false, null, or a number in letters if there may be such. */
static void take_word(struct decoder *decoder, struct token *token)
{
    const char *at = decoder->at;

    if (strncmp(at, "true", 4) == 0 || strncmp(at, "false", 5) == 0) {
        token->kind = BOOLEAN;
        token->boolean = *at == 't';
        decoder->at += token->boolean ? 4 : 5;
    } else if (strncmp(at, "null", 4) == 0) {
        token->kind = NOTHING;
        decoder->at += 4;
    } else if (decoder->settings->decode_invalid == LUA_CJSON_ON && is_invalid_number(at)) {
        take_number(decoder, token);
    } else {
        token_wrong(token, decoder, at, "invalid token");
    }
}

static void take_mark(struct decoder *decoder, struct token *token, enum token_kind kind)
{
    token->kind = kind;
    decoder->at++;
}

static void next_token(struct decoder *decoder, struct token *token)
{
    while (*decoder->at == ' ' || *decoder->at == '\n' || *decoder->at == '\t' || *decoder->at == '\r')
        decoder->at++;
    token->place = (size_t)(decoder->at - decoder->text);
    switch (*decoder->at) {
    case '{':
        return take_mark(decoder, token, OBJECT_BEGIN);
    case '}':
        return take_mark(decoder, token, OBJECT_END);
    case '[':
        return take_mark(decoder, token, ARRAY_BEGIN);
    case ']':
        return take_mark(decoder, token, ARRAY_END);
    case ':':
        return take_mark(decoder, token, COLON);
    case ',':
        return take_mark(decoder, token, COMMA);
    case '\0':
        token->kind = END;
        return;
    case '"':
        return take_string(decoder, token);
    case '-':
    case '0' ... '9':
        return take_minus_or_digit(decoder, token);
    default:
        take_word(decoder, token);
    }
}

static void descend(const struct decoder *decoder, int depth, int slots)
{
    if (depth > decoder->settings->decode_depth_most || !lua_checkstack(decoder->lua, slots))
        luaL_error(decoder->lua, "Found too many nested data structures (%d) at character %d", depth,
                   (int)(decoder->at - decoder->text));
}

static void decode_array(struct decoder *decoder, int depth)
{
    struct token token;

    descend(decoder, depth, 2);
    lua_newtable(decoder->lua);
    next_token(decoder, &token);
    if (token.kind == ARRAY_END)
        return;
    for (int i = 1;; i++) {
        decode_value(decoder, &token, depth);
        lua_rawseti(decoder->lua, -2, i);
        next_token(decoder, &token);
        if (token.kind == ARRAY_END)
            return;
        if (token.kind != COMMA)
            refuse(decoder, "comma or array end", &token);
        next_token(decoder, &token);
    }
}

/* The pair whose key has been read, into the table on top. */
static void decode_pair(struct decoder *decoder, struct token *token, int depth)
{
    if (token->kind != STRING)
        refuse(decoder, "object key string", token);
    lua_pushlstring(decoder->lua, token->bytes, token->length);
    next_token(decoder, token);
    if (token->kind != COLON)
        refuse(decoder, "colon", token);
    next_token(decoder, token);
    decode_value(decoder, token, depth);
    lua_rawset(decoder->lua, -3);
}

static void decode_object(struct decoder *decoder, int depth)
{
    struct token token;

    descend(decoder, depth, 3);
    lua_newtable(decoder->lua);
    next_token(decoder, &token);
    if (token.kind == OBJECT_END)
        return;
    for (;;) {
        decode_pair(decoder, &token, depth);
        next_token(decoder, &token);
        if (token.kind == OBJECT_END)
            return;
        if (token.kind != COMMA)
            refuse(decoder, "comma or object end", &token);
        next_token(decoder, &token);
    }
}

/* Pushes the value that begins with this token; depth: of the tables around it. */
static void decode_value(struct decoder *decoder, const struct token *token, int depth)
{
    lua_State *lua = decoder->lua;

    switch (token->kind) {
    case STRING:
        lua_pushlstring(lua, token->bytes, token->length);
        break;
    case NUMBER:
        lua_pushnumber(lua, token->number);
        break;
    case BOOLEAN:
        lua_pushboolean(lua, token->boolean);
        break;
    case OBJECT_BEGIN:
        decode_object(decoder, depth + 1);
        break;
    case ARRAY_BEGIN:
        decode_array(decoder, depth + 1);
        break;
    case NOTHING:
        lua_pushlightuserdata(lua, NULL);
        break;
    default:
        refuse(decoder, "value", token);
    }
}

int lua_cjson_decode(lua_State *lua)
{
    struct decoder decoder = {.lua = lua, .settings = lua_cjson_settings(lua)};
    struct token token;
    size_t length;

    luaL_argcheck(lua, lua_gettop(lua) == 1, 1, "expected 1 argument");
    decoder.text = decoder.at = luaL_checklstring(lua, 1, &length);
    if (length >= 2 && (decoder.text[0] == '\0' || decoder.text[1] == '\0'))
        luaL_error(lua, "JSON parser does not support UTF-16 or UTF-32");
    lua_sink_open(&decoder.unescaped, lua);
    next_token(&decoder, &token);
    decode_value(&decoder, &token, 0);
    next_token(&decoder, &token);
    if (token.kind != END)
        refuse(&decoder, "the end", &token);
    return 1;
}
