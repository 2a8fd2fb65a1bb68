/* What survives a crash, as a model for Spin: journals, commit groups, and the cut of recovery.
 *
 * What ordering.pml shows is taken for granted: all shards execute in the order of the stamps. So each shard has one queue here, and
 * a batch enters all its queues in one step. A part of a command that writes leaves a record, with the command's stamp, in its shard's
 * journal. A shard closes groups of records and syncs them, each whenever it likes. A crash at any point leaves of each shard any first
 * groups that are no fewer than those synced; it is tried, in every way, after each step that could change what it leaves.
 *
 * The rule. Survivors are a prefix of the one order of everything: all records up to one stamp, the cut, and none above it. So nothing
 * has to be known of causes, pipelines and transactions: a cause has a lower stamp, or the same one, as all parts of a transaction have.
 * What has to be known is that nothing is missing below the cut. Each shard shows the others `until`, up to which it has executed
 * everything, and `last`, the stamp of its last record. A group says of its own shard `until`; and `known`, the lowest until of all
 * shards, with the last of each, looked at after that. Then a segment is complete up to the until of its last group, and up to the known
 * of any group, in any segment, whose last for it is no higher than that. The cut is as far as all are complete: one pass. A group may
 * hold records above the cut: records are cut, not groups.
 * ALWAYS: a shard closes a group when every shard has executed up to the group's last record; a write's answer leaves when the group and,
 * of each other shard, the last that it names are on disk; that of a read when the last record before it is as safe.
 *
 * What it costs. Idle shards write nothing and sync nothing, as others' groups speak for them; but they have to raise their until, so a
 * sleeping one is woken (or proves in memory that it has nothing to do), once per group under ALWAYS and once per sync otherwise. Under
 * ALWAYS the answer to a write waits for a turn of every shard, for a slow command on another one too; that to a read only if there
 * is something unsafe on its shard; and then for one sync of others, side by side with its own, at worst behind one that is under way.
 * Otherwise nobody waits, but a command that takes long holds back the cut (on Redis it would hold back everybody). A group closed while
 * another shard is behind is safe up to known alone: whoever writes nothing more closes an empty one later (left out here).
 *
 * BOUNDS is the rule of the first design, for comparison: a group carries how many records every other journal had when it was
 * closed, and closes when its pipelines' earlier writes are executed; a group whose bounds are not met, or which holds part of a
 * transaction, is cut with all behind it, to a fixed point. No hole is left; but each group refers to one that is still open elsewhere,
 * that one again to another, and so on, up to the last that are not on disk: under steady load the cut goes back without limit (DOMINO), an
 * answer that awaits only what its group refers to is lost (DIRECT), and one that awaits all may wait for ever. With bounds that are no
 * higher than the record's own stamp it would end; that cuts a little less than the one stamp, and does not wait for slow shards,
 * but needs the waits of pipelines, the participants and the fixed point.
 *
 * Clients: one sends WRITES writes on any shards in a pipeline, in any batches; with LOOKS another reads on any shard (with WRITING: on any
 * shards, and writes on some), awaits the answer, then writes anywhere. Left out: a second crash. What was cut has to be gone, on
 * all shards, before anything is written with higher stamps, and without making a segment less complete than the cut.
 *
 * With REWRITE the files are rewritten meanwhile (shards/aof_rewrite.h). At one instant, which is a command for all shards, each begins a
 * new segment; what it had recorded before is the last group of its old one. When all old ones are on disk, the manifest is replaced by
 * one that says so and names the new ones, and only when that is on disk they are written to; when the snapshot of the instant is on disk
 * by one that names it in place of the old ones, which are removed when that one is. A crash leaves the last manifest that is on
 * disk for certain, or the next one; by the first the groups of the old segments are cut, by the others those of the new ones, each
 * a run of its own. A group in a new segment says 0 of a shard whose last record lies in its old one. One of the
 * instant's own stamp may lie there or behind it (BATCH: the instant is staged in the middle of a batch), so what was before the
 * instant ends below that stamp, and an empty group in the new segment says the rest.
 *
 * Checked: no transaction in part; no effect without its causes, which are what its connection sent before it, and what it had seen; what
 * all shards have on disk with everything before it survives. With ALWAYS: what was answered survives, and what an answered read
 * saw; all are answered (no invalid end state).
 *
 * Guards, each of which must be needed (Spin finds an error without it):
 *   -DNO_BOUNDS        each segment survives as far as it goes
 *   -DNO_AWAIT         known is what the group's own shard has executed (BOUNDS: it is closed before what precedes it is executed)
 *   -DNO_PARTICIPANTS  the parts of a transaction have stamps of their own (BOUNDS: not all of them have to be there)
 *   -DHALF_STAMP       until is a stamp of which not all is executed    -DLATE_BOUND  or it is taken after the look at the queue
 *   -DLAST_FIRST       last is looked at before until
 *   -DNO_KNOWN         nobody speaks for shards that are idle (ALWAYS)
 *   -DREPLY_EARLY      a write's answer leaves before it is safe (ALWAYS)
 *   -DREAD_EARLY       a read's answer leaves before what it saw is safe (ALWAYS)
 *   -DONE_PASS         no fixed point (BOUNDS)
 *   -DEND_EARLY        the new segments are named before the old ones are on disk (REWRITE, as what follows)
 *   -DWRITE_UNNAMED    they are written to before they are named    -DNAME_EARLY  or before the manifest that does is on disk
 *   -DNAMES_UNSYNCED   it is there before their own names are       -DBASE_EARLY  likewise the snapshot
 *   -DREMOVE_EARLY     the old ones are removed before the manifest without them is on disk
 *   -DLAST_OF_BEFORE   a group speaks of a last record that lies in an old segment as if it lay in the new one
 *   -DOWN_TRUSTED      a group on disk is taken to show that its own shard's last record is (ALWAYS)
 *   -DWHOLE_STAMP      what was before the instant is taken to hold all of its stamp (BATCH)
 */
