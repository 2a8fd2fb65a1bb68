/* Reads an AOF segment, Shoal's or Redis's: see aof_format.h.
 *
 * What it gives are units: a commit group, whose checksum holds, as a whole; or what
 * stands outside of any, a command, the time, or filling that something follows, which is an annotation without a
 * name. A group's body is read in the
 * same way, unit by unit. What is read is of unknown origin; a unit that is not
 * whole, or not right, ends the reading, and where it began is where the segment is
 * sound up to. It does no I/O: the caller fills the window. Belongs to one thread. */
#ifndef PERSIST_AOF_READER_H
#define PERSIST_AOF_READER_H

#include <stdint.h>

#include "core/resp_parse.h"
#include "persist/file_window.h"

enum aof_unit_kind { AOF_UNIT_GROUP, AOF_UNIT_ANNOTATION, AOF_UNIT_COMMAND };

struct aof_unit {
    enum aof_unit_kind kind;
    uint64_t offset;        /* in the file, or in the group's body */
    uint64_t stamp;         /* of a group */
    struct str body;        /* of a group */
    struct str name, text;  /* of an annotation */
    const struct str *argv; /* of a command: at least one */
    int argc;
};

enum aof_status {
    AOF_NEXT,   /* there is a unit */
    AOF_HUNGRY, /* more bytes are wanted */
    AOF_END,    /* that was all; what lies behind aof_reader_sound is filling */
    AOF_CUT,    /* the file ends within a unit, or a group is damaged, and no sound group says that it had been
                 * synced: see aof_reader_problem */
    AOF_WRONG,  /* what is there is no unit: likewise */
};

struct aof_reader {
    struct file_window window; /* the caller fills it */
    const char *name;          /* of the file, for messages */
    struct resp_parser parser;
    enum aof_status status;
    uint64_t sound;         /* up to where all has been given out */
    bool is_behind_group;   /* that was the last unit */
    bool is_damaged;        /* what seems to be cut is all there, and wrong */
    bool is_followed;       /* what is wrong and yet has an end is followed by what is no group */
    bool fills;             /* what comes is filling (aof_fill.h) */
    bool searches, at_head; /* for a sound group behind what seems to be cut */
    int searched;
    char problem[256];
};

/* The name is borrowed. file_bytes: FILE_BYTES_UNKNOWN where that is so. */
void aof_reader_init(struct aof_reader *reader, struct memory *memory, const char *name, uint64_t file_bytes);
void aof_reader_deinit(struct aof_reader *reader);
/* Before anything is read: the segment begins there in the file, behind the RDB file that it follows. */
void aof_reader_begin_at(struct aof_reader *reader, uint64_t offset);

/* The unit borrows from the reader until this is called again, or room is asked for. After CUT or WRONG it stays
 * that. */
MUST_USE enum aof_status aof_reader_next(struct aof_reader *reader, struct aof_unit *unit);
/* Where the last unit ended, and after CUT or WRONG where the segment is sound up to. */
uint64_t aof_reader_sound(const struct aof_reader *reader);
/* What is wrong, and where, in one line. */
const char *aof_reader_problem(const struct aof_reader *reader);

/* A group's body, unit by unit. */
struct aof_body {
    struct str left;
    uint64_t offset;
    struct resp_parser parser;
};
void aof_body_init(struct aof_body *body, struct memory *memory, struct str bytes);
void aof_body_deinit(struct aof_body *body);
/* As aof_reader_next, but for AOF_HUNGRY. The checksum held, so that what is wrong here was written so. */
MUST_USE enum aof_status aof_body_next(struct aof_body *body, struct aof_unit *unit);

#endif
