#include "shards/load_scan.h"

#include <stdio.h>

#include "core/log.h"
#include "core/memory.h"
#include "shards/load_stream.h"
#include "shards/shard.h"

enum { UNITS_PER_LOOK = 64 /* at the clock */ };

struct load_scan {
    struct shard *shard;
    struct load_run *run;
    bool of_claims;
    int index; /* of the segment that is being read */
    bool is_open;
    struct load_stream stream;
    struct aof_claim claim;
    struct aof_cut all; /* of claims: what is known of all segments' groups */
};

struct load_scan *load_scan_begin(struct shard *shard, const struct load_stage *stage)
{
    struct load_scan *scan = memory_alloc_zeroed(&shard->core.memory, sizeof *scan);
    struct load_run *run = stage->run;

    scan->shard = shard;
    scan->run = run;
    scan->of_claims = stage->kind == LOAD_AOF_CLAIMS;
    scan->index = shard->index;
    aof_claim_init(&scan->claim, &shard->core.memory, run->count);
    aof_cut_init(&scan->all, &shard->core.memory, run->count);
    for (int i = 0; scan->of_claims && i < run->count; i++)
        aof_cut_join(&scan->all, &run->segments[i].groups);
    return scan;
}

static void close_stream(struct load_scan *scan)
{
    if (scan->is_open)
        load_stream_close(&scan->stream);
    scan->is_open = false;
}

void load_scan_end(struct load_scan *scan)
{
    close_stream(scan);
    aof_claim_deinit(&scan->claim);
    aof_cut_deinit(&scan->all);
    memory_free(&scan->shard->core.memory, scan);
}

/* Groups */

static struct load_segment *segment_of(const struct load_scan *scan)
{
    return &scan->run->segments[scan->index];
}

static void raise(uint64_t *highest, uint64_t stamp)
{
    if (stamp > *highest)
        *highest = stamp;
}

/* The lines that a group begins with. */
static bool read_claim(struct load_scan *scan, const struct aof_unit *group)
{
    struct aof_body body;
    struct aof_unit unit;
    bool is_right = true;

    aof_claim_begin(&scan->claim, group);
    aof_body_init(&body, &scan->shard->core.memory, group->body);
    while (is_right && body.left.length > 0 && body.left.bytes[0] == '#')
        is_right = aof_body_next(&body, &unit) == AOF_NEXT && aof_claim_take(&scan->claim, &unit);
    aof_body_deinit(&body);
    return is_right && aof_claim_is_whole(&scan->claim);
}

static bool fail_group(struct load_scan *scan, const struct aof_unit *group)
{
    char problem[512];

    snprintf(problem, sizeof problem, "%s, byte %llu: what the group says of the shards is malformed",
             load_stream_file(&scan->stream)->path, (unsigned long long)group->offset);
    load_fail_wrong(scan->shard, problem);
    return false;
}

static bool take_group(struct load_scan *scan, const struct aof_unit *group)
{
    struct load_segment *segment = segment_of(scan);

    if (!read_claim(scan, group))
        return fail_group(scan, group);
    if (scan->of_claims) {
        aof_cut_take_claim(&scan->all, &scan->claim);
        return true;
    }
    aof_cut_take_group(&segment->groups, scan->index, &scan->claim);
    raise(&segment->highest_stamp, group->stamp);
    raise(&segment->highest_stamp, scan->claim.until);
    raise(&segment->highest_stamp, scan->claim.known);
    return true;
}

static bool take(struct load_scan *scan, const struct aof_unit *unit)
{
    if (unit->kind == AOF_UNIT_COMMAND)
        segment_of(scan)->has_tail = true;
    return unit->kind != AOF_UNIT_GROUP || take_group(scan, unit);
}

/* Ends of files */

void load_fail_wrong(struct shard *shard, const char *problem)
{
    char line[800];

    snprintf(line, sizeof line,
             "Bad file format reading the append only file: %s. Make a backup of the folder, then look at it with "
             "shoal-check, which can repair it (--repair)",
             problem);
    loading_fail(shard, line);
}

bool load_torn_is_fine(struct shard *shard, const struct load_run *run, const struct load_file *file, uint64_t sound,
                       const char *problem)
{
    char line[800];

    if (!run->is_last || run->is_whole) {
        load_fail_wrong(shard, problem);
        return false;
    }
    if (shard->core.config.aof_load_truncated) {
        log_write(LOG_WARNING,
                  "Short read while loading the append only file: %s. Its last %llu bytes are not loaded; it is loaded "
                  "anyway because aof-load-truncated is enabled",
                  problem, (unsigned long long)(file->bytes - sound));
        return true;
    }
    snprintf(line, sizeof line,
             "Unexpected end of file reading the append only file: %s. You can make a backup of the folder and repair "
             "it with shoal-check --repair, or set aof-load-truncated to yes and start again",
             problem);
    loading_fail(shard, line);
    return false;
}

/* From now on the segment ends there, and files behind it have nothing in them. */
static bool end_torn(struct load_scan *scan)
{
    struct load_file *file = &segment_of(scan)->files[scan->stream.file];
    uint64_t sound = load_stream_sound(&scan->stream);

    if (!load_torn_is_fine(scan->shard, scan->run, file, sound, load_stream_problem(&scan->stream)))
        return false;
    file->bytes = sound;
    return true;
}

static void end_segment(struct load_scan *scan)
{
    if (scan->of_claims)
        aof_cut_join(&segment_of(scan)->claims, &scan->all);
    close_stream(scan);
    scan->index += scan->shard->group->count;
}

static enum load_status step(struct load_scan *scan)
{
    struct aof_unit unit;

    switch (load_stream_next(&scan->stream, &unit)) {
    case LOAD_STREAM_UNIT:
        return take(scan, &unit) ? LOAD_GOES_ON : LOAD_FAILED;
    case LOAD_STREAM_HUNGRY:
        return load_stream_fill(&scan->stream) ? LOAD_GOES_ON : LOAD_FAILED;
    case LOAD_STREAM_TORN:
        if (!end_torn(scan))
            return LOAD_FAILED;
        end_segment(scan);
        return LOAD_GOES_ON;
    case LOAD_STREAM_END:
        end_segment(scan);
        return LOAD_GOES_ON;
    default:
        load_fail_wrong(scan->shard, load_stream_problem(&scan->stream));
        return LOAD_FAILED;
    }
}

enum load_status load_scan_slice(struct load_scan *scan, int64_t until_us)
{
    enum load_status status = LOAD_GOES_ON;

    do {
        for (int units = 0; status == LOAD_GOES_ON && units < UNITS_PER_LOOK; units++) {
            if (scan->index >= scan->run->count)
                return LOAD_DONE;
            if (!scan->is_open)
                load_stream_open(&scan->stream, scan->shard, segment_of(scan));
            scan->is_open = true;
            status = step(scan);
        }
    } while (status == LOAD_GOES_ON && loop_monotonic_us(scan->shard->loop) < until_us);
    return status;
}
