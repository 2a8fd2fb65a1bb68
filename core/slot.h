/* Which of the 16384 hash slots a key belongs to.
 *
 * CRC16 (XMODEM: polynomial 0x1021, initial value 0) of the hash tag, modulo 16384, as in the Redis
 * Cluster specification. The tag is what stands between the first '{' and the
 * next '}' when that is not empty; else what the `*` of the first matching
 * affinity pattern matched (design, section 6); else the whole key. Any thread. */
#ifndef CORE_SLOT_H
#define CORE_SLOT_H

#include <stdint.h>

#include "core/str.h"

enum { SLOT_COUNT = 16384 };

/* Affinity patterns: literal text around one '*', such as "bull:*:" which
 * places "bull:mail:wait" by "mail". The key has to begin with the text before
 * the '*', which matches the shortest non-empty run up to the text after it, or
 * all the rest where no text follows. A key that matches no pattern but begins
 * like one ("bull:mail") goes where that pattern's keys go. Frozen before start. */
struct affinity {
    struct affinity_pattern {
        struct str before, after;
    } * patterns;
    int count;
    bool apart[256]; /* no pattern begins with that byte; affinity_prepare's, false is always right */
};

/* False when the text is no such pattern (no '*', or two). The pattern's bytes are borrowed for as long as the affinity
 * lives. */
MUST_USE bool affinity_pattern_parse(struct str text, struct affinity_pattern *pattern);

/* When all patterns are there: keys that cannot match any are told by their first byte. */
void affinity_prepare(struct affinity *affinity);

struct str slot_tag(const struct affinity *affinity, struct str key);
/* By tables, which stand in where the CPU has no product without carries: for their test. */
uint16_t slot_crc16(struct str bytes);

uint16_t slot_of(const struct affinity *affinity, struct str key);
/* Of `count` keys, each `step` arguments behind the one before. */
void slots_of(const struct affinity *affinity, const struct str *keys, int step, int count, uint16_t *slots);

/* For the keys of one command or script, which mostly begin alike: what the first affinity pattern has matched is
 * remembered, and no key that begins with it, without braces, is looked at further. Zero before the first of them. */
struct slot_alike {
    uint8_t length; /* of the beginning; 0: none */
    uint16_t slot;
    char beginning[64];
};
uint16_t slot_of_alike(const struct affinity *affinity, struct slot_alike *alike, struct str key);

#endif