#ifndef SHARDS
#define SHARDS 2
#endif
#ifndef WRITES
#define WRITES 2
#endif
#ifdef LOOKS
#define STAGED (WRITES + 2)
#else
#define STAGED WRITES
#endif
#ifdef REWRITE
#define COMMANDS (STAGED + 1)
#define MOST 5             /* commands, and groups of a shard */
#else
#define COMMANDS STAGED
#define MOST 4
#endif
#if defined(ALWAYS) || defined(REWRITE)
#define GROUPS COMMANDS
#else
#define GROUPS 2           /* at most, of a shard */
#endif
#define ALL ((1 << SHARDS) - 1)
#ifndef SETS
#define SETS ALL           /* the last set of shards that a write may be for; 2 of 2 shards: no transactions */
#endif
#define HAS(set, member) (((set) >> (member)) & 1)

typedef Command {
    byte stamp[SHARDS];    /* one for all of them */
    byte shards;           /* set */
    byte writes;           /* those of them where it leaves a record */
    byte executed;         /* set of shards */
    byte needs[SHARDS];    /* the stamp up to which everything has to be safe before the shard's answer leaves */
    bool answered;
    byte saw;              /* set of commands whose records were there */
    byte before            /* set of commands: its causes */
}
Command commands[MOST];
byte staged = 0;
byte clock = 1;            /* the next stamp */
#ifdef BOUNDS
byte done;                 /* set of commands: executed wherever they are to be */
#endif

typedef Group {
    byte holds;            /* set of commands */
    byte until;            /* up to this stamp the shard had executed everything */
    byte known;            /* and up to this one every shard, */
    byte seen[SHARDS]      /* when this was the stamp of its last record (BOUNDS: the number of its records) */
#ifdef REWRITE
    ;
    byte last[SHARDS]      /* the same, also where it lies in an old segment: not in the file */
#endif
}

