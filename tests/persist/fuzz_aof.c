/* libFuzzer target: what an AOF segment or a manifest may hold.
 *
 * The first byte says how large the pieces are in which the segment comes. A group
 * in it needs the right checksum to be looked into, which nobody guesses: so each
 * piece of the input, up to a zero byte, is also read as a group's body, and the
 * whole as a manifest, which must read back as it was written. */
#include <stdint.h>

#include "core/assert.h"
#include "core/memory.h"
#include "persist/aof_manifest.h"
#include "persist/aof_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void touch(struct str bytes)
{
    for (size_t i = 0; i < bytes.length; i++)
        (void)*(const volatile char *)(bytes.bytes + i);
}

static void read_body(struct memory *memory, struct str bytes)
{
    struct aof_body body;
    struct aof_unit unit;

    aof_body_init(&body, memory, bytes);
    while (aof_body_next(&body, &unit) == AOF_NEXT) {
        touch(unit.name);
        touch(unit.text);
        for (int i = 0; i < unit.argc; i++)
            touch(unit.argv[i]);
    }
    aof_body_deinit(&body);
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

/* Returns where it is sound up to. */
static uint64_t read_segment(struct memory *memory, struct str bytes, size_t piece_most)
{
    struct str left = bytes;
    struct aof_reader reader;
    struct aof_unit unit;
    enum aof_status status;

    aof_reader_init(&reader, memory, "fuzz", FILE_BYTES_UNKNOWN);
    while ((status = aof_reader_next(&reader, &unit)) == AOF_NEXT || status == AOF_HUNGRY) {
        if (status == AOF_HUNGRY)
            feed(&reader.window, &left, piece_most);
        else if (unit.kind == AOF_UNIT_GROUP)
            read_body(memory, unit.body);
    }
    uint64_t offset = aof_reader_sound(&reader);
    ASSERT(status != AOF_END || offset == bytes.length);
    aof_reader_deinit(&reader);
    return offset;
}

static void read_manifest(struct memory *memory, struct str bytes)
{
    struct aof_manifest manifest, again;
    struct buffer written, rewritten;
    char error[200];

    aof_manifest_init(&manifest, memory);
    aof_manifest_init(&again, memory);
    buffer_init(&written, memory, NULL, 0);
    buffer_init(&rewritten, memory, NULL, 0);
    if (aof_manifest_parse(&manifest, "fuzz", bytes, error, sizeof error)) {
        aof_manifest_write(&manifest, &written);
        ASSERT(aof_manifest_parse(&again, "fuzz", buffer_str(&written), error, sizeof error));
        aof_manifest_write(&again, &rewritten);
        ASSERT(str_equal(buffer_str(&written), buffer_str(&rewritten)) && again.count == manifest.count);
    }
    buffer_deinit(&written);
    buffer_deinit(&rewritten);
    aof_manifest_deinit(&manifest);
    aof_manifest_deinit(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct memory memory = {0};

    if (size < 1)
        return 0;
    struct str bytes = {(const char *)data + 1, size - 1};
    uint64_t sound = read_segment(&memory, bytes, 1 + data[0]);
    ASSERT(read_segment(&memory, bytes, 1000) == sound);
    read_manifest(&memory, bytes);
    while (bytes.length > 0) {
        const char *zero = memchr(bytes.bytes, '\0', bytes.length);
        size_t length = zero ? (size_t)(zero - bytes.bytes) : bytes.length;

        read_body(&memory, (struct str){bytes.bytes, length});
        bytes.bytes += length + (zero != NULL);
        bytes.length -= length + (zero != NULL);
    }
    ASSERT(memory.used_bytes == 0);
    return 0;
}
