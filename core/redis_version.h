/* The Redis that we present ourselves as: clients decide by it what they may
 * ask for, so it names the newest whose commands are here. */
#ifndef CORE_REDIS_VERSION_H
#define CORE_REDIS_VERSION_H

#define REDIS_VERSION "7.4.2"

#endif
