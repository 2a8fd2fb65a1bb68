/* SORT and SORT_RO: a list's, set's or sorted set's elements in order, by
 * themselves or by what lies at other keys, which may be anywhere. */
#include "core/handlers.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "core/args.h"
#include "core/call.h"
#include "core/change.h"
#include "core/effects.h"
#include "core/hash_value.h"
#include "core/list_value.h"
#include "core/memory.h"
#include "core/sort_options.h"
#include "core/sort_vector.h"
#include "core/string_value.h"
#include "core/zset_call.h"

/* Looking up. */

/* What a pattern leads to: the texts lie in the keyspace, or here. */
struct lookup {
    struct call *call;
    struct buffer key;
    struct buffer bitmap;  /* a sparse one, written out */
    uint64_t bitmap_bytes; /* of all those written out so far */
    const char *refusal;   /* NULL, or the error that these have led to */
    char digits[NUMBER_TEXT_MAX];
};

static struct entry *find_key(struct lookup *lookup, const struct sort_pattern *pattern, struct str element)
{
    lookup->key.length = 0;
    buffer_append_str(&lookup->key, pattern->before);
    buffer_append_str(&lookup->key, element);
    buffer_append_str(&lookup->key, pattern->after);
    return call_find_source(lookup->call, buffer_str(&lookup->key));
}

static bool find_field(struct lookup *lookup, const struct entry *entry, struct str field, struct str *text)
{
    struct hash hash = {.encoding = entry_encoding(entry), .value = entry_value(entry), .now_ms = lookup->call->now_ms};
    struct hash_item item;

    if (!hash_get(&hash, field, &item))
        return false;
    *text = listpack_text(item.value, lookup->digits);
    return true;
}

/* However many elements lead to one, all that is written out is no more than one string may be. */
static struct str write_out(struct lookup *lookup, const struct entry *bitmap)
{
    size_t length = entry_string_length(bitmap);

    lookup->bitmap_bytes += length;
    if (lookup->refusal == NULL)
        lookup->refusal = call_sparse_refusal(lookup->call, lookup->bitmap_bytes);
    if (lookup->refusal != NULL)
        return STR("");
    lookup->bitmap.length = 0;
    string_read(bitmap, 0, length, buffer_reserve(&lookup->bitmap, length));
    return (struct str){lookup->bitmap.bytes, length};
}

static struct str string_of(struct lookup *lookup, const struct entry *entry)
{
    return entry_is_sparse_bitmap(entry) ? write_out(lookup, entry) : entry_string(entry, lookup->digits);
}

/* False: nothing is there, or something of another type. The text is good until the next lookup. */
static bool find_text(struct lookup *lookup, const struct sort_pattern *pattern, struct str element, struct str *text)
{
    if (pattern->source == SORT_ELEMENT)
        *text = element;
    if (pattern->source < SORT_KEY)
        return pattern->source == SORT_ELEMENT;
    struct entry *entry = find_key(lookup, pattern, element);
    if (entry == NULL || entry_type(entry) != (pattern->source == SORT_KEY ? VALUE_STRING : VALUE_HASH))
        return false;
    if (pattern->source == SORT_FIELD)
        return find_field(lookup, entry, pattern->field, text);
    *text = string_of(lookup, entry);
    return true;
}

/* Weighing. */

/* By strtod's rules, where an empty text is 0 and what follows a zero byte does not count. */
static bool parse_weight(struct memory *memory, struct str text, double *weight)
{
    char storage[128], *end;
    struct buffer copy;
    int64_t integer;

    if (number_parse_integer(text, &integer)) {
        *weight = (double)integer;
        return true;
    }
    buffer_init(&copy, memory, storage, sizeof storage);
    buffer_append_str(&copy, text);
    buffer_append(&copy, "", 1);
    errno = 0;
    *weight = strtod(copy.bytes, &end);
    bool fits = *end == '\0' && errno != ERANGE && !isnan(*weight);
    buffer_deinit(&copy);
    return fits;
}

