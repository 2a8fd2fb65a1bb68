#include "core/stream_block.h"

#include "core/assert.h"
#include "core/memory.h"

enum { ROOM_BYTES = 64, ROOM_BYTES_MAX = 4096, VALUES_ON_STACK = 64, ENTRY_ELEMENTS = 5 };

static int64_t integer_at(const unsigned char *element)
{
    struct listpack_value value = listpack_get(element);

    return value.bytes == NULL ? value.integer : 0;
}

static const unsigned char *skip(const unsigned char *element, uint64_t count)
{
    while (count-- > 0)
        element += listpack_element_bytes(element);
    return element;
}

static const unsigned char *or_end(const unsigned char *element)
{
    return *element == LISTPACK_END ? NULL : element;
}

/* Making them */

struct stream_block *stream_block_adopt(struct memory *memory, struct stream_id first, unsigned char *pack)
{
    struct stream_block *block = memory_alloc(memory, sizeof *block);

    *block = (struct stream_block){first, pack};
    return block;
}

struct stream_block *stream_block_create(struct memory *memory, struct stream_id first, const struct str *pairs,
                                         size_t field_count)
{
    unsigned char *pack = listpack_create(memory, ROOM_BYTES);

    listpack_append(memory, &pack, listpack_integer(0));
    listpack_append(memory, &pack, listpack_integer(0));
    listpack_append(memory, &pack, listpack_integer((int64_t)field_count));
    for (size_t i = 0; i < field_count; i++)
        listpack_append(memory, &pack, listpack_value_of(pairs[2 * i]));
    listpack_append(memory, &pack, listpack_integer(0));
    return stream_block_adopt(memory, first, pack);
}

void stream_block_destroy(struct memory *memory, struct stream_block *block)
{
    listpack_free(memory, block->pack);
    memory_free(memory, block);
}

void stream_block_close(struct memory *memory, struct stream_block *block)
{
    listpack_shrink(memory, &block->pack);
}

/* Counts */

static unsigned char *live_element(const struct stream_block *block)
{
    return listpack_first(block->pack);
}

uint64_t stream_block_live(const struct stream_block *block)
{
    return (uint64_t)integer_at(live_element(block));
}

/* Changes one of the two counts. True: it takes more or fewer bytes than before. */
static bool add_to(struct memory *memory, struct stream_block *block, unsigned char *element, int64_t added)
{
    size_t bytes = listpack_bytes(block->pack);

    listpack_replace(memory, &block->pack, element, listpack_integer(integer_at(element) + added));
    return listpack_bytes(block->pack) != bytes;
}

bool stream_block_is_full(const struct stream_block *block, size_t bytes, const struct stream_limits *limits)
{
    uint64_t most = limits->block_bytes;

    if (most == 0 || most > LISTPACK_BYTES_MAX)
        most = LISTPACK_BYTES_MAX;
    if (listpack_bytes(block->pack) + bytes >= most)
        return true;
    if (limits->block_entries == 0)
        return false;
    const unsigned char *live = live_element(block);
    return (uint64_t)(integer_at(live) + integer_at(listpack_next(live))) >= limits->block_entries;
}

/* Appending */

/* Doubles the pack, up to where blocks are usually full: growing by what each entry needs would copy it 50 times. */
static void make_room(struct memory *memory, struct stream_block *block, size_t added,
                      const struct stream_limits *limits)
{
    size_t bytes = listpack_bytes(block->pack), needed = bytes + added, room = 2 * bytes;
    size_t most = limits->block_bytes == 0 ? ROOM_BYTES_MAX : limits->block_bytes;

    if (needed <= memory_block_bytes(block->pack) || needed > most)
        return;
    room = room < needed ? needed : room > most ? most : room;
    unsigned char *pack = listpack_create(memory, room);
    listpack_append_pack(memory, &pack, block->pack);
    listpack_free(memory, block->pack);
    block->pack = pack;
}

static bool has_names(const struct stream_block *block, const struct str *pairs, size_t field_count)
{
    const unsigned char *element = skip(live_element(block), 2);

    if ((uint64_t)integer_at(element) != field_count)
        return false;
    for (size_t i = 0; i < field_count; i++) {
        element = listpack_next(element);
        if (!listpack_equals(element, pairs[2 * i]))
            return false;
    }
    return true;
}

/* The entry's elements; returns how many. */
static size_t entry_values(const struct stream_block *block, struct stream_id id, const struct str *pairs,
                           size_t field_count, struct listpack_value *values)
{
    bool same_names = has_names(block, pairs, field_count);
    size_t count = 0;

    values[count++] = listpack_integer(same_names ? STREAM_ENTRY_SAME_NAMES : 0);
    values[count++] = listpack_integer((int64_t)(id.ms - block->first.ms));
    values[count++] = listpack_integer((int64_t)(id.sequence - block->first.sequence));
    if (!same_names)
        values[count++] = listpack_integer((int64_t)field_count);
    for (size_t i = same_names; i < 2 * field_count; i += 1 + same_names)
        values[count++] = listpack_value_of(pairs[i]);
    values[count] = listpack_integer((int64_t)count);
    return count + 1;
}

bool stream_block_append(struct memory *memory, struct stream_block *block, struct stream_id id,
                         const struct str *pairs, size_t field_count, const struct stream_limits *limits)
{
    struct listpack_value on_stack[VALUES_ON_STACK], *values = on_stack;
    size_t most = 2 * field_count + ENTRY_ELEMENTS, added = 1;

    if (most > VALUES_ON_STACK)
        values = memory_alloc(memory, most * sizeof *values);
    size_t count = entry_values(block, id, pairs, field_count, values);
    for (size_t i = 0; i < count; i++)
        added += listpack_value_bytes(values[i]);
    make_room(memory, block, added, limits);
    listpack_append_many(memory, &block->pack, values, count);
    if (values != on_stack)
        memory_free(memory, values);
    return add_to(memory, block, live_element(block), 1);
}

