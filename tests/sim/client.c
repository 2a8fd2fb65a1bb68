#include "tests/sim/client.h"

#include <limits.h>
#include <stdlib.h>

#include "core/assert.h"

enum { ENDS = sizeof((struct client *)0)->ends / sizeof(int) };

static struct client *client_of(struct actor *actor)
{
    return (struct client *)((char *)actor - offsetof(struct client, actor));
}

/* The plan as it stands. */

static int total(const struct client *client)
{
    return client->history->operation_counts[client->index];
}

static struct operation *operation_at(const struct client *client, int at)
{
    return &client->history->operations[client->index][at];
}

static bool has_left(const struct client *client)
{
    return client->wire.client_closed || client->wire.server_closed;
}

static bool may_write(const struct client *client)
{
    return !has_left(client) && client->written < total(client) &&
           client->written - client->answered < client->window &&
           operation_at(client, client->written)->stage <= client->history->stage;
}

static bool may_send(const struct client *client)
{
    return !has_left(client) && client->to_send.length > 0;
}

bool client_is_done(const struct client *client)
{
    return has_left(client) || (client->answered == total(client) && client->greetings == 0);
}

/* In the plan's stage, or when its time has come. */
static bool may_leave(const struct client *client)
{
    int stage = client->history->leave_stages[client->index];

    return !client->wire.client_closed &&
           (client->actor.deadline_us <= client->scheduler->now_us || (stage > 0 && stage <= client->history->stage));
}

static bool ready(struct actor *actor)
{
    const struct client *client = client_of(actor);

    return may_write(client) || may_send(client) || may_leave(client) || wire_readable(&client->wire);
}

/* Writing. */

/* Encodes the next few operations behind what is still to be sent. */
static void write_batch(struct client *client)
{
    int room = client->window - (client->written - client->answered);
    int count = dice_between(&client->scheduler->dice, 1, room);

    while (count-- > 0 && may_write(client)) {
        operation_encode(client->history, operation_at(client, client->written), &client->to_send);
        client->ends[client->written++ % ENDS] = (int)client->to_send.length;
    }
}

static void note_sent(struct client *client, int bytes)
{
    for (int at = client->sent; at < client->written; at++)
        client->ends[at % ENDS] -= bytes;
    while (client->sent < client->written && client->ends[client->sent % ENDS] <= 0) {
        struct operation *operation = operation_at(client, client->sent++);

        operation->invoked = client->scheduler->decisions;
        operation->invoked_ms = client->scheduler->now_us / 1000;
    }
}

static void send_piece(struct client *client)
{
    struct dice *dice = &client->scheduler->dice;
    size_t length = client->to_send.length;

    if (!dice_one_in(dice, 2))
        length = 1 + dice_below(dice, (uint32_t)length);
    wire_write(&client->wire, (struct str){client->to_send.bytes, length});
    buffer_consume(&client->to_send, length);
    note_sent(client, (int)length);
    if (client->sent >= client->leaves_after && client->actor.deadline_us == INT64_MAX)
        client->actor.deadline_us = client->scheduler->now_us + dice_below(dice, client->lingers_us + 1);
}

static void leave(struct client *client)
{
    client->actor.deadline_us = INT64_MAX;
    wire_close(&client->wire);
}

/* Reading. */

/* Bytes of the line at `from` with its end, 0: not all there. */
static size_t line_length(struct str bytes, size_t from)
{
    const char *end = memchr(bytes.bytes + from, '\n', bytes.length - from);

    return end ? (size_t)(end - bytes.bytes) + 1 - from : 0;
}

/* Bytes of the reply that begins at `from`, 0: not all there; SIZE_MAX: this is none. */
static size_t reply_length(struct str bytes, size_t from)
{
    size_t line = line_length(bytes, from);
    long count;

    if (line == 0)
        return 0;
    switch (bytes.bytes[from]) {
    case '+':
    case '-':
    case ':':
    case '_':
        return line;
    case '$':
        count = strtol(bytes.bytes + from + 1, NULL, 10);
        if (count >= 0)
            line += (size_t)count + 2;
        return from + line <= bytes.length ? line : 0;
    case '*':
    case '>':
    case '%':
        count = strtol(bytes.bytes + from + 1, NULL, 10);
        for (count *= bytes.bytes[from] == '%' ? 2 : 1; count > 0; count--) {
            size_t element = from + line < bytes.length ? reply_length(bytes, from + line) : 0;

            if (element == 0 || element == SIZE_MAX)
                return element;
            line += element;
        }
        return line;
    default:
        return SIZE_MAX;
    }
}

