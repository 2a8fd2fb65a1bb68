/* The sorted set commands, through the same steps as a request. */
#include "core/handlers.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "tests/support/command_run.h"

static struct command_run run;

static void begin(void)
{
    command_run_init(&run, 1);
}

static void end(void)
{
    command_run_deinit(&run);
}

TestSuite(cmd_zset, .init = begin, .fini = end);

static void expect(const char *line, const char *reply)
{
    command_expect(&run, line, reply);
}

/* From the listpack to the tree and on: the same commands in both. */
static void small_thresholds(int64_t entries)
{
    run.cores[0].config.zset_max_listpack_entries = entries;
}

Test(cmd_zset, zadd_adds_updates_and_refuses)
{
    for (int64_t entries = 0; entries <= 128; entries += 128) {
        small_thresholds(entries);
        expect("ZADD k 1 a 2 b 3 c", ":3 ");
        expect("OBJECT ENCODING k", entries == 0 ? "$8 skiplist " : "$8 listpack ");
        expect("ZADD k 5 a 2 b", ":0 ");
        expect("ZADD k CH 6 a 2 b 4 d", ":2 ");
        expect("ZADD k NX 9 a", ":0 ");
        expect("ZADD k XX 9 z", ":0 ");
        expect("ZADD k GT CH 5 a 7 b", ":1 ");
        expect("ZADD k LT CH 5 a 9 b", ":1 ");
        expect("ZADD k INCR 2.5 a", "$3 7.5 ");
        expect("ZADD k GT INCR -1 a", "$-1 ");
        expect("ZINCRBY k -0.5 a", "$1 7 ");
        expect("ZRANGE k 0 -1 WITHSCORES", "*8 $1 c $1 3 $1 d $1 4 $1 a $1 7 $1 b $1 7 ");
        expect("DEL k", ":1 ");
    }
}

Test(cmd_zset, zadd_says_what_is_wrong)
{
    expect("ZADD k 1", "-ERR wrong number of arguments for 'zadd' command ");
    expect("ZADD k 1 a 2", "-ERR syntax error ");
    expect("ZADD k NX XX", "-ERR syntax error ");
    expect("ZADD k NX XX 1 a", "-ERR XX and NX options at the same time are not compatible ");
    expect("ZADD k GT NX 1 a", "-ERR GT, LT, and/or NX options at the same time are not compatible ");
    expect("ZADD k GT LT 1 a", "-ERR GT, LT, and/or NX options at the same time are not compatible ");
    expect("ZADD k INCR 1 a 2 b", "-ERR INCR option supports a single increment-element pair ");
    expect("ZADD k 1 a x b", "-ERR value is not a valid float ");
    expect("ZADD k nan a", "-ERR value is not a valid float ");
    expect("EXISTS k", ":0 ");
    expect("ZADD k XX 1 a", ":0 ");
    expect("EXISTS k", ":0 ");
    expect("ZADD k inf a", ":1 ");
    expect("ZINCRBY k -inf a", "-ERR resulting score is not a number (NaN) ");
    expect("SET s v", "+OK ");
    expect("ZADD s 1 a", "-WRONGTYPE Operation against a key holding the wrong kind of value ");
}

Test(cmd_zset, what_becomes_empty_goes)
{
    expect("ZADD k 1 a 2 b", ":2 ");
    expect("ZREM k a b c", ":2 ");
    expect("EXISTS k", ":0 ");
    expect("ZADD k 1 a", ":1 ");
    expect("ZPOPMIN k", "*2 $1 a $1 1 ");
    expect("EXISTS k", ":0 ");
    expect("ZADD k 1 a", ":1 ");
    expect("ZREMRANGEBYSCORE k -inf +inf", ":1 ");
    expect("EXISTS k", ":0 ");
}

Test(cmd_zset, scores_print_as_redis_prints_them)
{
    small_thresholds(0);
    expect("ZADD k 0.1 a 1e21 b -0 c inf d -inf e 3 f", ":6 ");
    expect("ZMSCORE k a b c d e f g", "*7 $3 0.1 $5 1e+21 $2 -0 $3 inf $4 -inf $1 3 $-1 ");
    run.session.protocol = 3;
    expect("ZSCORE k a", ",0.1 ");
    expect("ZRANGE k 0 1 WITHSCORES", "*2 *2 $1 e ,-inf *2 $1 c ,-0 ");
    expect("ZSCORE k nobody", "_ ");
}

