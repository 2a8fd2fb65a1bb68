#include "persist/aof_cut.h"

#include "core/assert.h"
#include "core/memory.h"
#include "core/number.h"
#include "persist/aof_reader.h"

enum { STAMP_DIGITS = 16 };

bool aof_stamp_parse(struct str text, uint64_t *stamp)
{
    if (text.length != STAMP_DIGITS)
        return false;
    *stamp = 0;
    for (int i = 0; i < STAMP_DIGITS; i++) {
        int digit = number_hex_digit(text.bytes[i]);

        if (digit < 0)
            return false;
        *stamp = *stamp << 4 | (uint64_t)digit;
    }
    return true;
}

/* Claims */

void aof_claim_init(struct aof_claim *claim, struct memory *memory, int segments)
{
    *claim = (struct aof_claim){.memory = memory, .wanted = segments};
    claim->last = memory_alloc_zeroed(memory, (size_t)segments * sizeof claim->last[0]);
}

void aof_claim_deinit(struct aof_claim *claim)
{
    memory_free(claim->memory, claim->last);
}

void aof_claim_begin(struct aof_claim *claim, const struct aof_unit *group)
{
    claim->is_made = false;
    claim->until = group->stamp;
    claim->known = 0;
    claim->count = 0;
}

/* The next of the text's stamps, with a blank between them. */
static bool take_stamp(struct str *text, uint64_t *stamp)
{
    if (text->length < STAMP_DIGITS || !aof_stamp_parse((struct str){text->bytes, STAMP_DIGITS}, stamp))
        return false;
    text->bytes += STAMP_DIGITS;
    text->length -= STAMP_DIGITS;
    if (text->length == 0)
        return true;
    if (text->bytes[0] != ' ' || text->length == 1)
        return false;
    text->bytes++;
    text->length--;
    return true;
}

static bool take_known(struct aof_claim *claim, struct str text)
{
    if (claim->is_made || !take_stamp(&text, &claim->until) || !take_stamp(&text, &claim->known))
        return false;
    claim->is_made = true;
    return text.length == 0;
}

static bool take_lasts(struct aof_claim *claim, struct str text)
{
    while (text.length > 0) {
        if (claim->count == claim->wanted || !take_stamp(&text, &claim->last[claim->count]))
            return false;
        claim->count++;
    }
    return true;
}

bool aof_claim_take(struct aof_claim *claim, const struct aof_unit *annotation)
{
    if (str_equal(annotation->name, STR("KNOWN")))
        return take_known(claim, annotation->text);
    if (str_equal(annotation->name, STR("LAST")))
        return claim->is_made && take_lasts(claim, annotation->text);
    return true;
}

bool aof_claim_is_whole(const struct aof_claim *claim)
{
    return !claim->is_made || claim->count == claim->wanted;
}

/* The cut */

void aof_cut_init(struct aof_cut *cut, struct memory *memory, int segments)
{
    ASSERT(segments >= 1);
    *cut = (struct aof_cut){.memory = memory, .count = segments};
    cut->until = memory_alloc_zeroed(memory, (size_t)segments * sizeof cut->until[0]);
    cut->complete = memory_alloc_zeroed(memory, (size_t)segments * sizeof cut->complete[0]);
}

void aof_cut_deinit(struct aof_cut *cut)
{
    memory_free(cut->memory, cut->until);
    memory_free(cut->memory, cut->complete);
}

void aof_cut_take_group(struct aof_cut *cut, int segment, const struct aof_claim *claim)
{
    ASSERT(segment >= 0 && segment < cut->count);
    if (claim->until > cut->until[segment])
        cut->until[segment] = claim->until;
}

void aof_cut_take_claim(struct aof_cut *cut, const struct aof_claim *claim)
{
    if (!claim->is_made || claim->count != cut->count)
        return;
    for (int i = 0; i < cut->count; i++)
        if (claim->last[i] <= cut->until[i] && claim->known > cut->complete[i])
            cut->complete[i] = claim->known;
}

void aof_cut_join(struct aof_cut *cut, const struct aof_cut *other)
{
    ASSERT(other->count == cut->count);
    for (int i = 0; i < cut->count; i++) {
        if (other->until[i] > cut->until[i])
            cut->until[i] = other->until[i];
        if (other->complete[i] > cut->complete[i])
            cut->complete[i] = other->complete[i];
    }
}

uint64_t aof_cut_stamp(const struct aof_cut *cut)
{
    uint64_t stamp = AOF_CUT_NOTHING;

    for (int i = 0; cut->count > 1 && i < cut->count; i++) {
        uint64_t complete = cut->until[i] > cut->complete[i] ? cut->until[i] : cut->complete[i];

        if (complete < stamp)
            stamp = complete;
    }
    return stamp;
}
