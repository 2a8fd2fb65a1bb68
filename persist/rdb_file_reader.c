/* A record is read from the window as a whole or not at all: where bytes lack, all
 * of it is read again once there are twice as many, at least as many more as it lacks for
 * certain, or all that there will be: so no byte is passed over more than about twice,
 * however small the pieces are. */
#include "persist/rdb_file_reader.h"

#include <limits.h>
#include <stdio.h>

#include "core/assert.h"
#include "core/config_table.h"
#include "core/crc64.h"
#include "core/rdb_format.h"
#include "core/rdb_skip.h"

enum { HEAD_BYTES = sizeof "REDIS0010" - 1 };

void rdb_file_reader_init(struct rdb_file_reader *reader, struct memory *memory, const char *name, uint64_t file_bytes,
                          bool checks)
{
    *reader = (struct rdb_file_reader){.name = name, .status = RDB_FILE_HUNGRY, .checks = checks};
    file_window_init(&reader->window, memory, file_bytes);
    buffer_init(&reader->key, memory, NULL, 0);
    buffer_init(&reader->text, memory, NULL, 0);
    buffer_init(&reader->problem, memory, NULL, 0);
}

void rdb_file_reader_deinit(struct rdb_file_reader *reader)
{
    file_window_deinit(&reader->window);
    buffer_deinit(&reader->key);
    buffer_deinit(&reader->text);
    buffer_deinit(&reader->problem);
}

/* What is wrong */

static void begin_problem(struct rdb_file_reader *reader, uint64_t offset)
{
    reader->problem.length = 0;
    buffer_append_format(&reader->problem, "%s, record at byte %llu", reader->name, (unsigned long long)offset);
}

/* With a terminator. */
static void end_problem(struct rdb_file_reader *reader, const char *reason)
{
    buffer_append_format(&reader->problem, ": %s", reason);
    buffer_append(&reader->problem, "", 1);
}

const char *rdb_file_reader_describe(struct rdb_file_reader *reader, const struct rdb_record *record,
                                     const char *reason)
{
    struct str name = record->name;

    begin_problem(reader, record->offset);
    if (record->kind == RDB_RECORD_KEY) {
        buffer_append_format(&reader->problem, ", key ");
        config_append_quoted(&reader->problem, (struct str){name.bytes, (size_t)str_quoted_length(name)});
        buffer_append_format(&reader->problem, " of type %u in database %d", record->type, record->db);
    }
    end_problem(reader, reason);
    return reader->problem.bytes;
}

void rdb_file_reader_refuse(struct rdb_file_reader *reader, const struct rdb_record *record, const char *reason)
{
    reader->status = RDB_FILE_WRONG;
    rdb_file_reader_describe(reader, record, reason);
}

const char *rdb_file_reader_problem(const struct rdb_file_reader *reader)
{
    ASSERT(reader->status == RDB_FILE_WRONG);
    return reader->problem.bytes;
}

/* Records */

struct parse {
    struct rdb_file_reader *reader;
    struct rdb_reader bytes; /* in the window, from the record on */
    struct rdb_record *record;
    const char *wrong; /* NULL: what is to be said is that the bytes are no such record */
    int version, db;   /* the reader's, once the record has been read */
    bool ends;
};

static bool refuse(struct parse *parse, const char *wrong)
{
    parse->wrong = wrong;
    return false;
}

static bool read_head(struct parse *parse)
{
    struct str head;

    if (!rdb_read_bytes(&parse->bytes, HEAD_BYTES, &head))
        return false;
    if (memcmp(head.bytes, "VALKEY", 6) == 0)
        return refuse(parse, "RDB files of Valkey 9 and later can't be read");
    if (memcmp(head.bytes, "REDIS", 5) != 0)
        return refuse(parse, "this is no RDB file: it does not begin with REDIS");
    for (size_t i = 5; i < HEAD_BYTES; i++) {
        if (head.bytes[i] < '0' || head.bytes[i] > '9')
            return refuse(parse, "this is no RDB file: it has no version");
        parse->version = 10 * parse->version + head.bytes[i] - '0';
    }
    if (parse->version < RDB_VERSION_OLDEST || parse->version > RDB_VERSION_MOST)
        return refuse(parse, "RDB files of this version can't be read (6 to 12 can)");
    return true;
}

