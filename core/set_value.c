#include "core/set_value.h"

#include "core/assert.h"
#include "core/config.h"
#include "core/idset.h"
#include "core/intset.h"

/* An intset's count has 32 bits, and so has Redis's limit. */
enum { INTSET_MOST = 1 << 30 };

/* The rows of the large encodings. OBJECT ENCODING knows one name for both. */

static void *copy_large(struct memory *memory, const void *value)
{
    return set_large_copy(memory, value);
}

static size_t large_items(const void *value)
{
    return set_large_items(value);
}

static size_t drain_large(struct memory *memory, void *value, size_t most)
{
    return set_large_drain(value, most);
}

const struct value_kind set_roaring_kind = {
    .name = "hashtable",
    .real_name = "roaring",
    .copy = copy_large,
    .bytes = value_account_bytes,
    .items = large_items,
    .drain = drain_large,
    .rehome = value_account_rehome,
};

const struct value_kind set_table_kind = {
    .name = "hashtable",
    .real_name = "hashtable",
    .copy = copy_large,
    .bytes = value_account_bytes,
    .items = large_items,
    .drain = drain_large,
    .rehome = value_account_rehome,
};

/* Thresholds */

static size_t intset_most(const struct config *config)
{
    return config->set_max_intset_entries < INTSET_MOST ? (size_t)config->set_max_intset_entries : INTSET_MOST;
}

static size_t listpack_most(const struct config *config)
{
    return (size_t)config->set_max_listpack_entries;
}

static size_t listpack_length_most(const struct config *config)
{
    return (size_t)config->set_max_listpack_value;
}

size_t set_value_small_most(const struct config *config)
{
    return intset_most(config) > listpack_most(config) ? intset_most(config) : listpack_most(config);
}

/* Making and ending */

static void *create_value(struct memory *memory, enum value_encoding encoding)
{
    switch (encoding) {
    case ENCODING_INTSET:
        return intset_create(memory);
    case ENCODING_LISTPACK:
        return listpack_create(memory, 0);
    default:
        ASSERT(encoding == ENCODING_ROARING);
        return set_large_create(memory);
    }
}

struct set_value set_value_create(struct memory *memory, const struct config *config, enum value_encoding encoding)
{
    return (struct set_value){create_value(memory, encoding), encoding, memory, config};
}

struct set_value set_value_create_for(struct memory *memory, const struct config *config,
                                      const struct set_member *first, size_t expected)
{
    enum value_encoding encoding = ENCODING_ROARING;

    if (first->is_integer && expected <= intset_most(config))
        encoding = ENCODING_INTSET;
    else if (expected <= listpack_most(config))
        encoding = ENCODING_LISTPACK;
    return set_value_create(memory, config, encoding);
}

void set_value_destroy(struct set_value *set)
{
    value_destroy(value_kind_of(VALUE_SET, set->encoding), set->memory, set->value);
    set->value = NULL;
}

static void exchange(struct set_value *set, enum value_encoding encoding, void *value)
{
    set_value_destroy(set);
    set->encoding = encoding;
    set->value = value;
}

/* Walks */

static bool each_integer(const struct intset *set, set_visit *visit, void *context)
{
    uint32_t count = intset_count(set);

    for (uint32_t at = 0; at < count; at++) {
        struct set_member member = set_member_integer(intset_at(set, at));

        if (!visit(context, &member))
            return false;
    }
    return true;
}

static struct set_member member_of_element(const unsigned char *element)
{
    struct listpack_value value = listpack_get(element);

    if (value.bytes == NULL)
        return set_member_integer(value.integer);
    return set_member_of((struct str){value.bytes, value.length});
}

static bool each_element(const unsigned char *pack, set_visit *visit, void *context)
{
    for (const unsigned char *at = listpack_first(pack); at != NULL; at = listpack_next(at)) {
        struct set_member member = member_of_element(at);

        if (!visit(context, &member))
            return false;
    }
    return true;
}

bool set_value_each(const struct set_value *set, set_visit *visit, void *context)
{
    if (set->value == NULL)
        return true;
    switch (set->encoding) {
    case ENCODING_INTSET:
        return each_integer(set->value, visit, context);
    case ENCODING_LISTPACK:
        return each_element(set->value, visit, context);
    default:
        return set_large_each_id(set_value_large(set)->ids, visit, context) &&
               set_large_each_string(set->value, visit, context);
    }
}

uint64_t set_value_scan(const struct set_value *set, uint64_t cursor, size_t most, set_visit *visit, void *context)
{
    if (set_value_is_large(set))
        return set_large_scan(set->value, cursor, most, visit, context);
    set_value_each(set, visit, context);
    return 0;
}

/* Looking */

size_t set_value_count(const struct set_value *set)
{
    if (set->value == NULL)
        return 0;
    switch (set->encoding) {
    case ENCODING_INTSET:
        return intset_count(set->value);
    case ENCODING_LISTPACK:
        return listpack_count(set->value);
    default:
        return set_large_count(set->value);
    }
}

static unsigned char *find_element(const unsigned char *pack, const struct set_member *member)
{
    char digits[NUMBER_TEXT_MAX];

    return listpack_find(listpack_first(pack), set_member_text(member, digits), 0);
}

bool set_value_contains(const struct set_value *set, const struct set_member *member)
{
    if (set->value == NULL)
        return false;
    switch (set->encoding) {
    case ENCODING_INTSET:
        return member->is_integer && intset_contains(set->value, member->integer);
    case ENCODING_LISTPACK:
        return find_element(set->value, member) != NULL;
    default:
        return set_large_contains(set->value, member);
    }
}

/* Converting */

