#include "tests/support/random_commands.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/dice.h"

void random_commands_seed(uint64_t seed)
{
    dice_state = seed;
}

static const char *const templates[] = {
    "SET k v",
    "SET k v EX n",
    "SET k v NX",
    "SET k v KEEPTTL",
    "GETSET k v",
    "SETEX k n v",
    "APPEND k v",
    "INCR k",
    "SETRANGE k n v",
    "SETBIT k n 1",
    "SETBIT k 300000000 1",
    "BITFIELD k SET u8 n 77",
    "INCRBYFLOAT k 0.5",
    "GETDEL k",
    "GETEX k EX n",
    "MSET k v k v",
    "BITOP OR k k k",
    "PFADD k m m",
    "PFMERGE k k",
    "SET k W",
    "APPEND k W",
    "SETRANGE k 20000 v",
    "SETBIT k 100000 1",
    "DEL k",
    "DEL k k",
    "UNLINK k",
    "RENAME k k",
    "RENAMENX k k",
    "COPY k k",
    "COPY k k REPLACE",
    "MOVE k 1",
    "COPY k k DB 1 REPLACE",
    "EXPIRE k n",
    "PEXPIREAT k t",
    "PERSIST k",
    "EXPIRE k 0",
    "SORT k ALPHA STORE k",
    "LPUSH k v",
    "RPUSH k v v v",
    "LPUSHX k v",
    "RPUSHX k W",
    "LPOP k",
    "RPOP k",
    "LPOP k n",
    "RPOP k n",
    "RPOPLPUSH k k",
    "LMOVE k k e e",
    "LREM k 0 m",
    "LREM k n m",
    "LREM k -n m",
    "LTRIM k i i",
    "LTRIM k 1 -2",
    "LSET k i v",
    "LINSERT k BEFORE m v",
    "LMPOP 2 k k LEFT COUNT n",
    "BLPOP k k 0",
    "BRPOPLPUSH k k 0",
    "HSET k m v",
    "HSET k m v m v m W",
    "HMSET k m v",
    "HSETNX k m v",
    "HDEL k m",
    "HDEL k m m m",
    "HINCRBY k m n",
    "HINCRBYFLOAT k m 1.5",
    "HEXPIRE k n FIELDS 1 m",
    "HPEXPIREAT k t FIELDS 2 m m",
    "HPERSIST k FIELDS 1 m",
    "HGETDEL k FIELDS 1 m",
    "HGETEX k EX n FIELDS 1 m",
    "HSETEX k EX n FIELDS 1 m v",
    "HEXPIRE k 0 FIELDS 1 m",
    "SADD k m",
    "SADD k n n n",
    "SADD k m n m",
    "SREM k m",
    "SREM k n m n",
    "SMOVE k k m",
    "SMOVE k k n",
    "SPOP k",
    "SPOP k n",
    "SPOP k 100000",
    "SINTERSTORE k k k",
    "SUNIONSTORE k k k",
    "SDIFFSTORE k k k",
    "ZADD k s m",
    "ZADD k s m s m s m",
    "ZADD k NX s m",
    "ZADD k XX CH s m s m",
    "ZADD k GT s m",
    "ZADD k INCR s m",
    "ZINCRBY k s m",
    "ZREM k m",
    "ZREM k m m m",
    "ZPOPMIN k",
    "ZPOPMIN k n",
    "ZPOPMAX k n",
    "ZREMRANGEBYRANK k i i",
    "ZREMRANGEBYSCORE k s s",
    "ZREMRANGEBYSCORE k -inf (s",
    "ZREMRANGEBYLEX k [a [m",
    "ZMPOP 2 k k MIN COUNT n",
    "ZUNIONSTORE k 2 k k",
    "ZRANGESTORE k k 0 n",
    "GEOADD k 13.3 38.1 m",
    "GEOADD k CH 15.0 37.5 m 13.0 38.0 m",
    "GEOSEARCHSTORE k k FROMLONLAT 15 37 BYRADIUS 200 km",
    "XADD k * m v",
    "XADD k * m v m v",
    "XADD k MAXLEN ~ 100 * m v",
    "XADD k MAXLEN 50 * m v",
    "XADD k MAXLEN = 1 * m W",
    "XADD k NOMKSTREAM * m v",
    "XTRIM k MAXLEN n",
    "XTRIM k MAXLEN ~ 60",
    "XTRIM k MINID x",
    "XTRIM k MAXLEN n DELREF",
    "XTRIM k ACKED MINID x",
    "XADD k MAXLEN 50 DELREF * m v",
    "XDEL k x x",
    "XSETID k 9999999999999-0",
    "XGROUP CREATE k m $ MKSTREAM",
    "XGROUP CREATE k m 0",
    "XGROUP DESTROY k m",
    "XREADGROUP GROUP m m COUNT n STREAMS k >",
    "XACK k m x x",
    "XCLAIM k m m 0 x",
    "XAUTOCLAIM k m m 0 0",
    "XGROUP SETID k m x",
    "XGROUP CREATECONSUMER k m m",
};

