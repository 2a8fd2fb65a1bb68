#include "tests/sim/history.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/memory.h"

void history_init(struct history *history)
{
    *history = (struct history){0};
    texts_init(&history->texts);
}

void history_deinit(struct history *history)
{
    for (int i = 0; i < history->client_count; i++) {
        for (int at = 0; at < history->operation_counts[i]; at++)
            free(history->operations[i][at].queued);
        free(history->operations[i]);
    }
    free(history->heard);
    texts_deinit(&history->texts);
}

void history_add_heard(struct history *history, struct heard heard)
{
    if (history->heard_count == history->heard_capacity) {
        history->heard_capacity = history->heard_capacity ? 2 * history->heard_capacity : 64;
        history->heard = realloc(history->heard, (size_t)history->heard_capacity * sizeof heard);
    }
    history->heard[history->heard_count++] = heard;
}

/* The same script under several names: each is known by itself. */
#define SCRIPT(name)                                                                                                   \
    "local\ta=redis.pcall('APPEND',KEYS[1],ARGV[1])\n"                                                                 \
    "if\ttype(a)=='number'and\ta%3==0\tthen\treturn{a,redis.pcall('APPEND',ARGV[2],ARGV[3])}end\nreturn{a}--" name
static const char *const scripts[] = {SCRIPT("a"), SCRIPT("b"), SCRIPT("c")};

/* Words of a request: '%k' its next key, '%v' its next value, '%*' all keys, '%p' all pairs, '%n' its own values,
 * '%d' the deadline, '%t' the same in seconds, '%c' the other client's id, '%s' its own values with their scores,
 * '%m' the time for which an entry has to have been idle, '%i' an entry's ID, '%u' its own consumer, '%>' for each key,
 * '%x' a script, '%y' one that publishes, '%a' and
 * '%b' the first two keys, '%w' its second value, '%o' yes or no.
 */
static const char *const syntax[OPERATION_KINDS] = {
    [OPERATION_GET] = "GET %k",
    [OPERATION_SET] = "SET %k %v",
    [OPERATION_SETNX] = "SET %k %v NX",
    [OPERATION_SET_PX] = "SET %k %v PX %d",
    [OPERATION_SET_PXAT] = "SET %k %v PXAT %d",
    [OPERATION_GETDEL] = "GETDEL %k",
    [OPERATION_APPEND] = "APPEND %k %v",
    [OPERATION_INCR] = "INCR %k",
    [OPERATION_PERSIST] = "PERSIST %k",
    [OPERATION_ECHO] = "ECHO %v",
    [OPERATION_MGET] = "MGET %*",
    [OPERATION_MSET] = "MSET %p",
    [OPERATION_DEL] = "DEL %*",
    [OPERATION_EXISTS] = "EXISTS %*",
    [OPERATION_MSETNX] = "MSETNX %p",
    [OPERATION_RENAME] = "RENAME %*",
    [OPERATION_RENAMENX] = "RENAMENX %*",
    [OPERATION_COPY] = "COPY %*",
    [OPERATION_COPY_REPLACE] = "COPY %* REPLACE",
    [OPERATION_DBSIZE] = "DBSIZE",
    [OPERATION_FLUSHDB] = "FLUSHDB",
    [OPERATION_FLUSHALL] = "FLUSHALL",
    [OPERATION_SWAPDB] = "SWAPDB 0 1",
    [OPERATION_SCRIPT] = "EVAL %x 1 %a %v %b %w",
    [OPERATION_RPUSH] = "RPUSH %k %n",
    [OPERATION_LPOP] = "LPOP %k",
    [OPERATION_LRANGE] = "LRANGE %k 0 -1",
    [OPERATION_BLPOP] = "BLPOP %* %t",
    [OPERATION_BRPOP] = "BRPOP %* %t",
    [OPERATION_BLMOVE] = "BLMOVE %* LEFT RIGHT %t",
    [OPERATION_ZADD] = "ZADD %k %s",
    [OPERATION_ZPOPMIN] = "ZPOPMIN %k",
    [OPERATION_ZRANGE] = "ZRANGE %k 0 -1",
    [OPERATION_BZPOPMIN] = "BZPOPMIN %* %t",
    [OPERATION_XGROUP] = "XGROUP CREATE %k g 0 MKSTREAM",
    [OPERATION_XADD] = "XADD %k 0-* v %v",
    [OPERATION_XACK] = "XACK %k g %i",
    [OPERATION_XREADGROUP] = "XREADGROUP GROUP g %u COUNT 1 BLOCK %d STREAMS %* %>",
    [OPERATION_XREADGROUP_CLAIM] = "XREADGROUP GROUP g %u COUNT 1 CLAIM %m BLOCK %d STREAMS %* %>",
    [OPERATION_UNBLOCK] = "CLIENT UNBLOCK %c",
    [OPERATION_UNBLOCK_ERROR] = "CLIENT UNBLOCK %c ERROR",
    [OPERATION_KILL] = "CLIENT KILL ID %c",
    [OPERATION_SUBSCRIBE] = "SUBSCRIBE %v",
    [OPERATION_UNSUBSCRIBE] = "UNSUBSCRIBE %v",
    [OPERATION_PUBLISH] = "PUBLISH %n",
    [OPERATION_SCRIPT_PUBLISH] = "EVAL %y 1 %k %n",
    [OPERATION_REWRITE] = "BGREWRITEAOF",
    [OPERATION_APPEND_ONLY] = "CONFIG SET appendonly %o",
    [OPERATION_NAME] = "CLIENT GETNAME",
    [OPERATION_WATCH] = "WATCH %*",
    [OPERATION_UNWATCH] = "UNWATCH",
    [OPERATION_EXEC] = "EXEC",
    [OPERATION_DISCARD] = "DISCARD",
};

