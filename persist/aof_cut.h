/* How much of the segments that shards have written side by side survives a crash.
 *
 * Survivors are a prefix of the one order of everything: all records up to one stamp, the cut. A commit
 * group says of its own shard up to which stamp everything has been executed (until); and it may claim up to
 * which one all shards had (known), with the stamp of each one's last record, looked at after that. So a
 * segment is complete up to the until of its last group, and up to the known of any group, in any segment, whose
 * last for it is no higher than that. The cut is as far as all are complete. tests/sim/durability.pml is
 * this as a Spin model.
 *
 *     #KNOWN:until known\r\n       the first line of a group's body, 16 hexadecimal digits each
 *     #LAST:last last ...\r\n      by shard, in as many lines as it takes
 *     #STAMP:stamp\r\n             of the records that follow
 *
 * Of all segments the groups are told first, then their claims, which may be told to several of these that
 * are joined in the end. Belongs to one thread. */
#ifndef PERSIST_AOF_CUT_H
#define PERSIST_AOF_CUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/str.h"

struct memory;
struct aof_unit;

/* Where there is one segment, whatever is sound survives. */
#define AOF_CUT_NOTHING UINT64_MAX

struct aof_cut {
    struct memory *memory;
    int count;
    uint64_t *until, *complete; /* by segment */
};

void aof_cut_init(struct aof_cut *cut, struct memory *memory, int segments);
void aof_cut_deinit(struct aof_cut *cut);

/* What a group says, as its annotations come; reused for the next. */
struct aof_claim {
    struct memory *memory;
    bool is_made;
    uint64_t until, known;
    int count, wanted; /* segments whose last has been said, of so many */
    uint64_t *last;    /* by segment */
};
void aof_claim_init(struct aof_claim *claim, struct memory *memory, int segments);
void aof_claim_deinit(struct aof_claim *claim);
/* Another group begins. */
void aof_claim_begin(struct aof_claim *claim, const struct aof_unit *group);
/* An annotation of it. False: it is malformed. */
MUST_USE bool aof_claim_take(struct aof_claim *claim, const struct aof_unit *annotation);
/* Whether that was all of it. */
bool aof_claim_is_whole(const struct aof_claim *claim);

/* The segment's next sound group. */
void aof_cut_take_group(struct aof_cut *cut, int segment, const struct aof_claim *claim);
/* When all segments' groups have been taken: what this one claims. */
void aof_cut_take_claim(struct aof_cut *cut, const struct aof_claim *claim);
/* What the other one has been told, too. */
void aof_cut_join(struct aof_cut *cut, const struct aof_cut *other);
/* Records with a higher stamp do not survive. */
uint64_t aof_cut_stamp(const struct aof_cut *cut);

/* "#STAMP:…", 16 digits. */
MUST_USE bool aof_stamp_parse(struct str text, uint64_t *stamp);

#endif
