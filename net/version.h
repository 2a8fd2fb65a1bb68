/* Which Shoal this is. */
#ifndef NET_VERSION_H
#define NET_VERSION_H

#define SHOAL_VERSION "0.1.0"

/* The commit it was built from, or "unknown". */
const char *version_git_sha(void);

#endif
