/* Compiled anew when the commit changes: the Makefile defines SHOAL_GIT_SHA for this file alone. */
#include "net/version.h"

#ifndef SHOAL_GIT_SHA
#define SHOAL_GIT_SHA "unknown"
#endif

const char *version_git_sha(void)
{
    return SHOAL_GIT_SHA;
}
