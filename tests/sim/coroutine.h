/* A function with a stack of its own, which runs until it gives way.
 *
 * One thread runs all of them; only the one that was entered last is running.
 * A coroutine never ends: when its run is over it is simply not entered again. */
#ifndef TESTS_SIM_COROUTINE_H
#define TESTS_SIM_COROUTINE_H

#include <setjmp.h>

struct coroutine {
    void (*body)(void *context);
    void *context;
    void *stack; /* kept for the next run */
    jmp_buf inside, outside;
};

/* Prepares it to run body(context) when it is entered for the first time. */
void coroutine_init(struct coroutine *coroutine, void (*body)(void *context), void *context);
void coroutine_deinit(struct coroutine *coroutine);

/* Runs it until it gives way. Not from inside a coroutine. */
void coroutine_enter(struct coroutine *coroutine);
/* From inside: returns when it is entered again. */
void coroutine_give_way(struct coroutine *coroutine);

#endif
