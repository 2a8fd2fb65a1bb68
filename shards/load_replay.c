#include "shards/load_replay.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "core/assert.h"
#include "core/call.h"
#include "core/command.h"
#include "core/command_admit.h"
#include "core/log.h"
#include "core/memory.h"
#include "core/number.h"
#include "core/resp_write.h"
#include "shards/load_scan.h"
#include "shards/router.h"
#include "shards/shard.h"

enum { IN_FLIGHT_MOST = 4096 };

void load_replay_open(struct load_replay *replay, struct shard *shard, struct load_run *run, int index, uint64_t cut)
{
    *replay = (struct load_replay){.shard = shard, .run = run, .segment = &run->segments[index], .index = index};
    replay->cut = cut;
    replay->session =
        (struct session){.memory = &shard->core.memory, .protocol = 2, .authenticated = true, .no_touch = true};
    replay->origin = (struct origin){.peer = "loading", .publisher = PUBLISHER_UNKNOWN};
    load_stream_open(&replay->stream, shard, replay->segment);
    replay->counted_bytes = load_stream_sound(&replay->stream);
}

static void drop(struct load_replay *replay, struct load_requests *requests)
{
    for (struct request *request = requests->first, *next; request; request = next) {
        next = request->next;
        request_give_back(&replay->shard->requests, request);
    }
    *requests = (struct load_requests){.first = NULL};
}

void load_replay_close(struct load_replay *replay)
{
    ASSERT(replay->in_flight == 0);
    drop(replay, &replay->ready);
    drop(replay, &replay->unit);
    if (replay->in_group)
        aof_body_deinit(&replay->body);
    load_stream_close(&replay->stream);
}

static enum load_step fail(struct load_replay *replay, const char *what, struct str about)
{
    char problem[512];

    snprintf(problem, sizeof problem, "%s, byte %llu: %s%.*s", load_stream_file(&replay->stream)->path,
             (unsigned long long)(replay->in_group ? replay->group_at : load_stream_sound(&replay->stream)), what,
             str_quoted_length(about), about.length > 0 ? about.bytes : "");
    load_fail_wrong(replay->shard, problem);
    return LOAD_STEP_FAILED;
}

/* Requests. */

/* What is answered concerns nobody, but that all of it should be well. */
static void note_error(struct load_replay *replay, const struct request *request)
{
    struct str text = buffer_str(&request->reply.buffer);

    if (replay->errors++ == 0)
        snprintf(replay->first_error, sizeof replay->first_error, "%.*s: %.*s", str_shown_length(request->argv[0]),
                 request->argv[0].bytes, str_shown_length(text) - 3, text.bytes + 1);
}

static void answered(struct request *request)
{
    struct load_replay *replay = (struct load_replay *)((char *)request->origin - offsetof(struct load_replay, origin));
    const struct buffer *reply = &request->reply.buffer;

    if (reply->length > 0 && reply->bytes[0] == '-')
        note_error(replay, request);
    replay->in_flight--;
    request_give_back(&replay->shard->requests, request);
}

static void submit(struct load_replay *replay, struct request *request)
{
    const struct load_executor *executor = replay->executor;

    replay->in_flight++;
    if (!executor) {
        router_submit(replay->shard, request);
        return;
    }
    if (!executor->only_looks)
        call_replay(executor->call, request->command, request->argv, request->argc, request->db, &request->reply);
    answered(request);
}

static void push(struct load_requests *requests, struct request *request)
{
    request->next = NULL;
    if (requests->first)
        requests->last->next = request;
    else
        requests->first = request;
    requests->last = request;
}

/* It has to live beyond this turn. */
static void keep(struct load_replay *replay, struct load_requests *requests, struct request *request)
{
    request_own_arguments(&replay->shard->requests, request);
    push(requests, request);
}

static struct request *pop(struct load_requests *requests)
{
    struct request *request = requests->first;

    requests->first = request->next;
    return request;
}

static struct request *make(struct load_replay *replay, const struct command *command, const struct aof_unit *unit)
{
    struct request *request = shard_take_request(replay->shard, unit->argc, &replay->session);

    memcpy(request->argv, unit->argv, (size_t)unit->argc * sizeof(struct str));
    request->command = command;
    request->origin = &replay->origin;
    request->done = answered;
    return request;
}

/* Waiting for other segments. */

static bool concerns_all(const struct command *command)
{
    return command->keys[0].begin == KEY_BEGIN_NONE &&
           (command->route == ROUTE_SCATTER || command->route == ROUTE_GATHER);
}

static bool is_barrier(const struct load_replay *replay, const struct request *request)
{
    return replay->run->count > 1 && !replay->in_tail && concerns_all(request->command);
}

