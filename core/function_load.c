#include "core/function_load.h"

#include <string.h>

#include "core/core.h"
#include "core/function_register.h"
#include "core/resp_write.h"
#include "core/script_run.h"
#include "core/script_state.h"
#include "core/words.h"

static const char CHUNK_NAME[] = "@user_function";

/* The first line. */

struct metadata {
    struct str engine, name; /* name.bytes NULL: not given */
};

static bool refuse(struct reply *reply, const char *what, struct str text)
{
    reply_error_format(reply, what, str_quoted_length(text), text.bytes);
    return false;
}

/* "name=mylib", the only thing that there is to say. */
static bool read_option(struct str word, struct metadata *metadata, struct reply *reply)
{
    struct str prefix = STR("name=");

    if (word.length < prefix.length || !str_equal_nocase((struct str){word.bytes, prefix.length}, prefix.bytes))
        return refuse(reply, "ERR Invalid metadata value given: %.*s", word);
    if (metadata->name.bytes) {
        reply_error(reply, "ERR Invalid metadata value, name argument was given multiple times");
        return false;
    }
    metadata->name = (struct str){word.bytes + prefix.length, word.length - prefix.length};
    return true;
}

/* line: "#!lua ...". room: for as many bytes as it has. */
static bool read_line(struct str line, char *room, struct metadata *metadata, struct reply *reply)
{
    struct words words = {line.bytes, line.bytes + line.length, room};
    struct str word;
    enum words_status status = words_next(&words, &word);

    if (status == WORDS_NEXT)
        metadata->engine = (struct str){word.bytes + 2, word.length - 2};
    while (status == WORDS_NEXT && (status = words_next(&words, &word)) == WORDS_NEXT) {
        if (!read_option(word, metadata, reply))
            return false;
    }
    if (status == WORDS_UNBALANCED)
        reply_error(reply, "ERR Invalid library metadata");
    return status == WORDS_END;
}

static bool check(const struct metadata *metadata, struct reply *reply)
{
    if (!metadata->name.bytes) {
        reply_error(reply, "ERR Library name was not given");
        return false;
    }
    if (!function_name_is_valid(metadata->name)) {
        reply_error_format(reply, "ERR %s", FUNCTION_NAME_INVALID);
        return false;
    }
    if (!str_equal_nocase(metadata->engine, "lua"))
        return refuse(reply, "ERR Engine '%.*s' not found", metadata->engine);
    return true;
}

struct function_library *function_library_read(struct functions *functions, struct str code, struct reply *reply)
{
    struct metadata metadata = {0};
    struct function_library *library = NULL;

    if (code.length < 2 || memcmp(code.bytes, "#!", 2) != 0) {
        reply_error(reply, "ERR Missing library metadata");
        return NULL;
    }
    const char *newline = memchr(code.bytes, '\n', code.length);
    if (!newline || memchr(code.bytes, '\0', (size_t)(newline - code.bytes))) {
        reply_error(reply, "ERR Invalid library metadata");
        return NULL;
    }
    struct str line = {code.bytes, (size_t)(newline - code.bytes)};
    char *room = memory_alloc(&functions->memory, line.length);
    if (read_line(line, room, &metadata, reply) && check(&metadata, reply))
        library = function_library_create(functions, metadata.name, code, line.length);
    memory_free(&functions->memory, room);
    return library;
}

/* The rest. */

struct script_state *function_state(struct core *core)
{
    if (!core->function_state) {
        core->function_state = script_state_create(core, function_register_prepare);
        function_register_open(core->function_state);
    }
    return core->function_state;
}

static void release_outdated(struct script_state *state, struct functions *functions)
{
    int reference;

    while ((reference = functions_take_outdated(functions)) != FUNCTION_NOT_COMPILED)
        function_register_release(state, reference);
}

/* Compiles and runs; whether all went well. */
static bool run(struct core *core, struct function_register *target, struct reply *reply)
{
    struct script_state *state = function_state(core);
    struct function_library *library = target->library;
    struct str body = {library->code.bytes + library->body_at, library->code.length - library->body_at};
    bool done = false;

    release_outdated(state, &core->functions);
    state->limit_bytes = script_memory_limit(&core->config);
    if (!script_compile(state->lua, body, CHUNK_NAME))
        reply_error_format(reply, "ERR Error compiling function: %s", lua_tostring(state->lua, -1));
    else if (!(done = function_register_run(state, target)))
        reply_error_format(reply, "ERR Error registering functions: %s", lua_tostring(state->lua, -1));
    state->limit_bytes = SIZE_MAX;
    if (!done) {
        lua_pop(state->lua, 1);
        lua_gc(state->lua, LUA_GCCOLLECT, 0); /* the next one shall not lack what this one has left */
    }
    library->is_compiled = done;
    return done;
}

/* It was cut short: some of its functions have been compiled. */
static void release_compiled(struct script_state *state, struct function_library *library)
{
    for (struct function *function = library->first; function; function = function->next) {
        if (function->reference != FUNCTION_NOT_COMPILED)
            function_register_release(state, function->reference);
        function->reference = FUNCTION_NOT_COMPILED;
    }
}

bool function_library_run(struct core *core, struct functions *functions, struct function_library *library,
                          struct reply *reply)
{
    struct function_register target = {.functions = functions, .library = library};

    if (!run(core, &target, reply))
        return false;
    if (!library->first)
        reply_error(reply, "ERR No functions registered");
    return library->first != NULL;
}

bool function_library_compile(struct core *core, struct function_library *library, struct reply *reply)
{
    struct function_register target = {.functions = NULL, .library = library};

    if (library->is_compiled || run(core, &target, reply))
        return true;
    release_compiled(core->function_state, library);
    return false;
}
