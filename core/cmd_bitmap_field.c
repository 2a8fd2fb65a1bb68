/* BITFIELD: a string as an array of integers of any width. All of it is parsed before anything is done. */
#include "core/handlers.h"

#include "core/args.h"
#include "core/bitmap_value.h"
#include "core/call.h"
#include "core/change.h"
#include "core/effects.h"
#include "core/number.h"

enum field_action { FIELD_GET, FIELD_SET, FIELD_INCREMENT };
enum field_overflow { FIELD_WRAP, FIELD_SATURATE, FIELD_FAIL };

struct field {
    bool is_signed;
    unsigned width;
    uint64_t offset;
};

struct field_step {
    enum field_action action;
    enum field_overflow overflow;
    struct field field;
    int64_t operand;
};

struct field_program {
    struct field_step *steps;
    size_t count;
    bool writes;
    uint64_t last_bit; /* of all fields that are written */
};

/* --- Parsing --- */

/* "i5" to "i64", "u1" to "u63". False: answered. */
static bool parse_type(struct call *call, struct str text, struct field *field)
{
    struct str digits = {text.bytes + 1, text.length - 1};
    int64_t width;

    field->is_signed = text.length > 0 && text.bytes[0] == 'i';
    bool known = field->is_signed || (text.length > 0 && text.bytes[0] == 'u');
    if (!known || !number_parse_integer(digits, &width) || width < 1 || width > 63 + field->is_signed) {
        reply_error(call->reply, "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported "
                                 "but i64 is.");
        return false;
    }
    field->width = (unsigned)width;
    return true;
}

static bool parse_overflow(struct call *call, struct str text, enum field_overflow *overflow)
{
    if (arg_is(text, "wrap"))
        *overflow = FIELD_WRAP;
    else if (arg_is(text, "sat"))
        *overflow = FIELD_SATURATE;
    else if (arg_is(text, "fail"))
        *overflow = FIELD_FAIL;
    else {
        reply_error(call->reply, "ERR Invalid OVERFLOW type specified");
        return false;
    }
    return true;
}

/* How many arguments follow the word; 0: it is none. */
static int parse_action(struct str word, enum field_action *action)
{
    if (arg_is(word, "get"))
        *action = FIELD_GET;
    else if (arg_is(word, "set"))
        *action = FIELD_SET;
    else if (arg_is(word, "incrby"))
        *action = FIELD_INCREMENT;
    else
        return 0;
    return *action == FIELD_GET ? 2 : 3;
}

/* The step at argv[at]. False: answered. */
static bool parse_step(struct call *call, int at, struct field_step *step)
{
    return parse_type(call, call->argv[at + 1], &step->field) &&
           args_bit_offset(call, call->argv[at + 2], step->field.width, &step->field.offset) &&
           (step->action == FIELD_GET || args_integer(call->reply, call->argv[at + 3], &step->operand));
}

static void add_step(struct field_program *program, const struct field_step *step)
{
    uint64_t last_bit = step->field.offset + step->field.width - 1;

    program->steps[program->count++] = *step;
    if (step->action == FIELD_GET)
        return;
    program->writes = true;
    if (last_bit > program->last_bit)
        program->last_bit = last_bit;
}

/* program->steps has room for as many steps as arguments allow. False: answered. */
static bool parse_program(struct call *call, struct field_program *program)
{
    enum field_overflow overflow = FIELD_WRAP;

    for (int at = 2, arguments; at < call->argc; at += 1 + arguments) {
        struct field_step step = {.overflow = overflow};

        if (arg_is(call->argv[at], "overflow") && at + 1 < call->argc) {
            if (!parse_overflow(call, call->argv[at + 1], &overflow))
                return false;
            arguments = 1;
            continue;
        }
        arguments = parse_action(call->argv[at], &step.action);
        if (arguments == 0 || at + arguments >= call->argc) {
            args_syntax_error(call->reply);
            return false;
        }
        if (!parse_step(call, at, &step))
            return false;
        add_step(program, &step);
    }
    return true;
}

/* --- Arithmetic, in more bits than any result needs --- */

static int64_t extended(uint64_t bits, const struct field *field)
{
    unsigned unused = 64 - field->width;

    return field->is_signed ? (int64_t)(bits << unused) >> unused : (int64_t)bits;
}

static int64_t bounded(__int128 exact, __int128 lowest, __int128 highest)
{
    return (int64_t)(exact < lowest ? lowest : exact > highest ? highest : exact);
}

/* Redis takes what is SET for too high where the distance up to the highest is beyond 64 bits, as from far below. */
static bool seems_too_high(const struct field_step *step, __int128 exact, __int128 highest)
{
    return step->action != FIELD_INCREMENT && step->field.width < 64 && highest - exact > INT64_MAX;
}

