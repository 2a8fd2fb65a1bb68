/* FUNCTION, FCALL and FCALL_RO.
 *
 * LOAD and RESTORE run over all shards at once: the executor runs the libraries'
 * code in its own Lua and, if all is well, gives every shard a copy. The others
 * compile theirs when they first need it. DELETE and FLUSH run on each shard. */
#include <lauxlib.h>

#include "core/args.h"
#include "core/call.h"
#include "core/effects.h"
#include "core/function_dump.h"
#include "core/function_load.h"
#include "core/function_register.h"
#include "core/handlers.h"
#include "core/number.h"
#include "core/script_run.h"
#include "core/script_shebang.h"
#include "core/str.h"

/* All shards' functions, this one's among them. */
struct everybody {
    struct functions *own;
    struct functions *const *all;
    int count;
};

static struct everybody everybody(struct call *call)
{
    struct functions *const *all = call->reach ? call->reach->functions : NULL;

    return (struct everybody){&call->core->functions, all, all ? call->reach->keyspace_count : 1};
}

static struct functions *functions_of(const struct everybody *everybody, int i)
{
    return everybody->all ? everybody->all[i] : everybody->own;
}

/* Taking in. */

/* What has been compiled of the library, here, is from now on its copy's. */
static void hand_over(struct function_library *copy, struct function_library *library)
{
    copy->is_compiled = true;
    for (struct function *from = library->first, *to = copy->first; from; from = from->next, to = to->next) {
        to->reference = from->reference;
        from->reference = FUNCTION_NOT_COMPILED;
    }
}

/* Every shard gets a copy of each, in place of one of the same name. */
static void take_in(struct call *call, struct functions *loaded)
{
    struct everybody shards = everybody(call);

    for (struct function_library *library = loaded->first; library; library = library->next) {
        for (int i = 0; i < shards.count; i++) {
            struct functions *functions = functions_of(&shards, i);
            struct function_library *old = functions_find_library(functions, library->name);

            if (old)
                functions_remove(functions, old);
            struct function_library *copy = functions_join_copy(functions, library);
            if (functions == shards.own)
                hand_over(copy, library);
        }
    }
}

/* What was compiled and is not taken in goes. */
static void drop_loaded(struct call *call, struct functions *loaded)
{
    int reference;

    functions_clear(loaded);
    while ((reference = functions_take_outdated(loaded)) != FUNCTION_NOT_COMPILED)
        function_register_release(call->core->function_state, reference);
    functions_deinit(loaded);
}

/* Whether none of its functions has the name of another one, among those that stay; else the error has been written. */
static bool fits(const struct functions *functions, const struct functions *replacing,
                 const struct function_library *library, struct reply *reply)
{
    for (const struct function *function = library->first; function; function = function->next) {
        const struct function *other = functions_find(functions, function->name);

        if (other && !(replacing && functions_find_library(replacing, other->library->name))) {
            reply_error_format(reply, "ERR Function %s already exists", function->name.bytes);
            return false;
        }
    }
    return true;
}

/* LOAD. */

static bool is_taken(const struct functions *functions, const struct function_library *library, struct reply *reply)
{
    if (!functions_find_library(functions, library->name))
        return false;
    reply_error_format(reply, "ERR Library '%.*s' already exists", str_shown_length(library->name),
                       library->name.bytes);
    return true;
}

/* Adds the library to those that are loaded, which it must fit. False: the error has been written. */
static bool load(struct call *call, struct functions *loaded, struct str code, bool may_replace)
{
    struct function_library *library = function_library_read(loaded, code, call->reply);

    if (!library)
        return false;
    if (is_taken(loaded, library, call->reply) ||
        (!may_replace && is_taken(&call->core->functions, library, call->reply)) ||
        !function_library_run(call->core, loaded, library, call->reply) || !fits(loaded, NULL, library, call->reply)) {
        functions_free(loaded, library);
        return false;
    }
    functions_join(loaded, library);
    return true;
}

void cmd_function_load(struct call *call)
{
    struct functions loaded;
    bool replace = false;

    for (int i = 2; i < call->argc - 1; i++) {
        if (!arg_is(call->argv[i], "replace")) {
            reply_error_format(call->reply, "ERR Unknown option given: %.*s", str_quoted_length(call->argv[i]),
                               call->argv[i].bytes);
            return;
        }
        replace = true;
    }
    functions_init(&loaded);
    if (load(call, &loaded, call->argv[call->argc - 1], replace) &&
        fits(&call->core->functions, &loaded, loaded.first, call->reply)) {
        take_in(call, &loaded);
        call_record_everywhere(
            call, (const struct str[]){STR("FUNCTION"), STR("LOAD"), STR("REPLACE"), call->argv[call->argc - 1]}, 4);
        reply_bulk(call->reply, loaded.first->name);
    }
    drop_loaded(call, &loaded);
}

