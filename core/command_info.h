/* What COMMAND INFO says about one command, and the names of flags and categories. */
#ifndef CORE_COMMAND_INFO_H
#define CORE_COMMAND_INFO_H

#include <stdint.h>

#include "core/str.h"

struct command;
struct reply;

/* An array of ten; subcommands are arrays in it. */
void command_info(const struct command *command, struct reply *reply);

/* A set of the names of enum key_flag. */
void command_key_flags(uint16_t flags, struct reply *reply);

/* An array of the names of enum command_category, without '@'. */
void command_category_names(struct reply *reply);
/* The bit of enum command_category that is called so, without '@'; 0: none. */
uint32_t command_category_named(struct str name);

#endif
