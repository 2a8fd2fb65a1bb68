/* Requests and their pool: where arguments and replies lie, and who frees what. */
#include "shards/request.h"

#include <criterion/criterion.h>
#include <string.h>

#include "core/memory.h"

enum { HOME = 3 };

static struct memory memory;
static struct request_pool pool;

static void begin(void)
{
    request_pool_init(&pool, &memory, HOME);
}

static void end(void)
{
    cr_assert_eq(pool.live, 0);
    request_pool_deinit(&pool);
    cr_assert_eq(memory.used_bytes, 0, "%zu bytes left", memory.used_bytes);
}

TestSuite(request, .init = begin, .fini = end);

/* A request whose arguments are the words, which lie in the caller's memory. */
static struct request *take_words(char words[][300], int count)
{
    struct request *request = request_take(&pool, count, 2);

    for (int i = 0; i < count; i++)
        request->argv[i] = str_from(words[i]);
    return request;
}

static void expect_words(const struct request *request, const char *const *words, int count)
{
    cr_assert_eq(request->argc, count);
    for (int i = 0; i < count; i++)
        cr_assert(str_equal(request->argv[i], str_from(words[i])), "argument %d", i);
}

static bool lies_in_line(const struct request *request, const char *bytes)
{
    return bytes >= request->bytes && bytes < request->bytes + REQUEST_BYTES;
}

static void write_text(struct request *request, char letter, size_t length)
{
    for (size_t i = 0; i < length; i++)
        buffer_append(&request->reply.buffer, &letter, 1);
}

/* The pool. */

Test(request, a_taken_request_is_as_new)
{
    struct request *request = request_take(&pool, 2, 3);

    request->no_touch = request->discard_reply = request->finished = request->arguments_owned = true;
    request->key = 1;
    request->db = 7;
    request->session_id = 9;
    reply_error(&request->reply, "ERR x");
    request_give_back(&pool, request);

    struct request *again = request_take(&pool, 1, 2);

    cr_assert_eq(again, request, "the pool gives the warmest one");
    cr_assert_not(again->no_touch || again->discard_reply || again->finished || again->arguments_owned);
    cr_assert_eq(again->key, 0);
    cr_assert_eq(again->db, 0);
    cr_assert_eq(again->session_id, 0);
    cr_assert_eq(again->argc, 1);
    cr_assert_eq(again->message.kind, MESSAGE_REQUEST);
    cr_assert_eq(again->message.home, HOME);
    cr_assert_eq(again->reply.protocol, 2);
    cr_assert_not(again->reply.error);
    cr_assert_eq(again->reply.buffer.length, 0);
    cr_assert_null(again->origin);
    cr_assert_null(again->session);
    cr_assert_null(again->scatter);
    request_give_back(&pool, again);
}

Test(request, many_live_requests_are_all_different_and_on_whole_lines)
{
    struct request *taken[300];

    for (int i = 0; i < 300; i++) {
        taken[i] = request_take(&pool, 1, 2);
        cr_assert_eq((uintptr_t)taken[i] % 64, 0);
        taken[i]->session_id = (uint64_t)i;
    }
    cr_assert_eq(pool.live, 300);
    for (int i = 0; i < 300; i++)
        cr_assert_eq(taken[i]->session_id, (uint64_t)i);
    for (int i = 0; i < 300; i++)
        request_give_back(&pool, taken[i]);
}

Test(request, what_is_given_back_serves_again_without_new_memory)
{
    request_give_back(&pool, request_take(&pool, 1, 2));

    size_t used = memory.used_bytes;

    for (int i = 0; i < 1000; i++)
        request_give_back(&pool, request_take(&pool, REQUEST_ARGV_INLINE, 2));
    cr_assert_eq(memory.used_bytes, used);
}

Test(request, the_last_of_a_block_can_be_taken)
{
    struct request *taken[64];

    for (int i = 0; i < 64; i++)
        taken[i] = request_take(&pool, 1, 2);
    cr_assert_null(pool.free);
    for (int i = 0; i < 64; i++)
        request_give_back(&pool, taken[i]);
}

