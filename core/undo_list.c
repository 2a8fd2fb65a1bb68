/* Lists: how many elements there were says how far a command got, which may have refused its arguments. */
#include "core/undo_log.h"
#include "core/undo_save.h"

#include "core/args.h"
#include "core/assert.h"
#include "core/call.h"
#include "core/command.h"
#include "core/list_value.h"
#include "core/memory.h"

enum { TAKEN_MOST = 256 /* elements that are kept one by one */ };

static bool is_list(const struct entry *entry)
{
    return entry_type(entry) == VALUE_LIST;
}

static void record(struct undo *undo, enum undo_kind kind, const struct call *call, const struct entry *entry, int key)
{
    undo_record(undo, kind, call->db, call_key(call, call->argv[key]), entry);
    undo_put_number(undo, list_count(entry));
}

static struct list open_list(struct undo_reader *reader)
{
    return (struct list){undo_entry(reader), keyspace_memory(reader->undo->keyspace), reader->undo->config};
}

/* Ends. */

static void save_pushed(struct undo *undo, const struct call *call, const struct entry *entry, int key,
                        enum deque_end end)
{
    record(undo, UNDO_PUSHED, call, entry, key);
    undo_put_number(undo, end);
}

void undo_save_push(struct undo *undo, const struct call *call, struct entry *entry, int key)
{
    if (is_list(entry))
        save_pushed(undo, call, entry, key, call->command->name[0] == 'l' ? DEQUE_FRONT : DEQUE_BACK);
}

void undo_pushed_back(struct undo_reader *reader)
{
    struct list list = open_list(reader);
    size_t length = undo_get_number(reader);
    enum deque_end end = (enum deque_end)undo_get_number(reader);

    while (list_count(list.entry) > length)
        list_drop(&list, end);
    list_set_encoding(&list, reader->record.encoding);
}

/* Elements. */

static void save_taken(struct undo *undo, const struct entry *entry, size_t first, size_t count)
{
    char digits[NUMBER_TEXT_MAX];
    struct listpack_value value;
    struct list_walk walk;

    if (count == 0)
        return;
    list_walk_start(&walk, entry, first, true);
    for (size_t i = 0; i < count && list_walk_next(&walk, &value); i++) {
        undo_put_number(undo, first + i);
        undo_put_text(undo, listpack_text(value, digits));
    }
}

/* Of the elements from `first` on so many are to go, and of those from `behind` on. */
struct gaps {
    size_t first, count, behind, count_behind;
};

static void save_gaps(struct undo *undo, const struct call *call, struct entry *entry, int key, struct gaps gaps)
{
    if (gaps.count + gaps.count_behind > TAKEN_MOST) {
        undo_save_value(undo, call, entry, key);
        return;
    }
    record(undo, UNDO_TAKEN, call, entry, key);
    undo_put_number(undo, gaps.count + gaps.count_behind);
    save_taken(undo, entry, gaps.first, gaps.count);
    save_taken(undo, entry, gaps.behind, gaps.count_behind);
}

static void put_back(const struct list *list, size_t index, struct str text)
{
    if (index == list_count(list->entry)) {
        list_push(list, DEQUE_BACK, &text, 1);
        return;
    }
    list_grow(list, text.length);
    list_insert(list, index, text);
}

/* Their indexes rise, and are those that the elements had. */
void undo_taken_back(struct undo_reader *reader)
{
    struct list list = open_list(reader);
    size_t length = undo_get_number(reader), count = undo_get_number(reader);

    if (list_count(list.entry) == length)
        return;
    ASSERT(list_count(list.entry) + count == length);
    for (; count > 0; count--) {
        size_t index = undo_get_number(reader);
        struct str text = undo_get_text(reader);
        put_back(&list, index, text);
    }
    list_set_encoding(&list, reader->record.encoding);
}

static void save_popped(struct undo *undo, const struct call *call, struct entry *entry, int key, enum deque_end end,
                        uint64_t count)
{
    size_t length = list_count(entry), taken = count < length ? count : length;

    save_gaps(undo, call, entry, key, (struct gaps){.first = end == DEQUE_FRONT ? 0 : length - taken, .count = taken});
}

