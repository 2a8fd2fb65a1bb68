#include "persist/aof_manifest.h"

#include <stdio.h>

#include "core/assert.h"
#include "core/config.h"
#include "core/config_table.h"
#include "core/memory.h"
#include "core/number.h"
#include "core/words.h"

void aof_manifest_init(struct aof_manifest *manifest, struct memory *memory)
{
    *manifest = (struct aof_manifest){.memory = memory};
}

void aof_manifest_deinit(struct aof_manifest *manifest)
{
    for (size_t i = 0; i < manifest->count; i++)
        memory_free(manifest->memory, manifest->files[i].name);
    memory_free(manifest->memory, manifest->files);
    aof_manifest_init(manifest, manifest->memory);
}

/* A file as a line of the manifest says; its name is not terminated. */
struct line {
    struct str name;
    struct aof_file file; /* without its name */
};

static struct aof_file *add(struct aof_manifest *manifest, const struct line *line)
{
    size_t count = manifest->count + 1;
    char *name = memory_alloc(manifest->memory, line->name.length + 1);

    str_copy(name, line->name);
    name[line->name.length] = '\0';
    manifest->files = memory_resize(manifest->memory, manifest->files, count * sizeof manifest->files[0]);
    struct aof_file *file = &manifest->files[manifest->count];
    *file = line->file;
    file->name = name;
    manifest->count = count;
    return file;
}

/* Reading */

/* NULL: it may be a file in the folder. */
static const char *check_name(struct str name)
{
    if (name.length == 0 || memchr(name.bytes, '\0', name.length) != NULL || str_equal(name, STR(".")) ||
        str_equal(name, STR("..")))
        return "this is no name of a file";
    return memchr(name.bytes, '/', name.length) == NULL ? NULL : "a file's name has no folder";
}

/* Each returns NULL, or what is wrong. */

static const char *take_number(struct aof_file *file, struct str key, struct str text)
{
    uint64_t number = 0;
    bool is_number = number_parse_unsigned(text, &number) && number < INT64_MAX;
    bool is_small = is_number && number <= CONFIG_SHARDS_MAX;

    if (str_equal_nocase(key, "seq")) {
        file->sequence = number;
        return is_number && number > 0 ? NULL : "seq has to be a number above 0";
    }
    if (str_equal_nocase(key, "shard")) {
        file->shard = (int)number;
        return is_small ? NULL : "shard has to be a number below shards";
    }
    if (str_equal_nocase(key, "shards")) {
        file->shards = (int)number;
        return is_small && number > 0 ? NULL : "shards has to be a number that Shoal can have";
    }
    if (str_equal_nocase(key, "end")) {
        file->end = number;
        return is_number ? NULL : "end has to be a number of bytes";
    }
    if (str_equal_nocase(key, "survivors")) {
        file->has_survivors = number == 1;
        return is_number && number <= 1 ? NULL : "survivors has to be 0 or 1";
    }
    return NULL;
}

static const char *take_pair(struct line *line, struct str key, struct str value)
{
    if (str_equal_nocase(key, "file")) {
        line->name = value;
        return check_name(value);
    }
    if (str_equal_nocase(key, "type")) {
        line->file.type = (enum aof_file_type)(value.length == 1 ? value.bytes[0] : '?');
        return NULL;
    }
    return take_number(&line->file, key, value);
}

static const char *check_line(const struct line *line)
{
    const struct aof_file *file = &line->file;

    if (!line->name.bytes || !file->sequence || !file->type)
        return "it takes file, seq and type";
    if (file->shards == 0 ? file->shard >= 0 : file->shard < 0 || file->shard >= file->shards)
        return "shard has to be a number below shards";
    return NULL;
}

static struct line empty_line(void)
{
    return (struct line){.file = {.shard = -1, .end = AOF_FILE_WHOLE}};
}

/* The name lies in `unquoted`, which has room for the text. */
static const char *parse_line(struct str text, char *unquoted, struct line *line)
{
    struct words words = {text.bytes, text.bytes + text.length, unquoted};
    enum words_status status;
    struct str key, value;
    const char *wrong;

    *line = empty_line();
    while ((status = words_next(&words, &key)) == WORDS_NEXT) {
        if (words_next(&words, &value) != WORDS_NEXT)
            return "it takes pairs of words";
        wrong = take_pair(line, key, value);
        if (wrong)
            return wrong;
    }
    if (status == WORDS_UNBALANCED)
        return "unbalanced quotes";
    return check_line(line);
}

static uint64_t last_sequence(const struct aof_manifest *manifest, enum aof_file_type type)
{
    uint64_t last = 0;

    for (size_t i = 0; i < manifest->count; i++)
        if (manifest->files[i].type == type && manifest->files[i].sequence > last)
            last = manifest->files[i].sequence;
    return last;
}

/* NULL: it may come behind those that are there. */
static const char *check_file(const struct aof_manifest *manifest, const struct aof_file *file)
{
    if (file->type != AOF_FILE_BASE && file->type != AOF_FILE_HISTORY && file->type != AOF_FILE_INCREMENTAL)
        return "type has to be b, h or i";
    if (file->type == AOF_FILE_BASE && aof_manifest_base(manifest))
        return "there is a base already";
    if (file->type == AOF_FILE_INCREMENTAL && file->sequence <= last_sequence(manifest, AOF_FILE_INCREMENTAL))
        return "seq has to be above that of the file before";
    return NULL;
}

