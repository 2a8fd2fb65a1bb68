/* The text of INFO, section by section, with Redis's field names in Redis's
 * order. Fields of what is not here yet have the value that says so. */
#ifndef CORE_INFO_SECTIONS_H
#define CORE_INFO_SECTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct buffer;
struct core;
struct info;

struct info_report {
    struct buffer *text;
    const struct info *info;
    const struct core *core; /* of the shard that answers: settings and facts */
    int64_t now_ms;
};

struct info_section {
    const char *name;
    bool by_default;
    void (*write)(const struct info_report *report);
    bool needs_commands; /* the command_stats of all shards */
};

/* Those, see info_commands.c. */
void info_write_commandstats(const struct info_report *report);
void info_write_errorstats(const struct info_report *report);
void info_write_latencystats(const struct info_report *report);

/* In the order in which they are written; ends with a NULL name. */
extern const struct info_section info_sections[];

#endif