Test(request, few_arguments_stand_in_line_and_many_in_a_block)
{
    request_give_back(&pool, request_take(&pool, 1, 2));

    size_t used = memory.used_bytes;
    struct request *few = request_take(&pool, REQUEST_ARGV_INLINE, 2);

    cr_assert_eq(few->argv, few->argv_inline);
    cr_assert_eq(memory.used_bytes, used);

    struct request *many = request_take(&pool, 100000, 2);

    cr_assert_neq(many->argv, many->argv_inline);
    for (int i = 0; i < many->argc; i++)
        many->argv[i] = STR("");
    cr_assert_geq(memory.used_bytes, used + 100000 * sizeof(struct str));
    request_give_back(&pool, many);
    cr_assert_eq(memory.used_bytes, used);
    request_give_back(&pool, few);
}

/* Owning arguments. */

Test(request, owned_arguments_outlive_the_bytes_they_came_from)
{
    char words[3][300] = {"SET", "key", "value"};
    struct request *request = take_words(words, 3);

    request_own_arguments(&pool, request);
    memset(words, '!', sizeof words);
    expect_words(request, (const char *const[]){"SET", "key", "value"}, 3);
    cr_assert(lies_in_line(request, request->argv[0].bytes));
    cr_assert_null(request->argument_block);
    request_give_back(&pool, request);
}

Test(request, owning_twice_copies_once)
{
    char words[2][300] = {"GET", "key"};
    struct request *request = take_words(words, 2);

    request_own_arguments(&pool, request);

    const char *bytes = request->argv[1].bytes;

    request_own_arguments(&pool, request);
    cr_assert_eq(request->argv[1].bytes, bytes);
    request_give_back(&pool, request);

    memset(words[1], 'a', 299); /* in a block */
    request = take_words(words, 2);
    request_own_arguments(&pool, request);
    bytes = request->argv[1].bytes;
    request_own_arguments(&pool, request);
    cr_assert_eq(request->argv[1].bytes, bytes);
    request_give_back(&pool, request);
}

Test(request, arguments_that_lie_in_one_piece_are_copied_with_what_is_between_them)
{
    for (size_t length = 0; length < 200; length++) {
        char bytes[300] = "GET..", expected[300] = "";
        struct request *request = request_take(&pool, 2, 2);

        memset(bytes + 5, 'a', length);
        memset(expected, 'a', length);
        request->argv[0] = (struct str){bytes, 3};
        request->argv[1] = (struct str){bytes + 5, length};
        request->joined = true;
        request_own_arguments(&pool, request);
        memset(bytes, '!', sizeof bytes);
        write_text(request, 'z', 64);
        cr_assert_eq(lies_in_line(request, request->argv[1].bytes), length + 3 <= REQUEST_BYTES - 64);
        expect_words(request, (const char *const[]){"GET", expected}, 2);
        request_give_back(&pool, request);
    }
}

Test(request, one_without_arguments_has_nothing_to_own)
{
    struct request *request = request_take(&pool, 0, 2);

    request->joined = true;
    request_own_arguments(&pool, request);
    cr_assert_eq(request->reply.buffer.bytes, request->bytes);
    request_give_back(&pool, request);
}

Test(request, empty_arguments_can_be_owned)
{
    struct request *request = request_take(&pool, 2, 2);

    request->argv[0] = request->argv[1] = STR("");
    request_own_arguments(&pool, request);
    expect_words(request, (const char *const[]){"", ""}, 2);
    request_give_back(&pool, request);
}

