#include "tests/sim/sim_file.h"

#include "core/assert.h"
#include "core/memory.h"
#include "tests/sim/dice.h"

void sim_file_init(struct sim_file *file, struct memory *memory)
{
    *file = (struct sim_file){.first = NULL};
    buffer_init(&file->now, memory, NULL, 0);
    buffer_init(&file->base, memory, NULL, 0);
}

static void drop_first(struct sim_file *file)
{
    struct sim_change *change = file->first;

    file->first = change->next;
    memory_free(file->base.memory, change);
}

void sim_file_deinit(struct sim_file *file)
{
    while (file->first)
        drop_first(file);
    buffer_deinit(&file->now);
    buffer_deinit(&file->base);
}

/* Changing. */

/* Longer: with zeros. */
static void set_length(struct buffer *bytes, size_t length)
{
    if (length > bytes->length)
        memset(buffer_reserve(bytes, length - bytes->length), 0, length - bytes->length);
    bytes->length = length;
}

/* Of what a change sets, that part. */
static void set_bytes(struct buffer *bytes, const struct sim_change *change, size_t from, size_t to)
{
    ASSERT(from >= change->offset && to <= change->end && to <= bytes->length);
    if (from == to)
        return;
    if (change->cuts)
        memset(bytes->bytes + from, 0, to - from);
    else
        memcpy(bytes->bytes + from, change->bytes + (from - change->offset), to - from);
}

static size_t length_after(const struct sim_change *change, size_t length)
{
    if (change->cuts)
        return change->offset;
    return length > change->end ? length : change->end;
}

static void apply(struct buffer *bytes, const struct sim_change *change)
{
    size_t length = length_after(change, bytes->length);

    set_length(bytes, length > change->end ? length : change->end);
    set_bytes(bytes, change, change->offset, change->end);
    set_length(bytes, length);
}

static void append(struct sim_file *file, struct sim_change *change)
{
    ASSERT(!file->first || file->last->serial <= change->serial);
    if (file->first)
        file->last->next = change;
    else
        file->first = change;
    file->last = change;
    apply(&file->now, change);
}

void sim_file_write(struct sim_file *file, size_t offset, struct str bytes, uint64_t serial)
{
    struct sim_change *change;

    if (bytes.length == 0)
        return;
    change = memory_alloc(file->base.memory, sizeof *change + bytes.length);
    *change = (struct sim_change){.serial = serial, .offset = offset, .end = offset + bytes.length};
    memcpy(change->bytes, bytes.bytes, bytes.length);
    append(file, change);
}

void sim_file_set_length(struct sim_file *file, size_t length, uint64_t serial)
{
    struct sim_change *change = memory_alloc(file->base.memory, sizeof *change);
    size_t end = file->now.length > length ? file->now.length : length;

    *change = (struct sim_change){.serial = serial, .offset = length, .end = end, .cuts = true};
    append(file, change);
}

void sim_file_copy(struct sim_file *to, const struct sim_file *from, struct memory *memory)
{
    struct sim_change **end = &to->first;

    sim_file_init(to, memory);
    buffer_append_str(&to->now, buffer_str(&from->now));
    buffer_append_str(&to->base, buffer_str(&from->base));
    for (const struct sim_change *change = from->first; change; change = change->next) {
        size_t bytes = sizeof *change + (change->cuts ? 0 : change->end - change->offset);

        *end = memory_alloc(memory, bytes);
        memcpy(*end, change, bytes);
        to->last = *end;
        end = &(*end)->next;
    }
}

/* Syncing. */

static void settle(struct sim_file *file)
{
    while (file->first && file->first->is_synced) {
        apply(&file->base, file->first);
        drop_first(file);
    }
}

void sim_file_sync(struct sim_file *file, uint64_t serial)
{
    for (struct sim_change *change = file->first; change && change->serial <= serial; change = change->next)
        change->is_synced = !change->is_forgotten;
    settle(file);
}

void sim_file_forget(struct sim_file *file, uint64_t serial)
{
    for (struct sim_change *change = file->first; change && change->serial <= serial; change = change->next)
        change->is_forgotten = !change->is_synced;
}

/* Crashing. */

enum crash_manner {
    CRASH_LOSES_ALL,
    CRASH_LOSES_NONE,
    CRASH_KEEPS_A_PREFIX,   /* of the changes, the last of them torn */
    CRASH_KEEPS_ANY,        /* changes, sector by sector */
    CRASH_KEEPS_OLD_OR_NEW, /* sector by sector */
    CRASH_MANNERS
};

