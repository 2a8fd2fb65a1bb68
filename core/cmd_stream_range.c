/* XRANGE and XREVRANGE. */
#include "core/handlers.h"

#include "core/args.h"
#include "core/call.h"
#include "core/stream_args.h"

/* *count: -1 where none is named. */
static bool parse_count(struct call *call, int64_t *count)
{
    *count = -1;
    for (int i = 4; i < call->argc; i += 2) {
        if (i + 1 == call->argc || !arg_is(call->argv[i], "count")) {
            args_syntax_error(call->reply);
            return false;
        }
        if (!args_integer(call->reply, call->argv[i + 1], count))
            return false;
        if (*count < 0)
            *count = 0;
    }
    return true;
}

static void reply_range(struct call *call, bool reverse)
{
    struct str first_text = call->argv[2 + reverse], last_text = call->argv[3 - reverse];
    struct stream_id first, last;
    struct stream *stream;
    int64_t count;

    if (!stream_args_range_first(call->reply, first_text, &first) ||
        !stream_args_range_last(call->reply, last_text, &last) || !parse_count(call, &count) ||
        !stream_find_read(call, 1, &stream))
        return;
    if (stream == NULL) {
        reply_array(call->reply, 0);
        return;
    }
    if (count == 0) {
        reply_null_array(call->reply);
        return;
    }
    struct stream_range range = stream_range(stream, first, last, reverse);
    reply_stream_range(call->reply, &range, count < 0 ? 0 : (uint64_t)count);
}

void cmd_xrange(struct call *call)
{
    reply_range(call, false);
}

void cmd_xrevrange(struct call *call)
{
    reply_range(call, true);
}
