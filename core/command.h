/* What a command is: the one row that arity checks, routing, COMMAND, access
 * categories and documentation all read.
 *
 * The rows are stated group by group in command_table_GROUP.c;
 * command_table_init puts them together, command_rename changes names, both
 * before any thread starts. From then on nothing here changes.
 * A renamed command's row stays as it was: only clients call it by the new name. */
#ifndef CORE_COMMAND_H
#define CORE_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/str.h"
#include "core/undo_save.h"

struct call;
struct core;
struct merge;

/* How a command reaches the data (design, section 5). */
enum route {
    ROUTE_LOCAL,   /* the connection's shard answers when it parses the request */
    ROUTE_SINGLE,  /* the owner of its keys; a gather where the keys lie on several shards; without keys the
                      connection's shard, in the order of its batch */
    ROUTE_SCATTER, /* every owner of a key does its part, `merge` combines the replies; without keys: every shard */
    ROUTE_GATHER,  /* without keys: one thread over the keyspaces of all shards */
    ROUTE_CURSOR,  /* SCAN: the shard that the cursor names */
    ROUTE_SCRIPT,  /* the owners of its keys, or all shards, by what the script is known to touch */
    ROUTE_SAVE,    /* as ROUTE_LOCAL; then what it has claimed is saved by all shards (SAVE), in the order of its batch */
    ROUTE_SESSION, /* as ROUTE_LOCAL; then what session->rest says, on the shards of a transaction's keys */
};

enum command_flag {
    CMD_WRITE = 1 << 0,
    CMD_READONLY = 1 << 1,
    CMD_DENYOOM = 1 << 2,
    CMD_ADMIN = 1 << 3,
    CMD_PUBSUB = 1 << 4,
    CMD_NOSCRIPT = 1 << 5,
    CMD_BLOCKING = 1 << 6,
    CMD_LOADING = 1 << 7,
    CMD_STALE = 1 << 8,
    CMD_SKIP_MONITOR = 1 << 9,
    CMD_SKIP_SLOWLOG = 1 << 10,
    CMD_ASKING = 1 << 11,
    CMD_FAST = 1 << 12,
    CMD_NO_AUTH = 1 << 13,
    CMD_MAY_REPLICATE = 1 << 14,
    CMD_NO_MANDATORY_KEYS = 1 << 15,
    CMD_PROTECTED = 1 << 16,
    CMD_NO_ASYNC_LOADING = 1 << 17,
    CMD_NO_MULTI = 1 << 18,
    CMD_ALLOW_BUSY = 1 << 19,
    CMD_TOUCHES_ARBITRARY_KEYS = 1 << 20,
    CMD_MOVABLE_KEYS = 1 << 21,
    CMD_SENTINEL = 1 << 22,
    CMD_DEPRECATED = 1 << 23, /* COMMAND DOCS only */
    CMD_HIDDEN = 1 << 24,     /* a subcommand that COMMAND does not show (DEBUG's) */
    CMD_SYSCMD = 1 << 25,     /* COMMAND DOCS only: not for applications */
    /* For net and shards; COMMAND shows neither. */
    CMD_FENCE =
        1 << 26, /* changes how requests are admitted: its connection's next one is parsed when it is answered */
    CMD_SETTLE = 1 << 27, /* a scatter over all shards whose answer waits until what was admitted before is executed */
    CMD_SESSION = 1 << 28, /* needs call->session: a transaction with it is executed by the connection's shard */
    CMD_NOT_QUEUED = 1 << 29, /* runs at once in MULTI, too */
    CMD_EXECUTES = 1 << 30,   /* EXEC: does what the queued commands do */
};

/* What a command has to do with channels. */
enum command_pubsub {
    PUBSUB_ALLOWED = 1 << 0, /* a client with subscriptions may send it in RESP2, too */
    PUBSUB_SUBSCRIBES = 1 << 1,
    PUBSUB_UNSUBSCRIBES = 1 << 2,
    PUBSUB_CHANGES = PUBSUB_SUBSCRIBES | PUBSUB_UNSUBSCRIBES, /* planned where the connection is: subscriptions.h */
    PUBSUB_PATTERNS = 1 << 3,
    PUBSUB_SHARDED = 1 << 4,
    PUBSUB_LEAVES = 1 << 5,    /* all subscriptions end before it begins; or, with PUBSUB_UNSUBSCRIBES, by it */
    PUBSUB_SETTLES = 1 << 6,   /* no change is under way when it begins */
    PUBSUB_PUBLISHES = 1 << 7, /* messages, which keep the order of the connection's requests */
};

