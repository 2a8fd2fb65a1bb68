#include "persist/aof_reader.h"

#include <stdio.h>

#include "core/assert.h"
#include "core/crc32c.h"
#include "core/number.h"
#include "persist/aof_fill.h"
#include "persist/aof_format.h"

/* What is in a file was accepted once, whatever the limits are now. */
static const struct resp_limits limits = {UINT32_MAX, INT32_MAX, INT64_MAX};

/* A unit out of the bytes that are there; all of them may have come, or more may be on their way. */
struct parse {
    struct str bytes;
    struct aof_unit *unit;
    size_t taken;      /* of the bytes, by the unit */
    uint64_t lacking;  /* AOF_HUNGRY: at least so many more */
    const char *wrong; /* AOF_WRONG: why */
};

static enum aof_status refuse(struct parse *parse, const char *wrong)
{
    parse->wrong = wrong;
    return AOF_WRONG;
}

static enum aof_status want(struct parse *parse, uint64_t bytes)
{
    parse->lacking = bytes - parse->bytes.length;
    return AOF_HUNGRY;
}

static bool begins_with(struct str bytes, struct str what)
{
    return bytes.length >= what.length && memcmp(bytes.bytes, what.bytes, what.length) == 0;
}

/* Groups */

/* Small letters alone are right: so nothing of a group can change unnoticed. */
static bool read_hex(const char *digits, int count, uint64_t *number)
{
    *number = 0;
    for (int i = 0; i < count; i++) {
        int digit = digits[i] < 'A' || digits[i] > 'F' ? number_hex_digit(digits[i]) : -1;

        if (digit < 0)
            return false;
        *number = *number << 4 | (uint64_t)digit;
    }
    return true;
}

static enum aof_status parse_group(struct parse *parse)
{
    const char *head = parse->bytes.bytes;
    uint64_t checksum, body_bytes;

    if (parse->bytes.length < AOF_GROUP_HEAD_BYTES)
        return want(parse, AOF_GROUP_HEAD_BYTES);
    if (!read_hex(head + AOF_CHECKSUM_AT, 8, &checksum) || !read_hex(head + AOF_BYTES_AT, 16, &body_bytes) ||
        !read_hex(head + AOF_STAMP_AT, 16, &parse->unit->stamp) || body_bytes > INT64_MAX)
        return refuse(parse, "a group's head is malformed");
    if (parse->bytes.length - AOF_GROUP_HEAD_BYTES < body_bytes)
        return want(parse, AOF_GROUP_HEAD_BYTES + body_bytes);
    parse->taken = AOF_GROUP_HEAD_BYTES + (size_t)body_bytes;
    parse->unit->kind = AOF_UNIT_GROUP;
    if (crc32c(0, (struct str){head + AOF_CHECKED_AT, parse->taken - AOF_CHECKED_AT}) != checksum)
        return refuse(parse, "a group's checksum is not that of what it holds");
    parse->unit->body = (struct str){head + AOF_GROUP_HEAD_BYTES, (size_t)body_bytes};
    return AOF_NEXT;
}

/* Lines */

static enum aof_status parse_annotation(struct parse *parse)
{
    struct str bytes = parse->bytes;
    size_t most = bytes.length < AOF_LINE_MAX ? bytes.length : AOF_LINE_MAX;
    const char *eol = memchr(bytes.bytes, '\n', most), *colon;

    if (!eol)
        return most < AOF_LINE_MAX ? want(parse, most + 1) : refuse(parse, "an annotation is too long");
    parse->taken = (size_t)(eol - bytes.bytes) + 1;
    const char *end = eol[-1] == '\r' ? eol - 1 : eol, *name = bytes.bytes + 1;
    colon = memchr(name, ':', (size_t)(end > name ? end - name : 0));
    parse->unit->kind = AOF_UNIT_ANNOTATION;
    parse->unit->name = (struct str){name, (size_t)((colon ? colon : end) - name)};
    parse->unit->text = colon ? (struct str){colon + 1, (size_t)(end - colon - 1)} : STR("");
    return AOF_NEXT;
}

static enum aof_status parse_command(struct parse *parse, struct resp_parser *parser)
{
    uint64_t needed;

