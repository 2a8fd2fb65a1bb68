/* A set of pointers found by a 64-bit hash: extendible hashing in segments.
 *
 * A directory indexed by the hash's top bits leads to segments of a few dozen
 * buckets; a bucket keeps one-byte fingerprints, compared all at once with
 * SIMD, beside its pointers. A segment that is full grows by a quarter, and at
 * its greatest size splits in two, so the work of growing is bounded and no
 * operation ever waits for a rehash of everything; sparse segments shrink and
 * sparse siblings merge again. After Dash (Lu et al., VLDB 2020) and
 * extendible hashing (Fagin et al., 1979).
 * The table knows nothing of keys: callers compare what the fingerprints let
 * through. It stores the pointer and never frees what it points to; it asks
 * the owner for an item's hash when it splits. One thread at a time.
 *
 * Which bits of the hash serve what:
 *
 *     63 ............ 41 | ... | 23 ..... 16 | 15 ....... 4 | 3 .. 0
 *     prefix: directory  |     | fingerprint | position     |
 *                                            | tag, kept above the pointer
 *
 * The position says which bucket of the segment is an item's home, whatever
 * the number of buckets, so that buckets in order are positions in order. */
#ifndef CORE_TABLE_H
#define CORE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "core/prefetch.h"

struct memory;

/* A probe stays in registers only where all of it is in line, which no compiler guesses any more with many callers. */
#define TABLE_INLINE inline __attribute__((always_inline))

/* The hash of a stored item, for splits: the same as given on insertion. */
typedef uint64_t table_hash_of(const void *item);

enum {
    TABLE_BUCKET_SLOTS = 14,
    TABLE_POSITION_BITS = 12,
    TABLE_POSITION_SHIFT = 4,
    TABLE_DEPTH_MOST = 23,
    TABLE_POINTER_BITS = 48
};

/* Two cache lines. An item lies in its home bucket, in the one after it, or in
 * the segment's stash; the home counts what lies elsewhere, so that a probe
 * reads nothing more when there is nothing. */
struct table_bucket {
    _Alignas(16) uint8_t fingerprints[TABLE_BUCKET_SLOTS]; /* 0: an empty slot */
    uint8_t lent;                                          /* of this home, in the next bucket */
    uint8_t spilled;                                       /* of this home, in the stash; stays at 255 */
    uint64_t items[TABLE_BUCKET_SLOTS];                    /* pointer | tag << 48 */
};

/* The stash is the last `stashes` buckets; its first is the last home's next. */
struct table_segment {
    uint32_t count;
    uint32_t stashes;
    uint16_t homes;
    uint8_t depth; /* prefix bits that all its items share */
    uint8_t lead;  /* bytes of the block before it, so that buckets begin a cache line */
    struct table_bucket buckets[];
};

/* A word of the directory: segment | homes << 48, so that a probe reads no
 * segment header. */
struct table {
    struct memory *memory;
    table_hash_of *hash_of;
    size_t count;
    /* private */
    uint64_t *directory; /* 1 << depth words, NULL while empty */
    uint32_t depth;
    uint32_t fullest; /* no segment has held more items than this */
    size_t bytes;
    uint32_t segments_at[TABLE_DEPTH_MOST + 1]; /* how many segments of each depth */
};

void table_init(struct table *table, struct memory *memory, table_hash_of *hash_of);
/* Frees the table's own memory, not the items. */
void table_deinit(struct table *table);

/* Every item whose fingerprint fits, one at a time:
 *     struct table_probe probe = table_probe(table, hash);
 *     while ((item = table_probe_next(&probe)) != NULL)
 *         if (it is the one) ...
 * Valid until the table changes. */
struct table_probe {
    uint64_t hash;
    struct table_bucket *buckets; /* of the segment, NULL in an empty table */
    uint32_t home;
    uint32_t at;      /* the bucket that is read now */
    uint32_t matches; /* its slots yet to be looked at */
    uint32_t slot;    /* of the item returned last */
};
static TABLE_INLINE struct table_probe table_probe(const struct table *table, uint64_t hash);
static TABLE_INLINE void *table_probe_next(struct table_probe *probe);

