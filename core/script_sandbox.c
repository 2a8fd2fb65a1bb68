#include "core/script_sandbox.h"

#include <lauxlib.h>
#include <limits.h>
#include <lualib.h>
#include <string.h>

#include "core/script_run.h"
#include "core/script_state.h"

enum { MOVES_BETWEEN_LOOKS = 1 << 16 };

/* Metatables of sealed tables hold the real table under this address, which no script can name. */
static const char sealed;

static void push_mark(lua_State *lua)
{
    lua_pushlightuserdata(lua, (void *)&sealed);
}

/* Pushes the table behind a sealed one; else pushes nothing. */
static bool push_real(lua_State *lua, int index)
{
    if (lua_type(lua, index) != LUA_TTABLE || !lua_getmetatable(lua, index))
        return false;
    push_mark(lua);
    lua_rawget(lua, -2);
    lua_remove(lua, -2);
    if (lua_istable(lua, -1))
        return true;
    lua_pop(lua, 1);
    return false;
}

/* As Lua's own: with the position where a script's line is the culprit, without where a function is. */
static int refuse_assignment(lua_State *lua)
{
    return luaL_error(lua, "Attempt to modify a readonly table");
}

static void refuse_if_sealed(lua_State *lua, int index)
{
    if (!push_real(lua, index))
        return;
    lua_pushliteral(lua, "Attempt to modify a readonly table");
    lua_error(lua);
}

void script_seal(lua_State *lua)
{
    lua_newtable(lua);
    lua_newtable(lua); /* real, sealed, metatable */
    lua_pushvalue(lua, -3);
    lua_setfield(lua, -2, "__index");
    lua_pushcfunction(lua, refuse_assignment);
    lua_setfield(lua, -2, "__newindex");
    push_mark(lua);
    lua_pushvalue(lua, -4);
    lua_rawset(lua, -3);
    lua_setmetatable(lua, -2);
    lua_replace(lua, -2);
}

/* What would pass a sealed table's metatable by. */

static int replaced_next(lua_State *lua)
{
    luaL_checktype(lua, 1, LUA_TTABLE);
    lua_settop(lua, 2);
    if (push_real(lua, 1))
        lua_replace(lua, 1);
    if (lua_next(lua, 1))
        return 2;
    lua_pushnil(lua);
    return 1;
}

/* Upvalues: Lua's next, and ours for sealed tables. */
static int replaced_pairs(lua_State *lua)
{
    luaL_checktype(lua, 1, LUA_TTABLE);
    bool is_sealed = push_real(lua, 1);

    lua_pushvalue(lua, lua_upvalueindex(is_sealed ? 2 : 1));
    lua_pushvalue(lua, 1);
    lua_pushnil(lua);
    return 3;
}

static int replaced_rawget(lua_State *lua)
{
    luaL_checktype(lua, 1, LUA_TTABLE);
    luaL_checkany(lua, 2);
    lua_settop(lua, 2);
    if (push_real(lua, 1))
        lua_replace(lua, 1);
    lua_rawget(lua, 1);
    return 1;
}

static int replaced_rawset(lua_State *lua)
{
    luaL_checktype(lua, 1, LUA_TTABLE);
    luaL_checkany(lua, 2);
    luaL_checkany(lua, 3);
    lua_settop(lua, 3);
    refuse_if_sealed(lua, 1);
    lua_rawset(lua, 1);
    return 1;
}

/* A metatable that is shared by all, as that of strings, is shown sealed. */
static int replaced_getmetatable(lua_State *lua)
{
    luaL_checkany(lua, 1);
    bool shared = lua_type(lua, 1) != LUA_TTABLE;

    if (push_real(lua, 1)) {
        lua_replace(lua, 1);
        shared = true;
    }
    if (!lua_getmetatable(lua, 1)) {
        lua_pushnil(lua);
        return 1;
    }
    if (luaL_getmetafield(lua, 1, "__metatable"))
        return 1;
    if (shared)
        script_seal(lua);
    return 1;
}