typedef Journal {
    Group groups[MOST];
    byte written, synced;  /* groups */
    byte open;             /* set of commands that are in no group yet */
    byte holds;            /* set of commands */
    byte safe;             /* everything up to this stamp survives any crash */
    byte until;            /* shown to all: everything up to this stamp is executed, and in the journal */
    byte last              /* shown to all: the stamp of the last record (BOUNDS: the number of records) */
#ifdef REWRITE
    ;
    bool switched, ended;  /* it has come to the instant; the old segment's last group is closed */
    byte old;              /* groups in that, when it has ended */
    byte before;           /* set of commands that are to be in that group */
    byte before_until;     /* all up to this stamp lies in the old segment */
    byte closed            /* records up to this stamp are in groups that say so */
#endif
}
Journal journals[SHARDS];
chan queue[SHARDS] = [COMMANDS] of { byte };

#ifdef REWRITE
#define NONE 255
byte instant = NONE;       /* the command */
byte base[SHARDS];         /* sets of commands: in the snapshot */
byte surely = 0, perhaps = 0; /* the manifest that is on disk for certain, and that which may be: 0 with the old segments, 1 with both,
                               * 2 with the snapshot and the new ones */
bool named = false;        /* the new segments may be written to */
bool names_synced = false, base_synced = false, removed = false;
hidden byte manifest;      /* that a crash has left */
hidden byte first[SHARDS]; /* of the groups of the last run */
#define FIRST(of) first[of]
#define IS_OLD(of, group) (group < first[of])
#define MANIFEST_HAS_OLD (manifest < 2)
#define MANIFEST_HAS(of, command) (manifest == 2 && HAS(base[of], command))
#define OLD_GROUPS(of) (journals[of].ended -> journals[of].old : journals[of].written)
#define LEAST_KEPT(of) (manifest == 0 -> (journals[of].synced < OLD_GROUPS(of) -> journals[of].synced : OLD_GROUPS(of)) \
                                      : (journals[of].synced > journals[of].old -> journals[of].synced : journals[of].old))
#define MOST_KEPT(of) (manifest == 0 -> OLD_GROUPS(of) : (MAY_WRITE -> journals[of].written : LEAST_KEPT(of)))
#ifdef WRITE_UNNAMED
#define MAY_WRITE true
#else
#define MAY_WRITE named
#endif
#else
#define FIRST(of) 0
#define IS_OLD(of, group) false
#define MANIFEST_HAS_OLD true
#define MANIFEST_HAS(of, command) false
#define LEAST_KEPT(of) journals[of].synced
#define MOST_KEPT(of) journals[of].written
#endif

hidden byte kept[SHARDS];  /* groups that a crash has left */
hidden byte safe[SHARDS];  /* by what is kept, the segment is complete up to this stamp */
hidden byte lives[MOST];   /* sets of shards: where its record survives */
hidden byte uncut[SHARDS]; /* groups (BOUNDS) */
hidden byte cut, all, again, s, w, g, c;

#define LAST_KEPT(of) journals[of].groups[kept[of] - 1]

#ifdef BOUNDS
/* What is left of kept, by the groups' bounds: whole groups. */
#define RECORDS(of, count) ((count) -> journals[of].groups[(count) - 1].seen[of] : 0)

#define IN_GROUP(w, c, i) (uncut[w] > i && HAS(journals[w].groups[i].holds, c))
#define IS_LEFT(w, c) (IN_GROUP(w, c, 0) || IN_GROUP(w, c, 1) || IN_GROUP(w, c, 2) || IN_GROUP(w, c, 3))

inline look_for_holes() {
    s = 0;
    do
    :: s < SHARDS ->
        g = 0;
        do
        :: g < uncut[s] ->
            w = 0;
            do
            :: w < SHARDS ->
#ifndef NO_BOUNDS
                if
                :: journals[s].groups[g].seen[w] > RECORDS(w, uncut[w]) && g < uncut[s] -> uncut[s] = g; again = 1
                :: else
                fi;
#endif
                w++
            :: else -> break
            od;
#ifndef NO_PARTICIPANTS
            c = 0;
            do
            :: c < staged ->
                if
                :: g < uncut[s] && HAS(journals[s].groups[g].holds, c) ->
                    w = 0;
                    do
                    :: w < SHARDS ->
                        if
                        :: HAS(commands[c].writes, w) && !IS_LEFT(w, c) -> uncut[s] = g; again = 1
                        :: else
                        fi;
                        w++
                    :: else -> break
                    od
                :: else
                fi;
                c++
            :: else -> break
            od;
#endif
            g++
        :: else -> break
        od;
        s++
    :: else -> break
    od
}

