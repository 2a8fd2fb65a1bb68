/*
 * Where LeakSanitizer looks. A test's process has to give back what it took,
 * and what it did not is written to a log, which fails the run (Makefile,
 * unit-tests): Criterion itself takes a test for passed whose process ends so.
 * Criterion's own process is not looked at: it forgets the timer of a test with
 * a timeout that ends at the moment in which it is told (libcriterion 2.4.1).
 */
#include <stdlib.h>

/* Asked by LeakSanitizer at the end of a process: not 0 when nothing is to be looked for. */
int __lsan_is_turned_off(void);

int __lsan_is_turned_off(void)
{
    return getenv("BXFI_MAP") == NULL; /* which Criterion's sandbox sets for the process of a test */
}