Test(cmd_zset, ranks_count_from_either_end)
{
    expect("ZADD k 1 a 2 b 3 c", ":3 ");
    expect("ZRANK k a", ":0 ");
    expect("ZREVRANK k a", ":2 ");
    expect("ZRANK k b WITHSCORE", "*2 :1 $1 2 ");
    expect("ZREVRANK k c WITHSCORE", "*2 :0 $1 3 ");
    expect("ZRANK k d", "$-1 ");
    expect("ZRANK k d WITHSCORE", "*-1 ");
    expect("ZRANK nokey d WITHSCORE", "*-1 ");
    expect("ZRANK k d WITHSCORES", "-ERR syntax error ");
    expect("ZRANK k d WITHSCORE x", "-ERR wrong number of arguments for 'zrank' command ");
}

Test(cmd_zset, ranges_by_rank_score_and_member)
{
    expect("ZADD k 1 a 2 b 3 c 4 d", ":4 ");
    expect("ZRANGE k 1 -2", "*2 $1 b $1 c ");
    expect("ZRANGE k 0 1 REV", "*2 $1 d $1 c ");
    expect("ZREVRANGE k -1 5", "*1 $1 a ");
    expect("ZRANGE k (1 3 BYSCORE", "*2 $1 b $1 c ");
    expect("ZRANGE k 3 (1 BYSCORE REV LIMIT 1 5", "*1 $1 b ");
    expect("ZRANGEBYSCORE k -inf +inf LIMIT 1 2", "*2 $1 b $1 c ");
    expect("ZREVRANGEBYSCORE k +inf -inf LIMIT -1 2", "*0 ");
    expect("ZRANGEBYSCORE k -inf +inf LIMIT 2 -1", "*2 $1 c $1 d ");
    expect("ZADD l 0 a 0 b 0 c 0 d", ":4 ");
    expect("ZRANGEBYLEX l [b (d", "*2 $1 b $1 c ");
    expect("ZREVRANGEBYLEX l + (b LIMIT 1 1", "*1 $1 c ");
    expect("ZRANGE l - [b BYLEX", "*2 $1 a $1 b ");
    expect("ZLEXCOUNT l (a +", ":3 ");
    expect("ZCOUNT k 2 (4", ":2 ");
    expect("ZRANGE k 9223372036854775807 -9223372036854775808", "*0 ");
    expect("ZRANGE k -9223372036854775808 9223372036854775807", "*4 $1 a $1 b $1 c $1 d ");
}

Test(cmd_zset, ranges_say_what_is_wrong)
{
    expect("ZRANGE k 0 1 LIMIT 1 2",
           "-ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX ");
    expect("ZRANGE k - + BYLEX WITHSCORES", "-ERR syntax error, WITHSCORES not supported in combination with BYLEX ");
    expect("ZRANGE k 0 1 BYSCORE BYLEX", "-ERR syntax error ");
    expect("ZREVRANGE k 0 1 REV", "-ERR syntax error ");
    expect("ZRANGE k a 1", "-ERR value is not an integer or out of range ");
    expect("ZRANGEBYSCORE k a 1", "-ERR min or max is not a float ");
    expect("ZRANGEBYLEX k a +", "-ERR min or max not valid string range item ");
    expect("ZRANGESTORE d k 0 1 WITHSCORES", "-ERR syntax error ");
}

Test(cmd_zset, ranges_are_removed_and_stored)
{
    expect("ZADD k 1 a 2 b 3 c 4 d 5 e", ":5 ");
    expect("ZRANGESTORE d k 2 3", ":2 ");
    expect("ZRANGE d 0 -1", "*2 $1 c $1 d ");
    expect("SET d text", "+OK ");
    expect("ZRANGESTORE d k 4 (1 BYSCORE REV LIMIT 0 1", ":1 ");
    expect("ZRANGE d 0 -1", "*1 $1 d ");
    expect("ZRANGESTORE d nokey 0 -1", ":0 ");
    expect("EXISTS d", ":0 ");
    expect("ZREMRANGEBYRANK k -2 -1", ":2 ");
    expect("ZREMRANGEBYSCORE k (1 2", ":1 ");
    expect("ZRANGE k 0 -1", "*2 $1 a $1 c ");
}

