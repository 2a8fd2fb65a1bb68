/* ASSERT states a fact about our own code and stays on in release builds.
 * What a client, a disk or the kernel did is never an assert. */
#ifndef CORE_ASSERT_H
#define CORE_ASSERT_H

_Noreturn void assert_failed(const char *expression, const char *file, int line);

#define ASSERT(expression) \
    (__builtin_expect(!!(expression), 1) ? (void)0 : assert_failed(#expression, __FILE__, __LINE__))

#endif
