/* What the process takes from the machine, for INFO and MEMORY, and how many clients it may have there.
 *
 * The one place in core that asks the operating system: these figures are no
 * one's state, are wanted when a report is written, maxclients set or a password made and at no other time,
 * and no command's effect on data depends on them. Any thread. */
#ifndef CORE_PROCESS_H
#define CORE_PROCESS_H

#include <stddef.h>
#include <stdint.h>

struct process_cpu {
    int64_t user_us, system_us;
};

struct process_usage {
    size_t resident_bytes;
    size_t machine_bytes; /* of memory that the machine has */
    struct process_cpu own, children;
    struct process_cpu thread; /* the calling one */
};

void process_usage_read(struct process_usage *usage);

/* Each client takes a descriptor: raises the limit of open files, as far as the system allows, until so many clients
 * can connect. Returns how many can: `clients`, or fewer, but not less than 1. */
int process_make_room(int clients);

/* Fit for secrets. */
void process_random(uint8_t *bytes, size_t count);

/* "Linux 6.1.0 x86_64" */
void process_system_name(char *text, size_t bytes);

#endif
