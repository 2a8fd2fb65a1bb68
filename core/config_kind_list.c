/* Values of several words. Those that Shoal uses have their own fields; the
 * others are checked and kept as one text. */
#include "core/config_table.h"

#include <limits.h>
#include <stdio.h>

#include "core/changes.h"
#include "core/number.h"

enum { LIST_TEXT_MAX = 4096 };

static bool is_single_empty(const struct str *words, int count)
{
    return count == 1 && words[0].length == 0;
}

static bool refuse(struct config_problem *problem, const char *text)
{
    config_problem_set(problem, "%s", text);
    return false;
}

static void print_kept(const struct config *config, const struct config_row *row, struct buffer *out)
{
    buffer_append_str(out, str_from(config_load_text(config, row)));
}

/* name and value, where an empty value reads "" */
static void write_kept(const struct config *config, const struct config_row *row, struct buffer *out)
{
    const char *text = config_load_text(config, row);

    buffer_append_format(out, "%s %s\n", row->name, text[0] ? text : "\"\"");
}

/* bind: the addresses to listen on */

static void drop_texts(struct config *config, char **texts, int *count)
{
    while (*count > 0)
        memory_free(&config->memory, texts[--*count]);
}

static void add_text(struct config *config, char **texts, int *count, struct str word)
{
    texts[*count] = NULL;
    config_replace(config, &texts[*count], word);
    ++*count;
}

/* What it means the resolver knows; here only that it can be written without quotes. */
static bool is_address(struct str word)
{
    for (size_t i = 0; i < word.length; i++)
        if (word.bytes[i] <= ' ' || word.bytes[i] > '~' || word.bytes[i] == '"' || word.bytes[i] == '\'')
            return false;
    return word.length > 0;
}

static bool set_bind(struct config *config, const struct config_row *row, const struct str *words, int count,
                     bool fresh, struct config_problem *problem)
{
    if (count > CONFIG_BIND_MAX)
        return refuse(problem, "Too many bind addresses specified.");
    for (int i = 0; i < count && !is_single_empty(words, count); i++)
        if (!is_address(words[i]))
            return refuse(problem, "Invalid bind address");
    drop_texts(config, config->bind, &config->bind_count);
    for (int i = 0; i < count && !is_single_empty(words, count); i++)
        add_text(config, config->bind, &config->bind_count, words[i]);
    return true;
}

static void print_bind(const struct config *config, const struct config_row *row, struct buffer *out)
{
    for (int i = 0; i < config->bind_count; i++)
        buffer_append_format(out, "%s%s", i > 0 ? " " : "", config->bind[i]);
}

static void write_bind(const struct config *config, const struct config_row *row, struct buffer *out)
{
    buffer_append_format(out, "%s ", row->name);
    print_bind(config, row, out);
    buffer_append_str(out, config->bind_count > 0 ? STR("\n") : STR("\"\"\n"));
}

const struct config_kind config_kind_bind = {
    .many_words = true, .set = set_bind, .print = print_bind, .write = write_bind};

/* affinity: patterns, each a word; lines add up, and an empty one starts anew */

static bool check_word(struct config *config, const struct config_row *row, struct str word,
                       struct config_problem *problem)
{
    char *copy = NULL;

    config_replace(config, &copy, word);
    const char *wrong = row->check(copy);
    memory_free(&config->memory, copy);
    return !wrong || refuse(problem, wrong);
}

static bool set_affinity(struct config *config, const struct config_row *row, const struct str *words, int count,
                         bool fresh, struct config_problem *problem)
{
    bool empty = count == 0 || is_single_empty(words, count);

    for (int i = 0; i < count && !empty; i++)
        if (!check_word(config, row, words[i], problem))
            return false;
    if (fresh || empty)
        drop_texts(config, config->affinity, &config->affinity_count);
    if (count > CONFIG_AFFINITY_MAX - config->affinity_count)
        return refuse(problem, "Too many affinity patterns specified.");
    for (int i = 0; i < count && !empty; i++)
        add_text(config, config->affinity, &config->affinity_count, words[i]);
    return true;
}

static void print_affinity(const struct config *config, const struct config_row *row, struct buffer *out)
{
    for (int i = 0; i < config->affinity_count; i++)
        buffer_append_format(out, "%s%s", i > 0 ? " " : "", config->affinity[i]);
}

static void write_affinity(const struct config *config, const struct config_row *row, struct buffer *out)
{
    if (config->affinity_count == 0)
        buffer_append_format(out, "%s \"\"\n", row->name);
    for (int i = 0; i < config->affinity_count; i++) {
        buffer_append_format(out, "%s ", row->name);
        config_append_quoted(out, str_from(config->affinity[i]));
        buffer_append(out, "\n", 1);
    }
}

const struct config_kind config_kind_affinity = {
    .many_words = true, .set = set_affinity, .print = print_affinity, .write = write_affinity};

/* save: pairs of seconds and changes; lines add up, and an empty one starts anew */

