#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "core/memory.h"
#include "persist/aof_cut.h"
#include "persist/aof_reader.h"
#include "tests/support/dice.h"

static struct memory memory;

static struct aof_unit annotation(const char *name, const char *text)
{
    return (struct aof_unit){.kind = AOF_UNIT_ANNOTATION, .name = str_from(name), .text = str_from(text)};
}

static bool take(struct aof_claim *claim, const char *name, const char *text)
{
    struct aof_unit unit = annotation(name, text);

    return aof_claim_take(claim, &unit);
}

static void begin(struct aof_claim *claim, uint64_t stamp)
{
    struct aof_unit group = {.kind = AOF_UNIT_GROUP, .stamp = stamp};

    aof_claim_begin(claim, &group);
}

Test(aof_cut, a_claim_is_read_line_by_line)
{
    struct aof_claim claim;

    aof_claim_init(&claim, &memory, 3);
    begin(&claim, 7);
    cr_assert(take(&claim, "KNOWN", "0000000000000010 00000000000000ff"));
    cr_assert(take(&claim, "LAST", "0000000000000001 0000000000000002"));
    cr_assert(!aof_claim_is_whole(&claim));
    cr_assert(take(&claim, "LAST", "fedcba9876543210"));
    cr_assert(aof_claim_is_whole(&claim));
    cr_assert(take(&claim, "STAMP", "whatever"));
    cr_assert(claim.until == 0x10 && claim.known == 0xff);
    cr_assert(claim.last[1] == 2 && claim.last[2] == 0xfedcba9876543210);
    begin(&claim, 9);
    cr_assert(aof_claim_is_whole(&claim) && claim.until == 9);
    aof_claim_deinit(&claim);
    cr_assert(memory.used_bytes == 0);
}

Test(aof_cut, a_malformed_claim_is_refused)
{
    static const char *const wrong[] = {"",
                                        "0000000000000010",
                                        "0000000000000010 ",
                                        "000000000000001g 00000000000000ff",
                                        "0000000000000010  00000000000000ff",
                                        "0000000000000010 00000000000000ff ",
                                        "0000000000000010 00000000000000ff 0000000000000001",
                                        "10 ff"};
    struct aof_claim claim;

    aof_claim_init(&claim, &memory, 2);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        begin(&claim, 1);
        cr_assert(!take(&claim, "KNOWN", wrong[i]), "%s", wrong[i]);
    }
    begin(&claim, 1);
    cr_assert(!take(&claim, "LAST", "0000000000000001"), "nothing is known yet");
    cr_assert(take(&claim, "KNOWN", "0000000000000010 00000000000000ff"));
    cr_assert(!take(&claim, "KNOWN", "0000000000000010 00000000000000ff"), "twice");
    cr_assert(!take(&claim, "LAST", "0000000000000001 0000000000000001 0000000000000001"), "more than there are");
    aof_claim_deinit(&claim);
}

/* A group of a segment, as tests write it. */
struct group {
    int segment;
    uint64_t until, known, last[4]; /* known 0: it claims nothing */
};

static uint64_t cut_of(int segments, const struct group *groups, size_t count)
{
    struct aof_cut cut, other;
    struct aof_claim claim;
    uint64_t stamp;

    aof_cut_init(&cut, &memory, segments);
    aof_cut_init(&other, &memory, segments);
    aof_claim_init(&claim, &memory, segments);
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < count; i++) {
            claim.is_made = groups[i].known > 0;
            claim.until = groups[i].until;
            claim.known = groups[i].known;
            claim.count = segments;
            memcpy(claim.last, groups[i].last, (size_t)segments * sizeof claim.last[0]);
            if (pass == 0)
                aof_cut_take_group(&cut, groups[i].segment, &claim);
            else
                aof_cut_take_claim(groups[i].segment % 2 ? &cut : &other, &claim);
        }
        aof_cut_join(&other, &cut);
    }
    aof_cut_join(&cut, &other);
    stamp = aof_cut_stamp(&cut);
    aof_claim_deinit(&claim);
    aof_cut_deinit(&cut);
    aof_cut_deinit(&other);
    return stamp;
}

#define CUT(segments, ...)                                                                                             \
    cut_of(segments, (const struct group[]){__VA_ARGS__},                                                              \
           sizeof((const struct group[]){__VA_ARGS__}) / sizeof(struct group))

Test(aof_cut, one_segment_is_not_cut)
{
    cr_assert(CUT(1, {0, 5, 0, {0}}) == AOF_CUT_NOTHING);
    cr_assert(cut_of(1, NULL, 0) == AOF_CUT_NOTHING);
}

Test(aof_cut, segments_survive_as_far_as_all_are_complete)
{
    cr_assert(CUT(2, {0, 5, 0, {0}}, {1, 3, 0, {0}}) == 3);
    cr_assert(CUT(2, {0, 5, 0, {0}}) == 0, "nobody speaks for the other");
    cr_assert(cut_of(3, NULL, 0) == 0);
}

