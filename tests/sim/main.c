/* simulate: runs seeds, then shows that the checks notice when a guard is missing.
 *
 *   simulate [--seeds N] [--first S] [--verbose]          seeds S, S+1, …, then the faults
 *   simulate --crashes [--seeds N] [--first S]            seeds in each of which the machine stops; no faults
 *   simulate --faults                                     the faults alone
 *   simulate --fault NAME [--seeds N] [--first S]         seeds with that guard taken away
 *   simulate --replay S [--fault NAME]                    one seed, with its whole history
 *
 * Ends with "N passed, M failed" and a status of 1 where something failed. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/sim/simulation.h"

enum { FAULT_SEEDS_MOST = 50000 /* the rarest shows in one of 6,000 */, FAILURES_SHOWN = 5, NO_FAULT = -1 };

static const char *const fault_names[FAULT_COUNT] = {
    [FAULT_NO_MERGE] = "no-merge",         [FAULT_NO_GATE] = "no-gate",       [FAULT_SPLIT_BATCH] = "split-batch",
    [FAULT_NO_PARK] = "no-park",           [FAULT_OWN_CLOCK] = "own-clock",   [FAULT_NO_WAKE] = "no-wake",
    [FAULT_NO_CLAIM] = "no-claim",         [FAULT_NO_NOTICE] = "no-notice",   [FAULT_OVERTAKE] = "overtake",
    [FAULT_NO_TURN] = "no-turn",           [FAULT_NO_NEXT] = "no-next",       [FAULT_SERVE_GONE] = "serve-gone",
    [FAULT_EARLY_WATCH] = "early-watch",   [FAULT_NO_UNDO] = "no-undo",       [FAULT_NO_BOUNCE] = "no-bounce",
    [FAULT_NO_HOLD] = "no-hold",           [FAULT_LATE_NEWS] = "late-news",   [FAULT_PUBLISH_APART] = "publish-apart",
    [FAULT_WHOLE_CHANGE] = "whole-change", [FAULT_NEWS_APART] = "news-apart", [FAULT_NEWS_BY_RING] = "news-by-ring",
    [FAULT_ANSWER_EARLY] = "answer-early", [FAULT_NO_CUT] = "no-cut",         [FAULT_WRITE_UNNAMED] = "write-unnamed",
};

struct options {
    uint64_t seeds, first;
    int fault;
    bool faults_only, verbose;
};

static struct simulation simulation;

static int usage(void)
{
    fprintf(stderr,
            "simulate [--seeds N] [--first S] [--fault NAME] [--faults] [--crashes] [--replay S] [--verbose]\n");
    return 2;
}

static int fault_by_name(const char *name)
{
    for (int fault = 0; fault < FAULT_COUNT; fault++)
        if (strcmp(name, fault_names[fault]) == 0)
            return fault;
    fprintf(stderr, "simulate: no fault is called %s\n", name);
    exit(2);
}

static bool read_options(int argc, char **argv, struct options *options)
{
    *options = (struct options){.seeds = 10000, .first = 1, .fault = NO_FAULT};
    for (int i = 1; i < argc; i++) {
        const char *next = i + 1 < argc ? argv[i + 1] : NULL;

        if (strcmp(argv[i], "--verbose") == 0) {
            options->verbose = true;
        } else if (strcmp(argv[i], "--faults") == 0) {
            options->faults_only = true;
        } else if (strcmp(argv[i], "--crashes") == 0) {
            simulation.crashes_always = true;
        } else if (!next) {
            return false;
        } else if (strcmp(argv[i], "--seeds") == 0) {
            options->seeds = strtoull(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--first") == 0) {
            options->first = strtoull(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--replay") == 0) {
            options->first = strtoull(argv[++i], NULL, 10);
            options->seeds = 1;
            options->verbose = true;
        } else if (strcmp(argv[i], "--fault") == 0) {
            options->fault = fault_by_name(argv[++i]);
        } else {
            return false;
        }
    }
    return true;
}

static void show_failure(const struct options *options, uint64_t seed)
{
    printf("seed %" PRIu64 ": %s\n  replay: simulate%s --replay %" PRIu64 "%s%s\n", seed, simulation.scheduler.failure,
           simulation.crashes_always ? " --crashes" : "", seed, options->fault == NO_FAULT ? "" : " --fault ",
           options->fault == NO_FAULT ? "" : fault_names[options->fault]);
    simulation_print(&simulation, false);
    fflush(stdout);
}

/* Runs the seeds; returns how many failed. */
static uint64_t run_seeds(const struct options *options)
{
    uint64_t failed = 0, undecided = 0, refused = 0;

    for (uint64_t i = 0; i < options->seeds; i++) {
        uint64_t seed = options->first + i;
        bool passed = simulation_run(&simulation, seed, options->fault);

        if (options->verbose)
            simulation_print(&simulation, true);
        undecided += simulation.undecided;
        refused += simulation.refused;
        if (!passed && ++failed <= FAILURES_SHOWN)
            show_failure(options, seed);
        simulation_clear(&simulation);
    }
    printf("simulate: %" PRIu64 " seeds from %" PRIu64 ": %" PRIu64 " failed; %" PRIu64
           " histories too tangled to judge; %" PRIu64 " crashes left what was refused\n",
           options->seeds, options->first, failed, undecided, refused);
    return failed;
}

/* How far the process has come that looks for a fault. */
struct fault_hunt {
    uint64_t seed;
    char failure[sizeof simulation.scheduler.failure];
};

static void hunt(int fault, struct fault_hunt *hunt)
{
    for (hunt->seed = 1; hunt->seed <= FAULT_SEEDS_MOST; hunt->seed++) {
        bool passed = simulation_run(&simulation, hunt->seed, fault);

        memcpy(hunt->failure, simulation.scheduler.failure, sizeof hunt->failure);
        simulation_clear(&simulation);
        if (!passed)
            _exit(0);
    }
    _exit(1);
}

/* Whether a seed shows the fault. In a process of its own, because some faults show in an assert that fails, too. */
static bool find_fault(int fault)
{
    struct fault_hunt *found = mmap(NULL, sizeof *found, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct rlimit no_core = {0};
    int status = 1;
    pid_t child;

    fflush(stdout);
    child = fork();
    if (child == 0) {
        setrlimit(RLIMIT_CORE, &no_core);
        hunt(fault, found);
    }
    waitpid(child, &status, 0);

    bool crashed = !WIFEXITED(status), is_found = crashed || WEXITSTATUS(status) == 0;

    if (is_found)
        printf("simulate: %s: found by seed %" PRIu64 " (%s)\n", fault_names[fault], found->seed,
               crashed ? "an assert has failed" : found->failure);
    else
        printf("simulate: %s: NOT FOUND in %d seeds\n", fault_names[fault], FAULT_SEEDS_MOST);
    munmap(found, sizeof *found);
    return is_found;
}

int main(int argc, char **argv)
{
    struct options options;
    uint64_t passed = 0, failed = 0;

    simulation_init(&simulation);
    if (!read_options(argc, argv, &options))
        return usage();
    if (!options.faults_only) {
        failed = run_seeds(&options);
        passed = options.seeds - failed;
    }
    if (options.faults_only || (options.fault == NO_FAULT && !options.verbose && !simulation.crashes_always)) {
        for (int fault = 0; fault < FAULT_COUNT; fault++) {
            if (find_fault(fault))
                passed++;
            else
                failed++;
        }
    }
    simulation_deinit(&simulation);
    printf("%" PRIu64 " passed, %" PRIu64 " failed\n", passed, failed);
    return failed > 0;
}