static bool is_save_pair(const struct str *words)
{
    int64_t seconds, changes;

    return number_parse_integer(words[0], &seconds) && number_parse_integer(words[1], &changes) && seconds >= 1 &&
           changes >= 0 && changes <= INT_MAX;
}

/* Words joined by spaces behind `text`. False: they do not fit. */
static bool join_words(char text[static LIST_TEXT_MAX], const struct str *words, int count)
{
    size_t length = strlen(text);

    for (int i = 0; i < count; i++) {
        if (words[i].length + 2 > LIST_TEXT_MAX - length)
            return false;
        if (length > 0)
            text[length++] = ' ';
        memcpy(text + length, words[i].bytes, words[i].length);
        length += words[i].length;
        text[length] = '\0';
    }
    return true;
}

static bool set_save(struct config *config, const struct config_row *row, const struct str *words, int count,
                     bool fresh, struct config_problem *problem)
{
    char text[LIST_TEXT_MAX] = "";

    if (is_single_empty(words, count)) {
        count = 0;
        fresh = true;
    }
    if (count % 2 != 0)
        return refuse(problem, "Invalid save parameters");
    for (int i = 0; i < count; i += 2)
        if (!is_save_pair(words + i))
            return refuse(problem, "Invalid save parameters");
    if (!fresh)
        snprintf(text, sizeof text, "%s", config_load_text(config, row));
    if (!join_words(text, words, count))
        return refuse(problem, "Invalid save parameters");
    config_store_text(config, row, str_from(text));
    return true;
}

static void write_save(const struct config *config, const struct config_row *row, struct buffer *out)
{
    const char *at = config_load_text(config, row);
    long long seconds, changes;
    int length;

    if (at[0] == '\0')
        buffer_append_format(out, "%s \"\"\n", row->name);
    for (; sscanf(at, "%lld %lld%n", &seconds, &changes, &length) == 2; at += length)
        buffer_append_format(out, "%s %lld %lld\n", row->name, seconds, changes);
}

const struct config_kind config_kind_save = {
    .many_words = true, .set = set_save, .print = print_kept, .write = write_save};

/* client-output-buffer-limit: class, hard limit, soft limit, seconds; classes not named keep theirs */

static bool find_client_class(struct str word, enum config_client_class *class)
{
    if (str_equal_nocase(word, "normal"))
        *class = CLIENT_CLASS_NORMAL;
    else if (str_equal_nocase(word, "replica") || str_equal_nocase(word, "slave"))
        *class = CLIENT_CLASS_REPLICA;
    else if (str_equal_nocase(word, "pubsub"))
        *class = CLIENT_CLASS_PUBSUB;
    else
        return false;
    return true;
}

static bool parse_output_limit(const struct str *words, struct config_output_limit *limit)
{
    uint64_t hard, soft;

    if (!number_parse_memory(words[0], &hard) || !number_parse_memory(words[1], &soft))
        return false;
    limit->hard_bytes = hard;
    limit->soft_bytes = soft;
    return number_parse_integer(words[2], &limit->soft_seconds) && limit->soft_seconds >= 0;
}

static bool set_output_limits(struct config *config, const struct config_row *row, const struct str *words, int count,
                              bool fresh, struct config_problem *problem)
{
    struct config_output_limit limits[CLIENT_CLASSES];
    enum config_client_class class;

    memcpy(limits, config->output_limits, sizeof limits);
    if (count % 4 != 0)
        return refuse(problem, "Wrong number of arguments in buffer limit configuration.");
    for (int i = 0; i < count; i += 4) {
        if (!find_client_class(words[i], &class))
            return refuse(problem, "Invalid client class specified in buffer limit configuration.");
        if (!parse_output_limit(words + i + 1, &limits[class]))
            return refuse(problem, "Error in hard, soft or soft_seconds setting in buffer limit configuration.");
    }
    memcpy(config->output_limits, limits, sizeof limits);
    return true;
}

static void print_output_limits(const struct config *config, const struct config_row *row, struct buffer *out)
{
    static const char *const names[CLIENT_CLASSES] = {"normal", "slave", "pubsub"};

    for (int class = 0; class < CLIENT_CLASSES; class ++) {
        const struct config_output_limit *limit = &config->output_limits[class];
        buffer_append_format(out, "%s%s %zu %zu %lld", class > 0 ? " " : "", names[class], limit->hard_bytes,
                             limit->soft_bytes, (long long)limit->soft_seconds);
    }
}

static void write_output_limits(const struct config *config, const struct config_row *row, struct buffer *out)
{
    static const char *const names[CLIENT_CLASSES] = {"normal", "replica", "pubsub"};

    for (int class = 0; class < CLIENT_CLASSES; class ++) {
        const struct config_output_limit *limit = &config->output_limits[class];
        buffer_append_format(out, "%s %s ", row->name, names[class]);
        config_append_memory(out, limit->hard_bytes);
        buffer_append(out, " ", 1);
        config_append_memory(out, limit->soft_bytes);
        buffer_append_format(out, " %lld\n", (long long)limit->soft_seconds);
    }
}