/* Access categories. A row states those that do not follow from its flags; command_categories adds @read, @write,
 * @fast, @slow, @admin … */
// clang-format off
enum command_category {
    ACL_KEYSPACE = 1 << 0, ACL_READ = 1 << 1, ACL_WRITE = 1 << 2, ACL_SET = 1 << 3, ACL_SORTEDSET = 1 << 4,
    ACL_LIST = 1 << 5, ACL_HASH = 1 << 6, ACL_STRING = 1 << 7, ACL_BITMAP = 1 << 8, ACL_HYPERLOGLOG = 1 << 9,
    ACL_GEO = 1 << 10, ACL_STREAM = 1 << 11, ACL_PUBSUB = 1 << 12, ACL_ADMIN = 1 << 13, ACL_FAST = 1 << 14,
    ACL_SLOW = 1 << 15, ACL_BLOCKING = 1 << 16, ACL_DANGEROUS = 1 << 17, ACL_CONNECTION = 1 << 18,
    ACL_TRANSACTION = 1 << 19, ACL_SCRIPTING = 1 << 20,
};
// clang-format on

enum key_flag {
    KEY_RO = 1 << 0,
    KEY_RW = 1 << 1,
    KEY_OW = 1 << 2,
    KEY_RM = 1 << 3,
    KEY_ACCESS = 1 << 4,
    KEY_UPDATE = 1 << 5,
    KEY_INSERT = 1 << 6,
    KEY_DELETE = 1 << 7,
    KEY_NOT_KEY = 1 << 8,
    KEY_INCOMPLETE = 1 << 9,
    KEY_VARIABLE_FLAGS = 1 << 10,
};

enum key_begin { KEY_BEGIN_NONE, KEY_BEGIN_INDEX, KEY_BEGIN_KEYWORD, KEY_BEGIN_UNKNOWN };
enum key_find { KEY_FIND_RANGE, KEY_FIND_KEYNUM, KEY_FIND_UNKNOWN };

/* Where a command's keys are, as Redis's key specifications say it. */
struct key_spec {
    uint16_t flags;
    uint8_t begin, find;
    int16_t index; /* argument that begins the search (KEY_BEGIN_INDEX), or from which the keyword is looked for;
                      negative: from the end */
    const char *keyword;
    int16_t last; /* range: last key relative to the first, negative: from the end */
    int16_t step;
    int16_t limit;              /* range with last -1: 1/limit of the arguments, 0 and 1: all */
    int16_t count_at, first_at; /* keynum: relative to the beginning */
    const char *notes;          /* for people; NULL: none */
};

enum { COMMAND_KEY_SPECS = 3, COMMAND_CALLED_BYTES = 256 /* the longest name and its end */ };

typedef void command_handler(struct call *call);
/* Combines the replies of a scatter's parts; NULL: all are the same, the first serves. */
typedef void command_merge(struct merge *merge);
struct key_position {
    int index;      /* in argv */
    uint16_t flags; /* enum key_flag, with the command's own refinement (SET with GET …) applied */
};
typedef void command_visit_key(void *context, struct key_position key);
/* The keys among the arguments, where no specification can state them. */
typedef void command_find_keys(const struct str *argv, int argc, command_visit_key *visit, void *context);
/* Whether this request may touch keys that its arguments do not name: then it runs over all shards. */
typedef bool command_reaches_all(const struct str *argv, int argc);
/* What the script that this request names says of itself: CMD_WRITE, CMD_DENYOOM, both or neither. */
typedef uint32_t command_declares(struct core *core, const struct str *argv);
/* How this request uses a key whose specification has KEY_VARIABLE_FLAGS: enum key_flag. */
typedef uint16_t command_refine(const struct str *argv, int argc);
/* Whether this request of a command with CMD_BLOCKING may block. */
typedef bool command_blocks(const struct str *argv, int argc);
/* Whether an argument is a secret, which the slow log and MONITOR do not show. */
typedef bool command_hides(const struct str *argv, int argc, int index);