enum { WORDS_MAX = 12 + 2 * OPERATION_KEYS_MAX, NUMBERS_MAX = 8 };

struct words {
    struct str words[WORDS_MAX];
    int count;
    char numbers[NUMBERS_MAX][24];
    int number_count;
};

static void add_number(struct words *words, const char *format, int64_t number)
{
    char *text = words->numbers[words->number_count++];

    snprintf(text, sizeof words->numbers[0], format, number);
    words->words[words->count++] = str_from(text);
}

static void add_keys(struct words *words, const struct history *history, const struct operation *operation, bool values)
{
    for (int i = 0; i < operation->key_count; i++) {
        words->words[words->count++] = history->keys[operation->keys[i]];
        if (values)
            words->words[words->count++] = texts_get(&history->texts, operation->values[i]);
    }
}

static void add_word(struct words *words, const struct history *history, const struct operation *operation,
                     const char *word, size_t length)
{
    if (word[0] != '%') {
        words->words[words->count++] = (struct str){word, length};
        return;
    }
    switch (word[1]) {
    case 'k':
    case '*':
        add_keys(words, history, operation, false);
        break;
    case 'p':
        add_keys(words, history, operation, true);
        break;
    case 'v':
        words->words[words->count++] = texts_get(&history->texts, operation->values[0]);
        break;
    case 'n':
        for (int i = 0; i < operation->value_count; i++)
            words->words[words->count++] = texts_get(&history->texts, operation->values[i]);
        break;
    case 'w':
        words->words[words->count++] = texts_get(&history->texts, operation->values[1]);
        break;
    case 'x':
        words->words[words->count++] = str_from(scripts[operation->other % 3]);
        break;
    case 'a':
    case 'b':
        words->words[words->count++] = history->keys[operation->keys[word[1] - 'a']];
        break;
    case 'd':
        add_number(words, "%" PRId64, operation->deadline_ms);
        break;
    case 't':
        add_number(words, "%" PRId64 "e-3", operation->deadline_ms);
        break;
    case 'c': /* connections get their ids in the order of the clients */
        add_number(words, "%" PRId64, operation->other + 1);
        break;
    case 's':
        for (int i = 0; i < operation->value_count; i++) {
            add_number(words, "%" PRId64, operation_score(operation, i));
            words->words[words->count++] = texts_get(&history->texts, operation->values[i]);
        }
        break;
    case 'm':
        add_number(words, "%" PRId64, operation->claim_ms);
        break;
    case 'y':
        words->words[words->count++] = STR("return redis.call('PUBLISH', ARGV[1], ARGV[2])");
        break;
    case 'i':
        add_number(words, "0-%" PRId64, operation->other);
        break;
    case 'o':
        words->words[words->count++] = operation->other % 2 == 0 ? STR("yes") : STR("no");
        break;
    case 'u':
        add_number(words, "c%" PRId64, operation->client);
        break;
    case '>':
        for (int i = 0; i < operation->key_count; i++)
            words->words[words->count++] = STR(">");
        break;
    }
}