    switch (resp_parse(parser, parse->bytes, &limits)) {
    case RESP_ERROR:
        return refuse(parse, parser->error);
    case RESP_INCOMPLETE:
        needed = resp_bytes_needed(parser);
        return want(parse, needed > parse->bytes.length ? needed : parse->bytes.length + 1);
    default:
        if (parser->argc < 1)
            return refuse(parse, "a command has no words");
        parse->taken = parser->consumed;
        parse->unit->kind = AOF_UNIT_COMMAND;
        parse->unit->argv = parser->argv;
        parse->unit->argc = parser->argc;
        return AOF_NEXT;
    }
}

/* There is at least one byte. A line that may yet become a group's is not taken for another. */
static enum aof_status parse_unit(struct parse *parse, struct resp_parser *parser)
{
    struct str bytes = parse->bytes, group = STR(AOF_GROUP_NAME);

    if (bytes.bytes[0] == '*')
        return parse_command(parse, parser);
    if (bytes.bytes[0] != '#')
        return refuse(parse, "neither a command nor an annotation begins here");
    if (begins_with(bytes, group))
        return parse_group(parse);
    return begins_with(group, bytes) ? want(parse, bytes.length + 1) : parse_annotation(parse);
}

/* The file */

void aof_reader_init(struct aof_reader *reader, struct memory *memory, const char *name, uint64_t file_bytes)
{
    file_window_init(&reader->window, memory, file_bytes);
    resp_parser_init(&reader->parser, memory);
    reader->name = name;
    reader->status = AOF_HUNGRY;
    reader->sound = 0;
    reader->is_behind_group = reader->is_damaged = reader->is_followed = false;
    reader->searches = reader->at_head = reader->fills = false;
    reader->searched = 0;
}

void aof_reader_deinit(struct aof_reader *reader)
{
    file_window_deinit(&reader->window);
    resp_parser_deinit(&reader->parser);
}

void aof_reader_begin_at(struct aof_reader *reader, uint64_t offset)
{
    ASSERT(reader->window.bytes.length == 0);
    reader->window.offset = reader->sound = offset;
}

static enum aof_status end_with(struct aof_reader *reader, enum aof_status status, const char *why)
{
    snprintf(reader->problem, sizeof reader->problem, "%s, byte %llu: %s", reader->name,
             (unsigned long long)reader->sound, why);
    return status;
}

/* A unit goes on behind the file's end: has it been cut, or is its length wrong? Likewise where a group is expected and
 * there is something else: when the power fails, a file may have got its length, and only some of its sectors. It had
 * been there and is wrong, if a sound group behind it says that all was synced up to it. Large groups are not looked
 * into but for what they say, nor more than so many places that look like one, so that the search takes little time and
 * room, whatever is there. A unit that has been cut is taken for wrong if its own text holds a group that says so. */

enum { SEARCHED_BYTES_MOST = 1024 * 1024, SEARCHED_MOST = 1000 };

/* What a group that begins at that offset says of the file before it. Its first line is there. */
static uint64_t synced_before(struct str body, uint64_t group_at)
{
    uint64_t synced;

    if (body.length < AOF_SYNCED_BYTES || !begins_with(body, STR(AOF_SYNCED_NAME)) ||
        !read_hex(body.bytes + AOF_SYNCED_AT, 16, &synced))
        return group_at;
    return synced;
}

/* It is whole, or so large that it is taken for whole where nothing is to be cut off that may be sound. */
static enum aof_status look_into(struct aof_reader *reader, struct str body, size_t taken)
{
    if (synced_before(body, file_window_offset(&reader->window)) > reader->sound)
        return AOF_NEXT;
    file_window_pass(&reader->window, taken - strlen("\r\n")); /* behind which the next may begin */
    return AOF_CUT;
}

static enum aof_status look_into_large(struct aof_reader *reader, struct str bytes)
{
    struct str body = {bytes.bytes + AOF_GROUP_HEAD_BYTES, bytes.length - AOF_GROUP_HEAD_BYTES};

    if (!reader->is_damaged)
        return AOF_WRONG;
    if (body.length < AOF_SYNCED_BYTES)
        return AOF_HUNGRY;
    return look_into(reader, body, AOF_GROUP_HEAD_BYTES);
}

/* AOF_NEXT: the bytes begin with a sound group, before which all was synced; AOF_CUT: with one that says nothing of
 * it, which is passed over; AOF_HUNGRY: that will be seen. */
static enum aof_status look_for_group(struct aof_reader *reader, struct str bytes)
{
    size_t length = bytes.length < SEARCHED_BYTES_MOST ? bytes.length : SEARCHED_BYTES_MOST;
    struct aof_unit unit;
    struct parse parse = {.bytes = {bytes.bytes, length}, .unit = &unit};
    enum aof_status status = parse_group(&parse);

