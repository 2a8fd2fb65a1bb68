#include "core/script_value.h"

#include <lauxlib.h>
#include <math.h>

#include "core/assert.h"
#include "core/call_count.h"
#include "core/number.h"
#include "core/resp_write.h"
#include "core/script_run.h"

/* RESP to Lua. The reply is complete and our own, so that counts and lengths hold. */

struct reader {
    struct script_state *state;
    lua_State *lua;
    const char *at;
};

static void push_value(struct reader *reader);

static struct str take_line(struct reader *reader)
{
    const char *start = reader->at, *stop = start;

    while (*stop != '\r')
        stop++;
    reader->at = stop + 2;
    return (struct str){start, (size_t)(stop - start)};
}

/* Of few digits as a rule. */
static int64_t take_integer(struct reader *reader)
{
    const char *at = reader->at;
    bool negative = *at == '-';
    uint64_t value = 0;

    for (at += negative; *at != '\r'; at++)
        value = value * 10 + (uint64_t)(*at - '0');
    reader->at = at + 2;
    return (int64_t)(negative ? 0 - value : value);
}

static struct str take_bytes(struct reader *reader, int64_t length)
{
    struct str bytes = {reader->at, (size_t)length};

    reader->at += length + 2;
    return bytes;
}

static void push_str(lua_State *lua, struct str text)
{
    lua_pushlstring(lua, text.bytes, text.length);
}

/* Puts the value on top into the table below it. */
static void set_word(const struct reader *reader, enum script_word word)
{
    script_push_word(reader->state, reader->lua, word);
    lua_insert(reader->lua, -2);
    lua_rawset(reader->lua, -3);
}

/* A table with one field, whose value is on top. */
static void wrap(const struct reader *reader, enum script_word word)
{
    lua_createtable(reader->lua, 0, 1);
    lua_insert(reader->lua, -2);
    set_word(reader, word);
}

static void push_array(struct reader *reader, int64_t count)
{
    lua_createtable(reader->lua, (int)count, 0);
    for (int64_t i = 1; i <= count; i++) {
        push_value(reader);
        lua_rawseti(reader->lua, -2, (int)i);
    }
}

/* A key that is null, or no number, which a table cannot have, is left out. */
static void set_pair(lua_State *lua)
{
    if (lua_isnil(lua, -2) || (lua_type(lua, -2) == LUA_TNUMBER && isnan(lua_tonumber(lua, -2))))
        lua_pop(lua, 2);
    else
        lua_rawset(lua, -3);
}

static void push_map(struct reader *reader, int64_t pairs)
{
    lua_createtable(reader->lua, 0, (int)pairs);
    for (int64_t i = 0; i < pairs; i++) {
        push_value(reader);
        push_value(reader);
        set_pair(reader->lua);
    }
    wrap(reader, SCRIPT_WORD_MAP);
}

static void push_set(struct reader *reader, int64_t count)
{
    lua_createtable(reader->lua, 0, (int)count);
    for (int64_t i = 0; i < count; i++) {
        push_value(reader);
        lua_pushboolean(reader->lua, 1);
        set_pair(reader->lua);
    }
    wrap(reader, SCRIPT_WORD_SET);
}

/* "txt:" and the text. */
static void push_verbatim(struct reader *reader, struct str bytes)
{
    ASSERT(bytes.length >= 4);
    lua_createtable(reader->lua, 0, 2);
    push_str(reader->lua, (struct str){bytes.bytes + 4, bytes.length - 4});
    set_word(reader, SCRIPT_WORD_STRING);
    push_str(reader->lua, (struct str){bytes.bytes, 3});
    set_word(reader, SCRIPT_WORD_FORMAT);
    wrap(reader, SCRIPT_WORD_VERBATIM_STRING);
}

static void push_double(struct reader *reader)
{
    struct str line = take_line(reader);
    double value = 0;

    if (!number_parse_double(line, &value))
        value = NAN;
    lua_pushnumber(reader->lua, value);
    wrap(reader, SCRIPT_WORD_DOUBLE);
}

/* Null is false in RESP2, for which Redis's scripts were made first. */
static void push_bulk(struct reader *reader)
{
    int64_t length = take_integer(reader);

    if (length < 0)
        lua_pushboolean(reader->lua, 0);
    else
        push_str(reader->lua, take_bytes(reader, length));
}

static void push_array_or_null(struct reader *reader)
{
    int64_t count = take_integer(reader);

    if (count < 0)
        lua_pushboolean(reader->lua, 0);
    else
        push_array(reader, count);
}

