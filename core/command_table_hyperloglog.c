/* The HyperLogLog commands: rows of the command table, sorted by name. */
#include "core/command_rows.h"
#include "core/handlers.h"

#define GROUP .group = "hyperloglog"

const struct command command_rows_hyperloglog[] = {
    {.name = NULL},
};