/* Adds an item that is not yet there. Its address fits in 48 bits. */
void table_insert(struct table *table, uint64_t hash, void *item);
/* After table_probe_next returned it: puts another item, of the same hash, in its place. */
static inline void table_probe_replace(struct table_probe *probe, void *item);
/* After table_probe_next returned it: takes the item out. The probe is spent. */
void table_probe_remove(struct table *table, struct table_probe *probe);

/* Brings the cache lines that a probe for this hash will read. */
static inline void table_prefetch(const struct table *table, uint64_t hash);
/* The second step, once those lines are there: brings the item. False: its home does not have it, and the bucket that
 * is read next has been asked for; one item in nine lies there or in the stash. */
static inline bool table_prefetch_item(const struct table *table, uint64_t hash);
/* The third step, once that bucket is there: brings the item that the second has not found. */
static inline void table_prefetch_elsewhere(const struct table *table, uint64_t hash);

/* One step of SCAN: calls visit for every item of one home bucket and returns
 * the cursor to go on with, 0 when the walk is complete. Cursors stay below
 * 2^TABLE_CURSOR_BITS; one that no walk gave ends the walk or starts somewhere.
 * Items present during the whole walk are visited at least once, whatever is
 * inserted, removed, split or merged between the steps, and exactly once if no
 * segment changed. visit must not change the table. */
enum { TABLE_CURSOR_BITS = 40 };
uint64_t table_scan(const struct table *table, uint64_t cursor, void (*visit)(void *context, void *item),
                    void *context);

/* Takes the table apart: each step hands over the items of a few buckets, some
 * dozens at most, and frees the segment with its last. cursor: 0 at first, then
 * what the step before returned; 0 again: done, the table is empty. In between
 * nothing else may be done with the table. */
uint64_t table_drain(struct table *table, uint64_t cursor, void (*take)(void *context, void *item), void *context);

/* An item chosen with equal chance for all, NULL when empty. random: a
 * function giving 64 uniform bits. */
void *table_random(const struct table *table, uint64_t (*random)(void *context), void *context);
/* Up to `most` items that lie side by side in a segment, from a place on that the 64 random bits choose; at least one
 * unless the table is empty. Where an item lies is its hash's choice, so they are a sample, nearly uniform and as cheap
 * as one random item. Returns how many. */
size_t table_sample(const struct table *table, uint64_t random, void **items, size_t most);

/* Bytes of the table itself. */
size_t table_bytes(const struct table *table);
size_t table_segment_count(const struct table *table);

/* What follows is the inside of the inline functions. */

/* The first `bits` bits of the hash; bits may be 0. */
static inline uint64_t table_prefix(uint64_t hash, uint32_t bits)
{
    return hash >> 1 >> (63 - bits);
}

static inline uint8_t table_fingerprint(uint64_t hash)
{
    uint8_t byte = (uint8_t)(hash >> 16);

    return byte + (byte == 0);
}

static inline uint64_t table_tag(uint64_t hash)
{
    return hash & 0xffff;
}

static inline uint32_t table_home(uint64_t tag, uint32_t homes)
{
    return (uint32_t)(tag >> TABLE_POSITION_SHIFT) * homes >> TABLE_POSITION_BITS;
}

static inline void *table_pointer(uint64_t word)
{
    return (void *)(uintptr_t)(word & ((1ull << TABLE_POINTER_BITS) - 1));
}

static inline uint64_t table_word(uint64_t tag, const void *item)
{
    return tag << TABLE_POINTER_BITS | (uintptr_t)item;
}

/* One bit for every slot that has this fingerprint. */
static inline uint32_t table_matches(const struct table_bucket *bucket, uint8_t fingerprint)
{
#ifdef __SSE2__
    __m128i bytes = _mm_load_si128((const __m128i *)(const void *)bucket);
    uint32_t equal = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8((char)fingerprint)));
#else
    typedef uint8_t bytes16 __attribute__((vector_size(16)));
    typedef uint64_t words2 __attribute__((vector_size(16)));
    const uint64_t ones = 0x0101010101010101u, gather = 0x0102040810204080u;
    words2 lanes = (words2)(*(const bytes16 *)(const void *)bucket == fingerprint) & ones;
    uint32_t equal = (uint32_t)(lanes[0] * gather >> 56 | lanes[1] * gather >> 56 << 8);
