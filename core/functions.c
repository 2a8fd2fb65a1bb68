#include "core/functions.h"

#include <ctype.h>

#include "core/assert.h"
#include "core/hash.h"

enum { HASHED_MOST = 128 };

/* Of its beginning, whatever the case of its letters. */
static uint64_t hash_of_name(struct str name)
{
    char lower[HASHED_MOST];
    size_t length = name.length < HASHED_MOST ? name.length : HASHED_MOST;

    for (size_t i = 0; i < length; i++)
        lower[i] = (char)tolower((unsigned char)name.bytes[i]);
    return hash_keyed((struct str){lower, length});
}

static uint64_t hash_of_function(const void *item)
{
    return hash_of_name(((const struct function *)item)->name);
}

void functions_init(struct functions *functions)
{
    *functions = (struct functions){0};
    memory_init(&functions->memory, NULL);
    table_init(&functions->table, &functions->memory, hash_of_function);
}

void functions_deinit(struct functions *functions)
{
    functions_clear(functions);
    table_deinit(&functions->table);
    memory_free(&functions->memory, functions->outdated);
    functions->outdated = NULL;
    functions->outdated_count = 0;
}

struct function *functions_find(const struct functions *functions, struct str name)
{
    struct table_probe probe = table_probe(&functions->table, hash_of_name(name));
    struct function *function;

    while ((function = table_probe_next(&probe)) != NULL) {
        if (str_equal_nocase(name, function->name.bytes))
            return function;
    }
    return NULL;
}

struct function_library *functions_find_library(const struct functions *functions, struct str name)
{
    struct function_library *library = functions->first;

    while (library && !str_equal(library->name, name))
        library = library->next;
    return library;
}

/* A library on its own. */

struct function_library *function_library_create(struct functions *functions, struct str name, struct str code,
                                                 size_t body_at)
{
    struct function_library *library =
        memory_alloc_zeroed(&functions->memory, sizeof *library + name.length + code.length);

    ASSERT(body_at <= code.length);
    library->body_at = body_at;
    library->name = (struct str){library->text, name.length};
    library->code = (struct str){library->text + name.length, code.length};
    str_copy(library->text, name);
    str_copy(library->text + name.length, code);
    return library;
}

struct function *function_library_add(struct functions *functions, struct function_library *library, struct str name,
                                      struct str description, uint32_t flags)
{
    size_t text_bytes = name.length + 1 + description.length;
    struct function *function = memory_alloc_zeroed(&functions->memory, sizeof *function + text_bytes);

    function->library = library;
    function->flags = flags;
    function->reference = FUNCTION_NOT_COMPILED;
    function->is_described = description.bytes != NULL;
    function->name = (struct str){function->text, name.length};
    function->description = (struct str){function->text + name.length + 1, description.length};
    str_copy(function->text, name);
    if (description.length > 0)
        str_copy(function->text + name.length + 1, description);
    *(library->last ? &library->last->next : &library->first) = function;
    library->last = function;
    library->function_count++;
    return function;
}

struct function *function_library_find(const struct function_library *library, struct str name)
{
    struct function *function = library->first;

    while (function && !str_equal_nocase(name, function->name.bytes))
        function = function->next;
    return function;
}

/* Together. */

void functions_join(struct functions *functions, struct function_library *library)
{
    ASSERT(!library->next && library->first);
    for (struct function *function = library->first; function; function = function->next)
        table_insert(&functions->table, hash_of_function(function), function);
    *(functions->last ? &functions->last->next : &functions->first) = library;
    functions->last = library;
    functions->library_count++;
}

struct function_library *functions_join_copy(struct functions *functions, const struct function_library *library)
{
    struct function_library *copy = function_library_create(functions, library->name, library->code, library->body_at);

    for (const struct function *function = library->first; function; function = function->next) {
        struct str description = function->is_described ? function->description : (struct str){NULL, 0};

        function_library_add(functions, copy, function->name, description, function->flags);
    }
    functions_join(functions, copy);
    return copy;
}

static void note_outdated(struct functions *functions, int reference)
{
    size_t count = (size_t)functions->outdated_count++;

    functions->outdated =
        memory_resize(&functions->memory, functions->outdated, (count + 1) * sizeof *functions->outdated);
    functions->outdated[count] = reference;
}

void functions_free(struct functions *functions, struct function_library *library)
{
    struct function *function = library->first;

    while (function) {
        struct function *next = function->next;

        if (function->reference != FUNCTION_NOT_COMPILED)
            note_outdated(functions, function->reference);
        memory_free(&functions->memory, function);
        function = next;
    }
    memory_free(&functions->memory, library);
}

static void unlink_function(struct functions *functions, const struct function *function)
{
    struct table_probe probe = table_probe(&functions->table, hash_of_function(function));

    while (table_probe_next(&probe) != function)
        ;
    table_probe_remove(&functions->table, &probe);
}

void functions_remove(struct functions *functions, struct function_library *library)
{
    struct function_library **link = &functions->first, *before = NULL;

    for (const struct function *function = library->first; function; function = function->next)
        unlink_function(functions, function);
    for (; *link != library; link = &before->next)
        before = *link;
    *link = library->next;
    if (functions->last == library)
        functions->last = before;
    functions->library_count--;
    functions_free(functions, library);
}

void functions_clear(struct functions *functions)
{
    while (functions->first)
        functions_remove(functions, functions->first);
}

int functions_take_outdated(struct functions *functions)
{
    return functions->outdated_count > 0 ? functions->outdated[--functions->outdated_count] : FUNCTION_NOT_COMPILED;
}

void functions_forget_compiled(struct functions *functions)
{
    functions->outdated_count = 0;
    for (struct function_library *library = functions->first; library; library = library->next) {
        library->is_compiled = false;
        for (struct function *function = library->first; function; function = function->next)
            function->reference = FUNCTION_NOT_COMPILED;
    }
}
