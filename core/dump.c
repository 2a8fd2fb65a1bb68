#include "core/dump.h"

#include "core/crc64.h"
#include "core/rdb_value.h"

enum { FOOTER_BYTES = sizeof(uint16_t) + sizeof(uint64_t) };

void dump_write(struct rdb_writer *writer, const struct entry *entry)
{
    enum rdb_type type = rdb_type_of(entry);
    size_t start = writer->buffer->length;

    rdb_write_byte(writer, (uint8_t)type);
    rdb_write_value(writer, entry);
    dump_close(writer->buffer, start, (uint16_t)rdb_version_of(type));
}

void dump_close(struct buffer *buffer, size_t start, uint16_t version)
{
    buffer_append(buffer, &version, sizeof version);
    uint64_t checksum = crc64(0, (struct str){buffer->bytes + start, buffer->length - start});
    buffer_append(buffer, &checksum, sizeof checksum);
}

bool dump_open(struct str payload, struct str *content)
{
    uint16_t version;
    uint64_t checksum;

    if (payload.length < FOOTER_BYTES)
        return false;
    size_t value_bytes = payload.length - FOOTER_BYTES, checked_bytes = payload.length - sizeof checksum;
    memcpy(&version, payload.bytes + value_bytes, sizeof version);
    memcpy(&checksum, payload.bytes + checked_bytes, sizeof checksum);
    *content = (struct str){payload.bytes, value_bytes};
    return version <= RDB_VERSION_MOST && checksum == crc64(0, (struct str){payload.bytes, checked_bytes});
}
