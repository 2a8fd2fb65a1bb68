/* Scripts on trial (shards/trial.c), as a model for Spin.
 *
 * What ordering.pml shows is taken for granted: all shards execute in the order of the stamps. So shards A = 0 and B = 1
 * have one queue each here, and what is staged enters all its queues in one step. Their answers come home in a ring each.
 *
 * A connection sends COMMANDS of any kinds: a write on one shard, a write on both, or a script with a key on one shard that
 * keeps to it, or wants the other as well. Home stages them one after the other, as far as trial.c and router.c allow; a
 * script may go over both shards at once (script_memory knows it). Meanwhile somebody else looks at both shards.
 * A client that is killed and scripts that are tried on several shards are left out.
 *
 * Checked: the commands take effect in the order in which they were sent, by their stamps, each once; nobody executes
 * anything where something is yet to be undone; all are answered (no invalid end state).
 *
 * Guards, each of which must be needed (Spin finds an error without it):
 *   -DNO_UNDO    what it has done stays           -DNO_BOUNCE  what lies behind it stays, and is executed
 *   -DNO_HOLD    what follows a script on trial goes to any shard
 *   -DNO_AWAIT   home stages it again before all that was behind it has come back
 *   -DNO_FORGET  the owner bounces for the first script that was out of reach, and for no later one
 */
#ifndef COMMANDS
#define COMMANDS 3
#endif
#define SOMEBODY COMMANDS  /* the other client's command */
#define NONE 255
#define A 0
#define B 1

mtype:kind = { WRITE, WRITE_BOTH, SCRIPT, SCRIPT_WIDE };
mtype:trial = { PLAIN, WIDE, TRIED, BEHIND, GATHERED, AGAIN, OUT_OF_REACH, BOUNCED, BEHIND_BOUNCED };

typedef Command {
    mtype:kind kind;
    byte owner;            /* of its key */
    mtype:trial trial;
    byte epoch, stamp, arrived;
    bool executed, done
}
Command commands[COMMANDS + 1];

chan queue[2] = [COMMANDS + 1] of { byte };
chan returns[2] = [COMMANDS + 1] of { byte };
byte clock = 1;
byte bounce[2] = NONE;     /* the epoch of which the shard sends back what comes */
bool undoing[2];           /* something there is to be undone */

/* The connection. */
chan held = [COMMANDS] of { byte };
chan bounced = [COMMANDS] of { byte };
byte tried, behind, awaited, epoch, tried_on, answered;

/* Shards. */

inline take_effect(c) {
    d_step {
        assert(!commands[c].executed);
        commands[c].executed = true;
        i = 0;
        do
        :: i < COMMANDS && c != SOMEBODY ->
            assert(i == c || !commands[i].executed || (i < c && commands[i].stamp < commands[c].stamp) ||
                   (i > c && commands[i].stamp > commands[c].stamp));
            i++
        :: else -> break
        od;
        i = 0
    }
}

inline run_single(c) {
    assert(!undoing[me]);
    if
    :: commands[c].trial != PLAIN && bounce[me] == commands[c].epoch ->
        commands[c].trial = (commands[c].trial == TRIED -> BOUNCED : BEHIND_BOUNCED)
    :: else ->
        if
        :: commands[c].trial == TRIED && commands[c].kind == SCRIPT_WIDE ->
            undoing[me] = true;
#ifndef NO_UNDO
            undoing[me] = false;
#endif
            commands[c].trial = OUT_OF_REACH;
#ifndef NO_BOUNCE
            bounce[me] = (bounce[me] == NONE -> commands[c].epoch : bounce[me])
#endif
        :: else -> take_effect(c)
        fi
    fi;
    returns[me] ! c
}

inline run_gather(c) {
    if
    :: commands[c].trial == AGAIN ->
#ifndef NO_FORGET
        bounce[me] = NONE
#endif
    :: else
    fi;
    d_step { commands[c].arrived++; last = commands[c].arrived == 2 };
    if
    :: last ->
        assert(!undoing[A] && !undoing[B]);
        take_effect(c);
        commands[c].done = true;
        if :: c != SOMEBODY -> returns[me] ! c :: else fi
    :: else -> commands[c].done
    fi;
    last = false
}

proctype shard(byte me) {
    byte c, i;
    bool last;

end: do
    :: queue[me] ? c ->
        if
        :: commands[c].kind == WRITE_BOTH || commands[c].trial == GATHERED || commands[c].trial == AGAIN -> run_gather(c)
        :: else -> run_single(c)
        fi;
        c = 0
    od
}

proctype somebody() {
    atomic { queue[A] ! SOMEBODY; queue[B] ! SOMEBODY }
}

/* Home: staging. */