/* What the field is to hold. False: it would overflow, and is to stay. An unsigned one takes SET's operand as unsigned.
 */
static bool result_of(const struct field_step *step, int64_t old, int64_t *result)
{
    const struct field *field = &step->field;
    __int128 highest = ((__int128)1 << (field->width - field->is_signed)) - 1;
    __int128 lowest = field->is_signed ? -highest - 1 : 0, exact;

    if (step->action == FIELD_INCREMENT)
        exact = (__int128)old + step->operand;
    else
        exact = field->is_signed ? (__int128)step->operand : (__int128)(uint64_t)step->operand;
    *result = seems_too_high(step, exact, highest) ? (int64_t)highest : bounded(exact, lowest, highest);
    if (*result == exact || step->overflow == FIELD_SATURATE)
        return true;
    uint64_t mask = field->width == 64 ? UINT64_MAX : (UINT64_C(1) << field->width) - 1;
    *result = extended((uint64_t)exact & mask, field);
    return step->overflow == FIELD_WRAP;
}

/* --- Running --- */

static int64_t read_field(const struct bitmap *bitmap, const struct field *field)
{
    return extended(bitmap_read(bitmap, field->offset, field->width), field);
}

enum step_outcome { STEP_READ, STEP_REFUSED, STEP_IN_VAIN, STEP_CHANGED };

static enum step_outcome run_step(struct reply *reply, const struct bitmap *bitmap, const struct field_step *step)
{
    int64_t old = read_field(bitmap, &step->field), result;

    if (step->action == FIELD_GET) {
        reply_integer(reply, old);
        return STEP_READ;
    }
    if (!result_of(step, old, &result)) {
        reply_null(reply);
        return STEP_REFUSED;
    }
    reply_integer(reply, step->action == FIELD_SET ? old : result);
    if (result != old)
        bitmap_write(bitmap, step->field.offset, step->field.width, (uint64_t)result);
    return result != old ? STEP_CHANGED : STEP_IN_VAIN;
}

/* outcomes: how many steps ended in which way. */
static void run_steps(struct reply *reply, const struct bitmap *bitmap, const struct field_program *program,
                      size_t outcomes[static STEP_CHANGED + 1])
{
    reply_array(reply, (int64_t)program->count);
    for (size_t i = 0; i < program->count; i++)
        outcomes[run_step(reply, bitmap, &program->steps[i])]++;
}

static void read_program(struct call *call, const struct field_program *program)
{
    size_t outcomes[STEP_CHANGED + 1] = {0};
    struct entry *entry;
    char digits[32];

    if (!call_find_bits_read(call, call->argv[1], &entry))
        return;
    struct bitmap bitmap = bitmap_of(entry, digits);
    run_steps(call->reply, &bitmap, program, outcomes);
}

/* The string grows up to the last bit, even where nothing comes to be written there; where every step was refused,
 * Redis does not tell of that; here the journal has it. */
static void write_program(struct call *call, const struct field_program *program)
{
    struct str name = call->argv[1];
    struct keyspace *keyspace = call_keyspace(call, name);
    size_t outcomes[STEP_CHANGED + 1] = {0};
    struct bitmap bitmap;
    struct entry *entry;

    if (!call_find_bits_write(call, name, &entry))
        return;
    size_t length = entry ? entry_string_length(entry) : 0;
    entry = bitmap_open(keyspace, call->db, call_key(call, name), entry, program->last_bit / 8 + 1, &bitmap);
    run_steps(call->reply, &bitmap, program, outcomes);
    bool grown = bitmap.length > length;
    keyspace_changed(keyspace, outcomes[STEP_CHANGED] > 0 ? outcomes[STEP_CHANGED] : grown);
    bitmap_close(entry);
    if (outcomes[STEP_CHANGED] > 0 || (grown && outcomes[STEP_IN_VAIN] > 0))
        call_changed(call, EVENT_STRING, "setbit", name);
    else if (grown)
        call_written(call, name);
}

static void run_program(struct call *call, const struct field_program *program, bool may_write)
{
    if (!program->writes)
        read_program(call, program);
    else if (may_write)
        write_program(call, program);
    else
        reply_error(call->reply, "ERR BITFIELD_RO only supports the GET subcommand");
}

static void bitfield(struct call *call, bool may_write)
{
    struct memory *memory = &call->core->memory;
    size_t steps_max = (size_t)(call->argc - 2) / 3 + 1;
    struct field_program program = {.steps = memory_alloc(memory, steps_max * sizeof(struct field_step))};

    if (parse_program(call, &program))
        run_program(call, &program, may_write);
    memory_free(memory, program.steps);
}

void cmd_bitfield(struct call *call)
{
    bitfield(call, true);
}

void cmd_bitfield_ro(struct call *call)
{
    bitfield(call, false);
}
