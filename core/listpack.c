/* Every change is a splice: some bytes at an offset make room for others, the
 * header follows, and the block grows when its usable size, which the
 * allocator rounds up by steps of about an eighth, no longer suffices. */
#include "core/listpack.h"

#include "core/assert.h"
#include "core/listpack_element.h"
#include "core/memory.h"

/* From where on the allocator's own steps are too small. */
enum { GROWTH_BYTES_MIN = 64 * 1024 };

static void set_bytes(unsigned char *pack, size_t bytes)
{
    listpack_write_little(pack, bytes, 4);
}

static size_t header_count(const unsigned char *pack)
{
    return listpack_read_little(pack + 4, 2);
}

static void set_count(unsigned char *pack, size_t count)
{
    listpack_write_little(pack + 4, count < LISTPACK_COUNT_UNKNOWN ? count : LISTPACK_COUNT_UNKNOWN, 2);
}

/* A count that is unknown stays so. */
static void add_count(unsigned char *pack, size_t added)
{
    size_t count = header_count(pack);

    if (count != LISTPACK_COUNT_UNKNOWN)
        set_count(pack, count + added);
}

static void subtract_count(unsigned char *pack, size_t removed)
{
    size_t count = header_count(pack);

    if (count != LISTPACK_COUNT_UNKNOWN)
        set_count(pack, count - removed);
}

void listpack_write_empty(unsigned char *pack)
{
    set_bytes(pack, LISTPACK_EMPTY_BYTES);
    set_count(pack, 0);
    pack[LISTPACK_HEADER_BYTES] = LISTPACK_END;
}

unsigned char *listpack_create(struct memory *memory, size_t room)
{
    unsigned char *pack = memory_alloc(memory, LISTPACK_EMPTY_BYTES + room);

    listpack_write_empty(pack);
    return pack;
}

/* Foreign bytes may leave even a small count to be found out. */
unsigned char *listpack_copy(struct memory *memory, const unsigned char *bytes)
{
    size_t length = listpack_bytes(bytes);
    unsigned char *pack = memory_alloc(memory, length);

    memcpy(pack, bytes, length);
    if (header_count(pack) == LISTPACK_COUNT_UNKNOWN)
        set_count(pack, listpack_count(pack));
    return pack;
}

void listpack_free(struct memory *memory, unsigned char *pack)
{
    memory_free(memory, pack);
}

/* A new block, because resizing keeps the old one unless half of it is free. */
void listpack_shrink(struct memory *memory, unsigned char **pack)
{
    size_t bytes = listpack_bytes(*pack), unused = memory_block_bytes(*pack) - bytes;
    unsigned char *copy;

    if (unused <= bytes / 8 + 8)
        return;
    copy = listpack_copy(memory, *pack);
    memory_free(memory, *pack);
    *pack = copy;
}

size_t listpack_count(const unsigned char *pack)
{
    size_t count = header_count(pack);

    if (count != LISTPACK_COUNT_UNKNOWN)
        return count;
    count = 0;
    for (const unsigned char *element = listpack_first(pack); element != NULL; element = listpack_next(element))
        count++;
    return count;
}

static const unsigned char *end_of(const unsigned char *pack)
{
    return pack + listpack_bytes(pack) - 1;
}

unsigned char *listpack_previous(const unsigned char *pack, const unsigned char *element)
{
    return element == pack + LISTPACK_HEADER_BYTES ? NULL : (unsigned char *)listpack_element_before(element);
}

unsigned char *listpack_last(const unsigned char *pack)
{
    return listpack_previous(pack, end_of(pack));
}

static unsigned char *seek_forward(const unsigned char *pack, uint64_t steps)
{
    unsigned char *element = listpack_first(pack);

    while (element != NULL && steps-- > 0)
        element = listpack_next(element);
    return element;
}

static unsigned char *seek_backward(const unsigned char *pack, uint64_t steps)
{
    unsigned char *element = listpack_last(pack);

    while (element != NULL && steps-- > 0)
        element = listpack_previous(pack, element);
    return element;
}

unsigned char *listpack_seek(const unsigned char *pack, int64_t index)
{
    uint64_t count = header_count(pack), steps = index < 0 ? (uint64_t) - (index + 1) : (uint64_t)index;

    if (count == LISTPACK_COUNT_UNKNOWN)
        return index < 0 ? seek_backward(pack, steps) : seek_forward(pack, steps);
    if (steps >= count)
        return NULL;
    uint64_t from_first = index < 0 ? count - 1 - steps : steps;
    return from_first <= count / 2 ? seek_forward(pack, from_first) : seek_backward(pack, count - 1 - from_first);
}

/* A text to compare with, and the integer that it is stored as, if any. */
struct wanted {
    struct str text;
    int64_t integer;
    bool is_integer;
};

static struct wanted wanted_of(struct str text)
{
    struct wanted wanted = {.text = text};