static void push_value(struct reader *reader)
{
    lua_State *lua = reader->lua;

    luaL_checkstack(lua, 6, "the reply is nested too deeply");
    switch (*reader->at++) {
    case '$':
        push_bulk(reader);
        break;
    case ':':
        lua_pushnumber(lua, (lua_Number)take_integer(reader));
        break;
    case '*':
        push_array_or_null(reader);
        break;
    case '+':
        push_str(lua, take_line(reader));
        wrap(reader, SCRIPT_WORD_OK);
        break;
    case '-':
        script_push_error(reader->state, lua, take_line(reader), true);
        break;
    case '%':
        push_map(reader, take_integer(reader));
        break;
    case '~':
        push_set(reader, take_integer(reader));
        break;
    case '_':
        take_line(reader);
        lua_pushnil(lua);
        break;
    case '#':
        lua_pushboolean(lua, *take_line(reader).bytes == 't');
        break;
    case ',':
        push_double(reader);
        break;
    case '(':
        push_str(lua, take_line(reader));
        wrap(reader, SCRIPT_WORD_BIG_NUMBER);
        break;
    default:
        ASSERT(reader->at[-1] == '=');
        push_verbatim(reader, take_bytes(reader, take_integer(reader)));
    }
}

void script_push_reply(struct script_state *state, lua_State *lua, struct str reply)
{
    push_value(&(struct reader){state, lua, reply.bytes});
}

void script_push_error(struct script_state *state, lua_State *lua, struct str text, bool counted)
{
    struct reader reader = {state, lua, NULL};

    lua_createtable(lua, 0, 4);
    push_str(lua, text);
    set_word(&reader, SCRIPT_WORD_ERR);
    if (!counted)
        return;
    lua_pushboolean(lua, 1);
    set_word(&reader, SCRIPT_WORD_COUNTED);
}

/* Lua to RESP. The table is on top of the stack. */

/* Pushes the field; false, and nothing is pushed: it is not of that type. */
static bool push_field(struct script_state *state, lua_State *lua, enum script_word word, int type)
{
    script_push_word(state, lua, word);
    lua_rawget(lua, -2);
    if (lua_type(lua, -1) == type)
        return true;
    lua_pop(lua, 1);
    return false;
}

static void append_on_one_line(struct buffer *buffer, const char *text, size_t length)
{
    char *at = buffer_reserve(buffer, length);

    for (size_t i = 0; i < length; i++)
        at[i] = text[i] == '\r' || text[i] == '\n' ? ' ' : text[i];
    buffer->length += length;
}

/* Up to a zero, as C's strings are. */
static void reply_line(lua_State *lua, struct reply *reply, char kind)
{
    const char *text = lua_tostring(lua, -1);

    buffer_append(&reply->buffer, &kind, 1);
    append_on_one_line(&reply->buffer, text, strlen(text));
    buffer_append_str(&reply->buffer, STR("\r\n"));
    lua_pop(lua, 1);
}

/* A bulk string in RESP2. */
static void reply_big_number(lua_State *lua, struct reply *reply)
{
    const char *text = lua_tostring(lua, -1);

    if (reply->protocol > 2) {
        reply_line(lua, reply, '(');
        return;
    }
    buffer_append_format(&reply->buffer, "$%zu\r\n", strlen(text));
    append_on_one_line(&reply->buffer, text, strlen(text));
    buffer_append_str(&reply->buffer, STR("\r\n"));
    lua_pop(lua, 1);
}

/* What is out of range, or no number at all, is the least integer, as the machine converts it. */
static int64_t integer_of(lua_Number number)
{
    return number >= -0x1p63 && number < 0x1p63 ? (int64_t)number : INT64_MIN;
}

static int64_t count_pairs(lua_State *lua)
{
    int64_t count = 0;

    for (lua_pushnil(lua); lua_next(lua, -2); lua_pop(lua, 1))
        count++;
    return count;
}

static void reply_map_field(struct script_state *state, lua_State *lua, struct reply *reply)
{
    reply_map(reply, count_pairs(lua));
    for (lua_pushnil(lua); lua_next(lua, -2);) {
        lua_pushvalue(lua, -2);
        script_reply_value(state, lua, reply);
        script_reply_value(state, lua, reply);
    }
    lua_pop(lua, 1);
}

static void reply_set_field(struct script_state *state, lua_State *lua, struct reply *reply)
{
    reply_set(reply, count_pairs(lua));
    for (lua_pushnil(lua); lua_next(lua, -2);) {
        lua_pop(lua, 1);
        lua_pushvalue(lua, -1);
        script_reply_value(state, lua, reply);
    }
    lua_pop(lua, 1);
}

/* Three letters, with blanks where the script says fewer. */
static void copy_format(char format[static 4], const char *text)
{
    memset(format, ' ', 3);
    memcpy(format, text, strnlen(text, 3));
    format[3] = '\0';
}

