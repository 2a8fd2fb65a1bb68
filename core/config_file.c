/* redis.conf and the command line, which says the same in other words: each
 * line or option is a directive and its values, given to the row of that name.
 * What includes what is bounded in depth and in number, so that no file can
 * keep the start from ending. */
#include "core/config_file.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <strings.h>
#include <unistd.h>

#include "core/config_table.h"
#include "core/words.h"

enum { INCLUDE_DEPTH_MAX = 16, FILES_MAX = 1000, READ_BYTES = 64 << 10, SHOWN_BYTES = 120 };

struct loader {
    struct config *config;
    const char *file; /* NULL: options of the command line */
    int line, depth;
    int files; /* read so far, in all */
    char *error;
    size_t error_bytes;
};

static bool read_chunks(int fd, struct buffer *bytes)
{
    ssize_t count;

    do {
        count = read(fd, buffer_reserve(bytes, READ_BYTES), READ_BYTES);
        if (count > 0)
            bytes->length += (size_t)count;
    } while ((count > 0 && bytes->length <= CONFIG_FILE_BYTES_MAX) || (count < 0 && errno == EINTR));
    return count >= 0;
}

bool config_file_read(const char *path, struct buffer *bytes, bool *missing, char *error, size_t error_bytes)
{
    bool is_input = strcmp(path, "-") == 0;
    int fd = is_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);

    *missing = fd < 0 && errno == ENOENT;
    if (fd < 0) {
        snprintf(error, error_bytes, "can't open '%s': %s", path, strerror(errno));
        return false;
    }
    bool read_all = read_chunks(fd, bytes);
    int reason = errno;
    if (!is_input)
        close(fd);
    if (!read_all)
        snprintf(error, error_bytes, "can't read '%s': %s", path, strerror(reason));
    else if (bytes->length > CONFIG_FILE_BYTES_MAX)
        snprintf(error, error_bytes, "'%s' is larger than the %d bytes that a configuration may have", path,
                 CONFIG_FILE_BYTES_MAX);
    return read_all && bytes->length <= CONFIG_FILE_BYTES_MAX;
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

bool config_file_line(struct str *rest, struct str *line)
{
    if (rest->length == 0)
        return false;
    const char *end = memchr(rest->bytes, '\n', rest->length);
    size_t length = end ? (size_t)(end - rest->bytes) : rest->length;
    *line = (struct str){rest->bytes, length};
    length += end != NULL;
    *rest = (struct str){rest->bytes + length, rest->length - length};
    while (line->length > 0 && is_blank(line->bytes[line->length - 1]))
        line->length--;
    while (line->length > 0 && is_blank(line->bytes[0]))
        *line = (struct str){line->bytes + 1, line->length - 1};
    return true;
}

/* Errors */

/* The directive that a line or its first word names, if its values are nobody else's business. */
static const struct config_row *find_secret(struct str line)
{
    const char *name;
    size_t length = 0;

    while (length < line.length && !is_blank(line.bytes[length]))
        length++;
    const struct config_row *row = config_row_find((struct str){line.bytes, length}, &name);
    return row && row->flags & CONFIG_SECRET ? row : NULL;
}

/* The directive as it was given, on one line of printable bytes; of a secret one only the name. */
static void show_words(const struct str *words, int count, char text[static SHOWN_BYTES])
{
    const struct config_row *secret = find_secret(words[0]);
    size_t length = 0, most = SHOWN_BYTES - sizeof "...";

    for (int i = 0; i < count && !secret; i++) {
        if (i > 0 && length < most)
            text[length++] = ' ';
        for (size_t j = 0; j < words[i].length && length < most; j++, length++)
            text[length] = words[i].bytes[j] >= ' ' && words[i].bytes[j] <= '~' ? words[i].bytes[j] : '?';
    }
    if (secret)
        snprintf(text, SHOWN_BYTES, "%s ...", secret->name);
    else
        snprintf(text + length, SHOWN_BYTES - length, "%s", length == most ? "..." : "");
}

/* "redis.conf:12: " or nothing */
static size_t show_place(const struct loader *loader)
{
    if (!loader->file)
        return 0;
    int length =
        snprintf(loader->error, loader->error_bytes,
                 "%.200s:%d: ", strcmp(loader->file, "-") == 0 ? "standard input" : loader->file, loader->line);
    return (size_t)length < loader->error_bytes ? (size_t)length : loader->error_bytes - 1;
}

