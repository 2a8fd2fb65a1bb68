#include "core/journal.h"

#include "core/assert.h"
#include "core/number.h"
#include "core/resp_command.h"

/* Small letters, as SELECT below: where a segment goes on with capital ones, redis-server has (persist/aof_fill.h). */
static const struct str multi = {"*1\r\n$5\r\nmulti\r\n", 15}, exec = {"*1\r\n$4\r\nexec\r\n", 14};

enum {
    KEPT_BYTES_MOST = 1 << 20, /* for the records to come; what more a large unit needed is given back */
};

void journal_init(struct journal *journal, struct memory *memory)
{
    *journal = (struct journal){.db = JOURNAL_NO_DATABASE, .unit_db = JOURNAL_NO_DATABASE};
    buffer_init(&journal->records, memory, NULL, 0);
}

void journal_deinit(struct journal *journal)
{
    buffer_deinit(&journal->records);
}

static void select_database(struct journal *journal, int db)
{
    char digits[NUMBER_TEXT_MAX];
    struct str argv[] = {STR("select"), {digits, number_format_integer(digits, db)}};

    resp_command_append(&journal->records, argv, 2);
    journal->db = db;
}

/* Only the first record moves: it is there alone when the second comes. */
static void begin_bracket(struct journal *journal)
{
    struct buffer *records = &journal->records;
    size_t bytes = records->length - journal->unit_at;

    buffer_reserve(records, multi.length);
    char *unit = records->bytes + journal->unit_at;
    memmove(unit + multi.length, unit, bytes);
    memcpy(unit, multi.bytes, multi.length);
    records->length += multi.length;
}

static void add_stamp(struct journal *journal)
{
    buffer_append_format(&journal->records, "#STAMP:%016llx\r\n", (unsigned long long)journal->stamp);
    journal->last_stamp = journal->stamp;
}

static void begin_unit(struct journal *journal)
{
    journal->unit_db = journal->db;
    journal->unit_whole = journal->whole;
    journal->unit_stamp = journal->last_stamp;
    journal->unit_begin = journal->records.length;
    if (journal->is_stamped && journal->stamp != journal->last_stamp)
        add_stamp(journal);
    journal->unit_at = journal->records.length;
}

void journal_add(struct journal *journal, int db, const struct str *argv, int argc)
{
    if (journal->unit_records == 0) {
        begin_unit(journal);
    } else if (journal->unit_records == 1) {
        begin_bracket(journal);
    }
    journal->unit_records++;
    if (db != JOURNAL_NO_DATABASE && db != journal->db)
        select_database(journal, db);
    resp_command_append(&journal->records, argv, argc);
}

void journal_close_unit(struct journal *journal)
{
    if (journal->unit_records > 1)
        buffer_append_str(&journal->records, exec);
    journal->unit_records = 0;
}

void journal_take_back_unit(struct journal *journal)
{
    if (journal->unit_records == 0)
        return;
    journal->records.length = journal->unit_begin;
    journal->db = journal->unit_db;
    journal->whole = journal->unit_whole;
    journal->last_stamp = journal->unit_stamp;
    journal->unit_records = 0;
}

static void empty(struct buffer *buffer)
{
    struct memory *memory = buffer->memory;

    buffer->length = 0;
    if (buffer->capacity <= KEPT_BYTES_MOST)
        return;
    buffer_deinit(buffer);
    buffer_init(buffer, memory, NULL, 0);
}

void journal_clear(struct journal *journal)
{
    ASSERT(journal->unit_records == 0);
    empty(&journal->records);
    journal->last_stamp = 0;
    journal->whole = false;
}

struct buffer journal_take(struct journal *journal)
{
    struct buffer records = journal->records;

    ASSERT(journal->unit_records == 0);
    buffer_init(&journal->records, records.memory, NULL, 0);
    journal->last_stamp = 0;
    journal->whole = false;
    journal->db = JOURNAL_NO_DATABASE;
    return records;
}

void journal_begin_anew(struct journal *journal)
{
    journal_clear(journal);
    journal->db = JOURNAL_NO_DATABASE;
}
