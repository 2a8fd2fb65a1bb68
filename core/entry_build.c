/* Every change of shape is one function: reshape gives an entry the words and
 * the room in line that are asked for, in place where its allocation fits them
 * snugly, and keeps whatever both shapes have. Key and string in line are one
 * run of bytes, so it moves at most one run. */
#include "core/entry_build.h"

#include "core/assert.h"
#include "core/entry_layout.h"
#include "core/memory.h"
#include "core/number.h"
#include "core/sparse_bitmap.h"

enum {
    SLACK_BYTES = 32,              /* room left unused that is not worth an allocation */
    SPARE_BYTES_MAX = 1024 * 1024, /* grown strings double up to this, then get as much more */
};

struct entry_content entry_content_bytes(struct str bytes)
{
    bool short_enough = bytes.length <= ENTRY_EMBSTR_MAX;

    return (struct entry_content){.encoding = short_enough ? ENCODING_EMBSTR : ENCODING_RAW, .text = bytes};
}

struct entry_content entry_content_integer(int64_t integer)
{
    return (struct entry_content){.encoding = ENCODING_INT, .integer = integer};
}

struct entry_content entry_content_text(struct str text)
{
    int64_t integer;

    if (text.length <= ENTRY_INTEGER_TEXT_MAX && number_parse_integer(text, &integer))
        return entry_content_integer(integer);
    return entry_content_bytes(text);
}

static bool content_needs_block(const struct entry_content *content)
{
    return content->encoding != ENCODING_INT && content->text.length > ENTRY_INLINE_MAX;
}

static size_t content_inline_length(const struct entry_content *content)
{
    return content->encoding == ENCODING_INT || content_needs_block(content) ? 0 : content->text.length;
}

static unsigned flags_for(const struct entry_content *content, int64_t expiry_ms)
{
    bool word = content->encoding == ENCODING_INT || content_needs_block(content);

    return (expiry_ms >= 0 ? ENTRY_HAS_EXPIRY : 0) | (word ? ENTRY_HAS_WORD : 0);
}

static uint8_t key_at(unsigned flags)
{
    unsigned words = (flags & 1) + (flags >> 1 & 1) + (flags >> 2 & 1);

    return (uint8_t)(sizeof(struct entry) + words * sizeof(uint64_t));
}

static bool fits_snugly(size_t capacity, size_t bytes)
{
    return bytes <= capacity && (capacity - bytes <= SLACK_BYTES || capacity <= 2 * bytes);
}

/* Shells: an entry but for the block that its word points to. */

static struct entry *shell_create(struct memory *memory, struct str key, unsigned flags, size_t room)
{
    bool long_key = key.length > ENTRY_SHORT_KEY_MAX;
    unsigned all = flags | (long_key ? ENTRY_LONG_KEY : 0);
    struct entry *entry = memory_alloc(memory, key_at(all) + key.length + room);

    *entry = (struct entry){.flags = (uint8_t)all, .key_at = key_at(all)};
    if (long_key)
        *entry_key_length_word(entry) = key.length;
    else
        entry->key_length = (uint8_t)key.length;
    str_copy((char *)entry + entry->key_at, key);
    return entry;
}

/* The same value under another key; the block, if any, is shared for now. */
static struct entry *shell_like(struct memory *memory, struct str key, const struct entry *source)
{
    unsigned flags = source->flags & (ENTRY_HAS_EXPIRY | ENTRY_HAS_WORD);
    struct entry *entry = shell_create(memory, key, flags, source->inline_length);

    entry->type = source->type;
    entry->encoding = source->encoding;
    entry->access = source->access;
    entry->inline_length = source->inline_length;
    if (flags & ENTRY_HAS_EXPIRY)
        entry->words[0] = source->words[0];
    if (flags & ENTRY_HAS_WORD)
        entry_set_word(entry, entry_word(source));
    memcpy(entry_inline(entry), entry_inline(source), source->inline_length);
    return entry;
}

