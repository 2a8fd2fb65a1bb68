#include "core/function_dump.h"

#include "core/config.h"
#include "core/dump.h"
#include "core/functions.h"
#include "core/rdb_format.h"

void function_dump_write(struct rdb_writer *writer, const struct functions *functions)
{
    size_t start = writer->buffer->length;

    for (const struct function_library *library = functions->first; library; library = library->next) {
        rdb_write_byte(writer, RDB_FUNCTION);
        rdb_write_string(writer, library->code);
    }
    dump_close(writer->buffer, start, RDB_VERSION_LEAST);
}

bool function_dump_open(struct function_dump_reader *reader, struct str payload, struct memory *memory,
                        const struct config *config)
{
    struct str libraries;

    if (!dump_open(payload, &libraries))
        return false;
    reader->rdb = rdb_reader_of(libraries, (size_t)config->proto_max_bulk_len);
    reader->wrong = NULL;
    buffer_init(&reader->scratch, memory, NULL, 0);
    return true;
}

bool function_dump_next(struct function_dump_reader *reader, struct str *code)
{
    uint8_t type;

    if (rdb_left(&reader->rdb) == 0)
        return false;
    if (!rdb_read_byte(&reader->rdb, &type) || (type != RDB_FUNCTION && type != RDB_FUNCTION_EARLY))
        reader->wrong = "given type is not a function";
    else if (type == RDB_FUNCTION_EARLY)
        reader->wrong = "Pre-GA function format not supported";
    else if (!rdb_read_string(&reader->rdb, &reader->scratch, code))
        reader->wrong = "Failed loading library payload";
    return !reader->wrong;
}

void function_dump_close(struct function_dump_reader *reader)
{
    buffer_deinit(&reader->scratch);
}
