/* makecontext sets up the stack; from then on _setjmp and _longjmp switch, which
 * unlike swapcontext call no kernel for the signal mask: ten times faster. */
#include "tests/sim/coroutine.h"

#include <stdlib.h>
#include <ucontext.h>

#include "core/assert.h"

enum { STACK_BYTES = 2 * 1024 * 1024 /* lzf_compress alone takes 512 KiB */ };

/* The address sanitizer has to know which stack is in use: else what a longjmp leaves behind there stays poisoned. */

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>

static const void *outer_stack;
static size_t outer_bytes;

static void use_stack_of(const struct coroutine *coroutine)
{
    __sanitizer_start_switch_fiber(NULL, coroutine->stack, STACK_BYTES);
}

static void use_outer_stack(void)
{
    __sanitizer_start_switch_fiber(NULL, outer_stack, outer_bytes);
}

static void note_inside(void)
{
    __sanitizer_finish_switch_fiber(NULL, &outer_stack, &outer_bytes);
}

static void note_outside(void)
{
    __sanitizer_finish_switch_fiber(NULL, NULL, NULL);
}

static void forget_frames(const struct coroutine *coroutine)
{
    __asan_unpoison_memory_region(coroutine->stack, STACK_BYTES);
}
#else
static void use_stack_of(const struct coroutine *coroutine)
{
}

static void use_outer_stack(void)
{
}

static void note_inside(void)
{
}

static void note_outside(void)
{
}

static void forget_frames(const struct coroutine *coroutine)
{
}
#endif

static struct coroutine *starting;
static ucontext_t starter;

static void begin(void)
{
    struct coroutine *coroutine = starting;

    note_inside();
    if (!_setjmp(coroutine->inside)) {
        use_outer_stack();
        setcontext(&starter);
    }
    note_inside();
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
    forget_frames(coroutine);
    use_stack_of(coroutine);
    swapcontext(&starter, &entry);
    note_outside();
}

void coroutine_deinit(struct coroutine *coroutine)
{
    free(coroutine->stack);
    coroutine->stack = NULL;
}

void coroutine_enter(struct coroutine *coroutine)
{
    if (!_setjmp(coroutine->outside)) {
        use_stack_of(coroutine);
        _longjmp(coroutine->inside, 1);
    }
    note_outside();
}

void coroutine_give_way(struct coroutine *coroutine)
{
    if (!_setjmp(coroutine->inside)) {
        use_outer_stack();
        _longjmp(coroutine->outside, 1);
    }
    note_inside();
}