static bool fail(const struct loader *loader, const struct str *words, int count, const char *problem)
{
    char shown[SHOWN_BYTES];
    size_t place = show_place(loader);

    show_words(words, count, shown);
    snprintf(loader->error + place, loader->error_bytes - place, "%s'%s%s': %s", loader->file ? "" : "option ",
             loader->file ? "" : "--", shown, problem);
    return false;
}

/* The name before a '=', for those who write --port=6380. */
static const char *nearest_name(struct str word)
{
    const char *equals = memchr(word.bytes, '=', word.length);

    return config_row_nearest((struct str){word.bytes, equals ? (size_t)(equals - word.bytes) : word.length});
}

static bool fail_unknown(const struct loader *loader, struct str name)
{
    const char *nearest = nearest_name(name), *dashes = loader->file ? "" : "--";
    char shown[SHOWN_BYTES];
    size_t place = show_place(loader);
    char *rest = loader->error + place;
    size_t rest_bytes = loader->error_bytes - place;

    show_words(&name, 1, shown);
    if (nearest)
        snprintf(rest, rest_bytes, "unknown %s '%s%s', did you mean '%s%s'?", loader->file ? "directive" : "option",
                 dashes, shown, dashes, nearest);
    else
        snprintf(rest, rest_bytes, "unknown %s '%s%s'", loader->file ? "directive" : "option", dashes, shown);
    return false;
}

/* Directives */

static bool apply_row(struct loader *loader, const struct config_row *row, const struct str *words, int count)
{
    struct config_kept *kept = &loader->config->kept[row - config_rows];
    struct config_problem problem;
    bool done;

    if (!row->kind->many_words && count != 2)
        return fail(loader, words, count, "wrong number of arguments");
    /* A quoted list ("127.0.0.1 ::1") is a list. */
    if (row->kind->many_words && count == 2 && memchr(words[1].bytes, ' ', words[1].length)) {
        struct str parts[CONFIG_WORDS_MAX];
        int part_count = config_split(words[1], parts);
        if (part_count > CONFIG_WORDS_MAX)
            return fail(loader, words, count, "too many words");
        done = config_set_words(loader->config, row, parts, part_count, !kept->given, &problem);
    } else {
        done = config_set_words(loader->config, row, words + 1, count - 1, !kept->given, &problem);
    }
    if (!done)
        return fail(loader, words, count, problem.text);
    kept->given = true;
    return true;
}

static bool include(struct loader *loader, const struct str *words, int count);

static bool apply(struct loader *loader, const struct str *words, int count)
{
    const char *name;

    if (str_equal_nocase(words[0], "include"))
        return include(loader, words, count);
    const struct config_row *row = config_row_find(words[0], &name);
    return row ? apply_row(loader, row, words, count) : fail_unknown(loader, words[0]);
}

/* words: room for CONFIG_WORDS_MAX, of which the last is not used. out: room for the line. -1: failed. */
static int split_line(struct loader *loader, struct str line, struct str *words, char *out)
{
    struct words split = {.at = line.bytes, .end = line.bytes + line.length, .out = out};
    enum words_status status;
    int count = 0;

    while ((status = words_next(&split, &words[count])) == WORDS_NEXT && count < CONFIG_WORDS_MAX - 1)
        count++;
    if (status == WORDS_END)
        return count;
    fail(loader, &line, 1, status == WORDS_UNBALANCED ? "unbalanced quotes" : "too many words");
    return -1;
}

static bool load_line(struct loader *loader, struct str line, char *scratch)
{
    struct str words[CONFIG_WORDS_MAX];

    if (line.length == 0 || line.bytes[0] == '#')
        return true;
    if (line.length > CONFIG_LINE_BYTES_MAX)
        return fail(loader, &line, 1, "the line is too long");
    if (memchr(line.bytes, '\0', line.length))
        return fail(loader, &line, 1, "the line holds a zero byte");
    int count = split_line(loader, line, words, scratch);
    return count >= 0 && (count == 0 || apply(loader, words, count));
}

static bool load_bytes(struct loader *loader, struct str rest)
{
    char *scratch = memory_alloc(&loader->config->memory, CONFIG_LINE_BYTES_MAX);
    struct str line;
    bool loaded = true;

    while (loaded && config_file_line(&rest, &line)) {
        loader->line++;
        loaded = load_line(loader, line, scratch);
    }
    memory_free(&loader->config->memory, scratch);
    return loaded;
}

