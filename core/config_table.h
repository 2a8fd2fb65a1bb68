/* The directives: what each is called, how its values read, and where they lie.
 *
 * For the config_*.c files only. A row without a field is a directive of Redis
 * that Shoal has no use for yet: its value is kept as text beside the struct,
 * in the form in which CONFIG GET prints it. */
#ifndef CORE_CONFIG_TABLE_H
#define CORE_CONFIG_TABLE_H

#include "core/buffer.h"
#include "core/config.h"

struct config_row;

enum { CONFIG_WORDS_MAX = 256 };

/* What is wrong with a value, in Redis's words. */
struct config_problem {
    char text[256];
};

enum config_flag {
    CONFIG_IMMUTABLE = 1 << 0, /* CONFIG SET must not change it */
    CONFIG_PROTECTED = 1 << 1, /* … unless enable-protected-configs allows it */
    CONFIG_SECRET = 1 << 2,    /* its value is not repeated in errors */
    CONFIG_ALWAYS = 1 << 3,    /* CONFIG REWRITE writes it even when it is the default */
    CONFIG_NAMELESS = 1 << 4,  /* a line of redis.conf that is no setting: no CONFIG GET, SET or REWRITE */
};

/* One kind of value. */
struct config_kind {
    bool many_words; /* the directive may take any number of words; CONFIG SET splits its one argument at spaces */
    /* fresh: replaces the value; else it is a further line of a file, which for some kinds adds to it.
     * problem NULL: the table's own default, which the bounds do not bind. */
    bool (*set)(struct config *config, const struct config_row *row, const struct str *words, int count, bool fresh,
                struct config_problem *problem);
    void (*print)(const struct config *config, const struct config_row *row, struct buffer *out);
    /* The lines of CONFIG REWRITE, each ended by '\n'; NULL: the name and what print says. */
    void (*write)(const struct config *config, const struct config_row *row, struct buffer *out);
};

extern const struct config_kind config_kind_yes_no, config_kind_integer, config_kind_memory, config_kind_octal,
    config_kind_choice, config_kind_choices, config_kind_bits, config_kind_text, config_kind_memory_or_percent,
    config_kind_directory; /* config_kind.c */
extern const struct config_kind config_kind_bind, config_kind_affinity, config_kind_save, config_kind_output_limits,
    config_kind_events, config_kind_percentiles, config_kind_oom_values, config_kind_replicaof,
    config_kind_refused;                            /* config_kind_list.c */
extern const struct config_kind config_kind_rename; /* config_rename.c */

struct config_row {
    const char *name, *alias;
    const struct config_kind *kind;
    const char *initial; /* the default, as CONFIG SET would give it */
    uint32_t flags;
    uint16_t offset, width; /* of the field in struct config; width 0: none, kept as text */
    int64_t lowest;
    uint64_t highest;
    int64_t (*adjust)(int64_t value);       /* what an accepted number becomes */
    const char *(*check)(const char *text); /* NULL, or what is wrong with the text */
    const char *const *choices;             /* ends with NULL; the field holds the index */
};

extern const struct config_row config_rows[]; /* ends with a NULL name */
int config_row_count(void);

/* By name or alias, in any case. NULL: there is none. *name: as the table spells it. */
const struct config_row *config_row_find(struct str text, const char **name);
/* The known name with the fewest typing errors away; NULL when none is near. */
const char *config_row_nearest(struct str text);

/* A value that is kept as text. */
struct config_kept {
    char *text; /* NULL: the default */
    bool given; /* in a file or among the options, whether or not the row has a field */
};

/* Numbers and texts to where the row says, and from there. */
void config_store_number(struct config *config, const struct config_row *row, int64_t value);
int64_t config_load_number(const struct config *config, const struct config_row *row);
void config_store_text(struct config *config, const struct config_row *row, struct str text);
const char *config_load_text(const struct config *config, const struct config_row *row);
/* Replaces an owned text. */
void config_replace(struct config *config, char **slot, struct str text);

/* Words at single spaces, as CONFIG SET parts its argument; CONFIG_WORDS_MAX + 1: there are more. */
int config_split(struct str text, struct str words[static CONFIG_WORDS_MAX]);
/* Checks the words and gives them to the row's kind. */
MUST_USE bool config_set_words(struct config *config, const struct config_row *row, const struct str *words, int count,
                               bool fresh, struct config_problem *problem);
/* A value as CONFIG SET gives it. */
MUST_USE bool config_set_value(struct config *config, const struct config_row *row, struct str value,
                               struct config_problem *problem);
void config_problem_set(struct config_problem *problem, const char *format, ...) PRINTF_LIKE(2, 3);

/* A word as redis.conf quotes it, and an amount of memory in its largest whole unit. */
void config_append_quoted(struct buffer *out, struct str word);
void config_append_memory(struct buffer *out, uint64_t bytes);

#endif
