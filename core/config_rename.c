/* rename-command: kept with the settings as lines of two quoted words, in the
 * order in which they were given, until the command table gets them. */
#include <stdio.h>

#include "core/command.h"
#include "core/config_file.h"
#include "core/config_table.h"
#include "core/words.h"

static bool set_rename(struct config *config, const struct config_row *row, const struct str *words, int count,
                       bool fresh, struct config_problem *problem)
{
    struct buffer text;

    if (count != 2) {
        config_problem_set(problem, "wrong number of arguments");
        return false;
    }
    buffer_init(&text, &config->memory, NULL, 0);
    if (!fresh)
        buffer_append_str(&text, str_from(config_load_text(config, row)));
    for (int i = 0; i < count; i++) {
        config_append_quoted(&text, words[i]);
        buffer_append(&text, i == 0 ? " " : "\n", 1);
    }
    config_store_text(config, row, buffer_str(&text));
    buffer_deinit(&text);
    return true;
}

const struct config_kind config_kind_rename = {.many_words = true, .set = set_rename};

/* scratch: room for the line. */
static bool rename_by_line(struct str line, char *scratch, char *error, size_t error_bytes)
{
    struct words split = {.at = line.bytes, .end = line.bytes + line.length, .out = scratch};
    struct str from = STR(""), to = STR("");
    const char *problem;

    words_next(&split, &from);
    words_next(&split, &to);
    problem = command_rename(from, to);
    if (problem)
        snprintf(error, error_bytes, "'rename-command %.*s': %s", line.length < 120 ? (int)line.length : 120,
                 line.bytes, problem);
    return !problem;
}

bool config_rename_commands(const struct config *config, char *error, size_t error_bytes)
{
    const char *name;
    struct str text = str_from(config_load_text(config, config_row_find(STR("rename-command"), &name))), line;
    struct memory memory = {0};
    char *scratch = memory_alloc(&memory, text.length + 1);
    bool renamed = true;

    while (renamed && config_file_line(&text, &line))
        renamed = rename_by_line(line, scratch, error, error_bytes);
    memory_free(&memory, scratch);
    return renamed;
}
