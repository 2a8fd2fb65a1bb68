/* Values of one word: numbers, choices and texts, and where they are stored. */
#include "core/config_table.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "core/assert.h"
#include "core/number.h"

void config_problem_set(struct config_problem *problem, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(problem->text, sizeof problem->text, format, arguments);
    va_end(arguments);
}

static void *field_of(const struct config *config, const struct config_row *row)
{
    return (char *)(uintptr_t)config + row->offset;
}

static struct config_kept *kept_of(const struct config *config, const struct config_row *row)
{
    return &config->kept[row - config_rows];
}

void config_replace(struct config *config, char **slot, struct str text)
{
    char *copy = memory_alloc(&config->memory, text.length + 1);

    if (text.length > 0)
        memcpy(copy, text.bytes, text.length);
    copy[text.length] = '\0';
    memory_free(&config->memory, *slot);
    *slot = copy;
}

void config_store_text(struct config *config, const struct config_row *row, struct str text)
{
    config_replace(config, row->width > 0 ? (char **)field_of(config, row) : &kept_of(config, row)->text, text);
}

const char *config_load_text(const struct config *config, const struct config_row *row)
{
    if (row->width > 0)
        return *(char **)field_of(config, row);
    return kept_of(config, row)->text ? kept_of(config, row)->text : row->initial;
}

/* Memory beyond INT64_MAX travels as its two's complement. */
void config_store_number(struct config *config, const struct config_row *row, int64_t value)
{
    void *field = field_of(config, row);
    char text[NUMBER_TEXT_MAX];

    switch (row->width) {
    case 0:
        config_store_text(config, row, (struct str){text, number_format_integer(text, value)});
        return;
    case sizeof(bool):
        *(bool *)field = value != 0;
        return;
    case sizeof(int):
        ASSERT(value >= INT_MIN && value <= INT_MAX);
        *(int *)field = (int)value;
        return;
    default:
        ASSERT(row->width == sizeof(int64_t));
        *(int64_t *)field = value;
    }
}

static int64_t kept_number(const struct config *config, const struct config_row *row)
{
    struct str text = str_from(config_load_text(config, row));
    int64_t value;
    uint64_t bytes;

    if (number_parse_integer(text, &value))
        return value;
    return number_parse_memory(text, &bytes) ? (int64_t)bytes : 0; /* a default such as "64mb" */
}

int64_t config_load_number(const struct config *config, const struct config_row *row)
{
    const void *field = field_of(config, row);

    switch (row->width) {
    case 0:
        return kept_number(config, row);
    case sizeof(bool):
        return *(const bool *)field;
    case sizeof(int):
        return *(const int *)field;
    default:
        return *(const int64_t *)field;
    }
}

static int64_t adjusted(const struct config_row *row, int64_t value)
{
    return row->adjust ? row->adjust(value) : value;
}

/* yes and no */

static bool set_yes_no(struct config *config, const struct config_row *row, const struct str *words, int count,
                       bool fresh, struct config_problem *problem)
{
    bool yes = str_equal_nocase(words[0], "yes");

    if (!yes && !str_equal_nocase(words[0], "no")) {
        config_problem_set(problem, "argument must be 'yes' or 'no'");
        return false;
    }
    if (row->width > 0)
        config_store_number(config, row, yes);
    else
        config_store_text(config, row, yes ? STR("yes") : STR("no"));
    return true;
}

static void print_yes_no(const struct config *config, const struct config_row *row, struct buffer *out)
{
    if (row->width > 0)
        buffer_append_str(out, config_load_number(config, row) ? STR("yes") : STR("no"));
    else
        buffer_append_str(out, str_from(config_load_text(config, row)));
}

const struct config_kind config_kind_yes_no = {.set = set_yes_no, .print = print_yes_no};

/* whole numbers */

static bool within_bounds(const struct config_row *row, int64_t value, struct config_problem *problem)
{
    if (!problem || (value >= row->lowest && (value < 0 || (uint64_t)value <= row->highest)))
        return true;
    config_problem_set(problem, "argument must be between %lld and %lld inclusive", (long long)row->lowest,
                       (long long)row->highest);
    return false;
}

static bool set_integer(struct config *config, const struct config_row *row, const struct str *words, int count,
                        bool fresh, struct config_problem *problem)
{
    int64_t value;

    if (!number_parse_integer(words[0], &value)) {
        config_problem_set(problem, "argument couldn't be parsed into an integer");
        return false;
    }
    if (!within_bounds(row, value, problem))
        return false;
    config_store_number(config, row, adjusted(row, value));
    return true;
}

static void print_integer(const struct config *config, const struct config_row *row, struct buffer *out)
{
    buffer_append_format(out, "%lld", (long long)config_load_number(config, row));
}

const struct config_kind config_kind_integer = {.set = set_integer, .print = print_integer};

