#include "core/hash_record.h"

#include "core/assert.h"
#include "core/memory.h"

static bool is_long(struct str field, struct str value)
{
    return field.length > HASH_RECORD_SHORT_MAX || value.length > HASH_RECORD_SHORT_MAX;
}

/* Where the field begins. */
static size_t head_bytes(struct str field, struct str value, int64_t deadline_ms)
{
    return sizeof(uint16_t) + (is_long(field, value) ? 2 * sizeof(uint64_t) : 0) +
           (deadline_ms >= 0 ? sizeof(deadline_ms) : 0);
}

/* All but the bytes of field and value. Returns where they go. */
static char *write_head(struct hash_record *record, struct str field, struct str value, int64_t deadline_ms)
{
    uint64_t lengths[2] = {field.length, value.length};
    uint16_t head = deadline_ms >= 0 ? HASH_RECORD_HAS_DEADLINE : 0;
    char *at = (char *)record + sizeof head;

    if (is_long(field, value)) {
        head |= HASH_RECORD_LONG;
        memcpy(at, lengths, sizeof lengths);
        at += sizeof lengths;
    } else {
        head |= (uint16_t)(field.length << 2 | value.length << 9);
    }
    memcpy(record, &head, sizeof head);
    if (deadline_ms < 0)
        return at;
    memcpy(at, &deadline_ms, sizeof deadline_ms);
    return at + sizeof deadline_ms;
}

struct hash_record *hash_record_create(struct memory *memory, struct str field, struct str value, int64_t deadline_ms)
{
    size_t bytes = head_bytes(field, value, deadline_ms) + field.length + value.length;
    struct hash_record *record = memory_alloc(memory, bytes);
    char *at = write_head(record, field, value, deadline_ms);

    str_copy(at, field);
    str_copy(at + field.length, value);
    return record;
}

/* Whether so many bytes may stay in the block: there is room, and most of it is used. */
static bool fits_snugly(const struct hash_record *record, size_t bytes)
{
    size_t room = memory_block_bytes(record);

    return bytes <= room && room <= bytes + bytes / 2 + 16;
}

struct hash_record *hash_record_store(struct memory *memory, struct hash_record *record, struct str value,
                                      int64_t deadline_ms)
{
    struct hash_record_parts old = hash_record_parts(record);
    size_t head = head_bytes(old.field, value, deadline_ms);
    bool in_place = old.field.bytes == (const char *)record + head;

    if (!in_place || !fits_snugly(record, head + old.field.length + value.length)) {
        struct hash_record *created = hash_record_create(memory, old.field, value, deadline_ms);

        memory_free(memory, record);
        return created;
    }
    char *at = write_head(record, old.field, value, deadline_ms);
    str_copy(at + old.field.length, value);
    return record;
}
