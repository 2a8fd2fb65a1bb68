/* DEBUG PROTOCOL: a reply of each type, for tests of clients. Names and replies are Redis's. */
#include "core/handlers.h"

#include "core/args.h"
#include "core/call.h"

static void reply_bignum(struct reply *reply)
{
    struct str digits = STR("1234567999999999999999999999999999999");

    if (reply->protocol < 3) {
        reply_bulk(reply, digits);
        return;
    }
    reply_raw(reply, STR("("));
    reply_raw(reply, digits);
    reply_raw(reply, STR("\r\n"));
}

static void reply_small_array(struct reply *reply)
{
    reply_array(reply, 3);
    for (int i = 0; i < 3; i++)
        reply_integer(reply, i);
}

static void reply_small_set(struct reply *reply)
{
    reply_set(reply, 3);
    for (int i = 0; i < 3; i++)
        reply_integer(reply, i);
}

static void reply_small_map(struct reply *reply)
{
    reply_map(reply, 3);
    for (int i = 0; i < 3; i++) {
        reply_integer(reply, i);
        reply_bool(reply, i == 1);
    }
}

/* RESP2 has no attributes: there is the value that they would describe. */
static void reply_attributed(struct reply *reply)
{
    if (reply->protocol >= 3) {
        reply_raw(reply, STR("|1\r\n"));
        reply_bulk(reply, STR("key-popularity"));
        reply_array(reply, 2);
        reply_bulk(reply, STR("key:123"));
        reply_integer(reply, 90);
    }
    reply_bulk(reply, STR("Some real reply following the attribute"));
}

/* A push is no answer: what is behind it is. */
static void reply_pushed(struct reply *reply)
{
    if (reply->protocol < 3) {
        reply_error(reply, "ERR RESP2 is not supported by this command");
        return;
    }
    reply_push(reply, 2);
    reply_bulk(reply, STR("server-cpu-usage"));
    reply_integer(reply, 42);
    reply_bulk(reply, STR("Some real reply following the push reply"));
}

static void reply_string(struct reply *reply)
{
    reply_bulk(reply, STR("Hello World"));
}

static void reply_number(struct reply *reply)
{
    reply_integer(reply, 12345);
}

static void reply_fraction(struct reply *reply)
{
    reply_double(reply, 3.141);
}

static void reply_text(struct reply *reply)
{
    reply_verbatim(reply, STR("This is a verbatim\nstring"), "txt");
}

static void reply_true(struct reply *reply)
{
    reply_bool(reply, true);
}

static void reply_false(struct reply *reply)
{
    reply_bool(reply, false);
}

static const struct {
    const char *name;
    void (*write)(struct reply *reply);
} samples[] = {
    {"string", reply_string},     {"integer", reply_number}, {"double", reply_fraction}, {"null", reply_null},
    {"array", reply_small_array}, {"set", reply_small_set},  {"map", reply_small_map},   {"attrib", reply_attributed},
    {"push", reply_pushed},       {"verbatim", reply_text},  {"true", reply_true},       {"false", reply_false},
    {"bignum", reply_bignum},
};

void cmd_debug_protocol(struct call *call)
{
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
        if (arg_is(call->argv[2], samples[i].name)) {
            samples[i].write(call->reply);
            return;
        }
    }
    reply_error(call->reply, "ERR Wrong protocol type name. Please use one of the following: "
                             "string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false");
}