    wanted.is_integer = listpack_read_integer(text, &wanted.integer);
    return wanted;
}

/* A string that looks like an integer may have come from elsewhere. */
static inline bool is_wanted(const unsigned char *element, const struct wanted *wanted)
{
    struct listpack_value value = listpack_get(element);

    if (value.bytes == NULL)
        return wanted->is_integer && value.integer == wanted->integer;
    return str_equal((struct str){value.bytes, value.length}, wanted->text);
}

bool listpack_equals(const unsigned char *element, struct str text)
{
    struct wanted wanted = wanted_of(text);

    return is_wanted(element, &wanted);
}

unsigned char *listpack_find(const unsigned char *element, struct str text, size_t skip)
{
    struct wanted wanted = wanted_of(text);

    while (element != NULL && !is_wanted(element, &wanted))
        for (size_t steps = 0; element != NULL && steps <= skip; steps++)
            element = listpack_next(element);
    return (unsigned char *)element;
}

/* Small packs grow to what they need: the allocator rounds up. */
static size_t grown_bytes(size_t needed)
{
    return needed < GROWTH_BYTES_MIN ? needed : needed + needed / 8;
}

static void grow_block(struct memory *memory, unsigned char **pack, size_t needed)
{
    if (memory != NULL && needed > memory_block_bytes(*pack))
        *pack = memory_resize(memory, *pack, grown_bytes(needed));
}

/* Half of the block stays, for what may come again. */
static void shrink_block(struct memory *memory, unsigned char **pack, size_t needed)
{
    if (memory != NULL && needed < memory_block_bytes(*pack) / 4)
        *pack = memory_resize(memory, *pack, needed * 2);
}

/* Makes `removed` bytes at the offset `added` ones, to be written by the caller; the rest follows. */
static unsigned char *splice(struct memory *memory, unsigned char **pack, size_t offset, size_t removed, size_t added)
{
    size_t bytes = listpack_bytes(*pack), needed = bytes - removed + added, behind = bytes - offset - removed;

    ASSERT(offset >= LISTPACK_HEADER_BYTES && behind >= 1 && behind < bytes);
    ASSERT(added <= LISTPACK_BYTES_MAX && needed <= UINT32_MAX);
    if (added > removed)
        grow_block(memory, pack, needed);
    unsigned char *at = *pack + offset;
    if (added != removed)
        memmove(at + added, at + removed, behind);
    set_bytes(*pack, needed);
    if (added < removed)
        shrink_block(memory, pack, needed);
    return *pack + offset;
}

/* removed: bytes of the element that gives way, 0 where none does. */
static unsigned char *put(struct memory *memory, unsigned char **pack, size_t offset, size_t removed,
                          struct listpack_value value)
{
    struct listpack_pieces pieces = listpack_pieces_of(value);
    unsigned char *element = splice(memory, pack, offset, removed, listpack_pieces_bytes(&pieces));

    listpack_write_element(element, &pieces);
    if (removed == 0)
        add_count(*pack, 1);
    return element;
}

unsigned char *listpack_append(struct memory *memory, unsigned char **pack, struct listpack_value value)
{
    return put(memory, pack, listpack_bytes(*pack) - 1, 0, value);
}

unsigned char *listpack_prepend(struct memory *memory, unsigned char **pack, struct listpack_value value)
{
    return put(memory, pack, LISTPACK_HEADER_BYTES, 0, value);
}

unsigned char *listpack_insert_before(struct memory *memory, unsigned char **pack, unsigned char *element,
                                      struct listpack_value value)
{
    return put(memory, pack, (size_t)(element - *pack), 0, value);
}

unsigned char *listpack_insert_after(struct memory *memory, unsigned char **pack, unsigned char *element,
                                     struct listpack_value value)
{
    return put(memory, pack, (size_t)(element - *pack) + listpack_element_bytes(element), 0, value);
}

unsigned char *listpack_replace(struct memory *memory, unsigned char **pack, unsigned char *element,
                                struct listpack_value value)
{
    return put(memory, pack, (size_t)(element - *pack), listpack_element_bytes(element), value);
}

bool listpack_overwrite(unsigned char *element, struct listpack_value value)
{
    struct listpack_pieces pieces = listpack_pieces_of(value);

    if (listpack_pieces_bytes(&pieces) != listpack_element_bytes(element))
        return false;
    listpack_write_element(element, &pieces);
    return true;
}

void listpack_append_many(struct memory *memory, unsigned char **pack, const struct listpack_value *values,
                          size_t count)
{
    size_t added = 0;

    for (size_t i = 0; i < count; i++)
        added += listpack_value_bytes(values[i]);
    unsigned char *at = splice(memory, pack, listpack_bytes(*pack) - 1, 0, added);
    for (size_t i = 0; i < count; i++) {
        struct listpack_pieces pieces = listpack_pieces_of(values[i]);

        at = listpack_write_element(at, &pieces);
    }
    add_count(*pack, count);
}