/* file permissions: written in octal, and so are the bounds in the error */

static bool set_octal(struct config *config, const struct config_row *row, const struct str *words, int count,
                      bool fresh, struct config_problem *problem)
{
    char text[NUMBER_TEXT_MAX] = "", *end = text;
    long value = 0;

    if (words[0].length > 0 && words[0].length < sizeof text) {
        memcpy(text, words[0].bytes, words[0].length);
        value = strtol(text, &end, 8);
    }
    if (end == text || end != text + words[0].length) {
        config_problem_set(problem, "argument couldn't be parsed as an octal number");
        return false;
    }
    if (value < row->lowest || value > (long)row->highest) {
        config_problem_set(problem, "argument must be between %llo and %llo inclusive", (unsigned long long)row->lowest,
                           (unsigned long long)row->highest);
        return false;
    }
    config_store_number(config, row, value);
    return true;
}

static void print_octal(const struct config *config, const struct config_row *row, struct buffer *out)
{
    buffer_append_format(out, "%llo", (unsigned long long)config_load_number(config, row));
}

const struct config_kind config_kind_octal = {.set = set_octal, .print = print_octal};

/* amounts of memory */

static bool set_memory(struct config *config, const struct config_row *row, const struct str *words, int count,
                       bool fresh, struct config_problem *problem)
{
    uint64_t bytes;

    if (!number_parse_memory(words[0], &bytes)) {
        config_problem_set(problem, "argument must be a memory value");
        return false;
    }
    if (bytes < (uint64_t)row->lowest || bytes > row->highest) {
        config_problem_set(problem, "argument must be between %lld and %llu inclusive", (long long)row->lowest,
                           (unsigned long long)row->highest);
        return false;
    }
    config_store_number(config, row, adjusted(row, (int64_t)bytes));
    return true;
}

static void print_memory(const struct config *config, const struct config_row *row, struct buffer *out)
{
    buffer_append_format(out, "%llu", (unsigned long long)config_load_number(config, row));
}

void config_append_memory(struct buffer *out, uint64_t bytes)
{
    static const char *const units[] = {"", "kb", "mb", "gb"};
    int unit = 0;

    for (; bytes > 0 && bytes % 1024 == 0 && unit < 3; unit++)
        bytes /= 1024;
    buffer_append_format(out, "%llu%s", (unsigned long long)bytes, units[unit]);
}

static void write_memory(const struct config *config, const struct config_row *row, struct buffer *out)
{
    buffer_append_format(out, "%s ", row->name);
    config_append_memory(out, (uint64_t)config_load_number(config, row));
    buffer_append(out, "\n", 1);
}

const struct config_kind config_kind_memory = {.set = set_memory, .print = print_memory, .write = write_memory};

/* memory, or per cent of maxmemory: kept as text */

static bool is_percentage(struct str word, int64_t *percentage)
{
    return word.length > 1 && word.bytes[word.length - 1] == '%' &&
           number_parse_integer((struct str){word.bytes, word.length - 1}, percentage) && *percentage >= 0;
}

static bool set_memory_or_percent(struct config *config, const struct config_row *row, const struct str *words,
                                  int count, bool fresh, struct config_problem *problem)
{
    char text[NUMBER_TEXT_MAX];
    int64_t percentage;
    uint64_t bytes;

    if (number_parse_memory(words[0], &bytes)) {
        int length = snprintf(text, sizeof text, "%llu", (unsigned long long)bytes);
        config_store_text(config, row, (struct str){text, (size_t)length});
        return true;
    }
    if (!is_percentage(words[0], &percentage)) {
        config_problem_set(problem, "argument must be a memory or percent value");
        return false;
    }
    if (percentage > 100) {
        config_problem_set(problem, "percentage argument must be less or equal to 100");
        return false;
    }
    config_store_text(config, row, words[0]);
    return true;
}

static void print_text(const struct config *config, const struct config_row *row, struct buffer *out)
{
    buffer_append_str(out, str_from(config_load_text(config, row)));
}

const struct config_kind config_kind_memory_or_percent = {.set = set_memory_or_percent, .print = print_text};

/* one of several words */

static void name_choices(const struct config_row *row, struct config_problem *problem)
{
    size_t length = 0;

    config_problem_set(problem, "argument(s) must be one of the following: ");
    for (int i = 0; row->choices[i]; i++) {
        length = strlen(problem->text);
        snprintf(problem->text + length, sizeof problem->text - length, "%s%s", i > 0 ? ", " : "", row->choices[i]);
    }
}

static bool set_choice(struct config *config, const struct config_row *row, const struct str *words, int count,
                       bool fresh, struct config_problem *problem)
{
    int choice = 0;

    while (row->choices[choice] && !str_equal_nocase(words[0], row->choices[choice]))
        choice++;
    if (!row->choices[choice]) {
        name_choices(row, problem);
        return false;
    }
    if (row->width > 0)
        config_store_number(config, row, choice);
    else
        config_store_text(config, row, str_from(row->choices[choice]));
    return true;
}