/* Writes to `to`, which may be `from`, all that from holds and the flags have a place for. */
static void shell_copy_shaped(struct entry *to, const struct entry *from, unsigned flags)
{
    struct entry header = *from;
    struct str key = entry_key_inline(from);
    uint64_t expiry = from->flags & ENTRY_HAS_EXPIRY ? from->words[0] : 0;
    uint64_t word = from->flags & ENTRY_HAS_WORD ? entry_word(from) : 0;

    header.flags = (uint8_t)flags;
    header.key_at = key_at(flags);
    memmove((char *)to + header.key_at, key.bytes, key.length + from->inline_length);
    *to = header;
    if (flags & ENTRY_HAS_EXPIRY)
        to->words[0] = expiry;
    if (flags & ENTRY_HAS_WORD)
        entry_set_word(to, word);
    if (flags & ENTRY_LONG_KEY)
        *entry_key_length_word(to) = key.length;
}

static size_t shaped_bytes(const struct entry *entry, unsigned flags, size_t room)
{
    return key_at(flags | (entry->flags & ENTRY_LONG_KEY)) + entry_key_inline(entry).length + room;
}

/* With those that no change of shape takes away. */
static unsigned all_flags(const struct entry *entry, unsigned flags)
{
    return flags | (entry->flags & (ENTRY_LONG_KEY | ENTRY_SAVED));
}

/* Moves the entry where its allocation does not fit that snugly. */
static struct entry *fit(struct memory *memory, struct entry *entry, unsigned flags, size_t room)
{
    unsigned all = all_flags(entry, flags);
    size_t bytes = shaped_bytes(entry, flags, room);
    struct entry *moved;

    if (fits_snugly(memory_block_bytes(entry), bytes)) {
        if (entry->flags != all)
            shell_copy_shaped(entry, entry, all);
        return entry;
    }
    moved = memory_alloc(memory, bytes);
    shell_copy_shaped(moved, entry, all);
    memory_free(memory, entry);
    return moved;
}

/* Gives the entry these words, and room in line for so many bytes, of which it keeps what it has. */
static struct entry *reshape(struct memory *memory, struct entry *entry, unsigned flags, size_t room)
{
    if (entry->flags == all_flags(entry, flags) && entry->inline_length == room)
        return entry;
    if (entry->inline_length > room)
        entry->inline_length = (uint8_t)room;
    return fit(memory, entry, flags, room);
}

/* Blocks */

static struct entry_block *block_create(struct memory *memory, struct str text)
{
    struct entry_block *block = memory_alloc(memory, sizeof(*block) + text.length);

    block->length = text.length;
    memcpy(block->bytes, text.bytes, text.length);
    return block;
}

/* The block that holds text now: `block` itself, where it is of a fitting size, else a new one. */
static struct entry_block *block_store(struct memory *memory, struct entry_block *block, struct str text)
{
    if (!block || !fits_snugly(memory_block_bytes(block), sizeof(*block) + text.length)) {
        memory_free(memory, block);
        return block_create(memory, text);
    }
    memcpy(block->bytes, text.bytes, text.length);
    block->length = text.length;
    return block;
}

static size_t with_spare(size_t length)
{
    return length + (length < SPARE_BYTES_MAX ? length : SPARE_BYTES_MAX);
}

/* A block of `length` bytes that begins with text. Where most of them are
 * zeros they come so from the system, and take no memory before they are used. */
static struct entry_block *block_create_raw(struct memory *memory, struct str text, size_t length)
{
    bool mostly_zeros = length / 4 >= text.length;
    size_t bytes = sizeof(struct entry_block) + (mostly_zeros ? length : with_spare(length));
    struct entry_block *block = mostly_zeros ? memory_alloc_zeroed(memory, bytes) : memory_alloc(memory, bytes);