static bool add_to_large(void *context, const struct set_member *member)
{
    struct set_value *set = context;
    bool added = set_large_add(set->value, member);

    if (added && !set_member_is_id(member))
        set->encoding = ENCODING_TABLE;
    return added;
}

static bool insert_into_large(void *context, const struct set_member *member)
{
    add_to_large(context, member);
    return true;
}

static void make_large(struct set_value *set)
{
    struct set_value large = set_value_create(set->memory, set->config, ENCODING_ROARING);

    set_value_each(set, insert_into_large, &large);
    exchange(set, large.encoding, large.value);
}

static bool append_to_pack(void *context, const struct set_member *member)
{
    struct set_value *set = context;

    listpack_append(set->memory, (unsigned char **)&set->value, set_member_value(member));
    return true;
}

static void make_listpack(struct set_value *set)
{
    struct set_value pack = set_value_create(set->memory, set->config, ENCODING_LISTPACK);

    set_value_each(set, append_to_pack, &pack);
    exchange(set, pack.encoding, pack.value);
}

void set_value_expect(struct set_value *set, size_t count)
{
    if ((set->encoding == ENCODING_LISTPACK && count > listpack_most(set->config)) ||
        (set->encoding == ENCODING_INTSET && count > intset_most(set->config)))
        make_large(set);
}

static bool add_to_intset(void *context, const struct set_member *member)
{
    struct set_value *set = context;

    if (!member->is_integer)
        return false;
    intset_add(set->memory, (struct intset **)&set->value, member->integer);
    return true;
}

void set_value_narrow(struct set_value *set)
{
    if (set->encoding == ENCODING_INTSET || set_value_count(set) > intset_most(set->config))
        return;
    struct set_value narrow = set_value_create(set->memory, set->config, ENCODING_INTSET);
    if (set_value_each(set, add_to_intset, &narrow))
        exchange(set, narrow.encoding, narrow.value);
    else
        set_value_destroy(&narrow);
}

void set_value_shrink(struct set_value *set)
{
    if (set->encoding == ENCODING_LISTPACK)
        listpack_shrink(set->memory, (unsigned char **)&set->value);
    else if (set_value_is_large(set))
        idset_optimize(set_value_large(set)->ids);
}

/* Adding */

static size_t text_length(int64_t integer)
{
    char digits[NUMBER_TEXT_MAX];

    return number_format_integer(digits, integer);
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Whether the integers would be a listpack within the thresholds, and this text with them. */
static bool fits_listpack(const struct set_value *set, struct str text)
{
    const struct intset *integers = set->value;
    size_t count = intset_count(integers), longest = text.length, bytes = 0;

    if (count >= listpack_most(set->config))
        return false;
    if (count > 0) {
        int64_t lowest = intset_minimum(integers), highest = intset_maximum(integers);
        size_t element =
            larger(listpack_value_bytes(listpack_integer(lowest)), listpack_value_bytes(listpack_integer(highest)));

        longest = larger(longest, larger(text_length(lowest), text_length(highest)));
        bytes = element * count;
    }
    return longest <= listpack_length_most(set->config) && bytes + text.length <= LISTPACK_BYTES_MAX;
}

static bool add_integer(struct set_value *set, int64_t integer)
{
    if (!intset_add(set->memory, (struct intset **)&set->value, integer))
        return false;
    if (intset_count(set->value) > intset_most(set->config))
        make_large(set);
    return true;
}

static bool add_element(struct set_value *set, const struct set_member *member)
{
    char digits[NUMBER_TEXT_MAX];
    struct str text = set_member_text(member, digits);

    if (listpack_find(listpack_first(set->value), text, 0) != NULL)
        return false;
    if (listpack_count(set->value) < listpack_most(set->config) && text.length <= listpack_length_most(set->config) &&
        listpack_would_fit(set->value, text.length))
        return append_to_pack(set, member);
    make_large(set);
    return add_to_large(set, member);
}

/* A text into a set of integers, which it is not in. */
static bool add_first_text(struct set_value *set, const struct set_member *member)
{
    if (!fits_listpack(set, member->text)) {
        make_large(set);
        return add_to_large(set, member);
    }
    make_listpack(set);
    append_to_pack(set, member);
    set_value_shrink(set);
    return true;
}

bool set_value_add(struct set_value *set, const struct set_member *member)
{
    if (set_value_is_large(set))
        return add_to_large(set, member);
    if (set->encoding == ENCODING_LISTPACK)
        return add_element(set, member);
    return member->is_integer ? add_integer(set, member->integer) : add_first_text(set, member);
}

static bool remove_element(struct set_value *set, const struct set_member *member)
{
    unsigned char *element = find_element(set->value, member);

    if (element == NULL)
        return false;
    listpack_delete(set->memory, (unsigned char **)&set->value, element);
    return true;
}

bool set_value_remove(struct set_value *set, const struct set_member *member)
{
    switch (set->encoding) {
    case ENCODING_INTSET:
        return member->is_integer && intset_remove(set->memory, (struct intset **)&set->value, member->integer);
    case ENCODING_LISTPACK:
        return remove_element(set, member);
    default:
        return set_large_remove(set->value, member);
    }
}

static bool add_id(void *context, const struct set_member *member)
{
    set_value_add(context, member);
    return true;
}

void set_value_take_ids(struct set_value *set, struct idset *ids)
{
    ASSERT(set_value_count(set) == 0);
    if (!set_value_is_large(set) && idset_count(ids) > set_value_small_most(set->config))
        make_large(set);
    if (set_value_is_large(set)) {
        set_large_take_ids(set->value, ids);
        return;
    }
    set_large_each_id(ids, add_id, set);
    idset_destroy(ids);
}