    if (status == AOF_NEXT)
        return look_into(reader, unit.body, parse.taken);
    if (status == AOF_WRONG || parse.lacking > file_window_to_come(&reader->window) + (bytes.length - length))
        return AOF_WRONG;
    return length + parse.lacking > SEARCHED_BYTES_MOST ? look_into_large(reader, bytes) : AOF_HUNGRY;
}

static enum aof_status end_with_group(struct aof_reader *reader)
{
    char why[120];

    if (reader->is_damaged)
        return AOF_WRONG; /* it has been told */
    snprintf(why, sizeof why, "its length leads behind the file's end, though a sound group follows at byte %llu",
             (unsigned long long)file_window_offset(&reader->window));
    return end_with(reader, AOF_WRONG, why);
}

/* To where a group may begin behind a line's end; what can't be one is passed over. */
static bool find_head(struct file_window *window)
{
    struct str line_end = STR("\r\n"), head = STR("\r\n" AOF_GROUP_NAME);
    struct str rest = file_window_rest(window);
    const char *found = memmem(rest.bytes, rest.length, head.bytes, head.length);

    if (found)
        file_window_pass(window, (size_t)(found - rest.bytes) + line_end.length);
    else if (rest.length >= head.length)
        file_window_pass(window, rest.length - head.length + 1);
    return found != NULL;
}

static enum aof_status search(struct aof_reader *reader)
{
    struct file_window *window = &reader->window;

    while (reader->at_head || find_head(window)) {
        enum aof_status status = look_for_group(reader, file_window_rest(window));

        reader->at_head = status == AOF_HUNGRY;
        if (status == AOF_HUNGRY)
            return AOF_HUNGRY;
        if (status == AOF_NEXT)
            return end_with_group(reader);
        if (status == AOF_WRONG && ++reader->searched == SEARCHED_MOST)
            return AOF_CUT;
    }
    return file_window_to_come(window) > 0 ? AOF_HUNGRY : AOF_CUT;
}

enum { FOLLOWED_BYTES = sizeof "#TS:" - 1 };

/* A group's head of which a power loss has left the beginning: behind that are zeros, or the filling that was there. */
static bool is_torn_head(const struct parse *parse)
{
    const char *line = parse->bytes.bytes;
    struct str name = STR(AOF_GROUP_NAME);
    size_t same = 0;

    while (same < name.length && same < parse->taken && line[same] == name.bytes[same])
        same++;
    return same > 0 && same < parse->taken &&
           (line[same] == '\0' || aof_fill_begins((struct str){line + same, parse->taken - same}));
}

/* By what Redis has appended: it had loaded all before. A line that is not known may be a group's head, and what
 * follows its body. */
static bool is_followed(const struct parse *parse)
{
    struct str rest = {parse->bytes.bytes + parse->taken, parse->bytes.length - parse->taken};

    if (parse->taken == 0 || rest.length == 0 || is_torn_head(parse))
        return false;
    return parse->unit->kind != AOF_UNIT_GROUP || rest.bytes[0] == '*' || begins_with(rest, STR("#TS:"));
}

/* Filling, which what the segment holds ends before. Redis, which has passed over it, may have gone on behind it. */

static bool begins_as_redis(struct str bytes)
{
    return begins_with(bytes, STR("#TS:")) || begins_with(bytes, STR("*2\r\n$6\r\nSELECT\r\n")) ||
           begins_with(bytes, STR("*1\r\n$5\r\nMULTI\r\n"));
}

enum { REDIS_BEGINS_BYTES = sizeof "*2\r\n$6\r\nSELECT\r\n" - 1 };

static enum aof_status leave_filling(struct aof_reader *reader, struct aof_unit *unit)
{
    uint64_t end = file_window_offset(&reader->window);

    *unit = (struct aof_unit){.kind = AOF_UNIT_ANNOTATION, .offset = reader->sound};
    reader->fills = false;
    reader->sound = end;
    return AOF_NEXT;
}

static enum aof_status pass_filling(struct aof_reader *reader, struct aof_unit *unit)
{
    struct file_window *window = &reader->window;

    file_window_pass(window, aof_fill_length(file_window_rest(window)));
    struct str rest = file_window_rest(window);
    bool is_end = file_window_to_come(window) == 0;

