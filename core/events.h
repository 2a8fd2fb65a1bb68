/* Keyspace notifications: what commands have done to keys, published to __keyspace@db__:key and __keyevent@db__:event.
 */
#ifndef CORE_EVENTS_H
#define CORE_EVENTS_H

#include <stdint.h>

struct core;

/* Publishes the events that are queued and have not been yet; for PUBLISH, too, so that
 * a transaction's messages and events keep their order. cause: the session whose command brought them, 0: none. */
void events_publish(struct core *core, uint64_t cause);

#endif