/* The table of a verbatim string is on top; false: it is none, and stays there. */
static bool reply_verbatim_field(struct script_state *state, lua_State *lua, struct reply *reply)
{
    char format[4];
    struct str text;

    if (!push_field(state, lua, SCRIPT_WORD_FORMAT, LUA_TSTRING))
        return false;
    copy_format(format, lua_tostring(lua, -1));
    lua_pop(lua, 1);
    if (!push_field(state, lua, SCRIPT_WORD_STRING, LUA_TSTRING))
        return false;
    text.bytes = lua_tolstring(lua, -1, &text.length);
    reply_verbatim(reply, text, format);
    lua_pop(lua, 2);
    return true;
}

/* False: the table has no such field, or it is no verbatim string. */
static bool reply_verbatim_or_not(struct script_state *state, lua_State *lua, struct reply *reply)
{
    if (!push_field(state, lua, SCRIPT_WORD_VERBATIM_STRING, LUA_TTABLE))
        return false;
    if (reply_verbatim_field(state, lua, reply))
        return true;
    lua_pop(lua, 1);
    return false;
}

/* Up to the first that is nil. */
static void reply_elements(struct script_state *state, lua_State *lua, struct reply *reply)
{
    int count = 0;

    for (lua_rawgeti(lua, -1, 1); !lua_isnil(lua, -1); lua_rawgeti(lua, -1, count + 1)) {
        lua_pop(lua, 1);
        count++;
    }
    lua_pop(lua, 1);
    reply_array(reply, count);
    for (int i = 1; i <= count; i++) {
        lua_rawgeti(lua, -1, i);
        script_reply_value(state, lua, reply);
    }
}

bool script_error_is_counted(struct script_state *state, lua_State *lua, int table)
{
    script_push_word(state, lua, SCRIPT_WORD_COUNTED);
    lua_rawget(lua, table);
    bool counted = lua_toboolean(lua, -1);
    lua_pop(lua, 1);
    return counted;
}

/* What the table says, which is below it. */
static void reply_error_field(struct script_state *state, lua_State *lua, struct reply *reply)
{
    size_t mark = reply_mark(reply);
    bool counted = script_error_is_counted(state, lua, lua_gettop(lua) - 1);

    reply_line(lua, reply, '-');
    reply->error = true;
    if (counted)
        state->run->call->inner_failed = true;
    else
        call_count_error(state->run->call, NULL, (struct str){reply->buffer.bytes + mark, reply->buffer.length - mark});
}

static void reply_table(struct script_state *state, lua_State *lua, struct reply *reply)
{
    if (push_field(state, lua, SCRIPT_WORD_ERR, LUA_TSTRING)) {
        reply_error_field(state, lua, reply);
    } else if (push_field(state, lua, SCRIPT_WORD_OK, LUA_TSTRING)) {
        reply_line(lua, reply, '+');
    } else if (push_field(state, lua, SCRIPT_WORD_DOUBLE, LUA_TNUMBER)) {
        reply_double(reply, lua_tonumber(lua, -1));
        lua_pop(lua, 1);
    } else if (push_field(state, lua, SCRIPT_WORD_BIG_NUMBER, LUA_TSTRING)) {
        reply_big_number(lua, reply);
    } else if (reply_verbatim_or_not(state, lua, reply)) {
        return;
    } else if (push_field(state, lua, SCRIPT_WORD_MAP, LUA_TTABLE)) {
        reply_map_field(state, lua, reply);
    } else if (push_field(state, lua, SCRIPT_WORD_SET, LUA_TTABLE)) {
        reply_set_field(state, lua, reply);
    } else {
        reply_elements(state, lua, reply);
    }
}

/* Where the script has not asked for RESP3, false is null. */
static void reply_boolean(const struct script_state *state, bool value, struct reply *reply)
{
    if (state->run->protocol > 2)
        reply_bool(reply, value);
    else if (value)
        reply_integer(reply, 1);
    else
        reply_null(reply);
}

void script_reply_value(struct script_state *state, lua_State *lua, struct reply *reply)
{
    struct str text;

    if (!lua_checkstack(lua, 4)) {
        reply_error(reply, "ERR reached lua stack limit");
        lua_pop(lua, 1);
        return;
    }
    switch (lua_type(lua, -1)) {
    case LUA_TSTRING:
        text.bytes = lua_tolstring(lua, -1, &text.length);
        reply_bulk(reply, text);
        break;
    case LUA_TNUMBER:
        reply_integer(reply, integer_of(lua_tonumber(lua, -1)));
        break;
    case LUA_TBOOLEAN:
        reply_boolean(state, lua_toboolean(lua, -1), reply);
        break;
    case LUA_TTABLE:
        reply_table(state, lua, reply);
        break;
    default:
        reply_null(reply);
    }
    lua_pop(lua, 1);
}