    if (aof_fill_is_all(rest))
        return is_end ? AOF_END : AOF_HUNGRY;
    if (!is_end && rest.length < REDIS_BEGINS_BYTES)
        return AOF_HUNGRY;
    if (file_window_offset(window) % AOF_FILL_STEP == 0 && begins_as_redis(rest))
        return leave_filling(reader, unit);
    return end_with(reader, AOF_WRONG, "room for groups begins here, and has something else in it");
}

static enum aof_status step(struct aof_reader *reader, struct aof_unit *unit)
{
    struct parse parse = {.bytes = file_window_rest(&reader->window), .unit = unit};
    uint64_t to_come = file_window_to_come(&reader->window);
    enum aof_status status;

    *unit = (struct aof_unit){.offset = reader->sound};
    if (parse.bytes.length == 0)
        return to_come > 0 ? AOF_HUNGRY : AOF_END;
    if (parse.bytes.length == 1 && parse.bytes.bytes[0] == '#' && to_come > 0)
        return AOF_HUNGRY;
    reader->fills = aof_fill_begins(parse.bytes);
    if (reader->fills)
        return pass_filling(reader, unit);
    status = parse_unit(&parse, &reader->parser);
    if (status == AOF_NEXT && unit->kind == AOF_UNIT_ANNOTATION && !str_equal(unit->name, STR("TS")))
        status = refuse(&parse, "this annotation is not known outside of a group");
    if (status == AOF_NEXT) {
        file_window_pass(&reader->window, parse.taken);
        reader->sound += parse.taken;
    }
    if (status == AOF_WRONG && parse.taken > 0 && parse.bytes.length - parse.taken < FOLLOWED_BYTES && to_come > 0)
        return AOF_HUNGRY;
    reader->is_followed = status == AOF_WRONG && is_followed(&parse);
    if (status == AOF_HUNGRY && parse.lacking > to_come)
        return end_with(reader, AOF_CUT, "the file ends within what begins here");
    return status == AOF_WRONG ? end_with(reader, AOF_WRONG, parse.wrong) : status;
}

/* What is not right is where a group is to be expected. */
static bool may_be_torn(const struct aof_reader *reader)
{
    struct str rest = file_window_rest(&reader->window);

    if (reader->fills)
        return true;
    if (reader->is_followed)
        return false;
    return reader->is_behind_group || begins_with(rest, STR(AOF_GROUP_NAME)) ||
           (reader->sound == 0 && rest.bytes[0] == '\0');
}

static void consider_search(struct aof_reader *reader, const struct aof_unit *unit)
{
    if (reader->status == AOF_NEXT)
        reader->is_behind_group = unit->kind == AOF_UNIT_GROUP;
    reader->is_damaged = reader->status == AOF_WRONG && may_be_torn(reader);
    reader->searches = reader->status == AOF_CUT || reader->is_damaged;
}

enum aof_status aof_reader_next(struct aof_reader *reader, struct aof_unit *unit)
{
    if (reader->status != AOF_NEXT && reader->status != AOF_HUNGRY)
        return reader->status;
    if (!reader->searches) {
        reader->status = reader->fills ? pass_filling(reader, unit) : step(reader, unit);
        consider_search(reader, unit);
    }
    if (reader->searches)
        reader->status = search(reader);
    return reader->status;
}

uint64_t aof_reader_sound(const struct aof_reader *reader)
{
    return reader->sound;
}

const char *aof_reader_problem(const struct aof_reader *reader)
{
    ASSERT(reader->status == AOF_CUT || reader->status == AOF_WRONG);
    return reader->problem;
}

/* A group's body: no group is in it. */

void aof_body_init(struct aof_body *body, struct memory *memory, struct str bytes)
{
    body->left = bytes;
    body->offset = 0;
    resp_parser_init(&body->parser, memory);
}

void aof_body_deinit(struct aof_body *body)
{
    resp_parser_deinit(&body->parser);
}

enum aof_status aof_body_next(struct aof_body *body, struct aof_unit *unit)
{
    struct parse parse = {.bytes = body->left, .unit = unit};
    enum aof_status status;

    *unit = (struct aof_unit){.offset = body->offset};
    if (body->left.length == 0)
        return AOF_END;
    status = parse_unit(&parse, &body->parser);
    if (status == AOF_NEXT && unit->kind == AOF_UNIT_GROUP)
        return AOF_WRONG;
    body->left.bytes += parse.taken;
    body->left.length -= parse.taken;
    body->offset += parse.taken;
    return status == AOF_HUNGRY ? AOF_CUT : status;
}
