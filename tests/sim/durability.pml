#ifndef SHARDS
#define SHARDS 2
#endif
#ifndef WRITES
#define WRITES 2           /* in the pipeline */
#endif
#ifndef LOOKS
#define LOOKS 1            /* 0: nobody looks */
#endif
#define COMMANDS (WRITES + 2 * LOOKS)
#ifdef ALWAYS
#define GROUPS COMMANDS
#else
#define GROUPS 2
#endif
#define A 0
#define ALL ((1 << SHARDS) - 1)
#define HAS(set, member) (((set) >> (member)) & 1)

typedef Command {
    byte stamp[SHARDS];    /* one for all of them */
    byte shards;           /* set */
    byte writes;           /* those of them where it leaves a record */
    byte executed;         /* set of shards */
    byte needs[SHARDS];    /* the stamp up to which everything has to be safe before the shard's answer leaves */
    bool answered;
    byte saw;              /* set of commands whose records were there */
    byte before;           /* set of commands: its causes */
}
Command commands[COMMANDS];
byte staged = 0;
byte clock = 1;            /* the next stamp */

typedef Group {
    byte holds;            /* set of commands */
    byte until;            /* up to this stamp the shard had executed everything */
    byte known;            /* and up to this one every shard, */
    byte seen[SHARDS]      /* when this was the stamp of its last record (BOUNDS: the number of its records) */
}

typedef Journal {
    Group groups[GROUPS];
    byte written, synced;  /* groups */
    byte open;             /* set of commands that are in no group yet */
    byte holds;            /* set of commands */
    byte safe;             /* everything up to this stamp survives any crash */
    byte until;            /* shown to all: everything up to this stamp is executed, and in the journal */
    byte last              /* shown to all: the stamp of the last record (BOUNDS: the number of records) */
}
Journal journals[SHARDS];
chan queue[SHARDS] = [COMMANDS] of { byte };

hidden byte kept[SHARDS];  /* groups that a crash has left */
hidden byte safe[SHARDS];  /* by what is kept, the segment is complete up to this stamp */
hidden byte lives[COMMANDS]; /* sets of shards: where its record survives */
hidden byte cut, all, s, w, g, c;

#define LAST_KEPT(of) journals[of].groups[kept[of] - 1]

/* What is left of kept, by the stamps: everything up to one of them. */
inline recover() {
    s = 0;
    do
    :: s < SHARDS -> safe[s] = 0; if :: kept[s] -> safe[s] = LAST_KEPT(s).until :: else fi; s++
    :: else -> break
    od;
    cut = 255; s = 0;
    do
    :: s < SHARDS ->
        all = safe[s]; w = 0;
        do
        :: w < SHARDS ->
            g = 0;
            do
            :: g < kept[w] ->
                if
                :: journals[w].groups[g].known > all && journals[w].groups[g].seen[s] <= safe[s] ->
                    all = journals[w].groups[g].known
                :: else
                fi;
                g++
            :: else -> break
            od;
            w++
        :: else -> break
        od;
        if :: all < cut -> cut = all :: else fi;
        s++
    :: else -> break
    od
}

inline find_survivors() {
    c = 0;
    do
    :: c < COMMANDS ->
        lives[c] = 0; s = 0;
        do
        :: s < SHARDS ->
            g = 0;
            do
            :: g < kept[s] ->
#ifdef NO_BOUNDS
                if :: HAS(journals[s].groups[g].holds, c) -> lives[c] = lives[c] | (1 << s) :: else fi;
#else
                if
                :: HAS(journals[s].groups[g].holds, c) && commands[c].stamp[s] <= cut -> lives[c] = lives[c] | (1 << s)
                :: else
                fi;
#endif
                g++
            :: else -> break
            od;
            s++
        :: else -> break
        od;
        c++
    :: else -> break
    od
}

inline check_survivors() {
    c = 0;
    do
    :: c < staged ->
        assert(lives[c] == 0 || lives[c] == commands[c].writes);         /* no transaction in part */
        g = 0;
        do
        :: g < staged ->
            if
            :: lives[c] && HAS(commands[c].before, g) -> assert(lives[g] == commands[g].writes)
            :: else
            fi;
#ifdef ALWAYS
            if
            :: commands[c].answered && (g == c || HAS(commands[c].saw, g)) -> assert(lives[g] == commands[g].writes)
            :: else
            fi;
#endif
            g++
        :: else -> break
        od;
        c++
    :: else -> break
    od
}

