/* makecontext sets up the stack; from then on _setjmp and _longjmp switch, which
 * unlike swapcontext call no kernel for the signal mask: ten times faster. */
#include "tests/sim/coroutine.h"

#include <stdlib.h>
#include <ucontext.h>

#include "core/assert.h"

enum { STACK_BYTES = 2 * 1024 * 1024 /* lzf_compress alone takes 512 KiB */ };

static struct coroutine *starting;
static ucontext_t starter;

static void begin(void)
{
    struct coroutine *coroutine = starting;

    if (!_setjmp(coroutine->inside))
        setcontext(&starter);
    coroutine->body(coroutine->context);
    ASSERT(!"a coroutine has ended");
}

void coroutine_init(struct coroutine *coroutine, void (*body)(void *context), void *context)
{
    ucontext_t entry;

    coroutine->body = body;
    coroutine->context = context;
    if (!coroutine->stack)
        coroutine->stack = malloc(STACK_BYTES);
    getcontext(&entry);
    entry.uc_stack.ss_sp = coroutine->stack;
    entry.uc_stack.ss_size = STACK_BYTES;
    entry.uc_link = NULL;
    starting = coroutine;
    makecontext(&entry, begin, 0);
    swapcontext(&starter, &entry);
}

void coroutine_deinit(struct coroutine *coroutine)
{
    free(coroutine->stack);
    coroutine->stack = NULL;
}

void coroutine_enter(struct coroutine *coroutine)
{
    if (!_setjmp(coroutine->outside))
        _longjmp(coroutine->inside, 1);
}

void coroutine_give_way(struct coroutine *coroutine)
{
    if (!_setjmp(coroutine->inside))
        _longjmp(coroutine->outside, 1);
}