/* ">3 $7 message $2 c0 $4 2.17", each with its line break: who published it, and which of his operations it was. */
static bool take_message(struct client *client, struct str reply)
{
    static const char begin[] = ">3\r\n$7\r\nmessage\r\n$2\r\nc0\r\n$";
    struct heard heard = {.listener = client->index, .after = client->answered, .at = client->scheduler->decisions};
    const char *text;
    char *point;

    if (reply.length < sizeof begin || memcmp(reply.bytes, begin, 17) != 0)
        return false;
    text = memchr(reply.bytes + sizeof begin, '\n', reply.length - sizeof begin);
    ASSERT(text);
    heard.publisher = (int)strtol(text + 1, &point, 10);
    heard.number = (int)strtol(point + 1, NULL, 10);
    history_add_heard(client->history, heard);
    return true;
}

static void take_reply(struct client *client, struct str reply)
{
    struct operation *operation;

    if (take_message(client, reply))
        return;
    if (str_equal(reply, STR("_\r\n"))) /* the model speaks RESP2 */
        reply = STR("$-1\r\n");

    if (client->greetings > 0) {
        client->greetings--;
        return;
    }
    if (client->answered == client->sent) {
        scheduler_fail(client->scheduler, "client %d got an answer to nothing: %.*s", client->index, (int)reply.length,
                       reply.bytes);
        return;
    }
    operation = operation_at(client, client->answered++);
    operation->responded = client->scheduler->decisions;
    operation->responded_ms = client->scheduler->now_us / 1000;
    operation->reply = texts_add(&client->history->texts, reply);
}

/* Bytes of the next operation's replies, one after the other, 0: not all there; SIZE_MAX: these are none. */
static size_t answer_length(const struct client *client)
{
    bool greeted = client->greetings == 0 && client->answered < client->written;
    int count = greeted ? operation_reply_count(operation_at(client, client->answered)) : 1;
    size_t length = 0;

    while (count-- > 0) {
        size_t reply = length < client->received.length ? reply_length(buffer_str(&client->received), length) : 0;

        if (reply == 0 || reply == SIZE_MAX)
            return reply;
        length += reply;
    }
    return length;
}

static void read_piece(struct client *client)
{
    struct dice *dice = &client->scheduler->dice;
    size_t most = dice_one_in(dice, 3) ? 1 + dice_below(dice, 20) : SIZE_MAX;
    size_t length;

    buffer_append_str(&client->received, wire_read(&client->wire, most));
    while (client->received.length > 0 && (length = answer_length(client)) > 0) {
        if (length == SIZE_MAX) {
            scheduler_fail(client->scheduler, "client %d got bytes that are no reply: %.*s", client->index,
                           (int)client->received.length, client->received.bytes);
            return;
        }
        take_reply(client, (struct str){client->received.bytes, length});
        buffer_consume(&client->received, length);
    }
}

static void act(struct actor *actor)
{
    struct client *client = client_of(actor);
    void (*choices[4])(struct client *);
    uint32_t count = 0;

    if (may_write(client))
        choices[count++] = write_batch;
    if (may_send(client))
        choices[count++] = send_piece;
    if (wire_readable(&client->wire))
        choices[count++] = read_piece;
    if (may_leave(client))
        choices[count++] = leave;
    choices[dice_below(&client->scheduler->dice, count)](client);
}

void client_init(struct client *client, struct scheduler *scheduler, struct sim_loop *loop, struct history *history,
                 int index, int db)
{
    *client = (struct client){
        .actor = {.ready = ready, .act = act},
        .scheduler = scheduler,
        .history = history,
        .index = index,
        .window = 1,
        .leaves_after = INT_MAX,
    };
    wire_init(&client->wire, loop, WIRE_FIRST_FD + index);
    buffer_init(&client->to_send, loop->loop.memory, NULL, 0);
    buffer_init(&client->received, loop->loop.memory, NULL, 0);
    if (history->in_channels) {
        buffer_append_format(&client->to_send, "HELLO 3\r\n");
        client->greetings++;
    }
    if (db > 0) {
        buffer_append_format(&client->to_send, "SELECT %d\r\n", db);
        client->greetings++;
    }
    scheduler_add(scheduler, &client->actor);
}

void client_deinit(struct client *client)
{
    wire_deinit(&client->wire);
    buffer_deinit(&client->to_send);
    buffer_deinit(&client->received);
}