/* False: something is no number. */
static bool weigh(struct lookup *lookup, const struct sort_options *options, struct sort_vector *vector)
{
    bool numbers = true;

    for (size_t i = 0; i < vector->count; i++) {
        struct sort_item *item = &vector->items[i];
        struct str text = sort_vector_text(vector, item);

        if (options->has_by && !find_text(lookup, &options->by, text, &text))
            item->by_at = SIZE_MAX;
        else if (!options->alpha)
            numbers &= parse_weight(lookup->key.memory, text, &item->weight);
        else if (options->has_by)
            sort_vector_set_by(vector, item, text);
    }
    return numbers;
}

/* What LIMIT leaves of so many. */
static struct sort_range limited(const struct sort_options *options, size_t count)
{
    size_t skipped = options->first > 0 ? (size_t)options->first : 0;

    skipped = skipped < count ? skipped : count;
    count -= skipped;
    if (options->count >= 0 && (size_t)options->count < count)
        count = (size_t)options->count;
    return (struct sort_range){skipped, count};
}

/* False: answered, or refused. */
static bool put_in_order(struct lookup *lookup, const struct sort_options *options, struct sort_vector *vector)
{
    enum sort_order order = !options->alpha ? SORT_BY_NUMBER : options->stores ? SORT_BY_TEXT : SORT_BY_COLLATION;

    if (options->unsorted)
        return true;
    bool numbers = weigh(lookup, options, vector);
    if (lookup->refusal != NULL)
        return false;
    if (!numbers) {
        reply_error(lookup->call->reply, "ERR One or more scores can't be converted into double");
        return false;
    }
    struct sort_range range = limited(options, vector->count);
    sort_vector_sort(vector, order, options->descending, range.first + range.count);
    return true;
}

/* Answering. */

/* One result after the other: the range's items, or what every GET gives for each of them. */
struct results {
    const struct sort_vector *vector;
    struct sort_range range;
    const struct sort_pattern *gets;
    size_t get_count;
};

static size_t results_count(const struct results *results)
{
    return results->range.count * (results->get_count > 0 ? results->get_count : 1);
}

/* False: there is nothing for this one. */
static bool result_at(struct lookup *lookup, const struct results *results, size_t index, struct str *text)
{
    size_t gets = results->get_count > 0 ? results->get_count : 1;
    struct str element =
        sort_vector_text(results->vector, &results->vector->items[results->range.first + index / gets]);

    if (results->get_count > 0)
        return find_text(lookup, &results->gets[index % gets], element, text);
    *text = element;
    return true;
}

static void reply_results(struct lookup *lookup, const struct results *results)
{
    struct reply *reply = lookup->call->reply;
    size_t count = results_count(results);
    struct str text;

    reply_array(reply, (int64_t)count);
    for (size_t i = 0; i < count; i++) {
        if (result_at(lookup, results, i, &text))
            reply_bulk(reply, text);
        else
            reply_null(reply);
    }
}

/* The list is made before it takes its place: until then a pattern may lead there. */
static void store_results(struct lookup *lookup, const struct results *results, struct str target)
{
    struct call *call = lookup->call;
    struct keyspace *keyspace = call_keyspace(call, target);
    size_t count = results_count(results);
    enum value_encoding encoding;
    struct list_loading list;
    struct str text;

    reply_integer(call->reply, (int64_t)count);
    if (count == 0) {
        call_delete_recorded(call, target);
        return;
    }
    list_load_begin(&list, keyspace_memory(keyspace), &call->core->config);
    for (size_t i = 0; i < count; i++)
        list_load_text(&list, result_at(lookup, results, i, &text) ? text : STR(""));
    void *value = list_load_end(&list, &encoding);
    if (lookup->refusal != NULL) {
        keyspace_free_value(keyspace, VALUE_LIST, encoding, value);
        return;
    }
    keyspace_set_value(keyspace, call->db, call_key(call, target), VALUE_LIST, encoding, value);
    keyspace_changed(keyspace, count);
    call_changed(call, EVENT_LIST, "sortstore", target);
    call_record_state(call, call->db, target); /* what it looked at may be of other shards */
}

