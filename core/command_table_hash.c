/* The hash commands: rows of the command table, sorted by name. */
#include "core/command_rows.h"
#include "core/handlers.h"

#define GROUP .group = "hash"

const struct command command_rows_hash[] = {
    {.name = NULL},
};
