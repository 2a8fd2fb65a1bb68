/* What has been done to one shard's keys, as commands: Redis understands them, and they do the same wherever and
 * whenever they are executed.
 *
 * Records are RESP, one after another, with SELECT where the database changes. What belongs together, a command with
 * all its effects, a transaction, a script, is a unit: it begins with the first record and ends when
 * that is said, and has MULTI and EXEC around it where there is more than one record. A unit that has not ended can be
 * taken back. Between units an annotation, which Redis passes over, may say with which stamp the next were executed:
 *
 *     #STAMP:0000064f0a1b2c3d\r\n
 *
 * Belongs to the keyspace, and to whom that belongs to. */
#ifndef CORE_JOURNAL_H
#define CORE_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "core/buffer.h"

enum { JOURNAL_NO_DATABASE = -1 };

struct journal {
    struct buffer records; /* since it was last cleared */
    bool whole;            /* one of them is about whole databases, on all shards (FLUSHALL, FLUSHDB, SWAPDB) */
    int db;                /* the one selected, JOURNAL_NO_DATABASE: none has been */
    size_t unit_begin;     /* where the unit begins, with what is said of it, */
    size_t unit_at;        /* and its first record, */
    int unit_db;           /* what was selected there, */
    bool unit_whole;       /* and said, */
    size_t unit_records;   /* and how many it has */
    bool is_stamped;       /* lines say which stamp the records behind them have */
    uint64_t stamp;        /* of what is executed: whoever executes sets it */
    uint64_t last_stamp;   /* that the records say; 0: they have not yet */
    uint64_t unit_stamp;   /* and what it was before the unit */
};

void journal_init(struct journal *journal, struct memory *memory);
void journal_deinit(struct journal *journal);

/* A record of the unit. db: which it is about; JOURNAL_NO_DATABASE: it does not matter. */
void journal_add(struct journal *journal, int db, const struct str *argv, int argc);
/* The record that was added last is about whole databases. */
static inline void journal_note_whole(struct journal *journal)
{
    journal->whole = true;
}
void journal_close_unit(struct journal *journal);
static inline void journal_end_unit(struct journal *journal)
{
    if (journal->unit_records > 0)
        journal_close_unit(journal);
}
void journal_take_back_unit(struct journal *journal);

/* The records have been taken; those to come go on behind them, and say their stamp once more. No unit is open. */
void journal_clear(struct journal *journal);
/* The records, now the caller's; those to come are the first of something else. */
struct buffer journal_take(struct journal *journal);
/* Likewise, and those to come are the first of something else. */
void journal_begin_anew(struct journal *journal);

#endif
