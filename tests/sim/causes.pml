/* The order of news (shards/news.c, shards/returns.c), as a model for Spin.
 *
 * Three shards, each with a ring from each other; MESSAGES in all. Whenever it likes a shard publishes one for one or both
 * others: a stamp, into the rings in any order, then `said` is raised to the stamp. Whenever it likes it takes what came:
 * a look at each ring, and then, as long as there are news that may be heard, the one with the lowest stamp, once every
 * ring that shows none and was looked at before that one has been looked at again.
 *
 * Checked: what was published entirely before a message began, or was heard by then where it began, is heard before it by
 * everybody. That is the order of causes, that of each publisher, and that of a connection which awaits the answer to one
 * publication before it makes the next by way of another shard (router.c). ordering.pml has what news have to do with
 * keys. Left out: rings that are full.
 *
 * Guards, each of which must be needed (Spin finds an error without it):
 *   -DNEWS_APART     some hear it before it is there for all
 *   -DLOOK_ONCE      rings are not looked at again           -DANY_STAMP  not the lowest stamp first
 *   -DPUBLISH_APART  a connection does not await the answer
 */
#define SHARDS 3
#ifndef MESSAGES
#define MESSAGES 2
#endif
#define NONE 255

typedef Ring { byte message[MESSAGES]; byte head, tail }
Ring ring[SHARDS * SHARDS];
#define R(from, to) ((from) * SHARDS + (to))

byte clock = 1;
byte said[SHARDS];
byte begun = 0;            /* messages */
byte published = 0;        /* set of messages: said entirely */
byte stamp[MESSAGES];
byte before[MESSAGES];     /* set of messages that are to be heard before it, by whom they are for */
byte receivers[MESSAGES];  /* set of shards */
byte heard[SHARDS];        /* set of messages */

#define HAS(set, member) (((set) >> (member)) & 1)

inline push(m, to) {
    d_step { ring[R(me, to)].message[ring[R(me, to)].tail] = m; ring[R(me, to)].tail++ }
}

inline begin() {
    message = begun;
#ifdef PUBLISH_APART
    before[message] = (1 << begun) - 1;
#else
    before[message] = published | heard[me];
#endif
    begun++;
    if
    :: receivers[message] = 1 << ((me + 1) % SHARDS)
    :: receivers[message] = 1 << ((me + 2) % SHARDS)
    :: receivers[message] = 7 - (1 << me)
    fi
}

inline publish() {
    atomic { stamp[message] = clock; clock++ };
    if                                               /* to which first */
    :: source = 1
    :: source = 2
    fi;
    if :: HAS(receivers[message], (me + source) % SHARDS) -> push(message, (me + source) % SHARDS) :: else fi;
    source = 3 - source;
    if :: HAS(receivers[message], (me + source) % SHARDS) -> push(message, (me + source) % SHARDS) :: else fi;
    d_step { said[me] = stamp[message]; published = published | (1 << message); message = 0; source = 0 }
}

/* The news at the head, as far as was known at the last look, which may be heard. */
#define HEAD(from) ring[R(from, me)].message[ring[R(from, me)].head]
#define HEARD_NEXT(from) (ring[R(from, me)].head < tail[from] && stamp[HEAD(from)] <= may[from])

inline look(from) {
    d_step { looks++; at[from] = looks; tail[from] = ring[R(from, me)].tail };
    if
    :: ring[R(from, me)].head < tail[from] ->
#ifdef NEWS_APART
        may[from] = NONE
#else
        may[from] = said[from]
#endif
    :: else
    fi
}

inline choose() {
    d_step {
        source = 0; chosen = NONE;
        do
        :: source < SHARDS ->
            if
            :: source != me && HEARD_NEXT(source) ->
                if
#ifdef ANY_STAMP
                :: chosen == NONE
#else
                :: chosen == NONE || stamp[HEAD(source)] < stamp[HEAD(chosen)]
#endif
                    -> chosen = source
                :: else
                fi
            :: else
            fi;
            source++
        :: else -> break
        od;
        source = 0
    }
}

inline hear(from) {
    d_step {
        message = HEAD(from);
        ring[R(from, me)].head++;
        heard[me] = heard[me] | (1 << message);
        source = 0;
        do
        :: source < MESSAGES ->
            assert(!HAS(before[message], source) || !HAS(receivers[source], me) || HAS(heard[me], source));
            source++
        :: else -> break
        od;
        source = 0; message = 0
    }
}

proctype shard(byte me) {
    byte message, source, chosen, looks;
    byte at[SHARDS], may[SHARDS], tail[SHARDS];
    bool again;

end: do
    :: atomic { begun < MESSAGES -> begin() }; publish()
    :: ring[R((me + 1) % SHARDS, me)].head < ring[R((me + 1) % SHARDS, me)].tail ||
       ring[R((me + 2) % SHARDS, me)].head < ring[R((me + 2) % SHARDS, me)].tail ->
        look((me + 1) % SHARDS);
        look((me + 2) % SHARDS);
        do
        :: true ->
            choose();
            if :: chosen == NONE -> break :: else fi;
            again = false;
#ifndef LOOK_ONCE
            source = (me + 1) % SHARDS;
            do
            :: source == me -> break
            :: else ->
                if
                :: source != chosen && !HEARD_NEXT(source) && at[source] < at[chosen] ->
                    look(source);
                    again = again || HEARD_NEXT(source)
                :: else
                fi;
                source = (source + 1) % SHARDS
            od;
            source = 0;
#endif
            if
            :: again
            :: else -> hear(chosen)
            fi
        od;
        skip;
        d_step {
            looks = 0; chosen = 0; again = false;
            at[0] = 0; at[1] = 0; at[2] = 0; may[0] = 0; may[1] = 0; may[2] = 0; tail[0] = 0; tail[1] = 0; tail[2] = 0
        }
    od
}

init { atomic { run shard(0); run shard(1); run shard(2) } }