static bool read_texts(struct parse *parse)
{
    struct rdb_file_reader *reader = parse->reader;

    return rdb_read_string(&parse->bytes, &reader->key, &parse->record->name) &&
           rdb_read_string(&parse->bytes, &reader->text, &parse->record->text);
}

static bool read_database(struct parse *parse)
{
    uint64_t db;

    if (!rdb_read_length(&parse->bytes, &db) || db > INT_MAX)
        return false;
    parse->db = (int)db;
    return true;
}

static bool read_sizes(struct parse *parse)
{
    return rdb_read_length(&parse->bytes, &parse->record->keys) &&
           rdb_read_length(&parse->bytes, &parse->record->expiring);
}

/* Which slot of a cluster comes, its keys, and those that expire. */
static bool skip_slot(struct parse *parse)
{
    uint64_t number;

    return rdb_read_length(&parse->bytes, &number) && rdb_read_length(&parse->bytes, &number) &&
           rdb_read_length(&parse->bytes, &number);
}

static bool read_module(struct parse *parse)
{
    struct rdb_reader behind = parse->bytes;

    return rdb_skip_value(&parse->bytes, RDB_MODULE) && rdb_read_length(&behind, &parse->record->module);
}

static bool read_key(struct parse *parse, uint8_t type)
{
    struct rdb_record *record = parse->record;

    record->type = type;
    if (!rdb_skip_knows(type))
        return refuse(parse, type == RDB_MODULE_EARLY
                                 ? "the value is a module's of before Redis 4.0, and can't be passed over"
                                 : "there is no such type of record");
    if (!rdb_read_string(&parse->bytes, &parse->reader->key, &record->name))
        return false;
    if (type == RDB_MODULE)
        return read_module(parse);
    const char *begin = parse->bytes.at;
    if (!rdb_skip_value(&parse->bytes, type))
        return false;
    record->value = (struct str){begin, (size_t)(parse->bytes.at - begin)};
    return true;
}

/* Takes in what has been passed over since the last time, and so many bytes behind it: all that a window held at once,
 * as that is faster than record by record. */
static void cover(struct rdb_file_reader *reader, size_t ahead)
{
    struct str rest = file_window_rest(&reader->window);
    uint64_t end = file_window_offset(&reader->window) + ahead;
    size_t bytes = (size_t)(end - reader->covered);

    if (reader->checks && bytes > 0)
        reader->checksum = crc64(reader->checksum, (struct str){rest.bytes + ahead - bytes, bytes});
    reader->covered = end;
}

static bool read_checksum(struct parse *parse)
{
    struct rdb_file_reader *reader = parse->reader;
    size_t before = (size_t)(parse->bytes.at - file_window_rest(&reader->window).bytes);
    uint64_t checksum;
    struct str bytes;

    if (!rdb_read_bytes(&parse->bytes, sizeof checksum, &bytes))
        return false;
    cover(reader, before);
    memcpy(&checksum, bytes.bytes, sizeof checksum);
    parse->ends = true;
    if (!reader->checks || checksum == 0 || checksum == reader->checksum)
        return true;
    return refuse(parse, "the checksum is not that of what is before it");
}

/* Whether it is followed by something that is to be known of the next key. */
static bool is_attribute(uint8_t opcode)
{
    return opcode == RDB_IDLE || opcode == RDB_FREQUENCY || opcode == RDB_DEADLINE_MS || opcode == RDB_DEADLINE_SECONDS;
}

static bool read_idle(struct parse *parse)
{
    uint64_t seconds;

    if (!rdb_read_length(&parse->bytes, &seconds))
        return false;
    parse->record->idle_seconds = seconds <= INT64_MAX ? (int64_t)seconds : INT64_MAX;
    return true;
}

static bool read_frequency(struct parse *parse)
{
    uint8_t frequency;

    if (!rdb_read_byte(&parse->bytes, &frequency))
        return false;
    parse->record->frequency = frequency;
    return true;
}

/* A time before 1970 has passed like any other. */
static bool read_deadline(struct parse *parse, bool in_seconds)
{
    int64_t time;

    if (in_seconds ? !rdb_read_time_seconds(&parse->bytes, &time) : !rdb_read_time_ms(&parse->bytes, &time))
        return false;
    parse->record->deadline_ms = time < 0 ? 0 : in_seconds ? time * 1000 : time;
    return true;
}