Test(aof_cut, a_group_speaks_for_a_segment_that_was_idle)
{
    cr_assert(CUT(2, {0, 9, 8, {9, 0}}) == 8, "it never had a record");
    cr_assert(CUT(2, {1, 3, 0, {0}}, {0, 9, 8, {9, 3}}) == 8, "none since its last");
    cr_assert(CUT(2, {1, 3, 0, {0}}, {0, 9, 8, {9, 4}}) == 3, "one is missing");
    cr_assert(CUT(3, {1, 3, 0, {0}}, {0, 9, 8, {9, 3, 0}}) == 8);
}

Test(aof_cut, an_older_claim_counts_where_the_newer_names_what_is_missing)
{
    cr_assert(CUT(2, {1, 3, 0, {0}}, {0, 6, 5, {6, 3}}, {0, 9, 8, {9, 7}}) == 5);
}

/* Against a slow model: shards execute records in the order of stamps, close groups, sync some, and are cut off
 * anywhere behind that. Nothing above the cut was looked for; below it nothing is missing, and what everybody had on
 * disk stays. */

enum { RECORDS_MOST = 60, SHARDS_MOST = 4, GROUPS_MOST = 80 };

struct crash {
    int shards;
    struct group groups[GROUPS_MOST];
    uint64_t holds[GROUPS_MOST]; /* set of stamps, by group */
    size_t count;
    uint64_t owner_sets[RECORDS_MOST + 1]; /* set of shards that have a record with that stamp */
};

static uint64_t lowest(const uint64_t *of, int count)
{
    uint64_t least = of[0];

    for (int i = 1; i < count; i++)
        least = of[i] < least ? of[i] : least;
    return least;
}

static void live(struct crash *crash)
{
    uint64_t executed[SHARDS_MOST] = {0}, last[SHARDS_MOST] = {0}, open[SHARDS_MOST] = {0};

    for (uint64_t stamp = 1; stamp <= RECORDS_MOST; stamp++)
        for (int i = 0; i < crash->shards; i++)
            if (dice_below(3) == 0)
                crash->owner_sets[stamp] |= UINT64_C(1) << i;
    while (crash->count < GROUPS_MOST && lowest(executed, crash->shards) < RECORDS_MOST) {
        int i = (int)dice_below((uint64_t)crash->shards);

        for (uint64_t steps = dice_below(8); steps > 0 && executed[i] < RECORDS_MOST; steps--) {
            uint64_t stamp = ++executed[i];

            if (crash->owner_sets[stamp] >> i & 1) {
                open[i] |= UINT64_C(1) << stamp;
                last[i] = stamp;
            }
        }
        if (!open[i] || dice_below(2))
            continue;
        struct group *group = &crash->groups[crash->count];
        *group = (struct group){.segment = i, .until = executed[i], .known = lowest(executed, crash->shards)};
        memcpy(group->last, last, sizeof last);
        crash->holds[crash->count++] = open[i];
        open[i] = 0;
    }
}

static uint64_t stamps_of(const struct crash *crash, int shard, const bool *kept)
{
    uint64_t stamps = 0;

    for (size_t i = 0; i < crash->count; i++)
        if (kept[i] && crash->groups[i].segment == shard)
            stamps |= crash->holds[i];
    return stamps;
}

/* Of each segment a prefix of its groups. */
static void keep_some(const struct crash *crash, bool *kept)
{
    uint64_t most[SHARDS_MOST];

    for (int i = 0; i < SHARDS_MOST; i++)
        most[i] = dice_below(GROUPS_MOST);
    for (size_t i = 0; i < crash->count; i++)
        kept[i] = i < most[crash->groups[i].segment];
}

static void check(const struct crash *crash, const bool *kept)
{
    struct group left[GROUPS_MOST];
    size_t count = 0;

    for (size_t i = 0; i < crash->count; i++)
        if (kept[i])
            left[count++] = crash->groups[i];
    uint64_t cut = cut_of(crash->shards, left, count);
    for (int shard = 0; shard < crash->shards; shard++) {
        uint64_t stamps = stamps_of(crash, shard, kept);

        for (uint64_t stamp = 1; stamp <= RECORDS_MOST && stamp <= cut; stamp++)
            if (crash->owner_sets[stamp] >> shard & 1)
                cr_assert(stamps >> stamp & 1, "shard %d lacks %llu below the cut %llu", shard,
                          (unsigned long long)stamp, (unsigned long long)cut);
    }
    for (size_t i = 0; i < crash->count; i++) { /* a claim that holds on disk is kept */
        const struct group *group = &crash->groups[i];
        bool holds = kept[i];

        for (int shard = 0; shard < crash->shards && holds; shard++)
            holds = group->last[shard] == 0 || stamps_of(crash, shard, kept) >> group->last[shard] & 1;
        cr_assert(!holds || cut >= group->known, "known %llu is on disk, the cut is %llu",
                  (unsigned long long)group->known, (unsigned long long)cut);
    }
}

Test(aof_cut, nothing_is_missing_below_the_cut_and_what_was_safe_is_not_cut)
{
    dice_seed();

    for (int round = 0; round < 3000; round++) {
        struct crash crash = {.shards = 2 + (int)dice_below(SHARDS_MOST - 1)};
        bool kept[GROUPS_MOST];

        live(&crash);
        for (int times = 0; times < 4; times++) {
            keep_some(&crash, kept);
            check(&crash, kept);
        }
    }
}