/* Most of them a kind that has keys of the command's type. */
static char key_kind(const char *line)
{
    static const char *const kinds = "Llhstzxpb";
    bool suits = dice_below(3) > 0;
    static const struct {
        const char *command, *kinds;
    } suited[] = {{"L", "Ll"},    {"R", "l"},     {"BL", "l"},     {"H", "h"},       {"SADD", "st"},
                  {"SREM", "st"}, {"SPOP", "st"}, {"SMOVE", "st"}, {"SINTER", "st"}, {"SDIFF", "st"},
                  {"Z", "z"},     {"BZ", "z"},    {"GEO", "z"},    {"X", "x"}};

    for (size_t i = 0; suits && i < sizeof suited / sizeof suited[0]; i++)
        if (strncmp(line, suited[i].command, strlen(suited[i].command)) == 0)
            return suited[i].kinds[dice_below(strlen(suited[i].kinds))];
    return kinds[dice_below(9)];
}

static void append_drawn(char *line, size_t room, char letter, int64_t now_ms)
{
    size_t length = strlen(line);
    char *to = line + length;

    room -= length;
    switch (letter) {
    case 'k':
        snprintf(to, room, "%c%d", key_kind(line), (int)dice_below(3));
        return;
    case 'm':
        snprintf(to, room, dice_below(4) ? "m%d" : "%d", (int)dice_below(dice_below(2) ? 6 : 900));
        return;
    case 'v':
        snprintf(to, room, "v%.*s", (int)dice_below(40), "0123456789012345678901234567890123456789");
        return;
    case 'W':
        snprintf(to, room, "W%0*d", (int)(100 + dice_below(2000)), (int)dice_below(1000));
        return;
    case 'n':
        snprintf(to, room, "%d", 1 + (int)dice_below(dice_below(3) ? 5 : 3000));
        return;
    case 'i':
        snprintf(to, room, "%d", (int)dice_below(40) - 20);
        return;
    case 's':
        snprintf(to, room, "%d", (int)dice_below(1000));
        return;
    case 'e':
        snprintf(to, room, "%s", dice_below(2) ? "LEFT" : "RIGHT");
        return;
    case 't':
        snprintf(to, room, "%lld", (long long)now_ms - 5 + (long long)dice_below(100000));
        return;
    case 'x':
        snprintf(to, room, "%lld-%d", (long long)now_ms - (long long)dice_below(300), (int)dice_below(2));
        return;
    default:
        snprintf(to, room, "%c", letter);
    }
}

void random_command_of(char line[static RANDOM_COMMAND_BYTES], const char *template, int64_t now_ms)
{
    line[0] = '\0';
    for (const char *at = template; *at; at++) {
        bool begins = at == template || strchr(" -([", at[-1]), ends = at[1] == ' ' || at[1] == '\0';
        bool literal =
            !(begins && ends && strchr("kmvWniSsetx", *at)) || (at > template && at[-1] == '[' && *at == 'a');
        size_t length = strlen(line);
        if (literal)
            snprintf(line + length, RANDOM_COMMAND_BYTES - length, "%c", *at);
        else
            append_drawn(line, RANDOM_COMMAND_BYTES, *at, now_ms);
    }
}

void random_command(char line[static RANDOM_COMMAND_BYTES], int64_t now_ms)
{
    random_command_of(line, templates[dice_below(sizeof templates / sizeof templates[0])], now_ms);
}

/* Keys of every kind, small ones and large ones. */
void random_commands_fill(void (*run)(const char *line), int64_t now_ms)
{
    char line[RANDOM_COMMAND_BYTES];

    for (int i = 0; i < 700; i++) {
        int large = i < 20 ? 0 : 1;
        snprintf(line, sizeof line, "RPUSH L%d m%d", large, i % 50);
        run(line);
        snprintf(line, sizeof line, "HSET h%d m%d v%d", large, i, i);
        run(line);
        snprintf(line, sizeof line, "SADD s%d %d", large, i * 3);
        run(line);
        snprintf(line, sizeof line, "SADD t%d m%d", large, i);
        run(line);
        snprintf(line, sizeof line, "ZADD z%d %d m%d", large, i * 7 % 500, i);
        run(line);
        snprintf(line, sizeof line, "XADD x%d %lld-%d m v%d", large, (long long)now_ms - 350 + i / 2, i % 2, i);
        run(line);
    }
    run("RPUSH l2 a b c");
    run("RPUSH l1 a");
    for (int i = 0; i < 3000; i++)
        run("RPUSH l1 some-longer-element-of-a-list");
    run("HPEXPIREAT h1 1700000100000 FIELDS 2 m5 m6");
    run("SETRANGE p1 30000 x");
    run("SETBIT b1 400000000 1");
    run("SET p0 12");
    run("SET p2 1700000001 EX 100");
    run("EXPIRE L1 1000");
    run("PEXPIREAT z1 1700000050000");
    run("XGROUP CREATE x1 m1 0");
    run("XREADGROUP GROUP m1 m2 COUNT 100 STREAMS x1 >");
}
