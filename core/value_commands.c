#include "core/value_commands.h"

#include "core/buffer.h"
#include "core/dump.h"
#include "core/entry.h"
#include "core/hash_value.h"
#include "core/list_value.h"
#include "core/listpack.h"
#include "core/number.h"
#include "core/resp_command.h"
#include "core/set_value.h"
#include "core/zset_value.h"

/* Filling */

/* One that is given items until it has enough: then it is appended, and another begins. */
struct filling {
    struct buffer *out;
    struct str name, key;
    struct buffer arguments;
    size_t argc;
    int items;
};

static struct filling begin_filling(struct buffer *out, struct str name, const struct entry *entry)
{
    struct filling filling = {.out = out, .name = name, .key = entry_key(entry)};

    buffer_init(&filling.arguments, out->memory, NULL, 0);
    return filling;
}

static void append_filled(struct filling *filling)
{
    if (filling->items == 0)
        return;
    resp_command_begin(filling->out, filling->argc + 2);
    resp_command_argument(filling->out, filling->name);
    resp_command_argument(filling->out, filling->key);
    buffer_append_str(filling->out, buffer_str(&filling->arguments));
    filling->arguments.length = 0;
    filling->argc = 0;
    filling->items = 0;
}

static void end_filling(struct filling *filling)
{
    append_filled(filling);
    buffer_deinit(&filling->arguments);
}

static void fill(struct filling *filling, struct str argument)
{
    resp_command_argument(&filling->arguments, argument);
    filling->argc++;
}

static void fill_packed(struct filling *filling, struct listpack_value value)
{
    char digits[NUMBER_TEXT_MAX];

    fill(filling, listpack_text(value, digits));
}

static void end_item(struct filling *filling)
{
    if (++filling->items == VALUE_COMMANDS_ITEMS)
        append_filled(filling);
}

/* Types */

static bool step_string(struct value_commands *commands, struct buffer *out)
{
    char digits[NUMBER_TEXT_MAX];

    RESP_COMMAND_APPEND(out, STR("SET"), entry_key(commands->entry), entry_string(commands->entry, digits));
    return false;
}

static bool step_restore(struct value_commands *commands, struct buffer *out)
{
    struct buffer payload;
    struct rdb_writer writer = {&payload, commands->compress};

    buffer_init(&payload, out->memory, NULL, 0);
    dump_write(&writer, commands->entry);
    RESP_COMMAND_APPEND(out, STR("RESTORE"), entry_key(commands->entry), STR("0"), buffer_str(&payload));
    buffer_deinit(&payload);
    return false;
}

static bool step_list(struct value_commands *commands, struct buffer *out)
{
    struct filling filling = begin_filling(out, STR("RPUSH"), commands->entry);
    struct listpack_value value;
    struct list_walk walk;

    list_walk_start(&walk, commands->entry, commands->next, true);
    for (int i = 0; i < VALUE_COMMANDS_ITEMS && list_walk_next(&walk, &value); i++, commands->next++) {
        fill_packed(&filling, value);
        end_item(&filling);
    }
    end_filling(&filling);
    return commands->next < list_count(commands->entry);
}

static bool fill_member(void *context, const struct set_member *member)
{
    struct filling *filling = context;

    fill_packed(filling, set_member_value(member));
    end_item(filling);
    return true;
}

static bool step_set(struct value_commands *commands, struct buffer *out)
{
    struct filling filling = begin_filling(out, STR("SADD"), commands->entry);
    struct set_value set = set_value_of(commands->entry);

    commands->next = set_value_scan(&set, commands->next, VALUE_COMMANDS_ITEMS, fill_member, &filling);
    end_filling(&filling);
    return commands->next != 0;
}

static bool step_zset(struct value_commands *commands, struct buffer *out)
{
    struct zset zset = {.encoding = entry_encoding(commands->entry), .value = entry_value(commands->entry)};
    size_t left = zset_count(&zset) - commands->next;
    size_t count = left < VALUE_COMMANDS_ITEMS ? left : VALUE_COMMANDS_ITEMS;
    struct filling filling = begin_filling(out, STR("ZADD"), commands->entry);
    struct zset_element element;
    struct zset_walk walk;

    zset_walk_begin(&walk, &zset, commands->next, count, false);
    while (zset_walk_next(&walk, &element)) {
        char text[NUMBER_TEXT_MAX];

        fill(&filling, (struct str){text, number_format_double(text, element.score)});
        fill(&filling, element.member);
        end_item(&filling);
    }
    end_filling(&filling);
    commands->next += count;
    return left > count;
}

/* Fields, and behind them their deadlines. */
struct fields {
    struct filling filling;
    struct buffer deadlines;
};

static void fill_field(void *context, const struct hash_item *item)
{
    struct fields *fields = context;
    char digits[NUMBER_TEXT_MAX], field[NUMBER_TEXT_MAX];

    fill_packed(&fields->filling, item->field);
    fill_packed(&fields->filling, item->value);
    end_item(&fields->filling);
    if (item->deadline_ms >= 0)
        RESP_COMMAND_APPEND(&fields->deadlines, STR("HPEXPIREAT"), fields->filling.key,
                            {digits, number_format_integer(digits, item->deadline_ms)}, STR("FIELDS"), STR("1"),
                            listpack_text(item->field, field));
}

static bool step_hash(struct value_commands *commands, struct buffer *out)
{
    /* At the time 0 no deadline has passed, so that every field is seen. */
    struct hash hash = {.encoding = entry_encoding(commands->entry), .value = entry_value(commands->entry)};
    struct fields fields = {.filling = begin_filling(out, STR("HSET"), commands->entry)};

    buffer_init(&fields.deadlines, out->memory, NULL, 0);
    commands->next = hash_scan(&hash, commands->next, fill_field, &fields);
    end_filling(&fields.filling);
    buffer_append_str(out, buffer_str(&fields.deadlines));
    buffer_deinit(&fields.deadlines);
    return commands->next != 0;
}

static value_commands_step *step_of(const struct entry *entry)
{
    switch (entry_type(entry)) {
    case VALUE_LIST:
        return step_list;
    case VALUE_SET:
        return step_set;
    case VALUE_ZSET:
        return step_zset;
    case VALUE_HASH:
        return step_hash;
    case VALUE_STREAM:
        return value_commands_can_say_stream(entry) ? value_commands_step_stream : step_restore;
    default:
        return entry_is_sparse_bitmap(entry) ? step_restore : step_string;
    }
}

/* Keys */

void value_commands_begin(struct value_commands *commands, const struct entry *entry, bool compress)
{
    *commands = (struct value_commands){.entry = entry, .step = step_of(entry), .has_more = true, .compress = compress};
}

static void append_deadline(const struct entry *entry, struct buffer *out)
{
    char digits[NUMBER_TEXT_MAX];

    if (entry_expiry_ms(entry) >= 0)
        RESP_COMMAND_APPEND(out, STR("PEXPIREAT"), entry_key(entry),
                            {digits, number_format_integer(digits, entry_expiry_ms(entry))});
}

bool value_commands_go_on(struct value_commands *commands, struct buffer *out, size_t bytes_most)
{
    size_t begin = out->length;

    while (commands->has_more && out->length - begin < bytes_most) {
        commands->has_more = commands->step(commands, out);
        if (!commands->has_more)
            append_deadline(commands->entry, out);
    }
    return commands->has_more;
}
