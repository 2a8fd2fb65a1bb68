/* A command's row in the shape that clients of clusters and command lists read. */
#include "core/command_info.h"

#include "core/command.h"
#include "core/resp_write.h"

struct bit_name {
    uint32_t bit;
    const char *name;
};

/* Flags that are not here are not shown, as in Redis. */
static const struct bit_name flag_names[] = {
    {CMD_WRITE, "write"},
    {CMD_READONLY, "readonly"},
    {CMD_DENYOOM, "denyoom"},
    {CMD_ADMIN, "admin"},
    {CMD_PUBSUB, "pubsub"},
    {CMD_NOSCRIPT, "noscript"},
    {CMD_BLOCKING, "blocking"},
    {CMD_LOADING, "loading"},
    {CMD_STALE, "stale"},
    {CMD_SKIP_MONITOR, "skip_monitor"},
    {CMD_SKIP_SLOWLOG, "skip_slowlog"},
    {CMD_ASKING, "asking"},
    {CMD_FAST, "fast"},
    {CMD_NO_AUTH, "no_auth"},
    {CMD_MAY_REPLICATE, "may_replicate"},
    {CMD_NO_MANDATORY_KEYS, "no_mandatory_keys"},
    {CMD_NO_ASYNC_LOADING, "no_async_loading"},
    {CMD_NO_MULTI, "no_multi"},
    {CMD_MOVABLE_KEYS, "movablekeys"},
    {CMD_ALLOW_BUSY, "allow_busy"},
    {0, NULL},
};

static const struct bit_name category_names[] = {
    {ACL_KEYSPACE, "@keyspace"},
    {ACL_READ, "@read"},
    {ACL_WRITE, "@write"},
    {ACL_SET, "@set"},
    {ACL_SORTEDSET, "@sortedset"},
    {ACL_LIST, "@list"},
    {ACL_HASH, "@hash"},
    {ACL_STRING, "@string"},
    {ACL_BITMAP, "@bitmap"},
    {ACL_HYPERLOGLOG, "@hyperloglog"},
    {ACL_GEO, "@geo"},
    {ACL_STREAM, "@stream"},
    {ACL_PUBSUB, "@pubsub"},
    {ACL_ADMIN, "@admin"},
    {ACL_FAST, "@fast"},
    {ACL_SLOW, "@slow"},
    {ACL_BLOCKING, "@blocking"},
    {ACL_DANGEROUS, "@dangerous"},
    {ACL_CONNECTION, "@connection"},
    {ACL_TRANSACTION, "@transaction"},
    {ACL_SCRIPTING, "@scripting"},
    {0, NULL},
};

static const struct bit_name key_flag_names[] = {
    {KEY_RO, "RO"},
    {KEY_RW, "RW"},
    {KEY_OW, "OW"},
    {KEY_RM, "RM"},
    {KEY_ACCESS, "access"},
    {KEY_UPDATE, "update"},
    {KEY_INSERT, "insert"},
    {KEY_DELETE, "delete"},
    {KEY_NOT_KEY, "not_key"},
    {KEY_INCOMPLETE, "incomplete"},
    {KEY_VARIABLE_FLAGS, "variable_flags"},
    {0, NULL},
};

static void reply_bits(uint32_t bits, const struct bit_name *names, struct reply *reply)
{
    size_t mark = reply_mark(reply);
    int count = 0;

    for (; names->name; names++) {
        if (!(bits & names->bit))
            continue;
        reply_simple(reply, names->name);
        count++;
    }
    reply_set_at(reply, mark, count);
}

void command_key_flags(uint16_t flags, struct reply *reply)
{
    reply_bits(flags, key_flag_names, reply);
}

void command_category_names(struct reply *reply)
{
    reply_array(reply, (int64_t)(sizeof category_names / sizeof *category_names) - 1);
    for (const struct bit_name *category = category_names; category->name; category++)
        reply_bulk(reply, str_from(category->name + 1));
}

uint32_t command_category_named(struct str name)
{
    for (const struct bit_name *category = category_names; category->name; category++) {
        if (str_equal_nocase(name, category->name + 1))
            return category->bit;
    }
    return 0;
}

/* First key, last key and step, as they were told before there were specifications:
 * of the first range, widened by those after it. */
struct legacy_range {
    int first, last, step;
};

static struct legacy_range legacy_range(const struct command *command)
{
    struct legacy_range range = {0};

