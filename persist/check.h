/* What shoal-check says and has found, and how it goes about it. */
#ifndef PERSIST_CHECK_H
#define PERSIST_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "core/buffer.h"
#include "core/config.h"
#include "core/memory.h"

struct check {
    bool is_quiet, repairs, assents; /* assents: nobody is asked */
    int64_t until_s;                 /* what groups say is later is not wanted; INT64_MAX: all is */
    bool has_failed;                 /* something could not be read, or written */
    struct memory memory;
    struct config config;
    bool has_mended;
    int problems;        /* that are left */
    int problems_before; /* and that there were when the file began */
    struct {
        bool is_shown, is_there; /* there: on the terminal's last line */
        int64_t next_ms;
    } progress;
};

void check_init(struct check *check);
void check_deinit(struct check *check);

/* Each writes one line. A problem counts; of a file only the first are told one by one. */
void check_begin_file(struct check *check);
void check_problem(struct check *check, const char *format, ...) PRINTF_LIKE(2, 3);
void check_end_file(struct check *check);
static inline bool check_file_is_sound(const struct check *check)
{
    return check->problems == check->problems_before;
}
/* What is good to know. */
void check_note(struct check *check, const char *format, ...) PRINTF_LIKE(2, 3);
/* What could not be done, for the reason that errno is. */
void check_failure(struct check *check, const char *what);

/* How much of the file has been read, now and then, if somebody watches. */
void check_show_progress(struct check *check, const char *name, uint64_t bytes, uint64_t of);
void check_hide_progress(struct check *check);

/* Whether the one who is asked, or has said so beforehand, wants it. */
MUST_USE bool check_confirm(struct check *check, const char *format, ...) PRINTF_LIKE(2, 3);

static inline const char *check_plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

#endif
