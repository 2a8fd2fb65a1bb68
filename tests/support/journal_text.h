/* Journals in tests: as text, and executed. */
#ifndef TESTS_SUPPORT_JOURNAL_TEXT_H
#define TESTS_SUPPORT_JOURNAL_TEXT_H

#include "core/buffer.h"

struct command_run;

/* Appends the records, with blanks between arguments and "|" between records. */
void journal_text(struct str records, struct buffer *text);
/* Executes them. The test fails where one is refused. */
void journal_execute(struct str records, struct command_run *run);

#endif
