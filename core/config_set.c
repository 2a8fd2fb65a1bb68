/* CONFIG GET and SET. */
#include "core/config.h"

#include <stdio.h>

#include "core/assert.h"
#include "core/config_table.h"
#include "core/process.h"
#include "core/resp_write.h"

/* Names are numbered: each row's own, then its alias, whether or not it has one. */
enum { NAMES_MAX = 512 };

int config_split(struct str text, struct str words[static CONFIG_WORDS_MAX])
{
    int count = 0;

    if (text.length == 0)
        return 0;
    while (count < CONFIG_WORDS_MAX) {
        const char *space = memchr(text.bytes, ' ', text.length);
        size_t length = space ? (size_t)(space - text.bytes) : text.length;
        words[count++] = (struct str){text.bytes, length};
        if (!space)
            return count;
        text = (struct str){space + 1, text.length - length - 1};
    }
    return CONFIG_WORDS_MAX + 1;
}

bool config_set_value(struct config *config, const struct config_row *row, struct str value,
                      struct config_problem *problem)
{
    struct str words[CONFIG_WORDS_MAX] = {value};
    int count = row->kind->many_words ? config_split(value, words) : 1;

    if (count > CONFIG_WORDS_MAX) {
        config_problem_set(problem, "too many words");
        return false;
    }
    return config_set_words(config, row, words, count, true, problem);
}

bool config_set_words(struct config *config, const struct config_row *row, const struct str *words, int count,
                      bool fresh, struct config_problem *problem)
{
    for (int i = 0; i < count; i++) {
        if (words[i].length > 0 && memchr(words[i].bytes, '\0', words[i].length)) {
            config_problem_set(problem, "argument must not contain a zero byte");
            return false;
        }
    }
    return row->kind->set(config, row, words, count, fresh, problem);
}

/* GET */

struct answer {
    const struct config *config;
    struct reply *reply;
    int64_t pairs;
    bool shown[NAMES_MAX];
};

static const char *name_at(int index)
{
    const struct config_row *row = &config_rows[index / 2];

    return row->flags & CONFIG_NAMELESS ? NULL : index % 2 == 0 ? row->name : row->alias;
}

/* spelled: a client that asks for one name finds it as it wrote it. */
static void show(struct answer *answer, int index, struct str spelled)
{
    const struct config_row *row = &config_rows[index / 2];
    struct memory memory = {0};
    struct buffer text;
    char storage[256];

    if (answer->shown[index])
        return;
    answer->shown[index] = true;
    answer->pairs++;
    buffer_init(&text, &memory, storage, sizeof storage);
    row->kind->print(answer->config, row, &text);
    reply_bulk(answer->reply, spelled);
    reply_bulk(answer->reply, buffer_str(&text));
    buffer_deinit(&text);
}

static bool is_pattern(struct str text)
{
    for (size_t i = 0; i < text.length; i++)
        if (strchr("*?[", text.bytes[i]) && text.bytes[i] != '\0')
            return true;
    return false;
}

static void show_matching(struct answer *answer, struct str pattern)
{
    bool glob = is_pattern(pattern);

    for (int i = 0; i < 2 * config_row_count(); i++) {
        const char *name = name_at(i);
        if (name && glob && str_glob_match(pattern, str_from(name), true))
            show(answer, i, str_from(name));
        else if (name && !glob && str_equal_nocase(pattern, name))
            show(answer, i, pattern);
    }
}

void config_get(const struct config *config, const struct str *patterns, int count, struct reply *reply)
{
    struct answer answer = {.config = config, .reply = reply};
    size_t mark = reply_mark(reply);

    ASSERT(2 * config_row_count() <= NAMES_MAX);
    for (int i = 0; i < count; i++)
        show_matching(&answer, patterns[i]);
    reply_map_at(reply, mark, answer.pairs);
}

/* SET */

static void refuse(struct reply *reply, const char *name, const char *problem)
{
    reply_error_format(reply, "ERR CONFIG SET failed (possibly related to argument '%s') - %s", name, problem);
}

static const char *reason_against(const struct config *config, const struct config_row *row, bool repeated)
{
    if (row->flags & CONFIG_IMMUTABLE)
        return "can't set immutable config";
    if (row->flags & CONFIG_PROTECTED && config->enable_protected_configs != CONFIG_ACCESS_YES)
        return "can't set protected config";
    return repeated ? "duplicate parameter" : NULL;
}

/* All names are known, may be set, and occur once each. */
static bool may_set(const struct config *config, const struct str *pairs, int count, struct reply *reply)
{
    bool named[NAMES_MAX] = {0};
    char spelled[128];
    const char *name;

    for (int i = 0; i < count; i++) {
        struct str given = pairs[2 * i];
        const struct config_row *row = config_row_find(given, &name);
        int length = given.length < sizeof spelled ? (int)given.length : (int)sizeof spelled;
        if (!row || row->flags & CONFIG_NAMELESS) {
            reply_error_format(reply, "ERR Unknown option or number of arguments for CONFIG SET - '%.*s'", length,
                               given.bytes);
            return false;
        }
        bool *seen = &named[2 * (row - config_rows) + (name == row->alias)];
        const char *reason = reason_against(config, row, *seen);
        if (reason) {
            snprintf(spelled, sizeof spelled, "%.*s", length, given.bytes);
            refuse(reply, spelled, reason);
            return false;
        }
        *seen = true;
    }
    return true;
}

static bool set_all(struct config *config, const struct str *pairs, int count, struct reply *reply)
{
    struct config_problem problem;
    const char *name;

    for (int i = 0; i < count; i++) {
        const struct config_row *row = config_row_find(pairs[2 * i], &name);
        if (!config_set_value(config, row, pairs[2 * i + 1], &problem)) {
            refuse(reply, name, problem.text);
            return false;
        }
    }
    return true;
}

/* More clients than the system has descriptors for are refused, in Redis's words. */
static bool make_room(const struct config *config, const struct config *changed, struct reply *reply)
{
    char problem[128];
    int room;

    if (changed->maxclients <= config->maxclients)
        return true;
    room = process_make_room(changed->maxclients);
    if (room >= changed->maxclients)
        return true;
    snprintf(problem, sizeof problem,
             "The operating system is not able to handle the specified number of clients, try with %d", room);
    refuse(reply, "maxclients", problem);
    return false;
}

bool config_set(struct config *config, const struct str *pairs, int count, struct reply *reply)
{
    struct config changed;

    if (!may_set(config, pairs, count, reply))
        return false;
    config_copy(&changed, config);
    if (!set_all(&changed, pairs, count, reply) || !make_room(config, &changed, reply)) {
        config_deinit(&changed);
        return false;
    }
    changed.generation++;
    config_deinit(config);
    *config = changed;
    reply_ok(reply);
    return true;
}
