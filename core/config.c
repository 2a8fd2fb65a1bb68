/* A copy of the settings: made with the defaults, copied, checked as a whole. */
#include "core/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/un.h>

#include "core/assert.h"
#include "core/config_table.h"
#include "core/log.h"
#include "core/number.h"

static bool holds_text(const struct config_row *row)
{
    return row->width > 0 && (row->kind == &config_kind_text || row->kind == &config_kind_directory ||
                              row->kind == &config_kind_percentiles || row->kind == &config_kind_save ||
                              row->kind == &config_kind_choices || row->kind == &config_kind_memory_or_percent);
}

/* Every text that a copy owns: of the fields, of the lists, and the kept ones. */
static void each_text(struct config *config, void (*visit)(struct config *config, char **text))
{
    for (int i = 0; i < config_row_count(); i++) {
        if (holds_text(&config_rows[i]))
            visit(config, (char **)((char *)config + config_rows[i].offset));
        visit(config, &config->kept[i].text);
    }
    for (int i = 0; i < config->bind_count; i++)
        visit(config, &config->bind[i]);
    for (int i = 0; i < config->affinity_count; i++)
        visit(config, &config->affinity[i]);
}

static void set_default(struct config *config, const struct config_row *row)
{
    struct str words[CONFIG_WORDS_MAX] = {str_from(row->initial)};
    int count = row->kind->many_words ? config_split(words[0], words) : 1;

    row->kind->set(config, row, words, count, true, NULL);
}

void config_init(struct config *config)
{
    *config = (struct config){0};
    config->kept = memory_alloc_zeroed(&config->memory, sizeof *config->kept * (size_t)config_row_count());
    for (const struct config_row *row = config_rows; row->name; row++)
        if (row->width > 0)
            set_default(config, row);
}

static void free_text(struct config *config, char **text)
{
    memory_free(&config->memory, *text);
}

void config_deinit(struct config *config)
{
    each_text(config, free_text);
    memory_free(&config->memory, config->kept);
    ASSERT(config->memory.used_bytes == 0);
    *config = (struct config){0};
}

/* *text is still the other copy's. */
static void duplicate_text(struct config *config, char **text)
{
    char *copy = NULL;

    if (*text)
        config_replace(config, &copy, str_from(*text));
    *text = copy;
}

void config_copy(struct config *to, const struct config *from)
{
    size_t kept_bytes = sizeof *from->kept * (size_t)config_row_count();

    *to = *from;
    to->memory = (struct memory){0};
    to->kept = memory_alloc(&to->memory, kept_bytes);
    memcpy(to->kept, from->kept, kept_bytes);
    each_text(to, duplicate_text);
}

bool config_validate(const struct config *config, char *error, size_t error_bytes)
{
    struct sockaddr_un address;

    if ((config->port == 0 || config->bind_count == 0) && config->unixsocket[0] == '\0')
        snprintf(error, error_bytes, "there is nothing to listen on: %s, and no 'unixsocket' is set",
                 config->port == 0 ? "'port' is 0" : "'bind' names no address");
    else if (strlen(config->unixsocket) >= sizeof address.sun_path)
        snprintf(error, error_bytes, "the path of 'unixsocket' is longer than the %zu bytes that a socket's may have",
                 sizeof address.sun_path - 1);
    else
        return true;
    return false;
}

static void log_if_unused(const struct config_row *row)
{
    if (row->width == 0 && !(row->flags & CONFIG_NAMELESS))
        log_write(LOG_NOTICE, "directive '%s' has no effect in this version", row->name);
}

void config_log_unused(const struct config *config)
{
    for (int i = 0; i < config_row_count(); i++)
        if (config->kept[i].given)
            log_if_unused(&config_rows[i]);
}

void config_log_if_unused(struct str name)
{
    const char *unused;
    const struct config_row *row = config_row_find(name, &unused);

    if (row)
        log_if_unused(row);
}

bool config_is_secret(struct str name)
{
    const char *unused;
    const struct config_row *row = config_row_find(name, &unused);

    return row && row->flags & CONFIG_SECRET;
}

size_t config_client_limit(const struct config *config)
{
    char *end;
    unsigned long long number;

    if (strcmp(config->maxmemory_clients, "0") == 0) /* asked in every turn */
        return 0;
    number = strtoull(config->maxmemory_clients, &end, 10);

    return *end == '%' ? (size_t)((double)config->maxmemory * (double)number / 100) : (size_t)number;
}

const char *config_maxmemory_policy_name(const struct config *config)
{
    const char *unused;

    return config_row_find(STR("maxmemory-policy"), &unused)->choices[config->maxmemory_policy];
}

/* Digits at *at, which moves behind them. */
static bool take_cpu(const char **at, uint16_t *cpu)
{
    size_t digits = strspn(*at, "0123456789");
    uint64_t value;

    if (!number_parse_unsigned((struct str){*at, digits}, &value) || value > UINT16_MAX)
        return false;
    *at += digits;
    *cpu = (uint16_t)value;
    return true;
}

/* "4" or "0-3" at *at, which moves behind it. */
static bool take_cpu_range(const char **at, uint16_t *first, uint16_t *last)
{
    if (!take_cpu(at, first))
        return false;
    *last = *first;
    if (**at != '-')
        return true;
    ++*at;
    return take_cpu(at, last) && *last >= *first;
}

static bool lists_cpu(const uint16_t *cpus, int count, unsigned cpu)
{
    while (count > 0)
        if (cpus[--count] == cpu)
            return true;
    return false;
}

int config_cpu_list(const char *text, uint16_t *cpus, int most, char *error, size_t error_bytes)
{
    uint16_t first, last;
    int count = 0;

    if (text[0] == '\0' || str_equal_nocase(str_from(text), "off"))
        return 0;
    for (const char *at = text;; at++) {
        if (!take_cpu_range(&at, &first, &last) || (*at != ',' && *at != '\0')) {
            snprintf(error, error_bytes, "'%.64s' is not a list of CPUs such as '0-3,8'", text);
            return -1;
        }
        for (unsigned cpu = first; cpu <= last; cpu++) {
            if (count == most || lists_cpu(cpus, count, cpu)) {
                snprintf(error, error_bytes, count == most ? "more than %d CPUs are listed" : "CPU %d is listed twice",
                         count == most ? most : (int)cpu);
                return -1;
            }
            cpus[count++] = (uint16_t)cpu;
        }
        if (*at == '\0')
            return count;
    }
}