static uint64_t reached_by(const struct load_replay *replay, int segment)
{
    return atomic_load_explicit(&replay->run->segments[segment].reached, memory_order_acquire);
}

static void reach(struct load_replay *replay, uint64_t reached)
{
    atomic_store_explicit(&replay->segment->reached, reached, memory_order_release);
}

/* All are there, and of those that wait this is the first. */
static bool is_to_execute(const struct load_replay *replay)
{
    for (int i = 0; i < replay->run->count; i++) {
        uint64_t reached = reached_by(replay, i);

        if (reached < replay->reached || (i < replay->index && reached == replay->reached))
            return false;
    }
    return true;
}

static void go_on_behind(struct load_replay *replay)
{
    replay->has_reached = replay->executes = false;
}

static enum load_step meet_all(struct load_replay *replay)
{
    _Atomic(uint64_t) *passed = &replay->run->passed;

    if (replay->in_flight > 0)
        return LOAD_STEP_WAIT;
    if (replay->executes) { /* and it has been */
        atomic_store_explicit(passed, replay->reached, memory_order_release);
        go_on_behind(replay);
        return LOAD_STEP_NEXT;
    }
    if (!replay->has_reached)
        reach(replay, ++replay->reached);
    replay->has_reached = true;
    if (atomic_load_explicit(passed, memory_order_acquire) >= replay->reached) { /* another one has */
        request_give_back(&replay->shard->requests, pop(&replay->ready));
        go_on_behind(replay);
        return LOAD_STEP_NEXT;
    }
    if (!is_to_execute(replay))
        return LOAD_STEP_WAIT;
    replay->executes = true;
    submit(replay, pop(&replay->ready));
    return LOAD_STEP_WAIT;
}

/* Behind its groups redis-server has gone on, which had loaded all segments before. */
static enum load_step enter_tail(struct load_replay *replay)
{
    if (replay->in_flight > 0 || replay->ready.first)
        return LOAD_STEP_WAIT;
    reach(replay, LOAD_REACHED_TAIL);
    for (int i = 0; i < replay->run->count; i++) {
        uint64_t reached = i == replay->index ? LOAD_REACHED_END : reached_by(replay, i);

        if (reached != LOAD_REACHED_END && !(reached == LOAD_REACHED_TAIL && i > replay->index))
            return LOAD_STEP_WAIT;
    }
    replay->in_tail = true;
    return LOAD_STEP_NEXT;
}

static bool is_before_tail(const struct load_replay *replay)
{
    struct str rest = file_window_rest(&replay->stream.reader.window);

    return replay->run->count > 1 && !replay->in_tail && !replay->in_group && rest.length > 0 && rest.bytes[0] == '*';
}

/* Of what is ready; false: nothing is. */
static bool submit_ready(struct load_replay *replay, enum load_step *step)
{
    if (!replay->ready.first && !replay->executes)
        return false;
    if (replay->executes || is_barrier(replay, replay->ready.first)) {
        *step = meet_all(replay);
    } else if (replay->in_flight >= IN_FLIGHT_MOST) {
        *step = LOAD_STEP_WAIT;
    } else {
        submit(replay, pop(&replay->ready));
        *step = LOAD_STEP_NEXT;
    }
    return true;
}

/* Records. */

static enum load_step select_database(struct load_replay *replay, const struct aof_unit *unit)
{
    int64_t db;

    if (unit->argc != 2 || !number_parse_integer(unit->argv[1], &db) || db < 0 ||
        db >= replay->shard->core.config.databases)
        return fail(replay, "there are not as many databases: ", unit->argc > 1 ? unit->argv[1] : STR(""));
    replay->session.db = (int)db;
    return LOAD_STEP_NEXT;
}

static enum load_step begin_unit(struct load_replay *replay, const struct aof_unit *unit)
{
    if (replay->in_unit)
        return fail(replay, "MULTI within MULTI", STR(""));
    replay->in_unit = true;
    replay->unit_at = unit->offset;
    replay->unit_file = replay->stream.file;
    return LOAD_STEP_NEXT;
}

static enum load_step end_unit(struct load_replay *replay)
{
    if (!replay->in_unit)
        return fail(replay, "EXEC without MULTI", STR(""));
    replay->in_unit = false;
    while (replay->unit.first)
        push(&replay->ready, pop(&replay->unit));
    return LOAD_STEP_NEXT;
}

/* What does not write is not needed, and may do what a file should not. PFCOUNT notes in the value what it counted. */
static bool is_executed(const struct command *command)
{
    bool may_note = command->flags & CMD_MAY_REPLICATE && command->flags & CMD_READONLY;

    return command->flags & CMD_WRITE || command->route == ROUTE_SCRIPT || may_note;
}