static int replaced_setmetatable(lua_State *lua)
{
    int type = lua_type(lua, 2);

    luaL_checktype(lua, 1, LUA_TTABLE);
    luaL_argcheck(lua, type == LUA_TNIL || type == LUA_TTABLE, 2, "nil or table expected");
    if (luaL_getmetafield(lua, 1, "__metatable"))
        luaL_error(lua, "cannot change a protected metatable");
    lua_settop(lua, 2);
    refuse_if_sealed(lua, 1);
    lua_setmetatable(lua, 1);
    return 1;
}

/* A place that is far away takes minutes, in which no hook comes. */
static void move_up(lua_State *lua, int from, int last)
{
    for (int i = last; i > from; i--) {
        lua_rawgeti(lua, 1, i - 1);
        lua_rawseti(lua, 1, i);
        if ((i & (MOVES_BETWEEN_LOOKS - 1)) == 0)
            script_look(lua);
    }
}

static int replaced_insert(lua_State *lua)
{
    luaL_checktype(lua, 1, LUA_TTABLE);
    int end = (int)lua_objlen(lua, 1) + 1, at = end;

    switch (lua_gettop(lua)) {
    case 2:
        break;
    case 3:
        at = luaL_checkint(lua, 2);
        move_up(lua, at, at > end ? at : end);
        break;
    default:
        return luaL_error(lua, "wrong number of arguments to 'insert'");
    }
    refuse_if_sealed(lua, 1);
    lua_rawseti(lua, 1, at);
    return 0;
}

/* Lua's own takes for few what is more than an int can count. */
static int replaced_unpack(lua_State *lua)
{
    luaL_checktype(lua, 1, LUA_TTABLE);
    int first = luaL_optint(lua, 2, 1);
    int last = luaL_opt(lua, luaL_checkint, 3, (int)lua_objlen(lua, 1));
    int64_t count = (int64_t)last - first + 1;

    if (count <= 0)
        return 0;
    if (count > INT_MAX || !lua_checkstack(lua, (int)count))
        return luaL_error(lua, "too many results to unpack");
    for (int i = 0; i < count; i++)
        lua_rawgeti(lua, 1, first + i);
    return (int)count;
}

/* Upvalue: Lua's own. */
static int replaced_foreach(lua_State *lua)
{
    luaL_checktype(lua, 1, LUA_TTABLE);
    luaL_checktype(lua, 2, LUA_TFUNCTION);
    lua_settop(lua, 2);
    if (push_real(lua, 1))
        lua_replace(lua, 1);
    lua_pushvalue(lua, lua_upvalueindex(1));
    lua_insert(lua, 1);
    lua_call(lua, 2, 1);
    return 1;
}

/* An error that is a table, as redis.call raises it, becomes its text. A script that is to end does not go on here. */
static int replaced_pcall(lua_State *lua)
{
    if (lua_gettop(lua) == 0)
        lua_pushboolean(lua, 1); /* which Redis would call */
    if (lua_pcall(lua, lua_gettop(lua) - 1, LUA_MULTRET, 0) == 0) {
        lua_pushboolean(lua, 1);
        lua_insert(lua, 1);
        return lua_gettop(lua);
    }
    if (script_is_abandoned(script_state_of(lua)))
        return lua_error(lua);
    lua_pushboolean(lua, 0);
    lua_insert(lua, -2);
    if (lua_istable(lua, -1)) {
        script_push_word(script_state_of(lua), lua, SCRIPT_WORD_ERR);
        lua_rawget(lua, -2);
        if (lua_isstring(lua, -1))
            lua_replace(lua, -2);
        else
            lua_pop(lua, 1);
    }
    return 2;
}

/* Upvalue: the script's own handler. Lua runs it within the hook that ends a script, where no hook comes: one that did
 * not return could never be stopped. */
static int handle_unless_abandoned(lua_State *lua)
{
    lua_settop(lua, 1);
    if (script_is_abandoned(script_state_of(lua)))
        return 1;
    lua_pushvalue(lua, lua_upvalueindex(1));
    lua_insert(lua, 1);
    lua_call(lua, 1, 1);
    return 1;
}

