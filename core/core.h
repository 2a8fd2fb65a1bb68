/* All that one shard lends to the commands it runs.
 *
 * Belongs to the shard's thread. In a gather the executor uses the participants'
 * keyspaces (through call_keyspace) and nothing else of theirs. */
#ifndef CORE_CORE_H
#define CORE_CORE_H

#include "core/broadcasts.h"
#include "core/channels.h"
#include "core/command_stats.h"
#include "core/config.h"
#include "core/functions.h"
#include "core/latency.h"
#include "core/memory.h"
#include "core/monitor.h"
#include "core/publish.h"
#include "core/save_state.h"
#include "core/scripts.h"
#include "core/session.h"
#include "core/slowlog.h"
#include "core/stats.h"
#include "core/undo.h"

struct call;
struct keyspace;
struct load_progress;
struct reply;
struct script_run;
struct script_state;

/* Who is asked, every so many instructions, whether a running script shall go on; NULL: it shall. */
struct script_watch {
    bool (*goes_on)(void *context, struct script_run *run);
    /* SCRIPT KILL, FUNCTION KILL. */
    void (*kill)(void *context, bool function, struct reply *reply);
    /* True: a script is busy, on whatever shard, and the reply says so. */
    bool (*refuses)(void *context, struct reply *reply);
    void *context;
};

/* What is known of the append-only file. */
struct aof_figures {
    bool enabled;
    bool behind;             /* any shard's: too much is on its way to the disk, and writes are to wait */
    int error;               /* any shard's: an errno, nothing gets through to the disk; 0: all is well */
    uint64_t bytes;          /* of this shard's newest segment */
    uint64_t before_bytes;   /* of all files but the newest segments, and of all when it was last rewritten or loaded: */
    uint64_t base_bytes;
    uint64_t buffered_bytes; /* of this shard: not on the disk */
    uint64_t delayed_syncs;  /* likewise: seconds in which a sync took longer than two */
};

/* Whoever knows how far all shards' append-only files are, in stamps: numbers that rise with what is executed. */
struct durability {
    uint64_t (*newest)(void *context);              /* of the last record that an answer which is given now may show */
    bool (*is_safe)(void *context, uint64_t stamp); /* everything up to it would survive a loss of power */
    bool (*has_base)(void *context);                /* else nothing would: it is being written, or will be */
    void *context;
};

/* DEBUG RELOAD: what is done beside loading the file. */
struct reload_options {
    bool saves, flushes; /* before it */
    bool replaces;       /* a key that is there gives way to the file's; else the file is refused */
};

enum shutdown_flag {
    SHUTDOWN_ASKED = 1 << 0,
    SHUTDOWN_SAVE = 1 << 1, /* whatever the settings say; likewise */
    SHUTDOWN_NO_SAVE = 1 << 2,
    SHUTDOWN_FORCE = 1 << 3, /* even if saving fails */
    SHUTDOWN_ABORT = 1 << 4, /* the one that is under way ends */
};

