#include "persist/aof_manifest.h"

#include <criterion/criterion.h>

#include "core/memory.h"

static struct memory memory;
static struct aof_manifest manifest;
static struct buffer text;

static void begin(void)
{
    aof_manifest_init(&manifest, &memory);
    buffer_init(&text, &memory, NULL, 0);
}

static void end(void)
{
    aof_manifest_deinit(&manifest);
    buffer_deinit(&text);
    cr_assert_eq(memory.used_bytes, 0);
}

TestSuite(aof_manifest, .init = begin, .fini = end);

static void parse(struct str bytes)
{
    char error[200] = "";

    aof_manifest_deinit(&manifest);
    cr_assert(aof_manifest_parse(&manifest, "manifest", bytes, error, sizeof error), "%s", error);
}

static void expect_wrong(struct str bytes, const char *problem)
{
    char error[200] = "";

    aof_manifest_deinit(&manifest);
    cr_assert_not(aof_manifest_parse(&manifest, "manifest", bytes, error, sizeof error));
    cr_assert_str_eq(error, problem);
}

static void expect_written(const char *expected)
{
    text.length = 0;
    aof_manifest_write(&manifest, &text);
    cr_assert(str_equal(buffer_str(&text), str_from(expected)), "%.*s", (int)text.length, text.bytes);
}

static const char of_redis[] = "file appendonly.aof.2.base.rdb seq 2 type b\n"
                               "file appendonly.aof.1.incr.aof seq 1 type h\n"
                               "file appendonly.aof.3.incr.aof seq 3 type i\n"
                               "file appendonly.aof.4.incr.aof seq 4 type i\n";

Test(aof_manifest, what_redis_wrote_is_read_and_written_again)
{
    parse(str_from(of_redis));
    cr_assert_eq(manifest.count, 4);
    cr_assert_str_eq(aof_manifest_base(&manifest)->name, "appendonly.aof.2.base.rdb");
    cr_assert_eq(manifest.files[3].sequence, 4);
    expect_written(of_redis);
}

Test(aof_manifest, comments_words_to_come_and_the_order_of_pairs_are_no_matter)
{
    parse(STR("# a comment\nSEQ 7 startoffset 5 type i FILE \"a b\\x01\"\r\n"));
    cr_assert_str_eq(manifest.files[0].name, "a b\1");
    cr_assert_null(aof_manifest_base(&manifest));
    expect_written("file \"a b\\x01\" seq 7 type i\n");
}

Test(aof_manifest, a_segment_says_of_which_of_how_many_shards_and_where_it_is_cut)
{
    static const char segments[] = "file a seq 1 type i shard 0 shards 2\nfile b seq 2 type i shard 1 shards 2 end 0 survivors 1\n"
                                   "file c seq 3 type i end 4711\nfile d seq 4 type i\n";

    parse(str_from(segments));
    cr_assert_eq(manifest.files[1].shard, 1);
    cr_assert_eq(manifest.files[1].shards, 2);
    cr_assert_eq(manifest.files[1].end, 0);
    cr_assert(manifest.files[1].has_survivors);
    cr_assert_not(manifest.files[2].has_survivors);
    cr_assert_eq(manifest.files[2].end, 4711);
    cr_assert_eq(manifest.files[3].shard, -1);
    cr_assert_eq(manifest.files[3].shards, 0);
    cr_assert_eq(manifest.files[3].end, AOF_FILE_WHOLE);
    struct aof_file *file = aof_manifest_add(&manifest, AOF_FILE_INCREMENTAL, 5, "e");
    file->shard = 255;
    file->shards = 256;
    text.length = 0;
    buffer_append_format(&text, "%sfile e seq 5 type i shard 255 shards 256\n", segments);
    buffer_append(&text, "", 1);
    char *expected = strdup(text.bytes);
    expect_written(expected);
    free(expected);
}

