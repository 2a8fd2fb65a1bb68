/* A field of a hash in a table: name, value and perhaps a deadline in one
 * allocation, for core/hash_table.c alone.
 *
 *     short   head (2) | deadline (8)? | field | value
 *     long    head (2) | lengths (2 * 8) | deadline (8)? | field | value
 *
 *     head    bit 0: has a deadline, bit 1: long; short: 7 bits each of the
 *             lengths of field and value
 *
 * So a field of 10 bytes with a value of 20 takes 32. Whoever overwrites the
 * value keeps the block where it fits. */
#ifndef CORE_HASH_RECORD_H
#define CORE_HASH_RECORD_H

#include <stdint.h>

#include "core/str.h"

struct memory;
struct hash_record;

/* deadline_ms -1: none. */
struct hash_record *hash_record_create(struct memory *memory, struct str field, struct str value, int64_t deadline_ms);
/* The same field with another value or deadline, at its new address if need be: then the old record is gone. */
struct hash_record *hash_record_store(struct memory *memory, struct hash_record *record, struct str value,
                                      int64_t deadline_ms);

/* What a record holds; borrowed from it. */
struct hash_record_parts {
    struct str field, value;
    int64_t deadline_ms; /* -1: none */
};

enum {
    HASH_RECORD_HAS_DEADLINE = 1,
    HASH_RECORD_LONG = 2,
    HASH_RECORD_SHORT_MAX = 127, /* a length that the head has room for */
};

static inline struct hash_record_parts hash_record_parts(const struct hash_record *record)
{
    const char *at = (const char *)record;
    struct hash_record_parts parts = {.deadline_ms = -1};
    uint16_t head;

    memcpy(&head, at, sizeof head);
    at += sizeof head;
    parts.field.length = head >> 2 & HASH_RECORD_SHORT_MAX;
    parts.value.length = head >> 9;
    if (__builtin_expect(head & HASH_RECORD_LONG, 0)) {
        uint64_t lengths[2];

        memcpy(lengths, at, sizeof lengths);
        at += sizeof lengths;
        parts.field.length = lengths[0];
        parts.value.length = lengths[1];
    }
    if (head & HASH_RECORD_HAS_DEADLINE) {
        memcpy(&parts.deadline_ms, at, sizeof parts.deadline_ms);
        at += sizeof parts.deadline_ms;
    }
    parts.field.bytes = at;
    parts.value.bytes = at + parts.field.length;
    return parts;
}

#endif
