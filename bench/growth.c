/* How long one client's commands may hold up all others while a value grows to
 * millions of members and is then deleted, without sockets.
 *
 * A hash, a set and a sorted set grow by a thousand members at a time, each
 * thousand timed. The growth is repeated, and of every thousand the fastest
 * time counts: what the machine did meanwhile hits another one each time, but
 * what the structures do, a directory doubled or a value converted, comes at
 * the same place in all of them. So with the steps in which the value is freed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/in_process.h"
#include "bench/measure.h"

enum { MEMBERS_AT_ONCE = 1000, MEMBERS_A_COMMAND = 10, ROUNDS = 4, REQUEST_BYTES = 128, RECLAIM_AT_ONCE = 1024 };

struct kind {
    const char *name, *command;
    bool has_score, has_value;
};

static const struct kind kinds[] = {
    {"hash", "HSET", false, true},
    {"set", "SADD", false, false},
    {"sorted set", "ZADD", true, false},
};

/* The least time of each step, over all rounds. */
struct steps {
    double *ns;
    size_t count, most;
};

static size_t write_bulk(char *to, const char *text)
{
    return (size_t)sprintf(to, "$%zu\r\n%s\r\n", strlen(text), text);
}

static size_t write_member(char *to, const struct kind *kind, size_t number)
{
    char text[32];
    size_t length = 0;

    if (kind->has_score) {
        snprintf(text, sizeof text, "%zu", number * 7919 % 1000000);
        length += write_bulk(to, text);
    }
    snprintf(text, sizeof text, "member:%09zu", number);
    length += write_bulk(to + length, text);
    if (kind->has_value)
        length += write_bulk(to + length, "value");
    return length;
}

static size_t write_commands(char *to, const struct kind *kind, size_t first)
{
    int arguments = 2 + MEMBERS_A_COMMAND * (1 + kind->has_score + kind->has_value);
    size_t length = 0;

    for (size_t number = first; number < first + MEMBERS_AT_ONCE; number++) {
        if (number % MEMBERS_A_COMMAND == 0)
            length += (size_t)sprintf(to + length, "*%d\r\n$4\r\n%s\r\n$3\r\nbig\r\n", arguments, kind->command);
        length += write_member(to + length, kind, number);
    }
    return length;
}

static void note(struct steps *steps, size_t at, double ns)
{
    ASSERT(at < steps->most);
    if (at == steps->count)
        steps->ns[steps->count++] = ns;
    else if (ns < steps->ns[at])
        steps->ns[at] = ns;
}

static void grow(struct engine *engine, const struct kind *kind, size_t members, struct steps *steps)
{
    static char requests[MEMBERS_AT_ONCE * REQUEST_BYTES];

    for (size_t first = 0; first < members; first += MEMBERS_AT_ONCE) {
        size_t length = write_commands(requests, kind, first);
        double began_ns = measure_now_ns();

        engine_run(engine, (struct str){requests, length});
        note(steps, first / MEMBERS_AT_ONCE, measure_now_ns() - began_ns);
    }
}

static void delete (struct engine *engine, struct steps *steps)
{
    static const char request[] = "*2\r\n$3\r\nDEL\r\n$3\r\nbig\r\n";
    size_t at = 0, left;
    double began_ns = measure_now_ns();

    engine_run(engine, (struct str){request, sizeof request - 1});
    do {
        note(steps, at++, measure_now_ns() - began_ns);
        began_ns = measure_now_ns();
        left = keyspace_reclaim(engine->core.keyspace, RECLAIM_AT_ONCE);
    } while (left > 0);
    note(steps, at, measure_now_ns() - began_ns);
}

static void report(const struct kind *kind, const char *what, const struct steps *steps)
{
    double longest_ns = 0;
    char line[64];

    for (size_t i = 0; i < steps->count; i++)
        if (steps->ns[i] > longest_ns)
            longest_ns = steps->ns[i];
    snprintf(line, sizeof line, "%s, %s", kind->name, what);
    measure_report_value(line, longest_ns / 1e6, "ms");
}

static struct steps steps_create(size_t most)
{
    return (struct steps){.ns = malloc(most * sizeof(double)), .most = most};
}

static void measure(const struct kind *kind, size_t members)
{
    static struct engine engine;
    struct steps growing = steps_create(members / MEMBERS_AT_ONCE), deleting = steps_create(members);

    for (int round = 0; round < ROUNDS; round++) {
        engine_init(&engine);
        grow(&engine, kind, members, &growing);
        delete (&engine, &deleting);
        engine_deinit(&engine);
    }
    report(kind, "growing", &growing);
    report(kind, "deleted", &deleting);
    free(growing.ns);
    free(deleting.ns);
}

int main(int argc, char **argv)
{
    size_t members = measure_count(argc, argv);

    members -= members % MEMBERS_AT_ONCE;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0] && members > 0; i++)
        measure(&kinds[i], members);
    return 0;
}