/* What all shards have on disk, with everything before it, survives, whatever lies behind it. */
inline check_kept() {
    all = 255; s = 0;
    do
    :: s < SHARDS ->
        if
        :: kept[s] == 0 -> all = 0
        :: kept[s] && LAST_KEPT(s).until < all -> all = LAST_KEPT(s).until
        :: else
        fi;
        s++
    :: else -> break
    od;
    c = 0;
    do
    :: c < staged ->
        s = 0;
        do
        :: s < SHARDS ->
            if
            :: HAS(commands[c].writes, s) && commands[c].stamp[s] <= all -> assert(HAS(lives[c], s))
            :: else
            fi;
            s++
        :: else -> break
        od;
        c++
    :: else -> break
    od
}

/* Of each segment any groups are left that are not fewer than those that are on disk for certain. */
inline crash() {
    s = 0;
    do
    :: s < SHARDS -> kept[s] = journals[s].synced; s++
    :: else -> break
    od;
    do
    :: true ->
        recover();
        find_survivors();
        check_survivors();
        check_kept();
        s = 0;
        do
        :: s < SHARDS && kept[s] == journals[s].written -> kept[s] = journals[s].synced; s++
        :: s < SHARDS && kept[s] < journals[s].written -> kept[s]++; break
        :: s == SHARDS -> break
        od;
        if :: s == SHARDS -> break :: else fi
    od;
    s = 0
}

/* Shards. */

#define STAMP_OF(command) commands[command].stamp[me]

inline execute() {
    d_step {
        queue[me] ? c;
        if
        :: HAS(commands[c].writes, me) ->
            journals[me].holds = journals[me].holds | (1 << c);
            journals[me].open = journals[me].open | (1 << c);
            journals[me].last = STAMP_OF(c)
        :: else
        fi;
        commands[c].executed = commands[c].executed | (1 << me);
#ifdef ALWAYS
#ifdef REPLY_EARLY
        if :: !HAS(commands[c].writes, me) -> commands[c].needs[me] = journals[me].last :: else fi;
#else
#ifdef READ_EARLY
        if :: HAS(commands[c].writes, me) -> commands[c].needs[me] = journals[me].last :: else fi;
#else
        commands[c].needs[me] = journals[me].last;
#endif
#endif
#endif
        if :: commands[c].writes != commands[c].shards -> commands[c].saw = commands[c].saw | (journals[me].holds & ~(1 << c)) :: else fi;
        journals[me].until = STAMP_OF(c);
#ifndef HALF_STAMP
        if :: len(queue[me]) > 0 -> queue[me] ? <c>; journals[me].until = STAMP_OF(c) - 1 :: else fi;
#endif
        c = 0
    }
}

inline look_round() {
    d_step {
        known = journals[me].until; s = 0;
#ifndef NO_AWAIT
        do
        :: s < SHARDS -> if :: journals[s].until < known -> known = journals[s].until :: else fi; s++
        :: else -> break
        od;
#endif
        s = 0
    }
}

#define GROUP journals[me].groups[journals[me].written]

inline look_at_last() {
    d_step {
        s = 0;
        do
        :: s < SHARDS -> GROUP.seen[s] = journals[s].last; s++
        :: else -> break
        od;
        s = 0
    }
}

inline close_group() {
#ifdef LAST_FIRST
    look_at_last();
    look_round();
#else
    look_round();
    look_at_last();
#endif
    d_step {
        GROUP.holds = journals[me].open;
        GROUP.until = journals[me].until;
        GROUP.known = known;
        journals[me].open = 0;
        journals[me].written++;
        known = 0;
        crash()
    }
}


#define ON_DISK(of) (journals[of].synced -> journals[of].groups[journals[of].synced - 1].until : 0)

/* What its groups show to be safe, by what is on disk for certain. */
inline find_safe(me) {
    g = 0;
    do
    :: g < journals[me].synced ->
        all = journals[me].groups[g].known; s = 0;
        do
        :: s < SHARDS ->
            if
            :: s != me && journals[me].groups[g].seen[s] > ON_DISK(s) && ON_DISK(s) < all -> all = ON_DISK(s)
            :: else
            fi;
            s++
        :: else -> break
        od;
        if :: all > journals[me].safe -> journals[me].safe = all :: else fi;
        g++
    :: else -> break
    od
}