    block->length = length;
    str_copy(block->bytes, text);
    if (!mostly_zeros)
        memset(block->bytes + text.length, 0, length - text.length);
    return block;
}

static struct entry_block *block_resize(struct memory *memory, struct entry_block *block, size_t length)
{
    size_t old = block->length;

    if (length / 4 >= old) {
        struct entry_block *grown = block_create_raw(memory, (struct str){block->bytes, old}, length);
        memory_free(memory, block);
        return grown;
    }
    if (sizeof(*block) + length > memory_block_bytes(block))
        block = memory_resize(memory, block, sizeof(*block) + with_spare(length));
    if (length > old)
        memset(block->bytes + old, 0, length - old);
    block->length = length;
    return block;
}

static void *block_copy(struct memory *memory, const void *value)
{
    const struct entry_block *block = value;

    return block_create(memory, (struct str){block->bytes, block->length});
}

const struct value_kind string_block_kind = {
    .name = "raw",
    .real_name = "raw",
    .copy = block_copy,
    .bytes = value_blob_bytes,
    .items = value_blob_items,
    .drain = value_blob_drain,
    .rehome = value_blob_rehome,
};

/* Entries */

static inline void fill(struct entry *entry, const struct entry_content *content, struct entry_block *block,
                        int64_t expiry_ms)
{
    entry->type = VALUE_STRING;
    entry->encoding = content->encoding;
    if (expiry_ms >= 0)
        entry->words[0] = (uint64_t)expiry_ms;
    if (content->encoding == ENCODING_INT)
        entry_set_word(entry, (uint64_t)content->integer);
    else if (block)
        entry_set_word(entry, (uintptr_t)block);
    entry->inline_length = (uint8_t)content_inline_length(content);
    str_copy(entry_inline(entry), (struct str){content->text.bytes, entry->inline_length});
}

struct entry *entry_create(struct memory *memory, struct str key, const struct entry_content *content,
                           int64_t expiry_ms)
{
    struct entry *entry = shell_create(memory, key, flags_for(content, expiry_ms), content_inline_length(content));

    fill(entry, content, content_needs_block(content) ? block_create(memory, content->text) : NULL, expiry_ms);
    return entry;
}

/* What the value will take in line, 0: it keeps its block. */
static size_t length_in_line(enum value_type type, enum value_encoding encoding, const void *value)
{
    const struct value_kind *kind = value_kind_of(type, encoding);
    size_t length = kind->length ? kind->length(value) : 0;

    return length <= ENTRY_INLINE_MAX ? length : 0;
}

/* There is room of that length, or a word. */
static void fill_value(struct memory *memory, struct entry *entry, enum value_encoding encoding, void *value,
                       size_t length)
{
    ASSERT(encoding > ENCODING_RAW && value != NULL);
    entry->encoding = encoding;
    entry->inline_length = (uint8_t)length;
    if (length == 0) {
        entry_set_word(entry, (uintptr_t)value);
        return;
    }
    memcpy(entry_inline(entry), value, length);
    memory_free(memory, value);
}

struct entry *entry_create_value(struct memory *memory, struct str key, enum value_type type,
                                 enum value_encoding encoding, void *value)
{
    size_t length = length_in_line(type, encoding, value);
    struct entry *entry = shell_create(memory, key, length > 0 ? 0 : ENTRY_HAS_WORD, length);

    entry->type = type;
    fill_value(memory, entry, encoding, value, length);
    return entry;
}

/* What lies in line has another length now. */
static struct entry *settle(struct memory *memory, struct entry *entry, size_t length)
{
    ASSERT(length > 0);
    if (length == entry->inline_length)
        return entry;
    ASSERT(shaped_bytes(entry, entry->flags & ENTRY_HAS_EXPIRY, length) <= memory_block_bytes(entry));
    entry->inline_length = (uint8_t)length;
    return fit(memory, entry, entry->flags & ENTRY_HAS_EXPIRY, length);
}