inline recover() {
    s = 0;
    do
    :: s < SHARDS -> uncut[s] = kept[s]; s++
    :: else -> break
    od;
    do
    :: true ->
        again = 0;
        look_for_holes();
#ifdef ONE_PASS
        again = 0;
#endif
        if :: again == 0 -> break :: else fi
    od
}
#else
/* What is left of kept, by the stamps: everything up to one of them. */
inline recover() {
    s = 0;
    do
    :: s < SHARDS -> safe[s] = 0; if :: kept[s] > FIRST(s) -> safe[s] = LAST_KEPT(s).until :: else fi; s++
    :: else -> break
    od;
    cut = 255; s = 0;
    do
    :: s < SHARDS ->
        all = safe[s]; w = 0;
        do
        :: w < SHARDS ->
            g = FIRST(w);
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
#endif

inline find_survivors() {
    c = 0;
    do
    :: c < COMMANDS ->
        lives[c] = 0; s = 0;
        do
        :: s < SHARDS ->
            if :: MANIFEST_HAS(s, c) -> lives[c] = lives[c] | (1 << s) :: else fi;
            g = 0;
            do
            :: g < kept[s] ->
#ifdef BOUNDS
                if :: HAS(journals[s].groups[g].holds, c) && g < uncut[s] -> lives[c] = lives[c] | (1 << s) :: else fi;
#else
#ifdef NO_BOUNDS
                if :: HAS(journals[s].groups[g].holds, c) -> lives[c] = lives[c] | (1 << s) :: else fi;
#else
                if
                :: MANIFEST_HAS_OLD && IS_OLD(s, g) && HAS(journals[s].groups[g].holds, c) -> lives[c] = lives[c] | (1 << s)
                :: !IS_OLD(s, g) && HAS(journals[s].groups[g].holds, c) && commands[c].stamp[s] <= cut ->
                    lives[c] = lives[c] | (1 << s)
                :: else
                fi;
#endif
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
        :: kept[s] == FIRST(s) -> all = 0
        :: kept[s] > FIRST(s) && LAST_KEPT(s).until < all -> all = LAST_KEPT(s).until
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
inline crash_by_manifest() {
    s = 0;
    do
    :: s < SHARDS -> kept[s] = LEAST_KEPT(s); s++
    :: else -> break
    od;
    do
    :: true ->
        recover();
        find_survivors();
        check_survivors();
#if !defined(BOUNDS) || defined(DOMINO)
        check_kept();
#endif
        s = 0;
        do
        :: s < SHARDS && kept[s] == MOST_KEPT(s) -> kept[s] = LEAST_KEPT(s); s++
        :: s < SHARDS && kept[s] < MOST_KEPT(s) -> kept[s]++; break
        :: s == SHARDS -> break
        od;
        if :: s == SHARDS -> break :: else fi
    od;
    s = 0
}

#ifdef REWRITE
/* What the manifest names has to be there. */
inline find_files() {
    assert(manifest == 0 || names_synced);
    assert(manifest < 2 || base_synced);
    assert(manifest == 2 || !removed);
    s = 0;
    do
    :: s < SHARDS ->
        first[s] = 0;
        if
        :: manifest > 0 -> first[s] = journals[s].old; assert(manifest == 2 || journals[s].synced >= journals[s].old)
        :: else
        fi;
        s++
    :: else -> break
    od
}

inline crash() {
    manifest = surely;
    do
    :: manifest <= perhaps -> find_files(); crash_by_manifest(); manifest++
    :: else -> break
    od;
    manifest = 0
}
#else
inline crash() {
    crash_by_manifest()
}
#endif

/* Shards. */

#define STAMP_OF(command) commands[command].stamp[me]

#ifdef REWRITE
inline switch_segment() {
    journals[me].switched = true;
    journals[me].before = journals[me].open;
    journals[me].open = 0;
    base[me] = journals[me].holds;
#ifdef WHOLE_STAMP
    journals[me].before_until = STAMP_OF(c)
#else
    journals[me].before_until = STAMP_OF(c) - 1 /* others of that stamp may follow */
#endif
}
#endif

inline execute() {
    d_step {
        queue[me] ? c;
#ifdef REWRITE
        if :: c == instant -> switch_segment() :: else fi;
#endif
        if
        :: HAS(commands[c].writes, me) ->
            journals[me].holds = journals[me].holds | (1 << c);
            journals[me].open = journals[me].open | (1 << c);
#ifdef BOUNDS
            journals[me].last++
#else
            journals[me].last = STAMP_OF(c)
#endif
        :: else
        fi;
        commands[c].executed = commands[c].executed | (1 << me);
#ifdef BOUNDS
        if :: commands[c].executed == commands[c].shards -> done = done | (1 << c) :: else fi;
#endif
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
        if
        :: commands[c].writes != commands[c].shards ->
            commands[c].saw = commands[c].saw | (journals[me].holds & ~(1 << c))
        :: else
        fi;
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
        :: s < SHARDS ->
            GROUP.seen[s] = journals[s].last;
#ifdef REWRITE
            GROUP.last[s] = journals[s].last;
#ifndef LAST_OF_BEFORE
            if
            :: journals[me].ended && journals[s].switched && journals[s].last <= journals[s].before_until -> GROUP.seen[s] = 0
            :: else
            fi;
#endif
#endif
            s++
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
#ifdef REWRITE
        if
        :: journals[me].switched && !journals[me].ended ->
            GROUP.holds = journals[me].before;
            GROUP.until = journals[me].before_until;
            journals[me].before = 0;
            journals[me].ended = true;
            journals[me].old = journals[me].written + 1
        :: else ->
            GROUP.holds = journals[me].open;
            GROUP.until = journals[me].until;
            journals[me].open = 0
        fi;
        if
        :: journals[me].last <= GROUP.until -> journals[me].closed = journals[me].last
        :: else -> journals[me].closed = GROUP.until
        fi;
#else
        GROUP.holds = journals[me].open;
        GROUP.until = journals[me].until;
        journals[me].open = 0;
#endif
#ifndef NO_KNOWN
        GROUP.known = known;
#endif
        journals[me].written++;
        known = 0;
        crash()
    }
}

#define ON_DISK(of) (journals[of].synced -> journals[of].groups[journals[of].synced - 1].until : 0)

#ifdef BOUNDS
/* DIRECT: the group is on disk, and what it refers to. Else: the cut would leave it. */
inline find_all_safe() {
    s = 0;
    do
    :: s < SHARDS -> kept[s] = journals[s].synced; s++
    :: else -> break
    od;
    recover();
    s = 0;
    do
#ifdef DIRECT
    :: s < SHARDS ->
        g = 0;
        do
        :: g < kept[s] ->
            all = 1; w = 0;
            do
            :: w < SHARDS -> all = all && journals[s].groups[g].seen[w] <= RECORDS(w, kept[w]); w++
            :: else -> break
            od;
            g++;
            if :: all && RECORDS(s, g) > journals[s].safe -> journals[s].safe = RECORDS(s, g) :: else fi
        :: else -> break
        od;
        s++
#else
    :: s < SHARDS -> journals[s].safe = RECORDS(s, uncut[s]); s++
#endif
    :: else -> break
    od
}
#else
#ifdef REWRITE
#define NAMED_LAST(group, of) journals[me].groups[group].last[of]
#ifdef OWN_TRUSTED
#define IS_ASKED(of) (of != me)
#else
#define IS_ASKED(of) true  /* the last group of an old segment may be closed when there are records behind it */
#endif
#else
#define IS_ASKED(of) (of != me)
#define NAMED_LAST(group, of) journals[me].groups[group].seen[of]
#endif

/* What its groups show to be safe, by what is on disk for certain. */
inline find_safe(me) {
    g = 0;
    do
    :: g < journals[me].synced ->
        all = journals[me].groups[g].known; s = 0;
        do
        :: s < SHARDS ->
            if
            :: IS_ASKED(s) && NAMED_LAST(g, s) > ON_DISK(s) && ON_DISK(s) < all -> all = ON_DISK(s)
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

inline find_all_safe() {
    w = 0;
    do
    :: w < SHARDS -> find_safe(w); w++
    :: else -> break
    od
}
#endif

inline sync() {
    d_step {
        journals[me].synced++;
        find_all_safe();
        crash()
    }
}

#if SHARDS == 2
#define ALL_SETTLED(stamp) (journals[0].until >= stamp && journals[1].until >= stamp)
#else
#define ALL_SETTLED(stamp) \
    (journals[0].until >= stamp && journals[1].until >= stamp && journals[2].until >= stamp)
#endif

#ifdef BOUNDS
#define CAUSES_DONE(c) (!HAS(journals[me].open, c) || (commands[c].before & ~done) == 0)
#ifdef NO_AWAIT
#define MAY_CLOSE true
#else
#define MAY_CLOSE (CAUSES_DONE(0) && CAUSES_DONE(1) && CAUSES_DONE(2) && CAUSES_DONE(3))
#endif
#else
#if defined(ALWAYS) && !defined(NO_AWAIT)
#define MAY_CLOSE ALL_SETTLED(journals[me].last)
#else
#define MAY_CLOSE true
#endif
#endif

#ifdef REWRITE
#define HAS_BEFORE (journals[me].switched && !journals[me].ended)
#define IS_UNSAID (journals[me].ended && journals[me].closed < journals[me].last && journals[me].until >= journals[me].last)
#define HAS_RECORDS (HAS_BEFORE -> journals[me].before : journals[me].open || IS_UNSAID)
#define MAY_SYNC (!journals[me].ended || journals[me].synced < journals[me].old || MAY_WRITE)
#else
#define HAS_RECORDS journals[me].open
#define MAY_SYNC true
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
    :: HAS_RECORDS && journals[me].written < GROUPS && MAY_CLOSE -> close_group()
#ifdef REWRITE
    :: atomic { HAS_BEFORE && !journals[me].before -> journals[me].old = journals[me].written; journals[me].ended = true }
#endif
#if defined(ALWAYS) || defined(REWRITE)
    :: journals[me].synced < journals[me].written && MAY_SYNC -> sync()
#endif
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
#define MAY_LEAVE(c, s) \
    (!HAS(commands[c].shards, s) || (HAS(commands[c].executed, s) && commands[c].needs[s] <= journals[s].safe))
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
                select(set : 1 .. SETS);
                next = staged;
                stage(set, set, earlier);
                earlier = earlier | (1 << next);
                sent++;
#ifdef BATCH
                if
                :: instant == NONE -> instant = staged; stage(ALL, 0, 0)
                :: true
                fi;
#endif
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
        select(set : 1 .. SETS);
        writes = commands[mine].saw | (1 << mine);
        mine = staged;
        stage(set, set, writes);
        clock++
    };
    take_answer(mine)
}

#ifdef REWRITE
#define IS_ENDED(of) (journals[of].ended && journals[of].synced >= journals[of].old)

proctype rewriter() {
#ifndef BATCH
    atomic { instant = staged; stage(ALL, 0, 0); clock++ };
#endif
end:
#ifdef END_EARLY
    journals[0].ended && journals[1].ended;
#else
    IS_ENDED(0) && IS_ENDED(1);
#endif
#ifndef NAMES_UNSYNCED
    names_synced = true;
#endif
    d_step { perhaps = 1; crash() };
#ifdef NAME_EARLY
    named = true;
#endif
    d_step { surely = 1; crash() };
    named = true;
#ifndef BASE_EARLY
    base_synced = true;
#endif
    d_step { perhaps = 2; crash() };
#ifdef REMOVE_EARLY
    d_step { removed = true; crash() };
#endif
    d_step { surely = 2; removed = true; crash() }
}
#endif

init {
    atomic {
        w = 0;
        do
        :: w < SHARDS -> run shard(w); w++
        :: else -> break
        od;
#ifdef LOOKS
        run looker();
#endif
#ifdef REWRITE
        run rewriter();
#endif
        run pipeliner()
    }
}
