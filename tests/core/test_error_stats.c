#include <criterion/criterion.h>
#include <stdio.h>

#include "core/buffer.h"
#include "core/error_stats.h"
#include "core/memory.h"

static struct memory memory;
static struct error_stats errors;

static void begin(void)
{
    memory = (struct memory){0};
    errors = (struct error_stats){0};
}

static void end(void)
{
    error_stats_deinit(&errors, &memory);
    cr_assert_eq(memory.used_bytes, 0);
}

TestSuite(error_stats, .init = begin, .fini = end);

static void expect_text(const char *expected)
{
    struct buffer text;

    buffer_init(&text, &memory, NULL, 0);
    error_stats_write(&errors, &text);
    buffer_append(&text, "", 1);
    cr_assert_str_eq(text.bytes, expected);
    buffer_deinit(&text);
}

static void expect_code(const char *reply, const char *code)
{
    cr_assert(str_equal(error_stats_code(str_from(reply)), str_from(code)), "%s", reply);
}

static void add(const char *code)
{
    error_stats_add(&errors, &memory, str_from(code), 1);
}

Test(error_stats, the_first_word_is_the_code)
{
    expect_code("-ERR no such key\r\n", "ERR");
    expect_code("-WRONGTYPE Operation\r\n", "WRONGTYPE");
    expect_code("-MY text\r\n", "MY");
    expect_code("-AAAAAAAAAABBBBBBBBBBCCCCCCCCCC text\r\n", "AAAAAAAAAABBBBBBBBBBCCCCCCCCCC");
}

Test(error_stats, without_a_short_first_word_it_is_err)
{
    expect_code("-ALONE\r\n", "ERR");
    expect_code("- text\r\n", "ERR");
    expect_code("-AAAAAAAAAABBBBBBBBBBCCCCCCCCCCDD text\r\n", "ERR");
    expect_code("", "ERR");
}

Test(error_stats, codes_are_counted_and_sorted)
{
    add("WRONGTYPE");
    add("ERR");
    add("ERR");
    add("ERROR");
    cr_assert(error_stats_knows(&errors, STR("ERROR")));
    cr_assert_not(error_stats_knows(&errors, STR("ER")));
    expect_text("errorstat_ERR:count=2\r\nerrorstat_ERROR:count=1\r\nerrorstat_WRONGTYPE:count=1\r\n");
}

Test(error_stats, a_code_does_not_break_its_line)
{
    add("A:#\n\rB");
    expect_text("errorstat_A____B:count=1\r\n");
}

Test(error_stats, the_code_too_many_ends_them_all)
{
    char code[16];

    for (int i = 0; i < ERROR_CODES_MAX; i++) {
        snprintf(code, sizeof code, "CODE%d", i);
        add(code);
    }
    add("CODE7");
    cr_assert_eq(errors.count, ERROR_CODES_MAX);
    add("MORE");
    add("ERR");
    expect_text("errorstat_ERRORSTATS_DISABLED:count=1\r\n");
}