static int replaced_xpcall(lua_State *lua)
{
    luaL_checkany(lua, 2);
    lua_settop(lua, 2);
    lua_pushcclosure(lua, handle_unless_abandoned, 1);
    lua_insert(lua, 1);
    int status = lua_pcall(lua, 0, LUA_MULTRET, 1);
    if (script_is_abandoned(script_state_of(lua)))
        return lua_error(lua);
    lua_pushboolean(lua, status == 0);
    lua_replace(lua, 1);
    return lua_gettop(lua);
}

/* Compiling: text alone. A blank before it makes that so, as no bytecode begins with one. */

struct text {
    struct str rest;
    bool begun;
};

static const char *read_text(lua_State *lua, void *context, size_t *length)
{
    struct text *text = context;
    struct str piece = text->begun ? text->rest : STR(" ");

    if (text->begun)
        text->rest.length = 0;
    text->begun = true;
    *length = piece.length;
    return piece.bytes;
}

bool script_compile(lua_State *lua, struct str text, const char *name)
{
    return lua_load(lua, read_text, &(struct text){.rest = text}, name) == 0;
}

static int give_compiled(lua_State *lua, bool compiled)
{
    if (compiled)
        return 1;
    lua_pushnil(lua);
    lua_insert(lua, -2);
    return 2;
}

static int replaced_loadstring(lua_State *lua)
{
    size_t length;
    const char *text = luaL_checklstring(lua, 1, &length);

    return give_compiled(lua, script_compile(lua, (struct str){text, length}, luaL_optstring(lua, 2, text)));
}

/* The script's function is at 1; the piece that is being read stays at 3, or it would be collected. */
static const char *read_piece(lua_State *lua, void *context, size_t *length)
{
    bool *begun = context;

    if (!*begun) {
        *begun = true;
        *length = 1;
        return " ";
    }
    luaL_checkstack(lua, 2, "too many nested functions");
    lua_pushvalue(lua, 1);
    lua_call(lua, 0, 1);
    if (lua_isnil(lua, -1)) {
        *length = 0;
        return NULL;
    }
    if (!lua_isstring(lua, -1))
        luaL_error(lua, "reader function must return a string");
    lua_replace(lua, 3);
    return lua_tolstring(lua, 3, length);
}

static int replaced_load(lua_State *lua)
{
    const char *name = luaL_optstring(lua, 2, "=(load)");
    bool begun = false;

    luaL_checktype(lua, 1, LUA_TFUNCTION);
    lua_settop(lua, 3);
    return give_compiled(lua, lua_load(lua, read_piece, &begun, name) == 0);
}

/* The collector's pace is not the script's to change, as it would outlive the script. Upvalue: Lua's own. */
static int replaced_collectgarbage(lua_State *lua)
{
    static const char *const options[] = {"stop", "restart",  "collect",    "count",
                                          "step", "setpause", "setstepmul", NULL};
    int option = luaL_checkoption(lua, 1, "collect", options);

    if (option < 2 || option > 4) {
        lua_pushinteger(lua, 0);
        return 1;
    }
    lua_settop(lua, 2);
    lua_pushvalue(lua, lua_upvalueindex(1));
    lua_pushstring(lua, options[option]);
    lua_pushvalue(lua, 2);
    lua_call(lua, 2, 1);
    return 1;
}

/* Opening. */

static void open_library(lua_State *lua, const char *name, lua_CFunction open)
{
    lua_pushcfunction(lua, open);
    lua_pushstring(lua, name);
    lua_call(lua, 1, 0);
}

static void set_functions(lua_State *lua, int table, const luaL_Reg *functions)
{
    lua_pushvalue(lua, table);
    for (; functions->name; functions++) {
        lua_pushcfunction(lua, functions->func);
        lua_setfield(lua, -2, functions->name);
    }
    lua_pop(lua, 1);
}

/* Replaces a field of the table on top of the stack by a function that has it as upvalue. */
static void wrap(lua_State *lua, const char *field, lua_CFunction function)
{
    lua_getfield(lua, -1, field);
    lua_pushcclosure(lua, function, 1);
    lua_setfield(lua, -2, field);
}

static void remove_outward(lua_State *lua)
{
    static const char *const names[] = {"dofile",  "loadfile", "print",   "module",  "require",
                                        "package", "setfenv",  "getfenv", "newproxy"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        lua_pushnil(lua);
        lua_setglobal(lua, names[i]);
    }
}

