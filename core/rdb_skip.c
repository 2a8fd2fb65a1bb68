/* A layout in letters, one for each part:
 *
 *     s  a string               8  eight bytes
 *     l  a length               i  an ID of 16 bytes
 *     t  a score as text        m  what a module has written
 *     (...)  a length, and so many times what is in the parentheses
 *
 * What is read here and in rdb_value_read_*.c must agree: a test passes over a
 * value in each layout. */
#include "core/rdb_skip.h"

#include "core/assert.h"
#include "core/rdb_format.h"

#define STREAM_BLOCKS "(ss)"
#define STREAM_PENDING "(i8l)"

static const char *const layouts[] = {
    [RDB_STRING] = "s",
    [RDB_LIST] = "(s)",
    [RDB_SET] = "(s)",
    [RDB_ZSET_TEXT] = "(st)",
    [RDB_HASH] = "(ss)",
    [RDB_ZSET] = "(s8)",
    [RDB_MODULE] = "m",
    [RDB_HASH_ZIPMAP] = "s",
    [RDB_LIST_ZIPLIST] = "s",
    [RDB_SET_INTSET] = "s",
    [RDB_ZSET_ZIPLIST] = "s",
    [RDB_HASH_ZIPLIST] = "s",
    [RDB_LIST_QUICKLIST] = "(s)",
    [RDB_STREAM] = STREAM_BLOCKS "lll(sll" STREAM_PENDING "(s8(i)))",
    [RDB_HASH_LISTPACK] = "s",
    [RDB_ZSET_LISTPACK] = "s",
    [RDB_LIST_QUICKLIST_2] = "(ls)",
    [RDB_STREAM_2] = STREAM_BLOCKS "llllllll(slll" STREAM_PENDING "(s8(i)))",
    [RDB_SET_LISTPACK] = "s",
    [RDB_STREAM_3] = STREAM_BLOCKS "llllllll(slll" STREAM_PENDING "(s88(i)))",
    [RDB_HASH_EXPIRING_EARLY] = "(lss)",
    [RDB_HASH_LISTPACK_EXPIRING_EARLY] = "s",
    [RDB_HASH_EXPIRING] = "8(lss)",
    [RDB_HASH_LISTPACK_EXPIRING] = "8s",
};

enum { TYPES = sizeof layouts / sizeof layouts[0], ID_BYTES = 16 };

bool rdb_skip_knows(uint8_t type)
{
    return type < TYPES && layouts[type] != NULL;
}

static bool skip_bytes(struct rdb_reader *reader, size_t count)
{
    struct str bytes;

    return rdb_read_bytes(reader, count, &bytes);
}

static bool skip_score_text(struct rdb_reader *reader)
{
    uint8_t length;

    return rdb_read_byte(reader, &length) && (length >= RDB_TEXT_NAN || skip_bytes(reader, length));
}

/* Modules: which one it is, and parts, each behind its kind. */

enum module_part { PART_END, PART_SIGNED, PART_UNSIGNED, PART_FLOAT, PART_DOUBLE, PART_STRING };

static bool skip_part(struct rdb_reader *reader, uint64_t part)
{
    uint64_t number;

    switch (part) {
    case PART_SIGNED:
    case PART_UNSIGNED:
        return rdb_read_length(reader, &number);
    case PART_FLOAT:
        return skip_bytes(reader, sizeof(float));
    case PART_DOUBLE:
        return skip_bytes(reader, sizeof(double));
    default:
        return part == PART_STRING && rdb_skip_string(reader);
    }
}

static bool skip_module(struct rdb_reader *reader)
{
    uint64_t module, part;

    if (!rdb_read_length(reader, &module))
        return false;
    while (rdb_read_length(reader, &part))
        if (part == PART_END || !skip_part(reader, part))
            return part == PART_END;
    return false;
}

/* Nine letters of six bits, and ten bits of a version. */
void rdb_module_name(uint64_t module, char name[static RDB_MODULE_NAME_MAX + 1])
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

    for (int i = 0; i < RDB_MODULE_NAME_MAX; i++)
        name[i] = letters[module >> (64 - 6 * (i + 1)) & 63];
    name[RDB_MODULE_NAME_MAX] = '\0';
}

/* All */

static bool skip_letter(struct rdb_reader *reader, char letter)
{
    uint64_t length;

    switch (letter) {
    case 's':
        return rdb_skip_string(reader);
    case 'l':
        return rdb_read_length(reader, &length);
    case '8':
        return skip_bytes(reader, sizeof(uint64_t));
    case 'i':
        return skip_bytes(reader, ID_BYTES);
    case 't':
        return skip_score_text(reader);
    default:
        ASSERT(letter == 'm');
        return skip_module(reader);
    }
}

/* Behind the parentheses that open here. */
static const char *behind(const char *layout)
{
    int open = 0;

    do
        open += *layout == '(' ? 1 : *layout == ')' ? -1 : 0;
    while (layout++, open > 0);
    return layout;
}

static bool skip_run(struct rdb_reader *reader, const char *layout);

static bool skip_group(struct rdb_reader *reader, const char *layout)
{
    uint64_t count;

    if (!rdb_read_count(reader, &count))
        return false;
    for (; count > 0; count--)
        if (!skip_run(reader, layout))
            return false;
    return true;
}

/* Up to the layout's end, or that of the parentheses around it. */
static bool skip_run(struct rdb_reader *reader, const char *layout)
{
    while (*layout != '\0' && *layout != ')') {
        bool is_group = *layout == '(';

        if (is_group ? !skip_group(reader, layout + 1) : !skip_letter(reader, *layout))
            return false;
        layout = is_group ? behind(layout) : layout + 1;
    }
    return true;
}

bool rdb_skip_value(struct rdb_reader *reader, uint8_t type)
{
    ASSERT(rdb_skip_knows(type));
    return skip_run(reader, layouts[type]);
}