static void pass_over(struct load_replay *replay, const struct aof_unit *unit)
{
    if (replay->passed_over++ == 0)
        snprintf(replay->first_passed, sizeof replay->first_passed, "%.*s", str_shown_length(unit->argv[0]),
                 unit->argv[0].bytes);
}

static enum load_step take_write(struct load_replay *replay, const struct command *command, const struct aof_unit *unit)
{
    struct request *request = make(replay, command, unit);

    if (!command_arity_fits(command, unit->argc) || !command_values_complete(command, unit->argc)) {
        command_refuse_arity(command, &request->reply);
        note_error(replay, request);
        request_give_back(&replay->shard->requests, request);
    } else if (replay->in_unit) {
        keep(replay, &replay->unit, request);
    } else if (replay->ready.first || is_barrier(replay, request) || replay->in_flight >= IN_FLIGHT_MOST) {
        keep(replay, &replay->ready, request);
    } else {
        submit(replay, request);
    }
    return LOAD_STEP_NEXT;
}

static enum load_step take_command(struct load_replay *replay, const struct aof_unit *unit)
{
    const struct command *container, *command;

    if (str_equal_nocase(unit->argv[0], "select"))
        return select_database(replay, unit);
    if (str_equal_nocase(unit->argv[0], "multi"))
        return begin_unit(replay, unit);
    if (str_equal_nocase(unit->argv[0], "exec"))
        return end_unit(replay);
    command = command_find(unit->argv, unit->argc, &container);
    if (!command || container)
        return fail(replay, "unknown command ", unit->argv[0]);
    if (is_executed(command))
        return take_write(replay, command, unit);
    pass_over(replay, unit);
    return LOAD_STEP_NEXT;
}

/* The cut. */

static void keep_survivors(struct load_replay *replay, size_t from, size_t to)
{
    struct buffer *survivors = &replay->segment->survivors;
    char digits[16];

    buffer_init(survivors, &replay->shard->core.memory, NULL, 0);
    if (from == to)
        return;
    if (replay->group_db > 0) {
        int length = snprintf(digits, sizeof digits, "%d", replay->group_db);

        buffer_append_format(survivors, "*2\r\n$6\r\nSELECT\r\n$%d\r\n%s\r\n", length, digits);
    }
    buffer_append_str(survivors, (struct str){replay->group_body.bytes + from, to - from});
    replay->segment->survivors_stamp = replay->last_stamp;
}

/* At this place in the group's body. */
static void begin_cut(struct load_replay *replay, size_t at)
{
    replay->is_cut = true;
    replay->segment->end_file = replay->stream.file;
    replay->segment->end = replay->group_at;
    keep_survivors(replay, replay->records_at, at);
}

/* Groups. */

static void raise(uint64_t *highest, uint64_t stamp)
{
    if (stamp > *highest)
        *highest = stamp;
}

static void begin_group(struct load_replay *replay, const struct aof_unit *group)
{
    replay->in_group = true;
    replay->group_at = group->offset;
    replay->group_body = group->body;
    replay->group_db = replay->session.db;
    replay->stamp = replay->group_stamp = group->stamp;
    replay->records_at = 0;
    raise(&replay->segment->highest_stamp, group->stamp);
    aof_body_init(&replay->body, &replay->shard->core.memory, group->body);
}

static enum load_step take_annotation(struct load_replay *replay, const struct aof_unit *unit)
{
    if (!str_equal(unit->name, STR("STAMP"))) {
        if (str_equal(unit->name, STR("KNOWN")) || str_equal(unit->name, STR("LAST")))
            replay->records_at = (size_t)replay->body.offset;
        return LOAD_STEP_NEXT;
    }
    if (!aof_stamp_parse(unit->text, &replay->stamp))
        return fail(replay, "a stamp is malformed: ", unit->text);
    if (!replay->is_cut && replay->stamp > replay->cut)
        begin_cut(replay, (size_t)unit->offset);
    return LOAD_STEP_NEXT;
}

static enum load_step take_grouped(struct load_replay *replay, const struct aof_unit *unit)
{
    if (unit->kind == AOF_UNIT_ANNOTATION)
        return take_annotation(replay, unit);
    if (!replay->is_cut && replay->stamp > replay->cut)
        begin_cut(replay, (size_t)unit->offset);
    if (replay->is_cut) {
        replay->segment->cut_commands++;
        return LOAD_STEP_NEXT;
    }
    replay->last_stamp = replay->stamp;
    return take_command(replay, unit);
}

static enum load_step step_in_group(struct load_replay *replay)
{
    struct aof_unit unit;

    switch (aof_body_next(&replay->body, &unit)) {
    case AOF_NEXT:
        return take_grouped(replay, &unit);
    case AOF_END:
        if (replay->in_unit)
            return fail(replay, "a group ends within MULTI", STR(""));
        aof_body_deinit(&replay->body);
        replay->in_group = false;
        return LOAD_STEP_NEXT;
    default:
        return fail(replay, "what the group holds is malformed", STR(""));
    }
}

