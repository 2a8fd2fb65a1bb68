/* From the registers of a HyperLogLog to a count: the improved estimator of
 * Otmar Ertl, "New cardinality estimation algorithms for HyperLogLog
 * sketches" (2017). It reads how many registers have each value and nothing
 * else, and has no thresholds to switch at. */
#ifndef CORE_HYPERLOGLOG_ESTIMATE_H
#define CORE_HYPERLOGLOG_ESTIMATE_H

#include <stdint.h>

/* histogram[v]: how many of the registers have the value v. Values that no hash gives count as 0 elements. */
uint64_t hyperloglog_estimate(const uint32_t histogram[static 64]);

#endif