/* What redis-server 7.0 answers: a pack makes 0 of -0, and a result of scores begins as one. */
Test(cmd_zset, stored_ranges_are_packs_on_the_way_where_redis_has_them_so)
{
    small_thresholds(0);
    expect("ZADD k -0 a -0 b -0 c", ":3 ");
    small_thresholds(2);
    expect("ZRANGESTORE d k 0 -1", ":3 ");
    expect("ZMSCORE d a b c", "*3 $2 -0 $2 -0 $2 -0 ");
    expect("ZRANGESTORE d k 0 1", ":2 ");
    expect("ZMSCORE d a b", "*2 $1 0 $1 0 ");
    expect("ZRANGESTORE d k 0 1 BYSCORE", ":3 ");
    expect("ZMSCORE d a b c", "*3 $1 0 $1 0 $2 -0 ");
    expect("ZRANGESTORE d k 1 0 BYSCORE REV", ":3 ");
    expect("ZMSCORE d a b c", "*3 $2 -0 $1 0 $1 0 ");
}

Test(cmd_zset, pops_take_from_the_ends)
{
    expect("ZADD k 1 a 2 b 3 c 4 d 5 e 6 f", ":6 ");
    expect("ZPOPMAX k 2", "*4 $1 f $1 6 $1 e $1 5 ");
    expect("ZPOPMIN k 0", "*0 ");
    expect("ZPOPMIN k -1", "-ERR value is out of range, must be positive ");
    expect("ZPOPMIN nokey", "*0 ");
    expect("ZMPOP 2 nokey k MIN COUNT 2", "*2 $1 k *2 *2 $1 a $1 1 *2 $1 b $1 2 ");
    expect("ZMPOP 1 nokey MAX", "*-1 ");
    expect("ZMPOP 0 k MIN", "-ERR numkeys should be greater than 0 ");
    expect("ZMPOP 9223372036854775807 k MIN", "-ERR syntax error ");
    expect("ZMPOP 1 k MIN COUNT 0", "-ERR count should be greater than 0 ");
    expect("ZMPOP 1 k SIDE", "-ERR syntax error ");
    expect("BZPOPMIN nokey k 0", "*3 $1 k $1 c $1 3 ");
    expect("BZMPOP 0 1 k MAX COUNT 5", "*2 $1 k *1 *2 $1 d $1 4 ");
    expect("BZPOPMAX k 0", "*-1 ");
    expect("BZPOPMAX k -1", "-ERR timeout is negative ");
    run.session.protocol = 3;
    expect("ZADD k 1 a 2 b", ":2 ");
    expect("ZPOPMIN k", "*2 $1 a ,1 ");
    expect("ZPOPMIN k 1", "*1 *2 $1 b ,2 ");
}

Test(cmd_zset, algebra_combines_scores)
{
    expect("ZADD k 1 a 2 b 3 c", ":3 ");
    expect("ZADD l 10 b 20 c 30 d", ":3 ");
    expect("SADD s c x", ":2 ");
    expect("ZUNION 2 k l WITHSCORES", "*8 $1 a $1 1 $1 b $2 12 $1 c $2 23 $1 d $2 30 ");
    expect("ZINTER 2 k l WEIGHTS 2 1 AGGREGATE MAX WITHSCORES", "*4 $1 b $2 10 $1 c $2 20 ");
    expect("ZDIFF 2 k l WITHSCORES", "*2 $1 a $1 1 ");
    expect("ZINTERSTORE d 3 k l s", ":1 ");
    expect("ZRANGE d 0 -1 WITHSCORES", "*2 $1 c $2 24 ");
    expect("ZUNIONSTORE k 2 k nokey AGGREGATE MIN", ":3 ");
    expect("ZDIFFSTORE d 2 k k", ":0 ");
    expect("EXISTS d", ":0 ");
    expect("ZINTERCARD 2 k l LIMIT 1", ":1 ");
    expect("ZINTERCARD 2 k l LIMIT 0", ":2 ");
    expect("ZADD i inf a", ":1 ");
    expect("ZUNION 2 i i WEIGHTS 1 -1 WITHSCORES", "*2 $1 a $1 0 ");
}

Test(cmd_zset, algebra_says_what_is_wrong)
{
    expect("SET s v", "+OK ");
    expect("ZUNION 0 k", "-ERR at least 1 input key is needed for 'zunion' command ");
    expect("ZUNION 2 k", "-ERR syntax error ");
    expect("ZUNION 9223372036854775807 k", "-ERR syntax error ");
    expect("ZUNION 1 s BOGUS", "-WRONGTYPE Operation against a key holding the wrong kind of value ");
    expect("ZUNION 1 k WEIGHTS x", "-ERR weight value is not a float ");
    expect("ZUNION 1 k AGGREGATE AVG", "-ERR syntax error ");
    expect("ZDIFF 1 k WEIGHTS 1", "-ERR syntax error ");
    expect("ZUNIONSTORE d 1 k WITHSCORES", "-ERR syntax error ");
    expect("ZINTERCARD 1 k LIMIT -1", "-ERR LIMIT can't be negative ");
}

