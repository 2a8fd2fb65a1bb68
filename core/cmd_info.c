/* INFO: every shard's figures, added up and written in the sections asked for. */
#include "core/handlers.h"

#include "core/args.h"
#include "core/call.h"
#include "core/info.h"
#include "core/info_sections.h"
#include "core/merge.h"
#include "core/core.h"

static bool asks_for(struct str word, const struct info_section *section)
{
    if (arg_is(word, "all") || arg_is(word, "everything"))
        return true;
    if (arg_is(word, "default"))
        return section->by_default;
    return arg_is(word, section->name);
}

/* No word asks for the default ones, one that is unknown for none. */
static bool is_selected(const struct str *argv, int argc, const struct info_section *section)
{
    if (argc == 1)
        return section->by_default;
    for (int i = 1; i < argc; i++)
        if (asks_for(argv[i], section))
            return true;
    return false;
}

static bool needs_commands(const struct str *argv, int argc)
{
    for (const struct info_section *section = info_sections; section->name; section++)
        if (section->needs_commands && is_selected(argv, argc, section))
            return true;
    return false;
}

void cmd_info(struct call *call)
{
    info_reply_part(call, needs_commands(call->argv, call->argc));
}

static void write_sections(const struct merge *merge, const struct info_report *report)
{
    for (const struct info_section *section = info_sections; section->name; section++) {
        if (!is_selected(merge->argv, merge->argc, section))
            continue;
        if (report->text->length > 0)
            buffer_append_str(report->text, STR("\r\n"));
        section->write(report);
    }
}

void merge_info(struct merge *merge)
{
    struct info info;
    struct buffer text;
    struct info_report report = {&text, &info, merge->core, merge->now_ms};

    info_open(&info, merge);
    buffer_init(&text, &merge->core->memory, NULL, 0);
    write_sections(merge, &report);
    reply_verbatim(merge->reply, buffer_str(&text), "txt");
    buffer_deinit(&text);
    info_close(&info, &merge->core->memory);
}
