/* What FUNCTION DUMP gives and FUNCTION RESTORE takes: all libraries' code.
 *
 *     (245 | code)... | version (2) | CRC-64 of all before it (8) */
#ifndef CORE_FUNCTION_DUMP_H
#define CORE_FUNCTION_DUMP_H

#include "core/rdb_read.h"
#include "core/rdb_write.h"

struct config;
struct functions;

/* Appends the payload. */
void function_dump_write(struct rdb_writer *writer, const struct functions *functions);

struct function_dump_reader {
    struct rdb_reader rdb;
    struct buffer scratch;
    const char *wrong; /* what is wrong with the payload; NULL: nothing so far */
};

/* The payload is borrowed. False: its checksum is wrong, or its version unknown, and there is nothing to close. */
MUST_USE bool function_dump_open(struct function_dump_reader *reader, struct str payload, struct memory *memory,
                                 const struct config *config);
/* The next library's code, until this is called again. False: there is none, or see reader->wrong. */
MUST_USE bool function_dump_next(struct function_dump_reader *reader, struct str *code);
void function_dump_close(struct function_dump_reader *reader);

#endif
