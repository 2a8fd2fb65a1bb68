#include "core/script_state.h"

#include <lauxlib.h>

#include "core/assert.h"
#include "core/core.h"
#include "core/lua_bit.h"
#include "core/lua_cjson.h"
#include "core/lua_cmsgpack.h"
#include "core/lua_struct.h"
#include "core/script_api.h"
#include "core/script_run.h"
#include "core/script_sandbox.h"

static void *allocate(void *context, void *block, size_t old_bytes, size_t bytes)
{
    struct script_state *state = context;

    if (bytes == 0) {
        memory_free(&state->memory, block);
        return NULL;
    }
    size_t wanted = state->memory.used_bytes + bytes - old_bytes;
    if (bytes > old_bytes && wanted > state->collect_above && !state->wants_collection)
        script_collect_soon(state);
    if (bytes > old_bytes && wanted > state->limit_bytes)
        return NULL; /* Lua raises "not enough memory" */
    return memory_resize(&state->memory, block, bytes);
}

/* Outside of a script no memory is refused, and nothing else is done that can fail. */
static int panic(lua_State *lua)
{
    ASSERT(!"an error outside of any script");
    return 0;
}

static void keep_words(struct script_state *state)
{
    static const char *const texts[SCRIPT_WORDS] = {
        [SCRIPT_WORD_ERR] = "err",
        [SCRIPT_WORD_OK] = "ok",
        [SCRIPT_WORD_DOUBLE] = "double",
        [SCRIPT_WORD_MAP] = "map",
        [SCRIPT_WORD_SET] = "set",
        [SCRIPT_WORD_BIG_NUMBER] = "big_number",
        [SCRIPT_WORD_VERBATIM_STRING] = "verbatim_string",
        [SCRIPT_WORD_STRING] = "string",
        [SCRIPT_WORD_FORMAT] = "format",
        [SCRIPT_WORD_SOURCE] = "source",
        [SCRIPT_WORD_LINE] = "line",
        [SCRIPT_WORD_COUNTED] = "ignore_error_stats_update",
        [SCRIPT_WORD_KEYS] = "KEYS",
        [SCRIPT_WORD_ARGV] = "ARGV",
    };

    for (int i = 0; i < SCRIPT_WORDS; i++) {
        lua_pushstring(state->lua, texts[i]);
        state->words[i] = luaL_ref(state->lua, LUA_REGISTRYINDEX);
    }
}

static void open_libraries(lua_State *lua)
{
    static const struct {
        const char *name;
        int (*open)(lua_State *lua);
    } libraries[] = {
        {"cjson", lua_cjson_open}, {"cmsgpack", lua_cmsgpack_open}, {"struct", lua_struct_open}, {"bit", lua_bit_open}};

    script_sandbox_open(lua);
    for (size_t i = 0; i < sizeof libraries / sizeof *libraries; i++) {
        lua_pushcfunction(lua, libraries[i].open);
        lua_call(lua, 0, 1);
        lua_setglobal(lua, libraries[i].name);
    }
    script_api_open(lua);
}

struct script_state *script_state_create(struct core *core, void (*open_more)(lua_State *lua))
{
    struct memory nobody = {0};
    struct script_state *state = (struct script_state *)memory_alloc_account(&nobody, sizeof *state);

    memory_move_account(&state->memory, NULL); /* an account of its own: Lua allocates often */
    state->limit_bytes = state->collect_above = SIZE_MAX;
    state->random = &core->script_random;
    buffer_init(&state->reply, &state->memory, NULL, 0);
    buffer_init(&state->numbers, &state->memory, NULL, 0);
    state->lua = lua_newstate(allocate, state);
    ASSERT(state->lua);
    lua_atpanic(state->lua, panic);
    keep_words(state);
    open_libraries(state->lua);
    if (open_more)
        open_more(state->lua);
    script_sandbox_close(state->lua);
    state->globals = luaL_ref(state->lua, LUA_REGISTRYINDEX);
    script_run_prepare(state);
    return state;
}

void script_state_destroy(struct script_state *state)
{
    if (!state)
        return;
    ASSERT(!state->run);
    lua_close(state->lua);
    buffer_deinit(&state->reply);
    buffer_deinit(&state->numbers);
    memory_free(&state->memory, state->argv);
    memory_free(&state->memory, state);
}

size_t script_state_bytes(const struct script_state *state)
{
    return state ? state->memory.used_bytes : 0;
}
