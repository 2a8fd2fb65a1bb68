/* libFuzzer target: what a manifest may hold. What is read must read back as it was written, also when a rewrite has
 * made history of its files.
 *
 * The first byte says whether changes to a manifest follow, or the manifest itself. */
#include <stdint.h>
#include <stdlib.h>

#include "core/assert.h"
#include "core/memory.h"
#include "persist/aof_manifest.h"
#include "tests/support/byte_changes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char sample[] = "# of Shoal\n"
                             "file a.aof.2.base.rdb seq 2 type b startoffset 7\n"
                             "file a.aof.2.incr.aof seq 2 type h\n"
                             "file \"a \\x01\\\"\" seq 3 type i shard 0 shards 2 end 0\n"
                             "file a.aof.4.incr.aof seq 4 type i shard 1 shards 2 end 4711\r\n"
                             "file a.aof.5.incr.aof seq 5 type i\n";

static void expect_reads_back(struct memory *memory, const struct aof_manifest *manifest)
{
    struct buffer written, rewritten;
    struct aof_manifest again;
    char error[200];

    aof_manifest_init(&again, memory);
    buffer_init(&written, memory, NULL, 0);
    buffer_init(&rewritten, memory, NULL, 0);
    aof_manifest_write(manifest, &written);
    ASSERT(aof_manifest_parse(&again, "fuzz", buffer_str(&written), error, sizeof error));
    aof_manifest_write(&again, &rewritten);
    ASSERT(str_equal(buffer_str(&written), buffer_str(&rewritten)) && again.count == manifest->count);
    buffer_deinit(&written);
    buffer_deinit(&rewritten);
    aof_manifest_deinit(&again);
}

/* As a rewrite does it. */
static void rewrite(struct aof_manifest *manifest)
{
    uint64_t sequence = aof_manifest_next_sequence(manifest, AOF_FILE_INCREMENTAL);

    if (sequence >= INT64_MAX)
        return;
    aof_manifest_retire(manifest, sequence);
    for (size_t i = 0; i < manifest->count; i++)
        ASSERT(manifest->files[i].type == AOF_FILE_HISTORY);
    aof_manifest_add(manifest, AOF_FILE_BASE, 1, "base");
    aof_manifest_add(manifest, AOF_FILE_INCREMENTAL, sequence, "incremental");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct memory memory = {0};
    struct aof_manifest manifest;
    char error[200] = "";

    if (size < 1)
        return 0;
    bool is_changed = data[0] % 2;
    struct str from = is_changed ? str_from(sample) : (struct str){(const char *)data + 1, size - 1};
    struct str text = byte_changes_apply(from, data + 1, is_changed ? size - 1 : 0);
    aof_manifest_init(&manifest, &memory);
    if (aof_manifest_parse(&manifest, "fuzz", text, error, sizeof error)) {
        expect_reads_back(&memory, &manifest);
        rewrite(&manifest);
        expect_reads_back(&memory, &manifest);
        aof_manifest_forget_history(&manifest);
        ASSERT(manifest.count <= 2);
    } else {
        ASSERT(strlen(error) > 0);
    }
    aof_manifest_deinit(&manifest);
    free((char *)text.bytes);
    ASSERT(memory.used_bytes == 0);
    return 0;
}