/* DUMP and RESTORE. */

void cmd_function_dump(struct call *call)
{
    struct buffer payload;
    struct rdb_writer writer = {&payload, call->core->config.rdbcompression};

    buffer_init(&payload, &call->core->memory, NULL, 0);
    function_dump_write(&writer, &call->core->functions);
    reply_bulk(call->reply, buffer_str(&payload));
    buffer_deinit(&payload);
}

enum policy { POLICY_APPEND, POLICY_REPLACE, POLICY_FLUSH };

static bool read_policy(struct call *call, enum policy *policy)
{
    *policy = POLICY_APPEND;
    if (call->argc > 4) {
        reply_error_format(call->reply,
                           "ERR unknown subcommand or wrong number of arguments for '%.*s'. Try FUNCTION HELP.",
                           str_quoted_length(call->argv[1]), call->argv[1].bytes);
        return false;
    }
    if (call->argc < 4 || arg_is(call->argv[3], "append"))
        return true;
    *policy = arg_is(call->argv[3], "flush") ? POLICY_FLUSH : POLICY_REPLACE;
    if (*policy == POLICY_FLUSH || arg_is(call->argv[3], "replace"))
        return true;
    reply_error(call->reply, "ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.");
    return false;
}

static bool load_payload(struct call *call, struct functions *loaded)
{
    struct function_dump_reader reader;
    struct str code;
    bool loads = true;

    if (!function_dump_open(&reader, call->argv[2], &loaded->memory, &call->core->config)) {
        reply_error(call->reply, "ERR DUMP payload version or checksum are wrong");
        return false;
    }
    while (loads && function_dump_next(&reader, &code))
        loads = load(call, loaded, code, true);
    if (reader.wrong)
        reply_error_format(call->reply, "ERR %s", reader.wrong);
    function_dump_close(&reader);
    return loads && !reader.wrong;
}

/* Whether those that are loaded fit those that are there. */
static bool may_join(struct call *call, const struct functions *loaded, enum policy policy)
{
    const struct functions *own = &call->core->functions;

    if (policy == POLICY_FLUSH)
        return true;
    for (const struct function_library *library = loaded->first; library; library = library->next) {
        if (policy == POLICY_APPEND && functions_find_library(own, library->name)) {
            reply_error_format(call->reply, "ERR Library %.*s already exists", str_shown_length(library->name),
                               library->name.bytes);
            return false;
        }
    }
    for (const struct function_library *library = loaded->first; library; library = library->next) {
        if (!fits(own, loaded, library, call->reply))
            return false;
    }
    return true;
}

static void flush_everybody(struct call *call)
{
    struct everybody shards = everybody(call);

    for (int i = 0; i < shards.count; i++)
        functions_clear(functions_of(&shards, i));
}

/* As each shard's journal has it, it may be done several times. */
static void record_restore(const struct call *call, enum policy policy)
{
    struct str argv[] = {STR("FUNCTION"), STR("RESTORE"), call->argv[2],
                         policy == POLICY_FLUSH ? STR("FLUSH") : STR("REPLACE")};

    call_record_everywhere(call, argv, 4);
}

void cmd_function_restore(struct call *call)
{
    struct functions loaded;
    enum policy policy;

    if (!read_policy(call, &policy))
        return;
    functions_init(&loaded);
    if (load_payload(call, &loaded) && may_join(call, &loaded, policy)) {
        if (policy == POLICY_FLUSH)
            flush_everybody(call);
        take_in(call, &loaded);
        record_restore(call, policy);
        reply_ok(call->reply);
    }
    drop_loaded(call, &loaded);
}

/* On each shard. */

void cmd_function_delete(struct call *call)
{
    struct functions *functions = &call->core->functions;
    struct function_library *library = functions_find_library(functions, call->argv[2]);

    if (!library) {
        reply_error(call->reply, "ERR Library not found");
        return;
    }
    functions_remove(functions, library);
    call_record_part(call, JOURNAL_NO_DATABASE);
    reply_ok(call->reply);
}