struct command {
    const char *name;     /* lower case; a subcommand's own name */
    command_handler *run; /* NULL for a pure container */
    int16_t arity;        /* with the command's name(s); negative: at least */
    uint8_t route;
    uint8_t pubsub; /* enum command_pubsub */
    uint32_t flags;
    uint32_t acl;
    struct key_spec keys[COMMAND_KEY_SPECS];
    command_refine *refine;
    command_find_keys *find_keys;
    command_reaches_all *reaches_all;
    command_declares *declares; /* NULL: the flags say all */
    command_blocks *blocks; /* NULL: with CMD_BLOCKING always */
    command_merge *merge;
    command_save *save; /* of a large value, should a script be taken back; see undo_save.h, and snapshot_walk.h */
    command_hides *hides;
    bool precedes_queue;  /* MULTI, WATCH: once commands are queued it is an error */
    bool fails_as_writes; /* PING: where writes are refused for the disk's sake, so is this */
    const struct command *subcommands; /* ends with a NULL name */
    const char *group;                 /* "string", "generic", … */
    const char *since;
    const char *complexity;
    const char *summary;
    const char *syntax; /* the arguments, in the notation of command_syntax.h; NULL: none */
    const char *tips;   /* for clients of a cluster, separated by spaces; NULL: none */
    const char *deprecated_since, *replaced_by;
    /* Set by command_table_init. */
    const char *called;           /* the name that finds the row: its own, or the one that command_rename gave it */
    const struct command *parent; /* a subcommand's container */
    uint16_t number; /* its own among all rows, from 1 on; of a hidden subcommand its container's */
    bool steady;     /* takes about as long each time, unless its arguments or its answer are large */
    int16_t only_key; /* the argument that is the key, where there is exactly one at a fixed place; else 0 */
    bool plain;       /* its only key's owner runs it, and neither the connection nor the router has more to heed */
};

extern const struct command *const command_table; /* sorted by name, ends with a NULL name */

/* Puts the table and its index together; once, before any thread starts (again does nothing). */
void command_table_init(void);
/* Gives the command that is called `from` another name, or removes it from the table where `to` is empty. Rows may
 * move: before anything refers to one, and before any thread starts. NULL, or what is wrong, in Redis's words. */
MUST_USE const char *command_rename(struct str from, struct str to);
size_t command_count(void);
/* All numbers of commands are below it. */
size_t command_numbers(void);

/* The row for a request, subcommand resolved. NULL: unknown (the container's
 * row comes back in *container when only the subcommand is, else NULL). A container with
 * hidden subcommands (DEBUG) answers itself for those that there are none of or
 * whose arity does not fit. */
const struct command *command_find(const struct str *argv, int argc, const struct command **container);
/* By "get" or "config|get", as clients call them; hidden rows are not found. */
const struct command *command_find_by_name(struct str name);
bool command_arity_fits(const struct command *command, int argc);
uint32_t command_categories(const struct command *command);

/* enum channel_kind: of a command with PUBSUB_CHANGES or PUBSUB_PUBLISHES. */
static inline int command_channel_kind(const struct command *command)
{
    return command->pubsub / PUBSUB_PATTERNS & 3;
}

/* The first of a container's subcommands, or NULL where it has none that are known as commands. */
static inline const struct command *command_shown_subcommands(const struct command *command)
{
    return command->subcommands && !(command->subcommands->flags & CMD_HIDDEN) ? command->subcommands : NULL;
}

/* "config|get" of a subcommand, "debug" of a hidden one, else the name. text: at least 64 bytes; returns it. */
const char *command_full_name(const struct command *command, char text[static 64]);
/* "CONFIG": a command as the client called it, in capitals and on one line; returns text. */
const char *command_capitals(struct str called, char text[static COMMAND_CALLED_BYTES]);

/* Calls visit for each key in argv, in order of the specifications. False: the
 * arguments do not fit them (numkeys that is no number or too large); keys of earlier
 * specifications have then been visited. */
MUST_USE bool command_each_key(const struct command *command, const struct str *argv, int argc,
                               command_visit_key *visit, void *context);
/* The same by the specifications alone, also of a command that finds its keys itself. */
MUST_USE bool command_each_stated_key(const struct command *command, const struct str *argv, int argc,
                                      command_visit_key *visit, void *context);

#endif