Test(cmd_zset, random_members_are_distinct_unless_asked)
{
    for (int64_t entries = 0; entries <= 128; entries += 128) {
        small_thresholds(entries);
        expect("ZADD k 1 a 2 b", ":2 ");
        expect("ZRANDMEMBER k 5 WITHSCORES", "*4 $1 a $1 1 $1 b $1 2 ");
        expect("ZADD one 1 a", ":1 ");
        expect("ZRANDMEMBER one", "$1 a ");
        expect("ZRANDMEMBER one -3", "*3 $1 a $1 a $1 a ");
        expect("DEL k one", ":2 ");
    }
    expect("ZRANDMEMBER k", "$-1 ");
    expect("ZRANDMEMBER k 2", "*0 ");
    expect("ZADD k 1 a", ":1 ");
    expect("ZRANDMEMBER k 0", "*0 ");
    expect("ZRANDMEMBER k -9223372036854775808",
           "-ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807 ");
    expect("ZRANDMEMBER k -9223372036854775807 WITHSCORES", "-ERR value is out of range ");
    expect("ZRANDMEMBER k -9223372036854775807", "-ERR value is out of range ");
}

Test(cmd_zset, few_of_many_are_drawn_with_equal_chance)
{
    int drawn[100] = {0};
    char line[64];

    small_thresholds(0);
    for (int i = 0; i < 100; i++) {
        snprintf(line, sizeof line, "ZADD k %d %02d", i, i);
        command_run(&run, line);
    }
    for (int round = 0; round < 4000; round++) {
        struct str reply = command_run(&run, round % 2 ? "ZRANDMEMBER k 5" : "ZRANDMEMBER k 50");
        for (const char *at = reply.bytes; (at = memmem(at, (size_t)(reply.bytes + reply.length - at), "$2\r\n", 4));
             at += 4)
            drawn[(at[4] - '0') * 10 + at[5] - '0']++;
    }
    for (int i = 0; i < 100; i++) /* 1100 expected of each, 23 the deviation */
        cr_assert(drawn[i] > 960 && drawn[i] < 1240, "member %d was drawn %d times", i, drawn[i]);
}

Test(cmd_zset, scan_walks_over_all)
{
    expect("ZADD k 0.1 a 2 b", ":2 ");
    expect("ZSCAN k 0", "*2 $1 0 *4 $1 a $3 0.1 $1 b $1 2 ");
    expect("ZSCAN k 0 MATCH b", "*2 $1 0 *2 $1 b $1 2 ");
    expect("ZSCAN nokey 0", "*2 $1 0 *0 ");
    expect("ZSCAN k x", "-ERR invalid cursor ");
    expect("ZSCAN no -9223372036854775808 COUNT 1000000", "*2 $1 0 *0 ");
    expect("ZSCAN k 0 COUNT 0", "-ERR syntax error ");
    small_thresholds(0);
    expect("ZADD t 0.1 a", ":1 ");
    expect("ZSCAN t 0 COUNT 10000", "*2 $1 0 *2 $1 a $19 0.10000000000000001 ");
    expect("ZSCAN t 18446744073709551615 COUNT 10000", "*2 $1 0 *0 ");
}

Test(cmd_zset, keys_may_lie_on_several_shards)
{
    command_run_deinit(&run);
    command_run_init(&run, 3);
    expect("ZADD k0 1 a 2 b", ":2 ");
    expect("ZADD k1 1 b 2 c", ":2 ");
    expect("ZUNIONSTORE k2 2 k0 k1", ":3 ");
    expect("ZRANGE k2 0 -1 WITHSCORES", "*6 $1 a $1 1 $1 c $1 2 $1 b $1 3 ");
    expect("ZRANGESTORE k1 k2 0 0", ":1 ");
    expect("ZMPOP 2 k4 k1 MIN", "*2 $2 k1 *1 *2 $1 a $1 1 ");
    command_run_deinit(&run);
    for (int i = 0; i < 3; i++)
        cr_assert_eq(run.cores[i].data.used_bytes, 0);
    command_run_init(&run, 1);
}
