/* What COMMAND DOCS says about one command. */
#ifndef CORE_COMMAND_DOCS_H
#define CORE_COMMAND_DOCS_H

struct command;
struct reply;

/* A map, with the arguments and the subcommands in it. */
void command_docs(const struct command *command, struct reply *reply);

#endif