inline sync() {
    d_step {
        journals[me].synced++;
        w = 0;
        do
        :: w < SHARDS -> find_safe(w); w++
        :: else -> break
        od;
        crash()
    }
}

#if SHARDS == 2
#define ALL_SETTLED(stamp) (journals[0].until >= stamp && journals[1].until >= stamp)
#else
#define ALL_SETTLED(stamp) (journals[0].until >= stamp && journals[1].until >= stamp && journals[2].until >= stamp)
#endif

#if defined(ALWAYS) && !defined(NO_AWAIT)
#define MAY_CLOSE ALL_SETTLED(journals[me].last)
#else
#define MAY_CLOSE true
#endif

proctype shard(byte me) {
    byte known;
end: do
    :: len(queue[me]) > 0 -> execute()
#ifdef LATE_BOUND
    :: len(queue[me]) == 0 && journals[me].until < clock - 1 -> journals[me].until = clock - 1
#else
    :: atomic { len(queue[me]) == 0 && journals[me].until < clock - 1 -> journals[me].until = clock - 1 }
#endif
    :: journals[me].open && journals[me].written < GROUPS && MAY_CLOSE -> close_group()
    :: journals[me].synced < journals[me].written -> sync()
    od
}

/* Clients. */

inline stage(shard_set, write_set, causes) {
    d_step {
        commands[staged].shards = shard_set;
        commands[staged].writes = write_set;
        commands[staged].before = causes;
        s = 0;
        do
        :: s < SHARDS ->
            if
            :: HAS(shard_set, s) ->
                commands[staged].stamp[s] = clock;
                queue[s] ! staged;
#ifdef NO_PARTICIPANTS
                clock++
#endif
            :: else
            fi;
            s++
        :: else -> break
        od;
        staged++
    }
}

#ifdef ALWAYS
#define MAY_LEAVE(c, s) (!HAS(commands[c].shards, s) || (HAS(commands[c].executed, s) && commands[c].needs[s] <= journals[s].safe))
#else
#define MAY_LEAVE(c, s) (!HAS(commands[c].shards, s) || HAS(commands[c].executed, s))
#endif
#if SHARDS == 2
#define ANSWER(c) (MAY_LEAVE(c, 0) && MAY_LEAVE(c, 1))
#else
#define ANSWER(c) (MAY_LEAVE(c, 0) && MAY_LEAVE(c, 1) && MAY_LEAVE(c, 2))
#endif

inline take_answer(command) {
    atomic {
        ANSWER(command);
        d_step { commands[command].answered = true; crash() }
    }
}

/* Writes anywhere, in any batches; then it takes the answers. */
proctype pipeliner() {
    byte sent, set, earlier, next;
    do
    :: sent < WRITES ->
        atomic {
            do
            :: sent < WRITES ->
                select(set : 1 .. ALL);
                next = staged;
                stage(set, set, earlier);
                earlier = earlier | (1 << next);
                sent++;
                if
                :: true -> break                     /* the next one is of another batch */
                :: true
                fi
            :: else -> break
            od;
            clock++; set = 0; next = 0
        }
    :: else -> break
    od;
    do
    :: next < staged && HAS(earlier, next) -> take_answer(next); next++
    :: next < staged && !HAS(earlier, next) -> next++
    :: else -> break
    od
}

/* A command that reads, and may write in some places; then, when it has been answered, a write anywhere. */
proctype looker() {
    byte mine, set, writes;
    atomic {
#ifdef WRITING
        select(set : 1 .. ALL);
        select(writes : 0 .. ALL);
        writes = writes & set;
#else
        select(set : 1 .. ALL - 1);
#endif
        mine = staged;
        stage(set, writes, 0);
        clock++
    };
    take_answer(mine);
    atomic {
        select(set : 1 .. ALL);
        writes = commands[mine].saw | (1 << mine);
        mine = staged;
        stage(set, set, writes);
        clock++
    };
    take_answer(mine)
}

init {
    atomic {
        w = 0;
        do
        :: w < SHARDS -> run shard(w); w++
        :: else -> break
        od;
#if LOOKS
        run looker();
#endif
        run pipeliner()
    }
}
