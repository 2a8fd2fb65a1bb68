/* Commands of all types drawn by lot, and keys of all types and sizes for them to change. */
#ifndef TESTS_SUPPORT_RANDOM_COMMANDS_H
#define TESTS_SUPPORT_RANDOM_COMMANDS_H

#include <stdint.h>

enum { RANDOM_COMMAND_BYTES = 4096 };

void random_commands_seed(uint64_t seed);
/* One that writes, in database 0, to be run at that time. */
void random_command(char line[static RANDOM_COMMAND_BYTES], int64_t now_ms);
/* Of a template, in which lower-case letters and W, alone between blanks or signs, are drawn: k key, m member or field,
 * v value, W large value, n small number, i index, s score, e end, t deadline to come, x stream ID. */
void random_command_of(char line[static RANDOM_COMMAND_BYTES], const char *template, int64_t now_ms);
/* Gives run what makes the keys, small ones and large ones. */
void random_commands_fill(void (*run)(const char *line), int64_t now_ms);

#endif
