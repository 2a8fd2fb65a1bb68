/* What the handlers of lists share: for the files cmd_list*.c. */
#ifndef CORE_CMD_LIST_H
#define CORE_CMD_LIST_H

#include "core/list_value.h"
#include "core/str.h"

struct call;

/* The list at a key, which is going to change. False: it holds another type, and
 * that has been answered. True with list->entry NULL: there is no such key. */
MUST_USE bool list_find(struct call *call, struct str name, struct list *list);
/* The same where it is made when absent, with room for these texts. */
MUST_USE bool list_find_or_create(struct call *call, struct str name, const struct str *texts, size_t count,
                                  struct list *list);
/* `count` elements have gone, by what the event says: each is a change, an empty list goes, a small one becomes a
 * listpack. */
void list_removed(struct call *call, struct str name, const struct list *list, const char *event, size_t count);

/* A range as clients name it: both ends included, negative ones from the end of the list. */
struct list_range {
    size_t first, count;
};
struct list_range list_range_of(int64_t start, int64_t stop, size_t length);

/* LEFT or RIGHT. False: neither, and that has been answered. */
MUST_USE bool list_parse_end(struct call *call, struct str word, enum deque_end *end);

#endif
