#include "persist/check_aof.h"

#include "core/command.h"
#include "core/config_table.h"
#include "core/number.h"
#include "persist/aof_format.h"
#include "persist/aof_reader.h"
#include "persist/check.h"
#include "persist/check_file.h"

enum { QUOTED_MOST = 60 };

struct reading {
    struct check *check;
    struct check_aof *aof;
    const struct check_file *file;
    struct aof_reader reader;
    uint64_t unit_at, body_at; /* in the file: the unit that is looked at, and where its commands' offsets begin */
    int unit_problems;         /* before it */
    bool in_transaction;
    uint64_t transaction_at; /* the unit in which it begins */
    int transaction_problems;
    bool is_late; /* what is looked at is later than what is wanted */
};

static unsigned long long place(const struct reading *reading, const struct aof_unit *command)
{
    return reading->body_at + command->offset;
}

/* Commands */

static void refuse_command(struct reading *reading, const struct aof_unit *unit, const char *why)
{
    struct str name = unit->argv[0];
    struct buffer quoted;

    name.length = name.length < QUOTED_MOST ? name.length : QUOTED_MOST;
    buffer_init(&quoted, &reading->check->memory, NULL, 0);
    config_append_quoted(&quoted, name);
    check_problem(reading->check, "%s, byte %llu: %.*s %s", reading->file->path, place(reading, unit),
                  (int)quoted.length, quoted.bytes, why);
    buffer_deinit(&quoted);
}

static void begin_transaction(struct reading *reading, const struct aof_unit *unit)
{
    if (reading->in_transaction) {
        refuse_command(reading, unit, "within a transaction");
        return;
    }
    reading->in_transaction = true;
    reading->transaction_at = reading->unit_at;
    reading->transaction_problems = reading->unit_problems;
}

static void end_transaction(struct reading *reading, const struct aof_unit *unit)
{
    if (!reading->in_transaction)
        refuse_command(reading, unit, "ends no transaction");
    reading->in_transaction = false;
    reading->aof->transactions++;
}

static void take_command(struct reading *reading, const struct aof_unit *unit)
{
    const struct command *container, *command = command_find(unit->argv, unit->argc, &container);

    reading->aof->commands++;
    if (!command)
        refuse_command(reading, unit, "is no command");
    else if (!command_arity_fits(command, unit->argc))
        refuse_command(reading, unit, "has not as many arguments");
    if (str_equal_nocase(unit->argv[0], "multi"))
        begin_transaction(reading, unit);
    else if (str_equal_nocase(unit->argv[0], "exec"))
        end_transaction(reading, unit);
}

/* Times, Redis's or a group's. */

static void take_time(struct reading *reading, const struct aof_unit *unit)
{
    int64_t seconds;

    if (str_equal(unit->name, STR("TS")) && number_parse_integer(unit->text, &seconds))
        reading->is_late |= seconds > reading->check->until_s;
}

/* They are said before its commands. */
static bool is_late_group(struct reading *reading, const struct aof_unit *group)
{
    struct aof_unit unit;
    struct aof_body body;

    aof_body_init(&body, &reading->check->memory, group->body);
    while (aof_body_next(&body, &unit) == AOF_NEXT && unit.kind == AOF_UNIT_ANNOTATION)
        take_time(reading, &unit);
    aof_body_deinit(&body);
    return reading->is_late;
}

/* False: it is malformed. */
static bool take_group(struct reading *reading, const struct aof_unit *group)
{
    struct aof_unit unit;
    enum aof_status status;
    struct aof_body body;

    reading->aof->groups++;
    reading->body_at = group->offset + AOF_GROUP_HEAD_BYTES;
    aof_body_init(&body, &reading->check->memory, group->body);
    while ((status = aof_body_next(&body, &unit)) == AOF_NEXT)
        if (unit.kind == AOF_UNIT_COMMAND)
            take_command(reading, &unit);
    aof_body_deinit(&body);
    if (status != AOF_END)
        check_problem(reading->check, "%s, byte %llu: a group's checksum holds, but not what is in it",
                      reading->file->path, (unsigned long long)group->offset);
    return status == AOF_END;
}

/* Segments */

/* False: what is sound, and wanted, ends before it. */
static bool take_unit(struct reading *reading, const struct aof_unit *unit)
{
    reading->unit_at = unit->offset;
    reading->unit_problems = reading->check->problems;
    reading->body_at = 0;
    if (unit->kind == AOF_UNIT_GROUP)
        return !is_late_group(reading, unit) && take_group(reading, unit);
    if (unit->kind == AOF_UNIT_ANNOTATION)
        take_time(reading, unit);
    else
        take_command(reading, unit);
    return !reading->is_late;
}

/* There it is sound up to, where so many problems had been found. */
static void end_at(struct check_aof *aof, uint64_t sound, int problems)
{
    aof->sound = sound;
    aof->problems = problems;
}

