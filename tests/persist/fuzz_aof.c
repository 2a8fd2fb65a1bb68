/* libFuzzer target: what an AOF segment may hold, and what its groups claim.
 *
 * The first byte says how large the pieces are in which the segment comes, the second how many changes to it follow,
 * of three bytes each. The rest is the segment in parts, each up to a zero byte: what stands outside of groups, if the
 * part begins with 255, else a group's body, around which the head with its checksum is put, as nobody guesses that.
 * Bytes from 1 on stand for whole lines. */
#include <stdint.h>
#include <stdlib.h>

#include "core/assert.h"
#include "core/memory.h"
#include "persist/aof_cut.h"
#include "persist/aof_fill.h"
#include "persist/aof_reader.h"
#include "persist/aof_writer.h"
#include "tests/support/byte_changes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SEGMENTS = 2, OUTSIDE = 255 };

static const struct str lines[] = {
    STR("#KNOWN:0000000000000005 0000000000000003\r\n"),
    STR("#LAST:0000000000000001 0000000000000002\r\n"),
    STR("#STAMP:0000000000000005\r\n"),
    STR("#TS:1700000000\r\n"),
    STR("*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\nb\r\n"),
    STR("#GROUP:00000000 0000000000000001 0000000000000001\r\n"),
};

/* The segment */

static void append_part(struct buffer *block, struct str part)
{
    for (size_t i = 0; i < part.length; i++) {
        uint8_t line = (uint8_t)part.bytes[i];

        if (line <= sizeof lines / sizeof lines[0])
            buffer_append_str(block, lines[line - 1]);
        else
            buffer_append(block, &part.bytes[i], 1);
    }
}

static void write_part(struct aof_writer *writer, struct str part, uint64_t stamp)
{
    if (part.length > 0 && (uint8_t)part.bytes[0] == OUTSIDE) {
        append_part(&writer->block, (struct str){part.bytes + 1, part.length - 1});
        return;
    }
    aof_writer_begin_group(writer);
    append_part(&writer->block, part);
    aof_writer_end_group(writer, stamp);
}

static struct str make_segment(struct memory *memory, struct str parts, const uint8_t *changes, size_t changes_bytes)
{
    struct aof_writer writer;

    aof_writer_init(&writer, memory);
    for (uint64_t stamp = 1; parts.length > 0; stamp++) {
        const char *zero = memchr(parts.bytes, 0, parts.length);
        size_t length = zero ? (size_t)(zero - parts.bytes) : parts.length;

        write_part(&writer, (struct str){parts.bytes, length}, stamp);
        parts.bytes += length + (zero != NULL);
        parts.length -= length + (zero != NULL);
    }
    struct buffer block = aof_writer_take(&writer);
    struct str segment = byte_changes_apply(buffer_str(&block), changes, changes_bytes);
    buffer_deinit(&block);
    aof_writer_deinit(&writer);
    return segment;
}

/* Its reading */

struct reading {
    struct aof_cut cut;
    struct aof_claim claim;
    struct memory *memory;
    enum aof_status status;
    uint64_t sound;
};

static void touch(struct str bytes)
{
    for (size_t i = 0; i < bytes.length; i++)
        (void)*(const volatile char *)(bytes.bytes + i);
}

static void take_group(struct reading *reading, const struct aof_unit *group)
{
    bool is_sound = true;
    struct aof_body body;
    struct aof_unit unit;

    aof_body_init(&body, reading->memory, group->body);
    aof_claim_begin(&reading->claim, group);
    while (aof_body_next(&body, &unit) == AOF_NEXT) {
        touch(unit.name);
        touch(unit.text);
        for (int i = 0; i < unit.argc; i++)
            touch(unit.argv[i]);
        is_sound = is_sound && (unit.kind != AOF_UNIT_ANNOTATION || aof_claim_take(&reading->claim, &unit));
    }
    aof_body_deinit(&body);
    if (!is_sound || !aof_claim_is_whole(&reading->claim))
        return;
    aof_cut_take_group(&reading->cut, group->stamp % SEGMENTS, &reading->claim);
    aof_cut_take_claim(&reading->cut, &reading->claim);
    (void)aof_cut_stamp(&reading->cut);
}

static void feed(struct file_window *window, struct str *left, size_t piece_most)
{
    size_t room, piece = left->length < piece_most ? left->length : piece_most;
    char *to = file_window_room(window, &room);

    str_copy(to, (struct str){left->bytes, piece});
    file_window_filled(window, piece);
    left->bytes += piece;
    left->length -= piece;
    if (piece == 0)
        file_window_filled_all(window);
}

static struct reading read_segment(struct memory *memory, struct str bytes, size_t piece_most)
{
    struct reading reading = {.memory = memory};
    struct str left = bytes;
    struct aof_reader reader;
    struct aof_unit unit;

    aof_cut_init(&reading.cut, memory, SEGMENTS);
    aof_claim_init(&reading.claim, memory, SEGMENTS);
    aof_reader_init(&reader, memory, "fuzz", bytes.length);
    while ((reading.status = aof_reader_next(&reader, &unit)) == AOF_NEXT || reading.status == AOF_HUNGRY) {
        if (reading.status == AOF_HUNGRY)
            feed(&reader.window, &left, piece_most);
        else if (unit.kind == AOF_UNIT_GROUP)
            take_group(&reading, &unit);
    }
    reading.sound = aof_reader_sound(&reader);
    ASSERT(reading.sound <= bytes.length);
    ASSERT(reading.status != AOF_END ||
           aof_fill_is_all((struct str){bytes.bytes + reading.sound, bytes.length - reading.sound}));
    ASSERT(reading.status == AOF_END || strlen(aof_reader_problem(&reader)) > 0);
    aof_reader_deinit(&reader);
    aof_cut_deinit(&reading.cut);
    aof_claim_deinit(&reading.claim);
    return reading;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct memory memory = {0};

    if (size < 2)
        return 0;
    size_t changes = 3 * (size_t)(data[1] % (BYTE_CHANGES_MAX + 1));
    changes = changes <= size - 2 ? changes : 0;
    struct str parts = {(const char *)data + 2 + changes, size - 2 - changes};
    struct str segment = make_segment(&memory, parts, data + 2, changes);
    struct reading one = read_segment(&memory, segment, 1 + data[0]);
    struct reading other = read_segment(&memory, segment, 1000);
    ASSERT(one.status == other.status && one.sound == other.sound);
    ASSERT(changes > 0 || memchr(parts.bytes, OUTSIDE, parts.length) || one.status == AOF_END);
    free((char *)segment.bytes);
    ASSERT(memory.used_bytes == 0);
    return 0;
}