#define IS_SCRIPT(c) (commands[c].kind == SCRIPT || commands[c].kind == SCRIPT_WIDE)
#define ON_TRIAL (tried + awaited > 0)
#define MAY_GO_EVERYWHERE(c) (IS_SCRIPT(c) && awaited == 0 && tried == 0)
#define MAY_BE_TRIED(c) \
    (IS_SCRIPT(c) && awaited == 0 && commands[c].trial != WIDE && (tried + behind == 0 || tried_on == commands[c].owner))
#ifdef NO_HOLD
#define MAY_GO_FREELY(c) (!IS_SCRIPT(c))
#define MAY_GO_BEHIND(c) false
#else
#define MAY_GO_FREELY(c) (!IS_SCRIPT(c) && !ON_TRIAL)
#define MAY_GO_BEHIND(c) \
    (commands[c].kind == WRITE && ON_TRIAL && awaited == 0 && tried_on == commands[c].owner)
#endif

inline stage_on_owner() { commands[c].stamp = clock; clock++; queue[commands[c].owner] ! c }
inline stage_everywhere() { commands[c].stamp = clock; clock++; queue[A] ! c; queue[B] ! c }

inline stage() {
    if
    :: MAY_GO_EVERYWHERE(c) ->
        commands[c].trial = (commands[c].trial == WIDE -> AGAIN : GATHERED);
        stage_everywhere()
    :: MAY_BE_TRIED(c) ->
        commands[c].trial = TRIED; commands[c].epoch = epoch;
        tried++; tried_on = commands[c].owner;
        stage_on_owner()
    :: MAY_GO_BEHIND(c) ->
        commands[c].trial = BEHIND; commands[c].epoch = epoch;
        behind++;
        stage_on_owner()
    :: MAY_GO_FREELY(c) && commands[c].kind == WRITE -> stage_on_owner()
    :: MAY_GO_FREELY(c) && commands[c].kind == WRITE_BOTH -> stage_everywhere()
    fi
}

/* Home: what came of it. */

/* Before all that is held already. */
inline stage_again() {
    left = len(held);
    do
    :: len(bounced) > 0 -> bounced ? next; held ! next
    :: else -> break
    od;
    do
    :: left > 0 -> held ? next; held ! next; left--
    :: else -> break
    od;
    next = 0
}

inline come_back() {
    if
    :: commands[c].trial == OUT_OF_REACH ->
        assert(awaited == 0 && len(bounced) == 0);
        tried--;
#ifdef NO_BOUNCE
        awaited = 0;
#else
        awaited = tried + behind;
#endif
        epoch++;
        commands[c].trial = WIDE;
        bounced ! c
    :: commands[c].trial == BOUNCED || commands[c].trial == BEHIND_BOUNCED ->
        assert(awaited > 0);
        if :: commands[c].trial == BOUNCED -> tried-- :: else -> behind-- fi;
        awaited--;
        commands[c].trial = PLAIN;
        bounced ! c
    :: else ->
        if
        :: commands[c].trial == TRIED -> tried--
        :: commands[c].trial == BEHIND -> behind--
        :: else
        fi;
        assert(commands[c].executed);
        commands[c].trial = PLAIN;
        answered++
    fi;
#ifdef NO_AWAIT
    awaited = 0;
#endif
    if :: awaited == 0 && len(bounced) > 0 -> stage_again() :: else fi
}

#define MAY_GO(c) \
    (MAY_GO_EVERYWHERE(c) || MAY_BE_TRIED(c) || MAY_GO_BEHIND(c) || MAY_GO_FREELY(c))

inline see_head() {
    c = 0; head = 0;
    if :: len(held) > 0 -> held ? <head> :: else fi
}

proctype home() {
    byte c, i, left, next;
    byte head;             /* of what is held */

    atomic {
        do
        :: i < COMMANDS ->
            if
            :: commands[i].kind = WRITE
            :: commands[i].kind = WRITE_BOTH
            :: commands[i].kind = SCRIPT
            :: commands[i].kind = SCRIPT_WIDE
            fi;
            if
            :: i > 0 && commands[i].kind != WRITE_BOTH -> commands[i].owner = B /* the first on A: they are alike */
            :: true
            fi;
            commands[i].trial = PLAIN;
            held ! i;
            i++
        :: else -> break
        od;
        commands[SOMEBODY].kind = WRITE_BOTH; commands[SOMEBODY].trial = PLAIN;
        i = 0;
        run shard(A); run shard(B); run somebody()
    };
    do
    :: atomic { len(held) > 0 && MAY_GO(head) -> held ? c; stage(); see_head() }
    :: atomic { returns[A] ? c -> come_back(); see_head() }
    :: atomic { returns[B] ? c -> come_back(); see_head() }
    :: answered == COMMANDS -> break
    od
}

init { run home() }