void listpack_append_pack(struct memory *memory, unsigned char **pack, const unsigned char *other)
{
    size_t added = listpack_bytes(other) - LISTPACK_EMPTY_BYTES;
    unsigned char *at = splice(memory, pack, listpack_bytes(*pack) - 1, 0, added);

    memcpy(at, other + LISTPACK_HEADER_BYTES, added);
    if (header_count(other) == LISTPACK_COUNT_UNKNOWN)
        set_count(*pack, LISTPACK_COUNT_UNKNOWN);
    else
        add_count(*pack, header_count(other));
}

unsigned char *listpack_split(struct memory *memory, unsigned char **pack, unsigned char *element)
{
    size_t offset = (size_t)(element - *pack), moved = (size_t)(end_of(*pack) - element);
    unsigned char *right = listpack_create(memory, moved);

    memcpy(right + LISTPACK_HEADER_BYTES, element, moved);
    right[LISTPACK_HEADER_BYTES + moved] = LISTPACK_END;
    set_bytes(right, LISTPACK_EMPTY_BYTES + moved);
    set_count(right, LISTPACK_COUNT_UNKNOWN);
    set_count(right, listpack_count(right));
    splice(memory, pack, offset, moved, 0);
    /* What is left is counted only where the header does not know. */
    if (header_count(*pack) == LISTPACK_COUNT_UNKNOWN)
        set_count(*pack, listpack_count(*pack));
    else
        subtract_count(*pack, header_count(right));
    return right;
}

unsigned char *listpack_delete(struct memory *memory, unsigned char **pack, unsigned char *element)
{
    return listpack_delete_from(memory, pack, element, 1);
}

unsigned char *listpack_delete_from(struct memory *memory, unsigned char **pack, unsigned char *element, size_t count)
{
    const unsigned char *end = element;
    size_t deleted = 0;

    for (; deleted < count && *end != LISTPACK_END; deleted++)
        end += listpack_element_bytes(end);
    element = splice(memory, pack, (size_t)(element - *pack), (size_t)(end - element), 0);
    subtract_count(*pack, deleted);
    return *element == LISTPACK_END ? NULL : element;
}

unsigned char *listpack_delete_range(struct memory *memory, unsigned char **pack, int64_t index, size_t count)
{
    unsigned char *element = listpack_seek(*pack, index);

    return element != NULL ? listpack_delete_from(memory, pack, element, count) : NULL;
}

/* The header of a pack that begins or ends elsewhere now. */
static void move_header(unsigned char *to, size_t bytes, size_t count)
{
    set_bytes(to, bytes);
    set_count(to, count);
}

/* A count that one more or less makes known or unknown would need a walk: such packs are not changed in place. */
static size_t exact_count(const unsigned char *pack)
{
    size_t count = header_count(pack);

    ASSERT(count < LISTPACK_COUNT_UNKNOWN);
    return count;
}

unsigned char *listpack_extend_front(unsigned char *pack, struct listpack_value value)
{
    struct listpack_pieces pieces = listpack_pieces_of(value);
    size_t added = listpack_pieces_bytes(&pieces), bytes = listpack_bytes(pack), count = exact_count(pack);

    listpack_write_element(pack + LISTPACK_HEADER_BYTES - added, &pieces);
    move_header(pack - added, bytes + added, count + 1);
    return pack - added;
}

void listpack_extend_back(unsigned char *pack, struct listpack_value value)
{
    struct listpack_pieces pieces = listpack_pieces_of(value);
    unsigned char *end = listpack_write_element(pack + listpack_bytes(pack) - 1, &pieces);

    *end = LISTPACK_END;
    move_header(pack, (size_t)(end + 1 - pack), exact_count(pack) + 1);
}

unsigned char *listpack_cut_front(unsigned char *pack)
{
    size_t removed = listpack_element_bytes(listpack_first(pack)), bytes = listpack_bytes(pack);
    size_t count = exact_count(pack);

    move_header(pack + removed, bytes - removed, count - 1);
    return pack + removed;
}

void listpack_cut_back(unsigned char *pack)
{
    unsigned char *last = listpack_last(pack);

    *last = LISTPACK_END;
    move_header(pack, (size_t)(last + 1 - pack), exact_count(pack) - 1);
}

bool listpack_validate(const void *bytes, size_t length)
{
    const unsigned char *pack = bytes, *end;
    size_t count = 0;

    if (length < LISTPACK_EMPTY_BYTES || length != listpack_bytes(pack) || pack[length - 1] != LISTPACK_END)
        return false;
    end = pack + length - 1;
    for (const unsigned char *element = pack + LISTPACK_HEADER_BYTES; element != end; count++)
        if ((element = listpack_valid_element_end(element, end)) == NULL)
            return false;
    return header_count(pack) == LISTPACK_COUNT_UNKNOWN || header_count(pack) == count;
}