struct entry *entry_store_value(struct memory *memory, struct entry *entry, enum value_encoding encoding, void *value)
{
    size_t length = length_in_line((enum value_type)entry->type, encoding, value);
    unsigned flags = (entry->flags & ENTRY_HAS_EXPIRY) | (length > 0 ? 0 : ENTRY_HAS_WORD);

    ASSERT(entry_has_value_inline(entry));
    if (entry_holds_value_inline(entry) && value == entry_inline(entry))
        return settle(memory, entry, length);
    entry->inline_length = 0; /* what lay there is of no use any more */
    entry = reshape(memory, entry, flags, length);
    fill_value(memory, entry, encoding, value, length);
    return entry;
}

struct entry *entry_create_copy(struct memory *memory, struct str key, const struct entry *source)
{
    struct entry *entry = shell_like(memory, key, source);
    const void *owned = entry_owned(source);

    if (owned)
        entry_set_word(entry, (uintptr_t)entry_kind(source)->copy(memory, owned));
    return entry;
}

void *entry_dismantle(struct memory *memory, struct entry *entry, const struct value_kind **kind)
{
    void *owned = entry_owned(entry);

    *kind = owned ? entry_kind(entry) : NULL;
    memory_free(memory, entry);
    return owned;
}

void entry_destroy(struct memory *memory, struct entry *entry)
{
    const struct value_kind *kind;
    void *owned = entry_dismantle(memory, entry, &kind);

    if (owned)
        value_destroy(kind, memory, owned);
}

static bool lies_within(struct str text, const void *start, size_t bytes)
{
    return (uintptr_t)text.bytes - (uintptr_t)start < bytes;
}

/* Whether the text is a piece of the entry, which storing it would write over. */
static bool is_piece_of(struct str text, const struct entry *entry)
{
    const struct entry_block *block = entry_block(entry);
    size_t bytes = entry->key_at + entry_key_inline(entry).length + entry->inline_length;

    return lies_within(text, entry, bytes) || (block && lies_within(text, block->bytes, block->length));
}

/* Whether the content fits the entry as it is: only the value's bytes change. */
static bool has_shape_of(const struct entry *entry, const struct entry_content *content, int64_t expiry_ms)
{
    return content->encoding != ENCODING_INT && entry->inline_length == content->text.length &&
           (entry->flags & ~(ENTRY_LONG_KEY | ENTRY_SAVED)) == (expiry_ms >= 0 ? ENTRY_HAS_EXPIRY : 0) &&
           entry->type == VALUE_STRING;
}

static struct entry *store_shaped(struct memory *memory, struct entry *entry, const struct entry_content *content,
                                  int64_t expiry_ms)
{
    struct entry_block *block = entry_block(entry);

    if (content_needs_block(content)) {
        block = block_store(memory, block, content->text);
    } else {
        memory_free(memory, block);
        block = NULL;
    }
    entry = reshape(memory, entry, flags_for(content, expiry_ms), content_inline_length(content));
    fill(entry, content, block, expiry_ms);
    return entry;
}

static struct entry *store_piece(struct memory *memory, struct entry *entry, struct entry_content content,
                                 int64_t expiry_ms)
{
    char *copy = memory_alloc(memory, content.text.length);

    str_copy(copy, content.text);
    content.text.bytes = copy;
    entry = store_shaped(memory, entry, &content, expiry_ms);
    memory_free(memory, copy);
    return entry;
}

bool entry_overwrite(struct entry *entry, const struct entry_content *content, int64_t expiry_ms)
{
    if (!has_shape_of(entry, content, expiry_ms))
        return false;
    entry->encoding = content->encoding;
    if (expiry_ms >= 0)
        entry->words[0] = (uint64_t)expiry_ms;
    str_copy(entry_inline(entry), content->text);
    return true;
}