/* With the functions all that they have left in Lua goes. */
void cmd_function_flush(struct call *call)
{
    struct core *core = call->core;

    if (call->argc > 3) {
        reply_error_format(call->reply,
                           "ERR unknown subcommand or wrong number of arguments for '%.*s'. Try FUNCTION HELP.",
                           str_quoted_length(call->argv[1]), call->argv[1].bytes);
        return;
    }
    if (call->argc == 3 && !arg_is(call->argv[2], "sync") && !arg_is(call->argv[2], "async")) {
        reply_error(call->reply, "ERR FUNCTION FLUSH only supports SYNC|ASYNC option");
        return;
    }
    if (core->functions.first)
        call_record_part(call, JOURNAL_NO_DATABASE);
    functions_clear(&core->functions);
    functions_forget_compiled(&core->functions);
    script_state_destroy(core->function_state);
    core->function_state = NULL;
    reply_ok(call->reply);
}

/* Looking. */

static void reply_flags(struct reply *reply, uint32_t flags)
{
    reply_set(reply, __builtin_popcount(flags));
    for (; flags; flags &= flags - 1)
        reply_simple(reply, script_flag_name(flags & -flags));
}

static void reply_function(struct reply *reply, const struct function *function)
{
    reply_map(reply, 3);
    reply_bulk(reply, STR("name"));
    reply_bulk(reply, function->name);
    reply_bulk(reply, STR("description"));
    if (function->is_described)
        reply_bulk(reply, function->description);
    else
        reply_null(reply);
    reply_bulk(reply, STR("flags"));
    reply_flags(reply, function->flags);
}

static void reply_library(struct reply *reply, const struct function_library *library, bool with_code)
{
    reply_map(reply, with_code ? 4 : 3);
    reply_bulk(reply, STR("library_name"));
    reply_bulk(reply, library->name);
    reply_bulk(reply, STR("engine"));
    reply_bulk(reply, STR("LUA"));
    reply_bulk(reply, STR("functions"));
    reply_array(reply, (int64_t)library->function_count);
    for (const struct function *function = library->first; function; function = function->next)
        reply_function(reply, function);
    if (with_code) {
        reply_bulk(reply, STR("library_code"));
        reply_bulk(reply, library->code);
    }
}

struct list_options {
    struct str pattern; /* bytes NULL: all */
    bool with_code;
};

static bool read_list_options(struct call *call, struct list_options *options)
{
    *options = (struct list_options){0};
    for (int i = 2; i < call->argc; i++) {
        struct str option = call->argv[i];

        if (!options->with_code && arg_is(option, "withcode")) {
            options->with_code = true;
        } else if (!options->pattern.bytes && arg_is(option, "libraryname")) {
            if (++i == call->argc) {
                reply_error(call->reply, "ERR library name argument was not given");
                return false;
            }
            options->pattern = call->argv[i];
        } else {
            reply_error_format(call->reply, "ERR Unknown argument %.*s", str_quoted_length(option), option.bytes);
            return false;
        }
    }
    return true;
}

void cmd_function_list(struct call *call)
{
    const struct functions *functions = &call->core->functions;
    struct list_options options;
    int64_t count = 0;

    if (!read_list_options(call, &options))
        return;
    size_t mark = reply_mark(call->reply);
    for (const struct function_library *library = functions->first; library; library = library->next) {
        if (options.pattern.bytes && !str_glob_match(options.pattern, library->name, true))
            continue;
        reply_library(call->reply, library, options.with_code);
        count++;
    }
    reply_array_at(call->reply, mark, count);
}

/* What runs on this shard while it answers. */
static const struct script_run *running(const struct script_state *state)
{
    return state ? state->run : NULL;
}

static void reply_running(struct call *call, const struct script_run *run)
{
    struct reply *reply = call->reply;

    reply_map(reply, 3);
    reply_bulk(reply, STR("name"));
    reply_bulk(reply, str_from(run->name));
    reply_bulk(reply, STR("command"));
    reply_array(reply, run->call->argc);
    for (int i = 0; i < run->call->argc; i++)
        reply_bulk(reply, run->call->argv[i]);
    reply_bulk(reply, STR("duration_ms"));
    reply_integer(reply, call->now_ms - run->call->now_ms);
}