static void print_choice(const struct config *config, const struct config_row *row, struct buffer *out)
{
    const char *name = row->width > 0 ? row->choices[config_load_number(config, row)] : config_load_text(config, row);

    buffer_append_str(out, str_from(name));
}

const struct config_kind config_kind_choice = {.set = set_choice, .print = print_choice};

/* several of several words: kept as text, in the table's order; the first, "default", is none of them */

static bool find_choices(const struct config_row *row, const struct str *words, int count, unsigned *found)
{
    *found = 0;
    for (int i = 0; i < count; i++) {
        int choice = 0;
        while (row->choices[choice] && !str_equal_nocase(words[i], row->choices[choice]))
            choice++;
        if (!row->choices[choice])
            return false;
        *found |= 1u << choice;
    }
    return count > 0;
}

static bool set_choices(struct config *config, const struct config_row *row, const struct str *words, int count,
                        bool fresh, struct config_problem *problem)
{
    char text[64] = "";
    unsigned found;

    if (!find_choices(row, words, count, &found)) {
        name_choices(row, problem);
        return false;
    }
    if ((found & 6) == 6) {
        config_problem_set(problem, "shutdown options SAVE and NOSAVE can't be used simultaneously");
        return false;
    }
    for (int i = 1; row->choices[i]; i++)
        if (found & 1u << i)
            snprintf(text + strlen(text), sizeof text - strlen(text), "%s%s", text[0] ? " " : "", row->choices[i]);
    config_store_text(config, row, str_from(text[0] ? text : row->choices[0]));
    return true;
}

const struct config_kind config_kind_choices = {.many_words = true, .set = set_choices, .print = print_text};

/* several of several words: the field has a bit for each; the first, also said by an empty value, is none of them */

static bool set_bits(struct config *config, const struct config_row *row, const struct str *words, int count,
                     bool fresh, struct config_problem *problem)
{
    bool empty = count == 0 || (count == 1 && words[0].length == 0);
    unsigned found = 0;

    if (!empty && !find_choices(row, words, count, &found)) {
        name_choices(row, problem);
        return false;
    }
    bool anew = fresh || empty || (found & 1);
    config_store_number(config, row, (anew ? 0 : config_load_number(config, row)) | (found & ~1u));
    return true;
}

static void print_bits(const struct config *config, const struct config_row *row, struct buffer *out)
{
    uint64_t bits = (uint64_t)config_load_number(config, row);
    const char *gap = "";

    if (bits == 0)
        buffer_append_str(out, str_from(row->choices[0]));
    for (int i = 1; row->choices[i]; i++) {
        if (!(bits >> i & 1))
            continue;
        buffer_append_format(out, "%s%s", gap, row->choices[i]);
        gap = " ";
    }
}

const struct config_kind config_kind_bits = {.many_words = true, .set = set_bits, .print = print_bits};

/* any text */

static bool set_text(struct config *config, const struct config_row *row, const struct str *words, int count,
                     bool fresh, struct config_problem *problem)
{
    char *copy = NULL;

    config_replace(config, &copy, words[0]);
    const char *wrong = row->check ? row->check(copy) : NULL;
    memory_free(&config->memory, copy);
    if (wrong) {
        config_problem_set(problem, "%s", wrong);
        return false;
    }
    config_store_text(config, row, words[0]);
    return true;
}

static void write_text(const struct config *config, const struct config_row *row, struct buffer *out)
{
    buffer_append_format(out, "%s ", row->name);
    config_append_quoted(out, str_from(config_load_text(config, row)));
    buffer_append(out, "\n", 1);
}

const struct config_kind config_kind_text = {.set = set_text, .print = print_text, .write = write_text};

/* A folder: made absolute at once, for the process may change its own later. */

static int find_directory(struct str word, char absolute[static PATH_MAX])
{
    char given[PATH_MAX];
    struct stat status;

    if (word.length >= sizeof given)
        return ENAMETOOLONG;
    memcpy(given, word.bytes, word.length);
    given[word.length] = '\0';
    if (!realpath(given, absolute) || stat(absolute, &status) < 0)
        return errno;
    return S_ISDIR(status.st_mode) ? 0 : ENOTDIR;
}

static bool set_directory(struct config *config, const struct config_row *row, const struct str *words, int count,
                          bool fresh, struct config_problem *problem)
{
    char absolute[PATH_MAX];
    int refused = find_directory(words[0], absolute);

    if (refused && problem) {
        config_problem_set(problem, "%s", strerror(refused));
        return false;
    }
    config_store_text(config, row, refused ? words[0] : str_from(absolute));
    return true;
}

const struct config_kind config_kind_directory = {.set = set_directory, .print = print_text, .write = write_text};
