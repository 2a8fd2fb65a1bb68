/* A command's arguments, from the notation in its row to the tree that COMMAND
 * DOCS shows and from which redis-cli makes its hints.
 *
 *     name             a value; its type follows from the name, or is said: name:double
 *     WORD             a token, literally so; the values after it, if any, are its own
 *     [x]              may be left out
 *     <x y>            belongs together
 *     x | y            one of these, within brackets
 *     x y [x y ...]    at least once; [x ...] any number of times
 *     name:[x | y]     names the group, which else is called by its members: x_y
 *
 * The notation is our own text: what is wrong in it is asserted. Any thread. */
#ifndef CORE_COMMAND_SYNTAX_H
#define CORE_COMMAND_SYNTAX_H

#include <stdbool.h>

#include "core/str.h"

enum { SYNTAX_ARGUMENTS_MAX = 48, SYNTAX_TEXT_BYTES = 1024 };

enum syntax_type {
    SYNTAX_STRING,
    SYNTAX_INTEGER,
    SYNTAX_DOUBLE,
    SYNTAX_KEY,
    SYNTAX_PATTERN,
    SYNTAX_UNIX_TIME,
    SYNTAX_PURE_TOKEN,
    SYNTAX_ONEOF,
    SYNTAX_BLOCK,
};

struct syntax_argument {
    struct str name, token; /* token: empty when there is none */
    enum syntax_type type;
    bool optional, multiple, multiple_token;
    int key_number;     /* of a key: how many key arguments come before it */
    int first_child;    /* of a oneof or block; in arguments, -1: none */
    int next;           /* sibling; -1: none */
    const char *source; /* private: where it begins in the notation */
};

struct command_syntax {
    struct syntax_argument arguments[SYNTAX_ARGUMENTS_MAX];
    int count;
    int first;                    /* -1: no arguments */
    char text[SYNTAX_TEXT_BYTES]; /* names that are not in the notation */
    size_t text_length;
    int key_count;
};

/* Borrows the notation's bytes. NULL: no arguments. */
void command_syntax_parse(struct command_syntax *syntax, const char *notation);

const char *syntax_type_name(enum syntax_type type); /* "unix-time" */

#endif