Test(aof_manifest, what_a_line_says_of_shards_and_its_end_has_to_be_possible)
{
    expect_wrong(STR("file a seq 1 type i shard 0\n"), "manifest, line 1: shard has to be a number below shards");
    expect_wrong(STR("file a seq 1 type i survivors 2\n"), "manifest, line 1: survivors has to be 0 or 1");
    expect_wrong(STR("file a seq 1 type i shards 1\n"), "manifest, line 1: shard has to be a number below shards");
    expect_wrong(STR("file a seq 1 type i shard 2 shards 2\n"),
                 "manifest, line 1: shard has to be a number below shards");
    expect_wrong(STR("file a seq 1 type i shard -1 shards 2\n"),
                 "manifest, line 1: shard has to be a number below shards");
    expect_wrong(STR("file a seq 1 type i shard 4294967296 shards 2\n"),
                 "manifest, line 1: shard has to be a number below shards");
    expect_wrong(STR("file a seq 1 type i shard 0 shards 0\n"),
                 "manifest, line 1: shards has to be a number that Shoal can have");
    expect_wrong(STR("file a seq 1 type i shard 0 shards 1000000\n"),
                 "manifest, line 1: shards has to be a number that Shoal can have");
    expect_wrong(STR("file a seq 1 type i end 01\n"), "manifest, line 1: end has to be a number of bytes");
    expect_wrong(STR("file a seq 1 type i end 18446744073709551615\n"),
                 "manifest, line 1: end has to be a number of bytes");
}

Test(aof_manifest, what_is_wrong_is_told_with_its_line)
{
    expect_wrong(STR(""), "manifest, line 0: it names no file");
    expect_wrong(STR("# nothing\n"), "manifest, line 1: it names no file");
    expect_wrong(STR("\n"), "manifest, line 1: it takes file, seq and type");
    expect_wrong(STR("file a seq 1 type b\nfile b seq 1 type i"),
                 "manifest, line 2: it does not end, as if the file had been cut");
    expect_wrong(STR("file a seq 1\n"), "manifest, line 1: it takes file, seq and type");
    expect_wrong(STR("file a seq 1 type\n"), "manifest, line 1: it takes pairs of words");
    expect_wrong(STR("file \"a seq 1 type b\n"), "manifest, line 1: it takes pairs of words");
    expect_wrong(STR("file a seq 1 type b \"x\n"), "manifest, line 1: unbalanced quotes");
    expect_wrong(STR("file ../a seq 1 type b\n"), "manifest, line 1: a file's name has no folder");
    expect_wrong(STR("file .. seq 1 type b\n"), "manifest, line 1: this is no name of a file");
    expect_wrong(STR("file \"\" seq 1 type b\n"), "manifest, line 1: this is no name of a file");
    expect_wrong(STR("file \"a\\x00b\" seq 1 type b\n"), "manifest, line 1: this is no name of a file");
    expect_wrong(STR("file a seq 0 type b\n"), "manifest, line 1: seq has to be a number above 0");
    expect_wrong(STR("file a seq -1 type b\n"), "manifest, line 1: seq has to be a number above 0");
    expect_wrong(STR("file a seq 1 type x\n"), "manifest, line 1: type has to be b, h or i");
    expect_wrong(STR("file a seq 1 type b\nfile b seq 2 type b\n"), "manifest, line 2: there is a base already");
    expect_wrong(STR("file a seq 2 type i\nfile b seq 2 type i\n"),
                 "manifest, line 2: seq has to be above that of the file before");
}

static void add_incremental(void)
{
    uint64_t sequence = aof_manifest_next_sequence(&manifest, AOF_FILE_INCREMENTAL);

    text.length = 0;
    aof_manifest_name_incremental(&text, "a.aof", sequence);
    buffer_append(&text, "", 1);
    aof_manifest_add(&manifest, AOF_FILE_INCREMENTAL, sequence, text.bytes);
}

Test(aof_manifest, a_rewrite_begins_new_files_makes_the_old_ones_history_and_forgets_them)
{
    add_incremental();
    add_incremental();
    expect_written("file a.aof.1.incr.aof seq 1 type i\nfile a.aof.2.incr.aof seq 2 type i\n");
    add_incremental();
    aof_manifest_retire(&manifest, 3);
    text.length = 0;
    aof_manifest_name_base(&text, "a.aof", 1, true);
    buffer_append(&text, "", 1);
    aof_manifest_add(&manifest, AOF_FILE_BASE, 1, text.bytes);
    expect_written("file a.aof.1.base.rdb seq 1 type b\nfile a.aof.1.incr.aof seq 1 type h\n"
                   "file a.aof.2.incr.aof seq 2 type h\nfile a.aof.3.incr.aof seq 3 type i\n");
    cr_assert_eq(aof_manifest_next_sequence(&manifest, AOF_FILE_INCREMENTAL), 4);
    aof_manifest_forget_history(&manifest);
    expect_written("file a.aof.1.base.rdb seq 1 type b\nfile a.aof.3.incr.aof seq 3 type i\n");
    aof_manifest_retire(&manifest, 1);
    cr_assert_null(aof_manifest_base(&manifest), "whatever its number is");
    expect_written("file a.aof.1.base.rdb seq 1 type h\nfile a.aof.3.incr.aof seq 3 type i\n");
}