/* Without an order to be made, no more has been loaded than LIMIT leaves. */
static void answer(struct lookup *lookup, const struct sort_options *options, const struct sort_vector *vector)
{
    struct sort_range all = {0, vector->count};
    struct call *call = lookup->call;
    struct memory *memory = &call->core->memory;
    struct sort_pattern *gets = memory_alloc(memory, (size_t)options->gets * sizeof *gets);
    struct results results = {vector, options->unsorted ? all : limited(options, vector->count), gets,
                              (size_t)options->gets};

    for (int i = 0, at = 0; i < options->gets; i++)
        gets[i] = sort_next_get(call->argv, call->argc, &at);
    if (options->stores)
        store_results(lookup, &results, options->target);
    else
        reply_results(lookup, &results);
    memory_free(memory, gets);
}

/* The commands. */

/* A set has no order of its own, but what is stored has to be the same wherever it is done again. */
static void settle_order(struct sort_options *options, const struct entry *entry)
{
    if (!options->unsorted || !options->stores || entry == NULL || entry_type(entry) != VALUE_SET)
        return;
    options->unsorted = options->has_by = false;
    options->alpha = true;
}

static bool can_sort(const struct entry *entry)
{
    enum value_type type = entry ? entry_type(entry) : VALUE_LIST;

    return type == VALUE_LIST || type == VALUE_SET || type == VALUE_ZSET;
}

static void load(struct sort_vector *vector, const struct entry *entry, const struct sort_options *options)
{
    size_t count = sort_source_count(entry);
    struct sort_range all = {0, count};

    if (options->unsorted)
        sort_vector_load(vector, entry, limited(options, count), options->descending);
    else
        sort_vector_load(vector, entry, all, false);
}

/* Redis keeps a sorted set that was sorted as a tree, which OBJECT ENCODING shows. */
static void make_tree(struct call *call, struct entry *entry)
{
    struct zset zset = zset_of_entry(entry);

    zset.memory = keyspace_memory(call_keyspace(call, call->argv[1]));
    zset_make_tree(&zset);
    entry_set_value(entry, zset.encoding, zset.value);
}

static void sort(struct call *call, bool may_store)
{
    struct lookup lookup = {.call = call};
    struct sort_options options;
    struct sort_vector vector;
    char storage[256];

    if (!sort_options_parse(call, may_store, &options))
        return;
    struct entry *entry = call_find_source(call, call->argv[1]);
    if (!can_sort(entry)) {
        reply_error(call->reply, "WRONGTYPE Operation against a key holding the wrong kind of value");
        return;
    }
    settle_order(&options, entry);
    if (entry != NULL && entry_type(entry) == VALUE_ZSET)
        make_tree(call, entry);
    buffer_init(&lookup.key, &call->core->memory, storage, sizeof storage);
    buffer_init(&lookup.bitmap, &call->core->memory, NULL, 0);
    sort_vector_init(&vector, &call->core->memory);
    if (entry != NULL)
        load(&vector, entry, &options);
    size_t mark = reply_mark(call->reply);
    if (put_in_order(&lookup, &options, &vector))
        answer(&lookup, &options, &vector);
    if (lookup.refusal != NULL) {
        call->reply->buffer.length = mark;
        reply_error(call->reply, lookup.refusal);
    }
    sort_vector_deinit(&vector);
    buffer_deinit(&lookup.bitmap);
    buffer_deinit(&lookup.key);
}

void cmd_sort(struct call *call)
{
    sort(call, true);
}

void cmd_sort_ro(struct call *call)
{
    sort(call, false);
}