struct crash {
    struct dice *dice;
    enum crash_manner manner;
    uint32_t changes, prefix;
};

/* How many of the changes are in the next sector. */
static uint32_t draw_count(struct crash *crash)
{
    switch (crash->manner) {
    case CRASH_LOSES_ALL:
        return 0;
    case CRASH_KEEPS_A_PREFIX:
        return crash->prefix + (crash->prefix < crash->changes ? dice_below(crash->dice, 2) : 0);
    case CRASH_KEEPS_ANY:
        return dice_below(crash->dice, crash->changes + 1);
    case CRASH_KEEPS_OLD_OR_NEW:
        return dice_one_in(crash->dice, 2) ? crash->changes : 0;
    default:
        return crash->changes;
    }
}

static struct crash draw_crash(const struct sim_file *file, struct dice *dice)
{
    struct crash crash = {.dice = dice, .manner = dice_below(dice, CRASH_MANNERS)};

    for (const struct sim_change *change = file->first; change; change = change->next)
        crash.changes++;
    crash.prefix = dice_below(dice, crash.changes + 1);
    return crash;
}

static size_t longest(const struct sim_file *file)
{
    size_t length = file->base.length;

    for (const struct sim_change *change = file->first; change; change = change->next)
        length = change->end > length ? change->end : length;
    return length;
}

static void keep_sector(const struct sim_file *file, struct buffer *left, size_t sector, uint32_t count)
{
    size_t begin = sector * SECTOR_BYTES, end = begin + SECTOR_BYTES;

    for (const struct sim_change *change = file->first; change; change = change->next) {
        bool survives = change->is_synced || count > 0;
        size_t from = change->offset > begin ? change->offset : begin, to = change->end < end ? change->end : end;

        if (survives && from < to)
            set_bytes(left, change, from, to);
        count -= count > 0;
    }
}

/* A long write may have been on its way sector by sector. */
static size_t draw_length(struct dice *dice, const struct sim_change *change, size_t length)
{
    size_t after = length_after(change, length), sectors = after / SECTOR_BYTES - length / SECTOR_BYTES;

    if (change->is_synced || change->cuts || after <= length || sectors == 0 || dice_one_in(dice, 2))
        return after;
    return (length / SECTOR_BYTES + 1 + dice_below(dice, (uint32_t)sectors)) * SECTOR_BYTES;
}

/* With the first `count` changes. */
static size_t length_left(const struct sim_file *file, struct dice *dice, uint32_t count)
{
    size_t length = file->base.length;

    for (const struct sim_change *change = file->first; change; change = change->next) {
        if (change->is_synced || count > 1)
            length = length_after(change, length);
        else if (count == 1)
            length = draw_length(dice, change, length);
        count -= count > 0;
    }
    return length;
}

static bool is_synced_later(const struct sim_change *change, size_t at)
{
    for (change = change->next; change; change = change->next)
        if (change->is_synced && change->offset <= at && at < change->end)
            return true;
    return false;
}

static bool rot(struct sim_file *file, struct buffer *left, struct dice *dice)
{
    bool rotted = false;

    for (const struct sim_change *change = file->first; change; change = change->next) {
        size_t at;

        if (change->is_synced || change->offset == change->end || !dice_one_in(dice, 4))
            continue;
        at = change->offset + dice_below(dice, (uint32_t)(change->end - change->offset));
        if (at < left->length && !is_synced_later(change, at)) {
            left->bytes[at] = (char)(left->bytes[at] ^ 1 << dice_below(dice, 8));
            rotted = true;
        }
    }
    return rotted;
}

bool sim_file_crash(struct sim_file *file, struct dice *dice, bool rots)
{
    struct crash crash = draw_crash(file, dice);
    size_t most = longest(file);
    bool rotted;

    set_length(&file->now, 0);
    buffer_append_str(&file->now, buffer_str(&file->base));
    set_length(&file->now, most);
    for (size_t sector = 0; sector * SECTOR_BYTES < most; sector++)
        keep_sector(file, &file->now, sector, draw_count(&crash));
    set_length(&file->now, length_left(file, dice, draw_count(&crash)));
    rotted = rots && rot(file, &file->now, dice);
    while (file->first)
        drop_first(file);
    set_length(&file->base, 0);
    buffer_append_str(&file->base, buffer_str(&file->now));
    return rotted;
}