struct core {
    struct memory memory;     /* of this thread: requests, connections, replies */
    struct memory data;       /* of the keyspace: charged by the executor of a gather while this shard is parked */
    struct keyspace *keyspace;
    /* maxmemory, which all shards together are held to; by the shard, see memory_limit.h there. */
    size_t memory_mark;       /* of data.used_bytes: beyond it the shard looks before it executes anything */
    size_t others_used_bytes; /* on the other shards, as last seen */
    bool out_of_memory;       /* maxmemory is exceeded, and there is nothing to evict */
    struct undo undo;         /* of a script that is running, and may be taken back; charged as the keyspace is */
    struct config config;     /* this shard's copy of the settings */
    struct sessions sessions; /* of the connections on this shard */
    struct channels channels; /* who subscribes to what, on all shards */
    struct publishing publishing;
    struct broadcasts broadcasts; /* who caches by prefixes, on all shards; see core_heed_broadcasts */
    struct stats stats;
    struct scripts scripts;            /* all that are known; an executor may add to them as to the keyspace */
    struct script_state *script_state; /* this thread's Lua; NULL until a script runs */
    struct functions functions;          /* likewise, */
    struct script_state *function_state; /* and their Lua */
    struct script_watch script_watch;
    uint64_t script_random; /* of scripts' math.random */
    struct command_stats command_stats;
    struct latency latency;
    struct monitors monitors;
    struct slowlog slowlog;   /* of commands of these connections */
    int index, count;         /* which shard of how many; frozen */
    const struct server_facts *facts; /* frozen before start */
    char replication_id[41];  /* INFO's master_replid: the same on all shards; the run's until it is changed */
    struct aof_figures aof; /* kept by the shard */
    struct durability durability;
    const char *net_backend;  /* "io_uring" or "epoll"; set before the first connection */
    size_t startup_bytes;     /* in use when the shard had started, before the first connection */
    bool loading;             /* the data set is not there yet: only commands with CMD_LOADING may run */
    const struct load_progress *load_progress; /* NULL: there was nothing to load */
    struct save_state *saves; /* of all shards; set before start */
    uint64_t saved_changes;   /* of the keyspace's, what the last file holds */
    bool save_failed;         /* there is none of what has changed since: see core_refuses_writes */
    /* For a call with all shards in reach; writes the reply. Whoever has the files sets it. */
    void (*reload)(struct call *call, const struct reload_options *options);
    void (*load_append_only)(struct call *call); /* DEBUG LOADAOF, likewise */
    /* What commands ask of the shard, which passes it on: */
    int save_asked;           /* enum save_kind: what has been claimed is to begin */
    bool save_scheduled;
    bool flushed_all;
    int shutdown_asked;       /* enum shutdown_flag, of SHUTDOWN */
    bool is_walking;          /* in some shard's keyspace a snapshot's walk may be under way */
    int64_t stall_us;         /* DEBUG SLEEP: the shard sleeps this long before it goes on */
};

/* config: copied. facts: borrowed for the core's life. */
void core_init(struct core *core, const struct config *config, const struct server_facts *facts, int index, int count);
void core_deinit(struct core *core);
/* Whether writes would be lost, as far as one can tell: the append-only file can't be written; or the last snapshot has
 * failed, where snapshots are wanted. */
static inline bool core_refuses_writes(const struct core *core)
{
    return __builtin_expect(core->save_failed | (core->aof.error != 0), 0) &&
           (core->aof.error != 0 || (core->config.stop_writes_on_bgsave_error && core->config.save[0] != '\0'));
}
/* Nor would what may write be answered before the disk is well. */
static inline bool core_holds_writers(const struct core *core)
{
    return core->aof.error != 0 && core->config.appendfsync == CONFIG_FSYNC_ALWAYS;
}
/* In Redis's words why; NULL: they are not refused. The text is static, or in the room. */
enum { CORE_REFUSAL_BYTES = 160 };
const char *core_write_refusal(const struct core *core, char room[static CORE_REFUSAL_BYTES]);

/* What follows from the settings: when they have changed. */
void core_configure(struct core *core);

/* Around what may be late: what the one gives, the clock's reading if anybody wants to know, is for the other. */
int64_t core_latency_begin(const struct core *core);
void core_latency_end(struct core *core, enum latency_event event, int64_t began_ns, int64_t now_ms);

/* What a command that may not run while memory is short is refused with. */
#define CORE_OUT_OF_MEMORY "OOM command not allowed when used memory > 'maxmemory'."

/* After a change of the broadcasts. */
void core_heed_broadcasts(struct core *core);

/* Over all accounts of the shard: the thread's, the keyspace's, the settings'. */
size_t core_used_bytes(const struct core *core);
size_t core_peak_bytes(const struct core *core);
/* Of them those that maxmemory does not count: buffers of the append-only file, which eviction would make larger. */
size_t core_uncounted_bytes(const struct core *core);

/* Whether the shard has to look at maxmemory before it executes anything. */
static inline bool core_is_past_mark(const struct core *core)
{
    return __builtin_expect(core->data.used_bytes > core->memory_mark, 0);
}

#endif
