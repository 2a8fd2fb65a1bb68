#include "core/assert.h"

#include <stdlib.h>

#include "core/log.h"

__attribute__((cold)) void assert_failed(const char *expression, const char *file, int line)
{
    log_write(LOG_WARNING, "=== ASSERTION FAILED ===");
    log_write(LOG_WARNING, "==> %s:%d '%s' is not true", file, line, expression);
    abort();
}