static void replace_base(lua_State *lua)
{
    static const luaL_Reg functions[] = {
        {"next", replaced_next},
        {"rawget", replaced_rawget},
        {"rawset", replaced_rawset},
        {"getmetatable", replaced_getmetatable},
        {"setmetatable", replaced_setmetatable},
        {"pcall", replaced_pcall},
        {"xpcall", replaced_xpcall},
        {"load", replaced_load},
        {"loadstring", replaced_loadstring},
        {"unpack", replaced_unpack},
        {NULL, NULL},
    };

    lua_getglobal(lua, "next");
    lua_pushcfunction(lua, replaced_next);
    lua_pushcclosure(lua, replaced_pairs, 2);
    lua_setglobal(lua, "pairs");
    set_functions(lua, LUA_GLOBALSINDEX, functions);
    lua_pushvalue(lua, LUA_GLOBALSINDEX);
    wrap(lua, "collectgarbage", replaced_collectgarbage);
    lua_pop(lua, 1);
}

static void replace_in_libraries(lua_State *lua)
{
    lua_getglobal(lua, "table");
    lua_pushcfunction(lua, replaced_insert);
    lua_setfield(lua, -2, "insert");
    wrap(lua, "foreach", replaced_foreach);
    lua_getglobal(lua, "math");
    lua_pushcfunction(lua, script_math_random);
    lua_setfield(lua, -2, "random");
    lua_pushcfunction(lua, script_math_randomseed);
    lua_setfield(lua, -2, "randomseed");
    lua_pop(lua, 2);
}

/* Of the library only the clock. */
static void keep_clock(lua_State *lua)
{
    lua_getglobal(lua, "os");
    lua_newtable(lua);
    lua_getfield(lua, -2, "clock");
    lua_setfield(lua, -2, "clock");
    lua_setglobal(lua, "os");
    lua_pop(lua, 1);
}

void script_sandbox_open(lua_State *lua)
{
    open_library(lua, "", luaopen_base);
    open_library(lua, LUA_TABLIBNAME, luaopen_table);
    open_library(lua, LUA_STRLIBNAME, luaopen_string);
    open_library(lua, LUA_MATHLIBNAME, luaopen_math);
    open_library(lua, LUA_OSLIBNAME, luaopen_os);
    keep_clock(lua);
    remove_outward(lua);
    replace_base(lua);
    replace_in_libraries(lua);
}

/* Closing. */

static int refuse_unknown(lua_State *lua)
{
    return luaL_error(lua, "Script attempted to access nonexistent global variable '%s'", lua_tostring(lua, 2));
}

void script_protect(lua_State *lua)
{
    lua_newtable(lua);
    lua_pushcfunction(lua, refuse_unknown);
    lua_setfield(lua, -2, "__index");
    lua_setmetatable(lua, -2);
}

/* All tables among the globals, but for the globals themselves. */
static void seal_libraries(lua_State *lua)
{
    lua_pushnil(lua);
    while (lua_next(lua, LUA_GLOBALSINDEX)) {
        if (lua_istable(lua, -1) && !lua_rawequal(lua, -1, LUA_GLOBALSINDEX)) {
            script_seal(lua);
            lua_pushvalue(lua, -2);
            lua_insert(lua, -2);
            lua_rawset(lua, LUA_GLOBALSINDEX);
        } else {
            lua_pop(lua, 1);
        }
    }
}

/* Methods of strings are found in the sealed library, or it could be had from their metatable. */
static void seal_methods(lua_State *lua)
{
    lua_pushliteral(lua, "");
    lua_getmetatable(lua, -1);
    lua_getglobal(lua, "string");
    lua_setfield(lua, -2, "__index");
    lua_pop(lua, 2);
}

void script_sandbox_close(lua_State *lua)
{
    seal_libraries(lua);
    seal_methods(lua);
    lua_pushvalue(lua, LUA_GLOBALSINDEX);
    script_protect(lua);
    lua_pushvalue(lua, -1);
    script_seal(lua);
    lua_pushvalue(lua, -1);
    lua_setfield(lua, -3, "_G");
    lua_replace(lua, LUA_GLOBALSINDEX);
}
