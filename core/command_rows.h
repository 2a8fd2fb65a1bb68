/* How the files command_table_GROUP.c state their rows; command_table.c puts
 * them together. For these files only. */
#ifndef CORE_COMMAND_ROWS_H
#define CORE_COMMAND_ROWS_H

#include "core/command.h"

/* Each group's rows, sorted by name, end with a NULL name. */
extern const struct command command_rows_string[], command_rows_generic[], command_rows_connection[],
    command_rows_server[], command_rows_list[], command_rows_hash[], command_rows_set[], command_rows_sorted_set[],
    command_rows_bitmap[], command_rows_hyperloglog[], command_rows_geo[], command_rows_stream[],
    command_rows_scripting[], command_rows_transactions[], command_rows_pubsub[], command_rows_cluster[];

/* Key specifications. `last` is relative to the first key, negative from the end. What follows the flags is stated
 * besides (.notes = …). */
#define KEY_RANGE(at, last_key, every, ...)                                                                            \
    {                                                                                                                  \
        .begin = KEY_BEGIN_INDEX, .find = KEY_FIND_RANGE, .index = at, .last = last_key, .step = every,                \
        .flags = __VA_ARGS__                                                                                           \
    }
#define KEY_AT(at, ...) KEY_RANGE(at, 0, 1, __VA_ARGS__)
#define KEYS_FROM(at, every, ...) KEY_RANGE(at, -1, every, __VA_ARGS__)
/* The number of keys is at `at`, the keys follow it. */
#define KEYS_COUNTED(at, every, ...)                                                                                   \
    {                                                                                                                  \
        .begin = KEY_BEGIN_INDEX, .find = KEY_FIND_KEYNUM, .index = at, .first_at = 1, .step = every,                  \
        .flags = __VA_ARGS__                                                                                           \
    }
/* One key behind the word, which is looked for from `from` on. */
#define KEY_BEHIND(word, from, key_flags)                                                                              \
    {                                                                                                                  \
        .flags = key_flags, .begin = KEY_BEGIN_KEYWORD, .find = KEY_FIND_RANGE, .keyword = word, .index = from,        \
        .step = 1                                                                                                      \
    }
/* Keys that the command's find_keys finds, or that nothing can. */
#define KEYS_UNKNOWN(...)                                                                                              \
    {                                                                                                                  \
        .begin = KEY_BEGIN_UNKNOWN, .find = KEY_FIND_UNKNOWN, .flags = __VA_ARGS__                                     \
    }

#endif