void undo_save_pop(struct undo *undo, const struct call *call, struct entry *entry, int key)
{
    enum deque_end end = call->command->name[0] == 'l' ? DEQUE_FRONT : DEQUE_BACK;
    int64_t count = 1;

    if (is_list(entry) && (call->argc < 3 || number_parse_integer(call->argv[2], &count)) && count > 0)
        save_popped(undo, call, entry, key, end, (uint64_t)count);
}

/* LTRIM: an index below 0 counts from the end. */
static size_t clamp_index(int64_t index, size_t length)
{
    if (index < 0)
        index += (int64_t)length;
    return index < 0 ? 0 : (uint64_t)index > length ? length : (size_t)index;
}

void undo_save_trim(struct undo *undo, const struct call *call, struct entry *entry, int key)
{
    int64_t first, last;

    if (!is_list(entry) || !number_parse_integer(call->argv[2], &first) || !number_parse_integer(call->argv[3], &last))
        return;
    size_t length = list_count(entry), from = clamp_index(first, length), to = from;
    if (last >= -(int64_t)length)
        to = clamp_index(last, length) + 1;
    to = to > length ? length : to < from ? from : to;
    save_gaps(undo, call, entry, key, (struct gaps){0, from, to, length - to});
}

/* LREM. */

static uint64_t count_wanted(struct str text, bool *forward)
{
    int64_t count;

    if (!number_parse_integer(text, &count))
        return 0;
    *forward = count >= 0;
    return count == 0 ? UINT64_MAX : count < 0 ? -(uint64_t)count : (uint64_t)count;
}

/* The indexes of the first so many elements that the command will find; more than TAKEN_MOST: too many. */
static size_t find_sought(const struct entry *entry, struct str text, uint64_t wanted, bool forward,
                          size_t indexes[static TAKEN_MOST])
{
    struct list_sought sought = list_seek_text(text);
    size_t length = list_count(entry), found = 0;
    struct listpack_value value;
    struct list_walk walk;

    list_walk_start(&walk, entry, forward ? 0 : length - 1, forward);
    for (size_t i = 0; i < length && found < wanted && list_walk_next(&walk, &value); i++) {
        if (!list_is_sought(&sought, value))
            continue;
        if (found == TAKEN_MOST)
            return found + 1;
        indexes[found++] = forward ? i : length - 1 - i;
    }
    return found;
}

void undo_save_lrem(struct undo *undo, const struct call *call, struct entry *entry, int key)
{
    size_t indexes[TAKEN_MOST];
    bool forward = true;
    uint64_t wanted = is_list(entry) ? count_wanted(call->argv[2], &forward) : 0;

    if (wanted == 0)
        return;
    size_t found = find_sought(entry, call->argv[3], wanted, forward, indexes);
    if (found > TAKEN_MOST) {
        undo_save_value(undo, call, entry, key);
        return;
    }
    record(undo, UNDO_TAKEN, call, entry, key);
    undo_put_number(undo, found);
    for (size_t i = 0; i < found; i++)
        save_taken(undo, entry, indexes[forward ? i : found - 1 - i], 1);
}

/* From one end to another, of the same list or another one. */

struct ends {
    enum deque_end from, to;
    bool known;
};

static struct ends ends_of(const struct call *call)
{
    bool named = call->argc >= 5; /* [B]LMOVE; the others move from the back to the front */

    if (!named)
        return (struct ends){DEQUE_BACK, DEQUE_FRONT, true};
    return (struct ends){
        .from = arg_is(call->argv[3], "left") ? DEQUE_FRONT : DEQUE_BACK,
        .to = arg_is(call->argv[4], "left") ? DEQUE_FRONT : DEQUE_BACK,
        .known = (arg_is(call->argv[3], "left") || arg_is(call->argv[3], "right")) &&
                 (arg_is(call->argv[4], "left") || arg_is(call->argv[4], "right")),
    };
}

void undo_save_move(struct undo *undo, const struct call *call, struct entry *entry, int key)
{
    struct ends ends = ends_of(call);

    if (!is_list(entry) || !ends.known)
        return;
    if (!str_equal(call->argv[1], call->argv[2])) {
        if (key == 1)
            save_popped(undo, call, entry, key, ends.from, 1);
        else
            save_pushed(undo, call, entry, key, ends.to);
    } else if (key == 1) {
        undo_save_value(undo, call, entry, key);
    }
}
