#include "core/script_shebang.h"

#include "core/assert.h"
#include "core/memory.h"
#include "core/resp_write.h"
#include "core/scripts.h"
#include "core/words.h"

static const struct {
    struct str name;
    uint32_t flag;
} flags_named[] = {
    {STR("no-writes"), SCRIPT_NO_WRITES},
    {STR("allow-oom"), SCRIPT_ALLOW_OOM},
    {STR("allow-stale"), SCRIPT_ALLOW_STALE},
    {STR("no-cluster"), SCRIPT_NO_CLUSTER},
    {STR("allow-cross-slot-keys"), SCRIPT_ALLOW_CROSS_SLOT_KEYS},
};

uint32_t script_flag_named(struct str name)
{
    for (size_t i = 0; i < sizeof flags_named / sizeof *flags_named; i++) {
        if (str_equal(name, flags_named[i].name))
            return flags_named[i].flag;
    }
    return 0;
}

const char *script_flag_name(uint32_t flag)
{
    size_t i = 0;

    while (flags_named[i].flag != flag)
        ASSERT(++i < sizeof flags_named / sizeof *flags_named);
    return flags_named[i].name.bytes;
}

static bool refuse(struct reply *reply, const char *what, struct str text)
{
    reply_error_format(reply, "ERR %s: %.*s", what, str_quoted_length(text), text.bytes);
    return false;
}

/* "no-writes,allow-oom"; nothing at all is no flag. */
static bool parse_flags(struct str names, uint32_t *flags, struct reply *reply)
{
    const char *at = names.bytes, *end = at + names.length;

    if (names.length == 0)
        return true;
    for (;;) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        struct str name = {at, (size_t)((comma ? comma : end) - at)};
        uint32_t flag = script_flag_named(name);

        if (flag == 0)
            return refuse(reply, "Unexpected flag in script shebang", name);
        *flags |= flag;
        if (!comma)
            return true;
        at = comma + 1;
    }
}

static bool parse_option(struct str word, uint32_t *flags, struct reply *reply)
{
    struct str prefix = STR("flags=");

    if (word.length < prefix.length || memcmp(word.bytes, prefix.bytes, prefix.length) != 0)
        return refuse(reply, "Unknown lua shebang option", word);
    return parse_flags((struct str){word.bytes + prefix.length, word.length - prefix.length}, flags, reply);
}

/* room: for as many bytes as the line has. */
static bool parse_line(struct str line, char *room, uint32_t *flags, struct reply *reply)
{
    struct words words = {line.bytes, line.bytes + line.length, room};
    struct str word = {NULL, 0};
    enum words_status status = words_next(&words, &word);

    if (status == WORDS_NEXT && !str_equal(word, STR("#!lua")))
        return refuse(reply, "Unexpected engine in script shebang", word);
    while (status == WORDS_NEXT && (status = words_next(&words, &word)) == WORDS_NEXT) {
        if (!parse_option(word, flags, reply))
            return false;
    }
    if (status == WORDS_UNBALANCED)
        reply_error(reply, "ERR Invalid engine in script shebang");
    return status == WORDS_END;
}

bool script_shebang_parse(struct str source, uint32_t *flags, size_t *body_at, struct reply *reply)
{
    struct memory *memory = reply->buffer.memory;

    *body_at = 0;
    *flags = SCRIPT_UNDECLARED;
    if (source.length < 2 || memcmp(source.bytes, "#!", 2) != 0)
        return true;
    const char *newline = memchr(source.bytes, '\n', source.length);
    if (!newline) {
        reply_error(reply, "ERR Invalid script shebang");
        return false;
    }
    *flags = 0;
    *body_at = (size_t)(newline - source.bytes);
    char *room = memory_alloc(memory, *body_at);
    bool right = parse_line((struct str){source.bytes, *body_at}, room, flags, reply);
    memory_free(memory, room);
    return right;
}
