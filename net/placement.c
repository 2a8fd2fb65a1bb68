#include "net/placement.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>

static int usable_cpus(cpu_set_t *set, uint16_t cpus[static CONFIG_CPUS_MAX])
{
    int count = 0;

    CPU_ZERO(set);
    if (sched_getaffinity(0, sizeof *set, set) != 0)
        return 0;
    for (int cpu = 0; cpu < CPU_SETSIZE && count < CONFIG_CPUS_MAX; cpu++)
        if (CPU_ISSET((size_t)cpu, set))
            cpus[count++] = (uint16_t)cpu;
    return count;
}

static bool all_usable(const cpu_set_t *set, const uint16_t *cpus, int count, char *error, size_t error_bytes)
{
    for (int i = 0; i < count; i++) {
        if (cpus[i] < CPU_SETSIZE && CPU_ISSET((size_t)cpus[i], set))
            continue;
        snprintf(error, error_bytes, "shard-cpus: CPU %d does not exist or may not be used by this process", cpus[i]);
        return false;
    }
    return true;
}

static void describe(struct placement *placement, const char *how)
{
    size_t used = (size_t)snprintf(placement->text, sizeof placement->text, "%s", how);

    for (int i = 0; placement->pinned && i < placement->shards && used + 8 < sizeof placement->text; i++)
        used += (size_t)snprintf(placement->text + used, sizeof placement->text - used, "%s%d", i ? "," : " ",
                                 placement->cpus[i]);
}

static bool by_list(struct placement *placement, const struct config *config, const cpu_set_t *set, char *error,
                    size_t error_bytes)
{
    uint16_t cpus[CONFIG_CPUS_MAX];
    int listed = config_cpu_list(config->shard_cpus, cpus, CONFIG_CPUS_MAX, error, error_bytes);

    if (listed < 0 || !all_usable(set, cpus, listed, error, error_bytes))
        return false;
    placement->shards = config->shards ? config->shards : listed;
    if (placement->shards > listed || placement->shards > CONFIG_SHARDS_MAX) {
        snprintf(error, error_bytes, "shard-cpus lists %d CPUs for %d shards", listed, placement->shards);
        return false;
    }
    placement->pinned = true;
    memcpy(placement->cpus, cpus, (size_t)placement->shards * sizeof cpus[0]);
    describe(placement, "pinned to CPUs");
    return true;
}

bool placement_choose(struct placement *placement, const struct config *config, char *error, size_t error_bytes)
{
    uint16_t cpus[CONFIG_CPUS_MAX];
    cpu_set_t set;
    int usable = usable_cpus(&set, cpus);
    bool off = strcmp(config->shard_cpus, "off") == 0;

    *placement = (struct placement){.shards = config->shards};
    if (config->shard_cpus[0] && !off)
        return by_list(placement, config, &set, error, error_bytes);
    if (placement->shards == 0)
        placement->shards = usable > CONFIG_SHARDS_MAX ? CONFIG_SHARDS_MAX : usable > 0 ? usable : 1;
    placement->pinned = !off && placement->shards <= usable;
    if (placement->pinned)
        memcpy(placement->cpus, cpus, (size_t)placement->shards * sizeof cpus[0]);
    describe(placement, placement->pinned ? "pinned to CPUs" : off ? "not pinned (shard-cpus off)" : "not pinned (more shards than CPUs)");
    return true;
}