struct entry *entry_store(struct memory *memory, struct entry *entry, const struct entry_content *content,
                          int64_t expiry_ms)
{
    ASSERT(!entry_has_value_inline(entry));
    if (is_piece_of(content->text, entry))
        return store_piece(memory, entry, *content, expiry_ms);
    return store_shaped(memory, entry, content, expiry_ms);
}

struct entry *entry_store_expiry(struct memory *memory, struct entry *entry, int64_t expiry_ms)
{
    unsigned flags = (entry->flags & ENTRY_HAS_WORD) | (expiry_ms >= 0 ? ENTRY_HAS_EXPIRY : 0);

    entry = reshape(memory, entry, flags, entry->inline_length);
    if (expiry_ms >= 0)
        entry->words[0] = (uint64_t)expiry_ms;
    return entry;
}

/* Room in line for `length` bytes and, where a string outgrows its entry, for as many more. */
static size_t room_to_grow(const struct entry *entry, unsigned flags, size_t old, size_t length)
{
    if (old == 0 || shaped_bytes(entry, flags, length) <= memory_block_bytes(entry))
        return length;
    return 2 * length < ENTRY_INLINE_MAX ? 2 * length : ENTRY_INLINE_MAX;
}

static struct entry *resize_inline(struct memory *memory, struct entry *entry, struct str text, size_t length)
{
    unsigned flags = entry->flags & ENTRY_HAS_EXPIRY;
    bool was_integer = entry->encoding == ENCODING_INT;
    size_t old = text.length < length ? text.length : length;

    entry = reshape(memory, entry, flags, room_to_grow(entry, flags, text.length, length));
    if (was_integer)
        memcpy(entry_inline(entry), text.bytes, old);
    memset(entry_inline(entry) + old, 0, length - old);
    entry->inline_length = (uint8_t)length;
    return entry;
}

static struct entry *resize_into_block(struct memory *memory, struct entry *entry, struct str text, size_t length)
{
    struct entry_block *block = block_create_raw(memory, text, length);

    entry = reshape(memory, entry, (entry->flags & ENTRY_HAS_EXPIRY) | ENTRY_HAS_WORD, 0);
    entry_set_word(entry, (uintptr_t)block);
    return entry;
}

void entry_make_raw(struct entry *entry)
{
    struct sparse_bitmap *bitmap = entry_owned(entry);

    ASSERT(entry_is_sparse_bitmap(entry));
    struct entry_block *block = block_create_raw(bitmap->account.parent, STR(""), bitmap->length);
    sparse_bitmap_read_over_zeros(bitmap, block->bytes);
    entry->encoding = ENCODING_RAW;
    entry_set_word(entry, (uintptr_t)block);
    sparse_bitmap_destroy(bitmap);
}

struct entry *entry_resize_raw(struct memory *memory, struct entry *entry, size_t length)
{
    char digits[NUMBER_TEXT_MAX];
    struct str text = entry_string(entry, digits);
    struct entry_block *block = entry_block(entry);

    if (block)
        entry_set_word(entry, (uintptr_t)block_resize(memory, block, length));
    else if (length <= ENTRY_INLINE_MAX)
        entry = resize_inline(memory, entry, text, length);
    else
        entry = resize_into_block(memory, entry, text, length);
    entry->encoding = ENCODING_RAW;
    return entry;
}

char *entry_raw_bytes(struct entry *entry)
{
    struct entry_block *block = entry_block(entry);

    ASSERT(entry->type == VALUE_STRING && entry->encoding == ENCODING_RAW);
    return block ? block->bytes : entry_inline(entry);
}

struct entry *entry_rename(struct memory *memory, struct entry *entry, struct str key)
{
    struct entry *renamed = shell_like(memory, key, entry);

    memory_free(memory, entry);
    return renamed;
}

void entry_recharge(struct memory *from, struct memory *to, const struct entry *entry)
{
    void *owned = entry_owned(entry);

    memory_recharge(from, to, entry);
    if (owned)
        entry_kind(entry)->rehome(owned, from, to);
}