#endif
    return equal & ((1u << TABLE_BUCKET_SLOTS) - 1);
}

/* The bucket of the stash to read after bucket `at`, 0 when there is none. Its arguments are values, so that a probe
 * whose address nobody else takes stays in registers. */
uint32_t table_stash_next(const struct table_bucket *buckets, uint32_t at);

static inline struct table_segment *table_segment_of(const struct table *table, uint64_t hash)
{
    return table_pointer(table->directory[table_prefix(hash, table->depth)]);
}

static TABLE_INLINE struct table_probe table_probe(const struct table *table, uint64_t hash)
{
    struct table_probe probe = {.hash = hash};

    if (table->directory == NULL)
        return probe;
    uint64_t word = table->directory[table_prefix(hash, table->depth)];
    probe.buckets = ((struct table_segment *)table_pointer(word))->buckets;
    probe.home = probe.at = table_home(table_tag(hash), (uint32_t)(word >> TABLE_POINTER_BITS));
    probe.matches = table_matches(&probe.buckets[probe.home], table_fingerprint(hash));
    return probe;
}

/* The next bucket that may hold the item, 0 when there is none. */
static inline uint32_t table_probe_next_bucket(const struct table_probe *probe)
{
    const struct table_bucket *home = &probe->buckets[probe->home];

    if (probe->at == probe->home && home->lent > 0)
        return probe->home + 1;
    return home->spilled > 0 ? table_stash_next(probe->buckets, probe->at) : 0;
}

static inline bool table_probe_advance(struct table_probe *probe)
{
    uint32_t next = probe->buckets ? table_probe_next_bucket(probe) : 0;

    if (next == 0)
        return false;
    probe->at = next;
    probe->matches = table_matches(&probe->buckets[next], table_fingerprint(probe->hash));
    return true;
}

static TABLE_INLINE void *table_probe_next(struct table_probe *probe)
{
    for (;;) {
        while (probe->matches == 0)
            if (!table_probe_advance(probe))
                return NULL;
        probe->slot = (uint32_t)__builtin_ctz(probe->matches);
        probe->matches &= probe->matches - 1;
        uint64_t word = probe->buckets[probe->at].items[probe->slot];
        if (word >> TABLE_POINTER_BITS == table_tag(probe->hash))
            return table_pointer(word);
    }
}

static inline void table_probe_replace(struct table_probe *probe, void *item)
{
    probe->buckets[probe->at].items[probe->slot] = table_word(table_tag(probe->hash), item);
}

static inline void table_prefetch_bucket(const struct table_bucket *bucket)
{
    prefetch_to_read(&bucket->fingerprints);
    prefetch_to_read(&bucket->items[TABLE_BUCKET_SLOTS - 1]);
}

static inline void table_prefetch(const struct table *table, uint64_t hash)
{
    struct table_segment *segment;

    if (table->directory == NULL)
        return;
    uint64_t word = table->directory[table_prefix(hash, table->depth)];
    segment = table_pointer(word);
    table_prefetch_bucket(&segment->buckets[table_home(table_tag(hash), (uint32_t)(word >> TABLE_POINTER_BITS))]);
}

static inline bool table_prefetch_item(const struct table *table, uint64_t hash)
{
    struct table_probe probe = table_probe(table, hash);

    for (; probe.matches != 0; probe.matches &= probe.matches - 1) {
        uint64_t word = probe.buckets[probe.home].items[__builtin_ctz(probe.matches)];
        if (word >> TABLE_POINTER_BITS == table_tag(hash)) {
            prefetch_to_read(table_pointer(word));
            return true;
        }
    }
    uint32_t next = probe.buckets ? table_probe_next_bucket(&probe) : 0;
    if (next != 0)
        table_prefetch_bucket(&probe.buckets[next]);
    return next == 0;
}

static inline void table_prefetch_elsewhere(const struct table *table, uint64_t hash)
{
    struct table_probe probe = table_probe(table, hash);
    const void *item = table_probe_next(&probe);

    if (item)
        prefetch_to_read(item);
}

#endif