/* The end. */

static void tell_oddities(const struct load_replay *replay)
{
    const char *path = replay->segment->files[0].path;

    if (replay->errors > 0)
        log_write(LOG_WARNING, "%s: %llu commands were answered with an error, the first: %s", path,
                  (unsigned long long)replay->errors, replay->first_error);
    if (replay->passed_over > 0)
        log_write(LOG_WARNING, "%s: %llu commands that do not write were not executed, the first: %s", path,
                  (unsigned long long)replay->passed_over, replay->first_passed);
}

/* Of an unfinished transaction nothing has been submitted. */
static bool revert_unit(struct load_replay *replay)
{
    const struct load_file *file = &replay->segment->files[replay->unit_file];
    char problem[400];

    snprintf(problem, sizeof problem, "%s, byte %llu: the file ends within the MULTI that begins here", file->path,
             (unsigned long long)replay->unit_at);
    drop(replay, &replay->unit);
    replay->segment->end_file = replay->unit_file;
    replay->segment->end = replay->unit_at;
    return load_torn_is_fine(replay->shard, replay->run, file, replay->unit_at, problem);
}

/* All has been read up to there, and is on its way. */
static enum load_step end(struct load_replay *replay)
{
    if (replay->in_flight > 0)
        return LOAD_STEP_WAIT;
    if (!replay->is_cut) {
        replay->segment->end_file = replay->stream.file;
        replay->segment->end = load_stream_sound(&replay->stream);
    }
    if (replay->in_unit && !revert_unit(replay))
        return LOAD_STEP_FAILED;
    if (!replay->executor || !replay->executor->only_looks)
        tell_oddities(replay);
    reach(replay, LOAD_REACHED_END);
    replay->has_ended = true;
    return LOAD_STEP_END;
}

static enum load_step end_torn(struct load_replay *replay)
{
    uint64_t sound = load_stream_sound(&replay->stream);

    if (replay->in_flight > 0)
        return LOAD_STEP_WAIT;
    if (!replay->in_unit && !load_torn_is_fine(replay->shard, replay->run, load_stream_file(&replay->stream), sound,
                                               load_stream_problem(&replay->stream)))
        return LOAD_STEP_FAILED;
    return end(replay);
}

/* Steps. */

static enum load_step take(struct load_replay *replay, const struct aof_unit *unit)
{
    if (unit->kind == AOF_UNIT_GROUP) {
        if (replay->in_unit)
            return fail(replay, "a group begins within MULTI", STR(""));
        begin_group(replay, unit);
        return LOAD_STEP_NEXT;
    }
    return unit->kind == AOF_UNIT_COMMAND ? take_command(replay, unit) : LOAD_STEP_NEXT;
}

static enum load_step step_in_file(struct load_replay *replay)
{
    struct aof_unit unit;

    if (is_before_tail(replay)) {
        enum load_step step = enter_tail(replay);

        if (step != LOAD_STEP_NEXT)
            return step;
    }
    switch (load_stream_next(&replay->stream, &unit)) {
    case LOAD_STREAM_UNIT:
        return take(replay, &unit);
    case LOAD_STREAM_HUNGRY:
        replay->is_hungry = true;
        return LOAD_STEP_TURN;
    case LOAD_STREAM_END:
        return end(replay);
    case LOAD_STREAM_TORN:
        return end_torn(replay);
    default:
        load_fail_wrong(replay->shard, load_stream_problem(&replay->stream));
        return LOAD_STEP_FAILED;
    }
}

enum load_step load_replay_step(struct load_replay *replay)
{
    enum load_step step;

    if (replay->has_ended)
        return LOAD_STEP_END;
    if (replay->is_hungry)
        return LOAD_STEP_TURN;
    if (submit_ready(replay, &step))
        return step;
    if (replay->in_flight >= IN_FLIGHT_MOST)
        return LOAD_STEP_WAIT;
    return replay->in_group ? step_in_group(replay) : step_in_file(replay);
}

static void count(struct load_replay *replay)
{
    uint64_t sound = load_stream_sound(&replay->stream);

    load_progress_add(&replay->shard->group->loading->progress.loaded_bytes, sound - replay->counted_bytes);
    replay->counted_bytes = sound;
}

bool load_replay_turn(struct load_replay *replay)
{
    int file = replay->stream.file;

    if (replay->has_ended || !replay->is_hungry)
        return true;
    count(replay);
    replay->is_hungry = false;
    if (!load_stream_fill(&replay->stream))
        return false;
    if (replay->stream.file != file)
        replay->counted_bytes = load_stream_sound(&replay->stream);
    return true;
}
