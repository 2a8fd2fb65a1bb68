/* ACL: there is one user, `default`, who may do everything once authenticated; requirepass is its password. What
 * would make, change or remember users is refused. */
#include <stdio.h>

#include "core/args.h"
#include "core/call.h"
#include "core/command.h"
#include "core/command_info.h"
#include "core/handlers.h"
#include "core/process.h"
#include "core/sha256.h"

static const char *password(const struct call *call)
{
    return call->core->config.requirepass;
}

static bool has_password(const struct call *call)
{
    return password(call)[0] != '\0';
}

void cmd_acl_whoami(struct call *call)
{
    reply_bulk(call->reply, STR("default"));
}

void cmd_acl_users(struct call *call)
{
    reply_array(call->reply, 1);
    reply_bulk(call->reply, STR("default"));
}

void cmd_acl_list(struct call *call)
{
    char line[64 + SHA256_HEX_LENGTH], digest[SHA256_HEX_LENGTH];

    sha256_hex(str_from(password(call)), digest);
    if (has_password(call))
        snprintf(line, sizeof line, "user default on #%.*s ~* &* +@all", SHA256_HEX_LENGTH, digest);
    else
        snprintf(line, sizeof line, "user default on nopass ~* &* +@all");
    reply_array(call->reply, 1);
    reply_bulk(call->reply, str_from(line));
}

static void reply_flags(struct call *call)
{
    reply_set(call->reply, has_password(call) ? 1 : 2);
    reply_bulk(call->reply, STR("on"));
    if (!has_password(call))
        reply_bulk(call->reply, STR("nopass"));
}

static void reply_passwords(struct call *call)
{
    char digest[SHA256_HEX_LENGTH];

    reply_array(call->reply, has_password(call));
    if (!has_password(call))
        return;
    sha256_hex(str_from(password(call)), digest);
    reply_bulk(call->reply, (struct str){digest, sizeof digest});
}

static void reply_pair(struct reply *reply, const char *name, const char *value)
{
    reply_bulk(reply, str_from(name));
    reply_bulk(reply, str_from(value));
}

void cmd_acl_getuser(struct call *call)
{
    struct reply *reply = call->reply;

    if (!str_equal(call->argv[2], STR("default"))) {
        reply_null(reply);
        return;
    }
    reply_map(reply, 6);
    reply_bulk(reply, STR("flags"));
    reply_flags(call);
    reply_bulk(reply, STR("passwords"));
    reply_passwords(call);
    reply_pair(reply, "commands", "+@all");
    reply_pair(reply, "keys", "~*");
    reply_pair(reply, "channels", "&*");
    reply_bulk(reply, STR("selectors"));
    reply_array(reply, 0);
}

static void refuse_arguments(struct call *call)
{
    reply_error_format(call->reply, "ERR unknown subcommand or wrong number of arguments for '%.*s'. Try ACL HELP.",
                       str_quoted_length(call->argv[1]), call->argv[1].bytes);
}

static int64_t list_category(const struct command *row, uint32_t category, struct reply *reply)
{
    int64_t count = 0;
    char name[64];

    for (; row && row->name; row++) {
        if (command_categories(row) & category) {
            reply_bulk(reply, str_from(command_full_name(row, name)));
            count++;
        }
        count += list_category(command_shown_subcommands(row), category, reply);
    }
    return count;
}

void cmd_acl_cat(struct call *call)
{
    size_t mark = reply_mark(call->reply);
    uint32_t category;

    if (call->argc > 3) {
        refuse_arguments(call);
        return;
    }
    if (call->argc == 2) {
        command_category_names(call->reply);
        return;
    }
    category = command_category_named(call->argv[2]);
    if (category == 0) {
        reply_error_format(call->reply, "ERR Unknown category '%.*s'", str_shown_length(call->argv[2]),
                           call->argv[2].bytes);
        return;
    }
    reply_array_at(call->reply, mark, list_category(command_table, category, call->reply));
}

void cmd_acl_genpass(struct call *call)
{
    enum { BITS = 256, BITS_MAX = 4096 };
    uint8_t random[BITS_MAX / 8];
    char text[BITS_MAX / 4];
    int64_t bits = BITS;
    size_t length;

    if (call->argc > 3) {
        refuse_arguments(call);
        return;
    }
    if (call->argc == 3 && !args_integer(call->reply, call->argv[2], &bits))
        return;
    if (bits <= 0 || bits > BITS_MAX) {
        reply_error(call->reply, "ERR ACL GENPASS argument must be the number of bits for the output password, a "
                                 "positive number up to 4096");
        return;
    }
    length = ((size_t)bits + 3) / 4;
    process_random(random, (length + 1) / 2);
    str_write_hex(text, random, length);
    reply_bulk(call->reply, (struct str){text, length});
}

/* Whoever asks may do everything: only what no one may do is told. */
void cmd_acl_dryrun(struct call *call)
{
    const struct command *container, *row = command_find(call->argv + 3, call->argc - 3, &container);
    char name[64];

    if (!str_equal(call->argv[2], STR("default")))
        reply_error_format(call->reply, "ERR User '%.*s' not found", str_shown_length(call->argv[2]),
                           call->argv[2].bytes);
    else if (!row)
        reply_error_format(call->reply, "ERR Command '%.*s' not found", str_shown_length(call->argv[3]),
                           call->argv[3].bytes);
    else if (!command_arity_fits(row, call->argc - 3))
        reply_error_format(call->reply, "ERR wrong number of arguments for '%s' command", command_full_name(row, name));
    else
        reply_ok(call->reply);
}

bool hides_acl_setuser(const struct str *argv, int argc, int index)
{
    return index > 1;
}

void cmd_acl_setuser(struct call *call)
{
    reply_error(call->reply, "ERR this version knows no users but 'default'; 'requirepass' sets its password");
}

void cmd_acl_deluser(struct call *call)
{
    for (int i = 2; i < call->argc; i++) {
        if (str_equal(call->argv[i], STR("default"))) {
            reply_error(call->reply, "ERR The 'default' user cannot be removed");
            return;
        }
    }
    reply_integer(call->reply, 0);
}

void cmd_acl_file(struct call *call)
{
    reply_error(call->reply, "ERR This Redis instance is not configured to use an ACL file.");
}

void cmd_acl_log(struct call *call)
{
    reply_error(call->reply, "ERR this version keeps no log of refused commands; INFO counts refused passwords in "
                             "acl_access_denied_auth");
}

void cmd_acl_help(struct call *call)
{
    static const char *const lines[] = {
        "CAT [<category>]",
        "    List all commands that belong to <category>, or all command categories",
        "    when no category is specified.",
        "DRYRUN <username> <command> [<arg> ...]",
        "    Returns whether the user can execute the given command without executing the command.",
        "GETUSER <username>",
        "    Get the user's details.",
        "GENPASS [<bits>]",
        "    Generate a secure 256-bit user password. The optional `bits` argument can",
        "    be used to specify a different size.",
        "LIST",
        "    Show users details in config file format.",
        "USERS",
        "    List all the registered usernames.",
        "WHOAMI",
        "    Return the current connection username.",
        NULL,
    };

    args_help(call, lines);
}