static void operation_words(const struct history *history, const struct operation *operation, struct words *words)
{
    const char *at = syntax[operation->kind];

    words->count = words->number_count = 0;
    while (*at) {
        size_t length = strcspn(at, " ");

        add_word(words, history, operation, at, length);
        at += length;
        at += *at == ' ';
    }
}

static void encode_one(const struct history *history, const struct operation *operation, struct buffer *bytes)
{
    struct words words;

    operation_words(history, operation, &words);
    buffer_append_format(bytes, "*%d\r\n", words.count);
    for (int i = 0; i < words.count; i++) {
        buffer_append_format(bytes, "$%zu\r\n", words.words[i].length);
        buffer_append_str(bytes, words.words[i]);
        buffer_append(bytes, "\r\n", 2);
    }
}

void operation_encode(const struct history *history, const struct operation *operation, struct buffer *bytes)
{
    if (operation_is_transaction(operation))
        buffer_append_str(bytes, STR("*1\r\n$5\r\nMULTI\r\n"));
    for (int i = 0; i < operation->queued_count; i++)
        encode_one(history, &operation->queued[i], bytes);
    encode_one(history, operation, bytes);
}

static void print_reply(struct str reply)
{
    for (size_t i = 0; i < reply.length; i++)
        if (reply.bytes[i] != '\r')
            putchar(reply.bytes[i] == '\n' ? ' ' : reply.bytes[i]);
}

static void print_words(const struct history *history, const struct operation *operation)
{
    struct words words;

    operation_words(history, operation, &words);
    for (int i = 0; i < words.count; i++)
        printf(" %.*s", (int)words.words[i].length, words.words[i].bytes);
}

void operation_print(const struct history *history, const struct operation *operation)
{
    printf("client %d db %d ", operation->client, operation->db);
    if (operation->invoked == NEVER)
        printf("never sent:");
    else if (operation->responded == NEVER)
        printf("%" PRIu64 "..: ", operation->invoked);
    else
        printf("%" PRIu64 "..%" PRIu64 " (%" PRId64 "..%" PRId64 " ms):", operation->invoked, operation->responded,
               operation->invoked_ms % 10000000, operation->responded_ms % 10000000);
    for (int i = 0; i < operation->queued_count; i++) {
        print_words(history, &operation->queued[i]);
        putchar(';');
    }
    print_words(history, operation);
    if (operation->responded != NEVER) {
        printf("  ->  ");
        print_reply(texts_get(&history->texts, operation->reply));
    }
    putchar('\n');
}

struct line {
    const struct operation *operation;
    bool placed;
};

static int by_invocation(const void *a, const void *b)
{
    const struct line *first = a, *second = b;

    if (first->operation->invoked != second->operation->invoked)
        return first->operation->invoked < second->operation->invoked ? -1 : 1;
    return first->operation < second->operation ? -1 : first->operation > second->operation;
}

void history_print_around(const struct history *history, const int places[CLIENTS_MAX], int before, int after)
{
    struct line *lines = malloc((size_t)(history->client_count * (before + after)) * sizeof *lines);
    size_t count = 0;

    for (int client = 0; client < history->client_count; client++) {
        for (int i = places[client] - before; i < places[client] + after; i++)
            if (i >= 0 && i < history->operation_counts[client])
                lines[count++] = (struct line){&history->operations[client][i], i < places[client]};
    }
    qsort(lines, count, sizeof *lines, by_invocation);
    for (size_t i = 0; i < count; i++) {
        printf(lines[i].placed ? "    " : "  ? ");
        operation_print(history, lines[i].operation);
    }
    free(lines);
}