/* The loader's own file and line are those of `path` meanwhile. */
static bool load_file(struct loader *loader, const char *path)
{
    struct loader outer = *loader;
    struct buffer bytes;
    bool missing;

    buffer_init(&bytes, &loader->config->memory, NULL, 0);
    bool loaded = config_file_read(path, &bytes, &missing, loader->error, loader->error_bytes);
    if (loaded) {
        loader->file = path;
        loader->line = 0;
        loader->depth++;
        loader->files++;
        loaded = load_bytes(loader, buffer_str(&bytes));
        loader->file = outer.file;
        loader->line = outer.line;
        loader->depth--;
    }
    buffer_deinit(&bytes);
    return loaded;
}

static bool load_matching(struct loader *loader, const char *pattern, const struct str *words, int count)
{
    glob_t found;
    int status = glob(pattern, 0, NULL, &found);
    bool loaded = true;

    if (status == GLOB_NOMATCH)
        return true;
    if (status != 0)
        return fail(loader, words, count, "can't look for these files");
    for (size_t i = 0; i < found.gl_pathc && loaded; i++)
        loaded = loader->files < FILES_MAX ? load_file(loader, found.gl_pathv[i])
                                           : fail(loader, words, count, "too many files are included");
    globfree(&found);
    return loaded;
}

static bool include(struct loader *loader, const struct str *words, int count)
{
    char path[PATH_MAX];

    if (count != 2)
        return fail(loader, words, count, "wrong number of arguments");
    if (loader->depth >= INCLUDE_DEPTH_MAX)
        return fail(loader, words, count, "files include each other too deeply");
    if (loader->files >= FILES_MAX)
        return fail(loader, words, count, "too many files are included");
    if (words[1].length >= sizeof path || words[1].length == 0)
        return fail(loader, words, count, "the path is empty or too long");
    memcpy(path, words[1].bytes, words[1].length);
    path[words[1].length] = '\0';
    if (strpbrk(path, "*?["))
        return load_matching(loader, path, words, count);
    if (access(path, R_OK) < 0)
        return fail(loader, words, count, strerror(errno));
    return load_file(loader, path);
}

bool config_load_file(struct config *config, const char *path, char *error, size_t error_bytes)
{
    struct loader loader = {.config = config, .error = error, .error_bytes = error_bytes};

    return load_file(&loader, path);
}

/* Options */

static bool is_option(const char *argument)
{
    return argument[0] == '-' && argument[1] == '-';
}

static bool is_input(const char *argument)
{
    return strcmp(argument, "-") == 0;
}

/* How many values follow the option in front. The first is one even if it looks
 * like an option; but --save with an option behind it, or nothing, means --save "". */
static int values_after(int argc, char **argv, bool has_value)
{
    int count = 0;

    if (!has_value && argc > 1 && !(strcasecmp(argv[0], "--save") == 0 && is_option(argv[1])))
        count = 1;
    else if (!has_value)
        return 0;
    while (count + 1 < argc && !is_option(argv[count + 1]))
        count++;
    return count;
}

/* The option in front of argv and its values; returns how many arguments that took, -1: failed.
 * "--port 6380" may be one argument, too. */
static int load_option(struct loader *loader, int argc, char **argv)
{
    struct str words[CONFIG_WORDS_MAX], first = str_from(argv[0] + (is_option(argv[0]) ? 2 : 0));
    char scratch[4096];

    if (!is_option(argv[0]) || first.length == 0 || first.length > sizeof scratch) {
        char shown[SHOWN_BYTES];
        first = str_from(argv[0]);
        show_words(&first, 1, shown);
        snprintf(loader->error, loader->error_bytes, "'%s' is not an option; options look like '--port 6380'", shown);
        return -1;
    }
    int count = split_line(loader, first, words, scratch);
    if (count < 0)
        return -1;
    int values = values_after(argc, argv, count > 1);
    if (count == 0 || count + values > CONFIG_WORDS_MAX - 1) {
        fail(loader, &first, 1, count == 0 ? "there is no name" : "too many words");
        return -1;
    }
    for (int i = 1; i <= values; i++)
        words[count++] = str_from(argv[i]);
    if (count == 1 && str_equal_nocase(words[0], "save"))
        words[count++] = STR("");
    return apply(loader, words, count) ? values + 1 : -1;
}

bool config_load_options(struct config *config, int argc, char **argv, char *error, size_t error_bytes)
{
    struct loader loader = {.config = config, .error = error, .error_bytes = error_bytes};
    bool in_front = argc > 0 && is_input(argv[0]);
    bool at_end = argc > 1 && is_input(argv[argc - 1]);
    int taken;

    if ((in_front || at_end) && !load_file(&loader, "-"))
        return false;
    argc -= at_end;
    for (int at = in_front; at < argc; at += taken) {
        taken = load_option(&loader, argc - at, argv + at);
        if (taken < 0)
            return false;
    }
    return true;
}