static const char *read_line(struct aof_manifest *manifest, struct str text)
{
    char *unquoted = memory_alloc(manifest->memory, text.length + 1);
    struct line line;
    const char *wrong = parse_line(text, unquoted, &line);

    if (!wrong)
        wrong = check_file(manifest, &line.file);
    if (!wrong)
        add(manifest, &line);
    memory_free(manifest->memory, unquoted);
    return wrong;
}

bool aof_manifest_parse(struct aof_manifest *manifest, const char *name, struct str text, char *error,
                        size_t error_bytes)
{
    const char *at = text.bytes, *end = text.bytes + text.length, *wrong = NULL;
    int number = 0;

    ASSERT(manifest->count == 0);
    for (const char *eol; at < end; at = eol + 1) {
        number++;
        eol = memchr(at, '\n', (size_t)(end - at));
        if (!eol)
            wrong = "it does not end, as if the file had been cut";
        else if (*at != '#')
            wrong = read_line(manifest, (struct str){at, (size_t)(eol - at)});
        if (wrong)
            break;
    }
    if (!wrong && manifest->count == 0)
        wrong = "it names no file";
    if (wrong)
        snprintf(error, error_bytes, "%s, line %d: %s", name, number, wrong);
    return !wrong;
}

/* Writing */

static bool is_plain(const char *name)
{
    for (; *name; name++)
        if (*name <= ' ' || *name > '~' || strchr("\"'\\", *name))
            return false;
    return true;
}

static void write_file(const struct aof_file *file, struct buffer *text)
{
    buffer_append_str(text, STR("file "));
    if (is_plain(file->name))
        buffer_append_str(text, str_from(file->name));
    else
        config_append_quoted(text, str_from(file->name));
    buffer_append_format(text, " seq %llu type %c", (unsigned long long)file->sequence, (char)file->type);
    if (file->shards > 0)
        buffer_append_format(text, " shard %d shards %d", file->shard, file->shards);
    if (file->end != AOF_FILE_WHOLE)
        buffer_append_format(text, " end %llu", (unsigned long long)file->end);
    if (file->has_survivors)
        buffer_append_str(text, STR(" survivors 1"));
    buffer_append_str(text, STR("\n"));
}

static void write_files(const struct aof_manifest *manifest, enum aof_file_type type, struct buffer *text)
{
    for (size_t i = 0; i < manifest->count; i++)
        if (manifest->files[i].type == type)
            write_file(&manifest->files[i], text);
}

void aof_manifest_write(const struct aof_manifest *manifest, struct buffer *text)
{
    write_files(manifest, AOF_FILE_BASE, text);
    write_files(manifest, AOF_FILE_HISTORY, text);
    write_files(manifest, AOF_FILE_INCREMENTAL, text);
}

/* Files that come and go */

const struct aof_file *aof_manifest_base(const struct aof_manifest *manifest)
{
    for (size_t i = 0; i < manifest->count; i++)
        if (manifest->files[i].type == AOF_FILE_BASE)
            return &manifest->files[i];
    return NULL;
}

uint64_t aof_manifest_next_sequence(const struct aof_manifest *manifest, enum aof_file_type type)
{
    uint64_t last = last_sequence(manifest, type), retired = last_sequence(manifest, AOF_FILE_HISTORY);

    return 1 + (last > retired ? last : retired);
}

struct aof_file *aof_manifest_add(struct aof_manifest *manifest, enum aof_file_type type, uint64_t sequence,
                                  const char *name)
{
    struct line line = empty_line();

    line.name = str_from(name);
    line.file.type = type;
    line.file.sequence = sequence;
    ASSERT(!check_file(manifest, &line.file));
    return add(manifest, &line);
}

void aof_manifest_retire(struct aof_manifest *manifest, uint64_t sequence)
{
    for (size_t i = 0; i < manifest->count; i++) {
        struct aof_file *file = &manifest->files[i];

        if (file->type == AOF_FILE_BASE || file->sequence < sequence)
            file->type = AOF_FILE_HISTORY;
    }
}

void aof_manifest_forget_history(struct aof_manifest *manifest)
{
    size_t kept = 0;

    for (size_t i = 0; i < manifest->count; i++) {
        if (manifest->files[i].type == AOF_FILE_HISTORY)
            memory_free(manifest->memory, manifest->files[i].name);
        else
            manifest->files[kept++] = manifest->files[i];
    }
    manifest->count = kept;
}

void aof_manifest_name_base(struct buffer *name, const char *appendfilename, uint64_t sequence, bool is_rdb)
{
    buffer_append_format(name, "%s.%llu.base.%s", appendfilename, (unsigned long long)sequence, is_rdb ? "rdb" : "aof");
}

void aof_manifest_name_incremental(struct buffer *name, const char *appendfilename, uint64_t sequence)
{
    buffer_append_format(name, "%s.%llu.incr.aof", appendfilename, (unsigned long long)sequence);
}