const struct config_kind config_kind_output_limits = {
    .many_words = true, .set = set_output_limits, .print = print_output_limits, .write = write_output_limits};

/* notify-keyspace-events: one letter for each class, printed in Redis's order; A stands for all data classes */

/* By the bits of enum event_class. */
static const char event_letters[] = "g$lshzxetdnKEm";
_Static_assert(EVENT_MISSED == 1 << (sizeof event_letters - 2), "event_letters follow enum event_class");

static bool parse_events(struct str word, uint32_t *events)
{
    *events = 0;
    for (size_t i = 0; i < word.length; i++) {
        const char *letter = memchr(event_letters, word.bytes[i], sizeof event_letters - 1);
        if (letter)
            *events |= 1u << (letter - event_letters);
        else if (word.bytes[i] == 'A')
            *events |= EVENTS_OF_DATA;
        else
            return false;
    }
    return true;
}

static bool set_events(struct config *config, const struct config_row *row, const struct str *words, int count,
                       bool fresh, struct config_problem *problem)
{
    uint32_t events;

    if (!parse_events(words[0], &events))
        return refuse(problem, "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.");
    config->notify_events = events;
    return true;
}

static void print_events(const struct config *config, const struct config_row *row, struct buffer *out)
{
    uint32_t events = config->notify_events;

    if ((events & EVENTS_OF_DATA) == EVENTS_OF_DATA) {
        buffer_append_str(out, STR("A"));
        events &= ~(uint32_t)(EVENTS_OF_DATA | EVENT_NEW); /* Redis leaves out n beside A */
    }
    for (int i = 0; event_letters[i]; i++)
        if (events & 1u << i)
            buffer_append(out, &event_letters[i], 1);
}

static void write_events(const struct config *config, const struct config_row *row, struct buffer *out)
{
    buffer_append_format(out, "%s \"", row->name);
    print_events(config, row, out);
    buffer_append_str(out, STR("\"\n"));
}

const struct config_kind config_kind_events = {.set = set_events, .print = print_events, .write = write_events};

/* latency-tracking-info-percentiles */

static bool set_percentiles(struct config *config, const struct config_row *row, const struct str *words, int count,
                            bool fresh, struct config_problem *problem)
{
    char text[LIST_TEXT_MAX] = "";
    char number[NUMBER_TEXT_MAX];
    double value;

    if (is_single_empty(words, count))
        count = 0;
    for (int i = 0; i < count; i++) {
        if (!number_parse_double(words[i], &value))
            return refuse(problem, "Invalid latency-tracking-info-percentiles parameters");
        if (value < 0 || value > 100)
            return refuse(problem, "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]");
        struct str word = {number, number_format_double(number, value)};
        if (!join_words(text, &word, 1))
            return refuse(problem, "Invalid latency-tracking-info-percentiles parameters");
    }
    config_store_text(config, row, str_from(text));
    return true;
}

const struct config_kind config_kind_percentiles = {
    .many_words = true, .set = set_percentiles, .print = print_kept, .write = write_kept};

/* oom-score-adj-values: three of them */

static bool set_oom_values(struct config *config, const struct config_row *row, const struct str *words, int count,
                           bool fresh, struct config_problem *problem)
{
    char text[LIST_TEXT_MAX] = "";
    int64_t value;

    if (count != 3)
        return refuse(problem, "wrong number of arguments");
    for (int i = 0; i < count; i++)
        if (!number_parse_integer(words[i], &value) || value < -2000 || value > 2000)
            return refuse(problem, "Invalid oom-score-adj-values, elements must be between -2000 and 2000.");
    if (!join_words(text, words, count))
        return refuse(problem, "wrong number of arguments");
    config_store_text(config, row, str_from(text));
    return true;
}

const struct config_kind config_kind_oom_values = {
    .many_words = true, .set = set_oom_values, .print = print_kept, .write = write_kept};

/* replicaof: host and port, or "no one" */

static bool set_replicaof(struct config *config, const struct config_row *row, const struct str *words, int count,
                          bool fresh, struct config_problem *problem)
{
    char text[LIST_TEXT_MAX] = "";
    int64_t port;

    if (count != 2)
        return refuse(problem, "wrong number of arguments");
    if (!str_equal_nocase(words[0], "no") || !str_equal_nocase(words[1], "one")) {
        if (!number_parse_integer(words[1], &port) || port < 0 || port > 65535 || !join_words(text, words, count))
            return refuse(problem, "Invalid master port");
    }
    config_store_text(config, row, str_from(text));
    return true;
}

const struct config_kind config_kind_replicaof = {
    .many_words = true, .set = set_replicaof, .print = print_kept, .write = write_kept};

/* lines that would change who may do what: a server without them must not start */

static bool set_refused(struct config *config, const struct config_row *row, const struct str *words, int count,
                        bool fresh, struct config_problem *problem)
{
    return refuse(problem, row->check(row->name));
}

const struct config_kind config_kind_refused = {.many_words = true, .set = set_refused};