    for (int i = 0; i < COMMAND_KEY_SPECS; i++) {
        const struct key_spec *spec = &command->keys[i];
        int last = spec->last >= 0 ? spec->index + spec->last : spec->last;

        if (spec->begin != KEY_BEGIN_INDEX || spec->find != KEY_FIND_RANGE)
            continue;
        if (range.first == 0)
            range = (struct legacy_range){spec->index, last, spec->step};
        else if (range.last >= 0 && (last < 0 || last > range.last))
            range.last = last;
    }
    return range;
}

static void reply_pair_integer(struct reply *reply, const char *name, int value)
{
    reply_bulk(reply, str_from(name));
    reply_integer(reply, value);
}

/* {"type": …, "spec": {…}}: the head, up to the map's pairs. */
static void open_spec(struct reply *reply, const char *type, int pairs)
{
    reply_map(reply, 2);
    reply_bulk(reply, STR("type"));
    reply_bulk(reply, str_from(type));
    reply_bulk(reply, STR("spec"));
    reply_map(reply, pairs);
}

static void reply_begin_search(const struct key_spec *spec, struct reply *reply)
{
    reply_bulk(reply, STR("begin_search"));
    if (spec->begin == KEY_BEGIN_INDEX) {
        open_spec(reply, "index", 1);
        reply_pair_integer(reply, "index", spec->index);
    } else if (spec->begin == KEY_BEGIN_KEYWORD) {
        open_spec(reply, "keyword", 2);
        reply_bulk(reply, STR("keyword"));
        reply_bulk(reply, str_from(spec->keyword));
        reply_pair_integer(reply, "startfrom", spec->index);
    } else {
        open_spec(reply, "unknown", 0);
    }
}

static void reply_find_keys(const struct key_spec *spec, struct reply *reply)
{
    reply_bulk(reply, STR("find_keys"));
    if (spec->find == KEY_FIND_RANGE) {
        open_spec(reply, "range", 3);
        reply_pair_integer(reply, "lastkey", spec->last);
        reply_pair_integer(reply, "keystep", spec->step);
        reply_pair_integer(reply, "limit", spec->limit);
    } else if (spec->find == KEY_FIND_KEYNUM) {
        open_spec(reply, "keynum", 3);
        reply_pair_integer(reply, "keynumidx", spec->count_at);
        reply_pair_integer(reply, "firstkey", spec->first_at);
        reply_pair_integer(reply, "keystep", spec->step);
    } else {
        open_spec(reply, "unknown", 0);
    }
}

static void reply_key_specs(const struct command *command, struct reply *reply)
{
    size_t mark = reply_mark(reply);
    int count = 0;

    for (; count < COMMAND_KEY_SPECS && command->keys[count].begin != KEY_BEGIN_NONE; count++) {
        const struct key_spec *spec = &command->keys[count];

        reply_map(reply, spec->notes ? 4 : 3);
        if (spec->notes) {
            reply_bulk(reply, STR("notes"));
            reply_bulk(reply, str_from(spec->notes));
        }
        reply_bulk(reply, STR("flags"));
        command_key_flags(spec->flags, reply);
        reply_begin_search(spec, reply);
        reply_find_keys(spec, reply);
    }
    reply_set_at(reply, mark, count);
}

static void reply_tips(const char *tips, struct reply *reply)
{
    size_t mark = reply_mark(reply);
    int count = 0;

    for (; tips && *tips; count++) {
        size_t length = strcspn(tips, " ");

        reply_bulk(reply, (struct str){tips, length});
        tips += tips[length] ? length + 1 : length;
    }
    reply_set_at(reply, mark, count);
}

static void reply_subcommands(const struct command *command, struct reply *reply)
{
    const struct command *row = command_shown_subcommands(command);
    size_t mark = reply_mark(reply);
    int count = 0;

    if (!row) {
        reply_set(reply, 0);
        return;
    }
    for (; row->name; row++, count++)
        command_info(row, reply);
    reply_array_at(reply, mark, count);
}

void command_info(const struct command *command, struct reply *reply)
{
    struct legacy_range keys = legacy_range(command);
    char name[64];

    reply_array(reply, 10);
    reply_bulk(reply, str_from(command_full_name(command, name)));
    reply_integer(reply, command->arity);
    reply_bits(command->flags, flag_names, reply);
    reply_integer(reply, keys.first);
    reply_integer(reply, keys.last);
    reply_integer(reply, keys.step);
    reply_bits(command_categories(command), category_names, reply);
    reply_tips(command->tips, reply);
    reply_key_specs(command, reply);
    reply_subcommands(command, reply);
}