static bool read_attribute(struct parse *parse, uint8_t opcode)
{
    if (opcode == RDB_IDLE)
        return read_idle(parse);
    if (opcode == RDB_FREQUENCY)
        return read_frequency(parse);
    return read_deadline(parse, opcode == RDB_DEADLINE_SECONDS);
}

static bool read_kind(struct parse *parse, uint8_t opcode)
{
    enum rdb_record_kind *kind = &parse->record->kind;

    switch (opcode) {
    case RDB_AUX:
        *kind = RDB_RECORD_AUX;
        return read_texts(parse);
    case RDB_FUNCTION:
        *kind = RDB_RECORD_FUNCTION;
        return rdb_read_string(&parse->bytes, &parse->reader->text, &parse->record->text);
    case RDB_FUNCTION_EARLY:
        return refuse(parse, "functions in the form that they had before Redis 7.0 was released can't be read");
    case RDB_DATABASE:
        return read_database(parse);
    case RDB_SIZES:
        *kind = RDB_RECORD_SIZES;
        return read_sizes(parse);
    case RDB_SLOT:
        return skip_slot(parse);
    case RDB_MODULE_DATA:
        *kind = RDB_RECORD_MODULE;
        return read_module(parse);
    case RDB_END:
        return read_checksum(parse);
    default:
        *kind = opcode == RDB_MODULE ? RDB_RECORD_MODULE : RDB_RECORD_KEY;
        return read_key(parse, opcode);
    }
}

static bool read_record(struct parse *parse)
{
    uint8_t opcode;

    while (rdb_read_byte(&parse->bytes, &opcode)) {
        if (!is_attribute(opcode))
            return read_kind(parse, opcode);
        if (!read_attribute(parse, opcode))
            return false;
    }
    return false;
}

static void wait_for(struct rdb_file_reader *reader, uint64_t lacking)
{
    uint64_t have = file_window_rest(&reader->window).length, to_come = file_window_to_come(&reader->window);
    uint64_t more = lacking < have ? have : lacking;

    reader->wanted = have + (more < to_come ? more : to_come);
}

/* Bytes that lack are no error as long as they may come. */
static enum rdb_file_status explain(const struct parse *parse)
{
    struct rdb_file_reader *reader = parse->reader;
    uint64_t begin = file_window_offset(&reader->window);
    uint64_t at = begin + (size_t)(parse->bytes.at - file_window_rest(&reader->window).bytes);
    bool lacks = parse->bytes.lacking > 0;
    char reason[80];

    if (!parse->wrong && lacks && parse->bytes.lacking <= file_window_to_come(&reader->window)) {
        wait_for(reader, parse->bytes.lacking);
        return RDB_FILE_HUNGRY;
    }
    begin_problem(reader, begin);
    snprintf(reason, sizeof reason, lacks ? "the file ends within what begins at byte %llu" : "malformed at byte %llu",
             (unsigned long long)at);
    end_problem(reader, parse->wrong ? parse->wrong : reason);
    return RDB_FILE_WRONG;
}

static enum rdb_file_status step(struct rdb_file_reader *reader, struct rdb_record *record)
{
    struct str rest = file_window_rest(&reader->window);

    ASSERT(reader->covered >= reader->window.offset);
    struct parse parse = {reader, rdb_reader_of(rest, RDB_RECORD_STRING_MOST), record, .version = reader->version,
                          .db = reader->db};

    if (rest.length < reader->wanted && file_window_to_come(&reader->window) > 0)
        return RDB_FILE_HUNGRY;
    *record = (struct rdb_record){
        .offset = file_window_offset(&reader->window), .deadline_ms = -1, .idle_seconds = -1, .frequency = -1};
    if (reader->version == 0 ? !read_head(&parse) : !read_record(&parse))
        return explain(&parse);
    reader->wanted = 0;
    file_window_pass(&reader->window, (size_t)(parse.bytes.at - rest.bytes));
    reader->version = parse.version;
    record->db = reader->db = parse.db;
    return parse.ends ? RDB_FILE_END : RDB_FILE_RECORD;
}

enum rdb_file_status rdb_file_reader_next(struct rdb_file_reader *reader, struct rdb_record *record)
{
    if (reader->status == RDB_FILE_END || reader->status == RDB_FILE_WRONG)
        return reader->status;
    do
        reader->status = step(reader, record);
    while (reader->status == RDB_FILE_RECORD && record->kind == RDB_RECORD_NONE);
    if (reader->status == RDB_FILE_HUNGRY)
        cover(reader, 0);
    return reader->status;
}