Test(request, lent_arguments_stay_the_lender_s)
{
    struct str *argv = memory_alloc(&memory, 2 * sizeof *argv);

    argv[0] = STR("MGET");
    argv[1] = STR("key");

    struct request *request = request_take_lent(&pool, argv, 2, 2);

    request_own_arguments(&pool, request);
    cr_assert_eq(request->argv, argv);
    cr_assert_eq(request->argv[1].bytes, argv[1].bytes, "nothing is copied");
    cr_assert_eq(request->reply.buffer.capacity, REQUEST_BYTES);
    request_give_back(&pool, request);
    expect_words(&(struct request){.argv = argv, .argc = 2}, (const char *const[]){"MGET", "key"}, 2);

    struct request *again = request_take(&pool, 1, 2);

    cr_assert_eq(again->argv, again->argv_inline);
    cr_assert_not(again->arguments_owned || again->arguments_lent);
    request_give_back(&pool, again);
    memory_free(&memory, argv);
}

/* From no bytes to more than the request has: the reply must never lie on an argument. */
Test(request, argument_and_reply_never_share_a_byte)
{
    for (size_t length = 0; length < REQUEST_BYTES + 60; length++) {
        char words[2][300] = {"GET", ""}, expected[300] = "", text[300];

        memset(words[1], 'a', length);
        memset(expected, 'a', length);
        memset(text, 'z', sizeof text);

        struct request *request = take_words(words, 2);
        struct buffer *reply = &request->reply.buffer;

        request_own_arguments(&pool, request);
        memset(words, '!', sizeof words);
        cr_assert_geq(reply->capacity, 64, "room for a short answer, %zu", length);
        write_text(request, 'z', reply->capacity);
        cr_assert_not(reply->heap);
        expect_words(request, (const char *const[]){"GET", expected}, 2);
        write_text(request, 'z', 1);
        cr_assert(reply->heap, "a reply that outgrows its storage moves");
        expect_words(request, (const char *const[]){"GET", expected}, 2);
        cr_assert_eq(memcmp(reply->bytes, text, reply->length), 0);
        request_give_back(&pool, request);
    }
}

Test(request, the_first_storage_ends_with_the_request)
{
    char words[2][300] = {"GET", "0123456789"};
    struct request *request = take_words(words, 2);
    const struct buffer *reply = &request->reply.buffer;

    cr_assert_eq(reply->capacity, REQUEST_BYTES);
    request_own_arguments(&pool, request);
    cr_assert_eq(reply->capacity, REQUEST_BYTES - 13);
    cr_assert_eq(reply->bytes, request->bytes + 13, "right behind the arguments");
    request_give_back(&pool, request);
}

Test(request, large_arguments_have_a_block_that_dies_with_the_request)
{
    static char words[2][300] = {"GET"};
    size_t used;

    request_give_back(&pool, request_take(&pool, 1, 2));
    used = memory.used_bytes;
    memset(words[1], 'a', 299);

    struct request *request = take_words(words, 2);

    request_own_arguments(&pool, request);
    cr_assert_not_null(request->argument_block);
    cr_assert_eq(request->argv[1].length, 299);
    cr_assert_gt(memory.used_bytes, used);
    cr_assert_eq(request->reply.buffer.capacity, REQUEST_BYTES, "the line is all the reply's");
    request_give_back(&pool, request);
    cr_assert_eq(memory.used_bytes, used);
}

Test(request, a_reply_that_has_begun_keeps_its_place)
{
    char words[2][300] = {"GET", "key"};
    struct request *request = take_words(words, 2);

    reply_ok(&request->reply);
    request_own_arguments(&pool, request);
    memset(words, '!', sizeof words);
    expect_words(request, (const char *const[]){"GET", "key"}, 2);
    cr_assert(str_equal(buffer_str(&request->reply.buffer), STR("+OK\r\n")));
    request_give_back(&pool, request);
}

Test(request, giving_back_frees_a_reply_on_the_heap)
{
    struct request *request = request_take(&pool, 1, 2);
    size_t used = memory.used_bytes;

    write_text(request, 'x', 10000);
    cr_assert_gt(memory.used_bytes, used);
    request_give_back(&pool, request);
    cr_assert_eq(memory.used_bytes, used);
}
