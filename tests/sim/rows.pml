/* Rows of gathers (shards/gather.c), as a model for Spin.
 *
 * What ordering.pml shows is taken for granted: all shards execute in the order of the stamps. So each shard has one
 * queue here, and a batch enters all its queues in one step. What it leaves out: by whom a parked shard is woken,
 * scripts that are busy, parts that each shard runs itself.
 *
 * Three shards. A batch is of any commands: on one shard, or gathers over any two or all, executed by the last to
 * arrive or by home. A gather that was staged right behind another, and takes none but its shards, follows it; the
 * executor goes on with what follows as long as it likes. There are two batches, of FIRST and SECOND commands, which
 * come at any moments.
 *
 * Checked: on each shard commands are executed in the order in which they were staged, each once; nobody touches a shard
 * that another is working on; nobody looks at a gather that may have been freed; all commands end (no invalid end state).
 *
 * Guards, each of which must be needed (Spin finds an error without it):
 *   -DFOLLOW_OTHERS  a follower may take other shards     -DFOLLOW_FAR  it may lie anywhere behind
 *   -DDONE_FIRST     the first of a row is done before those behind it
 *   -DMEET_AGAIN     what was executed with the one before it is met all the same
 */
#define SHARDS 3
#define ALL 7
#ifndef FIRST
#define FIRST 3            /* commands of a batch */
#endif
#ifndef SECOND
#define SECOND 0
#endif
#define COMMANDS (FIRST + SECOND)
#define NONE 255

chan queue[SHARDS] = [COMMANDS] of { byte };

typedef Command {
    byte shards;           /* set; one: it is no gather */
    byte home;             /* the shard that is to execute it; NONE: whoever arrives last */
    byte follower;
    byte to_arrive, to_leave;
    bool done, freed, executed
}
Command commands[COMMANDS];
byte staged = 0;
byte latest[SHARDS];       /* the last command that was executed there, + 1 */
bool used[SHARDS];         /* somebody is at work there */

#define HAS(set, shard) (((set) >> (shard)) & 1)
#define COUNT(set) (HAS(set, 0) + HAS(set, 1) + HAS(set, 2))
#define IS_GATHER(c) (COUNT(commands[c].shards) > 1)

/* Somebody's next batch, of count commands, as soon as all of it is in the rings. */
proctype client(byte count) {
    byte last = NONE, set, home, i;
    atomic {
        do
        :: count == 0 -> break
        :: else ->
            select(set : 1 .. ALL);
            commands[staged].shards = set;
            commands[staged].to_arrive = COUNT(set);
            commands[staged].to_leave = COUNT(set);
            commands[staged].follower = NONE;
            commands[staged].home = NONE;
            i = 0;
            do
            :: i < SHARDS ->
                if
                :: HAS(set, i) -> queue[i] ! staged; home = i
                :: else
                fi;
                i++
            :: else -> break
            od;
            if
            :: COUNT(set) > 1 -> commands[staged].home = home
            :: true
            fi;
            if
#ifdef FOLLOW_OTHERS
            :: last != NONE && COUNT(set) > 1 -> commands[last].follower = staged
#else
            :: last != NONE && COUNT(set) > 1 && !(set & ~commands[last].shards) -> commands[last].follower = staged
#endif
            :: else
            fi;
            if
            :: COUNT(set) > 1 -> last = staged
#ifdef FOLLOW_FAR
            :: else
#else
            :: else -> last = NONE
#endif
            fi;
            staged++; count--
        od;
        set = 0; home = 0; i = 0; last = 0
    }
}

/* On the keyspaces of all its shards, not in one step. */
inline execute(c) {
    atomic {
        assert(!commands[c].executed);
        commands[c].executed = true;
        i = 0;
        do
        :: i < SHARDS ->
            if
            :: HAS(commands[c].shards, i) -> assert(!used[i] && latest[i] < c + 1); used[i] = true; latest[i] = c + 1
            :: else
            fi;
            i++
        :: else -> break
        od
    };
    d_step {
        i = 0;
        do
        :: i < SHARDS -> used[i] = used[i] && !HAS(commands[c].shards, i); i++
        :: else -> break
        od;
        i = 0
    }
}

inline set_done(c) { d_step { assert(!commands[c].freed); commands[c].done = true } }

inline count_out(c) {
    d_step {
        assert(!commands[c].freed);
        commands[c].to_leave--;
        commands[c].freed = (commands[c].to_leave == 0)
    }
}

/* The gather, and as much of what follows it as the executor likes. */
inline execute_row(c) {
    execute(c);
    end_of_row = c;
    do
    :: commands[end_of_row].follower == NONE -> break
    :: true -> break                                 /* news found no room, or somebody waits for a key */
    :: commands[end_of_row].follower != NONE &&
       (commands[commands[end_of_row].follower].home == NONE || commands[commands[end_of_row].follower].home == me) ->
        end_of_row = commands[end_of_row].follower;
        execute(end_of_row)
    od;
#ifdef DONE_FIRST
    set_done(c);
#endif
    behind = c;
    do
    :: behind == end_of_row -> break
    :: else -> d_step { assert(!commands[behind].freed); behind = commands[behind].follower }; set_done(behind)
    od;
#ifndef DONE_FIRST
    set_done(c);
#endif
    behind = 0; end_of_row = 0
}

proctype shard(byte me) {
    byte c, i, behind, end_of_row;
    bool last;

end: do
    :: queue[me] ? c ->
        if
        :: !IS_GATHER(c) -> execute(c)
#ifndef MEET_AGAIN
        :: IS_GATHER(c) && commands[c].done -> count_out(c)
        :: IS_GATHER(c) && !commands[c].done ->
#else
        :: IS_GATHER(c) ->
#endif
            d_step {
                assert(!commands[c].freed);
                commands[c].to_arrive--;
                last = (commands[c].to_arrive == 0 && (commands[c].home == NONE || commands[c].home == me))
            };
            if
            :: last -> execute_row(c)
            :: !last && commands[c].done
            :: !last && commands[c].home == me && commands[c].to_arrive == 0 -> execute_row(c)
            fi;
            count_out(c)
        fi;
        d_step { c = 0; last = false }
    od
}

init {
    atomic { run shard(0); run shard(1); run shard(2); run client(FIRST); run client(SECOND) }
}
