/* A line split into words, by the quoting rules that inline commands and
 * redis.conf share: blanks between words; "..." with \n \r \t \b \a \xHH and \
 * before any other byte; '...' with \' only; a quote may open inside a word,
 * and after a closing one a blank or the end has to follow. Any thread. */
#ifndef CORE_WORDS_H
#define CORE_WORDS_H

#include "core/str.h"

struct words {
    const char *at, *end; /* of the line */
    char *out;            /* where unquoted bytes go: needs room for the line, and no more */
};

enum words_status { WORDS_NEXT, WORDS_END, WORDS_UNBALANCED };

/* WORDS_NEXT: *word is the next one, borrowed from `out`'s storage. */
enum words_status words_next(struct words *words, struct str *word);

#endif
