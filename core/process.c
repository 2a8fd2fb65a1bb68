#include "core/process.h"

#include <errno.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "core/assert.h"

/* The second number of /proc/self/statm counts resident pages. */
static size_t read_resident_bytes(void)
{
    unsigned long long total, resident = 0;
    FILE *file = fopen("/proc/self/statm", "re");

    if (!file)
        return 0;
    if (fscanf(file, "%llu %llu", &total, &resident) != 2)
        resident = 0;
    fclose(file);
    return (size_t)resident * (size_t)sysconf(_SC_PAGESIZE);
}

static int64_t microseconds(struct timeval time)
{
    return (int64_t)time.tv_sec * 1000000 + time.tv_usec;
}

static struct process_cpu read_cpu(int who)
{
    struct rusage usage = {0};

    getrusage(who, &usage);
    return (struct process_cpu){microseconds(usage.ru_utime), microseconds(usage.ru_stime)};
}

void process_usage_read(struct process_usage *usage)
{
    usage->resident_bytes = read_resident_bytes();
    usage->machine_bytes = (size_t)sysconf(_SC_PHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE);
    usage->own = read_cpu(RUSAGE_SELF);
    usage->children = read_cpu(RUSAGE_CHILDREN);
    usage->thread = read_cpu(RUSAGE_THREAD);
}

void process_system_name(char *text, size_t bytes)
{
    struct utsname name;

    if (uname(&name) != 0)
        snprintf(text, bytes, "unknown");
    else
        snprintf(text, bytes, "%s %s %s", name.sysname, name.release, name.machine);
}

void process_random(uint8_t *bytes, size_t count)
{
    while (count > 0) {
        ssize_t got = getrandom(bytes, count, 0);

        ASSERT(got > 0 || errno == EINTR); /* there is no other way to fail, see getrandom(2) */
        if (got > 0) {
            bytes += got;
            count -= (size_t)got;
        }
    }
}

enum { DESCRIPTORS_RESERVED = 512 }; /* files, rings and the like beside the clients */

/* Above the hard limit, which only a privileged process may raise, what will be granted is found by halving. */
static rlim_t raise_open_files(rlim_t wanted)
{
    struct rlimit limit;
    rlim_t granted, refused = wanted + 1;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
        return wanted;
    granted = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
    if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
        granted = limit.rlim_cur;
    for (rlim_t tried = wanted; granted + 1 < refused; tried = granted + (refused - granted) / 2) {
        if (setrlimit(RLIMIT_NOFILE, &(struct rlimit){tried, tried}) == 0)
            granted = tried;
        else
            refused = tried;
    }
    return granted;
}

int process_make_room(int clients)
{
    rlim_t granted = raise_open_files((rlim_t)clients + DESCRIPTORS_RESERVED);

    return granted > DESCRIPTORS_RESERVED ? (int)(granted - DESCRIPTORS_RESERVED) : 1;
}
