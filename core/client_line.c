#include "core/client_line.h"

#include "core/assert.h"
#include "core/buffer.h"
#include "core/command.h"
#include "core/session.h"
#include "core/transaction.h"

enum { FLAGS_BYTES = 16 };

/* One letter for each thing that is so; "N" when nothing is. */
static const char *flags_of(const struct session *session, char text[static FLAGS_BYTES])
{
    char *end = text;

    if (session->monitoring)
        *end++ = 'O';
    if (subscriptions_total(&session->subscriptions) > 0)
        *end++ = 'P';
    if (session_is_queuing(session))
        *end++ = 'x';
    if (session->blocked)
        *end++ = 'b';
    if (session->tracking.on)
        *end++ = 't';
    if (session->tracking.redirect_broken)
        *end++ = 'R';
    if (session->tracking.options.broadcast)
        *end++ = 'B';
    if (session->transaction && watcher_is_touched(&session->transaction->watcher))
        *end++ = 'd';
    if (session->close_after_reply)
        *end++ = 'c';
    if (session->killed)
        *end++ = 'A';
    if (session->unix_socket)
        *end++ = 'U';
    if (session->no_evict)
        *end++ = 'e';
    if (session->no_touch)
        *end++ = 'T';
    if (end == text)
        *end++ = 'N';
    *end = '\0';
    return text;
}

/* A client's own text may be longer than a format can say. */
static void append_text(struct buffer *buffer, const char *label, const char *text)
{
    buffer_append_str(buffer, str_from(label));
    if (text)
        buffer_append_str(buffer, str_from(text));
}

static void append_identity(struct buffer *buffer, const struct session *session, int64_t now_ms)
{
    const struct transaction *transaction = session->transaction;
    const uint32_t *subscribed = session->subscriptions.counts;
    char flags[FLAGS_BYTES];

    buffer_append_format(buffer, "id=%llu addr=%s laddr=%s fd=%d", (unsigned long long)session->id, session->peer,
                         session->local, session->fd);
    append_text(buffer, " name=", session->name);
    buffer_append_format(buffer, " age=%lld idle=%lld flags=%s db=%d", (long long)(now_ms - session->created_ms) / 1000,
                         (long long)(now_ms - session->active_ms) / 1000, flags_of(session, flags), session->db);
    buffer_append_format(buffer, " sub=%u psub=%u ssub=%u multi=%d watch=%d", subscribed[CHANNEL_PLAIN],
                         subscribed[CHANNEL_PATTERN], subscribed[CHANNEL_SHARD],
                         session_is_queuing(session) ? transaction->count : -1,
                         transaction ? transaction->watched_count : 0);
}

/* Output waits in chunks, which Redis calls its list; there is no fixed reply
 * buffer besides, hence rbs, rbp and obl are 0. */
static void append_memory(struct buffer *buffer, const struct session *session)
{
    buffer_append_format(buffer, " qbuf=%zu qbuf-free=%zu argv-mem=%zu multi-mem=%zu rbs=0 rbp=0 obl=0",
                         session->query_buffer_bytes, session->query_free_bytes, session->arguments_bytes,
                         session->transaction ? session->transaction->bytes : 0);
    buffer_append_format(buffer, " oll=%zu omem=%zu tot-mem=%zu events=%s", session->output_chunks,
                         session->output_bytes, session->total_bytes, session->output_bytes > 0 ? "rw" : "r");
}

static void append_use(struct buffer *buffer, const struct session *session)
{
    char name[64];
    const char *command = session->last_command ? command_full_name(session->last_command, name) : "NULL";

    buffer_append_format(buffer, " cmd=%s user=default redir=%lld resp=%d", command,
                         (long long)client_tracking_redirect(&session->tracking), session->protocol);
    append_text(buffer, " lib-name=", session->library_name);
    append_text(buffer, " lib-ver=", session->library_version);
    buffer_append_str(buffer, STR("\n"));
}

void client_line_append(struct buffer *buffer, const struct session *session, int64_t now_ms)
{
    append_identity(buffer, session, now_ms);
    append_memory(buffer, session);
    append_use(buffer, session);
}

void client_line_log(enum log_level level, const char *what, const struct session *session, struct memory *memory,
                     int64_t now_ms)
{
    char storage[512];
    struct buffer line;

    buffer_init(&line, memory, storage, sizeof storage);
    client_line_append(&line, session, now_ms);
    struct str text = {line.bytes, line.length - 1}; /* the log ends its lines itself */
    log_write(level, "%s: %.*s", what, str_shown_length(text), text.bytes);
    buffer_deinit(&line);
}

uint64_t client_line_id(struct str line)
{
    uint64_t id = 0;

    ASSERT(line.length > 3 && memcmp(line.bytes, "id=", 3) == 0);
    for (size_t i = 3; i < line.length && line.bytes[i] != ' '; i++)
        id = id * 10 + (uint64_t)(line.bytes[i] - '0');
    return id;
}