void cmd_function_stats(struct call *call)
{
    const struct functions *functions = &call->core->functions;
    const struct script_run *run = running(call->core->function_state);

    if (running(call->core->script_state)) {
        reply_error(call->reply,
                    "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.");
        return;
    }
    reply_map(call->reply, 2);
    reply_bulk(call->reply, STR("running_script"));
    if (run)
        reply_running(call, run);
    else
        reply_null(call->reply);
    reply_bulk(call->reply, STR("engines"));
    reply_map(call->reply, 1);
    reply_bulk(call->reply, STR("LUA"));
    reply_map(call->reply, 2);
    reply_bulk(call->reply, STR("libraries_count"));
    reply_integer(call->reply, (int64_t)functions->library_count);
    reply_bulk(call->reply, STR("functions_count"));
    reply_integer(call->reply, (int64_t)functions->table.count);
}

void cmd_function_kill(struct call *call)
{
    script_kill(call, true);
}

void cmd_function_help(struct call *call)
{
    static const char *const lines[] = {
        "LOAD [REPLACE] <FUNCTION CODE>",
        "    Create a new library with the given library name and code.",
        "DELETE <LIBRARY NAME>",
        "    Delete the given library.",
        "LIST [LIBRARYNAME PATTERN] [WITHCODE]",
        "    Return general information on all the libraries:",
        "    * Library name",
        "    * The engine used to run the Library",
        "    * Library description",
        "    * Functions list",
        "    * Library code (if WITHCODE is given)",
        "    It also possible to get only function that matches a pattern using LIBRARYNAME argument.",
        "STATS",
        "    Return information about the current function running:",
        "    * Function name",
        "    * Command used to run the function",
        "    * Duration in MS that the function is running",
        "    If no function is running, return nil",
        "    In addition, returns a list of available engines.",
        "KILL",
        "    Kill the current running function.",
        "FLUSH [ASYNC|SYNC]",
        "    Delete all the libraries.",
        "    When called without the optional mode argument, the behavior is determined by the",
        "    lazyfree-lazy-user-flush configuration directive. Valid modes are:",
        "    * ASYNC: Asynchronously flush the libraries.",
        "    * SYNC: Synchronously flush the libraries.",
        "DUMP",
        "    Return a serialized payload representing the current libraries, can be restored using FUNCTION RESTORE "
        "command",
        "RESTORE <PAYLOAD> [FLUSH|APPEND|REPLACE]",
        "    Restore the libraries represented by the given payload, it is possible to give a restore policy to",
        "    control how to handle existing libraries (default APPEND):",
        "    * FLUSH: delete all existing libraries.",
        "    * APPEND: appends the restored libraries to the existing libraries. On collision, abort.",
        "    * REPLACE: appends the restored libraries to the existing libraries, On collision, replace the old",
        "      libraries with the new libraries (notice that even on this option there is a chance of failure",
        "      in case of functions name collision with another library).",
        NULL,
    };

    args_help(call, lines);
}

/* FCALL. */

static bool count_keys(struct call *call, int *keys)
{
    int64_t count;

    if (!number_parse_integer(call->argv[2], &count)) {
        reply_error(call->reply, "ERR Bad number of keys provided");
        return false;
    }
    if (count > call->argc - 3)
        reply_error(call->reply, "ERR Number of keys can't be greater than number of args");
    else if (count < 0)
        reply_error(call->reply, "ERR Number of keys can't be negative");
    *keys = (int)count;
    return count >= 0 && count <= call->argc - 3;
}

static void fcall(struct call *call, bool read_only)
{
    struct function *function = functions_find(&call->core->functions, call->argv[1]);
    struct script_run run;
    int keys;

    if (!function) {
        reply_error(call->reply, "ERR Function not found");
        return;
    }
    if (!count_keys(call, &keys) || !script_begin(&run, function->name.bytes, function->flags, read_only, call) ||
        !function_library_compile(call->core, function->library, call->reply))
        return;
    struct script_state *state = function_state(call->core);
    run.is_function = true;
    lua_rawgeti(state->lua, LUA_REGISTRYINDEX, function->reference);
    script_push_strings(state->lua, call->argv + 3, keys);
    script_push_strings(state->lua, call->argv + 3 + keys, call->argc - 3 - keys);
    script_run(state, &run, 2);
}

/* What a function may touch beyond its keys only its run tells. */
bool fcall_reaches_all(const struct str *argv, int argc)
{
    return true;
}

uint32_t fcall_declares(struct core *core, const struct str *argv)
{
    const struct function *function = functions_find(&core->functions, argv[1]);

    return function ? script_command_flags(function->flags) : 0;
}

void cmd_fcall(struct call *call)
{
    fcall(call, false);
}

void cmd_fcall_ro(struct call *call)
{
    fcall(call, true);
}
