/* Single bits of strings, and counting and finding them. */
#include "core/handlers.h"

#include "core/args.h"
#include "core/bitmap_value.h"
#include "core/call.h"
#include "core/change.h"

/* A range as given: in bytes or bits, negative from the end. */
struct bit_range {
    int64_t start, end;
    bool in_bits, end_given;
};

/* --- SETBIT, GETBIT --- */

void cmd_setbit(struct call *call)
{
    struct str name = call->argv[1];
    struct keyspace *keyspace = call_keyspace(call, name);
    struct bitmap bitmap;
    struct entry *entry;
    uint64_t offset;
    int64_t bit;

    if (!args_bit_offset(call, call->argv[2], 0, &offset) ||
        !args_integer_in(call->reply, call->argv[3], 0, 1, "ERR bit is not an integer or out of range", &bit))
        return;
    if (!call_find_bits_write(call, name, &entry))
        return;
    size_t length = entry ? entry_string_length(entry) : 0;
    entry = bitmap_open(keyspace, call->db, call_key(call, name), entry, offset / 8 + 1, &bitmap);
    int64_t old = (int64_t)bitmap_read(&bitmap, offset, 1);
    if (old != bit)
        bitmap_write(&bitmap, offset, 1, (uint64_t)bit);
    bool changed = old != bit || bitmap.length > length;
    keyspace_changed(keyspace, changed);
    bitmap_close(entry);
    if (changed)
        call_changed(call, EVENT_STRING, "setbit", name);
    reply_integer(call->reply, old);
}

void cmd_getbit(struct call *call)
{
    struct entry *entry;
    uint64_t offset;
    char digits[32];

    if (!args_bit_offset(call, call->argv[2], 0, &offset) || !call_find_bits_read(call, call->argv[1], &entry))
        return;
    struct bitmap bitmap = bitmap_of(entry, digits);
    reply_integer(call->reply, (int64_t)bitmap_read(&bitmap, offset, 1));
}

/* --- BITCOUNT, BITPOS --- */

static bool parse_end(struct call *call, int at, struct bit_range *range)
{
    range->end_given = at < call->argc;
    return !range->end_given || args_integer(call->reply, call->argv[at], &range->end);
}

static bool parse_unit(struct call *call, int at, struct bit_range *range)
{
    if (at >= call->argc)
        return true;
    range->in_bits = arg_is(call->argv[at], "bit");
    if (range->in_bits || arg_is(call->argv[at], "byte"))
        return true;
    args_syntax_error(call->reply);
    return false;
}

/* "start [end [BIT | BYTE]]" from argv[at] on. Of a wrong end and a wrong unit Redis tells the one in BITCOUNT and
 * the other in BITPOS. False: answered. */
static bool parse_range(struct call *call, int at, bool end_first, struct bit_range *range)
{
    *range = (struct bit_range){.end = -1};
    if (at < call->argc && !args_integer(call->reply, call->argv[at], &range->start))
        return false;
    if (end_first)
        return parse_end(call, at + 1, range) && parse_unit(call, at + 2, range);
    return parse_unit(call, at + 2, range) && parse_end(call, at + 1, range);
}

static int64_t from_the_start(int64_t index, int64_t total)
{
    if (index >= 0)
        return index;
    return index < -total ? 0 : index + total;
}

/* The bits that it means in a string of so many bytes. False: none. */
static bool range_bits(const struct bit_range *range, size_t length, uint64_t *first, uint64_t *last)
{
    int64_t total = (int64_t)length * (range->in_bits ? 8 : 1);
    int64_t start = from_the_start(range->start, total), end = from_the_start(range->end, total);

    if (end >= total)
        end = total - 1;
    *first = (uint64_t)start * (range->in_bits ? 1 : 8);
    *last = range->in_bits ? (uint64_t)end : (uint64_t)end * 8 + 7;
    return start <= end;
}

/* Redis sees two negative bounds in the wrong order before it counts from the start. */
static bool is_backward(const struct bit_range *range)
{
    return range->start < 0 && range->end < 0 && range->start > range->end;
}

void cmd_bitcount(struct call *call)
{
    struct bit_range range;
    struct entry *entry;
    uint64_t first, last;
    char digits[32];

    if (call->argc == 3 || call->argc > 5) {
        args_syntax_error(call->reply);
        return;
    }
    if (!parse_range(call, 2, true, &range) || !call_find_bits_read(call, call->argv[1], &entry))
        return;
    struct bitmap bitmap = bitmap_of(entry, digits);
    bool some = !is_backward(&range) && range_bits(&range, bitmap.length, &first, &last);
    reply_integer(call->reply, some ? (int64_t)bitmap_count(&bitmap, first, last) : 0);
}

/* Where no end is given, zeros are taken to follow the string. */
static int64_t position_of(const struct bitmap *bitmap, bool bit, const struct bit_range *range)
{
    uint64_t first, last, at;

    if (!range_bits(range, bitmap->length, &first, &last))
        return -1;
    if (bitmap_find(bitmap, bit, first, last, &at))
        return (int64_t)at;
    return bit || range->end_given ? -1 : (int64_t)bitmap->length * 8;
}

void cmd_bitpos(struct call *call)
{
    struct bit_range range;
    struct entry *entry;
    char digits[32];
    int64_t bit;

    if (!args_integer(call->reply, call->argv[2], &bit))
        return;
    if (bit != 0 && bit != 1) {
        reply_error(call->reply, "ERR The bit argument must be 1 or 0.");
        return;
    }
    if (call->argc > 6) {
        args_syntax_error(call->reply);
        return;
    }
    if (!parse_range(call, 3, false, &range) || !call_find_bits_read(call, call->argv[1], &entry))
        return;
    struct bitmap bitmap = bitmap_of(entry, digits);
    if (entry == NULL)
        reply_integer(call->reply, bit ? -1 : 0);
    else
        reply_integer(call->reply, position_of(&bitmap, bit, &range));
}