uint64_t stream_block_delete(struct memory *memory, struct stream_block *block, const struct stream_entry *entry)
{
    unsigned char *at = block->pack + (entry->at - block->pack);

    ASSERT(!entry->deleted);
    listpack_replace(memory, &block->pack, at, listpack_integer(integer_at(at) | STREAM_ENTRY_DELETED));
    add_to(memory, block, live_element(block), -1);
    add_to(memory, block, listpack_next(live_element(block)), 1);
    return stream_block_live(block);
}

/* Walking */

static struct stream_cursor open_cursor(const struct stream_block *block)
{
    const unsigned char *names = skip(live_element(block), 2);
    struct stream_cursor cursor = {.block = block, .name_count = (size_t)integer_at(names)};

    cursor.names = skip(names, 1);
    return cursor;
}

struct stream_cursor stream_cursor_first(const struct stream_block *block)
{
    struct stream_cursor cursor = open_cursor(block);

    cursor.at = or_end(skip(cursor.names, cursor.name_count + 1));
    return cursor;
}

struct stream_cursor stream_cursor_end(const struct stream_block *block)
{
    return open_cursor(block);
}

/* Reads the entry that begins here, but for its end; returns how many elements its fields take. */
static uint64_t read_entry(const struct stream_cursor *cursor, const unsigned char *at, struct stream_entry *entry)
{
    const struct stream_id *first = &cursor->block->first;
    const unsigned char *ms = skip(at, 1), *sequence = skip(ms, 1), *fields = skip(sequence, 1);
    int64_t flags = integer_at(at);

    entry->at = at;
    entry->id.ms = first->ms + (uint64_t)integer_at(ms);
    entry->id.sequence = first->sequence + (uint64_t)integer_at(sequence);
    entry->deleted = flags & STREAM_ENTRY_DELETED;
    if (flags & STREAM_ENTRY_SAME_NAMES) {
        entry->names = cursor->names;
        entry->field_count = cursor->name_count;
        entry->values = fields;
        return entry->field_count;
    }
    entry->names = NULL;
    entry->field_count = (size_t)integer_at(fields);
    entry->values = skip(fields, 1);
    return 2 * entry->field_count;
}

bool stream_cursor_next(struct stream_cursor *cursor, struct stream_entry *entry)
{
    if (cursor->at == NULL)
        return false;
    uint64_t elements = read_entry(cursor, cursor->at, entry);
    cursor->at = or_end(skip(entry->values, elements + 1));
    return true;
}

bool stream_cursor_previous(struct stream_cursor *cursor, struct stream_entry *entry)
{
    const unsigned char *pack = cursor->block->pack;
    const unsigned char *at = cursor->at ? listpack_previous(pack, cursor->at) : listpack_last(pack);
    int64_t steps = integer_at(at);

    if (steps == 0) /* the end of the master entry */
        return false;
    while (steps-- > 0)
        at = listpack_previous(pack, at);
    cursor->at = at;
    read_entry(cursor, at, entry);
    return true;
}

/* Validating */

/* The next element if it is an integer within [0, most]. */
static bool take_count(const unsigned char **element, uint64_t most, uint64_t *count)
{
    if (*element == NULL)
        return false;
    struct listpack_value value = listpack_get(*element);
    if (value.bytes != NULL || value.integer < 0 || (uint64_t)value.integer > most)
        return false;
    *count = (uint64_t)value.integer;
    *element = listpack_next(*element);
    return true;
}

static bool take_integer(const unsigned char **element)
{
    if (*element == NULL || listpack_get(*element).bytes != NULL)
        return false;
    *element = listpack_next(*element);
    return true;
}

static bool take_elements(const unsigned char **element, uint64_t count)
{
    for (; count > 0; count--) {
        if (*element == NULL)
            return false;
        *element = listpack_next(*element);
    }
    return true;
}

static bool take_entry(const unsigned char **element, uint64_t name_count, uint64_t most, bool *deleted)
{
    uint64_t flags, fields = name_count, steps;

    if (!take_count(element, STREAM_ENTRY_DELETED | STREAM_ENTRY_SAME_NAMES, &flags) || !take_integer(element) ||
        !take_integer(element))
        return false;
    *deleted = flags & STREAM_ENTRY_DELETED;
    if (flags & STREAM_ENTRY_SAME_NAMES)
        return take_elements(element, fields) && take_count(element, most, &steps) && steps == fields + 3;
    return take_count(element, most, &fields) && take_elements(element, 2 * fields) &&
           take_count(element, most, &steps) && steps == 2 * fields + 4;
}

bool stream_block_validate(const unsigned char *pack, uint64_t *live)
{
    const unsigned char *element = listpack_first(pack);
    uint64_t most = listpack_bytes(pack), deleted, name_count, zero, seen[2] = {0};

    if (!take_count(&element, most, live) || !take_count(&element, most, &deleted) ||
        !take_count(&element, most, &name_count) || !take_elements(&element, name_count) ||
        !take_count(&element, 0, &zero))
        return false;
    while (element != NULL) {
        bool is_deleted;

        if (!take_entry(&element, name_count, most, &is_deleted))
            return false;
        seen[is_deleted]++;
    }
    return seen[false] == *live && seen[true] == deleted;
}