/* Before it, or before the transaction that is not to be kept in part. */
static void end_late(struct reading *reading)
{
    struct check_aof *aof = reading->aof;

    aof->is_late = true;
    if (reading->in_transaction)
        end_at(aof, reading->transaction_at, reading->transaction_problems);
    reading->in_transaction = false;
}

/* False: the file can't be read. */
static bool read_units(struct reading *reading)
{
    struct aof_reader *reader = &reading->reader;
    enum aof_status status;
    struct aof_unit unit;

    while ((status = aof_reader_next(reader, &unit)) == AOF_NEXT || status == AOF_HUNGRY) {
        if (status == AOF_HUNGRY && !check_file_feed(reading->file, reading->check, &reader->window))
            return false;
        if (status == AOF_NEXT && !take_unit(reading, &unit)) {
            end_at(reading->aof, unit.offset, reading->unit_problems);
            if (reading->is_late)
                end_late(reading);
            return true;
        }
    }
    end_at(reading->aof, aof_reader_sound(reader), reading->check->problems);
    reading->aof->is_filled = status == AOF_END && reading->aof->sound < reading->file->end;
    if (status != AOF_END)
        check_problem(reading->check, "%s", aof_reader_problem(reader));
    return true;
}

bool check_aof_read(struct check_aof *aof, struct check *check, const struct check_file *file, uint64_t from)
{
    struct reading reading = {.check = check, .aof = aof, .file = file};

    *aof = (struct check_aof){.sound = from, .problems = check->problems};
    aof_reader_init(&reading.reader, &check->memory, file->path, file->end);
    aof_reader_begin_at(&reading.reader, from);
    bool is_read = read_units(&reading);
    aof_reader_deinit(&reading.reader);
    if (reading.in_transaction) {
        check_problem(check, "%s, byte %llu: a transaction begins here whose EXEC is not there", file->path,
                      (unsigned long long)reading.transaction_at);
        end_at(aof, reading.transaction_at, reading.transaction_problems);
        aof->is_filled = false;
    }
    aof->is_cut = aof->sound < file->end && !aof->is_filled;
    return is_read;
}

static void report_more(struct check *check, const struct check_file *file, const char *what, uint64_t from,
                        uint64_t to)
{
    if (from < to)
        check_note(check, "%s: %s byte %llu of %llu", file->path, what, (unsigned long long)from,
                   (unsigned long long)to);
}

void check_aof_report(const struct check_aof *aof, struct check *check, const struct check_file *file)
{
    check_note(check, "%s: %llu group%s, %llu command%s, %llu transaction%s", file->path,
               (unsigned long long)aof->groups, check_plural(aof->groups), (unsigned long long)aof->commands,
               check_plural(aof->commands), (unsigned long long)aof->transactions, check_plural(aof->transactions));
    report_more(check, file,
                aof->is_late     ? "later than wanted from"
                : aof->is_filled ? "room for more groups from"
                                 : "sound up to",
                aof->sound, file->end);
    report_more(check, file, "as its manifest says, read up to", file->end, file->size);
}

/* What is cut */

static const struct resp_limits limits = {UINT32_MAX, INT32_MAX, INT64_MAX};

/* To where a command may begin. False: there is none among the bytes that are there, which are passed over. */
static bool find_command(struct file_window *window)
{
    struct str rest = file_window_rest(window);
    const char *found = rest.length > 0 ? memchr(rest.bytes, '*', rest.length) : NULL;

    file_window_pass(window, found ? (size_t)(found - rest.bytes) : rest.length);
    return found != NULL;
}

/* Looks at what begins here. False: that needs more bytes. */
static bool count_command(struct file_window *window, struct resp_parser *parser, uint64_t *count)
{
    struct str rest = file_window_rest(window);
    enum resp_status status = resp_parse(parser, rest, &limits);
    uint64_t to_come = file_window_to_come(window);

    if (status == RESP_INCOMPLETE && to_come > 0 && resp_bytes_needed(parser) <= rest.length + to_come)
        return false;
    bool is_whole = status == RESP_COMPLETE && parser->argc > 0;
    *count += is_whole;
    file_window_pass(window, is_whole ? parser->consumed : 1);
    resp_parser_deinit(parser);
    resp_parser_init(parser, window->bytes.memory);
    return true;
}

bool check_aof_count(struct check *check, const struct check_file *file, uint64_t from, uint64_t *count)
{
    struct file_window window;
    struct resp_parser parser;
    bool is_read = true;

    *count = 0;
    file_window_init(&window, &check->memory, file->end);
    window.offset = from;
    resp_parser_init(&parser, &check->memory);
    while (is_read && (file_window_rest(&window).length > 0 || file_window_to_come(&window) > 0))
        if (!find_command(&window) || !count_command(&window, &parser, count))
            is_read = check_file_feed(file, check, &window);
    resp_parser_deinit(&parser);
    file_window_deinit(&window);
    return is_read;
}
